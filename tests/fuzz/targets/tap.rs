//! What is seen of a stream that is pushed, of anything: frames, groups of pictures, previews. What is kept stays within bounds.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rooftop::base::clock;
use rooftop::ingest::tap::memory::{Ledger, Limits};
use rooftop::ingest::tap::pressure::Control;
use rooftop::ingest::tap::{Settings, Tap};
use rooftop::model::Moment;

fuzz_target!(|bytes: &[u8]| {
    let Some((&[how, size], stream)) = bytes.split_first_chunk::<2>() else { return };
    let limits = Limits::within(4 * 1024 * 1024);
    let ledger = Ledger::new(limits);
    let (mut now, mut wall) = (clock::now(), Moment(0));
    let account = ledger.account();
    let mut tap = Tap::new(Settings::default(), account.clone(), now);
    for (at, chunk) in stream.chunks(1 + 37 * usize::from(size)).enumerate() {
        now += Duration::from_millis(20);
        wall.0 += 20;
        let _ = (tap.push(chunk, now, wall), tap.tick(now, wall));
        match (at % 64, how) {
            (50, 1..=63) => tap.missed(),
            (50, 64..=95) => tap.begin_anew(now, wall),
            (50, 96..=127) => tap.rest(now, wall),
            (50, 128..=159) => tap.control(Control::DropGop, wall),
            _ => {}
        }
    }
    now += Duration::from_secs(5);
    tap.tick(now, wall);
    let _ = (
        tap.kept(Duration::from_secs(10)),
        tap.picture(),
        tap.info(),
        tap.gops(),
        tap.assembled(),
        tap.recovery(),
        tap.pressure(),
    );
    assert!(account.used() <= limits.per_stream);
});

//! What is seen of a stream that is pushed, of anything: frames, groups of pictures, previews. What is kept stays within bounds.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rooftop::base::clock;
use rooftop::ingest::tap::memory::{Ledger, Limits};
use rooftop::ingest::tap::pressure::Control;
use rooftop::ingest::tap::{Settings, Tap};
use rooftop::model::Moment;
use rooftop::ts::PACKET;

fuzz_target!(|bytes: &[u8]| {
    let Some((&[how, size], stream)) = bytes.split_first_chunk::<2>() else { return };
    let ledger = Ledger::new(Limits::within(4 * 1024 * 1024));
    let (mut now, mut wall) = (clock::now(), Moment(0));
    let mut tap = Tap::new(Settings::default(), ledger.account(), now);
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
    if let Some((preview, _)) = tap.preview(Duration::from_secs(10)) {
        assert!(preview.len() % PACKET == 0);
    }
    let _ = (tap.picture(), tap.info(), tap.gops(), tap.assembled(), tap.recovery(), tap.pressure());
    assert!(tap.buffer().bytes() <= ledger.limits().per_stream && ledger.used() <= ledger.limits().global);
});

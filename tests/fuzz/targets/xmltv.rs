//! Guides of anything: the same however they come, and a piece of one has nothing that the whole has not.
#![no_main]

use std::io::Read;
use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use rooftop::guide::xmltv::{Sink, read};
use rooftop::model::{GuideChannel, Programme};

#[derive(Default)]
struct Kept(Vec<GuideChannel>, Vec<(String, Programme)>);

impl Sink for Kept {
    fn channel(&mut self, channel: GuideChannel) -> ControlFlow<()> {
        self.0.push(channel);
        ControlFlow::Continue(())
    }

    fn wants(&mut self, _channel: &str, _start_s: i64, _stop_s: Option<i64>) -> bool {
        true
    }

    fn programme(&mut self, channel: &str, programme: Programme) -> ControlFlow<()> {
        assert!(!programme.titles.is_empty() && programme.stop_s.is_none_or(|stop_s| stop_s > programme.start_s));
        self.1.push((channel.to_owned(), programme));
        ControlFlow::Continue(())
    }
}

struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

fn guide(bytes: &[u8], size: usize) -> (Kept, Option<String>) {
    let mut kept = Kept::default();
    let summary = read(Pieces(bytes, size), &mut kept).ok().map(|summary| format!("{summary:?}"));
    (kept, summary)
}

/// Whether all of `one` is in `other`, at its beginning.
fn begins(one: &Kept, other: &Kept) -> bool {
    other.0.starts_with(&one.0) && other.1.starts_with(&one.1)
}

fuzz_target!(|bytes: &[u8]| {
    let [size, cut, text @ ..] = bytes else { return };
    let (whole, summary) = guide(text, usize::MAX);
    let (dribbled, other) = guide(text, 1 + usize::from(*size));
    let (piece, _) = guide(&text[..text.len() * usize::from(*cut) / 255], usize::MAX);
    if text.starts_with(b"\x1F\x8B") || text.starts_with(b"\xFD7zXZ") {
        // Where packed bytes are damaged, it depends on how they come how much of what lies before the damage is unpacked.
        assert!(begins(&dribbled, &whole) || begins(&whole, &dribbled));
        assert!(begins(&piece, &whole) || begins(&whole, &piece));
        return;
    }
    assert_eq!((&whole.0, &whole.1, summary), (&dribbled.0, &dribbled.1, other));
    assert!(begins(&piece, &whole));
});

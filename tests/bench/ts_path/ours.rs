//! The pump that a session has, into the ring that it has: alignment, tables, marks, splice, chunks.

use std::sync::Arc;
use std::time::Duration;

use rooftop::base::clock::{self, Instant};
use rooftop::session::pump::{Cut, Pump};
use rooftop::session::ring::{Limits, Ring};
use rooftop::ts::input::{Choice, Input};

use super::Reader;

/// A session's way from a source to its viewers.
pub struct Session {
    ring: Arc<Ring>,
    pump: Pump,
    input: Input,
    now: Instant,
}

impl Default for Session {
    /// Chunks and ring are as by default; its clock stands still, so that chunks are cut by their size.
    fn default() -> Self {
        let limits =
            Limits { bytes: 16 << 20, bytes_max: 64 << 20, time: Duration::from_secs(30), join_lead: Duration::from_secs(1) };
        let ring = Arc::new(Ring::new(limits));
        let now = clock::now();
        let cut = Cut { bytes: 64 * 1024, interval: Duration::from_millis(60), at_other_codecs: false };
        Self { pump: Pump::new(ring.clone(), cut, now), ring, input: Input::new(Choice::First), now }
    }
}

impl Reader for Session {
    fn arrive(&mut self, bytes: &[u8]) -> usize {
        self.pump.arrive(bytes, self.now)
    }

    #[inline(never)]
    fn pass(&mut self) {
        self.pump.pass(&mut self.input, self.now);
    }

    fn finish(mut self) -> u64 {
        self.pump.finish(&mut self.input, self.now);
        std::hint::black_box(&self.ring);
        self.pump.pushed_bytes()
    }
}

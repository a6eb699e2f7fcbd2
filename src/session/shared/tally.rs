//! What a viewer counts without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::clock::{self, Instant};

/// A write that takes this long was held up by its client: 10 ms.
const BLOCKED_US: u64 = 10_000;

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// What a viewer counts without a lock.
#[derive(Debug)]
pub(in crate::session) struct Tally {
    pub(in crate::session) bytes: AtomicU64,
    pub(in crate::session) skips: AtomicU64,
    /// When it last took bytes, in milliseconds since `began`.
    accepted_ms: AtomicU64,
    /// When it was last given some that it has not taken yet, in microseconds since `began`, from 1 on; 0: it has taken all.
    given_us: AtomicU64,
    /// How long it took over bytes, in microseconds, as far as that was long.
    pub(in crate::session) blocked_us: AtomicU64,
    began: Instant,
}

impl Tally {
    pub(super) fn new() -> Arc<Self> {
        let zero = AtomicU64::default;
        Arc::new(Self {
            bytes: zero(),
            skips: zero(),
            accepted_ms: zero(),
            given_us: zero(),
            blocked_us: zero(),
            began: clock::now(),
        })
    }

    pub(in crate::session) fn accepted(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let now = clock::now() - self.began;
        self.touched(now);
        self.given_us.store(micros(now).saturating_add(1), Ordering::Relaxed);
    }

    /// It asked for more, which means that it took what it had.
    pub(in crate::session) fn touch(&self) {
        let now = clock::now() - self.began;
        self.touched(now);
        let given = self.given_us.swap(0, Ordering::Relaxed);
        let took = micros(now).saturating_add(1).saturating_sub(given);
        if given > 0 && took >= BLOCKED_US {
            self.blocked_us.fetch_add(took, Ordering::Relaxed);
        }
    }

    fn touched(&self, now: Duration) {
        self.accepted_ms.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn silent_for(&self, now: Instant) -> Duration {
        let accepted = self.began + Duration::from_millis(self.accepted_ms.load(Ordering::Relaxed));
        now.saturating_duration_since(accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn writes_that_take_long_are_counted() {
        let tally = Tally::new();
        for (took_ms, then_idle_ms) in [(50, 0), (5, 3000), (30, 1)] {
            tally.accepted(188);
            clock::sleep(Duration::from_millis(took_ms)).await;
            tally.touch();
            // Nothing is there for it: it waits for us.
            clock::sleep(Duration::from_millis(then_idle_ms)).await;
            tally.touch();
        }
        let blocked = Duration::from_micros(tally.blocked_us.load(Ordering::Relaxed));
        assert!((80..90).contains(&blocked.as_millis()), "{blocked:?}");
        assert_eq!(tally.bytes.load(Ordering::Relaxed), 3 * 188);
    }
}

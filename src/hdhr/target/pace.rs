//! How fast datagrams may leave. Pure; `now` is an argument.
//!
//! A chunk of the ring is 20 ms of stream and more, and the first one after a start a whole second. Sent at once it would overflow
//! the receiver's socket (some 200 KiB by default), so it leaves at a few times the channel's rate.

use std::time::Duration;

use crate::base::clock::Instant;

/// Bytes a second below which there is no need to go.
const LEAST_RATE: u64 = 50_000_000 / 8;
/// More than any channel has.
const MOST_RATE: u64 = 1_000_000_000 / 8;
/// Times the rate of the channel.
const HEADROOM: u64 = 2;
const WINDOW: Duration = Duration::from_secs(1);
/// Waits that come late are made up for, but no more than this.
const SLACK: Duration = Duration::from_millis(2);

/// Says when the next datagrams may leave.
#[derive(Debug)]
pub struct Pace {
    rate: u64,
    free_at: Instant,
    window_began: Instant,
    window_bytes: u64,
}

impl Pace {
    /// Nothing has left yet.
    pub fn new(now: Instant) -> Self {
        Self { rate: LEAST_RATE, free_at: now, window_began: now, window_bytes: 0 }
    }

    /// So many bytes leave now; the next may at the time returned.
    pub fn sent(&mut self, bytes: usize, now: Instant) -> Instant {
        self.window_bytes += bytes as u64;
        if now >= self.window_began + WINDOW {
            self.rate = (self.window_bytes * HEADROOM).clamp(LEAST_RATE, MOST_RATE);
            (self.window_began, self.window_bytes) = (now, 0);
        }
        let begin = now.checked_sub(SLACK).map_or(self.free_at, |earliest| self.free_at.max(earliest));
        self.free_at = begin + Duration::from_nanos(bytes as u64 * 1_000_000_000 / self.rate);
        self.free_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    /// Sends `bytes` in runs of 16 datagrams and says how long that takes.
    fn send(pace: &mut Pace, mut now: Instant, bytes: usize) -> Instant {
        for _ in 0..bytes.div_ceil(16 * 1316) {
            now = pace.sent(16 * 1316, now).max(now);
        }
        now
    }

    #[tokio::test]
    async fn a_second_at_once_is_spread() {
        let t = clock::now();
        let took = send(&mut Pace::new(t), t, 1_000_000) - t;
        assert!(took >= Duration::from_millis(150) && took <= Duration::from_millis(170), "{took:?}");
    }

    #[tokio::test]
    async fn a_slow_stream_is_not_held_up() {
        let (t, mut pace) = (clock::now(), Pace::new(clock::now()));
        for step in 0..200 {
            let now = t + Duration::from_millis(20 * step);
            assert!(pace.sent(16 * 1316, now) - now <= Duration::from_millis(4));
        }
    }

    #[tokio::test]
    async fn a_fast_stream_is_followed() {
        let (t, mut pace) = (clock::now(), Pace::new(clock::now()));
        let now = send(&mut pace, t, 60_000_000);
        let took = send(&mut pace, now, 60_000_000) - now;
        assert!(took < Duration::from_secs(1), "{took:?}: slower than 480 Mbit/s after seconds of taking all it is given");
    }
}

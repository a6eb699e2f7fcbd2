//! The only clock. Everything else asks here, or is given `now` as an argument.
//!
//! Time is tokio's, so a test that starts with `start_paused = true` simulates it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

pub use tokio::time::Instant;
pub use tokio::time::error::Elapsed;

/// Monotonic time, for every duration and deadline.
pub fn now() -> Instant {
    Instant::now()
}

/// Wall-clock time, for what people read and what is stored.
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// Milliseconds since 1970-01-01T00:00Z, the form in which the store keeps every time.
pub fn wall_ms() -> i64 {
    wall().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Sleeps. Cancel-safe: dropping it forgets the wait.
pub async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Sleeps until `deadline`. Cancel-safe.
pub async fn sleep_until(deadline: Instant) {
    tokio::time::sleep_until(deadline).await;
}

/// Runs `future`, but no longer than `limit`; on expiry the future is dropped.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    tokio::time::timeout(limit, future).await
}

/// A timer that fires at once and then every `period`; a late tick delays the following ones.
pub fn interval(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    interval
}

/// A deadline that can be moved without a new allocation, for hand-written polling.
#[derive(Debug)]
pub struct Timer(Pin<Box<tokio::time::Sleep>>);

impl Timer {
    /// A timer for `deadline`.
    pub fn new(deadline: Instant) -> Self {
        Self(Box::pin(tokio::time::sleep_until(deadline)))
    }

    /// Moves the deadline.
    pub fn reset(&mut self, deadline: Instant) {
        self.0.as_mut().reset(deadline);
    }

    /// Ready once the deadline has passed; else the task is woken then.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

/// A length of time in a sentence for people: `300 ms`, `1 s`, `1.5 s`, `45 s`. A millionth of a second tells nobody anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounded(pub Duration);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let tenths = (ms + 50) / 100;
        match (ms, tenths % 10) {
            (0..1000, _) => write!(f, "{ms} ms"),
            (1000..9950, 1..) => write!(f, "{}.{} s", tenths / 10, tenths % 10),
            _ => write!(f, "{} s", (ms + 500) / 1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(300_000_000, "300 ms")]
    #[case(1_001_968_631, "1 s")]
    #[case(1_500_000_000, "1.5 s")]
    #[case(1_949_000_000, "1.9 s")]
    #[case(1_960_000_000, "2 s")]
    #[case(9_970_000_000, "10 s")]
    #[case(45_400_000_000, "45 s")]
    #[case(90_000_000_000, "90 s")]
    fn lengths_of_time_are_for_people(#[case] nanoseconds: u64, #[case] shown: &str) {
        assert_eq!(Rounded(Duration::from_nanos(nanoseconds)).to_string(), shown);
    }
}

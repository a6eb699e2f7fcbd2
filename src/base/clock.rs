//! The only clock. Everything else asks here, or is given `now` as an argument.
//!
//! Time is tokio's, so a test that starts with `start_paused = true` simulates it.

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

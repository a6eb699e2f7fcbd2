//! How far a long piece of work has come, told by whoever does it and read by whoever wants to know; and that it is to stop.
//!
//! Telling costs an atomic store: nothing waits and nothing is allocated.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Serialize;

use super::clock::{self, Instant};
use super::tasks::CancellationToken;

/// A piece of work, seen from both sides. A cheap handle.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    begun: Instant,
    step: ArcSwap<Step>,
    bytes: AtomicU64,
    /// 0: not known.
    total_bytes: AtomicU64,
    items: AtomicU64,
    cancelled: CancellationToken,
}

/// One step of the work.
#[derive(Debug, Clone, Copy)]
struct Step {
    name: &'static str,
    begun: Instant,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Reading {
    /// What is being done: `waiting`, `fetching`, `reading`, `storing` …
    pub step: &'static str,
    /// Bytes of this step.
    pub bytes: u64,
    /// Bytes that there will be, if that is known.
    pub total_bytes: Option<u64>,
    /// Entries, programmes … of this step.
    pub items: u64,
    /// Bytes a second in this step.
    pub bytes_per_s: u64,
    /// Items a second in this step.
    pub items_per_s: u64,
    /// Seconds that this step will take yet, if that can be told.
    pub left_s: Option<u64>,
    /// Milliseconds since the work began.
    pub elapsed_ms: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new(CancellationToken::new())
    }
}

impl Progress {
    /// Work that begins now and is to stop when `cancelled` says so.
    pub fn new(cancelled: CancellationToken) -> Self {
        let begun = clock::now();
        Self(Arc::new(Inner {
            begun,
            step: ArcSwap::from_pointee(Step { name: "waiting", begun }),
            bytes: AtomicU64::new(0),
            total_bytes: AtomicU64::new(0),
            items: AtomicU64::new(0),
            cancelled,
        }))
    }

    /// The next step begins. Counts begin anew.
    pub fn step(&self, name: &'static str, total_bytes: Option<u64>) {
        self.0.bytes.store(0, Relaxed);
        self.0.items.store(0, Relaxed);
        self.0.total_bytes.store(total_bytes.unwrap_or(0), Relaxed);
        self.0.step.store(Arc::new(Step { name, begun: clock::now() }));
    }

    /// Bytes of this step so far.
    pub fn set_bytes(&self, bytes: u64) {
        self.0.bytes.store(bytes, Relaxed);
    }

    /// Items of this step so far.
    pub fn set_items(&self, items: u64) {
        self.0.items.store(items, Relaxed);
    }

    /// Whether it is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.is_cancelled()
    }

    /// Ready once it is to stop. Cancel-safe.
    pub async fn cancelled(&self) {
        self.0.cancelled.cancelled().await;
    }

    /// Asks it to stop.
    pub fn cancel(&self) {
        self.0.cancelled.cancel();
    }

    /// How far it has come.
    pub fn read(&self) -> Reading {
        let step = **self.0.step.load();
        let total = self.0.total_bytes.load(Relaxed);
        let now = clock::now();
        Reading::at(
            step.name,
            self.0.bytes.load(Relaxed),
            (total > 0).then_some(total),
            self.0.items.load(Relaxed),
            now.saturating_duration_since(step.begun),
            now.saturating_duration_since(self.0.begun),
        )
    }
}

impl Reading {
    fn at(step: &'static str, bytes: u64, total_bytes: Option<u64>, items: u64, of_step: Duration, elapsed: Duration) -> Self {
        let ms = u64::try_from(of_step.as_millis()).unwrap_or(u64::MAX).max(1);
        let a_second = |count: u64| count.saturating_mul(1000) / ms;
        let bytes_per_s = a_second(bytes);
        let left = total_bytes.filter(|_| bytes_per_s > 0).map(|total| total.saturating_sub(bytes).div_ceil(bytes_per_s));
        Self {
            step,
            bytes,
            total_bytes,
            items,
            bytes_per_s,
            items_per_s: a_second(items),
            left_s: left,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_the_rate() {
        let second = Duration::from_secs(1);
        let reading = Reading::at("reading", 250, Some(1000), 10, second, second * 3);
        assert_eq!((reading.bytes_per_s, reading.items_per_s, reading.left_s, reading.elapsed_ms), (250, 10, Some(3), 3000));
        assert_eq!(Reading::at("reading", 0, Some(1000), 0, second, second).left_s, None, "nothing has come yet");
        assert_eq!(Reading::at("reading", 5, None, 0, second, second).left_s, None);
        assert_eq!(Reading::at("reading", 5, Some(5), 0, Duration::ZERO, second).left_s, Some(0));
    }

    #[test]
    fn a_step_begins_at_nothing() {
        let progress = Progress::default();
        progress.step("fetching", Some(10));
        progress.set_bytes(5);
        progress.step("reading", None);
        let reading = progress.read();
        assert_eq!((reading.step, reading.bytes, reading.total_bytes, reading.items), ("reading", 0, None, 0));
        progress.cancel();
        assert!(progress.clone().is_cancelled());
    }
}

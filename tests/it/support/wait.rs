//! Waiting on a state, not for a time.

use std::time::{Duration, Instant};

/// Asks `probe` until it has an answer; panics with `what` when `limit` is over.
pub fn until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asks until it is so, or `limit` is over; says which.
pub fn quietly(limit: Duration, mut probe: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if probe() || Instant::now() > deadline {
            return probe();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asks until it is so, and says how long that took.
pub fn until_so(what: &str, limit: Duration, mut probe: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    until(what, limit, || probe().then_some(()));
    start.elapsed()
}

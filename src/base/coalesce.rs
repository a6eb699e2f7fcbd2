//! Trouble that repeats itself is logged once in a while, with how often it happened: a log that fills a disk helps nobody.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::clock::{self, Instant};

/// Decides which of many like events are logged.
#[derive(Debug)]
pub struct Coalesced {
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    logged: Option<Instant>,
    kept_back: u64,
}

impl Coalesced {
    /// At most one in `every`.
    pub const fn new(every: Duration) -> Self {
        Self { every, state: Mutex::new(State { logged: None, kept_back: 0 }) }
    }

    /// Counts an event. `Some(n)`: log it now; it has happened `n` times since the last one that was logged.
    pub fn count(&self) -> Option<u64> {
        self.count_at(clock::now())
    }

    /// Pure but for the count.
    fn count_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.kept_back += 1;
        if state.logged.is_some_and(|logged| now.saturating_duration_since(logged) < self.every) {
            return None;
        }
        state.logged = Some(now);
        Some(std::mem::take(&mut state.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_and_then_one_a_second_with_their_number() {
        let coalesced = Coalesced::new(Duration::from_secs(1));
        let start = clock::now();
        let at = |ms| coalesced.count_at(start + Duration::from_millis(ms));
        let logged: Vec<_> = [0, 1, 500, 999, 1000, 1001, 5000].into_iter().map(at).collect();
        assert_eq!(logged, [Some(1), None, None, None, Some(4), None, Some(2)]);
    }
}

//! How long to wait before something is tried again: longer each time, up to a limit, and never in step with others.

use std::time::Duration;

/// Waits that double.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

/// Not a usable pair of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a wait that begins at {first:?} cannot grow to {most:?}: it must begin above zero and not above its limit")]
pub struct BadBackoff {
    first: Duration,
    most: Duration,
}

impl Backoff {
    /// Waits that begin at `first` and double up to `most`.
    ///
    /// # Errors
    /// When `first` is zero or above `most`.
    pub fn new(first: Duration, most: Duration) -> Result<Self, BadBackoff> {
        if first.is_zero() || first > most {
            return Err(BadBackoff { first, most });
        }
        Ok(Self { first, most, next: first })
    }

    /// The next wait: between half and the whole of what its turn allows, by chance.
    pub fn wait(&mut self) -> Duration {
        // Without randomness all wait the longest.
        self.wait_by(getrandom::u32().unwrap_or(u32::MAX))
    }

    /// Begins anew, after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// Pure: `chance` decides where between half and whole.
    fn wait_by(&mut self, chance: u32) -> Duration {
        let turn = self.next;
        self.next = turn.saturating_mul(2).min(self.most);
        let half = turn / 2;
        half + (turn - half).mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::new(SECOND, 5 * SECOND).unwrap();
        let waits: Vec<u64> = (0..5).map(|_| backoff.wait_by(u32::MAX).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
        backoff.reset();
        assert_eq!(backoff.wait_by(0), SECOND / 2);
    }

    #[test]
    fn limits_are_checked() {
        assert!(Backoff::new(Duration::ZERO, SECOND).is_err());
        assert!(Backoff::new(2 * SECOND, SECOND).is_err());
        assert!(Backoff::new(SECOND, SECOND).is_ok());
    }

    proptest! {
        #[test]
        fn every_wait_is_between_half_and_whole(first in 1u64..10_000, more in 0u64..1_000_000, chances: Vec<u32>) {
            let (first, most) = (Duration::from_millis(first), Duration::from_millis(first + more));
            let mut backoff = Backoff::new(first, most).unwrap();
            let mut whole = first;
            for chance in chances {
                let wait = backoff.wait_by(chance);
                prop_assert!(wait >= whole / 2 && wait <= whole, "{:?} of {:?}", wait, whole);
                whole = (whole * 2).min(most);
            }
        }
    }
}

//! How long a worker that keeps failing is left alone. Pure.

use std::time::Duration;

use crate::base::clock::Instant;

/// After the second failure in a row.
const FIRST_REST: Duration = Duration::from_secs(1);
/// However many failures.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Failures in a row.
///
/// The first costs nothing: it was most likely the input, and the next request has another. From the second on the rest
/// doubles: 1 s, 2 s, 4 s … 60 s.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Crashes {
    in_a_row: u32,
    resting_until: Option<Instant>,
}

impl Crashes {
    /// It failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.resting_until = self.in_a_row.checked_sub(2).map(|doublings| {
            let rest = 1u32.checked_shl(doublings).and_then(|factor| FIRST_REST.checked_mul(factor));
            now + rest.unwrap_or(LONGEST_REST).min(LONGEST_REST)
        });
    }

    /// It did a job, or refused one in an orderly way.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// How much longer it rests.
    pub(super) fn resting(&self, now: Instant) -> Option<Duration> {
        self.resting_until.and_then(|until| until.checked_duration_since(now)).filter(|rest| !rest.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    #[test]
    fn the_rest_doubles_from_the_second_failure_on_and_ends_with_a_success() {
        let now = clock::now();
        let mut crashes = Crashes::default();
        let mut rests = Vec::new();
        for _ in 0..40 {
            crashes.failed(now);
            rests.push(crashes.resting(now).map_or(0, |rest| rest.as_secs()));
        }
        assert_eq!(rests[..9], [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(rests[39], 60);
        assert_eq!(crashes.resting(now + LONGEST_REST), None);
        crashes.succeeded();
        crashes.failed(now);
        assert_eq!(crashes.resting(now), None);
    }
}

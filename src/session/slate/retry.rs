//! When a slate is ordered, and when one that failed is ordered again. Pure.

use std::time::Duration;

use crate::base::clock::Instant;

/// After a failure.
const FIRST: Duration = Duration::from_secs(10);
/// However many failures.
const LONGEST: Duration = Duration::from_secs(300);

/// Failures in a row of the slate that was ordered last: the wait doubles, 10 s, 20 s, 40 s … 5 minutes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Retry {
    failures: u32,
    last: Option<Instant>,
}

impl Retry {
    /// The slate is there.
    pub(super) fn made(&mut self) {
        *self = Self::default();
    }

    /// It could not be made.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.last = Some(now);
    }

    /// Whether the last one failed.
    pub(super) fn is_again(self) -> bool {
        self.failures > 0
    }

    /// Whether to order now, which is noted: another slate than the last one, or that one again because it failed. Another one has
    /// its own failures; but a source that changes all the time does not give an order all the time where every one fails.
    pub(super) fn order(&mut self, is_another: bool, now: Instant) -> bool {
        let Some(last) = self.last else { return is_another };
        let doubled = 1u32.checked_shl(self.failures.saturating_sub(1)).and_then(|factor| FIRST.checked_mul(factor));
        let wait = if is_another { FIRST } else { doubled.unwrap_or(LONGEST).min(LONGEST) };
        let due = now.saturating_duration_since(last) >= wait;
        if due && is_another {
            self.made();
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    /// The seconds at which it is ordered, reported to once a second, where the first so many orders fail at once. It is another
    /// one at these seconds.
    fn orders(failing: usize, others: &[u64], until: u64) -> Vec<u64> {
        let (start, mut retry, mut orders) = (clock::now(), Retry::default(), Vec::new());
        let mut wanted = false;
        for second in 0..until {
            let now = start + Duration::from_secs(second);
            let is_another = !wanted || others.contains(&second);
            wanted &= !is_another;
            if retry.order(is_another, now) {
                orders.push(second);
                wanted = true;
                if orders.len() <= failing { retry.failed(now) } else { retry.made() }
            }
        }
        orders
    }

    #[rstest::rstest]
    #[case::good(0, &[], &[0])]
    #[case::good_and_another(0, &[5, 6], &[0, 5, 6])]
    #[case::failed_once(1, &[], &[0, 10])]
    #[case::failed_always(99, &[], &[0, 10, 30, 70, 150, 310, 610, 910])]
    #[case::another_has_failures_of_its_own(99, &[100], &[0, 10, 30, 70, 100, 110, 130, 170, 250, 410, 710])]
    #[case::another_one_after_a_failure_waits_a_little(1, &[3], &[0, 10])]
    #[case::another_one_each_second(99, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20], &[0, 10, 20, 30, 50, 90, 170, 330, 630, 930])]
    fn when(#[case] failing: usize, #[case] others: &[u64], #[case] expected: &[u64]) {
        assert_eq!(orders(failing, others, 1000), expected);
    }
}

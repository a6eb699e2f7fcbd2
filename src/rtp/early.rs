//! Sender reports that come before their sender is believed. Senders report with their first packet, and then not for five seconds.

use std::collections::VecDeque;
use std::time::Duration;

use super::rtcp::SenderReport;
use crate::base::clock::Instant;

/// So many are kept …
const MOST: usize = 16;
/// … for so long.
const OLDEST: Duration = Duration::from_secs(5);

/// The reports, the oldest first, and whatever is to be known of where they came from.
#[derive(Debug)]
pub(super) struct Early<T>(VecDeque<(Instant, T, SenderReport)>);

impl<T> Early<T> {
    pub(super) fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Keeps a report of a sender that nobody knows.
    pub(super) fn keep(&mut self, now: Instant, from: T, report: SenderReport) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((now, from, report));
    }

    /// The newest of a sender that is believed now, and when it came.
    pub(super) fn take(&mut self, now: Instant, ssrc: u32, is_from: impl Fn(&T) -> bool) -> Option<(Instant, T, SenderReport)> {
        self.0.retain(|(came, ..)| now.saturating_duration_since(*came) <= OLDEST);
        let at = self.0.iter().rposition(|(_, from, report)| report.ssrc == ssrc && is_from(from))?;
        self.0.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    fn report(ssrc: u32, ntp: u64) -> SenderReport {
        SenderReport { ssrc, ntp, timestamp: 0, packets: 0, octets: 0 }
    }

    #[test]
    fn the_newest_is_kept_for_a_while() {
        let (mut early, now) = (Early::new(), clock::now());
        early.keep(now, 'a', report(7, 1));
        early.keep(now, 'a', report(7, 2));
        early.keep(now, 'b', report(7, 3));
        assert_eq!(early.take(now, 8, |_| true), None);
        assert_eq!(early.take(now, 7, |from| *from == 'a'), Some((now, 'a', report(7, 2))));
        assert_eq!(early.take(now + OLDEST, 7, |_| true), Some((now, 'b', report(7, 3))));
        assert_eq!(early.take(now + OLDEST + Duration::from_millis(1), 7, |_| true), None);
        (0..100).for_each(|ssrc| early.keep(now, 'c', report(ssrc, 0)));
        assert_eq!((early.0.len(), early.take(now, 83, |_| true)), (MOST, None));
    }
}

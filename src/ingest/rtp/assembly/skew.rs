//! How far the clock of a medium has run away from ours, where no report of its sender says so. Pure.
//!
//! The quickest packet of a while tells how long a packet is on its way at least. Where that grows from while to while, the
//! sender's clock is slow; where it shrinks, it is fast (RFC 3550, 6.4.1 has this told by reports, which many senders lack).

use std::time::Duration;

use crate::base::clock::Instant;

/// The quickest packet of so long counts.
const WHILE: Duration = Duration::from_secs(5);
/// So much is corrected at the end of each while at most: 1 ms a second, or clocks 1000 ppm apart.
const MOST_NS: i64 = 5_000_000;
/// What comes this much later or earlier at once is no clock: a hole, or another route.
const LEAP_NS: i64 = 1_000_000_000;

/// Of one medium.
#[derive(Debug, Default)]
pub(super) struct Skew {
    /// The least delay when it began, and of this while; both beyond what times have by now.
    first: Option<i64>,
    least: Option<i64>,
    since: Option<Instant>,
    correction_ns: i64,
}

impl Skew {
    /// A packet came so much (nanoseconds) after the time that its timestamp and its medium's first packet have for it.
    pub(super) fn came(&mut self, arrival: Instant, late_ns: i64) {
        let late = late_ns.saturating_sub(self.correction_ns);
        let since = *self.since.get_or_insert(arrival);
        self.least = Some(self.least.map_or(late, |least| least.min(late)));
        if arrival.saturating_duration_since(since) < WHILE {
            return;
        }
        let (Some(least), first) = (self.least.take(), *self.first.get_or_insert(self.least.unwrap_or(late))) else { return };
        self.since = Some(arrival);
        let away = least.saturating_sub(first);
        if away.abs() < LEAP_NS {
            self.correction_ns = self.correction_ns.saturating_add(away.clamp(-MOST_NS, MOST_NS));
        } else {
            self.first = Some(least);
        }
    }

    /// What is to be added to times, in nanoseconds.
    pub(super) fn correction_ns(&self) -> i64 {
        self.correction_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    /// An hour of packets, 20 ms apart, each up to 30 ms late: how far times are from the truth at the end, in microseconds.
    fn left(ppm: i64) -> i64 {
        let (mut skew, start, mut dice) = (Skew::default(), clock::now(), 1u32);
        let mut ours = 0;
        for n in 0..180_000i64 {
            let at = n * 20_000_000;
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let arrival = at + i64::from(dice >> 16) * 30_000_000 / 65_536;
            let by_its_clock = at + at / 1_000_000 * ppm;
            skew.came(start + Duration::from_nanos(arrival as u64), arrival - by_its_clock);
            ours = by_its_clock + skew.correction_ns() - at;
        }
        ours / 1000
    }

    #[rstest::rstest]
    #[case::as_ours(0)]
    #[case::fast(200)]
    #[case::slow(-200)]
    #[case::very_fast(900)]
    fn an_hour_stays_within_milliseconds(#[case] ppm: i64) {
        // A while is 5 s: clocks that are 900 ppm apart are 4.5 ms apart by then.
        assert!(left(ppm).abs() < 6_000, "{} us", left(ppm));
    }

    #[test]
    fn a_hole_is_no_drift() {
        let (mut skew, start) = (Skew::default(), clock::now());
        for second in 0..60 {
            let late = if second < 30 { 0 } else { 5_000_000_000 };
            skew.came(start + Duration::from_secs(second), late);
        }
        assert_eq!(skew.correction_ns(), 0);
    }

    #[test]
    fn any_lateness_is_survived() {
        let (mut skew, start) = (Skew::default(), clock::now());
        for (second, late) in [0, i64::MAX, i64::MIN, 0, i64::MIN, i64::MAX].into_iter().cycle().take(100).enumerate() {
            skew.came(start + Duration::from_secs(second as u64), late);
        }
        assert!(skew.correction_ns().abs() < 100 * MOST_NS);
    }
}

//! How the sender's clock runs against ours, from arrival times and timestamps: interarrival jitter (RFC 3550, 6.4.1 and A.8). Pure.
//!
//! What has leapt is no jitter: that is seen by the quickest way here, the least of a window of time and of the one before it. So
//! a clock that is off leads to no leap however long it runs.

use std::time::Duration;

use crate::base::clock::Instant;

/// Length of a window, in nanoseconds.
const WINDOW: i64 = 10_000_000_000;
/// What is off by more than this is no jitter: timestamps have leapt, or a network has stood still. In nanoseconds.
const LEAP: i64 = 1_000_000_000;
const SECOND: i128 = 1_000_000_000;

/// Compares the clocks of one sender and of this machine.
#[derive(Debug)]
pub struct Transit {
    clock_rate: u32,
    origin: Instant,
    /// In units of the timestamp, times 16.
    jitter: u64,
    /// In units of the timestamp.
    last: Option<i64>,
    /// When the window began.
    began: i64,
    /// The quickest way of this window, and of the one before. A way is arrival less timestamp, in nanoseconds; its zero means nothing.
    current: Option<i64>,
    before: Option<i64>,
}

impl Transit {
    /// For a sender of whom the first packet came at `now`, with timestamps of so many ticks a second (0 is taken for 1).
    pub fn new(now: Instant, clock_rate: u32) -> Self {
        Self { clock_rate: clock_rate.max(1), origin: now, jitter: 0, last: None, began: 0, current: None, before: None }
    }

    /// Takes a packet with its extended timestamp.
    pub fn take(&mut self, arrival: Instant, timestamp: i64) {
        let arrival = nanoseconds(arrival.saturating_duration_since(self.origin));
        let way = arrival.saturating_sub(self.in_nanoseconds(timestamp));
        let quickest = [self.current, self.before].into_iter().flatten().min();
        if quickest.is_none_or(|quickest| !(-LEAP..=LEAP).contains(&way.saturating_sub(quickest))) {
            (self.began, self.current, self.before) = (arrival, Some(way), None);
            self.last = Some(self.ticks(arrival).wrapping_sub(timestamp));
            return;
        }
        self.count(arrival, timestamp);
        if arrival.saturating_sub(self.began) >= WINDOW {
            (self.before, self.current, self.began) = (self.current, None, arrival);
        }
        self.current = Some(self.current.map_or(way, |quickest| quickest.min(way)));
    }

    /// Interarrival jitter, in units of the timestamp.
    pub fn jitter(&self) -> u32 {
        u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX)
    }

    /// The same as time.
    pub fn jitter_time(&self) -> Duration {
        Duration::from_micros(u64::from(self.jitter()).saturating_mul(1_000_000) / u64::from(self.clock_rate))
    }

    /// Ticks a second.
    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    fn in_nanoseconds(&self, timestamp: i64) -> i64 {
        saturated(i128::from(timestamp) * SECOND / i128::from(self.clock_rate))
    }

    /// A.8.
    fn count(&mut self, arrival: i64, timestamp: i64) {
        let transit = self.ticks(arrival).wrapping_sub(timestamp);
        if let Some(last) = self.last.replace(transit) {
            let sample = transit.wrapping_sub(last).unsigned_abs();
            self.jitter = self.jitter.saturating_add(sample).saturating_sub(self.jitter.saturating_add(8) >> 4);
        }
    }

    fn ticks(&self, arrival: i64) -> i64 {
        saturated(i128::from(arrival) * i128::from(self.clock_rate) / SECOND)
    }
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn saturated(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::base::clock;

    fn at(origin: Instant, ns: u64) -> Instant {
        origin + Duration::from_nanos(ns)
    }

    /// Twenty packets a second, for two hours, by a clock that is off, with up to 30 ms of jitter.
    #[rstest]
    #[case::slow(-50)]
    #[case::fast(50)]
    #[case::right(0)]
    #[case::very_slow(-500)]
    fn a_clock_that_is_off_is_no_leap(#[case] ppm: i64) {
        let origin = clock::now();
        let mut transit = Transit::new(origin, 90_000);
        let mut random = 1u32;
        for packet in 0..144_000i64 {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            let jitter = if packet % 10 == 0 { 0 } else { u64::from(random % 30_000_000) };
            let sent = packet * 50_000_000;
            let timestamp = i128::from(sent) * i128::from(1_000_000 + ppm) * 90_000 / 1_000_000_000_000_000;
            transit.take(at(origin, sent as u64 + jitter), timestamp as i64);
            // Where it leaps there is no window before.
            assert!(packet < 400 || transit.before.is_some(), "packet {packet}");
        }
        assert!((5..15).contains(&transit.jitter_time().as_millis()), "{:?}", transit.jitter_time());
    }

    /// The example is A.8 done by hand: J += (|D| - J) / 16.
    #[test]
    fn jitter_is_that_of_the_standard() {
        let origin = clock::now();
        let mut transit = Transit::new(origin, 1000);
        let mut expected = 0.0;
        for (packet, late) in [0u64, 10, 0, 3, 3, 25, 4].into_iter().enumerate() {
            let sent = packet as u64 * 40;
            transit.take(at(origin, (sent + late) * 1_000_000), sent as i64);
            let before = [0.0, 0.0, 10.0, 0.0, 3.0, 3.0, 25.0][packet];
            if packet > 0 {
                expected += ((late as f64 - before).abs() - expected) / 16.0;
            }
        }
        assert!((transit.jitter as f64 / 16.0 - expected).abs() < 0.2, "{} {expected}", transit.jitter);
        assert_eq!((transit.jitter(), transit.jitter_time()), (3, Duration::from_millis(3)));
    }

    #[rstest]
    #[case::on(90_000 * 100)]
    #[case::back(-90_000 * 100)]
    fn leaps_are_no_jitter(#[case] leap: i64) {
        let origin = clock::now();
        let mut transit = Transit::new(origin, 90_000);
        for packet in 0..100i64 {
            let timestamp = packet * 900 + if packet >= 50 { leap } else { 0 };
            transit.take(at(origin, packet as u64 * 10_000_000), timestamp);
        }
        assert_eq!(transit.jitter(), 0);
    }

    proptest! {
        #[test]
        fn anything_is_compared(came in proptest::collection::vec((any::<u64>(), any::<i64>()), 0..100), clock_rate: u32) {
            let origin = clock::now();
            let mut transit = Transit::new(origin, clock_rate);
            let mut now = origin;
            for (ns, timestamp) in came {
                now = now.checked_add(Duration::from_nanos(ns >> (ns % 64))).unwrap_or(now);
                transit.take(now, timestamp);
                let _ = transit.jitter_time();
            }
        }
    }
}

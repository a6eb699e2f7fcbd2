//! How the sender's clock runs against ours, from arrival times and timestamps: interarrival jitter (RFC 3550, 6.4.1 and A.8), and
//! the quickest way here, from which playout is reckoned. Pure.
//!
//! The quickest way is the least of a window of time, and of the one before it. So a clock that is slow by 50 ppm puts it off by 1 ms
//! at most, and packets do not become later and later by it.

use std::time::Duration;

use crate::base::clock::Instant;

/// Length of a window, in nanoseconds.
const WINDOW: i64 = 10_000_000_000;
/// Windows that tell how fast the sender's clock is: five minutes.
const WINDOWS: usize = 32;
/// What is off by more than this is no jitter: timestamps have leapt, or a network has stood still. In nanoseconds.
const LEAP: i64 = 1_000_000_000;
const SECOND: i128 = 1_000_000_000;

/// The quickest way, of a window. The way is arrival less timestamp, in nanoseconds; its zero means nothing.
#[derive(Debug, Clone, Copy)]
struct Quickest {
    arrival: i64,
    way: i64,
}

/// Compares the clocks of one sender and of this machine.
#[derive(Debug)]
pub struct Transit {
    clock_rate: u32,
    origin: Instant,
    /// In units of the timestamp, times 16.
    jitter: u64,
    /// In units of the timestamp.
    last: Option<i64>,
    began: i64,
    current: Option<Quickest>,
    before: Option<Quickest>,
    /// Of whole windows, the oldest first, up to `known`.
    windows: [Quickest; WINDOWS],
    known: usize,
    leaps: u64,
}

impl Transit {
    /// For a sender of whom the first packet came at `now`, with timestamps of so many ticks a second (0 is taken for 1).
    pub fn new(now: Instant, clock_rate: u32) -> Self {
        let windows = [Quickest { arrival: 0, way: 0 }; WINDOWS];
        let (current, before) = (None, None);
        let clock_rate = clock_rate.max(1);
        Self { clock_rate, origin: now, jitter: 0, last: None, began: 0, current, before, windows, known: 0, leaps: 0 }
    }

    /// Takes a packet with its extended timestamp. By how much it came later than the quickest of its time would have.
    pub fn take(&mut self, arrival: Instant, timestamp: i64) -> Duration {
        let arrival = nanoseconds(arrival.saturating_duration_since(self.origin));
        let way = arrival.saturating_sub(self.in_nanoseconds(timestamp));
        let Some(quickest) = self.quickest().filter(|quickest| (-LEAP..=LEAP).contains(&way.saturating_sub(*quickest))) else {
            self.begin(arrival, way, timestamp);
            return Duration::ZERO;
        };
        self.count(arrival, timestamp);
        if arrival.saturating_sub(self.began) >= WINDOW {
            self.turn(arrival);
        }
        if self.current.is_none_or(|current| way < current.way) {
            self.current = Some(Quickest { arrival, way });
        }
        let quickest = self.quickest().unwrap_or(quickest);
        Duration::from_nanos(u64::try_from(way.saturating_sub(quickest)).unwrap_or(0))
    }

    /// Interarrival jitter, in units of the timestamp.
    pub fn jitter(&self) -> u32 {
        u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX)
    }

    /// The same as time.
    pub fn jitter_time(&self) -> Duration {
        Duration::from_micros(u64::from(self.jitter()).saturating_mul(1_000_000) / u64::from(self.clock_rate))
    }

    /// By how many millionths the sender's clock is faster than ours; negative: slower. Known after three windows.
    pub fn skew_ppm(&self) -> Option<f64> {
        let (first, last) = (self.windows.first()?, self.windows.get(self.known.checked_sub(1)?)?);
        let time = last.arrival.saturating_sub(first.arrival);
        (self.known >= 3 && time > 0).then(|| -(last.way.saturating_sub(first.way) as f64) * 1e6 / time as f64)
    }

    /// How often timestamps have leapt against the time in which they came.
    pub fn leaps(&self) -> u64 {
        self.leaps
    }

    /// Ticks a second.
    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    fn in_nanoseconds(&self, timestamp: i64) -> i64 {
        saturated(i128::from(timestamp) * SECOND / i128::from(self.clock_rate))
    }

    fn quickest(&self) -> Option<i64> {
        [self.current, self.before].into_iter().flatten().map(|quickest| quickest.way).min()
    }

    fn begin(&mut self, arrival: i64, way: i64, timestamp: i64) {
        self.leaps = self.leaps.saturating_add(u64::from(self.current.is_some() || self.before.is_some()));
        (self.began, self.current, self.before, self.known) = (arrival, Some(Quickest { arrival, way }), None, 0);
        self.last = Some(self.ticks(arrival).wrapping_sub(timestamp));
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

    /// The next window begins.
    fn turn(&mut self, arrival: i64) {
        if let Some(whole) = self.current {
            if self.known == WINDOWS {
                self.windows.rotate_left(1);
                self.known -= 1;
            }
            if let Some(window) = self.windows.get_mut(self.known) {
                (*window, self.known) = (whole, self.known + 1);
            }
        }
        (self.before, self.current, self.began) = (self.current, None, arrival);
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
    fn a_clock_that_is_off_makes_nothing_late(#[case] ppm: i64) {
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
            let late = transit.take(at(origin, sent as u64 + jitter), timestamp as i64);
            let off = late.as_nanos() as i64 - jitter as i64;
            assert!((-60_000..ppm.abs() * 21_000 + 40_000).contains(&off), "{off} ns in packet {packet}");
        }
        let skew = transit.skew_ppm().unwrap();
        assert!((skew - ppm as f64).abs() < 1.0, "{skew}");
        assert_eq!(transit.leaps(), 0);
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
            assert_eq!(transit.take(at(origin, packet as u64 * 10_000_000), timestamp), Duration::ZERO);
        }
        assert_eq!((transit.leaps(), transit.jitter()), (1, 0));
    }

    proptest! {
        #[test]
        fn anything_is_compared(came in proptest::collection::vec((any::<u64>(), any::<i64>()), 0..100), clock_rate: u32) {
            let origin = clock::now();
            let mut transit = Transit::new(origin, clock_rate);
            let mut now = origin;
            for (ns, timestamp) in came {
                now = now.checked_add(Duration::from_nanos(ns >> (ns % 64))).unwrap_or(now);
                prop_assert!(transit.take(now, timestamp) <= Duration::from_nanos(2 * LEAP as u64));
                let _ = (transit.jitter_time(), transit.skew_ppm());
            }
        }
    }
}

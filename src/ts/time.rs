//! Media time: PCR at 27 MHz, PTS and DTS at 90 kHz, both wrapping at 33 bits of 90 kHz (13818-1, 2.4.2.2, 2.4.3.6).
//!
//! The only place that knows about the wrap. Knows nothing about packets.

use std::time::Duration;

/// Where a time stamp wraps, in units of 90 kHz.
const WRAP_90K: u64 = 1 << 33;
/// Where a PCR wraps, in units of 27 MHz.
const WRAP_27M: u64 = WRAP_90K * 300;
const SECOND_27M: u64 = 27_000_000;
const SECOND_90K: u64 = 90_000;

/// A programme clock reference in units of 27 MHz, below 2^33 × 300.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pcr27m(pub u64);

/// A time stamp in units of 90 kHz, below 2^33.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pts90k(pub u64);

impl Pcr27m {
    /// From the six bytes of the adaptation field (13818-1, 2.4.3.5).
    pub fn from_field(field: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = field.map(u64::from);
        let base = a << 25 | b << 17 | c << 9 | d << 1 | e >> 7;
        let extension = (e & 1) << 8 | f;
        Self(within(base * 300 + extension, WRAP_27M))
    }

    /// As the six bytes of the adaptation field, reserved bits set.
    pub fn to_field(self) -> [u8; 6] {
        let base = (self.0 / 300) % WRAP_90K;
        let extension = self.0 % 300;
        let [.., a, b, c, d] = (base >> 1).to_be_bytes();
        [a, b, c, d, ((base & 1) << 7) as u8 | 0x7E | (extension >> 8) as u8, extension as u8]
    }

    /// Moved on by an offset in units of 90 kHz (below 2^33), modulo the wrap.
    pub fn plus_90k(self, offset_90k: u64) -> Self {
        Self(within(self.0 + (offset_90k % WRAP_90K) * 300, WRAP_27M))
    }

    /// Units of 27 MHz from `earlier` to here the short way round; negative if it is really later.
    pub fn since(self, earlier: Self) -> i64 {
        short_way(self.0, earlier.0, WRAP_27M)
    }

    /// The same instant in units of 90 kHz.
    pub fn to_90k(self) -> Pts90k {
        Pts90k(self.0 / 300 % WRAP_90K)
    }
}

impl Pts90k {
    /// Moved on by an offset in units of 90 kHz, modulo the wrap.
    pub fn plus(self, offset_90k: u64) -> Self {
        Self(self.0.wrapping_add(offset_90k) % WRAP_90K)
    }

    /// Moved back, modulo the wrap.
    pub fn minus(self, offset_90k: u64) -> Self {
        Self((self.0 + WRAP_90K - offset_90k % WRAP_90K) % WRAP_90K)
    }

    /// Units of 90 kHz from `earlier` to here the short way round; negative if it is really later.
    pub fn since(self, earlier: Self) -> i64 {
        short_way(self.0, earlier.0, WRAP_90K)
    }

    /// What must be added to `from` to get here, modulo the wrap.
    pub fn offset_from(self, from: Self) -> u64 {
        (self.0 + WRAP_90K - from.0 % WRAP_90K) % WRAP_90K
    }

    /// The same instant as a PCR.
    pub fn to_27m(self) -> Pcr27m {
        Pcr27m(self.0 % WRAP_90K * 300)
    }
}

/// Modulo the wrap, of what nearly always lies below it.
#[inline]
fn within(value: u64, wrap: u64) -> u64 {
    if value < wrap { value } else { value % wrap }
}

#[inline]
fn short_way(later: u64, earlier: u64, wrap: u64) -> i64 {
    let (later, earlier) = (within(later, wrap), within(earlier, wrap));
    let forward = if later >= earlier { later - earlier } else { later + wrap - earlier };
    if forward < wrap / 2 { forward as i64 } else { forward as i64 - wrap as i64 }
}

/// Media time of one stream, counted from its first stamp and never going back: by PCR; by time stamps where PCRs are
/// missing for more than a second. A step of more than a second, either way, is a new time base and moves nothing.
#[derive(Debug, Clone, Default)]
pub struct MediaClock {
    started: bool,
    elapsed_27m: u64,
    /// The last PCR, and what had elapsed then.
    pcr: Option<(Pcr27m, u64)>,
    stamp: Option<Pts90k>,
    /// By how much time stamps moved on since the last PCR.
    stamped_90k: u64,
}

impl MediaClock {
    /// Takes a PCR of the programme's PCR PID.
    pub fn pcr(&mut self, pcr: Pcr27m) {
        if let Some((last, at_27m)) = self.pcr {
            let step = pcr.since(last);
            let believed = SECOND_27M + self.stamped_90k * 300;
            if step >= 0 && step as u64 <= believed {
                self.elapsed_27m = self.elapsed_27m.max(at_27m + step as u64);
            }
        }
        self.started = true;
        self.pcr = Some((pcr, self.elapsed_27m));
        self.stamped_90k = 0;
    }

    /// Takes a DTS (or PTS) of the main stream.
    pub fn stamp(&mut self, stamp: Pts90k) {
        self.started = true;
        let Some(last) = self.stamp else {
            self.stamp = Some(stamp);
            return;
        };
        let step = stamp.since(last);
        if step >= 0 && step as u64 <= SECOND_90K {
            self.stamp = Some(stamp);
            self.stamped_90k += step as u64;
            match self.pcr {
                None => self.elapsed_27m += step as u64 * 300,
                Some((_, at_27m)) if self.stamped_90k > SECOND_90K => {
                    self.elapsed_27m = self.elapsed_27m.max(at_27m + self.stamped_90k * 300);
                }
                Some(_) => {}
            }
        } else if step.unsigned_abs() > SECOND_90K {
            self.stamp = Some(stamp);
        }
    }

    /// Units of 27 MHz since the first stamp.
    pub fn elapsed_27m(&self) -> u64 {
        self.elapsed_27m
    }

    /// Time since the first stamp, once there was one.
    pub fn elapsed(&self) -> Option<Duration> {
        self.started.then(|| Duration::from_nanos((self.elapsed_27m as u128 * 1_000 / 27) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pcr_survives_its_field(value in 0..WRAP_27M) {
            prop_assert_eq!(Pcr27m::from_field(Pcr27m(value).to_field()), Pcr27m(value));
        }

        #[test]
        fn offsets_are_undone(from in 0..WRAP_90K, to in 0..WRAP_90K) {
            prop_assert_eq!(Pts90k(from).plus(Pts90k(to).offset_from(Pts90k(from))), Pts90k(to));
        }

        #[test]
        fn media_time_never_goes_back(steps in proptest::collection::vec((any::<bool>(), 0..WRAP_27M), 0..200)) {
            let mut clock = MediaClock::default();
            let mut last = 0;
            for (is_pcr, value) in steps {
                if is_pcr { clock.pcr(Pcr27m(value)) } else { clock.stamp(Pts90k(value / 300)) }
                prop_assert!(clock.elapsed_27m() >= last);
                last = clock.elapsed_27m();
            }
        }
    }

    #[test]
    fn the_wrap_is_no_jump() {
        let mut clock = MediaClock::default();
        clock.pcr(Pcr27m(WRAP_27M - 1_000_000));
        clock.pcr(Pcr27m(1_000_000));
        assert_eq!(clock.elapsed_27m(), 2_000_000);
        assert_eq!(Pts90k(5).since(Pts90k(WRAP_90K - 5)), 10);
        assert_eq!(Pts90k(WRAP_90K - 5).since(Pts90k(5)), -10);
    }

    #[test]
    fn jumps_do_not_move_media_time() {
        let mut clock = MediaClock::default();
        for pcr in [0, 13_500_000, 900_000_000_000, 900_013_500_000, 27_000] {
            clock.pcr(Pcr27m(pcr));
        }
        assert_eq!(clock.elapsed_27m(), 27_000_000);
        assert_eq!(clock.elapsed(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn sparse_pcrs_are_believed_where_stamps_agree() {
        let mut clock = MediaClock::default();
        for second in 0..10u64 {
            clock.pcr(Pcr27m(second * 3 * SECOND_27M));
            for frame in 0..75 {
                clock.stamp(Pts90k(second * 3 * SECOND_90K + frame * 3600));
            }
        }
        assert!(clock.elapsed_27m() >= 29 * SECOND_27M, "{}", clock.elapsed_27m() / SECOND_27M);
    }

    #[test]
    fn without_pcr_stamps_count() {
        let mut clock = MediaClock::default();
        assert_eq!(clock.elapsed(), None);
        // PTS of reordered pictures.
        for pts in [0, 10_800, 3600, 7200, 21_600, 14_400, 18_000] {
            clock.stamp(Pts90k(pts));
        }
        assert_eq!(clock.elapsed_27m(), 21_600 * 300);
    }
}

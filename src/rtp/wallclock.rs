//! The wall clock of a sender, from its reports (RFC 3550, 6.4.1): by it streams of one sender are aligned, whose timestamps have
//! nothing to do with each other. Pure.

/// An NTP time: seconds since 1900, in units of 2^-32. Wraps in 2036, and is compared across that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ntp(pub u64);

impl Ntp {
    /// Nanoseconds from `other` to this; negative: it is earlier.
    pub fn since(self, other: Self) -> i64 {
        let units = i128::from(self.0.wrapping_sub(other.0).cast_signed());
        i64::try_from((units * 1_000_000_000) >> 32).unwrap_or(i64::MAX)
    }

    /// The middle 32 bits, by which a report is named.
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// A moment of which the sender has told both times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wallclock {
    /// By its wall clock.
    pub ntp: Ntp,
    /// By the clock of its packets: an extended timestamp.
    pub timestamp: i64,
    /// Ticks of that a second. At least 1.
    pub clock_rate: u32,
}

impl Wallclock {
    /// The wall clock's time of an extended timestamp.
    pub fn at(&self, timestamp: i64) -> Ntp {
        let ticks = i128::from(timestamp.wrapping_sub(self.timestamp));
        let units = (ticks << 32) / i128::from(self.clock_rate.max(1));
        Ntp(self.ntp.0.wrapping_add(units as u64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_streams_are_aligned() {
        let picture = Wallclock { ntp: Ntp(100 << 32), timestamp: 1_000_000, clock_rate: 90_000 };
        let sound = Wallclock { ntp: Ntp((101 << 32) + (1 << 31)), timestamp: -50, clock_rate: 48_000 };
        // What is shown 2 s behind the picture's report is heard half a second behind the sound's.
        let shown = picture.at(1_180_000);
        assert_eq!(shown, Ntp(102 << 32));
        assert_eq!(sound.at(24_000 - 50), shown);
        assert_eq!((sound.at(0).since(shown), shown.since(sound.at(-50))), (-498_958_334, 500_000_000));
    }

    #[test]
    fn the_era_may_end_in_between() {
        let clock = Wallclock { ntp: Ntp(u64::MAX), timestamp: 0, clock_rate: 90_000 };
        assert_eq!(clock.at(90_000), Ntp(u32::MAX.into()));
        assert_eq!(clock.at(90_000).since(clock.ntp), 1_000_000_000);
        assert_eq!(Ntp(0x1234_5678_9ABC_DEF0).middle(), 0x5678_9ABC);
    }

    proptest! {
        #[test]
        fn anything_is_mapped(ntp: u64, timestamp: i64, clock_rate: u32, other: i64, time: u64) {
            let clock = Wallclock { ntp: Ntp(ntp), timestamp, clock_rate };
            let _ = clock.at(other).since(Ntp(time));
        }
    }
}

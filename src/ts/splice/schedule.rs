//! When PAT and PMT are due. Between two stamps time goes by packets (13818-1 has them come at a constant rate).

/// At least this often: 100 ms.
const INTERVAL_27M: u64 = 2_700_000;
/// Or after so many packets: where time does not tell, and where it should.
const PACKETS: u64 = 500;
const PACKETS_TIMED: u64 = 4000;
/// Ahead of time only with so many packets between them.
const APART: u64 = 32;

/// When tables were written, in media time and in packets of the output.
#[derive(Debug)]
pub struct Schedule {
    /// Packets so far.
    packets: u64,
    /// With how many packets tables are due, whatever time says.
    limit: u64,
    /// When tables were written last.
    written_27m: u64,
    written: u64,
    /// In place of the source's, so many packets after those before them. A lot, where they were not.
    gap: u64,
    /// The last stamp.
    stamp_27m: u64,
    stamp: u64,
    /// So much time went by between it and the one before, with so many packets.
    rate: (u64, u64),
}

impl Default for Schedule {
    fn default() -> Self {
        Self { packets: 0, limit: PACKETS, written_27m: 0, written: 0, gap: u64::MAX, stamp_27m: 0, stamp: 0, rate: (0, 0) }
    }
}

impl Schedule {
    /// How many packets may go out before tables are due.
    #[inline]
    pub fn left(&self) -> usize {
        self.limit.saturating_sub(self.packets) as usize
    }

    /// So many went out.
    #[inline]
    pub fn count(&mut self, packets: usize) {
        self.packets += packets as u64;
    }

    /// Whether media time went on since [`Self::is_due`] was asked.
    #[inline]
    pub fn is_stamped(&self, now_27m: u64) -> bool {
        self.stamp_27m != now_27m
    }

    /// Tables are written, perhaps in place of the source's. `timed`: whether there is media time.
    pub fn written(&mut self, now_27m: u64, timed: bool, in_place: bool) {
        self.gap = if in_place { self.packets - self.written } else { u64::MAX };
        (self.written_27m, self.written) = (now_27m, self.packets);
        self.limit = self.packets + if timed { PACKETS_TIMED } else { PACKETS };
    }

    /// Whether tables would come too late with the next stamp.
    #[inline]
    pub fn is_due(&mut self, now_27m: u64) -> bool {
        let step_27m = now_27m - std::mem::replace(&mut self.stamp_27m, now_27m);
        if step_27m == 0 {
            return self.left() == 0;
        }
        let packets = self.packets - std::mem::replace(&mut self.stamp, self.packets);
        self.rate = (step_27m, packets);
        let late = now_27m - self.written_27m + step_27m > INTERVAL_27M;
        self.left() == 0 || late && !self.goes_on()
    }

    /// Whether the source's own tables come often enough, and did not stop.
    fn goes_on(&self) -> bool {
        let (time_27m, packets) = self.rate;
        self.packets - self.written <= self.gap && self.gap.saturating_mul(time_27m) <= packets.saturating_mul(INTERVAL_27M)
    }

    /// Whether tables become due, as it seems, with so many packets more.
    #[inline]
    pub fn is_soon(&self, now_27m: u64, packets: usize) -> bool {
        let (step_27m, with) = self.rate;
        let later_27m = now_27m - self.written_27m + 2 * step_27m;
        let soon = later_27m * with + packets as u64 * step_27m > INTERVAL_27M * with;
        soon && self.packets - self.written >= APART && !self.goes_on()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 27_000;

    /// When tables are written, in milliseconds, where a stamp comes every `step_ms` with ten packets a millisecond; the
    /// source has its own every `own` packets, up to some time.
    fn written(step_ms: u64, own: u64, up_to_ms: u64) -> Vec<u64> {
        let mut schedule = Schedule::default();
        let mut written = Vec::new();
        let mut now = 0;
        for packet in 0..10_000u64 {
            let ms = packet / 10;
            if own > 0 && packet % own == own - 1 && ms < up_to_ms {
                schedule.written(now, true, true);
                written.push(ms);
            }
            if packet % (step_ms * 10) == 0 {
                now = ms * MS;
                if schedule.is_due(now) {
                    schedule.written(now, true, false);
                    written.push(ms);
                }
            }
            schedule.count(1);
        }
        written
    }

    fn longest(written: &[u64]) -> u64 {
        written.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
    }

    #[rstest::rstest]
    #[case(1)]
    #[case(20)]
    #[case(33)]
    #[case(40)]
    #[case(50)]
    fn every_100_ms(#[case] step_ms: u64) {
        let written = written(step_ms, 0, 0);
        assert!(longest(&written) <= 100, "{written:?}");
        assert!(written.len() <= 22, "{written:?}");
    }

    #[test]
    fn those_of_the_source_do() {
        let of_source = written(100, 400, 1000);
        assert_eq!(of_source.len(), 25, "{of_source:?}");
        assert_eq!(written(40, 1200, 1000).len(), 8 + 8, "too rarely");
    }

    #[test]
    fn when_the_source_stops_ours_come() {
        let written = written(40, 400, 500);
        assert!(longest(&written) <= 100, "{written:?}");
    }

    #[test]
    fn without_a_clock_by_packets() {
        let mut schedule = Schedule::default();
        schedule.count(499);
        assert!(!schedule.is_due(0) && schedule.left() == 1);
        schedule.count(1);
        assert!(schedule.is_due(0));
        schedule.written(0, false, false);
        assert!(!schedule.is_due(0));
    }
}

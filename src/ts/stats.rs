//! What a stream does over media time: bit rate and picture cadence.

use super::PACKET;
use super::time::Pts90k;

/// Bits a second are counted over windows of this length …
const WINDOW_27M: u64 = 27_000_000;
/// … of which so many are kept.
const WINDOWS: usize = 8;

/// Bit rate by media time, over the last seconds.
#[derive(Debug, Clone, Default)]
pub struct BitRate {
    /// `(media time, packets)` at the edges of windows, oldest first.
    edges: [(u64, u64); WINDOWS],
    filled: usize,
    now: (u64, u64),
}

impl BitRate {
    /// Media time and packets so far.
    pub fn mark(&mut self, elapsed_27m: u64, packets: u64) {
        self.now = (elapsed_27m, packets);
        let last = self.filled.checked_sub(1).and_then(|last| self.edges.get(last));
        if last.is_some_and(|last| elapsed_27m < last.0 + WINDOW_27M) {
            return;
        }
        if self.filled == WINDOWS {
            self.edges.rotate_left(1);
            self.filled -= 1;
        }
        self.edges[self.filled] = self.now;
        self.filled += 1;
    }

    /// Bits a second, once there is a quarter of a second to go by.
    pub fn bits_per_second(&self) -> Option<u64> {
        let (from, packets) = *self.edges[..self.filled].first()?;
        let elapsed = self.now.0.saturating_sub(from);
        let bits = self.now.1.saturating_sub(packets) as u128 * PACKET as u128 * 8;
        (elapsed >= WINDOW_27M / 4).then(|| (bits * 27_000_000 / elapsed as u128) as u64)
    }
}

/// Time from one picture to the next, by decoding times.
#[derive(Debug, Clone, Default)]
pub struct Cadence {
    last: Option<Pts90k>,
    steps: [u32; 8],
    count: usize,
}

impl Cadence {
    /// Takes the decoding time of a picture.
    pub fn mark(&mut self, time: Pts90k) {
        if let Some(last) = self.last.replace(time)
            && let Ok(step) = u32::try_from(time.since(last))
            && (1..=90_000).contains(&step)
        {
            self.steps[self.count % self.steps.len()] = step;
            self.count += 1;
        }
    }

    /// The usual step in units of 90 kHz: the median of the last ones.
    pub fn step_90k(&self) -> Option<u32> {
        let mut steps = self.steps;
        let known = &mut steps[..self.count.min(self.steps.len())];
        known.sort_unstable();
        known.get(known.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_rate_forgets_what_is_long_ago() {
        let mut rate = BitRate::default();
        assert_eq!(rate.bits_per_second(), None);
        let mut packets = 0;
        for tenth in 0..200u64 {
            packets += if tenth < 50 { 1000 } else { 100 };
            rate.mark(tenth * 2_700_000, packets);
        }
        assert_eq!(rate.bits_per_second(), Some(1000 * 188 * 8));
    }

    #[test]
    fn cadence_is_not_moved_by_a_jump() {
        let mut cadence = Cadence::default();
        assert_eq!(cadence.step_90k(), None);
        for time in [0, 3600, 7200, 900_000, 903_600, 907_200] {
            cadence.mark(Pts90k(time));
        }
        assert_eq!(cadence.step_90k(), Some(3600));
    }
}

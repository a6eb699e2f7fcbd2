//! What all depacketisers keep: which packet comes next, what was lost, and the parts of a unit in a buffer with a limit.

use super::{Fault, Frame, Stats};

/// Units after which a buffer that was far too large for all of them is made smaller.
const WINDOW: u16 = 256;

/// How a packet follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is the first.
    First,
    /// Its number is the next.
    Next,
    /// Packets before it are missing, or the sender started anew.
    Gap,
    /// It is the one before, once more.
    Again,
}

/// Counts packets and units.
#[derive(Debug, Default)]
pub(super) struct Intake {
    expected: Option<u16>,
    after_loss: bool,
    stats: Stats,
}

impl Intake {
    pub(super) fn take(&mut self, sequence: u16) -> Arrival {
        let Some(expected) = self.expected else {
            self.expected = Some(sequence.wrapping_add(1));
            return Arrival::First;
        };
        let ahead = sequence.wrapping_sub(expected);
        if ahead == u16::MAX {
            return Arrival::Again;
        }
        self.expected = Some(sequence.wrapping_add(1));
        if ahead == 0 {
            return Arrival::Next;
        }
        // One that lies behind is a sender that started anew: nobody knows how many are missing.
        if ahead < 0x8000 {
            self.stats.lost = self.stats.lost.saturating_add(u64::from(ahead));
        }
        self.after_loss = true;
        Arrival::Gap
    }

    /// A packet comes: behind a gap what was `begun` is given up. False for one that came already.
    pub(super) fn begin(&mut self, sequence: u16, begun: &mut Assembly) -> bool {
        let arrival = self.take(sequence);
        if arrival == Arrival::Gap {
            self.give_up(begun);
        }
        arrival != Arrival::Again
    }

    /// It is over. What was `begun` is given up if something is wrong with it.
    pub(super) fn end(&mut self, result: Result<(), Fault>, begun: &mut Assembly) -> Result<(), Fault> {
        if result.is_err() {
            self.give_up(begun);
        }
        self.count(result)
    }

    /// What was begun, if anything was, is given up.
    pub(super) fn give_up(&mut self, begun: &mut Assembly) {
        if !begun.is_empty() {
            begun.clear();
            self.discard();
        }
    }

    /// A unit that was begun is given up.
    pub(super) fn discard(&mut self) {
        self.stats.discarded = self.stats.discarded.saturating_add(1);
        self.after_loss = true;
    }

    /// Counts what is wrong with a packet.
    pub(super) fn count<T>(&mut self, result: Result<T, Fault>) -> Result<T, Fault> {
        if result.is_err() {
            self.stats.faults = self.stats.faults.saturating_add(1);
            self.after_loss = true;
        }
        result
    }

    /// A unit that is whole. Decoding can begin with it, unless that is changed.
    pub(super) fn frame<'a>(&mut self, timestamp: u32, duration: Option<u32>, data: &'a [u8]) -> Frame<'a> {
        self.stats.frames = self.stats.frames.saturating_add(1);
        let after_loss = std::mem::take(&mut self.after_loss);
        Frame { timestamp, duration, random_access: true, after_loss, field: None, config: None, data }
    }

    pub(super) fn stats(&self) -> Stats {
        self.stats
    }
}

/// The parts of a unit. Never holds more memory than its limit.
#[derive(Debug)]
pub(super) struct Assembly {
    bytes: Vec<u8>,
    limit: usize,
    largest: usize,
    units: u16,
}

impl Assembly {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, largest: 0, units: 0 }
    }

    pub(super) fn extend(&mut self, part: &[u8]) -> Result<(), Fault> {
        self.reserve(part.len())?;
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    /// Makes room for so many bytes more.
    pub(super) fn reserve(&mut self, more: usize) -> Result<(), Fault> {
        let length = self.bytes.len();
        let needed = length.checked_add(more).filter(|needed| *needed <= self.limit).ok_or(Fault::TooLarge)?;
        if needed > self.bytes.capacity() {
            let target = self.bytes.capacity().saturating_mul(2).clamp(needed, self.limit);
            self.bytes.reserve_exact(target - length);
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// For changes in place; what makes it longer has to [`Self::reserve`] first.
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Empties it. The memory is kept for the next unit, but not that of one large one for ever.
    pub(super) fn clear(&mut self) {
        self.largest = self.largest.max(self.bytes.len());
        self.bytes.clear();
        self.units += 1;
        if self.units == WINDOW {
            if self.largest.saturating_mul(4) < self.bytes.capacity() {
                self.bytes.shrink_to(self.largest.saturating_mul(2));
            }
            (self.units, self.largest) = (0, 0);
        }
    }

    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Time of the frame of that index, of frames of so many samples behind each other: `timestamp` is that of the first. Rounded
/// for each, so that nothing adds up.
pub(super) fn after(timestamp: u32, index: u32, samples: u32, clock: u32, rate: u32) -> u32 {
    timestamp.wrapping_add(ticks(u64::from(index) * u64::from(samples), clock, rate))
}

/// So many samples at `rate` in units of `clock`; wraps as timestamps do.
pub(super) fn ticks(samples: u64, clock: u32, rate: u32) -> u32 {
    let rate = u128::from(rate.max(1));
    ((u128::from(samples) * u128::from(clock) + rate / 2) / rate) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::in_order(&[7, 8, 9], &[Arrival::First, Arrival::Next, Arrival::Next], 0)]
    #[case::wrapped(&[65535, 0], &[Arrival::First, Arrival::Next], 0)]
    #[case::lost(&[65534, 1], &[Arrival::First, Arrival::Gap], 2)]
    #[case::twice(&[5, 5, 6], &[Arrival::First, Arrival::Again, Arrival::Next], 0)]
    #[case::anew(&[500, 100, 101], &[Arrival::First, Arrival::Gap, Arrival::Next], 0)]
    fn arrivals(#[case] came: &[u16], #[case] how: &[Arrival], #[case] lost: u64) {
        let mut intake = Intake::default();
        assert_eq!(came.iter().map(|sequence| intake.take(*sequence)).collect::<Vec<_>>(), how);
        assert_eq!(intake.stats().lost, lost);
    }

    #[test]
    fn a_buffer_has_its_limit_and_gives_memory_back() {
        let mut assembly = Assembly::new(1000);
        for _ in 0..10 {
            assembly.extend(&[1; 100]).unwrap();
        }
        assert_eq!(assembly.extend(&[1]), Err(Fault::TooLarge));
        assert_eq!((assembly.len(), assembly.held()), (1000, 1000));
        assembly.clear();
        for _ in 0..2 * u32::from(WINDOW) {
            assembly.extend(&[1; 10]).unwrap();
            assembly.clear();
        }
        assert!(assembly.held() < 100, "{}", assembly.held());
    }

    #[test]
    fn times_do_not_drift() {
        assert_eq!(after(u32::MAX, 1, 1024, 48_000, 48_000), 1023);
        assert_eq!(after(0, 3, 1152, 90_000, 44_100), 7053);
        assert_eq!(after(0, 44_100, 1024, 90_000, 44_100), 92_160_000);
        assert_eq!(ticks(1024, 90_000, 0), 92_160_000, "no rate");
    }
}

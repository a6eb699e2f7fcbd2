//! Whether a sender is real, and what a sequence number says of a packet (RFC 3550, 6.2.1 and A.1). Pure.
//!
//! A.1 loses the packets by which a sender is tried, wants them in order of arrival, and takes every number that lies far behind for
//! a sign of a sender that began anew. Here the packets are kept by `candidate`, may have been swapped on their way, and
//! numbers that came before are remembered with their timestamps: the same packet once more, as by a second way, is no new
//! beginning, and the same number with another timestamp is one.

use std::time::Duration;

use super::wide;
use crate::base::clock::Instant;

/// So many packets of consecutive numbers make a sender, or a new beginning of one.
pub const MIN_SEQUENTIAL: usize = 2;
/// A number so far ahead is no loss.
pub const MAX_DROPOUT: i64 = 3000;
/// A number further behind than this is not out of order, unless it is still waited for.
pub const MAX_MISORDER: i64 = 100;
/// Numbers among which consecutive ones are looked for: as far as packets may be swapped in the beginning.
const TRIED: usize = 16;
/// Packets that are remembered; a power of two. 0.4 s of 50 Mbit/s: as far as one of two ways may lag behind.
const REMEMBERED: usize = 2048;
/// A packet comes again within this time, or it is none that came before.
const AGAIN: Duration = Duration::from_secs(2);

/// Looks for consecutive numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Probation {
    /// The newest first.
    numbers: [Option<u16>; TRIED],
}

impl Probation {
    /// Takes a number. Whether it is one of enough consecutive ones.
    pub fn take(&mut self, sequence: u16) -> bool {
        let came = |number: u16| self.numbers.contains(&Some(number));
        let before = (1..MIN_SEQUENTIAL as u16).take_while(|back| came(sequence.wrapping_sub(*back))).count();
        let behind = (1..MIN_SEQUENTIAL as u16).take_while(|on| came(sequence.wrapping_add(*on))).count();
        self.numbers.rotate_right(1);
        if let Some(newest) = self.numbers.first_mut() {
            *newest = Some(sequence);
        }
        before + 1 + behind >= MIN_SEQUENTIAL
    }

    /// Begins anew.
    pub fn interrupt(&mut self) {
        *self = Self::default();
    }
}

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A packet of the stream.
    Taken {
        /// Its extended sequence number.
        sequence: i64,
        /// It is ahead of all others.
        newest: bool,
    },
    /// One that came before.
    Again,
    /// No number of this stream: a stray packet, or a sender that began anew.
    Jump,
}

/// The numbers of one sender, from the beginning on.
#[derive(Debug)]
pub struct Order {
    base: i64,
    highest: i64,
    received: u64,
    origin: Instant,
    /// By sequence number.
    seen: Box<[Seen]>,
}

/// A packet that came.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// The lower bits of its extended sequence number.
    number: u32,
    timestamp: u32,
    /// Since the origin.
    at_ms: u32,
}

impl Order {
    /// A sender whose first packet has this number; its extended numbers lie behind `after`, where something came before.
    pub fn begin(now: Instant, first: u16, after: Option<i64>) -> Self {
        let base = after.map_or(i64::from(first), |last| wide::sequence_after(first, last));
        // A number that belongs into another place never compares equal.
        let seen = (0..REMEMBERED as u32).map(|index| Seen { number: !index, timestamp: 0, at_ms: 0 }).collect();
        Self { base, highest: base.wrapping_sub(1), received: 0, origin: now, seen }
    }

    /// Judges a packet. `awaited`: how far behind the highest number something is still waited for.
    pub fn take(&mut self, now: Instant, sequence: u16, timestamp: u32, awaited: i64) -> Verdict {
        let number = wide::sequence(sequence, self.highest);
        let ahead = number.wrapping_sub(self.highest);
        let at_ms = now.saturating_duration_since(self.origin).as_millis() as u32;
        let Some(seen) = self.seen.get_mut(number as usize % REMEMBERED) else { return Verdict::Jump };
        if seen.number == number as u32 {
            let again = seen.timestamp == timestamp && u128::from(at_ms.wrapping_sub(seen.at_ms)) <= AGAIN.as_millis();
            self.received = self.received.saturating_add(u64::from(again));
            return if again { Verdict::Again } else { Verdict::Jump };
        }
        if ahead >= MAX_DROPOUT || ahead < -MAX_MISORDER.max(awaited) {
            return Verdict::Jump;
        }
        *seen = Seen { number: number as u32, timestamp, at_ms };
        self.received = self.received.saturating_add(1);
        self.highest = self.highest.max(number);
        Verdict::Taken { sequence: number, newest: ahead > 0 }
    }

    /// The highest extended sequence number.
    pub fn highest(&self) -> i64 {
        self.highest
    }

    /// Packets that should have come (A.3).
    pub fn expected(&self) -> u64 {
        u64::try_from(self.highest.wrapping_sub(self.base).wrapping_add(1)).unwrap_or(0)
    }

    /// Packets that came, late ones and those that came twice too (A.3).
    pub fn received(&self) -> u64 {
        self.received
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::base::clock;

    #[rstest]
    #[case::two_in_order(&[5, 6], &[false, true])]
    #[case::wraps(&[65535, 0], &[false, true])]
    #[case::twice_the_same(&[5, 5, 6], &[false, false, true])]
    #[case::a_wild_one_between(&[5, 900, 6, 7], &[false, false, true, true])]
    #[case::swapped(&[5, 7, 6], &[false, false, true])]
    #[case::none_consecutive(&[5, 7, 9, 11], &[false; 4])]
    #[case::one_is_missing(&[5, 7, 8], &[false, false, true])]
    fn senders_are_tried(#[case] came: &[u16], #[case] believed: &[bool]) {
        let mut probation = Probation::default();
        assert_eq!(came.iter().map(|sequence| probation.take(*sequence)).collect::<Vec<_>>(), believed);
    }

    fn taken(sequence: i64, newest: bool) -> Verdict {
        Verdict::Taken { sequence, newest }
    }

    /// Behind 1000, which came with timestamp 7 as all before it.
    #[rstest]
    #[case::next(1001, 8, 0, taken(1001, true))]
    #[case::gap(3999, 8, 0, taken(3999, true))]
    #[case::too_large_a_gap(4000, 8, 0, Verdict::Jump)]
    #[case::again(1000, 7, 0, Verdict::Again)]
    #[case::again_from_long_ago(500, 7, 0, Verdict::Again)]
    #[case::same_number_of_another_packet(1000, 8, 0, Verdict::Jump)]
    #[case::old_number_of_another_packet(950, 8, 0, Verdict::Jump)]
    #[case::before_the_first(499, 8, 500, Verdict::Jump)]
    #[case::before_the_first_but_awaited(499, 8, 501, taken(499, false))]
    fn numbers_are_judged(#[case] sequence: u16, #[case] timestamp: u32, #[case] awaited: i64, #[case] verdict: Verdict) {
        let now = clock::now();
        let mut order = Order::begin(now, 500, None);
        (500..=1000).for_each(|sequence| assert_eq!(order.take(now, sequence, 7, 0), taken(i64::from(sequence), true)));
        assert_eq!(order.take(now, sequence, timestamp, awaited), verdict);
    }

    #[test]
    fn a_hundred_packets_may_be_out_of_order() {
        let now = clock::now();
        let mut order = Order::begin(now, 1, None);
        order.take(now, 1, 0, 0);
        order.take(now, 200, 0, 0);
        assert_eq!(order.take(now, 100, 0, 0), taken(100, false));
        assert_eq!(order.take(now, 99, 0, 0), Verdict::Jump);
        assert_eq!(order.take(now, 99, 0, 101), taken(99, false));
        assert_eq!((order.expected(), order.received()), (200, 4));
    }

    /// A sender that always begins with the same numbers and timestamps.
    #[test]
    fn what_came_long_ago_is_not_what_comes_again() {
        let now = clock::now();
        let mut order = Order::begin(now, 1, None);
        order.take(now, 1, 0, 0);
        assert_eq!(order.take(now + AGAIN, 1, 0, 0), Verdict::Again);
        assert_eq!(order.take(now + AGAIN + Duration::from_millis(1), 1, 0, 0), Verdict::Jump);
    }

    #[test]
    fn another_beginning_lies_behind_what_was() {
        let now = clock::now();
        let mut order = Order::begin(now, 7, Some(70_000));
        assert_eq!(order.take(now, 7, 0, 0), taken(131_079, true));
        assert_eq!((order.expected(), order.received(), order.highest()), (1, 1, 131_079));
    }

    proptest! {
        /// What is taken is taken once within what is remembered, and near what was highest.
        #[test]
        fn nothing_is_taken_twice(first: u16, steps in proptest::collection::vec((-300i64..300, 0u32..2), 0..300)) {
            let now = clock::now();
            let mut order = Order::begin(now, first, None);
            let mut taken = std::collections::BTreeSet::new();
            for (step, timestamp) in steps {
                let highest = order.highest();
                if let Verdict::Taken { sequence, newest } = order.take(now, highest.wrapping_add(step) as u16, timestamp, 200) {
                    prop_assert!(taken.insert(sequence));
                    prop_assert!((-200..MAX_DROPOUT).contains(&(sequence - highest)));
                    prop_assert_eq!(newest, sequence > highest);
                }
            }
            prop_assert!(order.received() >= taken.len() as u64);
        }
    }
}

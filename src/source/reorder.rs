//! RTP packets in the order in which they were sent (RFC 3550, 5.1: sequence numbers wrap at 16 bits). Pure.

use std::time::Duration;

use bytes::Bytes;

use crate::base::clock::Instant;

/// Packets that may be waited with.
const DEPTH: usize = 128;
/// A number this far ahead is no loss but a sender that started anew.
const RESTART: usize = 2048;
/// How long a missing packet is waited for.
const WAIT: Duration = Duration::from_millis(60);

/// Counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Packets that never came, or too late.
    pub lost: u64,
    /// Packets that came twice or too late.
    pub dropped: u64,
}

/// Puts packets in order. What comes in order is never copied and never waits.
#[derive(Debug)]
pub struct Reorder {
    source: Option<u32>,
    expected: u16,
    slots: Box<[Option<Bytes>; DEPTH]>,
    waiting: usize,
    /// Since when the expected packet is missing.
    since: Option<Instant>,
    stats: Stats,
}

impl Default for Reorder {
    fn default() -> Self {
        Self {
            source: None,
            expected: 0,
            slots: Box::new([const { None }; DEPTH]),
            waiting: 0,
            since: None,
            stats: Stats::default(),
        }
    }
}

impl Reorder {
    /// A packet that has come. What is in order by now goes to `out`.
    pub fn push(&mut self, ssrc: u32, sequence: u16, payload: &[u8], now: Instant, out: &mut impl FnMut(&[u8])) {
        if self.source != Some(ssrc) {
            self.flush(out);
            self.source = Some(ssrc);
            self.expected = sequence;
        }
        while self.waiting > 0 && (DEPTH..RESTART).contains(&usize::from(sequence.wrapping_sub(self.expected))) {
            self.skip_missing();
            self.run(now, out);
        }
        let mut ahead = sequence.wrapping_sub(self.expected);
        if (DEPTH..RESTART).contains(&usize::from(ahead)) {
            self.stats.lost += u64::from(ahead);
            self.expected = sequence;
            ahead = 0;
        }
        if ahead == 0 {
            out(payload);
            self.expected = sequence.wrapping_add(1);
            self.run(now, out);
        } else if usize::from(ahead) < DEPTH {
            let slot = self.slot(sequence);
            if slot.is_some() {
                self.stats.dropped += 1;
                return;
            }
            *slot = Some(Bytes::copy_from_slice(payload));
            self.waiting += 1;
            self.since.get_or_insert(now);
        } else if usize::from(self.expected.wrapping_sub(sequence)) <= DEPTH {
            self.stats.dropped += 1;
        } else {
            self.flush(out);
            out(payload);
            self.expected = sequence.wrapping_add(1);
        }
        self.give_up(now, out);
    }

    /// When [`Self::give_up`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + WAIT)
    }

    /// Packets missing for too long are no longer waited for.
    pub fn give_up(&mut self, now: Instant, out: &mut impl FnMut(&[u8])) {
        while self.deadline().is_some_and(|deadline| now >= deadline) {
            self.skip_missing();
            self.run(now, out);
        }
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn slot(&mut self, sequence: u16) -> &mut Option<Bytes> {
        #[expect(clippy::indexing_slicing, reason = "the remainder is below the length")]
        &mut self.slots[usize::from(sequence) % DEPTH]
    }

    /// Hands out what follows the expected number without a hole.
    fn run(&mut self, now: Instant, out: &mut impl FnMut(&[u8])) {
        while self.waiting > 0 {
            let expected = self.expected;
            let Some(payload) = self.slot(expected).take() else { break };
            out(&payload);
            self.waiting -= 1;
            self.expected = expected.wrapping_add(1);
        }
        self.since = (self.waiting > 0).then_some(now);
    }

    fn skip_missing(&mut self) {
        while self.waiting > 0 {
            let expected = self.expected;
            if self.slot(expected).is_some() {
                return;
            }
            self.stats.lost += 1;
            self.expected = expected.wrapping_add(1);
        }
    }

    /// Hands out all that waits, whatever is missing.
    fn flush(&mut self, out: &mut impl FnMut(&[u8])) {
        while self.waiting > 0 {
            self.skip_missing();
            let expected = self.expected;
            if let Some(payload) = self.slot(expected).take() {
                out(&payload);
                self.waiting -= 1;
                self.expected = expected.wrapping_add(1);
            }
        }
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    struct Line {
        reorder: Reorder,
        now: Instant,
        out: Vec<u16>,
    }

    impl Line {
        fn new() -> Self {
            Self { reorder: Reorder::default(), now: crate::base::clock::now(), out: Vec::new() }
        }

        fn push(&mut self, ssrc: u32, sequence: u16) {
            let out = &mut self.out;
            let mut out = |payload: &[u8]| out.push(u16::from_be_bytes([payload[0], payload[1]]));
            self.reorder.push(ssrc, sequence, &sequence.to_be_bytes(), self.now, &mut out);
        }

        fn wait(&mut self, ms: u64) {
            self.now += Duration::from_millis(ms);
            let out = &mut self.out;
            self.reorder.give_up(self.now, &mut |payload| out.push(u16::from_be_bytes([payload[0], payload[1]])));
        }
    }

    #[rstest]
    #[case::in_order(&[1, 2, 3], &[1, 2, 3], 0, 0)]
    #[case::swapped(&[1, 3, 2, 4], &[1, 2, 3, 4], 0, 0)]
    #[case::wrapped(&[65534, 0, 65535, 1], &[65534, 65535, 0, 1], 0, 0)]
    #[case::twice(&[1, 2, 2, 4, 4, 3], &[1, 2, 3, 4], 0, 2)]
    #[case::late(&[5, 6, 4], &[5, 6], 0, 1)]
    #[case::restarted(&[5, 6, 40000, 40001], &[5, 6, 40000, 40001], 0, 0)]
    #[case::missing(&[1, 3, 4], &[1], 0, 0)]
    #[case::many_missing(&[1, 300, 301], &[1, 300, 301], 298, 0)]
    fn orders(#[case] came: &[u16], #[case] goes: &[u16], #[case] lost: u64, #[case] dropped: u64) {
        let mut line = Line::new();
        came.iter().for_each(|sequence| line.push(7, *sequence));
        assert_eq!(line.out, goes);
        assert_eq!(line.reorder.stats(), Stats { lost, dropped });
    }

    #[test]
    fn a_missing_packet_is_waited_for_but_not_for_long() {
        let mut line = Line::new();
        [1, 3, 4, 7].into_iter().for_each(|sequence| line.push(7, sequence));
        line.wait(59);
        assert_eq!(line.out, [1]);
        line.wait(1);
        assert_eq!(line.out, [1, 3, 4]);
        line.wait(60);
        assert_eq!(line.out, [1, 3, 4, 7]);
        assert_eq!((line.reorder.stats().lost, line.reorder.deadline()), (3, None));
    }

    #[test]
    fn another_sender_begins_at_once() {
        let mut line = Line::new();
        [1, 3].into_iter().for_each(|sequence| line.push(7, sequence));
        line.push(8, 50);
        assert_eq!(line.out, [1, 3, 50]);
    }

    proptest! {
        /// Packets shuffled within the depth, some lost: all others come out, in order, once.
        #[test]
        fn shuffled_packets_come_out_in_order(
            start: u16, count in 1usize..400, swaps in proptest::collection::vec((0usize..400, 0usize..20), 0..60),
            lost in proptest::collection::btree_set(1usize..400, 0..20),
        ) {
            let mut order: Vec<usize> = (0..count).collect();
            for (at, by) in swaps {
                // The first one sets the beginning.
                if at > 0 && at + by < count {
                    order.swap(at, at + by);
                }
            }
            let mut line = Line::new();
            for index in order.iter().filter(|index| !lost.contains(index)) {
                line.push(7, start.wrapping_add(*index as u16));
            }
            for _ in 0..30 {
                line.wait(60);
            }
            let expected: Vec<u16> = (0..count).filter(|index| !lost.contains(index)).map(|index| start.wrapping_add(index as u16)).collect();
            prop_assert_eq!(&line.out, &expected);
            prop_assert_eq!(line.reorder.stats().dropped, 0);
            prop_assert_eq!(line.reorder.waiting, 0);
        }

        #[test]
        fn anything_comes_out_at_most_once(came in proptest::collection::vec((0u32..2, any::<u16>(), 0u64..30), 0..300)) {
            let mut line = Line::new();
            for (ssrc, sequence, ms) in &came {
                line.push(*ssrc, *sequence);
                line.wait(*ms);
            }
            prop_assert!(line.out.len() <= came.len());
            prop_assert!(line.reorder.waiting < DEPTH);
        }
    }
}

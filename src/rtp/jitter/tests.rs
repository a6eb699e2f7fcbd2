//! As tables, and on lines that lose, delay and repeat.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::base::clock;

const DELAY: Duration = Duration::from_millis(100);

struct Line {
    jitter: Jitter,
    now: Instant,
    out: Vec<i64>,
}

fn packet(sequence: i64, arrival: Instant, payload: &[u8]) -> Ordered<'_> {
    Ordered { sequence, timestamp: sequence * 10, payload_type: 33, marker: false, discontinuity: false, arrival, payload }
}

impl Line {
    fn new(mode: Mode, first: i64) -> Self {
        let mut jitter = Jitter::new(DELAY, 1 << 20);
        jitter.begin(first, mode);
        Self { jitter, now: clock::now(), out: Vec::new() }
    }

    fn push(&mut self, sequence: i64, behind_ms: u64) {
        let (out, payload) = (&mut self.out, sequence.to_be_bytes());
        let packet = packet(sequence, self.now, &payload);
        self.jitter.push(self.now, &packet, Duration::from_millis(behind_ms), &mut |packet| {
            assert_eq!(packet.payload, packet.sequence.to_be_bytes());
            assert_eq!(packet.timestamp, packet.sequence * 10);
            out.push(packet.sequence);
        });
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        let out = &mut self.out;
        self.jitter.release(self.now, &mut |packet| out.push(packet.sequence));
    }

    fn counted(&self) -> [u64; 4] {
        let Stats { lost, late, duplicate, reordered } = self.jitter.stats();
        [lost, late, duplicate, reordered]
    }
}

#[rstest]
#[case::in_order(&[1, 2, 3], &[1, 2, 3], [0, 0, 0, 0])]
#[case::swapped(&[1, 3, 2, 4], &[1, 2, 3, 4], [0, 0, 0, 1])]
#[case::backwards(&[1, 5, 4, 3, 2], &[1, 2, 3, 4, 5], [0, 0, 0, 3])]
#[case::twice(&[1, 2, 4, 4, 3], &[1, 2, 3, 4], [0, 0, 1, 1])]
#[case::behind(&[1, 2, 0], &[1, 2], [0, 1, 0, 0])]
#[case::missing(&[1, 3, 4], &[1], [0, 0, 0, 0])]
#[case::many_missing(&[1, 300, 301], &[1], [0, 0, 0, 0])]
fn orders(#[case] came: &[i64], #[case] goes: &[i64], #[case] counted: [u64; 4]) {
    let mut line = Line::new(Mode::Immediate, 1);
    came.iter().for_each(|sequence| line.push(*sequence, 0));
    assert_eq!(line.out, goes);
    assert_eq!(line.counted(), counted);
}

#[test]
fn a_missing_packet_is_waited_for_but_not_for_long() {
    let mut line = Line::new(Mode::Immediate, 1);
    [1, 3, 4].into_iter().for_each(|sequence| line.push(sequence, 0));
    line.wait(60);
    line.push(7, 0);
    assert_eq!(line.jitter.deadline(), Some(line.now + Duration::from_millis(40)));
    assert_eq!(line.jitter.missing().collect::<Vec<_>>(), [2, 5, 6]);
    line.wait(39);
    assert_eq!(line.out, [1]);
    line.wait(1);
    assert_eq!(line.out, [1, 3, 4]);
    line.push(2, 0);
    line.wait(59);
    assert_eq!(line.out, [1, 3, 4]);
    line.wait(1);
    assert_eq!(line.out, [1, 3, 4, 7]);
    assert_eq!((line.counted(), line.jitter.deadline()), ([3, 1, 0, 0], None));
}

#[test]
fn a_late_packet_does_not_make_those_behind_it_wait_anew() {
    let mut line = Line::new(Mode::Immediate, 1);
    line.push(3, 0);
    line.wait(90);
    line.push(2, 0);
    line.wait(10);
    assert_eq!(line.out, [2, 3]);
}

#[test]
fn playout_takes_jitter_off() {
    let mut line = Line::new(Mode::Playout, 1);
    line.push(1, 0);
    assert_eq!(line.jitter.deadline(), Some(line.now + DELAY));
    line.wait(70);
    // Sent 40 ms behind the first, held up for 30 ms.
    line.push(2, 30);
    line.wait(29);
    assert_eq!(line.out, [0i64; 0]);
    line.wait(1);
    assert_eq!(line.out, [1]);
    line.wait(39);
    assert_eq!(line.out, [1]);
    line.wait(1);
    assert_eq!(line.out, [1, 2]);
    // Later than its time: at once.
    line.push(3, 500);
    assert_eq!(line.out, [1, 2, 3]);
}

/// Another packet of a number that waits for its time, and would leave at once.
#[test]
fn what_waits_is_not_overtaken_by_the_same_number() {
    let mut line = Line::new(Mode::Playout, 1);
    line.push(1, 0);
    line.push(1, 500);
    line.wait(100);
    assert_eq!((&line.out[..], line.counted()), (&[1][..], [0, 0, 1, 0]));
}

#[test]
fn a_hundred_packets_wait_whatever_their_size_but_not_more_beyond_the_bytes() {
    let payload = [0; 20_000];
    let mut jitter = Jitter::new(DELAY, 1 << 20);
    jitter.begin(0, Mode::Immediate);
    let (now, mut out) = (clock::now(), Vec::new());
    for sequence in 1..=101 {
        assert_eq!(out, [0i64; 0]);
        jitter.push(now, &packet(sequence, now, &payload), Duration::ZERO, &mut |packet| out.push(packet.sequence));
    }
    assert_eq!(out, (1..=101).collect::<Vec<_>>());
    assert!(jitter.spare_bytes <= SPARE_BYTES);
}

#[test]
fn what_waits_is_flushed_in_order() {
    let mut line = Line::new(Mode::Playout, 1);
    [1, 4, 2].into_iter().for_each(|sequence| line.push(sequence, 0));
    let out = &mut line.out;
    line.jitter.flush(&mut |packet| out.push(packet.sequence));
    assert_eq!((&line.out[..], line.counted(), line.jitter.waiting()), (&[1, 2, 4][..], [1, 0, 0, 1], (0, 0)));
    line.jitter.begin(90, Mode::Immediate);
    line.push(90, 0);
    assert_eq!(line.out, [1, 2, 4, 90]);
}

#[test]
fn buffers_are_used_again() {
    let mut line = Line::new(Mode::Playout, 0);
    for sequence in 0..1000 {
        line.push(sequence, 0);
        line.wait(10);
    }
    assert_eq!(line.out.len(), 991);
    assert!(line.jitter.spare.len() + line.jitter.waiting().0 <= 11, "{}", line.jitter.spare.len());
}

proptest! {
    /// Packets that are late by less than the delay all come out, in order, once; none waits longer than the delay.
    #[test]
    fn packets_late_by_less_than_the_delay_come_out_in_order(
        late in proptest::collection::vec(0u64..100, 1..400), lost in proptest::collection::btree_set(1usize..400, 0..20),
        twice in proptest::collection::btree_set(0usize..400, 0..20), playout: bool,
    ) {
        let mut line = Line::new(if playout { Mode::Playout } else { Mode::Immediate }, 0);
        let origin = line.now;
        let mut came: Vec<(u64, usize)> = late.iter().enumerate().map(|(index, late)| (index as u64 * 2 + late, index)).collect();
        let again = came.iter().filter(|(_, index)| twice.contains(index)).map(|(at, index)| (at + 1, *index)).collect::<Vec<_>>();
        came.extend(again);
        came.retain(|(_, index)| !lost.contains(index));
        came.sort_unstable();
        let mut handed = std::collections::BTreeMap::new();
        let mut arrivals = std::collections::BTreeMap::new();
        for (at, index) in came {
            // Every millisecond is looked at, as by a driver that keeps the deadline.
            while line.now < origin + Duration::from_millis(at) {
                line.wait(1);
                line.out.iter().for_each(|sequence| { handed.entry(*sequence).or_insert(line.now); });
            }
            arrivals.entry(index as i64).or_insert(line.now);
            line.push(index as i64, late[index]);
            line.out.iter().for_each(|sequence| { handed.entry(*sequence).or_insert(line.now); });
        }
        for _ in 0..200 {
            line.wait(1);
            line.out.iter().for_each(|sequence| { handed.entry(*sequence).or_insert(line.now); });
        }
        let expected: Vec<i64> = (0..late.len()).filter(|index| !lost.contains(index)).map(|index| index as i64).collect();
        prop_assert_eq!(&line.out, &expected);
        for (sequence, at) in handed {
            prop_assert!(at <= arrivals[&sequence] + DELAY);
        }
        prop_assert_eq!(line.jitter.waiting(), (0, 0));
    }

    #[test]
    fn anything_comes_out_at_most_once_and_never_back(
        came in proptest::collection::vec((-400i64..400, 0u64..30, 0usize..30_000, 0u64..200), 0..300), playout: bool,
    ) {
        let mut jitter = Jitter::new(DELAY, 256 * 1024);
        jitter.begin(0, if playout { Mode::Playout } else { Mode::Immediate });
        let (mut now, mut out, payload) = (clock::now(), Vec::new(), [0; 30_000]);
        let mut sequence = 0;
        for (step, ms, length, behind) in &came {
            sequence += step;
            now += Duration::from_millis(*ms);
            let packet = packet(sequence, now, &payload[..*length]);
            jitter.push(now, &packet, Duration::from_millis(*behind), &mut |packet| out.push(packet.sequence));
            prop_assert!(jitter.deadline().is_none_or(|deadline| deadline > now && deadline <= now + DELAY));
            prop_assert!(jitter.waiting().1 <= 256 * 1024 || jitter.waiting().0 <= LEAST_PACKETS);
            let sum: usize = jitter.waiting.iter().map(Waiting::bytes).sum();
            prop_assert_eq!(jitter.waiting().1, sum);
            let spare: usize = jitter.spare.iter().map(Vec::capacity).sum();
            prop_assert_eq!(jitter.spare_bytes, spare);
            prop_assert!(spare <= SPARE_BYTES);
        }
        jitter.flush(&mut |packet| out.push(packet.sequence));
        prop_assert!(out.windows(2).all(|pair| pair[0] < pair[1]));
        let Stats { lost, late, duplicate, .. } = jitter.stats();
        prop_assert_eq!(out.len() as u64 + late + duplicate, came.len() as u64);
        prop_assert_eq!(jitter.next().unwrap() as u64, out.len() as u64 + lost);
    }
}

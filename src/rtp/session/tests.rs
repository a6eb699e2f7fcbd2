//! Streams from a sender that restarts, leaves, falls silent, and has strangers beside it.

use proptest::prelude::*;
use rstest::rstest;

use super::super::header::{self, Datagram};
use super::super::rtcp::Block;
use super::super::testing::{bye, payload, read, rtp, sender_report};
use super::*;
use crate::base::clock;

/// A packet that came out: source, number in the packet, extended number, whether marked.
type Out = (u32, u16, i64, bool);

struct Line {
    session: Session,
    now: Instant,
    out: Vec<Out>,
}

impl Line {
    fn new() -> Self {
        Self::with(Settings { ssrc: 5, cname: "us".into(), ..Settings::default() })
    }

    fn with(settings: Settings) -> Self {
        Self { session: Session::new(Arc::new(settings)), now: clock::now(), out: Vec::new() }
    }

    fn datagram(&mut self, datagram: &[u8]) {
        let out = &mut self.out;
        take(&mut self.session, self.now, datagram, &mut |packet| out.push(seen(&packet)));
    }

    /// One packet, of which the timestamp goes with its number.
    fn push(&mut self, ssrc: u32, sequence: u16) {
        self.datagram(&rtp(ssrc, sequence, u32::from(sequence).wrapping_mul(900)));
    }

    fn push_all(&mut self, ssrc: u32, sequences: impl IntoIterator<Item = u16>) {
        sequences.into_iter().for_each(|sequence| self.push(ssrc, sequence));
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        let out = &mut self.out;
        self.session.tick(self.now, &mut |packet| out.push(seen(&packet)));
    }

    /// What came out since, without extended numbers.
    fn taken(&mut self) -> Vec<(u32, u16)> {
        std::mem::take(&mut self.out).into_iter().map(|(ssrc, sequence, ..)| (ssrc, sequence)).collect()
    }

    fn numbers(&mut self) -> Vec<u16> {
        self.taken().into_iter().map(|(_, sequence)| sequence).collect()
    }
}

/// RTP or RTCP.
fn take(session: &mut Session, now: Instant, datagram: &[u8], out: &mut impl FnMut(Ordered<'_>)) {
    match header::read(datagram) {
        Datagram::Rtp(packet) => session.packet(now, &packet, out),
        Datagram::Rtcp(compound) => session.rtcp(now, compound, out),
        Datagram::TransportStream(_) | Datagram::Other => {}
    }
}

fn seen(packet: &Ordered<'_>) -> Out {
    let (ssrc, sequence) = read(packet.payload);
    assert_eq!(packet.sequence as u16, sequence);
    (ssrc, sequence, packet.sequence, packet.discontinuity)
}

/// What comes out at once, and after the delay.
#[rstest]
#[case::in_order(&[1, 2, 3], &[1, 2, 3], &[])]
#[case::swapped(&[1, 2, 4, 3], &[1, 2, 3, 4], &[])]
#[case::swapped_in_the_beginning(&[65533, 65535, 65534, 0, 2, 1, 3], &[65533, 65534, 65535, 0, 1, 2, 3], &[])]
#[case::second_comes_first(&[6, 5, 7], &[5, 6, 7], &[])]
#[case::one_alone(&[1], &[], &[])]
#[case::twice(&[1, 2, 2, 4, 4, 3], &[1, 2, 3, 4], &[])]
#[case::before_the_first(&[5, 6, 4], &[5, 6], &[])]
#[case::restarted(&[5, 6, 40000, 40001], &[5, 6, 40000, 40001], &[])]
#[case::restarted_out_of_order(&[5, 6, 40000, 40002, 40001], &[5, 6, 40000, 40001, 40002], &[])]
#[case::restarted_while_one_is_missing(&[5, 6, 8, 40000, 40001], &[5, 6, 8, 40000, 40001], &[])]
#[case::the_old_end_comes_late(&[5, 6, 40000, 7, 40001, 40002], &[5, 6, 7, 40000, 40001, 40002], &[])]
#[case::stray(&[5, 6, 40000, 7, 8], &[5, 6, 7, 8], &[])]
#[case::strays_beside(&[5, 6, 40000, 7, 40001, 8], &[5, 6, 7, 8], &[])]
#[case::missing(&[1, 2, 4, 5], &[1, 2], &[4, 5])]
#[case::missing_in_the_beginning(&[1, 3, 4], &[1], &[3, 4])]
#[case::many_missing(&[1, 2, 300, 301], &[1, 2], &[300, 301])]
fn orders(#[case] came: &[u16], #[case] at_once: &[u16], #[case] later: &[u16]) {
    let mut line = Line::new();
    line.push_all(7, came.iter().copied());
    assert_eq!(line.numbers(), at_once);
    line.wait(99);
    assert_eq!(line.numbers(), [0u16; 0]);
    line.wait(1);
    assert_eq!(line.numbers(), later);
}

#[test]
fn numbers_go_on_beyond_what_was_and_a_new_beginning_is_marked() {
    let mut line = Line::new();
    line.push_all(7, [65535, 0, 5]);
    line.push_all(7, [20, 21].map(|sequence| sequence + 5000));
    let expected = [(7, 65535, 65535, false), (7, 0, 65536, false), (7, 5, 65541, false)];
    assert_eq!(line.out[..3], expected);
    assert_eq!(line.out[3..], [(7, 5020, 65536 + 5020, true), (7, 5021, 65536 + 5021, false)]);
    line.push_all(7, [3, 4]);
    assert_eq!(line.out[5..], [(7, 3, 2 * 65536 + 3, true), (7, 4, 2 * 65536 + 4, false)]);
    let stats = line.session.stats();
    assert_eq!((stats.packets, stats.lost), (7, 4));
}

/// The source changes, as of an encoder that is started again: nothing is lost, and nothing of the old one is missed.
#[test]
fn another_source_follows_when_the_first_is_silent() {
    let mut line = Line::new();
    line.push_all(7, [1, 2, 3]);
    line.wait(5);
    line.push_all(8, [500, 501]);
    line.push(7, 4);
    line.wait(60);
    line.push_all(8, [502, 503]);
    assert_eq!(line.taken(), [1, 2, 3, 4].map(|sequence| (7, sequence)));
    assert_eq!(line.session.deadline(), Some(line.now + Duration::from_millis(40)));
    line.wait(40);
    assert!(line.out[0].3);
    assert_eq!(line.taken(), [500, 501, 502, 503].map(|sequence| (8, sequence)));
    assert_eq!((line.session.ssrc(), line.session.held_bytes()), (Some(8), 0));
}

#[test]
fn packets_of_other_sources_change_nothing() {
    let mut line = Line::new();
    line.push_all(7, [65534, 65535]);
    for sequence in 0..2000u16 {
        line.push(7, sequence);
        // Singles, and a source that goes on beside it.
        line.push(1000 + u32::from(sequence), sequence);
        line.push_all(8, [3 * sequence, 3 * sequence + 1, 3 * sequence + 2]);
        line.wait(10);
    }
    let expected = (0..2002).map(|sequence: u16| (7, sequence.wrapping_sub(2))).collect::<Vec<_>>();
    assert!(line.taken() == expected);
    assert_eq!(line.session.ssrc(), Some(7));
}

#[test]
fn single_packets_of_other_sources_change_nothing_while_it_is_silent() {
    let mut line = Line::new();
    line.push_all(7, [1, 2]);
    for ssrc in 0..20 {
        line.push(5000 + ssrc, 9);
        line.push(7, 40_000 + 9 * ssrc as u16);
        line.wait(50);
    }
    line.push(7, 3);
    assert_eq!(line.taken(), [(7, 1), (7, 2), (7, 3)]);
}

#[test]
fn a_goodbye_ends_it_when_what_is_under_way_has_come() {
    let mut line = Line::new();
    line.push_all(7, [1, 2, 4]);
    line.datagram(&bye(8));
    line.datagram(&bye(7));
    line.wait(50);
    line.push(7, 3);
    line.wait(49);
    assert_eq!(line.numbers(), [1, 2, 3, 4]);
    assert_eq!((line.session.ended(), line.session.deadline()), (None, Some(line.now + Duration::from_millis(1))));
    line.wait(1);
    assert_eq!((line.session.ended(), line.session.ssrc(), line.session.deadline()), (Some(Why::Bye), None, None));
    // It comes back, under another name.
    line.push_all(9, [8, 9]);
    assert_eq!(line.out, [(9, 8, 8, true), (9, 9, 9, false)]);
    assert_eq!(line.session.ended(), None);
}

#[test]
fn who_says_goodbye_is_followed_at_once() {
    let mut line = Line::new();
    line.push_all(7, [1, 2]);
    line.datagram(&bye(7));
    line.push_all(8, [8, 9]);
    assert_eq!(line.taken(), [(7, 1), (7, 2), (8, 8), (8, 9)]);
}

#[test]
fn silence_ends_it() {
    let mut line = Line::new();
    line.push_all(7, [1, 2, 4]);
    line.wait(29_999);
    assert_eq!((line.session.ended(), line.numbers()), (None, vec![1, 2, 4]));
    line.wait(1);
    assert_eq!(line.session.ended(), Some(Why::Idle));
}

#[test]
fn the_second_way_of_a_stream_is_no_second_beginning() {
    let mut line = Line::new();
    for sequence in 0..3000u16 {
        line.push(7, sequence);
        // Bursts of a second way that lags behind by more than may be out of order.
        if sequence % 50 == 49 && sequence > 700 {
            line.push_all(7, sequence - 549..sequence - 499);
        }
        line.wait(1);
    }
    let stats = line.session.stats();
    assert_eq!((line.out.len(), stats.lost, stats.duplicate), (3000, 0, 46 * 50));
    assert!(line.out.iter().all(|(.., marked)| !marked));
}

#[test]
fn what_is_waited_for_may_be_further_behind_than_packets_are_out_of_order() {
    let mut line = Line::new();
    line.push_all(7, [0, 1]);
    line.push_all(7, 300..600);
    line.push_all(7, 2..300);
    assert_eq!(line.numbers(), (0..600).collect::<Vec<_>>());
    assert_eq!(line.session.stats().reordered, 298);
}

#[test]
fn the_wall_clock_is_that_of_the_last_report() {
    let mut line = Line::new();
    line.push_all(7, [1, 2]);
    assert_eq!(line.session.wallclock(), None);
    line.datagram(&[sender_report(7, 100 << 32, 900), sender_report(8, 1, 1)].concat());
    let wallclock = line.session.wallclock().unwrap();
    assert_eq!(wallclock.at(90_900), Ntp(101 << 32));
    line.datagram(&sender_report(7, 0, 0));
    assert_eq!(line.session.wallclock(), Some(wallclock), "a sender without a wall clock says 0");
}

#[test]
fn a_report_that_comes_with_the_first_packet_is_kept() {
    let mut line = Line::new();
    line.push(7, 1);
    line.datagram(&sender_report(7, 100 << 32, 900));
    line.wait(20);
    line.push(7, 2);
    assert_eq!(line.session.wallclock().map(|clock| clock.at(90_900)), Some(Ntp(101 << 32)));
    assert_eq!(line.session.source.as_ref().unwrap().report.unwrap().0, line.now - Duration::from_millis(20));
}

#[test]
fn reports_tell_what_came() {
    let mut line = Line::new();
    line.push_all(7, [10, 11, 13]);
    line.datagram(&sender_report(7, 0x1234_5678_9ABC_DEF0, 900));
    assert_eq!(line.session.report(line.now), None);
    line.wait(4000);
    let report = line.session.report(line.now).expect("the first one is due early");
    let delay = 4 << 16;
    let block = Block {
        ssrc: 7,
        fraction_lost: 64,
        cumulative_lost: 1,
        highest: 13,
        jitter: line.session.source.as_ref().unwrap().transit.jitter(),
        last_sender_report: 0x5678_9ABC,
        delay_since_last_sender_report: delay,
    };
    assert_eq!(Some(report), rtcp::build(5, "us", Some(block), None));
    assert_eq!(line.session.report(line.now), None);
    let due = line.session.deadline().unwrap() - line.now;
    assert!(due > Duration::from_millis(2050), "{due:?}");
}

#[test]
fn pictures_are_asked_for_but_not_too_often() {
    let mut line = Line::new();
    assert_eq!(line.session.picture_loss(line.now), None);
    line.push_all(7, [1, 2]);
    let picture = rtcp::build(5, "us", None, Some(7));
    assert_eq!(line.session.picture_loss(line.now), picture);
    line.wait(499);
    assert_eq!(line.session.picture_loss(line.now), None);
    line.wait(1);
    assert_eq!(line.session.picture_loss(line.now), picture);
}

#[test]
fn our_source_is_never_theirs() {
    let mut line = Line::new();
    line.push_all(5, [1, 2]);
    let asked = line.session.picture_loss(line.now).unwrap();
    assert_eq!(asked[4..8], (!5u32).to_be_bytes());
}

#[test]
fn timestamps_do_not_wrap() {
    let mut line = Line::new();
    let mut timestamps = Vec::new();
    for (sequence, timestamp) in [(1, u32::MAX - 1), (2, 5), (3, u32::MAX), (4, 9)] {
        take(&mut line.session, line.now, &rtp(7, sequence, timestamp), &mut |packet| timestamps.push(packet.timestamp));
    }
    let top = i64::from(u32::MAX);
    assert_eq!(timestamps, [top - 1, top + 6, top, top + 10]);
}

proptest! {
    /// Packets shuffled within the delay, some lost: all others come out, in order, once, from the first on.
    #[test]
    fn shuffled_packets_come_out_in_order(
        start: u16, count in 1usize..400, swaps in proptest::collection::vec((0usize..400, 0usize..20), 0..60),
        lost in proptest::collection::btree_set(1usize..400, 0..20),
    ) {
        let mut order: Vec<usize> = (0..count).collect();
        for (at, by) in swaps {
            if at + by < count {
                order.swap(at, at + by);
            }
        }
        order.retain(|index| !lost.contains(index));
        // Two of consecutive numbers, whatever became of the others.
        order.extend([count, count + 1]);
        let mut line = Line::new();
        order.iter().for_each(|index| line.push(7, start.wrapping_add(*index as u16)));
        line.wait(100);
        let expected = (0..count + 2).filter(|index| order.contains(index)).map(|index| start.wrapping_add(index as u16));
        let begun = line.out.first().map(|(_, sequence, ..)| sequence.wrapping_sub(start)).unwrap_or(0);
        // Whoever was swapped with the first across the probation comes from before the beginning, or is kept and comes out.
        let expected: Vec<u16> = expected.skip_while(|sequence| sequence.wrapping_sub(start) < begun).collect();
        prop_assert_eq!(line.numbers(), expected);
        let late = order.iter().filter(|index| (**index as u16) < begun).count() as u64;
        prop_assert_eq!((line.session.stats().duplicate, line.session.stats().late), (0, late));
    }

    /// Whatever comes: each packet goes out at most once, extended numbers only grow, and memory is bounded.
    #[test]
    fn anything_comes_out_at_most_once(
        came in proptest::collection::vec((0u32..3, prop_oneof![0u16..20, any::<u16>()], 0u32..3, 0u64..60, 0u8..10), 0..300),
    ) {
        let mut line = Line::with(Settings { most_bytes: 4096, ..Settings::default() });
        let mut last = [0u16; 3];
        let mut handed = std::collections::BTreeMap::new();
        let mut pushed = std::collections::BTreeMap::new();
        for (ssrc, sequence, timestamp, ms, how) in came {
            let last = &mut last[ssrc as usize];
            *last = if how < 7 { last.wrapping_add(1) } else { sequence };
            let datagram = match how {
                9 => bye(ssrc),
                _ => {
                    *pushed.entry((ssrc, *last)).or_insert(0) += 1;
                    rtp(ssrc, *last, timestamp)
                }
            };
            line.datagram(&datagram);
            line.wait(ms);
            line.session.report(line.now);
            prop_assert!(line.session.deadline().is_none_or(|deadline| deadline > line.now));
            prop_assert!(line.session.held_bytes() < 64 * 1024);
        }
        let out = &mut line.out;
        line.session.flush(&mut |packet| out.push(seen(&packet)));
        for (ssrc, sequence, ..) in &line.out {
            *handed.entry((*ssrc, *sequence)).or_insert(0) += 1;
        }
        for (packet, times) in handed {
            prop_assert!(times <= pushed[&packet], "{packet:?}");
        }
        prop_assert!(line.out.windows(2).all(|pair| pair[0].2 < pair[1].2));
        // What is from another source is marked.
        prop_assert!(line.out.windows(2).all(|pair| pair[0].0 == pair[1].0 || pair[1].3));
    }

    #[test]
    fn any_datagram_is_taken(came in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..40), rtp: bool) {
        let mut session = Session::new(Arc::new(Settings::default()));
        let now = clock::now();
        for mut datagram in came {
            if let (true, [first, _, _, number, .., ssrc]) = (rtp, &mut datagram[..]) {
                (*first, *number, *ssrc) = (0x80 | *first & 0x3F, *number % 4, 0);
            }
            take(&mut session, now, &datagram, &mut |packet| assert!(packet.payload.len() < 40));
        }
        let _ = (session.report(now), session.picture_loss(now), session.stats());
        session.flush(&mut |_| {});
    }

    /// A sender that restarts, with gaps shorter than any delay: nothing that it sends in order is lost, from the first packet on.
    #[test]
    fn nothing_is_lost_of_a_sender_that_restarts(
        runs in proptest::collection::vec((any::<u16>(), any::<u32>(), 2u16..200, any::<bool>()), 1..8),
    ) {
        let mut line = Line::new();
        let (mut ssrc, mut expected) = (1, 0);
        for (start, timestamp, count, other) in runs {
            // A source of its own, or numbers so far away that they are no loss.
            ssrc += u32::from(other);
            let start = if other { start } else { line.out.last().map_or(0, |last| last.1).wrapping_add(3000 + start % 60_000) };
            for index in 0..count {
                line.datagram(&rtp(ssrc, start.wrapping_add(index), timestamp));
                line.wait(2);
            }
            expected += usize::from(count);
            line.wait(100);
            prop_assert_eq!(line.out.len(), expected);
            prop_assert_eq!(payload(line.out[expected - 1].0, line.out[expected - 1].1), payload(ssrc, start.wrapping_add(count - 1)));
        }
        prop_assert_eq!(line.session.stats().lost, 0);
    }
}

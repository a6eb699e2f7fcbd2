//! Several senders at one port: beside each other, after each other, and too many.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::header::{self, Datagram};
use super::super::testing::{bye, read, rtp, rtp_of, sender_report};
use super::*;
use crate::base::clock;

/// What came out, of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Out {
    Began(u64, u32),
    Packet(u64, u32, u16),
    Marked(u64, u32, u16),
    Ended(u64, Why),
    Refused(u32),
}
use Out::{Began, Ended, Marked, Refused};

struct Line {
    table: Table,
    now: Instant,
    out: Vec<Out>,
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 168, 1, 9], port))
}

fn elsewhere(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 168, 1, 10], port))
}

fn seen(event: Event<'_>) -> Out {
    match event {
        Event::Began { id, ssrc, .. } => Began(id.0, ssrc),
        Event::Packet { id, packet } => {
            let (ssrc, sequence) = read(packet.payload);
            if packet.discontinuity { Marked(id.0, ssrc, sequence) } else { Out::Packet(id.0, ssrc, sequence) }
        }
        Event::Ended { id, why } => Ended(id.0, why),
        Event::Refused { ssrc, .. } => Refused(ssrc),
    }
}

impl Line {
    fn new() -> Self {
        Self { table: Table::new(Settings { ssrc: 5, ..Settings::default() }), now: clock::now(), out: Vec::new() }
    }

    fn datagram(&mut self, from: SocketAddr, datagram: &[u8]) {
        let out = &mut self.out;
        match header::read(datagram) {
            Datagram::Rtp(packet) => self.table.packet(self.now, from, &packet, &mut |event| out.push(seen(event))),
            Datagram::Rtcp(compound) => self.table.rtcp(self.now, ReportTo { to: from, multiplexed: true }, compound),
            Datagram::TransportStream(_) | Datagram::Other => {}
        }
    }

    fn push(&mut self, port: u16, ssrc: u32, sequences: impl IntoIterator<Item = u16>) {
        sequences.into_iter().for_each(|sequence| self.datagram(at(port), &rtp(ssrc, sequence, 0)));
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        let out = &mut self.out;
        self.table.tick(self.now, &mut |event| out.push(seen(event)));
    }

    fn taken(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }
}

fn packets(id: u64, ssrc: u32, sequences: impl IntoIterator<Item = u16>) -> impl Iterator<Item = Out> {
    sequences.into_iter().map(move |sequence| Out::Packet(id, ssrc, sequence))
}

fn begun(id: u64, ssrc: u32, sequences: impl IntoIterator<Item = u16>) -> Vec<Out> {
    std::iter::once(Began(id, ssrc)).chain(packets(id, ssrc, sequences)).collect()
}

#[test]
fn senders_are_kept_apart() {
    let mut line = Line::new();
    line.push(5000, 7, [1]);
    line.push(6000, 7, [900]);
    assert_eq!((line.taken(), line.table.entries().count()), (vec![], 0));
    line.push(6000, 7, [901]);
    line.push(5000, 7, [2]);
    assert_eq!(line.taken(), [begun(0, 7, [900, 901]), begun(1, 7, [1, 2])].concat());
    line.push(5000, 7, [3]);
    line.push(6000, 7, [902]);
    assert_eq!(line.taken(), packets(1, 7, [3]).chain(packets(0, 7, [902])).collect::<Vec<_>>());
}

#[test]
fn another_source_of_a_silent_sender_is_the_same_stream() {
    let mut line = Line::new();
    line.push(5000, 7, [1, 2]);
    line.taken();
    line.wait(10);
    line.push(5000, 8, [50, 51]);
    line.push(5000, 7, [3]);
    line.wait(60);
    line.push(5000, 8, [52]);
    assert_eq!(line.taken(), packets(0, 7, [3]).collect::<Vec<_>>());
    assert_eq!(line.table.deadline(), Some(line.now + Duration::from_millis(40)));
    line.wait(40);
    assert_eq!(line.taken(), std::iter::once(Marked(0, 8, 50)).chain(packets(0, 8, [51, 52])).collect::<Vec<_>>());
    line.push(5000, 8, [53]);
    assert_eq!(line.taken(), packets(0, 8, [53]).collect::<Vec<_>>());
    assert_eq!(line.table.held_bytes(), 0);
}

#[test]
fn another_source_beside_it_is_a_stream_of_its_own() {
    let mut line = Line::new();
    line.push(5000, 7, [1, 2]);
    line.push(5000, 8, [50, 51]);
    line.wait(10);
    line.push(5000, 7, [3]);
    line.push(5000, 8, [52]);
    line.taken();
    line.wait(10);
    line.push(5000, 7, [4]);
    assert_eq!(line.taken(), [packets(0, 7, [4]).collect(), begun(1, 8, [50, 51, 52])].concat());
}

#[test]
fn another_payload_type_is_a_stream_of_its_own_at_once() {
    let mut line = Line::new();
    line.push(5000, 7, [1, 2]);
    line.datagram(at(5000), &rtp_of(96, 8, 50, 0));
    line.datagram(at(5000), &rtp_of(96, 8, 51, 0));
    assert_eq!(line.taken(), [begun(0, 7, [1, 2]), begun(1, 8, [50, 51])].concat());
}

#[test]
fn wild_sources_evict_nobody_and_are_bounded() {
    let mut line = Line::new();
    line.push(5000, 7, [1, 2]);
    line.taken();
    let mut most = 0;
    for stray in 0..50_000u32 {
        let big = [rtp(stray + 100, stray as u16, 0), vec![0; 1300]].concat();
        line.datagram(at((stray % 60_000) as u16), &big);
        most = most.max(line.table.held_bytes());
        if stray % 1000 == 0 {
            line.push(5000, 7, [3 + (stray / 1000) as u16]);
            line.wait(20);
        }
    }
    assert_eq!(line.taken(), packets(0, 7, 3..53).collect::<Vec<_>>());
    assert!(line.table.candidates.len() <= TRIED && most < TRIED * 2000, "{most}");
}

#[test]
fn there_is_room_for_thirty_and_only_the_silent_make_more() {
    let mut line = Line::new();
    for port in 1..=27 {
        line.push(port, 7, [1, 2]);
    }
    for port in 28..=30 {
        [1, 2].into_iter().for_each(|sequence| line.datagram(elsewhere(port), &rtp(7, sequence, 0)));
    }
    assert_eq!(line.table.entries().count(), 30);
    line.taken();
    line.push(31, 7, [1, 2, 3, 4]);
    assert_eq!(line.taken(), [Refused(7)]);
    line.wait(4999);
    (1..=27).filter(|port| *port != 4).for_each(|port| line.push(port, 7, [3]));
    (28..=30).for_each(|port| line.datagram(elsewhere(port), &rtp(7, 3, 0)));
    line.taken();
    line.push(31, 7, [5, 6]);
    assert_eq!(line.taken(), [Refused(7)]);
    line.wait(1);
    line.push(31, 7, [7, 8]);
    assert_eq!(line.taken(), [vec![Ended(3, Why::Idle)], begun(30, 7, [7, 8])].concat());
    line.wait(1000);
    line.push(32, 7, [1, 2]);
    assert_eq!((line.taken(), line.table.entries().count()), (vec![Refused(7)], 30));
}

#[test]
fn a_goodbye_from_the_port_beside_ends_one_session() {
    let mut line = Line::new();
    line.push(5000, 7, [1, 2]);
    line.push(6000, 8, [1, 2]);
    line.taken();
    let elsewhere = SocketAddr::from(([192, 168, 1, 8], 5001));
    line.table.rtcp(line.now, ReportTo { to: elsewhere, multiplexed: false }, &bye(7));
    line.table.rtcp(line.now, ReportTo { to: at(6001), multiplexed: false }, &bye(8));
    line.wait(100);
    assert_eq!(line.taken(), [Ended(1, Why::Bye)]);
    line.wait(29_899);
    assert_eq!(line.taken(), []);
    line.wait(1);
    assert_eq!((line.taken(), line.table.deadline()), (vec![Ended(0, Why::Idle)], None));
}

#[test]
fn a_goodbye_that_is_not_kept_ends_nothing() {
    let mut line = Line::new();
    line.push(5000, 7, [1, 2]);
    line.datagram(at(5000), &bye(7));
    line.taken();
    line.now += Duration::from_millis(30);
    line.push(5000, 7, [3]);
    line.wait(200);
    assert_eq!(line.taken(), packets(0, 7, [3]).collect::<Vec<_>>());
}

#[test]
fn a_goodbye_is_kept_by_packets_that_come_after_all() {
    let mut line = Line::new();
    line.push(5000, 7, [1, 2]);
    line.datagram(at(5000), &bye(7));
    line.taken();
    line.now += Duration::from_millis(100);
    line.push(5000, 7, [3]);
    assert_eq!(line.taken(), packets(0, 7, [3]).chain([Ended(0, Why::Bye)]).collect::<Vec<_>>());
    line.push(5000, 7, [4, 5]);
    assert_eq!(line.taken(), begun(1, 7, [4, 5]));
}

#[test]
fn sources_of_one_number_are_told_apart_by_their_ports() {
    let mut line = Line::new();
    line.push(5000, 0, [1, 2]);
    line.push(5002, 0, [1, 2]);
    line.taken();
    line.table.rtcp(line.now, ReportTo { to: at(5003), multiplexed: false }, &bye(0));
    line.wait(100);
    assert_eq!(line.taken(), [Ended(1, Why::Bye)]);
}

#[test]
fn reports_go_where_those_of_the_sender_come_from() {
    let mut line = Line::new();
    for (port, ssrc) in [(5000, 7), (6000, 8), (7000, 9)] {
        line.push(port, ssrc, [1, 2]);
    }
    line.datagram(at(6000), &sender_report(8, 1 << 32, 0));
    line.table.rtcp(line.now, ReportTo { to: at(7777), multiplexed: false }, &sender_report(9, 1 << 32, 0));
    line.wait(4000);
    let mut sent = BTreeMap::new();
    line.table.reports(line.now, &mut |to, report| {
        assert_eq!(report[4..8], [0, 0, 0, 5]);
        sent.insert(report[11], to);
    });
    let expected = [(7, 5001, false), (8, 6000, true), (9, 7777, false)];
    let expected = expected.map(|(ssrc, port, multiplexed)| (ssrc, ReportTo { to: at(port), multiplexed }));
    assert_eq!(sent, BTreeMap::from(expected));
}

#[test]
fn a_report_that_comes_with_the_first_packet_is_kept() {
    let mut line = Line::new();
    line.push(5000, 7, [1]);
    let from = ReportTo { to: at(9000), multiplexed: false };
    line.table.rtcp(line.now, ReportTo { to: SocketAddr::from(([10, 0, 0, 1], 9000)), ..from }, &sender_report(7, 1, 0));
    line.table.rtcp(line.now, from, &sender_report(7, 1 << 32, 0));
    line.push(5000, 7, [2]);
    let entry = line.table.get_mut(Id(0)).unwrap();
    assert_eq!((entry.session().wallclock().unwrap().ntp.0, entry.report_to()), (1 << 32, Some(from)));
}

#[test]
fn a_session_that_is_removed_may_begin_again() {
    let mut line = Line::new();
    line.push(5000, 7, [1, 2]);
    assert_eq!(line.table.remove(Id(0)).map(|entry| (entry.id(), entry.from())), Some((Id(0), at(5000))));
    line.taken();
    line.push(5000, 7, [3, 4]);
    assert_eq!(line.taken(), begun(1, 7, [3, 4]));
    let entry = line.table.get_mut(Id(1)).unwrap();
    assert_eq!((entry.session().ssrc(), entry.session.picture_loss(line.now).is_some()), (Some(7), true));
}

proptest! {
    /// Whatever comes: sessions begin before they do anything and end once, numbers grow, and memory and sessions are bounded.
    #[test]
    fn anything_is_kept_apart(
        came in proptest::collection::vec((0u16..4, 0u32..4, any::<u16>(), 0u64..200, 0u8..12), 0..300),
    ) {
        let mut line = Line::new();
        line.table = Table::new(Settings { sessions: 3, ..Settings::default() });
        let mut last = [[0u16; 4]; 4];
        let mut pushed = 0;
        for (port, ssrc, sequence, ms, how) in came {
            let last = &mut last[usize::from(port)][ssrc as usize];
            *last = if how < 10 { last.wrapping_add(1) } else { sequence };
            pushed += 1;
            match how {
                11 => line.datagram(at(port), &bye(ssrc)),
                10 => line.wait(ms * 40),
                _ => line.push(port, ssrc, [*last]),
            }
            if how % 3 == 0 {
                line.wait(ms);
                line.table.reports(line.now, &mut |_, _| {});
                prop_assert!(line.table.deadline().is_none_or(|deadline| deadline > line.now));
            }
            prop_assert!(line.table.entries().count() <= 3 && line.table.held_bytes() < 64 * 1024);
        }
        line.wait(60_000);
        prop_assert_eq!((line.table.entries().count(), line.table.deadline()), (0, None));
        let mut state = BTreeMap::new();
        let mut packets = 0;
        for event in &line.out {
            match event {
                Began(id, ssrc) => prop_assert!(state.insert(*id, Some(*ssrc)).is_none()),
                Out::Packet(id, ssrc, _) => {
                    packets += 1;
                    prop_assert_eq!(state[id], Some(*ssrc));
                }
                Marked(id, ssrc, _) => {
                    packets += 1;
                    prop_assert!(state[id].is_some());
                    state.insert(*id, Some(*ssrc));
                }
                Ended(id, _) => prop_assert!(state.insert(*id, None).flatten().is_some()),
                Refused(_) => {}
            }
        }
        prop_assert!(packets <= pushed);
        prop_assert!(state.values().all(Option::is_none));
    }
}

#[test]
fn no_host_keeps_the_others_out() {
    let mut line = Line::new();
    line.table = Table::new(Settings { sessions: 8, ..Settings::default() });
    for n in 0..8 {
        line.push(5000 + 2 * n, 100 + u32::from(n), [1, 2]);
    }
    assert_eq!(line.table.entries().count(), 7, "one host has not all of the room");
    for n in 0..2 {
        [1, 2].into_iter().for_each(|sequence| line.datagram(elsewhere(5000 + n), &rtp(200 + u32::from(n), sequence, 0)));
    }
    assert_eq!(line.table.entries().count(), 8);
}

#[test]
fn a_radio_that_sends_now_and_then_is_not_gone_in_between() {
    let mut line = Line::new();
    for sequence in 1..20 {
        line.push(5000, 7, [sequence]);
        line.wait(150);
    }
    line.taken();
    // Another one of the same socket begins: it is another stream, and not the first one anew.
    line.push(5000, 8, [1, 2]);
    line.wait(150);
    line.push(5000, 7, [20]);
    line.push(5000, 8, [3]);
    line.wait(150);
    line.push(5000, 7, [21]);
    line.push(5000, 8, [4]);
    assert!(line.taken().contains(&Began(1, 8)));
    assert_eq!(line.table.entries().count(), 2);
}

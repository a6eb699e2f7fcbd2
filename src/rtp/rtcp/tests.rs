//! Packets byte by byte, and both ways.

use proptest::prelude::*;
use rstest::rstest;

use super::super::probation::Order;
use super::*;
use crate::base::clock;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Owned {
    Report(u32, u64, u32, u32, u32),
    Bye(u32),
}

fn all(datagram: &[u8]) -> Result<Vec<Owned>, NotRtcp> {
    let mut told = Vec::new();
    read(datagram, &mut |one| {
        assert!(one.ssrc() != 0xDEAD);
        told.push(match one {
            Told::SenderReport(SenderReport { ssrc, ntp, timestamp, packets, octets }) => {
                Owned::Report(ssrc, ntp, timestamp, packets, octets)
            }
            Told::Bye { ssrc } => Owned::Bye(ssrc),
        });
    })?;
    Ok(told)
}

const SR: &[u8] = &[0x80, 200, 0, 6, 0, 0, 0, 7, 0xE0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 1, 0];
const RR: &[u8] = &[0x80, 201, 0, 1, 0, 0, 0, 7];
const SDES: &[u8] = &[0x81, 202, 0, 3, 0, 0, 0, 7, 1, 3, b'a', b'@', b'b', 0, 0, 0];
const BYE: &[u8] = &[0x81, 203, 0, 1, 0, 0, 0, 7];
/// An item of which the length goes beyond the packet.
const BROKEN_SDES: &[u8] = &[0x81, 202, 0, 2, 0, 0, 0, 7, 1, 9, b'a', 0];
const XR: &[u8] = &[0x80, 207, 0, 1, 0, 0, 0, 7];

fn report() -> Owned {
    Owned::Report(7, 0xE000_0001_8000_0000, 0x1234, 9, 256)
}

#[rstest]
#[case::sender_report(&[SR], vec![report()])]
#[case::compound(&[SR, SDES], vec![report()])]
#[case::bye(&[RR, SDES, BYE], vec![Owned::Bye(7)])]
#[case::of_reduced_size(&[BYE], vec![Owned::Bye(7)])]
#[case::behind_a_broken_one(&[SR, BROKEN_SDES, BYE], vec![report(), Owned::Bye(7)])]
#[case::behind_another_type(&[XR, BYE], vec![Owned::Bye(7)])]
#[case::bye_of_two(&[&[0x82, 203, 0, 2, 0, 0, 0, 7, 0, 0, 0, 8][..]], vec![Owned::Bye(7), Owned::Bye(8)])]
#[case::bye_of_more_than_there_are(&[&[0x83, 203, 0, 1, 0, 0, 0, 7][..]], vec![])]
fn compounds_are_read(#[case] packets: &[&[u8]], #[case] told: Vec<Owned>) {
    assert_eq!(all(&packets.concat()), Ok(told));
}

#[rstest]
#[case::nothing(&[])]
#[case::short(&SR[..3])]
#[case::cut(&SR[..27])]
#[case::cut_in_the_second(&[SR, &BYE[..7]].concat())]
#[case::another_version_in_the_second(&[SR, &[0x41, 203, 0, 1, 0, 0, 0, 7]].concat())]
fn what_is_no_compound_says_nothing(#[case] datagram: &[u8]) {
    assert_eq!(all(datagram), Err(NotRtcp));
}

const BLOCK: Block = Block {
    ssrc: 7,
    fraction_lost: 64,
    cumulative_lost: -2,
    highest: 0x1_0005,
    jitter: 9,
    last_sender_report: 0x0001_8000,
    delay_since_last_sender_report: 0x1_0000,
};

#[test]
fn a_report_byte_by_byte() {
    let mut expected = vec![
        0x81, 201, 0, 7, 0, 0, 0, 5, 0, 0, 0, 7, 64, 0xFF, 0xFF, 0xFE, 0, 1, 0, 5, 0, 0, 0, 9, 0, 1, 0x80, 0, 0, 1, 0, 0, 0x81,
        202, 0, 3, 0, 0, 0, 5, 1, 3, b'a', b'@', b'b', 0, 0, 0,
    ];
    assert_eq!(build(5, "a@b", Some(BLOCK), None), Some(expected.clone()));
    expected.extend([0x81, 206, 0, 2, 0, 0, 0, 5, 0, 0, 0, 7]);
    assert_eq!(build(5, "a@b", Some(BLOCK), Some(7)), Some(expected));
    let alone = build(5, "a@b", None, None).unwrap();
    assert_eq!(alone[..8], [0x80, 201, 0, 1, 0, 0, 0, 5]);
}

#[test]
fn a_long_name_is_cut_between_letters() {
    let name = "é".repeat(200);
    let bytes = build(5, &name, None, None).unwrap();
    // Behind the receiver report, the header, and our source.
    let (item, rest) = bytes[16..].split_at(2 + 254);
    assert_eq!((&item[..2], &item[2..], rest[0]), (&[1, 254][..], &name.as_bytes()[..254], 0));
}

/// Packets from one number to another; `None`: a report is made.
#[rstest]
#[case::all(&[Some((1, 10)), None], (0, 0))]
#[case::a_quarter(&[Some((1, 1)), Some((3, 4)), None], (64, 1))]
#[case::then_none(&[Some((1, 1)), Some((3, 4)), None, Some((5, 8)), None], (0, 1))]
#[case::then_half(&[Some((1, 4)), None, Some((6, 6)), None], (128, 1))]
#[case::then_nothing_came(&[Some((1, 4)), None, None], (0, 0))]
fn losses(#[case] came: &[Option<(u16, u16)>], #[case] told: (u8, i32)) {
    let mut order = Order::begin(clock::now(), 1, None);
    let (mut losses, mut last) = (Losses::default(), (0, 0));
    for part in came {
        match *part {
            Some((from, to)) => (from..=to).for_each(|sequence| _ = order.take(clock::now(), sequence, 0, 0)),
            None => last = losses.next(&order),
        }
    }
    assert_eq!(last, told);
}

#[test]
fn repeated_packets_make_the_loss_negative() {
    let mut order = Order::begin(clock::now(), 1, None);
    let mut losses = Losses::default();
    [1, 2, 2, 2].into_iter().for_each(|sequence| _ = order.take(clock::now(), sequence, 0, 0));
    assert_eq!(losses.next(&order), (0, -2));
}

#[rstest]
#[case::plenty(2, 1_000_000, false, 0, 2052)]
#[case::latest(2, 1_000_000, false, u32::MAX, 6156)]
#[case::first(2, 1_000_000, true, 0, 1026)]
#[case::hardly_any(2, 100, false, u32::MAX, 73_874)]
#[case::many(1000, 100_000, false, 0, 10_944)]
#[case::no_media_yet(2, 0, true, 0, 24_624)]
fn reports_are_rare(#[case] members: u32, #[case] rate: u64, #[case] first: bool, #[case] random: u32, #[case] ms: u128) {
    assert_eq!(interval(members, rate, 100, first, random).as_millis(), ms);
}

proptest! {
    #[test]
    fn any_datagram_is_read(datagram in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = all(&datagram);
    }

    /// Right headers, of the types that are looked into, with anything in them.
    #[test]
    fn any_packets_are_read(packets in proptest::collection::vec((0u8..64, 200u8..208, proptest::collection::vec(any::<u32>(), 0..12)), 1..5)) {
        let mut datagram = Vec::new();
        for (flags, kind, words) in packets {
            datagram.extend([0x80 | flags, kind, 0, words.len() as u8]);
            words.iter().for_each(|word| datagram.extend(word.to_be_bytes()));
        }
        let mut count = 0;
        prop_assert_eq!(read(&datagram, &mut |_| count += 1), Ok(()));
        prop_assert!(count <= datagram.len());
    }

    #[test]
    fn what_is_built_is_read_by_the_library(ours: u32, name in "\\PC{0,300}", ssrc: u32, lost: i32, asked: bool) {
        let block = Block { ssrc, cumulative_lost: lost, ..BLOCK };
        let bytes = build(ours, &name, Some(block), asked.then_some(ssrc)).unwrap();
        let packets: Vec<_> = Compound::parse(&bytes).unwrap().collect();
        prop_assert_eq!(packets.len(), if asked { 3 } else { 2 });
        if asked {
            let at = bytes.len() - packets[2].as_ref().unwrap().length();
            prop_assert!(PayloadFeedback::parse(&bytes[at..]).unwrap().parse_fci::<Pli<'_>>().is_ok());
        }
    }
}

use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::ingest::depay::testing::{Given, Sent, anything, depacketiser, is_part_of, lose, losses, numbered, plain, run};
use crate::ingest::depay::{Depacketiser, Packet};

fn depay() -> Depacketiser {
    depacketiser("AV1", 90_000, "profile=0;level-idx=8").unwrap()
}

/// An OBU: type, extension byte, payload.
#[derive(Debug, Clone)]
struct Obu {
    kind: u8,
    extension: Option<u8>,
    payload: Vec<u8>,
}

impl Obu {
    /// As it is sent, with a size of its own or, as it SHOULD be, without.
    fn sent(&self, sized: bool) -> Vec<u8> {
        let extension = if self.extension.is_some() { HAS_EXTENSION } else { 0 };
        let mut bytes = vec![self.kind << 3 | extension | if sized { HAS_SIZE } else { 0 }];
        bytes.extend(self.extension);
        if sized {
            let (size, length) = to_leb128(self.payload.len());
            bytes.extend(&size[..length]);
        }
        bytes.extend(&self.payload);
        bytes
    }
}

/// What is to come of it.
fn low_overhead(unit: &[Obu]) -> Vec<u8> {
    let kept = unit.iter().filter(|obu| ![TEMPORAL_DELIMITER, TILE_LIST].contains(&obu.kind));
    let obus: Vec<u8> = kept.flat_map(|obu| obu.sent(true)).collect();
    [&DELIMITER[..], &obus].concat()
}

/// How packets are made.
#[derive(Debug, Clone, Copy)]
struct Style {
    most: usize,
    /// W tells the number of elements where it can, so that the last one has no length.
    counted: bool,
    sized: bool,
    marked: bool,
    first: u16,
    time: u32,
}

fn style() -> impl Strategy<Value = Style> {
    let parts = (4usize..1500, any::<bool>(), any::<bool>(), any::<u16>(), any::<u32>());
    parts.prop_map(|(most, counted, sized, first, time)| Style { most, counted, sized, marked: true, first, time })
}

/// Fills packets of at most so many bytes with elements; an OBU that does not fit is cut.
fn packetise(units: &[Vec<Obu>], style: Style) -> Vec<Sent> {
    let mut packets = Vec::new();
    for (n, unit) in units.iter().enumerate() {
        let timestamp = style.time.wrapping_add(n as u32 * 3000);
        // Elements of packets, each with whether it continues one.
        let mut filled: Vec<(bool, bool, Vec<Vec<u8>>)> = vec![(false, false, vec![])];
        let mut room = style.most;
        for obu in unit {
            let bytes = obu.sent(style.sized);
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                // A length of two bytes at most, and a byte of the element at least.
                if room < 3 {
                    let cut = rest.len() < bytes.len();
                    filled.last_mut().unwrap().1 = cut;
                    filled.push((cut, false, vec![]));
                    room = style.most;
                }
                let (part, after) = rest.split_at(rest.len().min(room - 2));
                filled.last_mut().unwrap().2.push(part.to_vec());
                room -= 2 + part.len();
                rest = after;
                if !rest.is_empty() {
                    room = 0;
                }
            }
        }
        let last = filled.len() - 1;
        for (at, (continues, goes_on, elements)) in filled.into_iter().enumerate() {
            let count = if style.counted && elements.len() <= 3 { elements.len() } else { 0 };
            let begins = at == 0 && unit.first().is_some_and(|obu| obu.kind == SEQUENCE_HEADER);
            let mut payload =
                vec![u8::from(continues) << 7 | u8::from(goes_on) << 6 | (count as u8) << 4 | u8::from(begins) << 3];
            for (n, element) in elements.iter().enumerate() {
                if n + 1 != count {
                    let (size, length) = to_leb128(element.len());
                    payload.extend(&size[..length]);
                }
                payload.extend(element);
            }
            packets.push((timestamp, style.marked && at == last, payload));
        }
    }
    numbered(style.first, packets)
}

fn unit(begins: bool) -> impl Strategy<Value = Vec<Obu>> {
    let obu = (
        prop_oneof![4 => Just(FRAME), 1 => Just(4u8), 1 => Just(5), 1 => Just(TILE_LIST), 1 => Just(TEMPORAL_DELIMITER)],
        proptest::option::weighted(0.2, (0u8..32).prop_map(|id| id << 3)),
        vec(any::<u8>(), 1..2500),
    );
    let obu = obu.prop_map(|(kind, extension, payload)| Obu { kind, extension, payload });
    vec(obu, 1..5).prop_map(move |mut obus| {
        obus.push(Obu { kind: FRAME, extension: None, payload: vec![if begins { 0x10 } else { 0x30 }, 1, 2] });
        if begins {
            obus.insert(0, Obu { kind: SEQUENCE_HEADER, extension: None, payload: vec![0, 0, 0, 4, 0x3C] });
        }
        obus
    })
}

/// One with a sequence header first, as decoding begins.
fn units() -> impl Strategy<Value = Vec<Vec<Obu>>> {
    (unit(true), vec(any::<bool>().prop_flat_map(unit), 0..8)).prop_map(|(first, rest)| [vec![first], rest].concat())
}

fn timed(units: &[Vec<Obu>], time: u32) -> Vec<(u32, Vec<u8>)> {
    units.iter().enumerate().map(|(n, unit)| (time.wrapping_add(n as u32 * 3000), low_overhead(unit))).collect()
}

proptest! {
    #[test]
    fn temporal_units_come_back(units in units(), style in style(), lost in losses()) {
        let expected = timed(&units, style.time);
        let sent = packetise(&units, style);
        let (given, faults) = run(&mut depay(), &sent);
        prop_assert_eq!(plain(&given), expected.clone());
        prop_assert!(faults.is_empty());

        let mut depacketiser = depay();
        let (given, faults) = run(&mut depacketiser, &lose(&sent, &lost));
        prop_assert!(is_part_of(&plain(&given), &expected) && faults.is_empty());
        prop_assert!(depacketiser.held() <= MAX_FRAME);

        // Without marks the last one never ends.
        let (given, _) = run(&mut depay(), &packetise(&units, Style { marked: false, ..style }));
        prop_assert_eq!(plain(&given), expected[..expected.len() - 1].to_vec());
    }

    #[test]
    fn anything_is_survived(packets in anything(&[&[0x18, 0x0A, 1, 2], &[0x08], &[0x58], &[0x98], &[0xD0], &[0x10, 0x32, 1], &[0x28, 3]])) {
        let mut depacketiser = depay();
        let (given, _) = run(&mut depacketiser, &packets);
        prop_assert!(depacketiser.held() <= MAX_FRAME);
        // Whatever came, what is given can be walked through.
        for Given { data, .. } in given {
            let mut rest = data.strip_prefix(&DELIMITER).unwrap();
            while let Some((&first, after)) = rest.split_first() {
                prop_assert_eq!(first & (0x80 | HAS_SIZE | 1), HAS_SIZE);
                rest = if first & HAS_EXTENSION != 0 { &after[1..] } else { after };
                let size = leb128(&mut rest).unwrap();
                rest = &rest[size..];
            }
        }
    }

    #[test]
    fn sizes_come_back(value in 0usize..1 << 32) {
        let (bytes, length) = to_leb128(value);
        let mut rest = &bytes[..length];
        prop_assert_eq!((leb128(&mut rest), rest.len()), (Some(value), 0));
    }
}

fn obu(kind: u8, extension: Option<u8>, payload: &[u8]) -> Obu {
    Obu { kind, extension, payload: payload.to_vec() }
}

/// The coded video sequence of the specification, 5.1: TD SH MD MD(0,0) FH(0,0) TG(0,0) MD(0,1) FH(0,1) TG(0,1).
fn example() -> Vec<Obu> {
    let (base, enhanced) = (Some(0), Some(1 << 3));
    vec![
        obu(TEMPORAL_DELIMITER, None, &[]),
        obu(SEQUENCE_HEADER, None, &[0, 0, 0, 4]),
        obu(5, None, &[1, 1]),
        obu(5, base, &[3, 1, 2]),
        obu(FRAME_HEADER, base, &[0x10, 2]),
        obu(4, base, &[9; 200]),
        obu(5, enhanced, &[3, 4]),
        obu(FRAME_HEADER, enhanced, &[0x30, 5]),
        obu(4, enhanced, &[8; 100]),
    ]
}

/// `[ SH MD MD(0,0) FH(0,0) TG(0,0) ] [ MD(0,1) FH(0,1) TG(0,1) ]`, and each OBU in a packet of its own.
#[rstest]
#[case::by_layer(&[1..6, 6..9])]
#[case::each_of_its_own(&[1..2, 2..3, 3..4, 4..5, 5..6, 6..7, 7..8, 8..9])]
#[case::with_the_delimiter(&[0..6, 6..9])]
fn what_the_specification_prints(#[case] grouping: &[std::ops::Range<usize>]) {
    let obus = example();
    let packets = grouping.iter().enumerate().map(|(n, group)| {
        let elements = obus[group.clone()].iter().flat_map(|obu| {
            let bytes = obu.sent(false);
            let (size, length) = to_leb128(bytes.len());
            [&size[..length], &bytes].concat()
        });
        let payload = std::iter::once(u8::from(n == 0) << 3).chain(elements).collect();
        (90, n + 1 == grouping.len(), payload)
    });
    let (given, faults) = run(&mut depay(), &numbered(7, packets));
    assert_eq!((plain(&given), faults), (vec![(90, low_overhead(&obus))], vec![]));
    assert!(given[0].random_access);
}

/// The sizes of the specification, 4.5: 303 bytes of payload, W = 2, 2 + 200 bytes of the first element, 100 of the second.
#[test]
fn the_last_length_is_what_is_left() {
    let first = obu(SEQUENCE_HEADER, None, &[1; 199]);
    let second = obu(FRAME, None, &[0x10; 99]);
    let payload = [&[0x28, 0xC8, 0x01][..], &first.sent(false), &second.sent(false)].concat();
    assert_eq!(payload.len(), 303);
    let (given, _) = run(&mut depay(), &numbered(1, [(0, true, payload)]));
    assert_eq!(given[0].data, low_overhead(&[first, second]));
}

#[test]
fn a_mixed_packet_ends_one_fragment_and_begins_another() {
    let (a, b, c) = (obu(SEQUENCE_HEADER, None, &[1; 9]), obu(5, None, &[2; 3]), obu(FRAME, None, &[0x10, 3, 3, 3]));
    let [a_bytes, b_bytes, c_bytes] = [&a, &b, &c].map(|obu| obu.sent(false));
    let packets = [
        // Z=0 Y=1 W=1 N=1
        [&[0x58][..], &a_bytes[..6]].concat(),
        // Z=1 Y=1 W=3
        [&[0xF0, 4][..], &a_bytes[6..], &[4], &b_bytes, &c_bytes[..2]].concat(),
        // Z=1 Y=0 W=0
        [&[0x80, 3][..], &c_bytes[2..]].concat(),
    ];
    let (given, faults) = run(&mut depay(), &numbered(1, packets.into_iter().enumerate().map(|(n, bytes)| (5, n == 2, bytes))));
    assert_eq!((plain(&given), faults), (vec![(5, low_overhead(&[a, b, c]))], vec![]));
}

#[rstest]
#[case::empty(&[], Fault::Truncated)]
#[case::length_beyond(&[0x08, 9, 0x0A], Fault::Truncated)]
#[case::endless_length(&[0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], Fault::Truncated)]
#[case::too_few(&[0x38, 1, 0x08], Fault::Truncated)]
#[case::forbidden(&[0x18, 0x88, 1], Fault::Malformed("obu_forbidden_bit"))]
#[case::own_size_beyond(&[0x18, 0x0A, 9, 1], Fault::Truncated)]
fn faults(#[case] payload: &[u8], #[case] fault: Fault) {
    let (given, faults) = run(&mut depay(), &numbered(1, [(0, true, payload.to_vec())]));
    assert_eq!((given, faults), (vec![], vec![fault]));
}

#[test]
fn a_unit_that_never_ends_is_bounded() {
    let mut depacketiser = depay();
    let mut faults = Vec::new();
    for n in 0..400u16 {
        // Z and Y: one OBU goes on and on.
        let header = if n == 0 { 0x58 } else { 0xD0 };
        let payload = [vec![header], vec![0x30; 60_000]].concat();
        let packet = Packet { sequence: n, timestamp: 0, marker: false, payload: &payload };
        faults.extend(depacketiser.push(packet, &mut |_| panic!("not whole")).err());
        assert!(depacketiser.held() <= MAX_FRAME);
    }
    assert_eq!(faults, [Fault::TooLarge]);
}

#[rstest]
#[case::key(&[obu(SEQUENCE_HEADER, None, &[0]), obu(FRAME, None, &[0x10])], true)]
#[case::key_in_a_header(&[obu(SEQUENCE_HEADER, None, &[0]), obu(FRAME_HEADER, None, &[0x10])], true)]
#[case::without_a_sequence_header(&[obu(FRAME, None, &[0x10])], false)]
#[case::inter(&[obu(SEQUENCE_HEADER, None, &[0]), obu(FRAME, None, &[0x30])], false)]
#[case::shown_again(&[obu(SEQUENCE_HEADER, None, &[0]), obu(FRAME_HEADER, None, &[0x80])], false)]
#[case::the_first_counts(&[obu(SEQUENCE_HEADER, None, &[0]), obu(FRAME, None, &[0x30]), obu(FRAME, None, &[0x10])], false)]
fn decoding_begins_with_a_key_frame_and_its_header(#[case] unit: &[Obu], #[case] expected: bool) {
    let begin = vec![obu(SEQUENCE_HEADER, None, &[0])];
    let style = Style { most: 1000, counted: true, sized: false, marked: true, first: 0, time: 0 };
    let (given, _) = run(&mut depay(), &packetise(&[begin, unit.to_vec()], style));
    assert_eq!((given.len(), given[0].random_access, given[1].random_access), (2, false, expected));
}

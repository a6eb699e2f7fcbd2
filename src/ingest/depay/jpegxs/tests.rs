use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::ingest::depay::Depacketiser;
use crate::ingest::depay::testing::{Sent, anything, depacketiser, is_part_of, lose, losses, numbered, pieces, plain, run};

fn depay() -> Depacketiser {
    depacketiser("jxsv", 90_000, "packetmode=0;profile=Main444.12;level=4k-2;sublevel=Sublev3bpp").unwrap()
}

/// A picture segment: header, and slices.
#[derive(Debug, Clone)]
struct Picture {
    header: Vec<u8>,
    slices: Vec<Vec<u8>>,
}

impl Picture {
    fn bytes(&self) -> Vec<u8> {
        [self.header.clone(), self.slices.concat()].concat()
    }
}

fn pictures() -> impl Strategy<Value = Vec<Picture>> {
    let slices = vec(vec(any::<u8>(), 1..700), 1..12);
    let picture = (vec(any::<u8>(), 1..200), slices);
    vec(picture.prop_map(|(header, slices)| Picture { header, slices }), 1..8)
}

fn header(sequential: bool, slices: bool, last: bool, interlaced: u8, frame: usize, sep: usize, packet: usize) -> [u8; 4] {
    let flags = u32::from(sequential) << 31 | u32::from(slices) << 30 | u32::from(last) << 29 | u32::from(interlaced) << 27;
    (flags | (frame as u32 & 0x1F) << 22 | (sep as u32 & 0x7FF) << 11 | packet as u32 & 0x7FF).to_be_bytes()
}

/// Both modes; `swaps` puts the packets of a picture out of order.
fn packetise(pictures: &[Picture], first: u16, time: u32, most: usize, slices: bool, swaps: &[(usize, usize)]) -> Vec<Sent> {
    let mut packets = Vec::new();
    for (n, picture) in pictures.iter().enumerate() {
        let sequential = swaps.is_empty();
        let units = if slices { [vec![picture.header.clone()], picture.slices.clone()].concat() } else { vec![picture.bytes()] };
        let mut payloads = Vec::new();
        for (unit, bytes) in units.iter().enumerate() {
            let parts = pieces(bytes, most);
            let count = parts.len();
            for (at, part) in parts.into_iter().enumerate() {
                let sep = if slices { (unit + 0x7FF) % 0x800 } else { at >> 11 };
                payloads.push([&header(sequential, slices, at + 1 == count, 0, n, sep, at)[..], &part].concat());
            }
        }
        let count = payloads.len();
        swaps.iter().for_each(|(a, b)| payloads.swap(a % count, b % count));
        let timestamp = time.wrapping_add(n as u32 * 1500);
        packets.extend(payloads.into_iter().enumerate().map(|(at, payload)| (timestamp, at + 1 == count, payload)));
    }
    numbered(first, packets)
}

fn timed(pictures: &[Picture], time: u32) -> Vec<(u32, Vec<u8>)> {
    pictures.iter().enumerate().map(|(n, picture)| (time.wrapping_add(n as u32 * 1500), picture.bytes())).collect()
}

proptest! {
    #[test]
    fn pictures_come_back(
        pictures in pictures(), first: u16, time: u32, most in 1usize..1500, slices: bool,
        swaps in vec((any::<usize>(), any::<usize>()), 0..40), lost in losses(),
    ) {
        let swaps = if slices { swaps } else { vec![] };
        let mut expected = timed(&pictures, time);
        let sent = packetise(&pictures, first, time, most, slices, &swaps);
        let (given, faults) = run(&mut depay(), &sent);
        if !swaps.is_empty() {
            // Nobody knows whether the first packet of all is the first of its picture.
            expected.remove(0);
        }
        prop_assert_eq!(plain(&given), expected.clone());
        let whole = given.iter().skip(usize::from(!swaps.is_empty()));
        prop_assert!(faults.is_empty() && whole.clone().all(|given| given.random_access && !given.after_loss));

        let mut depacketiser = depay();
        let (given, faults) = run(&mut depacketiser, &lose(&sent, &lost));
        prop_assert!(is_part_of(&plain(&given), &expected) && faults.is_empty());
        let stats = depacketiser.stats();
        prop_assert_eq!(stats.frames, given.len() as u64);
        prop_assert!(stats.frames + stats.discarded <= pictures.len() as u64);
    }

    #[test]
    fn anything_is_survived(packets in anything(&[&[0x80, 0, 0, 0], &[0xC0, 0x3F, 0xF8, 0], &[0x60, 0x3F, 0xF8, 0], &[0x40, 0, 0, 0], &[0xA0, 0, 0, 1]])) {
        let mut depacketiser = depay();
        run(&mut depacketiser, &packets);
        prop_assert!(depacketiser.held() <= 2 * MAX_FRAME + MOST_PACKETS * size_of::<Part>());
    }

    #[test]
    fn a_codestream_is_behind_its_boxes(bytes in vec(any::<u8>(), 0..60)) {
        let segment = [&[0, 0, 0, 10][..], b"jpvs", &[1, 2], &[0, 0, 0, 8], b"colr", &SOC, &bytes].concat();
        prop_assert_eq!(codestream(&segment).map(<[u8]>::len), Some(bytes.len() + 2));
        codestream(&bytes);
    }
}

#[test]
fn more_packets_than_the_counter_has_numbers() {
    let picture = Picture { header: vec![], slices: vec![(0..9000u32).map(|n| n as u8).collect()] };
    let sent = packetise(std::slice::from_ref(&picture), 60_000, 5, 2, false, &[]);
    assert_eq!(sent.len(), 4500);
    let (given, _) = run(&mut depay(), &sent);
    assert_eq!(plain(&given), [(5, picture.bytes())]);
}

#[rstest]
#[case::first(2, Some(Field::First))]
#[case::second(3, Some(Field::Second))]
#[case::progressive(0, None)]
fn fields_are_told(#[case] interlaced: u8, #[case] expected: Option<Field>) {
    let payload = [&header(true, false, true, interlaced, 0, 0, 0)[..], &[1, 2]].concat();
    let mut fields = Vec::new();
    let packet = Packet { sequence: 1, timestamp: 2, marker: true, payload: &payload };
    JpegXs::default().push(packet, &mut |frame| fields.push(frame.field)).unwrap();
    assert_eq!(fields, [expected]);
}

/// Figure of RFC 9134, 4.3: where the fields of the header lie.
#[test]
fn the_header_has_its_fields() {
    let (read, rest) = Header::read(&[0b1101_0101, 0b0110_0000, 0b0000_1111, 0xFF, 7]).unwrap();
    let expected =
        Header { sequential: true, slices: true, last: false, interlaced: 2, frame: 0b10101, sep: 0x401, packet: 0x7FF };
    assert_eq!((read, rest), (expected, &[7][..]));
}

#[rstest]
#[case::short(&[0x80, 0, 0], Fault::Truncated)]
#[case::interlaced(&[0x88, 0, 0, 0], Fault::Malformed("the interlaced bits are 01"))]
#[case::out_of_order(&[0x20, 0, 0, 0], Fault::Malformed("a whole codestream out of order (K = 0, T = 0)"))]
fn faults(#[case] payload: &[u8], #[case] fault: Fault) {
    let (given, faults) = run(&mut depay(), &numbered(1, [(0, true, payload.to_vec())]));
    assert_eq!((given, faults), (vec![], vec![fault]));
}

#[rstest]
#[case::in_order(true, MAX_FRAME)]
#[case::in_any_order(false, MAX_FRAME * 2 + MOST_PACKETS * size_of::<Part>())]
fn a_picture_that_never_ends_is_bounded(#[case] sequential: bool, #[case] bound: usize) {
    for size in [10, 60_000] {
        let mut depacketiser = depay();
        for n in 0..20_000u32 {
            let number = n as usize & 0x7FF;
            let sep = if sequential { n >> 11 } else { 0 };
            let payload = [&header(sequential, !sequential, false, 0, 0, sep as usize, number)[..], &vec![0; size]].concat();
            let packet = Packet { sequence: n as u16, timestamp: 0, marker: false, payload: &payload };
            let result = depacketiser.push(packet, &mut |_| panic!("not whole"));
            assert!(depacketiser.held() <= bound);
            if result.is_err() {
                assert_eq!(result, Err(Fault::TooLarge));
                break;
            }
            assert!(size == 10 && sequential || n < 20_000 - 1, "no end");
        }
    }
}

/// A sender whose own counters leave something out, behind a picture that is whole.
#[rstest]
#[case::packet(&[(0x7FF, 0, true), (0, 0, false), (0, 2, true)])]
#[case::slice(&[(0x7FF, 0, true), (1, 0, true)])]
#[case::header(&[(0, 0, true), (1, 0, true)])]
#[case::end(&[(0x7FF, 0, true), (0, 0, false)])]
#[case::twice(&[(0x7FF, 0, true), (0, 0, true), (0, 0, true)])]
fn counters_tell_what_is_missing(#[case] places: &[(usize, usize, bool)]) {
    for sequential in [true, false] {
        let packet = |frame: usize, (sep, number, last): (usize, usize, bool)| {
            [&header(sequential, true, last, 0, frame, sep, number)[..], &[9]].concat()
        };
        let whole = [(0x7FF, 0, true), (0, 0, true)].map(|place| packet(0, place));
        let wanting = places.iter().map(|place| packet(1, *place));
        let count = places.len();
        let sent = whole.into_iter().enumerate().map(|(n, bytes)| (0, n == 1, bytes)).collect::<Vec<_>>();
        let sent = [sent.clone(), sent].concat().into_iter();
        let sent = sent.chain(wanting.enumerate().map(|(n, bytes)| (1500, n + 1 == count, bytes)));
        let (given, faults) = run(&mut depay(), &numbered(1, sent));
        assert!(faults.is_empty() && given.iter().all(|given| given.timestamp == 0) && !given.is_empty());
    }
}

use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::ingest::depay::Depacketiser;
use crate::ingest::depay::testing::{Sent, anything, depacketiser, is_part_of, lose, losses, numbered, pieces, plain, run};

fn video() -> Depacketiser {
    depacketiser("MPV", 90_000, "").unwrap()
}

/// A picture of 13818-2: headers where it is a first one, slices of anything but start codes.
fn picture(kind: u8, mpeg_2: bool, slices: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if kind == 1 {
        bytes.extend([0, 0, 1, SEQUENCE, 0x2D, 0x02, 0x40, 0x33, 0xFF, 0xFF, 0xE0, 0x18]);
        if mpeg_2 {
            bytes.extend([0, 0, 1, EXTENSION, 0x14, 0x8A, 0, 1, 0, 0]);
        }
        bytes.extend([0, 0, 1, GROUP, 0, 8, 0, 0x40]);
    }
    bytes.extend([0, 0, 1, PICTURE, 0, kind << 3 | 7, 0xFF, 0xF8]);
    bytes.extend([0, 0, 1, 1]);
    bytes.extend(slices.iter().map(|byte| byte | 1));
    bytes
}

/// With the headers of RFC 2250, of which `shape` says what there is.
fn packetise(pictures: &[Vec<u8>], first: u16, time: u32, most: usize, shape: u8, marked: bool) -> Vec<Sent> {
    let packets = pictures.iter().enumerate().flat_map(|(n, picture)| {
        // All headers are in the first packet.
        let parts = pieces(picture, most.max(60));
        let last = parts.len() - 1;
        let timestamp = time.wrapping_add(n as u32 * 3600);
        parts.into_iter().enumerate().map(move |(n, part)| {
            let mut payload = vec![(shape & 1) << 2, 0, 0, 0];
            if shape & 1 != 0 {
                payload.extend([(shape >> 1 & 1) << 6, 0, 0, shape >> 2 & 1]);
                payload.extend(vec![0xDD; usize::from(shape & 4)]);
                if shape & 2 != 0 {
                    payload.extend([2, 0, 0, 1, 0xB5, 0x10, 0, 0]);
                }
            }
            (timestamp, marked && n == last, [payload, part].concat())
        })
    });
    numbered(first, packets)
}

fn timed(units: &[Vec<u8>], time: u32, step: u32) -> Vec<(u32, Vec<u8>)> {
    units.iter().enumerate().map(|(n, unit)| (time.wrapping_add(n as u32 * step), unit.clone())).collect()
}

proptest! {
    #[test]
    fn pictures_come_back(
        slices in vec((1u8..4, vec(any::<u8>(), 0..3000)), 1..20), mpeg_2: bool, first: u16, time: u32, most in 60usize..1500,
        shape in 0u8..8, lost in losses(),
    ) {
        let pictures: Vec<Vec<u8>> = slices.iter().map(|(kind, slices)| picture(*kind, mpeg_2, slices)).collect();
        let expected = timed(&pictures, time, 3600);
        let sent = packetise(&pictures, first, time, most, shape, true);
        let mut depacketiser = video();
        let (given, faults) = run(&mut depacketiser, &sent);
        prop_assert_eq!(plain(&given), expected.clone());
        prop_assert!(faults.is_empty());
        for (given, (kind, _)) in given.iter().zip(&slices) {
            prop_assert_eq!(given.random_access, *kind == 1);
        }
        let known = slices.iter().any(|(kind, _)| *kind == 1);
        prop_assert_eq!(depacketiser.codec(), if known && !mpeg_2 { Codec::Mpeg1 } else { Codec::Mpeg2 });

        let (given, _) = run(&mut video(), &lose(&sent, &lost));
        prop_assert!(is_part_of(&plain(&given), &expected));

        // Without marks the last one never ends.
        let (given, _) = run(&mut video(), &packetise(&pictures, first, time, most, shape, false));
        prop_assert_eq!(plain(&given), expected[..expected.len() - 1].to_vec());
    }

    #[test]
    fn anything_is_survived(packets in anything(&[&[0, 0, 0, 0, 0, 0, 1, 0xB3], &[4, 0, 0, 0, 0x40, 0, 0, 1], &[0, 0, 0, 0, 0xFF, 0xFD, 0xA4, 0]])) {
        for (encoding, most) in [("MPV", MAX_FRAME), ("MPA", MAX_AUDIO)] {
            let mut depacketiser = depacketiser(encoding, 90_000, "").unwrap();
            run(&mut depacketiser, &packets);
            prop_assert!(depacketiser.held() <= most);
        }
    }
}

#[test]
fn a_picture_that_never_ends_is_bounded() {
    let mut depacketiser = video();
    let begin = [&[0, 0, 0, 0][..], &picture(1, true, &[9; 60_000])].concat();
    let more = [&[0, 0, 0, 0][..], &[9; 60_000]].concat();
    let (mut faults, mut most) = (Vec::new(), 0);
    for n in 0..400u16 {
        let payload = if n == 0 { &begin } else { &more };
        let packet = Packet { sequence: n, timestamp: 0, marker: false, payload };
        faults.extend(depacketiser.push(packet, &mut |_| panic!("not whole")).err());
        most = most.max(depacketiser.held());
    }
    assert_eq!((faults, depacketiser.stats().discarded), (vec![Fault::TooLarge], 1));
    assert!(most <= MAX_FRAME && most > MAX_FRAME / 2);
}

#[rstest]
#[case::short(&[0, 0, 0], None)]
#[case::mpeg_2_short(&[4, 0, 0, 0, 0], None)]
#[case::extension_beyond(&[4, 0, 0, 0, 0x40, 0, 0, 0, 9, 9], None)]
#[case::composite(&[4, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9, 7], Some(&[7][..]))]
#[case::plain(&[0, 0, 0, 0, 7], Some(&[7][..]))]
fn headers(#[case] payload: &[u8], #[case] rest: Option<&[u8]>) {
    assert_eq!(behind_headers(payload), rest);
}

/// Layer II, 48 kHz, of the bit rate with this index.
fn layer_2(rate: u8, fill: u8) -> Vec<u8> {
    let mut frame = vec![0xFF, 0xFD, rate << 4 | 4, 0];
    let length = mpa::frame(&frame).unwrap().1;
    frame.resize(length, fill);
    frame
}

fn audio() -> Depacketiser {
    depacketiser("MPA", 90_000, "").unwrap()
}

fn packetise_audio(frames: &[Vec<u8>], first: u16, time: u32, most: usize) -> Vec<Sent> {
    let mut packets = Vec::new();
    let mut at = 0;
    while at < frames.len() {
        let timestamp = time.wrapping_add(at as u32 * 2160);
        let mut end = at + 1;
        while end < frames.len() && frames[at..=end].iter().map(Vec::len).sum::<usize>() <= most {
            end += 1;
        }
        let data = frames[at..end].concat();
        for (n, part) in pieces(&data, most).into_iter().enumerate() {
            packets.push((timestamp, false, [&[0, 0][..], &((n * most) as u16).to_be_bytes(), &part].concat()));
        }
        at = end;
    }
    numbered(first, packets)
}

proptest! {
    #[test]
    fn frames_of_sound_come_back(
        frames in vec((1u8..15, any::<u8>()), 1..30), first: u16, time: u32, most in 20usize..3000, lost in losses(),
    ) {
        let frames: Vec<Vec<u8>> = frames.iter().map(|(rate, fill)| layer_2(*rate, *fill)).collect();
        let expected = timed(&frames, time, 2160);
        let sent = packetise_audio(&frames, first, time, most);
        let (given, faults) = run(&mut audio(), &sent);
        prop_assert_eq!(plain(&given), expected.clone());
        prop_assert!(faults.is_empty() && given.iter().all(|given| given.duration == Some(2160)));
        let (given, faults) = run(&mut audio(), &lose(&sent, &lost));
        prop_assert!(is_part_of(&plain(&given), &expected) && faults.is_empty());
    }
}

#[rstest]
#[case::layer_1(&[0xFF, 0xFF, 0x44, 0], 384)]
#[case::layer_2(&[0xFF, 0xFD, 0x44, 0], 1152)]
#[case::layer_3(&[0xFF, 0xFB, 0x44, 0], 1152)]
#[case::layer_3_half(&[0xFF, 0xF3, 0x44, 0], 576)]
#[case::layer_2_half(&[0xFF, 0xF5, 0x44, 0], 1152)]
fn frames_have_their_samples(#[case] frame: &[u8], #[case] expected: u32) {
    assert_eq!(samples(frame), expected);
}

#[test]
fn no_sound() {
    let (_, faults) = run(&mut audio(), &numbered(1, [(0, false, vec![0, 0, 0, 0, 1, 2, 3, 4])]));
    assert_eq!(faults, [Fault::Malformed("no frame of MPEG audio")]);
}

#[test]
fn a_fragment_out_of_place_costs_its_frame() {
    let frame = layer_2(10, 7);
    let part = |told: u16, bytes: &[u8]| [&[0, 0][..], &told.to_be_bytes(), bytes].concat();
    let (head, tail) = frame.split_at(100);
    let sent = [(0, false, part(0, head)), (0, false, part(200, tail)), (9, false, part(0, head)), (9, false, part(100, tail))];
    let mut depacketiser = audio();
    let (given, _) = run(&mut depacketiser, &numbered(1, sent));
    assert_eq!((plain(&given), depacketiser.stats().discarded), (vec![(9, frame.clone())], 1));
}

#[test]
fn decoding_begins_with_a_sequence_header() {
    let with = picture(1, true, &[9]);
    let without = [&[0, 0, 1, PICTURE, 0, 1 << 3 | 7, 0xFF, 0xF8][..], &[0, 0, 1, 1, 9]].concat();
    let other = [&with[..12], &[0, 0, 1, PICTURE, 0, 2 << 3 | 7, 0xFF, 0xF8]].concat();
    let (given, _) = run(&mut video(), &packetise(&[with, without, other], 0, 0, 1000, 0, true));
    assert_eq!(given.iter().map(|given| given.random_access).collect::<Vec<_>>(), [true, false, false]);
}

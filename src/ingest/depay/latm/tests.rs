use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

use crate::ingest::depay::audio_specific_config::AudioSpecificConfig;
use crate::ingest::depay::mux_element;
use crate::ingest::depay::testing::{Sent, anything, depacketiser, is_part_of, lose, losses, numbered, pieces, plain, run};
use crate::ingest::depay::{Depacketiser, Fault, MAX_AUDIO};

/// RFC 6416, 7.4.2.
const RFC_AAC: &str = "profile-level-id=1; bitrate=64000; cpresent=0; object=2; config=400026203fc0";

fn latm(fmtp: &str) -> Depacketiser {
    depacketiser("MP4A-LATM", 24_000, fmtp).unwrap()
}

/// PayloadLengthInfo and PayloadMux.
fn bare(frame: &[u8]) -> Vec<u8> {
    let mut length = vec![255; frame.len() / 255];
    length.push((frame.len() % 255) as u8);
    [length, frame.to_vec()].concat()
}

fn with_configuration(frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    mux_element::element(&AudioSpecificConfig::parse(&[0x13, 0x10]).unwrap(), frame, &mut out);
    out
}

/// useSameStreamMux in front of the same: everything is shifted by a bit.
fn same_configuration(frame: &[u8]) -> Vec<u8> {
    let bytes = bare(frame);
    let last = [bytes.last().map_or(0, |last| last << 7)];
    let shifted = bytes.iter().scan(1u8, |carry, byte| Some(std::mem::replace(carry, byte & 1) << 7 | byte >> 1));
    shifted.chain(last).collect()
}

fn packetise(elements: &[Vec<u8>], first: u16, time: u32, most: usize) -> Vec<Sent> {
    let packets = elements.iter().enumerate().flat_map(|(n, element)| {
        let parts = pieces(element, most);
        let last = parts.len() - 1;
        let timestamp = time.wrapping_add(n as u32 * 1024);
        parts.into_iter().enumerate().map(move |(n, part)| (timestamp, n == last, part))
    });
    numbered(first, packets)
}

fn timed(frames: &[Vec<u8>], time: u32) -> Vec<(u32, Vec<u8>)> {
    frames.iter().enumerate().map(|(n, frame)| (time.wrapping_add(n as u32 * 1024), frame.clone())).collect()
}

proptest! {
    #[test]
    fn frames_come_back(
        frames in vec(vec(any::<u8>(), 1..900), 1..30), first: u16, time: u32, most in 1usize..1500, lost in losses(), in_band: bool,
    ) {
        // One in front, so that the first packet of all may be any.
        let frames = [&[vec![1; 5000]], &frames[..]].concat();
        let elements: Vec<Vec<u8>> = if in_band {
            let each = frames.iter().enumerate();
            each.map(|(n, frame)| if n % 3 == 0 { with_configuration(frame) } else { same_configuration(frame) }).collect()
        } else {
            frames.iter().map(|frame| bare(frame)).collect()
        };
        let mut sent = packetise(&elements, first, time, most);
        let expected = timed(&frames, time);
        let fmtp = if in_band { "" } else { RFC_AAC };

        // What was begun before the first packet came is not given, but everything else.
        sent.remove(0);
        let (given, faults) = run(&mut latm(fmtp), &sent);
        let begin = if in_band { 3.min(expected.len() - 1) } else { 1 };
        prop_assert!(plain(&given).ends_with(&expected[begin..]) || expected.len() <= 3);
        prop_assert!(is_part_of(&plain(&given), &expected[1..]));
        prop_assert!(faults.is_empty() && given.iter().all(|given| given.duration == Some(1024)));

        // The first packet shows that elements are cut.
        let lost = lost.into_iter().filter(|n| *n > 0).collect();
        let (given, _) = run(&mut latm(fmtp), &lose(&sent, &lost));
        prop_assert!(is_part_of(&plain(&given), &expected[1..]));
    }

    #[test]
    fn a_sender_without_markers_is_understood(frames in vec(vec(any::<u8>(), 300..900), 3..9), most in 100usize..299) {
        let elements: Vec<Vec<u8>> = frames.iter().map(|frame| bare(frame)).collect();
        let mut sent = packetise(&elements, 0, 0, most);
        // The very first tells where elements begin.
        sent.iter_mut().skip_while(|packet| packet.timestamp < 1024).for_each(|packet| packet.marker = false);
        let (given, _) = run(&mut latm(RFC_AAC), &sent);
        let expected = timed(&frames, 0);
        prop_assert_eq!(plain(&given), expected[1..expected.len() - 1].to_vec());
    }

    #[test]
    fn anything_is_survived(packets in anything(&[&[0x20, 0, 0x13, 0x10, 0x1F, 0xE0], &[0x80], &[5], &[0xC0]])) {
        for fmtp in ["", RFC_AAC, "cpresent=0;config=7fff26203fc0"] {
            let Ok(mut depacketiser) = depacketiser("MP4A-LATM", 90_000, fmtp) else { continue };
            run(&mut depacketiser, &packets);
            prop_assert!(depacketiser.held() <= 2 * MAX_AUDIO);
        }
    }
}

#[test]
fn several_frames_of_an_element_follow_each_other() {
    // numSubFrames 2, and a byte of other data behind them.
    let mut depacketiser = latm("cpresent=0;config=420026203fe080");
    let element = [bare(&[1, 2]), bare(&[]), bare(&[3]), vec![0xEE]].concat();
    let two = [element.clone(), element].concat();
    let (given, faults) = run(&mut depacketiser, &numbered(1, [(10, true, two)]));
    assert_eq!(faults, []);
    assert_eq!(
        plain(&given),
        [(10, vec![1, 2]), (10 + 2 * 1024, vec![3]), (10 + 3 * 1024, vec![1, 2]), (10 + 5 * 1024, vec![3])]
    );
}

#[test]
fn frames_wait_for_their_configuration() {
    let mut depacketiser = latm("");
    let elements = [same_configuration(&[1, 2]), with_configuration(&[3]), same_configuration(&[4])];
    let (given, faults) = run(&mut depacketiser, &packetise(&elements, 1, 0, 1000));
    assert_eq!((plain(&given), faults), (vec![(1024, vec![3]), (2048, vec![4])], vec![]));
    assert!(given.iter().all(|given| given.config.as_ref().is_some_and(|config| config.sample_rate == 24_000)));
    assert_eq!(depacketiser.stats().discarded, 1);
}

#[rstest]
#[case::none("cpresent=0", "a=fmtp lacks config; with cpresent=0 it has to be there")]
#[case::digits("cpresent=0;config=4", "a=fmtp has a bad config; it has to be hexadecimal digits")]
#[case::short("cpresent=0;config=400026", "a=fmtp has a bad config; it has to be a StreamMuxConfig")]
#[case::celp("cpresent=0;config=9128B1071070", "LATM with several programmes or layers is not supported; send mpeg4-generic")]
fn refusals_say_what_to_do(#[case] fmtp: &str, #[case] text: &str) {
    assert_eq!(depacketiser("mp4a-latm", 8_000, fmtp).unwrap_err().to_string(), text);
}

#[test]
fn lengths_beyond_the_packet() {
    let (_, faults) = run(&mut latm(RFC_AAC), &numbered(1, [(0, true, vec![9, 1, 2])]));
    assert_eq!(faults, [Fault::Truncated]);
}

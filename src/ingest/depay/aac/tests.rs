use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

use crate::ingest::depay::testing::{Sent, anything, depacketiser, is_part_of, lose, losses, numbered, pieces, plain, run};
use crate::ingest::depay::{Depacketiser, Fault, MAX_AUDIO};

const HBR: &str = "streamtype=5;mode=AAC-hbr;config=1190;sizeLength=13;indexLength=3;indexDeltaLength=3";
/// RFC 3640, 3.3.6.
const RFC_HBR: &str = "streamtype=5; profile-level-id=16; mode=AAC-hbr; config=11B0; sizeLength=13; indexLength=3; \
                       indexDeltaLength=3; constantDuration=1024";
/// RFC 3640, 3.3.5: interleaved, as it stands there.
const RFC_LBR: &str = "streamtype=5; profile-level-id=14; mode=AAC-lbr; config=1388; sizeLength=6; indexLength=2; \
                       indexDeltaLength=2; constantDuration=1024; maxDisplacement=5";

fn aac(fmtp: &str) -> Depacketiser {
    depacketiser("MPEG4-GENERIC", 48_000, fmtp).unwrap()
}

/// Bits behind each other.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (n, bit)| sum | u8::from(*bit) << (7 - n))).collect()
    }
}

/// AU header section and access units.
fn payload(size_length: u32, index_length: u32, sizes: &[usize], data: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    for size in sizes {
        bits.put(*size as u32, size_length);
        bits.put(0, index_length);
    }
    [&(bits.0.len() as u16).to_be_bytes()[..], &bits.bytes(), data].concat()
}

/// Frames into packets: several where they fit, in pieces where one does not (3.2.3).
fn packetise(lengths: (u32, u32), frames: &[Vec<u8>], first: u16, time: u32, most: usize) -> Vec<Sent> {
    let mut packets = Vec::new();
    let mut at = 0;
    while at < frames.len() {
        let timestamp = time.wrapping_add(at as u32 * 1024);
        if frames[at].len() > most {
            let parts = pieces(&frames[at], most);
            let last = parts.len() - 1;
            packets.extend(
                parts
                    .iter()
                    .enumerate()
                    .map(|(n, part)| (timestamp, n == last, payload(lengths.0, lengths.1, &[frames[at].len()], part))),
            );
            at += 1;
            continue;
        }
        let mut end = at + 1;
        while end < frames.len() && frames[at..=end].iter().map(Vec::len).sum::<usize>() <= most {
            end += 1;
        }
        let sizes: Vec<usize> = frames[at..end].iter().map(Vec::len).collect();
        packets.push((timestamp, true, payload(lengths.0, lengths.1, &sizes, &frames[at..end].concat())));
        at = end;
    }
    numbered(first, packets)
}

fn timed(frames: &[Vec<u8>], time: u32) -> Vec<(u32, Vec<u8>)> {
    frames.iter().enumerate().map(|(n, frame)| (time.wrapping_add(n as u32 * 1024), frame.clone())).collect()
}

proptest! {
    #[test]
    fn frames_come_back(
        frames in vec(vec(any::<u8>(), 1..900), 1..30), first: u16, time: u32, most in 1usize..1500, lost in losses(),
    ) {
        let sent = packetise((13, 3), &frames, first, time, most);
        let expected = timed(&frames, time);
        let (given, faults) = run(&mut aac(HBR), &sent);
        prop_assert_eq!(plain(&given), expected.clone());
        prop_assert!(faults.is_empty() && given.iter().all(|given| given.duration == Some(1024) && !given.after_loss));

        let mut depacketiser = aac(HBR);
        let (given, faults) = run(&mut depacketiser, &lose(&sent, &lost));
        prop_assert!(is_part_of(&plain(&given), &expected) && faults.is_empty());
        prop_assert_eq!(depacketiser.stats().frames, given.len() as u64);
        prop_assert!(depacketiser.stats().lost as usize <= lost.len());
    }

    #[test]
    fn short_frames_come_back(frames in vec(vec(any::<u8>(), 1..64), 1..60), time: u32, most in 63usize..1500) {
        let fmtp = "mode=AAC-lbr; config=1388; constantDuration=1024";
        let (given, faults) = run(&mut aac(fmtp), &packetise((6, 2), &frames, 9, time, most));
        prop_assert_eq!(plain(&given), timed(&frames, time));
        prop_assert!(faults.is_empty());
    }

    #[test]
    fn anything_is_survived(
        packets in anything(&[&[0, 16], &[0, 32, 0, 80], &[0, 16, 0xFF, 0xF8], &[0, 16, 0x7D, 0x00], &[0xFF, 0xFF]]),
        size in 0u32..=32, index in 0u32..=32, delta in 0u32..=32, other in 0u32..=32, auxiliary in 0u32..=32,
    ) {
        let fmtp = format!(
            "config=1190;constantsize=7;sizelength={size};indexlength={index};indexdeltalength={delta};ctsdeltalength={other};\
             dtsdeltalength={delta};randomaccessindication=1;streamstateindication={other};auxiliarydatasizelength={auxiliary}",
        );
        for fmtp in [HBR, &fmtp] {
            let mut depacketiser = aac(fmtp);
            run(&mut depacketiser, &packets);
            prop_assert!(depacketiser.held() <= MAX_AUDIO);
        }
    }
}

#[test]
fn what_the_specification_prints() {
    let mut hbr = aac(RFC_HBR);
    let (given, _) = run(&mut hbr, &numbered(1, [(7, true, payload(13, 3, &[2, 3], &[1, 2, 3, 4, 5]))]));
    assert_eq!(plain(&given), [(7, vec![1, 2]), (7 + 1024, vec![3, 4, 5])]);
    let config = given[1].config.as_ref().unwrap();
    assert_eq!((config.sample_rate, config.channel_configuration), (48_000, 6));

    let refused = depacketiser("mpeg4-generic", 22_050, RFC_LBR).unwrap_err().to_string();
    assert_eq!(refused, "interleaving of AAC frames (maxDisplacement) is not supported; switch it off at the sender");
    let plain = RFC_LBR.replace("maxDisplacement=5", "maxDisplacement=0");
    let Ok(Depacketiser::Aac(lbr)) = depacketiser("mpeg4-generic", 22_050, &plain) else { panic!("refused") };
    assert_eq!(lbr.config().sample_rate, 22_050);
}

#[rstest]
#[case::no_config("mode=AAC-hbr", "a=fmtp lacks config; take the SDP that the sender writes: it has one")]
#[case::bad_config(
    "mode=AAC-hbr;config=xyz",
    "a=fmtp has a bad config; it has to be the AudioSpecificConfig of AAC in hexadecimal digits"
)]
#[case::no_lengths("config=1190", "a=fmtp lacks sizeLength; AAC-hbr has sizeLength=13")]
#[case::long("config=1190;sizelength=33", "a=fmtp has a bad sizelength; it is a number of bits, 32 at most")]
#[case::no_number("config=1190;sizelength=x", "a=fmtp has a bad sizelength; it is a number")]
#[case::celp("mode=CELP-vbr;config=1190", "this mode of mpeg4-generic is not supported; send AAC-hbr")]
#[case::video(
    "mode=AAC-hbr;config=1190;streamtype=4",
    "an mpeg4-generic stream that is not audio is not supported; send video as H264 or H265"
)]
fn refusals_say_what_to_do(#[case] fmtp: &str, #[case] text: &str) {
    assert_eq!(depacketiser("mpeg4-generic", 48_000, fmtp).unwrap_err().to_string(), text);
}

#[rstest]
#[case::headers_beyond(&[0, 32, 0, 8], Fault::Truncated)]
#[case::no_length(&[0], Fault::Truncated)]
#[case::second_beyond(&[0, 32, 0, 8, 0, 16, 1], Fault::Truncated)]
#[case::interleaved(&[0, 32, 0, 8, 0, 9, 1, 2], Fault::Unsupported("interleaved AAC frames: switch interleaving off at the sender"))]
fn faults(#[case] payload: &[u8], #[case] fault: Fault) {
    let mut depacketiser = aac(HBR);
    let (_, faults) = run(&mut depacketiser, &numbered(1, [(0, true, payload.to_vec())]));
    assert_eq!((faults, depacketiser.stats().faults), (vec![fault], 1));
}

#[test]
fn a_lost_fragment_costs_its_frame_only() {
    let frames = [vec![1; 10], vec![2; 25], vec![3; 10]];
    let mut sent = packetise((13, 3), &frames, 1, 0, 10);
    assert_eq!(sent.len(), 5);
    sent.remove(2);
    let mut depacketiser = aac(HBR);
    let (given, faults) = run(&mut depacketiser, &sent);
    assert_eq!(plain(&given), [(0, vec![1; 10]), (2048, vec![3; 10])]);
    assert!(faults.is_empty() && given[1].after_loss);
    // Its beginning, and what came of it behind the hole.
    assert_eq!((depacketiser.stats().discarded, depacketiser.stats().lost), (2, 1));
}

#[test]
fn all_fields_of_a_header_have_their_place() {
    let fmtp = "config=1190;sizelength=8;indexlength=4;indexdeltalength=4;ctsdeltalength=7;dtsdeltalength=5;\
                randomaccessindication=1;streamstateindication=3;auxiliarydatasizelength=6";
    let mut bits = Bits::default();
    // The first: size 2, serial number 9, no CTS-delta, a DTS-delta, RAP, state.
    for (value, count) in [(2, 8), (9, 4), (0, 1), (1, 1), (0x1F, 5), (1, 1), (5, 3)] {
        bits.put(value, count);
    }
    // The second: size 1, a CTS-delta of -3.
    for (value, count) in [(1, 8), (0, 4), (1, 1), (0x7D, 7), (0, 1), (0, 1), (5, 3)] {
        bits.put(value, count);
    }
    let mut auxiliary = Bits::default();
    auxiliary.put(11, 6);
    auxiliary.put(0x7FF, 11);
    let payload = [&(bits.0.len() as u16).to_be_bytes()[..], &bits.bytes(), &auxiliary.bytes(), &[7, 8, 9]].concat();
    let (given, faults) = run(&mut aac(fmtp), &numbered(1, [(1000, true, payload)]));
    assert_eq!((plain(&given), faults), (vec![(1000, vec![7, 8]), (997, vec![9])], vec![]));
}

#[test]
fn frames_of_one_size_need_no_headers() {
    let (given, _) = run(&mut aac("config=1190;constantsize=3"), &numbered(1, [(0, true, vec![1, 1, 1, 2, 2, 2])]));
    assert_eq!(plain(&given), [(0, vec![1; 3]), (1024, vec![2; 3])]);
}

#[test]
fn a_frame_that_never_ends_is_bounded() {
    let fmtp = "config=1190;sizelength=32;indexlength=0;indexdeltalength=0";
    let mut depacketiser = aac(fmtp);
    let packets = (0..100).map(|_| (0, false, payload(32, 0, &[60_000], &[0; 1400])));
    run(&mut depacketiser, &numbered(1, packets));
    assert!(depacketiser.held() <= MAX_AUDIO);
    let (_, faults) = run(&mut depacketiser, &numbered(101, [(0, false, payload(32, 0, &[1 << 30], &[0; 1400]))]));
    assert_eq!(faults, [Fault::TooLarge]);
}

#[test]
fn a_frame_without_its_end_ends_with_the_next() {
    let part = |fill: u8| payload(13, 3, &[20], &[fill; 10]);
    let sent = [(0, false, part(1)), (1024, false, part(2)), (1024, true, part(2))];
    let (given, faults) = run(&mut aac(HBR), &numbered(1, sent));
    assert_eq!((plain(&given), faults), (vec![(1024, vec![2; 20])], vec![]));
}

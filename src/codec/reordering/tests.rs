//! Parameter sets of x264 and x265, and others composed by hand.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// Two B frames in a pyramid, 320x240.
const PYRAMID: [u8; 25] = [
    0x67, 0x64, 0x00, 0x0D, 0xAC, 0xD9, 0x41, 0x41, 0xFB, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20,
    0xF1, 0x42, 0x99, 0x60,
];
const BASELINE: [u8; 24] = [
    0x67, 0x42, 0xC0, 0x0D, 0xD9, 0x01, 0x41, 0xFB, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xF1,
    0x42, 0xA4, 0x80,
];
const INTERLACED: [u8; 26] = [
    0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x04, 0x4F, 0xDE, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x06,
    0x43, 0xE2, 0xC5, 0xB2, 0xC0,
];
const HEVC_PYRAMID: [u8; 44] = [
    0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3C, 0xA0, 0x0A, 0x08,
    0x0F, 0x16, 0x59, 0x59, 0xA4, 0x93, 0x2B, 0xC0, 0x5A, 0x02, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x32, 0x10,
    0x00, 0x00,
];

#[rstest]
#[case::pyramid(h264(&PYRAMID), 2, false)]
#[case::baseline(h264(&BASELINE), 0, false)]
#[case::interlaced(h264(&INTERLACED), 2, true)]
#[case::hevc(hevc(&HEVC_PYRAMID), 2, false)]
fn as_encoders_say(#[case] found: Option<Reordering>, #[case] depth: u8, #[case] fields: bool) {
    assert_eq!(found, Some(Reordering { depth, fields }));
}

/// Bits in front of others.
#[derive(Default)]
struct Writer(Vec<bool>);

impl Writer {
    fn bits(mut self, value: u32, count: u32) -> Self {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn ue(self, value: u32) -> Self {
        let length = (value + 1).ilog2();
        self.bits(0, length).bits(value + 1, length + 1)
    }

    fn bytes(self) -> Vec<u8> {
        self.bits(1, 1)
            .0
            .chunks(8)
            .map(|bits| bits.iter().enumerate().map(|(at, bit)| u8::from(*bit) << (7 - at)).sum())
            .collect()
    }
}

/// Without a VUI, or with one that restricts only this (`max_num_reorder_frames`, `max_dec_frame_buffering`).
fn composed(
    profile: u32,
    constraints: u32,
    level: u32,
    order_count_type: u32,
    size: (u32, u32),
    said: Option<(u32, u32)>,
) -> Vec<u8> {
    let mut bits = Writer::default().bits(0x67, 8).bits(profile, 8).bits(constraints, 8).bits(level, 8).ue(0);
    if profile == 100 {
        bits = bits.ue(1).ue(0).ue(0).bits(0, 2);
    }
    bits = bits.ue(0).ue(order_count_type);
    if order_count_type == 0 {
        bits = bits.ue(0);
    }
    bits = bits.ue(1).bits(0, 1).ue(size.0 / 16 - 1).ue(size.1 / 16 - 1).bits(1, 1).bits(0, 1).bits(0, 1);
    match said {
        None => bits = bits.bits(0, 1),
        // aspect ratio, overscan, signal type, chroma, timing, two HRDs, pic_struct: none of them.
        Some((reordered, buffered)) => {
            bits = bits.bits(1, 1).bits(0, 8).bits(1, 1).bits(0, 1).ue(0).ue(0).ue(0).ue(0).ue(reordered).ue(buffered)
        }
    }
    bits.bytes()
}

#[rstest]
#[case::by_level_4(100, 0, 40, 0, (1920, 1088), None, 4)]
#[case::by_level_51(100, 0, 51, 0, (1920, 1088), None, 16)]
#[case::by_level_30(77, 0, 30, 0, (720, 576), None, 5)]
#[case::by_level_1b(77, 0x10, 11, 0, (176, 144), None, 4)]
#[case::by_level_11(77, 0, 11, 0, (176, 144), None, 9)]
#[case::beyond_its_level(77, 0, 10, 0, (1920, 1088), None, 0)]
#[case::intra_only(100, 0x10, 40, 0, (1920, 1088), None, 0)]
#[case::baseline(66, 0, 40, 0, (1920, 1088), None, 0)]
#[case::in_order(100, 0, 40, 2, (1920, 1088), None, 0)]
#[case::in_order_whatever_it_says(100, 0, 40, 2, (1920, 1088), Some((3, 4)), 0)]
#[case::said(100, 0, 40, 0, (1920, 1088), Some((1, 4)), 1)]
#[case::said_more_than_is_kept(100, 0, 40, 0, (1920, 1088), Some((3, 2)), 2)]
#[case::said_beyond_reason(100, 0, 40, 0, (1920, 1088), Some((900, 900)), 16)]
fn depths(
    #[case] profile: u32,
    #[case] constraints: u32,
    #[case] level: u32,
    #[case] order_count_type: u32,
    #[case] size: (u32, u32),
    #[case] said: Option<(u32, u32)>,
    #[case] depth: u8,
) {
    let nal = composed(profile, constraints, level, order_count_type, size, said);
    assert_eq!(h264(&nal), Some(Reordering { depth, fields: false }));
}

/// The highest sub-layer's number counts.
#[rstest]
#[case::one_for_all(false, 1)]
#[case::each_its_own(true, 3)]
fn sub_layers(#[case] each: bool, #[case] depth: u8) {
    let mut bits = Writer::default().bits(0x4201, 16).bits(0, 4).bits(2, 3).bits(1, 1).bits(0, 32).bits(0, 32).bits(0, 32);
    // One sub-layer with its profile, the other with its level; then the rest of the eight.
    bits = bits.bits(0b1001, 4).bits(0, 12).bits(0, 32).bits(0, 32).bits(0, 32);
    bits = bits.ue(0).ue(1).ue(320).ue(240).bits(0, 1).ue(0).ue(0).ue(4).bits(u32::from(each), 1);
    for depth in if each { vec![1, 2, 3] } else { vec![1] } {
        bits = bits.ue(4).ue(depth).ue(0);
    }
    assert_eq!(hevc(&bits.bytes()), Some(Reordering { depth, fields: false }));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..30) {
        h264(&bytes);
        hevc(&bytes);
        prop_assert!(h264(&PYRAMID[..cut.min(PYRAMID.len())]).is_none_or(|found| found.depth <= DEEPEST));
    }
}

//! Frames for tests.

use std::sync::OnceLock;
use std::time::Duration;

use super::frames::Frame;
use super::picture::{Counts, PictureKind};
use crate::base::clock::{self, Instant};
use crate::model::Codec;
use crate::ts::PACKET;
use crate::ts::mux::{Muxer, Track as Lane, Unit};
use crate::ts::time::Pts90k;

/// One instant for all tests of a process.
pub fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(clock::now)
}

/// A frame of a kind, of so many packets: `I` is a keyframe, `i` is none, `b` is one that no other needs. It comes 40 ms after the
/// one before it.
pub fn frame(kind: char, id: u64, packets: usize) -> Frame {
    let of = match kind.to_ascii_uppercase() {
        'I' => PictureKind::I,
        'P' => PictureKind::P,
        _ => PictureKind::B,
    };
    let mut counts = Counts::default();
    counts.add(of);
    Frame {
        id,
        kind: of,
        counts,
        keyframe: kind == 'I',
        reference: kind != 'b',
        whole: true,
        pts: Some(Pts90k(id * 3600)),
        dts: Some(Pts90k(id * 3600)),
        at: start() + Duration::from_millis(40) * u32::try_from(id).unwrap(),
        packets: vec![0x47; packets * PACKET].into(),
        beside: Box::default(),
    }
}

/// Frames of a packet each, with ids from 1.
pub fn frames(kinds: &str) -> Vec<Frame> {
    kinds.chars().zip(1..).map(|(kind, id)| frame(kind, id, 1)).collect()
}

/// x264's parameter sets for 1920x1080p25, High.
pub const SETS: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5, 0xC0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00,
    0x00, 0x03, 0x00, 0xC8, 0x3C, 0x60, 0xC6, 0x58, 0, 0, 1, 0x68, 0xEB, 0xE3,
];

/// An access unit: delimiter, parameter sets before an IDR picture, a slice of so many bytes.
fn access_unit(kind: char, size: usize) -> Vec<u8> {
    let slice: &[u8] = match kind {
        'I' => &[0, 0, 1, 0x65, 0x88],
        'P' => &[0, 0, 1, 0x41, 0x9A],
        _ => &[0, 0, 1, 0x01, 0x9E],
    };
    let mut unit = vec![0, 0, 0, 1, 9, 0xF0];
    if kind == 'I' {
        unit.extend(SETS);
    }
    unit.extend(slice);
    unit.resize(unit.len() + size, 0xAA);
    unit
}

/// Frames of 40 ms with sound beside them, from a time on; each as the bytes of its transport packets.
pub fn stream(kinds: &str, from_90k: u64, size: usize) -> Vec<Vec<u8>> {
    let mut muxer = Muxer::new(&[Lane::new(Codec::H264, None).unwrap(), Lane::new(Codec::Mp2, Some("deu")).unwrap()]);
    let frame = |(n, kind): (u64, char)| {
        let mut out = Vec::new();
        let at = Pts90k(from_90k).plus(n * 3600);
        let random_access = kind == 'I';
        muxer.write(&Unit { track: 0, pts: at.plus(7200), dts: at, random_access, data: access_unit(kind, size) }, &mut out);
        muxer.write(&Unit { track: 1, pts: at, dts: at, random_access: true, data: vec![0xFF; 100] }, &mut out);
        out
    };
    (0..).zip(kinds.chars()).map(frame).collect()
}

/// The same, of 3000 bytes, from 0 on.
pub fn recording(kinds: &str) -> Vec<Vec<u8>> {
    stream(kinds, 0, 3000)
}

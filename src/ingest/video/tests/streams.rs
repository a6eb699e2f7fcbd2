//! Streams of H.264 and HEVC, as far as depacketisers look into them: pictures of several slices, with parameter sets and SEI.

use proptest::prelude::*;

use crate::model::Codec;

/// x264, 320x240.
pub const SPS: [u8; 25] = [
    0x67, 0x64, 0x00, 0x0D, 0xAC, 0xD9, 0x41, 0x41, 0xFB, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20,
    0xF1, 0x42, 0x99, 0x60,
];
pub const PPS: [u8; 4] = [0x68, 0xEB, 0xE3, 0xCB];
/// x265, 320x240.
pub const HEVC_VPS: [u8; 8] = [0x40, 1, 0x0C, 1, 0xFF, 0xFF, 1, 0x60];
pub const HEVC_SPS: [u8; 42] = [
    0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3C, 0xA0, 0x0A, 0x08,
    0x0F, 0x16, 0x59, 0x59, 0xA4, 0x93, 0x2B, 0xC0, 0x5A, 0x02, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x32, 0x10,
];
pub const HEVC_PPS: [u8; 6] = [0x44, 1, 0xC1, 0x72, 0xB4, 0x62];

/// What kind of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Idr,
    Referred,
    Disposable,
}

/// A picture with all that belongs to it.
#[derive(Clone)]
pub struct Picture {
    pub kind: Kind,
    pub timestamp: u64,
    pub nals: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nals: Vec<(u8, usize)> = self.nals.iter().map(|nal| (nal[0], nal.len())).collect();
        write!(f, "{:?} {} {nals:x?}", self.kind, self.timestamp)
    }
}

/// Whether a NAL unit is a slice.
pub fn is_slice(codec: Codec, nal: &[u8]) -> bool {
    if codec == Codec::Hevc { nal[0] >> 1 < 32 } else { matches!(nal[0] & 0x1F, 1..=5) }
}

pub fn is_delimiter(codec: Codec, nal: &[u8]) -> bool {
    if codec == Codec::Hevc { nal[0] >> 1 == 35 } else { nal[0] & 0x1F == 9 }
}

/// A NAL unit with this header; what follows is made legal (H.264, 7.4.1).
pub fn nal(header: &[u8], first: u8, content: &[u8]) -> Vec<u8> {
    let mut nal = header.to_vec();
    let mut zeros = 0;
    for byte in std::iter::once(first).chain(content.iter().copied()).chain([0x80]) {
        if zeros >= 2 && byte <= 3 {
            nal.push(3);
            zeros = 0;
        }
        nal.push(byte);
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
    nal
}

pub fn parameter_sets(codec: Codec) -> Vec<Vec<u8>> {
    match codec {
        Codec::H264 => vec![SPS.to_vec(), PPS.to_vec()],
        _ => vec![HEVC_VPS.to_vec(), HEVC_SPS.to_vec(), HEVC_PPS.to_vec()],
    }
}

/// A slice with this number in it; the first of its picture or not.
pub fn slice(codec: Codec, kind: Kind, first: bool, number: u32, content: &[u8]) -> Vec<u8> {
    let header: &[u8] = match (codec, kind) {
        (Codec::H264, Kind::Idr) => &[0x65],
        (Codec::H264, Kind::Referred) => &[0x41],
        (Codec::H264, Kind::Disposable) => &[0x01],
        (_, Kind::Idr) => &[0x26, 1],
        (_, Kind::Referred) => &[0x02, 1],
        (_, Kind::Disposable) => &[0x00, 1],
    };
    // A P slice, where that is looked at.
    let mut bytes = number.to_be_bytes().map(|byte| byte | 1).to_vec();
    bytes.extend(number.to_be_bytes().iter().flat_map(|byte| [byte >> 4 | 0x10, byte & 0xF | 0x10]));
    bytes.extend(content);
    nal(header, if first { 0x9A } else { 0x4D }, &bytes)
}

pub fn sei(codec: Codec, number: u32) -> Vec<u8> {
    let header: &[u8] = if codec == Codec::Hevc { &[0x4E, 1] } else { &[0x06] };
    nal(header, 5, &[4, number as u8 | 1, (number >> 8) as u8 | 1, 9, 9])
}

pub fn delimiter(codec: Codec) -> Vec<u8> {
    if codec == Codec::Hevc { vec![0x46, 0x01, 0x50] } else { vec![0x09, 0xF0] }
}

/// What is random about a picture: disposable, its slices' contents, delimiter, SEI.
type Chance = (bool, Vec<Vec<u8>>, bool, bool);

fn chance() -> impl Strategy<Value = Chance> {
    let content = prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..60),
        2 => proptest::collection::vec(0u8..5, 0..400),
        1 => proptest::collection::vec(any::<u8>(), 1_000..4_000),
    ];
    (any::<bool>(), proptest::collection::vec(content, 1..4), any::<bool>(), any::<bool>())
}

/// A stream with an IDR picture every so often, each with its parameter sets.
pub fn stream(codec: Codec, most: usize) -> impl Strategy<Value = Vec<Picture>> {
    (proptest::collection::vec(chance(), 1..most), 2usize..12).prop_map(move |(chances, period)| {
        let mut number = 0;
        let picture = |(at, (disposable, slices, delimited, informed)): (usize, Chance)| {
            let kind = match at % period {
                0 => Kind::Idr,
                _ if disposable => Kind::Disposable,
                _ => Kind::Referred,
            };
            let mut nals = Vec::new();
            if delimited {
                nals.push(delimiter(codec));
            }
            if kind == Kind::Idr {
                nals.extend(parameter_sets(codec));
            }
            if informed {
                nals.push(sei(codec, at as u32));
            }
            for (index, content) in slices.iter().enumerate() {
                number += 1;
                nals.push(slice(codec, kind, index == 0, number, content));
            }
            Picture { kind, timestamp: 90_000 + at as u64 * 3_600, nals }
        };
        chances.into_iter().enumerate().map(picture).collect()
    })
}

/// By time and NAL units, delimiters apart.
pub fn told(codec: Codec, picture: &Picture) -> (u64, Vec<Vec<u8>>) {
    (picture.timestamp, picture.nals.iter().filter(|nal| !is_delimiter(codec, nal)).cloned().collect())
}

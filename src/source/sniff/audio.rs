//! Bare audio frames: ADTS (ISO/IEC 13818-7, 6.2; 14496-3, 1.A.2.2), MPEG audio layers (11172-3, 2.4.1.3), AC-3 and E-AC-3
//! (ETSI TS 102 366). Pure.

use crate::codec::{aac, ac3};

/// Frames that must follow each other before bytes count as audio.
const FRAMES: usize = 3;
/// Bytes to be at hand before frames are looked for past the beginning: internet radio is joined anywhere.
const JOINED_BYTES: usize = 4096;

/// Which frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioKind {
    /// AAC with ADTS headers.
    Adts,
    /// MPEG-1 or MPEG-2 audio, layer I, II or III.
    Mpeg,
    /// AC-3.
    Ac3,
    /// E-AC-3, independent substreams.
    Eac3,
}

/// One frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Which.
    pub kind: AudioKind,
    /// Bytes, header included.
    pub length: usize,
    /// Samples a channel.
    pub samples: u32,
    /// Samples a second.
    pub rate: u32,
}

/// The header at the beginning of `bytes`, or `None` if there is none. Needs 8 bytes.
pub fn frame(bytes: &[u8]) -> Option<Frame> {
    if bytes.starts_with(&[0x0B, 0x77]) {
        return dolby(bytes);
    }
    let head: &[u8; 7] = bytes.first_chunk()?;
    if head[0] != 0xFF || head[1] & 0xE0 != 0xE0 {
        return None;
    }
    if head[1] & 0xF6 == 0xF0 { adts(head) } else { mpeg(head) }
}

fn adts(head: &[u8; 7]) -> Option<Frame> {
    let (format, length) = aac::adts(head)?;
    let blocks = u32::from(head[6] & 3) + 1;
    (length > 7).then_some(Frame { kind: AudioKind::Adts, length, samples: 1024 * blocks, rate: format.sample_rate })
}

fn mpeg(head: &[u8; 7]) -> Option<Frame> {
    // kbit/s by [MPEG-1 or later][layer I, II, III][index]
    const RATES: [[[u32; 15]; 3]; 2] = [
        [
            [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
            [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
            [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        ],
        [
            [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        ],
    ];
    let (later, shift) = match (head[1] >> 3) & 3 {
        3 => (0, 0),
        2 => (1, 1),
        0 => (1, 2),
        _ => return None,
    };
    let layer = match (head[1] >> 1) & 3 {
        3 => 0,
        2 => 1,
        1 => 2,
        _ => return None,
    };
    let bits = RATES.get(later)?.get(layer)?.get(usize::from(head[2] >> 4)).copied().filter(|rate| *rate > 0)? * 1000;
    let rate = [44100u32, 48000, 32000].get(usize::from((head[2] >> 2) & 3)).copied()? >> shift;
    let padding = u32::from((head[2] >> 1) & 1);
    let (samples, length) = match (layer, later) {
        (0, _) => (384, (12 * bits / rate + padding) * 4),
        (2, 1) => (576, 72 * bits / rate + padding),
        _ => (1152, 144 * bits / rate + padding),
    };
    (length > 7).then_some(Frame { kind: AudioKind::Mpeg, length: length as usize, samples, rate })
}

fn dolby(bytes: &[u8]) -> Option<Frame> {
    let &[_, _, _, _, e, f, ..] = bytes else { return None };
    let (format, length) = ac3::frame(bytes)?;
    // Blocks of 256 samples: always six of AC-3; of E-AC-3 by numblkscod, which half rates have no room for (E.1.3.1.4).
    let enhanced = f >> 3 > 10;
    let blocks = match (enhanced, e >> 6, e >> 4 & 3) {
        (true, 0..=2, 0) => 1,
        (true, 0..=2, 1) => 2,
        (true, 0..=2, 2) => 3,
        _ => 6,
    };
    let kind = if enhanced { AudioKind::Eac3 } else { AudioKind::Ac3 };
    (length > 8).then_some(Frame { kind, length, samples: blocks * 256, rate: format.sample_rate })
}

/// Frames that follow each other from `offset` on, all of one kind and rate.
fn run(bytes: &[u8], mut offset: usize) -> (usize, Option<AudioKind>) {
    let mut first: Option<Frame> = None;
    let mut count = 0;
    while count < FRAMES {
        let Some(next) = bytes.get(offset..).and_then(frame) else { break };
        if first.is_some_and(|first| (first.kind, first.rate) != (next.kind, next.rate)) {
            break;
        }
        first.get_or_insert(next);
        count += 1;
        offset += next.length;
        while let Some(length) = bytes.get(offset..).and_then(ac3::belongs_to_last) {
            offset += length;
        }
    }
    (count, first.map(|first| first.kind))
}

/// Where the first of several frames begins. An ID3v2 tag in front is stepped over.
pub(super) fn find(bytes: &[u8], ended: bool) -> Option<(AudioKind, usize)> {
    let tag = id3_length(bytes);
    let whole = |offset: usize| match run(bytes, offset) {
        (FRAMES, Some(kind)) => Some((kind, offset)),
        _ => None,
    };
    if let Some(found) = whole(tag) {
        return Some(found);
    }
    if !ended && bytes.len() < tag + JOINED_BYTES {
        return None;
    }
    memchr::memchr2_iter(0xFF, 0x0B, bytes).filter(|offset| *offset >= tag).find_map(whole)
}

/// Bytes of the ID3v2 tag in front (id3.org, ID3v2.3, 3.1); 0 if there is none.
pub fn id3_length(bytes: &[u8]) -> usize {
    match bytes.first_chunk::<10>() {
        Some([b'I', b'D', b'3', _, _, _, a, b, c, d]) => {
            10 + [a, b, c, d].iter().fold(0usize, |size, byte| size << 7 | usize::from(*byte & 0x7F))
        }
        _ => 0,
    }
}

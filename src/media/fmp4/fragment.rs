//! Fragments (ISO/IEC 14496-12, 8.8): a `moof` that says when and how long, and the `mdat` with the samples.

use super::boxes::{boxed, full, words};
use super::{PICTURE_ID, SOUND_ID};

/// Random access; nothing depends on what came before (8.8.3.1).
const KEY: u32 = 0x0200_0000;
/// No random access.
const NO_KEY: u32 = 0x0101_0000;

/// One picture, or one frame of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// When it is decoded.
    pub dts_90k: u64,
    /// How much later it is shown.
    pub shown_after_90k: i32,
    /// Until the next one is decoded.
    pub duration_90k: u32,
    /// Whether decoding can begin with it.
    pub key: bool,
    /// As the track has it: NAL units behind their lengths, or a raw frame of AAC.
    pub bytes: Vec<u8>,
}

/// Writes a fragment. A track without samples is left out; nothing is written where there are none at all.
pub fn fragment(sequence: u32, pictures: &[Sample], sound: &[Sample]) -> Vec<u8> {
    let tracks: Vec<(u32, &[Sample])> =
        [(PICTURE_ID, pictures), (SOUND_ID, sound)].into_iter().filter(|(_, samples)| !samples.is_empty()).collect();
    if tracks.is_empty() {
        return Vec::new();
    }
    // Where the samples lie depends on how long the `moof` is, which does not depend on where they lie.
    let length = moof(sequence, &tracks, 0).len();
    let mut out = moof(sequence, &tracks, length + 8);
    boxed(&mut out, b"mdat", |out| {
        for sample in tracks.iter().flat_map(|(_, samples)| samples.iter()) {
            out.extend_from_slice(&sample.bytes);
        }
    });
    out
}

fn moof(sequence: u32, tracks: &[(u32, &[Sample])], data_from: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut offset = data_from;
    boxed(&mut out, b"moof", |out| {
        full(out, b"mfhd", 0, 0, |out| words(out, &[sequence]));
        for (id, samples) in tracks {
            boxed(out, b"traf", |out| {
                // Offsets count from this `moof`.
                full(out, b"tfhd", 0, 0x2_0000, |out| words(out, &[*id]));
                let first = samples.first().map_or(0, |sample| sample.dts_90k);
                full(out, b"tfdt", 1, 0, |out| out.extend_from_slice(&first.to_be_bytes()));
                // Offset of the data; duration, size, flags and composition offset of each sample.
                full(out, b"trun", 1, 0x00_0F01, |out| {
                    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
                    words(out, &[number(samples.len()), number(offset)]);
                    for sample in *samples {
                        let flags = if sample.key { KEY } else { NO_KEY };
                        words(
                            out,
                            &[sample.duration_90k, number(sample.bytes.len()), flags, sample.shown_after_90k.cast_unsigned()],
                        );
                    }
                });
            });
            offset += samples.iter().map(|sample| sample.bytes.len()).sum::<usize>();
        }
    });
    out
}

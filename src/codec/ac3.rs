//! AC-3 and E-AC-3 (ETSI TS 102 366): synchronisation header.

use super::AudioFormat;

const RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// Full channels by acmod (4.4.2.3).
const CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];

/// A frame's header and length in bytes, of either codec: bsid tells them apart.
pub fn frame(bytes: &[u8]) -> Option<(AudioFormat, usize)> {
    let &[0x0B, 0x77, c, d, e, f, g, h, ..] = bytes else { return None };
    if f >> 3 > 10 {
        return enhanced([c, d, e, f]);
    }
    let sample_rate = *RATES.get(usize::from(e >> 6))?;
    let half_rate = (f >> 3).saturating_sub(8).min(3);
    let length = frame_length(e >> 6, e & 0x3F)?;
    let acmod = g >> 5;
    // lfeon comes behind the mix levels that acmod has.
    let mut at = 3;
    if acmod & 1 != 0 && acmod != 1 {
        at += 2;
    }
    if acmod & 4 != 0 {
        at += 2;
    }
    if acmod == 2 {
        at += 2;
    }
    let lfe = (u16::from(g) << 8 | u16::from(h)) >> (15 - at) & 1;
    Some((AudioFormat { sample_rate: sample_rate >> half_rate, channels: CHANNELS[usize::from(acmod)] + lfe as u8 }, length))
}

/// Annex E.1.2: independent substreams only.
fn enhanced([c, d, e, f]: [u8; 4]) -> Option<(AudioFormat, usize)> {
    if f >> 3 > 16 || c >> 6 == 1 {
        return None;
    }
    let length = (usize::from(c & 7) << 8 | usize::from(d)) * 2 + 2;
    let sample_rate = match e >> 6 {
        3 => *RATES.get(usize::from(e >> 4 & 3))? / 2,
        index => RATES[usize::from(index)],
    };
    Some((AudioFormat { sample_rate, channels: CHANNELS[usize::from(e >> 1 & 7)] + (e & 1) }, length))
}

/// The length of a frame of E-AC-3 that belongs to the one before it: of a dependent substream (7.1 channels come like this), or of
/// another programme (annex E.1.3.1).
pub fn belongs_to_last(bytes: &[u8]) -> Option<usize> {
    let &[0x0B, 0x77, c, d, _, f, ..] = bytes else { return None };
    let (stream_type, substream) = (c >> 6, c >> 3 & 7);
    let belongs = (11..=16).contains(&(f >> 3)) && (stream_type == 1 || substream > 0);
    belongs.then(|| (usize::from(c & 7) << 8 | usize::from(d)) * 2 + 2)
}

/// Table 4.13, in bytes.
fn frame_length(rate: u8, code: u8) -> Option<usize> {
    const KBIT: [usize; 19] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
    let kbit = *KBIT.get(usize::from(code >> 1))?;
    Some(match rate {
        0 => kbit * 4,
        1 => (kbit * 320_000 / 147 / 1000 + usize::from(code & 1)) * 2,
        _ => kbit * 6,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn five_one_at_384() {
        // fscod 0, frmsizecod 28 (384 kbit/s), bsid 8, acmod 7, lfe
        let (format, length) = frame(&[0x0B, 0x77, 0, 0, 28, 8 << 3, 0b1110_0001, 0x40]).unwrap();
        assert_eq!((format.sample_rate, format.channels, length), (48_000, 6, 1536));
    }

    #[test]
    fn frame_lengths_at_44100() {
        // Table 4.13: 192 kbit/s is 417 or 418 words.
        assert_eq!((frame_length(1, 20), frame_length(1, 21)), (Some(834), Some(836)));
    }

    #[test]
    fn enhanced_stereo() {
        let (format, length) = frame(&[0x0B, 0x77, 0x00, 0xFF, 0b0011_0100, 16 << 3, 0, 0]).unwrap();
        assert_eq!((format.sample_rate, format.channels, length), (48_000, 2, 512));
    }

    #[test]
    fn what_belongs_to_the_frame_before() {
        let header = |c: u8, bsid: u8| [0x0B, 0x77, c, 0xFF, 0b0011_0100, bsid << 3, 0, 0];
        assert_eq!(belongs_to_last(&header(0x40, 16)), Some(512), "dependent");
        assert_eq!(belongs_to_last(&header(0x08, 16)), Some(512), "another programme");
        assert_eq!(belongs_to_last(&header(0x00, 16)), None);
        assert_eq!(belongs_to_last(&header(0x40, 8)), None, "AC-3");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            frame(&[&[0x0B, 0x77][..], &bytes].concat());
            belongs_to_last(&[&[0x0B, 0x77][..], &bytes].concat());
        }
    }
}

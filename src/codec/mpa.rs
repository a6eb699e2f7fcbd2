//! MPEG audio, layers I to III (ISO/IEC 11172-3, 2.4.1.3; ISO/IEC 13818-3), and SMPTE 302M's four bytes.

use super::AudioFormat;

/// A frame's header, and the frame's length in bytes where the bit rate is not free.
pub fn frame(bytes: &[u8]) -> Option<(AudioFormat, usize)> {
    let &[0xFF, b, c, d, ..] = bytes else { return None };
    if b & 0xE0 != 0xE0 {
        return None;
    }
    let (version, layer) = (b >> 3 & 3, 4 - (b >> 1 & 3));
    if version == 1 || layer == 4 {
        return None;
    }
    // 3 is MPEG-1, 2 is MPEG-2 (half), 0 is MPEG-2.5 (quarter).
    let halvings = match version {
        3 => 0,
        2 => 1,
        _ => 2,
    };
    let sample_rate = [44_100u32, 48_000, 32_000].get(usize::from(c >> 2 & 3))? >> halvings;
    let kbit = usize::from(*BIT_RATES[table(version, layer)].get(usize::from(c >> 4).checked_sub(1)?)?);
    let padding = usize::from(c >> 1 & 1);
    let rate = sample_rate as usize;
    let length = match layer {
        1 => (12_000 * kbit / rate + padding) * 4,
        3 if version != 3 => 72_000 * kbit / rate + padding,
        _ => 144_000 * kbit / rate + padding,
    };
    let channels = if d >> 6 == 3 { 1 } else { 2 };
    Some((AudioFormat { sample_rate, channels }, length))
}

fn table(version: u8, layer: u8) -> usize {
    match (version, layer) {
        (3, 1) => 0,
        (3, 2) => 1,
        (3, _) => 2,
        (_, 1) => 3,
        _ => 4,
    }
}

const BIT_RATES: [[u16; 14]; 5] = [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// SMPTE 302M: the header in front of every PES packet's samples; always 48 kHz.
pub fn smpte_302m(bytes: &[u8]) -> Option<AudioFormat> {
    let &[_, _, c, ..] = bytes else { return None };
    Some(AudioFormat { sample_rate: 48_000, channels: (c >> 6) * 2 + 2 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case([0xFF, 0xFD, 0xA4, 0x00], 48_000, 2, 576)]
    #[case([0xFF, 0xFB, 0x90, 0xC0], 44_100, 1, 417)]
    #[case([0xFF, 0xF3, 0x84, 0x00], 24_000, 2, 192)]
    fn headers(#[case] bytes: [u8; 4], #[case] sample_rate: u32, #[case] channels: u8, #[case] length: usize) {
        assert_eq!(frame(&bytes), Some((AudioFormat { sample_rate, channels }, length)));
    }

    #[test]
    fn adts_is_none_of_these() {
        assert_eq!(frame(&[0xFF, 0xF1, 0x4C, 0x80]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..6)) {
            frame(&[&[0xFF][..], &bytes].concat());
            smpte_302m(&bytes);
        }
    }
}

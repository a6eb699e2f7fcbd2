//! DTS Coherent Acoustics (ETSI TS 102 114, 5.3): the core's frame header.

use super::AudioFormat;
use super::bits::BitReader;

/// A core frame's header, and the length of the core in bytes.
pub fn frame(bytes: &[u8]) -> Option<(AudioFormat, usize)> {
    let rest = bytes.strip_prefix(&[0x7F, 0xFE, 0x80, 0x01])?;
    let mut bits = BitReader::new(rest);
    // FTYPE, SHORT, CPF, NBLKS
    bits.skip(1 + 5 + 1 + 7)?;
    let length = bits.bits(14)? as usize + 1;
    let arrangement = bits.bits(6)? as usize;
    let sample_rate = *RATES.get(bits.bits(4)? as usize)?;
    // RATE, then six flags or fields of a bit (MIX … AUX) and HDCD, EXT_AUDIO_ID (3), EXT_AUDIO, ASPF
    bits.skip(5 + 1 + 1 + 1 + 1 + 1 + 3 + 1 + 1)?;
    let lfe = matches!(bits.bits(2)?, 1 | 2);
    let channels = *CHANNELS.get(arrangement)? + u8::from(lfe);
    (sample_rate > 0 && length >= 95).then_some((AudioFormat { sample_rate, channels }, length))
}

/// Table 5-5; 0 is invalid.
const RATES: [u32; 14] = [0, 8_000, 16_000, 32_000, 0, 0, 11_025, 22_050, 44_100, 0, 0, 12_000, 24_000, 48_000];
/// Table 5-4.
const CHANNELS: [u8; 16] = [1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            frame(&[&[0x7F, 0xFE, 0x80, 0x01][..], &bytes].concat());
        }
    }
}

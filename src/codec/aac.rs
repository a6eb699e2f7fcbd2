//! AAC: ADTS headers (ISO/IEC 13818-7, 6.2) and the configuration in LATM/LOAS (ISO/IEC 14496-3, 1.7).

use super::AudioFormat;
use super::bits::BitReader;

/// Sample rates in hertz, by samplingFrequencyIndex (ISO/IEC 14496-3, table 1.18).
pub const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// An ADTS frame's header, and the frame's length in bytes.
pub fn adts(bytes: &[u8]) -> Option<(AudioFormat, usize)> {
    let &[0xFF, b, c, d, e, f, ..] = bytes else { return None };
    if b & 0xF6 != 0xF0 {
        return None;
    }
    let sample_rate = *SAMPLE_RATES.get(usize::from(c >> 2 & 0xF))?;
    let configuration = (c & 1) << 2 | d >> 6;
    let length = usize::from(d & 3) << 11 | usize::from(e) << 3 | usize::from(f >> 5);
    (length >= 7).then_some((AudioFormat { sample_rate, channels: channels(configuration) }, length))
}

/// channel_configuration (14496-3, table 1.19). 0 is told in the stream itself: taken for stereo.
fn channels(configuration: u8) -> u8 {
    match configuration {
        0 => 2,
        7 => 8,
        11 => 7,
        12 | 14 => 8,
        other => other,
    }
}

/// A LOAS frame (0x2B7) that carries its configuration, and the frame's length in bytes.
pub fn loas(bytes: &[u8]) -> Option<(AudioFormat, usize)> {
    let &[0x56, b, c, ..] = bytes else { return None };
    if b & 0xE0 != 0xE0 {
        return None;
    }
    let length = 3 + (usize::from(b & 0x1F) << 8 | usize::from(c));
    let mut bits = BitReader::new(bytes.get(3..)?);
    if bits.flag()? {
        return None;
    }
    let version_1 = bits.flag()?;
    if version_1 && bits.flag()? {
        return None;
    }
    if version_1 {
        variable(&mut bits)?;
    }
    // allStreamsSameTimeFraming, numSubFrames, numProgram, numLayer
    bits.skip(1 + 6 + 4 + 3)?;
    if version_1 {
        variable(&mut bits)?;
    }
    specific_config(&mut bits).map(|format| (format, length))
}

fn variable(bits: &mut BitReader<'_>) -> Option<()> {
    let more = bits.bits(2)?;
    bits.skip(8 * (more + 1))
}

/// AudioSpecificConfig (14496-3, 1.6.2.1): with SBR the rate is the doubled one, with PS mono is stereo.
fn specific_config(bits: &mut BitReader<'_>) -> Option<AudioFormat> {
    let object_type = |bits: &mut BitReader<'_>| match bits.bits(5)? {
        31 => bits.bits(6).map(|more| 32 + more),
        other => Some(other),
    };
    let rate = |bits: &mut BitReader<'_>| match bits.bits(4)? {
        15 => bits.bits(24),
        index => SAMPLE_RATES.get(index as usize).copied(),
    };
    let kind = object_type(bits)?;
    let mut sample_rate = rate(bits)?;
    let configuration = bits.bits(4)? as u8;
    if kind == 5 || kind == 29 {
        sample_rate = rate(bits)?;
    }
    let channels = if kind == 29 && configuration == 1 { 2 } else { channels(configuration) };
    Some(AudioFormat { sample_rate, channels })
}

/// What the ADTS headers say of frames that come without any, as MP4 has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adts {
    profile: u8,
    rate_index: u8,
    channels: u8,
}

impl Adts {
    /// From an AudioSpecificConfig (14496-3, 1.6.2.1). `None` for what ADTS cannot carry: object types beyond the first four
    /// (xHE-AAC, ELD), rates and channels that are not in the tables, frames of 960 samples. HE-AAC is carried as its AAC-LC
    /// core; decoders find the rest in the frames.
    pub fn of_config(config: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(config);
        let mut object_type = bits.bits(5)?;
        let rate_index = bits.bits(4)? as u8;
        let channels = bits.bits(4)? as u8;
        if object_type == 5 || object_type == 29 {
            if bits.bits(4)? == 15 {
                bits.skip(24)?;
            }
            object_type = bits.bits(5)?;
        }
        let short_frames = bits.flag().unwrap_or(false);
        let carried = (1..=4).contains(&object_type) && (1..=7).contains(&channels) && !short_frames;
        let known = carried && usize::from(rate_index) < SAMPLE_RATES.len();
        known.then(|| Self { profile: object_type as u8 - 1, rate_index, channels })
    }

    /// The header of a frame of so many bytes, itself not counted; `None` for one that is too long. No CRC.
    pub fn header(self, frame: usize) -> Option<[u8; 7]> {
        let length = u16::try_from(frame + 7).ok().filter(|length| *length < 1 << 13)?;
        Some([
            0xFF,
            0xF1,
            self.profile << 6 | self.rate_index << 2 | self.channels >> 2,
            self.channels << 6 | (length >> 11) as u8,
            (length >> 3) as u8,
            (length << 5) as u8 | 0x1F,
            0xFC,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case::lc_stereo(&[0x11, 0x90], Some((48_000, 2)))]
    #[case::lc_five_one(&[0x12, 0x30], Some((44_100, 6)))]
    #[case::he_with_its_core(&[0x2B, 0x11, 0x88, 0x00], Some((24_000, 2)))]
    #[case::low_delay(&[0xF8, 0xE6, 0x40], None)]
    #[case::channels_by_an_element(&[0x11, 0x80], None)]
    #[case::frames_of_960(&[0x11, 0x94], None)]
    #[case::rate_of_its_own(&[0x17, 0x80, 0x5D, 0xC0, 0x10], None)]
    #[case::no_object_type(&[0x01, 0x90], None)]
    #[case::cut_short(&[0x11], None)]
    fn configurations(#[case] config: &[u8], #[case] is: Option<(u32, u8)>) {
        let header = Adts::of_config(config).map(|config| config.header(364).unwrap());
        let read = header.map(|header| adts(&header).unwrap());
        assert_eq!(read, is.map(|(sample_rate, channels)| (AudioFormat { sample_rate, channels }, 371)));
    }

    #[test]
    fn a_frame_has_its_longest_length() {
        let adts_of = Adts::of_config(&[0x11, 0x90]).unwrap();
        assert_eq!(adts(&adts_of.header(8184).unwrap()).map(|(_, length)| length), Some(8191));
        assert_eq!(adts_of.header(8185), None);
    }

    #[test]
    fn adts_header() {
        let (format, length) = adts(&[0xFF, 0xF1, 0x4C, 0x80, 0x2E, 0x7F, 0xFC]).unwrap();
        assert_eq!((format, length), (AudioFormat { sample_rate: 48_000, channels: 2 }, 371));
        assert_eq!(adts(&[0xFF, 0xFB, 0x90, 0x64, 0, 0, 0]), None, "layer III");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            adts(&bytes);
            loas(&[&[0x56, 0xE0][..], &bytes].concat());
        }
    }
}

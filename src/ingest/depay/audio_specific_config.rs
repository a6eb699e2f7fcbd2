//! AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), as far as a receiver of RTP needs it: the length of a frame, and its own length
//! in bits, which LATM does not tell (14496-3, 1.7.3.1).

use crate::codec::aac::SAMPLE_RATES;
use crate::codec::bits::BitReader;

/// Audio object types (14496-3, table 1.17).
const SBR: u8 = 5;
const SCALABLE: u8 = 6;
const PS: u8 = 29;
const ER_SCALABLE: u8 = 20;
const ER_BSAC: u8 = 22;
const ER_LOW_DELAY: u8 = 23;
const ER_ENHANCED_LOW_DELAY: u8 = 39;
/// xHE-AAC (ISO/IEC 23003-3).
pub(super) const USAC: u8 = 42;
/// The longest that is taken, in bytes: the longest program config element has less.
const LONGEST: usize = 512;

/// The configuration of an AAC stream. What is told behind it (the backward compatible way to say SBR) is left out, since LATM
/// has no place for it: decoders find SBR in the frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    /// Audio object type of the core: 2 is AAC-LC, also beneath SBR.
    pub object_type: u8,
    /// Hertz, of the core: half of what is heard with SBR.
    pub sample_rate: u32,
    /// channelConfiguration (table 1.19); 0 where a program config element says it.
    pub channel_configuration: u8,
    /// Samples of a frame at [`Self::sample_rate`].
    pub frame_samples: u16,
    bytes: Vec<u8>,
    bits: usize,
}

impl AudioSpecificConfig {
    /// From bytes, as an SDP or MP4 has them. `None` for what is no AAC (CELP, HVXC, ALS), and for bytes that end early.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Self::read(&mut BitReader::new(bytes), Some(bytes.len() * 8))
    }

    /// From within a StreamMuxConfig: `reader` stands behind it afterwards. `told` is its length in bits, if that is known: without it
    /// there is no xHE-AAC, whose configuration is not read to its end.
    pub fn read(reader: &mut BitReader<'_>, told: Option<usize>) -> Option<Self> {
        let begin = reader.clone();
        let (object_type, explicit) = match object_type(reader)? {
            sbr @ (SBR | PS) => (sbr, true),
            other => (other, false),
        };
        let sample_rate = rate(reader)?;
        let channel_configuration = reader.bits(4)? as u8;
        let object_type = if explicit {
            rate(reader)?;
            let core = self::object_type(reader)?;
            if core == ER_BSAC {
                reader.skip(4)?;
            }
            core
        } else {
            object_type
        };
        let frame_samples = match object_type {
            1..=4 | SCALABLE | 7 | 17 | 19..=ER_LOW_DELAY => general(reader, &begin, object_type, channel_configuration)?,
            ER_ENHANCED_LOW_DELAY => enhanced_low_delay(reader)?,
            USAC => {
                let samples = unified(reader)?;
                let read = begin.left().saturating_sub(reader.left());
                reader.skip(u32::try_from(told?.checked_sub(read)?).ok()?)?;
                samples
            }
            _ => return None,
        };
        // epConfig; 2 and 3 have tables of their own.
        if matches!(object_type, 17 | 19..=ER_LOW_DELAY | ER_ENHANCED_LOW_DELAY) && reader.bits(2)? > 1 {
            return None;
        }
        let bits = begin.left().saturating_sub(reader.left());
        if sample_rate == 0 || bits > LONGEST * 8 {
            return None;
        }
        let mut copy = begin;
        let mut bytes = Vec::with_capacity(bits.div_ceil(8));
        for at in (0..bits).step_by(8) {
            let count = (bits - at).min(8) as u32;
            bytes.push((copy.bits(count)? << (8 - count)) as u8);
        }
        Some(Self { object_type, sample_rate, channel_configuration, frame_samples, bytes, bits })
    }

    /// Its bytes; the last is filled up with zeros.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bits of [`Self::bytes`] it has.
    pub fn bits(&self) -> usize {
        self.bits
    }
}

fn object_type(reader: &mut BitReader<'_>) -> Option<u8> {
    match reader.bits(5)? {
        31 => reader.bits(6).map(|more| 32 + more as u8),
        other => Some(other as u8),
    }
}

fn rate(reader: &mut BitReader<'_>) -> Option<u32> {
    match reader.bits(4)? {
        15 => reader.bits(24),
        index => SAMPLE_RATES.get(index as usize).copied(),
    }
}

/// GASpecificConfig (14496-3, 4.4.1): gives the samples of a frame.
fn general(reader: &mut BitReader<'_>, begin: &BitReader<'_>, object_type: u8, channel_configuration: u8) -> Option<u16> {
    let short = reader.flag()?;
    // dependsOnCoreCoder, coreCoderDelay
    if reader.flag()? {
        reader.skip(14)?;
    }
    let extension = reader.flag()?;
    if channel_configuration == 0 {
        program_config_element(reader, begin)?;
    }
    if matches!(object_type, SCALABLE | ER_SCALABLE) {
        reader.skip(3)?;
    }
    if extension {
        match object_type {
            ER_BSAC => reader.skip(5 + 11)?,
            17 | 19 | ER_SCALABLE | ER_LOW_DELAY => reader.skip(3)?,
            _ => {}
        }
        // extensionFlag3
        reader.skip(1)?;
    }
    Some(match (object_type, short) {
        (ER_LOW_DELAY, false) => 512,
        (ER_LOW_DELAY, true) => 480,
        (_, false) => 1024,
        (_, true) => 960,
    })
}

/// program_config_element (14496-3, 4.4.1.1). Its comment is aligned to the begin of the whole.
fn program_config_element(reader: &mut BitReader<'_>, begin: &BitReader<'_>) -> Option<()> {
    // element_instance_tag, object_type, sampling_frequency_index
    reader.skip(4 + 2 + 4)?;
    let [front, side, back] = [reader.bits(4)?, reader.bits(4)?, reader.bits(4)?];
    let (low, data, coupling) = (reader.bits(2)?, reader.bits(3)?, reader.bits(4)?);
    for count in [4, 4, 3] {
        if reader.flag()? {
            reader.skip(count)?;
        }
    }
    reader.skip(5 * (front + side + back + coupling) + 4 * (low + data))?;
    let read = begin.left().saturating_sub(reader.left());
    reader.skip((read.wrapping_neg() & 7) as u32)?;
    let comment = reader.bits(8)?;
    reader.skip(8 * comment)
}

/// The beginning of a UsacConfig (ISO/IEC 23003-3, 5.2): gives the samples of a frame, at the rate that is heard.
fn unified(reader: &mut BitReader<'_>) -> Option<u16> {
    if reader.bits(5)? == 0x1F {
        reader.skip(24)?;
    }
    // coreSbrFrameLengthIndex (table 67)
    Some(match reader.bits(3)? {
        0 => 768,
        1 => 1024,
        2 | 3 => 2048,
        4 => 4096,
        _ => return None,
    })
}

/// ELDSpecificConfig (14496-3, 4.4.1.2), without the SBR of its own, whose headers are not read.
fn enhanced_low_delay(reader: &mut BitReader<'_>) -> Option<u16> {
    let short = reader.flag()?;
    reader.skip(3)?;
    if reader.flag()? {
        return None;
    }
    while reader.bits(4)? != 0 {
        let mut length = reader.bits(4)?;
        if length == 15 {
            length += reader.bits(8)?;
            if length == 15 + 255 {
                length += reader.bits(16)?;
            }
        }
        reader.skip(8 * length)?;
    }
    Some(if short { 480 } else { 512 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    /// Those of RFC 3640, 3.3.5 and 3.3.6, and of encoders.
    #[rstest]
    #[case::low_bit_rate(&[0x13, 0x88], Some((2, 22_050, 1, 1024, 16)))]
    #[case::high_bit_rate(&[0x11, 0xB0], Some((2, 48_000, 6, 1024, 16)))]
    #[case::sbr_told_behind(&[0x13, 0x10, 0x56, 0xE5, 0x98], Some((2, 24_000, 2, 1024, 16)))]
    #[case::sbr_told_first(&[0x2B, 0x11, 0x88, 0x00], Some((2, 24_000, 2, 1024, 25)))]
    #[case::ps(&[0xEB, 0x09, 0x88, 0x00], Some((2, 24_000, 1, 1024, 25)))]
    #[case::frames_of_960(&[0x11, 0x94], Some((2, 48_000, 2, 960, 16)))]
    #[case::rate_of_its_own(&[0x17, 0x80, 0x5D, 0xC0, 0x10], Some((2, 48_000, 2, 1024, 40)))]
    #[case::low_delay(&[0xB9, 0x90, 0x00], Some((23, 48_000, 2, 512, 18)))]
    #[case::enhanced_low_delay(&[0xF8, 0xE6, 0x40, 0x00], Some((39, 48_000, 2, 512, 30)))]
    #[case::enhanced_low_delay_with_sbr(&[0xF8, 0xE6, 0x41, 0x00], None)]
    #[case::usac(&[0xF9, 0x46, 0x43, 0x22, 0, 4, 0x80], Some((42, 48_000, 2, 1024, 56)))]
    #[case::usac_cut_short(&[0xF9, 0x46, 0x40], None)]
    #[case::celp(&[0x41, 0x10], None)]
    #[case::cut_short(&[0x11], None)]
    fn configurations(#[case] bytes: &[u8], #[case] expected: Option<(u8, u32, u8, u16, usize)>) {
        let found = AudioSpecificConfig::parse(bytes);
        assert_eq!(
            found.map(|it| (it.object_type, it.sample_rate, it.channel_configuration, it.frame_samples, it.bits)),
            expected
        );
    }

    /// As ffmpeg 5.1 writes them: the element, its name as a comment, and what is told behind it.
    #[rstest]
    #[case::two_one("118004c4010020000d4c61766335392e33372e31303056e500", 22)]
    #[case::quad("118004c4040021100d4c61766335392e33372e31303056e500", 22)]
    #[case::seven_one_wide("118004c848002000c6400d4c61766335392e33372e31303056e500", 24)]
    fn channels_by_an_element(#[case] text: &str, #[case] length: usize) {
        let bytes = crate::ingest::depay::mux_element::hexadecimal(text).unwrap();
        let config = AudioSpecificConfig::parse(&bytes).unwrap();
        assert_eq!((config.channel_configuration, config.sample_rate, config.bits()), (0, 48_000, length * 8));
        assert_eq!(config.bytes(), &bytes[..length]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(config) = AudioSpecificConfig::parse(&bytes) {
                prop_assert_eq!(AudioSpecificConfig::parse(config.bytes()), Some(config.clone()));
                prop_assert!(config.bits() <= bytes.len() * 8 && config.bytes().len() == config.bits().div_ceil(8));
            }
        }
    }
}

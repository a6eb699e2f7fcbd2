//! LATM (ISO/IEC 14496-3, 1.7): what a StreamMuxConfig says of the common case, which is one programme of one layer, and bare
//! frames of AAC as AudioMuxElements and LOAS frames, which stream_type 0x11 of a transport stream carries (13818-1, table 2-34).

use super::Fault;
use super::audio_specific_config::{AudioSpecificConfig, USAC};
use crate::codec::bits::BitReader;

/// The longest AudioMuxElement of a LOAS frame: audioMuxLengthBytes has 13 bits.
const LONGEST: usize = 0x1FFF;

/// A StreamMuxConfig (1.7.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMuxConfig {
    /// What the frames are.
    pub config: AudioSpecificConfig,
    /// Frames of one AudioMuxElement: numSubFrames and one more.
    pub frames: u8,
    /// Bytes of every frame, where that is fixed (frameLengthType 1).
    pub frame_bytes: Option<u16>,
    /// otherDataLenBits.
    pub other_bits: u32,
}

impl StreamMuxConfig {
    /// Reads one; `reader` stands behind it afterwards.
    ///
    /// # Errors
    /// When it ends early, or is not the common case.
    pub fn read(reader: &mut BitReader<'_>) -> Result<Self, Fault> {
        let version_1 = bits(reader, 1)? == 1;
        if version_1 && bits(reader, 1)? == 1 {
            return Err(Fault::Unsupported("LATM with audioMuxVersionA 1"));
        }
        if version_1 {
            // taraBufferFullness
            value(reader)?;
        }
        let same_time = bits(reader, 1)? == 1;
        let frames = bits(reader, 6)? as u8 + 1;
        if bits(reader, 4)? > 0 || bits(reader, 3)? > 0 {
            return Err(Fault::Unsupported("LATM with several programmes or layers"));
        }
        if !same_time {
            return Err(Fault::Unsupported("LATM without allStreamsSameTimeFraming"));
        }
        let told = if version_1 { Some(value(reader)?) } else { None };
        let before = reader.left();
        let config = AudioSpecificConfig::read(reader, told.map(|told| told as usize)).ok_or_else(|| match reader.left() {
            0 => Fault::Truncated,
            _ => Fault::Unsupported("LATM with something else than AAC"),
        })?;
        if let Some(told) = told {
            let used = before.saturating_sub(reader.left());
            let fill = (told as usize).checked_sub(used).ok_or(Fault::Malformed("ascLen is too short"))?;
            skip(reader, fill)?;
        }
        // Some senders of SDPs leave out the rest, which says nothing new in the common case.
        if reader.left() < 3 {
            return Ok(Self { config, frames, frame_bytes: None, other_bits: 0 });
        }
        let frame_bytes = match bits(reader, 3)? {
            0 => {
                // latmBufferFullness
                bits(reader, 8)?;
                None
            }
            1 => Some(bits(reader, 9)? as u16 + 20),
            _ => return Err(Fault::Unsupported("LATM with a frameLengthType of CELP or HVXC")),
        };
        let mut other_bits = 0u32;
        if bits(reader, 1)? == 1 {
            if version_1 {
                other_bits = value(reader)?;
            } else {
                loop {
                    let more = bits(reader, 1)? == 1;
                    let byte = bits(reader, 8)?;
                    other_bits = other_bits.checked_mul(256).ok_or(Fault::Malformed("otherDataLenBits is too long"))? | byte;
                    if !more {
                        break;
                    }
                }
            }
        }
        // crcCheckSum
        if bits(reader, 1)? == 1 {
            bits(reader, 8)?;
        }
        Ok(Self { config, frames, frame_bytes, other_bits })
    }

    /// Bytes of the next frame: PayloadLengthInfo (1.7.3.1).
    pub(super) fn frame_length(&self, reader: &mut BitReader<'_>) -> Result<usize, Fault> {
        if let Some(bytes) = self.frame_bytes {
            return Ok(bytes.into());
        }
        let mut length = 0usize;
        loop {
            let byte = bits(reader, 8)? as usize;
            length = length.saturating_add(byte);
            if byte != 255 {
                return Ok(length);
            }
        }
    }
}

pub(super) fn bits(reader: &mut BitReader<'_>, count: u32) -> Result<u32, Fault> {
    reader.bits(count).ok_or(Fault::Truncated)
}

pub(super) fn skip(reader: &mut BitReader<'_>, count: usize) -> Result<(), Fault> {
    if count > reader.left() {
        return Err(Fault::Truncated);
    }
    reader.skip(count as u32).ok_or(Fault::Truncated)
}

/// LatmGetValue (1.7.3.1).
fn value(reader: &mut BitReader<'_>) -> Result<u32, Fault> {
    let more = bits(reader, 2)?;
    bits(reader, 8 * (more + 1))
}

/// The bytes of hexadecimal digits, as `config` in an SDP has them (RFC 3640, 4.1; RFC 6416, 7.3). At most 1 KiB.
pub fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_matches('"');
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    if pairs.is_empty() || pairs.len() > 1024 || !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Appends a bare frame as AudioMuxElement(1) (1.7.3.1): with its configuration, so that decoding can begin with any.
pub fn element(config: &AudioSpecificConfig, frame: &[u8], out: &mut Vec<u8>) {
    let mut bits = BitWriter { out, byte: 0, used: 0 };
    // xHE-AAC does not tell its length otherwise.
    let version_1 = config.object_type == USAC;
    bits.put(u32::from(version_1), 2);
    if version_1 {
        // audioMuxVersionA; taraBufferFullness (unknown)
        bits.put(0, 1);
        bits.put_value(0xFF);
    }
    // allStreamsSameTimeFraming; numSubFrames, numProgram, numLayer
    bits.put(1, 1);
    bits.put(0, 6 + 4 + 3);
    if version_1 {
        bits.put_value(config.bits() as u32);
    }
    let mut reader = BitReader::new(config.bytes());
    for _ in 0..config.bits() {
        bits.put(reader.bits(1).unwrap_or(0), 1);
    }
    // frameLengthType, latmBufferFullness (unknown); otherDataPresent, crcCheckPresent
    bits.put(0, 3);
    bits.put(0xFF, 8);
    bits.put(0, 2);
    let mut length = frame.len();
    while length >= 255 {
        bits.put(255, 8);
        length -= 255;
    }
    bits.put(length as u32, 8);
    frame.iter().for_each(|byte| bits.put(u32::from(*byte), 8));
    bits.align();
}

/// Appends a bare frame as a LOAS frame: AudioSyncStream (1.7.2), one AudioMuxElement. False, and nothing, for one that is too long
/// (about 8,100 bytes).
pub fn loas(config: &AudioSpecificConfig, frame: &[u8], out: &mut Vec<u8>) -> bool {
    let begin = out.len();
    out.extend([0x56, 0xE0, 0]);
    element(config, frame, out);
    let length = out.len() - begin - 3;
    if length > LONGEST {
        out.truncate(begin);
        return false;
    }
    if let Some([_, high, low]) = out.get_mut(begin..).and_then(|frame| frame.first_chunk_mut::<3>()) {
        *high |= (length >> 8) as u8;
        *low = length as u8;
    }
    true
}

struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    byte: u8,
    used: u32,
}

impl BitWriter<'_> {
    /// Up to 32 bits.
    fn put(&mut self, value: u32, count: u32) {
        let mut left = count.min(32);
        while left > 0 {
            let now = left.min(8 - self.used);
            left -= now;
            let part = (value >> left & ((1 << now) - 1)) as u8;
            self.byte |= part << (8 - self.used - now);
            self.used += now;
            if self.used == 8 {
                self.align();
            }
        }
    }

    /// LatmGetValue (1.7.3.1), read backwards.
    fn put_value(&mut self, value: u32) {
        let bytes = (32 - value.leading_zeros()).div_ceil(8).max(1);
        self.put(bytes - 1, 2);
        self.put(value, 8 * bytes);
    }

    fn align(&mut self) {
        if self.used > 0 {
            self.out.push(self.byte);
            (self.byte, self.used) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    /// Those that RFC 6416, 7.4 prints.
    #[rstest]
    #[case::aac_lc("400026203fc0", Ok((2, 24_000, 2, 1)))]
    #[case::he_aac("400026103fc0", Ok((2, 24_000, 1, 1)))]
    #[case::he_aac_told_first("40005623101fe0", Ok((2, 24_000, 2, 1)))]
    #[case::he_aac_v2("4001d613101fe0", Ok((2, 24_000, 1, 1)))]
    #[case::ends_behind_the_configuration("40002310", Ok((2, 48_000, 1, 1)))]
    #[case::three_frames("420026203fc0", Ok((2, 24_000, 2, 3)))]
    #[case::no_aac("40008100", Err(Fault::Unsupported("LATM with something else than AAC")))]
    #[case::cut_short("4000", Err(Fault::Truncated))]
    #[case::layers("402026203fc0", Err(Fault::Unsupported("LATM with several programmes or layers")))]
    fn configurations(#[case] text: &str, #[case] expected: Result<(u8, u32, u8, u8), Fault>) {
        let bytes = hexadecimal(text).unwrap();
        let found = StreamMuxConfig::read(&mut BitReader::new(&bytes));
        let parts =
            |it: StreamMuxConfig| (it.config.object_type, it.config.sample_rate, it.config.channel_configuration, it.frames);
        assert_eq!(found.map(parts), expected);
    }

    #[rstest]
    #[case("1190", Some(vec![0x11, 0x90]))]
    #[case("\"aF\"", Some(vec![0xAF]))]
    #[case("119", None)]
    #[case("", None)]
    #[case("1g", None)]
    fn digits(#[case] text: &str, #[case] bytes: Option<Vec<u8>>) {
        assert_eq!(hexadecimal(text), bytes);
    }

    #[test]
    fn version_1_tells_the_length_of_its_configuration() {
        // audioMuxVersion 1, A 0, tara (one byte), same time, one frame of one programme; ascLen 20, of which 16 are used.
        let mut out = Vec::new();
        let mut bits = BitWriter { out: &mut out, byte: 0, used: 0 };
        for (value, count) in [(0b10, 2), (0, 10), (1, 1), (0, 13), (20, 10), (0x1190, 16), (0xF, 4), (0, 3), (0xFF, 8), (1, 1)] {
            bits.put(value, count);
        }
        // otherDataLenBits by LatmGetValue, a checksum.
        for (value, count) in [(1, 2), (300, 16), (1, 1), (0xAA, 8)] {
            bits.put(value, count);
        }
        bits.align();
        let config = StreamMuxConfig::read(&mut BitReader::new(&out)).unwrap();
        assert_eq!((config.config.sample_rate, config.other_bits, config.frame_bytes), (48_000, 300, None));
    }

    #[test]
    fn a_loas_frame_has_its_longest_length() {
        let config = AudioSpecificConfig::parse(&[0x11, 0x90]).unwrap();
        let mut out = vec![9];
        assert!(loas(&config, &[0x21; 8152], &mut out));
        assert_eq!(out[..4], [9, 0x56, 0xFF, 0xFE]);
        assert!(!loas(&config, &[0; 9000], &mut out));
        assert_eq!(out.len(), 1 + 3 + 0x1FFE);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(frame in proptest::collection::vec(any::<u8>(), 0..2000), which in 0usize..3) {
            let config = [&[0x17, 0x80, 0x5D, 0xC0, 0x10][..], &[0x11, 0x90], &[0xF9, 0x46, 0x43, 0x22, 0, 4, 0x80]][which];
            let mut out = Vec::new();
            element(&AudioSpecificConfig::parse(config).unwrap(), &frame, &mut out);
            let mut reader = BitReader::new(&out);
            prop_assert_eq!(reader.bits(1), Some(0));
            let mux = StreamMuxConfig::read(&mut reader).unwrap();
            prop_assert_eq!(mux.config.bytes(), config);
            prop_assert_eq!(mux.frame_length(&mut reader).unwrap(), frame.len());
            let read: Vec<u8> = (0..frame.len()).map(|_| reader.bits(8).unwrap() as u8).collect();
            prop_assert_eq!(read, frame);
            prop_assert!(reader.left() < 8);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..80), text in ".{0,40}") {
            let _ = StreamMuxConfig::read(&mut BitReader::new(&bytes));
            hexadecimal(&text);
        }
    }
}

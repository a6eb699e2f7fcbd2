//! Pictures of H.264 and HEVC, as a track has them (ISO/IEC 14496-15): parameter sets apart, NAL units behind their lengths.

use super::boxes::{boxed, halves, words};
use crate::codec::bits::EscapedBytes;
use crate::codec::{VideoFormat, h264, hevc, start_code};

/// Profiles of H.264 whose parameter sets say the form of colour (14496-10, 7.3.2.1.1).
const HIGH: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// What browsers may decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureCodec {
    /// ISO/IEC 14496-10.
    H264,
    /// ISO/IEC 23008-2.
    Hevc,
}

/// Parameter sets, their NAL headers included, without repetitions. H.264 has no VPS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sets {
    /// Of the video.
    pub video: Vec<Vec<u8>>,
    /// Of the sequence.
    pub sequence: Vec<Vec<u8>>,
    /// Of the picture.
    pub picture: Vec<Vec<u8>>,
}

/// One access unit, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coded {
    /// The sets that came with it.
    pub sets: Sets,
    /// Everything else, each NAL unit behind its length in four bytes.
    pub bytes: Vec<u8>,
}

/// What the track is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Codec.
    pub codec: PictureCodec,
    /// Its parameter sets.
    pub sets: Sets,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Width to height of a pixel.
    pub pixel_aspect: Option<(u16, u16)>,
}

/// Takes an access unit with start codes apart (14496-10, annex B).
pub fn unpacked(codec: PictureCodec, bytes: &[u8]) -> Coded {
    let mut coded = Coded { sets: Sets::default(), bytes: Vec::with_capacity(bytes.len() + 16) };
    let mut next = start_code::find(bytes, 0);
    while let Some(at) = next {
        next = start_code::find(bytes, at + 3);
        let unit = bytes.get(at + 3..next.unwrap_or(bytes.len())).unwrap_or_default();
        // Zeros behind a unit belong to the next start code.
        let end = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if let Some((unit, first)) = unit.get(..end).and_then(|unit| unit.first().map(|first| (unit, *first))) {
            coded.take(codec, unit, first);
        }
    }
    coded
}

impl Coded {
    fn take(&mut self, codec: PictureCodec, unit: &[u8], first: u8) {
        let sets = &mut self.sets;
        let list = match (codec, first & 0x1F, hevc::nal_type(first)) {
            (PictureCodec::H264, 7, _) | (PictureCodec::Hevc, _, 33) => &mut sets.sequence,
            (PictureCodec::H264, 8, _) | (PictureCodec::Hevc, _, 34) => &mut sets.picture,
            (PictureCodec::Hevc, _, 32) => &mut sets.video,
            // Delimiters and filler say nothing here.
            (PictureCodec::H264, 9..=12, _) | (PictureCodec::Hevc, _, 35..=38) => return,
            _ => {
                self.bytes.extend_from_slice(&u32::try_from(unit.len()).unwrap_or(u32::MAX).to_be_bytes());
                self.bytes.extend_from_slice(unit);
                return;
            }
        };
        if list.len() < 16 && unit.len() < 0x1_0000 && !list.iter().any(|known| known == unit) {
            list.push(unit.to_vec());
        }
    }
}

impl Picture {
    /// The track of these parameter sets; none if they are not all there, or not understood.
    pub fn new(codec: PictureCodec, sets: Sets) -> Option<Self> {
        let sequence = sets.sequence.first()?;
        sets.picture.first()?;
        let format: VideoFormat = match codec {
            PictureCodec::H264 => h264::sequence_parameter_set(sequence)?,
            PictureCodec::Hevc => {
                sets.video.first()?;
                hevc::sequence_parameter_set(sequence)?
            }
        };
        let side = |pixels: u32| u16::try_from(pixels).ok().filter(|pixels| *pixels > 0);
        let (width, height) = (side(format.width)?, side(format.height)?);
        Some(Self { codec, sets, width, height, pixel_aspect: format.pixel_aspect })
    }

    /// RFC 6381; 14496-15, annex E.
    pub fn codec_string(&self) -> String {
        let head = self.head();
        let at = |index: usize| head.get(index).copied().unwrap_or_default();
        if self.codec == PictureCodec::H264 {
            return format!("avc1.{:02x}{:02x}{:02x}", at(1), at(2), at(3));
        }
        let tier = self.profile_tier_level();
        let first = tier.first().copied().unwrap_or_default();
        let space = ["", "A", "B", "C"].get(usize::from(first >> 6)).copied().unwrap_or_default();
        let compatible = tier.get(1..5).and_then(|field| field.first_chunk()).map_or(0, |field| u32::from_be_bytes(*field));
        let constraints = tier.get(5..11).unwrap_or_default();
        let said = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let constraints: String = constraints.iter().take(said).map(|byte| format!(".{byte:X}")).collect();
        format!(
            "hvc1.{space}{}.{:X}.{}{}{constraints}",
            first & 0x1F,
            compatible.reverse_bits(),
            if first & 0x20 == 0 { 'L' } else { 'H' },
            tier.get(11).copied().unwrap_or_default(),
        )
    }

    /// The first bytes of the sequence parameter set, without those that only keep start codes away.
    fn head(&self) -> Vec<u8> {
        let sequence = self.sets.sequence.first().map_or(&[][..], Vec::as_slice);
        // A small set of H.264 is filled up, so that fields can be taken by their place.
        EscapedBytes::new(sequence).chain(std::iter::repeat_n(0, 15)).take(15).collect()
    }

    /// Of HEVC: general_profile_space to general_level_idc (23008-2, 7.3.3), twelve bytes.
    fn profile_tier_level(&self) -> Vec<u8> {
        self.head().get(3..15).map(<[u8]>::to_vec).unwrap_or_default()
    }

    /// VisualSampleEntry (14496-12, 12.1.3).
    pub(super) fn write_entry(&self, out: &mut Vec<u8>) {
        let (kind, configuration) = match self.codec {
            PictureCodec::H264 => (b"avc1", b"avcC"),
            PictureCodec::Hevc => (b"hvc1", b"hvcC"),
        };
        boxed(out, kind, |out| {
            words(out, &[0]);
            halves(out, &[0, 1]);
            words(out, &[0; 4]);
            halves(out, &[self.width, self.height]);
            // 72 dots an inch, one picture a sample.
            words(out, &[0x48_0000, 0x48_0000, 0]);
            halves(out, &[1]);
            out.extend_from_slice(&[0; 32]);
            halves(out, &[24, 0xFFFF]);
            boxed(out, configuration, |out| match self.codec {
                PictureCodec::H264 => self.write_avc(out),
                PictureCodec::Hevc => self.write_hevc(out),
            });
            if let Some((wide, high)) = self.pixel_aspect {
                boxed(out, b"pasp", |out| words(out, &[u32::from(wide), u32::from(high)]));
            }
        });
    }

    /// AVCDecoderConfigurationRecord (14496-15, 5.3.3.1).
    fn write_avc(&self, out: &mut Vec<u8>) {
        let head = self.head();
        let profile = head.get(1).copied().unwrap_or_default();
        out.push(1);
        out.extend_from_slice(head.get(1..4).unwrap_or_default());
        // Lengths have four bytes.
        out.push(0xFF);
        out.push(0xE0 | count(&self.sets.sequence));
        write_units(out, &self.sets.sequence);
        out.push(count(&self.sets.picture));
        write_units(out, &self.sets.picture);
        if HIGH.contains(&profile) {
            let [chroma, luma, depth] = self.colour().unwrap_or([1, 0, 0]);
            out.extend_from_slice(&[0xFC | chroma, 0xF8 | luma, 0xF8 | depth, 0]);
        }
    }

    /// chroma_format_idc, bit_depth_luma_minus8, bit_depth_chroma_minus8.
    fn colour(&self) -> Option<[u8; 3]> {
        let (sequence, _) = h264::Sequence::read(self.sets.sequence.first()?)?;
        let [luma, chroma] = sequence.depths;
        Some([sequence.chroma_format.min(3) as u8, luma.min(7) as u8, chroma.min(7) as u8])
    }

    /// HEVCDecoderConfigurationRecord (14496-15, 8.3.3.1).
    fn write_hevc(&self, out: &mut Vec<u8>) {
        let tier = self.profile_tier_level();
        // Main 10 has ten bits; what has yet others says so in its parameter set, which decoders go by.
        let depth = if tier.first().is_some_and(|first| first & 0x1F == 2) { 2 } else { 0 };
        let layers = self.head().get(2).copied().unwrap_or_default();
        out.push(1);
        out.extend_from_slice(&tier);
        halves(out, &[0xF000]);
        out.extend_from_slice(&[0xFC, 0xFD, 0xF8 | depth, 0xF8 | depth, 0, 0]);
        // numTemporalLayers, temporalIdNested, lengths of four bytes.
        out.push(((layers >> 1 & 7) + 1) << 3 | (layers & 1) << 2 | 3);
        out.push(3);
        for (kind, units) in [(32u8, &self.sets.video), (33, &self.sets.sequence), (34, &self.sets.picture)] {
            out.push(0x80 | kind);
            halves(out, &[u16::from(count(units))]);
            write_units(out, units);
        }
    }
}

fn count(units: &[Vec<u8>]) -> u8 {
    u8::try_from(units.len()).unwrap_or(16)
}

fn write_units(out: &mut Vec<u8>, units: &[Vec<u8>]) {
    for unit in units {
        halves(out, &[u16::try_from(unit.len()).unwrap_or(u16::MAX)]);
        out.extend_from_slice(unit);
    }
}

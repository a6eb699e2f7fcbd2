//! AV1 (AV1 bitstream specification, 5.3 to 5.5): OBUs and the sequence header.

use super::VideoFormat;
use super::bits::BitReader;

/// obu_type of a sequence header.
pub const SEQUENCE_HEADER: u8 = 1;
/// obu_type of a temporal delimiter.
pub const TEMPORAL_DELIMITER: u8 = 2;

/// obu_type of an OBU's first byte; none where the forbidden bit is set.
pub fn obu_type(first: u8) -> Option<u8> {
    (first & 0x80 == 0).then_some(first >> 3 & 0xF)
}

/// An OBU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obu<'a> {
    /// obu_type.
    pub kind: u8,
    /// All of it, header and size as well.
    pub whole: &'a [u8],
    /// Behind header and size.
    pub payload: &'a [u8],
}

/// The OBUs of a temporal unit in low-overhead form; ends with one that has no size.
pub fn obus(mut bytes: &[u8]) -> impl Iterator<Item = Obu<'_>> {
    std::iter::from_fn(move || {
        let (&first, mut rest) = bytes.split_first()?;
        let kind = obu_type(first)?;
        if first & 4 != 0 {
            rest = rest.get(1..)?;
        }
        let mut size = rest.len();
        if first & 2 != 0 {
            size = 0;
            for n in 0..5 {
                let (&byte, after) = rest.split_first()?;
                rest = after;
                size |= usize::from(byte & 0x7F) << (7 * n);
                if byte & 0x80 == 0 {
                    break;
                }
            }
        }
        let payload = rest.get(..size).unwrap_or(rest);
        let after = rest.get(size..).unwrap_or_default();
        let whole = bytes.get(..bytes.len() - after.len()).unwrap_or_default();
        bytes = after;
        Some(Obu { kind, whole, payload })
    })
}

/// What a sequence header says.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// Size and rate.
    pub format: VideoFormat,
    /// The content of an AV1_video_descriptor ("Carriage of AV1 in MPEG-2 TS", 2.2), where the header is whole.
    pub descriptor: Option<[u8; 4]>,
}

/// A sequence header's payload (5.5.1).
pub fn sequence_header(payload: &[u8]) -> Option<Sequence> {
    sequence(&mut BitReader::new(payload))
}

/// A sequence header that lies behind a start code, from its OBU header on ("Carriage of AV1 in MPEG-2 TS", 3.2): with emulation
/// prevention, and perhaps without a size. None for another OBU.
pub fn escaped_sequence_header(obu: &[u8]) -> Option<Sequence> {
    let first = *obu.first()?;
    if obu_type(first)? != SEQUENCE_HEADER {
        return None;
    }
    let mut bits = BitReader::escaped(obu);
    bits.skip(if first & 4 != 0 { 16 } else { 8 })?;
    if first & 2 != 0 {
        while bits.bits(8)? & 0x80 != 0 {}
    }
    sequence(&mut bits)
}

/// The fields that all of the rest depend on.
#[derive(Debug, Clone, Copy)]
struct Head {
    profile: u32,
    reduced: bool,
    level: u32,
    tier: u32,
}

fn sequence(bits: &mut BitReader<'_>) -> Option<Sequence> {
    let profile = bits.bits(3)?;
    let _still = bits.flag()?;
    let mut frame_rate = None;
    let reduced = bits.flag()?;
    let (mut level, mut tier) = (0, 0);
    if reduced {
        level = bits.bits(5)?;
    } else {
        let mut decoder_model = None;
        if bits.flag()? {
            let (units, scale) = (bits.bits(32)?, bits.bits(32)?);
            // With equal_picture_interval alone does a tick mean a frame.
            if bits.flag()? {
                let ticks = bits.ue()?.checked_add(1)?;
                let rate = f64::from(scale) / f64::from(units) / f64::from(ticks);
                frame_rate = (units > 0 && (0.1..=1000.0).contains(&rate)).then_some(rate);
            }
            if bits.flag()? {
                decoder_model = Some(bits.bits(5)? + 1);
                bits.skip(32 + 10)?;
            }
        }
        let initial_delay = bits.flag()?;
        for point in 0..=bits.bits(5)? {
            bits.skip(12)?;
            let (own_level, mut own_tier) = (bits.bits(5)?, 0);
            if own_level > 7 {
                own_tier = bits.bits(1)?;
            }
            if point == 0 {
                (level, tier) = (own_level, own_tier);
            }
            if let Some(length) = decoder_model
                && bits.flag()?
            {
                bits.skip(2 * length + 1)?;
            }
            if initial_delay && bits.flag()? {
                bits.skip(4)?;
            }
        }
    }
    let (width_bits, height_bits) = (bits.bits(4)? + 1, bits.bits(4)? + 1);
    let (width, height) = (bits.bits(width_bits)? + 1, bits.bits(height_bits)? + 1);
    let name = match profile {
        0 => Some("Main"),
        1 => Some("High"),
        2 => Some("Professional"),
        _ => None,
    };
    let format = VideoFormat { profile: name, width, height, pixel_aspect: None, frame_rate, interlaced: Some(false) };
    Some(Sequence { format, descriptor: descriptor(bits, Head { profile, reduced, level, tier }) })
}

/// What follows the size of a frame (5.5.1, 5.5.2).
fn descriptor(bits: &mut BitReader<'_>, head: Head) -> Option<[u8; 4]> {
    let Head { profile, reduced, level, tier } = head;
    // frame_id_numbers_present_flag
    if !reduced && bits.flag()? {
        bits.skip(4 + 3)?;
    }
    // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    bits.skip(3)?;
    if !reduced {
        // enable_interintra_compound, enable_masked_compound, enable_warped_motion, enable_dual_filter
        bits.skip(4)?;
        let order_hint = bits.flag()?;
        if order_hint {
            bits.skip(2)?;
        }
        // seq_choose_screen_content_tools, seq_force_screen_content_tools; the same of integer motion vectors
        let screen_content = bits.flag()? || bits.flag()?;
        if screen_content && !bits.flag()? {
            bits.skip(1)?;
        }
        if order_hint {
            bits.skip(3)?;
        }
    }
    // enable_superres, enable_cdef, enable_restoration
    bits.skip(3)?;
    let high_bitdepth = bits.bits(1)?;
    let twelve_bit = if profile == 2 && high_bitdepth == 1 { bits.bits(1)? } else { 0 };
    let monochrome = if profile == 1 { 0 } else { bits.bits(1)? };
    let described = bits.flag()?;
    // Where they are not told they are unspecified.
    let (primaries, transfer, matrix) = if described { (bits.bits(8)?, bits.bits(8)?, bits.bits(8)?) } else { (2, 2, 2) };
    let is_srgb = (primaries, transfer, matrix) == (1, 13, 0);
    if monochrome == 1 || !is_srgb {
        // color_range
        bits.skip(1)?;
    }
    let (subsampled_x, subsampled_y) = match profile {
        _ if monochrome == 1 => (1, 1),
        _ if is_srgb => (0, 0),
        0 => (1, 1),
        1 => (0, 0),
        _ if twelve_bit == 0 => (1, 0),
        _ => match bits.bits(1)? {
            0 => (0, 0),
            _ => (1, bits.bits(1)?),
        },
    };
    let position = if monochrome == 0 && (subsampled_x, subsampled_y) == (1, 1) { bits.bits(2)? } else { 0 };
    // PQ and HLG; the primaries of BT.2020, and of P3.
    let range = match (transfer, primaries) {
        (2, _) | (_, 2) => 3,
        (16 | 18, 9 | 11 | 12) => 2,
        (16 | 18, _) => 3,
        (_, 9 | 11 | 12) => 1,
        _ => 0,
    };
    let word = 0x81 << 24 | profile << 21 | level << 16 | tier << 15 | high_bitdepth << 14 | twelve_bit << 13 | monochrome << 12;
    Some((word | subsampled_x << 11 | subsampled_y << 10 | position << 8 | range << 6).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Temporal delimiter, then the sequence header of a stream of 320x240.
    const UNIT: [u8; 15] = [0x12, 0x00, 0x0A, 0x0B, 0x00, 0x00, 0x00, 0x04, 0x3C, 0xFF, 0xBC, 0xFB, 0xF9, 0x80, 0x40];

    #[test]
    fn a_temporal_unit() {
        let found: Vec<_> = obus(&UNIT).collect();
        assert_eq!(found.iter().map(|obu| obu.kind).collect::<Vec<_>>(), [TEMPORAL_DELIMITER, SEQUENCE_HEADER]);
        assert_eq!((found[0].whole, found[1].whole), (&UNIT[..2], &UNIT[2..]));
        let format = sequence_header(found[1].payload).unwrap().format;
        assert_eq!((format.width, format.height, format.profile), (320, 240, Some("Main")));
    }

    #[test]
    fn what_its_descriptor_holds() {
        let sequence = sequence_header(&UNIT[4..]).unwrap();
        // Profile 0, level 2.0, 8 bits, 4:2:0.
        assert_eq!(sequence.descriptor, Some([0x81, 0x00, 0x0C, 0xC0]));
        assert_eq!(sequence_header(&UNIT[4..11]).unwrap().descriptor, None);
        let escaped = [&[0x0A, 0x0B, 0, 0, 3, 0, 4][..], &UNIT[8..]].concat();
        assert_eq!(escaped_sequence_header(&escaped), Some(sequence.clone()));
        assert_eq!(escaped_sequence_header(&[&[0x08, 0, 0, 3, 0, 4][..], &UNIT[8..]].concat()), Some(sequence));
        assert_eq!(escaped_sequence_header(&UNIT), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let whole: usize = obus(&bytes).map(|obu| { sequence_header(obu.payload); obu.whole.len() }).sum();
            prop_assert!(whole <= bytes.len());
            sequence_header(&bytes);
            escaped_sequence_header(&[&[0x0A], &bytes[..]].concat());
        }
    }
}

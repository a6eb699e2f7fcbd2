//! H.264 (ISO/IEC 14496-10): sequence parameter set, slice type, recovery point.

use super::VideoFormat;
use super::aspect::sample_aspect;
use super::bits::{BitReader, EscapedBytes};

/// A sequence parameter set (7.3.2.1.1) up to `frame_mbs_only_flag`. Numbers are as they lie: nobody has looked whether they are legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// `profile_idc`.
    pub profile_idc: u32,
    /// The byte that begins with `constraint_set0_flag`.
    pub constraints: u32,
    /// `level_idc`.
    pub level_idc: u32,
    /// `seq_parameter_set_id`.
    pub id: u32,
    /// `chroma_format_idc`.
    pub chroma_format: u32,
    /// `separate_colour_plane_flag`.
    pub separate_colour_planes: bool,
    /// `bit_depth_luma_minus8` and `bit_depth_chroma_minus8`.
    pub depths: [u32; 2],
    /// Bits of `frame_num`.
    pub frame_num_bits: u32,
    /// `pic_order_cnt_type`.
    pub order_count_type: u32,
    /// Width in macroblocks, before cropping.
    pub width: u32,
    /// Height in map units, before cropping: macroblocks, or twice as many where there may be fields.
    pub map_units: u32,
    /// `frame_mbs_only_flag`: no picture is a field.
    pub frames_only: bool,
}

impl Sequence {
    /// Of a NAL unit, its one-byte header included, or of its beginning; with what lies behind it.
    pub fn read(nal: &[u8]) -> Option<(Self, BitReader<'_>)> {
        let mut bits = BitReader::escaped(nal.get(1..)?);
        let (profile_idc, constraints, level_idc) = (bits.bits(8)?, bits.bits(8)?, bits.bits(8)?);
        let id = bits.ue()?;
        let (mut chroma_format, mut separate_colour_planes, mut depths) = (1, false, [0, 0]);
        if matches!(profile_idc, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
            chroma_format = bits.ue()?;
            separate_colour_planes = chroma_format == 3 && bits.flag()?;
            depths = [bits.ue()?, bits.ue()?];
            bits.skip(1)?;
            if bits.flag()? {
                for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                    if bits.flag()? {
                        scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        let frame_num_bits = bits.ue()?.saturating_add(4);
        let order_count_type = bits.ue()?;
        match order_count_type {
            0 => {
                bits.ue()?;
            }
            1 => {
                bits.skip(1)?;
                bits.se()?;
                bits.se()?;
                for _ in 0..bits.ue()?.min(255) {
                    bits.se()?;
                }
            }
            _ => {}
        }
        bits.ue()?;
        bits.skip(1)?;
        let (width, map_units) = (bits.ue()?.saturating_add(1), bits.ue()?.saturating_add(1));
        let frames_only = bits.flag()?;
        let sequence = Self {
            profile_idc,
            constraints,
            level_idc,
            id,
            chroma_format,
            separate_colour_planes,
            depths,
            frame_num_bits,
            order_count_type,
            width,
            map_units,
            frames_only,
        };
        Some((sequence, bits))
    }

    /// Rows of macroblocks of a frame in a map unit.
    pub(super) fn rows_in_unit(&self) -> u32 {
        if self.frames_only { 1 } else { 2 }
    }

    /// From behind this to `vui_parameters_present_flag`: by how many pixels width and height are cut.
    pub(super) fn cropping(&self, bits: &mut BitReader<'_>) -> Option<(u32, u32)> {
        if !self.frames_only {
            bits.skip(1)?;
        }
        bits.skip(1)?;
        if !bits.flag()? {
            return Some((0, 0));
        }
        let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
        let (unit_x, unit_y) = match self.chroma_format {
            1 if !self.separate_colour_planes => (2, 2),
            2 if !self.separate_colour_planes => (2, 1),
            _ => (1, 1),
        };
        let height = top.saturating_add(bottom).saturating_mul(unit_y * self.rows_in_unit());
        Some((left.saturating_add(right).saturating_mul(unit_x), height))
    }
}

/// What a sequence parameter set says of pictures; its one-byte NAL header included.
pub fn sequence_parameter_set(nal: &[u8]) -> Option<VideoFormat> {
    let (sequence, mut bits) = Sequence::read(nal)?;
    let width = sequence.width.checked_mul(16)?;
    let height = sequence.map_units.checked_mul(16 * sequence.rows_in_unit())?;
    let (cut_width, cut_height) = sequence.cropping(&mut bits)?;
    let (pixel_aspect, frame_rate) = if bits.flag()? { (sample_aspect(&mut bits), frame_rate(&mut bits)) } else { (None, None) };
    Some(VideoFormat {
        profile: profile(sequence.profile_idc, sequence.constraints),
        width: width.checked_sub(cut_width)?,
        height: height.checked_sub(cut_height)?,
        pixel_aspect,
        frame_rate,
        interlaced: Some(!sequence.frames_only),
    })
}

/// 7.3.2.1.1.1.
fn scaling_list(bits: &mut BitReader<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.se()?.clamp(-128, 127) + 256) % 256;
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// Passes over VUI parameters from behind the shape of a pixel to `timing_info_present_flag` (annex E.1.1), which are the same in HEVC
/// up to `chroma_loc_info_present_flag` and what it tells of.
pub(super) fn signal(bits: &mut BitReader<'_>) -> Option<()> {
    if bits.flag()? {
        bits.skip(1)?;
    }
    if bits.flag()? {
        bits.skip(4)?;
        if bits.flag()? {
            bits.skip(24)?;
        }
    }
    if bits.flag()? {
        bits.ue()?;
        bits.ue()?;
    }
    Some(())
}

/// VUI parameters from behind the shape of a pixel up to the timing: a tick is a field.
fn frame_rate(bits: &mut BitReader<'_>) -> Option<f64> {
    signal(bits)?;
    if !bits.flag()? {
        return None;
    }
    let (units_in_tick, time_scale) = (bits.bits(32)?, bits.bits(32)?);
    let rate = f64::from(time_scale) / f64::from(units_in_tick) / 2.0;
    (units_in_tick > 0 && (0.1..=1000.0).contains(&rate)).then_some(rate)
}

/// Annex A.2.
fn profile(profile_idc: u32, constraints: u32) -> Option<&'static str> {
    let set = |flag: u32| constraints & (0x80 >> flag) != 0;
    Some(match profile_idc {
        44 => "CAVLC 4:4:4 Intra",
        66 if set(1) => "Constrained Baseline",
        66 => "Baseline",
        77 => "Main",
        83 | 86 => "Scalable",
        88 => "Extended",
        100 if set(4) && set(5) => "Constrained High",
        100 if set(4) => "Progressive High",
        100 => "High",
        110 if set(3) => "High 10 Intra",
        110 => "High 10",
        118 => "Multiview High",
        122 if set(3) => "High 4:2:2 Intra",
        122 => "High 4:2:2",
        128 => "Stereo High",
        244 if set(3) => "High 4:4:4 Intra",
        244 => "High 4:4:4 Predictive",
        _ => return None,
    })
}

/// Whether the slice (NAL header included) says that it is an I slice (7.3.3: slice_type).
pub fn is_intra_slice(nal: &[u8]) -> Option<bool> {
    let bytes = nal.get(1..)?;
    let slice_type = match first_two_codes(bytes) {
        Some((_, slice_type)) => slice_type,
        None => {
            let mut bits = BitReader::escaped(bytes);
            bits.ue()?;
            bits.ue()?
        }
    };
    Some(matches!(slice_type, 2 | 4 | 7 | 9))
}

/// The first two ue(v) (9.1), where they end within four bytes that need no emulation prevention: nearly always.
fn first_two_codes(bytes: &[u8]) -> Option<(u32, u32)> {
    let first = *bytes.first_chunk::<4>()?;
    if matches!(first, [0, 0, ..] | [_, 0, 0, _]) {
        return None;
    }
    let word = u32::from_be_bytes(first);
    let code = |word: u32| {
        let length = 2 * word.leading_zeros() + 1;
        (length < 32).then(|| ((word >> (32 - length)) - 1, length))
    };
    let (one, length) = code(word)?;
    let (two, rest) = code(word << length)?;
    (length + rest <= 32).then_some((one, two))
}

/// Whether an SEI message of this payloadType is in an SEI NAL unit whose header takes so many bytes (7.3.2.3.1).
pub fn has_sei(nal: &[u8], header_bytes: usize, wanted: u32) -> bool {
    sei_types(nal, header_bytes).any(|payload_type| payload_type == wanted)
}

/// payloadType of a recovery point, in H.264 (D.1.8) as in HEVC (D.2.8).
pub const RECOVERY_POINT: u32 = 6;

fn sei_types(nal: &[u8], header_bytes: usize) -> impl Iterator<Item = u32> {
    let mut bytes = EscapedBytes::new(nal.get(header_bytes..).unwrap_or_default());
    let long = |bytes: &mut EscapedBytes<'_>| {
        let mut sum = 0u32;
        loop {
            let byte = bytes.next()?;
            sum = sum.checked_add(u32::from(byte))?;
            if byte != 255 {
                return Some(sum);
            }
        }
    };
    std::iter::from_fn(move || {
        let payload_type = long(&mut bytes)?;
        let size = long(&mut bytes)?;
        // A message whose end is missing counts: its type was whole.
        if let Some(last) = size.min(1 << 20).checked_sub(1) {
            bytes.nth(last as usize);
        }
        Some(payload_type)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn high_1080_with_cropping() {
        // x264, 1920x1080p25, High, level 4.0
        let nal = [
            0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5, 0xC0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00,
            0x00, 0x03, 0x00, 0xC8, 0x3C, 0x60, 0xC6, 0x58,
        ];
        let sps = sequence_parameter_set(&nal).unwrap();
        assert_eq!((sps.width, sps.height, sps.frame_rate, sps.interlaced), (1920, 1080, Some(25.0), Some(false)));
        assert_eq!(sps.profile, Some("High"));
    }

    #[test]
    fn recovery_point_behind_another_message() {
        let nal = [0x06, 0x05, 0x03, 1, 2, 3, 0x06, 0x01, 0xC4, 0x80];
        assert!(has_sei(&nal, 1, RECOVERY_POINT));
        assert!(!has_sei(&nal[..6], 1, RECOVERY_POINT));
    }

    #[test]
    fn slice_types() {
        // first_mb 0 (1), slice_type 7 (0001000)
        assert_eq!(is_intra_slice(&[0x41, 0b1000_1000, 0]), Some(true));
        // first_mb 0 (1), slice_type 5 (00110)
        assert_eq!(is_intra_slice(&[0x41, 0b1001_1000, 0]), Some(false));
        assert_eq!(is_intra_slice(&[0x41]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            sequence_parameter_set(&bytes);
            is_intra_slice(&bytes);
            has_sei(&bytes, 1, RECOVERY_POINT);
        }

        #[test]
        fn the_short_way_to_two_codes_is_right(mut bytes in proptest::collection::vec(any::<u8>(), 4..12), small in 0..4u32) {
            // The shorter the codes, the more often they fit.
            bytes[0] >>= small;
            let mut bits = BitReader::escaped(&bytes);
            let long = bits.ue().zip(bits.ue());
            prop_assert!(first_two_codes(&bytes).is_none_or(|short| Some(short) == long));
        }
    }
}

//! HEVC (ISO/IEC 23008-2): sequence parameter set and NAL unit types.

use super::VideoFormat;
use super::aspect::sample_aspect;
use super::bits::BitReader;
use super::h264::signal;

/// `nal_unit_type` of a NAL unit's first byte (7.3.1.2).
pub fn nal_type(first: u8) -> u8 {
    first >> 1 & 0x3F
}

/// Intra random access point pictures: BLA, IDR, CRA and the two reserved (table 7-1).
pub fn is_random_access(nal_type: u8) -> bool {
    (16..=23).contains(&nal_type)
}

/// The beginning of a sequence parameter set (7.3.2.2.1), up to its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// `sps_video_parameter_set_id`.
    pub video_id: u32,
    /// `sps_max_sub_layers_minus1`.
    pub sub_layers: u32,
    /// `sps_seq_parameter_set_id`; nobody has looked whether it is legal.
    pub id: u32,
    profile: Option<&'static str>,
    interlaced: bool,
}

impl Sequence {
    /// Of a NAL unit, its two-byte header included, or of its beginning; with what lies behind it.
    pub fn read(nal: &[u8]) -> Option<(Self, BitReader<'_>)> {
        let mut bits = BitReader::escaped(nal.get(2..)?);
        let video_id = bits.bits(4)?;
        let sub_layers = bits.bits(3)?;
        bits.skip(1)?;
        let (profile, interlaced) = profile_tier_level(&mut bits, sub_layers)?;
        let id = bits.ue()?;
        Some((Self { video_id, sub_layers, id, profile, interlaced }, bits))
    }

    /// Width and height of pictures in pixels, and by how much they are cut, which follow behind the id.
    pub(super) fn size(bits: &mut BitReader<'_>) -> Option<[(u32, u32); 2]> {
        let chroma_format = bits.ue()?;
        let separate = chroma_format == 3 && bits.flag()?;
        let size = (bits.ue()?, bits.ue()?);
        if !bits.flag()? {
            return Some([size, (0, 0)]);
        }
        let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
        let (unit_x, unit_y) = match chroma_format {
            1 if !separate => (2, 2),
            2 if !separate => (2, 1),
            _ => (1, 1),
        };
        let cut = (left.saturating_add(right).saturating_mul(unit_x), top.saturating_add(bottom).saturating_mul(unit_y));
        Some([size, cut])
    }

    /// `log2_max_pic_order_cnt_lsb_minus4`, and `sps_max_num_reorder_pics` of the highest sub-layer, which follow behind the size.
    pub(super) fn order(&self, bits: &mut BitReader<'_>) -> Option<(u32, u32)> {
        // Depths in bits.
        bits.ue()?;
        bits.ue()?;
        let order_bits = bits.ue()?;
        let each = bits.flag()?;
        let mut reordered = 0;
        for _ in if each { 0 } else { self.sub_layers }..=self.sub_layers {
            bits.ue()?;
            reordered = bits.ue()?;
            bits.ue()?;
        }
        Some((order_bits, reordered))
    }
}

/// What a sequence parameter set says of pictures; its two-byte NAL header included.
pub fn sequence_parameter_set(nal: &[u8]) -> Option<VideoFormat> {
    let (sequence, mut bits) = Sequence::read(nal)?;
    let [(width, height), (cut_width, cut_height)] = Sequence::size(&mut bits)?;
    let (width, height) = (width.checked_sub(cut_width)?, height.checked_sub(cut_height)?);
    let mut pixel_aspect = None;
    let timing = vui(&mut bits, &sequence, &mut pixel_aspect);
    let field_coded = timing.is_some_and(|timing| timing.fields);
    Some(VideoFormat {
        profile: sequence.profile,
        width,
        // With field_seq_flag every picture is one field.
        height: if field_coded { height.checked_mul(2)? } else { height },
        pixel_aspect,
        frame_rate: timing.and_then(|timing| timing.rate).map(|rate| if field_coded { rate / 2.0 } else { rate }),
        interlaced: Some(field_coded || sequence.interlaced),
    })
}

/// 7.3.3 for an SPS: general, then what is there of the sub-layers. Gives the profile, and whether pictures are interlaced.
fn profile_tier_level(bits: &mut BitReader<'_>, sub_layers: u32) -> Option<(Option<&'static str>, bool)> {
    bits.skip(3)?;
    let profile_idc = bits.bits(5)?;
    let compatibility = bits.bits(32)?;
    let (progressive, interlaced) = (bits.flag()?, bits.flag()?);
    bits.skip(46 + 8)?;
    let mut length = 0;
    for _ in 0..sub_layers {
        length += if bits.flag()? { 88 } else { 0 };
        length += if bits.flag()? { 8 } else { 0 };
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers))?;
    }
    bits.skip(length)?;
    let is = |idc: u32| profile_idc == idc || compatibility >> (31 - idc) & 1 == 1;
    let profile = match profile_idc {
        4 => Some("Rext"),
        5 => Some("High Throughput"),
        9 => Some("Scc"),
        _ if is(1) => Some("Main"),
        _ if is(2) => Some("Main 10"),
        _ if is(3) => Some("Main Still Picture"),
        _ => None,
    };
    Some((profile, interlaced && !progressive))
}

#[derive(Clone, Copy)]
struct Timing {
    fields: bool,
    rate: Option<f64>,
}

/// From behind the conformance window to the VUI timing (7.3.2.2.1, E.2.1).
fn vui(bits: &mut BitReader<'_>, sequence: &Sequence, pixel_aspect: &mut Option<(u16, u16)>) -> Option<Timing> {
    let poc_bits = sequence.order(bits)?.0.checked_add(4)?;
    for _ in 0..6 {
        bits.ue()?;
    }
    if bits.flag()? && bits.flag()? {
        scaling_lists(bits)?;
    }
    bits.skip(2)?;
    if bits.flag()? {
        bits.skip(8)?;
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
    }
    reference_sets(bits)?;
    if bits.flag()? {
        for _ in 0..bits.ue()?.min(32) {
            bits.skip(poc_bits + 1)?;
        }
    }
    bits.skip(2)?;
    if !bits.flag()? {
        return None;
    }
    // E.2.1
    *pixel_aspect = sample_aspect(bits);
    signal(bits)?;
    bits.skip(1)?;
    let fields = bits.flag()?;
    bits.skip(1)?;
    if bits.flag()? {
        for _ in 0..4 {
            bits.ue()?;
        }
    }
    let mut rate = None;
    if bits.flag()? {
        let (units_in_tick, time_scale) = (bits.bits(32)?, bits.bits(32)?);
        let value = f64::from(time_scale) / f64::from(units_in_tick);
        rate = (units_in_tick > 0 && (0.1..=1000.0).contains(&value)).then_some(value);
    }
    Some(Timing { fields, rate })
}

/// 7.3.4.
fn scaling_lists(bits: &mut BitReader<'_>) -> Option<()> {
    for size in 0..4u32 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.flag()? {
                bits.ue()?;
                continue;
            }
            if size > 1 {
                bits.se()?;
            }
            for _ in 0..64.min(1 << (4 + 2 * size)) {
                bits.se()?;
            }
        }
    }
    Some(())
}

/// The short-term reference picture sets (7.3.7); only their sizes are followed.
fn reference_sets(bits: &mut BitReader<'_>) -> Option<()> {
    let count = bits.ue()?;
    if count > 64 {
        return None;
    }
    let mut previous = 0u32;
    for index in 0..count {
        if index > 0 && bits.flag()? {
            bits.skip(1)?;
            bits.ue()?;
            let mut kept = 0;
            for _ in 0..=previous {
                let used = bits.flag()?;
                if used || bits.flag()? {
                    kept += 1;
                }
            }
            previous = kept;
        } else {
            let (negative, positive) = (bits.ue()?, bits.ue()?);
            previous = negative.checked_add(positive).filter(|&sum| sum <= 32)?;
            for _ in 0..previous {
                bits.ue()?;
                bits.skip(1)?;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn types() {
        assert_eq!(nal_type(0x42), 33);
        assert!(is_random_access(nal_type(0x26)) && is_random_access(nal_type(0x2A)));
        assert!(!is_random_access(nal_type(0x02)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            sequence_parameter_set(&bytes);
        }
    }
}

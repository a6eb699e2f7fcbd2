//! How far pictures are reordered between decoding and output, as sequence parameter sets of H.264 and HEVC say it. Pure.
//!
//! Beside the readers of resolution and frame rate, which stop in front of these fields.

use crate::codec::bits::BitReader;

/// A decoded picture buffer holds so many frames at most (H.264, A.3.1; HEVC, A.4.2).
pub const DEEPEST: u8 = 16;

/// What a sequence parameter set says of the order of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reordering {
    /// Pictures that may come before another in decoding order and behind it in output order.
    pub depth: u8,
    /// An access unit may be one field of a frame (H.264: `frame_mbs_only_flag` is 0).
    pub fields: bool,
}

/// Of a sequence parameter set of H.264 (7.3.2.1.1), its one-byte NAL header included. Where the VUI does not say
/// `max_num_reorder_frames`, what E.2.1 infers. Except in the Baseline profile, which has no B slices: a depth of 0.
pub fn h264(nal: &[u8]) -> Option<Reordering> {
    let mut bits = BitReader::escaped(nal.get(1..)?);
    let profile_idc = bits.bits(8)?;
    let constraints = bits.bits(8)?;
    let level_idc = bits.bits(8)?;
    bits.ue()?;
    if matches!(profile_idc, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        let chroma_format = bits.ue()?;
        if chroma_format == 3 {
            bits.skip(1)?;
        }
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
        if bits.flag()? {
            for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                if bits.flag()? {
                    scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.ue()?;
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
    let width = u64::from(bits.ue()?) + 1;
    let map_units = u64::from(bits.ue()?) + 1;
    let frames_only = bits.flag()?;
    if !frames_only {
        bits.skip(1)?;
    }
    let frame = width.saturating_mul(map_units).saturating_mul(if frames_only { 1 } else { 2 });
    bits.skip(1)?;
    if bits.flag()? {
        for _ in 0..4 {
            bits.ue()?;
        }
    }
    let said = if bits.flag()? { bitstream_restriction(&mut bits) } else { None };
    let intra_only = matches!(profile_idc, 44 | 86 | 100 | 110 | 122 | 244) && constraints & 0x10 != 0;
    let depth = match said {
        // Output order is decoding order (8.2.1.3).
        _ if order_count_type == 2 => 0,
        Some(depth) => depth,
        None if intra_only || profile_idc == 66 => 0,
        None => most_frames(profile_idc, constraints, level_idc, frame),
    };
    Some(Reordering { depth: depth.min(u32::from(DEEPEST)) as u8, fields: !frames_only })
}

/// VUI parameters (E.1.1) up to `max_num_reorder_frames`; none where they do not go so far.
fn bitstream_restriction(bits: &mut BitReader<'_>) -> Option<u32> {
    const EXTENDED_SAR: u32 = 255;
    if bits.flag()? && bits.bits(8)? == EXTENDED_SAR {
        bits.skip(32)?;
    }
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
    if bits.flag()? {
        bits.skip(32 + 32 + 1)?;
    }
    let nal_hrd = bits.flag()?;
    if nal_hrd {
        hypothetical_decoder(bits)?;
    }
    let vcl_hrd = bits.flag()?;
    if vcl_hrd {
        hypothetical_decoder(bits)?;
    }
    if nal_hrd || vcl_hrd {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    if !bits.flag()? {
        return None;
    }
    bits.skip(1)?;
    for _ in 0..4 {
        bits.ue()?;
    }
    let (reordered, buffered) = (bits.ue()?, bits.ue()?);
    Some(reordered.min(buffered))
}

/// HRD parameters (E.1.2).
fn hypothetical_decoder(bits: &mut BitReader<'_>) -> Option<()> {
    let count = bits.ue()?;
    bits.skip(8)?;
    for _ in 0..=count.min(31) {
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
    }
    bits.skip(20)
}

/// MaxDpbFrames (A.3.1), by MaxDpbMbs of table A-1 and the macroblocks of a frame.
fn most_frames(profile_idc: u32, constraints: u32, level_idc: u32, frame: u64) -> u32 {
    let level_1b = level_idc == 11 && matches!(profile_idc, 66 | 77 | 88) && constraints & 0x10 != 0;
    let macroblocks: u64 = match level_idc {
        _ if level_1b => 396,
        ..=10 => 396,
        11 => 900,
        12 | 13 | 20 => 2_376,
        21 => 4_752,
        22 | 30 => 8_100,
        31 => 18_000,
        32 => 20_480,
        40 | 41 => 32_768,
        42 => 34_816,
        50 => 110_400,
        51 | 52 => 184_320,
        _ => 696_320,
    };
    (macroblocks / frame.max(1)).min(u64::from(DEEPEST)) as u32
}

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

/// Of a sequence parameter set of HEVC (7.3.2.2.1), its two-byte NAL header included: `sps_max_num_reorder_pics` of the highest
/// sub-layer.
pub fn hevc(nal: &[u8]) -> Option<Reordering> {
    let mut bits = BitReader::escaped(nal.get(2..)?);
    let sub_layers = hevc_up_to_id(&mut bits)?;
    bits.ue()?;
    if bits.ue()? == 3 {
        bits.skip(1)?;
    }
    bits.ue()?;
    bits.ue()?;
    if bits.flag()? {
        for _ in 0..4 {
            bits.ue()?;
        }
    }
    bits.ue()?;
    bits.ue()?;
    bits.ue()?;
    let each = bits.flag()?;
    let mut depth = 0;
    for _ in if each { 0 } else { sub_layers }..=sub_layers {
        bits.ue()?;
        depth = bits.ue()?;
        bits.ue()?;
    }
    Some(Reordering { depth: depth.min(u32::from(DEEPEST)) as u8, fields: false })
}

/// Passes over what stands in front of `sps_seq_parameter_set_id` (7.3.2.2.1, 7.3.3). Gives `sps_max_sub_layers_minus1`.
pub fn hevc_up_to_id(bits: &mut BitReader<'_>) -> Option<u32> {
    bits.skip(4)?;
    let sub_layers = bits.bits(3)?;
    bits.skip(1)?;
    // General profile, tier and level, then what is there of the sub-layers.
    bits.skip(88 + 8)?;
    let mut length = 0;
    for _ in 0..sub_layers {
        length += if bits.flag()? { 88 } else { 0 };
        length += if bits.flag()? { 8 } else { 0 };
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers))?;
    }
    bits.skip(length)?;
    Some(sub_layers)
}

#[cfg(test)]
mod tests;

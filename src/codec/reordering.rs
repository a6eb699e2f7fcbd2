//! How far pictures are reordered between decoding and output, as sequence parameter sets of H.264 and HEVC say it. Pure.

use super::aspect::sample_aspect;
use super::bits::BitReader;
use super::{h264, hevc};

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
    let (sequence, mut bits) = h264::Sequence::read(nal)?;
    sequence.cropping(&mut bits)?;
    let said = if bits.flag()? { bitstream_restriction(&mut bits) } else { None };
    let h264::Sequence { profile_idc, constraints, .. } = sequence;
    let intra_only = matches!(profile_idc, 44 | 86 | 100 | 110 | 122 | 244) && constraints & 0x10 != 0;
    let depth = match said {
        // Output order is decoding order (8.2.1.3).
        _ if sequence.order_count_type == 2 => 0,
        Some(depth) => depth,
        None if intra_only || profile_idc == 66 => 0,
        None => most_frames(&sequence),
    };
    Some(Reordering { depth: depth.min(u32::from(DEEPEST)) as u8, fields: !sequence.frames_only })
}

/// VUI parameters (E.1.1) up to `max_num_reorder_frames`; none where they do not go so far.
fn bitstream_restriction(bits: &mut BitReader<'_>) -> Option<u32> {
    sample_aspect(bits);
    h264::signal(bits)?;
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
fn most_frames(sequence: &h264::Sequence) -> u32 {
    let &h264::Sequence { profile_idc, constraints, level_idc, .. } = sequence;
    let rows = u64::from(sequence.map_units) * u64::from(sequence.rows_in_unit());
    let frame = u64::from(sequence.width).saturating_mul(rows);
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

/// Of a sequence parameter set of HEVC (7.3.2.2.1), its two-byte NAL header included: `sps_max_num_reorder_pics` of the highest
/// sub-layer.
pub fn hevc(nal: &[u8]) -> Option<Reordering> {
    let (sequence, mut bits) = hevc::Sequence::read(nal)?;
    hevc::Sequence::size(&mut bits)?;
    let (_, depth) = sequence.order(&mut bits)?;
    Some(Reordering { depth: depth.min(u32::from(DEEPEST)) as u8, fields: false })
}

#[cfg(test)]
mod tests;

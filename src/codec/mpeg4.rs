//! MPEG-4 visual (ISO/IEC 14496-2) and VC-1 (SMPTE 421M), as far as finding where decoding can begin.

/// Whether a start code value opens a video object layer (14496-2, table 6-3).
pub fn is_object_layer(code: u8) -> bool {
    (0x20..=0x2F).contains(&code)
}

/// vop_start_code.
pub const VOP: u8 = 0xB6;
/// VC-1 start codes (annex E.5): sequence header, entry point, frame.
pub const VC1_SEQUENCE: u8 = 0x0F;
/// Entry-point header: decoding can begin at the frame behind it.
pub const VC1_ENTRY_POINT: u8 = 0x0E;
/// Frame.
pub const VC1_FRAME: u8 = 0x0D;

/// Whether a VOP, from its start code value on, is an I-VOP.
pub fn is_intra_vop(bytes: &[u8]) -> Option<bool> {
    let &[VOP, coding_type, ..] = bytes else { return None };
    Some(coding_type >> 6 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vop_types() {
        assert_eq!(is_intra_vop(&[VOP, 0x10]), Some(true));
        assert_eq!(is_intra_vop(&[VOP, 0x50]), Some(false));
        assert_eq!(is_intra_vop(&[VOP]), None);
        assert!(is_object_layer(0x20) && !is_object_layer(0x00));
    }
}

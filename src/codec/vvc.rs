//! VVC (ISO/IEC 23090-3): NAL unit types. Its parameter sets are not read.

/// `nal_unit_type` of a NAL unit's two header bytes (7.3.1.2).
pub fn nal_type(second: u8) -> u8 {
    second >> 3
}

/// Whether the NAL unit holds a slice (table 5).
pub fn is_slice(nal_type: u8) -> bool {
    nal_type < 12
}

/// IDR, CRA and gradual decoding refresh.
pub fn is_random_access(nal_type: u8) -> bool {
    (7..=10).contains(&nal_type)
}

/// Sequence parameter set.
pub const SPS: u8 = 15;
/// Picture parameter set.
pub const PPS: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        assert_eq!(nal_type(0x41), 8);
        assert!(is_slice(8) && is_random_access(8) && !is_random_access(0) && !is_slice(SPS));
    }
}

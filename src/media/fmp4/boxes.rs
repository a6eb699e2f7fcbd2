//! Writes boxes (ISO/IEC 14496-12, 4.2): a length and a kind in front of whatever is written within.

/// Writes a box whose body `within` writes.
pub fn boxed(out: &mut Vec<u8>, kind: &[u8; 4], within: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(kind);
    within(out);
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(start..start + 4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// Writes a box that begins with a version and flags.
pub fn full(out: &mut Vec<u8>, kind: &[u8; 4], version: u8, flags: u32, within: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, kind, |out| {
        words(out, &[u32::from(version) << 24 | (flags & 0x00FF_FFFF)]);
        within(out);
    });
}

/// Fields of 32 bits.
pub fn words(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
}

/// Fields of 16 bits.
pub fn halves(out: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
}

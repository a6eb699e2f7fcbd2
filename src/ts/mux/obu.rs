//! Temporal units of AV1 as a transport stream carries them ("Carriage of AV1 in MPEG-2 TS" of the Alliance for Open Media, 3.2):
//! each OBU behind a start code, and nothing within it that looks like one.

use crate::codec::av1;

/// In front of each OBU.
pub const START_CODE: [u8; 3] = [0, 0, 1];

/// Appends a temporal unit that comes in low-overhead form (AV1 specification, 5.2). Its OBUs keep their sizes, so that they can be
/// put into other containers.
pub fn temporal_unit(unit: &[u8], out: &mut Vec<u8>) {
    for obu in av1::obus(unit) {
        out.extend_from_slice(&START_CODE);
        escape(obu.whole, out);
    }
}

/// Emulation prevention: a 3 behind two zeros, where what follows is 3 or less.
fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len());
    let (mut zeros, mut begun) = (0, 0);
    for (at, &byte) in bytes.iter().enumerate() {
        if zeros >= 2 && byte <= 3 {
            out.extend_from_slice(bytes.get(begun..at).unwrap_or_default());
            out.push(3);
            (zeros, begun) = (0, at);
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
    out.extend_from_slice(bytes.get(begun..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::start_code;
    use proptest::prelude::*;

    /// As the draft says how to read it.
    fn read(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut obus = Vec::new();
        let mut rest = bytes.strip_prefix(&START_CODE).unwrap();
        loop {
            let end = start_code::find(rest, 0);
            let escaped = &rest[..end.unwrap_or(rest.len())];
            let (mut obu, mut at) = (Vec::new(), 0);
            while at < escaped.len() {
                if escaped[at..].starts_with(&[0, 0, 3]) {
                    obu.extend([0, 0]);
                    at += 3;
                } else {
                    obu.push(escaped[at]);
                    at += 1;
                }
            }
            obus.push(obu);
            match end {
                Some(end) => rest = &rest[end + 3..],
                None => return obus,
            }
        }
    }

    #[test]
    fn a_temporal_unit() {
        let mut out = Vec::new();
        temporal_unit(&[0x12, 0, 0x0A, 4, 0, 0, 0, 4, 0x32, 2, 0, 0], &mut out);
        assert_eq!(out, [0, 0, 1, 0x12, 0, 0, 0, 1, 0x0A, 4, 0, 0, 3, 0, 4, 0, 0, 1, 0x32, 2, 0, 0]);
    }

    proptest! {
        #[test]
        fn obus_come_back(payloads in proptest::collection::vec(proptest::collection::vec(0u8..5, 0..60), 1..6)) {
            let obus: Vec<Vec<u8>> = payloads.iter().map(|body| [&[0x32, body.len() as u8][..], body].concat()).collect();
            let mut out = Vec::new();
            temporal_unit(&obus.concat(), &mut out);
            prop_assert_eq!(read(&out), obus);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            temporal_unit(&bytes, &mut Vec::new());
        }
    }
}

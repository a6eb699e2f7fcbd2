//! AV1 (AV1 bitstream specification, 5.3 to 5.5): sequence header OBU.

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

/// The OBUs of a temporal unit in low-overhead form as `(obu_type, payload)`; ends at one without a size.
pub fn obus(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&first, mut rest) = bytes.split_first()?;
        let kind = obu_type(first)?;
        if first & 4 != 0 {
            rest = rest.get(1..)?;
        }
        if first & 2 == 0 {
            bytes = &[];
            return Some((kind, rest));
        }
        let mut size = 0usize;
        for n in 0..5 {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            size |= usize::from(byte & 0x7F) << (7 * n);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = rest.get(..size).unwrap_or(rest);
        bytes = rest.get(size..).unwrap_or_default();
        Some((kind, body))
    })
}

/// A sequence header's payload (5.5.1), as far as the size and the rate.
pub fn sequence_header(payload: &[u8]) -> Option<VideoFormat> {
    let mut bits = BitReader::new(payload);
    let profile = bits.bits(3)?;
    let _still = bits.flag()?;
    let mut frame_rate = None;
    if bits.flag()? {
        bits.skip(5)?;
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
        for _ in 0..=bits.bits(5)? {
            bits.skip(12)?;
            if bits.bits(5)? > 7 {
                bits.skip(1)?;
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
    let profile = match profile {
        0 => Some("Main"),
        1 => Some("High"),
        2 => Some("Professional"),
        _ => None,
    };
    Some(VideoFormat { profile, width, height, pixel_aspect: None, frame_rate, interlaced: Some(false) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_temporal_unit() {
        // Temporal delimiter, then the sequence header of a stream of 320x240.
        let unit = [0x12, 0x00, 0x0A, 0x0B, 0x00, 0x00, 0x00, 0x04, 0x3C, 0xFF, 0xBC, 0xFB, 0xF9, 0x80, 0x40];
        let found: Vec<_> = obus(&unit).collect();
        assert_eq!(found.iter().map(|obu| obu.0).collect::<Vec<_>>(), [TEMPORAL_DELIMITER, SEQUENCE_HEADER]);
        let format = sequence_header(found[1].1).unwrap();
        assert_eq!((format.width, format.height, format.profile), (320, 240, Some("Main")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            obus(&bytes).for_each(|(_, body)| { sequence_header(body); });
            sequence_header(&bytes);
        }
    }
}

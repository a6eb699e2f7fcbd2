//! MPEG-1 and MPEG-2 video (ISO/IEC 13818-2): sequence header and picture type.

use super::VideoFormat;
use super::aspect::by_display;
use super::start_code;

/// Start code values (13818-2, table 6-1).
pub const PICTURE: u8 = 0x00;
/// sequence_header_code.
pub const SEQUENCE: u8 = 0xB3;
/// extension_start_code.
pub const EXTENSION: u8 = 0xB5;

/// A sequence header from the byte behind its start code's prefix (0xB3) on, and the sequence extension if it follows.
pub fn sequence(bytes: &[u8]) -> Option<VideoFormat> {
    let &[SEQUENCE, a, b, c, d, ..] = bytes else { return None };
    let mut width = u32::from(a) << 4 | u32::from(b) >> 4;
    let mut height = u32::from(b & 0xF) << 8 | u32::from(c);
    let mut rate = match d & 0xF {
        1 => Some(24_000.0 / 1001.0),
        2 => Some(24.0),
        3 => Some(25.0),
        4 => Some(30_000.0 / 1001.0),
        5 => Some(30.0),
        6 => Some(50.0),
        7 => Some(60_000.0 / 1001.0),
        8 => Some(60.0),
        _ => None,
    };
    let mut profile = None;
    let (mut interlaced, mut is_mpeg2) = (false, false);
    if let Some([e, f, g, k]) = sequence_extension(bytes) {
        width |= u32::from(f & 1) << 13 | u32::from(g >> 7) << 12;
        height |= u32::from(g >> 5 & 3) << 12;
        rate = rate.map(|rate| rate * (f64::from(k >> 5 & 3) + 1.0) / (f64::from(k & 0x1F) + 1.0));
        is_mpeg2 = true;
        interlaced = f & 0x08 == 0;
        profile = match (e & 0xF) << 4 | f >> 4 {
            0x82 | 0x85 => Some("4:2:2"),
            profile_and_level => match profile_and_level >> 4 & 7 {
                1 => Some("High"),
                2 => Some("Spatially Scalable"),
                3 => Some("SNR Scalable"),
                4 => Some("Main"),
                5 => Some("Simple"),
                _ => None,
            },
        };
    }
    // In MPEG-1 these bits mean something else.
    let pixel_aspect = if is_mpeg2 { by_display(d >> 4, width, height) } else { None };
    let format = VideoFormat { profile, width, height, pixel_aspect, frame_rate: rate, interlaced: Some(interlaced) };
    (width > 0 && height > 0).then_some(format)
}

/// The bytes of the sequence_extension (13818-2, 6.2.2.3) behind a sequence header that matter here: the first three and the last.
/// MPEG-1 has none.
fn sequence_extension(sequence: &[u8]) -> Option<[u8; 4]> {
    match start_code::find(sequence, 5).and_then(|at| sequence.get(at..)) {
        // Its identifier is 1.
        Some(&[_, _, _, EXTENSION, e, f, g, _, _, k, ..]) if e >> 4 == 1 => Some([e, f, g, k]),
        _ => None,
    }
}

/// What a sequence header says of how its stream is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carriage {
    /// MPEG-1: there is no sequence extension.
    pub is_mpeg1: bool,
    /// Pictures may be decoded in another order than they are shown (6.3.5: low_delay is 0), then by one.
    pub reorders: bool,
}

/// Of a sequence header, from the byte behind its start code's prefix (0xB3) on.
pub fn carriage(bytes: &[u8]) -> Option<Carriage> {
    if !bytes.starts_with(&[SEQUENCE]) {
        return None;
    }
    let extension = sequence_extension(bytes);
    Some(Carriage { is_mpeg1: extension.is_none(), reorders: extension.is_none_or(|[.., last]| last & 0x80 == 0) })
}

/// Whether a picture header, from the byte behind its start code's prefix (0x00) on, says I.
pub fn is_intra_picture(bytes: &[u8]) -> Option<bool> {
    let &[PICTURE, _, coding_type, ..] = bytes else { return None };
    Some(coding_type >> 3 & 7 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn main_profile_576i() {
        let bytes = [
            0xB3, 0x2D, 0x02, 0x40, 0x33, 0x24, 0x9F, 0x23, 0x81, 0, 0, 1, 0xB5, 0x14, 0x82, 0x00, 0x01, 0x00, 0x00, 0, 0, 1,
            0xB8,
        ];
        let format = sequence(&bytes).unwrap();
        assert_eq!((format.width, format.height, format.frame_rate), (720, 576, Some(25.0)));
        assert_eq!((format.interlaced, format.profile), (Some(true), Some("Main")));
        assert_eq!(format.pixel_aspect, Some((64, 45)));
    }

    #[test]
    fn how_it_is_carried() {
        let mut bytes = [0xB3, 0x2D, 0x02, 0x40, 0x33, 0x24, 0x9F, 0x23, 0x81, 0, 0, 1, 0xB5, 0x14, 0x82, 0x00, 0x01, 0x00, 0x00];
        assert_eq!(carriage(&bytes), Some(Carriage { is_mpeg1: false, reorders: true }));
        bytes[18] = 0x80;
        assert_eq!(carriage(&bytes), Some(Carriage { is_mpeg1: false, reorders: false }));
        assert_eq!(carriage(&bytes[..9]), Some(Carriage { is_mpeg1: true, reorders: true }));
        assert_eq!(carriage(&bytes[1..]), None);
    }

    #[test]
    fn picture_types() {
        assert_eq!(is_intra_picture(&[0, 0, 0b0000_1000]), Some(true));
        assert_eq!(is_intra_picture(&[0, 0, 0b0001_0000]), Some(false));
        assert_eq!(is_intra_picture(&[0, 0]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 1..60)) {
            bytes[0] = SEQUENCE;
            sequence(&bytes);
            carriage(&bytes);
            is_intra_picture(&bytes);
        }
    }
}

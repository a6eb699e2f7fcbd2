//! The shape of a picture element, as H.264 (E.2.1, table E-1), H.265 (E.3.1, table E.1) and MPEG-2 say it. Pure.

use super::bits::BitReader;

/// By `aspect_ratio_idc` from 1 on.
const SAMPLE_ASPECTS: [(u16, u16); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];
/// `Extended_SAR`.
const EXTENDED: u32 = 255;

/// From `aspect_ratio_info_present_flag` on: width to height; none where that is not said.
pub fn sample_aspect(bits: &mut BitReader<'_>) -> Option<(u16, u16)> {
    if !bits.flag()? {
        return None;
    }
    match bits.bits(8)? {
        EXTENDED => {
            let (wide, high) = (u16::try_from(bits.bits(16)?).ok()?, u16::try_from(bits.bits(16)?).ok()?);
            reduced(wide.into(), high.into())
        }
        idc => SAMPLE_ASPECTS.get(usize::try_from(idc.checked_sub(1)?).ok()?).copied(),
    }
}

/// By the shape of the whole picture and its size: `aspect_ratio_information` of MPEG-2 (13818-2, table 6-3).
pub fn by_display(information: u8, width: u32, height: u32) -> Option<(u16, u16)> {
    let (wide, high) = match information {
        1 => return Some((1, 1)),
        2 => (4, 3),
        3 => (16, 9),
        4 => (221, 100),
        _ => return None,
    };
    reduced(wide * u64::from(height), high * u64::from(width))
}

fn reduced(wide: u64, high: u64) -> Option<(u16, u16)> {
    let (mut a, mut b) = (wide, high);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let part = |length: u64| u16::try_from(length.checked_div(a)?).ok().filter(|length| *length > 0);
    Some((part(wide)?, part(high)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(&[0x00], None)]
    #[case(&[0b1000_0000, 0], None)]
    #[case(&[0b1000_0000, 0b1000_0000], Some((1, 1)))]
    #[case(&[0b1000_0001, 0], Some((12, 11)))]
    #[case(&[0b1000_1000, 0], Some((2, 1)))]
    #[case(&[0b1000_1000, 0b1000_0000], None)]
    #[case(&[0b1111_1111, 0b1000_0000, 0b0010_0000, 0, 0b0001_0110, 0b1000_0000], Some((64, 45)))]
    #[case(&[0b1111_1111, 0b1000_0000, 0b0010_0000, 0, 0, 0], None)]
    #[case(&[0b1111_1111], None)]
    fn as_it_is_said(#[case] bytes: &[u8], #[case] expected: Option<(u16, u16)>) {
        assert_eq!(sample_aspect(&mut BitReader::new(bytes)), expected);
    }

    #[rstest::rstest]
    #[case(1, 720, 576, Some((1, 1)))]
    #[case(2, 720, 576, Some((16, 15)))]
    #[case(3, 720, 576, Some((64, 45)))]
    #[case(3, 720, 480, Some((32, 27)))]
    #[case(3, 544, 576, Some((32, 17)))]
    #[case(3, 1440, 1080, Some((4, 3)))]
    #[case(3, 1920, 1080, Some((1, 1)))]
    #[case(0, 720, 576, None)]
    #[case(3, 0, 0, None)]
    fn by_the_whole_picture(
        #[case] information: u8,
        #[case] width: u32,
        #[case] height: u32,
        #[case] expected: Option<(u16, u16)>,
    ) {
        assert_eq!(by_display(information, width, height), expected);
    }
}

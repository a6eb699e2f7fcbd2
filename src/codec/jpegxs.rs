//! JPEG XS (ISO/IEC 21122-1) as carried in PES packets (13818-1, 2.4.2 Amd 1: an elementary stream header in front).

use super::VideoFormat;

/// The beginning of an access unit: a `jxes` box with the frame rate, then the codestream with its picture header.
pub fn access_unit(bytes: &[u8]) -> Option<VideoFormat> {
    let mut frame_rate = None;
    let mut interlaced = None;
    let mut rest = bytes;
    if let Some((header, after)) = bytes.split_first_chunk::<8>()
        && &header[4..] == b"jxes"
    {
        let size = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        rest = bytes.get(size..)?;
        // brat (4), then frat: interlace mode (2 bits), denominator code (6), reserved (8), numerator (16)
        if let Some(&[mode, _, high, low]) = after.get(4..8).and_then(|frat| frat.first_chunk::<4>()) {
            let numerator = f64::from(u16::from_be_bytes([high, low]));
            interlaced = Some(mode >> 6 != 0);
            frame_rate = match mode & 0x3F {
                1 => Some(numerator),
                2 => Some(numerator * 1000.0 / 1001.0),
                _ => None,
            }
            .filter(|&rate| rate > 0.0);
        }
    }
    // SOC, then marker segments up to the picture header (A.4.3).
    let mut rest = rest.strip_prefix(&[0xFF, 0x10])?;
    loop {
        let (&[0xFF, marker, high, low], after) = rest.split_first_chunk::<4>()? else { return None };
        if marker == 0x12 {
            let &[width_high, width_low, height_high, height_low] = after.get(8..12)?.first_chunk::<4>()?;
            let width = u16::from_be_bytes([width_high, width_low]).into();
            let height = u32::from(u16::from_be_bytes([height_high, height_low]));
            let height = if interlaced == Some(true) { height * 2 } else { height };
            return Some(VideoFormat { profile: None, width, height, pixel_aspect: None, frame_rate, interlaced });
        }
        rest = after.get(usize::from(u16::from_be_bytes([high, low])).checked_sub(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn size_and_rate() {
        let mut unit = vec![0, 0, 0, 26];
        unit.extend(b"jxes");
        unit.extend([0, 0, 0, 100, 0b0000_0010, 0, 0, 60]);
        unit.resize(26, 0);
        unit.extend([0xFF, 0x10, 0xFF, 0x50, 0, 4, 0, 0, 0xFF, 0x12, 0, 26, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x80, 4, 0x38]);
        let format = access_unit(&unit).unwrap();
        assert_eq!((format.width, format.height), (1920, 1080));
        assert!(format.frame_rate.is_some_and(|rate| (rate - 59.94).abs() < 0.01));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            access_unit(&bytes);
            access_unit(&[&[0xFF, 0x10, 0xFF], &bytes[..]].concat());
        }
    }
}

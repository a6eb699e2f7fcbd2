//! JPEG XS (ISO/IEC 21122-1) as carried in PES packets (13818-1, 2.4.2 Amd 1: an elementary stream header in front).

use super::VideoFormat;

/// SOC: a codestream begins (21122-1, A.4.2).
pub const SOC: [u8; 2] = [0xFF, 0x10];
/// Second bytes of the markers of the picture header (A.4.3) and the component table (A.4.5).
const PICTURE_HEADER: u8 = 0x12;
const COMPONENT_TABLE: u8 = 0x13;

/// What the headers of a codestream say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Lcod: its length in bytes; 0 where the bit rate is variable.
    pub length: u32,
    /// Ppih (21122-2).
    pub profile: u16,
    /// Plev: level and sublevel (21122-2).
    pub level: u16,
    /// Pixels.
    pub width: u16,
    /// Lines of the picture: of a field, where it is one.
    pub height: u16,
    /// Components (Nc).
    pub components: u8,
    /// Red, green and blue: there is a reversible colour transform (Cpih).
    pub rgb: bool,
    /// Bits of a sample, and how often columns and rows have one of the second component, where there is a component table.
    pub sampling: Option<(u8, u8, u8)>,
}

/// The headers of a codestream, from its SOC on.
pub fn picture(codestream: &[u8]) -> Option<Picture> {
    let mut found = None;
    for (marker, body) in segments(codestream) {
        match (marker, found.as_mut()) {
            (PICTURE_HEADER, _) => found = picture_header(body),
            (COMPONENT_TABLE, Some(picture)) => {
                // Bits of a sample; sx and sy of each component.
                let second = body.get(3).or(body.get(1)).copied().unwrap_or_default();
                picture.sampling = body.first().map(|depth| (*depth, second >> 4, second & 0xF));
                return found;
            }
            _ => {}
        }
    }
    found
}

/// Marker segments behind the SOC as `(second byte of the marker, content)`; ends where there are no more of them.
fn segments(codestream: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = codestream.strip_prefix(&SOC).unwrap_or_default();
    std::iter::from_fn(move || {
        let (&[0xFF, marker, high, low], after) = rest.split_first_chunk::<4>()? else { return None };
        let length = usize::from(u16::from_be_bytes([high, low])).checked_sub(2)?;
        rest = after.get(length..).unwrap_or_default();
        Some((marker, after.get(..length).unwrap_or(after)))
    })
}

fn picture_header(body: &[u8]) -> Option<Picture> {
    let half = |at: usize| body.get(at..)?.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes));
    Some(Picture {
        length: u32::from(half(0)?) << 16 | u32::from(half(2)?),
        profile: half(4)?,
        level: half(6)?,
        width: half(8)?,
        height: half(10)?,
        components: body.get(16).copied().unwrap_or_default(),
        rgb: body.get(21).is_some_and(|cpih| cpih & 0xF == 1),
        sampling: None,
    })
}

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
    let picture = picture(rest)?;
    let (width, height) = (picture.width.into(), u32::from(picture.height));
    let height = if interlaced == Some(true) { height * 2 } else { height };
    Some(VideoFormat { profile: None, width, height, pixel_aspect: None, frame_rate, interlaced })
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

    #[test]
    fn headers_of_a_codestream() {
        let mut stream = vec![0xFF, 0x10, 0xFF, 0x50, 0, 4, 0, 0, 0xFF, 0x12, 0, 26];
        stream.extend([0, 1, 0, 0, 0x35, 0x40, 0x10, 0x80, 7, 0x80, 4, 0x38, 0, 0, 0, 16, 3, 4, 1, 0, 0x70, 0, 0, 0]);
        stream.extend([0xFF, 0x13, 0, 8, 10, 0x11, 10, 0x21, 10, 0x21]);
        let expected = Picture {
            length: 65_536,
            profile: 0x3540,
            level: 0x1080,
            width: 1920,
            height: 1080,
            components: 3,
            rgb: false,
            sampling: Some((10, 2, 1)),
        };
        assert_eq!(picture(&stream), Some(expected));
        assert_eq!(picture(&stream[..stream.len() - 10]), Some(Picture { sampling: None, ..expected }));
        assert_eq!(picture(&stream[2..]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            access_unit(&bytes);
            access_unit(&[&[0xFF, 0x10, 0xFF], &bytes[..]].concat());
        }
    }
}

//! JPEG XS by RTP on its way into a transport stream: its description, put together from what stands in front of pictures (boxes of
//! ISO/IEC 21122-3 and headers of the codestream) and what its SDP says (RFC 9134, 7.1), and the two fields of a frame. Pure.

use crate::codec::jpegxs::{Picture, picture};
use crate::ingest::depay::{Field, Frame, jpegxs};
use crate::ingest::sdp::Parameters;
use crate::ts::mux::Track;
use crate::ts::mux::jpegxs::Description;

/// Interlace mode of a frame whose top field comes first, and its bits (21122-3, table A.7).
const TOP_FIELD_FIRST: u32 = 1 << 30;
const INTERLACED: u32 = 3 << 30;
/// schar holds something.
const SAID: u16 = 0x8000;

/// One stream.
#[derive(Debug)]
pub(super) struct JpegXs {
    /// What the SDP says; the size is left open.
    told: Description,
    /// Bits of a sample, and sampling structure, of the SDP.
    depth: Option<u8>,
    structure: Option<u16>,
    description: Option<Description>,
    /// The first field of a frame, as it is to begin the unit, and its time.
    field: Vec<u8>,
    field_at: Option<u32>,
}

impl JpegXs {
    /// With the parameters of an SDP.
    pub(super) fn new(parameters: &Parameters) -> Self {
        let value = |name| parameters.get(name).unwrap_or_default().to_ascii_uppercase();
        let is_rgb = value("sampling") == "RGB";
        Self {
            told: Description {
                width: 0,
                height: 0,
                brat: 0,
                frat: parameters.get("exactframerate").and_then(rate).unwrap_or_default(),
                schar: 0,
                ppih: 0,
                plev: 0,
                colour: colour(&value("colorimetry"), &value("tcs"), is_rgb),
                full_range: value("range") == "FULL",
            },
            depth: parameters.get("depth").and_then(|depth| depth.parse().ok()),
            structure: structure(&value("sampling")),
            description: None,
            field: Vec::new(),
            field_at: None,
        }
    }

    /// Appends a picture, and says when it is shown. A field waits for the other one; one that has none is left out.
    pub(super) fn put(&mut self, frame: &Frame<'_>, track: &mut Track, changed: &mut bool, out: &mut Vec<u8>) -> Option<u32> {
        if frame.after_loss {
            // The other field of another picture is not its other one.
            self.field_at = None;
        }
        let codestream = jpegxs::codestream(frame.data)?;
        let first = match frame.field {
            Some(Field::Second) => {
                let timestamp = self.field_at.take()?;
                out.extend_from_slice(&self.field);
                out.extend_from_slice(codestream);
                return Some(timestamp);
            }
            Some(Field::First) => true,
            None => false,
        };
        let description = self.describe(frame.data, &picture(codestream)?, first);
        if self.description != Some(description) {
            self.description = Some(description);
            track.jpeg_xs(&description);
            *changed = true;
        }
        let header = description.header(information(frame.data).map_or(0, |it| it.time_code));
        if first {
            self.field.clear();
            self.field.extend_from_slice(&header);
            self.field.extend_from_slice(codestream);
            self.field_at = Some(frame.timestamp);
            return None;
        }
        self.field_at = None;
        out.extend_from_slice(&header);
        out.extend_from_slice(codestream);
        Some(frame.timestamp)
    }

    fn describe(&self, segment: &[u8], picture: &Picture, fields: bool) -> Description {
        let told = information(segment).unwrap_or_default();
        let mut frat = if told.frat & !INTERLACED > 0 { told.frat } else { self.told.frat };
        if fields != (frat & INTERLACED > 0) {
            frat = frat & !INTERLACED | if fields { TOP_FIELD_FIRST } else { 0 };
        }
        let (colour, full_range) = specified(segment).unwrap_or((self.told.colour, self.told.full_range));
        let mut description = Description {
            width: picture.width,
            height: if fields { picture.height.saturating_mul(2) } else { picture.height },
            brat: told.brat,
            frat,
            schar: if told.schar & SAID > 0 { told.schar } else { self.samples(picture) },
            ppih: picture.profile,
            plev: picture.level,
            colour,
            full_range,
        };
        if description.brat == 0 {
            // What was worked out stays, as long as nothing else changes: pictures may differ a little in length.
            let known = self.description.filter(|known| Description { brat: known.brat, ..description } == *known);
            description.brat = known.map_or_else(|| bit_rate(picture, frat, fields), |known| known.brat);
        }
        description
    }

    /// schar: of the SDP, and where that does not say, of the component table.
    fn samples(&self, picture: &Picture) -> u16 {
        let structure = self.structure.or_else(|| {
            let (_, columns, rows) = picture.sampling?;
            let alpha = picture.components == 4;
            match (columns, rows) {
                (2, 1) => Some(if alpha { 4 } else { 0 }),
                (1, 1) if picture.components >= 3 => Some(if picture.rgb { 2 } else { 1 } + if alpha { 4 } else { 0 }),
                (2, 2) if !alpha => Some(3),
                _ => None,
            }
        });
        let depth = self.depth.or(picture.sampling.map(|(depth, ..)| depth)).filter(|depth| (1..=16).contains(depth));
        structure.zip(depth).map_or(0, |(structure, depth)| SAID | u16::from(depth - 1) << 4 | structure)
    }
}

/// The video information box (21122-3, A.3): the highest bit rate, the frame rate, samples, and a time code.
#[derive(Debug, Clone, Copy, Default)]
struct Information {
    brat: u32,
    frat: u32,
    schar: u16,
    time_code: u32,
}

fn information(segment: &[u8]) -> Option<Information> {
    let content = jpegxs::content(segment, b"jpvi")?;
    let word = |at: usize| content.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes));
    Some(Information { brat: word(0)?, frat: word(4)?, schar: (word(8)? >> 16) as u16, time_code: word(10)? })
}

/// The colour specification box (21122-3, A.5) with code points of ITU-T H.273, which is method 5.
fn specified(segment: &[u8]) -> Option<([u8; 3], bool)> {
    match jpegxs::content(segment, b"colr")? {
        &[5, _, _, 0, primaries, 0, transfer, 0, matrix, range, ..] => Some(([primaries, transfer, matrix], range & 0x80 > 0)),
        _ => None,
    }
}

/// frat of a progressive frame, of an exactframerate: `25` or `30000/1001` (21122-3, table A.8).
fn rate(text: &str) -> Option<u32> {
    let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
    let (numerator, denominator): (u32, u32) = (numerator.trim().parse().ok()?, denominator.trim().parse().ok()?);
    let (code, frames) = match denominator {
        1001 if numerator.is_multiple_of(1000) => (2, numerator / 1000),
        1.. if numerator.is_multiple_of(denominator) => (1, numerator / denominator),
        _ => return None,
    };
    (1..=0xFFFF).contains(&frames).then_some(code << 24 | frames)
}

/// Mbit/s of pictures that are all as long as this one; 0 where that is not known.
fn bit_rate(picture: &Picture, frat: u32, fields: bool) -> u32 {
    let pictures = u64::from(frat & 0xFFFF) * if fields { 2 } else { 1 };
    let thousandths = if frat >> 24 & 0x3F == 2 { 1001 } else { 1000 };
    let bits = u64::from(picture.length).saturating_mul(8 * 1000).saturating_mul(pictures) / thousandths;
    u32::try_from(bits.div_ceil(1_000_000)).unwrap_or(0)
}

/// The sampling structure (21122-3, table A.10) of a `sampling` in upper case. None for others than these.
fn structure(sampling: &str) -> Option<u16> {
    Some(match sampling {
        "YCBCR-4:2:2" => 0,
        "YCBCR-4:4:4" => 1,
        "RGB" => 2,
        "YCBCR-4:2:0" => 3,
        _ => return None,
    })
}

/// Code points of ITU-T H.273 for `colorimetry` and `TCS` in upper case; 2 is "unspecified".
fn colour(colorimetry: &str, transfer: &str, is_rgb: bool) -> [u8; 3] {
    let (primaries, of_sdr, matrix) = match colorimetry {
        "BT601-5" | "BT601" => (6, 6, 6),
        "BT709-2" | "BT709" => (1, 1, 1),
        "BT2020" => (9, 14, 9),
        "BT2100" => (9, 2, 9),
        _ => (2, 2, 2),
    };
    let transfer = match transfer {
        // What is not said is SDR.
        "" | "SDR" => of_sdr,
        "PQ" => 16,
        "HLG" => 18,
        "LINEAR" => 8,
        _ => 2,
    };
    [primaries, transfer, if is_rgb { 0 } else { matrix }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Codec;
    use rstest::rstest;

    /// A picture of 1920x540, 65,536 bytes long as it says, of 10 bits and 4:2:2.
    const CODESTREAM: [u8; 52] = [
        0xFF, 0x10, 0xFF, 0x50, 0, 2, 0xFF, 0x12, 0, 26, 0, 1, 0, 0, 0x35, 0x40, 0x10, 0x08, 7, 0x80, 2, 0x1C, 0, 0, 0, 16, 3, 4,
        1, 0, 0x70, 0, 0, 0, 0xFF, 0x13, 0, 8, 10, 0x11, 10, 0x21, 10, 0x21, 0xFF, 0x20, 0, 2, 1, 2, 0xFF, 0x11,
    ];

    fn frame(timestamp: u32, field: Option<Field>, data: &[u8]) -> Frame<'_> {
        Frame { timestamp, duration: None, random_access: true, after_loss: false, field, config: None, data }
    }

    fn description(fmtp: &str, fields: bool, boxes: &[u8]) -> Description {
        let stream = JpegXs::new(&Parameters::parse(fmtp));
        stream.describe(&[boxes, &CODESTREAM].concat(), &picture(&CODESTREAM).unwrap(), fields)
    }

    #[rstest]
    #[case::all("exactframerate=30000/1001; sampling=YCbCr-4:2:2; depth=10; colorimetry=BT709; TCS=SDR; RANGE=FULL", 0x0200_001E, 16, 0x8090, [1, 1, 1], true)]
    #[case::whole_rate("exactframerate=50;colorimetry=BT2100;TCS=HLG", 0x0100_0032, 27, 0x8090, [9, 18, 9], false)]
    #[case::other_samples("exactframerate=50/2;sampling=RGB;depth=8", 0x0100_0019, 14, 0x8072, [2, 2, 0], false)]
    #[case::nothing("", 0, 0, 0x8090, [2, 2, 2], false)]
    #[case::no_rate_that_can_be_said("exactframerate=15000/1002;depth=99", 0, 0, 0, [2, 2, 2], false)]
    fn by_description(
        #[case] fmtp: &str,
        #[case] frat: u32,
        #[case] brat: u32,
        #[case] schar: u16,
        #[case] colour: [u8; 3],
        #[case] full_range: bool,
    ) {
        let expected =
            Description { width: 1920, height: 540, brat, frat, schar, ppih: 0x3540, plev: 0x1008, colour, full_range };
        assert_eq!(description(fmtp, false, &[]), expected);
    }

    #[test]
    fn boxes_say_more_than_the_description() {
        let mut boxes = b"\0\0\0\x1Ejpvs\0\0\0\x16jpvi".to_vec();
        boxes.extend([0, 0, 0, 99, 0x01, 0, 0, 60, 0x80, 0xB1, 1, 2, 3, 4]);
        boxes.extend(b"\0\0\0\x12colr\x05\0\0\0\x09\0\x10\0\x09\x80");
        let found = description("exactframerate=25;depth=8", false, &boxes);
        assert_eq!((found.brat, found.frat, found.schar), (99, 0x0100_003C, 0x80B1));
        assert_eq!((found.colour, found.full_range), ([9, 16, 9], true));
        assert_eq!(information(&boxes).map(|it| it.time_code), Some(0x0102_0304));
    }

    #[test]
    fn two_fields_are_a_frame() {
        let mut stream = JpegXs::new(&Parameters::parse("exactframerate=25;interlace"));
        let mut track = Track::new(Codec::JpegXs, None).unwrap();
        let (mut changed, mut out) = (false, Vec::new());
        let mut put = |field, at, out: &mut Vec<u8>| stream.put(&frame(at, field, &CODESTREAM), &mut track, &mut changed, out);
        assert_eq!(put(Some(Field::Second), 0, &mut out), None);
        assert_eq!(put(Some(Field::First), 3600, &mut out), None);
        assert_eq!(put(Some(Field::First), 7200, &mut out), None);
        assert_eq!(put(Some(Field::Second), 9000, &mut out), Some(7200));
        assert_eq!(put(Some(Field::Second), 9001, &mut out), None);
        let expected = Description { frat: 0x4100_0019, height: 1080, brat: 27, ..description("", false, &[]) };
        assert_eq!(out, [&expected.header(0)[..], &CODESTREAM, &CODESTREAM].concat());
        assert!(changed && track.descriptors[2..] == expected.descriptor().1);
    }
}

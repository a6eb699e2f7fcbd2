//! What a NAL unit is to the assembly of access units, by its header (H.264, table 7-1; HEVC, table 7-1) and the first bit behind
//! it.

use crate::codec::hevc;
use crate::model::Codec;

/// The role of a NAL unit in its access unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first of its access unit.
    Delimiter,
    /// A parameter set.
    Parameters(Set),
    /// Supplemental enhancement information in front of a picture.
    Sei,
    /// Other kinds that, behind a picture, begin the next access unit.
    Head,
    /// A coded slice of the picture.
    Slice,
    /// What goes on with a picture: auxiliary and extension slices, what stands behind it, other layers.
    Tail,
    /// Bytes without meaning.
    Filler,
}

/// Kinds of parameter sets, in the order in which they refer to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Set {
    /// Of the video, in HEVC only.
    Video,
    /// Of a sequence.
    Sequence,
    /// Of pictures.
    Picture,
}

/// A NAL unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nal {
    /// Its role.
    pub part: Part,
    /// The first slice of its picture (or field).
    pub first: bool,
    /// A picture that decoding can begin at.
    pub random_access: bool,
    /// No picture behind it needs one in front of it, where `random_access`: IDR.
    pub closed: bool,
    /// Others may refer to it.
    pub reference: bool,
    /// Not decodable where decoding begins at the random access picture before it (HEVC: RASL).
    pub skipped: bool,
    /// Its temporal sub-layer, in HEVC.
    pub temporal_id: u8,
}

/// Bytes of a NAL unit's header.
pub fn header_bytes(codec: Codec) -> usize {
    if codec == Codec::Hevc { 2 } else { 1 }
}

/// Without the start code that some cameras leave in front of a NAL unit. No header begins with two zeros.
pub fn without_start_code(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    match bytes.get(zeros..) {
        Some([1, rest @ ..]) if zeros >= 2 => rest,
        _ => bytes,
    }
}

impl Nal {
    /// By header and the byte behind it. `None` for types that are not to be found in an access unit, and for headers with
    /// `forbidden_zero_bit`.
    pub fn of(codec: Codec, header: &[u8], next: Option<u8>) -> Option<Self> {
        match (codec, header) {
            (Codec::Hevc, &[high, low, ..]) => Self::of_hevc(high, low, next),
            (Codec::H264, &[first, ..]) => Self::of_h264(first, next),
            _ => None,
        }
    }

    fn plain(part: Part) -> Self {
        Self { part, first: false, random_access: false, closed: false, reference: false, skipped: false, temporal_id: 0 }
    }

    fn of_h264(header: u8, next: Option<u8>) -> Option<Self> {
        let part = match header & 0x1F {
            _ if header & 0x80 != 0 => return None,
            // Partitions of a slice (3, 4) have no first_mb_in_slice.
            1..=5 => Part::Slice,
            6 => Part::Sei,
            7 => Part::Parameters(Set::Sequence),
            8 => Part::Parameters(Set::Picture),
            9 => Part::Delimiter,
            10 | 11 | 19..=23 => Part::Tail,
            12 => Part::Filler,
            13..=18 => Part::Head,
            _ => return None,
        };
        if part != Part::Slice {
            return Some(Self::plain(part));
        }
        let kind = header & 0x1F;
        Some(Self {
            // first_mb_in_slice as ue(v): 0 is one bit.
            first: !matches!(kind, 3 | 4) && next? & 0x80 != 0,
            random_access: kind == 5,
            closed: kind == 5,
            reference: header & 0x60 != 0,
            ..Self::plain(part)
        })
    }

    fn of_hevc(high: u8, low: u8, next: Option<u8>) -> Option<Self> {
        let kind = hevc::nal_type(high);
        let base_layer = high & 1 == 0 && low & 0xF8 == 0;
        let temporal_id = (low & 7).checked_sub(1)?;
        let part = match kind {
            _ if high & 0x80 != 0 => return None,
            48.. => return None,
            38 => Part::Filler,
            _ if !base_layer => Part::Tail,
            0..=31 => Part::Slice,
            32 => Part::Parameters(Set::Video),
            33 => Part::Parameters(Set::Sequence),
            34 => Part::Parameters(Set::Picture),
            35 => Part::Delimiter,
            39 => Part::Sei,
            41..=44 => Part::Head,
            _ => Part::Tail,
        };
        if part != Part::Slice {
            return Some(Self { temporal_id, ..Self::plain(part) });
        }
        Some(Self {
            part,
            // first_slice_segment_in_pic_flag.
            first: next? & 0x80 != 0,
            random_access: hevc::is_random_access(kind),
            closed: matches!(kind, 19 | 20),
            reference: kind > 14 || kind & 1 == 1,
            skipped: matches!(kind, 8 | 9),
            temporal_id,
        })
    }

    /// Behind a picture, whether the next access unit begins with it or can do so.
    pub fn may_begin(self) -> bool {
        matches!(self.part, Part::Delimiter | Part::Parameters(_) | Part::Sei | Part::Head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::idr(&[0x65], 0x88, "first random closed reference")]
    #[case::idr_goes_on(&[0x65], 0x40, "random closed reference")]
    #[case::referred_to(&[0x41], 0x9A, "first reference")]
    #[case::not_referred_to(&[0x01], 0x9A, "first")]
    #[case::partition_b(&[0x63], 0x80, "reference")]
    #[case::hevc_idr(&[0x26, 1], 0x80, "first random closed reference")]
    #[case::hevc_cra(&[0x2A, 1], 0x80, "first random reference")]
    #[case::hevc_rasl_n(&[0x10, 1], 0x80, "first skipped")]
    #[case::hevc_trail_r(&[0x02, 1], 0x20, "reference")]
    #[case::hevc_trail_n(&[0x00, 3], 0x80, "first")]
    fn slices(#[case] header: &[u8], #[case] next: u8, #[case] is: &str) {
        let codec = if header.len() == 2 { Codec::Hevc } else { Codec::H264 };
        let nal = Nal::of(codec, header, Some(next)).unwrap();
        let flags = [
            (nal.first, "first"),
            (nal.skipped, "skipped"),
            (nal.random_access, "random"),
            (nal.closed, "closed"),
            (nal.reference, "reference"),
        ];
        let said: Vec<&str> = flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
        assert_eq!((nal.part, said.join(" ").as_str()), (Part::Slice, is));
    }

    #[rstest]
    #[case(&[0x67], Some(Part::Parameters(Set::Sequence)))]
    #[case(&[0x09], Some(Part::Delimiter))]
    #[case(&[0x6E], Some(Part::Head))]
    #[case(&[0x0A], Some(Part::Tail))]
    #[case(&[0x78], None)]
    #[case(&[0x7C], None)]
    #[case(&[0xE5], None)]
    #[case(&[0x40, 1], Some(Part::Parameters(Set::Video)))]
    #[case(&[0x40, 9], Some(Part::Tail))]
    #[case(&[0x4E, 1], Some(Part::Sei))]
    #[case(&[0x50, 1], Some(Part::Tail))]
    #[case(&[0x60, 1], None)]
    #[case(&[0x4E, 0], None)]
    fn others(#[case] header: &[u8], #[case] part: Option<Part>) {
        let codec = if header.len() == 2 { Codec::Hevc } else { Codec::H264 };
        assert_eq!(Nal::of(codec, header, None).map(|nal| nal.part), part);
    }

    #[rstest]
    #[case(&[0, 0, 0, 1, 0x65, 1], &[0x65, 1])]
    #[case(&[0, 0, 1, 0x65], &[0x65])]
    #[case(&[0, 1, 0x65], &[0, 1, 0x65])]
    #[case(&[0x65, 0, 0, 1], &[0x65, 0, 0, 1])]
    #[case(&[0, 0], &[0, 0])]
    fn start_codes_in_front(#[case] bytes: &[u8], #[case] without: &[u8]) {
        assert_eq!(without_start_code(bytes), without);
    }

    proptest! {
        #[test]
        fn any_header_is_survived(header in proptest::collection::vec(any::<u8>(), 0..4), next: Option<u8>) {
            for codec in [Codec::H264, Codec::Hevc] {
                let nal = Nal::of(codec, &header, next);
                prop_assert!(nal.is_none_or(|nal| !nal.first || nal.part == Part::Slice));
            }
        }
    }
}

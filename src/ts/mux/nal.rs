//! Access units of H.264 and HEVC as a transport stream carries them (13818-1, 2.14.1 and 2.17.1): NAL units behind start
//! codes, an access unit delimiter first, and parameter sets where decoding begins.

use crate::codec::hevc;
use crate::model::Codec;

/// `nal_unit_type`s that matter here: H.264, table 7-1; HEVC, table 7-1.
const H264_IDR: u8 = 5;
const H264_SPS: u8 = 7;
const H264_DELIMITER: u8 = 9;
const HEVC_SPS: u8 = 33;
const HEVC_DELIMITER: u8 = 35;

/// In front of each NAL unit.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// What a NAL unit is, as far as that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nal {
    Delimiter,
    SequenceParameters,
    RandomAccess,
    Other,
}

fn nal(codec: Codec, first: u8) -> Nal {
    if codec == Codec::Hevc {
        match hevc::nal_type(first) {
            HEVC_DELIMITER => Nal::Delimiter,
            HEVC_SPS => Nal::SequenceParameters,
            random if hevc::is_random_access(random) => Nal::RandomAccess,
            _ => Nal::Other,
        }
    } else {
        match first & 0x1F {
            H264_DELIMITER => Nal::Delimiter,
            H264_SPS => Nal::SequenceParameters,
            H264_IDR => Nal::RandomAccess,
            _ => Nal::Other,
        }
    }
}

/// The delimiter of an access unit that may hold any slices (H.264, 7.3.2.4; HEVC, 7.3.2.5).
pub fn delimiter(codec: Codec) -> &'static [u8] {
    if codec == Codec::Hevc { &[0x46, 0x01, 0x50] } else { &[0x09, 0xF0] }
}

/// Appends an access unit. `sets` are the parameter sets that its track has apart from it: they are written where decoding
/// begins, unless it brings its own. `random_access` is what the container says; the unit's own pictures may say so too.
/// Gives whether decoding can begin here.
pub fn access_unit<'a>(
    codec: Codec,
    nals: impl Iterator<Item = &'a [u8]> + Clone,
    sets: &[Vec<u8>],
    random_access: bool,
    out: &mut Vec<u8>,
) -> bool {
    let kinds = || nals.clone().filter_map(|bytes| Some(nal(codec, *bytes.first()?)));
    let random_access = random_access || kinds().any(|kind| kind == Nal::RandomAccess);
    let mut put = |bytes: &[u8]| {
        if !bytes.is_empty() {
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(bytes);
        }
    };
    // A delimiter is the first of its unit and the only one.
    let own = nals.clone().find(|bytes| bytes.first().is_some_and(|first| nal(codec, *first) == Nal::Delimiter));
    put(own.unwrap_or_else(|| delimiter(codec)));
    if random_access && !kinds().any(|kind| kind == Nal::SequenceParameters) {
        sets.iter().for_each(|set| put(set));
    }
    for bytes in nals {
        if bytes.first().is_some_and(|first| nal(codec, *first) != Nal::Delimiter) {
            put(bytes);
        }
    }
    random_access
}

/// NAL units behind lengths of so many bytes (14496-15, 5.3.3: 1, 2 or 4), as MP4 has them. What does not fit its sample ends the
/// sample.
#[derive(Debug, Clone)]
pub struct Lengths<'a> {
    rest: &'a [u8],
    size: usize,
}

impl<'a> Lengths<'a> {
    /// Of a sample.
    pub fn new(sample: &'a [u8], size: usize) -> Self {
        Self { rest: sample, size: size.clamp(1, 4) }
    }
}

impl<'a> Iterator for Lengths<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_at_checked(self.size)?;
        let length = length.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
        let (nal, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(nal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn written(codec: Codec, nals: &[&[u8]], random_access: bool) -> (Vec<Vec<u8>>, bool) {
        let (sps, pps) = if codec == Codec::Hevc { (0x42, 0x44) } else { (0x67, 0x68) };
        let sets = vec![vec![sps, 1, 0xAA], vec![pps, 1, 0xBB]];
        let mut out = Vec::new();
        let begins = access_unit(codec, nals.iter().copied(), &sets, random_access, &mut out);
        let mut units: Vec<Vec<u8>> = Vec::new();
        let mut rest = out.as_slice();
        while let Some(after) = rest.strip_prefix(&START_CODE) {
            let end = after.windows(4).position(|window| window == START_CODE).unwrap_or(after.len());
            units.push(after[..end].to_vec());
            rest = &after[end..];
        }
        assert!(rest.is_empty());
        (units, begins)
    }

    #[rstest]
    #[case::idr(Codec::H264, &[&[0x65, 2][..]], &[9, 0x67, 0x68, 0x65], true)]
    #[case::sei_behind_the_sets(Codec::H264, &[&[0x06, 2][..], &[0x65, 2]], &[9, 0x67, 0x68, 0x06, 0x65], true)]
    #[case::own_sets(Codec::H264, &[&[9, 0x10][..], &[0x67, 2], &[0x68, 2], &[0x65, 2]], &[9, 0x67, 0x68, 0x65], true)]
    #[case::plain(Codec::H264, &[&[0x41, 2][..]], &[9, 0x41], false)]
    #[case::delimiter_out_of_place(Codec::H264, &[&[0x41, 2][..], &[9, 0x10], &[]], &[9, 0x41], false)]
    #[case::cra(Codec::Hevc, &[&[0x2A, 1, 2][..]], &[0x46, 0x42, 0x44, 0x2A], true)]
    #[case::trail(Codec::Hevc, &[&[0x02, 1, 2][..]], &[0x46, 0x02], false)]
    fn units(#[case] codec: Codec, #[case] nals: &[&[u8]], #[case] firsts: &[u8], #[case] begins: bool) {
        let (units, found) = written(codec, nals, false);
        assert_eq!((units.iter().map(|unit| unit[0]).collect::<Vec<_>>().as_slice(), found), (firsts, begins));
    }

    #[test]
    fn a_recovery_point_of_the_container_gets_its_sets() {
        let (units, begins) = written(Codec::H264, &[&[0x41, 2]], true);
        assert!(begins && units.len() == 4);
        assert_eq!(units[0], [9, 0xF0]);
    }

    #[rstest]
    #[case(4, &[0, 0, 0, 2, 1, 2, 0, 0, 0, 1, 3], &[&[1, 2][..], &[3]])]
    #[case(2, &[0, 2, 1, 2, 0, 9, 3], &[&[1, 2][..]])]
    #[case(1, &[0, 1, 7], &[&[][..], &[7]])]
    fn lengths(#[case] size: usize, #[case] sample: &[u8], #[case] nals: &[&[u8]]) {
        assert_eq!(Lengths::new(sample, size).collect::<Vec<_>>(), nals);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100), size in 0usize..9) {
            let mut out = Vec::new();
            access_unit(Codec::H264, Lengths::new(&bytes, size), &[], false, &mut out);
            prop_assert!(out.len() <= 6 + bytes.len() * 4);
        }
    }
}

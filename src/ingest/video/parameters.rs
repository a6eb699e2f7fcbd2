//! The parameter sets of a stream: kept by kind and id, and written in front of pictures that decoding begins at, where the
//! access unit does not bring them itself.
//!
//! They come in band or from the session description. The last one of an id counts.

use crate::codec::bits::BitReader;
use crate::codec::reordering::{self, Reordering};
use crate::codec::{hevc, start_code};
use crate::model::Codec;
use crate::ts::mux::nal::START_CODE;

use super::nal::{self, Nal, Part, Set};

/// A set of more bytes is not kept.
const LONGEST: usize = 8 * 1024;
/// So many bytes of sets are kept.
const MOST_BYTES: usize = 64 * 1024;

/// The sets of one stream.
#[derive(Debug)]
pub struct ParameterSets {
    codec: Codec,
    /// In the order in which they are written: by kind, then by id.
    kept: Vec<Kept>,
    bytes: usize,
    changed: bool,
    reordering: Option<Reordering>,
}

#[derive(Debug)]
struct Kept {
    set: Set,
    id: u32,
    /// With its NAL header.
    nal: Vec<u8>,
    /// The last access unit that it was in, by number; 0 for none.
    unit: u64,
}

impl ParameterSets {
    /// None yet.
    pub fn new(codec: Codec) -> Self {
        Self { codec, kept: Vec::new(), bytes: 0, changed: false, reordering: None }
    }

    /// Keeps those of a session description (RFC 6184, 8.1: sprop-parameter-sets; RFC 7798, 7.1: sprop-vps, -sps, -pps). Several in
    /// one, divided by start codes, as some cameras have them, are taken apart. What is none is left out.
    pub fn describe(&mut self, described: &[u8]) {
        let mut rest = nal::without_start_code(described);
        while let Some(at) = start_code::find(rest, 0) {
            let (nal, behind) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            self.keep(nal, 0);
            rest = behind.get(3..).unwrap_or_default();
        }
        self.keep(rest, 0);
    }

    /// Keeps a set that was in the access unit of this number. What is no parameter set, has no id, or is too long, is not kept.
    pub fn keep(&mut self, nal: &[u8], unit: u64) {
        let nal = nal.get(..nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)).unwrap_or_default();
        let Some(Part::Parameters(set)) = Nal::of(self.codec, nal, None).map(|nal| nal.part) else { return };
        let Some(id) = self.id(set, nal) else { return };
        let place = self.kept.binary_search_by_key(&(set, id), |kept| (kept.set, kept.id));
        let replaced = place.ok().and_then(|at| self.kept.get_mut(at));
        let before = replaced.as_ref().map_or(0, |kept| kept.nal.len());
        if nal.len() > LONGEST || self.bytes - before + nal.len() > MOST_BYTES {
            return;
        }
        self.bytes = self.bytes - before + nal.len();
        match (replaced, place) {
            (Some(kept), _) => {
                kept.unit = unit;
                if kept.nal == nal {
                    return;
                }
                kept.nal.clear();
                kept.nal.extend_from_slice(nal);
            }
            (None, Ok(at) | Err(at)) => self.kept.insert(at, Kept { set, id, nal: nal.to_vec(), unit }),
        }
        self.changed = true;
        if set == Set::Sequence {
            let read = if self.codec == Codec::Hevc { reordering::hevc } else { reordering::h264 };
            self.reordering = read(nal);
        }
    }

    /// H.264, 7.3.2.1.1 and 7.3.2.2; HEVC, 7.3.2.1 to 7.3.2.3.
    fn id(&self, set: Set, nal: &[u8]) -> Option<u32> {
        let mut bits = BitReader::escaped(nal.get(nal::header_bytes(self.codec)..)?);
        let (id, most) = match (self.codec, set) {
            (_, Set::Video) => (bits.bits(4)?, 15),
            (Codec::Hevc, Set::Sequence) => (hevc::Sequence::read(nal)?.0.id, 15),
            (_, Set::Sequence) => {
                bits.skip(24)?;
                (bits.ue()?, 31)
            }
            (Codec::Hevc, Set::Picture) => (bits.ue()?, 63),
            (_, Set::Picture) => (bits.ue()?, 255),
        };
        (id <= most).then_some(id)
    }

    /// Whether there is one of every kind that decoding needs.
    pub fn complete(&self) -> bool {
        let has = |set: Set| self.kept.iter().any(|kept| kept.set == set);
        has(Set::Sequence) && has(Set::Picture) && (self.codec != Codec::Hevc || has(Set::Video))
    }

    /// Whether any are kept that this access unit has not brought.
    pub(super) fn missing(&self, unit: u64) -> bool {
        self.kept.iter().any(|kept| kept.unit != unit)
    }

    /// Appends all of them as a byte stream. All and not those that are missing: what refers to another must be behind it.
    pub fn write(&self, out: &mut Vec<u8>) {
        for kept in &self.kept {
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(&kept.nal);
        }
    }

    /// The sets of a kind, with their NAL headers, by id.
    pub fn iter(&self, set: Set) -> impl Iterator<Item = &[u8]> {
        self.kept.iter().filter(move |kept| kept.set == set).map(|kept| kept.nal.as_slice())
    }

    /// Whether one has come or changed since this was asked. The access unit that it came with may not be whole yet.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// What the sequence parameter set that came last says of the order of pictures.
    pub fn reordering(&self) -> Option<Reordering> {
        self.reordering
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const SPS: [u8; 8] = [0x67, 0x42, 0xC0, 0x0D, 0xD9, 0x01, 0x41, 0xFB];

    /// A picture parameter set whose id is told by the number of its leading zeros.
    fn pps(id: u8, byte: u8) -> Vec<u8> {
        let codes = [0x80, 0b0100_0000, 0b0110_0000, 0b0010_0000];
        vec![0x68, codes[usize::from(id)] | 1, byte | 1]
    }

    fn written(sets: &ParameterSets) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        sets.write(&mut out);
        super::super::tests::nals(&out)
    }

    #[test]
    fn they_are_written_in_the_order_in_which_they_refer_to_each_other() {
        let mut sets = ParameterSets::new(Codec::H264);
        sets.keep(&pps(1, 2), 1);
        sets.keep(&pps(0, 2), 1);
        assert!(!sets.complete());
        sets.keep(&SPS, 2);
        assert!(sets.complete() && sets.take_changed() && !sets.take_changed());
        assert_eq!(written(&sets), [SPS.to_vec(), pps(0, 2), pps(1, 2)]);
        assert!(sets.missing(2), "two of them were in another unit");
    }

    #[test]
    fn the_last_of_an_id_counts() {
        let mut sets = ParameterSets::new(Codec::H264);
        sets.keep(&SPS, 1);
        sets.keep(&pps(3, 2), 1);
        assert!(sets.take_changed());
        sets.keep(&pps(3, 2), 2);
        sets.keep(&SPS, 2);
        assert!(!sets.take_changed() && !sets.missing(2));
        sets.keep(&pps(3, 4), 3);
        assert!(sets.take_changed());
        assert_eq!(written(&sets), [SPS.to_vec(), pps(3, 4)]);
    }

    #[rstest]
    #[case::bare(&[&[][..]])]
    #[case::start_code_in_front(&[&[0, 0, 0, 1][..]])]
    #[case::zeros_behind(&[&[0, 0, 1][..], &[0, 0, 0]])]
    fn descriptions(#[case] around: &[&[u8]]) {
        let behind = around.get(1).copied().unwrap_or_default();
        let all = [around[0], &SPS, &[0, 0, 0, 1], &pps(0, 2), behind].concat();
        let mut sets = ParameterSets::new(Codec::H264);
        sets.describe(&all);
        assert_eq!(written(&sets), [SPS.to_vec(), pps(0, 2)]);
    }

    #[test]
    fn what_is_kept_has_its_bounds() {
        let mut sets = ParameterSets::new(Codec::Hevc);
        for id in 0..16u8 {
            let mut set = vec![0x40, 1, id << 4 | 0xC];
            set.resize(LONGEST, 7);
            sets.keep(&set, 1);
            set.push(7);
            sets.keep(&set, 1);
        }
        assert_eq!((sets.kept.len(), sets.bytes), (MOST_BYTES / LONGEST, MOST_BYTES));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            hevc: bool, sets in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..80),
        ) {
            let codec = if hevc { Codec::Hevc } else { Codec::H264 };
            let mut kept = ParameterSets::new(codec);
            for (unit, (described, bytes)) in sets.iter().enumerate() {
                // One of a kind that is kept, most of the time.
                let header: &[u8] = match (codec, unit % 3) {
                    (Codec::H264, 0) => &[0x67],
                    (Codec::H264, _) => &[0x68],
                    (_, 0) => &[0x40, 1],
                    (_, 1) => &[0x42, 1],
                    _ => &[0x44, 1],
                };
                let set = [header, bytes].concat();
                if *described { kept.describe(&set) } else { kept.keep(&set, unit as u64) }
                prop_assert_eq!(kept.bytes, kept.kept.iter().map(|kept| kept.nal.len()).sum::<usize>());
                prop_assert!(kept.kept.windows(2).all(|pair| (pair[0].set, pair[0].id) < (pair[1].set, pair[1].id)));
            }
        }
    }
}

//! Where decoding can begin: the head of each PES packet of the main video stream is read until its first picture is
//! known to be one to start with, or not (TUNER.md, "Opening a channel").
//!
//! Knows codecs' syntax through [`crate::codec`]; knows nothing about packets. A head that needs several packets (a long
//! SEI, parameter sets first) is gathered in one buffer that is used again and again.

use crate::codec::{VideoFormat, av1, h264, hevc, jpegxs, mpeg2, mpeg4, start_code, vvc};
use crate::model::Codec;

/// A head that has shown no picture in so many bytes is given up.
const LONGEST_HEAD: usize = 64 * 1024;
/// So many bytes of a slice or picture header are enough to tell its type.
const SLICE_HEAD: usize = 16;

/// What is known of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// More bytes are needed.
    Undecided,
    /// Decoding can begin here: all parameter sets it needs were seen.
    RandomAccess,
    /// It cannot.
    Other,
}

/// Reads the heads of one video stream's PES packets.
#[derive(Debug, Clone)]
pub struct Scanner {
    codec: Codec,
    /// The head so far, where one packet was not enough.
    head: Vec<u8>,
    unit: Unit,
    sets: Sets,
}

/// What was seen in the access unit at hand.
#[derive(Debug, Clone, Copy, Default)]
struct Unit {
    /// The source's `random_access_indicator`.
    indicated: bool,
    recovery_point: bool,
    parameter_sets: bool,
    /// From here on nothing was looked at.
    resume: usize,
    /// Up to here there is no end of the NAL unit at `resume`.
    searched: usize,
}

/// Parameter sets seen so far in the stream.
#[derive(Debug, Clone, Default)]
struct Sets {
    sequence: bool,
    picture: bool,
    /// The last sequence parameter set, to parse only what changed.
    last: Vec<u8>,
    format: Option<VideoFormat>,
}

impl Scanner {
    /// For a stream of this codec.
    pub fn new(codec: Codec) -> Self {
        Self { codec, head: Vec::new(), unit: Unit::default(), sets: Sets::default() }
    }

    /// The codec it reads.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// What the parameter sets say.
    pub fn format(&self) -> Option<&VideoFormat> {
        self.sets.format.as_ref()
    }

    /// Whether the syntax is understood so far that a verdict is more than a guess.
    pub fn understands(&self) -> bool {
        !matches!(self.codec, Codec::Vvc | Codec::Vc1 | Codec::Av1 | Codec::Mpeg4) || self.sets.sequence
    }

    /// Whether parameter sets (or sequence headers) were seen.
    pub fn has_parameter_sets(&self) -> bool {
        self.sets.sequence
    }

    /// A PES packet begins; `bytes` are the first of its elementary stream.
    pub fn begin(&mut self, indicated: bool, bytes: &[u8]) -> Verdict {
        self.head.clear();
        self.unit = Unit { indicated, ..Unit::default() };
        let verdict = self.scan(bytes);
        if verdict == Verdict::Undecided {
            self.head.extend_from_slice(bytes);
        }
        verdict
    }

    /// More of the head, after [`Verdict::Undecided`].
    pub fn more(&mut self, bytes: &[u8]) -> Verdict {
        if self.head.len() + bytes.len() > LONGEST_HEAD {
            return Verdict::Other;
        }
        let mut head = std::mem::take(&mut self.head);
        head.extend_from_slice(bytes);
        let verdict = self.scan(&head);
        self.head = head;
        verdict
    }

    fn scan(&mut self, bytes: &[u8]) -> Verdict {
        match self.codec {
            Codec::JpegXs => self.jpeg_xs(bytes),
            Codec::Av1 => self.av1(bytes),
            _ => self.start_codes(bytes),
        }
    }

    fn start_codes(&mut self, bytes: &[u8]) -> Verdict {
        while let Some(at) = start_code::find(bytes, self.unit.resume) {
            self.unit.resume = at;
            let from = at + 3;
            let unit = bytes.get(from..).unwrap_or_default();
            match self.kind(unit) {
                None => return Verdict::Undecided,
                Some(Part::Picture) => {
                    if unit.len() < SLICE_HEAD && self.asks_slice(unit) && start_code::find(unit, 0).is_none() {
                        return Verdict::Undecided;
                    }
                    return self.picture(unit);
                }
                Some(Part::Nothing) => self.unit.resume = from,
                Some(Part::Whole) => {
                    let Some(end) = self.end(bytes, from) else { return Verdict::Undecided };
                    self.whole(bytes.get(from..end).unwrap_or_default());
                    self.unit.resume = end;
                }
            }
            self.unit.searched = 0;
        }
        self.unit.resume = self.unit.resume.max(bytes.len().saturating_sub(2));
        Verdict::Undecided
    }

    /// Where the NAL unit that begins at `from` ends. A sequence header of MPEG-2 goes on over its extension.
    fn end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut search = from.max(self.unit.searched);
        loop {
            let Some(end) = start_code::find(bytes, search) else {
                self.unit.searched = bytes.len().saturating_sub(2).max(from);
                return None;
            };
            if !matches!(self.codec, Codec::Mpeg1 | Codec::Mpeg2) {
                return Some(end);
            }
            match bytes.get(end + 3) {
                Some(&mpeg2::EXTENSION) => search = end + 3,
                Some(_) => return Some(end),
                None => return None,
            }
        }
    }

    /// What begins here; none if there are too few bytes to say.
    fn kind(&self, unit: &[u8]) -> Option<Part> {
        let &first = unit.first()?;
        let (whole, picture) = match self.codec {
            Codec::H264 => {
                let nal = first & 0x1F;
                (matches!(nal, 6..=8), matches!(nal, 1 | 2 | 5))
            }
            Codec::Hevc => {
                let nal = hevc::nal_type(first);
                (matches!(nal, 32..=34 | 39), nal < 32)
            }
            Codec::Vvc => {
                let nal = vvc::nal_type(*unit.get(1)?);
                (matches!(nal, vvc::SPS | vvc::PPS), vvc::is_slice(nal))
            }
            Codec::Mpeg4 => (mpeg4::is_object_layer(first), first == mpeg4::VOP),
            Codec::Vc1 => (matches!(first, mpeg4::VC1_SEQUENCE | mpeg4::VC1_ENTRY_POINT), first == mpeg4::VC1_FRAME),
            _ => (first == mpeg2::SEQUENCE, first == mpeg2::PICTURE),
        };
        Some(match (whole, picture) {
            (true, _) => Part::Whole,
            (_, true) => Part::Picture,
            _ => Part::Nothing,
        })
    }

    /// A parameter set or SEI, whole.
    fn whole(&mut self, unit: &[u8]) {
        let Some(&first) = unit.first() else { return };
        match self.codec {
            Codec::H264 => match first & 0x1F {
                7 => self.sequence(unit, h264::sequence_parameter_set),
                8 => self.sets.picture = true,
                _ => self.unit.recovery_point |= h264::has_sei(unit, 1, h264::RECOVERY_POINT),
            },
            Codec::Hevc => match hevc::nal_type(first) {
                32 => {}
                33 => self.sequence(unit, hevc::sequence_parameter_set),
                34 => self.sets.picture = true,
                _ => self.unit.recovery_point |= h264::has_sei(unit, 2, h264::RECOVERY_POINT),
            },
            Codec::Vvc => match unit.get(1).copied().map(vvc::nal_type) {
                Some(vvc::SPS) => self.sequence(unit, |_| None),
                _ => self.sets.picture = true,
            },
            Codec::Vc1 if first == mpeg4::VC1_ENTRY_POINT => self.unit.recovery_point = true,
            Codec::Vc1 | Codec::Mpeg4 => self.sequence(unit, |_| None),
            _ => self.sequence(unit, mpeg2::sequence),
        }
    }

    fn sequence(&mut self, unit: &[u8], parse: impl Fn(&[u8]) -> Option<VideoFormat>) {
        self.sets.sequence = true;
        self.unit.parameter_sets = true;
        if self.sets.last != unit {
            self.sets.last.clear();
            self.sets.last.extend_from_slice(unit);
            if let Some(format) = parse(unit) {
                self.sets.format = Some(format);
            }
        }
    }

    /// Whether more than the first byte of a slice or picture header decides. Pictures in which nothing moves have not many.
    fn asks_slice(&self, unit: &[u8]) -> bool {
        let Unit { indicated, recovery_point, parameter_sets, .. } = self.unit;
        let witness = parameter_sets || indicated;
        match self.codec {
            Codec::H264 => unit.first().is_some_and(|first| first & 0x1F != 5) && !recovery_point && witness,
            Codec::Hevc | Codec::Vvc | Codec::Vc1 => false,
            Codec::Mpeg4 => true,
            _ => witness,
        }
    }

    /// The first slice or picture header of the access unit decides.
    fn picture(&self, unit: &[u8]) -> Verdict {
        let Unit { indicated, recovery_point, parameter_sets, .. } = self.unit;
        let first = unit.first().copied().unwrap_or(0);
        let sets = self.sets.sequence && self.sets.picture;
        let begins = match self.codec {
            Codec::H264 => {
                // An I slice that is no IDR picture is believed with a second witness.
                let intra = || (parameter_sets || indicated) && h264::is_intra_slice(unit) == Some(true);
                sets && (first & 0x1F == 5 || recovery_point || intra())
            }
            Codec::Hevc => {
                sets && (hevc::is_random_access(hevc::nal_type(first)) || recovery_point || parameter_sets && indicated)
            }
            Codec::Vvc => sets && unit.get(1).is_some_and(|&second| vvc::is_random_access(vvc::nal_type(second))),
            Codec::Vc1 => self.sets.sequence && recovery_point,
            Codec::Mpeg4 => self.sets.sequence && mpeg4::is_intra_vop(unit) == Some(true),
            _ => self.sets.sequence && (parameter_sets || indicated) && mpeg2::is_intra_picture(unit) == Some(true),
        };
        if begins { Verdict::RandomAccess } else { Verdict::Other }
    }

    /// Every picture stands alone.
    fn jpeg_xs(&mut self, bytes: &[u8]) -> Verdict {
        if self.sets.format.is_none() {
            self.sets.format = jpegxs::access_unit(bytes);
            self.sets.sequence |= self.sets.format.is_some();
        }
        Verdict::RandomAccess
    }

    /// With start codes in front of each OBU (AOM's "Carriage of AV1 in MPEG-2 TS"), or in low-overhead form.
    fn av1(&mut self, bytes: &[u8]) -> Verdict {
        if bytes.len() < SLICE_HEAD {
            return Verdict::Undecided;
        }
        let (kind, sequence) = if let Some(at) = start_code::find(bytes, 0).filter(|&at| at <= 1) {
            let kind = |obu: &[u8]| obu.first().and_then(|&first| av1::obu_type(first));
            let mut obu = bytes.get(at + 3..).unwrap_or_default();
            // The delimiter is a unit of its own; the next one decides.
            if kind(obu) == Some(av1::TEMPORAL_DELIMITER)
                && let Some(next) = start_code::find(obu, 0)
            {
                obu = obu.get(next + 3..).unwrap_or_default();
            }
            (kind(obu), av1::escaped_sequence_header(obu))
        } else {
            let obu = av1::obus(bytes).find(|obu| obu.kind != av1::TEMPORAL_DELIMITER);
            (obu.map(|obu| obu.kind), obu.and_then(|obu| av1::sequence_header(obu.payload)))
        };
        if kind != Some(av1::SEQUENCE_HEADER) {
            return Verdict::Other;
        }
        self.sets.sequence = true;
        if let Some(sequence) = sequence {
            self.sets.format = Some(sequence.format);
        }
        Verdict::RandomAccess
    }
}

/// What follows a start code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The first bytes of a picture, which decide.
    Picture,
    /// Something that must be read to its end.
    Whole,
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const SPS: &[u8] = &[
        0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5, 0xC0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
        0x00, 0x00, 0x03, 0x00, 0xC8, 0x3C, 0x60, 0xC6, 0x58,
    ];
    const PPS: &[u8] = &[0, 0, 1, 0x68, 0xEB, 0xE3];
    const AUD: &[u8] = &[0, 0, 0, 1, 9, 0xF0];
    const IDR: &[u8] = &[0, 0, 1, 0x65, 0x88, 0x84, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
    const I: &[u8] = &[0, 0, 1, 0x41, 0x88, 0x84, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
    const P: &[u8] = &[0, 0, 1, 0x41, 0x9A, 0x84, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
    const RECOVERY: &[u8] = &[0, 0, 1, 6, 6, 1, 0xC4, 0x80];

    fn parts(names: &str) -> Vec<u8> {
        let part = |name| match name {
            "aud" => AUD,
            "sps" => SPS,
            "pps" => PPS,
            "idr" => IDR,
            "i" => I,
            "p" => P,
            "recovery" => RECOVERY,
            _ => panic!("no part {name}"),
        };
        names.split_whitespace().flat_map(part).copied().collect()
    }

    /// The verdict on the last of some access units, each given in pieces of so many bytes.
    fn verdict(codec: Codec, piece: usize, units: &[(bool, Vec<u8>)]) -> Verdict {
        let mut scanner = Scanner::new(codec);
        let mut verdict = Verdict::Undecided;
        for (indicated, bytes) in units {
            let mut pieces = bytes.chunks(piece);
            verdict = scanner.begin(*indicated, pieces.next().unwrap());
            for piece in pieces {
                if verdict != Verdict::Undecided {
                    break;
                }
                verdict = scanner.more(piece);
            }
        }
        verdict
    }

    /// Access units are divided by `/`; `!` in front is `random_access_indicator`.
    #[rstest]
    #[case("aud sps pps idr", Verdict::RandomAccess)]
    #[case("! aud idr", Verdict::Other)]
    #[case("sps pps idr / idr", Verdict::RandomAccess)]
    #[case("sps pps idr / ! p", Verdict::Other)]
    #[case("sps pps idr / ! i", Verdict::RandomAccess)]
    #[case("sps pps idr / i", Verdict::Other)]
    #[case("aud sps pps i", Verdict::RandomAccess)]
    #[case("aud sps pps recovery p", Verdict::RandomAccess)]
    #[case("aud sps pps p", Verdict::Other)]
    #[case("aud sps pps", Verdict::Undecided)]
    fn h264_units(#[case] units: &str, #[case] is: Verdict, #[values(1, 3, 184, 1000)] piece: usize) {
        let unit = |unit: &str| (unit.contains('!'), parts(unit.trim().trim_start_matches('!')));
        assert_eq!(verdict(Codec::H264, piece, &units.split('/').map(unit).collect::<Vec<_>>()), is);
    }

    #[rstest]
    #[case(&[0, 0, 1, 0xB3, 0x2D, 0x02, 0x40, 0x33, 0x24, 0x9F, 0x23, 0x81, 0, 0, 1, 0xB8, 0, 8, 0, 0x40, 0, 0, 1, 0, 0, 0x0F, 0xFF, 0xF8, 0, 0, 1, 1], Verdict::RandomAccess)]
    #[case(&[0, 0, 1, 0xB3, 0x2D, 0x02, 0x40, 0x33, 0x24, 0x9F, 0x23, 0x81, 0, 0, 1, 0xB8, 0, 8, 0, 0x40, 0, 0, 1, 0, 0, 0x17, 0xFF, 0xF8, 0, 0, 1, 1], Verdict::Other)]
    #[case(&[0, 0, 1, 0, 0, 0x0F, 0xFF, 0xF8, 0, 0, 1, 1], Verdict::Other)]
    fn mpeg2_units(#[case] bytes: &[u8], #[case] is: Verdict, #[values(1, 184)] piece: usize) {
        assert_eq!(verdict(Codec::Mpeg2, piece, &[(false, bytes.to_vec())]), is);
    }

    #[rstest]
    #[case::nothing_moves(false, &[0, 0, 0, 1, 9, 0xF0, 0, 0, 0, 1, 0x41, 0x9A, 0x21, 0xA0, 7, 0x33], Verdict::Other)]
    #[case::key(false, &[0, 0, 0, 1, 0x65, 0x88, 0x84, 1], Verdict::RandomAccess)]
    #[case::perhaps_intra(true, &[0, 0, 0, 1, 0x41, 0x88, 0x84, 1], Verdict::Undecided)]
    fn small_pictures_are_decided_on_at_once(#[case] indicated: bool, #[case] bytes: &[u8], #[case] is: Verdict) {
        assert_eq!(verdict(Codec::H264, 184, &[(false, parts("sps pps idr")), (indicated, bytes.to_vec())]), is);
    }

    #[test]
    fn formats_are_kept() {
        let mut scanner = Scanner::new(Codec::H264);
        scanner.begin(false, &[SPS, PPS, IDR].concat());
        assert_eq!(scanner.format().map(|format| (format.width, format.height)), Some((1920, 1080)));
    }

    #[test]
    fn a_long_sei_does_not_hide_the_picture() {
        let mut sei = vec![0, 0, 1, 6, 5];
        sei.extend([255; 40]);
        sei.extend([0]);
        sei.extend([0xAB; 40 * 255]);
        sei.push(0x80);
        let bytes = [AUD, SPS, PPS, &sei, IDR].concat();
        assert_eq!(verdict(Codec::H264, 184, &[(false, bytes)]), Verdict::RandomAccess);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            bytes in proptest::collection::vec(prop_oneof![3 => 0u8..3, 1 => any::<u8>()], 20..400),
            codec in prop_oneof![Just(Codec::H264), Just(Codec::Hevc), Just(Codec::Mpeg2), Just(Codec::Vc1), Just(Codec::Vvc), Just(Codec::Mpeg4)],
            piece in 1usize..50,
        ) {
            let whole = verdict(codec, usize::MAX, &[(true, bytes.clone())]);
            prop_assert_eq!(verdict(codec, piece, &[(true, bytes.clone())]), whole);
        }
    }
}

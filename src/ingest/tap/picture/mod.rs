//! Coded pictures: of which kind each is, which of them make one frame, and which parameter sets they need. Pure syntax: knows
//! nothing about packets and time.

mod h264;
mod hevc;
mod mpeg2;

use crate::codec::{hevc as hevc_syntax, mpeg2 as mpeg2_syntax, mpeg4};
use crate::model::Codec;

/// Bytes of a slice header that are enough to tell what is asked for, emulation prevention included.
const SLICE_HEAD: usize = 64;

/// Kind of a picture, by its first slice, as ffprobe's `pict_type` has it. Switching pictures count as what they are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PictureKind {
    /// Predicted from earlier and later pictures.
    B,
    /// Predicted from earlier pictures.
    P,
    /// Predicted from itself only.
    I,
}

/// How many there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Frames that begin with an I picture.
    pub i: u64,
    /// With a P picture.
    pub p: u64,
    /// With a B picture.
    pub b: u64,
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, kind: PictureKind) {
        let count = match kind {
            PictureKind::I => &mut self.i,
            PictureKind::P => &mut self.p,
            PictureKind::B => &mut self.b,
        };
        *count = count.saturating_add(1);
    }

    /// Counts all of these, too.
    pub fn add_all(&mut self, other: Self) {
        self.i = self.i.saturating_add(other.i);
        self.p = self.p.saturating_add(other.p);
        self.b = self.b.saturating_add(other.b);
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.i.saturating_add(self.p).saturating_add(self.b)
    }
}

/// A coded picture begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Its kind.
    pub kind: PictureKind,
    /// Others may be predicted from it.
    pub reference: bool,
    /// It is the second field of the frame that the picture before it began.
    pub second_field: bool,
    /// It needs pictures before the one with which decoding began: decoders leave it out.
    pub undecodable: bool,
}

/// What a parameter set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetKind {
    /// Video parameter set (HEVC).
    Video,
    /// Sequence parameter set; the sequence header of MPEG-2, the video object layer of MPEG-4.
    Sequence,
    /// Picture parameter set.
    Picture,
}

/// A parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set {
    /// What it is for.
    pub kind: SetKind,
    /// Its id; 0 where the codec has none.
    pub id: u8,
    /// Id of the set that it needs.
    pub refers_to: Option<u8>,
}

/// What a unit of the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The beginning of a picture.
    Picture(Picture),
    /// More of the picture at hand.
    More,
    /// A parameter set.
    Set(Set),
    /// Nothing of interest, or damaged.
    Other,
}

/// Reads the units of one video stream.
#[derive(Debug, Clone)]
pub struct Reader(Syntax);

#[derive(Debug, Clone)]
enum Syntax {
    H264(Box<h264::Reader>),
    Hevc(Box<hevc::Reader>),
    Mpeg2(mpeg2::Reader),
    Mpeg4,
}

impl Reader {
    /// For a stream of this codec; none where its pictures are not read (VVC, VC-1, AV1, JPEG XS).
    pub fn new(codec: Codec) -> Option<Self> {
        Some(Self(match codec {
            Codec::H264 => Syntax::H264(Box::default()),
            Codec::Hevc => Syntax::Hevc(Box::default()),
            Codec::Mpeg1 | Codec::Mpeg2 => Syntax::Mpeg2(mpeg2::Reader::default()),
            Codec::Mpeg4 => Syntax::Mpeg4,
            _ => return None,
        }))
    }

    /// Decoding begins with the picture that comes next.
    pub fn restart(&mut self) {
        match &mut self.0 {
            Syntax::H264(_) | Syntax::Mpeg4 => {}
            Syntax::Hevc(reader) => reader.restart(),
            Syntax::Mpeg2(reader) => reader.restart(),
        }
    }

    /// How many bytes of a unit that begins with this one are wanted.
    pub fn wanted(&self, first: u8) -> usize {
        let (is_set, is_slice, is_other) = match &self.0 {
            Syntax::H264(_) => (matches!(first & 0x1F, 7 | 8), matches!(first & 0x1F, 1 | 2 | 5), true),
            Syntax::Hevc(_) => {
                let nal_type = hevc_syntax::nal_type(first);
                (matches!(nal_type, 32..=34), nal_type < 32, true)
            }
            Syntax::Mpeg2(_) => (first == mpeg2_syntax::SEQUENCE, false, true),
            Syntax::Mpeg4 => (mpeg4::is_object_layer(first), false, first == mpeg4::VOP),
        };
        match (is_set, is_slice, is_other) {
            (true, ..) => super::elementary::LONGEST,
            (_, true, _) => SLICE_HEAD,
            (.., true) => 8,
            _ => 0,
        }
    }

    /// The beginning of a unit, from behind its start code.
    pub fn unit(&mut self, unit: &[u8]) -> Seen {
        match &mut self.0 {
            Syntax::H264(reader) => reader.unit(unit),
            Syntax::Hevc(reader) => reader.unit(unit),
            Syntax::Mpeg2(reader) => reader.unit(unit),
            Syntax::Mpeg4 => video_object(unit),
        }
    }
}

/// MPEG-4 visual (14496-2, 6.2.3 and 6.2.5).
fn video_object(unit: &[u8]) -> Seen {
    match *unit {
        [layer, ..] if mpeg4::is_object_layer(layer) => {
            Seen::Set(Set { kind: SetKind::Sequence, id: layer & 0x0F, refers_to: None })
        }
        [mpeg4::VOP, coding_type, ..] => {
            let kind = match coding_type >> 6 {
                0 => PictureKind::I,
                2 => PictureKind::B,
                _ => PictureKind::P,
            };
            Seen::Picture(Picture { kind, reference: kind != PictureKind::B, second_field: false, undecodable: false })
        }
        _ => Seen::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kinds_are_counted() {
        let mut counts = Counts::default();
        [PictureKind::I, PictureKind::P, PictureKind::P, PictureKind::B].into_iter().for_each(|kind| counts.add(kind));
        counts.add_all(counts);
        assert_eq!((counts, counts.total()), (Counts { i: 2, p: 4, b: 2 }, 8));
    }

    #[test]
    fn video_objects() {
        let mut reader = Reader::new(Codec::Mpeg4).unwrap();
        let kind = |seen| match seen {
            Seen::Picture(picture) => Some(picture.kind),
            _ => None,
        };
        assert_eq!(kind(reader.unit(&[mpeg4::VOP, 0x10])), Some(PictureKind::I));
        assert_eq!(kind(reader.unit(&[mpeg4::VOP, 0x90])), Some(PictureKind::B));
        assert_eq!(kind(reader.unit(&[mpeg4::VOP, 0xD0])), Some(PictureKind::P));
        assert_eq!(reader.unit(&[0x21, 0]), Seen::Set(Set { kind: SetKind::Sequence, id: 1, refers_to: None }));
        assert_eq!((reader.wanted(0xB0), reader.wanted(mpeg4::VOP)), (0, 8));
    }

    proptest! {
        #[test]
        fn any_units_are_survived(
            codec in prop_oneof![Just(Codec::H264), Just(Codec::Hevc), Just(Codec::Mpeg2), Just(Codec::Mpeg4)],
            units in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..90), 0..40),
        ) {
            let mut reader = Reader::new(codec).unwrap();
            for unit in &units {
                if unit.first() == Some(&7) {
                    reader.restart();
                }
                reader.unit(unit);
                reader.wanted(unit.len() as u8);
            }
        }
    }
}

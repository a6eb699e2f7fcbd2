//! HEVC (ISO/IEC 23008-2): slice segment headers up to `slice_type`, and what they need of picture parameter sets.

use super::{Picture, PictureKind, Seen, Set, SetKind};
use crate::codec::bits::BitReader;
use crate::codec::hevc;

/// Reads the NAL units of one stream.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Bits to be passed over before `slice_type` (7.3.2.3.1: num_extra_slice_header_bits).
    extra_bits: [Option<u8>; 64],
    /// A NAL unit came with which an access unit begins (7.4.2.4.4).
    boundary: bool,
    /// The next intra random access point is the first, or the first of another sequence.
    first: bool,
    /// NoRaslOutputFlag of the last intra random access point (8.1.3).
    no_leading: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self { extra_bits: [None; 64], boundary: false, first: true, no_leading: true }
    }
}

impl Reader {
    /// Decoding begins with the picture that comes next.
    pub fn restart(&mut self) {
        self.first = true;
    }

    /// A NAL unit, or its beginning.
    pub fn unit(&mut self, unit: &[u8]) -> Seen {
        let &[first, second, ..] = unit else { return Seen::Other };
        // Further layers belong to pictures of the first.
        if first & 1 != 0 || second >> 3 != 0 {
            return Seen::Other;
        }
        match hevc::nal_type(first) {
            nal_type @ (0..=9 | 16..=21) => return self.slice(unit, nal_type).unwrap_or(Seen::Other),
            nal_type @ 32..=34 => {
                self.boundary = true;
                if let Some(set) = self.set(unit, nal_type) {
                    return Seen::Set(set);
                }
            }
            // End of sequence, and of stream.
            36 | 37 => (self.boundary, self.first) = (true, true),
            35 | 39 | 41..=44 | 48..=55 => self.boundary = true,
            _ => {}
        }
        Seen::Other
    }

    fn set(&mut self, unit: &[u8], nal_type: u8) -> Option<Set> {
        let mut bits = BitReader::escaped(unit.get(2..)?);
        let (kind, id, refers_to) = match nal_type {
            // 7.3.2.1
            32 => (SetKind::Video, bits.bits(4)?, None),
            // 7.3.2.2.1
            33 => {
                let (sequence, _) = hevc::Sequence::read(unit)?;
                (SetKind::Sequence, Some(sequence.id).filter(|id| *id < 16)?, Some(sequence.video_id))
            }
            // 7.3.2.3.1
            _ => {
                let id = bits.ue().filter(|id| *id < 64)?;
                let sequence = bits.ue().filter(|id| *id < 16)?;
                bits.skip(2)?;
                *self.extra_bits.get_mut(id as usize)? = Some(bits.bits(3)? as u8);
                (SetKind::Picture, id, Some(sequence))
            }
        };
        Some(Set { kind, id: id as u8, refers_to: refers_to.map(|id| id as u8) })
    }

    /// 7.3.6.1.
    fn slice(&mut self, unit: &[u8], nal_type: u8) -> Option<Seen> {
        let mut bits = BitReader::escaped(unit.get(2..)?);
        let begins = bits.flag()?;
        let random_access = hevc::is_random_access(nal_type);
        // What comes first in a picture may be lost: the delimiter before it is enough.
        if !begins && !self.boundary {
            return Some(Seen::More);
        }
        let mut kind = if random_access { PictureKind::I } else { PictureKind::P };
        if begins {
            if random_access {
                bits.skip(1)?;
            }
            let set = bits.ue()? as usize;
            // dependent_slice_segment_flag is only in segments that are not the first.
            bits.skip(self.extra_bits.get(set).copied().flatten().unwrap_or(0).into())?;
            kind = match bits.ue()? {
                0 => PictureKind::B,
                1 => PictureKind::P,
                2 => PictureKind::I,
                _ => return None,
            };
        }
        self.boundary = false;
        if random_access {
            // A clean random access point begins anew only at a beginning; the others always do.
            self.no_leading = nal_type != 21 || self.first;
            self.first = false;
        }
        // Types of pictures that others of their sub-layer do not refer to are even (table 7-1).
        let reference = nal_type > 14 || nal_type % 2 == 1;
        // Random access skipped leading pictures: RASL_N, RASL_R.
        let undecodable = matches!(nal_type, 8 | 9) && self.no_leading;
        Some(Seen::Picture(Picture { kind, reference, second_field: false, undecodable }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// A first slice segment, of PPS 0 (`1`), with `bits` behind it, and the flag of random access points before.
    fn slice(nal_type: u8, bits: &str) -> Vec<u8> {
        let flag = if hevc::is_random_access(nal_type) { "0" } else { "" };
        let bits = format!("1{flag}1{bits}1000000000000000");
        let byte = |bits: &[u8]| bits.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
        let mut unit = vec![nal_type << 1, 1];
        unit.extend(bits.as_bytes().as_chunks::<8>().0.iter().map(|bits| byte(bits)));
        unit
    }

    fn picture(seen: Seen) -> (PictureKind, bool, bool) {
        match seen {
            Seen::Picture(picture) => (picture.kind, picture.reference, picture.undecodable),
            other => panic!("{other:?}"),
        }
    }

    #[rstest]
    #[case(1, "1", PictureKind::B, true)]
    #[case(0, "1", PictureKind::B, false)]
    #[case(1, "010", PictureKind::P, true)]
    #[case(19, "011", PictureKind::I, true)]
    #[case(20, "011", PictureKind::I, true)]
    #[case(21, "011", PictureKind::I, true)]
    fn slice_types(#[case] nal_type: u8, #[case] bits: &str, #[case] kind: PictureKind, #[case] reference: bool) {
        let (found, is_reference, _) = picture(Reader::default().unit(&slice(nal_type, bits)));
        assert_eq!((found, is_reference), (kind, reference));
    }

    #[test]
    fn extra_bits_are_passed_over() {
        let mut reader = Reader::default();
        // pps 0, sps 0, no flags, three extra bits.
        let set = reader.unit(&[34 << 1, 1, 0b1100_0110, 0x80]);
        assert_eq!(set, Seen::Set(Set { kind: SetKind::Picture, id: 0, refers_to: Some(0) }));
        assert_eq!(picture(reader.unit(&slice(1, "000010"))).0, PictureKind::P);
        assert_eq!(picture(Reader::default().unit(&slice(1, "1"))).0, PictureKind::B);
    }

    #[test]
    fn leading_pictures_are_left_out_only_where_decoding_begins() {
        let mut reader = Reader::default();
        let mut undecodable = |nal_type| picture(reader.unit(&slice(nal_type, "011"))).2;
        assert!(!undecodable(21) && undecodable(8) && undecodable(9) && !undecodable(6) && !undecodable(1));
        assert!(!undecodable(21) && !undecodable(8), "the second one goes on");
        assert!(!undecodable(16) && undecodable(9), "a broken link does not");
        reader.unit(&[36 << 1, 1]);
        let mut undecodable = |nal_type| picture(reader.unit(&slice(nal_type, "011"))).2;
        assert!(!undecodable(21) && undecodable(8), "nor does what is behind the end of a sequence");
        reader.restart();
        let mut undecodable = |nal_type| picture(reader.unit(&slice(nal_type, "011"))).2;
        assert!(!undecodable(21) && undecodable(8));
    }

    #[test]
    fn a_picture_whose_beginning_is_lost_is_one() {
        let mut reader = Reader::default();
        let later = [1 << 1, 1, 0x40, 0, 0];
        reader.unit(&slice(1, "010"));
        assert_eq!(reader.unit(&later), Seen::More);
        reader.unit(&[35 << 1, 1, 0x50]);
        assert_eq!(picture(reader.unit(&later)).0, PictureKind::P);
        assert_eq!(reader.unit(&[1 << 1, 9, 0xFF, 0]), Seen::Other, "another layer");
    }
}

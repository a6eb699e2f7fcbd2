//! H.264 (ISO/IEC 14496-10): slice headers as far as telling the kind of a picture and where one begins needs, and what these
//! need of the parameter sets.

use super::{Picture, PictureKind, Seen, Set, SetKind};
use crate::codec::bits::BitReader;
use crate::codec::h264::Sequence;

/// Reads the NAL units of one stream.
#[derive(Debug, Clone)]
pub struct Reader {
    sequences: [Option<Sequence>; 32],
    /// Of each picture parameter set, the sequence parameter set that it needs.
    pictures: [Option<u8>; 256],
    /// The last slice.
    last: Option<Slice>,
    /// A NAL unit came with which an access unit begins (7.4.1.2.3).
    boundary: bool,
    /// The field of a frame whose other one has not come.
    first_field: Option<Slice>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { sequences: [None; 32], pictures: [None; 256], last: None, boundary: false, first_field: None }
    }
}

/// What tells the slices of one picture from those of the next (7.4.1.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    idr: bool,
    reference: bool,
    picture_set: u8,
    frame_num: u32,
    /// Whether it is of a bottom field, if of a field.
    bottom: Option<bool>,
}

impl Reader {
    /// A NAL unit, or its beginning.
    pub fn unit(&mut self, unit: &[u8]) -> Seen {
        let Some(&first) = unit.first() else { return Seen::Other };
        match first & 0x1F {
            1 | 2 | 5 => return self.slice(unit).unwrap_or(Seen::Other),
            7 => {
                self.boundary = true;
                if let Some((id, sequence)) = sequence(unit)
                    && let Some(slot) = self.sequences.get_mut(usize::from(id))
                {
                    *slot = Some(sequence);
                    return Seen::Set(Set { kind: SetKind::Sequence, id, refers_to: None });
                }
            }
            8 => {
                self.boundary = true;
                if let Some((id, sequence)) = picture(unit)
                    && let Some(slot) = self.pictures.get_mut(usize::from(id))
                {
                    *slot = Some(sequence);
                    return Seen::Set(Set { kind: SetKind::Picture, id, refers_to: Some(sequence) });
                }
            }
            // SEI, delimiter, end of sequence and of stream, and what is reserved to lie here.
            6 | 9..=11 | 14..=18 => self.boundary = true,
            _ => {}
        }
        Seen::Other
    }

    fn slice(&mut self, unit: &[u8]) -> Option<Seen> {
        let (&first, rest) = unit.split_first()?;
        let mut bits = BitReader::escaped(rest);
        let first_macroblock = bits.ue()?;
        let kind = match bits.ue()? {
            0 | 3 | 5 | 8 => PictureKind::P,
            1 | 6 => PictureKind::B,
            2 | 4 | 7 | 9 => PictureKind::I,
            _ => return None,
        };
        let picture_set = u8::try_from(bits.ue()?).ok()?;
        let mut slice = Slice { idr: first & 0x1F == 5, reference: first & 0x60 != 0, picture_set, frame_num: 0, bottom: None };
        let sequence = self.pictures.get(usize::from(picture_set)).copied().flatten();
        if let Some(sequence) = sequence.and_then(|id| self.sequences.get(usize::from(id)).copied().flatten()) {
            if sequence.separate_colour_planes {
                bits.skip(2)?;
            }
            slice.frame_num = bits.bits(sequence.frame_num_bits)?;
            if !sequence.frames_only && bits.flag()? {
                slice.bottom = Some(bits.flag()?);
            }
        }
        let begins = self.boundary || first_macroblock == 0 || self.last != Some(slice);
        self.boundary = false;
        self.last = Some(slice);
        if !begins {
            return Some(Seen::More);
        }
        let second_field = self.first_field.is_some_and(|field| {
            field.frame_num == slice.frame_num && slice.bottom.is_some() && slice.bottom != field.bottom && !slice.idr
        });
        self.first_field = Some(slice).filter(|slice| slice.bottom.is_some() && !second_field);
        Some(Seen::Picture(Picture { kind, reference: slice.reference, second_field, undecodable: false }))
    }
}

/// A sequence parameter set, with its id; none of whose `frame_num` has more bits than may be.
fn sequence(unit: &[u8]) -> Option<(u8, Sequence)> {
    let (sequence, _) = Sequence::read(unit)?;
    (sequence.frame_num_bits <= 16).then_some((u8::try_from(sequence.id).ok()?, sequence))
}

/// Ids of a picture parameter set (7.3.2.2) and of the sequence parameter set that it needs.
fn picture(unit: &[u8]) -> Option<(u8, u8)> {
    let mut bits = BitReader::escaped(unit.get(1..)?);
    let id = u8::try_from(bits.ue()?).ok()?;
    let sequence = u8::try_from(bits.ue()?).ok().filter(|id| *id < 32)?;
    Some((id, sequence))
}

#[cfg(test)]
mod tests;

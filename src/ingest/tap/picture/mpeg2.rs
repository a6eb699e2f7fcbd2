//! MPEG-1 and MPEG-2 video (ISO/IEC 13818-2): picture headers with their coding extension, groups of pictures.

use super::{Picture, PictureKind, Seen, Set, SetKind};
use crate::codec::mpeg2::{EXTENSION, PICTURE, SEQUENCE};

/// group_start_code (table 6-1).
const GROUP: u8 = 0xB8;
/// `picture_structure` of a frame (table 6-14); 1 and 2 are fields.
const FRAME: u8 = 3;

/// Reads the units of one stream.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// A picture header came, and no slice yet: its kind and structure.
    header: Option<(PictureKind, u8)>,
    /// The structure of a field whose other one has not come.
    first_field: Option<u8>,
    /// I and P pictures since decoding began, at most two.
    references: u8,
    /// `closed_gop` of the last group.
    closed: bool,
}

impl Reader {
    /// Decoding begins with the picture that comes next.
    pub fn restart(&mut self) {
        self.references = 0;
    }

    /// What is behind a start code.
    pub fn unit(&mut self, unit: &[u8]) -> Seen {
        match *unit {
            // 6.2.3
            [PICTURE, _, coding_type, ..] => {
                let kind = match coding_type >> 3 & 7 {
                    1 | 4 => PictureKind::I,
                    2 => PictureKind::P,
                    3 => PictureKind::B,
                    _ => return Seen::Other,
                };
                self.header = Some((kind, FRAME));
            }
            // 6.2.3.1: extension_start_code_identifier 8
            [EXTENSION, identifier, _, structure, ..] if identifier >> 4 == 8 => {
                if let Some(header) = &mut self.header {
                    header.1 = structure & 3;
                }
            }
            [0x01..=0xAF, ..] => return self.slice(),
            [SEQUENCE, ..] => return Seen::Set(Set { kind: SetKind::Sequence, id: 0, refers_to: None }),
            // 6.2.2.6
            [GROUP, _, _, _, flags, ..] => self.closed = flags & 0x40 != 0,
            _ => {}
        }
        Seen::Other
    }

    fn slice(&mut self) -> Seen {
        let Some((kind, structure)) = self.header.take() else { return Seen::More };
        let is_field = matches!(structure, 1 | 2);
        let second_field = is_field && self.first_field.is_some_and(|first| first != structure);
        self.first_field = Some(structure).filter(|_| is_field && !second_field);
        let undecodable = kind == PictureKind::B && self.references < 2 && !self.closed;
        if kind != PictureKind::B && !second_field {
            self.references = self.references.saturating_add(1).min(2);
        }
        Seen::Picture(Picture { kind, reference: kind != PictureKind::B, second_field, undecodable })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of a kind, as `I P B`, and of a structure; its second slice is more of it.
    fn picture(reader: &mut Reader, kind: char, structure: u8) -> String {
        let coding_type = " IPBD".find(kind).unwrap() as u8;
        assert_eq!(reader.unit(&[PICTURE, 0, coding_type << 3, 0]), Seen::Other);
        assert_eq!(reader.unit(&[EXTENSION, 0x8F, 0xFF, 0xF0 | structure, 0]), Seen::Other);
        let seen = reader.unit(&[1, 0]);
        assert_eq!(reader.unit(&[2, 0]), Seen::More);
        match seen {
            Seen::Picture(Picture { kind, second_field, undecodable, .. }) => {
                format!("{kind:?}{}{}", if second_field { "2" } else { "" }, if undecodable { "?" } else { "" })
            }
            other => panic!("{other:?}"),
        }
    }

    fn all(reader: &mut Reader, pictures: &[(char, u8)]) -> String {
        pictures.iter().map(|(kind, structure)| picture(reader, *kind, *structure)).collect()
    }

    #[test]
    fn fields_are_put_together() {
        let fields = [('I', 1), ('P', 2), ('P', 2), ('P', 1), ('B', 1), ('P', 3), ('D', 3)];
        assert_eq!(all(&mut Reader::default(), &fields), "IP2PP2BPI");
    }

    #[test]
    fn pictures_of_an_open_group_are_left_out_where_decoding_begins() {
        let frames = [('I', 3), ('B', 3), ('P', 3), ('B', 3)];
        let mut reader = Reader::default();
        assert_eq!(all(&mut reader, &frames), "IB?PB");
        assert_eq!(all(&mut reader, &frames), "IBPB");
        reader.restart();
        assert_eq!(all(&mut reader, &frames), "IB?PB");
        reader.restart();
        reader.unit(&[GROUP, 0, 8, 0, 0x40]);
        assert_eq!(all(&mut reader, &frames), "IBPB", "a closed one needs nothing else");
    }

    #[test]
    fn a_slice_without_a_header_is_more_of_what_was() {
        let mut reader = Reader::default();
        assert_eq!(reader.unit(&[1]), Seen::More);
        assert_eq!(reader.unit(&[SEQUENCE, 1, 2]), Seen::Set(Set { kind: SetKind::Sequence, id: 0, refers_to: None }));
    }
}

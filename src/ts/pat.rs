//! The programme association table (13818-1, 2.4.4.3).

use super::section::{self, Section};

/// `table_id` of the PAT.
pub const TABLE_ID: u8 = 0x00;
/// Its PID.
pub const PID: u16 = 0x0000;

/// The PAT of a source, put together from its sections.
#[derive(Debug, Clone, Default)]
pub struct PatReader {
    version: Option<u8>,
    sections: Vec<Option<Vec<(u16, u16)>>>,
}

impl PatReader {
    /// Takes a section; gives `(program_number, PMT PID)` of every programme, in order, once all sections of a version
    /// are there.
    pub fn push(&mut self, section: &Section<'_>) -> Option<Vec<(u16, u16)>> {
        if section.table_id != TABLE_ID || !section.current || section.number > section.last_number {
            return None;
        }
        let count = section.last_number as usize + 1;
        if self.version != Some(section.version) || self.sections.len() != count {
            self.version = Some(section.version);
            self.sections = vec![None; count];
        }
        *self.sections.get_mut(section.number as usize)? = Some(programmes(section.body).collect());
        let whole: Option<Vec<_>> = self.sections.iter().cloned().collect();
        whole.map(|sections| sections.concat())
    }
}

/// `(program_number, PMT PID)`, without the network PID (program_number 0).
fn programmes(body: &[u8]) -> impl Iterator<Item = (u16, u16)> {
    let (entries, _) = body.as_chunks::<4>();
    let read = |&[a, b, c, d]: &[u8; 4]| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]) & 0x1FFF);
    entries.iter().map(read).filter(|&(number, _)| number != 0)
}

/// A PAT section with one programme.
pub fn build(transport_stream_id: u16, version: u8, program_number: u16, pmt_pid: u16) -> Vec<u8> {
    let [a, b] = program_number.to_be_bytes();
    let [c, d] = (pmt_pid & 0x1FFF | 0xE000).to_be_bytes();
    section::build(TABLE_ID, transport_stream_id, version, &[a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(number: u8, last_number: u8, version: u8, body: &[u8]) -> Section<'_> {
        Section { table_id: 0, extension: 1, version, current: true, number, last_number, body }
    }

    #[test]
    fn reads_what_it_builds() {
        let bytes = build(1, 3, 1, 0x1000);
        let programmes = PatReader::default().push(&Section::parse(&bytes).unwrap());
        assert_eq!(programmes, Some(vec![(1, 0x1000)]));
    }

    #[test]
    fn waits_for_all_sections_and_skips_the_network() {
        let mut reader = PatReader::default();
        assert_eq!(reader.push(&section(1, 1, 0, &[0, 2, 0xE2, 0])), None);
        let both = reader.push(&section(0, 1, 0, &[0, 0, 0xE0, 0x10, 0, 1, 0xE1, 0]));
        assert_eq!(both, Some(vec![(1, 0x100), (2, 0x200)]));
        assert_eq!(reader.push(&section(0, 1, 1, &[0, 7, 0xE1, 0])), None, "a new version begins again");
    }

    #[test]
    fn not_yet_current_is_ignored() {
        let mut next = section(0, 0, 0, &[0, 1, 0xE1, 0]);
        next.current = false;
        assert_eq!(PatReader::default().push(&next), None);
    }
}

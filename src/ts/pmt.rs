//! The programme map table (13818-1, 2.4.4.8): a source's read into a [`Programme`], and one for the output.

use super::descriptor;
use super::packet::NULL_PID;
use super::programme::{Programme, Stream};
use super::section::{self, Section};

/// `table_id` of the PMT.
pub const TABLE_ID: u8 = 0x02;
/// So many streams of a programme are followed: [`super::input::Mark::stream`] is a byte, and some are spoken for.
pub const MOST_STREAMS: usize = 240;
/// A PMT's body may be no longer (13818-1, 2.4.4.8: section_length at most 1021).
const LONGEST_BODY: usize = 1012;

/// Reads a section; none where it is no PMT in force.
pub fn parse(section: &Section<'_>) -> Option<Programme> {
    if section.table_id != TABLE_ID || !section.current {
        return None;
    }
    let (&[pcr_high, pcr_low, high, low], rest) = section.body.split_first_chunk::<4>()?;
    let pcr_pid = u16::from_be_bytes([pcr_high, pcr_low]) & 0x1FFF;
    let length = usize::from(u16::from_be_bytes([high, low]) & 0x0FFF);
    let (descriptors, mut rest) = rest.split_at_checked(length)?;
    let mut streams: Vec<Stream> = Vec::new();
    while let Some((&[stream_type, pid_high, pid_low, high, low], after)) = rest.split_first_chunk::<5>() {
        let pid = u16::from_be_bytes([pid_high, pid_low]) & 0x1FFF;
        let length = usize::from(u16::from_be_bytes([high, low]) & 0x0FFF);
        let (own, after) = after.split_at_checked(length)?;
        rest = after;
        // PIDs of tables and of null packets carry no elementary stream; nor does one PID carry two.
        let possible = (0x10..NULL_PID).contains(&pid) && streams.iter().all(|stream| stream.pid != pid);
        if possible && streams.len() < MOST_STREAMS {
            streams.push(Stream {
                pid,
                stream_type,
                codec: descriptor::codec(stream_type, own, descriptors),
                language: descriptor::language(own),
                descriptors: own.to_vec(),
            });
        }
    }
    Some(Programme { number: section.extension, pcr_pid, descriptors: descriptors.to_vec(), streams })
}

/// One stream of a PMT to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Elementary PID.
    pub pid: u16,
    /// 13818-1, table 2-34.
    pub stream_type: u8,
    /// Its descriptor loop.
    pub descriptors: &'a [u8],
}

/// The body of a PMT section. What does not fit is left out: descriptors of the programme first, then of streams, then streams.
pub fn body(pcr_pid: u16, descriptors: &[u8], entries: &[Entry<'_>]) -> Vec<u8> {
    let whole: usize = 4 + descriptors.len() + entries.iter().map(|entry| 5 + entry.descriptors.len()).sum::<usize>();
    let mut excess = whole.saturating_sub(LONGEST_BODY);
    let mut body = Vec::with_capacity(whole.min(LONGEST_BODY));
    let mut fitting = |descriptors: &mut &[u8]| {
        if excess > 0 {
            excess = excess.saturating_sub(descriptors.len());
            *descriptors = &[];
        }
    };
    let mut own = descriptors;
    fitting(&mut own);
    body.extend((pcr_pid & 0x1FFF | 0xE000).to_be_bytes());
    body.extend((own.len() as u16 | 0xF000).to_be_bytes());
    body.extend(own);
    for entry in entries {
        let mut own = entry.descriptors;
        fitting(&mut own);
        if body.len() + 5 + own.len() > LONGEST_BODY {
            break;
        }
        body.push(entry.stream_type);
        body.extend((entry.pid & 0x1FFF | 0xE000).to_be_bytes());
        body.extend((own.len() as u16 | 0xF000).to_be_bytes());
        body.extend(own);
    }
    body
}

/// A whole PMT section around a [`body`].
pub fn build(program_number: u16, version: u8, body: &[u8]) -> Vec<u8> {
    section::build(TABLE_ID, program_number, version, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Codec;

    #[test]
    fn reads_what_it_builds() {
        let language = [0x0A, 4, b'e', b'n', b'g', 0];
        let entries = [
            Entry { pid: 0x100, stream_type: 0x1B, descriptors: &[] },
            Entry { pid: 0x110, stream_type: 0x0F, descriptors: &language },
        ];
        let section = build(1, 7, &body(0x100, b"\x05\x04CUEI", &entries));
        let parsed = Section::parse(&section).unwrap();
        assert_eq!(parsed.version, 7);
        let programme = parse(&parsed).unwrap();
        assert_eq!((programme.number, programme.pcr_pid), (1, 0x100));
        assert_eq!(programme.descriptors, b"\x05\x04CUEI");
        let streams: Vec<_> =
            programme.streams.iter().map(|stream| (stream.pid, stream.codec, stream.language.as_deref())).collect();
        assert_eq!(streams, [(0x100, Codec::H264, None), (0x110, Codec::Aac, Some("eng"))]);
        assert_eq!(programme.streams[1].descriptors, language);
    }

    #[test]
    fn pids_of_tables_and_repeated_ones_are_left_out() {
        let entry = |pid| Entry { pid, stream_type: 0x1B, descriptors: &[] };
        let section = build(1, 0, &body(0x100, &[], &[entry(0), entry(0x1FFF), entry(0x100), entry(0x100)]));
        assert_eq!(parse(&Section::parse(&section).unwrap()).unwrap().streams.len(), 1);
    }

    #[test]
    fn too_much_is_cut_to_a_valid_section() {
        let long = [0xAA; 200];
        let entries: Vec<_> = (0..300).map(|n| Entry { pid: 0x100 + n, stream_type: 6, descriptors: &long }).collect();
        let section = build(1, 0, &body(0x100, &long, &entries));
        assert!(section.len() <= 1024);
        let programme = parse(&Section::parse(&section).unwrap()).unwrap();
        assert!(programme.streams.len() > 100);
    }
}

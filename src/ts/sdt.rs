//! The service description table (EN 300 468, 5.2.3), for the names of programmes.

use super::descriptor::descriptors;
use super::section::Section;

/// Its PID.
pub const PID: u16 = 0x0011;
/// `table_id` of the SDT of this transport stream.
const TABLE_ID: u8 = 0x42;

/// `(service_id, name)` of each service that has a name. A service_id is the programme's program_number.
pub fn names<'a>(section: &Section<'a>) -> impl Iterator<Item = (u16, String)> + 'a {
    let body = section.body;
    let mut rest = if section.table_id == TABLE_ID && section.current { body.get(3..).unwrap_or_default() } else { &[] };
    std::iter::from_fn(move || {
        loop {
            let (&[a, b, _, high, low], after) = rest.split_first_chunk::<5>()?;
            let (own, after) = after.split_at_checked(usize::from(u16::from_be_bytes([high, low]) & 0x0FFF))?;
            rest = after;
            if let Some(name) = service_name(own) {
                return Some((u16::from_be_bytes([a, b]), name));
            }
        }
    })
}

/// From the service_descriptor (EN 300 468, 6.2.33).
fn service_name(own: &[u8]) -> Option<String> {
    let (_, body) = descriptors(own).find(|&(tag, _)| tag == 0x48)?;
    let (_type, rest) = body.split_first()?;
    let (&provider, rest) = rest.split_first()?;
    let (&length, name) = rest.get(provider as usize..)?.split_first()?;
    Some(text(name.get(..length as usize)?)).filter(|name| !name.is_empty())
}

/// Text with its character table in front (EN 300 468, annex A). Control codes are dropped.
fn text(bytes: &[u8]) -> String {
    let (label, body) = match bytes {
        [0x01..=0x0B, body @ ..] => (Some(LATIN[bytes[0] as usize - 1]), body),
        [0x10, 0, part, body @ ..] => (LATIN.get((*part as usize).wrapping_sub(5)).copied(), body),
        [0x11 | 0x14, body @ ..] => (Some("utf-16be"), body),
        [0x12, body @ ..] => (Some("euc-kr"), body),
        [0x13, body @ ..] => (Some("gb2312"), body),
        [0x15, body @ ..] => (Some("utf-8"), body),
        _ => (None, bytes),
    };
    let text = match label.and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes())) {
        Some(encoding) => encoding.decode_without_bom_handling(body).0.into_owned(),
        // Much IPTV says nothing and sends UTF-8.
        None => std::str::from_utf8(body).map_or_else(|_| latin(body), str::to_owned),
    };
    text.chars().filter(|c| !c.is_control() && !('\u{E080}'..='\u{E09F}').contains(c)).collect::<String>().trim().to_owned()
}

/// The tables chosen by a first byte of 0x01 to 0x0B: ISO/IEC 8859-5 and on.
const LATIN: [&str; 11] = [
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-9",
    "iso-8859-10",
    "iso-8859-11",
    "iso-8859-12",
    "iso-8859-13",
    "iso-8859-14",
    "iso-8859-15",
];

/// ISO/IEC 6937 as far as names need it: an accent comes before its letter.
fn latin(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut accent = None;
    for &byte in bytes {
        let combining = match byte {
            0xC1 => '\u{300}',
            0xC2 => '\u{301}',
            0xC3 => '\u{302}',
            0xC4 => '\u{303}',
            0xC5 => '\u{304}',
            0xC6 => '\u{306}',
            0xC7 => '\u{307}',
            0xC8 => '\u{308}',
            0xCA => '\u{30A}',
            0xCB => '\u{327}',
            0xCD => '\u{30B}',
            0xCE => '\u{328}',
            0xCF => '\u{30C}',
            _ => {
                text.push(match byte {
                    0xE1 => 'Æ',
                    0xE9 => 'Ø',
                    0xF1 => 'æ',
                    0xF9 => 'ø',
                    0xFB => 'ß',
                    0xA4 => '€',
                    _ => char::from(byte),
                });
                text.extend(accent.take());
                continue;
            }
        };
        accent = Some(combining);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(b"BBC ONE", "BBC ONE")]
    #[case(b"\x15Arte \xC3\xA9", "Arte é")]
    #[case(b"\x05M\xFC", "Mü")]
    #[case(b"\x10\x00\x01plain", "plain")]
    #[case(b"\x01\xBF", "П")]
    #[case(b"T\xC2el\xC2e", "Te\u{301}le\u{301}")]
    #[case(b"\x86ZDF\x87 HD", "ZDF HD")]
    #[case(b"", "")]
    fn texts(#[case] bytes: &[u8], #[case] is: &str) {
        assert_eq!(text(bytes), is);
    }

    #[test]
    fn names_by_service() {
        let own = b"\x48\x09\x01\x03FTA\x03One";
        let mut body = vec![0, 1, 0xFF, 0x00, 0x07, 0xFC, 0x80, own.len() as u8];
        body.extend(own);
        body.extend([0x00, 0x08, 0xFC, 0x80, 0]);
        let section =
            Section { table_id: TABLE_ID, extension: 1, version: 0, current: true, number: 0, last_number: 0, body: &body };
        assert_eq!(names(&section).collect::<Vec<_>>(), [(7, "One".to_owned())]);
    }
}

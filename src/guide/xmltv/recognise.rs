//! What it is that claims to be a guide, from how it begins. Pure.

use super::XmltvError;

/// How other things begin, in lower case.
const KNOWN: [(&[u8], &str); 18] = [
    (b"\xFF\xFE", "UTF-16 text"),
    (b"\xFE\xFF", "UTF-16 text"),
    (b"<\0", "UTF-16 text"),
    (b"#extm3u", "an M3U playlist"),
    (b"#extinf", "an M3U playlist"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"pk\x03\x04", "a ZIP archive"),
    (b"%pdf", "a PDF"),
    (b"rar!", "a RAR archive"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"bzh", "packed with bzip2, which is not read; pack it with gzip or xz"),
    (b"\x28\xB5\x2F\xFD", "packed with zstd, which is not read; pack it with gzip or xz"),
    (b"\x1F\x9D", "packed with compress, which is not read; pack it with gzip or xz"),
    (b"\x1F\x8B", "packed twice"),
    (b"\xFD7zxz\0", "packed twice"),
    (b"sqlite format 3", "a database"),
    (b"\x89png", "a picture"),
];

/// Looks at the beginning of a guide, white space and byte order mark left out.
pub(super) fn recognise(bytes: &[u8]) -> Result<(), XmltvError> {
    let begin = bytes.get(..bytes.len().min(32)).unwrap_or_default().to_ascii_lowercase();
    if ["<!doctype html", "<html", "<head", "<body"].iter().any(|page| begin.starts_with(page.as_bytes())) {
        return Err(XmltvError::Html);
    }
    if let Some((_, what)) = KNOWN.iter().find(|(known, _)| begin.starts_with(known)) {
        return Err(XmltvError::Other(what));
    }
    if begin.starts_with(b"<") {
        return Ok(());
    }
    if begin.starts_with(b"g") && bytes.iter().take(1024).any(|byte| *byte == 0) {
        return Err(XmltvError::Other("a transport stream"));
    }
    Err(XmltvError::Other(if bytes.iter().take(1024).any(|byte| *byte == 0) {
        "something packed or binary"
    } else {
        "plain text"
    }))
}

//! What a body is, by its first bytes. Content types are not asked: IPTV servers send `text/html` with a transport
//! stream and `video/mp2t` with an error page.
//!
//! Pure. Must not know where the bytes come from.

mod audio;
#[cfg(test)]
mod tests;

pub use audio::{AudioKind, frame as audio_frame, id3_length};

use crate::ts::PACKET;

/// No body is looked at for longer than this: what has shown nothing by then is nothing.
pub const MOST_BYTES: usize = 64 * 1024;
/// Text and pictures are told from a stream that is joined in mid-packet only with this much at hand.
const TEXT_BYTES: usize = 512;
/// Packet sizes: plain, with a time stamp in front (BDAV), with Reed-Solomon bytes behind (DVB).
const STRIDES: [usize; 3] = [PACKET, 192, 204];

/// What [`Sniffed::Other`] says of an MP4 file, or a segment of one.
pub const MP4: &str = "an MP4 file";

/// What it says of a text that is a link to a stream: PLS, or nothing but an address.
pub const LINK: &str = "a link (PLS, or a text with an address)";

/// What the first bytes of a body are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// Not to be told yet.
    More,
    /// Nothing at all came.
    Empty,
    /// A transport stream, perhaps with junk in front.
    TransportStream,
    /// A playlist (`#EXTM3U`).
    Playlist,
    /// Compressed with gzip although nobody asked for it.
    Gzip,
    /// Bare audio frames, as internet radio sends them; the first begins at `offset`.
    Audio {
        /// Which.
        kind: AudioKind,
        /// Bytes before the first frame.
        offset: usize,
    },
    /// Something else, in words that complete "not a stream: …".
    Other(&'static str),
}

/// Looks at the first bytes of a body; `ended` says that no more will come.
pub fn sniff(bytes: &[u8], ended: bool) -> Sniffed {
    if bytes.is_empty() {
        return if ended { Sniffed::Empty } else { Sniffed::More };
    }
    let ended = ended || bytes.len() >= MOST_BYTES;
    let text = trimmed(bytes);
    if starts(text, b"#EXTM3U") {
        return Sniffed::Playlist;
    }
    if !bytes.starts_with(b"GIF8") && transport_stream(bytes, ended) {
        return Sniffed::TransportStream;
    }
    if let Some(sniffed) = magic(bytes) {
        return sniffed;
    }
    if let Some((kind, offset)) = audio::find(bytes, ended) {
        return Sniffed::Audio { kind, offset };
    }
    if (ended || bytes.len() >= TEXT_BYTES)
        && let Some(what) = document(text)
    {
        return Sniffed::Other(what);
    }
    if ended { Sniffed::Other("data that is no transport stream") } else { Sniffed::More }
}

/// Without byte order mark and white space in front.
fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start()
}

fn starts(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

/// Sync bytes in step. At the very beginning two are enough: no text and no picture begins with `G` twice at that distance.
/// Later on five are asked for, as a packet may hold any byte.
fn transport_stream(bytes: &[u8], ended: bool) -> bool {
    let at = |offset: usize, stride: usize| bytes.iter().skip(offset).step_by(stride).take(5).take_while(|b| **b == 0x47).count();
    let aligned = |stride: usize| at(if stride == 192 { 4 } else { 0 }, stride) >= 2;
    if STRIDES.iter().any(|stride| aligned(*stride)) {
        return true;
    }
    // A body of a single packet: a whole one, and nothing else.
    if ended && bytes.len() == PACKET && bytes.first() == Some(&0x47) {
        return true;
    }
    memchr::memchr_iter(0x47, bytes).any(|offset| STRIDES.iter().any(|stride| at(offset, *stride) >= 5))
}

fn magic(bytes: &[u8]) -> Option<Sniffed> {
    const MAGIC: [(&[u8], &str); 12] = [
        (b"\x89PNG", "a PNG picture"),
        (b"\xFF\xD8\xFF", "a JPEG picture"),
        (b"GIF8", "a GIF picture"),
        (b"RIFF", "a RIFF file (WebP, AVI or WAV)"),
        (b"\x1A\x45\xDF\xA3", "a Matroska or WebM file"),
        (b"FLV\x01", "a Flash video stream"),
        (b"OggS", "an Ogg stream"),
        (b"fLaC", "a FLAC stream"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x00\x00\x01\xBA", "an MPEG program stream"),
        (b"\x00\x00\x01\x00", "an icon"),
    ];
    if bytes.starts_with(b"\x1F\x8B\x08") {
        return Some(Sniffed::Gzip);
    }
    // These are words, too: a box is hardly ever longer than 16 MiB.
    if bytes.first() == Some(&0) && matches!(bytes.get(4..8), Some(b"free" | b"skip" | b"uuid" | b"ssix")) {
        return Some(Sniffed::Other(MP4));
    }
    // A segment may begin with more kinds of boxes than a file (CMAF, 23000-19, 7.3.2.3).
    if matches!(bytes.get(4..8), Some(b"ftyp" | b"moov" | b"moof" | b"styp" | b"sidx" | b"emsg" | b"prft")) {
        return Some(Sniffed::Other(MP4));
    }
    MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| Sniffed::Other(what))
}

/// Which document a text is, or `None` if it is no text.
fn document(text: &[u8]) -> Option<&'static str> {
    let head = text.get(..TEXT_BYTES).unwrap_or(text);
    let within = |needle: &[u8]| head.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle));
    if within(b"<html") || within(b"<!doctype html") || within(b"<head") || within(b"<body") {
        return Some("a web page (HTML)");
    }
    if within(b"<MPD") {
        return Some("a DASH manifest, which is not supported");
    }
    if within(b"<SmoothStreamingMedia") {
        return Some("a Smooth Streaming manifest, which is not supported");
    }
    if starts(text, b"<?xml") || starts(text, b"<!doctype") {
        return Some("an XML document");
    }
    if starts(text, b"[playlist]") || starts(text, b"http://") || starts(text, b"https://") {
        return Some(LINK);
    }
    let control = |b: &u8| (*b < 0x20 && !b.is_ascii_whitespace()) || *b == 0x7F;
    if head.is_empty() || head.iter().any(control) || std::str::from_utf8(head).is_err_and(|error| error.error_len().is_some()) {
        return None;
    }
    Some(match head.first() {
        Some(b'{' | b'[') => "JSON",
        Some(b'<') => "a web page (HTML)",
        _ => "text",
    })
}

//! M3U playlists as the world writes them (there is no standard): a push parser over bytes. Pure, and bounded in memory: it
//! holds one line and one entry, whatever the size of the list.
//!
//! What is broken is reported with its line number, and the rest goes on. Only what is no such playlist at all is an error.

mod attributes;
mod entry;
mod lines;
mod read;
#[cfg(test)]
mod tests;

pub(in crate::playlist) use entry::percent_decoded;
pub use entry::{Attributes, Broken, Entry, Flaw, Header};
pub use read::{ReadError, read};

use lines::{Line, Lines};

/// Most option lines (`#EXTVLCOPT`, `#KODIPROP`) of one entry.
const OPTIONS: usize = 64;
/// Longest address.
const ADDRESS: usize = 8 * 1024;

/// What the parser finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The `#EXTM3U` line, if there is one.
    Header(Header),
    /// An entry with its address.
    Entry(Entry),
    /// Something that is not understood and was left out.
    Broken(Broken),
}

/// Why this is no playlist of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum M3uError {
    /// It is the playlist of one stream.
    #[error(
        "this is the HLS playlist of a single stream, not a list of channels; put its address into a playlist, after a line `#EXTINF:-1,Name`"
    )]
    Hls,
    /// A web page, very often a login or an error.
    #[error("this is a web page, not a playlist; the address may be wrong, or the account expired")]
    Html,
    /// Something else that is well known.
    #[error("this is {0}, not an M3U playlist")]
    Other(&'static str),
    /// Nothing at all.
    #[error("the playlist is empty")]
    Empty,
}

/// The parser.
#[derive(Debug, Default)]
pub struct Parser {
    lines: Lines,
    pending: Option<Entry>,
    /// Options that come before their `#EXTINF`.
    early: Entry,
    options: usize,
    begun: bool,
    entries: bool,
}

impl Parser {
    /// A parser at the beginning of a list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes, cut anywhere, and tells `found` what they complete.
    ///
    /// # Errors
    /// When this turns out to be no playlist of channels. Nothing more is to be pushed then.
    pub fn push(&mut self, bytes: &[u8], found: &mut impl FnMut(Event)) -> Result<(), M3uError> {
        let mut rest = bytes;
        while let Some(line) = self.lines.next(&mut rest) {
            self.line(line, found)?;
        }
        Ok(())
    }

    /// Takes what is left after the last byte.
    ///
    /// # Errors
    /// As [`Parser::push`]; also when there was nothing at all.
    pub fn finish(mut self, found: &mut impl FnMut(Event)) -> Result<(), M3uError> {
        if let Some(line) = self.lines.last() {
            self.line(line, found)?;
        }
        self.give_up_pending(found);
        if self.begun { Ok(()) } else { Err(M3uError::Empty) }
    }

    fn line(&mut self, line: Line<'_>, found: &mut impl FnMut(Event)) -> Result<(), M3uError> {
        let Line { number, text } = line;
        let Some(text) = text else {
            self.begun = true;
            found(Event::Broken(Broken { line: number, flaw: Flaw::TooLong }));
            return Ok(());
        };
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        if !std::mem::replace(&mut self.begun, true) {
            recognise(text)?;
        }
        match text.strip_prefix('#') {
            Some(directive) => self.directive(number, directive, found),
            None => {
                self.address(number, text, found);
                Ok(())
            }
        }
    }

    fn directive(&mut self, number: u64, text: &str, found: &mut impl FnMut(Event)) -> Result<(), M3uError> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        if name.eq_ignore_ascii_case("EXTINF") {
            self.give_up_pending(found);
            let mut entry = std::mem::take(&mut self.early);
            self.options = 0;
            attributes::extinf(value, &mut entry);
            entry.line = number;
            self.pending = Some(entry);
        } else if text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("EXTM3U")) {
            let header = Header { attributes: attributes::all(text.get(6..).unwrap_or_default()) };
            found(Event::Header(header));
        } else if name.eq_ignore_ascii_case("EXTGRP") {
            let group = entry::clean(value);
            if !group.is_empty() {
                self.current().group = Some(group);
            }
        } else if name.eq_ignore_ascii_case("EXTVLCOPT") {
            if let Some(option) = self.option(value) {
                self.current().vlc_options.push(option);
            }
        } else if name.eq_ignore_ascii_case("KODIPROP") {
            if let Some(option) = self.option(value) {
                self.current().kodi_properties.push(option);
            }
        } else if !self.entries && ["EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-STREAM-INF"].contains(&name) {
            return Err(M3uError::Hls);
        }
        Ok(())
    }

    /// The entry that option lines belong to: the one whose `#EXTINF` was seen, else the next one.
    fn current(&mut self) -> &mut Entry {
        self.pending.as_mut().unwrap_or(&mut self.early)
    }

    fn option(&mut self, text: &str) -> Option<(String, String)> {
        self.options += 1;
        if self.options > OPTIONS {
            return None;
        }
        let (name, value) = text.split_once('=')?;
        let value = entry::clean(value.trim().trim_matches('"'));
        (value.len() <= ADDRESS).then(|| (name.trim().to_ascii_lowercase(), value))
    }

    fn address(&mut self, number: u64, text: &str, found: &mut impl FnMut(Event)) {
        let entry = self.pending.take();
        // Options without an `#EXTINF` belong to the bare address that follows them.
        let early = std::mem::take(&mut self.early);
        self.options = 0;
        let named = entry.is_some();
        let mut entry = entry.unwrap_or(Entry { line: number, ..early });
        let broken = |flaw| Event::Broken(Broken { line: number, flaw });
        if text.len() > ADDRESS {
            return found(broken(Flaw::TooLong));
        }
        if !entry::is_address(text, named) {
            return found(broken(Flaw::NoAddress));
        }
        self.entries = true;
        entry.set_address(text);
        found(Event::Entry(entry));
    }

    /// An `#EXTINF` after which no address came.
    fn give_up_pending(&mut self, found: &mut impl FnMut(Event)) {
        if let Some(entry) = self.pending.take() {
            found(Event::Broken(Broken { line: entry.line, flaw: Flaw::Missing }));
        }
    }
}

/// Looks at the first line that is not empty.
fn recognise(text: &str) -> Result<(), M3uError> {
    let start: String = text.chars().take(64).collect::<String>().to_ascii_lowercase();
    let begins = |what: &str| start.starts_with(what);
    if begins("<!doctype html") || begins("<html") || begins("<head") || begins("<body") {
        return Err(M3uError::Html);
    }
    let known = [
        ("ÿþ", "UTF-16 text"),
        ("þÿ", "UTF-16 text"),
        ("<", "XML"),
        ("{", "JSON"),
        ("[{", "JSON"),
        ("pk\u{3}\u{4}", "a ZIP archive"),
        ("%pdf", "a PDF"),
    ];
    match known.iter().find(|(begin, _)| begins(begin)) {
        Some((_, what)) => Err(M3uError::Other(what)),
        None if text.starts_with('G') && text.contains('\0') => Err(M3uError::Other("a transport stream")),
        None => Ok(()),
    }
}

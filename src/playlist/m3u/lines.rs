//! Lines out of bytes: LF or CRLF, a byte order mark in front, UTF-8 or Latin-1, at most 2 MiB each.

use std::borrow::Cow;

/// Longest line that is kept.
pub(super) const LONGEST: usize = 2 * 1024 * 1024;

/// A line, counted from 1.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub number: u64,
    /// Without its end; `None`: it was too long.
    pub text: Option<Cow<'a, str>>,
}

impl Line<'_> {
    fn into_owned(self) -> Line<'static> {
        Line { number: self.number, text: self.text.map(|text| Cow::Owned(text.into_owned())) }
    }
}

/// The splitter. It holds the beginning of one line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    part: Vec<u8>,
    too_long: bool,
    number: u64,
}

impl Lines {
    /// Takes bytes from the front of `rest` up to the end of a line. `None`: they are used up.
    pub(super) fn next<'a>(&mut self, rest: &mut &'a [u8]) -> Option<Line<'a>> {
        let end = memchr::memchr(b'\n', rest);
        let (line, after) = match end {
            Some(end) => (rest.get(..end)?, rest.get(end + 1..)?),
            None => (*rest, &[][..]),
        };
        *rest = after;
        if end.is_some() && self.part.is_empty() && !self.too_long && line.len() <= LONGEST {
            return Some(self.finish(line));
        }
        if self.too_long || self.part.len() + line.len() > LONGEST {
            self.too_long = true;
            self.part = Vec::new();
        } else {
            self.part.extend_from_slice(line);
        }
        end.map(|_| {
            let part = std::mem::take(&mut self.part);
            let line = self.finish(&part).into_owned();
            self.part = part;
            self.part.clear();
            line
        })
    }

    /// The last line, if it has no end.
    pub(super) fn last(&mut self) -> Option<Line<'static>> {
        let part = std::mem::take(&mut self.part);
        (self.too_long || !part.is_empty()).then(|| self.finish(&part).into_owned())
    }

    fn finish<'a>(&mut self, line: &'a [u8]) -> Line<'a> {
        self.number += 1;
        let text = (!std::mem::take(&mut self.too_long)).then(|| {
            let mark = if self.number == 1 { &b"\xEF\xBB\xBF"[..] } else { &[] };
            decode(line.strip_prefix(mark).unwrap_or(line))
        });
        Line { number: self.number, text }
    }
}

/// UTF-8, or else Latin-1 as browsers read it (Windows-1252).
fn decode(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(line).0,
    }
}

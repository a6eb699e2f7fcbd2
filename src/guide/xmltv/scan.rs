//! Cuts a guide into its channels and programmes, as bytes. It knows names of elements, quotes, comments and CDATA, and nothing
//! of what is said in them. Whatever is broken spoils one element only, and memory holds no more than the longest one.

use std::io::Read;

use super::Flaw;
use super::window::Window;

/// Longest element that is read.
pub(super) const LONGEST: usize = 1024 * 1024;
/// Longest tag.
pub(super) const TAG: usize = 8 * 1024;
/// Longest document type with what it declares.
const DOCTYPE: usize = 48 * 1024;
/// Most bytes that have to be seen to know what begins: `</programme` and one more.
const AHEAD: usize = 12;

/// Elements that are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Channel,
    Programme,
}

impl Kind {
    fn end(self) -> &'static [u8] {
        match self {
            Self::Channel => b"</channel",
            Self::Programme => b"</programme",
        }
    }
}

/// What comes next. Its first byte is the first of the window.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet: the window needs more.
    More,
    /// `<?xml … ?>`, of so many bytes.
    Declaration(usize),
    /// Another element where the guide's should be, or a document type that says so; its name has so many bytes, after so many.
    Foreign(usize, usize),
    /// An element: bytes of its start tag, and of all of it.
    Element(Kind, usize, usize),
    /// An element that cannot be read.
    Broken(Flaw),
}

/// The scanner over a window.
pub(super) struct Scanner<R> {
    pub(super) window: Window<R>,
    state: State,
    /// Bytes at the front of the window that were looked at.
    seen: usize,
    /// Bytes at the front of the window that the last answer was about.
    told: usize,
    /// Whether a `<tv>` was seen.
    begun: bool,
    /// Whether the last one was closed.
    closed: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Between,
    /// In a comment or CDATA that ends with these bytes.
    Within(&'static [u8]),
    /// In an element whose start tag has so many bytes.
    Body(Kind, usize),
}

impl<R: Read> Scanner<R> {
    pub(super) fn new(window: Window<R>) -> Self {
        Self { window, state: State::Between, seen: 0, told: 0, begun: false, closed: false }
    }

    /// Whether a guide has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether it has been closed. Several may follow one another.
    pub(super) fn has_closed(&self) -> bool {
        self.closed
    }

    /// What comes next. What was told before is done with then.
    pub(super) fn next(&mut self) -> Found {
        self.window.take(std::mem::take(&mut self.told));
        loop {
            let found = match self.state {
                State::Between => self.between(),
                State::Within(end) => self.within(end),
                State::Body(kind, tag) => self.body(kind, tag),
            };
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Goes on behind `count` bytes.
    fn skip(&mut self, count: usize) -> Option<Found> {
        self.window.take(count);
        (self.state, self.seen) = (State::Between, 0);
        None
    }

    /// Tells of `count` bytes and goes on behind them.
    fn tell(&mut self, found: Found, count: usize) -> Option<Found> {
        self.told = count;
        (self.state, self.seen) = (State::Between, 0);
        Some(found)
    }

    fn between(&mut self) -> Option<Found> {
        let bytes = self.window.bytes();
        let Some(at) = memchr::memchr(b'<', bytes) else {
            let all = bytes.len();
            self.skip(all);
            return Some(Found::More);
        };
        self.window.take(at);
        let bytes = self.window.bytes();
        if bytes.len() < AHEAD && !self.window.has_ended() {
            return Some(Found::More);
        }
        if bytes.starts_with(b"<!--") {
            return self.enter(b"-->", 4);
        }
        if bytes.starts_with(b"<![CDATA[") {
            return self.enter(b"]]>", 9);
        }
        if begins(bytes, b"</tv") {
            self.closed = self.begun;
            return self.skip(4);
        }
        if begins(bytes, b"<tv") {
            return self.start_tag(None);
        }
        if !self.begun {
            return self.before_the_guide();
        }
        if begins(bytes, b"<channel") {
            return self.start_tag(Some(Kind::Channel));
        }
        if begins(bytes, b"<programme") {
            return self.start_tag(Some(Kind::Programme));
        }
        self.skip(1)
    }

    fn enter(&mut self, end: &'static [u8], seen: usize) -> Option<Found> {
        (self.state, self.seen) = (State::Within(end), seen);
        None
    }

    fn before_the_guide(&mut self) -> Option<Found> {
        let bytes = self.window.bytes();
        let is_doctype = bytes.get(..9).is_some_and(|begin| begin.eq_ignore_ascii_case(b"<!doctype"));
        if begins(bytes, b"<?xml") || is_doctype {
            let limit = if is_doctype { DOCTYPE } else { TAG };
            let head = bytes.get(..limit.min(bytes.len())).unwrap_or_default();
            let end = if is_doctype { doctype_end(head) } else { memchr::memmem::find(head, b"?>").map(|at| at + 2) };
            if end.is_none() && bytes.len() < limit && !self.window.has_ended() {
                return Some(Found::More);
            }
            let space = head.iter().skip(9).take_while(|byte| byte.is_ascii_whitespace()).count();
            let name = head.get(9 + space..).unwrap_or_default();
            return match end {
                Some(end) if !is_doctype => self.tell(Found::Declaration(end), end),
                _ if is_doctype && name.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"html")) => {
                    self.tell(Found::Foreign(9 + space, 4), 1)
                }
                end => self.skip(end.unwrap_or(1)),
            };
        }
        let name = bytes.iter().skip(1).take(64).take_while(|byte| !ends_name(byte)).count();
        if bytes.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
            return self.tell(Found::Foreign(1, name), 1);
        }
        self.skip(1)
    }

    /// A tag of the guide (`None`) or of an element.
    fn start_tag(&mut self, kind: Option<Kind>) -> Option<Found> {
        let bytes = self.window.bytes();
        let head = bytes.get(..TAG.min(bytes.len())).unwrap_or_default();
        let end = match tag_end(head) {
            Ok(Some(end)) => end,
            Ok(None) if head.len() < TAG && !self.window.has_ended() => return Some(Found::More),
            // The end of all: it is not known what it would have been.
            Ok(None) if head.len() < TAG => {
                self.skip(head.len());
                return Some(Found::More);
            }
            _ if kind.is_some() => return self.tell(Found::Broken(Flaw::Tag), 1),
            _ => 1,
        };
        let is_empty = end >= 2 && head.get(end - 2) == Some(&b'/');
        match kind {
            None => {
                (self.begun, self.closed) = (true, is_empty);
                self.skip(end)
            }
            Some(kind) if is_empty => self.tell(Found::Element(kind, end, end), end),
            Some(kind) => {
                (self.state, self.seen) = (State::Body(kind, end), end);
                None
            }
        }
    }

    fn within(&mut self, end: &'static [u8]) -> Option<Found> {
        let bytes = self.window.bytes();
        let rest = bytes.get(self.seen..).unwrap_or_default();
        if let Some(at) = memchr::memmem::find(rest, end) {
            return self.skip(self.seen + at + end.len());
        }
        // The end may have begun.
        let done = bytes.len().saturating_sub(end.len() - 1).max(self.seen.min(bytes.len()));
        self.window.take(done);
        self.seen = 0;
        Some(Found::More)
    }

    /// Everything that is decided here is decided by the bytes up to `LONGEST`, however many are there: the same guide is read
    /// in the same way however it comes.
    fn body(&mut self, kind: Kind, tag: usize) -> Option<Found> {
        let bytes = self.window.bytes();
        let limit = LONGEST.min(bytes.len());
        let body = bytes.get(..limit).unwrap_or_default();
        while let Some(at) = memchr::memchr(b'<', body.get(self.seen..).unwrap_or_default()) {
            let here = self.seen + at;
            let rest = body.get(here..).unwrap_or_default();
            if rest.len() < AHEAD && limit < LONGEST && !self.window.has_ended() {
                self.seen = here;
                return Some(Found::More);
            }
            let closing = match rest.get(1) {
                Some(b'!') if rest.starts_with(b"<!--") => Some((4, &b"-->"[..])),
                Some(b'!') if rest.starts_with(b"<![CDATA[") => Some((9, &b"]]>"[..])),
                Some(b'/') if begins(rest, kind.end()) => Some((kind.end().len(), &b">"[..])),
                Some(b'/' | b'p' | b'c') if begins_another(rest) => {
                    // It is left unread, and looked at again as what it is.
                    return self.tell(Found::Broken(Flaw::Unclosed), here);
                }
                _ => None,
            };
            let Some((begin, end)) = closing else {
                self.seen = here + 1;
                continue;
            };
            let Some(length) = memchr::memmem::find(rest.get(begin..).unwrap_or_default(), end) else {
                self.seen = here;
                return self.more_or_too_long(limit);
            };
            self.seen = here + begin + length + end.len();
            if end == b">" {
                let all = self.seen;
                return self.tell(Found::Element(kind, tag, all), all);
            }
        }
        self.seen = limit;
        self.more_or_too_long(limit)
    }

    fn more_or_too_long(&mut self, limit: usize) -> Option<Found> {
        if limit < LONGEST { Some(Found::More) } else { self.tell(Found::Broken(Flaw::TooLong), limit) }
    }
}

/// Whether a tag begins that cannot be within an element: the one before it has no end.
fn begins_another(bytes: &[u8]) -> bool {
    begins(bytes, b"<programme") || bytes.starts_with(b"<channel ") || begins(bytes, b"</tv")
}

/// Whether `bytes` begin with `tag` and its name ends there.
fn begins(bytes: &[u8], tag: &[u8]) -> bool {
    bytes.strip_prefix(tag).and_then(<[u8]>::first).is_some_and(ends_name)
}

fn ends_name(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/' | b'?')
}

/// Bytes up to the end of the tag that begins here; `Err`: it has none, another one begins before.
fn tag_end(bytes: &[u8]) -> Result<Option<usize>, ()> {
    let mut at = 1;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(found) = rest.iter().position(|byte| matches!(byte, b'>' | b'<' | b'"' | b'\'')) else { return Ok(None) };
        at += found + 1;
        match rest.get(found) {
            Some(b'>') => return Ok(Some(at)),
            Some(b'<') | None => return Err(()),
            Some(quote) => match memchr::memchr2(*quote, b'<', bytes.get(at..).unwrap_or_default()) {
                None => return Ok(None),
                Some(end) if bytes.get(at + end) == Some(quote) => at += end + 1,
                Some(_) => return Err(()),
            },
        }
    }
}

/// Bytes up to the end of the document type that begins here. What it declares is left alone (XML 1.0, section 2.8).
fn doctype_end(bytes: &[u8]) -> Option<usize> {
    let (mut quote, mut depth, mut at) = (None, 0u32, 1);
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'<') if bytes.get(at..).unwrap_or_default().starts_with(b"!--") => {
                at += 3 + memchr::memmem::find(bytes.get(at + 3..)?, b"-->")? + 3;
            }
            (None, b'[') => depth += 1,
            (None, b']') => depth = depth.saturating_sub(1),
            (None, b'>') if depth == 0 => return Some(at),
            (None, _) => {}
        }
    }
}

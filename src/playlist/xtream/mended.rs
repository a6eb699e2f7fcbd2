//! A panel's answer as JSON that can be parsed to its end: what panels write wrong within strings is put right while it is
//! read, and what would take memory without bound is cut or refused.
//!
//! Put right: a byte order mark, bytes that are no UTF-8, control characters, halves of surrogate pairs (RFC 8259, section 8.2),
//! escapes that JSON does not know. Strings are cut after 16 KiB.

use std::io::{Error, ErrorKind, Read};

use encoding_rs::{CoderResult, Decoder, UTF_8};

/// Bytes that are read at once.
const PIECE: usize = 32 * 1024;
/// Longest string, in bytes as they are written; the rest of it is left out.
const STRING: usize = 16 * 1024;
/// Most arrays and objects within each other.
const DEPTH: u32 = 64;
/// Bytes of the beginning that are kept to tell what it is.
const HEAD: usize = 64;

/// A reader over another one.
pub(super) struct Mended<R> {
    input: R,
    decoder: Decoder,
    /// Bytes as they came.
    raw: Vec<u8>,
    /// What is to be handed out.
    ready: Vec<u8>,
    given: usize,
    ended: bool,
    /// Why it cannot go on behind what is ready.
    failed: Option<Error>,
    /// Most bytes of all.
    left: u64,
    place: Place,
    depth: u32,
    /// Length of the string so far.
    length: usize,
    /// The first half of a pair, which waits for the second.
    half: Option<[u8; 4]>,
    head: Vec<u8>,
    last: u8,
}

/// Where the last byte was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Within,
    /// Behind a `\`.
    Escape,
    /// Behind `\u`, with so many digits.
    Digits([u8; 4], usize),
}

impl<R: Read> Mended<R> {
    /// Reads at most so many bytes; one that has more is an error.
    pub fn new(input: R, most_bytes: u64) -> Self {
        Self {
            input,
            decoder: UTF_8.new_decoder_with_bom_removal(),
            raw: vec![0; PIECE],
            ready: Vec::with_capacity(PIECE * 3),
            given: 0,
            ended: false,
            failed: None,
            left: most_bytes,
            place: Place::Outside,
            depth: 0,
            length: 0,
            half: None,
            head: Vec::with_capacity(HEAD),
            last: 0,
        }
    }

    /// The first bytes that were no white space, in lower case. Reads on for them: only when nothing else is read any more.
    pub fn head(&mut self) -> &[u8] {
        while self.head.len() < HEAD && !self.ended && self.more().is_ok() {}
        &self.head
    }

    /// Whether it ended within a number, which the parser takes for a wrong one.
    pub fn ends_in_a_number(&self) -> bool {
        self.ended && self.depth > 0 && self.place == Place::Outside && b"-+.eE".contains(&self.last)
    }

    fn more(&mut self) -> std::io::Result<()> {
        self.ready.clear();
        self.given = 0;
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let count = self.input.read(&mut self.raw)?;
        self.left =
            self.left.checked_sub(count as u64).ok_or_else(|| Error::new(ErrorKind::InvalidData, "the answer is too large"))?;
        self.ended = count == 0;
        // Room for every byte to be replaced, so that all of them are taken at once.
        let mut text = String::with_capacity(self.decoder.max_utf8_buffer_length(count).unwrap_or(PIECE * 4));
        let raw = std::mem::take(&mut self.raw);
        let (result, _, _) = self.decoder.decode_to_string(raw.get(..count).unwrap_or_default(), &mut text, self.ended);
        self.raw = raw;
        if result == CoderResult::OutputFull {
            return Err(Error::other("the decoder needs more room than it said"));
        }
        // What came before goes out first, however the bytes are cut.
        self.failed = text.bytes().try_for_each(|byte| self.take(byte)).err();
        Ok(())
    }

    fn take(&mut self, byte: u8) -> std::io::Result<()> {
        if self.head.len() < HEAD && !(self.head.is_empty() && b" \t\r\n".contains(&byte)) {
            self.head.push(byte.to_ascii_lowercase());
        }
        self.last = byte;
        match self.place {
            Place::Outside => {
                match byte {
                    b'"' => (self.place, self.length) = (Place::Within, 0),
                    b'[' | b'{' => self.depth += 1,
                    b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                if self.depth > DEPTH {
                    return Err(Error::new(ErrorKind::InvalidData, "the answer is nested too deeply"));
                }
                self.ready.push(byte);
            }
            Place::Within => self.within(byte),
            Place::Escape => {
                self.place = Place::Within;
                match byte {
                    b'u' => self.place = Place::Digits([0; 4], 0),
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.put(&[b'\\', byte]),
                    _ => self.within(byte),
                }
            }
            Place::Digits(mut digits, count) => match digits.get_mut(count) {
                Some(digit) if byte.is_ascii_hexdigit() => {
                    *digit = byte.to_ascii_lowercase();
                    self.place = Place::Digits(digits, count + 1);
                    if count + 1 == digits.len() {
                        self.place = Place::Within;
                        self.escaped(digits);
                    }
                }
                _ => {
                    self.place = Place::Within;
                    self.put(b"\\ufffd");
                    self.within(byte);
                }
            },
        }
        Ok(())
    }

    /// A byte of a string that belongs to no escape.
    fn within(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.lone();
                self.ready.push(byte);
                self.place = Place::Outside;
            }
            b'\\' => self.place = Place::Escape,
            _ if byte < b' ' => self.put(b" "),
            // The rest of a character goes where its beginning went.
            0x80..=0xBF if self.length <= STRING => self.ready.push(byte),
            0x80..=0xBF => {}
            _ => self.put(&[byte]),
        }
    }

    /// An escape with its four digits. Of a pair, the first half waits.
    fn escaped(&mut self, digits: [u8; 4]) {
        let begins = |with: &[u8]| digits.first() == Some(&b'd') && digits.get(1).is_some_and(|digit| with.contains(digit));
        let escape = |[a, b, c, d]: [u8; 4]| [b'\\', b'u', a, b, c, d];
        if begins(b"89ab") {
            self.lone();
            self.half = Some(digits);
        } else if begins(b"cdef") {
            match self.half.take() {
                Some(first) => self.put(&[escape(first), escape(digits)].concat()),
                None => self.put(b"\\ufffd"),
            }
        } else {
            self.put(&escape(digits));
        }
    }

    /// Hands out a piece of a string, if there is room for more.
    fn put(&mut self, piece: &[u8]) {
        self.lone();
        if self.length <= STRING {
            self.length += piece.len();
            // What does not fit any more is left out as a whole, and all that follows.
            if self.length <= STRING {
                self.ready.extend_from_slice(piece);
            }
        }
    }

    /// A first half whose second never came.
    fn lone(&mut self) {
        if self.half.take().is_some() {
            self.put(b"\\ufffd");
        }
    }
}

impl<R: Read> Read for Mended<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.given == self.ready.len() && (!self.ended || self.failed.is_some()) {
            match self.more() {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => result?,
            }
        }
        let ready = self.ready.get(self.given..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

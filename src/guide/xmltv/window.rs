//! The piece of a guide that is in memory: what was read and is not done with, and where in the whole it lies.

use std::io::{self, Read};

/// Bytes that are asked for at once.
const CHUNK: usize = 256 * 1024;
/// Fewest bytes that [`Window::more`] adds, unless there are no more: so that what is looked at again, because it was not whole,
/// is looked at a few times only, however slowly bytes come.
const LEAST: usize = 64 * 1024;

/// A window over `input`.
pub(super) struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    /// Bytes and line ends that lie before the buffer.
    bytes_before: u64,
    lines_before: u64,
    most: u64,
    ended: Option<Ending>,
}

/// Why nothing follows.
#[derive(Debug)]
pub(super) enum Ending {
    /// That was all.
    End,
    /// More than was allowed.
    TooLarge,
    /// It could not be read.
    Failed(io::Error),
}

impl<R: Read> Window<R> {
    /// A window at the beginning of `input`, of which at most `most` bytes are read.
    pub(super) fn new(input: R, most: u64) -> Self {
        Self { input, buffer: vec![0; CHUNK], begin: 0, end: 0, bytes_before: 0, lines_before: 0, most, ended: None }
    }

    /// What is in memory.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.begin..self.end).unwrap_or_default()
    }

    /// Whether [`Window::bytes`] reach to the end.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Why nothing follows, if nothing does.
    pub(super) fn into_ending(self) -> Option<Ending> {
        self.ended
    }

    /// The first `count` bytes are done with.
    pub(super) fn take(&mut self, count: usize) {
        self.begin = self.end.min(self.begin + count);
    }

    /// Bytes that were read in all.
    pub(super) fn total(&self) -> u64 {
        self.bytes_before + self.end as u64
    }

    /// The line in which the first byte lies, from 1, and its place in the whole, from 0.
    pub(super) fn place(&self) -> (u64, u64) {
        let done = self.buffer.get(..self.begin).unwrap_or_default();
        (self.lines_before + line_ends(done) + 1, self.bytes_before + self.begin as u64)
    }

    /// Memory that it has.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Reads on. A failure is kept until what came before it is done with.
    pub(super) fn more(&mut self) {
        let done = self.buffer.get(..self.begin).unwrap_or_default();
        self.lines_before += line_ends(done);
        self.bytes_before += self.begin as u64;
        self.buffer.copy_within(self.begin..self.end, 0);
        self.end -= self.begin;
        self.begin = 0;
        if self.buffer.len() < self.end + LEAST {
            self.buffer.resize(self.end + CHUNK, 0);
        }
        let least = self.end + LEAST;
        while self.ended.is_none() && self.end < least {
            match self.input.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => self.ended = Some(Ending::End),
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.ended = Some(Ending::Failed(error)),
            }
            if self.total() > self.most {
                self.ended = Some(Ending::TooLarge);
            }
        }
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

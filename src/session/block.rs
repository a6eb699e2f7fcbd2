//! Where a session's bytes lie between a source and the ring: they are copied here once, rewritten where they lie, and
//! handed on without another copy. Several chunks share one piece of memory, which is freed when the last of them is.

use bytes::{Bytes, BytesMut};

use crate::ts::PACKET;
use crate::ts::edit::Edit;

/// Chunks in a block: more would keep more memory than the ring counts, fewer would leave more of it unused.
const CHUNKS: usize = 4;
/// For what comes in between: PAT and PMT, mostly.
const SPARE: usize = 8 * PACKET;
/// With less room than this a block is full: the payload of a UDP datagram.
const LEAST: usize = 7 * PACKET;

/// The block that is being filled: what is done, then what is not.
#[derive(Debug)]
pub struct Block {
    bytes: BytesMut,
    /// So many bytes are done.
    done: usize,
    size: usize,
}

impl Block {
    /// An empty one, for chunks of this size.
    pub fn new(chunk: usize) -> Self {
        let size = CHUNKS * chunk.next_multiple_of(PACKET) + SPARE;
        Self { bytes: BytesMut::with_capacity(size), done: 0, size }
    }

    /// Bytes that are done and not handed on.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Whether [`Self::renew`] is due.
    pub fn is_full(&self) -> bool {
        self.room() < LEAST
    }

    /// Begins another. What is done should have been handed on, as far as it can be: the rest is copied, and there is room for
    /// as much again, so that little is copied twice.
    pub fn renew(&mut self) {
        let mut bytes = BytesMut::with_capacity(self.size.max(2 * self.bytes.len() + SPARE + LEAST));
        bytes.extend_from_slice(&self.bytes);
        self.bytes = bytes;
    }

    /// Takes in as much as there is room for, and says how much that was.
    pub fn arrive(&mut self, bytes: &[u8]) -> usize {
        let now = bytes.get(..self.room()).unwrap_or(bytes);
        self.bytes.extend_from_slice(now);
        now.len()
    }

    /// Takes in everything.
    pub fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn room(&self) -> usize {
        self.bytes.capacity().saturating_sub(self.bytes.len() + SPARE)
    }

    /// What is done and not handed on.
    pub fn waiting(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.done).unwrap_or_default()
    }

    /// Keeps no more than the first bytes of what is done.
    pub fn shorten(&mut self, done: usize) {
        if done < self.done && self.done <= self.bytes.len() {
            self.bytes.copy_within(self.done.., done);
            self.bytes.truncate(self.bytes.len() - (self.done - done));
            self.done = done;
        }
    }

    /// What is not done.
    pub fn undone(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.done..).unwrap_or_default()
    }

    /// Does an edit to the first `passed` bytes of what is not done. Says how many bytes there are in their place, which are
    /// still to be told to [`Self::did`].
    pub fn apply(&mut self, edit: &mut Edit, passed: usize) -> usize {
        if edit.is_none(passed) {
            return passed;
        }
        let room = edit.room(passed);
        let behind = self.bytes.len() - self.done - passed;
        self.bytes.resize(self.bytes.len() + room, 0);
        let written = edit.apply(self.undone(), passed);
        self.bytes.truncate(self.done + written + behind);
        written
    }

    /// So many bytes more are done.
    pub fn did(&mut self, bytes: usize) {
        self.done += bytes;
    }

    /// Hands on that many of what is done.
    pub fn hand_on(&mut self, bytes: usize) -> Bytes {
        let bytes = bytes.min(self.done);
        self.done -= bytes;
        self.bytes.split_to(bytes).freeze()
    }

    /// Forgets what is not done.
    pub fn forget(&mut self) {
        self.bytes.truncate(self.done);
    }
}

//! The ring: recent chunks of one channel, written by one pump, read by any number of viewers.
//!
//! A chunk is immutable and shared, so a viewer costs a position and no copy. Memory is bounded: resident bytes, then
//! time; only a group of pictures that is itself larger may take more, since without its beginning nobody could join.
//!
//! It may be divided, where what follows can be played only by whoever begins with it: readers from before see its end there.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

/// Whole transport packets, published together.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    /// The packets. Where `random_access` is set they begin with PAT, PMT and a random access point.
    pub bytes: Bytes,
    /// Whether a viewer may join here.
    pub random_access: bool,
    /// What a viewer that skipped to here must see first: `discontinuity_indicator` on each PID (13818-1, 2.4.3.5). Only
    /// where `random_access` is set.
    pub resume: Bytes,
    /// The session's media time at its beginning.
    pub media: Duration,
}

/// Bounds of a ring.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Resident bytes.
    pub bytes: usize,
    /// Resident bytes where one group of pictures alone is larger than `bytes`.
    pub bytes_max: usize,
    /// Media time.
    pub time: Duration,
    /// Where to join: this far behind the live edge.
    pub join_lead: Duration,
}

/// One channel's recent chunks.
#[derive(Debug)]
pub struct Ring {
    state: Mutex<State>,
    limits: Limits,
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Chunk>,
    /// Sequence number of the first of them.
    first: u64,
    /// Bytes that were published before it.
    before: u64,
    bytes: usize,
    edge: Duration,
    /// How often it was divided, and the chunk with which its present part begins.
    part: u64,
    begins: u64,
    closed: bool,
    waiting: Vec<Waiting>,
    woken: Vec<Waker>,
}

#[derive(Debug, Default)]
struct Waiting {
    taken: bool,
    waker: Option<Waker>,
}

impl Ring {
    /// An empty ring.
    pub fn new(limits: Limits) -> Self {
        Self { state: Mutex::default(), limits }
    }

    /// Appends a chunk, drops what is too old or too much, and wakes the readers. `edge` is the media time at its end.
    pub fn publish(&self, chunk: Chunk, edge: Duration) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.bytes += chunk.bytes.len() + chunk.resume.len();
        state.edge = edge;
        state.chunks.push_back(chunk);
        state.evict(&self.limits);
        let mut woken = std::mem::take(&mut state.woken);
        woken.extend(state.waiting.iter_mut().filter_map(|waiting| waiting.waker.take()));
        drop(state);
        // Outside the lock: whom we wake wants it next.
        woken.drain(..).for_each(Waker::wake);
        self.lock().woken = woken;
    }

    /// Ends the ring: readers see what is left and then the end.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let woken: Vec<Waker> = state.waiting.iter_mut().filter_map(|waiting| waiting.waker.take()).collect();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// What is published from now on is another part: who reads what was published before sees the end behind it, who comes from
    /// now on begins with what follows.
    pub fn divide(&self) {
        let mut state = self.lock();
        state.part += 1;
        state.begins = state.first + state.chunks.len() as u64;
        let woken: Vec<Waker> = state.waiting.iter_mut().filter_map(|waiting| waiting.waker.take()).collect();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Bytes held.
    pub fn resident_bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Chunks published so far.
    pub fn published(&self) -> u64 {
        let state = self.lock();
        state.first + state.chunks.len() as u64
    }

    /// Media time at the live edge.
    pub fn edge(&self) -> Duration {
        self.lock().edge
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn evict(&mut self, limits: &Limits) {
        while let Some(oldest) = self.chunks.front() {
            let old = self.edge.saturating_sub(oldest.media) > limits.time;
            if !old && self.bytes <= limits.bytes {
                return;
            }
            // The newest random access point stays, unless the group it begins has outgrown everything.
            let last_entry = oldest.random_access && !self.chunks.iter().skip(1).any(|chunk| chunk.random_access);
            if last_entry && self.bytes <= limits.bytes_max {
                return;
            }
            self.bytes -= oldest.bytes.len() + oldest.resume.len();
            self.before += oldest.bytes.len() as u64;
            self.chunks.pop_front();
            self.first += 1;
        }
    }

    /// The newest random access point of the present part at least `lead` behind the edge; failing that, the oldest one.
    fn entry(&self, lead: Duration) -> Option<u64> {
        let others = usize::try_from(self.begins.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let entries = || self.chunks.iter().enumerate().skip(others).filter(|(_, chunk)| chunk.random_access);
        let behind = |chunk: &Chunk| self.edge.saturating_sub(chunk.media) >= lead;
        let found = entries().rev().find(|(_, chunk)| behind(chunk)).or_else(|| entries().next());
        found.map(|(index, _)| self.first + index as u64)
    }

    /// Bytes that were published before a chunk. Counts chunks: for those who skip, not for every read.
    fn offset_of(&self, seq: u64) -> u64 {
        let skipped = usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.before + self.chunks.iter().take(skipped).map(|chunk| chunk.bytes.len() as u64).sum::<u64>()
    }

    /// Whether this is still to be had by a reader who has entered that part: of those that are over, only the last is known.
    fn is_of(&self, part: u64, seq: u64) -> bool {
        match self.part - part {
            0 => true,
            1 => (self.first..self.begins).contains(&seq),
            _ => false,
        }
    }

    fn get(&self, seq: u64) -> Option<&Chunk> {
        self.chunks.get(usize::try_from(seq.checked_sub(self.first)?).ok()?)
    }

    fn wait(&mut self, slot: usize, cx: &Context<'_>) {
        if let Some(waiting) = self.waiting.get_mut(slot) {
            match &mut waiting.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
        }
    }
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the first random access point: for those who waited for the session to open.
    First,
    /// At the newest random access point that is far enough behind the live edge.
    Join,
}

/// One reader's position.
#[derive(Debug)]
pub struct Reader<R: std::ops::Deref<Target = Ring>> {
    ring: R,
    slot: usize,
    at: Position,
    /// The part that it has entered.
    part: u64,
    /// Bytes that were published before what it reads next.
    offset: u64,
}

#[derive(Debug, Clone, Copy)]
enum Position {
    Start(Start),
    /// Fell out of the ring where this would have been next, and nothing to enter at since.
    Lost(u64),
    Next(u64),
    /// Entered in the middle of things: `resume` was delivered, the chunk comes next.
    Resumed(u64),
}

/// What a reader got.
#[derive(Debug)]
pub struct Read {
    /// Packets.
    pub bytes: Bytes,
    /// Chunks that were lost before these, for a reader that was too slow.
    pub skipped: bool,
    /// How many.
    pub missed_chunks: u64,
    /// How many bytes they had.
    pub missed_bytes: u64,
}

impl<R: std::ops::Deref<Target = Ring>> Reader<R> {
    /// A reader of `ring`.
    pub fn new(ring: R, start: Start) -> Self {
        let mut state = ring.lock();
        let slot = match state.waiting.iter().position(|waiting| !waiting.taken) {
            Some(free) => free,
            None => {
                state.waiting.push(Waiting::default());
                state.waiting.len() - 1
            }
        };
        if let Some(waiting) = state.waiting.get_mut(slot) {
            *waiting = Waiting { taken: true, waker: None };
        }
        drop(state);
        Self { ring, slot, at: Position::Start(start), part: 0, offset: 0 }
    }

    /// The next chunk. Allocates nothing, copies nothing. Cancel-safe.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Read>> {
        let mut state = self.ring.lock();
        let (mut missed_chunks, mut missed_bytes) = (0, 0);
        match self.at {
            Position::Start(_) => self.part = state.part,
            Position::Next(seq) | Position::Resumed(seq) | Position::Lost(seq) if state.is_of(self.part, seq) => {}
            _ => return Poll::Ready(None),
        }
        let (seq, skipped) = match self.at {
            Position::Start(start) => {
                let lead = if start == Start::First { Duration::MAX } else { self.ring.limits.join_lead };
                match state.entry(lead) {
                    Some(seq) => {
                        self.offset = state.offset_of(seq);
                        (seq, false)
                    }
                    None if state.closed => return Poll::Ready(None),
                    None => {
                        state.wait(self.slot, cx);
                        return Poll::Pending;
                    }
                }
            }
            Position::Next(seq) | Position::Resumed(seq) if seq >= state.first => {
                if state.get(seq).is_none() {
                    if state.closed {
                        return Poll::Ready(None);
                    }
                    state.wait(self.slot, cx);
                    return Poll::Pending;
                }
                (seq, false)
            }
            Position::Next(next) | Position::Resumed(next) | Position::Lost(next) => {
                match state.entry(self.ring.limits.join_lead) {
                    Some(seq) => {
                        let offset = state.offset_of(seq);
                        (missed_chunks, missed_bytes) = (seq.saturating_sub(next), offset.saturating_sub(self.offset));
                        self.offset = offset;
                        (seq, true)
                    }
                    None if state.closed => return Poll::Ready(None),
                    None => {
                        self.at = Position::Lost(next);
                        state.wait(self.slot, cx);
                        return Poll::Pending;
                    }
                }
            }
        };
        let Some(chunk) = state.get(seq) else { return Poll::Ready(None) };
        let bytes = if skipped && !chunk.resume.is_empty() {
            self.at = Position::Resumed(seq);
            chunk.resume.clone()
        } else {
            self.at = Position::Next(seq + 1);
            self.offset += chunk.bytes.len() as u64;
            chunk.bytes.clone()
        };
        Poll::Ready(Some(Read { bytes, skipped, missed_chunks, missed_bytes }))
    }
}

impl<R: std::ops::Deref<Target = Ring>> Drop for Reader<R> {
    fn drop(&mut self) {
        if let Some(waiting) = self.ring.lock().waiting.get_mut(self.slot) {
            *waiting = Waiting::default();
        }
    }
}

#[cfg(test)]
mod tests;

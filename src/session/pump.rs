//! From a source's bytes to chunks in the ring: align, splice, cut.
//!
//! A chunk is cut at 64 KiB or 60 ms, and always before a random access point, so that whoever joins begins with one. Bytes
//! are copied once, into the block that the ring will hold, and rewritten there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::block::Block;
use super::recording::Recording;
use super::ring::{Chunk, Ring};
use crate::base::clock::Instant;
use crate::ts::edit::Edit;
use crate::ts::input::{Input, Mark, Sink, Then};
use crate::ts::leap::{self, Leaps};
use crate::ts::programme::Programme;
use crate::ts::silent::Silent;
use crate::ts::splice::{Rewritten, Splice};
use crate::ts::{PACKET, RawPacket};

/// For this long after a source came on air, chunks go out almost as they come: somebody waits for the first picture.
const EAGER: Duration = Duration::from_secs(1);
const EAGER_INTERVAL: Duration = Duration::from_millis(2);

/// So many bytes arrive at once at most: while they are rewritten they stay in the processor's nearest cache.
const PIECE: usize = 16 * 1024;

/// How chunks are cut.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Bytes.
    pub bytes: usize,
    /// Age.
    pub interval: Duration,
}

/// The way of a session's bytes into its ring, over all its sources.
#[derive(Debug)]
pub struct Pump {
    leaps: Leaps,
    splice: Splice,
    ring: Arc<Ring>,
    cut: Cut,
    /// Not yet published.
    block: Block,
    edit: Edit,
    /// The random access points noted in `edit`: what a viewer that skips to one must see first.
    entries: VecDeque<Bytes>,
    cuts: Vec<usize>,
    /// What is held begins with a random access point.
    entry: Option<Bytes>,
    scratch: Vec<u8>,
    held_media: Duration,
    /// Media time when the present source began.
    base: Duration,
    /// Media time of the present source when it came on air.
    skipped: Duration,
    media: Duration,
    flushed_at: Instant,
    eager_until: Instant,
    pushed_bytes: u64,
    entered: bool,
}

impl Pump {
    /// A pump for a new session.
    pub fn new(ring: Arc<Ring>, cut: Cut, now: Instant) -> Self {
        Self {
            leaps: Leaps::default(),
            splice: Splice::new(),
            ring,
            cut,
            block: Block::new(cut.bytes),
            edit: Edit::default(),
            entries: VecDeque::new(),
            cuts: Vec::new(),
            entry: None,
            scratch: Vec::new(),
            held_media: Duration::ZERO,
            base: Duration::ZERO,
            skipped: Duration::ZERO,
            media: Duration::ZERO,
            flushed_at: now.checked_sub(cut.interval).unwrap_or(now),
            eager_until: now + EAGER,
            pushed_bytes: 0,
            entered: false,
        }
    }

    /// Another source, or another beginning of the same one, follows.
    pub fn change_source(&mut self, now: Instant) {
        self.flush(now);
        self.block.forget();
        self.leaps.forget();
        self.splice.cut();
        (self.base, self.skipped) = (self.media, Duration::ZERO);
        self.eager_until = now + EAGER;
    }

    /// Takes bytes of the source that `input` follows.
    pub fn push(&mut self, input: &mut Input, mut bytes: &[u8], now: Instant) {
        while !bytes.is_empty() {
            let taken = self.arrive(bytes, now);
            bytes = bytes.get(taken..).unwrap_or_default();
            self.pass(input, now);
        }
    }

    /// The first half of [`Self::push`]: copies bytes to where they will stay, as many as there is room for, and says how
    /// many. To be followed by [`Self::pass`].
    pub fn arrive(&mut self, bytes: &[u8], now: Instant) -> usize {
        if self.block.is_full() {
            self.flush(now);
            self.block.renew();
        }
        self.block.arrive(bytes.get(..PIECE).unwrap_or(bytes))
    }

    /// The second half of [`Self::push`]: what has arrived goes its way.
    pub fn pass(&mut self, input: &mut Input, now: Instant) {
        let packets = self.block.undone().len() / PACKET;
        self.through(input, Then::More, now);
        // Here nothing lies behind them that would have to move.
        self.splice.tables_ahead(packets, self.edit.between());
        self.insert(now);
        self.keep_time(input, now);
    }

    /// A source that was kept ready goes on air, from the random access point on with which `recording` begins.
    pub fn replay(&mut self, input: &mut Input, recording: &Recording, now: Instant) {
        self.skipped = recording.begins();
        recording.play(&mut self.path());
        self.done(0, now);
        // The beginning of a packet, perhaps: what arrives goes on there.
        self.block.append(&input.take_held());
        self.keep_time(input, now);
    }

    /// The source that `input` follows has been silent for a while: gives what waited for more.
    pub fn settle(&mut self, input: &mut Input, now: Instant) {
        self.through(input, Then::Silence, now);
        self.keep_time(input, now);
        self.flush(now);
    }

    /// The source that `input` follows is over, or this beginning of it: gives what waited for more.
    pub fn finish(&mut self, input: &mut Input, now: Instant) {
        self.through(input, Then::Nothing, now);
        self.keep_time(input, now);
        self.flush(now);
    }

    fn path(&mut self) -> Path<'_> {
        let Self { leaps, splice, edit, entries, scratch, .. } = self;
        Path { leaps, splice, edit, entries, scratch }
    }

    fn through(&mut self, input: &mut Input, then: Then, now: Instant) {
        let Self { leaps, splice, edit, entries, scratch, .. } = self;
        let mut path = Path { leaps, splice, edit, entries, scratch };
        let passed = input.pass(self.block.undone(), then, &mut path);
        self.done(passed, now);
    }

    /// Does what is noted to the first `passed` bytes of what is not done.
    fn done(&mut self, passed: usize, now: Instant) {
        let mut cuts = std::mem::take(&mut self.cuts);
        let written = self.block.apply(&mut self.edit, passed, |at| cuts.push(at));
        let mut from = 0;
        for cut in cuts.drain(..) {
            self.hold(cut - from, now);
            from = cut;
            self.flush(now);
            self.held_media = self.media;
            self.entry = self.entries.pop_front();
        }
        self.cuts = cuts;
        self.hold(written - from, now);
    }

    /// Holds that many of the block's bytes more, and publishes chunks that are full.
    fn hold(&mut self, bytes: usize, now: Instant) {
        self.block.did(bytes);
        let chunk = self.cut.bytes.max(1).next_multiple_of(PACKET);
        while self.block.done() >= chunk {
            self.publish(chunk, now);
        }
    }

    fn keep_time(&mut self, input: &Input, now: Instant) {
        if let Some(media) = input.media_time() {
            self.media = self.media.max(self.base + media.saturating_sub(self.skipped));
        } else {
            // No clock at all: the ring then goes by arrival.
            self.media = self.media.max(self.base + now.saturating_duration_since(self.eager_until - EAGER));
        }
        if self.block.done() > 0 && now >= self.due() {
            self.flush(now);
        }
    }

    /// Appends PAT and PMT, for a silence, and publishes.
    pub fn tables(&mut self, now: Instant) {
        if self.entered {
            self.splice.tables(self.edit.between());
            self.insert(now);
            self.flush(now);
        }
    }

    /// Appends what was put between.
    fn insert(&mut self, now: Instant) {
        if !self.edit.between().is_empty() {
            self.edit.insert();
            self.done(0, now);
        }
    }

    /// When what is held must be published, if anything is held.
    pub fn deadline(&self) -> Option<Instant> {
        (self.block.done() > 0).then(|| self.due())
    }

    fn due(&self) -> Instant {
        let eager = self.flushed_at < self.eager_until;
        self.flushed_at + if eager { EAGER_INTERVAL } else { self.cut.interval }
    }

    /// Publishes what is held.
    pub fn flush(&mut self, now: Instant) {
        self.publish(self.block.done(), now);
    }

    /// Bytes published so far.
    pub fn pushed_bytes(&self) -> u64 {
        self.pushed_bytes
    }

    /// Whether a random access point has been published: there is something to watch.
    pub fn entered(&self) -> bool {
        self.entered
    }

    fn publish(&mut self, len: usize, now: Instant) {
        let bytes = self.block.hand_on(len);
        if bytes.is_empty() {
            return;
        }
        let entry = self.entry.take();
        self.entered |= entry.is_some();
        self.pushed_bytes += bytes.len() as u64;
        let chunk = Chunk { bytes, random_access: entry.is_some(), resume: entry.unwrap_or_default(), media: self.held_media };
        self.ring.publish(chunk, self.media);
        self.held_media = self.media;
        self.flushed_at = now;
    }
}

/// The pump as the input's sink.
struct Path<'a> {
    leaps: &'a mut Leaps,
    splice: &'a mut Splice,
    edit: &'a mut Edit,
    entries: &'a mut VecDeque<Bytes>,
    scratch: &'a mut Vec<u8>,
}

impl Path<'_> {
    /// Before a packet that may be a random access point.
    fn look_ahead(&mut self, mark: Mark) {
        if mark.random_access {
            self.scratch.clear();
            self.splice.discontinuity(self.scratch);
        }
    }

    /// What was put between comes in here, behind a cut where it begins a random access point.
    fn insert(&mut self, random_access: bool) {
        if random_access {
            self.edit.cut();
            self.entries.push_back(Bytes::copy_from_slice(self.scratch));
        }
        self.edit.insert();
    }
}

impl Sink for Path<'_> {
    fn programme(&mut self, programme: &Programme) {
        self.leaps.programme(programme);
        self.splice.programme(programme);
    }

    fn packet(&mut self, packet: &RawPacket, mut mark: Mark) {
        let mut packet = *packet;
        leap::moved(&mut packet, &mut mark, self.leaps);
        self.look_ahead(mark);
        let written = self.splice.packet(&packet, mark, self.edit.between());
        self.insert(written.random_access);
    }

    #[inline]
    fn in_place(&mut self, packet: &mut RawPacket, mut mark: Mark, at: usize) {
        leap::moved(packet, &mut mark, self.leaps);
        self.look_ahead(mark);
        let rewritten = self.splice.rewrite(packet, mark, self.edit.between());
        if rewritten == Rewritten::RandomAccess || !self.edit.between().is_empty() {
            self.insert(rewritten == Rewritten::RandomAccess);
        }
        if rewritten != Rewritten::Dropped {
            self.edit.keep(at, PACKET);
        }
    }

    fn table(&mut self, packet: &mut RawPacket, at: usize) {
        if self.splice.table(packet) {
            self.edit.keep(at, PACKET);
        }
    }

    #[inline]
    fn run(&mut self, packets: &mut [RawPacket], stream: u8, silent: Silent, at: usize) -> usize {
        let count = self.splice.run(packets, stream, silent);
        if count > 0 {
            self.edit.keep(at, count * PACKET);
        }
        count
    }
}

#[cfg(test)]
mod tests;

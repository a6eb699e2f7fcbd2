//! From a source's bytes to chunks in the ring: align, splice, cut.
//!
//! A chunk is cut at 64 KiB or 60 ms, and always before a random access point, so that whoever joins begins with one. Bytes
//! are copied once, into the block that the ring will hold, and rewritten there. What is no whole picture or frame of sound
//! yet waits there, so that it can be taken back if its source is lost.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::block::Block;
use super::recording::Recording;
use super::ring::{Chunk, Ring};
use crate::base::clock::Instant;
use crate::model::Codec;
use crate::ts::input::{Input, Then};
use crate::ts::packet::{NULL_PID, plain};
use crate::ts::splice::Leading;
use crate::ts::{PACKET, RawPacket};
use path::Path;

mod path;

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
    /// Also for good, at the first picture in another codec or with sound in another one: the ring is divided there.
    pub at_other_codecs: bool,
}

/// The way of a session's bytes into its ring, over all its sources.
#[derive(Debug)]
pub struct Pump {
    path: Path,
    ring: Arc<Ring>,
    cut: Cut,
    /// Not yet published.
    block: Block,
    held_media: Duration,
    /// Media time when the present source began.
    base: Duration,
    /// Media time of the present source when it came on air.
    skipped: Duration,
    flushed_at: Instant,
    eager_until: Instant,
    pushed_bytes: u64,
    entered: bool,
    /// What played at the last random access point.
    leading: Leading,
}

impl Pump {
    /// A pump for a new session.
    pub fn new(ring: Arc<Ring>, cut: Cut, now: Instant) -> Self {
        Self {
            path: Path::default(),
            ring,
            cut,
            block: Block::new(cut.bytes),
            held_media: Duration::ZERO,
            base: Duration::ZERO,
            skipped: Duration::ZERO,
            flushed_at: now.checked_sub(cut.interval).unwrap_or(now),
            eager_until: now + EAGER,
            pushed_bytes: 0,
            entered: false,
            leading: Leading::default(),
        }
    }

    /// Another source, or another beginning of the same one, follows. What the last one has not brought to its end is taken
    /// back.
    pub fn change_source(&mut self, now: Instant) {
        self.flush(now);
        self.block.forget();
        let open = self.path.whole.take();
        self.path.take_back(&open);
        self.remove();
        self.flush(now);
        self.path.leaps.forget();
        self.path.splice.cut();
        self.path.lead_in = self.entered.then(Box::default);
        self.path.standing_in = false;
        (self.base, self.skipped) = (self.path.media, Duration::ZERO);
        self.eager_until = now + EAGER;
    }

    /// A clip of our own follows, in place of the source that was lost and under its tables.
    pub fn stand_in(&mut self, now: Instant) {
        self.change_source(now);
        self.path.standing_in = true;
    }

    /// A unit of silence, to fill the sound with between sources that follow each other at once.
    pub fn silence(&mut self, codec: Codec, unit: &[RawPacket]) {
        self.path.splice.silence(codec, unit);
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
        self.path.splice.tables_ahead(packets, self.path.edit.between());
        self.insert();
        self.publish_chunks(now);
        self.keep_time(input, now);
    }

    /// A source that was kept ready goes on air, from the random access point on with which `recording` begins.
    pub fn replay(&mut self, input: &mut Input, recording: &Recording, now: Instant) {
        self.skipped = recording.begins();
        recording.play(&mut self.path);
        self.apply(0);
        self.publish_chunks(now);
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

    /// Nothing follows for now: gives what is left of the last source, whole or not.
    pub fn give_rest(&mut self, now: Instant) {
        self.path.whole.take();
        self.flush(now);
    }

    fn through(&mut self, input: &mut Input, then: Then, now: Instant) {
        let passed = input.pass(self.block.undone(), then, &mut self.path);
        self.apply(passed);
        self.publish_chunks(now);
    }

    /// Does what is noted to the first `passed` bytes of what is not done.
    fn apply(&mut self, passed: usize) {
        let written = self.block.apply(&mut self.path.edit, passed);
        self.block.did(written);
        self.remove();
        self.path.length = self.block.done();
    }

    /// Takes out what is to be taken back.
    fn remove(&mut self) {
        if let Some(left) = self.path.remove(self.block.waiting()) {
            self.block.shorten(left);
            self.path.length = self.block.done();
        }
    }

    /// Publishes what comes before the last random access point, and chunks that are full.
    fn publish_chunks(&mut self, now: Instant) {
        let ready = self.ready();
        let point = self.path.points.iter().rev().map(|point| point.at).find(|at| *at <= ready).unwrap_or(0);
        let full = (ready - point) / self.chunk() * self.chunk();
        self.publish(point + full, now);
    }

    fn chunk(&self) -> usize {
        self.cut.bytes.max(1).next_multiple_of(PACKET)
    }

    /// Bytes that may be published.
    fn ready(&self) -> usize {
        self.path.ready(self.block.done())
    }

    fn keep_time(&mut self, input: &Input, now: Instant) {
        if let Some(media) = input.media_time() {
            self.path.media = self.path.media.max(self.base + media.saturating_sub(self.skipped));
        } else {
            // No clock at all: the ring then goes by arrival.
            let since = now.saturating_duration_since(self.eager_until - EAGER);
            self.path.media = self.path.media.max(self.base + since);
        }
        self.path.whole.go_on_to(self.path.media);
        if self.ready() > 0 && now >= self.due() {
            self.flush(now);
        }
    }

    /// Gives PAT and PMT, for a silence, and publishes. Where these are of another programme, of which nothing has come yet, they
    /// would come too early: for whoever is to see nothing of it, or as the next thing.
    pub fn tables(&mut self, now: Instant) {
        if !self.entered {
            return;
        }
        if self.path.splice.waits_to_tell() {
            self.null(now);
        } else {
            self.path.splice.tables(self.path.edit.between());
            self.put_before_rest(now);
        }
    }

    /// Gives a null packet, where there is nothing else to say, and publishes.
    pub fn null(&mut self, now: Instant) {
        let mut null = [0xFF; PACKET];
        null[..4].copy_from_slice(&plain(NULL_PID).to_be_bytes());
        self.path.edit.between().extend_from_slice(&null);
        self.put_before_rest(now);
    }

    /// What was put between comes in before what waits.
    fn put_before_rest(&mut self, now: Instant) {
        let (at, length) = (self.ready(), self.block.done());
        self.insert();
        let added = self.block.done() - length;
        let waiting = self.block.waiting().get_mut(at..).unwrap_or_default();
        self.path.put_before(at, waiting, added);
        self.flush(now);
    }

    /// Appends what was put between.
    fn insert(&mut self) {
        if !self.path.edit.between().is_empty() {
            self.path.edit.insert();
            self.apply(0);
        }
    }

    /// When what is held must be published, if anything is held.
    pub fn deadline(&self) -> Option<Instant> {
        (self.ready() > 0).then(|| self.due())
    }

    fn due(&self) -> Instant {
        let eager = self.flushed_at < self.eager_until;
        self.flushed_at + if eager { EAGER_INTERVAL } else { self.cut.interval }
    }

    /// Publishes what is held, as far as it is whole.
    pub fn flush(&mut self, now: Instant) {
        self.publish(self.ready(), now);
    }

    /// When something was last published.
    pub fn published_at(&self) -> Instant {
        self.flushed_at
    }

    /// Bytes published so far.
    pub fn pushed_bytes(&self) -> u64 {
        self.pushed_bytes
    }

    /// Whether a random access point has been published: there is something to watch.
    pub fn entered(&self) -> bool {
        self.entered
    }

    /// Whether the present source has come to its first random access point.
    pub fn plays(&self) -> bool {
        self.path.lead_in.is_none() && !self.path.splice.waits()
    }

    /// Publishes so many bytes, in chunks that end before a random access point.
    fn publish(&mut self, mut left: usize, now: Instant) {
        while left > 0 {
            let point = self.path.points.pop_front_if(|point| point.at == 0);
            let next = self.path.points.front().map_or(left, |point| point.at);
            let bytes = self.block.hand_on(left.min(next).min(self.chunk()));
            if bytes.is_empty() {
                return;
            }
            self.path.sent(bytes.len());
            left = left.saturating_sub(bytes.len());
            self.pushed_bytes += bytes.len() as u64;
            self.entered |= point.is_some();
            if let Some(point) = &point {
                let before = std::mem::replace(&mut self.leading, point.leading);
                if self.cut.at_other_codecs && !before.goes_on_as(point.leading) {
                    self.ring.divide();
                }
            }
            let random_access = point.is_some();
            let (resume, media) = point.map_or((Bytes::new(), self.held_media), |point| (point.resume.into(), point.media));
            self.ring.publish(Chunk { bytes, random_access, resume, media }, self.path.media);
            self.held_media = self.path.media;
            self.flushed_at = now;
        }
    }
}

#[cfg(test)]
mod tests;

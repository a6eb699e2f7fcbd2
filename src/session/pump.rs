//! From a source's bytes to chunks in the ring: align, splice, cut.
//!
//! A chunk is cut at 64 KiB or 60 ms, and always before a random access point, so that whoever joins begins with one. The
//! buffers are reused; a chunk costs one allocation of its exact size.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::recording::Recording;
use super::ring::{Chunk, Ring};
use crate::base::clock::Instant;
use crate::ts::input::{Input, Mark, Sink};
use crate::ts::programme::Programme;
use crate::ts::splice::Splice;
use crate::ts::{PACKET, RawPacket};

/// For this long after a source came on air, chunks go out almost as they come: somebody waits for the first picture.
const EAGER: Duration = Duration::from_secs(1);
const EAGER_INTERVAL: Duration = Duration::from_millis(2);

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
    splice: Splice,
    ring: Arc<Ring>,
    cut: Cut,
    /// Not yet published.
    out: Vec<u8>,
    out_random_access: bool,
    resume: Vec<u8>,
    scratch: Vec<u8>,
    out_media: Duration,
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
            splice: Splice::new(),
            ring,
            cut,
            out: Vec::with_capacity(cut.bytes + 16 * PACKET),
            out_random_access: false,
            resume: Vec::new(),
            scratch: Vec::new(),
            out_media: Duration::ZERO,
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
        self.splice.cut();
        (self.base, self.skipped) = (self.media, Duration::ZERO);
        self.eager_until = now + EAGER;
    }

    /// Takes bytes of the source that `input` follows.
    pub fn push(&mut self, input: &mut Input, bytes: &[u8], now: Instant) {
        input.push(bytes, &mut Into { pump: self, now });
        self.keep_time(input, now);
    }

    /// A source that was kept ready goes on air, from the random access point on with which `recording` begins.
    pub fn replay(&mut self, input: &Input, recording: &Recording, now: Instant) {
        self.skipped = recording.begins();
        recording.play(&mut Into { pump: self, now });
        self.keep_time(input, now);
    }

    /// The source that `input` follows has been silent for a while: gives what waited for more.
    pub fn settle(&mut self, input: &mut Input, now: Instant) {
        input.settle(&mut Into { pump: self, now });
        self.keep_time(input, now);
        self.flush(now);
    }

    /// The source that `input` follows is over, or this beginning of it: gives what waited for more.
    pub fn finish(&mut self, input: &mut Input, now: Instant) {
        input.finish(&mut Into { pump: self, now });
        self.keep_time(input, now);
        self.flush(now);
    }

    fn keep_time(&mut self, input: &Input, now: Instant) {
        if let Some(media) = input.media_time() {
            self.media = self.media.max(self.base + media.saturating_sub(self.skipped));
        } else {
            // No clock at all: the ring then goes by arrival.
            self.media = self.media.max(self.base + now.saturating_duration_since(self.eager_until - EAGER));
        }
        if !self.out.is_empty() && now >= self.due() {
            self.flush(now);
        }
    }

    /// Appends PAT and PMT, for a silence, and publishes.
    pub fn tables(&mut self, now: Instant) {
        if self.entered {
            self.splice.tables(&mut self.out);
            self.flush(now);
        }
    }

    /// When what is held must be published, if anything is held.
    pub fn deadline(&self) -> Option<Instant> {
        (!self.out.is_empty()).then(|| self.due())
    }

    fn due(&self) -> Instant {
        let eager = self.flushed_at < self.eager_until;
        self.flushed_at + if eager { EAGER_INTERVAL } else { self.cut.interval }
    }

    /// Publishes what is held.
    pub fn flush(&mut self, now: Instant) {
        self.publish(self.out.len(), now);
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
        let Some(bytes) = self.out.get(..len).filter(|bytes| !bytes.is_empty()) else { return };
        let random_access = std::mem::take(&mut self.out_random_access);
        let resume = if random_access { Bytes::copy_from_slice(&self.resume) } else { Bytes::new() };
        let chunk = Chunk { bytes: Bytes::copy_from_slice(bytes), random_access, resume, media: self.out_media };
        self.ring.publish(chunk, self.media);
        self.entered |= random_access;
        self.pushed_bytes += len as u64;
        self.out.drain(..len);
        self.out_media = self.media;
        self.flushed_at = now;
    }
}

/// The pump as the input's sink.
struct Into<'a> {
    pump: &'a mut Pump,
    now: Instant,
}

impl Sink for Into<'_> {
    fn programme(&mut self, programme: &Programme) {
        self.pump.splice.programme(programme);
    }

    fn packet(&mut self, packet: &RawPacket, mark: Mark) {
        let pump = &mut *self.pump;
        if mark.random_access {
            pump.scratch.clear();
            pump.splice.discontinuity(&mut pump.scratch);
        }
        let before = pump.out.len();
        let written = pump.splice.packet(packet, mark, &mut pump.out);
        if written.random_access {
            pump.publish(before, self.now);
            pump.out_random_access = true;
            pump.out_media = pump.media;
            std::mem::swap(&mut pump.resume, &mut pump.scratch);
        } else if pump.out.len() >= pump.cut.bytes {
            pump.publish(pump.out.len(), self.now);
        }
    }

    fn run(&mut self, packets: &[RawPacket], stream: u8) {
        let mut rest = packets;
        while let Some(first) = rest.first() {
            let pump = &mut *self.pump;
            // As many as fill the chunk.
            let room = pump.cut.bytes.saturating_sub(pump.out.len());
            let now = if size_of_val(rest) <= room { rest } else { rest.get(..room.div_ceil(PACKET).max(1)).unwrap_or(rest) };
            let taken = pump.splice.run(now, stream, &mut pump.out);
            if taken == 0 {
                self.packet(first, Mark { stream, ..Mark::default() });
            } else if pump.out.len() >= pump.cut.bytes {
                pump.publish(pump.out.len(), self.now);
            }
            rest = rest.get(taken.max(1)..).unwrap_or_default();
        }
    }
}

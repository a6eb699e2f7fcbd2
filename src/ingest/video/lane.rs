//! The way of NAL units from packets to access units: holes are found, fragments put together, and what was interleaved put in
//! order. Shared by the payload formats.

use crate::base::clock::Instant;
use crate::model::Codec;

use super::assemble::{Assembler, Hole};
use super::don::{Entry, Interleaving, Queue};
use super::nal::{self, Nal, Part};
use super::{Output, Packet, Settings, Step};

/// A fragment of a NAL unit (RFC 6184, 5.8; RFC 7798, 4.4.3).
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment<'a> {
    /// The header of the whole NAL unit, of which [`nal::header_bytes`] count.
    pub header: [u8; 2],
    /// The S bit.
    pub start: bool,
    /// The E bit.
    pub end: bool,
    /// The decoding order number, which is with the first fragment only.
    pub number: Option<u16>,
    /// May be empty.
    pub bytes: &'a [u8],
}

/// A NAL unit of which fragments have come.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// That of the first fragment: some cameras change the type in the others.
    header: [u8; 2],
    timestamp: u64,
    number: Option<u16>,
    /// There were bytes.
    begun: bool,
}

/// The lane of one stream.
#[derive(Debug)]
pub(super) struct Lane {
    codec: Codec,
    most_bytes: usize,
    pub assembler: Assembler,
    queue: Option<Queue>,
    open: Option<Open>,
    /// The fragments of `open`, where NAL units have to be whole before they are put in order.
    bytes: Vec<u8>,
    /// Fragments of this time have no beginning.
    orphans: Option<u64>,
    sequence: Option<u64>,
}

impl Lane {
    pub fn new(codec: Codec, interleaving: Option<Interleaving>, settings: Settings) -> Self {
        Self {
            codec,
            most_bytes: settings.max_frame_bytes,
            assembler: Assembler::new(codec, settings),
            queue: interleaving.map(Queue::new),
            open: None,
            bytes: Vec::new(),
            orphans: None,
            sequence: None,
        }
    }

    /// Whether NAL units carry decoding order numbers.
    pub fn is_interleaved(&self) -> bool {
        self.queue.is_some()
    }

    /// A packet has come. False for one that came already.
    pub fn begin(&mut self, packet: &Packet<'_>, step: &mut Step<'_>) -> bool {
        self.expire(step.now, step.out);
        let last = self.sequence.replace(packet.sequence);
        if last == Some(packet.sequence) {
            return false;
        }
        if let Some(queue) = &mut self.queue {
            queue.begin_packet();
            // What the unit at hand waits for may be on its way through here.
            self.assembler.touch(step.now);
        }
        let missing = last.map_or(0, |last| packet.sequence.wrapping_sub(last).wrapping_sub(1));
        if missing > 0 || packet.lost_before {
            self.hole(match missing {
                // Fragments follow each other without any packet between them.
                1 if self.open.is_some_and(|open| open.begun) => Hole::Rest,
                1 => Hole::One,
                _ => Hole::Many,
            });
        }
        true
    }

    fn hole(&mut self, hole: Hole) {
        self.forget_fragments();
        self.orphans = None;
        self.assembler.stats.holes += 1;
        match &mut self.queue {
            Some(queue) => queue.lost(),
            None => self.assembler.hole(hole),
        }
    }

    /// A packet, or what is left of it, does not follow the format.
    pub fn malformed(&mut self) {
        self.assembler.stats.malformed += 1;
        self.hole(Hole::Many);
    }

    /// A whole NAL unit, in two pieces: its header and the rest.
    pub fn nal(&mut self, header: &[u8], rest: &[u8], number: Option<u16>, step: &mut Step<'_>) {
        if self.open.is_some() {
            // The end of the one before never came, and no packet is missing.
            self.hole(Hole::Rest);
        }
        self.orphans = None;
        self.whole(header, rest, number, step);
    }

    fn whole(&mut self, header: &[u8], rest: &[u8], number: Option<u16>, step: &mut Step<'_>) {
        let Some(queue) = &mut self.queue else {
            return self.assembler.nal(header, rest, step);
        };
        let counts = self.codec == Codec::Hevc
            || Nal::of(self.codec, header, rest.first().copied()).is_some_and(|nal| nal.part == Part::Slice);
        if !queue.push(number, (header, rest), counts, step.timestamp, step.now) {
            self.assembler.stats.late += 1;
            self.assembler.hole(Hole::Many);
        }
        self.trim(step);
    }

    /// A fragment.
    pub fn fragment(&mut self, fragment: Fragment<'_>, step: &mut Step<'_>) {
        if self.open.is_some_and(|open| fragment.start || open.timestamp != step.timestamp) {
            self.hole(Hole::Rest);
        }
        if fragment.start {
            self.orphans = None;
            let Fragment { header, number, .. } = fragment;
            self.open = Some(Open { header, timestamp: step.timestamp, number, begun: false });
        }
        match self.open {
            Some(open) => self.append(open, fragment.bytes, step),
            None => self.orphan(fragment.header, step),
        }
        if fragment.end {
            self.orphans = None;
            if let Some(open) = self.open.take() {
                self.end_fragments(open, step);
            }
        }
    }

    fn append(&mut self, open: Open, bytes: &[u8], step: &mut Step<'_>) {
        // Empty ones are of no use, but some cameras send them.
        if bytes.is_empty() {
            return;
        }
        self.open = Some(Open { begun: true, ..open });
        if self.queue.is_some() {
            self.bytes.extend_from_slice(bytes);
            self.trim(step);
        } else if open.begun {
            self.assembler.extend(bytes, step.now);
        } else {
            self.assembler.begin(header(self.codec, &open.header), bytes, step);
        }
    }

    fn end_fragments(&mut self, open: Open, step: &mut Step<'_>) {
        if self.queue.is_none() {
            return self.assembler.finish(step);
        }
        let bytes = std::mem::take(&mut self.bytes);
        if open.begun {
            self.whole(header(self.codec, &open.header), &bytes, open.number, step);
        }
        self.bytes = bytes;
        self.bytes.clear();
    }

    /// A fragment whose beginning is missing.
    fn orphan(&mut self, bytes: [u8; 2], step: &mut Step<'_>) {
        if self.orphans.replace(step.timestamp) == Some(step.timestamp) {
            return self.assembler.touch(step.now);
        }
        match &mut self.queue {
            Some(queue) => queue.lost(),
            None => self.assembler.orphan(header(self.codec, &bytes), step),
        }
    }

    fn forget_fragments(&mut self) {
        self.open = None;
        self.bytes.clear();
    }

    /// The packet is over.
    pub fn end(&mut self, marker: bool, step: &mut Step<'_>) {
        match &mut self.queue {
            Some(queue) if marker => queue.mark_last(),
            None if marker && self.open.is_none() => self.assembler.marker(step),
            _ => {}
        }
        while let Some(entry) = self.queue.as_mut().and_then(Queue::pop_ready) {
            self.assemble(entry, step.now, step.out);
        }
    }

    /// What is kept stays within its bound, whatever is said of the order.
    fn trim(&mut self, step: &mut Step<'_>) {
        while self.held_bytes() > self.most_bytes {
            if let Some(entry) = self.queue.as_mut().and_then(Queue::pop) {
                self.assemble(entry, step.now, step.out);
            } else if self.bytes.is_empty() {
                return;
            } else {
                self.assembler.stats.oversized += 1;
                self.hole(Hole::Many);
            }
        }
    }

    fn assemble(&mut self, entry: Entry, now: Instant, out: &mut Output) {
        let step = &mut Step { timestamp: entry.timestamp, now, out };
        if entry.hole {
            self.assembler.hole(Hole::Many);
        }
        let (header, rest) = entry.nal.split_at_checked(nal::header_bytes(self.codec)).unwrap_or((&entry.nal, &[]));
        self.assembler.nal(header, rest, step);
        if entry.marker {
            self.assembler.marker(step);
        }
        if let Some(queue) = &mut self.queue {
            queue.recycle(entry.nal);
        }
    }

    /// When [`Self::expire`] has something to do.
    #[cfg(test)]
    pub fn deadline(&self) -> Option<Instant> {
        let queue = self.queue.as_ref().and_then(Queue::deadline);
        [queue, self.assembler.deadline()].into_iter().flatten().min()
    }

    /// What was waited for too long is given as it is.
    pub fn expire(&mut self, now: Instant, out: &mut Output) {
        if self.queue.as_ref().and_then(Queue::deadline).is_some_and(|deadline| now >= deadline) {
            self.empty_queue(now, out);
        }
        if self.assembler.expire(now, out) && self.queue.is_none() {
            // Its fragments went with it.
            self.open = None;
        }
    }

    /// The stream is over.
    #[cfg(test)]
    pub fn flush(&mut self, now: Instant, out: &mut Output) {
        self.forget_fragments();
        self.empty_queue(now, out);
        self.assembler.flush(now, out);
    }

    fn empty_queue(&mut self, now: Instant, out: &mut Output) {
        while let Some(entry) = self.queue.as_mut().and_then(Queue::pop) {
            self.assemble(entry, now, out);
        }
        if self.queue.as_ref().is_some_and(Queue::is_suspicious) {
            self.assembler.hole(Hole::Many);
        }
    }

    /// Bytes of packets that are kept.
    pub fn held_bytes(&self) -> usize {
        self.assembler.held_bytes() + self.bytes.len() + self.queue.as_ref().map_or(0, Queue::bytes)
    }
}

fn header(codec: Codec, header: &[u8; 2]) -> &[u8] {
    header.get(..nal::header_bytes(codec)).unwrap_or_default()
}

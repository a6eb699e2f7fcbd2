//! The jitter buffer: packets in the order of their numbers, each once. It is as large as its time, not as a number of packets. Pure.
//!
//! A packet waits for those that are missing before it, and in [`Mode::Playout`] for its own time; never longer than the delay, and
//! less if the bytes become too many. What comes in order and may leave is not copied. Buffers are used again.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use super::{LONGEST_DELAY, Mode, Ordered};
use crate::base::clock::Instant;

/// So many packets may wait, however many bytes they have.
const LEAST_PACKETS: usize = 100;
/// Bytes of buffers that are kept for later.
const SPARE_BYTES: usize = 1024 * 1024;

/// Counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Numbers that were given up.
    pub lost: u64,
    /// Packets that came when their number had been given up.
    pub late: u64,
    /// Packets that came while the same number waited.
    pub duplicate: u64,
    /// Packets that came behind one with a higher number, in time.
    pub reordered: u64,
}

/// Puts packets in order.
#[derive(Debug)]
pub struct Jitter {
    delay: Duration,
    most_bytes: usize,
    mode: Mode,
    /// The number that is handed out next.
    next: Option<i64>,
    /// By number.
    waiting: VecDeque<Waiting>,
    bytes: usize,
    spare: Vec<Vec<u8>>,
    spare_bytes: usize,
    stats: Stats,
}

#[derive(Debug)]
struct Waiting {
    sequence: i64,
    timestamp: i64,
    payload_type: u8,
    marker: bool,
    arrival: Instant,
    /// Since when what is before it has been seen to be missing: its own arrival, or an earlier one of a packet behind it.
    since: Instant,
    /// When it leaves, if nothing is missing before it.
    due: Instant,
    payload: Vec<u8>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.payload.capacity().saturating_add(size_of::<Self>())
    }
}

impl Jitter {
    /// With the time that a packet may wait, and the bytes that may.
    pub fn new(delay: Duration, most_bytes: usize) -> Self {
        Self {
            delay: delay.min(LONGEST_DELAY),
            most_bytes,
            mode: Mode::Immediate,
            next: None,
            waiting: VecDeque::new(),
            bytes: 0,
            spare: Vec::new(),
            spare_bytes: 0,
            stats: Stats::default(),
        }
    }

    /// Begins with this number. What waits must have been flushed.
    pub fn begin(&mut self, first: i64, mode: Mode) {
        (self.next, self.mode) = (Some(first), mode);
    }

    /// Takes a packet that came later than the quickest of its time by `behind`. What may leave goes to `out`.
    pub fn push(&mut self, now: Instant, packet: &Ordered<'_>, behind: Duration, out: &mut impl FnMut(Ordered<'_>)) {
        let next = *self.next.get_or_insert(packet.sequence);
        let own = match self.mode {
            Mode::Immediate => Duration::ZERO,
            Mode::Playout => self.delay.saturating_sub(behind),
        };
        let due = packet.arrival + own;
        if packet.sequence < next {
            self.stats.late = self.stats.late.saturating_add(1);
        } else if packet.sequence == next && due <= now && self.waiting.front().is_none_or(|first| first.sequence != next) {
            self.stats.reordered = self.stats.reordered.saturating_add(u64::from(!self.waiting.is_empty()));
            self.next = Some(next.saturating_add(1));
            out(*packet);
        } else {
            self.store(packet, due);
        }
        self.release(now, out);
    }

    /// Hands out what may leave by now, and gives up what has been missing for too long.
    pub fn release(&mut self, now: Instant, out: &mut impl FnMut(Ordered<'_>)) {
        while let Some(first) = self.waiting.front() {
            let full = self.bytes > self.most_bytes && self.waiting.len() > LEAST_PACKETS;
            if !full && self.leaves_at(first) > now {
                break;
            }
            self.hand_out(out);
        }
    }

    /// Hands out all that waits, whatever is missing.
    pub fn flush(&mut self, out: &mut impl FnMut(Ordered<'_>)) {
        while !self.waiting.is_empty() {
            self.hand_out(out);
        }
    }

    /// When [`Self::release`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|first| self.leaves_at(first))
    }

    /// The number that is handed out next.
    pub fn next(&self) -> Option<i64> {
        self.next
    }

    /// Numbers that are missing, those first that are needed first.
    pub fn missing(&self) -> impl Iterator<Item = i64> {
        let before = self.next.into_iter().chain(self.waiting.iter().map(|waiting| waiting.sequence.saturating_add(1)));
        before.zip(&self.waiting).flat_map(|(from, waiting)| from..waiting.sequence)
    }

    /// Packets that wait, and their bytes.
    pub fn waiting(&self) -> (usize, usize) {
        (self.waiting.len(), self.bytes)
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn leaves_at(&self, first: &Waiting) -> Instant {
        if self.next == Some(first.sequence) { first.due } else { first.since + self.delay }
    }

    /// The first that waits, and a loss if something before it is missing.
    fn hand_out(&mut self, out: &mut impl FnMut(Ordered<'_>)) {
        let Some(mut first) = self.waiting.pop_front() else { return };
        let next = self.next.replace(first.sequence.saturating_add(1)).unwrap_or(first.sequence);
        self.stats.lost = self.stats.lost.saturating_add(first.sequence.abs_diff(next));
        self.bytes = self.bytes.saturating_sub(first.bytes());
        out(Ordered {
            sequence: first.sequence,
            timestamp: first.timestamp,
            payload_type: first.payload_type,
            marker: first.marker,
            discontinuity: false,
            arrival: first.arrival,
            payload: &first.payload,
        });
        let spare = self.spare_bytes.saturating_add(first.payload.capacity());
        if first.payload.capacity() > 0 && spare <= SPARE_BYTES {
            first.payload.clear();
            self.spare.push(first.payload);
            self.spare_bytes = spare;
        }
    }

    /// Puts a packet into its place, unless its number waits already.
    fn store(&mut self, packet: &Ordered<'_>, due: Instant) {
        let in_order = self.waiting.back().is_none_or(|last| last.sequence < packet.sequence);
        let place = if in_order {
            self.waiting.len()
        } else {
            self.waiting.partition_point(|waiting| waiting.sequence < packet.sequence)
        };
        let (mut since, mut due) = (packet.arrival, due);
        if let Some(behind) = self.waiting.get(place) {
            if behind.sequence == packet.sequence {
                self.stats.duplicate = self.stats.duplicate.saturating_add(1);
                return;
            }
            self.stats.reordered = self.stats.reordered.saturating_add(1);
            // Those behind it must not wait longer because of it.
            (since, due) = (since.min(behind.since), due.min(behind.due));
        }
        let mut payload = self.spare.pop().unwrap_or_default();
        self.spare_bytes = self.spare_bytes.saturating_sub(payload.capacity());
        payload.extend_from_slice(packet.payload);
        let &Ordered { sequence, timestamp, payload_type, marker, arrival, .. } = packet;
        let waiting = Waiting { sequence, timestamp, payload_type, marker, arrival, since, due, payload };
        self.bytes = self.bytes.saturating_add(waiting.bytes());
        self.waiting.insert(place, waiting);
    }
}

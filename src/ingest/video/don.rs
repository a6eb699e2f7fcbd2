//! NAL units that were sent interleaved, back in decoding order by their decoding order numbers (RFC 6184, 7.2.2: packetization
//! mode 2; RFC 7798, 6). Pure.
//!
//! Where a sender says nothing of its depth, what is first by number is given at once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::clock::Instant;

/// So many NAL units may wait (RFC 6184, 8.1: sprop-interleaving-depth is at most 32,767).
const MOST: usize = 32_768;
/// Behind a loss, a gap between so many numbers given is taken for what was lost, beyond what was waiting then.
const SUSPICION: usize = 64;
/// So many NAL units in a row that come too late are a sender that counts anew.
const RESTART: usize = 64;
/// Buffers that wait to be used again …
const MOST_SPARE: usize = 16;
/// … each no larger than this.
const LARGEST_SPARE: usize = 64 * 1024;

/// How far the sender interleaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interleaving {
    /// NAL units that are kept back: sprop-interleaving-depth (RFC 6184, 8.1: only slices count) or sprop-depack-buf-nalus
    /// (RFC 7798, 7.1).
    pub depth: usize,
    /// Numbers that those kept back may span before the first is given, if the sender tells it: by sprop-max-don-diff.
    pub span: Option<u64>,
    /// Nothing is kept back when nothing more came for so long: sprop-init-buf-time where it is longer than what units are waited
    /// for anyway.
    pub wait: Duration,
}

/// A NAL unit that waits.
#[derive(Debug)]
pub struct Entry {
    /// Its time stamp, extended.
    pub timestamp: u64,
    /// Its bytes, header first.
    pub nal: Vec<u8>,
    /// The marker of its packet, of which it was the last.
    pub marker: bool,
    /// Something is missing in front of it.
    pub hole: bool,
    counts: bool,
}

/// Puts NAL units in order.
#[derive(Debug)]
pub struct Queue {
    interleaving: Interleaving,
    /// By number, extended, and among equal ones by arrival.
    waiting: BTreeMap<(i64, u64), Entry>,
    /// Those that count for the depth.
    counted: usize,
    bytes: usize,
    /// The number that came last, as it came and extended.
    newest: Option<(u16, i64)>,
    highest: i64,
    arrivals: u64,
    last: Option<(i64, u64)>,
    /// The number that was given last.
    given: Option<i64>,
    /// NAL units in a row that came too late.
    late: usize,
    /// So many more are given before gaps are no news of a loss any longer.
    suspicious: usize,
    heard_of_loss: bool,
    heard: Option<Instant>,
    spare: Vec<Vec<u8>>,
}

impl Queue {
    /// For a sender that interleaves so far.
    pub fn new(interleaving: Interleaving) -> Self {
        let mut queue = Self {
            interleaving,
            waiting: BTreeMap::new(),
            counted: 0,
            bytes: 0,
            newest: None,
            highest: i64::MIN,
            arrivals: 0,
            last: None,
            given: None,
            late: 0,
            suspicious: 0,
            heard_of_loss: false,
            heard: None,
            spare: Vec::new(),
        };
        // What was sent before this was listened to is missing, too.
        queue.lost();
        queue.heard_of_loss = false;
        queue
    }

    /// Takes a NAL unit, in two pieces, that counts for the depth or not. Without a number, which is against the format, it is the
    /// next one. False for one that comes when those behind it are gone: it is not kept.
    pub fn push(&mut self, number: Option<u16>, nal: (&[u8], &[u8]), counts: bool, timestamp: u64, now: Instant) -> bool {
        let number = self.extend(number);
        self.heard = Some(now);
        self.last = None;
        if self.given.is_some_and(|given| number < given) {
            self.late += 1;
            if self.late < RESTART {
                return false;
            }
            (self.given, self.highest) = (None, number);
        }
        self.late = 0;
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.extend_from_slice(nal.0);
        bytes.extend_from_slice(nal.1);
        self.bytes += bytes.len();
        self.counted += usize::from(counts);
        self.arrivals += 1;
        let key = (number, self.arrivals);
        self.waiting.insert(key, Entry { timestamp, nal: bytes, marker: false, hole: false, counts });
        self.last = Some(key);
        true
    }

    /// RFC 6184, 5.5 (don_diff) and RFC 7798, 4.6 (AbsDON): half of the numbers lie ahead.
    fn extend(&mut self, number: Option<u16>) -> i64 {
        let (before, extended) = match (self.newest, number) {
            (Some(newest), _) => newest,
            (None, number) => (number.unwrap_or(0), i64::from(number.unwrap_or(0))),
        };
        let number = number.unwrap_or_else(|| before.wrapping_add(u16::from(self.newest.is_some())));
        let step = match i64::from(number) - i64::from(before) {
            step @ ..=-32_768 => step + 65_536,
            step @ 32_768.. => step - 65_536,
            step => step,
        };
        let extended = extended.saturating_add(step);
        self.newest = Some((number, extended));
        self.highest = self.highest.max(extended);
        extended
    }

    /// What comes from here on is of another packet.
    pub fn begin_packet(&mut self) {
        self.last = None;
    }

    /// The NAL unit of this packet that came last is the last before its marker.
    pub fn mark_last(&mut self) {
        if let Some(entry) = self.last.and_then(|key| self.waiting.get_mut(&key)) {
            entry.marker = true;
        }
    }

    /// Packets are missing: gaps between numbers are holes for a while.
    pub fn lost(&mut self) {
        self.heard_of_loss = true;
        self.suspicious = 2 * self.waiting.len().max(self.interleaving.depth.min(MOST)) + SUSPICION;
    }

    /// The next in order, as soon as none that comes before it can follow.
    pub fn pop_ready(&mut self) -> Option<Entry> {
        let (first, _) = *self.waiting.first_key_value()?.0;
        let spanned = self.highest.saturating_sub(first).unsigned_abs();
        let ready = self.counted > self.interleaving.depth
            || self.interleaving.span.is_some_and(|span| spanned >= span)
            || self.waiting.len() > MOST;
        if ready { self.pop() } else { None }
    }

    /// The next of what there is.
    pub fn pop(&mut self) -> Option<Entry> {
        let ((number, _), mut entry) = self.waiting.pop_first()?;
        self.bytes -= entry.nal.len();
        self.counted -= usize::from(entry.counts);
        // Equal numbers are of one picture, and their order does not matter.
        let gap = self.given.is_none_or(|given| number > given.saturating_add(1));
        entry.hole = gap && self.suspicious > 0;
        self.suspicious = self.suspicious.saturating_sub(1);
        self.given = Some(number);
        Some(entry)
    }

    /// Gives a buffer back.
    pub fn recycle(&mut self, mut nal: Vec<u8>) {
        if self.spare.len() < MOST_SPARE && nal.capacity() <= LARGEST_SPARE {
            nal.clear();
            self.spare.push(nal);
        }
    }

    /// Whether what was lost may be behind all that was given.
    pub fn is_suspicious(&self) -> bool {
        self.suspicious > 0 && self.heard_of_loss
    }

    /// When what waits is given although more may follow.
    pub fn deadline(&self) -> Option<Instant> {
        self.heard.filter(|_| !self.waiting.is_empty()).and_then(|heard| heard.checked_add(self.interleaving.wait))
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests;

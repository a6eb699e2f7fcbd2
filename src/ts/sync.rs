//! Any chunking in, aligned packets out: 188 bytes, 192 (Blu-ray, four bytes of arrival time in front) and 204 (sixteen
//! bytes of Reed-Solomon parity behind). Finds its way back after junk (13818-1, annex G).
//!
//! A sync byte alone proves nothing: it takes `IN_STEP` of them at one distance, each before a possible header.

use super::{PACKET, RawPacket, packet};

/// So many sync bytes must be in step before anything is believed.
const IN_STEP: usize = 5;
/// And so many at the distance that was in force before, to go on after junk.
const IN_STEP_AGAIN: usize = 3;
const STRIDES: [usize; 3] = [188, 192, 204];
/// Bytes looked at in one go while searching.
const SEARCHED: usize = 16 * 1024;

/// The alignment of one byte stream.
#[derive(Debug, Clone, Default)]
pub struct Sync {
    /// Distance of sync bytes; 0 while searching.
    stride: usize,
    /// The distance that was in force last.
    known: usize,
    /// Bytes to pass over before the next packet: what 192 and 204 have more.
    skip: usize,
    /// While searching, what was not yet decided on; else the beginning of a packet.
    held: Vec<u8>,
    junk: u64,
}

impl Sync {
    /// Takes any bytes. Gives packets to `take`, as many at once as lie side by side; it says how many of them it took,
    /// fewer being a packet without a sync byte, from which on alignment is looked for again.
    #[inline]
    pub fn push(&mut self, mut bytes: &[u8], mut take: impl FnMut(&[RawPacket]) -> usize) {
        while !bytes.is_empty() {
            if self.stride == 0 {
                let (now, later) = bytes.split_at(bytes.len().min(SEARCHED));
                self.held.extend_from_slice(now);
                bytes = later;
                self.search(false, &mut take);
            } else if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
            } else if !self.held.is_empty() {
                bytes = self.complete(bytes, &mut take);
            } else if self.stride == PACKET {
                let (packets, rest) = bytes.as_chunks::<PACKET>();
                let taken = take(packets);
                if taken < packets.len() {
                    self.stride = 0;
                    bytes = &bytes[taken * PACKET..];
                } else {
                    self.held.extend_from_slice(rest);
                    bytes = &[];
                }
            } else {
                bytes = self.single(bytes, &mut take);
            }
        }
    }

    /// Silence: alignment is decided on with fewer sync bytes if there are no more.
    pub fn settle(&mut self, mut take: impl FnMut(&[RawPacket]) -> usize) {
        if self.stride == 0 {
            self.search(true, &mut take);
        }
    }

    /// The end: what is still held is decided on.
    pub fn finish(&mut self, take: impl FnMut(&[RawPacket]) -> usize) {
        self.settle(take);
        self.junk += self.held.len() as u64;
        *self = Self { known: self.known, junk: self.junk, ..Self::default() };
    }

    /// Whether packets are coming in step.
    pub fn locked(&self) -> bool {
        self.stride != 0
    }

    /// Bytes passed over so far.
    pub fn junk_bytes(&self) -> u64 {
        self.junk
    }

    /// Fills the packet whose beginning is held.
    fn complete<'a>(&mut self, bytes: &'a [u8], take: &mut impl FnMut(&[RawPacket]) -> usize) -> &'a [u8] {
        let missing = PACKET.saturating_sub(self.held.len()).min(bytes.len());
        let (now, later) = bytes.split_at(missing);
        self.held.extend_from_slice(now);
        if let Some(packet) = self.held.first_chunk::<PACKET>() {
            if take(std::slice::from_ref(packet)) == 1 {
                self.held.clear();
                self.skip = self.stride - PACKET;
            } else {
                self.stride = 0;
            }
        }
        later
    }

    /// One packet of a stride other than 188.
    fn single<'a>(&mut self, bytes: &'a [u8], take: &mut impl FnMut(&[RawPacket]) -> usize) -> &'a [u8] {
        let Some((packet, later)) = bytes.split_first_chunk::<PACKET>() else {
            self.held.extend_from_slice(bytes);
            return &[];
        };
        if take(std::slice::from_ref(packet)) == 1 {
            self.skip = self.stride - PACKET;
            later
        } else {
            self.stride = 0;
            bytes
        }
    }

    /// Looks for alignment in what is held. On success, gives the whole packets of it and keeps the rest.
    fn search(&mut self, at_end: bool, take: &mut impl FnMut(&[RawPacket]) -> usize) {
        let mut held = std::mem::take(&mut self.held);
        let mut at = 0;
        'searching: while let Some((offset, fit)) = self.find(&held[at..], at_end) {
            self.junk += offset as u64;
            at += offset;
            let Fit::Yes(stride) = fit else {
                held.drain(..at);
                self.held = held;
                return;
            };
            (self.stride, self.known) = (stride, stride);
            while let Some(packet) = held[at..].first_chunk::<PACKET>() {
                if take(std::slice::from_ref(packet)) == 0 {
                    self.stride = 0;
                    continue 'searching;
                }
                at += PACKET;
                let more = (stride - PACKET).min(held.len() - at);
                self.skip = stride - PACKET - more;
                at += more;
            }
            held.drain(..at);
            self.held = held;
            return;
        }
        self.junk += (held.len() - at) as u64;
        held.clear();
        self.held = held;
    }

    /// The first offset at which packets are in step, or could be if more bytes came.
    fn find(&self, bytes: &[u8], at_end: bool) -> Option<(usize, Fit)> {
        memchr::memchr_iter(packet::SYNC, bytes).find_map(|offset| {
            let rest = &bytes[offset..];
            let fits = STRIDES.into_iter().map(|stride| {
                let needed = match at_end {
                    // A stream of few packets in all: every one of them must fit.
                    true => (rest.len() / stride).clamp(2, IN_STEP),
                    false if stride == self.known => IN_STEP_AGAIN,
                    false => IN_STEP,
                };
                fit(rest, stride, needed)
            });
            // In this order, whatever is still to come: how bytes are cut must not matter.
            let mut fits = fits.filter(|fit| *fit != Fit::No && !(at_end && *fit == Fit::Unknown));
            fits.next().map(|fit| (offset, fit))
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes(usize),
    No,
    Unknown,
}

/// Whether so many headers at a distance are possible ones.
fn fit(bytes: &[u8], stride: usize, needed: usize) -> Fit {
    for n in 0..needed {
        match bytes.get(n * stride..).and_then(|rest| rest.first_chunk::<4>()) {
            // adaptation_field_control 00 is reserved (13818-1, table 2-5).
            Some(&[sync, _, _, control]) if sync == packet::SYNC && control & 0x30 != 0 => {}
            Some(_) => return Fit::No,
            None => return Fit::Unknown,
        }
    }
    Fit::Yes(stride)
}

#[cfg(test)]
mod tests;

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

/// What comes behind the bytes at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// More, at any moment.
    More,
    /// Nothing for now: alignment is decided on with fewer sync bytes if there are no more.
    Silence,
    /// Nothing: what is left is decided on, or junk.
    Nothing,
}

/// The alignment of one byte stream. Keeps no bytes: what it did not pass over must be given again, with more behind it.
#[derive(Debug, Clone, Default)]
pub struct Sync {
    /// Distance of sync bytes; 0 while searching.
    stride: usize,
    /// The distance that was in force last.
    known: usize,
    /// Bytes to pass over before the next packet: what 192 and 204 have more.
    skip: usize,
    junk: u64,
}

impl Sync {
    /// Passes over any bytes, and says how many are done with: less than a packet is left, or what alignment is still to be
    /// found in. Gives packets to `take`, as many at once as lie side by side, and where they lie; it says how many of them
    /// it took, fewer being a packet without a sync byte, from which on alignment is looked for again.
    #[inline]
    pub fn pass(&mut self, bytes: &mut [u8], then: Then, mut take: impl FnMut(&mut [RawPacket], usize) -> usize) -> usize {
        let mut at = 0;
        while let Some(rest) = bytes.get_mut(at..).filter(|rest| !rest.is_empty()) {
            if self.stride == 0 {
                let Some((offset, fit)) = self.find(rest, then != Then::More) else {
                    self.junk += rest.len() as u64;
                    at = bytes.len();
                    break;
                };
                self.junk += offset as u64;
                at += offset;
                let Fit::Yes(stride) = fit else { break };
                (self.stride, self.known) = (stride, stride);
            } else if self.skip > 0 {
                let skipped = self.skip.min(rest.len());
                self.skip -= skipped;
                at += skipped;
            } else if self.stride == PACKET {
                let (packets, _) = rest.as_chunks_mut::<PACKET>();
                let taken = take(packets, at);
                at += taken * PACKET;
                if taken == packets.len() {
                    break;
                }
                self.stride = 0;
            } else {
                let Some(packet) = rest.first_chunk_mut::<PACKET>() else { break };
                if take(std::slice::from_mut(packet), at) == 1 {
                    at += PACKET;
                    self.skip = self.stride - PACKET;
                } else {
                    self.stride = 0;
                }
            }
        }
        if then == Then::Nothing {
            self.junk += (bytes.len() - at) as u64;
            *self = Self { known: self.known, junk: self.junk, ..Self::default() };
            return bytes.len();
        }
        at
    }

    /// Whether packets are coming in step.
    pub fn locked(&self) -> bool {
        self.stride != 0
    }

    /// Bytes passed over so far.
    pub fn junk_bytes(&self) -> u64 {
        self.junk
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

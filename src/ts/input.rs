//! One source's stream on its way in: aligned, its PSI followed, one programme chosen, every packet of it marked.
//!
//! # What is held back
//!
//! A mark is right when its packet is given, so packets wait, in order, in one reused buffer, where the answer lies in
//! later ones: while the tables have not come, or a programme that comes first in the PAT has not shown its PMT; while the
//! programme has video by its PMT but no packet of it came (a second of media time at most); and while the head of a PES
//! packet of the main video stream has shown no picture yet, for instance because an SEI fills the first packet. Nearly
//! always the first packet decides and nothing waits. Where the later ones may never come, [`Input::settle`] says so.

use std::time::Duration;

use super::follower::Follower;
use super::programme::Programme;
use super::silent::Silent;
use super::sync::Sync;
use super::time::{Pcr27m, Pts90k};
use super::{PACKET, RawPacket};
use crate::model::StreamInfo;

pub use super::sync::Then;

/// Bytes that are copied to be passed over, at a time.
const PIECE: usize = 16 * 1024;

/// Which programme of the source is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The first with video, or else with audio, in PAT order.
    #[default]
    First,
    /// The one of this `program_number`.
    Number(u16),
}

/// How far a source has proven itself. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Proof {
    /// No transport packets yet.
    #[default]
    Nothing,
    /// Sync bytes in step.
    Transport,
    /// PAT and PMT of the chosen programme.
    Programme,
    /// And a first random access point with its parameter sets (video), or a first PES packet (radio).
    Proven,
}

/// What is known of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Index into [`Programme::streams`]; 255 for a PCR PID that is no elementary stream.
    pub stream: u8,
    /// The first packet of an access unit of the main stream at which decoding can begin.
    pub random_access: bool,
    /// Payload unit start: a PES packet (or section) begins here.
    pub unit_start: bool,
    /// Packets of this PID are missing before it, or the source said so with `discontinuity_indicator`.
    pub discontinuity: bool,
    /// PCR as the source stamped it.
    pub pcr: Option<Pcr27m>,
    /// Decoding time of the PES packet that begins here, as the source stamped it.
    pub time: Option<Pts90k>,
}

/// Where the packets of the chosen programme go.
pub trait Sink {
    /// The programme became known, or its PMT changed. Called before any packet that depends on it.
    fn programme(&mut self, programme: &Programme);

    /// One packet of the programme, in the order of arrival. Tables (PAT, PMT, SDT …) and null packets never arrive here.
    fn packet(&mut self, packet: &RawPacket, mark: Mark);

    /// As [`Self::packet`], but it lies where it came, at this offset of what [`Input::pass`] was given, and may be rewritten
    /// there. What does not come this way was held back.
    #[inline]
    fn in_place(&mut self, packet: &mut RawPacket, mark: Mark, _at: usize) {
        self.packet(packet, mark);
    }

    /// One of the source's own tables lay here. Nothing of it may go out, but there is a place.
    #[inline]
    fn table(&mut self, _packet: &mut RawPacket, _at: usize) {}

    /// Packets of which some at the beginning are of one stream, with nothing else to be said of them: payload, at most
    /// stuffing before it, and none missing; the first is, how far it goes on `silent` tells. Says how many of them it took;
    /// 0 where the first must go through [`Self::in_place`]. Nearly all packets come this way; the same as one after the
    /// other through [`Self::in_place`].
    #[inline]
    fn run(&mut self, packets: &mut [RawPacket], stream: u8, silent: Silent, at: usize) -> usize {
        let count = silent.run(packets, usize::MAX);
        for (n, packet) in packets.iter_mut().take(count).enumerate() {
            self.in_place(packet, Mark { stream, ..Mark::default() }, at + n * PACKET);
        }
        count
    }
}

/// Counters of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Whole packets, of all programmes.
    pub packets: u64,
    /// Packets of the chosen programme.
    pub programme_packets: u64,
    /// Bytes skipped while looking for sync.
    pub junk_bytes: u64,
    /// Missing packets noticed by their continuity counters.
    pub continuity_errors: u64,
    /// Packets with `transport_error_indicator`.
    pub transport_errors: u64,
    /// Media packets with `transport_scrambling_control` set.
    pub scrambled_packets: u64,
    /// Sections whose CRC did not hold.
    pub crc_errors: u64,
}

/// One source's stream. It goes through [`Input::pass`], or through the others; with [`Input::take_held`] in between.
#[derive(Debug)]
pub struct Input {
    sync: Sync,
    follower: Follower,
    /// Copied, and not yet passed over.
    held: Vec<u8>,
}

impl Default for Input {
    fn default() -> Self {
        Self::new(Choice::First)
    }
}

impl Input {
    /// A fresh input, knowing nothing.
    pub fn new(choice: Choice) -> Self {
        Self { sync: Sync::default(), follower: Follower::new(choice), held: Vec::new() }
    }

    /// Passes over bytes where they lie, cut anywhere; packets of 188, 192 and 204 bytes, and junk between them. Says how
    /// many bytes it is done with: the rest, usually less than a packet, is to be given again with more behind it.
    #[inline]
    pub fn pass(&mut self, bytes: &mut [u8], then: Then, sink: &mut impl Sink) -> usize {
        let Self { sync, follower, .. } = self;
        let passed = sync.pass(bytes, then, |packets, at| follower.take(packets, at, sink));
        if then != Then::More {
            follower.settle(sink);
        }
        passed
    }

    /// Takes any number of bytes, for who only looks at them.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        for piece in bytes.chunks(PIECE) {
            self.held.extend_from_slice(piece);
            self.pass_held(Then::More, sink);
        }
    }

    /// The source has ended: gives what was still held back. Whoever leaves this out loses at most that.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        self.pass_held(Then::Nothing, sink);
    }

    /// The source has been silent for so long that nothing more is waited for: gives what was held back. It may go on.
    pub fn settle(&mut self, sink: &mut impl Sink) {
        self.pass_held(Then::Silence, sink);
    }

    /// What was given to [`Self::push`] and not passed over yet: the first that [`Self::pass`] must be given instead.
    pub fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn pass_held(&mut self, then: Then, sink: &mut impl Sink) {
        let mut held = std::mem::take(&mut self.held);
        let passed = self.pass(&mut held, then, sink);
        held.drain(..passed);
        self.held = held;
    }

    /// How far it has proven itself.
    pub fn proof(&self) -> Proof {
        self.follower.proof()
    }

    /// Media time since the first stamp, never going back: by PCR, or by DTS where there is no PCR.
    pub fn media_time(&self) -> Option<Duration> {
        self.follower.media_time()
    }

    /// Everything seen so far. Allocates: for reports, not for every packet.
    pub fn info(&self) -> StreamInfo {
        self.follower.info()
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        Stats { junk_bytes: self.sync.junk_bytes(), ..self.follower.stats() }
    }
}

#[cfg(test)]
mod tests;

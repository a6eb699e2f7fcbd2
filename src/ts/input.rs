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

use super::RawPacket;
use super::follower::Follower;
use super::programme::Programme;
use super::sync::Sync;
use super::time::Pcr27m;
use crate::model::StreamInfo;

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
}

/// Where the packets of the chosen programme go.
pub trait Sink {
    /// The programme became known, or its PMT changed. Called before any packet that depends on it.
    fn programme(&mut self, programme: &Programme);

    /// One packet of the programme, in the order of arrival. Tables (PAT, PMT, SDT …) and null packets never arrive here.
    fn packet(&mut self, packet: &RawPacket, mark: Mark);

    /// Packets of one stream, side by side, of which nothing else is to be said: payload, at most stuffing before it, and
    /// none missing. Nearly all packets come this way; the same as one after the other through [`Self::packet`].
    #[inline]
    fn run(&mut self, packets: &[RawPacket], stream: u8) {
        packets.iter().for_each(|packet| self.packet(packet, Mark { stream, ..Mark::default() }));
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

/// One source's stream.
#[derive(Debug)]
pub struct Input {
    sync: Sync,
    follower: Follower,
}

impl Default for Input {
    fn default() -> Self {
        Self::new(Choice::First)
    }
}

impl Input {
    /// A fresh input, knowing nothing.
    pub fn new(choice: Choice) -> Self {
        Self { sync: Sync::default(), follower: Follower::new(choice) }
    }

    /// Takes any number of bytes, cut anywhere; packets of 188, 192 and 204 bytes, and junk between them.
    #[inline]
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let Self { sync, follower } = self;
        sync.push(bytes, |packets| follower.take(packets, sink));
    }

    /// The source has ended: gives what was still held back. Whoever leaves this out loses at most that.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        let Self { sync, follower } = self;
        sync.finish(|packets| follower.take(packets, sink));
        follower.settle(sink);
    }

    /// The source has been silent for so long that nothing more is waited for: gives what was held back. It may go on.
    pub fn settle(&mut self, sink: &mut impl Sink) {
        let Self { sync, follower } = self;
        sync.settle(|packets| follower.take(packets, sink));
        follower.settle(sink);
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

//! Elementary streams out of RTP payloads: packets in, access units out. Pure: no sockets, no clock.
//!
//! Packets come in the order of their sequence numbers, from behind a jitter buffer. On their way:
//! `h264` and `hevc` know the payload formats and find NAL units; [`lane`] puts fragments together and, where a sender
//! interleaves, NAL units into decoding order ([`don`]); [`assemble`] makes access units of them, with the parameter sets that
//! [`parameters`] keeps; [`gate`] says which may go on after a loss. [`decode_order`] gives them decoding times.

pub mod assemble;
pub mod decode_order;
pub mod don;
pub mod gate;
mod h264;
mod hevc;
pub mod lane;
pub mod nal;
pub mod parameters;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::base::clock::Instant;
use crate::ingest::sdp::Parameters;
use crate::model::Codec;
use don::Interleaving;
use gate::OnHole;
use lane::Lane;
use parameters::ParameterSets;

/// So many buffers wait to be used again …
const MOST_SPARE: usize = 8;
/// … each no larger than this: what a picture of 50 Mbit/s seldom exceeds.
const LARGEST_SPARE: usize = 1 << 20;

/// What an RTP packet carries, with what its header and the jitter buffer say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its sequence number, extended beyond 16 bits.
    pub sequence: u64,
    /// Its time stamp in units of 90 kHz, extended beyond 32 bits.
    pub timestamp: u64,
    /// The marker bit.
    pub marker: bool,
    /// Packets in front of it are given up. Gaps of `sequence` say so, too.
    pub lost_before: bool,
    /// Behind header, extension and CSRCs, without padding.
    pub payload: &'a [u8],
}

/// A picture, or a field, with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// When it is shown: the RTP time stamp in units of 90 kHz, extended.
    pub timestamp: u64,
    /// A byte stream (H.264 and HEVC, annex B) as a transport stream carries it: a delimiter first, parameter sets where decoding
    /// can begin. The rest of a unit that was taken for whole comes as one of the same time, without a delimiter.
    pub data: Vec<u8>,
    /// Decoding can begin here: all parameter sets that are needed are in `data`.
    pub random_access: bool,
    /// Something of it is missing.
    pub damaged: bool,
}

/// Access units on their way out, and the buffers that come back.
#[derive(Debug, Default)]
pub struct Output {
    units: Vec<AccessUnit>,
    bytes: usize,
    spare: Vec<Vec<u8>>,
}

impl Output {
    /// Takes what is whole by now, in decoding order.
    pub fn drain(&mut self) -> std::vec::Drain<'_, AccessUnit> {
        self.bytes = 0;
        self.units.drain(..)
    }

    /// Gives a buffer back, to be used again.
    pub fn recycle(&mut self, mut data: Vec<u8>) {
        if self.spare.len() < MOST_SPARE && data.capacity() <= LARGEST_SPARE {
            data.clear();
            self.spare.push(data);
        }
    }

    /// An empty buffer.
    pub(in crate::ingest) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// One packet can hold thousands of pictures, and each may ask for parameter sets: no more is made of them than two units may be
    /// long.
    fn is_full(&self, settings: Settings) -> bool {
        self.bytes >= settings.max_frame_bytes
    }

    fn push(&mut self, unit: AccessUnit) {
        self.bytes = self.bytes.saturating_add(unit.data.len());
        self.units.push(unit);
    }
}

/// Bounds and policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The longest access unit, in bytes. What is over is left out up to the next NAL unit.
    pub max_frame_bytes: usize,
    /// A unit that has got nothing for so long is not waited for.
    pub assembly_timeout: Duration,
    /// What becomes of pictures behind a hole.
    pub on_hole: OnHole,
    /// A stream that shows no place to begin at for so long is let through as it is.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_frame_bytes: 10 * 1024 * 1024,
            assembly_timeout: Duration::from_millis(200),
            on_hole: OnHole::Drop,
            patience: Duration::from_secs(10),
        }
    }
}

/// Counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Access units given.
    pub units: u64,
    /// Of these, those that can be begun at.
    pub random_access: u64,
    /// Access units in which something is missing, given or not.
    pub damaged: u64,
    /// Access units not given: damaged, or without what they refer to, or too many for one packet.
    pub dropped: u64,
    /// Places at which packets, or parts of NAL units, are missing.
    pub holes: u64,
    /// Packets and NAL units that do not follow their format.
    pub malformed: u64,
    /// NAL units left out because their access unit would have become too long.
    pub oversized: u64,
    /// NAL units that came when those behind them were gone (interleaved only).
    pub late: u64,
    /// Access units that ended because nothing more came.
    pub timeouts: u64,
    /// Markers behind which the access unit went on.
    pub false_markers: u64,
}

/// Takes H.264 or HEVC apart. One for each SSRC: a new one begins anew.
#[derive(Debug)]
pub struct Depacketizer {
    codec: Codec,
    lane: Lane,
}

impl Depacketizer {
    /// For HEVC, or else H.264; for a stream that is interleaved (H.264: packetization mode 2; HEVC: sprop-max-don-diff is greater than
    /// 0) or not.
    pub fn new(codec: Codec, interleaving: Option<Interleaving>, settings: Settings) -> Self {
        Self { codec, lane: Lane::new(codec, interleaving, settings) }
    }

    /// As the format parameters of the session description say (RFC 6184, 8.1; RFC 7798, 7.1). What cannot be read is as if it were not
    /// there.
    pub fn from_fmtp(codec: Codec, fmtp: &Parameters, settings: Settings) -> Self {
        let (interleaving, names) = match codec {
            Codec::Hevc => (hevc::interleaving(fmtp, settings), hevc::SETS.as_slice()),
            _ => (h264::interleaving(fmtp, settings), h264::SETS.as_slice()),
        };
        let mut depacketizer = Self::new(codec, interleaving, settings);
        for set in names.iter().flat_map(|name| fmtp.sets(name)) {
            depacketizer.lane.assembler.parameters.describe(&set);
        }
        depacketizer
    }

    /// Takes a packet. What is whole by now goes to `out`.
    pub fn push(&mut self, packet: &Packet<'_>, now: Instant, out: &mut Output) {
        let mut step = Step { timestamp: packet.timestamp, now, out };
        if !self.lane.begin(packet, &mut step) {
            return;
        }
        match self.codec {
            Codec::Hevc => hevc::Reader { lane: &mut self.lane }.packet(packet.payload, &mut step),
            _ => h264::Reader { lane: &mut self.lane }.packet(packet.payload, &mut step),
        }
        self.lane.end(packet.marker, &mut step);
    }

    /// What was waited for too long is given as it is; to be called every 100 ms or so.
    pub fn expire(&mut self, now: Instant, out: &mut Output) {
        self.lane.expire(now, out);
    }

    /// Nothing is given until there is a unit to begin at: the time to ask the sender for one (RFC 4585, 6.3.1).
    pub fn wants_random_access(&self) -> bool {
        self.lane.assembler.wants_random_access()
    }

    /// The parameter sets.
    pub fn parameters(&mut self) -> &mut ParameterSets {
        &mut self.lane.assembler.parameters
    }
}

/// Where a NAL unit belongs to, and where what is whole goes.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    timestamp: u64,
    now: Instant,
    out: &'a mut Output,
}

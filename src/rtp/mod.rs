//! RTP as it is received (RFC 3550): which sender is real, which packet comes next, what is lost, what is told back. Pure.
//!
//! A datagram is looked at by [`header`]. [`table`] knows which stream of a port it belongs to, [`session`] is one of them.
//! There its number is judged by [`probation`], made one that never wraps by [`wide`], and put in order by [`jitter`];
//! [`transit`] measures its jitter, [`rtcp`] reads what senders tell and writes what they are told, [`wallclock`]
//! aligns streams of one sender. A sender that is not believed yet is a `candidate`. Must not know about sockets, SDP or what is in a payload.

mod candidate;
mod early;
pub mod header;
pub mod jitter;
pub mod probation;
pub mod rtcp;
pub mod session;
pub mod table;
#[cfg(test)]
mod testing;
pub mod transit;
pub mod wallclock;
pub mod wide;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::clock::Instant;

/// RFC 3551, table 5: MP2T.
pub const MP2T: u8 = 33;
/// What the clock of a payload type counts that nobody has said anything about: video, and transport streams (RFC 3551, 5).
pub const CLOCK_90K: u32 = 90_000;
/// The longest [`Settings::delay`].
pub const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// A packet, in its place. Sequence numbers only ever grow; one that is left out is a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordered<'a> {
    /// Extended sequence number: its lower 16 bits are those of the packet. Never comes twice, never goes back.
    pub sequence: i64,
    /// Extended timestamp, in units of the payload's clock: its lower 32 bits are those of the packet. May go back.
    pub timestamp: i64,
    /// Payload type (RFC 3551, 6).
    pub payload_type: u8,
    /// The marker bit.
    pub marker: bool,
    /// The sender began anew before it: numbers and timestamps tell nothing about what lies between. Not set for a loss.
    pub discontinuity: bool,
    /// When it came.
    pub arrival: Instant,
    /// What is behind the header, padding taken off. May be empty.
    pub payload: &'a [u8],
}

/// When a packet leaves that nothing is missing before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// At once: whoever receives the transport stream has clocks and buffers of its own, and takes the jitter off.
    Immediate,
}

/// How packets of a payload type are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Ticks of the timestamp per second.
    pub clock_rate: u32,
    /// When they leave.
    pub mode: Mode,
}

impl Default for Format {
    fn default() -> Self {
        Self { clock_rate: CLOCK_90K, mode: Mode::Immediate }
    }
}

/// The formats of payload types.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Formats(BTreeMap<u8, Format>);

impl Formats {
    /// Says how packets of a payload type are handled.
    pub fn set(&mut self, payload_type: u8, format: Format) {
        self.0.insert(payload_type, format);
    }

    /// What was said of a payload type; else 90 kHz.
    pub fn of(&self, payload_type: u8) -> Format {
        self.0.get(&payload_type).copied().unwrap_or_default()
    }
}

/// How streams are received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a missing packet is waited for: no packet is held longer. At most [`LONGEST_DELAY`].
    pub delay: Duration,
    /// Bytes that may wait in a session; 100 packets may in any case.
    pub most_bytes: usize,
    /// A session that nothing comes of for so long has ended.
    pub idle: Duration,
    /// Whether senders are told what came of their packets.
    pub reports: bool,
    /// Sessions of a [`table::Table`].
    pub sessions: usize,
    /// By payload type.
    pub formats: Formats,
    /// Our own synchronisation source, at random (RFC 3550, 8).
    pub ssrc: u32,
    /// Our own canonical name (RFC 3550, 6.5.1). What is beyond 255 bytes is cut off.
    pub cname: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(100),
            most_bytes: 4 * 1024 * 1024,
            idle: Duration::from_secs(30),
            reports: true,
            sessions: 30,
            formats: Formats::default(),
            ssrc: 0,
            cname: String::new(),
        }
    }
}

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its sender said so (RFC 3550, 6.6).
    Bye,
    /// Nothing came for [`Settings::idle`].
    Idle,
}

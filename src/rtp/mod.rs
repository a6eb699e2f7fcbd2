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

/// How fast the clocks of payload types tick, in hertz.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clocks(BTreeMap<u8, u32>);

impl Clocks {
    /// Says it of a payload type.
    pub fn set(&mut self, payload_type: u8, rate: u32) {
        self.0.insert(payload_type, rate.max(1));
    }

    /// What was said of one; else 90 kHz.
    pub fn of(&self, payload_type: u8) -> u32 {
        self.0.get(&payload_type).copied().unwrap_or(CLOCK_90K)
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
    pub clocks: Clocks,
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
            clocks: Clocks::default(),
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

//! Where a tuner's stream is sent, and what the datagrams are. Pure but for [`outlet`].
//!
//! Seven transport packets a datagram, plain or behind an RTP header (RFC 3550, payload type 33 of RFC 3551): libhdhomerun drops
//! any other size, and counts a gap in the sequence numbers as an error of the network.

pub mod outlet;
pub mod pace;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::clock::Instant;
use crate::ts::PACKET;

/// Packets in a datagram.
pub const PACKETS: usize = 7;
/// Bytes of an RTP header without extensions.
const RTP_HEADER: usize = 12;
/// MPEG-2 transport streams (RFC 3551, table 5).
const RTP_PAYLOAD_TYPE: u8 = 33;

/// How a stream is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// Packets and nothing else.
    Udp,
    /// Behind an RTP header.
    Rtp,
}

/// Where a stream is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// How it is wrapped.
    pub wrapping: Wrapping,
    /// The receiver.
    pub addr: SocketAddrV4,
}

/// Why a target is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Not of a form that is known.
    #[error("invalid target")]
    Syntax,
    /// Anybody could have a stream sent to anybody.
    #[error("target must be an address of the client")]
    NotTheClient,
}

impl FromStr for Target {
    type Err = BadTarget;

    fn from_str(text: &str) -> Result<Self, BadTarget> {
        let (scheme, addr) = text.split_once("://").ok_or(BadTarget::Syntax)?;
        let wrapping = match scheme {
            "udp" => Wrapping::Udp,
            "rtp" => Wrapping::Rtp,
            _ => return Err(BadTarget::Syntax),
        };
        let addr: SocketAddrV4 = addr.trim_end_matches('/').parse().map_err(|_| BadTarget::Syntax)?;
        Some(Self { wrapping, addr }).filter(|target| target.addr.port() != 0).ok_or(BadTarget::Syntax)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.wrapping {
            Wrapping::Udp => "udp",
            Wrapping::Rtp => "rtp",
        };
        write!(f, "{scheme}://{}", self.addr)
    }
}

/// The last keepalive of a receiver: when it came, and the key it had.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Option<(Instant, u32)>>);

impl Pulse {
    /// The last one.
    pub fn last(&self) -> Option<(Instant, u32)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beat(&self, now: Instant, key: u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, key));
    }
}

/// A stream on its way to a target. It outlives changes of channel, so that the numbers of its datagrams run on.
#[derive(Debug)]
pub struct Aim {
    /// Where it goes.
    pub target: Target,
    /// The address of ours that it comes from.
    pub local: Ipv4Addr,
    /// Keepalives of the receiver.
    pub pulse: Arc<Pulse>,
    began: Instant,
    next: AtomicU16,
    source: u32,
}

impl Aim {
    /// A stream from `local` to `target`.
    pub fn new(target: Target, local: Ipv4Addr, pulse: Arc<Pulse>, now: Instant) -> Self {
        // Which numbers it begins with does not matter here; RFC 3550 wants them hard to guess for the sake of encryption.
        let random = getrandom::u32().unwrap_or(0x5246_5450);
        Self { target, local, pulse, began: now, next: AtomicU16::new(random as u16), source: random }
    }

    /// The header of the next datagram, that leaves at `now` (RFC 3550, 5.1; RFC 2250, 2: a 90 kHz clock).
    fn header(&self, now: Instant) -> [u8; RTP_HEADER] {
        let ticks = (now - self.began).as_micros() * 9 / 100;
        let [s1, s0] = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let [t3, t2, t1, t0] = (ticks as u32).to_be_bytes();
        let [c3, c2, c1, c0] = self.source.to_be_bytes();
        [0x80, RTP_PAYLOAD_TYPE, s1, s0, t3, t2, t1, t0, c3, c2, c1, c0]
    }
}

/// Cuts a stream into datagrams.
#[derive(Debug)]
pub struct Cutter {
    aim: Arc<Aim>,
    size: usize,
    bytes: Vec<u8>,
}

impl Cutter {
    /// For a stream to this aim.
    pub fn new(aim: Arc<Aim>) -> Self {
        let header = if aim.target.wrapping == Wrapping::Rtp { RTP_HEADER } else { 0 };
        Self { aim, size: header + PACKETS * PACKET, bytes: Vec::new() }
    }

    /// Bytes of a datagram.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Adds whole packets.
    pub fn push(&mut self, packets: &[u8], now: Instant) {
        for packet in packets.chunks_exact(PACKET) {
            if self.bytes.len().is_multiple_of(self.size) && self.aim.target.wrapping == Wrapping::Rtp {
                self.bytes.extend_from_slice(&self.aim.header(now));
            }
            self.bytes.extend_from_slice(packet);
        }
    }

    /// The datagrams that are whole, one after another.
    pub fn whole(&self) -> &[u8] {
        let whole = self.bytes.len() - self.bytes.len() % self.size;
        self.bytes.get(..whole).unwrap_or_default()
    }

    /// Forgets those; they were sent.
    pub fn sent(&mut self) {
        let whole = self.whole().len();
        self.bytes.drain(..whole);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::base::clock;

    #[rstest::rstest]
    #[case("udp://10.0.0.5:5000", Some(Wrapping::Udp))]
    #[case("rtp://10.0.0.5:65535", Some(Wrapping::Rtp))]
    #[case("10.0.0.5:5000", None)]
    #[case("http://10.0.0.5:5000", None)]
    #[case("udp://10.0.0.5", None)]
    #[case("udp://10.0.0.5:0", None)]
    #[case("udp://house.example:5000", None)]
    #[case("udp://[::1]:5000", None)]
    fn targets_are_read(#[case] text: &str, #[case] wrapping: Option<Wrapping>) {
        let target = text.parse::<Target>();
        assert_eq!(target.map(|target| target.wrapping).ok(), wrapping);
        if let Ok(target) = target {
            assert_eq!(target.to_string(), text);
        }
    }

    fn aim(target: &str) -> Arc<Aim> {
        Arc::new(Aim::new(target.parse().unwrap(), Ipv4Addr::LOCALHOST, Arc::default(), clock::now()))
    }

    fn packets(count: usize) -> Vec<u8> {
        (0..count).flat_map(|n| std::iter::once(0x47).chain([n as u8; PACKET - 1])).collect()
    }

    #[tokio::test]
    async fn rtp_headers_count_on() {
        let aim = aim("rtp://127.0.0.1:5000");
        aim.next.store(0xFFFF, Ordering::Relaxed);
        let mut cutter = Cutter::new(aim.clone());
        cutter.push(&packets(7), aim.began);
        cutter.push(&packets(8), aim.began + Duration::from_secs(2));
        assert_eq!(cutter.whole().len(), 2 * 1328);
        let (first, second) = cutter.whole().split_at(1328);
        assert_eq!(first[..8], [0x80, 33, 0xFF, 0xFF, 0, 0, 0, 0]);
        assert_eq!((&second[..4], &second[4..8]), (&[0x80, 33, 0, 0][..], &180_000u32.to_be_bytes()[..]));
        assert_eq!(first[8..12], second[8..12]);
        cutter.sent();
        assert!(cutter.whole().is_empty());
    }

    proptest! {
        /// However the stream is cut, the packets arrive in order, seven at a time.
        #[test]
        fn no_packet_is_lost(runs in proptest::collection::vec(0usize..40, 1..12), rtp: bool) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _guard = runtime.enter();
            let aim = aim(if rtp { "rtp://127.0.0.1:5000" } else { "udp://127.0.0.1:5000" });
            let header = if rtp { RTP_HEADER } else { 0 };
            let stream = packets(runs.iter().sum());
            let (mut cutter, mut rest, mut received) = (Cutter::new(aim.clone()), &stream[..], Vec::new());
            for run in runs {
                let (now, after) = rest.split_at(run * PACKET);
                cutter.push(now, aim.began);
                for datagram in cutter.whole().chunks(cutter.size()) {
                    prop_assert_eq!(datagram.len(), header + 1316);
                    received.extend_from_slice(&datagram[header..]);
                }
                cutter.sent();
                rest = after;
            }
            prop_assert!(stream.starts_with(&received) && stream.len() - received.len() < PACKETS * PACKET);
        }
    }
}

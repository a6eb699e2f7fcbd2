//! What is counted of an input.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::clock;

/// What its connection tells.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Connection {
    /// Packets that came, whatever was in them.
    pub packets: u64,
    /// Packets with new data.
    pub data_packets: u64,
    /// Packets that never came in time.
    pub lost: u64,
    /// Packets that had to be sent again.
    pub retransmitted: u64,
    /// Packets that could not be decrypted.
    pub undecipherable: u64,
    /// Smoothed round trip time.
    pub rtt: Duration,
    /// The latency that was agreed on.
    pub latency: Duration,
    /// Since it began.
    pub age: Duration,
    /// What only RTP has.
    pub rtp: Option<RtpFigures>,
}

/// What the session of an RTP stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RtpFigures {
    /// The synchronisation source that is heard now.
    pub ssrc: u32,
    /// What its packets carry (RFC 3551).
    pub payload_type: u8,
    /// Interarrival jitter (RFC 3550, A.8).
    pub jitter: Duration,
    /// Packets that came when they were not waited for any more; they are lost, too.
    pub late: u64,
    /// Packets that came behind later ones, but in time.
    pub reordered: u64,
    /// Packets that came again.
    pub duplicate: u64,
}

/// Everything, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Bytes of the stream.
    pub bytes: u64,
    /// Bit/s over the last seconds.
    pub bitrate: u64,
    /// Milliseconds since 1970 at which something came last; 0: nothing has.
    pub heard_ms: i64,
    /// Of the connection.
    pub connection: Connection,
}

/// Where it is counted.
#[derive(Debug, Default)]
pub struct Counters {
    bytes: AtomicU64,
    heard_ms: AtomicI64,
    connection: Mutex<(Connection, Rate)>,
}

impl Counters {
    /// Counts a piece of the stream.
    pub fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.heard_ms.store(clock::wall_ms(), Ordering::Relaxed);
    }

    /// Takes the connection's own figures; to be called about every second.
    pub fn tell(&self, connection: Connection) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        let mut told = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        told.1.see(connection.age, bytes);
        told.0 = connection;
    }

    /// What there is now.
    pub fn now(&self) -> Figures {
        let (connection, rate) = *self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        Figures {
            bytes: self.bytes.load(Ordering::Relaxed),
            bitrate: rate.bits_per_second(),
            heard_ms: self.heard_ms.load(Ordering::Relaxed),
            connection,
        }
    }
}

/// A rate over the last few seconds. Pure.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Rate {
    /// When, since the beginning, and how many bytes there were: the oldest first.
    seen: [(Duration, u64); 4],
}

impl Rate {
    fn see(&mut self, at: Duration, bytes: u64) {
        self.seen.rotate_left(1);
        self.seen[3] = (at, bytes);
    }

    fn bits_per_second(&self) -> u64 {
        let ((from, before), (to, now)) = (self.seen[0], self.seen[3]);
        let millis = to.saturating_sub(from).as_millis();
        let bits = u128::from(now.saturating_sub(before)) * 8000;
        bits.checked_div(millis).and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let counters = Counters::default();
        assert_eq!(counters.now(), Figures::default());
        let mut told = Vec::new();
        for second in 1..=6 {
            counters.count(if second < 3 { 1000 } else { 2000 });
            counters.tell(Connection { age: Duration::from_secs(second), ..Connection::default() });
            told.push(counters.now().bitrate);
        }
        assert_eq!(told, [8000, 8000, 10_666, 13_333, 16_000, 16_000]);
        assert_eq!(counters.now().bytes, 10_000);
    }
}

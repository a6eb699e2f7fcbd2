//! What passes a link, counted; SRT packets are read off their headers (draft-sharabayko-srt-01, section 3), apart from the code
//! under test.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// An SRT packet, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SrtPacket {
    /// Data with this sequence number.
    Data {
        /// The sequence number, of 31 bits.
        number: u32,
        /// It is sent again.
        retransmitted: bool,
    },
    /// A control packet of this type: 2 ACK, 3 NAK, 6 ACKACK, 7 drop request. So looks RTP, too.
    Control(u16),
}

impl SrtPacket {
    /// Reads the header; `None`: it is too short.
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(datagram.get(at..at + 4)?.try_into().ok()?));
        let (first, second, _) = (word(0)?, word(4)?, word(12)?);
        Some(if first >> 31 == 0 {
            Self::Data { number: first, retransmitted: second >> 26 & 1 == 1 }
        } else {
            Self::Control((first >> 16) as u16 & 0x7FFF)
        })
    }
}

/// What passed in one direction.
#[derive(Debug, Default)]
pub struct Counts {
    came: AtomicU64,
    forwarded: AtomicU64,
    lost: AtomicU64,
    crowded_out: AtomicU64,
    overtaken: AtomicU64,
    data: AtomicU64,
    retransmitted: AtomicU64,
    data_lost: AtomicU64,
    reports: AtomicU64,
    reported: AtomicU64,
    worst_late_us: AtomicU64,
}

/// The same at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Datagrams that came to us.
    pub came: u64,
    /// Datagrams that left us, repeated ones too.
    pub forwarded: u64,
    /// Datagrams that were lost by chance.
    pub lost: u64,
    /// Datagrams that were lost because they would have waited too long for the limited rate.
    pub crowded_out: u64,
    /// Datagrams that were overtaken.
    pub overtaken: u64,
    /// SRT data packets that came to us for the first time.
    pub data: u64,
    /// SRT data packets that were sent again.
    pub retransmitted: u64,
    /// SRT data packets that were lost by chance, whichever time it was.
    pub data_lost: u64,
    /// SRT reports of losses.
    pub reports: u64,
    /// Losses that these report, each as often as it is reported.
    pub reported: u64,
    /// How late the one left that left latest, after it was due: the link itself was kept waiting.
    pub worst_late: Duration,
}

impl Counts {
    /// A datagram came.
    pub fn see(&self, datagram: &[u8], packet: Option<SrtPacket>, lost: bool) {
        add(&self.came, 1);
        add(&self.lost, u64::from(lost));
        match packet {
            Some(SrtPacket::Data { retransmitted, .. }) => {
                add(if retransmitted { &self.retransmitted } else { &self.data }, 1);
                add(&self.data_lost, u64::from(lost));
            }
            Some(SrtPacket::Control(3)) => {
                add(&self.reports, 1);
                add(&self.reported, reported(datagram.get(16..).unwrap_or_default()));
            }
            _ => {}
        }
    }

    /// One had no room.
    pub fn crowd_out(&self) {
        add(&self.crowded_out, 1);
    }

    /// One lets others overtake it.
    pub fn overtake(&self) {
        add(&self.overtaken, 1);
    }

    /// One leaves, so long after it was due.
    pub fn leave(&self, late: Duration) {
        add(&self.forwarded, 1);
        self.worst_late_us.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
    }

    /// What there is so far.
    pub fn now(&self) -> Counted {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            came: of(&self.came),
            forwarded: of(&self.forwarded),
            lost: of(&self.lost),
            crowded_out: of(&self.crowded_out),
            overtaken: of(&self.overtaken),
            data: of(&self.data),
            retransmitted: of(&self.retransmitted),
            data_lost: of(&self.data_lost),
            reports: of(&self.reports),
            reported: of(&self.reported),
            worst_late: Duration::from_micros(of(&self.worst_late_us)),
        }
    }
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// How many numbers a loss list names (draft-sharabayko-srt-01, Appendix A).
fn reported(list: &[u8]) -> u64 {
    let mut words = list.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
    let mut count = 0;
    while let Some(word) = words.next() {
        count += match word >> 31 {
            0 => 1,
            _ => u64::from(words.next().unwrap_or(word).wrapping_sub(word) & 0x7FFF_FFFF) + 1,
        };
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let mut packet = [0; 16];
        packet[..8].copy_from_slice(&[0, 0, 1, 2, 0xC4, 0, 0, 1]);
        assert_eq!(SrtPacket::read(&packet), Some(SrtPacket::Data { number: 258, retransmitted: true }));
        packet[..2].copy_from_slice(&[0x80, 3]);
        assert_eq!(SrtPacket::read(&packet), Some(SrtPacket::Control(3)));
        assert_eq!(SrtPacket::read(&packet[..15]), None);
        assert_eq!(reported(&[0, 0, 0, 9, 0x80, 0, 0, 10, 0, 0, 0, 19]), 11);
    }
}

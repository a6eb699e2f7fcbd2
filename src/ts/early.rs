//! Packets that came before it was known whose they are: a file may begin in the middle of things, and tables come every
//! half second at best. They are played from their beginning once a programme is chosen.
//!
//! All PIDs are kept, for which of them matter is what the tables say; null packets are not.

use super::RawPacket;
use super::adaptation::Adaptation;
use super::packet::{self, ADAPTATION, NULL_PID, UNIT_START, header, pid};
use super::pes;
use super::time::MediaClock;

/// Packets kept: more than a second of most broadcasts. The older half goes when there are more.
const MOST: usize = 8192;
/// Media time for which a programme that would come first is waited for.
const LONGEST_27M: u64 = 27_000_000;

/// The packets, and how much time they span.
#[derive(Debug, Default)]
pub struct Early {
    packets: Vec<RawPacket>,
    clock: MediaClock,
    /// The PIDs whose PCRs and whose time stamps move the clock: the first that had one.
    timing: Option<u16>,
    stamping: Option<u16>,
    /// Since when there has been a programme to choose.
    known_since_27m: Option<u64>,
}

impl Early {
    /// Keeps one more. True if a choice has been waited for long enough.
    pub fn push(&mut self, packet: &RawPacket) -> bool {
        let word = header(packet);
        let pid = pid(word);
        if pid == NULL_PID {
            return false;
        }
        if self.packets.len() >= MOST {
            self.packets.drain(..MOST / 2);
        }
        self.packets.push(*packet);
        if word & ADAPTATION != 0
            && let Some(pcr) = Adaptation::of(packet).pcr
            && *self.timing.get_or_insert(pid) == pid
        {
            self.clock.pcr(pcr);
        }
        if word & UNIT_START != 0
            && let Some(time) = pes::Header::parse(packet::payload(packet)).and_then(|header| header.decoding_time())
            && *self.stamping.get_or_insert(pid) == pid
        {
            self.clock.stamp(time);
        }
        let full = self.packets.len() >= MOST;
        self.known_since_27m.is_some_and(|since| full || self.clock.elapsed_27m().saturating_sub(since) > LONGEST_27M)
    }

    /// There is a programme to choose, though perhaps a better one will come.
    pub fn programme_known(&mut self) {
        self.known_since_27m.get_or_insert(self.clock.elapsed_27m());
    }

    /// Gives all of them away, and begins anew.
    pub fn take(&mut self) -> Vec<RawPacket> {
        std::mem::take(self).packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::PACKET;
    use crate::ts::time::Pcr27m;

    fn packet(pid: u16, pcr: Option<u64>) -> RawPacket {
        let mut packet = [0xFF; PACKET];
        packet[..4].copy_from_slice(&packet::plain(pid).to_be_bytes());
        if let Some(pcr) = pcr {
            packet[3] |= ADAPTATION as u8;
            (packet[4], packet[5]) = (7, 0x10);
            packet[6..12].copy_from_slice(&Pcr27m(pcr).to_field());
        }
        packet
    }

    #[test]
    fn a_choice_is_waited_for_by_the_clock() {
        let mut early = Early::default();
        let mut due = |pcr, known| {
            if known {
                early.programme_known();
            }
            early.push(&packet(0x100, Some(pcr)))
        };
        assert!(!due(0, false));
        assert!(!due(20_000_000, false));
        assert!(!due(40_000_000, false), "there is nothing to choose");
        assert!(!due(50_000_000, true));
        assert!(!due(60_000_000, true));
        assert!(due(80_000_000, true));
        assert_eq!(early.take().len(), 6);
    }

    #[test]
    fn without_tables_the_newest_are_kept() {
        let mut early = Early::default();
        for n in 0..3 * MOST {
            assert!(!early.push(&packet(0x20 + (n % 1000) as u16, None)));
            early.push(&packet(NULL_PID, None));
        }
        let kept = early.take();
        assert!((MOST / 2..=MOST).contains(&kept.len()));
        let last = kept.last().map(|packet| pid(header(packet)));
        assert_eq!(last, Some(0x20 + ((3 * MOST - 1) % 1000) as u16));
        assert!(early.take().is_empty());
    }

    #[test]
    fn a_stream_without_a_clock_is_settled_by_its_packets() {
        let mut early = Early::default();
        early.programme_known();
        let due = (0..).find(|_| early.push(&packet(0x100, None)));
        assert_eq!(due, Some(MOST - 1));
    }
}

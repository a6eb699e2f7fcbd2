//! The continuity counter of one PID (13818-1, 2.4.3.3).

use super::RawPacket;
use super::packet::{self, PAYLOAD, counted, header};

/// How a packet follows the one before it on its PID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// As it should, or it is the first.
    Next,
    /// It is the same packet again, as 13818-1 allows once.
    Duplicate,
    /// So many packets are missing between, modulo 16 and at least one.
    Lost(u8),
}

/// The counter of one PID.
#[derive(Debug, Clone, Copy, Default)]
pub struct Continuity {
    /// The header word that the next packet has, if it is a plain one: payload only, no unit start, nothing wrong. 0 until
    /// a first packet was seen. Comparing it is the whole check of nearly every packet.
    pub expected: u32,
    /// The last packet's last bytes, to tell a duplicate from the loss of sixteen.
    pub tail: u64,
    duplicated: bool,
}

impl Continuity {
    /// Takes a packet that is not the expected plain one.
    pub fn step(&mut self, packet: &RawPacket) -> Step {
        let word = header(packet);
        let counter = word & 0xF;
        let fresh = packet::plain(packet::pid(word)) | counter;
        let tail = tail(packet);
        if self.expected == 0 {
            self.tail = tail;
            self.expected = counted(fresh);
            return Step::Next;
        }
        if word & PAYLOAD == 0 {
            return Step::Next;
        }
        let missing = (counter.wrapping_sub(self.expected) & 0xF) as u8;
        if missing == 15 && tail == self.tail && !self.duplicated {
            self.duplicated = true;
            return Step::Duplicate;
        }
        self.duplicated = false;
        self.tail = tail;
        self.expected = counted(fresh);
        if missing == 0 { Step::Next } else { Step::Lost(missing) }
    }

    /// The expected packets came, one behind the other, with payload and nothing else to tell, up to this last one, whose
    /// last bytes are as they came. What is expected next is for the caller to keep.
    #[inline]
    pub fn silent(&mut self, last: &RawPacket) {
        self.tail = tail(last);
        self.duplicated = false;
    }
}

#[inline]
fn tail(packet: &RawPacket) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = *packet;
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn packet(counter: u8, control: u8, content: u8) -> RawPacket {
        let mut packet = [content; 188];
        packet[..4].copy_from_slice(&[0x47, 1, 0, control | counter]);
        packet
    }

    #[rstest]
    #[case(&[(0, 0x10, 1), (1, 0x10, 2), (2, 0x30, 3)], Step::Next)]
    #[case(&[(15, 0x10, 1), (0, 0x10, 2)], Step::Next)]
    #[case(&[(3, 0x10, 1), (3, 0x10, 1)], Step::Duplicate)]
    #[case(&[(3, 0x10, 1), (3, 0x10, 2)], Step::Lost(15))]
    #[case(&[(3, 0x10, 1), (3, 0x10, 1), (3, 0x10, 1)], Step::Lost(15))]
    #[case(&[(3, 0x10, 1), (3, 0x10, 1), (4, 0x10, 1)], Step::Next)]
    #[case(&[(3, 0x10, 1), (6, 0x10, 2)], Step::Lost(2))]
    #[case(&[(3, 0x10, 1), (3, 0x20, 2)], Step::Next)]
    #[case(&[(3, 0x20, 1), (4, 0x10, 2)], Step::Next)]
    fn steps(#[case] packets: &[(u8, u8, u8)], #[case] last: Step) {
        let mut continuity = Continuity::default();
        let steps: Vec<_> =
            packets.iter().map(|&(counter, control, content)| continuity.step(&packet(counter, control, content))).collect();
        assert_eq!(steps.last(), Some(&last), "{steps:?}");
    }
}

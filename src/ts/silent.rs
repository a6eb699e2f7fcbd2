//! Silent packets: in step, with payload, and nothing beside it to tell. Knows nothing about streams; one comparison of the
//! header decides on nearly every packet, so that many side by side are dealt with as one, and are rewritten in passing.

use super::RawPacket;
use super::adaptation::Adaptation;
use super::packet::{ADAPTATION, PAYLOAD, UNIT_START};

/// One step of the counter in a header as it lies in memory.
const STEP: u32 = 1_u32.to_be();
const COUNTER: u32 = 0xF_u32.to_be();
/// Where the counter of a plain header, beside which [`PAYLOAD`] is set, goes when it overflows.
const OVERFLOW: u32 = (ADAPTATION | PAYLOAD).to_be();

/// The silent packet that one PID is to bring next.
#[derive(Debug, Clone, Copy)]
pub struct Silent {
    /// The header that a plain one has, with its bytes in the order in which they lie, whatever that of the machine is: one
    /// operation less for each packet.
    header: u32,
    /// An adaptation field of stuffing is no matter.
    stuffing: bool,
}

impl Silent {
    /// `expected` is the header word of the packet, were it plain: without adaptation field; one of stuffing is `allowed`.
    #[inline]
    pub fn new(expected: u32, allowed: bool) -> Self {
        Self { header: expected.to_be(), stuffing: allowed }
    }

    /// Whether this is it.
    #[inline]
    pub fn is(self, packet: &RawPacket) -> bool {
        self.is_from(packet, 0)
    }

    /// Whether this would be it, but for a unit that begins with it.
    #[inline]
    pub fn is_start(self, packet: &RawPacket) -> bool {
        self.is_from(packet, UNIT_START.to_be())
    }

    #[inline(always)]
    fn is_from(self, packet: &RawPacket, flag: u32) -> bool {
        let other = word(packet) ^ self.header ^ flag;
        other == 0 || self.stuffing && other == ADAPTATION.to_be() && Adaptation::is_stuffing(packet)
    }

    /// How many silent packets there are at the beginning, at most so many.
    #[inline]
    pub fn run(self, packets: &[RawPacket], most: usize) -> usize {
        let mut expected = self;
        let mut count = 0;
        for packet in packets.iter().take(most) {
            if !expected.is(packet) {
                break;
            }
            expected.header = counted(expected.header);
            count += 1;
        }
        count
    }

    /// As [`Self::run`], and gives each of them the PID and the counter of `next` (the header word of a plain packet), counting
    /// on.
    #[inline]
    pub fn rewrite(self, packets: &mut [RawPacket], next: u32, most: usize) -> usize {
        // Both headers in one register: what is expected, and what is written in its place.
        let mut both = u64::from(next.to_be()) << 32 | u64::from(self.header);
        let most = most.min(packets.len());
        let mut count = 0;
        for packet in packets.get_mut(..most).unwrap_or_default() {
            let other = word(packet) ^ both as u32;
            if other != 0 && !(self.stuffing && other == ADAPTATION.to_be() && Adaptation::is_stuffing(packet)) {
                break;
            }
            packet[..4].copy_from_slice(&((both >> 32) as u32 ^ other).to_ne_bytes());
            both = both.wrapping_add(twice(STEP)) & !twice(OVERFLOW) | twice(PAYLOAD.to_be());
            count += 1;
        }
        count
    }

    /// What comes behind so many of them.
    #[inline]
    pub fn after(self, count: usize) -> Self {
        let header = self.header & !COUNTER | self.header.wrapping_add((count as u32).wrapping_mul(STEP)) & COUNTER;
        Self { header, ..self }
    }

    /// Its header as a word, were it plain.
    #[inline]
    pub fn expected(self) -> u32 {
        u32::from_be(self.header)
    }

    /// The same, but without adaptation field.
    #[inline]
    pub fn strictly(self, strictly: bool) -> Self {
        Self { stuffing: self.stuffing && !strictly, ..self }
    }
}

#[inline(always)]
fn word(packet: &RawPacket) -> u32 {
    u32::from_ne_bytes([packet[0], packet[1], packet[2], packet[3]])
}

#[inline(always)]
fn counted(header: u32) -> u32 {
    header.wrapping_add(STEP) & !OVERFLOW | PAYLOAD.to_be()
}

const fn twice(bits: u32) -> u64 {
    (bits as u64) << 32 | bits as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::PACKET;
    use rstest::rstest;

    fn packet(head: [u8; 6]) -> RawPacket {
        let mut packet = [0xFF; PACKET];
        packet[..6].copy_from_slice(&head);
        packet
    }

    #[rstest]
    #[case::plain([0x47, 1, 0, 0x13, 0xFF, 0xFF], true)]
    #[case::out_of_step([0x47, 1, 0, 0x14, 0xFF, 0xFF], false)]
    #[case::another_pid([0x47, 1, 1, 0x13, 0xFF, 0xFF], false)]
    #[case::unit_start([0x47, 0x41, 0, 0x13, 0, 0], false)]
    #[case::error([0x47, 0x81, 0, 0x13, 0, 0], false)]
    #[case::scrambled([0x47, 1, 0, 0x93, 0, 0], false)]
    #[case::one_byte_of_stuffing([0x47, 1, 0, 0x33, 0, 0xFF], true)]
    #[case::stuffing([0x47, 1, 0, 0x33, 9, 0], true)]
    #[case::no_payload([0x47, 1, 0, 0x23, 183, 0], false)]
    #[case::pcr([0x47, 1, 0, 0x33, 7, 0x10], false)]
    #[case::opcr([0x47, 1, 0, 0x33, 7, 0x08], false)]
    #[case::discontinuity([0x47, 1, 0, 0x33, 1, 0x80], false)]
    #[case::random_access([0x47, 1, 0, 0x33, 1, 0x40], true)]
    #[case::priority([0x47, 1, 0, 0x33, 1, 0x20], true)]
    fn one_packet(#[case] head: [u8; 6], #[case] silent: bool) {
        let packet = packet(head);
        assert_eq!(Silent::new(0x4701_0013, true).is(&packet), silent);
        assert_eq!(Silent::new(0x4701_0013, false).is(&packet), silent && packet[3] & 0x20 == 0);
        let mut start = packet;
        start[1] ^= 0x40;
        assert_eq!(Silent::new(0x4701_0013, true).is_start(&start), silent);
    }

    #[test]
    fn a_run_ends_where_the_counter_does_not_go_on() {
        let counted = |counter: u8| packet([0x47, 1, 0, 0x10 | counter, 0, 0]);
        let mut packets: Vec<_> = (14..40).map(|n| counted(n & 0xF)).chain([counted(9), counted(10)]).collect();
        let silent = Silent::new(0x4701_001E, true);
        assert_eq!((silent.run(&packets, 99), silent.run(&packets, 7)), (26, 7));
        assert_eq!(silent.after(26).expected(), 0x4701_0018);
        assert_eq!(Silent::new(0x4701_001F, true).run(&packets, 99), 0);
        let before = packets.clone();
        assert_eq!(silent.rewrite(&mut packets, 0x470F_FF13, 5), 5);
        assert_eq!(silent.after(5).rewrite(&mut packets[5..], 0x470F_FF18, 99), 21);
        assert_eq!(packets[26..], before[26..]);
        for (n, (now, before)) in packets[..26].iter().zip(&before).enumerate() {
            assert_eq!(now[..4], [0x47, 0x0F, 0xFF, 0x10 | (n as u8 + 3) & 0xF]);
            assert_eq!(now[4..], before[4..]);
        }
    }

    #[test]
    fn stuffing_stays_where_it_is() {
        let mut packets = [packet([0x47, 1, 0, 0x33, 0, 0xFF]), packet([0x47, 1, 0, 0x34, 9, 0x10])];
        assert_eq!(Silent::new(0x4701_0013, false).rewrite(&mut packets, 0x4701_0010, 9), 0);
        assert_eq!(Silent::new(0x4701_0013, true).rewrite(&mut packets, 0x4701_0010, 9), 1);
        assert_eq!((packets[0][..5].to_vec(), packets[1][3]), (vec![0x47, 1, 0, 0x30, 0], 0x34));
    }
}

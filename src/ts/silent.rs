//! Silent packets: in step, with payload, and nothing beside it to tell. Knows nothing about streams; one comparison of the
//! header decides on nearly every packet, so that many side by side are dealt with as one.

use super::RawPacket;
use super::adaptation::Adaptation;
use super::packet::{ADAPTATION, counted, header};

/// Whether a packet has the header that is expected of a plain one and nothing else to tell: no adaptation field, or one of
/// stuffing.
#[inline]
pub fn is(packet: &RawPacket, expected: u32) -> bool {
    let word = header(packet);
    word == expected || word == expected | ADAPTATION && Adaptation::is_stuffing(packet)
}

/// The silent packets of one PID at the beginning, and the rest. `expected` is the header of the first, were it plain.
#[inline]
pub fn run(packets: &[RawPacket], mut expected: u32) -> (&[RawPacket], &[RawPacket]) {
    let differs = |packet: &RawPacket| {
        let differs = !is(packet, expected);
        expected = counted(expected);
        differs
    };
    let count = packets.iter().position(differs).unwrap_or(packets.len());
    packets.split_at(count)
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
    #[case::random_access([0x47, 1, 0, 0x33, 1, 0x40], false)]
    #[case::priority([0x47, 1, 0, 0x33, 1, 0x20], true)]
    fn one_packet(#[case] head: [u8; 6], #[case] silent: bool) {
        assert_eq!(is(&packet(head), 0x4701_0013), silent);
    }

    #[test]
    fn a_run_ends_where_the_counter_does_not_go_on() {
        let counted = |counter: u8| packet([0x47, 1, 0, 0x10 | counter, 0, 0]);
        let packets: Vec<_> = (14..40).map(|n| counted(n & 0xF)).chain([counted(9), counted(10)]).collect();
        assert_eq!(run(&packets, 0x4701_001E).0.len(), 26);
        assert_eq!(run(&packets, 0x4701_001F).0.len(), 0);
    }
}

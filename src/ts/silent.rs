//! Silent packets: in step, with payload, and nothing beside it to tell. Knows nothing about streams; one comparison of the
//! header decides on nearly every packet, so that many side by side are dealt with as one.

use super::RawPacket;
use super::adaptation::Adaptation;
use super::packet::ADAPTATION;

/// Whether a packet has the header that is expected of a plain one, without adaptation field, or else one of stuffing where
/// that is `allowed`.
#[inline]
pub fn is(packet: &RawPacket, expected: u32, allowed: bool) -> bool {
    is_as_it_lies(packet, expected.to_be(), allowed)
}

/// How many silent packets of one PID there are at the beginning, and what is expected after them. `expected` is the header
/// of the first, were it plain.
#[inline]
pub fn run(packets: &[RawPacket], expected: u32, allowed: bool) -> (usize, u32) {
    const COUNTER: u32 = 0xF_u32.to_be();
    let mut expected = expected.to_be();
    let mut count = 0;
    for packet in packets {
        if !is_as_it_lies(packet, expected, allowed) {
            break;
        }
        expected = expected & !COUNTER | expected.wrapping_add(1_u32.to_be()) & COUNTER;
        count += 1;
    }
    (count, u32::from_be(expected))
}

/// With headers in the order of their bytes, whatever that of the machine is: one operation less for each packet.
#[inline]
fn is_as_it_lies(packet: &RawPacket, expected: u32, allowed: bool) -> bool {
    let word = u32::from_ne_bytes([packet[0], packet[1], packet[2], packet[3]]);
    word == expected || allowed && word == expected | ADAPTATION.to_be() && Adaptation::is_stuffing(packet)
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
        let packet = packet(head);
        assert_eq!(is(&packet, 0x4701_0013, true), silent);
        assert_eq!(is(&packet, 0x4701_0013, false), silent && packet[3] & 0x20 == 0);
    }

    #[test]
    fn a_run_ends_where_the_counter_does_not_go_on() {
        let counted = |counter: u8| packet([0x47, 1, 0, 0x10 | counter, 0, 0]);
        let packets: Vec<_> = (14..40).map(|n| counted(n & 0xF)).chain([counted(9), counted(10)]).collect();
        assert_eq!(run(&packets, 0x4701_001E, true), (26, 0x4701_0018));
        assert_eq!(run(&packets, 0x4701_001F, true), (0, 0x4701_001F));
    }
}

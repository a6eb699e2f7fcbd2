//! A clean random access picture of H.265 goes on with the sequence before it (8.1.3), so that a decoder takes the pictures of
//! another source for repeated ones of the last. As a broken link access picture it begins a sequence; pictures that are still
//! to be shown are shown, which they are not where the sequence is said to have ended (C.5.2.2).

use crate::codec::hevc;
use crate::ts::RawPacket;
use crate::ts::packet;
use crate::ts::pes::Header;

/// `nal_unit_type` (H.265, table 7-1): a clean random access picture, and a broken link without leading pictures.
const CRA: u8 = 21;
const BLA_N_LP: u8 = 18;

/// Makes one of the other in the packets of one PES packet, all of them, in order. Its slices have the same syntax.
pub fn mark<'a>(packets: impl Iterator<Item = &'a mut RawPacket>) {
    // Zeros before, or all of a start code.
    let (mut zeros, mut begins) = (0, false);
    for (index, packet) in packets.enumerate() {
        let at = packet::payload_at(packet);
        let payload = packet.get_mut(at..).unwrap_or_default();
        let body_at = if index == 0 { Header::parse(payload).map_or(0, |header| header.body_at) } else { 0 };
        for byte in payload.get_mut(body_at..).unwrap_or_default() {
            if std::mem::take(&mut begins) && hevc::nal_type(*byte) == CRA {
                *byte = *byte & 0x81 | BLA_N_LP << 1;
            }
            (zeros, begins) = match *byte {
                0 => (zeros + 1, false),
                1 => (0, zeros >= 2),
                _ => (0, false),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::PACKET;

    const PES: [u8; 9] = [0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0];

    /// In packets with so many bytes of payload each.
    fn marked(unit: &[u8], payload: usize) -> Vec<u8> {
        let packet = |bytes: &[u8]| {
            let mut packet = [0; PACKET];
            packet[..5].copy_from_slice(&[0x47, 0x01, 0x00, 0x30, (183 - bytes.len()) as u8]);
            packet[PACKET - bytes.len()..].copy_from_slice(bytes);
            packet
        };
        let mut packets: Vec<RawPacket> = [&PES, unit].concat().chunks(payload).map(packet).collect();
        mark(packets.iter_mut());
        packets.iter().flat_map(packet::payload).copied().collect::<Vec<u8>>().split_off(PES.len())
    }

    #[rstest::rstest]
    fn all_slices_become_others(#[values(9, 10, 11, 12, 13, 50, 183)] payload: usize) {
        let parameters = [0, 0, 0, 1, 0x40, 1, 0x2A, 0, 0, 1, 0x42, 1];
        let slice = |first: u8| [0, 0, 1, first, 1, 0x2A, 0, 0, 3, 1, 0x2A];
        let of = |first: u8| [&parameters[..], &slice(first), &slice(first)].concat();
        assert_eq!(marked(&of(0x2A), payload), of(0x24));
        assert_eq!(marked(&of(0x26), payload), of(0x26), "an instantaneous refresh stays one");
    }
}

//! The transport packet's four-byte header (13818-1, 2.4.3.2). Knows nothing about what packets carry.

use super::RawPacket;

/// `sync_byte`.
pub const SYNC: u8 = 0x47;
/// PID of null packets.
pub const NULL_PID: u16 = 0x1FFF;
/// Header word bit: `transport_error_indicator`.
pub const ERROR: u32 = 0x80_0000;
/// Header word bit: `payload_unit_start_indicator`.
pub const UNIT_START: u32 = 0x40_0000;
/// Header word bits: `transport_scrambling_control`.
pub const SCRAMBLING: u32 = 0xC0;
/// Header word bit: an adaptation field follows.
pub const ADAPTATION: u32 = 0x20;
/// Header word bit: a payload follows.
pub const PAYLOAD: u32 = 0x10;

/// The header as one big-endian word: cheap to compare as a whole.
#[inline]
pub fn header(packet: &RawPacket) -> u32 {
    u32::from_be_bytes([packet[0], packet[1], packet[2], packet[3]])
}

/// The PID in a header word.
#[inline]
pub fn pid(header: u32) -> u16 {
    (header >> 8) as u16 & 0x1FFF
}

/// The header word of a packet of this PID with payload only, counter 0.
#[inline]
pub fn plain(pid: u16) -> u32 {
    (SYNC as u32) << 24 | u32::from(pid & 0x1FFF) << 8 | PAYLOAD
}

/// Whether there is a sync byte, and `transport_error_indicator` is not set.
#[inline]
pub fn is_whole(header: u32) -> bool {
    header & (0xFF00_0000 | ERROR) == (SYNC as u32) << 24
}

/// The word with the counter one further.
#[inline]
pub fn counted(header: u32) -> u32 {
    header & !0xF | (header + 1) & 0xF
}

/// Where the payload begins; [`super::PACKET`] if there is none, or the adaptation field's length is impossible.
#[inline]
pub fn payload_at(packet: &RawPacket) -> usize {
    match packet[3] & 0x30 {
        0x10 => 4,
        0x30 => (5 + packet[4] as usize).min(super::PACKET),
        _ => super::PACKET,
    }
}

/// The payload; empty if there is none.
#[inline]
pub fn payload(packet: &RawPacket) -> &[u8] {
    packet.get(payload_at(packet)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_by_adaptation_control() {
        let mut packet = [0xFF; 188];
        packet[3] = 0x10;
        assert_eq!(payload(&packet).len(), 184);
        packet[3] = 0x30;
        packet[4] = 0;
        assert_eq!(payload(&packet).len(), 183);
        packet[4] = 182;
        assert_eq!(payload(&packet).len(), 1);
        packet[4] = 255;
        assert_eq!(payload(&packet).len(), 0);
        packet[3] = 0x20;
        assert_eq!(payload(&packet).len(), 0);
        packet[3] = 0;
        assert_eq!(payload(&packet).len(), 0);
    }

    #[test]
    fn header_words() {
        let word = plain(0x1234);
        assert_eq!(word.to_be_bytes(), [0x47, 0x12, 0x34, 0x10]);
        assert_eq!(pid(word | UNIT_START | ERROR), 0x1234);
        assert_eq!(counted(word | 0xF), word);
        assert_eq!(counted(word), word | 1);
        assert!(is_whole(word) && !is_whole(word | ERROR) && !is_whole(word ^ 0x0100_0000));
    }
}

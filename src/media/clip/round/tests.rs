use proptest::prelude::*;

use super::*;

/// A packet that begins a PES packet with PTS and DTS, with a PCR where one is given.
fn packet(counter: u8, pts: u64, dts: u64, pcr: Option<(u64, u16)>) -> RawPacket {
    let mut packet = [0xFF; PACKET];
    packet[..4].copy_from_slice(&[0x47, 0x41, 0x00, 0x30 | counter]);
    packet[4] = 7;
    packet[5] = if pcr.is_some() { 0x10 } else { 0 };
    let (base, extension) = pcr.unwrap_or_default();
    let field = base << 15 | 0x3F << 9 | u64::from(extension);
    packet[6..12].copy_from_slice(&field.to_be_bytes()[2..]);
    let pes = &mut packet[12..];
    pes[..9].copy_from_slice(&[0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 10]);
    pes[9..14].copy_from_slice(&stamp(3, pts));
    pes[14..19].copy_from_slice(&stamp(1, dts));
    packet
}

fn stamp(mark: u8, value: u64) -> [u8; 5] {
    let byte = |bits: u64| (bits & 0xFF) as u8;
    [
        mark << 4 | byte(value >> 30 & 7) << 1 | 1,
        byte(value >> 22),
        byte(value >> 15 & 0x7F) << 1 | 1,
        byte(value >> 7),
        byte(value & 0x7F) << 1 | 1,
    ]
}

proptest! {
    #[test]
    fn every_clock_moves_by_the_rounds_before_and_wraps(
        pts in 0..WRAP_90K, dts in 0..WRAP_90K, base in 0..WRAP_90K, extension in 0u16..300,
        length in 1u64..1 << 25, rounds in 0u64..400,
    ) {
        let mut round = Round::new(0);
        for _ in 0..rounds {
            round.next(length);
        }
        let mut moved = packet(0, pts, dts, Some((base, extension)));
        round.restamp(&mut moved);
        let shift = |value: u64| (value + length * rounds) % WRAP_90K;
        prop_assert_eq!(moved, packet(0, shift(pts), shift(dts), Some((shift(base), extension))));
    }

    #[test]
    fn no_packet_makes_it_panic_or_lose_its_pid(bytes in proptest::collection::vec(any::<u8>(), PACKET)) {
        let mut packet: RawPacket = bytes.clone().try_into().unwrap();
        Round::new(12345).restamp(&mut packet);
        prop_assert_eq!(&packet[..3], &bytes[..3]);
    }
}

#[test]
fn counters_go_on_across_the_seam() {
    let mut round = Round::new(0);
    let mut counters = Vec::new();
    for _ in 0..3 {
        for own in [14u8, 15, 0] {
            let mut packet = packet(own, 0, 0, None);
            round.restamp(&mut packet);
            counters.push(packet[3] & 0x0F);
        }
        // Without payload: the counter stands still.
        let mut empty = packet(0, 0, 0, None);
        empty[3] = 0x20;
        round.restamp(&mut empty);
        counters.push(empty[3] & 0x0F);
        round.next(90_000);
    }
    assert_eq!(counters, [14, 15, 0, 0, 1, 2, 3, 3, 4, 5, 6, 6]);
}

#[test]
fn tables_keep_their_bytes() {
    let mut pat = [0xFF; PACKET];
    pat[..8].copy_from_slice(&[0x47, 0x40, 0x00, 0x10, 0x00, 0x00, 0xB0, 0x0D]);
    let before = pat;
    let mut round = Round::new(999);
    round.restamp(&mut pat);
    assert_eq!(pat, before);
}

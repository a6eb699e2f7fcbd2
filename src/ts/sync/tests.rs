use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn packets(count: usize) -> Vec<RawPacket> {
    (0..count)
        .map(|n| {
            // Payload full of false sync bytes.
            let mut packet = [if n % 3 == 0 { 0x47 } else { n as u8 }; PACKET];
            packet[..4].copy_from_slice(&[0x47, 1, n as u8, 0x10 | (n as u8 & 0xF)]);
            packet
        })
        .collect()
}

fn run(bytes: &[u8], chunks: impl Fn(usize) -> usize) -> (Vec<RawPacket>, u64) {
    let mut sync = Sync::default();
    let mut found = Vec::new();
    let mut take = |packets: &mut [RawPacket], _: usize| {
        let good = packets.iter().take_while(|packet| packet[0] == 0x47).count();
        found.extend_from_slice(&packets[..good]);
        good
    };
    let mut at = 0;
    let mut n = 0;
    let mut held = Vec::new();
    while at < bytes.len() {
        let end = (at + chunks(n)).min(bytes.len());
        held.extend_from_slice(&bytes[at..end]);
        let passed = sync.pass(&mut held, Then::More, &mut take);
        held.drain(..passed);
        at = end;
        n += 1;
    }
    assert!(held.len() <= 5 * 204, "only what cannot be decided on is left");
    assert_eq!(sync.pass(&mut held, Then::Nothing, &mut take), held.len());
    (found, sync.junk_bytes())
}

fn laid_out(packets: &[RawPacket], stride: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for packet in packets {
        if stride == 192 {
            bytes.extend([0x47, 0, 1, 2]);
        }
        bytes.extend(packet);
        if stride == 204 {
            bytes.extend([0xEE; 16]);
        }
    }
    bytes
}

#[rstest]
#[case(188)]
#[case(204)]
fn any_stride_any_chunk(#[case] stride: usize, #[values(1, 7, 188, 1000, 100_000)] chunk: usize) {
    let packets = packets(40);
    assert_eq!(run(&laid_out(&packets, stride), |_| chunk).0, packets);
}

#[test]
fn blu_ray_packets_with_their_arrival_times() {
    let mut packets = packets(40);
    for packet in &mut packets {
        packet[4..].fill(0);
    }
    let mut bytes = laid_out(&packets, 192);
    for at in (0..bytes.len()).step_by(192) {
        bytes[at] = 0;
    }
    assert_eq!(run(&bytes, |_| 333), (packets, 4));
}

#[test]
fn few_packets_are_enough_at_the_end() {
    let packets = packets(2);
    assert_eq!(run(&laid_out(&packets, 188), |_| 50).0, packets);
}

#[test]
fn a_false_sync_byte_is_not_followed() {
    let packets = packets(30);
    let mut bytes = vec![0x47, 0x47, 0x47, 1, 2, 3];
    bytes.extend(packets.concat());
    assert_eq!(run(&bytes, |_| 64), (packets, 6));
}

#[test]
fn junk_between_costs_only_itself() {
    let packets = packets(60);
    let mut bytes = packets[..20].concat();
    bytes.extend([0; 77]);
    bytes.extend(packets[20..40].concat());
    bytes.extend(b"HTTP/1.1 502");
    bytes.extend(packets[40..].concat());
    assert_eq!(run(&bytes, |n| 1 + n * 13 % 700), (packets, 89));
}

#[test]
fn text_is_all_junk() {
    let text = "<html>GGGGGGGG".repeat(5000);
    let (found, junk) = run(text.as_bytes(), |_| 999);
    assert!(found.is_empty());
    assert_eq!(junk, text.len() as u64);
}

proptest! {
    #[test]
    fn chunks_do_not_matter(bytes in proptest::collection::vec(prop_oneof![3 => Just(0x47u8), 1 => any::<u8>()], 0..4000), seed in 1usize..500) {
        let whole = run(&bytes, |_| usize::MAX / 2);
        prop_assert_eq!(run(&bytes, |n| 1 + (n * 7919 + seed) % seed), whole);
    }

    #[test]
    fn junk_anywhere(cuts in proptest::collection::vec((0usize..60, proptest::collection::vec(any::<u8>(), 1..300)), 0..4), chunk in 1usize..3000) {
        let packets = packets(60);
        let mut bytes = Vec::new();
        for (n, packet) in packets.iter().enumerate() {
            for (at, junk) in &cuts {
                if *at == n {
                    bytes.extend(junk.iter().map(|&byte| if byte == 0x47 { 0 } else { byte }));
                }
            }
            bytes.extend(packet);
        }
        let (found, _) = run(&bytes, |_| chunk);
        // Packets stand apart by cuts; three in a row are always found again.
        let whole = found.iter().filter(|found| packets.contains(found)).count();
        prop_assert!(whole + 3 * cuts.len() + 5 * usize::from(!cuts.is_empty()) >= packets.len(), "{} of {}", whole, packets.len());
    }
}

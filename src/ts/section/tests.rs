use proptest::prelude::*;

use super::*;

fn read(reader: &mut SectionReader, packets: &[RawPacket]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for packet in packets {
        reader.push(packet, |section| found.push(section.to_vec()));
    }
    found
}

fn count(packets: &mut [RawPacket], from: u8) {
    for (packet, counter) in packets.iter_mut().zip(from..) {
        packet[3] = packet[3] & 0xF0 | counter & 0xF;
    }
}

#[test]
fn crc_of_a_known_pat() {
    // The PAT that ffmpeg writes.
    let pat = [0x00, 0xB0, 0x0D, 0x00, 0x01, 0xC1, 0x00, 0x00, 0x00, 0x01, 0xF0, 0x00, 0x2A, 0xB1, 0x04, 0xB2];
    assert_eq!(crc32(&pat), 0);
    assert_eq!(build(0, 1, 0, &[0x00, 0x01, 0xF0, 0x00]), pat);
}

#[test]
fn repetition_is_given_once_and_a_change_again() {
    let mut reader = SectionReader::default();
    let mut packets = Vec::new();
    for version in [1, 1, 1, 2, 2, 1] {
        packets.extend(packetize(0, &build(0, 1, version, &[0; 8])));
    }
    count(&mut packets, 14);
    let versions: Vec<u8> = read(&mut reader, &packets).iter().map(|section| Section::parse(section).unwrap().version).collect();
    assert_eq!(versions, [1, 2, 1]);
}

#[test]
fn a_lost_packet_loses_only_its_section() {
    let mut reader = SectionReader::default();
    let long = build(2, 1, 0, &[7; 900]);
    let mut packets = packetize(0x100, &long);
    packets.extend(packetize(0x100, &long));
    packets.extend(packetize(0x100, &long));
    count(&mut packets, 0);
    packets.remove(7);
    assert_eq!(read(&mut reader, &packets), [long.clone(), long]);
}

#[test]
fn damage_is_counted() {
    let mut reader = SectionReader::default();
    let mut packets = packetize(0, &build(0, 1, 0, &[0; 8]));
    packets[0][10] ^= 1;
    assert!(read(&mut reader, &packets).is_empty());
    assert_eq!(reader.crc_errors(), 1);
}

#[test]
fn several_sections_in_a_packet_and_one_that_goes_on() {
    let sections = [build(2, 1, 0, &[1; 40]), build(2, 2, 0, &[2; 40]), build(2, 3, 0, &[3; 200]), build(2, 4, 0, &[4; 10])];
    let all = sections.concat();
    let boundary = 183;
    let mut first = [0xFF; 188];
    first[..5].copy_from_slice(&[0x47, 0x40 | 0x01, 0x00, 0x10, 0]);
    first[5..].copy_from_slice(&all[..boundary]);
    let into_second = sections[..3].concat().len() - boundary;
    let mut second = [0xFF; 188];
    second[..5].copy_from_slice(&[0x47, 0x40 | 0x01, 0x00, 0x11, into_second as u8]);
    second[5..5 + all.len() - boundary].copy_from_slice(&all[boundary..]);
    assert_eq!(read(&mut SectionReader::default(), &[first, second]), sections);
}

proptest! {
    #[test]
    fn sections_of_any_length_survive_packets(lengths in proptest::collection::vec(0usize..4000, 1..6), counter in 0u8..16) {
        let sections: Vec<_> = lengths.iter().enumerate().map(|(n, &length)| build(2, n as u16, 1, &vec![n as u8; length])).collect();
        let mut packets: Vec<_> = sections.iter().flat_map(|section| packetize(0x30, section)).collect();
        count(&mut packets, counter);
        prop_assert_eq!(read(&mut SectionReader::default(), &packets), sections);
    }

    #[test]
    fn any_packets_are_survived(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 188), 0..8)) {
        let mut reader = SectionReader::default();
        for packet in packets {
            let mut packet: RawPacket = packet.try_into().unwrap();
            packet[4] &= 0x3F;
            reader.push(&packet, |section| assert_eq!(crc32(section), 0));
        }
    }
}

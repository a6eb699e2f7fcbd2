mod mutations;
mod reorder;
mod timeline;

use std::collections::HashMap;
use std::path::PathBuf;

use rstest::rstest;

use super::*;
use crate::ts::input::{Choice, Input, Sink};

/// Input and splice together, as the pump has them.
#[derive(Default)]
struct Session {
    splice: Splice,
    out: Vec<u8>,
    /// What came in since the first random access point, in order.
    given: Vec<(RawPacket, Mark)>,
    random_access: Vec<usize>,
    /// What follows is a clip of our own.
    standing_in: bool,
}

impl Sink for Session {
    fn programme(&mut self, programme: &Programme) {
        match self.standing_in {
            true => self.splice.stand_in(programme),
            false => self.splice.programme(programme),
        }
    }

    fn packet(&mut self, packet: &RawPacket, mark: Mark) {
        let at = self.out.len();
        let written = self.splice.packet(packet, mark, &mut self.out);
        assert_eq!(self.out.len() - at, written.bytes);
        if written.random_access {
            self.random_access.push(at);
        }
        if mark.random_access || !self.given.is_empty() {
            self.given.push((*packet, mark));
        }
    }
}

fn corpus(name: &str) -> Vec<u8> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/ts")).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("the shared test data is missing: {}: {error}", path.display()))
}

impl Session {
    fn play(&mut self, bytes: &[u8]) {
        let mut input = Input::new(Choice::First);
        bytes.chunks(65536).for_each(|chunk| input.push(chunk, self));
        input.finish(self);
    }

    fn packets(&self) -> &[RawPacket] {
        let (packets, rest) = self.out.as_chunks::<PACKET>();
        assert!(rest.is_empty());
        packets
    }
}

/// Payload bytes of each PID or stream, from its first unit on.
fn payloads<K: std::hash::Hash + Eq>(packets: impl Iterator<Item = (K, RawPacket)>) -> HashMap<K, Vec<u8>> {
    let mut streams: HashMap<K, Vec<u8>> = HashMap::new();
    for (key, packet) in packets {
        if packet[1] & 0x40 != 0 || streams.contains_key(&key) {
            streams.entry(key).or_default().extend(packet::payload(&packet));
        }
    }
    streams
}

/// Continuity, section CRCs, and nothing but the programme.
fn assert_legal(packets: &[RawPacket]) {
    let mut counters: HashMap<u16, u8> = HashMap::new();
    let mut pat = crate::ts::section::SectionReader::default();
    let mut pmt = crate::ts::section::SectionReader::default();
    for packet in packets {
        let word = header(packet);
        let pid = packet::pid(word);
        assert_eq!(packet[0], 0x47);
        assert_ne!(pid, NULL_PID);
        let counter = word as u8 & 0xF;
        let last = counters.insert(pid, counter);
        let expected = last.map(|last| if word & PAYLOAD != 0 { (last + 1) & 0xF } else { last });
        assert!(expected.is_none_or(|expected| expected == counter), "continuity of {pid:#x}");
        match pid {
            0 => pat.push(packet, |_| {}),
            PMT_PID => pmt.push(packet, |_| {}),
            _ => assert!(counters.contains_key(&0) && counters.contains_key(&PMT_PID), "tables come first"),
        }
    }
    assert_eq!((pat.crc_errors(), pmt.crc_errors()), (0, 0));
}

#[rstest]
#[case("androidx/bbb_2500ms.ts")]
#[case("androidx/sample_ait.ts")]
#[case("androidx/sample_h264_iframes_only.ts")]
#[case("androidx/sample_h265.ts")]
#[case("androidx/sample_scte35.ts")]
#[case("androidx/sample_with_junk")]
#[case("androidx/sample_with_sdt.ts")]
#[case("tsduck/test-012.ts")]
#[case("tsduck/test-025.ts")]
#[case("tsduck/test-064.ts")]
#[case("tsduck/test-072.ts")]
#[case("tsduck/test-137.ts")]
#[case("tsduck/test-139.ts")]
fn the_first_source_passes_untouched(#[case] name: &str) {
    let mut session = Session::default();
    session.play(&corpus(name));
    assert_legal(session.packets());
    assert_eq!(session.random_access.first(), Some(&0));
    let slots = session.splice.slots.clone();
    let pid = |stream: u8| packet::pid(session.splice.lanes[usize::from(slots[usize::from(stream)])].next);
    let given = payloads(session.given.iter().map(|(packet, mark)| (pid(mark.stream), *packet)));
    let tables = [pat::PID, PMT_PID];
    let of_output = session.packets().iter().map(|packet| (packet::pid(header(packet)), *packet));
    let written = payloads(of_output.filter(|(pid, _)| !tables.contains(pid)));
    assert!(!written.is_empty());
    assert!(given == written);
}

use std::path::PathBuf;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::session::ring::{Limits, Reader, Start};
use crate::ts::RawPacket;
use crate::ts::input::{Choice, Mark, Sink};
use crate::ts::leap::{self, Leaps};
use crate::ts::programme::Programme;
use crate::ts::splice::Splice;

mod sources;

/// What goes in is written out anew, a packet at a time.
#[derive(Default)]
struct Copied {
    leaps: Leaps,
    splice: Splice,
    out: Vec<u8>,
}

impl Sink for Copied {
    fn programme(&mut self, programme: &Programme) {
        self.leaps.programme(programme);
        self.splice.programme(programme);
    }

    fn packet(&mut self, packet: &RawPacket, mut mark: Mark) {
        let mut packet = *packet;
        leap::moved(&mut packet, &mut mark, &mut self.leaps);
        self.splice.packet(&packet, mark, &mut self.out);
    }
}

fn corpus(name: &str) -> Vec<u8> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/ts")).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("the shared test data is missing: {}: {error}", path.display()))
}

fn pump(chunk: usize) -> (Pump, Arc<Ring>) {
    let limits = Limits { bytes: 64 << 20, bytes_max: 64 << 20, time: Duration::from_secs(900), join_lead: Duration::ZERO };
    let ring = Arc::new(Ring::new(limits));
    let cut = Cut { bytes: chunk, interval: Duration::from_secs(900), at_other_codecs: false };
    (Pump::new(ring.clone(), cut, crate::base::clock::now()), ring)
}

/// Every chunk, from the first random access point on.
fn chunks(ring: &Arc<Ring>) -> Vec<Bytes> {
    ring.close();
    let mut reader = Reader::new(ring.clone(), Start::First);
    let mut cx = Context::from_waker(Waker::noop());
    std::iter::from_fn(|| match reader.poll_read(&mut cx) {
        Poll::Ready(read) => read.map(|read| read.bytes),
        Poll::Pending => None,
    })
    .collect()
}

/// Through the pump, in pieces of these sizes, again and again.
fn pumped(bytes: &[u8], pieces: &[usize], chunk: usize) -> (Vec<Bytes>, Input, Pump) {
    let (mut pump, ring) = pump(chunk);
    let mut input = Input::new(Choice::First);
    let now = crate::base::clock::now();
    let mut rest = bytes;
    for size in pieces.iter().cycle() {
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        pump.push(&mut input, piece, now);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    pump.finish(&mut input, now);
    pump.give_rest(now);
    (chunks(&ring), input, pump)
}

fn pid(packet: &RawPacket) -> u16 {
    crate::ts::packet::pid(crate::ts::packet::header(packet))
}

/// All but the tables, which may lie elsewhere: what else is in the output, and in which order.
fn media(bytes: &[u8]) -> Vec<RawPacket> {
    let (packets, rest) = bytes.as_chunks::<PACKET>();
    assert!(rest.is_empty(), "whole packets only");
    packets.iter().filter(|packet| ![0, 0x1000].contains(&pid(packet))).copied().collect()
}

fn assert_counted(bytes: &[u8]) {
    let mut next = [None; 8192];
    for packet in bytes.as_chunks::<PACKET>().0 {
        let next = &mut next[usize::from(pid(packet))];
        let counter = packet[3] & 0xF;
        if packet[3] & 0x10 != 0 {
            assert!(next.is_none_or(|next| next == counter), "continuity of {:#x}", pid(packet));
            *next = Some((counter + 1) & 0xF);
        }
    }
}

const FILES: [&str; 11] = [
    "androidx/bbb_2500ms.ts",
    "androidx/sample_ait.ts",
    "androidx/sample_h264_iframes_only.ts",
    "androidx/sample_h265_rps_pred.ts",
    "androidx/sample_scte35.ts",
    "androidx/sample_with_junk",
    "tsduck/test-012.ts",
    "tsduck/test-064.ts",
    "tsduck/test-072.ts",
    "tsduck/test-137.ts",
    "tsduck/test-143.ts",
];

#[rstest]
fn rewriting_in_place_is_as_good_as_copying(
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)] file: usize,
    #[values(&[188 * 80][..], &[16_384], &[1316], &[1, 187, 40_000, 500])] pieces: &[usize],
) {
    let bytes = corpus(FILES[file]);
    let mut copied = Copied::default();
    let mut input = Input::new(Choice::First);
    input.push(&bytes, &mut copied);
    input.finish(&mut copied);
    let (chunks, other, pump) = pumped(&bytes, pieces, 64 * 1024);
    let out = chunks.concat();
    assert!(media(&out) == media(&copied.out));
    assert_counted(&out);
    assert_eq!((input.stats(), input.info(), input.media_time()), (other.stats(), other.info(), other.media_time()));
    assert_eq!(pump.pushed_bytes(), out.len() as u64);
    assert!(chunks.iter().all(|chunk| chunk.len() < 64 * 1024 + PACKET));
}

#[test]
fn tables_take_the_place_of_the_sources() {
    let bytes = corpus("tsduck/test-064.ts");
    let of_source = bytes.as_chunks::<PACKET>().0.iter().filter(|packet| pid(packet) == 0).count();
    let (chunks, ..) = pumped(&bytes, &[16_384], 64 * 1024);
    let out = chunks.concat();
    let ours = out.as_chunks::<PACKET>().0.iter().filter(|packet| pid(packet) == 0).count();
    assert!((of_source - 5..of_source + 60).contains(&ours), "{ours} for {of_source}");
}

#[test]
fn what_is_left_of_one_source_is_not_the_next_ones() {
    let bytes = corpus("androidx/sample_h264_iframes_only.ts");
    let (mut pump, ring) = pump(64 * 1024);
    let now = crate::base::clock::now();
    for _ in 0..3 {
        let mut input = Input::new(Choice::First);
        // It breaks off in the middle of a packet, and is not asked for what it held.
        pump.push(&mut input, &bytes[..bytes.len() - 100], now);
        pump.change_source(now);
        assert_eq!(input.stats().junk_bytes, 0);
    }
    let out = chunks(&ring).concat();
    assert_counted(&out);
    assert!(out.as_chunks::<PACKET>().0.iter().all(|packet| packet[0] == 0x47));
}

/// It was followed by another sink until then, and the next bytes begin in the middle of a packet.
#[rstest]
fn a_source_kept_ready_loses_nothing_when_it_goes_on_air(#[values(0, 77, 187)] into: usize) {
    let bytes = corpus("tsduck/test-064.ts");
    let (before, after) = bytes.split_at(bytes.len() / 2 / PACKET * PACKET + into);
    let mut input = Input::new(Choice::First);
    let mut recording = Recording::new(64 << 20);
    input.push(before, &mut recording);
    assert!(recording.is_ready());
    let packets_before = input.stats().programme_packets;
    let (mut pump, ring) = pump(64 * 1024);
    let now = crate::base::clock::now();
    pump.replay(&mut input, &recording, now);
    pump.push(&mut input, after, now);
    pump.finish(&mut input, now);
    pump.give_rest(now);
    let out = chunks(&ring).concat();
    assert_counted(&out);
    let stats = input.stats();
    assert_eq!((stats.continuity_errors, stats.junk_bytes), (0, 0));
    let went_on = recording.bytes() / PACKET + (stats.programme_packets - packets_before) as usize;
    // The sound before its first unit is left out.
    assert!((went_on - 20..=went_on).contains(&media(&out).len()), "{} of {went_on}", media(&out).len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Damage of any kind, in pieces of any size.
    #[test]
    fn damage_makes_no_difference(
        file in 0..FILES.len(),
        damage in proptest::collection::vec((0..300_000usize, any::<[u8; 3]>(), 0..400usize), 0..30),
        pieces in proptest::collection::vec(1..20_000usize, 1..5),
        chunk in prop_oneof![Just(1usize), Just(64 * 1024), 1..40_000usize],
    ) {
        let mut bytes = corpus(FILES[file]);
        bytes.truncate(300_000);
        for (at, new, lost) in damage {
            let at = at % bytes.len();
            let end = (at + lost).min(bytes.len());
            bytes.splice(at..end, new);
        }
        let mut copied = Copied::default();
        let mut input = Input::new(Choice::First);
        input.push(&bytes, &mut copied);
        input.finish(&mut copied);
        let (chunks, other, _) = pumped(&bytes, &pieces, chunk);
        let out = chunks.concat();
        prop_assert!(media(&out) == media(&copied.out));
        assert_counted(&out);
        prop_assert_eq!(input.stats(), other.stats());
    }
}

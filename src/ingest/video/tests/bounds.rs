//! Whatever comes, in whatever order: no panic, and no more is kept than is allowed.

use std::time::Duration;

use proptest::prelude::*;

use super::packetise::{self, Choices, numbered};
use super::round_trip::choices;
use super::streams::stream;
use super::{LONGEST_DATAGRAM, Line, Wire, packetise_hevc};
use crate::ingest::video::don::Interleaving;
use crate::ingest::video::gate::OnHole;
use crate::ingest::video::{Depacketizer, Settings};
use crate::model::Codec;

fn depacketizers(settings: Settings, depth: usize, span: Option<u64>) -> Vec<Depacketizer> {
    let interleaving = Some(Interleaving { depth, span, wait: Duration::from_millis(300) });
    vec![
        Depacketizer::new(Codec::H264, None, settings),
        Depacketizer::new(Codec::H264, interleaving, settings),
        Depacketizer::new(Codec::Hevc, None, settings),
        Depacketizer::new(Codec::Hevc, interleaving, settings),
    ]
}

/// What may be done to a packet.
#[derive(Debug, Clone)]
struct Fate {
    wire: prop::sample::Index,
    sequence: u64,
    lost_before: bool,
    changed: Vec<(prop::sample::Index, u8)>,
    cut: Option<prop::sample::Index>,
    wait_ms: u64,
}

fn fate() -> impl Strategy<Value = Fate> {
    let sequence = prop_oneof![0u64..100, any::<u64>()];
    let changed = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let wait = prop_oneof![4 => Just(0u64), 1 => 0u64..400];
    let cut = proptest::option::weighted(0.2, any::<prop::sample::Index>());
    (any::<prop::sample::Index>(), sequence, any::<bool>(), changed, cut, wait).prop_map(
        |(wire, sequence, lost_before, changed, cut, wait_ms)| Fate { wire, sequence, lost_before, changed, cut, wait_ms },
    )
}

fn bounded(line: &mut Line<'_>, settings: Settings) -> Result<(), TestCaseError> {
    prop_assert!(line.depacketizer.held_bytes() <= settings.max_frame_bytes + LONGEST_DATAGRAM);
    prop_assert!(line.units.iter().all(|unit| unit.data.len() <= settings.max_frame_bytes));
    // Those of a packet, and of a wait in front of it.
    prop_assert!(line.units.iter().map(|unit| unit.data.len()).sum::<usize>() <= 4 * settings.max_frame_bytes);
    line.units.clear();
    Ok(())
}

/// Packets of all formats, taken for any of them.
fn wires(h264: &[super::streams::Picture], hevc: &[super::streams::Picture], mtu: usize, choices: &mut Choices) -> Vec<Wire> {
    let mut all: Vec<Wire> = h264.iter().flat_map(|picture| packetise::in_order(picture, mtu, false, choices)).collect();
    let mut groups = packetise::interleaved(&numbered(h264, 65_500), mtu, choices);
    groups.extend(packetise_hevc::groups(&numbered(hevc, 65_500), false, mtu, choices));
    groups.extend(packetise_hevc::groups(&numbered(hevc, 65_500), true, mtu, choices));
    all.extend(groups.into_iter().flat_map(|group| group.wires));
    all
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        packets in proptest::collection::vec(
            (any::<u64>(), prop_oneof![0u64..5, any::<u64>()], any::<(bool, bool)>(), proptest::collection::vec(any::<u8>(), 0..60), 0u64..300),
            0..60,
        ),
        depth in 0usize..40, span in proptest::option::of(0u64..40), small in 64usize..400,
    ) {
        let settings = Settings { max_frame_bytes: small, on_hole: OnHole::Pass, ..Settings::default() };
        for mut depacketizer in depacketizers(settings, depth, span) {
            let mut line = Line::new(&mut depacketizer);
            for (sequence, timestamp, (marker, lost), payload, wait_ms) in &packets {
                line.send(*sequence, *lost, &Wire { timestamp: *timestamp, marker: *marker, payload: payload.clone() });
                bounded(&mut line, settings)?;
                line.wait(*wait_ms);
            }
            line.flush();
            bounded(&mut line, settings)?;
            prop_assert_eq!(line.depacketizer.held_bytes(), 0);
        }
    }

    #[test]
    fn any_order_and_any_damage_are_survived(
        h264 in stream(Codec::H264, 5), hevc in stream(Codec::Hevc, 5), mtu in 20usize..1500,
        fates in proptest::collection::vec(fate(), 0..150), mut choices in choices(), depth in 0usize..40,
        span in proptest::option::of(0u64..40), small in prop_oneof![64usize..400, 400usize..10_000],
    ) {
        let wires = wires(&h264, &hevc, mtu, &mut choices);
        let settings = Settings { max_frame_bytes: small, on_hole: OnHole::Pass, ..Settings::default() };
        for mut depacketizer in depacketizers(settings, depth, span) {
            let mut line = Line::new(&mut depacketizer);
            let mut before = 0;
            for fate in &fates {
                let mut wire = fate.wire.get(&wires).clone();
                for (at, byte) in &fate.changed {
                    let at = at.index(wire.payload.len());
                    wire.payload[at] = *byte;
                }
                if let Some(cut) = &fate.cut {
                    wire.payload.truncate(cut.index(wire.payload.len()));
                }
                // In order, most of the time.
                before = if fate.sequence < 90 { before + 1 } else { fate.sequence };
                line.send(before, fate.lost_before && fate.sequence < 20, &wire);
                bounded(&mut line, settings)?;
                line.wait(fate.wait_ms);
            }
            line.flush();
            bounded(&mut line, settings)?;
            prop_assert_eq!(line.depacketizer.held_bytes(), 0);
        }
    }
}

/// Datagrams as long as can be, of one NAL unit that never ends, or of the smallest ones there are; and nothing says what comes
/// first.
#[test]
fn floods_are_bounded() {
    let settings = Settings { max_frame_bytes: 300_000, on_hole: OnHole::Pass, ..Settings::default() };
    let tiny = |header: &[u8], unit: &[u8]| {
        let mut payload = header.to_vec();
        while payload.len() + unit.len() <= LONGEST_DATAGRAM {
            payload.extend(unit);
        }
        payload
    };
    let payloads = [
        [vec![0x7C, 0x05], vec![0x55; LONGEST_DATAGRAM - 2]].concat(),
        [vec![0x62, 0x01, 0x13], vec![0x55; LONGEST_DATAGRAM - 3]].concat(),
        tiny(&[0x78], &[0, 1, 0x0A]),
        tiny(&[0x79, 0, 1], &[0, 2, 0x41, 0x40]),
        tiny(&[0x60, 1], &[0, 2, 0x4A, 1]),
        tiny(&[0x60, 1, 0, 5], &[0, 2, 0x4A, 1, 0]),
        tiny(&[0x41], &[0, 0, 1, 0x06]),
        tiny(&[0x67], &[0, 0, 1, 0x68, 0xFF]),
        vec![0x65; LONGEST_DATAGRAM],
    ];
    for payload in payloads {
        for mut depacketizer in depacketizers(settings, usize::MAX, None) {
            let mut line = Line::new(&mut depacketizer);
            for (header, sequence) in [[0x7C, 0x85, 0x9A].as_slice(), &[0x62, 0x01, 0x93, 0, 1, 0x9A]].iter().zip(0..) {
                line.send(sequence, false, &Wire { timestamp: 1, marker: false, payload: header.to_vec() });
            }
            for sequence in 2..12 {
                line.send(sequence, false, &Wire { timestamp: 1, marker: false, payload: payload.clone() });
                bounded(&mut line, settings).unwrap();
            }
        }
    }
}

/// Thousands of pictures in one datagram, each of which asks for parameter sets.
#[test]
fn parameter_sets_do_not_multiply() {
    let settings = Settings { max_frame_bytes: 300_000, on_hole: OnHole::Pass, ..Settings::default() };
    let mut depacketizer = Depacketizer::new(Codec::H264, None, settings);
    let mut line = Line::new(&mut depacketizer);
    for (id, sequence) in (1u8..8).zip(0..) {
        // ue(id) in seven bits.
        let pps = [&[0x68, (id + 1) << 2 | 1], [0x55; 8_000].as_slice()].concat();
        line.send(sequence, false, &Wire { timestamp: 1, marker: false, payload: pps });
    }
    let mut payload = vec![0x78];
    (0..16_000).for_each(|_| payload.extend([0, 2, 0x65, 0x88]));
    line.send(7, false, &Wire { timestamp: 1, marker: false, payload });
    let bytes: usize = line.units.iter().map(|unit| unit.data.len()).sum();
    assert!((50_000..=2 * settings.max_frame_bytes).contains(&bytes), "{bytes}");
    assert_eq!(line.units.len() as u64 + line.depacketizer.stats().dropped, 15_999);
}

/// A NAL unit that is too long is left out with a count, and those behind it are not.
#[test]
fn what_is_over_is_left_out_up_to_the_next_nal_unit() {
    let settings = Settings { max_frame_bytes: 1_000, on_hole: OnHole::Pass, ..Settings::default() };
    let mut depacketizer = Depacketizer::new(Codec::H264, None, settings);
    let mut line = Line::new(&mut depacketizer);
    let mut send = |sequence, marker, payload: &[u8]| {
        line.send(sequence, false, &Wire { timestamp: 1, marker, payload: payload.to_vec() });
    };
    send(1, false, &[0x65, 0x9A, 1, 2]);
    send(2, false, &[&[0x7C, 0x85, 0x4D], [5; 600].as_slice()].concat());
    send(3, false, &[&[0x7C, 0x05], [6; 600].as_slice()].concat());
    send(4, false, &[0x7C, 0x45, 7]);
    send(5, true, &[0x65, 0x4D, 3, 4]);
    let [unit] = line.units.as_slice() else { panic!() };
    assert_eq!(super::nals(&unit.data)[1..], [vec![0x65, 0x9A, 1, 2], vec![0x65, 0x4D, 3, 4]]);
    assert_eq!((unit.damaged, line.depacketizer.stats().oversized), (true, 1));
}

//! Packets that never come: what is left is whole, in order, and said to be damaged where something is missing.

use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use super::packetise::{self, Choices, numbered};
use super::round_trip::choices;
use super::streams::{Kind, Picture, is_slice, stream};
use super::{Line, Wire, nals, packetise_hevc};
use crate::ingest::video::don::Interleaving;
use crate::ingest::video::gate::OnHole;
use crate::ingest::video::{AccessUnit, Depacketizer, Settings};
use crate::model::Codec;

/// How the depacketizer learns of a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Sequence,
    Flag,
    Both,
}

fn told() -> impl Strategy<Value = Told> {
    prop::sample::select(vec![Told::Sequence, Told::Flag, Told::Both])
}

fn lost() -> impl Strategy<Value = BTreeSet<usize>> {
    prop_oneof![
        proptest::collection::btree_set(0usize..150, 0..4),
        proptest::collection::btree_set(0usize..150, 0..60),
        (0usize..100, 1usize..40).prop_map(|(from, count)| (from..from + count).collect()),
    ]
}

fn settings(on_hole: OnHole) -> Settings {
    Settings { on_hole, ..Settings::default() }
}

fn packetised(codec: Codec, pictures: &[Picture], mtu: usize, choices: &mut Choices) -> Vec<Wire> {
    match codec {
        Codec::H264 => pictures.iter().flat_map(|picture| packetise::in_order(picture, mtu, false, choices)).collect(),
        _ => {
            let groups = packetise_hevc::groups(&numbered(pictures, 0), false, mtu, choices);
            groups.into_iter().flat_map(|group| group.wires).collect()
        }
    }
}

fn depacketizer(codec: Codec, on_hole: OnHole) -> Depacketizer {
    Depacketizer::new(codec, None, settings(on_hole))
}

fn received(depacketizer: &mut Depacketizer, wires: &[Wire], lost: &BTreeSet<usize>, told: Told) -> Vec<AccessUnit> {
    let mut line = Line::new(depacketizer);
    let mut sequence = 1_000;
    let mut missing = false;
    for (at, wire) in wires.iter().enumerate() {
        // Nobody can know of packets behind the last.
        if lost.contains(&at) && at + 1 < wires.len() {
            missing = true;
            sequence += u64::from(told != Told::Flag);
            continue;
        }
        line.send(sequence, missing && told != Told::Sequence, wire);
        (sequence, missing) = (sequence + 1, false);
    }
    line.flush();
    line.units
}

fn slices(codec: Codec, nals: &[Vec<u8>]) -> Vec<Vec<u8>> {
    nals.iter().filter(|nal| is_slice(codec, nal)).cloned().collect()
}

/// Every slice in the units was sent just so, they are in order, and a unit that is not said to be damaged has all of its picture.
fn nothing_is_glued(codec: Codec, pictures: &[Picture], units: &[AccessUnit]) -> Result<(), TestCaseError> {
    let sent: Vec<Vec<u8>> = pictures.iter().flat_map(|picture| slices(codec, &picture.nals)).collect();
    let places: HashMap<&Vec<u8>, usize> = sent.iter().zip(0..).collect();
    let mut last = None;
    for unit in units {
        let found = slices(codec, &nals(&unit.data));
        for slice in &found {
            let place = places.get(slice).copied();
            prop_assert!(place.is_some(), "{slice:x?} was never sent");
            prop_assert!(place > last);
            last = place;
        }
        let picture = pictures.iter().find(|picture| picture.timestamp == unit.timestamp).unwrap();
        let whole: Vec<usize> = found.iter().map(Vec::len).collect();
        prop_assert!(unit.damaged || found == slices(codec, &picture.nals), "only {whole:?} of {picture:?}");
    }
    Ok(())
}

/// Nothing is given but what can be decoded: from a random access picture on, with all that others may refer to.
fn all_is_decodable(pictures: &[Picture], units: &[AccessUnit]) -> Result<(), TestCaseError> {
    let given: BTreeSet<u64> = units.iter().map(|unit| unit.timestamp).collect();
    prop_assert!(units.iter().all(|unit| !unit.damaged));
    let mut sound = false;
    for picture in pictures {
        let given = given.contains(&picture.timestamp);
        sound = match picture.kind {
            Kind::Idr => given,
            Kind::Referred => sound && given,
            Kind::Disposable => sound,
        };
        prop_assert!(sound || !given, "{} refers to what is missing", picture.timestamp);
    }
    Ok(())
}

fn codecs() -> impl Strategy<Value = Codec> {
    prop::sample::select(vec![Codec::H264, Codec::Hevc])
}

proptest! {
    #[test]
    fn lost_packets_glue_nothing(
        (codec, pictures) in codecs().prop_flat_map(|codec| (Just(codec), stream(codec, 25))), mtu in 20usize..600,
        lost in lost(), told in told(), markers: bool, mut choices in choices(),
    ) {
        let mut wires = packetised(codec, &pictures, mtu, &mut choices);
        wires.iter_mut().for_each(|wire| wire.marker &= markers);
        let mut passing = depacketizer(codec, OnHole::Pass);
        let units = received(&mut passing, &wires, &lost, told);
        nothing_is_glued(codec, &pictures, &units)?;
        // A packet of its own comes out wherever it came in.
        let found: BTreeSet<Vec<u8>> = units.iter().flat_map(|unit| slices(codec, &nals(&unit.data))).collect();
        for (at, wire) in wires.iter().enumerate() {
            if !lost.contains(&at) && is_slice(codec, &wire.payload) {
                prop_assert!(found.contains(&wire.payload));
            }
        }
    }

    #[test]
    fn what_refers_to_lost_packets_is_dropped(
        (codec, pictures) in codecs().prop_flat_map(|codec| (Just(codec), stream(codec, 25))), mtu in 20usize..600,
        lost in lost(), told in told(), mut choices in choices(),
    ) {
        let wires = packetised(codec, &pictures, mtu, &mut choices);
        let mut dropping = depacketizer(codec, OnHole::Drop);
        let units = received(&mut dropping, &wires, &lost, told);
        nothing_is_glued(codec, &pictures, &units)?;
        all_is_decodable(&pictures, &units)?;
        // With nothing lost all goes.
        if !lost.iter().any(|at| *at < wires.len()) {
            prop_assert_eq!(units.len(), pictures.len());
        }
    }

    #[test]
    fn interleaved_packets_glue_nothing_either(
        hevc: bool, (h264, h265) in (stream(Codec::H264, 20), stream(Codec::Hevc, 20)), mtu in 40usize..600, reach in 1usize..6,
        mut lost in lost(), told in told(), mut choices in choices(),
    ) {
        // Nobody can know of packets before the first, which may have held what comes last.
        lost.remove(&0);
        let (codec, pictures) = if hevc { (Codec::Hevc, h265) } else { (Codec::H264, h264) };
        let sent = numbered(&pictures, 65_500);
        let mut groups = match codec {
            Codec::H264 => packetise::interleaved(&sent, mtu, &mut choices),
            _ => packetise_hevc::groups(&sent, true, mtu, &mut choices),
        };
        packetise::shuffle(&mut groups, reach, &mut choices);
        let (depth, span) = packetise::described(codec, &sent, &groups, hevc);
        let interleaving = Some(Interleaving { depth, span: Some(span), wait: std::time::Duration::from_secs(1) });
        let wires: Vec<Wire> = groups.into_iter().flat_map(|group| group.wires).collect();
        for policy in [OnHole::Pass, OnHole::Drop] {
            let settings = settings(policy);
            let units = received(&mut Depacketizer::new(codec, interleaving, settings), &wires, &lost, told);
            nothing_is_glued(codec, &pictures, &units)?;
            if policy == OnHole::Drop {
                all_is_decodable(&pictures, &units)?;
            }
        }
    }
}

/// One packet of a disposable picture, the first, one in the middle, the last: nothing else is lost with it.
#[test]
fn a_lost_packet_of_a_disposable_picture_costs_no_other() {
    let contents = [0u8; 3].map(|_| vec![0x55; 900]);
    let kinds = [Kind::Idr, Kind::Disposable, Kind::Referred];
    let picture = |(at, kind): (usize, Kind)| {
        let mut nals = if kind == Kind::Idr { super::streams::parameter_sets(Codec::H264) } else { Vec::new() };
        nals.push(super::streams::slice(Codec::H264, kind, true, at as u32, &contents[at]));
        Picture { kind, timestamp: at as u64 * 3_600, nals }
    };
    let pictures: Vec<Picture> = kinds.into_iter().enumerate().map(picture).collect();
    let mut choices = Choices::new(vec![1, 2, 3, 5]);
    let each: Vec<Vec<Wire>> = pictures.iter().map(|picture| packetise::in_order(picture, 300, false, &mut choices)).collect();
    let wires: Vec<Wire> = each.iter().flatten().cloned().collect();
    for at in each[0].len()..wires.len() - 1 {
        let units = received(
            &mut Depacketizer::new(Codec::H264, None, settings(OnHole::Drop)),
            &wires,
            &BTreeSet::from([at]),
            Told::Sequence,
        );
        let disposable = at < each[0].len() + each[1].len();
        let times: Vec<u64> = units.iter().map(|unit| unit.timestamp).collect();
        assert_eq!(times, if disposable { [0, 7_200] } else { [0, 3_600] }, "{at}");
    }
}

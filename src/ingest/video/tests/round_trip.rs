//! What was packetised comes out again, NAL by NAL.

use std::time::Duration;

use proptest::prelude::*;

use super::packetise::{self, Choices, Group, described, numbered, shuffle};
use super::streams::{Kind, Picture, is_delimiter, stream, told};
use super::{Wire, all, nals, packetise_hevc};
use crate::ingest::video::don::Interleaving;
use crate::ingest::video::gate::OnHole;
use crate::ingest::video::{AccessUnit, Depacketizer, Settings};
use crate::model::Codec;

fn settings() -> Settings {
    Settings { on_hole: OnHole::Pass, ..Settings::default() }
}

pub fn choices() -> impl Strategy<Value = Choices> {
    proptest::collection::vec(any::<u8>(), 50..200).prop_map(Choices::new)
}

/// By time and NAL units; a delimiter stands first and nowhere else.
fn taken_apart(codec: Codec, units: &[AccessUnit]) -> Vec<(u64, Vec<Vec<u8>>)> {
    let apart = |unit: &AccessUnit| {
        let mut nals = nals(&unit.data);
        assert!(is_delimiter(codec, &nals[0]) && unit.data.starts_with(&[0, 0, 0, 1]));
        nals.remove(0);
        assert!(!nals.iter().any(|nal| is_delimiter(codec, nal)));
        (unit.timestamp, nals)
    };
    units.iter().map(apart).collect()
}

fn as_sent(codec: Codec, pictures: &[Picture], depacketizer: &mut Depacketizer, wires: &[Wire]) -> Result<(), TestCaseError> {
    let units = all(depacketizer, wires);
    let expected: Vec<_> = pictures.iter().map(|picture| told(codec, picture)).collect();
    prop_assert_eq!(taken_apart(codec, &units), expected);
    for (unit, picture) in units.iter().zip(pictures) {
        prop_assert_eq!((unit.random_access, unit.damaged), (picture.kind == Kind::Idr, false));
    }
    let stats = depacketizer.stats();
    prop_assert_eq!((stats.units, stats.damaged, stats.dropped, stats.holes), (units.len() as u64, 0, 0, 0));
    prop_assert_eq!((stats.malformed, stats.oversized, stats.late, stats.timeouts, stats.false_markers), (0, 0, 0, 0, 0));
    Ok(())
}

fn on_the_wire(groups: &[Group]) -> Vec<Wire> {
    groups.iter().flat_map(|group| group.wires.iter().cloned()).collect()
}

/// By one of the two that a sender may tell, or both.
fn interleaving((depth, span): (usize, u64), by: usize) -> Interleaving {
    let depth = if by == 0 { usize::MAX } else { depth };
    Interleaving { depth, span: (by != 1).then_some(span), wait: Duration::from_secs(1) }
}

proptest! {
    #[test]
    fn h264_in_order(
        pictures in stream(Codec::H264, 20), mtu in 20usize..1500, single: bool, markers: bool, mut choices in choices(),
    ) {
        let mut wires: Vec<Wire> =
            pictures.iter().flat_map(|picture| packetise::in_order(picture, mtu, single, &mut choices)).collect();
        wires.iter_mut().for_each(|wire| wire.marker &= markers);
        as_sent(Codec::H264, &pictures, &mut Depacketizer::new(Codec::H264, None, settings()), &wires)?;
    }

    #[test]
    fn h264_interleaved(
        pictures in stream(Codec::H264, 20), mtu in 40usize..1500, first: u16, reach in 1usize..8, by in 0usize..3,
        mut choices in choices(),
    ) {
        let nals = numbered(&pictures, first);
        let mut groups = packetise::interleaved(&nals, mtu, &mut choices);
        shuffle(&mut groups, reach, &mut choices);
        let interleaving = interleaving(described(Codec::H264, &nals, &groups, false), by);
        as_sent(Codec::H264, &pictures, &mut Depacketizer::new(Codec::H264, Some(interleaving), settings()), &on_the_wire(&groups))?;
    }

    #[test]
    fn hevc_in_order(pictures in stream(Codec::Hevc, 20), mtu in 20usize..1500, markers: bool, mut choices in choices()) {
        let groups = packetise_hevc::groups(&numbered(&pictures, 0), false, mtu, &mut choices);
        let mut wires = on_the_wire(&groups);
        wires.iter_mut().for_each(|wire| wire.marker &= markers);
        as_sent(Codec::Hevc, &pictures, &mut Depacketizer::new(Codec::Hevc, None, settings()), &wires)?;
    }

    #[test]
    fn hevc_interleaved(
        pictures in stream(Codec::Hevc, 20), mtu in 20usize..1500, first: u16, reach in 1usize..8, by in 0usize..3,
        mut choices in choices(),
    ) {
        let nals = numbered(&pictures, first);
        let mut groups = packetise_hevc::groups(&nals, true, mtu, &mut choices);
        shuffle(&mut groups, reach, &mut choices);
        let interleaving = interleaving(described(Codec::Hevc, &nals, &groups, true), by);
        as_sent(Codec::Hevc, &pictures, &mut Depacketizer::new(Codec::Hevc, Some(interleaving), settings()), &on_the_wire(&groups))?;
    }
}

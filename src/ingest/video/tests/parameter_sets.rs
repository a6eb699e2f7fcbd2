//! Parameter sets of the session description and of the stream, in front of pictures that decoding begins at.

use rstest::rstest;

use super::streams::{HEVC_PPS, HEVC_SPS, HEVC_VPS, Kind, PPS, SPS, nal, slice};
use super::{Wire, all, nals};
use crate::ingest::sdp::Parameters;
use crate::ingest::video::gate::OnHole;
use crate::ingest::video::{AccessUnit, Depacketizer, Settings};
use crate::model::Codec;

const FMTP: &str =
    "packetization-mode=1;profile-level-id=64000D;sprop-parameter-sets=Z2QADazZQUH7ARAAAAMAEAAAAwMg8UKZYA==,aOvjyw==";
const FMTP_HEVC: &str =
    "sprop-vps=QAEMAf//AWA=; sprop-sps=QgEBAWAAAAMAkAAAAwAAAwA8oAoIDxZZWaSTK8BaAgAAAwACAAADADIQ; sprop-pps=RAHBcrRi";

fn pictures(depacketizer: &mut Depacketizer, pictures: &[&[&[u8]]]) -> Vec<AccessUnit> {
    let wires = pictures.iter().zip(0..).flat_map(|(nals, at)| {
        let last = nals.len() - 1;
        let wire =
            move |(index, nal): (usize, &&[u8])| Wire { timestamp: at * 3_600, marker: index == last, payload: nal.to_vec() };
        nals.iter().enumerate().map(wire)
    });
    all(depacketizer, &wires.collect::<Vec<_>>())
}

/// The NAL units of each, behind the delimiter.
fn apart(units: &[AccessUnit]) -> Vec<Vec<Vec<u8>>> {
    units.iter().map(|unit| nals(&unit.data)[1..].to_vec()).collect()
}

#[test]
fn those_of_the_description_stand_in_front_of_every_idr_picture() {
    let (idr, other) = (slice(Codec::H264, Kind::Idr, true, 1, &[]), slice(Codec::H264, Kind::Referred, true, 2, &[]));
    let sei = super::streams::sei(Codec::H264, 3);
    let mut depacketizer = Depacketizer::from_fmtp(Codec::H264, &Parameters::parse(FMTP), Settings::default());
    let units = pictures(&mut depacketizer, &[&[&sei, &idr], &[&other], &[&[9, 0x10], &idr]]);
    let sets = [SPS.to_vec(), PPS.to_vec()];
    assert_eq!(apart(&units), [[&sets[..], &[sei, idr.clone()]].concat(), vec![other], [&sets[..], &[idr]].concat()]);
    assert_eq!(units.iter().map(|unit| unit.random_access).collect::<Vec<_>>(), [true, false, true]);
    assert!(units[2].data.starts_with(&[0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x67]), "its own delimiter is kept");
    let sets = depacketizer.parameters();
    assert!(sets.take_changed() && sets.complete() && !sets.take_changed());
    assert_eq!(sets.reordering().map(|order| order.depth), Some(2));
}

#[test]
fn those_of_the_stream_count_for_more() {
    let idr = slice(Codec::H264, Kind::Idr, true, 1, &[]);
    let other = [0x68, 0xEA, 0x11];
    let mut depacketizer = Depacketizer::from_fmtp(Codec::H264, &Parameters::parse(FMTP), Settings::default());
    let units = pictures(&mut depacketizer, &[&[&SPS, &other, &idr], &[&idr]]);
    let written = vec![SPS.to_vec(), other.to_vec(), idr];
    assert_eq!(apart(&units), [written.clone(), written]);
}

#[test]
fn hevc() {
    let idr = slice(Codec::Hevc, Kind::Idr, true, 1, &[]);
    let mut depacketizer = Depacketizer::from_fmtp(Codec::Hevc, &Parameters::parse(FMTP_HEVC), Settings::default());
    let units = pictures(&mut depacketizer, &[&[&idr]]);
    assert_eq!(apart(&units), [[HEVC_VPS.to_vec(), HEVC_SPS.to_vec(), HEVC_PPS.to_vec(), idr]]);
    assert!(units[0].random_access);
    assert_eq!(depacketizer.parameters().reordering().map(|order| order.depth), Some(2));
}

/// An IDR picture, a recovery point, an I slice beside parameter sets (first_mb_in_slice 0, slice_type 7) begin; others do not.
#[rstest]
#[case::idr(&[&[0x65, 0x88, 0x84, 1][..]], true)]
#[case::recovery_point(&[&[0x06, 6, 1, 0xC4, 0x80][..], &[0x41, 0x9A, 1, 2]], true)]
#[case::intra_with_sets(&[&SPS[..], &PPS, &[0x41, 0x88, 0x84, 1]], true)]
#[case::intra_without(&[&[0x41, 0x88, 0x84, 1][..]], false)]
#[case::predicted_with_sets(&[&SPS[..], &PPS, &[0x41, 0x9A, 1, 2]], false)]
fn where_decoding_can_begin(#[case] picture: &[&[u8]], #[case] begins: bool) {
    let mut depacketizer = Depacketizer::from_fmtp(Codec::H264, &Parameters::parse(FMTP), Settings::default());
    let units = pictures(&mut depacketizer, &[picture]);
    assert_eq!(units.len(), usize::from(begins), "others are dropped");
    assert!(units.iter().all(|unit| unit.random_access && apart(&units)[0].starts_with(&[SPS.to_vec(), PPS.to_vec()])));
    assert_eq!(depacketizer.wants_random_access(), !begins);
}

/// Zeros behind a delimiter are no part of it, and sets do not come in front of one that was sent in fragments.
#[rstest]
#[case::zeros(&[&[9, 0x10, 0, 0][..]])]
#[case::nothing_but_zeros(&[&[9, 0, 0, 0][..]])]
#[case::fragments(&[&[0x7C, 0x89, 0x10][..], &[0x7C, 0x49, 0x20]])]
#[case::fragments_without_an_end(&[&[0x7C, 0x89, 0x10][..]])]
fn odd_delimiters(#[case] delimiter: &[&[u8]]) {
    let idr = slice(Codec::H264, Kind::Idr, true, 1, &[]);
    let mut depacketizer =
        Depacketizer::from_fmtp(Codec::H264, &Parameters::parse(FMTP), Settings { on_hole: OnHole::Pass, ..Settings::default() });
    let units = pictures(&mut depacketizer, &[&[delimiter, &[&idr]].concat()]);
    assert_eq!(apart(&units), [[SPS.to_vec(), PPS.to_vec(), idr]]);
    assert_eq!(nals(&units[0].data)[0][0] & 0x1F, 9);
}

/// Without parameter sets nothing can be begun at, but a stream that never has any is not kept for ever.
#[test]
fn a_stream_without_sets_goes_on_in_the_end() {
    let idr = nal(&[0x65], 0x88, &[1; 9]);
    let mut depacketizer = Depacketizer::new(Codec::H264, None, Settings::default());
    let mut line = super::Line::new(&mut depacketizer);
    let mut wire = Wire { timestamp: 0, marker: true, payload: idr };
    let mut waited = 0;
    while line.send(waited, false, &wire) == 0 {
        line.wait(999);
        wire.timestamp += 90_000;
        waited += 1;
    }
    assert_eq!((waited, line.units[0].random_access, line.depacketizer.stats().dropped), (10, false, 10));
}

use std::collections::HashMap;

use mpeg2ts_reader::{demultiplex, packet as reader_packet, pes as reader_pes, psi};
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::ts::adaptation::Adaptation;
use crate::ts::input::{Choice, Input, Mark, Sink};
use crate::ts::programme::Programme;
use crate::ts::time::Pcr27m;
use crate::ts::units::Units;

const WRAP: u64 = 1 << 33;
const FRAME: u64 = 3600;

fn tracks() -> Vec<Track> {
    vec![Track::new(Codec::H264, None).unwrap(), Track::new(Codec::Aac, Some("ger")).unwrap()]
}

/// A picture that an input can prove: delimiter, and for a first one parameter sets and an IDR slice.
fn picture(random_access: bool, size: usize) -> Vec<u8> {
    let sps = vec![
        0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5, 0xC0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00,
        0x03, 0x00, 0xC8, 0x3C, 0x60, 0xC6, 0x58,
    ];
    let mut slice = vec![if random_access { 0x65 } else { 0x41 }, 0x88];
    slice.resize(size.max(2), 0x77);
    let mut data = Vec::new();
    nal::access_unit(Codec::H264, [slice.as_slice()].into_iter(), &[sps, vec![0x68, 0xEB]], random_access, &mut data);
    data
}

fn video(frame: u64, start: u64, data: Vec<u8>) -> Unit {
    let dts = Pts90k(start).plus(frame * FRAME);
    Unit { track: 0, pts: dts.plus(2 * FRAME), dts, random_access: frame.is_multiple_of(25), data }
}

fn audio(frame: u64, start: u64, data: Vec<u8>) -> Unit {
    let dts = Pts90k(start).plus(frame * 1920);
    Unit { track: 1, pts: dts, dts, random_access: true, data }
}

/// Two seconds of both, in order.
fn clip(start: u64) -> Vec<Unit> {
    let mut units: Vec<Unit> = (0..50).map(|frame| video(frame, start, picture(frame.is_multiple_of(25), 900))).collect();
    units.extend((0..94).map(|frame| audio(frame, start, vec![0x5A; 300])));
    units.sort_by_key(|unit| unit.dts.since(Pts90k(start)));
    units
}

fn write(tracks: &[Track], units: &[Unit]) -> Vec<u8> {
    let mut muxer = Muxer::new(tracks);
    let mut out = Vec::new();
    units.iter().for_each(|unit| muxer.write(unit, &mut out));
    assert_eq!(out.len() % PACKET, 0);
    out
}

/// Checks by hand what a strict receiver looks at: counters, PCRs, tables, stuffing.
fn judge(bytes: &[u8], pcr_pid: u16) {
    let (packets, _) = bytes.as_chunks::<PACKET>();
    let mut counters: HashMap<u16, u8> = HashMap::new();
    let mut last_pcr: Option<Pcr27m> = None;
    for packet in packets {
        let word = packet::header(packet);
        assert_eq!(word >> 24, 0x47);
        let expected = counters.get(&packet::pid(word)).map(|last| (last + u8::from(word & PAYLOAD != 0)) & 0xF);
        let counter = packet[3] & 0xF;
        assert!(expected.is_none_or(|expected| expected == counter), "{packet:x?}");
        counters.insert(packet::pid(word), counter);
        let field = Adaptation::of(packet);
        if let Some(pcr) = field.pcr {
            assert_eq!(packet::pid(word), pcr_pid);
            let step = last_pcr.map_or(1, |last| pcr.since(last));
            assert!(field.discontinuity || (1..=40 * 27_000).contains(&step), "a step of {step}");
            last_pcr = Some(pcr);
        }
        if let Some(header) = pes::Header::parse(packet::payload(packet)).filter(|_| word & UNIT_START != 0)
            && let (Some(dts), Some(pcr)) = (header.decoding_time(), last_pcr)
        {
            let ahead = dts.since(pcr.to_90k());
            assert!((1..=2 * DELAY_90K as i64).contains(&ahead), "decoded {ahead} after it is sent");
        }
    }
}

#[derive(Default)]
struct Seen {
    programmes: Vec<Programme>,
    random_access: usize,
}

impl Sink for Seen {
    fn programme(&mut self, programme: &Programme) {
        self.programmes.push(programme.clone());
    }

    fn packet(&mut self, _: &RawPacket, mark: Mark) {
        self.random_access += usize::from(mark.random_access);
    }
}

#[rstest]
#[case::from_zero(0)]
#[case::somewhere(900_000)]
#[case::over_the_wrap(WRAP - 90_000)]
fn our_own_input_sees_what_was_written(#[case] start: u64) {
    let units = clip(start);
    let bytes = write(&tracks(), &units);
    judge(&bytes, FIRST_PID);
    let mut input = Input::new(Choice::First);
    let mut seen = Seen::default();
    input.push(&bytes, &mut seen);
    input.finish(&mut seen);
    let [programme] = seen.programmes.as_slice() else { panic!("{:?}", seen.programmes) };
    let streams: Vec<_> = programme.streams.iter().map(|stream| (stream.codec, stream.language.as_deref())).collect();
    assert_eq!(streams, [(Codec::H264, None), (Codec::Aac, Some("ger"))]);
    assert_eq!((programme.pcr_pid, seen.random_access), (FIRST_PID, 2));
    assert_eq!((input.stats().continuity_errors, input.stats().crc_errors), (0, 0));
    assert_eq!(input.info().resolution().as_deref(), Some("1920x1080"));
    let length = input.media_time().unwrap().as_millis();
    assert!((1900..=2000).contains(&length), "{length} ms");

    let mut apart = Units::default();
    bytes.chunks(1000).for_each(|chunk| apart.push(chunk));
    apart.finish();
    assert_eq!(apart.tracks(), Some(tracks()));
    assert_eq!(sorted(apart.take().collect()), sorted(units));
}

/// By track; whether decoding can begin at a frame of sound is not kept where there is video.
fn sorted(mut units: Vec<Unit>) -> Vec<Unit> {
    units.iter_mut().filter(|unit| unit.track > 0).for_each(|unit| unit.random_access = false);
    units.sort_by_key(|unit| unit.track);
    units
}

#[rstest]
#[case(Codec::H264, 0x1B)]
#[case(Codec::Hevc, 0x24)]
#[case(Codec::Aac, 0x0F)]
#[case(Codec::Mp2, 0x03)]
#[case(Codec::Ac3, 0x81)]
#[case(Codec::Eac3, 0x87)]
#[case(Codec::Mpeg1, 0x01)]
#[case(Codec::Mpeg2, 0x02)]
#[case(Codec::Av1, 0x06)]
#[case(Codec::JpegXs, 0x32)]
#[case(Codec::AacLatm, 0x11)]
#[case(Codec::Opus, 0x06)]
fn each_codec_is_told_as_itself(#[case] codec: Codec, #[case] stream_type: u8) {
    let track = Track::new(codec, Some("FRA")).unwrap();
    assert_eq!(track.stream_type, stream_type);
    let bytes = write(std::slice::from_ref(&track), &[Unit { track: 0, ..video(0, 0, vec![1; 500]) }]);
    let mut apart = Units::default();
    apart.push(&bytes);
    apart.finish();
    let programme = apart.tracks().unwrap();
    assert_eq!(programme.as_slice(), std::slice::from_ref(&track));
    assert_eq!(crate::ts::descriptor::language(&track.descriptors).as_deref(), Some("fra"));
    assert_eq!(Track::new(Codec::Vvc, None), None);
    assert_eq!(Track::new(codec, Some("und")), Track::new(codec, Some("x")));
    let mut undetermined = Track { descriptors: vec![0x0A, 4, b'u', b'n', b'd', 0, 0x52, 1, 7], ..track };
    undetermined.speak("nor");
    undetermined.speak("swe");
    assert_eq!(undetermined.descriptors, [0x52, 1, 7, 0x0A, 4, b'n', b'o', b'r', 0]);
}

#[test]
fn what_becomes_known_is_told_in_front_of_the_next_unit() {
    let mut tracks = vec![Track::new(Codec::Opus, None).unwrap(), Track::new(Codec::Av1, None).unwrap()];
    let mut muxer = Muxer::new(&tracks);
    let mut out = Vec::new();
    let mut write = |muxer: &mut Muxer, n: u64| muxer.write(&Unit { track: 1, ..video(n, 0, vec![1; 300]) }, &mut out);
    write(&mut muxer, 1);
    tracks[0].channels(6);
    tracks[1].av1([0x81, 4, 0x0C, 0]);
    muxer.describe(&tracks);
    write(&mut muxer, 2);
    let mut input = Input::new(Choice::First);
    let mut seen = Seen::default();
    input.push(&out, &mut seen);
    let descriptors: Vec<_> = seen.programmes.iter().map(|programme| programme.streams[1].descriptors.as_slice()).collect();
    assert_eq!(descriptors, [&b"\x05\x04AV01"[..], b"\x05\x04AV01\x80\x04\x81\x04\x0C\x00"]);
    let sound = &seen.programmes[1].streams[0];
    assert_eq!((sound.codec, crate::ts::descriptor::opus_channels(&sound.descriptors)), (Codec::Opus, Some(6)));
    judge(&out, FIRST_PID + 1);
}

#[test]
fn sound_alone_has_its_clock_and_may_be_begun_anywhere() {
    let tracks = [Track::new(Codec::Mp2, None).unwrap()];
    // Frames of 8 kHz are 144 ms long: PCRs come in between.
    let units: Vec<Unit> = (0..40).map(|n| Unit { track: 0, ..audio(n * 27 / 4, 0, vec![7; 200]) }).collect();
    let bytes = write(&tracks, &units);
    judge(&bytes, FIRST_PID);
    let mut input = Input::new(Choice::First);
    let mut seen = Seen::default();
    input.push(&bytes, &mut seen);
    input.finish(&mut seen);
    assert_eq!(seen.random_access, units.len());
}

#[test]
fn a_hole_goes_on_and_a_step_back_is_told() {
    let mut units = clip(0);
    units.extend(clip(900_000 + 180_000));
    let bytes = write(&tracks(), &units);
    let (packets, _) = bytes.as_chunks::<PACKET>();
    assert!(packets.iter().all(|packet| !Adaptation::of(packet).discontinuity));
    assert!(packets.len() < 1200, "nothing is made up for ten seconds of nothing");
    let mut units = clip(9_000_000);
    units.extend(clip(0));
    let bytes = write(&tracks(), &units);
    let (packets, _) = bytes.as_chunks::<PACKET>();
    let told: Vec<_> = packets.iter().map(Adaptation::of).filter(|field| field.discontinuity).collect();
    assert!(matches!(told.as_slice(), [Adaptation { pcr: Some(_), .. }]), "{told:?}");
    judge(&bytes, FIRST_PID);
}

#[test]
fn the_length_is_told_where_it_fits() {
    let lengths = |codec: Codec, size: usize| -> Vec<u16> {
        let track = Track::new(codec, None).unwrap();
        let bytes = write(&[track], &[Unit { track: 0, ..audio(0, 0, vec![1; size]) }]);
        let (packets, _) = bytes.as_chunks::<PACKET>();
        let starts = packets.iter().filter(|packet| packet[1] & 0x40 != 0);
        starts.filter_map(|packet| pes::Header::parse(packet::payload(packet))).map(|header| header.length).collect()
    };
    assert_eq!(lengths(Codec::H264, 100), [108]);
    assert_eq!(lengths(Codec::H264, 65_527), [65_535]);
    assert_eq!(lengths(Codec::H264, 65_528), [0]);
    assert_eq!(lengths(Codec::Ac3, LONGEST_PES + 10), [65_530, 13]);
}

/// What `mpeg2ts-reader`, which knows nothing of this crate, takes out of a stream.
#[derive(Default)]
pub struct Context {
    changes: demultiplex::FilterChangeset<Filter>,
    /// Of each PID: PTS, DTS and bytes of its PES packets.
    packets: HashMap<u16, Vec<(u64, u64, Vec<u8>)>>,
    errors: usize,
}

mpeg2ts_reader::packet_filter_switch! {
    Filter<Context> {
        Pes: reader_pes::PesPacketFilter<Context, Consumer>,
        Pat: demultiplex::PatPacketFilter<Context>,
        Pmt: demultiplex::PmtPacketFilter<Context>,
        Null: demultiplex::NullPacketFilter<Context>,
    }
}

pub struct Consumer(u16);

impl demultiplex::DemuxContext for Context {
    type F = Filter;

    fn filter_changeset(&mut self) -> &mut demultiplex::FilterChangeset<Filter> {
        &mut self.changes
    }

    fn construct(&mut self, request: demultiplex::FilterRequest<'_, '_>) -> Filter {
        match request {
            demultiplex::FilterRequest::ByPid(psi::pat::PAT_PID) => Filter::Pat(demultiplex::PatPacketFilter::default()),
            demultiplex::FilterRequest::Pmt { pid, program_number } => {
                Filter::Pmt(demultiplex::PmtPacketFilter::new(pid, program_number))
            }
            demultiplex::FilterRequest::ByStream { stream_info, .. } => {
                Filter::Pes(reader_pes::PesPacketFilter::new(Consumer(stream_info.elementary_pid().into())))
            }
            _ => Filter::Null(demultiplex::NullPacketFilter::default()),
        }
    }
}

impl reader_pes::ElementaryStreamConsumer<Context> for Consumer {
    fn start_stream(&mut self, _: &mut Context) {}

    fn begin_packet(&mut self, context: &mut Context, header: reader_pes::PesHeader<'_>) {
        let reader_pes::PesContents::Parsed(Some(parsed)) = header.contents() else { panic!("no PES header") };
        let (pts, dts) = match parsed.pts_dts().unwrap() {
            reader_pes::PtsDts::PtsOnly(Ok(pts)) => (pts.value(), pts.value()),
            reader_pes::PtsDts::Both { pts: Ok(pts), dts: Ok(dts) } => (pts.value(), dts.value()),
            other => panic!("{other:?}"),
        };
        context.packets.entry(self.0).or_default().push((pts, dts, parsed.payload().to_vec()));
    }

    fn continue_packet(&mut self, context: &mut Context, data: &[u8]) {
        if let Some((_, _, bytes)) = context.packets.get_mut(&self.0).and_then(|packets| packets.last_mut()) {
            bytes.extend_from_slice(data);
        }
    }

    fn end_packet(&mut self, _: &mut Context) {}

    fn continuity_error(&mut self, context: &mut Context) {
        context.errors += 1;
    }
}

fn read(bytes: &[u8]) -> Context {
    let mut context = Context::default();
    let mut demultiplex = demultiplex::Demultiplex::new(&mut context);
    demultiplex.push(&mut context, bytes);
    assert_eq!(reader_packet::Packet::SIZE, PACKET);
    context
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        Just(0),
        Just(1),
        (0usize..50).prop_map(|n| 140 + n),
        (0usize..6).prop_map(|n| n * 184 + 165),
        (0usize..6).prop_map(|n| n * 184 + 183),
        0usize..3000,
        Just(65_522),
        Just(200_000),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_units_come_back_from_a_reader_of_others(
        sizes in proptest::collection::vec((size(), size()), 1..30), start in prop_oneof![0..WRAP, WRAP - 200_000..WRAP],
    ) {
        let mut units = Vec::new();
        for (n, (picture, sound)) in (0u64..).zip(sizes) {
            units.push(video(n, start, vec![0x42; picture]));
            let sound = Unit { dts: Pts90k(start).plus(n * FRAME + 7), ..audio(0, 0, vec![0x43; sound.min(LONGEST_PES)]) };
            units.push(Unit { pts: sound.dts, ..sound });
        }
        let bytes = write(&tracks(), &units);
        judge(&bytes, FIRST_PID);
        let context = read(&bytes);
        prop_assert_eq!(context.errors, 0);
        for (track, pid) in [(0, FIRST_PID), (1, FIRST_PID + 1)] {
            let expected: Vec<_> = units
                .iter()
                .filter(|unit| unit.track == track && !unit.data.is_empty())
                .map(|unit| (unit.pts.0, unit.dts.0, unit.data.clone()))
                .collect();
            let found = context.packets.get(&pid).cloned().unwrap_or_default();
            prop_assert!(found == expected, "track {}: {} of {} packets", track, found.len(), expected.len());
        }
    }
}

//! Every codec: packets as its payload format has them, and what our own reader takes out of the transport stream.

use rstest::rstest;

use super::*;
use crate::ingest::depay::audio_specific_config::AudioSpecificConfig;
use crate::ingest::depay::mux_element;
use crate::model::Codec;
use crate::ts::mux::{jpegxs, nal};
use crate::ts::units::Units;

/// What is sent: timestamp, marker, payload.
type Sent = Vec<(i64, bool, Vec<u8>)>;

/// What was sent, and what is to come: the bytes of the units, behind their stream type and descriptors.
struct Case {
    encoding: &'static str,
    clock_rate: u32,
    fmtp: &'static str,
    sent: Sent,
    codec: Codec,
    stream_type: u8,
    descriptors: Vec<u8>,
    units: Vec<Vec<u8>>,
}

/// The units that come of packets, and the track they are of.
fn carried(format: &Format, sent: &Sent) -> (Vec<Track>, Vec<Unit>) {
    let start = clock::now();
    let mut assembly = Assembly::new(std::slice::from_ref(format)).unwrap();
    let wallclock = Wallclock { ntp: Ntp(100 << 32), timestamp: 0, clock_rate: format.clock_rate };
    for (sequence, (timestamp, marker, payload)) in (0..).zip(sent) {
        let arrival = start + Duration::from_millis(sequence as u64);
        let (timestamp, marker, discontinuity) = (*timestamp, *marker, false);
        let packet = Ordered { sequence, timestamp, payload_type: 96, marker, discontinuity, arrival, payload };
        assembly.packet(arrival, 0, &packet, Some(wallclock));
    }
    let out: Vec<u8> = assembly.take().collect();
    let mut apart = Units::default();
    out.chunks(1000).for_each(|chunk| apart.push(chunk));
    apart.finish();
    (apart.tracks().unwrap(), apart.take().collect())
}

fn aac_case(config: &'static str, fmtp: &'static str, codec: Codec, stream_type: u8) -> Case {
    let config = AudioSpecificConfig::parse(&mux_element::hexadecimal(config).unwrap()).unwrap();
    let frames = [vec![0x21; 30], vec![0x22; 40]];
    let header = |frame: &Vec<u8>| [0, 16, (frame.len() >> 5) as u8, (frame.len() << 3) as u8];
    let sent = (0..).zip(&frames).map(|(n, frame)| (n * 1024, true, [&header(frame)[..], frame].concat())).collect();
    let units = frames.iter().map(|frame| {
        if codec == Codec::Aac {
            let header = crate::codec::aac::Adts::of_config(config.bytes()).unwrap().header(frame.len()).unwrap();
            return [&header[..], frame].concat();
        }
        let mut unit = Vec::new();
        assert!(mux_element::loas(&config, frame, &mut unit));
        unit
    });
    let units = units.collect();
    Case { encoding: "MPEG4-GENERIC", clock_rate: 48_000, fmtp, sent, codec, stream_type, descriptors: vec![], units }
}

fn adts() -> Case {
    aac_case("1190", "mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=1190", Codec::Aac, 0x0F)
}

/// ADTS has no way to say 960 samples.
fn short_frames() -> Case {
    aac_case("1194", "mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=1194", Codec::AacLatm, 0x11)
}

/// Nor xHE-AAC, here at 48 kHz in stereo.
fn unified() -> Case {
    let fmtp = "mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=f9464322000480";
    aac_case("f9464322000480", fmtp, Codec::AacLatm, 0x11)
}

fn latm() -> Case {
    // HE-AAC v2, told first.
    let config = AudioSpecificConfig::parse(&[0xEB, 0x09, 0x88, 0x00]).unwrap();
    let frames = [vec![0x21; 30], vec![0x22; 400]];
    let written = |write: fn(&AudioSpecificConfig, &[u8], &mut Vec<u8>), frame: &Vec<u8>| {
        let mut out = Vec::new();
        write(&config, frame, &mut out);
        out
    };
    let sent = (0..).zip(&frames).map(|(n, frame)| (n * 1024, true, written(mux_element::element, frame))).collect();
    let units = frames.iter().map(|frame| written(|config, frame, out| assert!(mux_element::loas(config, frame, out)), frame));
    Case {
        encoding: "MP4A-LATM",
        clock_rate: 24_000,
        fmtp: "cpresent=1",
        sent,
        codec: Codec::AacLatm,
        stream_type: 0x11,
        descriptors: vec![],
        units: units.collect(),
    }
}

fn opus() -> Case {
    let packets = [vec![0xFC, 1, 2], [vec![0xFC], vec![9; 300]].concat()];
    Case {
        encoding: "OPUS",
        clock_rate: 48_000,
        fmtp: "sprop-stereo=1",
        sent: (0..).zip(&packets).map(|(n, packet)| (n * 960, true, packet.clone())).collect(),
        codec: Codec::Opus,
        stream_type: 0x06,
        descriptors: b"\x05\x04Opus\x7F\x02\x80\x02".to_vec(),
        units: vec![[&[0x7F, 0xE0, 3][..], &packets[0]].concat(), [&[0x7F, 0xE0, 255, 46][..], &packets[1]].concat()],
    }
}

fn mpeg_audio() -> Case {
    let frame = |fill| [&[0xFF, 0xFD, 0xA4, 0][..], &[fill; 572]].concat();
    Case {
        encoding: "MPA",
        clock_rate: 90_000,
        fmtp: "",
        sent: (0..2u8).map(|n| (i64::from(n) * 2160, true, [vec![0; 4], frame(n)].concat())).collect(),
        codec: Codec::Mp2,
        stream_type: 0x03,
        descriptors: vec![],
        units: vec![frame(0), frame(1)],
    }
}

fn ac3() -> Case {
    let frame = |fill| [&[0x0B, 0x77, 0, 0, 0, 8 << 3, 0x40, 0][..], &[fill; 120]].concat();
    Case {
        encoding: "ac3",
        clock_rate: 48_000,
        fmtp: "",
        sent: (0..2u8).map(|n| (i64::from(n) * 1536, true, [vec![0, 1], frame(n)].concat())).collect(),
        codec: Codec::Ac3,
        stream_type: 0x81,
        descriptors: b"\x05\x04AC-3".to_vec(),
        units: vec![frame(0), frame(1)],
    }
}

fn h264() -> Case {
    let sps = vec![
        0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5, 0xC0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00,
        0x03, 0x00, 0xC8, 0x3C, 0x60, 0xC6, 0x58,
    ];
    let (pps, idr) = (vec![0x68, 0xEB, 0xE3, 0xCB], [vec![0x65, 0x88], vec![7; 900]].concat());
    let mut unit = Vec::new();
    nal::access_unit(Codec::H264, [sps.as_slice(), &pps, &idr].into_iter(), &[], true, &mut unit);
    Case {
        encoding: "H264",
        clock_rate: 90_000,
        fmtp: "packetization-mode=1",
        sent: vec![(0, false, sps), (0, false, pps), (0, true, idr)],
        codec: Codec::H264,
        stream_type: 0x1B,
        descriptors: vec![],
        units: vec![unit],
    }
}

/// A picture of a type, with a sequence header in front of an I picture, which has an extension in MPEG-2.
fn picture(kind: u8, is_mpeg2: bool) -> Vec<u8> {
    let sequence: &[u8] = if kind == 1 { &[0, 0, 1, 0xB3, 0x2D, 0x02, 0x40, 0x33, 0x24, 0x9F, 0x23, 0x81] } else { &[] };
    let extension: &[u8] =
        if is_mpeg2 && kind == 1 { &[0, 0, 1, 0xB5, 0x14, 0x82, 0, 1, 0, 0, 0, 0, 1, 0xB8, 0, 8, 0, 0x40] } else { &[] };
    [sequence, extension, &[0, 0, 1, 0, 0, kind << 3 | 7, 0xFF, 0xF8, 0, 0, 1, 1], &[kind | 0x10; 300]].concat()
}

fn mpeg_video(is_mpeg2: bool, codec: Codec, stream_type: u8) -> Case {
    // A P picture that nobody can decode, then I P B B, of which the B pictures are shown in between.
    let pictures = [(2, 0), (1, 3600), (2, 14_400), (3, 7200), (3, 10_800), (2, 25_200), (3, 18_000)];
    let sent = pictures.iter().map(|(kind, at)| (*at, true, [vec![0; 4], picture(*kind, is_mpeg2)].concat())).collect();
    let units = pictures[1..].iter().map(|(kind, _)| picture(*kind, is_mpeg2)).collect();
    Case { encoding: "MPV", clock_rate: 90_000, fmtp: "", sent, codec, stream_type, descriptors: vec![], units }
}

/// A sequence header of AV1, without its OBU header and size.
const SEQUENCE: [u8; 11] = [0, 0, 0, 0x04, 0x3C, 0xFF, 0xBC, 0xFB, 0xF9, 0x80, 0x40];

fn av1() -> Case {
    let (key, other) = ([&[0x30, 0x10][..], &[0, 0, 1, 0, 0, 0]].concat(), vec![0x30, 0x20, 7, 7]);
    // One that nobody can decode, then a key frame, and another one.
    let begin = [&[0x28, 12, 0x08][..], &SEQUENCE, &key].concat();
    let sent = vec![(0, true, [&[0x10][..], &other].concat()), (3600, true, begin), (7200, true, [&[0x10][..], &other].concat())];
    let first = [
        &[0, 0, 1, 0x12, 0, 0, 0, 1, 0x0A, 11, 0, 0, 3, 0][..],
        &SEQUENCE[3..],
        &[0, 0, 1, 0x32, 7, 0x10, 0, 0, 3, 1, 0, 0, 3, 0],
    ];
    Case {
        encoding: "AV1",
        clock_rate: 90_000,
        fmtp: "profile=0;level-idx=0;tier=0",
        sent,
        codec: Codec::Av1,
        stream_type: 0x06,
        descriptors: b"\x05\x04AV01\x80\x04\x81\x00\x0C\xC0".to_vec(),
        units: vec![first.concat(), vec![0, 0, 1, 0x12, 0, 0, 0, 1, 0x32, 3, 0x20, 7, 7]],
    }
}

fn jpeg_xs() -> Case {
    let mut codestream =
        vec![0xFF, 0x10, 0xFF, 0x50, 0, 2, 0xFF, 0x12, 0, 26, 0, 1, 0, 0, 0x35, 0x40, 0x10, 0x08, 7, 0x80, 4, 0x38];
    codestream.extend([0, 0, 0, 16, 3, 4, 1, 0, 0x70, 0, 0, 0, 0xFF, 0x13, 0, 8, 10, 0x11, 10, 0x21, 10, 0x21]);
    codestream.extend([0x55; 900]);
    let description = jpegxs::Description {
        width: 1920,
        height: 1080,
        brat: 27,
        frat: 0x0100_0032,
        schar: 0x8090,
        ppih: 0x3540,
        plev: 0x1008,
        colour: [1, 1, 1],
        full_range: false,
    };
    let (tag, body) = description.descriptor();
    // T = 1, K = 0, L = 1, and the number of the frame.
    let header = |frame: u32| (0xA000_0000 | frame << 22).to_be_bytes();
    Case {
        encoding: "jxsv",
        clock_rate: 90_000,
        fmtp: "packetmode=0;exactframerate=50;sampling=YCbCr-4:2:2;depth=10;colorimetry=BT709;TCS=SDR;RANGE=NARROW",
        sent: (0..2).map(|n| (i64::from(n) * 1800, true, [&header(n)[..], &codestream].concat())).collect(),
        codec: Codec::JpegXs,
        stream_type: 0x32,
        descriptors: [&[tag, 30][..], &body].concat(),
        units: vec![[&description.header(0)[..], &codestream].concat(); 2],
    }
}

#[rstest]
#[case::adts(adts())]
#[case::short_frames(short_frames())]
#[case::unified(unified())]
#[case::latm(latm())]
#[case::opus(opus())]
#[case::mpeg_audio(mpeg_audio())]
#[case::ac3(ac3())]
#[case::h264(h264())]
#[case::mpeg_2(mpeg_video(true, Codec::Mpeg2, 0x02))]
#[case::mpeg_1(mpeg_video(false, Codec::Mpeg1, 0x01))]
#[case::av1(av1())]
#[case::jpeg_xs(jpeg_xs())]
fn what_is_sent_is_carried(#[case] case: Case) {
    let (encoding, parameters) = (case.encoding.into(), Parameters::parse(case.fmtp));
    let format = Format { payload_type: 96, encoding, clock_rate: case.clock_rate, channels: None, parameters, line: 1 };
    let (tracks, units) = carried(&format, &case.sent);
    let expected = Track { codec: case.codec, stream_type: case.stream_type, descriptors: case.descriptors };
    assert_eq!(tracks, [expected]);
    let data: Vec<_> = units.iter().map(|unit| &unit.data).collect();
    assert_eq!(data, case.units.iter().collect::<Vec<_>>());
    assert!(units[0].random_access);
    assert!(units.iter().all(|unit| unit.pts.since(unit.dts) >= 0));
    assert!(units.windows(2).all(|pair| pair[1].dts.since(pair[0].dts) > 0));
}

/// B pictures are shown when they are decoded, and the others one later in that order.
#[test]
fn pictures_of_mpeg_have_decoding_times() {
    let case = mpeg_video(true, Codec::Mpeg2, 0x02);
    let parameters = Parameters::parse("");
    let format = Format { payload_type: 32, encoding: "MPV".into(), clock_rate: 90_000, channels: None, parameters, line: 1 };
    let (_, units) = carried(&format, &case.sent);
    let since_first = |at: Pts90k| at.since(units[0].pts);
    let times: Vec<_> = units.iter().map(|unit| (since_first(unit.pts), since_first(unit.dts))).collect();
    assert_eq!(times[1..5], [(10_800, 0), (3600, 3600), (7200, 7200), (21_600, 10_800)]);
    assert!(times[0].1 < 0);
}

use std::path::PathBuf;

use rstest::rstest;

use super::*;
use crate::ts::PACKET;

/// Everything that an input gave.
#[derive(Default)]
struct Seen {
    programmes: Vec<Programme>,
    packets: Vec<(RawPacket, Mark)>,
}

impl Sink for Seen {
    fn programme(&mut self, programme: &Programme) {
        self.programmes.push(programme.clone());
    }

    fn packet(&mut self, packet: &RawPacket, mark: Mark) {
        assert!(!self.programmes.is_empty());
        self.packets.push((*packet, mark));
    }
}

fn corpus(name: &str) -> Vec<u8> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/ts")).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("the shared test data is missing: {}: {error}", path.display()))
}

fn run(bytes: &[u8], chunk: usize) -> (Input, Seen) {
    let mut input = Input::new(Choice::First);
    let mut seen = Seen::default();
    for chunk in bytes.chunks(chunk) {
        input.push(chunk, &mut seen);
    }
    input.finish(&mut seen);
    (input, seen)
}

/// `proof, program, video, audio` of every file.
#[rstest]
#[case("androidx/bbb_2500ms.ts", "Proven 1 mpeg2video Main 1920x1080p24.00 | mp2 44100 2")]
#[case("androidx/sample_ac3.ts", "Proven 1 - | ac3 48000 6")]
#[case("androidx/sample_ac4.ts", "Proven 1 - | ac4 ? ?")]
#[case("androidx/sample_ait.ts", "Proven 1031 - | eac3 48000 2 fra | data 2")]
#[case("androidx/sample_dts_hd_ma.ts", "Proven 1 - | dts 48000 6 eng")]
#[case("androidx/sample_eac3.ts", "Proven 1 - | eac3 48000 6")]
#[case("androidx/sample_eac3joc.ts", "Proven 1 - | eac3 48000 6")]
#[case("androidx/sample_h262_mpeg_audio.ts", "Proven 1 mpeg2video Main 640x426p29.97 | mp2 44100 1 und")]
#[case("androidx/sample_h264.ts", "Proven 1 h264 High 854x480p30.00")]
#[case("androidx/sample_h264_dts_audio.ts", "Proven 1 h264 High 640x426p29.97 | dts 44100 1 und")]
#[case("androidx/sample_h264_iframes_only.ts", "Proven 1 h264 High 854x480p30.00")]
#[case("androidx/sample_h264_mpeg_audio.ts", "Proven 1 h264 High 640x426p29.97 | mp2 44100 1 und")]
#[case("androidx/sample_h264_no_access_unit_delimiters.ts", "Proven 1 h264 High 640x426p29.97")]
#[case("androidx/sample_h265.ts", "Proven 1 hevc Main 854x480p30.00")]
#[case("androidx/sample_h265_rps_pred.ts", "Proven 1 hevc Main 914x686p15.00")]
#[case("androidx/sample_latm.ts", "Proven 1 - | aac_latm 44100 1 und")]
#[case("androidx/sample_mpeg_audio_with_audio_type.ts", "Proven 1 - | mp2 48000 1 eng")]
#[case("androidx/sample_scte35.ts", "Proven 1 mpeg2video Main 640x426p29.97 | mp2 44100 1 und | data 1")]
#[case("androidx/sample_with_junk", "Proven 1 mpeg2video Main 640x426p29.97 | mp2 44100 1 und")]
#[case("androidx/sample_with_sdt.ts", "Proven 21862 mpeg2video ? ? | ac3 48000 6")]
#[case("tsduck/test-025.ts", "Proven 2064 mpeg2video Main 720x576i25.00 | mp2 48000 2")]
#[case("tsduck/test-030.ts", "Transport - -")]
#[case("tsduck/test-064.ts", "Proven 1 h264 Constrained Baseline 1920x1080p30.00 | mp2 48000 2 und")]
#[case("tsduck/test-072.ts", "Proven 1 h264 High 1024x576p25.00 | aac 48000 2")]
#[case("tsduck/test-137.ts", "Proven 3012 hevc Main 3840x2160p25.00 | aac ? ? eng | data 1")]
#[case(
    "tsduck/test-143.ts",
    "Proven 60 h264 High 1920x1080i25.00 | mp2 48000 2 eng | mp2 ? ? lav | mp2 ? ? rus | mp2 ? ? cze | mp2 ? ? hun | data 1"
)]
#[case("tsduck/test-139.ts", "Proven 1 mpeg2video 4:2:2 1920x1080i29.97 | dts 48000 6 eng | mp2 48000 2 eng")]
fn what_is_seen(#[case] name: &str, #[case] expected: &str, #[values(1000, 65_536)] chunk: usize) {
    let (input, _) = run(&corpus(name), chunk);
    assert_eq!(summary(&input), expected);
}

/// As ffprobe has it (`sample_aspect_ratio`).
#[rstest]
#[case("tsduck/test-025.ts", Some((64, 45)))]
#[case("tsduck/test-064.ts", None)]
#[case("androidx/sample_h264.ts", None)]
#[case("androidx/sample_h265_rps_pred.ts", Some((2740, 2739)))]
fn the_shape_of_pixels_is_seen(#[case] name: &str, #[case] expected: Option<(u16, u16)>) {
    let (input, _) = run(&corpus(name), 5000);
    assert_eq!(input.info().video.unwrap().pixel_aspect, expected);
}

fn summary(input: &Input) -> String {
    let info = input.info();
    let or = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    let mut text = format!("{:?} {}", input.proof(), info.program.map_or("-".to_owned(), |program| program.to_string()));
    text += &match &info.video {
        None => " -".to_owned(),
        Some(video) => {
            let scan = video.interlaced.map_or("?", |interlaced| if interlaced { "i" } else { "p" });
            let rate = video.frame_rate.map(|rate| format!("{scan}{rate:.2}")).unwrap_or_default();
            format!(" {} {} {}{rate}", video.codec.name(), or(video.profile.clone()), or(info.resolution()))
        }
    };
    for audio in &info.audio {
        let (rate, channels) = (audio.sample_rate.map(|rate| rate.to_string()), audio.channels.map(|n| n.to_string()));
        text += &format!(" | {} {} {}", audio.codec.name(), or(rate), or(channels));
        text += &audio.language.as_ref().map_or(String::new(), |language| format!(" {language}"));
    }
    if info.data_streams > 0 {
        text += &format!(" | data {}", info.data_streams);
    }
    text
}

#[rstest]
#[case("androidx/sample_scte35.ts")]
#[case("androidx/sample_with_junk")]
#[case("tsduck/test-143.ts")]
fn chunks_do_not_matter(#[case] name: &str, #[values(1, 187, 5000)] chunk: usize) {
    let bytes = corpus(name);
    let (whole, seen) = run(&bytes, usize::MAX);
    let (input, other) = run(&bytes, chunk);
    assert!(seen.packets == other.packets && seen.programmes == other.programmes);
    assert_eq!((whole.stats(), whole.info(), whole.media_time()), (input.stats(), input.info(), input.media_time()));
}

#[test]
fn zeros_are_no_packets() {
    let bytes = corpus("androidx/sample_h264.ts");
    let (packets, _) = bytes.as_chunks::<PACKET>();
    let (before, after) = packets.split_at(100);
    let zeros = [[0; PACKET]; 3];
    let (input, seen) = run([before, &zeros, after].concat().as_flattened(), usize::MAX);
    let (whole, other) = run(&bytes, usize::MAX);
    assert!(seen.packets == other.packets);
    assert_eq!(input.stats(), Stats { junk_bytes: 3 * PACKET as u64, ..whole.stats() });
}

/// Each picture has too few bytes to tell where it ends, and may be one to begin with.
#[test]
fn of_many_small_pictures_one_waits_at_a_time() {
    let mut tables = crate::ts::section::packetize(0, &crate::ts::pat::build(1, 1, 1, 0x1000)).concat();
    let entries = [crate::ts::pmt::Entry { pid: 0x100, stream_type: 0x1B, descriptors: &[] }];
    let body = crate::ts::pmt::body(0x100, &[], &entries);
    tables.extend(crate::ts::section::packetize(0x1000, &crate::ts::pmt::build(1, 1, &body)).concat());
    let picture = |n: u8| {
        let unit = [
            &[0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, n * 8, 1][..],
            &[0, 0, 0, 1, 0x67, 0x64, 0, 0x28, 0xAC, 0, 0, 1, 0x68, 0xEB, 0xE3, 0, 0, 1, 0x41, 0x9A, n],
        ]
        .concat();
        let mut packet = [0xFF; PACKET];
        packet[..6].copy_from_slice(&[0x47, 0x41, 0, 0x30 | n & 0xF, (183 - unit.len()) as u8, 0]);
        packet[PACKET - unit.len()..].copy_from_slice(&unit);
        packet
    };
    let (mut input, mut seen) = (Input::new(Choice::First), Seen::default());
    input.push(&tables, &mut seen);
    for n in 0..30 {
        input.push(&picture(n), &mut seen);
        assert!(seen.packets.len() + 1 >= usize::from(n), "{} of {n}", seen.packets.len());
    }
}

fn on_pid(bytes: &[u8], pid: u16) -> usize {
    let (packets, _) = bytes.as_chunks::<188>();
    packets.iter().filter(|packet| crate::ts::packet::pid(crate::ts::packet::header(packet)) == pid).count()
}

#[test]
fn what_came_before_the_tables_is_played() {
    let bytes = corpus("tsduck/test-137.ts");
    let (_, seen) = run(&bytes, 5000);
    // The PMT comes 817 packets late, and is settled by its repetition 3,900 packets late.
    assert_eq!(seen.packets.len(), on_pid(&bytes, 0x79));
    let first = seen.packets.iter().position(|(_, mark)| mark.random_access);
    assert_eq!(first, Some(376));
}

#[test]
fn damaged_tables_are_mended() {
    let bytes = corpus("tsduck/test-143.ts");
    let (input, seen) = run(&bytes, 5000);
    assert_eq!(input.stats().crc_errors, 9, "not one PMT of the file is whole");
    let pids: Vec<u16> = seen.programmes.last().unwrap().streams.iter().map(|stream| stream.pid).collect();
    assert_eq!(pids.len(), 24);
    assert_eq!(pids[..8], [0x3D, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x3E]);
    assert_eq!(seen.programmes.len(), 1);
}

/// A picture is announced that never comes, and the file is over before that can be told by its time.
#[test]
fn a_silence_ends_the_waiting() {
    let bytes = corpus("androidx/sample_with_sdt.ts");
    let mut input = Input::new(Choice::First);
    let mut seen = Seen::default();
    input.push(&bytes, &mut seen);
    assert_eq!((seen.packets.len(), input.proof()), (0, Proof::Programme));
    input.settle(&mut seen);
    assert_eq!((seen.packets.len(), input.proof()), (on_pid(&bytes, 0x151), Proof::Proven));
    // It goes on where it stopped, in the middle of a packet.
    let missing = 188 - bytes.len() % 188;
    input.push(&[&bytes[..missing], &bytes[3 * 188..4 * 188]].concat(), &mut seen);
    assert_eq!(seen.packets.len(), on_pid(&bytes, 0x151) + 2);
}

/// 36 seconds of teletext beside an announced picture: after a second it is believed to be all there is.
#[test]
fn what_is_announced_but_absent_is_not_waited_for() {
    let bytes = corpus("tsduck/test-012.ts");
    let mut input = Input::new(Choice::First);
    let mut seen = Seen::default();
    input.push(&bytes[..200 * 188], &mut seen);
    assert!(!seen.packets.is_empty() && input.proof() == Proof::Proven);
    input.push(&bytes[200 * 188..], &mut seen);
    input.finish(&mut seen);
    assert_eq!(seen.packets.len(), on_pid(&bytes, 0x42C));
}

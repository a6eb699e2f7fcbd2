//! Sources that are no transport streams, and become one: fragments of MP4, sound in a playlist of its own, bare frames, radio.
//! What the client gets is, frame by frame, what was sent.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::support::demux::demux;
use crate::support::packets::{SIZE, packets};
use crate::support::process::run;
use crate::support::ts_oracle::whole_units;

const FMP4: [&str; 2] = ["-hls_segment_type", "fmp4"];
/// Everything is kept, and nothing is deleted: a recording in the making.
const EVENT: [&str; 8] = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_playlist_type", "event"];

/// Hashes of the decoded pictures.
fn pictures(file: &Path) -> Vec<String> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(file).args(["-map", "0:v", "-f", "framemd5", "-"]);
    let text = run(&mut command, Duration::from_secs(60)).ok();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split(',').nth(5)?.trim().to_owned()))
        .collect()
}

/// Hashes of the frames of sound as they are.
fn sound(file: &Path) -> Vec<String> {
    let streams = demux(file);
    let audio = streams.iter().find(|stream| stream.kind == "audio").expect("a stream of sound");
    audio.units.iter().map(|unit| unit.hash.clone()).collect()
}

/// Fails unless `found`, of which the last few may be missing their neighbours, is a run of `sent`, which is repeated for ever.
fn assert_run(what: &str, found: &[String], sent: &[String], least: usize) {
    let found = &found[..found.len().saturating_sub(6)];
    assert!(found.len() >= least, "{} {what} are too few", found.len());
    let twice = [sent, sent].concat();
    let runs = |start: &usize| twice[*start..].starts_with(found);
    assert!((0..sent.len()).any(|start| runs(&start)), "{} {what} are no run of the {} that were sent", found.len(), sent.len());
}

/// Writes a recording, without what leaving cut, next to where the sender works.
fn recorded(studio: &Studio, bytes: &[u8]) -> PathBuf {
    let file = studio.path("recorded.ts");
    std::fs::write(&file, whole_units(aligned(bytes))).unwrap();
    file
}

/// A recording up to its last random access point: of a pyramid of pictures that was cut, ffmpeg shows the top without what lies
/// before it, and complains.
fn whole_groups(bytes: &[u8]) -> &[u8] {
    let last = packets(bytes).enumerate().filter(|(_, packet)| packet.random_access()).last().expect("a random access point");
    &bytes[..last.0 * SIZE]
}

fn assert_same(studio: &Studio, bytes: &[u8], kind: Kind) {
    let file = recorded(studio, bytes);
    assert_run("pictures", &pictures(&file), &pictures(&kind.path()), 80);
    assert_run("frames of sound", &sound(&file), &sound(&kind.path()), 150);
}

#[test]
fn hls_live_with_fmp4_segments_is_what_was_sent() {
    let arguments = [&HLS[..], &FMP4, &["-bsf:a", "aac_adtstoasc", "live.m3u8"]].concat();
    let studio = Studio::new().web().send(Kind::H264, &arguments).until_written("live.m3u8", "live3.m4s");
    let bytes = studio.watch("http://10.77.0.1:8000/live.m3u8", 8);
    judge(&bytes, STRICT, 4);
    assert_same(&studio, &bytes, Kind::H264);
}

#[test]
fn hls_event_with_hevc_and_ac3_in_fmp4() {
    let codecs = ["-c:a", "ac3", "-tag:v", "hvc1"];
    let arguments = [&codecs[..], &EVENT, &FMP4, &["event.m3u8"]].concat();
    let studio = Studio::new().web().send(Kind::Hevc, &arguments).until_written("event.m3u8", "event3.m4s");
    let bytes = studio.watch("http://10.77.0.1:8000/event.m3u8", 8);
    let bytes = whole_groups(&bytes);
    let found = judge(bytes, STRICT, 4);
    assert_eq!(found.streams.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [0x24, 0x81]);
    assert_run("pictures", &pictures(&recorded(&studio, bytes)), &pictures(&Kind::Hevc.path()), 80);
}

#[rstest::rstest]
#[case::in_ts(&SHORT_PES, "ts")]
#[case::in_fmp4(&["-hls_segment_type", "fmp4", "-bsf:a", "aac_adtstoasc"], "m4s")]
fn hls_with_sound_in_a_playlist_of_its_own(#[case] segments: &[&str], #[case] ending: &str) {
    let map = ["-var_stream_map", "a:0,agroup:sound,default:yes,name:sound v:0,agroup:sound,name:pictures"];
    let names = ["-master_pl_name", "master.m3u8", "live-%v.m3u8"];
    let arguments = [&HLS[..], segments, &map, &names].concat();
    let studio = Studio::new().web().send(Kind::H264, &arguments);
    let studio = studio.until_written("live-sound.m3u8", &format!("3.{ending}"));
    let studio = studio.until_written("live-pictures.m3u8", &format!("3.{ending}")).until_written("master.m3u8", "AUDIO=");
    let bytes = studio.watch("http://10.77.0.1:8000/master.m3u8", 9);
    let found = judge(&bytes, STRICT, 4);
    assert_eq!(found.streams.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [0x1B, 0x0F]);
    assert_same(&studio, &bytes, Kind::H264);
}

#[test]
fn hls_of_bare_frames() {
    let list =
        ["-segment_list", "live.m3u8", "-segment_list_type", "m3u8", "-segment_list_size", "6", "-segment_list_flags", "live"];
    let arguments = [&["-map", "-0:v", "-f", "segment", "-segment_time", "1"], &list[..], &["live%d.aac"]].concat();
    let studio = Studio::new().web().send(Kind::H264, &arguments).until_written("live.m3u8", "live3.aac");
    let bytes = studio.watch("http://10.77.0.1:8000/live.m3u8", 8);
    judge(&bytes, STRICT, 4);
    assert_run("frames of sound", &sound(&recorded(&studio, &bytes)), &sound(&Kind::H264.path()), 150);
}

/// A station that sends for as long as somebody listens.
fn station(kind: Kind, how: &[&str]) -> Studio {
    let listen = ["-listen", "1", "-content_type", "audio/mpeg", "http://10.77.0.1:8001/radio"];
    let studio = Studio::new().send(kind, &[&["-map", "-0:v?"], how, &listen].concat());
    until_listening(&studio, 8001);
    studio
}

/// Not by trying: a station has one listener.
fn until_listening(studio: &Studio, port: u16) {
    let list = || run(studio.netns.command("ss").args(["-ltnH", &format!("sport = :{port}")]), Duration::from_secs(5)).ok();
    wait::until_so(&format!("port {port} to be open"), Duration::from_secs(20), || list().contains("LISTEN"));
}

#[test]
fn radio_of_aac() {
    let studio = station(Kind::Small, &["-f", "adts"]);
    let bytes = studio.watch("http://10.77.0.1:8001/radio", 7);
    let found = judge(&bytes, STRICT, 4);
    assert_eq!(found.streams.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [0x0F]);
    assert_run("frames of sound", &sound(&recorded(&studio, &bytes)), &sound(&Kind::Small.path()), 150);
}

#[test]
fn radio_of_mp3() {
    let studio = station(Kind::Small, &["-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3"]);
    let bytes = studio.watch("http://10.77.0.1:8001/radio", 7);
    let found = judge(&bytes, STRICT, 4);
    assert_eq!(found.streams.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [0x03]);
}

/// What a station's page offers is a link to the stream.
#[rstest::rstest]
#[case::m3u("radio.m3u", "#EXTM3U\n#EXTINF:-1,Radio One\nhttp://10.77.0.1:8001/radio\n")]
#[case::pls("radio.pls", "[playlist]\nNumberOfEntries=1\nFile1=http://10.77.0.1:8001/radio\nTitle1=Radio One\n")]
fn radio_by_a_link(#[case] name: &str, #[case] text: &str) {
    let studio = station(Kind::Radio, &["-f", "mp2"]).web();
    std::fs::write(studio.path(name), text).unwrap();
    until_listening(&studio, 8000);
    let bytes = studio.watch(&format!("http://10.77.0.1:8000/{name}"), 7);
    judge(&bytes, STRICT, 4);
    assert_run("frames of sound", &sound(&recorded(&studio, &bytes)), &sound(&Kind::Radio.path()), 150);
}

//! Between two sources: a slate in the programme's own codecs, or its tables, or null packets; never a silence, and a
//! recording that plays through.

use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::app::Setup;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::packets::{SIZE, packets, pes_times};
use crate::support::playlist::entry;
use crate::support::process::run;
use crate::support::rig::Rig;
use crate::support::ts_oracle::{
    Findings, STRICT, aligned, assert_clean, assert_decodes, examine, is_video, says_ffmpeg, whole_units,
};
use crate::support::upstream::{Cue, Live, Origin, Script};
use crate::support::viewer::Leave;
use crate::support::wait;

/// A channel with these sources, each an account of its own, and a server with this setting.
fn rig(paths: &[&str], kind: Kind, mode: &str) -> Rig {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let source = |path: &&str| {
        origin.set(path, Script::live(&kind.media()));
        entry("1", "One", &origin.url(path)).with("tvg-id=\"one\"")
    };
    let sources: Vec<_> = paths.iter().map(source).collect();
    let app = Setup::new(&netns).env("ROOFTOP_FILLER_MODE", mode).playlist_each(&sources).start();
    Rig { app, origin, netns }
}

/// Takes all sources away for so long, the first one in this way, and waits until one is back.
fn interrupt(rig: &Rig, paths: &[&str], kind: Kind, how: Cue, away: Duration) {
    paths.iter().skip(1).for_each(|path| _ = rig.origin.set(path, Script::Close));
    rig.origin.cue(paths[0], how);
    rig.origin.set(paths[0], Script::Close);
    thread::sleep(away);
    paths.iter().for_each(|path| _ = rig.origin.set(path, Script::live(&kind.media())));
    wait::until_so("a source to be back", Duration::from_secs(20), || rig.app.log().matches("source on air").count() == 2);
}

/// Pictures that begin in the recording, and the time from the first to the last. Each is shown for a picture's time at least, and
/// for no longer than those take that are missing at a cut.
fn pictures(bytes: &[u8], found: &Findings) -> (usize, Duration) {
    let pid = found.streams.iter().find(|(kind, _)| is_video(*kind)).unwrap().1;
    let of_video = packets(bytes).filter(|packet| packet.pid() == pid && packet.unit_start());
    let (shown, times): (Vec<u64>, Vec<u64>) = of_video.filter_map(|packet| pes_times(packet.payload())).unzip();
    let since = |time: u64, first: u64| (time + (1 << 33) - first) % (1 << 33);
    // Leading pictures are shown before the first one.
    let mut shown: Vec<u64> = shown.iter().map(|time| since(*time + 900_000, shown[0])).collect();
    shown.sort_unstable();
    let unlike = |step: &u64| !(3600 - 90..=10 * 3600).contains(step);
    let unlike: Vec<_> = shown.windows(2).map(|pair| pair[1] - pair[0]).filter(unlike).collect();
    assert!(unlike.is_empty(), "pictures shown after {unlike:?} / 90 ms");
    (times.len(), Duration::from_millis(since(times[times.len() - 1], times[0]) / 90))
}

/// How many pictures ffmpeg makes of it, all with pixels of one shape.
fn decoded(bytes: &[u8]) -> usize {
    let file = tempfile::Builder::new().suffix(".ts").tempfile().unwrap();
    std::fs::write(file.path(), whole_units(bytes)).unwrap();
    let mut command = Command::new("ffprobe");
    command.args(["-v", "quiet", "-select_streams", "v:0", "-show_entries", "frame=sample_aspect_ratio"]);
    command.args(["-of", "default=nw=1:nk=1"]).arg(file.path());
    let shapes = run(&mut command, Duration::from_secs(60)).ok();
    let first = shapes.lines().next().unwrap();
    assert!(shapes.lines().all(|shape| shape == first), "pixels of {first}, then of others");
    shapes.lines().count()
}

/// What was recorded may be shorter than what was watched by so much: what lay in buffers when it was left.
const SHORT: Duration = Duration::from_secs(1);

/// What was recorded is one stream without a seam, in which time and pictures went on for as long as it was watched.
fn assert_went_on(bytes: &[u8], kind: Kind, watched: Duration) {
    let bytes = aligned(bytes);
    let found = assert_clean(bytes, STRICT);
    assert_eq!((found.pmt_versions.len(), found.announced), (1, 0), "{found:?}");
    // Where no group of H.264 is closed, pictures behind the cut give back references that nobody has: of no consequence, but said.
    let said = says_ffmpeg(bytes);
    let of_references =
        |line: &str| line.contains("mmco: unref short failure") || line.contains("illegal short term buffer state");
    assert!(said.lines().all(of_references), "{said}");
    assert!(kind == Kind::H264Ac3 || said.is_empty(), "{said}");
    let (count, span) = pictures(bytes, &found);
    println!("{span:?} of pictures in {watched:?}");
    assert!(span + SHORT > watched, "{span:?} of pictures in {watched:?}");
    let expected = span.as_millis() as usize / 40;
    // At a cut those are missing that were to be shown before the last one that came, and leading ones at the next.
    assert!(count <= expected + 3 && count + 10 >= expected, "{count} pictures in {span:?}");
    // Nobody can decode the leading pictures of the open group with which the first source may begin, and the last unit is cut.
    let decoded = decoded(bytes);
    assert!(decoded + 5 >= count, "{decoded} of {count} pictures");
}

/// What counts as a silence here. The goals (100 ms after an end, 300 ms after a stall) are a benchmark's to show: this machine
/// may be busy with other tests.
const SILENCE_MS: u64 = 4000;

/// The sources are away for a while: a slate in the same codecs bridges it.
#[rstest::rstest]
#[case::an_end(Kind::H264, &["/first", "/second"], Cue::End, 2500, SILENCE_MS)]
#[case::a_stall(Kind::H264, &["/first", "/second"], Cue::Stall, 3500, SILENCE_MS)]
#[case::the_only_source(Kind::H264, &["/only"], Cue::End, 5000, SILENCE_MS)]
#[case::mpeg2_ac3(Kind::Mpeg2, &["/first", "/second"], Cue::End, 2500, SILENCE_MS)]
#[case::hevc_aac(Kind::Hevc, &["/first", "/second"], Cue::End, 2500, SILENCE_MS)]
#[case::a_reset(Kind::Small, &["/first", "/second"], Cue::Reset, 1500, SILENCE_MS)]
#[case::h264_ac3(Kind::H264Ac3, &["/first", "/second"], Cue::Reset, 2500, SILENCE_MS)]
#[case::hevc_eac3(Kind::HevcEac3, &["/first", "/second"], Cue::Stall, 2500, SILENCE_MS)]
#[case::mpeg2_mp2(Kind::Mpeg2Mp2, &["/first", "/second"], Cue::Stall, 2500, SILENCE_MS)]
#[case::two_sound_tracks(Kind::Mpeg2TwoTracks, &["/first", "/second"], Cue::End, 6500, SILENCE_MS)]
fn a_slate_bridges(#[case] kind: Kind, #[case] paths: &[&str], #[case] how: Cue, #[case] away_ms: u64, #[case] gap_ms: u64) {
    let mut rig = rig(paths, kind, "slate");
    let viewer = rig.watch("1");
    wait::until_so("the slate to be made", Duration::from_secs(20), || rig.app.log().contains("clip made"));
    let lost = Instant::now();
    interrupt(&rig, paths, kind, how, Duration::from_millis(away_ms));
    thread::sleep(Duration::from_secs(2));
    let status: serde_json::Value = rig.app.api("/api/v1/tuners").json();
    let told = |member: &str| status["tuners"][0][format!("recovery_keepalive_{member}")].clone();
    assert_eq!(told("mode"), "slate", "{status}");
    assert!(told("bytes").as_i64() > Some(10_000) && told("chunks").as_i64() > Some(20), "{status}");
    assert!(told("started_at").is_string() && told("stopped_at").is_string(), "{status}");
    // The guardrail, but for what it lets come early.
    assert!(told("realtime_multiplier").as_f64() < Some(4.0), "{status}");
    let gap = viewer.silence_since(lost);
    println!("{paths:?} {how:?}: longest silence {gap:?}");
    let watched = viewer.opened().elapsed();
    let bytes = viewer.leave(Leave::Fin);
    assert_went_on(&bytes, kind, watched);
    assert!(gap <= Duration::from_millis(gap_ms), "{gap:?} of silence");
    rig.app.assert_well();
}

/// What came of it before its first picture is not played, and so not waited for.
#[test]
fn a_source_that_says_its_length_is_on_air_with_its_first_picture() {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let begun = Instant::now();
    origin.set("/first", Script::live(&Kind::Small.media()));
    origin.set("/second", Live::new(&Kind::RareKeys.media()).of_length().script());
    let sources = ["/first", "/second"].map(|path| entry("1", "One", &origin.url(path)).with("tvg-id=\"one\""));
    let app = Setup::new(&netns).playlist_each(&sources).start();
    let mut rig = Rig { app, origin, netns };
    let viewer = rig.watch("1");
    wait::until_so("the slate to be made", Duration::from_secs(20), || rig.app.log().contains("clip made"));
    let since_key = || begun.elapsed().as_millis() % 8000;
    wait::until_so("a picture to begin with to be over", Duration::from_secs(10), || (300..1500).contains(&since_key()));
    let lost = Instant::now();
    rig.origin.cue("/first", Cue::End);
    rig.origin.set("/first", Script::Close);
    wait::until_so("the second source", Duration::from_secs(20), || rig.app.log().matches("source on air").count() == 2);
    let waited = lost.elapsed();
    thread::sleep(Duration::from_secs(6));
    let gap = viewer.silence_since(lost);
    assert_clean(aligned(&viewer.leave(Leave::Fin)), STRICT);
    assert!(waited > Duration::from_secs(5), "the next picture to begin with came after {waited:?}");
    assert!(gap <= Duration::from_millis(SILENCE_MS), "{gap:?} of silence");
    rig.app.assert_well();
}

/// Without pictures it is silence.
#[test]
fn a_radio_falls_silent() {
    let (kind, paths) = (Kind::Radio, ["/first", "/second"]);
    let mut rig = rig(&paths, kind, "slate");
    let viewer = rig.watch("1");
    wait::until_so("the slate to be made", Duration::from_secs(20), || rig.app.log().contains("clip made"));
    let lost = Instant::now();
    interrupt(&rig, &paths, kind, Cue::Reset, Duration::from_millis(6000));
    thread::sleep(Duration::from_secs(2));
    let (gap, watched) = (viewer.silence_since(lost), viewer.opened().elapsed());
    let bytes = viewer.leave(Leave::Fin);
    let found = assert_clean(aligned(&bytes), STRICT);
    assert_decodes(aligned(&bytes));
    assert_eq!((found.pmt_versions.len(), found.announced), (1, 0), "{found:?}");
    println!("{:?} of {watched:?}, silence {gap:?}", found.duration);
    assert!(found.duration + SHORT > watched, "{:?} of sound in {watched:?}", found.duration);
    assert!(gap <= Duration::from_millis(SILENCE_MS), "{gap:?} of silence");
    rig.app.assert_well();
}

/// Without a slate: tables or null packets, until the source is back.
#[rstest::rstest]
#[case("psi", false)]
#[case("null", true)]
fn other_fillers_keep_the_client(#[case] mode: &str, #[case] nulls: bool) {
    let kind = Kind::Small;
    let mut rig = rig(&["/only"], kind, mode);
    let viewer = rig.watch("1");
    thread::sleep(Duration::from_secs(1));
    let lost = Instant::now();
    // Longer than what counts as a silence.
    interrupt(&rig, &["/only"], kind, Cue::End, Duration::from_millis(6000));
    let back = Instant::now();
    thread::sleep(Duration::from_secs(3));
    let (gap, watched) = (viewer.silence_since(lost), viewer.opened().elapsed());
    let (absent, heard) = (back - lost, back.elapsed());
    let behind = viewer.len_at(back).next_multiple_of(SIZE);
    let bytes = viewer.leave(Leave::Fin);
    let bytes = aligned(&bytes);
    // Its time stands still meanwhile.
    let found = assert_clean(bytes, STRICT);
    assert_eq!((found.pmt_versions.len(), found.announced), (1, 0), "{found:?}");
    assert_decodes(bytes);
    println!("{:?} of {watched:?} less {absent:?}", found.duration);
    assert!(found.duration + absent + SHORT > watched, "{:?} of {watched:?} less {absent:?}", found.duration);
    let behind = examine(&bytes[behind..], STRICT);
    println!("{:?} of {heard:?}", behind.duration);
    assert!(behind.duration + SHORT > heard, "{:?} of the {heard:?} since it was back", behind.duration);
    assert_eq!(packets(bytes).any(|packet| packet.pid() == 0x1FFF), nulls);
    assert!(gap <= Duration::from_millis(SILENCE_MS), "{gap:?} of silence");
    assert!(!rig.app.log().contains("clip made"));
    rig.app.assert_well();
}

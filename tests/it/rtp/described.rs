//! Pictures and sound that come apart, as a session description says.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::support::demux::{Stream, demux};
use crate::support::process::{Running, run, start};
use crate::support::ts_oracle::{aligned, whole_units};

/// Twenty seconds of pictures and of noise, of which no part is like another: in a file that has no transport stream's ways, and
/// as one, to compare with.
fn clip(encoder: &str, sound: &str, folder: &Path) -> (PathBuf, PathBuf) {
    let (clip, stream) = (folder.join("clip.mp4"), folder.join("clip.ts"));
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=20"]);
    ffmpeg.args(["-f", "lavfi", "-i", "anoisesrc=r=48000:d=20:seed=7", "-pix_fmt", "yuv420p", "-g", "25", "-bf", "2"]);
    ffmpeg.args(["-c:v", encoder, "-c:a", sound, "-b:a", "96k", "-ac", "2"]);
    if sound == "aac" {
        // Noise that is made up is another one wherever decoding begins.
        ffmpeg.args(["-aac_pns", "0"]);
    }
    if encoder.starts_with("libx26") {
        ffmpeg.args(["-preset", "ultrafast"]);
    }
    if encoder == "libx265" {
        ffmpeg.args(["-tag:v", "hvc1", "-x265-params", "log-level=none:keyint=25:bframes=2"]);
    }
    run(ffmpeg.arg(&clip), SOON).ok();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(&clip).args(["-c", "copy", "-pes_payload_size", "16"]);
    run(ffmpeg.arg(&stream), SOON).ok();
    (clip, stream)
}

/// ffmpeg, which writes the description first.
fn by_ffmpeg(netns: &Netns, clip: &Path, sdp: &Path, payload: &str) -> Running {
    let mut ffmpeg = netns.command("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-re", "-i"]).arg(clip);
    // Otherwise it moves each of them by what comes before its zero.
    let copied = ["-c", "copy", "-avoid_negative_ts", "disabled", "-f", "rtp"];
    ffmpeg.args(["-map", "0:v"]).args(copied).arg("rtp://10.77.0.1:5010");
    ffmpeg.args(["-map", "0:a"]).args(copied);
    if payload == "MP4A-LATM" {
        ffmpeg.args(["-rtpflags", "latm"]);
    }
    ffmpeg.args(["rtp://10.77.0.1:5012", "-sdp_file"]);
    start(ffmpeg.arg(sdp))
}

/// Hashes of the pictures of a recording, as they are shown.
fn pictures(file: &Path) -> Vec<String> {
    decoded(file, "0:v:0")
}

/// Hashes of what is decoded of a stream of a recording.
fn decoded(file: &Path, stream: &str) -> Vec<String> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "quiet", "-i"]).arg(file);
    ffmpeg.args(["-map", stream, "-fps_mode", "passthrough", "-f", "framehash", "-"]);
    let text = run(&mut ffmpeg, Duration::from_secs(60)).ok();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.rsplit(',').next()).map(|hash| hash.trim().to_owned()).collect()
}

fn of_kind<'a>(streams: &'a [Stream], kind: &str) -> &'a Stream {
    streams.iter().find(|stream| stream.kind == kind).unwrap_or_else(|| panic!("no {kind}"))
}

/// Where a run of hashes lies in another.
fn place(here: &[String], there: &[String]) -> Option<usize> {
    there.windows(here.len()).position(|run| run == here)
}

#[rstest::rstest]
#[case::h264("libx264", "aac", "MPEG4-GENERIC", "aac")]
#[case::hevc("libx265", "aac", "MPEG4-GENERIC", "aac")]
#[case::opus("libx264", "libopus", "opus", "opus")]
#[case::mpeg_2_and_latm("mpeg2video", "aac", "MP4A-LATM", "aac_latm")]
fn pictures_and_sound_are_those_that_were_sent(
    #[case] encoder: &str,
    #[case] sound: &str,
    #[case] payload: &str,
    #[case] carried: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let netns = Arc::new(Netns::new());
    let ((clip, stream), sdp) = (clip(encoder, sound, folder.path()), folder.path().join("garden.sdp"));
    let describing = by_ffmpeg(&netns, &clip, &sdp, payload);
    wait::until_so("a description", SOON, || std::fs::read_to_string(&sdp).is_ok_and(|text| text.contains(payload)));
    drop(describing);
    let room = Room::within(netns, &["push:garden"], &[("ROOFTOP_RTP_SDP", &sdp.display().to_string())]);
    let _sender = by_ffmpeg(&room.netns, &clip, &sdp, payload);
    room.until_in("garden");
    let viewer = room.watch();
    thread::sleep(Duration::from_secs(3));
    assert!(!viewer.ended());
    let recording = folder.path().join("recorded.ts");
    let bytes = viewer.leave(Leave::Fin);
    assert_clean(&bytes, STRICT);
    std::fs::write(&recording, whole_units(aligned(&bytes))).unwrap();
    let (came, sent) = (pictures(&recording), pictures(&stream));
    // The last ones of a recording lack what would have come.
    let came = &came[..came.len() - 3];
    assert!(came.len() > 40 && place(came, &sent).is_some(), "{} pictures are not those that were sent", came.len());
    let (out, source) = (demux(&recording), demux(&stream));
    let (sound, sound_sent) = (of_kind(&out, "audio"), of_kind(&source, "audio"));
    assert_eq!(sound.codec, carried);
    // Frames in LOAS are others than with ADTS, but what is decoded of them is the same, behind the first that lack what was before.
    let (skipped, hashes) = if carried == "aac_latm" {
        (4, [&recording, &stream].map(|file| decoded(file, "0:a:0")))
    } else {
        (0, [sound, sound_sent].map(|stream| stream.units.iter().map(|unit| unit.hash.clone()).collect()))
    };
    let at = place(&hashes[0][skipped..hashes[0].len() - skipped], &hashes[1]).expect("sound as it was sent");
    let sound_moved = sound.units[skipped].pts.unwrap() - sound_sent.units[at].pts.unwrap();
    // Decoding begins with the first key picture.
    let (picture, picture_sent) = (of_kind(&out, "video"), of_kind(&source, "video"));
    let first = place(came, &sent).unwrap();
    let mut times: Vec<i64> = picture_sent.units.iter().filter_map(|unit| unit.pts).collect();
    times.sort_unstable();
    let key = picture.units.iter().find(|unit| unit.key).unwrap();
    let picture_moved = key.pts.unwrap() - times[first];
    let apart = (picture_moved - sound_moved).rem_euclid(1 << 33);
    let apart = if apart > 1 << 32 { apart - (1 << 33) } else { apart };
    // 40 ms is what people notice.
    assert!(apart.abs() < 3600, "picture and sound are {} ms apart", apart as f64 / 90.0);
    assert!(!room.says(&["panicked"]));
    room.app.stop();
}

/// How it is known what comes.
#[derive(Debug, Clone, Copy)]
enum Told {
    InFile(&'static str),
    Later(&'static str),
    Nowhere,
}

/// GStreamer sends no reports and no parameter sets in its description, but with its pictures: then they need no description.
#[rstest::rstest]
#[case::h264(Kind::Small, "h264parse", "rtph264pay config-interval=-1", Told::InFile("H264"))]
#[case::mpeg_2(Kind::Mpeg2TwoTracks, "mpegvideoparse", "rtpmpvpay", Told::InFile("MPV"))]
#[case::hevc_told_later(Kind::Hevc, "h265parse", "rtph265pay config-interval=-1", Told::Later("H265"))]
#[case::h264_by_its_looks(Kind::Small, "h264parse", "rtph264pay config-interval=-1", Told::Nowhere)]
#[case::hevc_by_its_looks(Kind::Hevc, "h265parse", "rtph265pay config-interval=-1", Told::Nowhere)]
fn pictures_alone_by_gstreamer(#[case] kind: Kind, #[case] parse: &str, #[case] pay: &str, #[case] told: Told) {
    let folder = tempfile::tempdir().unwrap();
    let sdp = folder.path().join("garden.sdp");
    let text = |encoding: &str| {
        format!(
            "v=0\no=- 0 0 IN IP4 10.77.0.1\ns=garden\nc=IN IP4 239.77.0.9/4\nt=0 0\nm=video 5010 RTP/AVP 96\na=rtpmap:96 {encoding}/90000\n"
        )
    };
    let (name, to): (_, [&str; 2]) = match told {
        Told::Nowhere => (NAME, ["host=10.77.0.1", "port=5004"]),
        _ => ("door", ["host=239.77.0.9", "port=5010"]),
    };
    let setting = format!("{}=door", sdp.display());
    let environment: &[(&str, &str)] = match told {
        Told::InFile(encoding) => {
            std::fs::write(&sdp, text(encoding)).unwrap();
            &[("ROOFTOP_RTP_SDP", &setting)]
        }
        _ => &[],
    };
    let room = Room::new(&[&format!("push:{name}")], environment);
    if let Told::Later(encoding) = told {
        // First with a mistake, which is told of; the last word counts.
        assert_eq!(room.describe(name, "v=0\nhello"), 422);
        assert_eq!(room.describe(name, &text("H264")), 200);
        thread::sleep(Duration::from_millis(1500));
        // Sound that cannot be taken is told of on the page.
        let sound = "m=audio 5012 RTP/AVP 8\n";
        assert_eq!(room.describe(name, &(text(encoding) + sound)), 200);
        let told = "session description: line 8 is left out, ";
        wait::until_so("the page to tell of the sound", SOON, || {
            String::from_utf8_lossy(&room.app.page("/inputs").body()).contains(told)
        });
    }
    let mut launch = room.netns.command("gst-launch-1.0");
    launch.args(["-q", "filesrc"]).arg(format!("location={}", kind.path().display()));
    launch.args(["!", "tsdemux", "!", parse, "!"]).args(pay.split(' ')).args(["pt=96", "!", "udpsink"]);
    let _sender = start(launch.args(to));
    room.until_in(name);
    let viewer = room.watch();
    thread::sleep(Duration::from_secs(3));
    let recording = folder.path().join("recorded.ts");
    std::fs::write(&recording, whole_units(aligned(&viewer.leave(Leave::Fin)))).unwrap();
    let (came, sent) = (pictures(&recording), pictures(&kind.path()));
    let came = &came[..came.len() - 3];
    assert!(came.len() > 40 && place(came, &sent).is_some(), "{} pictures are not those that were sent", came.len());
    room.app.stop();
}

/// An encoder at one port is set from H.264 to HEVC, under the payload type that it had: it is looked at anew, and so after a person
/// has closed it.
#[test]
fn an_encoder_that_is_set_to_another_codec_is_looked_at_anew() {
    let room = Room::new(&[&format!("push:{NAME}")], &[]);
    let send = |kind: Kind, parse: &str, pay: &str| {
        let mut launch = room.netns.command("gst-launch-1.0");
        launch.args(["-q", "filesrc"]).arg(format!("location={}", kind.path().display()));
        launch.args(["!", "tsdemux", "!", parse, "!", pay, "config-interval=-1", "pt=96", "!", "udpsink"]);
        start(launch.args(["host=10.77.0.1", "port=5004", "bind-address=10.77.0.1", "bind-port=6000"]))
    };
    let shows = |codec: &str| {
        let what = format!("{codec} to be seen in it:\n{}", room.app.log());
        wait::until_so(&what, SOON, || room.stream(NAME).is_some_and(|stream| stream["video_codec"] == codec));
    };
    let first = send(Kind::Small, "h264parse", "rtph264pay");
    shows("h264");
    drop(first);
    let second = send(Kind::Hevc, "h265parse", "rtph265pay");
    shows("hevc");
    assert_eq!(room.app.api_with("DELETE", &format!("/api/v1/streams/{NAME}"), None).status, 200);
    drop(second);
    let _third = send(Kind::Small, "h264parse", "rtph264pay");
    shows("h264");
    assert!(!room.says(&["panicked"]));
    room.app.stop();
}

/// A description that is none keeps nobody from running, and is told of.
#[test]
fn a_bad_description_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let sdp = folder.path().join("bad.sdp");
    std::fs::write(&sdp, "v=0\no=- 0 0 IN IP4 10.77.0.1\ns=x\nt=0 0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n").unwrap();
    let room = Room::new(&[SOURCE], &[("ROOFTOP_RTP_SDP", &format!("{},/nowhere.sdp", sdp.display()))]);
    assert!(room.says(&["a stream that is described cannot be received", "needs a line like", "bad.sdp"]), "{}", room.app.log());
    assert!(room.says(&["a stream that is described cannot be received", "/nowhere.sdp"]));
    room.app.stop();
}

//! What Rooftop sees in a stream that is pushed: codec, frames, groups of pictures, parameter sets, sound and picture; previews and
//! pictures of it; and what becomes of what it keeps when memory is short.

mod recordings;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::app::{App, Setup, WEB};
use crate::support::http::Request;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::process::{Running, run};
use crate::support::srt::{Tool, call, send};
use crate::support::wait;

const STREAM: &str = "/api/v1/streams/cam%2F1";

/// A server to which one stream is pushed.
struct Room {
    /// Declared first: it ends before its network.
    app: App,
    _sender: Vec<Running>,
    netns: Arc<Netns>,
    folder: tempfile::TempDir,
}

impl Room {
    /// With these settings; once so many groups of pictures have come.
    fn with(environment: &[(&str, &str)], kind: Kind, groups: u64) -> Self {
        let netns = Arc::new(Netns::new());
        let setup = Setup::new(&netns).playlist(&[entry("1", "One", "push:cam/1")]);
        let app = environment.iter().fold(setup, |setup, (name, value)| setup.env(name, value)).start();
        let sender = send(&netns, Tool::Ffmpeg, kind, 30000, &call("publish:cam/1", 0));
        let room = Self { app, _sender: sender, netns, folder: tempfile::tempdir().unwrap() };
        wait::until_so("groups of pictures to be seen", Duration::from_secs(15), || {
            let response = room.app.api(&format!("{STREAM}/buffer"));
            response.status == 200 && response.json()["gop"]["total_gops"].as_u64().unwrap() >= groups
        });
        room
    }

    fn of(&self, what: &str) -> Value {
        let response = self.app.api(&format!("{STREAM}/{what}"));
        assert_eq!(response.status, 200, "{what}");
        response.json()
    }

    fn video(&self) -> Value {
        let mut all = self.app.api("/api/v1/streams/stats/video").json();
        assert_eq!(all["count"], 1);
        all["streams"]["cam/1"].take()
    }

    fn control(&self, body: &Value) -> Value {
        let response = self.app.api_with("POST", &format!("{STREAM}/backpressure/control"), Some(&body.to_string()));
        assert_eq!(response.status, 200);
        response.json()
    }

    /// The same as JSON.
    fn json_preview(&self, seconds: &str) -> Value {
        let request = Request::get(&format!("{STREAM}/preview?duration={seconds}")).header("Accept", "application/json");
        let request = request.header("Authorization", &format!("Bearer {}", self.app.token()));
        request.send(&self.netns, WEB).unwrap().json()
    }

    /// What is kept, as a file.
    fn preview(&self, seconds: &str) -> PathBuf {
        let response = self.app.api(&format!("{STREAM}/preview?duration={seconds}"));
        assert_eq!((response.status, response.header("content-type")), (200, Some("video/mp2t")));
        let path = self.folder.path().join("preview.ts");
        std::fs::write(&path, response.body()).unwrap();
        path
    }
}

/// What ffprobe says of the pictures in a file.
fn probe(path: &Path, entries: &str) -> Value {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "json"]).arg(path);
    let output = run(&mut ffprobe, Duration::from_secs(20));
    assert_eq!(output.stderr, "", "{}", path.display());
    serde_json::from_str(&output.ok()).unwrap()
}

/// The kinds of its frames, in the order in which they are shown.
fn kinds(path: &Path) -> String {
    let frames = probe(path, "frame=pict_type");
    frames["frames"].as_array().unwrap().iter().map(|frame| frame["pict_type"].as_str().unwrap()).collect()
}

/// How many are of a kind.
fn count(kinds: &str, kind: char) -> usize {
    kinds.matches(kind).count()
}

/// The first sequence and picture parameter set of a file, as they lie in it.
fn parameter_sets(path: &Path) -> Vec<u8> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(path).args(["-map", "0:v:0", "-c", "copy", "-frames:v", "1"]);
    let output = ffmpeg.args(["-bsf:v", "filter_units=pass_types=7-8", "-f", "h264", "-"]).output().unwrap();
    assert!(output.status.success() && output.stdout.len() > 20);
    output.stdout
}

#[test]
fn what_is_in_a_stream_is_what_ffprobe_sees() {
    let room = Room::with(&[], Kind::H264, 8);
    let file = Kind::H264.path();
    let sent = &probe(&file, "stream=codec_name,width,height,r_frame_rate")["streams"][0];
    let video = room.video();
    let size = json!({ "Width": sent["width"], "Height": sent["height"] });
    assert_eq!((&video["Codec"], &video["Resolution"]), (&sent["codec_name"], &size), "{video}");
    assert_eq!((sent["r_frame_rate"].as_str(), video["Framerate"].as_f64()), (Some("25/1"), Some(25.0)));
    let kinds = kinds(&file);
    let group = kinds[1..].find('I').unwrap() + 1;
    assert_eq!(video["avg_gop_size"].as_f64(), Some(group as f64), "{video}");
    let gop = &room.of("buffer")["gop"];
    assert_eq!(gop["average_duration_ms"].as_u64(), Some(group as u64 * 40), "{gop}");
    // Only whole groups have the shares of the file.
    let share = |kind| count(&kinds, kind) as f64 / kinds.len() as f64;
    for (kind, name) in [('I', "i_frame_ratio"), ('P', "p_frame_ratio"), ('B', "b_frame_ratio")] {
        assert!((gop[name].as_f64().unwrap() - share(kind)).abs() < 0.05, "{name}: {gop} and {}", share(kind));
    }
    let stream = room.app.api(STREAM).json();
    assert_eq!(
        (&stream["video_codec"], &stream["resolution"], &stream["frame_rate"]),
        (&json!("h264"), &json!("1280x720"), &json!(25.0))
    );
    assert_eq!(stream["stats"]["frame_buffer_stats"]["frames_dropped"], 0, "{stream}");
    assert_eq!((&room.of("recovery")["state"], &video["Errors"]), (&json!("normal"), &json!(0)));

    let parameters = room.of("parameters");
    assert_eq!((&parameters["available_sps_ids"], &parameters["available_pps_ids"]), (&json!([0]), &json!([0])), "{parameters}");
    assert_eq!(parameter_sets(&room.preview("1")), parameter_sets(&file));

    wait::until_so("sound and picture to be compared", Duration::from_secs(10), || room.of("sync")["status"] != "unknown");
    let sync = room.of("sync");
    assert_eq!(sync["status"], "synced", "{sync}");
    assert!(sync["drift"]["avg_drift"].as_i64().unwrap().abs() <= 40, "{sync}");
    assert!(sync["audio"]["packet_count"].as_u64().unwrap() > 20 && sync["video"]["jump_count"] == 0, "{sync}");
    let page = String::from_utf8(room.app.page("/inputs").body()).unwrap();
    assert!(page.contains("1280x720 h264") && page.contains("/api/v1/streams/cam%2F1/iframe"), "{page}");
    assert!(room.app.metric("rooftop_stream_ingestion_memory_bytes").unwrap() > 0.0);
}

#[test]
fn previews_play_and_a_picture_is_a_jpeg() {
    let room = Room::with(&[], Kind::H264, 4);
    let preview = room.preview("1");
    let shown = kinds(&preview);
    assert!(shown.starts_with('I') && (12..=25).contains(&shown.len()), "{shown}");
    let key = probe(&preview, "packet=flags");
    assert!(key["packets"][0]["flags"].as_str().unwrap().starts_with('K'), "{key}");
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]).arg(&preview);
    let streams = run(&mut ffprobe, Duration::from_secs(20)).ok();
    assert!(streams.contains("h264") && streams.contains("aac"), "{streams}");

    let json = room.json_preview("0.5");
    let frames = json["frames"].as_array().unwrap();
    assert!((12..=13).contains(&frames.len()) && json["frame_count"] == frames.len(), "{} frames", frames.len());
    // Base64 of the sync byte and what may follow it.
    assert!(frames.iter().all(|frame| frame["data"].as_str().unwrap().starts_with('R') && frame["timestamp"] != 0));
    assert_eq!(room.app.api(&format!("{STREAM}/preview?duration=31")).json()["error"], "Unprocessable Entity");

    if !cfg!(feature = "worker") {
        return;
    }
    let picture = room.app.api(&format!("{STREAM}/iframe"));
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/jpeg")), "{}", room.app.log());
    assert_eq!(picture.header("x-frame-codec"), Some("h264"));
    let id: u64 = picture.header("x-frame-id").unwrap().parse().unwrap();
    assert!(id % 12 == 1 && picture.header("x-frame-size").unwrap().parse::<u64>().unwrap() > 1000, "{id}");
    let path = room.folder.path().join("picture.jpg");
    std::fs::write(&path, picture.body()).unwrap();
    let seen = probe(&path, "stream=codec_name,width,height");
    assert_eq!(seen["streams"][0], json!({ "codec_name": "mjpeg", "width": 1280, "height": 720 }));
    assert_eq!(likeness(&path, id), "alike");
}

/// Whether a picture is the one that was sent: every keyframe is shown as the first of its group.
fn likeness(picture: &Path, id: u64) -> String {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "info", "-i"]).arg(picture).arg("-i").arg(Kind::H264.path());
    let filter =
        format!("[1:v]select=eq(n\\,{}),format=yuvj420p,setpts=0[a];[0:v]format=yuvj420p,setpts=0[b];[a][b]psnr", id - 1);
    let output = run(ffmpeg.args(["-lavfi", &filter, "-frames:v", "1", "-f", "null", "-"]), Duration::from_secs(20));
    let average = output.stderr.split("average:").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or("none");
    if average.parse::<f64>().is_ok_and(|average| average > 28.0) { "alike".into() } else { format!("{average} dB") }
}

/// What the frames of a preview are, in decoding order: `I` for one at which decoding begins, `R` for one that others need, `d` for one
/// that none needs. ISO/IEC 14496-10, 7.3.1: the head of the first slice says it.
fn frames(preview: &Value) -> String {
    let frame = |frame: &Value| {
        let packets = STANDARD.decode(frame["data"].as_str().unwrap()).unwrap();
        let payload: Vec<u8> = packets.chunks(188).flat_map(|packet| payload(packet).to_vec()).collect();
        let mut heads = payload.windows(4).filter(|bytes| bytes.starts_with(&[0, 0, 1])).map(|bytes| bytes[3]);
        let slice = heads.find(|head| matches!(head & 0x1F, 1 | 5)).unwrap();
        match (slice & 0x1F, slice & 0x60) {
            (5, _) => 'I',
            (_, 0) => 'd',
            _ => 'R',
        }
    };
    preview["frames"].as_array().unwrap().iter().map(frame).collect()
}

/// What a packet carries behind its header, and behind that of a PES packet (13818-1, 2.4.3).
fn payload(packet: &[u8]) -> &[u8] {
    let at = if packet[3] & 0x20 == 0 { 4 } else { 5 + usize::from(packet[4]) };
    let payload = packet.get(at..).unwrap_or_default();
    if packet[1] & 0x40 == 0 { payload } else { payload.get(9 + usize::from(payload[8])..).unwrap_or_default() }
}

#[test]
fn under_pressure_those_frames_go_first_that_are_missed_least() {
    let room = Room::with(&[], Kind::H264, 5);
    let kept = || frames(&room.json_preview("30"));
    // The group at hand grows.
    let of = |kept: &str, kind| count(kept.rsplit_once('I').unwrap().0, kind);
    assert_eq!(room.of("backpressure")["should_drop_gop"], false);
    let mut dropped = 0;
    for pressure in [0.81, 0.95] {
        room.control(&json!({ "action": "reset" }));
        let mut before = String::new();
        wait::until_so("two whole groups to be kept", Duration::from_secs(5), || {
            before = kept();
            of(&before, 'I') == 2 && of(&before, 'd') + of(&before, 'R') == 2 * (12 - 1)
        });
        let done = room.control(&json!({ "action": "set_pressure", "pressure": pressure }));
        assert_eq!((&done["action"], &done["success"]), (&json!("set_pressure"), &json!(true)));
        let (after, file) = (kept(), room.preview("30"));
        let found = room.of("backpressure");
        assert_eq!((&found["current_pressure"], &found["should_drop_gop"]), (&json!(pressure), &json!(true)));
        // That it decodes without a word is what `kinds` looks at: no frame is there without those that it needs.
        assert!(kinds(&file).starts_with('I') && after.starts_with('I'), "{after}");
        assert!(of(&after, 'd') < of(&before, 'd'), "{before} and {after}");
        if of(&after, 'I') == 2 {
            assert!(of(&after, 'd') == 0 || of(&after, 'R') == of(&before, 'R'), "{before} and {after}");
        }
        let now = room.of("stats")["frame_buffer_stats"]["frames_dropped"].as_u64().unwrap();
        assert!(now > dropped);
        dropped = now;
    }
    room.control(&json!({ "action": "reset" }));
    wait::until_so("frames to be kept that none needs", Duration::from_secs(5), || kept().contains('d'));
    let dropped = room.of("backpressure")["statistics"]["GOPsDropped"].as_u64().unwrap();
    room.control(&json!({ "action": "drop_gop" }));
    assert!(room.of("backpressure")["statistics"]["GOPsDropped"].as_u64().unwrap() > dropped);
    let refused = room.app.api_with("POST", &format!("{STREAM}/backpressure/control"), Some("{\"action\":\"set_pressure\"}"));
    assert_eq!((refused.status, &refused.json()["error"]), (422, &json!("Unprocessable Entity")));
    assert_eq!(room.app.api("/api/v1/streams/nobody/backpressure").json()["error"], "Not Found");
}

#[test]
fn memory_stays_within_its_limit() {
    const LIMIT: u64 = 1024 * 1024;
    let limits = [
        ("ROOFTOP_INGESTION_MEMORY_GLOBAL_LIMIT_MIB", "1"),
        ("ROOFTOP_INGESTION_MEMORY_PER_STREAM_LIMIT_MIB", "1"),
        ("ROOFTOP_INGESTION_GOP_BUFFER_COUNT", "100"),
    ];
    let room = Room::with(&limits, Kind::H264, 2);
    let mut most = 0;
    wait::until_so("frames to be dropped", Duration::from_secs(12), || {
        let found = room.of("buffer");
        let held = found["gop_buffer"]["total_bytes"].as_u64().unwrap();
        let metric = room.app.metric("rooftop_stream_ingestion_memory_bytes").unwrap();
        assert!(held <= LIMIT && metric <= LIMIT as f64, "{found}, {metric}");
        most = most.max(held);
        found["frames_dropped"].as_u64().unwrap() > 20
    });
    assert!(most > LIMIT / 2, "{most} bytes at most");
    let left = kinds(&room.preview("30"));
    assert!(left.starts_with('I') && count(&left, 'I') > 3, "{left}");
    assert_eq!(room.of("recovery")["is_healthy"], true);
    assert_eq!(room.app.metric("rooftop_stream_ingestion_missed_bytes"), Some(0.0));
}

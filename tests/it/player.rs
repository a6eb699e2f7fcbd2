//! The player of a channel's page, as a browser's fetch sees it: fragments that decode, sound and picture in step, refusals in words,
//! and processes that end with whoever looks.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::app::{App, Setup, WEB};
use crate::support::http::{Request, Response};
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::process::run;
use crate::support::wait;

const CHANNELS: [(&str, Kind); 7] = [
    ("1", Kind::H264),
    ("2", Kind::H264Ac3),
    ("3", Kind::Hevc),
    ("4", Kind::HevcEac3),
    ("5", Kind::Radio),
    ("6", Kind::Mpeg2),
    ("7", Kind::Small),
];

fn app(tuners: u8) -> App {
    let netns = Arc::new(Netns::new());
    let entries =
        CHANNELS.map(|(number, kind)| entry(number, &format!("{kind:?}"), &format!("file://{}", kind.path().display())));
    Setup::new(&netns).playlist(&entries).tuners(tuners).start()
}

/// The id of a channel's page.
fn id(app: &App, number: &str) -> i64 {
    let list = app.api("/api/v1/channels").json();
    let row = list["channels"].as_array().unwrap().iter().find(|row| row["number"] == number).unwrap().clone();
    row["id"].as_i64().unwrap()
}

fn play(app: &App, number: &str) -> Response {
    let target = format!("/channels/{}/play.mp4", id(app, number));
    Request::get(&target).header("Cookie", app.cookie()).timeout(Duration::from_secs(15)).send(&app.netns, WEB).unwrap()
}

/// What comes within this time.
fn record(response: Response, time: Duration, path: &Path) {
    let (mut stream, end, mut bytes) = (response.into_stream(), Instant::now() + time, Vec::new());
    let mut room = vec![0; 64 * 1024];
    while Instant::now() < end {
        match stream.read(&mut room) {
            Ok(0) | Err(_) => break,
            Ok(read) => bytes.extend_from_slice(&room[..read]),
        }
    }
    std::fs::write(path, bytes).unwrap();
}

fn probe(path: &Path) -> Vec<Value> {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-show_streams", "-of", "json"]).arg(path);
    let found: Value = serde_json::from_str(&run(&mut ffprobe, Duration::from_secs(20)).ok()).unwrap();
    found["streams"].as_array().unwrap().clone()
}

/// A full decode has nothing to say, but for a last fragment that was cut off.
fn assert_decodes(path: &Path) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-t", "2", "-i"]).arg(path).args(["-map", "0", "-f", "null", "-"]);
    let output = run(&mut ffmpeg, Duration::from_secs(60));
    assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{}", path.display());
}

/// The processes of players that this server has started.
fn workers(app: &App) -> Vec<i32> {
    let children = format!("/proc/{0}/task", app.pid());
    let tasks = std::fs::read_dir(children).unwrap().flatten();
    let pids = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let pids: Vec<i32> =
        pids.flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect();
    let plays = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.windows(6).any(|part| part == b"\0play\0"))
    };
    pids.into_iter().filter(plays).collect()
}

#[test]
fn what_browsers_decode_comes_as_it_is_with_sound_they_can_hear() {
    let app = app(4);
    for (number, picture, content_type) in [
        ("1", Some("h264"), "video/mp4; codecs=\"avc1.64001f,mp4a.40.2\""),
        ("2", Some("h264"), "video/mp4; codecs=\"avc1.64001e,mp4a.40.2\""),
        ("3", Some("hevc"), "video/mp4; codecs=\"hvc1.1.6.L63.90,mp4a.40.2\""),
        ("4", Some("hevc"), "video/mp4; codecs=\"hvc1.1.6.L63.90,mp4a.40.2\""),
        ("5", None, "audio/mp4; codecs=\"mp4a.40.2\""),
    ] {
        let begun = Instant::now();
        let response = play(&app, number);
        let took = begun.elapsed();
        assert_eq!((response.status, response.header("content-type")), (200, Some(content_type)), "{number}");
        assert!(took < Duration::from_secs(2), "{number}: {took:?}");
        let path: PathBuf = app.dir().join(format!("{number}.mp4"));
        record(response, Duration::from_secs(4), &path);
        assert_decodes(&path);
        let streams = probe(&path);
        let of = |kind: &str| streams.iter().find(|stream| stream["codec_type"] == kind);
        assert_eq!(of("video").map(|stream| stream["codec_name"].as_str().unwrap()), picture, "{number}");
        let sound = of("audio").unwrap();
        assert_eq!((&sound["codec_name"], &sound["channels"]), (&"aac".into(), &2.into()), "{number}");
        let seconds = |stream: &Value, field: &str| stream[field].as_str().unwrap().parse::<f64>().unwrap();
        assert!(seconds(sound, "duration") > 3.0, "{number}: {sound}");
        if let Some(picture) = of("video") {
            // One frame of sound is the encoder's swing-in.
            let apart = seconds(sound, "start_time") - seconds(picture, "start_time");
            assert!(apart.abs() < 0.06, "{number}: {apart} s apart");
            let longer = seconds(sound, "duration") - seconds(picture, "duration");
            assert!(longer.abs() < 0.4, "{number}: {longer} s longer");
        }
    }
    app.until_idle(Duration::from_secs(2));
}

#[test]
fn what_no_browser_decodes_is_refused_in_words() {
    let app = app(1);
    let response = play(&app, "6");
    assert_eq!(response.status, 415);
    let words = String::from_utf8(response.body()).unwrap();
    assert!(words.contains("MPEG-2, which browsers cannot decode"), "{words}");
    app.until_idle(Duration::from_secs(2));
    // The only tuner is taken: said in words, too.
    let watching = play(&app, "1");
    assert_eq!(watching.status, 200);
    let response = play(&app, "7");
    assert_eq!(response.status, 503);
    assert!(String::from_utf8(response.body()).unwrap().starts_with("No tuner is free."));
    assert_eq!(app.page("/channels/999999/play.mp4").status, 404);
    let page = String::from_utf8(app.page(&format!("/channels/{}/play", id(&app, "1"))).body()).unwrap();
    assert!(page.contains("data-player") && page.contains("<noscript>"), "{page}");
}

#[test]
fn a_player_ends_with_whoever_looks_and_a_dead_one_costs_the_picture_only() {
    let mut app = app(4);
    let (first, second) = (play(&app, "1"), play(&app, "1"));
    assert_eq!((first.status, second.status, workers(&app).len()), (200, 200, 2));
    assert_eq!(app.busy(), 1, "one session, one tuner");
    drop(first);
    wait::until_so("the process of who left to end", Duration::from_secs(3), || workers(&app).len() == 1);
    let pid = rustix::process::Pid::from_raw(workers(&app)[0]).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let mut rest = Vec::new();
    second.into_stream().read_to_end(&mut rest).unwrap();
    wait::until_so("the dead process to be gone", Duration::from_secs(3), || workers(&app).is_empty());
    app.assert_well();
    let again = play(&app, "1");
    assert_eq!(again.status, 200);
    drop(again);
    app.until_idle(Duration::from_secs(3));
    wait::until_so("no process to be left", Duration::from_secs(3), || workers(&app).is_empty());
}

//! Checks 46 to 53, 55 to 57: one stream, and every way to ask for it.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::app::STREAM;
use crate::support::http::Request;
use crate::support::process::run;
use crate::support::rig::{LINEUP, Rig};
use crate::support::ts_oracle::{STRICT, aligned, assert_clean, assert_decodes};
use crate::support::viewer::{Leave, Viewer};

/// Does something with every channel of the lineup, all at once.
fn with_every_channel(work: impl Fn(&Rig, &str) + Sync) {
    let rig = Rig::with(|setup| setup.tuners(LINEUP.len() as u8));
    thread::scope(|scope| {
        for (number, _, _) in LINEUP {
            let (rig, work) = (&rig, &work);
            scope.spawn(move || work(rig, number));
        }
    });
}

#[test]
fn check_46_and_47_curl_records_a_clean_stream() {
    with_every_channel(|rig, number| {
        let file = rig.app.dir().join(format!("{number}.ts"));
        let mut curl = rig.netns.command("curl");
        curl.args(["-sD-", "--max-time", "4", &format!("http://10.77.0.1:5004/auto/v{number}"), "-o"]).arg(&file);
        let output = run(&mut curl, Duration::from_secs(10));
        let head = output.text().to_lowercase();
        assert_eq!(output.code(), 28, "curl is stopped by its own clock: {output:?}");
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-type: video/mpeg") || head.contains("content-type: video/mp2t"), "{head}");
        assert!(!head.contains("content-length") && head.contains("x-hdhomerun-resource: tuner"), "{head}");
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!(bytes[0], 0x47);
        let found = assert_clean(aligned(&bytes), STRICT);
        assert!(found.duration > Duration::from_millis(1500), "{number}: {found:?}");
        assert_decodes(aligned(&bytes));
    });
}

#[test]
fn check_48_ffprobe_agrees_with_the_lineup() {
    with_every_channel(|rig, number| {
        let url = format!("http://10.77.0.1:5004/auto/v{number}");
        let mut probe = rig.netns.command("ffprobe");
        probe.args(["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", &url]);
        let codecs = run(&mut probe, Duration::from_secs(8)).ok();
        let lineup = rig.app.json("/lineup.json");
        let row = lineup.as_array().unwrap().iter().find(|row| row["GuideNumber"] == number).unwrap();
        let name = |codec: &str| match codec {
            "h264" => "H264",
            "hevc" => "HEVC",
            "mpeg2video" => "MPEG2",
            "aac" => "AAC",
            "ac3" => "AC3",
            "mp2" => "MPEG",
            other => panic!("{other}"),
        };
        let mut seen: Vec<&str> = codecs.split_whitespace().map(|codec| name(codec.trim_end_matches(','))).collect();
        seen.sort_unstable();
        seen.dedup();
        let mut said: Vec<&str> = ["VideoCodec", "AudioCodec"].iter().filter_map(|key| row.get(*key)?.as_str()).collect();
        said.sort_unstable();
        assert_eq!(said, seen, "{number}: {row}");
    });
}

#[test]
fn check_49_duration() {
    let rig = Rig::standard();
    let mut curl = rig.netns.command("curl");
    curl.args(["-s", "-o", "/dev/null", "http://10.77.0.1:5004/auto/v1?duration=3"]);
    let output = run(&mut curl, Duration::from_secs(10));
    assert_eq!(output.code(), 0);
    let seconds = output.elapsed.as_secs_f64();
    assert!((2.0..=4.0).contains(&seconds), "{seconds}");
    rig.app.until_idle(Duration::from_secs(1));
    for query in ["?duration=bogus", "?duration=", "?duration=-1", "?duration=99999999999999999999"] {
        let response = Request::get(&format!("/auto/v1{query}")).send(&rig.netns, STREAM).unwrap();
        assert!([200, 400, 503].contains(&response.status), "{query}: {}", response.status);
    }
}

#[test]
fn check_50_head_takes_no_tuner() {
    let rig = Rig::standard();
    for path in ["/auto/v1", "/tuner0/v2", "/tuner3/v1"] {
        let start = Instant::now();
        let response = Request::new("HEAD", path).send(&rig.netns, STREAM).unwrap();
        assert_eq!(response.status, 200, "{path}");
        assert!(start.elapsed() < Duration::from_millis(200), "{path}: {:?}", start.elapsed());
        assert!(response.header("Content-Type").unwrap().starts_with("video/"));
    }
    assert_eq!(Request::new("HEAD", "/auto/v999").send(&rig.netns, STREAM).unwrap().status, 404);
    assert_eq!(rig.app.busy(), 0);
    assert!(rig.origin.hits("/one").is_empty() && rig.origin.hits("/two").is_empty());
}

#[test]
fn check_51_and_52_ranges_and_http_1_0() {
    let rig = Rig::standard();
    let requests = [
        Request::get("/auto/v2").header("Range", "bytes=0-"),
        Request::get("/auto/v2").header("Range", "bytes=100-"),
        Request::get("/auto/v2").header("Range", "bytes=0-").header("Icy-MetaData", "1").header("Connection", "close"),
        Request::get("/auto/v2").header("Accept", "application/json, */*;q=0.1").header("Accept-Encoding", "gzip, deflate, br"),
        Request::get("/auto/v2").http10(),
        Request::get("/auto/v2").http10().header("Icy-MetaData", "1"),
    ];
    for request in requests {
        let viewer = Viewer::attempt(&rig.netns, &request).unwrap_or_else(|answer| panic!("{request:?}: {answer:?}"));
        assert_eq!(viewer.header("Content-Range"), None);
        assert_eq!(viewer.header("Transfer-Encoding"), None);
        assert_eq!(viewer.header("Content-Encoding"), None);
        viewer.more(100_000, Duration::from_secs(5));
        let bytes = viewer.leave(Leave::Rst);
        assert_eq!(bytes[0], 0x47, "{request:?}");
        assert_clean(aligned(&bytes), STRICT);
    }
    let output = run(
        rig.netns.command("curl").args(["-0", "-s", "--max-time", "2", "-o", "-", "http://10.77.0.1:5004/auto/v1"]),
        Duration::from_secs(6),
    );
    assert_eq!(output.stdout[0], 0x47);
    assert_clean(aligned(&output.stdout), STRICT);
}

#[test]
fn check_53_and_55_unknown_channels_and_empty_bodies() {
    let rig = Rig::standard();
    for path in ["/auto/v99999", "/auto/v4.2", "/auto/vx", "/auto/v", "/auto/v1_1", "/tuner0/v99999", "/auto/v1%00", "/auto/v-1"]
    {
        let (status, error) = rig.refused(&Request::get(path));
        assert_eq!((status, error.as_str()), (404, "801 Unknown Channel"), "{path}");
    }
    for path in ["/auto/ch57000000-3", "/auto/ch99", "/auto/", "/auto"] {
        let response = Request::get(path).send(&rig.netns, STREAM).unwrap();
        assert!([404, 503].contains(&response.status), "{path}: {}", response.status);
        assert_eq!(response.header("Content-Length"), Some("0"), "{path}");
    }
    let post = Request::new("POST", "/auto/v1").send(&rig.netns, STREAM).unwrap();
    assert!((400..500).contains(&post.status) && post.header("Content-Length") == Some("0"), "{:?}", post.headers);
}

#[test]
fn check_56_a_tuner_by_its_number() {
    let rig = Rig::standard();
    let first = Viewer::open(&rig.netns, "/tuner0/v1");
    assert_eq!(first.header("X-HDHomeRun-Resource"), Some("tuner0"));
    let (status, error) = rig.refused(&Request::get("/tuner0/v2"));
    assert!(status == 503 && error.starts_with("804"), "{status} {error}");
    let tuners = rig.app.tuners().len();
    for path in [format!("/tuner{tuners}/v1"), "/tuner99999999999/v1".into(), "/tuner-1/v1".into(), "/tunerx/v1".into()] {
        let (status, _) = rig.refused(&Request::get(&path));
        assert!([404, 503].contains(&status), "{path}: {status}");
    }
    let third = Viewer::open(&rig.netns, &format!("/tuner{}/v2", tuners - 1));
    assert_eq!(third.header("X-HDHomeRun-Resource"), Some(format!("tuner{}", tuners - 1).as_str()));
    first.more(50_000, Duration::from_secs(3));
}

#[test]
fn check_56_the_same_tuner_and_channel_twice() {
    let rig = Rig::standard();
    let _first = Viewer::open(&rig.netns, "/tuner0/v1");
    let (status, error) = rig.refused(&Request::get("/tuner0/v1").from("127.0.0.1"));
    assert!(status == 503 && error.starts_with("804"), "{status} {error}");
}

#[test]
fn check_57_transcode_profiles() {
    let rig = Rig::standard();
    let response = Request::get("/auto/v1?transcode=bogus").send(&rig.netns, STREAM).unwrap();
    match response.status {
        503 => {
            assert!(response.header("X-HDHomeRun-Error").unwrap().starts_with("802"));
            assert_eq!(response.header("Content-Length"), Some("0"));
        }
        status => assert_eq!(status, 200),
    }
    drop(response);
    for profile in ["mobile", "none", "heavy", "internet720"] {
        let viewer = Viewer::open(&rig.netns, &format!("/auto/v1?transcode={profile}&duration=60"));
        viewer.more(150_000, Duration::from_secs(4));
        let found = assert_clean(aligned(&viewer.leave(Leave::Rst)), STRICT);
        assert_eq!(found.streams.len(), 2, "{profile}");
    }
}

/// A second viewer joins at a random access point, at once, and neither has a fault.
#[test]
fn a_second_viewer_shares_the_stream() {
    let rig = Rig::standard();
    let first = rig.watch("1");
    first.more(600_000, Duration::from_secs(6));
    let start = Instant::now();
    let second = Viewer::open(&rig.netns, "/auto/v1");
    second.more(20 * 188, Duration::from_secs(1));
    assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
    second.more(300_000, Duration::from_secs(4));
    assert_eq!(rig.origin.hits("/one").len(), 1);
    assert_eq!(rig.app.busy(), 1);
    for bytes in [second.leave(Leave::Fin), first.leave(Leave::Fin)] {
        assert_clean(aligned(&bytes), STRICT);
        assert_decodes(aligned(&bytes));
    }
}

/// Times that wrap at 2^33 during the recording.
#[test]
fn clocks_wrap_unnoticed() {
    use crate::support::media::Kind;
    use crate::support::upstream::Live;
    let media = Kind::H264.media().shifted((1 << 33) - 6 * 90_000);
    let rig = Rig::of(&[("1", "/wrap", Live::new(&media).played_from_start().script())], |setup| setup);
    let viewer = rig.watch("1");
    std::thread::sleep(Duration::from_secs(7));
    let bytes = viewer.leave(Leave::Fin);
    let found = assert_clean(aligned(&bytes), STRICT);
    assert!(found.duration > Duration::from_secs(5), "{found:?}");
    assert_decodes(aligned(&bytes));
}

/// SIGTERM: streams end, with a clean end of the connection, and the server is gone in time with code 0.
#[test]
fn a_stop_ends_streams_cleanly() {
    let rig = Rig::standard();
    let viewer = rig.watch("1");
    viewer.more(100_000, Duration::from_secs(3));
    let start = Instant::now();
    let _stopped = rig.app.stop();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let bytes = viewer.read_to_the_end(Duration::from_secs(1));
    assert_eq!(bytes.len() % 188, 0, "cut inside a packet");
    assert_clean(&bytes, STRICT);
    assert_eq!(rig.origin.live(), 0);
}

//! What is pushed to the box, as the API, the page and the lineup show it. How it comes in is shown by `srt.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::support::app::{App, Setup};
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::process::{Running, run, start};
use crate::support::ts_oracle::{STRICT, aligned, assert_clean, assert_decodes};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

const ADDRESS: &str = "srt://10.77.0.1:30000?streamid=studio";

/// A box with one channel of the stream `studio`.
struct House {
    app: App,
    netns: Arc<Netns>,
    folder: tempfile::TempDir,
}

impl House {
    fn with(urls: &[&str], environment: &[(&str, &str)]) -> Self {
        let netns = Arc::new(Netns::new());
        let entries: Vec<_> =
            urls.iter().enumerate().map(|(n, url)| entry("1", "One", url).with(&format!("tvg-id=\"one\" x=\"{n}\""))).collect();
        let setup = Setup::new(&netns).playlist(&entries).env("ROOFTOP_RECOVERY_FAIL_BACK", "true");
        let setup = environment.iter().fold(setup, |setup, (name, value)| setup.env(name, value));
        Self { app: setup.start(), netns, folder: tempfile::tempdir().unwrap() }
    }

    /// ffmpeg, which sends a fixture for ever.
    fn ffmpeg(&self, kind: Kind, to: &str) -> Running {
        let mut ffmpeg = self.netns.command("ffmpeg");
        ffmpeg.args(["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(kind.path());
        ffmpeg.args(["-map", "0", "-c", "copy", "-pes_payload_size", "16", "-f", "mpegts", to]);
        start(&mut ffmpeg)
    }

    fn until_pushed(&self, id: &str) {
        wait::until_so(&format!("the stream {id} to come in:\n{}", self.app.log()), Duration::from_secs(12), || {
            self.stream(id).is_some_and(|stream| stream["status"] == "active" && stream["stats"]["bytes_received"] != 0)
        });
    }

    fn stream(&self, id: &str) -> Option<serde_json::Value> {
        let all = self.app.api("/api/v1/streams").json();
        all["streams"].as_array().unwrap().iter().find(|stream| stream["id"] == id).cloned()
    }

    fn watch(&self, seconds: u64) -> Vec<u8> {
        let viewer = Viewer::open(&self.netns, "/auto/v1");
        std::thread::sleep(Duration::from_secs(seconds));
        assert!(!viewer.ended(), "{}", self.app.log());
        viewer.leave(Leave::Fin)
    }

    /// Hashes of the payload of every packet of the first video stream.
    fn hashes(&self, of: &Path) -> Vec<String> {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(of);
        ffmpeg.args(["-map", "0:v:0", "-c", "copy", "-f", "framehash", "-"]);
        let text = run(&mut ffmpeg, Duration::from_secs(20)).ok();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.rsplit(',').next()).map(|hash| hash.trim().to_owned()).collect()
    }

    /// Holds a recording against what was sent: the same pictures, none missing, none changed.
    fn assert_same_pictures(&self, recording: &[u8], kind: Kind) {
        let file: PathBuf = self.folder.path().join("recorded.ts");
        std::fs::write(&file, aligned(recording)).unwrap();
        let (out, sent) = (self.hashes(&file), self.hashes(&kind.path()));
        // The last picture of a recording is cut off.
        let out = &out[..out.len() - 1];
        let twice = [&sent[..], &sent[..]].concat();
        assert!(out.len() > 25, "{} pictures", out.len());
        assert!(
            twice.windows(out.len()).any(|run| run == out),
            "{} pictures of {} are not as they were sent",
            out.len(),
            kind.path().display()
        );
    }
}

/// The API and the page know what comes in, and it comes out as it is.
#[rstest::rstest]
#[case::h264(Kind::H264)]
#[case::hevc(Kind::HevcEac3)]
#[case::mpeg2(Kind::Mpeg2TwoTracks)]
fn an_input_is_shown(#[case] kind: Kind) {
    let home = House::with(&["push:studio"], &[]);
    let _sender = home.ffmpeg(kind, ADDRESS);
    home.until_pushed("studio");
    let bytes = home.watch(4);
    assert_clean(aligned(&bytes), STRICT);
    assert_decodes(aligned(&bytes));
    home.assert_same_pictures(&bytes, kind);
    let stream = home.stream("studio").unwrap();
    assert_eq!((&stream["type"], &stream["stats"]["packets_lost"]), (&"srt".into(), &0.into()), "{stream}");
    assert_eq!(stream["video_codec"], kind_codec(kind));
}

fn kind_codec(kind: Kind) -> &'static str {
    match kind {
        Kind::HevcEac3 => "hevc",
        Kind::Mpeg2TwoTracks => "mpeg2video",
        _ => "h264",
    }
}

/// A stream that ends is gone within a second, and its channel goes on with the next source; it comes back.
#[test]
fn a_stream_that_ends_and_the_next_source() {
    let file = format!("file://{}", Kind::Small.path().display());
    let home = House::with(&["push:studio", &file], &[]);
    let sender = home.ffmpeg(Kind::H264, ADDRESS);
    home.until_pushed("studio");
    let viewer = Viewer::open(&home.netns, "/auto/v1");
    viewer.more(500_000, Duration::from_secs(6));
    sender.signal(rustix::process::Signal::TERM);
    wait::until_so("the stream to be gone", Duration::from_secs(3), || home.stream("studio").unwrap()["status"] == "closed");
    wait::until_so(&format!("the file:\n{}", home.app.log()), Duration::from_secs(5), || {
        home.app.log().contains("source.url=file")
    });
    viewer.more(100_000, Duration::from_secs(5));
    assert!(!viewer.ended());
}

/// Paused, a stream is not to be had, and its sender stays; ended from here, the sender is let go.
#[test]
fn a_person_pauses_and_ends_a_stream() {
    let home = House::with(&["push:studio/cam%201"], &[]);
    let sender = home.ffmpeg(Kind::Small, "srt://10.77.0.1:30000?streamid=#!::r=studio/cam 1,m=publish");
    home.until_pushed("studio/cam 1");
    let at = "/api/v1/streams/studio%2Fcam%201";
    let viewer = Viewer::open(&home.netns, "/auto/v1");
    assert_eq!(home.app.api_with("POST", &format!("{at}/pause"), None).json()["message"], "Stream paused");
    assert_eq!(home.app.api(at).json()["status"], "paused");
    assert_eq!(home.app.api(&format!("{at}/data")).status, 409);
    assert_eq!(home.app.api_with("POST", &format!("{at}/resume"), None).json()["data"]["stream_id"], "studio/cam 1");
    viewer.more(300_000, Duration::from_secs(10));
    assert_eq!(home.app.api_with("DELETE", at, None).json()["message"], "Stream deleted");
    assert_eq!(home.app.api(at).json()["error"], "Not Found");
    // By itself it would notice after five seconds.
    sender.finish(Duration::from_secs(3));
    home.app.assert_logged(&["closed from here"]);
    let page = home.app.page("/inputs");
    assert_eq!(page.status, 200);
}

/// Ids: none at all, that of a port, and one that is no ASCII.
#[test]
fn names_of_streams() {
    let ports = "0.0.0.0:30000,0.0.0.0:30001=cam";
    let home = House::with(&["push:K%C3%BCche"], &[("ROOFTOP_SRT_LISTEN", ports), ("ROOFTOP_SRT_AUTO_CHANNEL", "true")]);
    let _senders = [
        home.ffmpeg(Kind::Small, "srt://10.77.0.1:30000"),
        home.ffmpeg(Kind::Small, "srt://10.77.0.1:30001?streamid=whatever"),
        home.ffmpeg(Kind::Small, "srt://10.77.0.1:30000?streamid=publish:Küche"),
    ];
    ["10.77.0.1", "cam", "Küche"].iter().for_each(|id| home.until_pushed(id));
    wait::until_so(&format!("channels of them:\n{}", home.app.log()), Duration::from_secs(5), || {
        home.app.json("/lineup.json").as_array().unwrap().len() == 3
    });
    assert_clean(aligned(&home.watch(3)), STRICT);
    let page = String::from_utf8(home.app.page("/inputs").body()).unwrap();
    assert!(page.contains("Küche") && page.contains("srt://10.77.0.1:30001?streamid=NAME"), "{page}");
}

/// A passphrase and a login of its own: set through the API, they hold at once, and whoever sends is let go.
#[test]
fn a_stream_with_a_passphrase_and_a_login_of_its_own() {
    let home = House::with(&["push:studio"], &[]);
    let sender = home.ffmpeg(Kind::Small, ADDRESS);
    home.until_pushed("studio");
    let rule = r#"{"passphrase": "its own passphrase", "user": "me", "password": "pw:1", "latency_ms": 300}"#;
    let set = home.app.api_with("PATCH", "/api/v1/inputs/studio", Some(rule)).json();
    let expected = serde_json::json!({ "stream": "studio", "passphrase": true, "latency_ms": 300, "user": "me", "sdp": null });
    assert_eq!((&set, &home.app.api("/api/v1/inputs").json()["inputs"][0]), (&expected, &expected));
    sender.finish(Duration::from_secs(3));
    let call = |options: &str| home.ffmpeg(Kind::Small, &format!("srt://10.77.0.1:30000?{options}"));
    for (options, code) in [
        ("streamid=studio", "code=1401"),
        ("streamid=publish:studio:me:wrong&passphrase=its own passphrase", "code=1401"),
        ("streamid=publish:studio:me:pw:1", "code=11"),
        ("streamid=publish:studio:me:pw:1&passphrase=another passphrase", "code=10"),
    ] {
        assert_ne!(call(options).finish(Duration::from_secs(4)).code(), 0, "{options}");
        wait::until_so(options, Duration::from_secs(2), || home.app.log().contains(code));
        // One refusal a second is logged.
        std::thread::sleep(Duration::from_secs(1));
    }
    let _sender = call("streamid=publish:studio:me:pw:1&passphrase=its own passphrase");
    home.until_pushed("studio");
    home.app.assert_logged(&["a stream comes in by SRT", "latency_ms=300", "encrypted=true"]);
    let page = String::from_utf8(home.app.page("/inputs?rule=studio").body()).unwrap();
    assert!(page.contains("passphrase, login of me, latency of 300 ms") && !page.contains("its own passphrase"), "{page}");
    assert_eq!(home.app.api_with("DELETE", "/api/v1/inputs/studio", None).status, 204);
    assert_eq!(home.app.api("/api/v1/inputs/studio").status, 404);
}

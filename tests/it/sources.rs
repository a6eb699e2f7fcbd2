//! Every kind of source, sent by a real sender (ffmpeg), received by a real client: what comes out is one clean stream.

mod remuxed;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::support::app::Setup;
use crate::support::http::Request;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::{Entry, entry, m3u};
use crate::support::process::{Running, start};
use crate::support::rig::Rig;
use crate::support::ts_oracle::{Findings, Rules, STRICT, aligned, assert_clean, assert_decodes};
use crate::support::upstream::{Body, Origin, Script};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

/// A folder that a sender writes to and a web server of the namespace serves.
struct Studio {
    netns: Arc<Netns>,
    folder: tempfile::TempDir,
    running: Vec<Running>,
}

impl Studio {
    fn new() -> Self {
        let netns = Arc::new(Netns::new());
        // What a household's multicast needs: a route, and the sender's packets coming back to it.
        let folder = tempfile::tempdir().unwrap();
        Self { netns, folder, running: Vec::new() }
    }

    /// Serves the folder on port 8000, with byte ranges, which python's own server does not know; and without asking the
    /// name server, which is not there, for its own name.
    fn web(mut self) -> Self {
        let script = r#"
import http.server, os, re, socketserver
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        want = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", ""))
        path = self.translate_path(self.path)
        if not want or not os.path.isfile(path):
            return super().do_GET()
        data = open(path, "rb").read()
        first, last = int(want[1]), min(int(want[2] or len(data) - 1), len(data) - 1)
        part = data[first:last + 1]
        self.send_response(206)
        self.send_header("Content-Range", "bytes %d-%d/%d" % (first, last, len(data)))
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)
class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
Server(("10.77.0.1", 8000), Handler).serve_forever()
"#;
        let mut server = self.netns.command("/usr/bin/python3");
        server.args(["-c", script]).current_dir(self.folder.path());
        self.running.push(start(&mut server));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sends a fixture in real time, for ever, as it is.
    fn send(mut self, kind: Kind, arguments: &[&str]) -> Self {
        let mut ffmpeg = self.netns.command("ffmpeg");
        ffmpeg.current_dir(self.folder.path());
        ffmpeg.args(["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(kind.path());
        ffmpeg.args(["-map", "0", "-c", "copy"]).args(arguments);
        self.running.push(start(&mut ffmpeg));
        self
    }

    /// Waits for a file of the sender's.
    fn until_written(self, name: &str, holds: &str) -> Self {
        wait::until_so(&format!("{name} with {holds}"), Duration::from_secs(20), || {
            std::fs::read_to_string(self.path(name)).is_ok_and(|text| text.contains(holds))
        });
        self
    }

    /// Plays an address for some seconds.
    fn watch(&self, url: &str, seconds: u64) -> Vec<u8> {
        let app = Setup::new(&self.netns).playlist(&[entry("1", "One", url)]).start();
        let viewer = Viewer::open(&self.netns, "/auto/v1");
        std::thread::sleep(Duration::from_secs(seconds));
        assert!(!viewer.ended(), "{}", app.log());
        let bytes = viewer.leave(Leave::Fin);
        app.stop();
        bytes
    }
}

fn judge(bytes: &[u8], rules: Rules, seconds: u64) -> Findings {
    let found = assert_clean(aligned(bytes), rules);
    assert!(found.duration > Duration::from_secs(seconds), "{found:?}");
    assert_decodes(aligned(bytes));
    found
}

const HLS: [&str; 8] = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "6", "-hls_flags", "delete_segments"];
/// A PES packet for each frame of sound: by itself ffmpeg packs 200 ms of them into one, and the judge sees those as jumps.
const SHORT_PES: [&str; 2] = ["-hls_segment_options", "pes_payload_size=16"];

#[test]
fn hls_live_with_ts_segments() {
    let studio = Studio::new()
        .web()
        .send(Kind::H264, &[&HLS[..], &SHORT_PES, &["live.m3u8"]].concat())
        .until_written("live.m3u8", "live3.ts");
    judge(&studio.watch("http://10.77.0.1:8000/live.m3u8", 9), STRICT, 5);
}

#[test]
fn hls_live_with_fmp4_segments() {
    let arguments = [&HLS[..], &["-hls_segment_type", "fmp4", "-bsf:a", "aac_adtstoasc", "live.m3u8"]].concat();
    let studio = Studio::new().web().send(Kind::H264, &arguments).until_written("live.m3u8", "live3.m4s");
    let found = judge(&studio.watch("http://10.77.0.1:8000/live.m3u8", 9), STRICT, 5);
    assert_eq!(found.streams.len(), 2);
}

#[test]
fn hls_encrypted() {
    let studio = Studio::new();
    std::fs::write(studio.path("key"), [7u8; 16]).unwrap();
    std::fs::write(studio.path("key.info"), "http://10.77.0.1:8000/key\nkey\n").unwrap();
    let arguments = [&HLS[..], &SHORT_PES, &["-hls_key_info_file", "key.info", "live.m3u8"]].concat();
    let studio = studio.web().send(Kind::Small, &arguments).until_written("live.m3u8", "live3.ts");
    judge(&studio.watch("http://10.77.0.1:8000/live.m3u8", 8), STRICT, 4);
}

#[test]
fn hls_byte_ranges_and_variants() {
    let studio = Studio::new();
    let event = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_flags", "single_file"];
    let studio = studio.send(Kind::H264, &[&event[..], &SHORT_PES, &["high.m3u8"]].concat());
    let studio = studio.send(Kind::Small, &[&event[..], &SHORT_PES, &["low.m3u8"]].concat());
    let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360\nlow.m3u8\n\
                  #EXT-X-STREAM-INF:BANDWIDTH=2600000,RESOLUTION=1280x720\nhigh.m3u8\n";
    std::fs::write(studio.path("master.m3u8"), master).unwrap();
    let studio = studio.web().until_written("high.m3u8", "#EXT-X-BYTERANGE").until_written("low.m3u8", "#EXT-X-BYTERANGE");
    std::thread::sleep(Duration::from_secs(4));
    let bytes = studio.watch("http://10.77.0.1:8000/master.m3u8", 8);
    judge(&bytes, STRICT, 4);
    let file = studio.path("recorded.ts");
    std::fs::write(&file, &bytes).unwrap();
    let mut probe = std::process::Command::new("ffprobe");
    probe.args(["-v", "error", "-select_streams", "v", "-show_entries", "stream=width", "-of", "csv=p=0"]).arg(&file);
    let width = crate::support::process::run(&mut probe, Duration::from_secs(10)).ok();
    assert!(width.trim().starts_with("1280"), "the variant of {width} was chosen");
}

#[rstest::rstest]
#[case::multicast("239.77.1.1")]
#[case::unicast("10.77.0.1")]
fn udp(#[case] address: &str) {
    let url = format!("udp://{address}:5100?pkt_size=1316&localaddr=10.77.0.1");
    let studio = Studio::new().send(Kind::H264, &["-f", "mpegts", "-pes_payload_size", "16", &url]);
    let bytes = studio.watch(&format!("udp://@{address}:5100"), 5);
    judge(&bytes, STRICT, 2);
}

#[test]
fn rtp_multicast() {
    let url = "rtp://239.77.1.2:5102?pkt_size=1328&localaddr=10.77.0.1";
    let studio = Studio::new().send(Kind::Small, &["-f", "rtp_mpegts", "-mpegts_flags", "+resend_headers", url]);
    let bytes = studio.watch("rtp://@239.77.1.2:5102", 5);
    let loose = Rules { dts_step_ms: 800, ..STRICT };
    judge(&bytes, loose, 2);
}

/// A file is played at its own speed, and begins again at its end.
#[test]
fn a_local_file_is_paced_and_looped() {
    let studio = Studio::new();
    let short = studio.path("short.ts");
    let mut cut = std::process::Command::new("ffmpeg");
    cut.args(["-nostdin", "-v", "error", "-i"]).arg(Kind::Small.path()).args([
        "-t",
        "4",
        "-c",
        "copy",
        "-pes_payload_size",
        "16",
    ]);
    crate::support::process::run(cut.arg(&short), Duration::from_secs(10)).ok();
    let bytes = studio.watch(&format!("file://{}", short.display()), 10);
    let found = judge(&bytes, STRICT, 8);
    assert!(found.duration < Duration::from_secs(13), "{:?} in 10 s", found.duration);
}

/// A playlist from an address: redirected, with headers for its sources that reach them.
#[test]
fn a_playlist_by_url_and_headers_of_sources() {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    origin.set("/one", Script::live(&Kind::Small.media())).set("/two", Script::live(&Kind::Small.media()));
    let kodi = format!("{}|User-Agent=Tuner%20Test&Referer=http://example.org/", origin.url("/two"));
    let text = m3u(&[entry("1", "One", &origin.url("/one")), entry("2", "Two", &kodi)]).replace(
        &format!("\n{}", origin.url("/one")),
        &format!("\n#EXTVLCOPT:http-user-agent=Agent 007\n{}", origin.url("/one")),
    );
    origin.set("/list.m3u", Script::Ok(Body::Bytes(Arc::new(text.into_bytes()), 50)));
    origin.set("/moved", Script::Redirect("/list.m3u".into()));
    let app = Setup::new(&netns).playlist_url(&origin.url("/moved")).start();
    wait::until_so("the playlist to be there", Duration::from_secs(10), || {
        app.json("/lineup.json").as_array().unwrap().len() == 2
    });
    let rig = Rig { app, origin, netns };
    let viewers = [rig.watch("1"), rig.watch("2")];
    let head = |path: &str| rig.origin.hits(path).remove(0).head.to_lowercase();
    assert!(head("/one").contains("user-agent: agent 007"), "{}", head("/one"));
    assert!(
        head("/two").contains("user-agent: tuner test") && head("/two").contains("referer: http://example.org/"),
        "{}",
        head("/two")
    );
    drop(viewers);
}

/// Entries that share a `tvg-id` are one channel; all others are published, numbers kept or given.
#[test]
fn numbers_and_sources_of_a_playlist() {
    let netns = Arc::new(Netns::new());
    let one = |name: &str, url: &str| -> Entry { entry("5.1", name, url).with("tvg-id=\"a\"") };
    let entries = [
        one("First", "http://10.77.0.1:9/a"),
        one("First backup", "http://10.77.0.1:9/b"),
        entry("7", "Seven", "http://10.77.0.1:9/c"),
        entry("7", "Also seven", "http://10.77.0.1:9/d"),
    ];
    let app = Setup::new(&netns).playlist(&entries[..3]).playlist(&entries[3..]).start();
    let lineup = app.json("/lineup.json");
    let numbers: Vec<&str> = lineup.as_array().unwrap().iter().map(|row| row["GuideNumber"].as_str().unwrap()).collect();
    assert!(numbers.contains(&"5.1") && numbers.contains(&"7"), "{lineup}");
    assert_eq!(app.api("/api/v1/channels").status, 200);
    // The same list again after a restart: nothing is renumbered.
    let app = app.stop();
    let again = Setup::new(&netns).playlist(&entries[..3]).playlist(&entries[3..]).data_of(&app).start();
    assert_eq!(again.json("/lineup.json"), lineup);
    assert_eq!(Request::get("/auto/v6").send(&netns, "10.77.0.1:5004").unwrap().status, 404);
}

//! Streams that are fetched by SRT, from who listens and from who calls at the same time: as they were sent, refused in words, and
//! what becomes of those who watch when the other side is not there.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::srt::{assert_as_sent, assert_goes_on};
use crate::support::app::{App, Setup};
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::srt::{PASSPHRASE, Tool, offer};
use crate::support::upstream::{Origin, Script};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

const SOON: Duration = Duration::from_secs(10);
/// Where listeners are.
const LISTENER: &str = "srt://10.77.0.1:9000";

/// A network with a second address, for who is called.
fn network() -> Arc<Netns> {
    let netns = Arc::new(Netns::new());
    netns.ip("addr add 10.77.0.2/24 dev v0\n");
    netns
}

/// A server whose channel 1 has these sources.
fn serve(netns: &Arc<Netns>, sources: &[&str]) -> App {
    let entries: Vec<_> = sources.iter().map(|url| entry("1", "One", url).with("tvg-id=\"one\"")).collect();
    Setup::new(netns).playlist_each(&entries).start()
}

/// Waits until somebody has a UDP port open in there.
fn until_open(netns: &Netns, port: u16) {
    let port = format!(":{port} ");
    wait::until_so("a UDP port to be open", SOON, || {
        let out = netns.command("ss").args(["-Huln"]).output().unwrap();
        String::from_utf8_lossy(&out.stdout).contains(&port)
    });
}

fn options(key: u8) -> String {
    if key == 0 { String::new() } else { format!("&passphrase={PASSPHRASE}&pbkeylen={key}") }
}

/// What the API says of the first source of the first channel.
fn source(app: &App) -> Value {
    app.api("/api/v1/channels").json()["channels"][0]["sources"][0].clone()
}

/// Who listens, and with which key. `kmrefreshrate` is the number of packets after which keys change.
#[rstest::rstest]
#[case::ffmpeg(Tool::Ffmpeg, 0, "")]
#[case::ffmpeg_and_aes_128(Tool::Ffmpeg, 16, "")]
#[case::libsrt(Tool::Transmit, 0, "")]
#[case::libsrt_and_aes_256_with_keys_that_change(Tool::Transmit, 32, "&kmrefreshrate=64&kmpreannounce=16")]
fn pictures_and_sound_come_as_they_were_sent(#[case] tool: Tool, #[case] key: u8, #[case] more: &str) {
    let netns = network();
    let at = format!("{LISTENER}?mode=listener{}{more}", options(key));
    let _listener = offer(&netns, tool, Kind::Small, &at);
    until_open(&netns, 9000);
    let mut app = serve(&netns, &[&format!("{LISTENER}?streamid=#!::r=studio,m=request{}", options(key))]);
    let viewer = Viewer::open(&netns, "/auto/v1");
    viewer.more(100 * 188, SOON);
    thread::sleep(Duration::from_secs(2));
    let streams = app.api("/api/v1/streams").json();
    let shown = &streams["streams"][0];
    assert_eq!(
        (&shown["id"], &shown["type"], &shown["mode"]),
        (&"srt://10.77.0.1:9000/studio".into(), &"srt".into(), &"caller".into())
    );
    assert_eq!(shown["stats"]["packets_lost"], 0, "{shown}");
    let page = String::from_utf8(app.page("/inputs").body()).unwrap();
    assert!(page.contains("SRT called at 10.77.0.1:9000") && page.contains("1 One") && !page.contains(PASSPHRASE), "{page}");
    assert!(!viewer.ended());
    assert_as_sent(&viewer.leave(Leave::Fin), Kind::Small);
    app.until_idle(SOON);
    wait::until_so("the stream to be gone", SOON, || app.api("/api/v1/streams").json()["count"] == 0);
    // It has hung up: who serves one at a time would otherwise serve nobody for 5 s. ffmpeg ends when its caller does.
    if tool == Tool::Transmit {
        thread::sleep(Duration::from_millis(500));
        Viewer::open(&netns, "/auto/v1").more(100 * 188, Duration::from_secs(2));
    }
    assert!(!app.log().contains(PASSPHRASE), "{}", app.log());
    app.assert_well();
}

/// Refused in words, which the channel's health repeats; what was wrong is nowhere to be read.
#[rstest::rstest]
#[case::another_passphrase("passphrase=geheim77geheim77", "refused: the passphrase is wrong (10)")]
#[case::no_passphrase("streamid=read:studio:me:geheim77", "refused: the other side wants a passphrase (11)")]
fn who_is_refused_says_why(#[case] options: &str, #[case] words: &str) {
    let netns = network();
    let _listener = offer(&netns, Tool::Transmit, Kind::Small, &format!("{LISTENER}?mode=listener&passphrase={PASSPHRASE}"));
    until_open(&netns, 9000);
    let mut app = serve(&netns, &[&format!("{LISTENER}?{options}")]);
    let began = Instant::now();
    let answer = app.get("/auto/v1");
    assert_eq!(answer.status, 503, "{}", app.log());
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    wait::until_so("the reason to be kept", SOON, || source(&app)["health"]["last_reason"] == words);
    let page = String::from_utf8(app.page("/channels/1").body()).unwrap();
    let said = format!("{}{page}{}{}", app.log(), app.api("/api/v1/channels").json(), app.api("/api/v1/streams").json());
    assert!(!said.contains("geheim77"), "{said}");
    app.assert_well();
}

/// Two who call each other.
#[rstest::rstest]
#[case::plain(0)]
#[case::aes_128(16)]
fn a_rendezvous(#[case] key: u8) {
    let netns = network();
    let app = serve(&netns, &[&format!("srt://10.77.0.2:9000?mode=rendezvous&adapter=10.77.0.1{}", options(key))]);
    let there = format!("srt://10.77.0.1:9000?mode=rendezvous&adapter=10.77.0.2{}", options(key));
    let _other = offer(&netns, Tool::Transmit, Kind::Small, &there);
    until_open(&netns, 9000);
    let viewer = Viewer::open(&netns, "/auto/v1");
    viewer.more(100 * 188, SOON);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(app.api("/api/v1/streams").json()["streams"][0]["mode"], "rendezvous");
    assert!(!viewer.ended());
    assert_as_sent(&viewer.leave(Leave::Fin), Kind::Small);
    app.stop();
}

/// A listener dies without a word and is started again: whoever watches stays.
#[test]
fn a_listener_that_was_killed_comes_back() {
    let netns = network();
    let at = format!("{LISTENER}?mode=listener");
    let first = offer(&netns, Tool::Ffmpeg, Kind::Small, &at);
    until_open(&netns, 9000);
    let mut app = serve(&netns, &[LISTENER]);
    let viewer = Viewer::open(&netns, "/auto/v1");
    viewer.more(100_000, SOON);
    first[0].signal(Signal::KILL);
    let killed = Instant::now();
    wait::until_so("it to be noticed", Duration::from_secs(3), || app.log().contains("source lost"));
    let noticed = killed.elapsed();
    let _second = offer(&netns, Tool::Ffmpeg, Kind::Small, &at);
    until_open(&netns, 9000);
    viewer.more(200_000, SOON);
    println!("noticed after {noticed:?}, back after {:?}", killed.elapsed());
    assert!(!viewer.ended());
    assert_goes_on(&viewer.leave(Leave::Fin), Kind::Small);
    app.assert_well();
}

/// Nobody listens, or somebody who says nothing: the next source does not wait for that.
#[rstest::rstest]
#[case::nobody(false)]
#[case::silence(true)]
fn the_next_source_does_not_wait(#[case] silent: bool) {
    let netns = network();
    let origin = Origin::start(&netns);
    origin.set("/backup", Script::live(&Kind::Small.media()));
    let _mute = silent.then(|| netns.udp("10.77.0.1:9000").unwrap());
    let app = serve(&netns, &[LISTENER, &origin.url("/backup")]);
    let began = Instant::now();
    let viewer = Viewer::open(&netns, "/auto/v1");
    viewer.more(100 * 188, SOON);
    let after = began.elapsed();
    assert!(after < Duration::from_millis(if silent { 2500 } else { 1500 }), "{after:?}\n{}", app.log());
    assert_eq!(origin.open("/backup"), 1);
    if !silent {
        assert_eq!(source(&app)["health"]["last_reason"], "cannot connect: nobody listens at that port");
    }
    drop(viewer);
    app.stop();
}

/// What it is called by hand, and what is not an address.
#[test]
fn at_the_command_line_and_by_hand() {
    let netns = network();
    let _listener = offer(&netns, Tool::Transmit, Kind::Small, &format!("{LISTENER}?mode=listener"));
    until_open(&netns, 9000);
    let app = serve(&netns, &["demo:clock"]);
    let text = app.cli(&["probe", LISTENER]).ok();
    assert!(text.contains("H.264") || text.contains("h264"), "{text}");
    let add = |url: &str| {
        let body = serde_json::json!({ "name": "Two", "sources": [{ "url": url }] }).to_string();
        app.api_with("POST", "/api/v1/channels", Some(&body))
    };
    assert_eq!(add("srt://10.77.0.1:9000?passphrase=geheim77geheim77").status, 201);
    let channels = app.api("/api/v1/channels").json().to_string();
    assert!(channels.contains("srt://10.77.0.1:9000?passphrase=***") && !channels.contains("geheim77"), "{channels}");
    app.stop();
}

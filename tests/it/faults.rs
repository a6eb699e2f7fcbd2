//! Check 61 and "bad input": upstreams that fail in every way. A clear answer, a clear line in the log, and a neighbour
//! that notices nothing.

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::app::{STREAM, Setup, at};
use crate::support::http::Request;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::{Entry, entry};
use crate::support::rig::Rig;
use crate::support::ts_oracle::{Rules, STRICT, aligned, assert_begins_well, assert_clean, assert_decodes, examine};
use crate::support::upstream::{BlackHole, Body, Cue, Live, Origin, Script, Tweak, refused};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

/// Sources that never give a picture: each is refused in time with a code, an empty body and a reason in the log.
#[test]
fn check_61_sources_that_never_play() {
    let netns = Arc::new(Netns::new());
    let hole = BlackHole::new(&netns);
    let origin = Origin::start(&netns);
    let good = Kind::H264.media();
    let small = Kind::Small.media();
    let path = |name: &str| origin.url(name);
    let cases: Vec<(&str, String, Option<Script>, f64)> = vec![
        ("refused", refused(&netns), None, 6.5),
        ("black hole", hole.url().into(), None, 6.5),
        ("unreachable", "http://10.99.0.1/x".into(), None, 6.5),
        ("no such name", "http://no-such-name.invalid/x".into(), None, 6.5),
        ("hang", path("/hang"), Some(Script::Hang), 6.5),
        ("slow head", path("/slow-head"), Some(Script::SlowHead), 6.5),
        ("close", path("/close"), Some(Script::Close), 6.5),
        ("html", path("/html"), Some(Script::Ok(Body::Html)), 6.5),
        ("noise", path("/noise"), Some(Script::Ok(Body::Noise)), 11.0),
        ("not found", path("/404"), Some(Script::Status(404, vec![])), 6.5),
        ("server error", path("/500"), Some(Script::Status(500, vec![])), 6.5),
        ("redirects", path("/loop"), Some(Script::Redirect(path("/loop"))), 6.5),
        ("redirect to a file", path("/file"), Some(Script::Redirect("file:///etc/passwd".into())), 6.5),
        ("empty", path("/empty"), Some(Script::Ok(Body::Bytes(Arc::new(vec![]), 1))), 6.5),
        ("short", path("/short"), Some(Script::Ok(Body::Bytes(Arc::new(good.bytes()[..600].to_vec()), 100))), 6.5),
        ("no psi", path("/no-psi"), Some(Live::new(&small).tweak(Tweak::NoPsi).script()), 11.0),
        ("scrambled", path("/scrambled"), Some(Live::new(&small).tweak(Tweak::Scrambled).script()), 11.0),
        ("unknown scheme", "gopher://10.77.0.1/x".into(), None, 6.5),
        ("no such file", "file:///nonexistent.ts".into(), None, 6.5),
    ];
    let mut entries: Vec<Entry> = vec![entry("1", "Good", &origin.url("/good"))];
    origin.set("/good", Script::live(&good));
    for (index, (name, url, script, _)) in cases.iter().enumerate() {
        if let Some(script) = script {
            origin.set(url.strip_prefix(&origin.url("")).unwrap(), script.clone());
        }
        entries.push(entry(&format!("{}", index + 10), name, url));
    }
    let app = Setup::new(&netns).playlist_each(&entries).tuners(24).start();
    let lineup = app.json("/lineup.json");
    let rig = Rig { app, origin, netns };
    let neighbour = rig.watch("1");
    let before = rig.app.descriptors();
    thread::scope(|scope| {
        for (index, (name, _, _, limit)) in cases.iter().enumerate() {
            let (rig, lineup) = (&rig, &lineup);
            scope.spawn(move || {
                let number = (index + 10).to_string();
                if !lineup.as_array().unwrap().iter().any(|row| row["GuideNumber"] == number.as_str()) {
                    // A source that cannot be is left out of the lineup, with a line in the log.
                    assert_eq!(*name, "unknown scheme");
                    return;
                }
                let start = Instant::now();
                let (status, error) = rig.refused(&Request::get(&format!("/auto/v{number}")));
                let took = start.elapsed().as_secs_f64();
                assert_eq!(status, 503, "{name}");
                assert!(error == "806 Tune Failed" || error == "807 No Video Data", "{name}: {error:?}");
                assert!(took <= *limit, "{name}: {took} s");
            });
        }
    });
    for word in ["refused", "redirect", "html", "404", "500", "scrambl"] {
        rig.app.assert_logged(&[word]);
    }
    neighbour.more(50_000, Duration::from_secs(2));
    assert!(neighbour.longest_gap() < Duration::from_millis(700), "{:?}", neighbour.longest_gap());
    assert_clean(aligned(&neighbour.leave(Leave::Fin)), STRICT);
    wait::until_so("all upstreams to be closed", Duration::from_secs(10), || rig.origin.live() == 0);
    let after = wait::until("descriptors to be given back", Duration::from_secs(5), || {
        let now = rig.app.descriptors();
        (now <= before).then_some(now)
    });
    assert!(after <= before);
    let mut rig = rig;
    rig.app.assert_well();
    rig.app.stop();
}

/// Streams that are odd but can be played: they play.
#[test]
fn odd_streams_play() {
    let small = Kind::Small.media();
    let radio = Kind::Radio.media();
    // What is lost may be a PCR, or where a unit begins.
    let announced = Rules { pcr_gap_ms: 1000, dts_step_ms: 1000, announced_jumps: true };
    let cases = [
        ("1", "/bytes", Live::new(&radio).write(1).script(), STRICT),
        ("2", "/odd", Live::new(&small).write(1000).script(), STRICT),
        ("3", "/chunked", Script::Chunked(Body::Live(Live::new(&small))), STRICT),
        ("4", "/radio", Live::new(&radio).script(), STRICT),
        ("5", "/redirected", Script::Redirect("/odd".into()), STRICT),
        ("6", "/nulls", Live::new(&Kind::Mpeg2.media()).script(), STRICT),
        ("7", "/halves", Live::new(&small).tweak(Tweak::HalfPackets).script(), announced),
        ("8", "/loss", Live::new(&small).tweak(Tweak::Loss).script(), announced),
    ];
    let channels: Vec<(&str, &str, Script)> =
        cases.iter().map(|(number, path, script, _)| (*number, *path, script.clone())).collect();
    let mut rig = Rig::of(&channels, |setup| setup.tuners(8));
    let viewers: Vec<Viewer> = cases.iter().map(|(number, ..)| rig.watch(number)).collect();
    thread::sleep(Duration::from_secs(4));
    for ((_, path, _, rules), viewer) in cases.iter().zip(viewers) {
        let bytes = viewer.leave(Leave::Fin);
        assert!(bytes.len() > 50_000, "{path}: {} bytes", bytes.len());
        match *path {
            "/halves" | "/loss" => {
                let found = examine(aligned(&bytes), *rules);
                assert!(found.faults.is_empty(), "{path}: {:#?}", found.faults);
                assert_begins_well(&found);
            }
            _ => {
                assert_clean(aligned(&bytes), *rules);
                assert_decodes(aligned(&bytes));
            }
        }
        assert_eq!(bytes[0], 0x47);
    }
    rig.app.assert_well();
}

/// The programme behind an address changes: other PIDs, another PMT, other times. The client stays, and what it records is
/// one stream without a seam that is not announced.
#[test]
fn a_change_of_programme_mid_way() {
    let changing = Live::new(&Kind::H264.media()).then(Duration::from_secs(4), &Kind::Small.media());
    let codecs = Live::new(&Kind::Small.media()).then(Duration::from_secs(4), &Kind::Hevc.media());
    let mut rig = Rig::of(&[("1", "/pids", changing.script()), ("2", "/codecs", codecs.script())], |setup| setup);
    let viewers = [rig.watch("1"), rig.watch("2")];
    thread::sleep(Duration::from_secs(9));
    for (viewer, versions) in viewers.into_iter().zip([1, 2]) {
        assert!(!viewer.ended(), "the client was let go");
        assert!(viewer.longest_gap() < Duration::from_secs(5), "{:?}", viewer.longest_gap());
        let bytes = viewer.leave(Leave::Fin);
        // A programme without reordering begins behind one with it.
        let found = examine(aligned(&bytes), Rules { pcr_gap_ms: 250, dts_step_ms: 250, ..STRICT });
        assert!(found.faults.is_empty(), "{:#?}", &found.faults[..found.faults.len().min(10)]);
        assert_eq!(found.pmt_versions.len(), versions, "{found:?}");
        assert!(found.duration > Duration::from_secs(6), "{found:?}");
    }
    rig.app.assert_well();
}

/// A stall, an end and a reset mid-stream, with nothing else to turn to: never 5 s without data or an end.
#[rstest::rstest]
#[case::stall(Cue::Stall)]
#[case::end(Cue::End)]
#[case::reset(Cue::Reset)]
fn check_61_no_long_silence_when_the_upstream_fails(#[case] cue: Cue) {
    let mut rig = Rig::of(&[("1", "/one", Script::live(&Kind::Small.media()))], |setup| setup);
    let viewer = rig.watch("1");
    thread::sleep(Duration::from_secs(2));
    rig.origin.cue("/one", cue);
    thread::sleep(Duration::from_secs(12));
    assert!(viewer.longest_gap() < Duration::from_secs(5), "{:?} of silence", viewer.longest_gap());
    rig.origin.set("/one", Script::live(&Kind::Small.media()));
    assert!(!viewer.ended(), "the client was let go");
    wait::until_so("the source to be back", Duration::from_secs(30), || rig.app.log().matches("source on air").count() == 2);
    viewer.more(200_000, Duration::from_secs(20));
    let bytes = viewer.leave(Leave::Fin);
    let found = examine(aligned(&bytes), STRICT);
    assert!(found.faults.is_empty(), "{:#?}", &found.faults[..found.faults.len().min(10)]);
    rig.app.assert_well();
    wait::until_so("the upstream to be let go", Duration::from_secs(10), || rig.origin.live() == 0);
}

/// Simple failover: the source ends, the next one is opened, the client stays.
#[test]
fn the_next_source_takes_over() {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let media = Kind::Small.media();
    origin.set("/first", Script::live(&media)).set("/second", Script::live(&media));
    let source = |path: &str| entry("1", "One", &origin.url(path)).with("tvg-id=\"one\"");
    let app = Setup::new(&netns).playlist_each(&[source("/first"), source("/second")]).start();
    assert_eq!(app.json("/lineup.json").as_array().unwrap().len(), 1, "one tvg-id, one channel");
    let rig = Rig { app, origin, netns };
    let viewer = rig.watch("1");
    thread::sleep(Duration::from_secs(2));
    assert_eq!((rig.origin.open("/first"), rig.origin.open("/second")), (1, 0));
    rig.origin.cue("/first", Cue::End);
    wait::until_so("the second source to be opened", Duration::from_secs(3), || rig.origin.open("/second") == 1);
    viewer.more(300_000, Duration::from_secs(6));
    assert!(!viewer.ended());
    assert!(viewer.longest_gap() < Duration::from_secs(3), "{:?}", viewer.longest_gap());
    let bytes = viewer.leave(Leave::Fin);
    let found = examine(aligned(&bytes), STRICT);
    assert!(found.faults.is_empty(), "{:#?}", &found.faults[..found.faults.len().min(10)]);
}

/// A dead first source costs a second or so, not the tune.
#[test]
fn a_dead_first_source_is_passed_over() {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    origin.set("/hang", Script::Hang).set("/alive", Script::live(&Kind::Small.media()));
    let source = |path: &str| entry("1", "One", &origin.url(path)).with("tvg-id=\"one\"");
    let app = Setup::new(&netns).playlist_each(&[source("/hang"), source("/alive")]).start();
    let start = Instant::now();
    let viewer = Viewer::open(&netns, "/auto/v1");
    viewer.more(188, Duration::from_secs(1));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    wait::until_so("the loser to be dropped", Duration::from_secs(2), || origin.open("/hang") == 0);
    assert_eq!(app.busy(), 1);
}

/// A reader at 1 kB/s, and one that reads nothing, cost another viewer of the same channel nothing.
#[test]
fn check_61_slow_readers_are_alone_with_it() {
    let mut rig = Rig::of(&[("1", "/one", Script::live(&Kind::H264.media()))], |setup| setup);
    let good = rig.watch("1");
    let slow = crate::support::process::start(rig.netns.command("curl").args([
        "-s",
        "--limit-rate",
        "1k",
        "-o",
        "/dev/null",
        "http://10.77.0.1:5004/auto/v1",
    ]));
    let silent = rig.netns.tcp(at(5004)).unwrap();
    socket2::SockRef::from(&silent).set_recv_buffer_size(4096).unwrap();
    (&silent).write_all(b"GET /auto/v1 HTTP/1.1\r\nHost: 10.77.0.1:5004\r\n\r\n").unwrap();
    thread::sleep(Duration::from_secs(12));
    assert!(good.longest_gap() < Duration::from_millis(500), "{:?}", good.longest_gap());
    let bytes = good.leave(Leave::Fin);
    let found = assert_clean(aligned(&bytes), STRICT);
    assert!(found.duration > Duration::from_secs(10), "{found:?}");
    // The one that reads nothing is let go: what it was sent ends.
    silent.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut rest = Vec::new();
    let _ = (&silent).read_to_end(&mut rest);
    drop(slow);
    drop(silent);
    wait::until_so("the slow ones to be gone", Duration::from_secs(8), || rig.app.busy() == 0);
    rig.app.assert_well();
}

/// Ten thousand connections that say nothing, on every port: others are served, and nothing is left of them.
#[test]
fn ten_thousand_silent_connections() {
    let mut rig = Rig::standard();
    for last in 10..20 {
        rig.netns.ip(&format!("addr add 10.77.0.{last}/24 dev v0\n"));
    }
    let viewer = rig.watch("1");
    let before = rig.app.descriptors();
    let memory = rig.app.resident_kib();
    let silent: Vec<socket2::Socket> = rig.netns.enter(|| {
        let mut sockets = Vec::new();
        for index in 0..10_000u32 {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            let from: std::net::SocketAddr = format!("10.77.0.{}:0", 10 + index % 10).parse().unwrap();
            socket.bind(&from.into()).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&at([80, 5004, 65001][index as usize % 3]).into());
            sockets.push(socket);
            if index % 500 == 0 {
                thread::sleep(Duration::from_millis(20));
            }
        }
        sockets
    });
    let start = Instant::now();
    assert_eq!(Request::get("/discover.json").send(&rig.netns, STREAM).unwrap().status, 200);
    assert_eq!(rig.app.get("/lineup.json").status, 200);
    assert!(rig.app.hdhomerun(&["10.77.0.1", "get", "/sys/model"]).text().starts_with("hdhomerun"));
    assert_eq!(rig.app.hdhomerun(&["discover", "127.0.0.1"]).code(), 0);
    rig.watch("2").leave(Leave::Fin);
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    viewer.more(50_000, Duration::from_secs(2));
    assert!(viewer.longest_gap() < Duration::from_secs(1), "{:?}", viewer.longest_gap());
    drop(silent);
    wait::until_so("descriptors to be given back", Duration::from_secs(30), || rig.app.descriptors() <= before + 4);
    assert_clean(aligned(&viewer.leave(Leave::Fin)), STRICT);
    let grown = rig.app.resident_kib().saturating_sub(memory);
    assert!(grown < 150_000, "{grown} KiB more than before");
    rig.app.assert_well();
}

/// Broken playlists: what is whole is published, what is not is counted, and nothing falls over.
#[test]
fn broken_playlists() {
    let netns = Arc::new(Netns::new());
    let good = "#EXTINF:-1 tvg-chno=\"7\",Seven\nhttp://10.77.0.1:9/7\n";
    let cases: Vec<(&str, Vec<u8>, Option<usize>)> = vec![
        ("no header", good.into(), Some(1)),
        ("byte order mark and CRLF", format!("\u{feff}#EXTM3U\r\n{}", good.replace('\n', "\r\n")).into(), Some(1)),
        ("an entry without address", format!("#EXTM3U\n#EXTINF:-1,Lost\n{good}").into(), Some(1)),
        ("noise in between", [b"#EXTM3U\n", &[0xFF, 0x00, 0xFE, b'\n'][..], good.as_bytes()].concat(), None),
        (
            "a very long line",
            format!("#EXTM3U\n#EXTINF:-1 x=\"{}\",Long\nhttp://10.77.0.1:9/1\n{good}", "y".repeat(1 << 20)).into(),
            Some(2),
        ),
        ("html", b"<!DOCTYPE html><html><body>Login</body></html>".to_vec(), Some(0)),
        ("empty", Vec::new(), Some(0)),
        (
            "an HLS media playlist",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:6,\nseg1.ts\n".to_vec(),
            Some(0),
        ),
        ("numbers twice", format!("#EXTM3U\n{good}{}", good.replace("Seven", "Other").replace("9/7", "9/8")).into(), Some(2)),
    ];
    for (name, text, count) in cases {
        let mut app = Setup::new(&netns).playlist_text(&text).start();
        let lineup = app.json("/lineup.json");
        let rows = lineup.as_array().unwrap();
        if let Some(count) = count {
            assert_eq!(rows.len(), count, "{name}: {lineup}\n{}", app.log());
        }
        if count == Some(0) {
            app.assert_logged(&["playlist"]);
        }
        app.assert_well();
        app.stop();
    }
}

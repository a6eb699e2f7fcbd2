//! Streams that are pushed by SRT: who is let in and under which name, who is refused, who may take over, and what becomes of
//! those who watch when a sender goes.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::app::{App, Setup};
use crate::support::demux::{Stream, demux};
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::process::{Running, start};
use crate::support::srt::{PASSPHRASE, Tool, call, send};
use crate::support::ts_oracle::{STRICT, aligned, examine, whole_units};
use crate::support::upstream::{Origin, Script};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

const SOON: Duration = Duration::from_secs(10);

/// A server with channel 1, and its network.
struct Room {
    /// Declared first: it ends before its network.
    app: App,
    netns: Arc<Netns>,
}

impl Room {
    /// Channel 1 has these sources. Senders must know the passphrase if their keys have any bytes.
    fn new(sources: &[&str], key: u8, change: impl FnOnce(Setup) -> Setup) -> Self {
        Self::within(Arc::new(Netns::new()), sources, key, change)
    }

    fn within(netns: Arc<Netns>, sources: &[&str], key: u8, change: impl FnOnce(Setup) -> Setup) -> Self {
        let entries: Vec<_> = sources.iter().map(|url| entry("1", "One", url).with("tvg-id=\"one\"")).collect();
        let setup = Setup::new(&netns).playlist_each(&entries);
        let setup = if key == 0 { setup } else { setup.env("ROOFTOP_SRT_PASSPHRASE", PASSPHRASE) };
        Self { app: change(setup).start(), netns }
    }

    /// Whether a line of the log has all of these.
    fn says(&self, words: &[&str]) -> bool {
        self.app.log().lines().any(|line| words.iter().all(|word| line.contains(word)))
    }

    /// Waits until a stream has begun for the nth time.
    fn until_in(&self, stream: &str, times: usize) {
        let name = format!("stream={stream} ");
        let begun = |line: &&str| line.contains("a stream comes in by SRT") && line.contains(&name);
        wait::until_so(&format!("{stream} to come in {times} times"), SOON, || {
            self.app.log().lines().filter(begun).count() >= times
        });
    }

    /// Waits until a caller was refused with this code.
    fn until_refused(&self, code: u16, limit: Duration) {
        let code = format!("code={code}");
        wait::until_so(&format!("a caller to be refused with {code}"), limit, || {
            let log = self.app.log();
            let mut refusals = log.lines().filter(|line| line.contains("an SRT caller was refused"));
            refusals.any(|line| line.split_whitespace().any(|word| word == code))
        });
    }

    /// A viewer of channel 1 that has received something.
    fn watch(&self) -> Viewer {
        let viewer = Viewer::open(&self.netns, "/auto/v1");
        viewer.more(100 * 188, SOON);
        viewer
    }
}

/// What ffmpeg makes of a recording.
fn streams(recording: &[u8]) -> Vec<Stream> {
    let file = tempfile::Builder::new().suffix(".ts").tempfile().unwrap();
    std::fs::write(file.path(), whole_units(aligned(recording))).unwrap();
    demux(file.path())
}

fn hashes(stream: &Stream) -> Vec<&str> {
    stream.units.iter().map(|unit| unit.hash.as_str()).collect()
}

/// Fails unless each stream of a recording is a piece of the fixture's: no unit is missing, none is changed.
pub fn assert_as_sent(recording: &[u8], kind: Kind) {
    let (came, sent) = (streams(recording), demux(&kind.path()));
    assert_eq!(came.len(), sent.len(), "{kind:?}");
    for (came, sent) in came.iter().zip(&sent) {
        assert_eq!(came.codec, sent.codec);
        let (here, there) = (hashes(came), hashes(sent));
        assert!(here.len() > 20, "{} units of {}", here.len(), came.codec);
        let is_piece = there.windows(here.len()).any(|run| run == here.as_slice());
        let others: Vec<usize> = (0..here.len()).filter(|unit| !there.contains(&here[*unit])).collect();
        assert!(is_piece, "{} units of {} are not as they were sent, these are others: {others:?}", here.len(), came.codec);
    }
}

#[rstest::rstest]
#[case::two_tracks(Tool::Ffmpeg, Kind::Mpeg2TwoTracks, 0)]
#[case::aes_128(Tool::Ffmpeg, Kind::Small, 16)]
#[case::aes_192(Tool::Ffmpeg, Kind::Small, 24)]
#[case::hevc_and_aes_256(Tool::Ffmpeg, Kind::Hevc, 32)]
#[case::libsrt(Tool::Transmit, Kind::Small, 0)]
#[case::libsrt_and_aes_128(Tool::Transmit, Kind::Small, 16)]
#[case::libsrt_and_aes_256(Tool::Transmit, Kind::Small, 32)]
#[case::gstreamer(Tool::Gstreamer, Kind::Small, 0)]
#[case::gstreamer_and_aes_128(Tool::Gstreamer, Kind::Small, 16)]
#[case::gstreamer_and_aes_256(Tool::Gstreamer, Kind::Small, 32)]
fn pictures_and_sound_come_out_as_they_were_sent(#[case] tool: Tool, #[case] kind: Kind, #[case] key: u8) {
    let room = Room::new(&["push:studio"], key, |setup| setup);
    let _sender = send(&room.netns, tool, kind, 30000, &call("studio", key));
    room.until_in("studio", 1);
    let viewer = room.watch();
    thread::sleep(Duration::from_secs(2));
    assert!(!viewer.ended());
    assert_as_sent(&viewer.leave(Leave::Fin), kind);
    room.app.stop();
}

/// Callers that are refused while the stream of the same name is watched.
#[rstest::rstest]
#[case::another_passphrase(16, Tool::Ffmpeg, "streamid=publish:studio:me:geheim77&passphrase=another_passphrase&pbkeylen=16", 10)]
#[case::no_passphrase(16, Tool::Ffmpeg, "streamid=publish:studio:me:geheim77", 11)]
#[case::a_passphrase_too_many(
    0,
    Tool::Ffmpeg,
    "streamid=publish:studio:me:geheim77&passphrase=a_good_passphrase&pbkeylen=16",
    11
)]
#[case::fec(0, Tool::Transmit, "streamid=publish:studio:me:geheim77&packetfilter=fec,cols:10,rows:5", 14)]
#[case::bidirectional(0, Tool::Ffmpeg, "streamid=#!::r=studio,m=bidirectional,u=me,s=geheim77", 1405)]
#[case::no_such_channel(0, Tool::Ffmpeg, "streamid=read:9.9:me:geheim77", 1404)]
fn who_is_refused_is_told_why_and_harms_nobody(#[case] key: u8, #[case] tool: Tool, #[case] options: &str, #[case] code: u16) {
    let room = Room::new(&["push:studio"], key, |setup| setup);
    let _sender = send(&room.netns, Tool::Ffmpeg, Kind::Small, 30000, &call("studio", key));
    room.until_in("studio", 1);
    let viewer = room.watch();
    let mut caller = send(&room.netns, tool, Kind::Small, 30000, options);
    // libsrt gives up by itself after 3 s without an answer.
    room.until_refused(code, Duration::from_millis(2500));
    // srt-live-transmit ends with 0 whatever happens.
    if tool == Tool::Ffmpeg {
        assert_ne!(caller.remove(0).finish(Duration::from_secs(2)).code(), 0);
    }
    drop(caller);
    thread::sleep(Duration::from_secs(1));
    assert!(!viewer.ended());
    assert_as_sent(&viewer.leave(Leave::Fin), Kind::Small);
    assert!(!room.says(&["geheim77"]), "a password is in the log:\n{}", room.app.log());
    room.app.stop();
}

/// An encoder dies without a word, and is started again: whoever watches stays, and sees it again at once.
#[test]
fn a_sender_that_was_killed_takes_its_stream_up_again() {
    let mut room = Room::new(&["push:studio"], 0, |setup| setup);
    let first = send(&room.netns, Tool::Ffmpeg, Kind::H264, 30000, &call("studio", 0));
    room.until_in("studio", 1);
    let viewer = room.watch();
    viewer.more(300_000, SOON);
    first[0].signal(Signal::KILL);
    thread::sleep(Duration::from_millis(300));
    let _second = send(&room.netns, Tool::Ffmpeg, Kind::H264, 30000, &call("studio", 0));
    room.until_in("studio", 2);
    // About a second of it; a slate has a fraction of that.
    viewer.more(250_000, Duration::from_millis(2500));
    assert!(!viewer.ended());
    let bytes = viewer.leave(Leave::Fin);
    assert_goes_on(&bytes, Kind::H264);
    room.app.assert_well();
}

/// Fails unless a recording ends with pictures of the fixture, and counters and times do not break at what came before.
pub fn assert_goes_on(recording: &[u8], kind: Kind) {
    let (came, sent) = (streams(recording), demux(&kind.path()));
    let video = |streams: &[Stream]| streams.iter().find(|stream| stream.kind == "video").cloned().unwrap();
    let (came, sent) = (video(&came), video(&sent));
    let (here, there) = (hashes(&came), hashes(&sent));
    // It is played round and round.
    let there = [&there[..], &there[..]].concat();
    let last = &here[here.len() - 12..];
    assert!(there.windows(last.len()).any(|run| run == last), "the last pictures are not the new sender's");
    let breaks = |fault: &&String| fault.contains("continuity") || fault.contains("goes back");
    let faults = examine(aligned(recording), STRICT).faults;
    assert_eq!(faults.iter().filter(breaks).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// The end of a stream is known at once: its name is free, and the next source takes over.
#[test]
fn a_sender_that_goes_gives_way_to_the_next_source() {
    let netns = Arc::new(Netns::new());
    netns.ip("addr add 10.77.0.2/24 dev v0\n");
    let origin = Origin::start(&netns);
    origin.set("/backup", Script::live(&Kind::Small.media()));
    let mut room = Room::within(netns, &["push:studio", &origin.url("/backup")], 0, |setup| setup);
    let sender = send(&room.netns, Tool::Ffmpeg, Kind::Small, 30000, &call("studio", 0));
    room.until_in("studio", 1);
    let viewer = room.watch();
    assert_eq!(origin.open("/backup"), 0);
    // ffmpeg closes what it has opened.
    sender[0].signal(Signal::TERM);
    wait::until_so("the stream to end", Duration::from_secs(1), || room.says(&["a stream that came in by SRT has ended"]));
    wait::until_so("the next source to be dialled", Duration::from_secs(3), || origin.open("/backup") == 1);
    viewer.more(200_000, SOON);
    assert!(!viewer.ended());
    assert_goes_on(&viewer.leave(Leave::Fin), Kind::Small);
    // From another address, which nobody could while it was somebody's.
    let stranger = format!("{}&mode=caller&adapter=10.77.0.2", call("studio", 0));
    let _next = send(&room.netns, Tool::Transmit, Kind::Small, 30000, &stranger);
    room.until_in("studio", 2);
    room.app.assert_well();
}

/// From another address a stream that is sent already can be taken over by whoever has the passphrase, and by nobody else.
#[rstest::rstest]
#[case::without_a_passphrase(0)]
#[case::with_the_passphrase(16)]
fn a_stranger_must_prove_himself(#[case] key: u8) {
    let mut room = Room::new(&["push:studio"], key, |setup| setup);
    room.netns.ip("addr add 10.77.0.2/24 dev v0\n");
    let _first = send(&room.netns, Tool::Ffmpeg, Kind::Small, 30000, &call("studio", key));
    room.until_in("studio", 1);
    let viewer = room.watch();
    let stranger = format!("{}&mode=caller&adapter=10.77.0.2", call("studio", key));
    let _second = send(&room.netns, Tool::Transmit, Kind::Small, 30000, &stranger);
    if key == 0 {
        room.until_refused(1409, SOON);
        thread::sleep(Duration::from_secs(1));
        assert!(!viewer.ended() && !room.says(&["was closed from here"]));
        assert_as_sent(&viewer.leave(Leave::Fin), Kind::Small);
    } else {
        room.until_in("studio", 2);
        assert!(room.says(&["a stream comes in by SRT", "client=10.77.0.2:"]));
        wait::until_so("the first sender to be closed", SOON, || room.says(&["was closed from here", "client=10.77.0.1:"]));
        viewer.more(120_000, SOON);
        assert!(!viewer.ended());
        assert_goes_on(&viewer.leave(Leave::Fin), Kind::Small);
    }
    room.app.assert_well();
}

/// Names, as encoders say them and as a playlist has them.
#[rstest::rstest]
#[case::of_access_control(Tool::Ffmpeg, 30000, "streamid=#!::r=live/cam 1,m=publish", "live/cam 1", "push:live/cam%201")]
#[case::not_ascii(Tool::Ffmpeg, 30000, "streamid=publish:Küche", "Küche", "push:K%C3%BCche")]
#[case::the_address(Tool::Transmit, 30000, "mode=caller&adapter=10.77.0.2", "10.77.0.2", "push:10.77.0.2")]
#[case::of_the_port(Tool::Ffmpeg, 30001, "pkt_size=1316", "cam", "push:cam")]
#[case::of_the_port_whatever_is_said(Tool::Ffmpeg, 30001, "streamid=other", "cam", "push:cam")]
fn streams_are_known_by(#[case] tool: Tool, #[case] port: u16, #[case] options: &str, #[case] id: &str, #[case] source: &str) {
    let ports = |setup: Setup| setup.env("ROOFTOP_SRT_LISTEN", "0.0.0.0:30000,0.0.0.0:30001=cam");
    let room = Room::new(&[source], 0, ports);
    room.netns.ip("addr add 10.77.0.2/24 dev v0\n");
    let _sender = send(&room.netns, tool, Kind::Small, port, options);
    room.until_in(id, 1);
    let viewer = room.watch();
    thread::sleep(Duration::from_secs(1));
    assert_as_sent(&viewer.leave(Leave::Fin), Kind::Small);
    room.app.stop();
}

/// Of several addresses the one that was called answers; and who sends is told when the program ends.
#[test]
fn the_address_that_was_called_answers_and_says_goodbye() {
    let room = Room::new(&[], 0, |setup| setup);
    room.netns.ip("addr add 10.77.0.9/24 dev v0\naddr add fd00:77::9/64 dev v0 nodad\n");
    let mut ffmpeg = room.netns.command("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(Kind::Small.path());
    let sender =
        start(ffmpeg.args(["-c", "copy", "-f", "mpegts", "srt://10.77.0.9:30000?streamid=publish%3Astudio%3Ame%3Ageheim77"]));
    room.until_in("studio", 1);
    wait::until_so("bytes to come", SOON, || {
        room.app.api("/api/v1/streams/studio").json()["stats"]["bytes_received"].as_u64().is_some_and(|bytes| bytes > 50_000)
    });
    assert!(!room.says(&["geheim77"]), "a password is in the log:\n{}", room.app.log());
    room.app.stop();
    sender.finish(Duration::from_secs(3));
}

/// A program that watches by SRT, and the file it writes.
fn watcher(room: &Room, program: &str, name: &str, key: u8) -> (Running, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("watched.ts");
    let at = format!("srt://10.77.0.1:30000?{}&mode=caller", call(&format!("read:{name}"), key));
    let mut command = match program {
        "vlc" => room.netns.command_as_nobody("cvlc", folder.path()),
        "srt-live-transmit" => room.netns.command("sh"),
        other => room.netns.command(other),
    };
    match program {
        "ffmpeg" => command.args(["-nostdin", "-v", "error", "-i", &at, "-map", "0", "-c", "copy", "-f", "mpegts"]).arg(&file),
        // It writes to nothing but its output.
        "srt-live-transmit" => {
            command.args(["-c", &format!("exec srt-live-transmit -q -a:no -chunk:1316 '{at}' file://con > {}", file.display())])
        }
        "gst-launch-1.0" => command
            .args(["-q", "srtsrc", "auto-reconnect=false"])
            .args([&format!("uri={at}"), "!", "filesink"])
            .arg(format!("location={}", file.display())),
        _ => command
            .args(["-I", "dummy", "--demux", "dump", "--demuxdump-file"])
            .arg(&file)
            .arg(format!("--streamid=read:{name}"))
            .arg("srt://10.77.0.1:30000"),
    };
    (start(&mut command), folder)
}

/// A channel whose stream is pushed by SRT leaves by SRT as it came, for every program that plays it.
#[rstest::rstest]
#[case::ffmpeg("ffmpeg", Kind::Small, 0)]
#[case::ffmpeg_aes_256("ffmpeg", Kind::Mpeg2TwoTracks, 32)]
#[case::libsrt("srt-live-transmit", Kind::Hevc, 0)]
#[case::libsrt_aes_128("srt-live-transmit", Kind::Small, 16)]
#[case::gstreamer("gst-launch-1.0", Kind::Small, 0)]
#[case::vlc("vlc", Kind::Small, 0)]
fn channels_are_watched_by_srt(#[case] program: &str, #[case] kind: Kind, #[case] key: u8) {
    let room = Room::new(&["push:studio"], key, |setup| setup);
    let _sender = send(&room.netns, Tool::Ffmpeg, kind, 30000, &call("studio", key));
    room.until_in("studio", 1);
    let (watching, folder) = watcher(&room, program, "1", key);
    let file = folder.path().join("watched.ts");
    let size = || std::fs::metadata(&file).map_or(0, |file| file.len());
    wait::until_so("somebody to watch", SOON, || room.says(&["somebody watches by SRT", "stream=1"]));
    assert_eq!(room.app.busy(), 1);
    thread::sleep(Duration::from_secs(3));
    room.app.stop();
    // It is told that it is over; by itself it would notice after five seconds.
    if program != "vlc" {
        watching.finish(Duration::from_secs(4));
    }
    assert!(size() > 100_000, "{} bytes", size());
    let bytes = std::fs::read(&file).unwrap();
    // A file that was not closed ends anywhere.
    assert_as_sent(&bytes[..bytes.len() / 188 * 188], kind);
}

/// A stream that is pushed is watched by its name, without a tuner; what cannot be had is refused with a code; who leaves is gone.
#[test]
fn what_can_be_watched_and_what_not() {
    let mut room = Room::new(&["push:studio"], 0, |setup| setup.tuners(1));
    let _sender = send(&room.netns, Tool::Ffmpeg, Kind::Small, 30000, &call("studio", 0));
    room.until_in("studio", 1);
    let (by_name, folder) = watcher(&room, "ffmpeg", "studio", 0);
    wait::until_so("bytes of the stream", SOON, || {
        std::fs::metadata(folder.path().join("watched.ts")).is_ok_and(|file| file.len() > 50_000)
    });
    assert_eq!(room.app.busy(), 0);
    by_name.signal(Signal::TERM);
    wait::until_so("it to leave", Duration::from_secs(2), || {
        room.says(&["somebody who watched by SRT has left", "stream=studio"])
    });
    room.app.api_with("POST", "/api/v1/streams/studio/pause", None);
    for (name, code) in [("9", 1404), ("studio", 1404), ("1", 1503)] {
        let (refused, _folder) = watcher(&room, "ffmpeg", name, 0);
        room.until_refused(code, Duration::from_secs(6));
        assert_ne!(refused.finish(Duration::from_secs(6)).code(), 0, "{name}");
        thread::sleep(Duration::from_secs(1));
    }
    room.app.assert_well();
}

//! Streams that are pushed by RTP: what they are called, when they are the same again and when they end, and that what comes out is
//! what was sent.

mod described;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::srt::{assert_as_sent, assert_goes_on};
use crate::support::app::{App, Setup, at};
use crate::support::control::Control;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::random::Random;
use crate::support::rtp::{Order, Sender, ffmpeg, gstreamer, packet};
use crate::support::ts_oracle::{STRICT, assert_clean};
use crate::support::udp;
use crate::support::upstream::{Origin, Script};
use crate::support::viewer::{Leave, Viewer};
use crate::support::{IP, wait};

const SOON: Duration = Duration::from_secs(10);
/// What a stream from 10.77.0.1 is called.
const NAME: &str = "rtp-10.77.0.1";
const SOURCE: &str = "push:rtp-10.77.0.1";

/// A server with channel 1, and its network.
struct Room {
    /// Declared first: it ends before its network.
    app: App,
    netns: Arc<Netns>,
}

impl Room {
    fn new(sources: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::within(Arc::new(Netns::new()), sources, environment)
    }

    fn within(netns: Arc<Netns>, sources: &[&str], environment: &[(&str, &str)]) -> Self {
        let entries: Vec<_> = sources.iter().map(|url| entry("1", "One", url).with("tvg-id=\"one\"")).collect();
        let setup = Setup::new(&netns).playlist_each(&entries);
        let setup = environment.iter().fold(setup, |setup, (name, value)| setup.env(name, value));
        Self { app: setup.start(), netns }
    }

    fn says(&self, words: &[&str]) -> bool {
        self.app.log().lines().any(|line| words.iter().all(|word| line.contains(word)))
    }

    /// Describes a stream by the API. The status of the answer.
    fn describe(&self, id: &str, sdp: &str) -> u16 {
        let body = serde_json::json!({ "sdp": sdp }).to_string();
        self.app.api_with("PATCH", &format!("/api/v1/inputs/{id}"), Some(&body)).status
    }

    /// What the API says of a stream.
    fn stream(&self, id: &str) -> Option<Value> {
        let all = self.app.api("/api/v1/streams").json();
        all["streams"].as_array().unwrap().iter().find(|stream| stream["id"] == id).cloned()
    }

    fn until_in(&self, id: &str) -> Value {
        wait::until(&format!("{id} to come in:\n{}", self.app.log()), SOON, || {
            self.stream(id).filter(|stream| stream["status"] == "active" && stream["stats"]["packets_received"] != 0)
        })
    }

    fn until_said(&self, words: &[&str], limit: Duration) {
        wait::until_so(&format!("the log to say {words:?}"), limit, || self.says(words));
    }

    /// A viewer of channel 1 that has received something.
    fn watch(&self) -> Viewer {
        let viewer = Viewer::open(&self.netns, "/auto/v1");
        viewer.more(100 * 188, SOON);
        viewer
    }
}

/// Who sends.
#[derive(Debug, Clone, Copy)]
enum Tool {
    Ffmpeg,
    Gstreamer,
}

#[rstest::rstest]
#[case::ffmpeg(Tool::Ffmpeg, Kind::Small, "10.77.0.1", 5004, "0.0.0.0:5004", NAME)]
#[case::two_tracks_and_a_name(Tool::Ffmpeg, Kind::Mpeg2TwoTracks, "10.77.0.1", 5006, "0.0.0.0:5004,0.0.0.0:5006=cam-ü", "cam-ü")]
#[case::gstreamer(Tool::Gstreamer, Kind::H264, "10.77.0.1", 5004, "0.0.0.0:5004", NAME)]
#[case::a_group(Tool::Ffmpeg, Kind::Small, "239.77.0.1", 5004, "0.0.0.0:5004,239.77.0.1:5004%v0", "rtp-239.77.0.1")]
#[case::a_group_of_one_source(
    Tool::Gstreamer,
    Kind::Small,
    "232.77.0.1",
    5010,
    "10.77.0.1@232.77.0.1:5010%10.77.0.1=sport",
    "sport"
)]
fn pictures_and_sound_come_out_as_they_were_sent(
    #[case] tool: Tool,
    #[case] kind: Kind,
    #[case] host: &str,
    #[case] port: u16,
    #[case] listen: &str,
    #[case] id: &str,
) {
    let source = format!("push:{}", id.replace('ü', "%C3%BC"));
    let room = Room::new(&[&source], &[("ROOFTOP_RTP_LISTEN", listen)]);
    let _sender = match tool {
        Tool::Ffmpeg => ffmpeg(&room.netns, kind, &format!("{host}:{port}")),
        Tool::Gstreamer => gstreamer(&room.netns, kind, host, port),
    };
    let stream = room.until_in(id);
    assert_eq!((&stream["type"], &stream["stats"]["rtp_stats"]["payload_type"]), (&"rtp".into(), &33.into()), "{stream}");
    let viewer = room.watch();
    thread::sleep(Duration::from_secs(2));
    assert!(!viewer.ended());
    assert_as_sent(&viewer.leave(Leave::Fin), kind);
    assert_eq!(room.stream(id).unwrap()["stats"]["packets_lost"], 0);
    assert_eq!(room.app.api("/api/v1/stats").json()["rtp_enabled"], true);
    room.app.stop();
}

/// A group is received by a channel that names it, while its port is listened to on all addresses.
#[test]
fn a_group_of_the_same_port_can_be_pulled() {
    let room = Room::new(&["rtp://@239.77.0.3:5004?iface=v0"], &[]);
    let _sender = ffmpeg(&room.netns, Kind::Small, "239.77.0.3:5004");
    let viewer = room.watch();
    thread::sleep(Duration::from_secs(2));
    assert_as_sent(&viewer.leave(Leave::Fin), Kind::Small);
    assert!(room.stream(NAME).is_none() && !room.says(&["came to the RTP port"]), "{}", room.app.log());
    room.app.stop();
}

/// Packets that change places within the time of the buffer, or come twice, cost nothing; and their sender is told so.
#[test]
fn packets_out_of_order_cost_nothing() {
    let room = Room::new(&[SOURCE], &[]);
    let seed = Random::from_environment(20_261_129).seed();
    println!("seed {seed}");
    let sender = Sender::start(&room.netns, Kind::H264, 6000, "10.77.0.1:5004", 7, Order::Shuffled(seed));
    room.until_in(NAME);
    let viewer = room.watch();
    let (fraction, lost) = sender.report(SOON);
    // What came twice counts against it (RFC 3550, 6.4.1).
    assert!(fraction == 0 && lost < 0, "{fraction} {lost}");
    thread::sleep(Duration::from_secs(1));
    assert_as_sent(&viewer.leave(Leave::Fin), Kind::H264);
    let stats = &room.stream(NAME).unwrap()["stats"];
    assert_eq!((&stats["packets_lost"], &stats["rtp_stats"]["packets_late"]), (&0.into(), &0.into()), "{stats}");
    let counted = |what: &str| stats["rtp_stats"][what].as_u64().unwrap();
    assert!(counted("packets_reordered") > 100 && counted("packets_duplicate") > 20 && counted("ssrc") == 7, "{stats}");
    room.app.stop();
}

/// An encoder that dies and is started again calls itself by another source, from another port, and says nothing: whoever watches
/// stays, and sees it again at once, without a break of counters and clocks.
#[test]
fn a_sender_that_was_killed_takes_its_stream_up_again() {
    let mut room = Room::new(&[SOURCE], &[]);
    let first = ffmpeg(&room.netns, Kind::H264, "10.77.0.1:5004");
    let before = room.until_in(NAME);
    let viewer = room.watch();
    viewer.more(300_000, SOON);
    first.signal(Signal::KILL);
    thread::sleep(Duration::from_millis(300));
    let _second = ffmpeg(&room.netns, Kind::H264, "10.77.0.1:5004");
    // About a second of it; a slate has a fraction of that.
    viewer.more(250_000, Duration::from_millis(2500));
    assert!(!viewer.ended());
    assert_goes_on(&viewer.leave(Leave::Fin), Kind::H264);
    let after = room.until_in(NAME);
    assert_ne!(before["stats"]["rtp_stats"]["ssrc"], after["stats"]["rtp_stats"]["ssrc"]);
    assert!(room.stream("rtp-10.77.0.1-2").is_none(), "{}", room.app.log());
    room.app.assert_well();
}

/// The end of a stream is known by a goodbye at once, by silence in its time; then the next source takes over.
#[rstest::rstest]
#[case::with_a_word(true)]
#[case::without(false)]
fn a_sender_that_goes_gives_way_to_the_next_source(#[case] polite: bool) {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    origin.set("/backup", Script::live(&Kind::Small.media()));
    let timeout = if polite { "30" } else { "1" };
    let mut room = Room::within(netns, &[SOURCE, &origin.url("/backup")], &[("ROOFTOP_RTP_SESSION_TIMEOUT_S", timeout)]);
    let mut sender = Sender::start(&room.netns, Kind::Small, 6000, "10.77.0.1:5004", 7, Order::Straight);
    room.until_in(NAME);
    let viewer = room.watch();
    assert_eq!(origin.open("/backup"), 0);
    if polite {
        sender.say_goodbye();
        room.until_said(&["has ended: its sender said goodbye", NAME], Duration::from_secs(1));
    } else {
        sender.stop();
        room.until_said(&["has ended: nothing came any more", NAME], Duration::from_secs(3));
    }
    wait::until_so("the next source to be dialled", Duration::from_secs(3), || origin.open("/backup") == 1);
    viewer.more(200_000, SOON);
    assert!(!viewer.ended());
    assert_goes_on(&viewer.leave(Leave::Fin), Kind::Small);
    assert_eq!(room.stream(NAME).unwrap()["status"], "closed");
    room.app.assert_well();
}

/// Two encoders of one host at one port are two streams, told apart as long as both send.
#[test]
fn a_second_stream_of_a_host_has_a_name_of_its_own() {
    let room = Room::new(&["push:rtp-10.77.0.1-2"], &[]);
    let _first = Sender::start(&room.netns, Kind::Radio, 6000, "10.77.0.1:5004", 7, Order::Straight);
    room.until_in(NAME);
    let _second = Sender::start(&room.netns, Kind::Small, 6002, "10.77.0.1:5004", 8, Order::Straight);
    room.until_in("rtp-10.77.0.1-2");
    let viewer = room.watch();
    thread::sleep(Duration::from_secs(2));
    assert_as_sent(&viewer.leave(Leave::Fin), Kind::Small);
    room.app.stop();
}

/// Whatever else comes to the port: a stream goes on as if nothing were, memory stays, and the log has a line or two.
#[test]
fn wild_datagrams_harm_nobody() {
    let mut room = Room::new(&[SOURCE], &[]);
    let _sender = Sender::start(&room.netns, Kind::Small, 6000, "10.77.0.1:5004", 7, Order::Straight);
    room.until_in(NAME);
    let viewer = room.watch();
    let before = room.app.resident_kib();
    room.netns.ip("addr add 10.77.0.2/24 dev v0\n");
    let (near, far) = (room.netns.udp("10.77.0.1:0").unwrap(), room.netns.udp("10.77.0.2:0").unwrap());
    let mut random = Random::from_environment(7);
    println!("seed {}", random.seed());
    for n in 0..20_000u32 {
        let mut wild: Vec<u8> = (0..random.below(1400)).map(|_| random.below(256) as u8).collect();
        match n % 5 {
            // Of the stream's own source, or of one that is never heard again.
            0 => wild = packet(7, random.below(65536) as u16, 0, wild),
            1 => wild = packet(n, random.below(65536) as u16, 0, wild),
            2 => wild.iter_mut().take(2).zip([0x81, 200 + (n / 5 % 8) as u8]).for_each(|(byte, value)| *byte = value),
            3 => wild.iter_mut().take(2).zip([0x9F, 33]).for_each(|(byte, value)| *byte = value),
            _ => {}
        }
        let (socket, port) = if n % 2 == 0 { (&near, 5004) } else { (&far, 5004 + (n % 4 / 3) as u16) };
        let _ = socket.send_to(&wild, at(port));
        if n % 50 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    thread::sleep(Duration::from_millis(500));
    assert!(!viewer.ended());
    assert_as_sent(&viewer.leave(Leave::Fin), Kind::Small);
    assert!(room.app.resident_kib() < before + 40_000);
    let told = room.app.log().lines().filter(|line| line.contains("RTP") && line.contains("WARN")).count();
    assert!(told <= 5, "{}", room.app.log());
    room.app.assert_well();
}

/// UDP 5004 takes streams in and sends streams out: neither harms the other, and keepalives are heard.
#[test]
fn streams_come_in_and_go_out_by_one_port() {
    let room = Room::new(&[SOURCE], &[]);
    let _sender = Sender::start(&room.netns, Kind::Small, 6000, "10.77.0.1:5004", 7, Order::Straight);
    room.until_in(NAME);
    let mut control = Control::connect(&room.netns, IP);
    let socket = room.netns.udp("10.77.0.1:0").unwrap();
    control.set("/tuner0/vchannel", "1", None).unwrap();
    let target = format!("rtp://{}", socket.local_addr().unwrap());
    assert_eq!(control.set("/tuner0/target", &target, None).unwrap(), target);
    // Who has gone is noticed after 5 s by a silence of keepalives alone.
    drop(control);
    let (mut bytes, begun) = (Vec::new(), std::time::Instant::now());
    while begun.elapsed() < Duration::from_secs(7) {
        let (datagram, from) = udp::receive(&socket, Duration::from_secs(3)).expect("the stream goes on");
        assert_eq!((datagram.len(), from), (12 + 7 * 188, at(5004)));
        bytes.extend_from_slice(&datagram[12..]);
        socket.send_to(&[0; 4], at(5004)).unwrap();
    }
    assert_clean(&bytes, STRICT);
    assert_eq!(room.stream(NAME).unwrap()["stats"]["packets_lost"], 0);
    wait::until_so("the target to be none", Duration::from_secs(6), || {
        Control::connect(&room.netns, IP).get("/tuner0/target").unwrap() == "none"
    });
    room.app.stop();
}

/// One sender is named for a port: nobody else is heard, and the log says so once.
#[test]
fn who_may_not_send_is_told_of() {
    let room = Room::new(&[SOURCE], &[("ROOFTOP_RTP_LISTEN", "10.77.0.9@0.0.0.0:5004")]);
    let _sender = Sender::start(&room.netns, Kind::Small, 6000, "10.77.0.1:5004", 7, Order::Straight);
    room.until_said(&["was not taken: its sender is not in a network of allow", "10.77.0.1:6000"], SOON);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(room.app.log().matches("was not taken").count(), 1);
    assert!(room.stream(NAME).is_none());
    room.app.stop();
}

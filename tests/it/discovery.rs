//! Checks 1 to 16: discovery on UDP 65001, by real clients and by their bytes.

use std::net::{SocketAddr, SocketAddrV6};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::app::{App, STREAM, Setup, at};
use crate::support::http::Request;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::process::run;
use crate::support::udp::{ask, ask_once, frame, hex, parse, text, tlv, value};
use crate::support::{script, wait};

const QUIET: Duration = Duration::from_millis(500);

/// A server with channels that nobody plays here.
fn server() -> App {
    let netns = Arc::new(Netns::new());
    setup(&netns).start()
}

fn setup(netns: &Arc<Netns>) -> Setup {
    Setup::new(netns).playlist(&[entry("1", "One", "http://10.77.0.1:9/1"), entry("2", "Two", "http://10.77.0.1:9/2")])
}

/// A request with these TLVs.
fn request(payload: &[u8]) -> Vec<u8> {
    frame(2, payload)
}

#[test]
fn check_01_discover_by_address() {
    let app = server();
    let id = app.device_id();
    let output = app.hdhomerun(&["discover", "127.0.0.1"]);
    assert!(output.elapsed < Duration::from_millis(600), "{output:?}");
    assert_eq!(output.ok(), format!("hdhomerun device {id} found at 127.0.0.1\n"));
}

#[test]
fn check_02_discover_by_broadcast() {
    let app = server();
    let id = app.device_id();
    assert_eq!(app.hdhomerun(&["discover"]).ok(), format!("hdhomerun device {id} found at 10.77.0.1\n"));
}

/// Library 20250506 is not packaged: its request bytes instead, sent as it sends them.
#[test]
fn check_03_and_05_vectors_of_the_newer_library() {
    let app = server();
    let socket = app.netns.udp("10.77.0.1:0").unwrap();
    let broadcast: SocketAddr = "255.255.255.255:65001".parse().unwrap();
    for vector in ["00020006 0104ffffffff 4c20cb4e", "00020006 010400000001 393077e7", "0002000a 2d080000000100000005 4f63391f"] {
        let answers = ask(&socket, broadcast, &hex(vector), QUIET);
        assert_eq!(answers.len(), 1, "{vector}");
        let (bytes, from) = &answers[0];
        assert_eq!(*from, at(65001));
        let (kind, values) = parse(bytes);
        assert_eq!(kind, 3);
        // What `disc_ex` prints: a tuner, no storage, both addresses there.
        assert_eq!(value(&values, 0x01), Some(&[0, 0, 0, 1][..]));
        assert_eq!(value(&values, 0x2C), None);
        assert_eq!(text(&values, 0x2A), "http://10.77.0.1:80");
        assert_eq!(text(&values, 0x27), "http://10.77.0.1:80/lineup.json");
    }
}

/// IPv6 is not claimed: silence, and no harm.
#[test]
fn check_04_ipv6_is_silent_or_right() {
    let mut app = server();
    let socket = app.netns.udp("[fd00:77::1]:0").unwrap();
    let multicast = |scope| SocketAddr::V6(SocketAddrV6::new("ff02::176".parse().unwrap(), 65001, 0, scope));
    let own = "[fd00:77::1]:65001".parse().unwrap();
    for target in [multicast(2), multicast(3), own] {
        if let Some((bytes, from)) = ask_once(&socket, target, &hex("00020006 0104ffffffff 4c20cb4e"), QUIET) {
            assert_eq!(parse(&bytes).0, 3);
            assert_eq!(from.port(), 65001);
        }
    }
    assert_eq!(app.hdhomerun(&["discover", "127.0.0.1"]).code(), 0);
    app.assert_well();
}

#[test]
fn check_06_get_by_broadcast_id() {
    let app = server();
    let id = app.device_id();
    let model = app.hdhomerun(&[&id, "get", "/sys/model"]).ok();
    assert!(model.starts_with("hdhomerun"), "{model}");
}

#[test]
fn check_07_discovery_through_libhdhomerun() {
    let app = server();
    let discover = app.json("/discover.json");
    let library = "/usr/lib/x86_64-linux-gnu/libhdhomerun.so.4";
    let output = run(app.client("/usr/bin/python3").args([&script("v2.py"), library, "0"]), Duration::from_secs(10)).ok();
    let rows: Vec<&str> = output.lines().collect();
    assert_eq!(rows[0], "n= 1", "{output}");
    let field = |name: &str| {
        let start = rows[1].find(&format!("'{name}': ")).unwrap_or_else(|| panic!("no {name} in {output}")) + name.len() + 4;
        let end = rows[1][start..].find([',', '}']).unwrap() + start;
        let value = &rows[1][start..end];
        // Only the marks of a Python string go: an id may end with a B.
        value.strip_prefix('b').filter(|rest| rest.starts_with('\'')).unwrap_or(value).trim_matches('\'').to_owned()
    };
    assert_eq!(field("device_type"), "0x1");
    assert_eq!(field("tuner_count"), discover["TunerCount"].to_string());
    assert_eq!(field("is_legacy"), "False");
    assert_eq!(field("device_id").to_uppercase().trim_start_matches("0X"), discover["DeviceID"].as_str().unwrap());
    assert!(field("base_url").len() <= 28 && !field("base_url").is_empty());
    assert_eq!(field("base_url").trim_end_matches(":80"), discover["BaseURL"].as_str().unwrap().trim_end_matches(":80"));
    assert_eq!(field("device_auth"), discover["DeviceAuth"].as_str().unwrap());
    assert!(field("device_auth").len() <= 24);
    assert!(field("lineup_url").ends_with("/lineup.json"));
}

#[test]
fn check_08_every_request_that_clients_send() {
    let app = server();
    let id = hex(&app.device_id());
    let socket = app.netns.udp("10.77.0.1:0").unwrap();
    let own = request(&[tlv(1, &[0xFF; 4]), tlv(2, &id)].concat());
    let answered = [
        hex("0002000c 0104ffffffff 0204ffffffff 73cc7d8f"),
        hex("0002000c 010400000001 0204ffffffff 4e507f35"),
        hex("00020006 0104ffffffff 4c20cb4e"),
        hex("00020006 010400000001 393077e7"),
        hex("0002000a 2d080000000100000005 4f63391f"),
        own,
    ];
    for vector in answered {
        let answers = ask(&socket, at(65001), &vector, QUIET);
        assert_eq!(answers.len(), 1, "{vector:02x?}");
        let (kind, values) = parse(&answers[0].0);
        assert_eq!((kind, value(&values, 2)), (3, Some(&id[..])));
        assert!(answers[0].0.len() <= 512);
    }
    assert!(ask(&socket, at(65001), &hex("0002000c 010400000005 0204ffffffff 5d7430c1"), QUIET).is_empty());
}

#[test]
fn check_09_malformed_requests_are_ignored() {
    let mut app = server();
    let socket = app.netns.udp("10.77.0.1:0").unwrap();
    let good = hex("0002000c 0104ffffffff 0204ffffffff 73cc7d8f");
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut longer = good.clone();
    longer[3] = 0xFF;
    let mut bad = vec![
        flipped,
        longer,
        Vec::new(),
        frame(3, &good[4..16]),
        request(&[tlv(1, &[0xFF; 4]), tlv(2, &[0x10, 0x80, 0x00, 0x00])].concat()),
        request(&tlv(0x7E, &vec![0; 1455])),
        vec![0xFF; 9000],
        request(&[1, 200]),
        request(&[1]),
        request(&[1, 0x84]),
        request(&[1, 2, 0, 0]),
    ];
    bad.extend((1..good.len()).map(|length| good[..length].to_vec()));
    for datagram in &bad {
        socket.send_to(datagram, at(65001)).unwrap();
    }
    let answers = ask(&socket, at(65001), &bad[0], QUIET);
    assert!(answers.is_empty(), "{answers:02x?}");
    assert_eq!(ask(&socket, at(65001), &good, QUIET).len(), 1);
    app.assert_well();
}

#[test]
fn check_10_the_discovery_of_jellyfin() {
    let app = server();
    let output = run(app.client("/usr/bin/python3").arg(script("jf_disc.py")), Duration::from_secs(10)).ok();
    assert!(output.starts_with(&format!("OK http://10.77.0.1 {}", app.device_id())), "{output}");
}

/// Rule R1: from start to exit, whenever UDP answers, TCP 65001 and port 80 accept.
#[test]
fn check_11_discovery_comes_last_and_goes_first() {
    let netns = Arc::new(Netns::new());
    let socket = netns.udp("10.77.0.1:0").unwrap();
    let good = hex("0002000c 0104ffffffff 0204ffffffff 73cc7d8f");
    let mut app = setup(&netns).spawn();
    let mut told_to_stop = None;
    let (mut answered, mut silent_after) = (0, 0);
    let begun = Instant::now();
    loop {
        let round = Instant::now();
        if ask_once(&socket, at(65001), &good, Duration::from_millis(40)).is_some() {
            for port in [65001, 80] {
                let accepts = netns.tcp(at(port));
                // UDP may have gone down between its answer and this connection: then it must be silent now.
                if accepts.is_err() {
                    let again = ask_once(&socket, at(65001), &good, Duration::from_millis(200));
                    assert!(again.is_none(), "UDP answers, but port {port} does not");
                }
            }
            answered += 1;
        } else if told_to_stop.is_some() {
            silent_after += 1;
        }
        if answered == 10 && told_to_stop.is_none() {
            app.signal(Signal::TERM);
            told_to_stop = Some(Instant::now());
        }
        if told_to_stop.is_some() && app.exited().is_some() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "answered {answered}, silent {silent_after}:\n{}", app.log());
        std::thread::sleep(Duration::from_millis(10).saturating_sub(round.elapsed()));
    }
    assert!(answered >= 10 && app.exited().unwrap().success(), "{}", app.log());
}

#[test]
fn check_12_the_queried_address_answers() {
    let app = server();
    app.netns.ip("addr add 10.78.0.1/24 dev v0\n");
    let id = app.device_id();
    assert_eq!(app.hdhomerun(&["discover", "10.78.0.1"]).ok(), format!("hdhomerun device {id} found at 10.78.0.1\n"));
    let socket = app.netns.udp("10.77.0.1:0").unwrap();
    let target: SocketAddr = "10.78.0.1:65001".parse().unwrap();
    let (bytes, from) =
        ask_once(&socket, target, &hex("0002000c 0104ffffffff 0204ffffffff 73cc7d8f"), Duration::from_secs(1)).unwrap();
    assert_eq!(from, target);
    assert_eq!(text(&parse(&bytes).1, 0x2A), "http://10.78.0.1:80");
    let discover = Request::get("/discover.json").send(&app.netns, "10.78.0.1:80").unwrap().json();
    assert!(discover["LineupURL"].as_str().unwrap().starts_with("http://10.78.0.1"), "{discover}");
}

#[test]
fn check_13_unknown_tags_are_skipped() {
    let app = server();
    let socket = app.netns.udp("10.77.0.1:0").unwrap();
    let long = tlv(0x7E, &[7; 200]);
    for payload in [
        [tlv(0x7E, b"?"), tlv(1, &[0xFF; 4]), tlv(2, &[0xFF; 4])].concat(),
        [tlv(1, &[0xFF; 4]), long, tlv(2, &[0xFF; 4])].concat(),
    ] {
        assert_eq!(ask(&socket, at(65001), &request(&payload), QUIET).len(), 1);
    }
}

#[test]
fn check_14_the_device_id_is_valid_and_stays() {
    let app = server();
    let id = app.device_id();
    let sum = run(Command::new("/usr/bin/python3").args([script("checksum.py"), id.clone()]), Duration::from_secs(10)).ok();
    assert!(sum.contains("cs=0"), "{sum}");
    let prefix = u32::from_str_radix(&id[..3], 16).unwrap();
    assert!(![0x101, 0x102, 0x103, 0x111, 0x121, 0x122, 0x100, 0x120].contains(&prefix), "{id}");
    let udn = String::from_utf8(app.get("/device.xml").body()).unwrap();
    let app = app.stop();
    let netns = Arc::clone(&app.netns);
    let again = setup(&netns).data_of(&app).start();
    assert_eq!(again.device_id(), id);
    assert_eq!(String::from_utf8(again.get("/device.xml").body()).unwrap(), udn);
}

#[test]
fn check_14_an_invalid_device_id_is_refused() {
    let netns = Arc::new(Netns::new());
    for (id, word) in [("12345678", "12345674"), ("10397A70", "legacy"), ("xyz", "hexadecimal")] {
        let mut app = setup(&netns).env("ROOFTOP_DEVICE_ID", id).spawn();
        let status = app.wait_exit(Duration::from_secs(5));
        assert!(!status.success(), "{id} was accepted");
        app.assert_logged(&[word]);
    }
}

#[test]
fn check_15_a_taken_discovery_port_leaves_http_up() {
    let netns = Arc::new(Netns::new());
    let _taken = netns.udp("0.0.0.0:65001").unwrap();
    let mut app = setup(&netns).start();
    assert_eq!(app.get("/discover.json").status, 200);
    assert_eq!(Request::get("/discover.json").send(&netns, STREAM).unwrap().status, 200);
    app.assert_logged(&["65001"]);
    app.assert_well();
    app.stop();
}

#[test]
fn check_15_a_second_instance_does_no_harm() {
    let mut first = server();
    let id = first.device_id();
    let mut second = setup(&first.netns).spawn();
    // It may end with a clear error or live on without what is taken; it must not crash, nor answer in the first one's place.
    let ended = wait::until("the second instance to make up its mind", Duration::from_secs(10), || {
        if let Some(status) = second.exited() {
            return Some(Some(status));
        }
        second.log().contains("5004").then_some(None)
    });
    if let Some(status) = ended {
        assert!(!status.success() && status.code().is_some(), "{status}");
    }
    assert!(!second.log().contains("panicked"), "{}", second.log());
    second.assert_logged(&["in use"]);
    assert_eq!(first.hdhomerun(&["discover", "127.0.0.1"]).ok(), format!("hdhomerun device {id} found at 127.0.0.1\n"));
    first.assert_well();
}

/// Rule R1 again: without port 80 nobody is to find half a tuner, unless the settings insist.
#[rstest::rstest]
#[case::careful("udp", false)]
#[case::insisting("udp!", true)]
fn check_15_without_port_80(#[case] discovery: &str, #[case] found: bool) {
    let netns = Arc::new(Netns::new());
    let _taken = netns.listen("0.0.0.0:80").unwrap();
    let mut app = setup(&netns).listen(&["0.0.0.0:5004", "0.0.0.0:80?"]).arg("--discovery").arg(discovery).start();
    let socket = netns.udp("10.77.0.1:0").unwrap();
    let good = hex("0002000c 0104ffffffff 0204ffffffff 73cc7d8f");
    let answers = ask(&socket, at(65001), &good, QUIET);
    assert_eq!(answers.len(), usize::from(found), "{}", app.log());
    if found {
        assert_eq!(text(&parse(&answers[0].0).1, 0x2A), "http://10.77.0.1:5004");
    }
    assert_eq!(Request::get("/discover.json").send(&netns, STREAM).unwrap().status, 200);
    app.assert_logged(&["80", "warn"]);
    app.signal(Signal::TERM);
    assert!(app.wait_exit(Duration::from_secs(12)).success());
}

#[test]
fn check_16_a_thousand_discoveries_a_second() {
    let mut app = server();
    let socket = app.netns.udp("10.77.0.1:0").unwrap();
    let good = hex("0002000c 0104ffffffff 0204ffffffff 73cc7d8f");
    let begun = Instant::now();
    for _ in 0..1000 {
        socket.send_to(&good, at(65001)).unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    while let Some((bytes, _)) = crate::support::udp::receive(&socket, QUIET) {
        assert!(bytes.len() <= 512);
    }
    assert_eq!(ask(&socket, at(65001), &good, QUIET).len(), 1);
    app.assert_well();
}

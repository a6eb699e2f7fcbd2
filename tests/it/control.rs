//! Checks 17 to 32: the control protocol on TCP 65001.

use std::io::Read;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::app::{App, at};
use crate::support::control::{Control, answer, get_frame, set_frame};
use crate::support::process::{run, start};
use crate::support::rig::Rig;
use crate::support::udp::{frame, parse, tlv};
use crate::support::{IP, script, wait};

const UNKNOWN: &str = "ERROR: unknown getset variable";

/// `hdhomerun_config 10.77.0.1 get NAME`: exit code and text.
fn get(app: &App, name: &str) -> (i32, String) {
    let output = app.hdhomerun(&[IP, "get", name]);
    (output.code(), output.text())
}

/// `hdhomerun_config 10.77.0.1 [key K] set NAME VALUE`.
fn set(app: &App, key: Option<&str>, name: &str, to: &str) -> (i32, String) {
    let mut arguments = vec![IP];
    arguments.extend(key.map(|key| ["key", key]).into_iter().flatten());
    arguments.extend(["set", name, to]);
    let output = app.hdhomerun(&arguments);
    (output.code(), output.text())
}

/// `key=value` tokens of a status.
fn status(app: &App, tuner: u32) -> Vec<(String, String)> {
    let text = Control::connect(&app.netns, IP).get(&format!("/tuner{tuner}/status")).unwrap();
    let tokens = text.split(' ').map(|token| {
        let (key, value) = token.split_once('=').unwrap_or_else(|| panic!("token {token:?} of {text:?}"));
        assert!(!key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{text}");
        assert!(!value.is_empty() && !value.contains('='), "{text}");
        (key.to_owned(), value.to_owned())
    });
    tokens.collect()
}

fn token(status: &[(String, String)], key: &str) -> String {
    status.iter().find(|(found, _)| found == key).unwrap_or_else(|| panic!("no {key} in {status:?}")).1.clone()
}

const IDLE: &str = "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0";

#[test]
fn check_17_to_20_system_variables() {
    let rig = Rig::standard();
    let app = &rig.app;
    let (code, help) = get(app, "help");
    assert!(code == 0 && help.starts_with("Supported configuration options:"), "{help}");
    let (code, model) = get(app, "/sys/model");
    assert_eq!(code, 0);
    assert_eq!(model.trim(), app.json("/discover.json")["FirmwareName"].as_str().unwrap());
    assert_eq!(get(app, "/sys/hwmodel").0, 0);
    let (code, version) = get(app, "/sys/version");
    assert!(code == 0 && version.len() >= 8 && version.bytes().take(8).all(|b| b.is_ascii_digit()), "{version}");
    let (code, features) = get(app, "/sys/features");
    assert!(code == 0 && features.contains("channelmap:"), "{features}");
    let tuners = app.tuners().len();
    for name in [
        "/nope",
        &format!("/tuner{tuners}/status"),
        "/tuner0/nope",
        "/tuner/status",
        "/tuner-1/status",
        "/tuner99999999999/status",
    ] {
        assert_eq!(get(app, name), (1, format!("{UNKNOWN}\n")), "{name}");
    }
    for tuner in 0..tuners {
        assert_eq!(get(app, &format!("/tuner{tuner}/status")), (0, format!("{IDLE}\n")));
    }
    status(app, 0);
}

#[test]
fn check_21_status_while_streaming() {
    let rig = Rig::standard();
    let app = &rig.app;
    let curl = start(app.client("curl").args(["-sN", "-o", "/dev/null", "http://10.77.0.1:5004/tuner0/v1"]));
    wait::until_so("tuner 0 to stream", Duration::from_secs(10), || {
        let now = status(app, 0);
        token(&now, "lock") != "none" && token(&now, "bps").parse::<u64>().unwrap() > 500_000
    });
    let now = status(app, 0);
    assert!(token(&now, "ss").parse::<u32>().unwrap() >= 35, "{now:?}");
    assert_eq!(token(&now, "seq"), "100");
    assert_ne!(token(&now, "ch"), "none");
    let mut control = Control::connect(&app.netns, IP);
    assert_eq!(control.get("/tuner0/lockkey").unwrap(), IP);
    let info = control.get("/tuner0/streaminfo").unwrap();
    assert!(info.ends_with('\n') && info.contains("One HD") && info.lines().all(|line| line.len() <= 63), "{info}");
    assert_eq!(control.get("/tuner0/vchannel").unwrap(), "1");
    curl.signal(Signal::KILL);
    let ended = Instant::now();
    wait::until_so("tuner 0 to be idle", Duration::from_secs(2), || get(app, "/tuner0/status").1.trim() == IDLE);
    assert!(ended.elapsed() < Duration::from_secs(2));
    assert_eq!(control.get("/tuner0/lockkey").unwrap(), "none");
}

#[test]
fn check_22_lock_keys() {
    let rig = Rig::standard();
    let app = &rig.app;
    assert_eq!(set(app, None, "/tuner0/lockkey", "1234").0, 0);
    assert_eq!(get(app, "/tuner0/lockkey"), (0, format!("{IP}\n")));
    let (code, text) = set(app, None, "/tuner0/vchannel", "1");
    assert_eq!((code, text.trim()), (1, "ERROR: resource locked by 10.77.0.1"));
    let (code, text) = set(app, Some("99"), "/tuner0/lockkey", "none");
    assert_eq!((code, text.trim()), (1, "ERROR: resource locked by 10.77.0.1"));
    assert_eq!(set(app, Some("1234"), "/tuner0/vchannel", "1").0, 0);
    assert_eq!(set(app, Some("1234"), "/tuner0/vchannel", "none").0, 0);
    assert_eq!(set(app, Some("1234"), "/tuner0/lockkey", "none").0, 0);
    assert_eq!(get(app, "/tuner0/lockkey"), (0, "none\n".into()));
}

#[test]
fn check_23_locked_tuners_are_left_alone() {
    let rig = Rig::with(|setup| setup.tuners(2));
    let app = &rig.app;
    assert_eq!(set(app, None, "/tuner0/lockkey", "77").0, 0);
    let response = crate::support::http::Request::get("/tuner0/v1").send(&rig.netns, "10.77.0.1:5004").unwrap();
    assert_eq!(response.status, 503);
    assert!(response.header("X-HDHomeRun-Error").unwrap().starts_with("804"), "{:?}", response.headers);
    assert_eq!(response.header("Content-Length"), Some("0"));
    let viewer = rig.watch("1");
    assert_eq!(viewer.header("X-HDHomeRun-Resource"), Some("tuner1"));
    let response = crate::support::http::Request::get("/auto/v2").send(&rig.netns, "10.77.0.1:5004").unwrap();
    assert!(response.status == 503 && response.header("X-HDHomeRun-Error").unwrap().starts_with("805"));
    assert_eq!(set(app, None, "/tuner0/lockkey", "force").0, 0);
    assert_eq!(get(app, "/tuner0/lockkey"), (0, "none\n".into()));
    assert_eq!(rig.watch("2").header("X-HDHomeRun-Resource"), Some("tuner0"));
}

#[test]
fn check_24_save_over_the_network() {
    let rig = Rig::standard();
    let app = &rig.app;
    assert_eq!(set(app, None, "/tuner1/vchannel", "1").0, 0);
    let file = app.dir().join("x.ts");
    let mut save = app.client("timeout");
    save.args(["-s", "INT", "6", "hdhomerun_config", IP, "save", "/tuner1"]).arg(&file);
    let output = run(&mut save, Duration::from_secs(15));
    let text = output.text() + &output.stderr;
    assert!(text.contains("0 overflow errors, 0 network errors, 0 transport errors, 0 sequence errors"), "{text}");
    let received: u64 = text
        .split_whitespace()
        .zip(text.split_whitespace().skip(1))
        .filter(|(_, word)| *word == "packets")
        .find_map(|(count, _)| count.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    assert!(received > 500, "{text}");
    let bytes = std::fs::metadata(&file).unwrap().len();
    assert!(bytes * 8 > 5 * 1_000_000, "{bytes} bytes in 6 s");
    let probe = app
        .client("ffprobe")
        .args(["-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0"])
        .arg(&file)
        .output()
        .unwrap();
    let kinds = String::from_utf8(probe.stdout).unwrap();
    assert!(kinds.contains("video") && kinds.contains("audio"), "{kinds}");
    wait::until_so("the target to be none", Duration::from_secs(6), || get(app, "/tuner1/target").1.trim() == "none");
}

/// Check 25 asks for the way back to `udp://` where `rtp://` is refused. `rtp://` is supported, so what is left of it is
/// that `udp://` carries the same stream, in datagrams of seven packets.
#[test]
fn check_25_target_udp() {
    let rig = Rig::standard();
    let mut control = Control::connect(&rig.netns, IP);
    let socket = rig.netns.udp("10.77.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    control.set("/tuner0/vchannel", "1", None).unwrap();
    let target = format!("udp://10.77.0.1:{port}");
    assert_eq!(control.set("/tuner0/target", &target, None).unwrap(), target);
    let mut bytes = Vec::new();
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        if let Some((datagram, _)) = crate::support::udp::receive(&socket, Duration::from_secs(3)) {
            assert_eq!(datagram.len(), 7 * 188);
            bytes.extend(datagram);
        }
        socket.send_to(&[0; 4], at(5004)).unwrap();
    }
    crate::support::ts_oracle::assert_clean(&bytes, crate::support::ts_oracle::STRICT);
    control.set("/tuner0/target", "none", None).unwrap();
    while crate::support::udp::receive(&socket, Duration::from_millis(100)).is_some() {}
    assert!(crate::support::udp::receive(&socket, Duration::from_millis(500)).is_none(), "it goes on after target none");
}

#[test]
fn check_26_a_saver_that_dies_is_noticed() {
    let rig = Rig::standard();
    let app = &rig.app;
    assert_eq!(set(app, None, "/tuner1/vchannel", "1").0, 0);
    let saver = start(app.client("hdhomerun_config").args([IP, "save", "/tuner1", "/dev/null"]));
    wait::until_so("the target to be set", Duration::from_secs(5), || get(app, "/tuner1/target").1.contains("://"));
    std::thread::sleep(Duration::from_millis(1500));
    saver.signal(Signal::KILL);
    let took = wait::until_so("the target to be none", Duration::from_secs(6), || get(app, "/tuner1/target").1.trim() == "none");
    assert!(took <= Duration::from_millis(5600), "{took:?}");
}

#[test]
fn check_27_scan() {
    let rig = Rig::standard();
    let app = &rig.app;
    let output = run(app.client("hdhomerun_config").args([IP, "scan", "/tuner0"]), Duration::from_secs(60));
    assert!([0, 1].contains(&output.code()), "{output:?}");
    let text = output.text();
    for line in text.lines().filter(|line| line.starts_with("PROGRAM")) {
        assert!(line.contains("Channel") || line.contains("One HD"), "{text}");
    }
    for line in text.lines().filter(|line| line.starts_with("LOCK")) {
        assert!(text.contains("PROGRAM") || line.contains("none"), "{text}");
    }
    assert_eq!(get(app, "/tuner0/lockkey"), (0, "none\n".into()));
}

#[test]
fn check_28_split_and_coalesced_frames() {
    let rig = Rig::standard();
    let mut control = Control::connect(&rig.netns, IP);
    for byte in get_frame("/sys/model") {
        control.send(&[byte]);
        std::thread::sleep(Duration::from_millis(1));
    }
    let model = answer(&control.one_read()).unwrap();
    assert!(model.starts_with("hdhomerun"));
    control.send(&[get_frame("/sys/version"), get_frame("/tuner0/status")].concat());
    let (first, second) = (control.reply(), control.reply());
    assert!(answer(&first).unwrap().bytes().all(|b| b.is_ascii_digit()));
    assert_eq!(answer(&second).unwrap(), IDLE);
    // One reply, one segment: a single read gets it whole, for every request that is waited for.
    for name in ["/sys/model", "help", "/sys/features", "/tuner0/status", "/nope"] {
        control.send(&get_frame(name));
        parse(&control.one_read());
    }
}

/// Jellyfin reads fixed offsets: the name's tag at byte 4, one length byte, then the value's or the error's.
#[test]
fn check_29_replies_lie_as_jellyfin_reads_them() {
    let rig = Rig::standard();
    let mut control = Control::connect(&rig.netns, IP);
    let frames = [
        set_frame("/tuner0/lockkey", "5", None),
        set_frame("/tuner0/channel", "auto:57000000", Some(5)),
        set_frame("/tuner0/program", "3", Some(5)),
        set_frame("/tuner0/target", "rtp://10.77.0.1:5999", Some(5)),
        set_frame("/tuner0/target", "none", Some(5)),
        get_frame("/tuner0/channel"),
        set_frame("/tuner0/lockkey", "none", Some(5)),
        get_frame("/tuner9/channel"),
    ];
    for (index, request) in frames.iter().enumerate() {
        control.send(request);
        let reply = control.one_read();
        parse(&reply);
        assert_eq!(reply[1], 5, "{reply:02x?}");
        assert_eq!(reply[4], 3, "{reply:02x?}");
        let name_length = usize::from(reply[5]);
        assert!(name_length < 128);
        let second = reply[6 + name_length];
        assert_eq!(second, if index == 7 { 5 } else { 4 }, "request {index}: {reply:02x?}");
        let length = usize::from(reply[7 + name_length]);
        assert!(length < 128);
        assert_eq!(reply.len(), 8 + name_length + length + 4);
    }
}

#[test]
fn check_30_bad_frames_and_idle_connections() {
    let mut rig = Rig::standard();
    let mut patient = Control::connect(&rig.netns, IP);
    assert!(patient.get("/sys/model").is_ok());
    let patient_since = Instant::now();
    let mut bad_crc = get_frame("/sys/model");
    *bad_crc.last_mut().unwrap() ^= 0xFF;
    let too_long = [0, 4, 0xFF, 0xFF, 1, 2, 3];
    for bad in [&bad_crc[..], &too_long] {
        let mut control = Control::connect(&rig.netns, IP);
        control.send(bad);
        let mut rest = Vec::new();
        let end = control.stream.read_to_end(&mut rest);
        assert!(rest.is_empty() && !matches!(end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "still open");
    }
    let idle: Vec<Control> = (0..200).map(|_| Control::connect(&rig.netns, IP)).collect();
    let mut late = Control::connect(&rig.netns, IP);
    assert!(late.get("/sys/model").is_ok(), "200 idle connections block a new one");
    drop(idle);
    let rest = Duration::from_secs(61).saturating_sub(patient_since.elapsed());
    std::thread::sleep(rest);
    assert!(patient.get("/sys/model").is_ok(), "an idle connection does not survive a minute");
    rig.app.assert_well();
}

#[test]
fn check_31_upgrade_is_refused() {
    let mut rig = Rig::standard();
    let mut control = Control::connect(&rig.netns, IP);
    control.send(&frame(6, &[0, 0, 0, 0, 1, 2, 3, 4]));
    control.send(&frame(6, &[0xFF; 4]));
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = control.stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..length]);
        if bytes.len() >= 8 {
            break;
        }
    }
    if !bytes.is_empty() {
        let (kind, values) = parse(&bytes);
        assert_eq!(kind, 7);
        assert!(values.iter().any(|(tag, _)| *tag == 5), "{values:02x?}");
    }
    rig.app.assert_well();
    assert!(Control::connect(&rig.netns, IP).get("/sys/model").is_ok());
}

#[test]
fn check_32_the_path_of_mythtv() {
    let rig = Rig::standard();
    let id = rig.app.device_id();
    let python = |device: &str| {
        run(rig.netns.command("/usr/bin/python3").args([&script("hdstr.py"), device, "1"]), Duration::from_secs(30))
    };
    let output = python(&format!("{id}-0"));
    let text = output.text();
    assert_eq!(output.code(), 0, "{output:?}");
    assert!(text.contains("filter 1 True"), "{text}");
    let bytes: u64 = text.lines().find_map(|line| line.strip_prefix("bytes ")?.split(' ').next()?.parse().ok()).unwrap();
    assert!(bytes > 100_000, "{text}");
    assert!(text.contains("'net': 0, 'te': 0, 'seq': 0, 'ovf': 0"), "{text}");
    let mut bad = id.into_bytes();
    bad[7] = if bad[7] == b'0' { b'1' } else { b'0' };
    let output = python(&format!("{}-0", String::from_utf8(bad).unwrap()));
    assert!(output.code() != 0 && output.stderr.contains("create failed"), "{output:?}");
}

/// Malformed control frames, by the thousand: the connection ends or an error comes, and neighbours notice nothing.
#[test]
fn malformed_control_frames_do_no_harm() {
    let mut rig = Rig::standard();
    let mut neighbour = Control::connect(&rig.netns, IP);
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 24) as u8
    };
    for round in 0..300 {
        let length = usize::from(next()) * 5;
        let noise: Vec<u8> = (0..length).map(|_| next()).collect();
        let bytes = match round % 4 {
            0 => noise,
            1 => frame(4, &noise[..noise.len().min(1400)]),
            2 => frame(4, &[tlv(3, &noise[..noise.len().min(100)]), tlv(4, b"x")].concat()),
            _ => frame(u16::from(next()), &noise[..noise.len().min(1400)]),
        };
        let mut control = Control::connect(&rig.netns, IP);
        control.stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let _ = std::io::Write::write_all(&mut control.stream, &bytes);
        let _ = control.stream.read(&mut [0; 4096]);
        if round % 50 == 0 {
            assert!(neighbour.get("/sys/model").is_ok());
        }
    }
    rig.app.assert_well();
}

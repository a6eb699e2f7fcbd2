//! Checks 33 to 45: the documents over HTTP.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::app::{STREAM, Setup, WEB, at};
use crate::support::http::Request;
use crate::support::netns::Netns;
use crate::support::playlist::{Entry, entry};
use crate::support::process::run;
use crate::support::rig::{LINEUP, ODD_NAME, Rig};
use crate::support::wait;

/// Documents and their types.
const DOCUMENTS: [(&str, &str); 7] = [
    ("/discover.json", "application/json"),
    ("/lineup.json", "application/json"),
    ("/lineup_status.json", "application/json"),
    ("/status.json", "application/json"),
    ("/lineup.xml", "text/xml"),
    ("/lineup.m3u", "audio/x-mpegurl"),
    ("/device.xml", "text/xml"),
];

/// Whether `jq -e` agrees.
fn jq(document: &[u8], filter: &str) -> bool {
    let mut jq = Command::new("jq").args(["-e", filter]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    jq.stdin.take().unwrap().write_all(document).unwrap();
    jq.wait().unwrap().success()
}

/// Whether `xmllint` takes it; the values of an XPath.
fn xpath(document: &[u8], path: &str) -> String {
    let mut lint = Command::new("xmllint")
        .args(["--nonet", "--xpath", path, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    lint.stdin.take().unwrap().write_all(document).unwrap();
    let output = lint.wait_with_output().unwrap();
    assert!(output.status.success(), "xmllint refuses {}", String::from_utf8_lossy(document));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn check_33_discover_json() {
    let rig = Rig::standard();
    let body = run(rig.netns.command("curl").args(["-s", "http://10.77.0.1/discover.json"]), Duration::from_secs(5)).stdout;
    let filter = r#"(.DeviceID|test("^[0-9A-F]{8}$")) and (.TunerCount|type=="number") and
        (.LineupURL|startswith("http://10.77.0.1")) and .BaseURL and .FriendlyName and .ModelNumber and .FirmwareName and
        .FirmwareVersion and (.DeviceAuth|length>0 and length<=24)"#;
    assert!(jq(&body, filter), "{}", String::from_utf8_lossy(&body));
    let model = rig.app.json("/discover.json")["ModelNumber"].as_str().unwrap().to_lowercase();
    assert!(!model.contains("hdtc"), "a model that promises transcoding: {model}");
}

#[test]
fn check_34_types_lengths_and_both_ports() {
    let rig = Rig::standard();
    for (path, kind) in DOCUMENTS {
        let on = |at: &str| Request::get(path).send(&rig.netns, at).unwrap();
        let (web, stream) = (on(WEB), on(STREAM));
        for response in [&web, &stream] {
            assert_eq!(response.status, 200, "{path}");
            assert!(response.header("Content-Type").unwrap().starts_with(kind), "{path}: {:?}", response.headers);
            assert!(response.header("Content-Length").is_some(), "{path}: {:?}", response.headers);
        }
        let (web, stream) = (web.body(), stream.body());
        // The port of the connection is in BaseURL and its like; nothing else may differ.
        let text =
            |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("10.77.0.1:5004", "HERE").replace("10.77.0.1:80", "HERE");
        let (web, stream) = (text(web).replace("10.77.0.1/", "HERE/"), text(stream).replace("10.77.0.1/", "HERE/"));
        assert_eq!(web.replace("10.77.0.1\"", "HERE\""), stream.replace("10.77.0.1\"", "HERE\""), "{path}");
    }
}

#[test]
fn check_35_and_36_lineup_json() {
    let rig = Rig::standard();
    let body = rig.app.get("/lineup.json").body();
    let filter = r#"all(.[]; (.GuideNumber|type=="string" and (test("_")|not)) and
        (.URL|startswith("http://10.77.0.1:5004/auto/v")) and ((.HD//1)|.==1) and ((.Favorite//1)|.==1) and ((.DRM//1)|.==1))"#;
    assert!(jq(&body, filter), "{}", String::from_utf8_lossy(&body));
    let lineup: Value = serde_json::from_slice(&body).unwrap();
    let rows = lineup.as_array().unwrap();
    let numbers: Vec<&str> = rows.iter().map(|row| row["GuideNumber"].as_str().unwrap()).collect();
    assert_eq!(numbers, LINEUP.map(|(number, _, _)| number), "in the order of their numbers");
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len());
    assert_eq!(rows[3]["GuideName"], ODD_NAME);
    assert_eq!(rows[0]["HD"], 1);
    assert!(rows[1].get("HD").is_none() && rows[1].get("Favorite").is_none() && rows[1].get("DRM").is_none(), "{}", rows[1]);
    for query in ["?show=found", "?tuning", "?x=1", "?show=found&tuning", "?"] {
        assert_eq!(rig.app.json(&format!("/lineup.json{query}")), lineup, "{query}");
    }
}

#[test]
fn check_35_copy_protection_is_shown() {
    let netns = Arc::new(Netns::new());
    let protected = entry("3", "Three", "http://10.77.0.1:9/3").with("drm=\"1\"");
    let app = Setup::new(&netns).playlist(&[entry("1", "One", "http://10.77.0.1:9/1"), protected]).start();
    let lineup = app.json("/lineup.json");
    assert_eq!(lineup[1]["DRM"], 1, "{lineup}");
    assert!(lineup[0].get("DRM").is_none());
}

#[test]
fn check_37_lineup_xml() {
    let rig = Rig::standard();
    let body = rig.app.get("/lineup.xml").body();
    assert_eq!(xpath(&body, "count(/Lineup/Program)"), LINEUP.len().to_string());
    assert_eq!(xpath(&body, "string(/Lineup/Program[GuideNumber='4.1']/GuideName)"), ODD_NAME);
    assert_eq!(xpath(&body, "string(/Lineup/Program[GuideNumber='4.10']/URL)"), "http://10.77.0.1:5004/auto/v4.10");
}

#[test]
fn check_38_lineup_m3u() {
    let rig = Rig::standard();
    let text = String::from_utf8(rig.app.get("/lineup.m3u").body()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].split(' ').next(), Some("#EXTM3U"));
    assert!(text.contains("\nhttp://10.77.0.1:5004/auto/v4.10\n"), "{text}");
    assert!(text.contains("tvg-id=\"4.1\"") && text.contains("tvg-chno=\"4.1\""), "{text}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("#EXTINF:")).count(), LINEUP.len());
    let odd = lines.iter().find(|line| line.contains("\"4.1\"")).unwrap();
    assert!(odd.contains("Ärger") && !odd.contains("\"\""), "{odd}");
}

#[test]
fn check_39_and_40_scan_and_favourites() {
    let rig = Rig::standard();
    let before = rig.app.json("/lineup.json");
    let status = rig.app.get("/lineup_status.json").body();
    let filter =
        ".ScanPossible==1 and (.ScanInProgress==0 or .ScanInProgress==1) and (.Source as $s|.SourceList|index($s))!=null";
    assert!(jq(&status, filter), "{}", String::from_utf8_lossy(&status));
    let post = |query: &str| Request::new("POST", &format!("/lineup.post?{query}")).send(&rig.netns, WEB).unwrap();
    for query in ["scan=start&source=Cable", "scan=start&source=Antenna", "scan=start", "scan=abort"] {
        let response = post(query);
        assert_eq!((response.status, response.header("Content-Length")), (200, Some("0")), "{query}");
        let status = rig.app.get("/lineup_status.json");
        assert_eq!(status.status, 200);
        assert!(jq(&status.body(), "(.ScanInProgress==0 or .ScanInProgress==1)"));
    }
    let get = rig.app.get("/lineup.post?scan=start");
    assert_eq!(get.status, 200, "GET is accepted too");
    post("scan=abort");
    wait::until_so("the scan to be over", Duration::from_secs(10), || rig.app.json("/lineup_status.json")["ScanInProgress"] == 0);
    assert_eq!(rig.app.json("/lineup_status.json")["ScanPossible"], 1);
    assert_eq!(rig.app.json("/lineup.json"), before);
    let favourite = || rig.app.json("/lineup.json")[0].get("Favorite").cloned();
    assert_eq!(favourite(), None);
    assert_eq!(post("favorite=%2B1").status, 200);
    wait::until_so("the favourite to be seen", Duration::from_secs(2), || favourite() == Some(1.into()));
    assert_eq!(post("favorite=-1").status, 200);
    wait::until_so("the favourite to be gone", Duration::from_secs(2), || favourite().is_none());
    for query in ["nonsense=1", "favorite=%2B999", "favorite=", "scan=maybe", ""] {
        assert!([200, 400, 404].contains(&post(query).status), "{query}");
    }
    assert_eq!(rig.app.json("/lineup.json"), before);
}

#[test]
fn check_41_headers_that_clients_send() {
    let rig = Rig::standard();
    for (path, _) in DOCUMENTS {
        let plain = rig.app.get(path).body();
        let requests = [
            Request::get(path).header("Range", "bytes=0-"),
            Request::get(path).header("Accept-Encoding", "gzip, br, zstd"),
            Request::get(path).header("Accept", "application/json"),
            Request::get(path).header("Icy-MetaData", "1").header("User-Agent", "Lavf/59.27.100"),
            Request::get(path).http10(),
            Request::get(path).http10().header("Host", "10.77.0.1"),
        ];
        for request in requests {
            let response = request.send(&rig.netns, WEB).unwrap();
            assert!([200, 206].contains(&response.status), "{path}: {request:?} gives {}", response.status);
            assert_eq!(response.header("Content-Encoding"), None, "{path}");
            assert_eq!(response.body(), plain, "{path}: {request:?}");
        }
        let head = Request::new("HEAD", path).timeout(Duration::from_millis(300)).send(&rig.netns, WEB).unwrap();
        assert_eq!(head.status, 200, "{path}");
        assert_eq!(head.header("Content-Length"), Some(plain.len().to_string().as_str()), "{path}");
        let mut rest = [0];
        let more = head.into_stream().read(&mut rest);
        assert!(!matches!(more, Ok(1..)), "HEAD {path} has a body");
    }
}

#[test]
fn check_42_unknown_paths_and_slow_heads() {
    let mut rig = Rig::standard();
    let long = format!("/{}", "x".repeat(8000));
    for path in
        ["/capability", "/devices/x", "/favicon.ico", "/../etc/passwd", "/%2e%2e/etc/passwd", "/static/../../etc/passwd", &long]
    {
        for to in [WEB, STREAM] {
            let start = Instant::now();
            let response = Request::get(path).send(&rig.netns, to).unwrap();
            let allowed: &[u16] = if path == "/favicon.ico" { &[200, 204, 404] } else { &[400, 404, 414] };
            assert!(allowed.contains(&response.status), "{path}: {}", response.status);
            assert!(start.elapsed() < Duration::from_millis(100), "{path}: {:?}", start.elapsed());
        }
    }
    let mut slow = rig.netns.tcp(at(80)).unwrap();
    slow.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    slow.write_all(b"GET /discover.json HTTP/1.1\r\nHost: 10.77.0.1\r\n").unwrap();
    let start = Instant::now();
    let mut drip = 0;
    loop {
        // A server that has closed answers a byte with a reset: the next read or write fails.
        if slow.write_all(b"X").is_err() {
            break;
        }
        match slow.read(&mut [0; 1024]) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
        drip += 1;
        assert!(start.elapsed() < Duration::from_secs(31), "still open after {drip} bytes of a head");
    }
    rig.app.assert_well();
}

#[test]
fn check_43_status_json() {
    let rig = Rig::standard();
    let count = rig.app.json("/discover.json")["TunerCount"].as_u64().unwrap();
    let rows = rig.app.tuners();
    assert_eq!(rows.len() as u64, count);
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row, &serde_json::json!({ "Resource": format!("tuner{index}") }));
    }
    let viewer = rig.watch("4.1");
    viewer.more(200_000, Duration::from_secs(5));
    let row = rig.app.tuners().remove(0);
    assert_eq!(row["VctNumber"], "4.1");
    assert_eq!(row["VctName"], ODD_NAME);
    assert_eq!(row["TargetIP"], "10.77.0.1");
    for field in ["Frequency", "SignalStrengthPercent", "SignalQualityPercent", "SymbolQualityPercent", "NetworkRate"] {
        assert!(row[field].is_number(), "{field} in {row}");
    }
    let html = String::from_utf8(rig.app.get("/tuners.html").body()).unwrap();
    assert!(html.contains("<tr><td>Tuner 0 Channel</td><td>4.1"), "{html}");
    assert!(html.contains("<tr><td>Tuner 1 Channel</td><td>not in use</td></tr>") || html.contains("<td>none</td>"), "{html}");
}

#[test]
fn check_44_device_xml() {
    let rig = Rig::standard();
    let body = rig.app.get("/device.xml").body();
    let field = |name: &str| xpath(&body, &format!("string(//*[local-name()='{name}'])"));
    assert_eq!(field("serialNumber"), rig.app.device_id());
    let udn = field("UDN");
    let uuid = udn.strip_prefix("uuid:").unwrap();
    let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert!(groups == [8, 4, 4, 4, 12] && uuid.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()), "{udn}");
    assert_eq!(xpath(&body, "namespace-uri(/*)"), "urn:schemas-upnp-org:device-1-0");
    assert!(field("friendlyName").len() > 1 && field("URLBase").starts_with("http://10.77.0.1"));
    assert_eq!(rig.app.get("/device.xml").body(), body);
}

fn many(count: u32) -> Vec<Entry> {
    (1..=count).map(|n| entry(&n.to_string(), &format!("Channel {n}"), &format!("http://10.77.0.1:9/{n}"))).collect()
}

#[test]
fn check_45_large_lineups() {
    let netns = Arc::new(Netns::new());
    let app = Setup::new(&netns).playlist(&many(3000)).start();
    app.get("/lineup.json").body();
    let start = Instant::now();
    let lineup = app.json("/lineup.json");
    assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
    assert_eq!(lineup.as_array().unwrap().len(), 3000);
    app.stop();
    let app = Setup::new(&netns).playlist(&many(500)).start();
    app.assert_logged(&["warn", "500", "Plex"]);
}

//! What is given out, read by others: the playlist by a parser of playlists, the guide by the standard's DTD, both over HTTP.

mod kodi;
mod read_back;

use std::collections::HashSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{House, now_s, xmltv};
use crate::support::app::WEB;
use crate::support::http::{Request, Response};
use crate::support::wait;

const HOUR: i64 = 3600;
/// Channels that have a guide.
const MAPPED: usize = 12;
/// What playlists, XML and CSV must escape, and letters of more than one byte.
const NAMES: [&str; 12] = [
    "Plain",
    "News & More",
    "A < B > C",
    "Say \"Hello\"",
    "One, two, three",
    "Ärger & <Söhne>",
    "الجزيرة",
    "日本テレビ",
    "It's 'quoted'",
    "100 % &amp; more",
    "Dots... and – dashes — “too”",
    "Ends with, a \"comma\", and",
];
/// A programme with all of that.
const ODD_TITLE: &str = "Über <den> \"Wolken\" & مرحبا";

/// Number, id and name of each of the thirty channels, in the order of their numbers.
fn channels() -> Vec<(String, String, String)> {
    let channel = |at: usize| {
        let number = if at % 7 == 6 { format!("{}.{at}", at + 1) } else { (at + 1).to_string() };
        let name = match NAMES.get(at) {
            Some(name) => (*name).to_owned(),
            None => format!("Channel № {at}"),
        };
        (number, format!("id.{at}@x"), name)
    };
    (0..30).map(channel).collect()
}

/// What the guide has of a channel: hours with a hole, and something of half an hour.
fn programmes(id: &str) -> Vec<(i64, i64, String)> {
    let hour = now_s() / HOUR * HOUR;
    let mut all: Vec<(i64, i64, String)> = (-3..20)
        .filter(|at| !(5..8).contains(at))
        .map(|at| (hour + at * HOUR, hour + (at + 1) * HOUR, format!("{at} of {id}")))
        .collect();
    all.push((hour + 21 * HOUR, hour + 21 * HOUR + HOUR / 2, ODD_TITLE.to_owned()));
    all
}

/// A server with all of these channels, of which some have a guide, which is out already.
fn house() -> House {
    let house = House::new();
    let mut list = String::from("#EXTM3U\n");
    for (number, id, name) in channels() {
        list += &format!(
            "#EXTINF:-1 tvg-id=\"{id}\" tvg-chno=\"{number}\" tvg-logo=\"http://10.77.0.9/l.png?a=1&b=2\" group-title=\"A;B & C\",{name}\nhttp://10.77.0.1:9/{number}\n"
        );
    }
    let (playlist, guide) = (house.app.dir().join("round.m3u"), house.app.dir().join("round.xml"));
    std::fs::write(&playlist, list).unwrap();
    let channels = channels();
    let with: Vec<(&str, &str)> = channels[..MAPPED].iter().map(|(_, id, name)| (id.as_str(), name.as_str())).collect();
    std::fs::write(&guide, xmltv(&with, programmes)).unwrap();
    house.add(json!({ "location": playlist.to_str().unwrap() }));
    let added = house.done("POST", "/guides", json!({ "location": guide.to_str().unwrap(), "name": "Round" }));
    let job = house.job(&added);
    assert_eq!(job["state"], "done", "{job:#}");
    house.settle();
    house.until_guide(&format!("19 of {}", channels[MAPPED - 1].1));
    house
}

/// Runs a script of python's, with `input`; gives what it says as JSON.
fn python(script: &str, input: &[u8]) -> Value {
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["-c", script])
        .env("PYTHONPATH", concat!(env!("CARGO_TARGET_TMPDIR"), "/py"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Asks with these headers.
fn ask(house: &House, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = headers.iter().fold(Request::new(method, path), |request, (name, value)| request.header(name, value));
    request.send(&house.netns, WEB).unwrap()
}

/// The body of an answer without one, which would wait for the length that it tells.
fn nothing_follows(response: Response) {
    let mut stream = response.into_stream();
    stream.get_ref().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut byte = [0; 1];
    assert!(!matches!(std::io::Read::read(&mut stream, &mut byte), Ok(1)), "a body where there is none");
}

#[test]
fn the_guide_is_served_as_caches_want_it() {
    let house = house();
    let mut tags = HashSet::new();
    for (path, kind) in
        [("/xmltv.xml", "application/xml"), ("/xmltv.xml.gz", "application/gzip"), ("/playlist.m3u", "audio/x-mpegurl")]
    {
        let whole = ask(&house, "GET", path, &[]);
        assert_eq!(whole.status, 200, "{path}");
        assert!(whole.header("content-type").unwrap().starts_with(kind), "{path}: {:?}", whole.headers);
        let field = |name: &str| whole.header(name).unwrap_or_else(|| panic!("{path}: no {name}")).to_owned();
        let (tag, changed, length) = (field("etag"), field("last-modified"), field("content-length"));
        assert!(tag.starts_with('"') && changed.ends_with(" GMT"), "{tag} {changed}");
        assert!(tags.insert(tag.clone()), "{path} has the tag of another");
        let body = whole.body();
        assert_eq!(body.len().to_string(), length);

        for seen in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let same = ask(&house, "GET", path, &[("If-None-Match", &seen)]);
            assert_eq!((same.status, same.header("etag")), (304, Some(tag.as_str())), "{path} {seen}");
            nothing_follows(same);
        }
        let other = ask(&house, "GET", path, &[("If-None-Match", "\"old\"")]);
        assert_eq!((other.status, other.body() == body), (200, true), "{path}");
        let head = ask(&house, "HEAD", path, &[]);
        assert_eq!(
            (head.status, head.header("content-length"), head.header("etag")),
            (200, Some(length.as_str()), Some(tag.as_str())),
            "{path}"
        );
        nothing_follows(head);
    }
    for path in ["/xmltv.xml", "/xmltv.xml.gz"] {
        let whole = ask(&house, "GET", path, &[]);
        let (tag, changed) = (whole.header("etag").unwrap().to_owned(), whole.header("last-modified").unwrap().to_owned());
        let body = whole.body();
        let part = |headers: &[(&str, &str)]| ask(&house, "GET", path, &[&[("Range", "bytes=100-299")], headers].concat());
        for condition in [&[][..], &[("If-Range", tag.as_str())], &[("If-Range", changed.as_str())]] {
            let part = part(condition);
            let range = format!("bytes 100-299/{}", body.len());
            assert_eq!((part.status, part.header("content-range")), (206, Some(range.as_str())), "{path} {condition:?}");
            assert_eq!(part.body(), body[100..300]);
        }
        for old in ["\"old\"", "Mon, 01 Jan 2024 00:00:00 GMT"] {
            let whole = part(&[("If-Range", old)]);
            assert_eq!((whole.status, whole.body() == body), (200, true), "{path}: a piece of another document");
        }
        let rest = ask(&house, "GET", path, &[("Range", "bytes=500-")]);
        assert_eq!((rest.status, rest.body() == body[500..]), (206, true), "{path}");
        assert_eq!(ask(&house, "GET", path, &[("Range", &format!("bytes={}-", body.len()))]).status, 416, "{path}");
        assert_eq!(ask(&house, "GET", path, &[("If-Modified-Since", &changed)]).status, 304, "{path}");
        assert_eq!(ask(&house, "POST", path, &[]).status, 405, "{path}");
    }
    let plain = ask(&house, "GET", "/xmltv.xml", &[]).body();
    let mut unpacked = Vec::new();
    let packed = ask(&house, "GET", "/xmltv.xml.gz", &[]).body();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
    assert!(unpacked == plain, "the packed guide is another one");

    // What changes has another tag, soon; what does not keeps it.
    let tag = |path: &str| ask(&house, "HEAD", path, &[]).header("etag").unwrap().to_owned();
    let before = ["/xmltv.xml", "/xmltv.xml.gz", "/playlist.m3u"].map(tag);
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(["/xmltv.xml", "/xmltv.xml.gz", "/playlist.m3u"].map(tag), before);
    let id = house.get("/channels")["channels"][3]["id"].clone();
    house.done("PATCH", &format!("/channels/{id}"), json!({ "name": "Renamed" }));
    house.until_guide("Renamed");
    wait::until_so("all tags to be others", Duration::from_secs(5), || {
        ["/xmltv.xml", "/xmltv.xml.gz", "/playlist.m3u"].map(tag).iter().zip(&before).all(|(now, before)| now != before)
    });
}

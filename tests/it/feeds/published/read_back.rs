//! The round trip: what went in comes out, as others read it.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::{HOUR, MAPPED, channels, house, programmes, python, text};
use crate::feeds::{House, now_s};
use crate::support::process::run;

/// Debian's copy of the standard.
const DTD: &str = "/usr/share/xmltv/xmltv.dtd";

/// What a reader of playlists in Python, `m3u-ipytv`, makes of it.
const M3U: &str = r#"
import json, sys
from ipytv import playlist
read = playlist.loads(sys.stdin.buffer.read().decode("utf-8"))
json.dump({
    "head": read.get_attributes(),
    "channels": [[channel.name, channel.url, channel.attributes] for channel in read.get_channels()],
}, sys.stdout)
"#;

/// What Python's reader of XML makes of a guide.
const XML: &str = r#"
import datetime, json, sys
import xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
at = lambda text: int(datetime.datetime.strptime(text, "%Y%m%d%H%M%S %z").timestamp())
json.dump({
    "channels": [[channel.get("id"), [name.text for name in channel.iter("display-name")], [icon.get("src") for icon in channel.iter("icon")]]
                 for channel in root.iter("channel")],
    "programmes": [[one.get("channel"), at(one.get("start")), at(one.get("stop")), one.findtext("title")] for one in root.iter("programme")],
}, sys.stdout)
"#;

fn document(house: &House, path: &str) -> Vec<u8> {
    let response = house.app.get(path);
    assert_eq!(response.status, 200, "{path}");
    response.body()
}

#[test]
fn the_playlist_comes_back_as_it_went_in() {
    let house = house();
    let read = python(M3U, &document(&house, "/playlist.m3u"));
    assert_eq!(read["head"]["x-tvg-url"], "http://10.77.0.1/xmltv.xml", "{read:#}");
    assert_eq!(read["head"]["url-tvg"], read["head"]["x-tvg-url"]);
    let rows = read["channels"].as_array().unwrap();
    assert_eq!(rows.len(), channels().len(), "{read:#}");
    for (row, (number, _, name)) in rows.iter().zip(channels()) {
        // A playlist has no way to write a quotation mark.
        let plain = name.replace('"', "'");
        assert_eq!(text(&row[0]), plain);
        assert_eq!(text(&row[1]), format!("http://10.77.0.1:5004/auto/v{number}"));
        for (attribute, value) in [
            ("tvg-id", number.as_str()),
            ("tvg-chno", &number),
            ("channel-number", &number),
            ("tvg-name", &plain),
            ("group-title", "A;B & C"),
            ("tvg-logo", "http://10.77.0.9/l.png?a=1&b=2"),
        ] {
            assert_eq!(text(&row[2][attribute]), value, "{attribute}: {row:#}");
        }
    }
    // It is a playlist for ourselves, too.
    let path = house.app.dir().join("again.m3u");
    std::fs::write(&path, document(&house, "/playlist.m3u")).unwrap();
    let again = House::new();
    again.add(json!({ "location": path.to_str().unwrap() }));
    let names = |house: &House| house.lineup().iter().map(|line| line.replace('"', "'")).collect::<Vec<_>>();
    assert_eq!(names(&again), names(&house));
}

#[test]
fn the_guide_comes_back_as_it_went_in() {
    let house = house();
    let document = document(&house, "/xmltv.xml");
    let file = house.app.dir().join("out.xml");
    std::fs::write(&file, &document).unwrap();
    let mut xmllint = Command::new("xmllint");
    xmllint.args(["--noout", "--nonet", "--dtdvalid", DTD]).arg(&file);
    run(&mut xmllint, Duration::from_secs(20)).ok();

    let read = python(XML, &document);
    let rows = read["channels"].as_array().unwrap();
    let expected: Vec<_> = channels()
        .into_iter()
        .map(|(number, _, name)| json!([number, [name, number], ["http://10.77.0.9/l.png?a=1&b=2"]]))
        .collect();
    assert_eq!(*rows, expected, "the channels of the playlist, in their order");

    let all: Vec<(String, i64, i64, String)> = serde_json::from_value(read["programmes"].clone()).unwrap();
    let (now, day) = (now_s(), now_s() + 24 * HOUR);
    for (at, (number, id, name)) in channels().into_iter().enumerate() {
        let own: Vec<_> = all.iter().filter(|(channel, ..)| *channel == number).collect();
        assert!(own.windows(2).all(|pair| pair[0].2 == pair[1].1), "{number}: holes or overlaps: {own:#?}");
        assert!(own[0].1 <= now - 23 * HOUR && own.last().unwrap().2 >= day, "{number}: {own:#?}");
        assert!(own.iter().all(|(_, start, stop, _)| stop > start && stop - start <= 2 * HOUR), "{number}: {own:#?}");
        let written = if at < MAPPED { programmes(&id) } else { Vec::new() };
        let (found, fillers): (Vec<_>, Vec<_>) =
            own.iter().map(|(_, start, stop, title)| (*start, *stop, title.clone())).partition(|(_, _, title)| *title != name);
        assert_eq!(found, written, "{number}: the programmes that were written, and no others");
        assert!(!fillers.is_empty(), "{number}: what nobody knows is filled");
    }
}

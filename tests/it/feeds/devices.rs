//! A device with channels of its own: everything that players get of it has those, and no others.

use std::time::Duration;

use serde_json::{Value, json};

use super::{House, lines};
use crate::support::http::Request;
use crate::support::media::Kind;
use crate::support::playlist::{entry, m3u};
use crate::support::upstream::{Origin, Script};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

const SECOND: &str = "10.77.0.2:80";

fn page(house: &House, address: &str, path: &str) -> String {
    let response = Request::get(path).send(&house.netns, address).unwrap();
    assert_eq!(response.status, 200, "{path} at {address}");
    String::from_utf8(response.body()).unwrap()
}

/// The lineup at an address, as each document has it; all must say the same.
fn lineup(house: &House, address: &str) -> Vec<String> {
    let lineup: Value = serde_json::from_str(&page(house, address, "/lineup.json")).unwrap();
    let numbers: Vec<String> = lines(&lineup).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    let list = page(house, address, "/playlist.m3u");
    let ip = address.split(':').next().unwrap();
    assert!(list.contains(&format!("url-tvg=\"http://{ip}/xmltv.xml\"")), "{list}");
    let in_list: Vec<&str> = list.lines().filter_map(|line| line.split_once("tvg-id=\"")?.1.split('"').next()).collect();
    assert_eq!(in_list, numbers, "{list}");
    let streams = list.lines().filter(|line| line.starts_with("http"));
    assert!(streams.clone().all(|line| line.starts_with(&format!("http://{ip}:5004/auto/v"))), "{list}");
    assert_eq!(streams.count(), numbers.len());
    let old = page(house, address, "/lineup.m3u");
    assert_eq!(old.lines().filter(|line| line.starts_with("http")).count(), numbers.len(), "{old}");
    numbers
}

/// Channels of the guide at an address.
fn guided(house: &House, address: &str) -> Vec<String> {
    let guide = page(house, address, "/xmltv.xml");
    let ids = guide.lines().filter_map(|line| line.trim().strip_prefix("<channel id=\"")?.split('"').next());
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    let others = guide.lines().filter_map(|line| line.split_once(" channel=\"")?.1.split('"').next());
    assert!(others.clone().count() > 0 && others.clone().all(|id| ids.iter().any(|one| one == id)), "{guide}");
    ids
}

#[test]
fn a_device_with_channels_of_its_own_has_no_others() {
    let mut house = House::new();
    house.netns.ip("addr add 10.77.0.2/24 dev v0\n");
    let origin = Origin::start(&house.netns);
    origin.set("/two", Script::live(&Kind::Small.media()));
    let group = |number: usize| format!("group-title=\"{}\"", if number < 4 { "News" } else { "Sport" });
    let entries: Vec<_> = (1..=6)
        .map(|number| entry(&number.to_string(), &format!("Channel {number}"), &origin.url("/two")).with(&group(number)))
        .collect();
    // The same address for all: an item is told by its id and name.
    let path = house.app.dir().join("list.m3u");
    std::fs::write(&path, m3u(&entries)).unwrap();
    house.add(json!({ "location": path.to_str().unwrap() }));
    let made = house.done("POST", "/devices", json!({ "name": "Attic", "listen": SECOND, "tuner_count": 2 }));
    let all = ["1", "2", "3", "4", "5", "6"];
    assert_eq!(
        (lineup(&house, "10.77.0.1:80"), lineup(&house, SECOND)),
        (all.map(str::to_owned).to_vec(), all.map(str::to_owned).to_vec())
    );

    let own = format!("/devices/{}/channels", made["id"].as_str().unwrap());
    let ids: Vec<Value> =
        house.get("/channels")["channels"].as_array().unwrap().iter().map(|channel| channel["id"].clone()).collect();
    house.done("PUT", &own, json!({ "channels": [ids[1], ids[4]] }));
    assert_eq!(lineup(&house, SECOND), ["2", "5"]);
    assert_eq!(lineup(&house, "10.77.0.1:80"), all);
    let until = |expected: &[&str]| {
        wait::until_so(&format!("a guide of {expected:?}"), Duration::from_secs(6), || guided(&house, SECOND) == expected);
    };
    until(&["2", "5"]);
    assert_eq!(guided(&house, "10.77.0.1:80"), all);

    let tune = |path: &str| Viewer::attempt_at(&house.netns, &Request::get(path), "10.77.0.2:5004");
    assert_eq!(tune("/auto/v1").err().expect("it is not this device's").status, 404);
    assert_eq!(tune("/auto/v99").err().expect("it is nobody's").status, 404);
    let viewer = tune("/auto/v2").unwrap();
    viewer.more(10 * 188, Duration::from_secs(10));
    // Whoever watches a channel that is taken out goes on watching.
    house.done("PUT", &own, json!({ "groups": ["sport"] }));
    viewer.more(10 * 188, Duration::from_secs(10));
    viewer.leave(Leave::Fin);
    assert_eq!(lineup(&house, SECOND), ["4", "5", "6"]);
    until(&["4", "5", "6"]);
    assert_eq!(tune("/auto/v2").err().expect("it is not this device's").status, 404);
    assert_eq!(house.send("PUT", &own, json!({ "channels": [99_999] })).0, 404);
    assert_eq!(house.send("PUT", &own, json!({})).0, 422);
    assert_eq!(lineup(&house, SECOND), ["4", "5", "6"]);
    house.done("PUT", &own, json!({ "all": true }));
    assert_eq!(lineup(&house, SECOND), all);
    until(&all);
    house.app.assert_well();
}

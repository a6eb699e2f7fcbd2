//! What people do day by day: change many channels, put sources in order, choose a guide, judge a version that is held back, ask
//! for another source while somebody watches.

use std::time::Duration;

use serde_json::{Value, json};

use super::Home;
use crate::support::shelf::Page;
use crate::support::viewer::Viewer;
use crate::support::wait;

#[test]
fn many_channels_are_changed_at_once() {
    let home = Home::with(30);
    let browser = &home.browser;
    browser.look(1280, 900, false);
    browser.open("/channels?group=News");
    browser.until("7 of 30");
    browser.click("input[data-all]");
    browser.until("7 marked");
    browser.click("select[name=act] option[value=number]");
    browser.fill("input[name=to]", "200");
    browser.picture("bulk");
    browser.click(".bulk button");
    browser.until("Saved.");
    let numbers: Vec<String> = home
        .app
        .json("/lineup.json")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["GuideNumber"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(numbers.len(), 30);
    assert_eq!(numbers[23..], ["200", "201", "202", "203", "204", "205", "206"]);
}

#[test]
fn some_channels_are_given_to_one_device() {
    let home = Home::with(30);
    home.send("POST", "/devices", json!({ "name": "Living room", "listen": "10.77.0.1:8080" }));
    let browser = &home.browser;
    browser.look(390, 844, false);
    browser.open("/channels?group=News");
    browser.click("input[data-all]");
    browser.until("7 marked");
    browser.click("select[name=act] optgroup option:nth-of-type(2)");
    browser.picture("bulk-device");
    browser.click(".bulk button");
    browser.until("Living room has 7 of 30 channels now.");
    browser.open("/devices");
    browser.until("7 of 30 channels");
    assert_eq!(home.app.json("/lineup.json").as_array().unwrap().len(), 30, "the first device keeps them all");
}

#[test]
fn sources_are_put_in_order_by_dragging() {
    let home = Home::with(3);
    let channel = home.send("GET", "/channels", Value::Null)["channels"][0]["id"].clone();
    let path = format!("/channels/{channel}");
    home.send("POST", &format!("{path}/sources"), json!({ "url": "http://10.77.0.1:9/backup" }));
    let browser = &home.browser;
    browser.look(1280, 1100, false);
    browser.open(&path);
    let order = || -> Vec<String> {
        let shown = home.send("GET", &path, Value::Null);
        shown["sources"].as_array().unwrap().iter().map(|source| source["url"].as_str().unwrap().to_owned()).collect()
    };
    let before = order();
    assert!(before[1].ends_with("/backup"));
    browser.drag("ol.rows li:nth-child(2) .grip", "ol.rows li:nth-child(1) .grip");
    wait::until_so("the other order", Duration::from_secs(5), || order()[0].ends_with("/backup"));
    browser.open(&path);
    browser.click("ol.rows li:nth-child(1) button[formaction$='/down']");
    browser.until("Saved.");
    assert_eq!(order(), before, "buttons do the same");
    browser.click("ol.rows li:nth-child(1) button[formaction$='/probe']");
    browser.until("plays:");
    browser.picture("channel");
}

#[test]
fn a_guide_is_chosen_for_a_channel() {
    let home = Home::with(6);
    let browser = &home.browser;
    browser.look(1280, 900, false);
    browser.open("/guide/mapping");
    browser.until("2 of 6 have none");
    browser.picture("mapping");
    browser.click(".map form button");
    browser.until("1 of 6 have none");
    let mappings = home.send("GET", "/mappings", Value::Null);
    let chosen: Vec<_> = mappings["mappings"].as_array().unwrap().iter().filter(|mapping| mapping["how"] == "person").collect();
    assert_eq!(chosen.len(), 1, "{mappings:#}");
}

#[test]
fn a_version_that_is_held_back_is_looked_at_and_taken() {
    let home = Home::with(20);
    home.shelf.put("/list.m3u", Page::list(home.list("First", 5)));
    let browser = &home.browser;
    browser.look(1280, 900, false);
    browser.open("/playlists");
    let card = "article:has(form[action$='/refresh'])";
    browser.click(&format!("{card} form button"));
    browser.until("A new version is held back");
    browser.until("15 items are gone");
    browser.picture("held");
    browser.click("form[action$='/accept'] button");
    browser.until("The new version is served now.");
    assert_eq!(home.app.json("/lineup.json").as_array().unwrap().len(), 5);
}

#[test]
fn another_source_is_asked_for_while_somebody_watches() {
    let home = Home::with(3);
    let channel = home.send("GET", "/channels", Value::Null)["channels"][0]["id"].clone();
    home.send("POST", &format!("/channels/{channel}/sources"), json!({ "url": home.origin.url("/one?again") }));
    let viewer = Viewer::open(&home.netns, "/auto/v1");
    viewer.more(100 * 188, Duration::from_secs(10));
    let browser = &home.browser;
    browser.open("/");
    browser.until("on air");
    browser.open(&format!("/channels/{channel}"));
    browser.until("watched");
    browser.click("form[action$='/recover'] button");
    browser.until("The channel looks for another source.");
    wait::until_so("the other source", Duration::from_secs(10), || !home.origin.hits("/one?again").is_empty());
    viewer.more(500 * 188, Duration::from_secs(10));
    assert!(!viewer.ended());
}

#[test]
fn a_list_is_uploaded_and_taken_away() {
    let home = Home::with(2);
    let file = home.app.dir().join("mine.m3u");
    std::fs::write(&file, "#EXTM3U\n#EXTINF:-1 tvg-chno=\"300\",From a file\nhttp://10.77.0.1:9/file\n").unwrap();
    let browser = &home.browser;
    browser.look(1280, 900, false);
    browser.open("/playlists/new");
    browser.choose("input[type=file]", &file);
    browser.click("form[enctype] button");
    browser.until("uploaded file");
    browser.until("To watch");
    assert!(home.app.json("/lineup.json").to_string().contains("From a file"));
    browser.click("form[action$='/remove'] button");
    // It asks once more.
    browser.agree();
    browser.until("Taken away.");
    assert!(!home.app.json("/lineup.json").to_string().contains("From a file"));
}

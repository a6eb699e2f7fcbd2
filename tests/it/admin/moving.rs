//! A card that dies: everything goes to the next one in a file.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Home, PASSWORD};
use crate::support::app::Setup;
use crate::support::wait;

#[test]
fn everything_moves_to_a_new_card() {
    let home = Home::with(6);
    let channel = home.send("GET", "/channels", Value::Null)["channels"][0]["id"].clone();
    home.send("PATCH", &format!("/channels/{channel}"), json!({ "name": "Mine", "number": "77" }));
    home.send("POST", "/devices", json!({ "name": "Living room", "listen": "10.77.0.1:8080" }));
    let known = |home: &Home| {
        let mut known = vec![home.app.json("/lineup.json")];
        known.extend(["/devices", "/playlists", "/guides", "/mappings"].map(|what| home.send("GET", what, Value::Null)));
        known
    };
    let before = known(&home);
    let folder = home.app.dir().join("taken");
    let browser = &home.browser;
    browser.look(1280, 900, false);
    browser.downloads(&folder);
    browser.open("/");
    browser.click("a[href='/backup']");
    browser.click("form[action='/backup/download'] button");
    let file = wait::until("the file", Duration::from_secs(10), || taken(&folder));

    // The old one is gone; the new one is empty.
    let Home { browser, app, shelf, origin, netns } = home;
    let old = app.stop();
    let mut app = Setup::new(&netns).start();
    browser.open("/");
    assert_eq!(browser.path(), "/setup");
    browser.choose("input[type=file]", &file);
    browser.picture("restore");
    browser.click("form[enctype] button");
    browser.until("starts again");
    // It goes on by itself, and asks who it is: the logins of then have ended.
    wait::until_so("the login", Duration::from_secs(30), || browser.path().starts_with("/login"));
    assert!(app.exited().is_none(), "it is the same process");
    browser.fill("input[name=password]", PASSWORD);
    browser.click("main button");
    browser.until("Mine");
    browser.open("/backup");
    browser.until("before-restore-");
    let home = Home { browser, app, shelf, origin, netns };
    assert_eq!(strip(known(&home)), strip(before));
    // What was read is not in the file: it is read anew.
    wait::until_so("the guide", Duration::from_secs(15), || {
        String::from_utf8_lossy(&home.app.get("/xmltv.xml").body()).contains("Hour 0 of 1")
    });
    drop(old);
}

/// A file that came whole.
fn taken(folder: &PathBuf) -> Option<PathBuf> {
    let mut files = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    files.find(|path| path.extension().is_some_and(|kind| kind == "db"))
}

/// Without what is of the moment.
fn strip(mut known: Vec<Value>) -> Vec<Value> {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !name.ends_with("_ms") && name != "job" && name != "bytes");
                fields.values_mut().for_each(walk);
            }
            Value::Array(rows) => rows.iter_mut().for_each(walk),
            _ => {}
        }
    }
    known.iter_mut().for_each(walk);
    known
}

//! Playlists fetched again from a server that says "not modified", breaks off, or sends something else: what was read well is
//! served until something better is there.

use serde_json::{Value, json};

use super::House;
use crate::support::shelf::{Page, Shelf};

const HTML: &str = "<!DOCTYPE html><html><head><title>Sorry</title></head><body>We are moving. http://10.77.0.1/x</body></html>";

/// So many channels, numbered from 1, called by the version.
fn list(version: &str, channels: usize) -> String {
    let mut text = String::from("#EXTM3U\n");
    for number in 1..=channels {
        text += &format!(
            "#EXTINF:-1 tvg-id=\"c{number}\" tvg-chno=\"{number}\" group-title=\"All\",{version} {number}\nhttp://10.77.0.1:9/{number}\n"
        );
    }
    text
}

#[test]
fn what_has_not_changed_is_not_sent_again_and_what_broke_off_is_gone_on_with() {
    let house = House::new();
    let shelf = Shelf::start(&house.netns);
    shelf.put("/list.m3u", Page::list(list("First", 50)).tagged("v1"));
    let path = house.add(json!({ "location": shelf.url("/list.m3u"), "refresh_h": 0 }));
    assert_eq!((house.lineup().len(), house.lineup()[0].as_str()), (50, "1 First 1"));
    let heads = shelf.asked("/list.m3u");
    assert!(heads.len() == 1 && !heads[0].contains("if-none-match"), "{heads:#?}");

    let job = house.refresh(&path);
    assert_eq!((&job["state"], &job["result"]["outcome"]), (&json!("done"), &json!("unchanged")), "{job:#}");
    let heads = shelf.asked("/list.m3u");
    assert!(heads.len() == 2 && heads[1].contains("if-none-match: \"v1\""), "{heads:#?}");
    let shown = house.get(&path);
    assert!(shown["checked_ms"].as_i64() > shown["imported_ms"].as_i64(), "{shown:#}");

    // The second version breaks off in the middle of its second quarter.
    let second = list("Second", 3000);
    let half = second.len() * 3 / 8;
    shelf.put("/list.m3u", Page::list(second).tagged("v2").breaks_after(half));
    let job = house.refresh(&path);
    assert_eq!(job["result"]["outcome"], "published", "{job:#}");
    let heads = shelf.asked("/list.m3u");
    assert_eq!(heads.len(), 4, "{heads:#?}");
    assert!(heads[2].contains("if-none-match: \"v1\"") && !heads[2].contains("range: bytes"), "{}", heads[2]);
    assert!(heads[3].contains(&format!("range: bytes={half}-")) && heads[3].contains("if-range: \"v2\""), "{}", heads[3]);
    let lineup = house.lineup();
    assert_eq!((lineup.len(), lineup[0].as_str(), lineup[2999].as_str()), (3000, "1 Second 1", "3000 Second 3000"));

    // Meanwhile there is a third one: what has come of the second is thrown away.
    let third = list("Third", 2900);
    shelf.put("/list.m3u", Page::list(third).tagged("v3"));
    let job = house.refresh(&path);
    assert_eq!((&job["result"]["outcome"], &job["result"]["sources_gone"]), (&json!("published"), &json!(100)), "{job:#}");
    assert_eq!(house.lineup()[2899], "2900 Third 2900");
    let job = house.job(&house.done("POST", &format!("{path}/refresh?anyway=true"), Value::Null));
    assert_eq!(job["result"]["outcome"], "published", "{job:#}");
    assert!(!shelf.asked("/list.m3u").last().unwrap().contains("if-none-match"), "read anyway");
}

#[test]
fn a_version_that_is_not_fit_waits_for_a_person() {
    let house = House::new();
    let shelf = Shelf::start(&house.netns);
    let put = |page: Page| shelf.put("/list.m3u", page);
    put(Page::list(list("Good", 100)));
    let path = house.add(json!({ "location": shelf.url("/list.m3u"), "refresh_h": 0 }));
    let good = house.lineup();
    assert_eq!(good.len(), 100);

    // A web page, whatever it calls itself, is no playlist; nor is an error.
    for page in [Page::html(HTML), Page::list(HTML), Page::list("{\"user_info\":{\"auth\":0}}")] {
        put(page);
        let job = house.refresh(&path);
        assert_eq!(job["state"], "failed", "{job:#}");
        let shown = house.get(&path);
        assert!(shown["warnings"].to_string().contains("What it brought the last time is served."), "{shown:#}");
        assert_eq!(house.lineup(), good);
    }
    for (channels, word) in [(0, "no channels at all"), (39, "only 39 channels left of 100")] {
        put(Page::list(list("New", channels)));
        let job = house.refresh(&path);
        assert_eq!(job["result"]["outcome"], "held", "{job:#}");
        assert!(job["result"]["reason"].as_str().unwrap().contains(word), "{job:#}");
        let shown = house.get(&path);
        assert!(shown["held"]["reason"].as_str().unwrap().contains(word), "{shown:#}");
        assert!(shown["warnings"].to_string().contains("held back"), "{shown:#}");
        assert_eq!(house.lineup(), good, "the last good one is served");
    }
    let difference = house.get(&format!("{path}/held"));
    assert_eq!(difference["gone"], 61, "{difference:#}");
    // A good one takes the place of both by itself.
    put(Page::list(list("Better", 40)));
    let job = house.refresh(&path);
    assert_eq!(job["result"]["outcome"], "published", "{job:#}");
    assert_eq!((house.lineup().len(), &house.get(&path)["held"]), (40, &Value::Null));
    // And a person has the last word.
    put(Page::list(list("Last", 3)));
    house.refresh(&path);
    house.done("DELETE", &format!("{path}/held"), Value::Null);
    assert_eq!(house.send("POST", &format!("{path}/held/accept"), Value::Null).0, 409);
    house.refresh(&path);
    house.done("POST", &format!("{path}/held/accept"), Value::Null);
    assert_eq!(house.lineup(), ["1 Last 1", "2 Last 2", "3 Last 3"]);
    // Nothing that was done to the list took a number from its channels.
    put(Page::list(list("Good", 100)));
    house.refresh(&path);
    assert_eq!(house.lineup(), good);
}

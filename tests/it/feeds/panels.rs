//! An account at an Xtream Codes panel: its channels and its guide, its limits and its end; and its password nowhere.

use std::time::Duration;

use serde_json::{Value, json};

use super::{House, SECRET, now_s, xmltv};
use crate::support::app::STREAM;
use crate::support::http::Request;
use crate::support::media::Kind;
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;
use crate::support::xtream::{Channel, Fault, Play, Provider};

/// A server that reads an account of this panel.
struct Household {
    house: House,
    panel: Provider,
    path: String,
}

fn household(change: impl FnOnce(&mut crate::support::xtream::Panel)) -> Household {
    let house = House::new();
    let panel = Provider::start(&house.netns);
    panel.change(|panel| {
        let bytes = Play::Bytes(std::fs::read(Kind::Small.path()).unwrap().into());
        panel.channels[0].logo = "http://10.77.0.9/one.png".into();
        panel.channels[0].play = bytes.clone();
        panel.channels[1].play = bytes;
        panel.channels.push(Channel { kind: "radio_streams".into(), guide_id: None, ..Channel::new(77, "Ümläut Radio") });
        panel.guide = guide();
        change(panel);
    });
    let path = house.add(account(&panel, SECRET));
    Household { house, panel, path }
}

fn account(panel: &Provider, password: &str) -> Value {
    json!({ "server": format!("http://{}", panel.address()), "username": "hugo", "password": password, "name": "Panel" })
}

/// Hours around now, on the first channel only.
fn guide() -> String {
    let hour = now_s() / 3600 * 3600;
    xmltv(&[("id1", "One"), ("nobody", "Nobody's")], |id| {
        (-2..30).map(|at| (hour + at * 3600, hour + (at + 1) * 3600, format!("Hour {at} of {id}"))).collect()
    })
}

/// What players see of the channels: number, name, group, logo, and the way to them.
fn seen(house: &House) -> Vec<Value> {
    let list = house.get("/channels");
    let seen = |channel: &Value| json!([channel["number"], channel["name"], channel["group"], channel["logo"]]);
    list["channels"].as_array().unwrap().iter().map(seen).collect()
}

impl Household {
    fn show(&self) -> Value {
        self.house.get(&self.path)
    }

    /// Reads the account again, which must not work; gives what is said then.
    fn fails(&self) -> String {
        let before = self.house.lineup();
        let job = self.house.refresh(&self.path);
        assert_eq!(job["state"], "failed", "{job:#}");
        let shown = self.show();
        assert_eq!(shown["last_error"], job["error"], "{shown:#}");
        let warnings = shown["warnings"].to_string();
        assert!(warnings.contains("What it brought the last time is served."), "{warnings}");
        assert_eq!(self.house.lineup(), before, "the last good list is served");
        job["error"].as_str().unwrap().to_owned()
    }

    /// Reads it again, which must work; gives its warnings.
    fn warnings(&self) -> String {
        let job = self.house.refresh(&self.path);
        assert_eq!(job["state"], "done", "{job:#}");
        self.show()["warnings"].to_string()
    }
}

#[test]
fn an_account_brings_channels_that_play_and_its_guide() {
    let mut home = household(|_| {});
    assert_eq!(home.house.lineup(), ["1 One", "2 Zwölf & 3", "3 Ümläut Radio"]);
    assert_eq!(
        seen(&home.house),
        [
            json!(["1", "One", "News", "http://10.77.0.9/one.png"]),
            json!(["2", "Zwölf & 3", "Sport & More", null]),
            json!(["3", "Ümläut Radio", "News", null])
        ]
    );
    let shown = home.show();
    assert_eq!((&shown["kind"], &shown["max_connections"], &shown["warnings"]), (&json!("xtream"), &json!(1), &json!([])));
    assert_eq!(shown["account"]["status"], "active");

    // One connection: whoever comes second is refused, and the panel is not even asked.
    let viewer = Viewer::open(&home.house.netns, "/auto/v1");
    viewer.more(100 * 188, Duration::from_secs(10));
    let provider = |home: &Household| home.house.get("/providers")["providers"][0].clone();
    assert_eq!(
        (&provider(&home)["max_connections"], &provider(&home)["connections_in_use"]),
        (&json!(1), &json!(1)),
        "{:#}",
        provider(&home)
    );
    let asked = home.panel.asked("stream");
    assert_eq!(Request::get("/auto/v2").send(&home.house.netns, STREAM).unwrap().status, 503);
    assert_eq!((home.panel.asked("stream"), home.panel.open()), (asked, 1));
    viewer.leave(Leave::Fin);
    home.house.app.until_idle(Duration::from_secs(10));
    wait::until_so("the panel's stream to be closed", Duration::from_secs(10), || home.panel.open() == 0);
    // What the panel says counts, until a person says something else.
    home.panel.change(|panel| panel.max_connections = 3);
    home.warnings();
    assert_eq!(provider(&home)["max_connections"], 3);
    home.house.done("PATCH", &home.path, json!({ "max_connections": 2 }));
    home.warnings();
    assert_eq!(provider(&home)["max_connections"], 2);

    // Its guide was taken along, read and mapped by itself.
    let guides = home.house.get("/guides");
    assert_eq!(guides["guides"].as_array().unwrap().len(), 1, "{guides:#}");
    let text = home.house.until_guide("Hour 0 of id1");
    assert!(!text.contains("Hour 0 of nobody"), "{text}");
    let on = home.house.get("/guide/now");
    assert_eq!(on["channels"][0]["now"]["title"], "Hour 0 of id1", "{on:#}");
    assert_eq!(home.house.get("/mappings")["mappings"][0]["how"], "tvg_id");
    nowhere(&home.house);
    home.house.app.assert_well();
}

/// The password is in no answer ([`House::send`] looks at each), no log, no page that is given out.
fn nowhere(house: &House) {
    for path in ["/playlists", "/guides", "/providers", "/channels?all=true", "/status", "/jobs", "/mappings", "/channels/export"]
    {
        house.get(path);
    }
    for path in ["/metrics", "/lineup.json", "/lineup.m3u", "/playlist.m3u", "/xmltv.xml", "/discover.json", "/"] {
        let text = String::from_utf8_lossy(&house.app.get(path).body()).into_owned();
        assert!(!text.contains(SECRET), "{path}: {text}");
    }
    let log = house.app.log();
    let line = log.lines().find(|line| line.contains(SECRET));
    assert!(line.is_none(), "{line:?}");
    assert!(log.contains("a playlist was read"), "there is a log");
}

#[test]
fn an_account_that_ends_is_told_and_loses_nothing() {
    let in_days = |days: i64| Some(now_s() + days * 86_400 + 3600);
    let home = household(|panel| panel.exp_date = in_days(13));
    let day = |days| jiff::Timestamp::from_second(in_days(days).unwrap()).unwrap().strftime("%Y").to_string();
    let warnings = home.show()["warnings"].to_string();
    assert!(warnings.contains("expires in 13 days") && warnings.contains(&day(13)), "{warnings}");
    home.panel.change(|panel| panel.exp_date = in_days(20));
    assert_eq!(home.warnings(), "[]");
    let lineup = home.house.lineup();

    for (status, word) in [("Expired", "expired"), ("Banned", "banned"), ("Disabled", "disabled")] {
        home.panel.change(|panel| (panel.status, panel.exp_date) = (status.into(), Some(now_s() - 86_400)));
        let warnings = home.warnings();
        assert!(warnings.contains(word), "{status}: {warnings}");
        assert_eq!(home.house.lineup(), lineup, "{status}");
        // Some refuse at once, and some with a list of nothing.
        let refusal = json!({ "user_info": { "auth": 0, "status": status } }).to_string();
        home.panel.change(|panel| panel.faults = [("player_api.php".to_owned(), Fault::Body(refusal))].into());
        let error = home.fails();
        assert!(error.contains("user or password refused") && error.contains(word), "{status}: {error}");
        home.panel.change(|panel| panel.faults = [("get_live_streams".to_owned(), Fault::Body("[]".into()))].into());
        let job = home.house.refresh(&home.path);
        assert_eq!((&job["state"], &job["result"]["outcome"]), (&json!("done"), &json!("held")), "{status}: {job:#}");
        assert_eq!(home.house.lineup(), lineup, "{status}: what was there is served");
        home.house.done("DELETE", &format!("{}/held", home.path), Value::Null);
        home.panel.change(|panel| panel.faults.clear());
    }
    // It is paid for again.
    home.panel.change(|panel| (panel.status, panel.exp_date) = ("Active".into(), None));
    assert_eq!(home.warnings(), "[]");
    assert_eq!(home.show()["last_error"], Value::Null);
    nowhere(&home.house);
}

#[test]
fn a_panel_that_fails_is_told_and_takes_nothing_away() {
    let home = household(|_| {});
    let with = |what: &str, fault: Fault| {
        home.panel.change(|panel| panel.faults = [(what.to_owned(), fault)].into());
        home.fails()
    };
    for (what, fault, word) in [
        ("player_api.php", Fault::Html, "web page"),
        ("player_api.php", Fault::Status(503), "503"),
        ("player_api.php", Fault::Body("false".into()), "answered with nothing"),
        ("get_live_categories", Fault::Html, "web page"),
        ("get_live_streams", Fault::Html, "web page"),
        ("get_live_streams", Fault::Cut(400), "breaks off"),
        ("get_live_streams", Fault::Status(403), "403"),
    ] {
        let error = with(what, fault.clone());
        assert!(error.contains(word), "{what} {fault:?}: {error}");
    }
    // The provider has changed the password.
    home.panel.change(|panel| (panel.faults, panel.password) = (Default::default(), "another".into()));
    let error = home.fails();
    assert!(error.contains("user or password refused"), "{error}");
    home.panel.change(|panel| panel.refusal_status = Some(403));
    assert!(home.fails().contains("403"));
    let changed = home.house.done("PATCH", &home.path, {
        let mut request = account(&home.panel, "another");
        request["name"] = json!("Renamed");
        request
    });
    assert!(!changed.to_string().contains("another"), "{changed}");
    home.house.settle();
    assert_eq!(home.show()["last_error"], Value::Null);
    assert_eq!(home.house.lineup(), ["1 One", "2 Zwölf & 3", "3 Ümläut Radio"], "ids and numbers were kept");

    // An account that never worked brings nothing, and says why.
    let (status, added) = home.house.send("POST", "/playlists", {
        let mut request = account(&home.panel, "wrong");
        request["username"] = json!("erna");
        request
    });
    assert_eq!(status, 201, "{added}");
    let job = home.house.job(&added);
    assert_eq!(job["state"], "failed", "{job:#}");
    let shown = home.house.get(&format!("/playlists/{}", added["id"]));
    assert!(shown["warnings"].to_string().contains("It brings no channels."), "{shown:#}");
    nowhere(&home.house);
}

#[test]
fn a_panel_with_odd_types_brings_the_same() {
    let plain = household(|panel| panel.exp_date = Some(now_s() + 86_400 * 3 + 60));
    let odd = household(|panel| {
        panel.exp_date = Some(now_s() + 86_400 * 3 + 60);
        panel.odd_types = true;
    });
    assert_eq!(seen(&odd.house), seen(&plain.house));
    assert_eq!(odd.house.lineup(), plain.house.lineup());
    let said = |home: &Household| (home.show()["max_connections"].clone(), home.show()["warnings"].clone());
    assert_eq!(said(&odd), said(&plain));
    odd.house.until_guide("Hour 0 of id1");
    // It changes its mind about its types: nothing has changed.
    plain.panel.change(|panel| panel.odd_types = true);
    let job = plain.house.refresh(&plain.path);
    assert_eq!((&job["result"]["sources_added"], &job["result"]["sources_gone"]), (&json!(0), &json!(0)), "{job:#}");
    let viewer = Viewer::open(&plain.house.netns, "/auto/v2");
    viewer.more(100 * 188, Duration::from_secs(10));
    viewer.leave(Leave::Fin);
}

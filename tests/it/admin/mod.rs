//! The admin pages, as people use them: in a browser, from an empty house to a playing channel.

mod first_run;
mod moving;
mod pages;
mod secrets;
mod tasks;
mod watching;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::app::{App, Setup};
use crate::support::browser::Browser;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::shelf::{Page, Shelf};
use crate::support::upstream::{Origin, Script};

const PASSWORD: &str = "correct horse";

/// A box that nobody has set up, a provider, and a browser.
struct Home {
    browser: Browser,
    app: App,
    shelf: Shelf,
    origin: Origin,
    netns: Arc<Netns>,
}

impl Home {
    fn new() -> Self {
        let netns = Arc::new(Netns::new());
        let (shelf, origin) = (Shelf::start(&netns), Origin::start(&netns));
        origin.set("/one", Script::live(&Kind::H264.media()));
        let app = Setup::new(&netns).start();
        let browser = Browser::start(&netns, "http://10.77.0.1");
        Self { browser, app, shelf, origin, netns }
    }

    /// The same with a password, logged in, and so many channels.
    fn with(channels: usize) -> Self {
        let home = Self::new();
        let cookie = home.app.cookie().split_once('=').unwrap().1.to_owned();
        let cookie = json!({ "name": "rooftop_session", "value": cookie, "url": "http://10.77.0.1/", "httpOnly": true });
        home.browser.tell("Network.setCookie", cookie);
        home.shelf.put("/list.m3u", Page::list(home.list("First", channels)));
        home.shelf.put("/guide.xml", Page { kind: "application/xml", ..Page::list(guide(channels)) });
        let added = home.send(
            "POST",
            "/playlists",
            json!({ "location": home.shelf.url("/list.m3u"), "name": "Provider", "refresh_h": 0 }),
        );
        home.ended(&added);
        let added = home.send("POST", "/guides", json!({ "location": home.shelf.url("/guide.xml"), "name": "Programmes" }));
        home.ended(&added);
        home
    }

    /// A list of so many channels, called by the version; the first one plays.
    fn list(&self, version: &str, channels: usize) -> String {
        let mut text = String::from("#EXTM3U\n");
        for number in 1..=channels {
            let group = ["News", "Sport", "Films", "Children"][number % 4];
            let url = if number == 1 { self.origin.url("/one") } else { format!("http://10.77.0.1:9/{number}") };
            text += &format!(
                "#EXTINF:-1 tvg-id=\"c{number}\" tvg-chno=\"{number}\" group-title=\"{group}\",{version} {number}\n{url}\n"
            );
        }
        text
    }

    fn send(&self, method: &str, path: &str, body: Value) -> Value {
        let body = (!body.is_null()).then(|| body.to_string());
        let response = self.app.api_with(method, &format!("/api/v1{path}"), body.as_deref());
        assert!((200..300).contains(&response.status), "{method} {path}: {}", response.status);
        if response.status == 204 { Value::Null } else { response.json() }
    }

    /// Waits for the job of an answer, and all that follows from it.
    fn ended(&self, answer: &Value) {
        let over = |job: &Value| !["waiting", "running"].contains(&job["state"].as_str().unwrap());
        assert!(answer["job"].is_u64() || answer["job"].is_null(), "{answer}");
        crate::support::wait::until_so("all jobs to end", std::time::Duration::from_secs(20), || {
            self.send("GET", "/jobs", Value::Null)["jobs"].as_array().unwrap().iter().all(over)
        });
    }
}

/// A guide of so many channels, around now; of every third one it knows another name only.
fn guide(channels: usize) -> String {
    let hour = jiff::Timestamp::now().as_second() / 3600 * 3600;
    let at = |hours: i64| jiff::Timestamp::from_second(hour + hours * 3600).unwrap().strftime("%Y%m%d%H%M%S +0000").to_string();
    let mut text = String::from("<tv>\n");
    for number in 1..=channels {
        let id = if number % 3 == 0 { format!("other{number}") } else { format!("c{number}") };
        text += &format!("<channel id=\"{id}\"><display-name>The First Channel {number} of all</display-name></channel>\n");
        for hours in -2..8 {
            text += &format!(
                "<programme start=\"{}\" stop=\"{}\" channel=\"{id}\"><title>Hour {hours} of {number}</title><desc>What happens.</desc></programme>\n",
                at(hours),
                at(hours + 1)
            );
        }
    }
    text + "</tv>\n"
}

//! Playlists and guides from end to end: fetched from servers that misbehave, changed by people, given out to players.

mod commands;
mod devices;
mod panels;
mod published;
mod refreshed;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::support::app::{App, Setup};
use crate::support::netns::Netns;
use crate::support::wait;

/// What a household would not want to read anywhere.
const SECRET: &str = "geheim77";

/// A server without a playlist.
struct House {
    app: App,
    netns: Arc<Netns>,
}

impl House {
    fn new() -> Self {
        Self::in_netns(Arc::new(Netns::new()))
    }

    fn in_netns(netns: Arc<Netns>) -> Self {
        Self { app: Setup::new(&netns).start(), netns }
    }

    /// A request of the API: status and answer, in which no secret may be.
    fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = (!body.is_null()).then(|| body.to_string());
        let response = self.app.api_with(method, &format!("/api/v1{path}"), body.as_deref());
        let status = response.status;
        if status == 204 {
            return (status, Value::Null);
        }
        let text = String::from_utf8(response.body()).unwrap();
        assert!(!text.contains(SECRET), "{method} {path}: {text}");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// A request that must be granted.
    fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    fn get(&self, path: &str) -> Value {
        self.done("GET", path, Value::Null)
    }

    /// Waits for the end of the job that an answer tells of, and gives it.
    fn job(&self, answer: &Value) -> Value {
        let id = answer["job"].as_u64().unwrap_or_else(|| panic!("no job in {answer}"));
        wait::until("the job to end", Duration::from_secs(20), || {
            let job = self.get(&format!("/jobs/{id}"));
            (!["waiting", "running"].contains(&job["state"].as_str().unwrap())).then_some(job)
        })
    }

    /// Waits until no job runs or waits: the guide is mapped then.
    fn settle(&self) {
        let over = |job: &Value| !["waiting", "running"].contains(&job["state"].as_str().unwrap());
        wait::until_so("all jobs to end", Duration::from_secs(20), || {
            self.get("/jobs")["jobs"].as_array().unwrap().iter().all(over)
        });
    }

    /// Adds a playlist, waits until it is read and mapped, and gives its path in the API.
    fn add(&self, request: Value) -> String {
        let added = self.done("POST", "/playlists", request);
        let job = self.job(&added);
        assert_eq!(job["state"], "done", "{job:#}");
        self.settle();
        format!("/playlists/{}", added["id"])
    }

    /// Reads a playlist or a guide again; gives the job.
    fn refresh(&self, path: &str) -> Value {
        let job = self.job(&self.done("POST", &format!("{path}/refresh"), Value::Null));
        self.settle();
        job
    }

    /// Number and name of each channel, as players get them.
    fn lineup(&self) -> Vec<String> {
        lines(&self.app.json("/lineup.json"))
    }

    /// Waits until players get this lineup.
    fn until_lineup(&self, expected: &[&str], limit: Duration) {
        let lineup = || (self.lineup() == expected).then_some(());
        wait::until(&format!("the lineup {expected:?}, where it is {:?}", self.lineup()), limit, lineup);
    }

    /// Waits until the guide that players get holds this, and gives it.
    fn until_guide(&self, holds: &str) -> String {
        wait::until(&format!("a guide with {holds:?}"), Duration::from_secs(15), || {
            let text = String::from_utf8(self.app.get("/xmltv.xml").body()).unwrap();
            text.contains(holds).then_some(text)
        })
    }
}

/// Number and name of each channel of a `lineup.json`.
fn lines(lineup: &Value) -> Vec<String> {
    let line = |row: &Value| format!("{} {}", row["GuideNumber"].as_str().unwrap(), row["GuideName"].as_str().unwrap());
    lineup.as_array().unwrap().iter().map(line).collect()
}

/// Now, in seconds since 1970.
fn now_s() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A time as guides write it.
fn time(at_s: i64) -> String {
    jiff::Timestamp::from_second(at_s).unwrap().strftime("%Y%m%d%H%M%S +0000").to_string()
}

/// A guide of these channels (id, name), each with these programmes (start, stop, title).
fn xmltv(channels: &[(&str, &str)], programmes: impl Fn(&str) -> Vec<(i64, i64, String)>) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tv>\n");
    for (id, name) in channels {
        text += &format!("<channel id=\"{id}\"><display-name>{}</display-name></channel>\n", escaped(name));
    }
    for (id, _) in channels {
        for (start, stop, title) in programmes(id) {
            let (start, stop, title) = (time(start), time(stop), escaped(&title));
            text +=
                &format!("<programme start=\"{start}\" stop=\"{stop}\" channel=\"{id}\"><title>{title}</title></programme>\n");
        }
    }
    text + "</tv>\n"
}

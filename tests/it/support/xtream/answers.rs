//! What a panel answers to which request.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use url::Url;

use super::{Answer, Channel, Fault, Panel, Play};

const HTML: &str = "<!DOCTYPE html><html><head><title>Error</title></head><body>Something went wrong.</body></html>";

/// The action of a request, else its page; `stream` for streams.
pub fn what(url: &Url) -> String {
    let page = url.path().trim_start_matches('/');
    if page.contains('/') { "stream".to_owned() } else { query(url, "action").unwrap_or_else(|| page.to_owned()) }
}

/// The answer, with `open` streams at the time.
pub fn answer(panel: &Panel, url: &Url, base: &str, open: usize) -> Answer {
    let segments: Vec<&str> = url.path_segments().map(Iterator::collect).unwrap_or_default();
    let answer = match segments.as_slice() {
        ["live", user, password, file] => stream(panel, (user, password), file, open),
        [page] => match (allowed(panel, url), panel.refusal_status, *page) {
            (false, Some(status), _) => html(status),
            (false, None, "player_api.php") => json(&json!({"user_info": {"auth": 0}})),
            (false, None, _) => html(403),
            (true, _, "player_api.php") => api(panel, url, base, open),
            (true, _, "get.php") => page_of("audio/x-mpegurl", list(panel, base)),
            (true, _, "xmltv.php") => page_of("application/xml", panel.guide.clone()),
            _ => html(404),
        },
        _ => html(404),
    };
    match panel.faults.get(&what(url)) {
        Some(fault) => spoiled(answer, fault),
        None => answer,
    }
}

fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn allowed(panel: &Panel, url: &Url) -> bool {
    let is = |name: &str, value: &str| query(url, name).as_deref() == Some(value);
    is("username", &panel.username) && is("password", &panel.password)
}

fn page_of(content_type: &'static str, body: String) -> Answer {
    Answer { status: 200, content_type, body: Arc::new(body.into_bytes()), ..Answer::default() }
}

fn html(status: u16) -> Answer {
    Answer { status, ..page_of("text/html", HTML.to_owned()) }
}

fn json(value: &Value) -> Answer {
    page_of("application/json", value.to_string())
}

fn spoiled(answer: Answer, fault: &Fault) -> Answer {
    match fault {
        Fault::Html => html(200),
        Fault::Status(status) => html(*status),
        Fault::Body(body) => page_of("application/json", body.clone()),
        Fault::Cut(bytes) => Answer { body: Arc::new(answer.body.iter().take(*bytes).copied().collect()), ..answer },
        Fault::Slow(late) => Answer { late: *late, ..answer },
    }
}

fn stream(panel: &Panel, account: (&str, &str), file: &str, open: usize) -> Answer {
    let (id, format) = file.split_once('.').unwrap_or((file, "ts"));
    let channel = panel.channels.iter().find(|channel| channel.id.to_string() == id);
    let may = account == (panel.username.as_str(), panel.password.as_str()) && panel.status == "Active";
    match channel {
        _ if !may => html(403),
        Some(_) if !panel.formats.iter().any(|allowed| allowed == format) => html(403),
        Some(_) if open >= panel.max_connections => html(panel.limit_status),
        Some(Channel { play: Play::Redirect(to), .. }) => {
            Answer { status: 302, location: Some(to.clone()), ..page_of("text/html", String::new()) }
        }
        Some(Channel { play: Play::Bytes(bytes), .. }) => {
            let body = Arc::clone(bytes);
            Answer { status: 200, content_type: "video/mp2t", body, late: Duration::ZERO, is_stream: true, location: None }
        }
        None => html(404),
    }
}

fn api(panel: &Panel, url: &Url, base: &str, open: usize) -> Answer {
    match query(url, "action").as_deref() {
        None | Some("" | "get_account_info") => json(&account(panel, base, open)),
        Some("get_live_categories") => json(&categories(panel)),
        Some("get_live_streams") => json(&channels(panel)),
        Some(_) => json(&json!([])),
    }
}

fn account(panel: &Panel, base: &str, open: usize) -> Value {
    let odd = panel.odd_types;
    let host = Url::parse(base).ok();
    let port = host.as_ref().and_then(Url::port).unwrap_or(80);
    json!({
        "user_info": {
            "username": panel.username,
            "password": panel.password,
            "message": "Welcome",
            "auth": if odd { json!("1") } else { json!(1) },
            "status": panel.status,
            "exp_date": number(panel.exp_date, !odd),
            "is_trial": if odd { json!(0) } else { json!("0") },
            "active_cons": number(i64::try_from(open).ok(), !odd),
            "created_at": "1715275438",
            "max_connections": number(i64::try_from(panel.max_connections).ok(), !odd),
            "allowed_output_formats": panel.formats,
        },
        "server_info": {
            "url": host.as_ref().and_then(Url::host_str),
            "port": number(Some(i64::from(port)), !odd),
            "https_port": if odd { json!(null) } else { json!("443") },
            "server_protocol": "http",
            "rtmp_port": "8009",
            "timezone": "Europe/London",
            "timestamp_now": 1_729_335_877,
            "time_now": "2024-10-19 12:04:37",
        },
    })
}

fn number(value: Option<i64>, as_text: bool) -> Value {
    match value {
        Some(number) if as_text => json!(number.to_string()),
        value => json!(value),
    }
}

/// A list, which PHP makes an object of where it thinks that its numbers have holes.
fn listed(panel: &Panel, elements: Vec<Value>) -> Value {
    if !panel.odd_types {
        return Value::from(elements);
    }
    let numbered = elements.into_iter().enumerate().map(|(at, element)| (at.to_string(), element));
    Value::Object(numbered.collect::<Map<_, _>>())
}

fn categories(panel: &Panel) -> Value {
    let all = panel.categories.iter().map(|(id, name)| {
        json!({"category_id": number(Some(i64::from(*id)), !panel.odd_types), "category_name": name, "parent_id": 0})
    });
    listed(panel, all.collect())
}

fn channels(panel: &Panel) -> Value {
    let odd = panel.odd_types;
    let all = panel.channels.iter().enumerate().map(|(at, channel)| {
        let archive = i64::from(channel.archive_days > 0);
        json!({
            "num": number(i64::try_from(at + 1).ok(), odd),
            "name": channel.name,
            "stream_type": channel.kind,
            "stream_id": number(Some(i64::from(channel.id)), odd),
            "stream_icon": if odd && channel.logo.is_empty() { json!(null) } else { json!(channel.logo) },
            "epg_channel_id": channel.guide_id,
            "added": "1715275438",
            "custom_sid": if odd { json!(null) } else { json!("") },
            "tv_archive": number(Some(archive), odd),
            "direct_source": "",
            "tv_archive_duration": number(Some(i64::from(channel.archive_days)), odd),
            "category_id": if odd { json!([channel.category]) } else { json!(channel.category.to_string()) },
        })
    });
    listed(panel, all.collect())
}

/// `get.php`, type `m3u_plus`.
fn list(panel: &Panel, base: &str) -> String {
    let mut text = String::from("#EXTM3U\n");
    for channel in &panel.channels {
        let group = panel.categories.iter().find(|(id, _)| *id == channel.category).map_or("", |(_, name)| name.as_str());
        let (id, name, logo) = (channel.guide_id.as_deref().unwrap_or(""), &channel.name, &channel.logo);
        let url = format!("{base}/live/{}/{}/{}.ts", panel.username, panel.password, channel.id);
        writeln!(
            text,
            "#EXTINF:-1 tvg-id=\"{id}\" tvg-name=\"{name}\" tvg-logo=\"{logo}\" group-title=\"{group}\",{name}\n{url}"
        )
        .unwrap();
    }
    text
}

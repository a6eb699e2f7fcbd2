//! A house full of credentials: none of them is in the log, on a page, in an answer of the API, in the metrics, or in the support bundle.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Home, PASSWORD};
use crate::support::http::{Request, Response};
use crate::support::media::Kind;
use crate::support::shelf::Page;
use crate::support::upstream::Script;
use crate::support::viewer::Viewer;
use crate::support::xtream::{Channel, Play, Provider};

/// What was planted, where, in words.
const PLANTED: [(&str, &str); 15] = [
    ("listuser9k2", "password before the host of a list"),
    ("listquery9k2", "password in the query of a list"),
    ("guidequery9k2", "key of a guide"),
    ("namedguide9k2", "key of the guide that a list names"),
    ("streamuser9k2", "password before the host of a stream"),
    ("streampath9k2", "password in the path of a stream"),
    ("streamtoken9k2", "token of a stream"),
    ("streamheader9k2", "header of a stream, from its list"),
    ("listheader9k2", "header of a list"),
    ("proxypass9k2", "password of a proxy"),
    ("panelpass9k2", "password of an account"),
    ("redirected9k2", "token of where a stream is led to"),
    ("wrongpass9k2", "password that was typed wrong"),
    ("inputphrase9k2", "passphrase of a stream that is pushed"),
    ("inputlogin9k2", "password of who may push a stream"),
];

/// What is said, behind where; or what a secret is, behind it.
type Texts = Vec<(String, String)>;

/// Plants them, and makes everything happen that might tell of them: what works, and what fails.
fn house() -> (Home, Provider, Texts, Texts) {
    let home = Home::with(3);
    let (address, origin) = (home.shelf.url(""), home.origin.url(""));
    let host = |url: &str| url.trim_start_matches("http://").to_owned();
    home.origin.set("/live/user/streampath9k2/1.ts", Script::live(&Kind::H264.media()));
    let list = format!(
        "#EXTM3U url-tvg=\"{address}/named.xml?key=namedguide9k2\"\n\
         #EXTINF:-1 tvg-chno=\"101\",Path\n{origin}/live/user/streampath9k2/1.ts?token=streamtoken9k2|Authorization=streamheader9k2&User-Agent=Box\n\
         #EXTINF:-1 tvg-chno=\"102\",User\nhttp://anna:streamuser9k2@{}/gone?token=streamtoken9k2\n\
         #EXTINF:-1 tvg-chno=\"103\",Closed\nhttp://anna:streamuser9k2@10.77.0.1:9/live/user/streampath9k2/3.ts?token=streamtoken9k2\n\
         #EXTINF:-1 tvg-chno=\"104\",Unknown\nfoo://anna:streamuser9k2@10.77.0.1:9/x?token=streamtoken9k2\n\
         #EXTINF:-1 tvg-chno=\"105\",Lists\n{address}/master.m3u8?token=streamtoken9k2\n",
        host(&origin)
    );
    home.shelf.put("/get.php?password=listquery9k2", Page::list(list));
    home.shelf.put("/named.xml?key=namedguide9k2", Page { kind: "application/xml", ..Page::list(super::guide(2)) });
    home.shelf.put("/closed.xml?key=guidequery9k2", Page::html("<h1>Account expired: guidequery9k2</h1>"));
    home.shelf.put(
        "/master.m3u8?token=streamtoken9k2",
        Page { kind: "application/vnd.apple.mpegurl", ..Page::list("#EXTM3U\n#EXTINF:4,\nseg.ts?token=streamtoken9k2\n") },
    );
    let panel = Provider::start(&home.netns);
    panel.change(|panel| {
        panel.username = "anna".into();
        panel.password = "panelpass9k2".into();
        let there = format!("{origin}/live/user/streampath9k2/1.ts?token=redirected9k2");
        panel.channels = vec![Channel { play: Play::Redirect(there), ..Channel::new(1, "Of the account") }];
    });
    let access = json!({ "headers": { "Authorization": "listheader9k2" }, "user_agent": "Box" });
    let proxied = json!({ "proxy": "http://user:proxypass9k2@10.77.0.1:9" });
    for (what, body) in [
        (
            "/playlists",
            json!({ "name": "List", "location": format!("http://anna:listuser9k2@{}/get.php?password=listquery9k2", host(&address)), "access": access }),
        ),
        ("/playlists", json!({ "name": "Proxied", "location": format!("{address}/other.m3u"), "access": proxied })),
        (
            "/playlists",
            json!({ "name": "Gone", "location": format!("http://anna:listuser9k2@{}/gone?password=listquery9k2", host(&address)) }),
        ),
        (
            "/playlists",
            json!({ "name": "Panel", "server": format!("http://{}", panel.address()), "username": "anna", "password": "panelpass9k2" }),
        ),
        ("/guides", json!({ "name": "Guide", "location": format!("{address}/closed.xml?key=guidequery9k2") })),
    ] {
        let added = home.send("POST", what, body);
        home.ended(&added);
    }
    let rule = json!({ "passphrase": "inputphrase9k2", "user": "me", "password": "inputlogin9k2" });
    home.send("PATCH", "/inputs/studio", rule);
    let shown = home.send("GET", "/channels", Value::Null);
    for channel in shown["channels"].as_array().unwrap() {
        let request = Request::get(&format!("/auto/v{}", channel["number"].as_str().unwrap()));
        if let Ok(viewer) = Viewer::attempt(&home.netns, &request) {
            viewer.more(100 * 188, Duration::from_secs(10));
        }
    }
    for channel in shown["channels"].as_array().unwrap() {
        let path = format!("/api/v1/channels/{}", channel["id"]);
        for source in home.app.api(&path).json()["sources"].as_array().unwrap() {
            home.app.api_with("POST", &format!("{path}/sources/{}/probe", source["id"]), Some("{}"));
        }
    }
    // What is refused is told without what was typed.
    let mut told = Vec::new();
    let mut tell =
        |what: &str, response: Response| told.push((what.to_owned(), String::from_utf8_lossy(&response.body()).into_owned()));
    for wrong in
        [r#"{"location":"http://anna:listuser9k2@","wrong":"listquery9k2"}"#, r#"{"location":"foo://anna:listuser9k2@x/"}"#]
    {
        tell("a refused playlist", home.app.api_with("POST", "/api/v1/playlists", Some(wrong)));
    }
    home.browser.open("/people");
    let csrf = home.browser.run("return document.querySelector('input[name=csrf]').value");
    let csrf = csrf.as_str().unwrap().to_owned();
    for (path, form) in [
        ("/login", "name=admin&password=wrongpass9k2".to_owned()),
        ("/playlists", format!("csrf={csrf}&location=http%3A%2F%2Fx%2F&user=&user_password=listuser9k2&first=1")),
        ("/playlists", format!("csrf={csrf}&location=http%3A%2F%2Fanna%3Alistuser9k2%40&user=anna&user_password=listuser9k2")),
        ("/playlists", format!("csrf={csrf}&server=nonsense&username=anna&password=panelpass9k2")),
        ("/inputs/rule", format!("csrf={csrf}&id=studio&passphrase=inputphrase9k2&user=a%3Ab&password=inputlogin9k2")),
        ("/people/password", format!("csrf={csrf}&old=wrongpass9k2&new=wrongpass9k2&again=wrongpass9k3")),
    ] {
        let request = Request::new("POST", path).header("Content-Type", "application/x-www-form-urlencoded");
        let request = request.header("Cookie", home.app.cookie()).body(form.as_bytes());
        tell(path, request.send(&home.netns, crate::support::app::WEB).unwrap());
    }
    // Of those that do not play.
    let closed = |channel: &&Value| ["102", "103", "105"].contains(&channel["number"].as_str().unwrap());
    for channel in shown["channels"].as_array().unwrap().iter().filter(closed) {
        tell("a player", home.app.page(&format!("/channels/{}/play.mp4", channel["id"])));
    }
    let made = home.send("POST", "/tokens", json!({ "name": "made", "scope": "viewer" }));
    let mut secrets: Vec<_> = PLANTED.map(|(secret, what)| (secret.to_owned(), what.to_owned())).to_vec();
    let cookie = home.app.cookie().split_once('=').unwrap().1.to_owned();
    let own = [
        (PASSWORD, "password"),
        (&cookie, "cookie"),
        (home.app.token(), "token"),
        (made["token"].as_str().unwrap(), "new token"),
    ];
    secrets.extend(own.map(|(secret, what)| (secret.to_owned(), what.to_owned())));
    (home, panel, secrets, told)
}

#[test]
fn no_secret_comes_out() {
    let (home, panel, secrets, told) = house();
    // They were used, or nothing is shown by this.
    let heads = home.shelf.asked("/get.php?password=listquery9k2").concat();
    assert!(heads.contains("listheader9k2"), "{heads}");
    assert!(!home.shelf.asked("/named.xml?key=namedguide9k2").is_empty() && panel.asked("get_live_streams") > 0);
    let hits = home.origin.hits("/live/user/streampath9k2/1.ts?token=streamtoken9k2");
    assert!(!hits.is_empty(), "the stream was opened");

    let mut seen: Texts = told;
    for target in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/discover.json",
        "/device.xml",
        "/lineup.json",
        "/lineup.m3u",
        "/lineup.xml",
        "/lineup_status.json",
        "/status.json",
        "/playlist.m3u",
        "/xmltv.xml",
    ] {
        seen.push((target.into(), String::from_utf8_lossy(&home.app.get(target).body()).into_owned()));
    }
    crawl(&home, &mut seen);
    let pages = seen.len();
    api(&home, &mut seen);
    let answers = seen.len() - pages;
    assert!(!home.origin.hits("/live/user/streampath9k2/1.ts?token=redirected9k2").is_empty(), "the account's stream was opened");
    assert!(pages > 60 && answers > 60, "{pages} pages, {answers} answers");
    seen.push(("/about/bundle".into(), String::from_utf8_lossy(&home.app.page("/about/bundle").body()).into_owned()));
    seen.push(("the log".into(), home.app.log()));
    let mut found = Vec::new();
    for (place, text) in &seen {
        let text = text.to_lowercase();
        for (secret, what) in &secrets {
            for form in forms(secret) {
                if let Some(at) = text.find(&form) {
                    let from = text.floor_char_boundary(at.saturating_sub(80));
                    let to = text.floor_char_boundary((at + 80).min(text.len()));
                    found.push(format!("{place}: {what}: {}", &text[from..to]));
                }
            }
        }
    }
    assert!(found.is_empty(), "{} places of {}:\n{}", found.len(), seen.len(), found.join("\n"));
    println!(
        "{} secrets, {pages} pages, {answers} answers of the API, {} bytes of log: none",
        secrets.len(),
        home.app.log().len()
    );
}

/// As it is, and as other things would write it: alone, or behind the users of this house (RFC 7617).
fn forms(secret: &str) -> Vec<String> {
    use base64::Engine;
    let encoded = |text: String| base64::engine::general_purpose::STANDARD.encode(text).trim_end_matches('=').to_lowercase();
    let lower = secret.to_lowercase();
    let mut forms = vec![lower.replace(' ', "%20"), lower.replace(' ', "+"), lower, encoded(secret.to_owned())];
    // The last letter shares its digits with what follows.
    for user in ["anna", "user"] {
        let mut form = encoded(format!("{user}:{secret}"));
        form.pop();
        forms.push(form);
    }
    forms
}

/// Every page that a link leads to.
fn crawl(home: &Home, seen: &mut Texts) {
    let mut known: BTreeSet<String> = BTreeSet::from(["/".to_owned()]);
    let mut open: VecDeque<String> = known.iter().cloned().collect();
    while let Some(path) = open.pop_front() {
        if path.ends_with("/play.mp4") || path.starts_with("/live") {
            continue;
        }
        let text = String::from_utf8_lossy(&home.app.page(&path).body()).into_owned();
        for link in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let link = link.replace("&amp;", "&").replace("&#38;", "&");
            let link = link.split('#').next().unwrap_or_default().to_owned();
            if link.starts_with('/') && !link.starts_with("/static") && known.len() < 400 && known.insert(link.clone()) {
                open.push_back(link);
            }
        }
        seen.push((path, text));
    }
}

/// Every GET that the API says it has, of everything that is there.
fn api(home: &Home, seen: &mut Texts) {
    let described = home.app.api("/api/v1/openapi.json").json();
    for (path, item) in described["paths"].as_object().unwrap() {
        let path = if path.starts_with("/api/") { path.clone() } else { format!("/api/v1{path}") };
        if item.get("get").is_none() || path.ends_with("/events") {
            continue;
        }
        let targets = match path.split_once("/{") {
            None => vec![path.clone()],
            Some((parent, rest)) => {
                let rest = rest.split_once('}').map_or("", |(_, rest)| rest);
                ids(&home.app.api(parent).json()).into_iter().map(|id| format!("{parent}/{id}{rest}")).collect()
            }
        };
        for target in targets.into_iter().filter(|target| !target.contains('{')) {
            seen.push((target.clone(), String::from_utf8_lossy(&home.app.api(&target).body()).into_owned()));
        }
    }
}

/// The ids of the rows of an answer.
fn ids(answer: &Value) -> Vec<String> {
    let rows = answer.as_object().into_iter().flat_map(|fields| fields.values()).chain([answer]);
    let rows = rows.filter_map(Value::as_array).flatten();
    rows.filter_map(|row| row.get("id")).map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)).take(20).collect()
}

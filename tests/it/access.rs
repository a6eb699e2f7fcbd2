//! Who may do what: networks, `Host`, tokens.

use std::time::Duration;

use crate::support::app::{STREAM, WEB};
use crate::support::http::Request;
use crate::support::rig::Rig;
use crate::support::udp;

const API: [&str; 7] = [
    "/api/v1/status",
    "/api/v1/channels",
    "/api/v1/devices",
    "/api/v1/providers",
    "/api/v1/tuners",
    "/api/v1/sessions/history",
    "/api/v1/sessions/events",
];

#[test]
fn the_api_wants_a_token_for_reads_too() {
    let rig = Rig::standard();
    for path in API {
        for to in [WEB, STREAM] {
            let bare = Request::get(path).send(&rig.netns, to).unwrap();
            assert_eq!(bare.status, 401, "{path}");
            assert!(bare.header("WWW-Authenticate").unwrap().starts_with("Bearer"), "{:?}", bare.headers);
            assert!(!String::from_utf8_lossy(&bare.body()).contains("One HD"));
        }
        for header in ["Bearer wrong", "Bearer ", "Basic YTpi", "Bearer \u{00e9}"] {
            let response = Request::get(path).header("Authorization", header).send(&rig.netns, WEB).unwrap();
            assert!([400, 401].contains(&response.status), "{path} {header}: {}", response.status);
        }
        let response = rig.app.api(path);
        assert_eq!(response.status, 200, "{path}");
        assert!(response.header("Content-Type").unwrap().starts_with("application/json"));
        response.json();
    }
    assert_eq!(Request::get("/api/v1/nothing").send(&rig.netns, WEB).unwrap().status, 401, "what exists is not told");
    for open in ["/healthz", "/readyz", "/metrics", "/setup"] {
        assert_eq!(rig.app.get(open).status, 200, "{open}");
    }
    assert!(!rig.app.log().contains(rig.app.token()), "a token in the log");
}

/// A page of the web whose name was made to resolve to this house gets nothing.
#[test]
fn foreign_names_are_turned_away() {
    let rig = Rig::standard();
    for path in ["/", "/api/v1/status", "/discover.json", "/lineup.json", "/status.json", "/metrics"] {
        for host in ["evil.example.org", "evil.example.org:80", "10.77.0.1.evil.example.org"] {
            let token = format!("Bearer {}", rig.app.token());
            let request = Request::get(path).header("Host", host).header("Authorization", &token);
            let response = request.send(&rig.netns, WEB).unwrap();
            assert!([400, 403, 421].contains(&response.status), "{path} as {host}: {}", response.status);
            assert!(!String::from_utf8_lossy(&response.body()).contains(&rig.app.device_id()));
        }
    }
    for host in ["10.77.0.1", "10.77.0.1:80", "localhost", "nas", "nas.local", "[::1]:80"] {
        assert_eq!(Request::get("/discover.json").header("Host", host).send(&rig.netns, WEB).unwrap().status, 200, "{host}");
    }
}

/// A client of the wide world gets neither document nor stream nor answer to a discovery.
#[test]
fn foreign_networks_are_turned_away() {
    let rig = Rig::standard();
    rig.netns.ip("addr add 203.0.113.7/24 dev v0\n");
    for path in ["/discover.json", "/lineup.json", "/auto/v1", "/api/v1/status", "/"] {
        if let Ok(response) = Request::get(path).from("203.0.113.7").send(&rig.netns, STREAM) {
            assert_eq!(response.status, 403, "{path}");
        }
    }
    assert!(rig.origin.hits("/one").is_empty());
    let socket = rig.netns.udp("203.0.113.7:0").unwrap();
    let request = udp::hex("0002000c 0104ffffffff 0204ffffffff 73cc7d8f");
    let answers = udp::ask(&socket, "10.77.0.1:65001".parse().unwrap(), &request, Duration::from_millis(500));
    assert!(answers.is_empty(), "{answers:02x?}");
    let stream = rig.netns.tcp_from("203.0.113.7", "10.77.0.1:65001".parse().unwrap());
    if let Ok(mut stream) = stream {
        use std::io::{Read, Write};
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let _ = stream.write_all(&crate::support::control::get_frame("/sys/model"));
        assert!(!matches!(stream.read(&mut [0; 512]), Ok(1..)), "control answers the wide world");
    }
}

/// Credentials in addresses appear nowhere: not in the log, not in the API, not on the page.
#[test]
fn credentials_of_sources_stay_inside() {
    use crate::support::app::Setup;
    use crate::support::media::Kind;
    use crate::support::netns::Netns;
    use crate::support::playlist::entry;
    use crate::support::upstream::{Origin, Script};
    use std::sync::Arc;
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    origin.set("/live/hugo/geheim77/1.ts", Script::live(&Kind::Small.media()));
    origin.set("/basic", Script::live(&Kind::Small.media()));
    let basic = format!("http://hugo:geheim77@{}/basic?token=geheim77", origin.address());
    let dead = format!("http://hugo:geheim77@{}/dead?password=geheim77", origin.address());
    let entries =
        [entry("1", "Path", &origin.url("/live/hugo/geheim77/1.ts")), entry("2", "Basic", &basic), entry("3", "Dead", &dead)];
    let app = Setup::new(&netns).playlist_each(&entries).start();
    let mut rig = Rig { app, origin, netns };
    let viewers = [rig.watch("1"), rig.watch("2")];
    rig.refused(&Request::get("/auto/v3"));
    let hit = rig.origin.hits("/basic?token=geheim77").remove(0);
    assert!(
        hit.head.to_lowercase().contains("authorization: basic ahvnbzpnzwhlaw03nw==") || hit.head.contains("Basic "),
        "{}",
        hit.head
    );
    let everything = ["/metrics", "/status.json", "/lineup.json", "/lineup.m3u"]
        .iter()
        .map(|path| String::from_utf8_lossy(&rig.app.get(path).body()).into_owned())
        .chain([String::from_utf8_lossy(&rig.app.page("/").body()).into_owned()])
        .chain(API.iter().map(|path| String::from_utf8_lossy(&rig.app.api(path).body()).into_owned()))
        .chain([rig.app.log()]);
    for text in everything {
        assert!(!text.contains("geheim77"), "{}", text.lines().find(|line| line.contains("geheim77")).unwrap());
    }
    drop(viewers);
    rig.app.assert_well();
}

/// The first page: devices, channels, who watches what, and how to add it.
#[test]
fn the_first_page_shows_who_watches() {
    let rig = Rig::standard();
    let page = || String::from_utf8(rig.app.page("/").body()).unwrap();
    let quiet = page();
    for word in [rig.app.device_id().as_str(), "One HD", "Plex", "Jellyfin", "Kodi", "10.77.0.1"] {
        assert!(quiet.contains(word), "no {word} on the page");
    }
    // Named or by number, as HTML allows.
    let named = quiet.replace("&#38;", "&amp;").replace("&#60;", "&lt;").replace("&#62;", "&gt;");
    assert!(named.contains("&amp; &lt;Söhne&gt;"), "the odd name is not escaped");
    let viewer = rig.watch("4.1");
    viewer.more(100_000, Duration::from_secs(3));
    let status = rig.app.api("/api/v1/status").json().to_string();
    assert!(status.contains("10.77.0.1") && status.contains("4.1"), "{status}");
}

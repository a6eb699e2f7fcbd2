//! What is set for a playlist holds for its streams, too: proxy, agent, certificates. And playlists that come as files.

use serde_json::{Value, json};

use super::{House, SECRET};
use crate::support::app::WEB;
use crate::support::http::{Request, Response};
use crate::support::media::Kind;
use crate::support::upstream::{Origin, Script};
use crate::support::viewer::Viewer;

#[test]
fn streams_of_a_playlist_go_through_its_proxy() {
    let house = House::new();
    let proxy = Origin::start(&house.netns);
    // What a proxy is asked for is a whole address; the host exists nowhere else.
    proxy.set("http://tv.invalid/1.ts", Script::live(&Kind::Small.media()));
    let list = house.app.dir().join("list.m3u");
    std::fs::write(&list, "#EXTM3U\n#EXTINF:-1,One\nhttp://tv.invalid/1.ts\n#EXTINF:-1,Two\nhttp://tv.invalid/2.ts\n").unwrap();
    let through = proxy.url("").replace("http://", &format!("http://hugo:{SECRET}@"));
    let path =
        house.add(json!({ "location": list, "access": { "user_agent": "Living room", "proxy": through.trim_end_matches('/') } }));
    let viewer = Viewer::open(&house.netns, "/auto/v100");
    viewer.more(100 * 188, std::time::Duration::from_secs(10));
    let hits = proxy.hits("http://tv.invalid/1.ts");
    assert_eq!(hits.len(), 1);
    let head = hits[0].head.to_ascii_lowercase();
    assert!(head.contains("user-agent: living room") && head.contains("proxy-authorization: basic"), "{head}");
    // Without it the host cannot be found, and nothing else is tried behind the person's back.
    house.done("PATCH", &path, json!({ "access": {} }));
    house.settle();
    assert!(Viewer::attempt(&house.netns, &Request::get("/auto/v101")).is_err());
    assert!(proxy.hits("http://tv.invalid/2.ts").is_empty());
    assert!(!house.app.log().contains(SECRET));
}

fn upload(house: &House, method: &str, path: &str, body: &[u8]) -> Response {
    let request =
        Request::new(method, &format!("/api/v1{path}")).header("Authorization", &format!("Bearer {}", house.app.token()));
    request.body(body).send(&house.netns, WEB).unwrap()
}

fn list(names: &[&str]) -> Vec<u8> {
    let entry = |name: &&str| {
        format!("#EXTINF:-1 tvc-guide-stationid=\"7{name}\",{name}\nhttp://10.77.0.1:9/{}?token={SECRET}\n", name.to_lowercase())
    };
    ["#EXTM3U\n".to_owned()].into_iter().chain(names.iter().map(entry)).collect::<String>().into_bytes()
}

#[test]
fn a_playlist_can_be_uploaded_and_another_one_in_its_place() {
    let house = House::new();
    let response = upload(&house, "POST", "/playlists/upload?name=Mine", &list(&["One", "Two"]));
    assert_eq!(response.status, 201);
    let added = response.json();
    assert_eq!((&added["name"], &added["kind"]), (&json!("Mine"), &json!("upload")), "{added:#}");
    assert_eq!(house.job(&added)["state"], "done");
    assert_eq!(house.lineup(), ["100 One", "101 Two"]);
    let text = String::from_utf8(house.app.get("/playlist.m3u").body()).unwrap();
    assert!(text.contains("tvc-guide-stationid=\"7One\"") && text.contains("tvc-guide-stationid=\"7Two\""), "{text}");
    let path = format!("/playlists/{}", added["id"]);

    let response = upload(&house, "PUT", &format!("{path}/file"), &list(&["Two", "Three"]));
    assert_eq!(response.status, 202);
    assert_eq!(house.job(&response.json())["result"]["outcome"], "published");
    assert_eq!(house.lineup(), ["101 Two", "102 Three"]);
    // A web page is none, and what was there is served on.
    let response = upload(&house, "PUT", &format!("{path}/file"), b"<html>nothing</html>");
    assert_eq!(house.job(&response.json())["state"], "failed");
    assert_eq!(house.lineup(), ["101 Two", "102 Three"]);
    assert_eq!(upload(&house, "PUT", &format!("{path}/file"), b"").status, 422);
    assert_eq!(upload(&house, "POST", "/playlists/upload?nme=x", &list(&["One"])).status, 400);
    assert_eq!(upload(&house, "PUT", "/playlists/999/file", &list(&["One"])).status, 404);

    let files = || std::fs::read_dir(house.app.data_dir().join("uploads")).unwrap().count();
    assert_eq!(files(), 1);
    house.done("DELETE", &path, Value::Null);
    assert_eq!(files(), 0);
    assert!(house.lineup().is_empty());
    assert!(!house.app.log().contains(SECRET));
}

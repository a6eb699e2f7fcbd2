//! Virtual tuners, by the API and by forms.

use super::house::Visitors;
use super::*;

#[tokio::test]
async fn devices_come_change_and_go() {
    let app = app(1, settled());
    let new = json!({"name": "Second", "listen": "10.0.0.3:80", "id": "1080F19F", "tuner_count": 3});
    let (status, made) = send(&app, "POST", "/api/v1/devices", Some(new.clone())).await;
    assert_eq!((status, &made["id"]), (StatusCode::CREATED, &json!("1080F19F")), "{made}");
    assert_eq!(made["addresses"], json!(["http://10.0.0.3"]));
    assert_eq!(send(&app, "POST", "/api/v1/devices", Some(new)).await.0, StatusCode::CONFLICT);
    let (_, changed) = send(&app, "PATCH", "/api/v1/devices/1080F19F", Some(json!({"name": "Attic"}))).await;
    assert_eq!((&changed["name"], &changed["tuner_count"]), (&json!("Attic"), &json!(3)));
    assert_eq!(send(&app, "GET", "/api/v1/devices", None).await.1["devices"].as_array().unwrap().len(), 2);
    assert_eq!(send(&app, "DELETE", "/api/v1/devices/1080F19F", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(&app, "GET", "/api/v1/devices/1080F19F", None).await.0, StatusCode::NOT_FOUND);
    let first = device(1).id;
    assert_eq!(send(&app, "DELETE", &format!("/api/v1/devices/{first}"), None).await.0, StatusCode::CONFLICT);
}

#[rstest::rstest]
#[case(json!({"name": "x"}), "listen")]
#[case(json!({"listen": "10.0.0.3:80"}), "name")]
#[case(json!({"name": " ", "listen": "10.0.0.3:80"}), "name")]
#[case(json!({"name": "a\nb", "listen": "10.0.0.3:80"}), "name")]
#[case(json!({"name": "x".repeat(65), "listen": "10.0.0.3:80"}), "name")]
#[case(json!({"name": "x", "listen": "10.0.0.3"}), "listen")]
#[case(json!({"name": "x", "listen": "10.0.0.3:0"}), "listen")]
#[case(json!({"name": "x", "listen": "10.0.0.3:80", "tuner_count": 0}), "tuner_count")]
#[case(json!({"name": "x", "listen": "10.0.0.3:80", "id": "12345678"}), "id")]
#[tokio::test]
async fn devices_that_cannot_be_are_refused(#[case] body: Value, #[case] field: &str) {
    let (status, problem) = send(&app(1, settled()), "POST", "/api/v1/devices", Some(body)).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{problem}");
}

#[tokio::test]
async fn a_device_is_made_changed_and_taken_away() {
    let house = Visitors::of(state_of(settled())).await;
    let new = [("name", "Kitchen"), ("tuners", "3"), ("listen", "10.0.0.3:80")];
    let id = DeviceId::from_random(77);
    assert_eq!(house.done("/devices", &new).await, format!("/devices?note=device#d-{id}"));
    let shown = house.see(&house.admin, "/devices?note=device").await;
    assert!(shown.contains("Kitchen") && shown.contains("0 of 3 tuners in use"), "{shown}");
    assert!(shown.contains("Choose its own: mark them in Channels, or groups here."), "{shown}");
    let changed = [("name", "Cellar"), ("tuners", "1"), ("listen", "10.0.0.3:80")];
    assert_eq!(house.done(&format!("/devices/{id}/change"), &changed).await, format!("/devices?note=saved#d-{id}"));
    assert!(house.see(&house.viewer, "/devices").await.contains("Cellar"));
    for (fields, word) in [
        ([("name", ""), ("tuners", "1"), ("listen", "10.0.0.4:80")], "1 to 64 characters"),
        ([("name", "x"), ("tuners", "33"), ("listen", "10.0.0.4:80")], "1 to 32 tuners"),
        ([("name", "x"), ("tuners", "many"), ("listen", "10.0.0.4:80")], "1 to 32 tuners"),
        ([("name", "x"), ("tuners", "1"), ("listen", "kitchen")], "an IP address and a port"),
    ] {
        let (status, text) = house.refused("/devices", &fields).await;
        assert!(status == 422 && text.contains(word), "{status} {text}");
    }
    let first = device(1).id;
    assert_eq!(house.refused(&format!("/devices/{first}/remove"), &[]).await.0, 409);
    assert_eq!(house.done(&format!("/devices/{id}/remove"), &[]).await, "/devices?note=removed");
    assert_eq!(house.refused(&format!("/devices/{id}/remove"), &[]).await.0, 404);
    let by_viewer = house.post(&house.viewer, "/devices", &new).await;
    assert_eq!(by_viewer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_device_has_all_channels_or_those_of_groups() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let list = dir.path().join("list.m3u");
    let entry =
        |name: &str, group: &str| format!("#EXTINF:-1 tvg-id=\"{name}\" group-title=\"{group}\",{name}\nhttp://h/{name}.ts\n");
    std::fs::write(&list, format!("#EXTM3U\n{}{}{}", entry("a", "News"), entry("b", "News"), entry("c", "Film"))).unwrap();
    let state = state_with(Memory(Mutex::new(Catalog::default()), Some(store.clone()), None), store.clone(), settled());
    let house = Visitors::of(state).await;
    let location = list.display().to_string();
    let (_, added) = send(&house.app, "POST", "/api/v1/playlists", Some(json!({ "location": location }))).await;
    house.state.feeds.jobs.ended(added["job"].as_u64().unwrap()).await;
    let device = store.devices()[0].clone();
    let path = format!("/devices/{}/channels", device.id);
    assert!(house.see(&house.admin, "/devices").await.contains("3 channels, all there are"));
    house.done(&path, &[("which", "groups"), ("group", "news"), ("group", "Other")]).await;
    assert_eq!(store.catalog().device_channels[&device.row].len(), 2);
    let shown = house.see(&house.admin, "/devices").await;
    assert!(shown.contains("2 of 3 channels") && shown.contains("value=\"News\" checked"), "{shown}");
    assert!(shown.contains("value=\"Film\">"), "{shown}");
    assert_eq!(house.refused(&path, &[("which", "groups")]).await.0, 422);
    assert_eq!(house.refused(&path, &[("which", "7")]).await.0, 422);
    house.done(&path, &[("which", "0")]).await;
    assert_eq!(store.catalog().device_channels[&device.row].len(), 3, "the only part has them all");
    house.done(&path, &[("which", "all")]).await;
    assert!(store.catalog().device_channels.is_empty());
    // Without scripts "all" stays marked where somebody marks a group: that is not thrown away.
    house.done(&path, &[("which", "all"), ("had", "all"), ("group", "Film")]).await;
    assert_eq!(store.catalog().device_channels[&device.row].len(), 1);
    let one = store.catalog().channels[0].id.0.to_string();
    house.done("/channels/bulk", &[("act", &format!("give:{}", device.id)), ("id", &one)]).await;
    let shown = house.see(&house.admin, "/devices").await;
    assert!(shown.contains("value=\"own\" checked> <span>Those that it has now (2)"), "{shown}");
    house.done(&path, &[("which", "own"), ("group", "Film")]).await;
    assert_eq!(store.catalog().device_channels[&device.row].len(), 2, "nothing was changed");
}

#[tokio::test]
async fn too_many_channels_are_told_and_a_split_is_offered() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("x")).unwrap();
    let house = Visitors::of(state_with(Memory(Mutex::new(catalog(900)), None, Some(dir)), store, settled())).await;
    let shown = house.see(&house.viewer, "/devices").await;
    assert!(shown.contains("more than 400 channels of one device"), "{shown}");
    assert!(shown.contains("Over 3 devices") && shown.contains("numbers 301 to 600"), "{shown}");
    assert!(house.see(&house.admin, "/devices").await.contains("Part 2 of 3"));
}

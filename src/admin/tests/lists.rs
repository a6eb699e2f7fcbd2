//! Playlists on their pages and in the first run, where something is not as it should be.

use super::pages::Pages;
use super::*;

const LIST: &str = "#EXTM3U\n#EXTINF:-1 group-title=\"News\",One\nhttp://h/1\n#EXTINF:-1 group-title=\"Sport\",Two\nhttp://h/2\n";

fn names(house: &Pages) -> Vec<String> {
    house.store.catalog().channels.iter().map(|channel| channel.name.clone()).collect()
}

#[tokio::test]
async fn a_group_that_is_not_marked_any_more_goes_though_all_is_still_chosen() {
    let house = Pages::new().await;
    let id = house.with_list(LIST).await;
    for path in [format!("/playlists/{id}"), format!("/welcome/groups?playlist={id}")] {
        let shown = house.seen(&path).await;
        assert!(shown.contains("name=\"shown\" value=\"2\""), "{path}: {shown}");
    }
    let as_shown = [("channels", "all"), ("shown", "2"), ("group", "News"), ("group", "Sport")];
    assert_eq!(house.send(&format!("/playlists/{id}/rules"), &as_shown).await.0, 303);
    assert_eq!(names(&house), ["One", "Two"]);
    let picked = [("channels", "all"), ("shown", "2"), ("group", "News"), ("welcome", "1")];
    assert_eq!(house.send(&format!("/playlists/{id}/rules"), &picked).await, (303, "/welcome/guide?note=saved".into()));
    assert_eq!(names(&house), ["One"]);
    let shown = house.seen(&format!("/playlists/{id}")).await;
    assert!(shown.contains("value=\"groups\" checked") && shown.contains("value=\"Sport\">"), "{shown}");
}

#[tokio::test]
async fn a_user_goes_into_the_address_and_no_two_lists_have_one_name() {
    let house = Pages::new().await;
    let base = [("location", "http://127.0.0.1:9/a.m3u"), ("user", "me"), ("user_password", "hunter2:@")];
    assert_eq!(house.send("/playlists", &base).await.0, 303);
    let account = [("server", "http://127.0.0.1:9"), ("username", "me"), ("password", SECRET), ("name", "")];
    assert_eq!(house.send("/playlists", &account).await.0, 303);
    let named = [("server", "http://127.0.0.1:9"), ("username", "you"), ("password", SECRET), ("name", "Panel")];
    assert_eq!(house.send("/playlists", &named).await.0, 303);
    assert_eq!(house.send("/guide/sources", &[("location", "http://127.0.0.1:9/guide.xml")]).await.0, 303);
    let lists = house.store.playlists().await.unwrap();
    let names: Vec<&str> = lists.iter().map(|list| list.provider.name.as_str()).collect();
    assert_eq!(names, ["127.0.0.1", "127.0.0.1 2", "Panel"]);
    assert_eq!(lists[0].provider.location, "http://me:hunter2%3A%40@127.0.0.1:9/a.m3u");
    assert_eq!(house.store.guides().await.unwrap()[0].name, "127.0.0.1 3");
    for (location, word) in [("http://me:hunter2@h/x.m3u", "has a user already"), ("/home/x.m3u", "A path on the box has none")] {
        let fields = [("location", location), ("user", "me"), ("user_password", SECRET), ("csrf", &house.admin.1)];
        let response = house.app.clone().oneshot(form("POST", "/playlists", &house.admin.0, &fields)).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{location}");
        let shown = text(response).await;
        assert!(shown.contains(word) && !shown.contains(SECRET) && shown.contains("name=\"user\" value=\"me\""), "{shown}");
    }
}

/// Waits until a playlist was looked at, and gives it.
async fn looked_at(house: &Pages, id: i64) -> crate::store::Playlist {
    for _ in 0..1000 {
        let list = house.store.playlist(ProviderId(id)).await.unwrap();
        if list.checked_ms.is_some() || list.imported_ms.is_some() {
            return list;
        }
        crate::base::clock::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody looks at it");
}

#[tokio::test]
async fn a_list_that_could_never_be_read_is_added_again_with_another_password() {
    let house = Pages::new().await;
    for (path, kind) in [("/playlists", "list.m3u"), ("/guides", "guide.xml")] {
        let add = |password: &str| {
            let location = format!("http://me:{password}@127.0.0.1:9/{kind}");
            let access = json!({ "user_agent": format!("Box {password}") });
            let app = house.app.clone();
            async move {
                let body = json!({ "location": location, "access": access });
                send(&app, "POST", &format!("/api/v1{path}"), Some(body)).await
            }
        };
        let (status, first) = add("wrong").await;
        assert_eq!(status, StatusCode::CREATED, "{first}");
        let one = format!("/api/v1{path}/{}", first["id"]);
        let mut shown = Value::Null;
        for _ in 0..1000 {
            shown = send(&house.app, "GET", &one, None).await.1;
            if !shown["last_error"].is_null() && shown["job"].is_null() {
                break;
            }
            crate::base::clock::sleep(Duration::from_millis(10)).await;
        }
        assert!(shown["last_error"].is_string(), "{shown}");
        let (status, again) = add("right").await;
        assert_eq!((status, &again["id"], &again["name"]), (StatusCode::CREATED, &first["id"], &first["name"]), "{again}");
        assert_eq!(again["access"]["user_agent"], "Box right");
        let jobs = send(&house.app, "GET", "/api/v1/jobs", None).await.1;
        let reads = jobs["jobs"].as_array().unwrap().iter().filter(|job| job["kind"].as_str().unwrap().starts_with(&path[1..5]));
        assert_eq!(reads.count(), 2, "it is read again: {jobs}");
    }
    let lists = house.store.playlists().await.unwrap();
    assert_eq!((lists.len(), lists[0].provider.location.as_str()), (1, "http://me:right@127.0.0.1:9/list.m3u"));
    assert_eq!(house.store.guides().await.unwrap()[0].location, "http://me:right@127.0.0.1:9/guide.xml");
}

#[tokio::test]
async fn what_cannot_be_read_in_the_first_run_is_corrected_there() {
    let house = Pages::new().await;
    let fields = [("location", "http://127.0.0.1:9/typo.m3u"), ("user", "me"), ("user_password", SECRET), ("welcome", "1")];
    let (status, to) = house.send("/playlists", &fields).await;
    let id: i64 = to.trim_start_matches("/welcome/groups?playlist=").parse().unwrap();
    assert_eq!(status, 303);
    assert!(looked_at(&house, id).await.last_error.is_some());
    let mut shown = String::new();
    for _ in 0..1000 {
        shown = house.seen(&to).await;
        if !shown.contains("data-job") {
            break;
        }
        crate::base::clock::sleep(Duration::from_millis(10)).await;
    }
    for word in ["It could not be read", "value=\"http://127.0.0.1:9/typo.m3u\"", "name=\"user\" value=\"me\"", "An account"] {
        assert!(shown.contains(word), "{word} is missing in {shown}");
    }
    assert!(!shown.contains(SECRET) && shown.contains(&format!("name=\"instead\" value=\"{id}\"")), "{shown}");
    assert!(!house.seen(&format!("/playlists/{id}?note=added")).await.contains("Added."));

    let path = house.dir.path().join("right.m3u");
    std::fs::write(&path, LIST).unwrap();
    let number = id.to_string();
    let right = [("location", path.to_str().unwrap()), ("welcome", "1"), ("instead", number.as_str())];
    assert_eq!(house.send("/playlists", &right).await, (303, to), "it is the same playlist");
    for _ in 0..1000 {
        if house.store.playlist(ProviderId(id)).await.unwrap().imported_ms.is_some() {
            break;
        }
        crate::base::clock::sleep(Duration::from_millis(10)).await;
    }
    let lists = house.store.playlists().await.unwrap();
    assert_eq!((lists.len(), lists[0].provider.name.as_str(), names(&house).len()), (1, "right", 2));
    // What could be read is in nobody's place.
    let other = [("location", "http://127.0.0.1:9/other.m3u"), ("instead", number.as_str())];
    assert_eq!(house.send("/playlists", &other).await.0, 303);
    assert_eq!(house.store.playlists().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_item_that_has_a_channel_is_made_none_again() {
    let house = Pages::new().await;
    let id = house.with_list(LIST).await;
    let one = house.store.catalog().channels[0].id;
    let shown = house.seen(&format!("/playlists/{id}/items")).await;
    assert!(shown.contains(&format!("href=\"/channels/{}\"", one.0)) && !shown.contains("Make a channel"), "{shown}");
    let items = send(&house.app, "GET", &format!("/api/v1/playlists/{id}/items"), None).await.1;
    assert_eq!(items["items"][0]["channel"], json!(one), "{items}");
    let (number, item) = (id.to_string(), items["items"][0]["id"].to_string());
    assert_eq!(house.send("/channels", &[("playlist", &number), ("item", &item)]).await.0, 409);
    let wanted = json!({ "sources": [{ "playlist": id, "item": items["items"][0]["id"] }] });
    let (status, problem) = send(&house.app, "POST", "/api/v1/channels", Some(wanted.clone())).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("(One) already"), "{problem}");
    assert_eq!((names(&house), house.store.catalog().sources_of(one).len()), (vec!["One".into(), "Two".into()], 1));
    // Of a channel that was taken away a new one may be made.
    assert_eq!(house.send(&format!("/channels/{}/remove", one.0), &[]).await.0, 303);
    assert!(house.seen(&format!("/playlists/{id}/items")).await.contains("Make a channel of One"));
    assert_eq!(send(&house.app, "POST", "/api/v1/channels", Some(wanted)).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn only_a_provider_that_said_so_says_how_many_connections() {
    let house = Pages::new().await;
    let id = house.with_list(LIST).await;
    let path = format!("/playlists/{id}");
    assert!(house.seen(&path).await.contains("placeholder=\"2, unless the provider says otherwise\""));
    let account = crate::playlist::xtream::AccountInfo {
        status: crate::playlist::xtream::Status::Active,
        expires_ms: None,
        is_trial: false,
        max_connections: Some(5),
        active_connections: 0,
        allowed_output_formats: Vec::new(),
        server: crate::playlist::xtream::ServerInfo::default(),
    };
    house.store.set_account(ProviderId(id), json!(account), Some(5)).await.unwrap();
    assert!(house.seen(&path).await.contains("placeholder=\"5, as the provider says\""));
}

#[tokio::test]
async fn an_uploaded_list_is_found_in_another_data_directory() {
    let house = Pages::new().await;
    let name = "playlist-1764380000000.m3u";
    let uploads = house.dir.path().join("uploads");
    std::fs::create_dir(&uploads).unwrap();
    std::fs::write(uploads.join(name), LIST).unwrap();
    // As the database of another box has it.
    let (status, to) = house.send("/playlists", &[("location", &format!("/before/uploads/{name}"))]).await;
    assert_eq!(status, 303);
    let id = to.trim_start_matches("/playlists/").split('?').next().unwrap().parse().unwrap();
    assert_eq!(looked_at(&house, id).await.last_error, None);
    assert_eq!(names(&house), ["One", "Two"]);
    let shown = house.seen(&format!("/playlists/{id}")).await;
    assert!(
        shown.contains("uploaded file") && shown.contains("Another file in its place") && !shown.contains("/before/"),
        "{shown}"
    );
    assert_eq!(house.send(&format!("/playlists/{id}/remove"), &[]).await.0, 303);
    assert!(!uploads.join(name).exists());
}

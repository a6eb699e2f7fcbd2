//! Playlists, their items and rules, channels and their edits, over a real store.

use super::*;

/// A server's data and the API over it.
struct House {
    dir: tempfile::TempDir,
    store: Store,
    app: Router,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("data")).unwrap();
        let memory = Memory(Mutex::new(Catalog::default()), Some(store.clone()), None);
        let app = app_of(memory, store.clone(), settled());
        Self { dir, store, app }
    }

    fn list(&self, text: &str) -> String {
        let path = self.dir.path().join("list.m3u");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let body = (!body.is_null()).then_some(body);
        send(&self.app, method, &format!("/api/v1{path}"), body).await
    }

    async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    /// Adds a playlist and waits until it is read.
    async fn add(&self, request: Value) -> Value {
        let added = self.done("POST", "/playlists", request).await;
        self.read(&added).await;
        added
    }

    /// Waits for the job that reads a playlist.
    async fn read(&self, playlist: &Value) {
        let Some(job) = playlist["job"].as_u64() else { return };
        for _ in 0..1000 {
            let job = self.done("GET", &format!("/jobs/{job}"), Value::Null).await;
            match job["state"].as_str().unwrap() {
                "done" => return,
                "waiting" | "running" => crate::base::clock::sleep(Duration::from_millis(10)).await,
                other => panic!("{other}: {job}"),
            }
        }
        panic!("the job does not end");
    }

    async fn refresh(&self, id: &Value) {
        let started = self.done("POST", &format!("/playlists/{id}/refresh?anyway=true"), Value::Null).await;
        self.read(&started).await;
    }

    async fn lineup(&self) -> Vec<String> {
        let channels = self.done("GET", "/channels", Value::Null).await;
        let shown = |channel: &Value| format!("{} {}", channel["number"].as_str().unwrap(), channel["name"].as_str().unwrap());
        channels["channels"].as_array().unwrap().iter().map(shown).collect()
    }
}

const LIST: &str = "#EXTM3U url-tvg=\"http://u:geheim@g/x.xml\"\n#EXTINF:-1 tvg-id=\"a\" tvg-chno=\"5\" group-title=\"News\",One\nhttp://u:geheim@h/1\n\
                    #EXTINF:-1 group-title=\"Sport\",Two\nhttp://h/2\n#EXTINF:-1 group-title=\"News\",Three\nhttp://h/3\nnonsense\n";

#[tokio::test]
async fn a_playlist_is_added_read_changed_and_taken_away() {
    let house = House::new();
    let location = house.list(LIST);
    let added = house.add(json!({ "location": location, "access": { "headers": { "X-Key": "geheim" }, "proxy": null } })).await;
    let id = &added["id"];
    let path = format!("/playlists/{id}");
    let shown = house.done("GET", &path, Value::Null).await;
    assert_eq!((&shown["name"], &shown["origin"], &shown["sources"]), (&json!("list"), &json!("person"), &json!(3)));
    assert_eq!((&shown["rules"]["channels"], &shown["access"]["headers"]), (&json!("all"), &json!(["X-Key"])));
    let report = &shown["current"]["report"];
    assert_eq!((&report["items"], &report["broken"], &report["first_broken"][0]["line"]), (&json!(3), &json!(1), &json!(8)));
    assert!(!shown.to_string().contains("geheim"), "{shown}");
    assert_eq!(house.lineup().await, ["5 One", "100 Two", "101 Three"]);
    let (status, problem) = house.send("POST", "/playlists", json!({ "location": location })).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");

    house.done("PATCH", &path, json!({ "rules": { "channels": "groups", "groups": ["news"] }, "max_connections": 3 })).await;
    assert_eq!(house.lineup().await, ["5 One", "101 Three"]);
    house.done("PATCH", &path, json!({ "rules": { "exclude": [{ "name_regex": "^thr" }], "channels": "all" } })).await;
    assert_eq!(house.lineup().await, ["5 One", "100 Two"], "ids and numbers were kept");
    assert_eq!(house.store.catalog().providers[0].max_connections, 3);

    let groups = house.done("GET", &format!("{path}/groups"), Value::Null).await;
    assert_eq!(
        groups["groups"],
        json!([{ "name": "News", "items": 2, "chosen": true }, { "name": "Sport", "items": 1, "chosen": true }])
    );
    let items = house.done("GET", &format!("{path}/items?search=t&limit=1"), Value::Null).await;
    assert_eq!((&items["items"][0]["name"], &items["items"][0]["fate"]), (&json!("Two"), &json!("channel")));
    let items = house.done("GET", &format!("{path}/items?search=t&limit=5&after={}", items["next"]), Value::Null).await;
    assert_eq!(
        (&items["items"][0]["name"], &items["items"][0]["fate"], &items["next"]),
        (&json!("Three"), &json!("left_out"), &Value::Null)
    );

    house.done("DELETE", &path, Value::Null).await;
    assert!(house.lineup().await.is_empty());
    assert_eq!(
        std::fs::read_dir(house.store.feeds_dir())
            .unwrap()
            .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().ends_with(".db"))
            .count(),
        0
    );
    house.add(json!({ "location": location })).await;
    assert_eq!(house.lineup().await, ["5 One", "100 Two", "101 Three"], "whoever comes back has the number it had");
}

#[rstest::rstest]
#[case(json!({}), "location")]
#[case(json!({ "location": "rtsp://h/x" }), "location")]
#[case(json!({ "location": "/x", "max_connections": 0 }), "max_connections")]
#[case(json!({ "location": "/x", "refresh_h": 9999 }), "refresh_h")]
#[case(json!({ "location": "/x", "name": " " }), "name")]
#[case(json!({ "location": "/x", "access": { "proxy": "ftp://h" } }), "access")]
#[case(json!({ "location": "/x", "access": { "headers": { "a b": "c" } } }), "access")]
#[case(json!({ "location": "/x", "rules": { "include": [{ "name_regex": "(" }] } }), "rules")]
#[tokio::test]
async fn what_cannot_be_said_of_a_playlist_is_told(#[case] request: Value, #[case] field: &str) {
    let house = House::new();
    let (status, problem) = house.send("POST", "/playlists", request).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{problem}");
    assert!(house.store.playlists().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_version_that_is_held_back_is_shown_accepted_or_discarded() {
    let house = House::new();
    let added = house.add(json!({ "location": house.list(LIST) })).await;
    let id = &added["id"];
    let path = format!("/playlists/{id}");
    house.list("#EXTM3U\n");
    house.refresh(id).await;
    assert_eq!(house.lineup().await.len(), 3, "the last good one is served");
    let shown = house.done("GET", &path, Value::Null).await;
    assert!(shown["held"]["reason"].as_str().unwrap().contains("no channels at all"), "{shown}");
    assert!(shown["warnings"][0].as_str().unwrap().contains("held back"), "{shown}");
    let difference = house.done("GET", &format!("{path}/held"), Value::Null).await;
    assert_eq!((&difference["gone"], &difference["gone_names"]), (&json!(3), &json!(["One", "Two", "Three"])));
    house.done("DELETE", &format!("{path}/held"), Value::Null).await;
    assert_eq!(house.send("POST", &format!("{path}/held/accept"), Value::Null).await.0, StatusCode::CONFLICT);
    house.refresh(id).await;
    house.done("POST", &format!("{path}/held/accept"), Value::Null).await;
    assert!(house.lineup().await.is_empty());
    house.list(LIST);
    house.refresh(id).await;
    assert_eq!(house.lineup().await, ["5 One", "100 Two", "101 Three"]);
}

#[tokio::test]
async fn channels_are_changed_one_by_one_and_together() {
    let house = House::new();
    let added = house.add(json!({ "location": house.list(LIST) })).await;
    let id = |number: &str| house.store.catalog().channel(&number.parse().unwrap()).unwrap().id.0;
    let (one, two) = (id("5"), id("100"));
    let changed =
        house.done("PATCH", &format!("/channels/{one}"), json!({ "name": "Uno", "groups": ["A", "B"], "number": "7.1" })).await;
    assert_eq!((&changed["name"], &changed["group"], &changed["number"]), (&json!("Uno"), &json!("A;B"), &json!("7.1")));
    house.refresh(&added["id"]).await;
    assert_eq!(house.lineup().await, ["7.1 Uno", "100 Two", "101 Three"], "a refresh changes nothing that people set");
    house.done("PATCH", &format!("/channels/{one}"), json!({ "name": null })).await;
    let taken = house.send("PATCH", &format!("/channels/{one}"), json!({ "number": "100" })).await;
    assert_eq!(taken.0, StatusCode::CONFLICT, "{}", taken.1);

    // Two channels change places in one go.
    house.done("POST", "/channels/bulk", json!({ "select": { "ids": [two, id("101")] }, "renumber": { "from": 100 } })).await;
    house.done("POST", "/channels/bulk", json!({ "select": { "ids": [id("101"), two] }, "renumber": { "from": 100 } })).await;
    assert_eq!(house.lineup().await, ["7.1 One", "100 Three", "101 Two"]);
    let count = house.done("POST", "/channels/bulk", json!({ "select": { "group": "news" }, "set": { "enabled": false } })).await;
    assert_eq!((&count["channels"], house.lineup().await), (&json!(1), vec!["7.1 One".to_owned(), "101 Two".to_owned()]));
    let all = house.done("GET", "/channels?all=true", Value::Null).await;
    assert_eq!(all["channels"].as_array().unwrap().len(), 3);
    for bad in [json!({}), json!({ "select": { "all": true }, "set": { "number": "5" } }), json!({ "select": { "ids": [99] } })] {
        assert!(house.send("POST", "/channels/bulk", bad).await.0.is_client_error());
    }
    for said in [json!(true), json!(false), Value::Null] {
        let (_, changed) = house.send("PATCH", &format!("/channels/{one}"), json!({ "hot_standby": said })).await;
        assert_eq!(changed["hot_standby"], said);
    }
    assert_eq!(house.send("PATCH", "/channels/99", json!({ "favorite": true })).await.0, StatusCode::NOT_FOUND);
    house.done("DELETE", &format!("/channels/{one}"), Value::Null).await;
    house.refresh(&added["id"]).await;
    assert_eq!(house.lineup().await, ["101 Two"], "what a person removed stays away");
}

#[tokio::test]
async fn a_channel_of_ones_own_has_sources_from_anywhere() {
    let house = House::new();
    let added = house.add(json!({ "location": house.list(LIST), "rules": { "channels": "none" } })).await;
    assert!(house.lineup().await.is_empty());
    let (playlist, items) = (&added["id"], house.done("GET", &format!("/playlists/{}/items", added["id"]), Value::Null).await);
    let item = |index: usize| items["items"][index]["id"].clone();
    let made =
        house.done("POST", "/channels", json!({ "number": "3", "sources": [{ "playlist": playlist, "item": item(1) }] })).await;
    assert_eq!((&made["name"], &made["sources"][0]["url"]), (&json!("Two"), &json!("http://h/2")));
    let path = format!("/channels/{}/sources", made["id"]);
    house.done("POST", &path, json!({ "playlist": playlist, "item": item(0) })).await;
    let with = house.done("POST", &path, json!({ "url": "udp://239.0.0.1:5000" })).await;
    let ids: Vec<i64> = with["sources"].as_array().unwrap().iter().map(|source| source["id"].as_i64().unwrap()).collect();
    let ordered = house.done("PUT", &path, json!({ "order": [ids[2], ids[0]] })).await;
    let urls = |channel: &Value| {
        channel["sources"].as_array().unwrap().iter().map(|source| source["url"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(urls(&ordered), ["udp://239.0.0.1:5000", "http://h/2", "http://***@h/1"]);
    // The item is renamed and its token changes: it stays where the person put it.
    house.list("#EXTINF:-1 tvg-id=\"zwei\",Zwei\nhttp://h/2?token=9\n#EXTINF:-1,Other\nhttp://h/9\n");
    house.refresh(playlist).await;
    let now = house.done("GET", &format!("/channels/{}", made["id"]), Value::Null).await;
    assert_eq!(
        (urls(&now), house.lineup().await),
        (vec!["udp://239.0.0.1:5000".into(), "http://h/2?token=***".into()], vec!["3 Two".to_owned()])
    );
    house.done("DELETE", &format!("/sources/{}", ids[2]), Value::Null).await;
    house.done("PATCH", &format!("/sources/{}", ids[0]), json!({ "enabled": false })).await;
    assert_eq!(house.store.catalog().sources_of(ChannelId(made["id"].as_i64().unwrap())).len(), 1);
    assert_eq!(house.send("DELETE", "/sources/99", Value::Null).await.0, StatusCode::NOT_FOUND);
    for bad in [json!({}), json!({ "url": "javascript:1" }), json!({ "playlist": playlist, "item": 99 })] {
        assert!(house.send("POST", &path, bad).await.0.is_client_error());
    }
}

#[tokio::test]
async fn backups_are_found_by_id_and_by_name() {
    let house = House::new();
    let list = "#EXTM3U\n#EXTINF:-1 tvg-id=\"a\",Sport One\nhttp://h/1\n#EXTINF:-1,UK: Sport One FHD\nhttp://h/2\n#EXTINF:-1,Sport One (backup)\nhttp://h/3\n\
                #EXTINF:-1,Sport One +1\nhttp://h/4\n#EXTINF:-1,Sport Two\nhttp://h/5\n#EXTINF:-1,Sport One\nhttp://h/movie/6.mp4\n";
    let rules = json!({ "channels": "none", "vod": true });
    let playlist = house.add(json!({ "location": house.list(list), "rules": rules })).await["id"].clone();
    let made = house.done("POST", "/channels", json!({ "sources": [{ "playlist": playlist, "item": 1 }] })).await;
    let found = house.done("GET", &format!("/channels/{}/backups", made["id"]), Value::Null).await;
    let found: Vec<(i64, &str)> = found["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["item"].as_i64().unwrap(), one["why"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [(2, "name"), (3, "name")], "the best first, an hour later is another channel");
    house.done("POST", &format!("/channels/{}/sources", made["id"]), json!({ "playlist": playlist, "item": 2 })).await;
    let left = house.done("GET", &format!("/channels/{}/backups", made["id"]), Value::Null).await;
    assert_eq!(left["backups"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn events_take_turns_in_channels_of_their_own() {
    let house = House::new();
    let list = |events: &[(&str, u32)]| {
        let events = events.iter().map(|(name, url)| format!("#EXTINF:-1 group-title=\"PPV\",{name}\nhttp://h/{url}\n"));
        format!("#EXTM3U\n#EXTINF:-1,Plain\nhttp://h/plain\n{}", events.collect::<String>())
    };
    let location = house.list(&list(&[("Fight", 1), ("Race", 2)]));
    let rules = json!({ "events": [{ "id": "ppv", "when": { "group": "PPV" }, "first": 900, "slots": 2 }] });
    let id = house.add(json!({ "location": location, "rules": rules })).await["id"].clone();
    assert_eq!(house.lineup().await, ["100 Plain", "900 Fight", "901 Race"]);
    let slot = house.store.catalog().channel(&"901".parse().unwrap()).unwrap().id;
    for (events, expected) in [
        (&[("Race: lap 2", 2), ("Match", 3), ("Too many", 4)][..], &["100 Plain", "900 Match", "901 Race: lap 2"][..]),
        (&[("Race: lap 2", 2)][..], &["100 Plain", "901 Race: lap 2"][..]),
        (&[("Race: lap 3", 2), ("Game", 5)][..], &["100 Plain", "900 Game", "901 Race: lap 3"][..]),
    ] {
        house.list(&list(events));
        house.refresh(&id).await;
        assert_eq!(house.lineup().await, expected);
        assert_eq!(house.store.catalog().channel(&"901".parse().unwrap()).unwrap().id, slot);
    }
}

#[tokio::test]
async fn numbers_of_a_block_are_kept_for_its_events() {
    let house = House::new();
    let plain = "#EXTM3U\n#EXTINF:-1,Plain\nhttp://h/plain\n#EXTINF:-1 tvg-chno=\"101\",Wish\nhttp://h/wish\n";
    let rules = json!({ "events": [{ "id": "ppv", "when": { "group": "PPV" }, "first": 100, "slots": 2 }] });
    let id = house.add(json!({ "location": house.list(plain), "rules": rules })).await["id"].clone();
    assert_eq!(house.lineup().await, ["102 Plain", "103 Wish"]);
    house.list(&format!("{plain}#EXTINF:-1 group-title=\"PPV\",Fight\nhttp://h/1\n"));
    house.refresh(&id).await;
    assert_eq!(house.lineup().await, ["100 Fight", "102 Plain", "103 Wish"]);
}

#[tokio::test]
async fn a_device_has_the_channels_it_is_given() {
    let house = House::new();
    house.add(json!({ "location": house.list(LIST) })).await;
    let device = house.store.catalog().devices[0].clone();
    let path = format!("/devices/{}/channels", device.id);
    let all = house.done("GET", &path, Value::Null).await;
    assert_eq!((&all["all"], all["channels"].as_array().unwrap().len(), &all["warning"]), (&json!(true), 3, &Value::Null));
    let news = house.done("PUT", &path, json!({ "groups": ["NEWS"] })).await;
    assert_eq!((&news["all"], news["channels"].as_array().unwrap().len()), (&json!(false), 2));
    let one = house.store.catalog().channel(&"5".parse().unwrap()).unwrap().id;
    house.done("PUT", &path, json!({ "channels": [one] })).await;
    let catalog = house.store.catalog();
    assert_eq!(catalog.channels.iter().filter(|channel| catalog.has(device.row, channel.id)).count(), 1);
    for bad in [json!({}), json!({ "all": true, "groups": [] }), json!({ "channels": [99] })] {
        assert!(house.send("PUT", &path, bad).await.0.is_client_error());
    }
    assert_eq!(house.done("PUT", &path, json!({ "all": true })).await["all"], true);
    let parts = house.done("GET", "/devices/split?most=2", Value::Null).await;
    assert_eq!(
        parts["parts"].as_array().unwrap().iter().map(|part| part["channels"].as_array().unwrap().len()).collect::<Vec<_>>(),
        [2, 1]
    );
}

#[tokio::test]
async fn channels_go_to_a_table_and_back() {
    let house = House::new();
    house.add(json!({ "location": house.list(LIST) })).await;
    let (status, table) = get(&house.app, "/api/v1/channels/export").await;
    assert_eq!(status, StatusCode::OK);
    assert!(table.starts_with("id,number,name,groups,logo,guide_id,enabled,favorite\n1,5,One,News,,a,true,false\n"), "{table}");
    let import = |media: &'static str, table: String| {
        let mut request = request("POST", "/api/v1/channels/import", Some(TOKEN), None);
        request.headers_mut().insert("content-type", media.parse().unwrap());
        *request.body_mut() = Body::from(table);
        house.app.clone().oneshot(request)
    };
    let changed = table.replace("5,One,News", "9.1,Eins,News;Top").replace("true,false\n2", "false,true\n2");
    assert_eq!(text(import("text/csv", changed).await.unwrap()).await, "{\"rows\":3,\"changed\":1}");
    assert_eq!(house.lineup().await, ["100 Two", "101 Three"]);
    let back = import("application/json", "[{\"number\":\"9.1\",\"name\":\"-\",\"enabled\":true}]".into()).await.unwrap();
    assert_eq!(back.status(), StatusCode::OK);
    assert_eq!(house.lineup().await, ["9.1 One", "100 Two", "101 Three"]);
    assert_eq!(import("text/csv", "number\n77\n".into()).await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(import("text/html", String::new()).await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

/// A guide of two channels with an hour of each, around now.
fn guide(ids: [&str; 2]) -> String {
    let now = jiff::Timestamp::from_second(crate::base::clock::wall_ms() / 1000).unwrap();
    let at = |minutes: i64| (now + jiff::SignedDuration::from_mins(minutes)).strftime("%Y%m%d%H%M%S +0000").to_string();
    let channels = ids.map(|id| format!("<channel id=\"{id}\"><display-name>Channel {id}</display-name></channel>"));
    let programmes = ids.map(|id| {
        let one = |from: i64, to: i64, title: &str| {
            format!(
                "<programme start=\"{}\" stop=\"{}\" channel=\"{id}\"><title>{title} of {id}</title></programme>",
                at(from),
                at(to)
            )
        };
        one(-30, 30, "Morning") + &one(30, 90, "Evening")
    });
    format!("<tv>{}{}</tv>", channels.concat(), programmes.concat())
}

#[tokio::test]
async fn guides_are_read_mapped_and_shown() {
    let house = House::new();
    house.add(json!({ "location": house.list(LIST) })).await;
    let path = house.dir.path().join("guide.xml");
    std::fs::write(&path, guide(["a", "zwei"])).unwrap();
    let added = house.done("POST", "/guides", json!({ "location": path.to_str().unwrap(), "name": "Mine" })).await;
    house.read(&added).await;
    let shown = house.done("GET", &format!("/guides/{}", added["id"]), Value::Null).await;
    let report = &shown["current"]["report"];
    assert_eq!((&report["channels"], &report["mapped"], &report["kept"]), (&json!(2), &json!(1), &json!(2)), "{shown}");
    let two = house.store.catalog().channel(&"100".parse().unwrap()).unwrap().id.0;
    let mappings = house.done("GET", "/mappings", Value::Null).await;
    assert_eq!(
        (&mappings["mappings"][0]["how"], &mappings["mappings"][1]["how"]),
        (&json!("tvg_id"), &Value::Null),
        "{mappings}"
    );
    let map = format!("/channels/{two}/mapping");
    for bad in
        [json!({ "guide": added["id"] }), json!({ "guide": added["id"], "guide_channel": "none" }), json!({ "offset_s": 99_999 })]
    {
        assert!(house.send("PUT", &map, bad).await.0.is_client_error());
    }
    house.done("PUT", &map, json!({ "guide": added["id"], "guide_channel": "zwei", "offset_s": 3600 })).await;
    let refresh = house.done("POST", &format!("/guides/{}/refresh?anyway=true", added["id"]), Value::Null).await;
    house.read(&refresh).await;
    let on = house.done("GET", "/guide/now", Value::Null).await;
    let title = |index: usize, which: &str| on["channels"][index][which]["title"].clone();
    assert_eq!((title(0, "now"), title(0, "next")), (json!("Morning of a"), json!("Evening of a")));
    assert_eq!((title(1, "now"), title(1, "next")), (Value::Null, json!("Morning of zwei")), "an hour later: {on}");
    assert!(on["channels"][0]["progress_per_mille"].as_u64().unwrap().abs_diff(500) < 20);
    let found = house.done("GET", "/guide/search?q=EVENING", Value::Null).await;
    assert_eq!(found["found"].as_array().unwrap().len(), 2, "{found}");
    let programmes = house.done("GET", &format!("/channels/{two}/programmes?hours=3"), Value::Null).await;
    assert_eq!(programmes["programmes"].as_array().unwrap().len(), 2);

    // The guide has lost both channels: it is held back, and the last good one is served.
    std::fs::write(&path, "<tv></tv>").unwrap();
    let refresh = house.done("POST", &format!("/guides/{}/refresh", added["id"]), Value::Null).await;
    house.read(&refresh).await;
    let shown = house.done("GET", &format!("/guides/{}", added["id"]), Value::Null).await;
    assert!(shown["held"]["reason"].as_str().unwrap().contains("no channels at all"), "{shown}");
    assert_eq!(house.done("GET", "/guide/now", Value::Null).await["channels"][0]["now"]["title"], "Morning of a");
    let difference = house.done("GET", &format!("/guides/{}/held", added["id"]), Value::Null).await;
    assert_eq!((&difference["gone"], &difference["mapped_gone"], &difference["added"]), (&json!(2), &json!(2), &json!(0)));
    assert_eq!(difference["gone_names"], json!(["Channel a", "Channel zwei"]));
    house.done("DELETE", &format!("/guides/{}/held", added["id"]), Value::Null).await;
    assert_eq!(house.send("GET", &format!("/guides/{}/held", added["id"]), Value::Null).await.0, StatusCode::CONFLICT);
    // A third of it is doubtful, too, and a person takes it all the same.
    std::fs::write(&path, &guide(["a", "a"]).replace("Morning", "Noon")[..300]).unwrap();
    let refresh = house.done("POST", &format!("/guides/{}/refresh", added["id"]), Value::Null).await;
    house.read(&refresh).await;
    let accept = house.done("POST", &format!("/guides/{}/held/accept", added["id"]), Value::Null).await;
    house.read(&accept).await;
    let shown = house.done("GET", &format!("/guides/{}", added["id"]), Value::Null).await;
    assert_eq!((&shown["held"], &shown["current"]["report"]["channels"]), (&Value::Null, &json!(1)), "{shown}");
    assert_eq!(house.send("POST", &format!("/guides/{}/held/accept", added["id"]), Value::Null).await.0, StatusCode::CONFLICT);
    // Another guide in its place: what a person said stays, what was found by itself is found anew.
    std::fs::write(&path, guide(["b", "c"])).unwrap();
    let refresh = house.done("POST", &format!("/guides/{}/refresh", added["id"]), Value::Null).await;
    house.read(&refresh).await;
    let mappings = house.done("GET", "/mappings", Value::Null).await;
    assert_eq!(
        (&mappings["mappings"][0]["how"], &mappings["mappings"][1]["guide_channel"]),
        (&Value::Null, &json!("zwei")),
        "{mappings}"
    );
    house.done("DELETE", &map, Value::Null).await;
    house.done("DELETE", &format!("/guides/{}", added["id"]), Value::Null).await;
    assert_eq!(house.done("GET", "/guides", Value::Null).await["guides"], json!([]));
    assert_eq!(
        std::fs::read_dir(house.store.feeds_dir())
            .unwrap()
            .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("guide")
                && !file.as_ref().unwrap().file_name().to_string_lossy().ends_with(".lock"))
            .count(),
        0
    );
}

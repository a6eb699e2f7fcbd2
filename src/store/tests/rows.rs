//! Devices, tokens, settings, marks and facts.

use std::time::Duration;

use super::*;
use crate::base::clock;
use crate::model::{Health, StreamInfo, VideoInfo};
use crate::store::{NewDevice, StoreError};

#[tokio::test]
async fn the_first_device_is_made_once() {
    let (dir, store) = open();
    let device = store.devices().remove(0);
    assert_eq!((device.name.as_str(), device.tuner_count, device.listen, device.auth.len()), ("Rooftop", 4, None, 24));
    assert!(device.id.to_string().starts_with("108"), "{}", device.id);
    assert!(crate::model::DeviceId::new(device.id.get()).is_ok());
    drop(store);
    let again = Store::open(dir.path()).unwrap();
    assert_eq!(again.devices(), [device]);
}

#[tokio::test]
async fn devices_come_change_and_go() {
    let (dir, store) = open();
    let listen = Some("127.0.0.2:5004".parse().unwrap());
    let new = NewDevice { name: "Attic".into(), tuner_count: 2, listen, ..NewDevice::default() };
    let mut attic = store.add_device(new.clone()).await.unwrap();
    assert_eq!((attic.name.as_str(), attic.tuner_count, attic.listen), ("Attic", 2, listen));
    assert!(matches!(store.add_device(new).await, Err(StoreError::ListenTaken(_))));
    let same = NewDevice { id: Some(attic.id), ..NewDevice::default() };
    assert!(matches!(store.add_device(same).await, Err(StoreError::DeviceTaken(_))));
    attic.name = "Loft".into();
    attic.tuner_count = 0;
    store.update_device(attic.clone()).await.unwrap();
    attic.tuner_count = 1;
    assert_eq!(store.devices().get(1), Some(&attic));
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.devices().get(1), Some(&attic));
    let first = store.devices().remove(0).row;
    assert!(matches!(store.remove_device(first).await, Err(StoreError::FirstDevice)));
    store.remove_device(attic.row).await.unwrap();
    assert!(matches!(store.remove_device(attic.row).await, Err(StoreError::NoSuchDevice)));
    assert!(matches!(store.update_device(attic).await, Err(StoreError::NoSuchDevice)));
    assert_eq!(store.devices().len(), 1);
}

#[tokio::test]
async fn tokens_work_until_revoked_and_are_not_kept() {
    let (dir, store) = open();
    let token = store.create_token("kitchen").await.unwrap();
    assert!(token.expose().len() > 40);
    assert!(store.check_token(token.expose()));
    for wrong in ["", "rooftop_", &token.expose()[1..], &format!("{}x", token.expose())] {
        assert!(!store.check_token(wrong) && !store.accepts_token(wrong).await, "{wrong}");
    }
    store.close().await;
    let known = store.tokens().await.unwrap();
    assert_eq!((known.len(), known[0].name.as_str()), (1, "kitchen"));
    assert!(known[0].last_used_ms.is_some());
    drop(store);
    let kept = std::fs::read(dir.path().join("rooftop.db")).unwrap();
    assert!(!kept.windows(token.expose().len()).any(|window| window == token.expose().as_bytes()));
    let store = Store::open(dir.path()).unwrap();
    assert!(store.check_token(token.expose()));
    store.revoke_token(known[0].id).await.unwrap();
    assert!(!store.check_token(token.expose()));
    assert!(matches!(store.revoke_token(known[0].id).await, Err(StoreError::NoSuchToken(_))));
}

#[tokio::test]
async fn a_command_beside_the_server_makes_tokens_that_work_at_once() {
    let (dir, server) = open();
    let beside = Store::open_beside(dir.path()).unwrap();
    let token = beside.create_token("cli").await.unwrap();
    assert!(server.accepts_token(token.expose()).await);
    beside.revoke_token(1).await.unwrap();
    let deadline = clock::now() + Duration::from_secs(5);
    while server.check_token(token.expose()) {
        assert!(clock::now() < deadline, "the server does not notice");
        clock::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn settings_are_kept() {
    let (dir, store) = open();
    assert_eq!(store.setting("a").await.unwrap(), None);
    store.set_setting("a", Some("1")).await.unwrap();
    store.set_setting("a", Some("ä\n2")).await.unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.setting("a").await.unwrap().as_deref(), Some("ä\n2"));
    store.set_setting("a", None).await.unwrap();
    assert_eq!(store.setting("a").await.unwrap(), None);
}

#[tokio::test]
async fn marks_survive_a_restart_and_a_new_reading() {
    let (dir, store) = open();
    let items = || vec![item("a", "1", "One", "u1"), item("b", "2", "Two", "u2")];
    store.import(spec("p", 0), items()).await.unwrap();
    let number = |text: &str| text.parse().unwrap();
    assert!(store.set_favorite(&number("1"), true).await.unwrap());
    assert!(!store.set_favorite(&number("3"), true).await.unwrap());
    assert!(store.set_channel_enabled(&number("2"), false).await.unwrap());
    assert_eq!(store.catalog().channels.len(), 1);
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    store.import(spec("p", 0), items()).await.unwrap();
    assert_eq!(store.catalog().channels.iter().map(|channel| channel.favorite).collect::<Vec<_>>(), [true]);
    assert_eq!(store.all_channels().await.unwrap().len(), 2);
    assert!(store.set_channel_enabled(&number("2"), true).await.unwrap());
    assert_eq!(store.catalog().channels.len(), 2);
}

#[tokio::test]
async fn facts_are_gathered_and_shown() {
    let (dir, store) = open();
    store.import(spec("p", 0), vec![item("a", "1", "One", "u1")]).await.unwrap();
    let catalog = store.catalog();
    let channel = catalog.channels[0].id;
    let source = catalog.sources_of(channel)[0].id;
    for failures in 0..1000 {
        store.record_health(source, Health { failures, last_reason: Some("dead".into()), ..Health::default() });
    }
    store.record_health(crate::model::SourceId(77), Health::default());
    let video = VideoInfo {
        codec: crate::model::Codec::H264,
        profile: None,
        width: Some(1280),
        height: Some(720),
        frame_rate: Some(29.97),
        interlaced: None,
        pixel_aspect: None,
    };
    let info = StreamInfo { video: Some(video), ..StreamInfo::default() };
    store.record_stream_info(channel, info.clone());
    store.close().await;
    let seen = |store: &Store| {
        let catalog = store.catalog();
        let health = catalog.sources_of(channel)[0].health.clone();
        (health.failures, health.last_reason, catalog.channels[0].info.clone())
    };
    assert_eq!(seen(&store), (999, Some("dead".into()), Some(info.clone())));
    drop(store);
    assert_eq!(seen(&Store::open(dir.path()).unwrap()), (999, Some("dead".into()), Some(info)));
}

/// Without anybody asking, facts are on disk soon; and what is left is written when the last handle goes.
#[tokio::test]
async fn facts_need_no_asking() {
    let (dir, store) = open();
    store.import(spec("p", 0), vec![item("a", "1", "One", "u1")]).await.unwrap();
    let catalog = store.catalog();
    let channel = catalog.channels[0].id;
    let source = catalog.sources_of(channel)[0].id;
    let failures = |store: &Store| store.catalog().sources_of(channel)[0].health.failures;
    store.record_health(source, Health { failures: 3, ..Health::default() });
    let deadline = clock::now() + Duration::from_secs(5);
    while failures(&store) != 3 {
        assert!(clock::now() < deadline, "facts are not written");
        clock::sleep(Duration::from_millis(20)).await;
    }
    store.record_health(source, Health { failures: 4, ..Health::default() });
    drop(store);
    assert_eq!(failures(&Store::open(dir.path()).unwrap()), 4);
}

#[tokio::test]
async fn a_change_that_fails_or_panics_takes_back_only_itself() {
    use crate::store::writer::Stale;
    let (_dir, store) = open();
    let good = store.set_setting("good", Some("1"));
    let fails = store.change::<()>(|connection| {
        connection.execute("INSERT INTO settings VALUES ('half', '1')", [])?;
        Err(StoreError::NoSuchChannel)
    });
    let panics = store.change::<()>(|connection| {
        connection.execute("INSERT INTO settings VALUES ('half', '1')", [])?;
        panic!("on purpose");
    });
    let (good, fails, panics) = futures_util::join!(good, fails, panics);
    good.unwrap();
    assert!(matches!(fails, Err(StoreError::NoSuchChannel)));
    assert!(matches!(panics, Err(StoreError::Gone)));
    assert_eq!(store.setting("half").await.unwrap(), None);
    assert_eq!(store.setting("good").await.unwrap().as_deref(), Some("1"));
    store.change(|_| Ok((Stale::NOTHING, ()))).await.unwrap();
}

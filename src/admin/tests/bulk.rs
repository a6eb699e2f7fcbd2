//! Channels that are marked, and what is done with them: through the page, with a real store behind it.

use super::pages::{LIST, Pages};
use super::*;

const BULK: &str = "/channels/bulk";

/// A house of three channels and two devices; gives the second one, and the ids of the channels as forms have them.
async fn house_of_two() -> (Pages, Device, Vec<String>) {
    let house = Pages::new().await;
    house.with_list(LIST).await;
    let listen = Some("10.0.0.3:80".parse().unwrap());
    let new = crate::store::NewDevice { name: "Living room".into(), listen, ..crate::store::NewDevice::default() };
    let room = house.store.add_device(new).await.unwrap();
    let ids = house.store.catalog().channels.iter().map(|channel| channel.id.0.to_string()).collect();
    (house, room, ids)
}

/// The numbers of a device's channels.
fn numbers(house: &Pages, device: &Device) -> Vec<String> {
    let catalog = house.store.catalog();
    let own = catalog.channels.iter().filter(|channel| catalog.has(device.row, channel.id));
    own.map(|channel| channel.number.to_string()).collect()
}

#[tokio::test]
async fn marked_channels_go_onto_a_device_and_off_it() {
    let (house, room, ids) = house_of_two().await;
    let (give, take) = (format!("give:{}", room.id), format!("take:{}", room.id));
    let shown = house.seen("/channels").await;
    assert!(shown.contains(&format!("value=\"{give}\">on device Living room (these alone)<")), "{shown}");
    assert!(shown.contains(&format!("value=\"{take}\">not on Living room<")), "{shown}");
    // It had all: now it has these alone.
    let fields = [("act", give.as_str()), ("id", &ids[0]), ("id", &ids[1]), ("back", "q=&page=1")];
    let to = format!("/channels?q=&page=1&of={}&note=lineup", room.id);
    assert_eq!(house.send(BULK, &fields).await, (303, to.clone()));
    assert_eq!(numbers(&house, &room), ["5", "100"]);
    let shown = house.seen(&to).await;
    assert!(shown.contains("Living room has 2 of 3 channels now.") && shown.contains("(these too)"), "{shown}");
    // A further one is added, one is taken off; the first device keeps them all.
    assert_eq!(house.send(BULK, &[("act", &give), ("id", &ids[2])]).await.0, 303);
    assert_eq!(house.send(BULK, &[("act", &take), ("id", &ids[0])]).await.0, 303);
    assert_eq!(numbers(&house, &room), ["100", "101"]);
    assert_eq!(numbers(&house, &house.store.devices()[0]), ["5", "100", "101"]);
    for (act, id, status) in [(&take, "9999", 404), (&"give:1080F19F".to_owned(), ids[0].as_str(), 404)] {
        assert_eq!(house.send(BULK, &[("act", act), ("id", id)]).await.0, status, "{act} {id}");
    }
    let last = [("act", take.as_str()), ("id", &ids[1]), ("id", &ids[2])];
    assert_eq!(house.send(BULK, &last).await.0, 409, "a device without channels is of no use");
}

#[tokio::test]
async fn the_channels_of_a_device_are_shown_alone() {
    let (house, room, ids) = house_of_two().await;
    let only = format!("/channels?device={}", room.id);
    assert!(house.seen(&only).await.contains("Two</a>"));
    assert_eq!(house.send(BULK, &[("act", &format!("give:{}", room.id)), ("id", &ids[0])]).await.0, 303);
    let shown = house.seen(&only).await;
    assert!(shown.contains("1 of 3") && shown.contains("One</a>") && !shown.contains("Two</a>"), "{shown}");
    assert!(shown.contains(&format!("value=\"device={}&#38;page=1\"", room.id)), "the filter stays: {shown}");
    let devices = house.seen("/devices").await;
    assert!(devices.contains(&format!("href=\"{only}\">1 of 3 channels")), "{devices}");
}

#[tokio::test]
async fn one_device_alone_is_not_offered() {
    let house = Pages::new().await;
    house.with_list(LIST).await;
    assert!(!house.seen("/channels").await.contains("value=\"give:"));
}

#[tokio::test]
async fn a_channel_without_a_source_is_told_and_counted() {
    let (house, _, ids) = house_of_two().await;
    let shown = house.seen("/channels").await;
    assert!(shown.contains(">3 channels</p>") && !shown.contains(">no source</span>"), "{shown}");
    assert_eq!(house.send("/channels", &[("name", "Own"), ("number", "9")]).await.0, 303);
    assert_eq!(house.send(BULK, &[("act", "off"), ("id", &ids[2])]).await.0, 303);
    let shown = house.seen("/channels").await;
    assert_eq!(shown.matches(">no source</span>").count(), 1, "{shown}");
    assert!(shown.contains(">3 of 4, <a href=\"/channels?show=bare\">1 without a source</a></p>"), "{shown}");
    let all = house.seen("/channels?show=all").await;
    assert!(all.contains(">4 channels, 1 switched off, <a href"), "{all}");
    // Without these, it is what players get, and what is said elsewhere.
    assert!(house.seen("/devices").await.contains("2 channels, all there are"));
    assert!(house.seen("/").await.contains(">2 channels</p>"));
    let bare = house.seen("/channels?show=bare").await;
    assert!(bare.contains("Own</a>") && !bare.contains("One</a>"), "{bare}");
}

#[tokio::test]
async fn whoever_forgets_something_is_told_where_he_is() {
    let (house, _, ids) = house_of_two().await;
    let before = house.store.deeds(99).await.unwrap().len();
    let nothing = [("act", "off"), ("back", "q=o&group=News&page=1")];
    let (status, to) = house.send(BULK, &nothing).await;
    assert_eq!((status, to.as_str()), (303, "/channels?q=o&group=News&page=1&note=unmarked"));
    let shown = house.seen(&to).await;
    assert!(shown.contains("class=\"warning\"") && shown.contains("Mark channels first."), "{shown}");
    assert!(shown.contains("value=\"o\"") && shown.contains("<option selected>News"), "the filter is kept: {shown}");
    let (status, to) = house.send(BULK, &[("act", "group"), ("id", &ids[0]), ("back", "page=1")]).await;
    assert_eq!((status, to.as_str()), (303, format!("/channels?page=1&marked={}&note=unsaid", ids[0]).as_str()));
    let shown = house.seen(&to).await;
    assert!(shown.contains(&format!("value=\"{}\" checked", ids[0])), "the mark is kept: {shown}");
    assert!(!shown.contains(&format!("value=\"{}\" checked", ids[1])), "{shown}");
    assert_eq!(house.store.deeds(99).await.unwrap().len(), before, "nothing was done by anybody");
}

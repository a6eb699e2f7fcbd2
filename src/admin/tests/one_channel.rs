//! The page of a channel: its guide and its sources.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::pages::{LIST, Pages};
use super::*;
use crate::admin::feeds::Readers;
use crate::admin::feeds::edits::{BulkRequest, EditRequest, Selection};
use crate::model::SessionHistory;

/// The radio of a choice, up to its end.
fn radio<'a>(shown: &'a str, value: &str) -> &'a str {
    let from = shown.find(&format!("name=\"choice\" value=\"{value}\"")).unwrap_or_else(|| panic!("{value} in {shown}"));
    shown[from..].split('>').next().unwrap()
}

#[tokio::test]
async fn the_guide_that_is_marked_is_the_one_that_was_chosen() {
    let house = Pages::new().await;
    house.with_list(LIST).await;
    let one = house.store.catalog().channel(&"5".parse().unwrap()).unwrap().id.0;
    // Two guides with the same ids, as those of two playlists of one provider.
    let first = house.with_guide("East", &[("one.de", "One HD"), ("two.de", "Two")]).await.0;
    let second = house.with_guide("West", &[("one.de", "One TV"), ("two.de", "Two")]).await.0;
    for (chosen, other) in [(first, second), (second, first)] {
        let choice = format!("{chosen}:one.de");
        assert_eq!(house.send(&format!("/channels/{one}/mapping"), &[("choice", &choice)]).await.0, 303);
        let shown = house.seen(&format!("/channels/{one}")).await;
        assert!(radio(&shown, &choice).contains("checked"), "{shown}");
        assert!(!radio(&shown, &format!("{other}:one.de")).contains("checked"), "{shown}");
    }
}

#[tokio::test]
async fn programmes_that_are_still_being_read_are_told_of() {
    let house = Pages::new().await;
    house.with_list(LIST).await;
    let one = house.store.catalog().channel(&"5".parse().unwrap()).unwrap().id.0;
    let path = format!("/channels/{one}");
    let guide = house.with_guide("East", &[("one.de", "One HD"), ("two.de", "Two")]).await;
    house.send(&format!("{path}/mapping"), &[("choice", &format!("{}:two.de", guide.0))]).await;
    let wait = |kind, subject| {
        house.jobs.start(kind, subject, "East", |progress| async move {
            progress.cancelled().await;
            Ok(Value::Null)
        })
    };
    let other = wait("guide.again", guide.0 + 1);
    assert!(house.seen(&path).await.contains("Its guide has nothing for the next hours."), "another guide is read");
    let job = wait("guide.again", guide.0);
    let shown = house.seen(&path).await;
    assert!(shown.contains("Its programmes are being read") && shown.contains(&format!("data-job=\"{job}\"")), "{shown}");
    house.send(&format!("{path}/mapping"), &[("choice", "none")]).await;
    let shown = house.seen(&path).await;
    assert!(!shown.contains("look again") && !shown.contains("for the next hours"), "it is to have none: {shown}");
    assert!(radio(&shown, "none").contains("checked"), "{shown}");
    house.send(&format!("{path}/mapping"), &[("choice", "auto")]).await;
    assert!(house.seen(&path).await.contains("A guide is being looked for"));
    for job in [other, job] {
        house.jobs.cancel(job);
        house.jobs.ended(job).await;
    }
}

/// Counts how often it is told that something has changed.
#[derive(Default)]
struct Told(AtomicUsize);

impl Readers for Told {
    fn refresh_playlist(&self, _: ProviderId, _: &str, _: bool) -> u64 {
        0
    }
    fn apply_rules(&self, _: ProviderId, _: &str) -> u64 {
        0
    }
    fn refresh_guide(&self, _: GuideId, _: &str, _: bool) -> u64 {
        0
    }
    fn accept_guide(&self, _: GuideId, _: &str) -> u64 {
        0
    }
    fn changed(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn what_a_guide_is_found_by_is_told_at_once() {
    let house = Pages::new().await;
    house.with_list(LIST).await;
    let told = Arc::new(Told::default());
    let feeds = Feeds { store: house.store.clone(), jobs: house.jobs.clone(), readers: told.clone() };
    let one = house.store.catalog().channel(&"5".parse().unwrap()).unwrap().id;
    let said = Some(Some("one.de".to_owned()));
    for (edit, times) in [
        (EditRequest { guide_id: said.clone(), ..EditRequest::default() }, 1),
        (EditRequest { favorite: Some(true), ..EditRequest::default() }, 1),
        (EditRequest { name: said.clone(), ..EditRequest::default() }, 2),
        (EditRequest { groups: Some(None), ..EditRequest::default() }, 3),
    ] {
        feeds.edit_channel(one, &edit).await.unwrap();
        assert_eq!(told.0.load(Ordering::Relaxed), times, "{edit:?}");
    }
    let select = Selection { all: true, ..Selection::default() };
    let set = EditRequest { guide_id: said, ..EditRequest::default() };
    feeds.edit_channels(&BulkRequest { select, set, renumber: None }).await.unwrap();
    assert_eq!(told.0.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_source_says_how_it_did_in_the_last_day() {
    let state = state_of(settled());
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.m3u");
    std::fs::write(&list, LIST).unwrap();
    let request = serde_json::from_value(json!({ "location": list })).unwrap();
    let added = state.feeds.add_playlist(request).await.unwrap();
    if let Some(job) = added.job {
        state.feeds.jobs.ended(job).await;
    }
    // The backend of this house has the source of channel 1.
    let lost = SessionHistory { channel_id: 1, ..house::session("News", "nothing came within 1 s") };
    let other = SessionHistory { channel_id: 2, ..house::session("Sport", "another channel's") };
    state.manager.journal().restore(vec![other, lost.clone()]);
    let house = house::Visitors::of(state).await;
    let shown = house.see(&house.viewer, "/channels/1").await;
    let link = format!("href=\"/history/{}-{}\">lost once in the last day", lost.opened_at.0, lost.session_id);
    assert!(shown.contains(&link) && shown.contains("last, just now: nothing came within 1 s</a>"), "{shown}");
    assert!(shown.contains("does not play: upstream answered 404"), "and how it is: {shown}");
}

#[tokio::test]
async fn a_guide_is_found_by_name_and_id_in_all_guides() {
    let house = Pages::new().await;
    house.with_list(LIST).await;
    let one = house.store.catalog().channel(&"5".parse().unwrap()).unwrap().id.0;
    let path = format!("/channels/{one}");
    let first = house.with_guide("East", &[("one.de", "One HD"), ("radio.de", "News Radio 24")]).await.0;
    let shown = house.seen(&path).await;
    assert!(!shown.contains("East"), "one guide needs no name: {shown}");
    let many: Vec<(String, String)> = (0..25).map(|n| (format!("r{n}.de"), format!("Radio {n}"))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    house.with_guide("West", &many).await;
    for (find, words) in [
        ("RADIO+24", ["News Radio 24", "radio.de · East", "Found: 2."]),
        ("radio.DE", ["News Radio 24", "radio.de · East", "Found: 1."]),
        ("radio", ["Radio 0", "r0.de · West", "The first 20 that were found:"]),
        ("nowhere", ["No guide has", "value=\"nowhere\"", "value=\"auto\""]),
    ] {
        let shown = house.seen(&format!("{path}?find={find}")).await;
        assert!(words.iter().all(|word| shown.contains(word)), "{find}: {words:?} in {shown}");
    }
    // What was found and chosen is there without a search, with its name.
    let choice = format!("{first}:radio.de");
    assert_eq!(house.send(&format!("{path}/mapping"), &[("choice", &choice)]).await.0, 303);
    let shown = house.seen(&path).await;
    assert!(shown.contains("<b>News Radio 24</b> <span class=\"quiet\">radio.de · East.</span>"), "{shown}");
    assert!(radio(&shown, &choice).contains("checked"), "{shown}");
}

#[tokio::test]
async fn a_search_among_the_mappings_finds_channels_that_have_a_guide() {
    let house = Pages::new().await;
    house.with_list(LIST).await;
    let one = house.store.catalog().channel(&"5".parse().unwrap()).unwrap().id.0;
    house.send(&format!("/channels/{one}/mapping"), &[("choice", "none")]).await;
    let link = format!("/channels/{one}#guide");
    assert!(!house.seen("/guide/mapping").await.contains(&link), "it is settled");
    assert!(house.seen("/guide/mapping?q=one&show=").await.contains(&link));
    assert!(house.seen("/guide/mapping?q=zzz").await.contains("No channel is called that."));
}

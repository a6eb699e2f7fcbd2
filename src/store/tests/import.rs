//! Imports: what stays as it was, and what changes.

use super::*;
use crate::model::GuideNumber;

fn number(text: &str) -> GuideNumber {
    text.parse().unwrap()
}

#[tokio::test]
async fn entries_that_share_an_id_become_one_channel() {
    let (_dir, store) = open();
    let items = vec![item("a", "5", "One", "u1"), item("b", "", "Two", "u2"), item("a", "7", "One backup", "u3")];
    let report = store.import(spec("p", 0), items).await.unwrap();
    assert_eq!((report.channels_added, report.sources_added, report.channels_published), (2, 3, 2));
    let expected = [("5", "One", vec!["u1", "u3"]), ("100", "Two", vec!["u2"])];
    let expected = expected.map(|(n, name, urls)| (n.into(), name.into(), urls.into_iter().map(String::from).collect()));
    assert_eq!(lineup(&store), expected);
    let catalog = store.catalog();
    let sources = catalog.sources_of(catalog.channel(&number("5")).unwrap().id);
    assert_eq!(sources.iter().map(|source| source.priority).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(catalog.providers[0].max_connections, 2);
}

#[tokio::test]
async fn a_second_reading_changes_nothing() {
    let (_dir, store) = open();
    let items = || vec![item("a", "5", "One", "u1"), item("", "", "Two", "u2"), item("a", "", "One", "u3")];
    store.import(spec("p", 0), items()).await.unwrap();
    let before = store.catalog();
    let report = store.import(spec("p", 0), items()).await.unwrap();
    let changes = (report.sources_added, report.sources_changed, report.sources_gone, report.channels_added);
    assert_eq!((changes, report.sources), ((0, 0, 0, 0), 3));
    assert_eq!(store.catalog().channels, before.channels);
    assert_eq!(store.catalog().sources, before.sources);
}

#[tokio::test]
async fn ids_and_numbers_survive_renames_and_moves_and_absence() {
    let (_dir, store) = open();
    let first = vec![item("a", "5", "One", "u1"), item("", "", "Two", "u2"), item("", "", "Three", "u3")];
    store.import(spec("p", 0), first).await.unwrap();
    let before = store.catalog();
    let id = |text: &str| before.channel(&number(text)).unwrap().id;

    // One moves and wants another number, Two is renamed, Three moves, Four is new and wants what is taken.
    let items = || {
        let four = item("d", "100", "Four", "u4");
        vec![four, item("a", "6", "One", "u9"), item("", "", "Zwei", "u2"), item("", "", "Three", "u8")]
    };
    let report = store.import(spec("p", 0), items()).await.unwrap();
    assert_eq!((report.sources_added, report.sources_changed, report.sources_gone), (1, 3, 0));
    let now = store.catalog();
    let named = |text: &str| now.channel(&number(text)).map(|channel| (channel.id, channel.name.clone())).unwrap();
    assert_eq!(named("5"), (id("5"), "One".into()));
    assert_eq!(named("100"), (id("100"), "Zwei".into()));
    assert_eq!(named("101"), (id("101"), "Three".into()));
    assert_eq!(named("102").1, "Four");

    // Gone for a day, and back again.
    let report = store.import(spec("p", 0), vec![item("d", "", "Four", "u4")]).await.unwrap();
    assert_eq!((report.sources_gone, report.channels_published), (3, 1));
    store.import(spec("p", 0), items()).await.unwrap();
    assert_eq!(store.catalog().channels, now.channels);
    assert_eq!(store.catalog().sources, now.sources);
}

#[tokio::test]
async fn playlists_add_sources_to_each_others_channels() {
    let (_dir, store) = open();
    store.import(spec("second", 1), vec![item("a", "9", "Uno", "v1"), item("x", "", "X", "v2")]).await.unwrap();
    store.import(spec("first", 0), vec![item("a", "5", "One", "u1")]).await.unwrap();
    store.import(spec("second", 1), vec![item("a", "9", "Uno", "v1"), item("x", "", "X", "v2")]).await.unwrap();
    let lineup_now = lineup(&store);
    assert_eq!(lineup_now[0], ("9".into(), "One".into(), vec!["u1".into(), "v1".into()]), "the first one names it");
    assert_eq!(store.catalog().providers.iter().map(|provider| &*provider.name).collect::<Vec<_>>(), ["first", "second"]);

    store.serve_only(&["first".into()]).await.unwrap();
    assert_eq!(lineup(&store), [("9".into(), "One".into(), vec!["u1".into()])]);
    store.serve_only(&["first".into(), "second".into()]).await.unwrap();
    assert_eq!(lineup(&store), lineup_now);
}

#[tokio::test]
async fn numbers_are_not_given_twice_nor_again() {
    let (_dir, store) = open();
    let items = || vec![item("a", "100", "One", "u1"), item("b", "", "Two", "u2"), item("c", "100", "Three", "u3")];
    store.import(spec("p", 0), items()).await.unwrap();
    let names = |store: &Store| lineup(store).into_iter().map(|(number, name, _)| number + " " + &name).collect::<Vec<_>>();
    assert_eq!(names(&store), ["100 One", "101 Two", "102 Three"]);
    let channel = store.catalog().channel(&number("101")).unwrap().id;
    store.remove_channel(channel).await.unwrap();
    store.import(spec("p", 0), items()).await.unwrap();
    assert_eq!(names(&store), ["100 One", "102 Three"], "what a person removed stays away");
    store.import(spec("q", 1), vec![item("d", "101", "Four", "u4")]).await.unwrap();
    assert_eq!(names(&store), ["100 One", "102 Three", "103 Four"]);
    let three = store.catalog().channel(&number("102")).unwrap().id;
    assert!(store.set_channel_number(three, number("100")).await.is_err());
    store.set_channel_number(three, number("7.1")).await.unwrap();
    store.import(spec("p", 0), items()).await.unwrap();
    assert_eq!(names(&store), ["7.1 Three", "100 One", "103 Four"]);
}

#[tokio::test]
async fn repeated_items_are_counted_and_dropped() {
    let (_dir, store) = open();
    let one = || item("a", "1", "One", "u1");
    let report = store.import(spec("p", 0), vec![one(), one(), one()]).await.unwrap();
    assert_eq!((report.duplicates, report.sources), (2, 1));
    let imported = store.imported("p").await.unwrap().unwrap();
    assert_eq!((imported.provider, imported.sources), (report.provider, 1));
    assert!(crate::base::clock::wall_ms() - imported.at_ms < 60_000);
    assert_eq!(store.imported("q").await.unwrap(), None);
}

#[tokio::test]
async fn a_split_pair_becomes_two_channels() {
    let (_dir, store) = open();
    store.import(spec("p", 0), vec![item("a", "1", "One", "u1"), item("a", "", "Other", "u2")]).await.unwrap();
    store.import(spec("p", 0), vec![item("a", "1", "One", "u1"), item("b", "", "Other", "u2")]).await.unwrap();
    let now: Vec<_> = lineup(&store).into_iter().map(|(number, name, urls)| (number, name, urls.len())).collect();
    assert_eq!(now, [("1".into(), "One".into(), 1), ("100".into(), "Other".into(), 1)]);
}

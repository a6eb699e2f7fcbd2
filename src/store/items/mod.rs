//! The items of playlists. Each version of a playlist is a database file of its own, written once and never changed, in the folder
//! `feeds` of the data directory; `feed_versions` says which one is current.
//!
//! That keeps a list of a million items out of the database that everything waits for, out of its log and out of backups, and
//! makes a new version visible by one small change: until then the old one is whole, whatever happens.

mod browse;
mod difference;
mod write;

pub use browse::{Browse, Found, Group, Items};
pub use difference::{Difference, difference};
pub use write::{ItemFile, ItemWriter};

use crate::model::ItemKind;

/// The folder of versions in the data directory.
pub const FOLDER: &str = "feeds";

/// The attribute that repeats an item's name in most lists. Where it does, and is the first one, it is not written.
const TVG_NAME: &str = "tvg-name";

fn code(kind: ItemKind) -> i64 {
    match kind {
        ItemKind::Live => 0,
        ItemKind::Radio => 1,
        ItemKind::Vod => 2,
    }
}

fn kind(code: i64) -> ItemKind {
    match code {
        1 => ItemKind::Radio,
        2 => ItemKind::Vod,
        _ => ItemKind::Live,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Headers, Key, PlaylistItem};

    fn item(line: u64, name: &str, group: &str) -> PlaylistItem {
        PlaylistItem {
            line,
            kind: if name.starts_with("Radio") { ItemKind::Radio } else { ItemKind::Live },
            name: name.into(),
            group: (!group.is_empty()).then(|| group.into()),
            guide_id: Some(format!("id{line}")),
            logo: None,
            number: Some(line.to_string()),
            drm: line.is_multiple_of(2),
            favorite: false,
            url: format!("http://h/{line}"),
            headers: Headers(vec![("User-Agent".into(), "x".into())]),
            more: vec![("catchup".into(), "days".into())],
        }
    }

    fn written(dir: &std::path::Path, items: &[PlaylistItem]) -> Items {
        let mut writer = ItemWriter::create(dir, "playlist-1").unwrap();
        for (number, item) in (0..).zip(items) {
            writer.add(Key(number << 64), item).unwrap();
        }
        let file = writer.finish().unwrap();
        assert!(file.bytes > 0 && dir.join(&file.name).exists());
        Items::open(&dir.join(&file.name)).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let items = [item(1, "One", "News"), item(2, "Two", ""), item(3, "Radio 3", "News")];
        let stored = written(dir.path(), &items);
        let mut read = Vec::new();
        stored
            .each(|item| {
                read.push(item);
                Ok(())
            })
            .unwrap();
        assert_eq!(read, items);
        let groups: Vec<(Option<String>, u64)> =
            stored.groups().unwrap().into_iter().map(|group| (group.name, group.items)).collect();
        assert_eq!(groups, [(Some("News".into()), 2), (None, 1)]);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_items_repeat_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let of = |line: u64, url: &str, logo: Option<&str>, more: &[(&str, &str)]| PlaylistItem {
            url: url.into(),
            logo: logo.map(str::to_owned),
            more: more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..item(line, &format!("C{line}"), "")
        };
        let items = [
            of(1, "http://h/live/u/p/1", Some("http://l/1.png"), &[("tvg-name", "C1")]),
            of(2, "http://h/live/u/p/2", Some("http://l/2.png"), &[("tvg-name", "C2"), ("radio", "1")]),
            of(3, "http://h/live/u/p/", None, &[("radio", "1"), ("tvg-name", "C3")]),
            of(4, "http://h/hls/4/index.m3u8", Some("http"), &[("tvg-name", "Another")]),
            of(5, "demo:1", Some(""), &[]),
            of(6, "http://h/live/u/p/6", Some("http://l/"), &[("tvg-name", "C6"), ("tvg-name", "C6")]),
        ];
        let stored = written(dir.path(), &items);
        let found: Vec<PlaylistItem> = stored.browse(&Browse::default()).unwrap().into_iter().map(|found| found.item).collect();
        assert_eq!(found, items);
        assert_eq!(stored.get(6).unwrap().map(|found| found.item), Some(items[5].clone()));

        let written_again = |many: u64| {
            let items: Vec<_> = (0..many).map(|line| of(line, &format!("http://h/live/u/p/{line}"), None, &[])).collect();
            let mut writer = ItemWriter::create(dir.path(), "playlist-2").unwrap();
            writer.add_all(&items.into_iter().map(|item| (Key(u128::from(item.line) << 64), item)).collect::<Vec<_>>()).unwrap();
            std::fs::read(dir.path().join(writer.finish().unwrap().name)).unwrap()
        };
        let bytes = written_again(1000);
        // Pages keep some of what was moved to another one.
        let times = memchr::memmem::find_iter(&bytes, b"http://h/live/u/p/").count();
        assert!((1..10).contains(&times), "written {times} times");
    }

    #[test]
    fn browsing_goes_on_where_it_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let items: Vec<_> =
            (1..=7).map(|line| item(line, &format!("Chännel {line}"), if line % 2 == 0 { "Even" } else { "Odd" })).collect();
        let stored = written(dir.path(), &items);
        let mut browse = Browse { limit: 2, ..Browse::default() };
        let mut lines = Vec::new();
        loop {
            let found = stored.browse(&browse).unwrap();
            lines.extend(found.iter().map(|found| found.item.line));
            let Some(last) = found.last() else { break };
            browse.after = last.id;
        }
        assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7]);
        let of = |browse: &Browse| stored.browse(browse).unwrap().iter().map(|found| found.item.line).collect::<Vec<_>>();
        assert_eq!(of(&Browse { group: Some("Even".into()), ..Browse::default() }), [2, 4, 6]);
        assert_eq!(of(&Browse { search: "CHÄNNEL 3".into(), ..Browse::default() }), [3]);
        assert_eq!(of(&Browse { search: "100%".into(), ..Browse::default() }), [] as [u64; 0]);
        assert_eq!(of(&Browse { kind: Some(ItemKind::Radio), ..Browse::default() }), [] as [u64; 0]);
        assert_eq!(stored.get(4).unwrap().map(|found| found.item), Some(items[3].clone()));
        assert_eq!(stored.get(99).unwrap(), None);
    }

    #[test]
    fn versions_are_compared_by_what_their_items_are() {
        let dir = tempfile::tempdir().unwrap();
        let file = |stem: &str, keys: &[u128]| {
            let mut writer = ItemWriter::create(dir.path(), stem).unwrap();
            keys.iter().for_each(|key| writer.add(Key(key << 64), &item(1, &format!("C{key}"), "")).unwrap());
            dir.path().join(writer.finish().unwrap().name)
        };
        let difference = difference(&file("a", &[1, 2, 3]), &file("b", &[3, 4])).unwrap();
        let expected =
            Difference { added: 1, gone: 2, added_names: vec!["C4".into()], gone_names: vec!["C1".into(), "C2".into()] };
        assert_eq!(difference, expected);
    }

    #[test]
    fn a_writer_that_is_dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = ItemWriter::create(dir.path(), "playlist-1").unwrap();
        writer.add(Key(1), &item(1, "One", "")).unwrap();
        drop(writer);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

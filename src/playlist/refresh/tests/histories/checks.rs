//! What holds after every step.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::*;
use super::house::{House, Row};
use super::lists::Seen;
use crate::model::{ChannelId, Source};
use crate::store::catalog::Catalog;
use crate::store::guides::Mapped;

/// Nothing that is served has changed.
pub fn same(before: &Catalog, now: &Catalog) {
    assert_eq!(now.channels, before.channels);
    assert_eq!(now.sources, before.sources);
    assert_eq!(now.providers, before.providers);
}

/// Where each entry of a playlist is now.
fn channels_of(house: &House, playlist: usize, seen: &[Seen]) -> HashMap<usize, ChannelId> {
    let catalog = house.store().catalog();
    let of: HashMap<&str, ChannelId> = catalog
        .sources
        .values()
        .flatten()
        .filter(|source| source.provider == house.feeds[playlist].id)
        .map(|source| (source.url.as_str(), source.channel))
        .collect();
    seen.iter().filter_map(|seen| Some((seen.entry.id, *of.get(seen.url.as_str())?))).collect()
}

/// A playlist has become `seen`: every entry that can be recognised is where it was.
pub async fn became(house: &mut House, playlist: usize, seen: &[Seen]) {
    let channels = channels_of(house, playlist, seen);
    let feed = &house.feeds[playlist];
    let alone = |entries: &[&Seen], one: &Seen| entries.iter().filter(|other| other.entry.tvg == one.entry.tvg).count() == 1;
    let old: Vec<&Seen> = feed.rows.values().filter(|row| row.active).map(|row| &row.seen).collect();
    let new: Vec<&Seen> = seen.iter().collect();
    let carried = |shows: usize, but: (usize, usize)| {
        let feeds = house.feeds.iter().enumerate();
        let rows = feeds.flat_map(|(index, feed)| feed.rows.iter().map(move |(entry, row)| ((index, *entry), row)));
        rows.filter(|(at, row)| *at != but && row.active && row.seen.entry.shows == shows && !pinned(house, *at)).count() > 0
    };
    let mut lost = Vec::new();
    for seen in seen {
        let at = (playlist, seen.entry.id);
        let Some(row) = feed.rows.get(&seen.entry.id) else { continue };
        let recognised = match row.active {
            true => row.seen.became(seen, alone(&old, &row.seen) && alone(&new, seen), pinned(house, at)),
            false => row.seen.key() == seen.key(),
        };
        if !recognised {
            lost.push(at);
            continue;
        }
        let (Some(channel), false) = (channels.get(&seen.entry.id), pinned(house, at)) else { continue };
        let of_another = new.iter().any(|other| other.entry.id != seen.entry.id && other.entry.shows == seen.entry.shows);
        // While it was away, the channel may have gone along with another entry that got another `tvg-id`.
        if (row.active && row.seen.entry.tvg == seen.entry.tvg) || !(carried(seen.entry.shows, at) || of_another) {
            assert_eq!(*channel, row.channel, "{:?} became {seen:?}", row.seen);
        }
    }
    house.kept.pins.retain(|(at, _)| !lost.contains(at));
    let feed = &mut house.feeds[playlist];
    feed.rows.values_mut().for_each(|row| row.active = false);
    for seen in seen {
        if let Some(channel) = channels.get(&seen.entry.id) {
            feed.rows.insert(seen.entry.id, Row { seen: seen.clone(), active: true, channel: *channel });
        }
    }
}

fn pinned(house: &House, at: (usize, usize)) -> bool {
    house.kept.pins.iter().any(|(pinned, _)| *pinned == at)
}

/// All that must hold.
pub async fn all(house: &mut House) {
    new_channels(house).await;
    served(house);
    channels_mean_what_they_meant(house);
    orders(house);
    kept(house).await;
    versions(house).await;
}

/// Numbers of channels that are new, which nobody has had before.
async fn new_channels(house: &mut House) {
    for channel in house.store().all_channels().await.unwrap() {
        if !house.kept.numbers.contains_key(&channel.id) {
            assert!(!house.kept.retired.contains(&channel.number), "{channel:?} has a number that was retired");
            house.kept.numbers.insert(channel.id, channel.number);
        }
    }
}

/// The sources are those of the last good versions that the rules or people want, the channels those that have some.
fn served(house: &House) {
    let catalog = house.store().catalog();
    for (index, feed) in house.feeds.iter().enumerate() {
        let wanted = feed.good.iter().filter(|seen| feed.wants(seen) || pinned(house, (index, seen.entry.id)));
        let mut wanted: Vec<(&str, &str)> = wanted.map(|seen| (seen.url.as_str(), seen.entry.name.as_str())).collect();
        let sources = catalog.sources.values().flatten().filter(|source| source.provider == feed.id);
        let mut found: Vec<(&str, &str)> = sources.map(|source| (source.url.as_str(), source.name.as_str())).collect();
        wanted.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, wanted, "of playlist {index}");
    }
    let out = |id: &ChannelId| house.kept.disabled.contains(id) || house.kept.removed.contains(id);
    let with_sources: HashSet<ChannelId> = catalog.sources.keys().copied().filter(|id| !out(id)).collect();
    assert_eq!(catalog.channels.iter().map(|channel| channel.id).collect::<HashSet<_>>(), with_sources);
    assert_eq!(catalog.by_number.len(), catalog.channels.len(), "a number was given twice");
}

/// The entry of a source.
fn entry<'a>(house: &'a House, source: &Source) -> ((usize, usize), &'a Seen, usize) {
    let index = house.feeds.iter().position(|feed| feed.id == source.provider).unwrap();
    let good = &house.feeds[index].good;
    let place = good.iter().position(|seen| seen.url == source.url).unwrap();
    ((index, good[place].entry.id), &good[place], place)
}

fn channels_mean_what_they_meant(house: &mut House) {
    let catalog = house.store().catalog();
    let mut by_tvg: BTreeMap<&str, ChannelId> = BTreeMap::new();
    let mut shows = HashMap::new();
    for source in catalog.sources.values().flatten() {
        let (at, seen, _) = entry(house, source);
        if let Some((_, channel)) = house.kept.pins.iter().find(|(pinned, _)| *pinned == at) {
            assert_eq!(source.channel, *channel, "{seen:?} is not where a person put it");
            continue;
        }
        let meant = *house.kept.shows.get(&source.channel).or(shows.get(&source.channel)).unwrap_or(&seen.entry.shows);
        assert_eq!(meant, seen.entry.shows, "channel {:?} shows something else: {seen:?}", source.channel);
        shows.insert(source.channel, meant);
        if let Some(tvg) = seen.entry.tvg.as_deref() {
            assert_eq!(*by_tvg.entry(tvg).or_insert(source.channel), source.channel, "{seen:?}");
        }
    }
    house.kept.shows.extend(shows);
}

/// What a person ordered comes first, then what playlists say, then what a person gave without saying where.
fn orders(house: &mut House) {
    let catalog = house.store().catalog();
    for (channel, order) in &mut house.kept.orders {
        // What was taken from the channel by its playlist has no place in it any more.
        let elsewhere = |id| catalog.sources.iter().any(|(other, list)| other != channel && list.iter().any(|one| one.id == id));
        order.retain(|id| !elsewhere(*id));
    }
    for (channel, sources) in &catalog.sources {
        let order = house.kept.orders.get(channel).map(Vec::as_slice).unwrap_or_default();
        let rank = |source: &Source| {
            let (at, _, place) = entry(house, source);
            let own = order.iter().position(|id| *id == source.id).unwrap_or(usize::MAX);
            let pin = house.kept.pins.iter().position(|(pinned, _)| *pinned == at).map_or(0, |pin| pin + 1);
            (own, pin, at.0, place)
        };
        let ranks: Vec<_> = sources.iter().map(rank).collect();
        assert!(ranks.is_sorted(), "{channel:?}: {ranks:?} {sources:?} {order:?}");
    }
}

/// What people set.
async fn kept(house: &House) {
    let kept = &house.kept;
    let all = house.store().all_channels().await.unwrap();
    let mut numbers = HashSet::new();
    for channel in &all {
        assert_eq!(Some(&channel.number), kept.numbers.get(&channel.id), "{channel:?}");
        assert_eq!(channel.enabled, !kept.disabled.contains(&channel.id), "{channel:?}");
        assert!(numbers.insert(channel.number.clone()), "{channel:?} has the number of another one");
        if let Some(name) = kept.names.get(&channel.id) {
            assert_eq!(channel.name, *name);
        }
    }
    let living: HashSet<ChannelId> = all.iter().map(|channel| channel.id).collect();
    let known: HashSet<ChannelId> = kept.numbers.keys().copied().filter(|id| !kept.removed.contains(id)).collect();
    assert_eq!(living, known);
    let mappings = house.store().mappings().await.unwrap();
    let mapped = mappings.into_iter().filter(|mapping| mapping.how == Mapped::Person && mapping.offset_s == 60);
    assert_eq!(mapped.map(|mapping| (mapping.channel, mapping.to)).collect::<HashMap<_, _>>(), kept.mapped);
}

/// The versions are there, whole.
async fn versions(house: &House) {
    for feed in &house.feeds {
        let versions = house.store().playlist(feed.id).await.unwrap().versions;
        assert_eq!(versions.held.is_some(), feed.held.is_some(), "what was held back");
        assert_eq!(versions.current.is_some(), feed.is_read);
        for (version, seen) in [(versions.current, Some(&feed.good)), (versions.held, feed.held.as_ref())] {
            let (Some(version), Some(seen)) = (version, seen) else { continue };
            let stored = Items::open(&house.store().feeds_dir().join(&version.version.file)).unwrap();
            let mut urls = Vec::new();
            let each = |item: crate::model::PlaylistItem| {
                urls.push(item.url);
                Ok(())
            };
            stored.each(each).unwrap();
            assert!(urls.iter().eq(seen.iter().map(|seen| &seen.url)));
        }
    }
}

/// After a start, only versions are in their folder.
pub async fn no_file_is_left(house: &House) {
    let mut known = HashSet::new();
    for feed in &house.feeds {
        let versions = house.store().playlist(feed.id).await.unwrap().versions;
        known.extend([versions.current, versions.held].into_iter().flatten().map(|version| version.version.file));
    }
    let Ok(files) = std::fs::read_dir(house.store().feeds_dir()) else { return };
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: HashSet<String> = files.filter(|file| !file.ends_with(".lock")).collect();
    assert_eq!(files, known);
}

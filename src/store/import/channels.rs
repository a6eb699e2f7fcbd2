//! The channels of a playlist's items: found by their key, taken along when an item is known under another one, or made.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::{ImportItem, OldSource, Playlist};
use crate::model::{ChannelId, GuideNumber, NewChannel, PlaylistRules};
use crate::store::numbers::Numbers;
use crate::store::{StoreError, load};

/// A channel of an item.
pub(super) struct OldChannel {
    pub id: ChannelId,
    /// Whether this import may change how it is called: no playlist before this one carries it.
    ours: bool,
}

/// The channels of the items, by key.
pub(super) struct Channels<'a> {
    by_key: HashMap<&'a str, OldChannel>,
    /// Living channels that items are assigned to.
    assigned: HashSet<ChannelId>,
    pub added: usize,
    /// New channels that found no free number, and were not made.
    pub without_number: usize,
}

impl<'a> Channels<'a> {
    /// The channel of an item.
    pub fn of(&self, item: &ImportItem) -> Option<ChannelId> {
        match item.assigned {
            Some(channel) => self.assigned.get(&channel).copied(),
            None => self.by_key.get(item.channel_key.as_str()).map(|channel| channel.id),
        }
    }

    /// Finds or makes the channel of every item, but of those whose place a person has said.
    pub fn settle(
        connection: &Connection,
        playlist: &Playlist,
        items: &'a [ImportItem],
        rows: &[Option<usize>],
        old: &[OldSource],
        now_ms: i64,
    ) -> Result<Self, StoreError> {
        let mut channels =
            Self { by_key: HashMap::with_capacity(items.len()), assigned: HashSet::new(), added: 0, without_number: 0 };
        let claimed: HashSet<&str> = items.iter().map(|item| item.channel_key.as_str()).collect();
        let mut given: HashSet<ChannelId> = HashSet::new();
        let mut fresh: Vec<&ImportItem> = Vec::new();
        let mut fresh_keys: HashSet<&str> = HashSet::new();
        for (item, row) in items.iter().zip(rows) {
            let row = row.and_then(|row| old.get(row));
            if row.is_some_and(|row| row.pinned) {
                continue;
            }
            if let Some(channel) = item.assigned {
                if !channels.assigned.contains(&channel) && living(connection, channel)? {
                    channels.assigned.insert(channel);
                }
                continue;
            }
            let key = item.channel_key.as_str();
            if channels.by_key.contains_key(key) || fresh_keys.contains(key) {
                continue;
            }
            let known = match by_key(connection, playlist, key)? {
                Some(channel) => Some(channel),
                // The item is one we know, under another key: the channel goes along, unless somebody else is it now, or it is
                // one of those that events take turns in.
                None => match row {
                    Some(row)
                        if item.event.is_none()
                            && !super::slots::is_slot(&row.channel_key)
                            && !claimed.contains(row.channel_key.as_str())
                            && !given.contains(&row.channel) =>
                    {
                        rekey(connection, playlist, row, key)?
                    }
                    _ => None,
                },
            };
            match known {
                Some(channel) => {
                    given.insert(channel.id);
                    if channel.ours {
                        describe(connection, channel.id, &item.channel)?;
                    }
                    channels.by_key.insert(key, channel);
                }
                None => {
                    fresh_keys.insert(key);
                    fresh.push(item);
                }
            }
        }
        channels.add(connection, &fresh, now_ms)?;
        Ok(channels)
    }

    /// Wishes first, so that no number given by itself takes what a later item asks for.
    fn add(&mut self, connection: &Connection, fresh: &[&'a ImportItem], now_ms: i64) -> Result<(), StoreError> {
        if fresh.is_empty() {
            return Ok(());
        }
        let mut numbers = numbers(connection)?;
        let wishes: Vec<Option<&GuideNumber>> = fresh
            .iter()
            .map(|item| {
                let wish = item.channel.number.as_ref();
                wish.filter(|wish| if item.event.is_some() { numbers.take_slot(wish) } else { numbers.take(wish) })
            })
            .collect();
        let mut insert = connection.prepare_cached(
            "INSERT INTO channels (key, number, name, logo, guide_id, group_name, favorite, drm, created_ms, station_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        for (item, wish) in fresh.iter().zip(wishes) {
            // What has no place is left out; it is no reason to leave out the others.
            let Some(number) = wish.cloned().or_else(|| numbers.take_next()) else {
                self.without_number += 1;
                continue;
            };
            let NewChannel { name, logo, guide_id, group, favorite, drm, station_id, .. } = &item.channel;
            let key = &item.channel_key;
            insert.execute(params![key, number.to_string(), name, logo, guide_id, group, favorite, drm, now_ms, station_id])?;
            let id = ChannelId(connection.last_insert_rowid());
            self.by_key.insert(key.as_str(), OldChannel { id, ours: true });
            self.added += 1;
        }
        Ok(())
    }
}

/// The numbers that are taken, and those that blocks of events keep for themselves.
fn numbers(connection: &Connection) -> Result<Numbers, StoreError> {
    let sql = "SELECT number FROM channels WHERE removed_ms IS NULL UNION SELECT number FROM retired_numbers";
    // A channel that is just being made has none yet.
    let taken = load::rows(connection, sql, |row| Ok(row.get::<_, String>(0)?))?;
    let sql = "SELECT rules FROM providers WHERE active AND json_extract(rules, '$.events') IS NOT NULL";
    let rules = load::rows(connection, sql, |row| Ok(row.get::<_, String>(0)?))?;
    // Rules that cannot be understood reserve nothing.
    let rules = rules.iter().filter_map(|rules| serde_json::from_str::<PlaylistRules>(rules).ok());
    let reserved = rules.flat_map(|rules| rules.events).map(|block| block.first..block.first.saturating_add(block.slots));
    Ok(Numbers::new(taken.iter().filter_map(|number| number.parse().ok()).collect(), reserved.collect()))
}

/// The next number that is free, from 100 on.
pub(in crate::store) fn next_number(connection: &Connection) -> Result<Option<GuideNumber>, StoreError> {
    Ok(numbers(connection)?.take_next())
}

fn living(connection: &Connection, channel: ChannelId) -> Result<bool, StoreError> {
    let mut find = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM channels WHERE id = ?1 AND removed_ms IS NULL)")?;
    Ok(find.query_row([channel.0], |row| row.get(0))?)
}

fn by_key(connection: &Connection, playlist: &Playlist, key: &str) -> Result<Option<OldChannel>, StoreError> {
    let mut find = connection.prepare_cached("SELECT id FROM channels WHERE key = ?1")?;
    let id: Option<i64> = find.query_row([key], |row| row.get(0)).optional()?;
    id.map(|id| Ok(OldChannel { id: ChannelId(id), ours: ours(connection, playlist, ChannelId(id))? })).transpose()
}

/// Whether no playlist before this one carries the channel by itself.
fn ours(connection: &Connection, playlist: &Playlist, channel: ChannelId) -> Result<bool, StoreError> {
    let mut earlier = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM sources JOIN providers ON providers.id = sources.provider_id
         WHERE channel_id = ?1 AND sources.active AND NOT pinned AND providers.active AND position < ?2 AND providers.key <> ?3)",
    )?;
    let earlier: bool = earlier.query_row(params![channel.0, playlist.position, playlist.key], |row| row.get(0))?;
    Ok(!earlier)
}

/// Lets the channel of a known item go by the item's new key, unless another playlist knows it by the old one. One whose item a
/// person gave to the channel does not know it by any.
fn rekey(connection: &Connection, playlist: &Playlist, row: &OldSource, key: &str) -> Result<Option<OldChannel>, StoreError> {
    // A channel that a person made, or that a rule gave the item to, is not the item's.
    if row.assigned || row.channel_key.starts_with("own:") {
        return Ok(None);
    }
    let mut shared = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM sources JOIN providers ON providers.id = sources.provider_id
         WHERE channel_id = ?1 AND sources.active AND NOT pinned AND providers.key <> ?2)",
    )?;
    if shared.query_row(params![row.channel.0, playlist.key], |row| row.get(0))? {
        return Ok(None);
    }
    connection.prepare_cached("UPDATE channels SET key = ?2 WHERE id = ?1")?.execute(params![row.channel.0, key])?;
    Ok(Some(OldChannel { id: row.channel, ours: true }))
}

/// Takes over how the playlist calls the channel. Its number and what people set stay.
fn describe(connection: &Connection, id: ChannelId, channel: &NewChannel) -> Result<(), StoreError> {
    let mut update = connection.prepare_cached(
        "UPDATE channels SET name = ?2, logo = ?3, guide_id = ?4, group_name = ?5, drm = ?6, station_id = ?7
         WHERE id = ?1 AND (name, logo, guide_id, group_name, drm, station_id) IS NOT (?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    update.execute(params![
        id.0,
        channel.name,
        channel.logo,
        channel.guide_id,
        channel.group,
        channel.drm,
        channel.station_id
    ])?;
    Ok(())
}

//! A playlist's items become sources and channels. One change: either all of it is stored, or nothing.
//!
//! Ids and numbers of what was there before stay. What the playlist no longer has is marked inactive and kept. What a person has
//! put somewhere (a source of a channel) stays there.

mod channels;
mod slots;

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, named_params, params};

use self::channels::Channels;
pub(super) use self::channels::next_number;
use super::feeds::{self, FeedId, NewVersion};
use super::matching::{self, New, Old};
use super::writer::Stale;
use super::{Store, StoreError, load};
use crate::base::clock;
use crate::model::{ChannelId, NewChannel, NewSource, ProviderId, SourceId};

/// Connections of an account of which nobody has said how many it allows.
pub const USUAL_CONNECTIONS: u32 = 2;

/// A playlist, as it is read now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSpec {
    /// What makes it the same playlist as the last time, however its tokens change.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Where it comes from. May hold credentials.
    pub location: String,
    /// Most connections at a time; `None`: as it was, at first [`USUAL_CONNECTIONS`].
    pub max_connections: Option<u32>,
    /// Its place among the playlists: the sources of the first one are tried first.
    pub position: u32,
}

/// One item of a playlist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImportItem {
    /// Items with the same key, of any playlist, are sources of one channel.
    pub channel_key: String,
    /// The address without what changes from day to day.
    pub url_key: String,
    /// The channel, if it is new.
    pub channel: NewChannel,
    /// The source. Its `item_key` is unique in the playlist; its `priority` is counted by the import, in the items' order.
    pub source: NewSource,
    /// It does not become a source by itself: only what a person has made a source of a channel is kept up to date by it.
    pub only_known: bool,
    /// The channel whose source it is, whatever its key.
    pub assigned: Option<ChannelId>,
    /// It is an event, and takes turns with others in the channels of a block.
    pub event: Option<EventWish>,
}

/// The block of channels that an event wants one of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventWish {
    /// Which block.
    pub block: String,
    /// The guide number of its first channel.
    pub first: u32,
    /// How many channels it has.
    pub slots: u32,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ImportReport {
    /// The playlist.
    pub provider: ProviderId,
    /// Sources it has now.
    pub sources: usize,
    /// Of these, seen for the first time.
    pub sources_added: usize,
    /// Of these, changed in name, address, headers, order or channel, or back again.
    pub sources_changed: usize,
    /// Sources it no longer has; kept, but not used.
    pub sources_gone: usize,
    /// Items that repeat another one.
    pub duplicates: usize,
    /// New channels.
    pub channels_added: usize,
    /// Items that found no free guide number, or no free channel of their block of events.
    pub left_out: usize,
    /// Channels in the lineup now, of all playlists.
    pub channels_published: usize,
}

impl Store {
    /// Stores a playlist's items; makes the playlist if need be.
    ///
    /// # Errors
    /// When they cannot be stored; then everything is as before.
    pub async fn import(&self, spec: ProviderSpec, items: Vec<ImportItem>) -> Result<ImportReport, StoreError> {
        let change = move |connection: &Connection| {
            let playlist = provider(connection, &spec)?;
            if spec.key == "demo:" {
                revive_demo(connection)?;
            }
            Ok((Stale::CATALOG, import(connection, &playlist, items)?))
        };
        let mut report = self.change(change).await?;
        report.channels_published = self.catalog().channels.len();
        Ok(report)
    }

    /// Makes a version the current one of its playlist, with `items` of it as sources: those that are sources already, those that
    /// are to be, and those that may be confused with them. The version before it, and one that was held back, are gone then.
    ///
    /// # Errors
    /// When there is no such playlist, or it cannot be stored; then everything is as before.
    pub async fn publish(
        &self,
        playlist: ProviderId,
        version: NewVersion,
        items: Vec<ImportItem>,
    ) -> Result<ImportReport, StoreError> {
        let change = move |connection: &Connection| {
            // A version whose rules are applied anew was not read now.
            let again = feeds::is_current(connection, FeedId::Playlist(playlist), &version)?;
            let old = feeds::set_current(connection, FeedId::Playlist(playlist), &version)?;
            let sql = "UPDATE providers SET imported_ms = iif(?3, imported_ms, ?2), checked_ms = iif(?3, checked_ms, ?2),
                       last_error = iif(?3, last_error, NULL) WHERE id = ?1 RETURNING key, position";
            let found = connection.query_row(sql, params![playlist.0, clock::wall_ms(), again], |row| {
                Ok(Playlist { id: playlist, key: row.get(0)?, position: row.get(1)? })
            });
            let playlist = found.optional()?.ok_or(StoreError::NoSuchPlaylist)?;
            let report = before_the_demo(connection, || import(connection, &playlist, items))?;
            Ok((Stale::CATALOG, (report, old)))
        };
        let (mut report, old) = self.change(change).await?;
        self.remove_versions(old);
        report.channels_published = self.catalog().channels.len();
        Ok(report)
    }
}

/// Does `work` with the numbers of the demo's channels free: what somebody's own list asks for comes first. Afterwards they have theirs
/// again, or the next that is free.
fn before_the_demo<T>(connection: &Connection, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let sql = "SELECT DISTINCT channels.id, number FROM providers JOIN sources ON provider_id = providers.id
               JOIN channels ON channels.id = channel_id WHERE origin = 'demo' AND removed_ms IS NULL";
    let demo: Vec<(i64, String)> = load::rows(connection, sql, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut set = connection.prepare_cached("UPDATE channels SET number = ?2 WHERE id = ?1")?;
    for (id, _) in &demo {
        set.execute(params![id, format!("demo {id}")])?;
    }
    let done = work()?;
    let mut taken = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM channels WHERE number = ?1 AND removed_ms IS NULL)
             OR EXISTS (SELECT 1 FROM retired_numbers WHERE number = ?1)",
    )?;
    for (id, number) in demo {
        let taken: bool = taken.query_row([&number], |row| row.get(0))?;
        let number = if taken { next_number(connection)?.map(|number| number.to_string()) } else { Some(number) };
        match number {
            Some(number) => set.execute(params![id, number])?,
            None => connection.execute("UPDATE channels SET removed_ms = ?2 WHERE id = ?1", params![id, clock::wall_ms()])?,
        };
    }
    Ok(done)
}

/// The demo is shown again: its channels come back, with their numbers if nobody has them now.
fn revive_demo(connection: &Connection) -> Result<(), StoreError> {
    let sql = "SELECT id, number FROM channels WHERE key LIKE 'rooftop.demo.%' AND removed_ms IS NOT NULL";
    let gone: Vec<(i64, String)> = load::rows(connection, sql, |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (id, number) in gone {
        let sql = "SELECT EXISTS (SELECT 1 FROM channels WHERE number = ?1 AND removed_ms IS NULL)";
        let taken: bool = connection.query_row(sql, [&number], |row| row.get(0))?;
        let number = if taken { next_number(connection)?.map(|number| number.to_string()) } else { Some(number) };
        if let Some(number) = number {
            connection.execute("UPDATE channels SET number = ?2, removed_ms = NULL WHERE id = ?1", params![id, number])?;
        }
    }
    Ok(())
}

/// The playlist that is imported.
struct Playlist {
    id: ProviderId,
    key: String,
    position: u32,
}

struct OldSource {
    id: SourceId,
    channel: ChannelId,
    item_key: String,
    url_key: String,
    name: String,
    url: String,
    headers: String,
    priority: u32,
    active: bool,
    channel_key: String,
    /// A person said whose source it is.
    pinned: bool,
    /// A rule said whose source it is.
    assigned: bool,
}

fn import(connection: &Connection, playlist: &Playlist, mut items: Vec<ImportItem>) -> Result<ImportReport, StoreError> {
    let now = clock::wall_ms();
    let offered = items.len();
    let mut seen = HashSet::with_capacity(items.len());
    items.retain(|item| seen.insert(item.source.item_key.clone()));
    let duplicates = offered - items.len();

    let old = sources(connection, playlist.id)?;
    let rows = matching::rows_of(
        &items.iter().map(|item| new(item)).collect::<Vec<_>>(),
        &old.iter().map(OldSource::matched).collect::<Vec<_>>(),
    );
    let pinned = |row: &Option<usize>| row.and_then(|row| old.get(row)).is_some_and(|row| row.pinned);
    let (mut items, rows): (Vec<_>, Vec<_>) =
        items.into_iter().zip(rows).filter(|(item, row)| !item.only_known || pinned(row)).unzip();
    let mut left_out = slots::assign(playlist.id, &mut items, &rows, &old);
    let channels = Channels::settle(connection, playlist, &items, &rows, &old, now)?;
    left_out += channels.without_number;

    let mut report = ImportReport {
        provider: playlist.id,
        sources: 0,
        sources_added: 0,
        sources_changed: 0,
        sources_gone: 0,
        duplicates,
        channels_added: channels.added,
        left_out,
        channels_published: 0,
    };
    let mut places: HashMap<ChannelId, u32> = HashMap::new();
    let mut kept = HashSet::with_capacity(items.len());
    for (item, row) in items.iter().zip(&rows) {
        let row = row.and_then(|row| old.get(row));
        let channel = match row.filter(|row| row.pinned) {
            Some(row) => Some(row.channel),
            None => channels.of(item),
        };
        let Some(channel) = channel else { continue };
        report.sources += 1;
        let place = places.entry(channel).or_default();
        // What a person has put behind all others stays there.
        let priority = match row.filter(|row| row.pinned) {
            Some(row) => row.priority,
            None => playlist.position.saturating_mul(1000).saturating_add((*place).min(999)),
        };
        *place += 1;
        let headers = serde_json::to_string(&item.source.headers).map_err(|error| StoreError::Nonsense(error.to_string()))?;
        match row {
            Some(row) => {
                kept.insert(row.id);
                if !row.is(item, channel, &headers, priority) {
                    update(connection, row.id, item, channel, &headers, priority)?;
                    report.sources_changed += 1;
                }
            }
            None => {
                insert(connection, playlist.id, item, channel, &headers, priority, now)?;
                report.sources_added += 1;
            }
        }
    }
    let mut leave = connection.prepare_cached("UPDATE sources SET active = 0 WHERE id = ?1")?;
    for gone in old.iter().filter(|row| row.active && !kept.contains(&row.id)) {
        leave.execute([gone.id.0])?;
        report.sources_gone += 1;
    }
    Ok(report)
}

fn new(item: &ImportItem) -> New<'_> {
    New {
        item_key: &item.source.item_key,
        url_key: &item.url_key,
        channel_key: &item.channel_key,
        name: &item.source.name,
        only_known: item.only_known,
    }
}

impl OldSource {
    fn matched(&self) -> Old<'_> {
        Old {
            item_key: &self.item_key,
            url_key: &self.url_key,
            // The key of a channel that a rule gave it says nothing of the item; none has an empty one.
            channel_key: (!self.pinned).then_some(if self.assigned { "" } else { &self.channel_key }),
            name: &self.name,
            active: self.active,
        }
    }

    fn is(&self, item: &ImportItem, channel: ChannelId, headers: &str, priority: u32) -> bool {
        self.active
            && self.channel == channel
            && (self.pinned || self.assigned == item.assigned.is_some())
            && self.priority == priority
            && self.headers == headers
            && self.item_key == item.source.item_key
            && self.url_key == item.url_key
            && self.name == item.source.name
            && self.url == item.source.url
    }
}

fn provider(connection: &Connection, spec: &ProviderSpec) -> Result<Playlist, StoreError> {
    let id = connection.query_row(
        "INSERT INTO providers (key, name, location, max_connections, position, active, imported_ms, origin)
         VALUES (:key, :name, :location, coalesce(:max, :usual), :position, 1, :now, iif(:key = 'demo:', 'demo', 'settings'))
         ON CONFLICT (key) DO UPDATE SET name = excluded.name, location = excluded.location, active = 1,
            max_connections = coalesce(:max, max_connections), position = excluded.position, imported_ms = excluded.imported_ms
         RETURNING id",
        named_params! {
            ":key": spec.key, ":name": spec.name, ":location": spec.location, ":max": spec.max_connections.map(|most| most.max(1)),
            ":usual": USUAL_CONNECTIONS, ":position": spec.position, ":now": clock::wall_ms(),
        },
        |row| row.get(0),
    )?;
    Ok(Playlist { id: ProviderId(id), key: spec.key.clone(), position: spec.position })
}

fn sources(connection: &Connection, provider: ProviderId) -> Result<Vec<OldSource>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT sources.id, channel_id, item_key, url_key, sources.name, url, headers, priority, active, channels.key, pinned, assigned
         FROM sources JOIN channels ON channels.id = sources.channel_id WHERE provider_id = ?1",
    )?;
    let rows = statement.query_map([provider.0], |row| {
        Ok(OldSource {
            id: SourceId(row.get(0)?),
            channel: ChannelId(row.get(1)?),
            item_key: row.get(2)?,
            url_key: row.get(3)?,
            name: row.get(4)?,
            url: row.get(5)?,
            headers: row.get(6)?,
            priority: row.get(7)?,
            active: row.get(8)?,
            channel_key: row.get(9)?,
            pinned: row.get(10)?,
            assigned: row.get(11)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert(
    connection: &Connection,
    provider: ProviderId,
    item: &ImportItem,
    channel: ChannelId,
    headers: &str,
    priority: u32,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO sources (provider_id, channel_id, item_key, url_key, name, url, headers, priority, created_ms, assigned)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    let source = &item.source;
    let NewSource { item_key, name, url, .. } = source;
    let assigned = item.assigned.is_some();
    let row = params![provider.0, channel.0, item_key, item.url_key, name, url, headers, priority, now_ms, assigned];
    insert.execute(row)?;
    Ok(())
}

fn update(
    connection: &Connection,
    id: SourceId,
    item: &ImportItem,
    channel: ChannelId,
    headers: &str,
    priority: u32,
) -> Result<(), StoreError> {
    let mut update = connection.prepare_cached(
        // The place that a person gave it was one among the sources of its channel.
        "UPDATE sources SET own_place = iif(channel_id = ?2, own_place, NULL), channel_id = ?2, item_key = ?3, url_key = ?4,
            name = ?5, url = ?6, headers = ?7, priority = ?8, active = 1, assigned = ?9 WHERE id = ?1",
    )?;
    let source = &item.source;
    let NewSource { item_key, name, url, .. } = source;
    let assigned = item.assigned.is_some();
    update.execute(params![id.0, channel.0, item_key, item.url_key, name, url, headers, priority, assigned])?;
    Ok(())
}

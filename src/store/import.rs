//! A playlist's items become sources and channels. One change: either all of it is stored, or nothing.
//!
//! Ids and numbers of what was there before stay. What the playlist no longer has is marked inactive and kept.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, named_params, params};

use super::matching::{self, New, Old};
use super::numbers::Numbers;
use super::writer::Stale;
use super::{Store, StoreError, load};
use crate::base::clock;
use crate::model::{ChannelId, GuideNumber, NewChannel, NewSource, ProviderId, SourceId};

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
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
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
    /// Channels in the lineup now, of all playlists.
    pub channels_published: usize,
}

impl Store {
    /// Stores a playlist's items.
    ///
    /// # Errors
    /// When they cannot be stored; then everything is as before.
    pub async fn import(&self, spec: ProviderSpec, items: Vec<ImportItem>) -> Result<ImportReport, StoreError> {
        let mut report = self.change(move |connection| Ok((Stale::CATALOG, import(connection, &spec, items)?))).await?;
        report.channels_published = self.catalog().channels.len();
        Ok(report)
    }
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
}

struct OldChannel {
    id: ChannelId,
    /// Whether this import may change how it is called: no playlist before this one carries it.
    ours: bool,
}

fn import(connection: &Connection, spec: &ProviderSpec, mut items: Vec<ImportItem>) -> Result<ImportReport, StoreError> {
    let now = clock::wall_ms();
    let provider = provider(connection, spec, now)?;
    let offered = items.len();
    let mut seen = HashSet::with_capacity(items.len());
    items.retain(|item| seen.insert(item.source.item_key.clone()));

    let old = sources(connection, provider)?;
    let rows = matching::rows_of(
        &items.iter().map(|item| new(item)).collect::<Vec<_>>(),
        &old.iter().map(OldSource::matched).collect::<Vec<_>>(),
    );
    let channels = Channels::settle(connection, spec, &items, &rows, &old, now)?;

    let mut report = ImportReport {
        provider,
        sources: items.len(),
        sources_added: 0,
        sources_changed: 0,
        sources_gone: 0,
        duplicates: offered - items.len(),
        channels_added: channels.added,
        channels_published: 0,
    };
    let mut places: HashMap<ChannelId, u32> = HashMap::new();
    let mut kept = HashSet::with_capacity(items.len());
    for (item, row) in items.iter().zip(&rows) {
        let Some(channel) = channels.by_key.get(item.channel_key.as_str()).map(|channel| channel.id) else { continue };
        let place = places.entry(channel).or_default();
        let priority = spec.position.saturating_mul(1000).saturating_add((*place).min(999));
        *place += 1;
        let headers = serde_json::to_string(&item.source.headers).map_err(|error| StoreError::Nonsense(error.to_string()))?;
        match row.and_then(|row| old.get(row)) {
            Some(row) => {
                kept.insert(row.id);
                if !row.is(item, channel, &headers, priority) {
                    update(connection, row.id, item, channel, &headers, priority)?;
                    report.sources_changed += 1;
                }
            }
            None => {
                insert(connection, provider, item, channel, &headers, priority, now)?;
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
    New { item_key: &item.source.item_key, url_key: &item.url_key, channel_key: &item.channel_key, name: &item.source.name }
}

impl OldSource {
    fn matched(&self) -> Old<'_> {
        Old {
            item_key: &self.item_key,
            url_key: &self.url_key,
            channel_key: &self.channel_key,
            name: &self.name,
            active: self.active,
        }
    }

    fn is(&self, item: &ImportItem, channel: ChannelId, headers: &str, priority: u32) -> bool {
        self.active
            && self.channel == channel
            && self.priority == priority
            && self.headers == headers
            && self.item_key == item.source.item_key
            && self.url_key == item.url_key
            && self.name == item.source.name
            && self.url == item.source.url
    }
}

fn provider(connection: &Connection, spec: &ProviderSpec, now_ms: i64) -> Result<ProviderId, StoreError> {
    let id = connection.query_row(
        "INSERT INTO providers (key, name, location, max_connections, position, active, imported_ms)
         VALUES (:key, :name, :location, coalesce(:max, :usual), :position, 1, :now)
         ON CONFLICT (key) DO UPDATE SET name = excluded.name, location = excluded.location, active = 1,
            max_connections = coalesce(:max, max_connections), position = excluded.position, imported_ms = excluded.imported_ms
         RETURNING id",
        named_params! {
            ":key": spec.key, ":name": spec.name, ":location": spec.location, ":max": spec.max_connections.map(|most| most.max(1)), ":usual": USUAL_CONNECTIONS,
            ":position": spec.position, ":now": now_ms,
        },
        |row| row.get(0),
    )?;
    Ok(ProviderId(id))
}

fn sources(connection: &Connection, provider: ProviderId) -> Result<Vec<OldSource>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT sources.id, channel_id, item_key, url_key, sources.name, url, headers, priority, active, channels.key
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
        "INSERT INTO sources (provider_id, channel_id, item_key, url_key, name, url, headers, priority, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let source = &item.source;
    let row = params![provider.0, channel.0, source.item_key, item.url_key, source.name, source.url, headers, priority, now_ms];
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
        "UPDATE sources SET channel_id = ?2, item_key = ?3, url_key = ?4, name = ?5, url = ?6, headers = ?7, priority = ?8,
            active = 1 WHERE id = ?1",
    )?;
    let source = &item.source;
    update.execute(params![id.0, channel.0, source.item_key, item.url_key, source.name, source.url, headers, priority])?;
    Ok(())
}

/// The channels of the items, by key.
struct Channels<'a> {
    by_key: HashMap<&'a str, OldChannel>,
    added: usize,
}

impl<'a> Channels<'a> {
    /// Finds or makes the channel of every item.
    fn settle(
        connection: &Connection,
        spec: &ProviderSpec,
        items: &'a [ImportItem],
        rows: &[Option<usize>],
        old: &[OldSource],
        now_ms: i64,
    ) -> Result<Self, StoreError> {
        let mut channels = Self { by_key: HashMap::with_capacity(items.len()), added: 0 };
        let claimed: HashSet<&str> = items.iter().map(|item| item.channel_key.as_str()).collect();
        let mut given: HashSet<ChannelId> = HashSet::new();
        let mut fresh: Vec<&ImportItem> = Vec::new();
        let mut fresh_keys: HashSet<&str> = HashSet::new();
        for (item, row) in items.iter().zip(rows) {
            let key = item.channel_key.as_str();
            if channels.by_key.contains_key(key) || fresh_keys.contains(key) {
                continue;
            }
            let known = match by_key(connection, spec, key)? {
                Some(channel) => Some(channel),
                // The item is one we know, under another key: the channel goes along, unless somebody else is it now.
                None => match row.and_then(|row| old.get(row)) {
                    Some(row) if !claimed.contains(row.channel_key.as_str()) && !given.contains(&row.channel) => {
                        rekey(connection, spec, row, key)?
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
        let sql = "SELECT number FROM channels WHERE removed_ms IS NULL UNION SELECT number FROM retired_numbers";
        let taken = load::rows(connection, sql, |row| load::parsed(row, 0))?;
        let mut numbers = Numbers::new(taken.into_iter().collect());
        let wishes: Vec<Option<&GuideNumber>> =
            fresh.iter().map(|item| item.channel.number.as_ref().filter(|wish| numbers.take(wish))).collect();
        let mut insert = connection.prepare_cached(
            "INSERT INTO channels (key, number, name, logo, guide_id, group_name, favorite, drm, created_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for (item, wish) in fresh.iter().zip(wishes) {
            let number = wish.cloned().or_else(|| numbers.take_next()).ok_or(StoreError::NoNumberFree)?;
            let NewChannel { name, logo, guide_id, group, favorite, drm, .. } = &item.channel;
            let key = &item.channel_key;
            insert.execute(params![key, number.to_string(), name, logo, guide_id, group, favorite, drm, now_ms])?;
            let id = ChannelId(connection.last_insert_rowid());
            self.by_key.insert(key.as_str(), OldChannel { id, ours: true });
            self.added += 1;
        }
        Ok(())
    }
}

fn by_key(connection: &Connection, spec: &ProviderSpec, key: &str) -> Result<Option<OldChannel>, StoreError> {
    use rusqlite::OptionalExtension;
    let mut find = connection.prepare_cached("SELECT id FROM channels WHERE key = ?1")?;
    let id: Option<i64> = find.query_row([key], |row| row.get(0)).optional()?;
    id.map(|id| Ok(OldChannel { id: ChannelId(id), ours: ours(connection, spec, ChannelId(id))? })).transpose()
}

/// Whether no playlist before this one carries the channel.
fn ours(connection: &Connection, spec: &ProviderSpec, channel: ChannelId) -> Result<bool, StoreError> {
    let mut earlier = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM sources JOIN providers ON providers.id = sources.provider_id
         WHERE channel_id = ?1 AND sources.active AND providers.active AND position < ?2 AND providers.key <> ?3)",
    )?;
    let earlier: bool = earlier.query_row(params![channel.0, spec.position, spec.key], |row| row.get(0))?;
    Ok(!earlier)
}

/// Lets the channel of a known item go by the item's new key, unless another playlist knows it by the old one.
fn rekey(connection: &Connection, spec: &ProviderSpec, row: &OldSource, key: &str) -> Result<Option<OldChannel>, StoreError> {
    let mut shared = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM sources JOIN providers ON providers.id = sources.provider_id
         WHERE channel_id = ?1 AND sources.active AND providers.key <> ?2)",
    )?;
    if shared.query_row(params![row.channel.0, spec.key], |row| row.get(0))? {
        return Ok(None);
    }
    connection.prepare_cached("UPDATE channels SET key = ?2 WHERE id = ?1")?.execute(params![row.channel.0, key])?;
    Ok(Some(OldChannel { id: row.channel, ours: true }))
}

/// Takes over how the playlist calls the channel. Its number and what people set stay.
fn describe(connection: &Connection, id: ChannelId, channel: &NewChannel) -> Result<(), StoreError> {
    let mut update = connection.prepare_cached(
        "UPDATE channels SET name = ?2, logo = ?3, guide_id = ?4, group_name = ?5, drm = ?6
         WHERE id = ?1 AND (name, logo, guide_id, group_name, drm) IS NOT (?2, ?3, ?4, ?5, ?6)",
    )?;
    update.execute(params![id.0, channel.name, channel.logo, channel.guide_id, channel.group, channel.drm])?;
    Ok(())
}

//! What people change about channels and their sources: one or many at once, all of it or nothing.

use rusqlite::{Connection, OptionalExtension, params};

use super::playlists::json;
use super::writer::Stale;
use super::{ImportItem, Store, StoreError, channels, random};
use crate::base::clock;
use crate::model::{ChannelId, GuideNumber, Headers, ProviderId, SourceId};

/// The account of addresses that people type in.
pub const LINKS: &str = "links:";
/// Its name, until somebody gives it another one.
const LINKS_NAME: &str = "Own addresses";

/// What is to be different about a channel. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelEdit {
    /// Its number. The old one is kept aside.
    pub number: Option<GuideNumber>,
    /// Its name; inner `None`: as the playlist says.
    pub name: Option<Option<String>>,
    /// Address of its logo; inner `None`: as the playlist says.
    pub logo: Option<Option<String>>,
    /// Its id in guides; inner `None`: as the playlist says.
    pub guide_id: Option<Option<String>>,
    /// Its groups, with `;` between them; inner `None`: as the playlist says.
    pub group: Option<Option<String>>,
    /// Whether it is in the lineup.
    pub enabled: Option<bool>,
    /// Whether it is a favourite.
    pub favorite: Option<bool>,
    /// Whether its next source is kept ready; inner `None`: as the settings say.
    pub hot_standby: Option<Option<bool>>,
}

/// A source that a person gives to a channel.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnSource {
    /// An item of a playlist.
    Item(ProviderId, Box<ImportItem>),
    /// An address.
    Link {
        /// The address. May hold credentials.
        url: String,
        /// Request headers.
        headers: Headers,
    },
}

impl Store {
    /// Changes channels, all of them or none. Numbers may be exchanged.
    ///
    /// # Errors
    /// When there is no such channel, a number belongs to another one, or it cannot be stored.
    pub async fn edit_channels(&self, edits: Vec<(ChannelId, ChannelEdit)>) -> Result<(), StoreError> {
        self.change(move |connection| {
            let mut moved = Vec::new();
            // All numbers are let go of before one is taken, so that two channels can change places.
            for (channel, edit) in edits.iter().filter(|(_, edit)| edit.number.is_some()) {
                let old = number_of(connection, *channel)?;
                let sql = "UPDATE channels SET number = ?2 WHERE id = ?1";
                connection.prepare_cached(sql)?.execute(params![channel.0, format!("moving:{}", channel.0)])?;
                moved.push((*channel, old, edit.number.clone()));
            }
            for (channel, _, number) in &moved {
                if let Some(number) = number {
                    take_number(connection, *channel, number)?;
                }
            }
            let now: std::collections::HashSet<String> =
                moved.iter().filter_map(|(_, _, number)| number.as_ref().map(GuideNumber::to_string)).collect();
            for (channel, old, _) in moved.iter().filter(|(_, old, _)| !now.contains(old)) {
                channels::retire(connection, old, *channel)?;
            }
            for (channel, edit) in &edits {
                apply(connection, *channel, edit)?;
            }
            Ok((Stale::CATALOG, ()))
        })
        .await
    }

    /// Makes a channel of a person's own. Without a number it gets the next free one.
    ///
    /// # Errors
    /// When the number belongs to another channel, none is free, or it cannot be stored.
    pub async fn add_channel(
        &self,
        name: String,
        number: Option<GuideNumber>,
        sources: Vec<OwnSource>,
    ) -> Result<ChannelId, StoreError> {
        let key = format!("own:{}", random::url_safe::<16>()?);
        self.change(move |connection| {
            let sql = "INSERT INTO channels (key, number, name, own_name, created_ms) VALUES (?1, ?2, ?3, ?3, ?4)";
            connection.execute(sql, params![key, format!("new:{key}"), name, clock::wall_ms()])?;
            let channel = ChannelId(connection.last_insert_rowid());
            let number = match number {
                Some(number) => number,
                None => super::import::next_number(connection)?.ok_or(StoreError::NoNumberFree)?,
            };
            take_number(connection, channel, &number)?;
            for source in &sources {
                give(connection, channel, source)?;
            }
            Ok((Stale::CATALOG, channel))
        })
        .await
    }

    /// Gives a channel one more source, behind those it has. An item that is the source of another channel is taken from that.
    ///
    /// # Errors
    /// When there is no such channel, or it cannot be stored.
    pub async fn add_source(&self, channel: ChannelId, source: OwnSource) -> Result<SourceId, StoreError> {
        self.change(move |connection| {
            number_of(connection, channel)?;
            Ok((Stale::CATALOG, give(connection, channel, &source)?))
        })
        .await
    }

    /// Takes a source that a person gave to a channel away from it. An item of a playlist may become a source again by the
    /// playlist's rules: gives that playlist. `None`: it became one by them, and can only be switched off.
    ///
    /// # Errors
    /// When there is no such source, or it cannot be stored.
    pub async fn remove_source(&self, source: SourceId) -> Result<Option<ProviderId>, StoreError> {
        self.change(move |connection| {
            let sql = "SELECT pinned, provider_id FROM sources WHERE id = ?1";
            let found = connection.query_row(sql, [source.0], |row| Ok((row.get::<_, bool>(0)?, row.get(1).map(ProviderId)?)));
            let (pinned, provider) = found.optional()?.ok_or(StoreError::NoSuchSource)?;
            if !pinned {
                return Ok((Stale::NOTHING, None));
            }
            connection.execute("DELETE FROM sources WHERE id = ?1", [source.0])?;
            Ok((Stale::CATALOG, Some(provider)))
        })
        .await
    }

    /// Says in which order the sources of a channel are tried. Those that are not named come behind, in their own order.
    ///
    /// # Errors
    /// When there is no such channel, one of them is not its source, or it cannot be stored.
    pub async fn order_sources(&self, channel: ChannelId, sources: Vec<SourceId>) -> Result<(), StoreError> {
        self.change(move |connection| {
            number_of(connection, channel)?;
            connection.execute("UPDATE sources SET own_place = NULL WHERE channel_id = ?1", [channel.0])?;
            let mut place = connection.prepare_cached("UPDATE sources SET own_place = ?3 WHERE id = ?1 AND channel_id = ?2")?;
            for (index, source) in (0i64..).zip(&sources) {
                if place.execute(params![source.0, channel.0, index])? == 0 {
                    return Err(StoreError::NoSuchSource);
                }
            }
            Ok((Stale::CATALOG, ()))
        })
        .await
    }

    /// Says which channels a device has; `None`: all of them.
    ///
    /// # Errors
    /// When there is no such device or channel, or it cannot be stored.
    pub async fn set_device_channels(&self, row: i64, channels: Option<Vec<ChannelId>>) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "UPDATE devices SET every_channel = ?2 WHERE id = ?1";
            if connection.execute(sql, params![row, channels.is_none()])? == 0 {
                return Err(StoreError::NoSuchDevice);
            }
            connection.execute("DELETE FROM device_channels WHERE device_row = ?1", [row])?;
            let mut insert = connection.prepare_cached(
                "INSERT OR IGNORE INTO device_channels (device_row, channel_id)
                 SELECT ?1, id FROM channels WHERE id = ?2 AND removed_ms IS NULL",
            )?;
            let mut known =
                connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM channels WHERE id = ?1 AND removed_ms IS NULL)")?;
            for channel in channels.unwrap_or_default() {
                if !known.query_row([channel.0], |row| row.get::<_, bool>(0))? {
                    return Err(StoreError::NoSuchChannel);
                }
                insert.execute(params![row, channel.0])?;
            }
            Ok((Stale::CATALOG, ()))
        })
        .await
    }
}

fn number_of(connection: &Connection, channel: ChannelId) -> Result<String, StoreError> {
    let sql = "SELECT number FROM channels WHERE id = ?1 AND removed_ms IS NULL";
    let number: Option<String> = connection.prepare_cached(sql)?.query_row([channel.0], |row| row.get(0)).optional()?;
    number.ok_or(StoreError::NoSuchChannel)
}

/// Gives a channel a number that nobody living has.
fn take_number(connection: &Connection, channel: ChannelId, number: &GuideNumber) -> Result<(), StoreError> {
    let text = number.to_string();
    let sql = "SELECT EXISTS (SELECT 1 FROM channels WHERE number = ?1 AND removed_ms IS NULL AND id <> ?2)";
    if connection.prepare_cached(sql)?.query_row(params![text, channel.0], |row| row.get(0))? {
        return Err(StoreError::NumberTaken(number.clone()));
    }
    connection.prepare_cached("DELETE FROM retired_numbers WHERE number = ?1")?.execute([&text])?;
    connection.prepare_cached("UPDATE channels SET number = ?2 WHERE id = ?1")?.execute(params![channel.0, text])?;
    Ok(())
}

fn apply(connection: &Connection, channel: ChannelId, edit: &ChannelEdit) -> Result<(), StoreError> {
    let ChannelEdit { number: _, name, logo, guide_id, group, enabled, favorite, hot_standby } = edit;
    let mut update = connection.prepare_cached(
        "UPDATE channels SET own_name = iif(?2, ?3, own_name), own_logo = iif(?4, ?5, own_logo),
            own_guide_id = iif(?6, ?7, own_guide_id), own_group = iif(?8, ?9, own_group), enabled = coalesce(?10, enabled),
            favorite = coalesce(?11, favorite), hot_standby = iif(?12, ?13, hot_standby)
         WHERE id = ?1 AND removed_ms IS NULL",
    )?;
    let changed = update.execute(params![
        channel.0,
        name.is_some(),
        name.clone().flatten(),
        logo.is_some(),
        logo.clone().flatten(),
        guide_id.is_some(),
        guide_id.clone().flatten(),
        group.is_some(),
        group.clone().flatten(),
        enabled,
        favorite,
        hot_standby.is_some(),
        hot_standby.flatten()
    ])?;
    if changed == 0 { Err(StoreError::NoSuchChannel) } else { Ok(()) }
}

/// Makes something a source of a channel, behind those it has.
fn give(connection: &Connection, channel: ChannelId, source: &OwnSource) -> Result<SourceId, StoreError> {
    let now = clock::wall_ms();
    let (provider, item_key, url_key, name, url, headers) = match source {
        OwnSource::Item(provider, item) => {
            let source = &item.source;
            let url_key = item.url_key.clone();
            (*provider, source.item_key.clone(), url_key, source.name.clone(), source.url.clone(), &source.headers)
        }
        OwnSource::Link { url, headers } => {
            let key = format!("own:{}", random::url_safe::<16>()?);
            (links(connection)?, key.clone(), key, "Own address".to_owned(), url.clone(), headers)
        }
    };
    let sql = "SELECT coalesce(max(own_place) + 1, 0) FROM sources WHERE channel_id = ?1";
    let place: i64 = connection.query_row(sql, [channel.0], |row| row.get(0))?;
    // Where nobody has said an order yet, what is given comes behind all.
    let place = if place == 0 { None } else { Some(place) };
    let id = connection.query_row(
        "INSERT INTO sources (provider_id, channel_id, item_key, url_key, name, url, headers, priority, own_place, pinned, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
                 (SELECT max(1000000, coalesce(max(priority) + 1, 0)) FROM sources WHERE channel_id = ?2), ?8, 1, ?9)
         ON CONFLICT (provider_id, item_key) DO UPDATE SET channel_id = excluded.channel_id, pinned = 1, active = 1,
            enabled = 1, priority = excluded.priority, own_place = excluded.own_place, url_key = excluded.url_key,
            name = excluded.name, url = excluded.url, headers = excluded.headers
         RETURNING id",
        params![provider.0, channel.0, item_key, url_key, name, url, json(headers)?, place, now],
        |row| row.get(0),
    )?;
    Ok(SourceId(id))
}

/// The account of addresses that people type in, made when the first one is.
fn links(connection: &Connection) -> Result<ProviderId, StoreError> {
    let id = connection.query_row(
        "INSERT INTO providers (key, name, location, max_connections, origin, refresh_h, position, imported_ms)
         VALUES (?1, ?2, ?1, 64, 'person', 0, 1000, ?3) ON CONFLICT (key) DO UPDATE SET active = 1 RETURNING id",
        params![LINKS, LINKS_NAME, clock::wall_ms()],
        |row| row.get(0),
    )?;
    Ok(ProviderId(id))
}

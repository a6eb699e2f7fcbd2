//! Playlists: accounts with what people set about them, and what became of the last reading.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde_json::Value;

use super::feeds::{self, FeedId, Versions};
use super::import::USUAL_CONNECTIONS;
use super::writer::Stale;
use super::{Store, StoreError, load};
use crate::base::clock;
use crate::model::{Automatic, ChannelId, FetchAccess, GuideId, PlaylistRules, Provider, ProviderId};

/// Who brought a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The settings: it is taken away there.
    Settings,
    /// A person, by the API or a command.
    Person,
    /// Nobody: it is the demo.
    Demo,
}

/// A playlist about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPlaylist {
    /// What makes it the same as the last time.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Where it comes from. May hold credentials.
    pub location: String,
    /// Most connections at a time, if a person says.
    pub max_connections: Option<u32>,
    /// How it is fetched.
    pub access: FetchAccess,
    /// What is taken from it.
    pub rules: PlaylistRules,
    /// Hours from one reading to the next; 0: only when asked.
    pub refresh_h: u32,
}

/// A playlist with all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Playlist {
    /// Its identity, name, location and limit.
    pub provider: Provider,
    /// What makes it the same as the last time.
    pub key: String,
    /// Who brought it.
    pub origin: Origin,
    /// Its place: the sources of the first one are tried first.
    pub position: u32,
    /// Whether it is served.
    pub active: bool,
    /// How it is fetched.
    pub access: FetchAccess,
    /// What is taken from it.
    pub rules: PlaylistRules,
    /// Hours from one reading to the next; 0: only when asked.
    pub refresh_h: u32,
    /// Whether a person, and not its provider, said how many connections it allows.
    pub limit_said: bool,
    /// What its provider says of the account, as JSON.
    pub account: Option<Value>,
    /// When it was last read well, milliseconds since 1970.
    pub imported_ms: Option<i64>,
    /// When it was last looked at, milliseconds since 1970.
    pub checked_ms: Option<i64>,
    /// Why the last reading failed, for people, without credentials.
    pub last_error: Option<String>,
    /// Sources it has now.
    pub sources: u32,
    /// Its versions.
    pub versions: Versions,
}

/// A source as the last reading left it: what its next reading is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSource {
    /// Key of the item.
    pub item_key: String,
    /// Key of the address.
    pub url_key: String,
    /// Key of the channel.
    pub channel_key: String,
    /// Its name in the playlist.
    pub name: String,
    /// The channel.
    pub channel: ChannelId,
    /// Whether the last reading still had it.
    pub active: bool,
}

const SELECT: &str = "
    SELECT id, name, location, max_connections, key, origin, position, active, access, rules, refresh_h, limit_said, account,
           imported_ms, checked_ms, last_error,
           (SELECT count(*) FROM sources WHERE provider_id = providers.id AND sources.active)
    FROM providers";

impl Store {
    /// All playlists, those too that are not served, in their order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn playlists(&self) -> Result<Vec<Playlist>, StoreError> {
        self.read(|connection| {
            let mut all = load::rows(connection, &format!("{SELECT} ORDER BY position, id"), playlist)?;
            for playlist in &mut all {
                playlist.versions = feeds::versions(connection, FeedId::Playlist(playlist.provider.id))?;
            }
            Ok(all)
        })
        .await
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none with this id, or it cannot be read.
    pub async fn playlist(&self, id: ProviderId) -> Result<Playlist, StoreError> {
        self.read(move |connection| {
            let found = connection.query_row(&format!("{SELECT} WHERE id = ?1"), [id.0], |row| Ok(playlist(row)));
            let mut playlist = found.optional()?.ok_or(StoreError::NoSuchPlaylist)??;
            playlist.versions = feeds::versions(connection, FeedId::Playlist(id))?;
            Ok(playlist)
        })
        .await
    }

    /// Makes a playlist for a person. Nothing is read yet.
    ///
    /// # Errors
    /// When it is there already, or cannot be stored.
    pub async fn add_playlist(&self, new: NewPlaylist) -> Result<ProviderId, StoreError> {
        self.change(move |connection| {
            not_taken(connection, &new.key, None)?;
            let id = connection.query_row(
                "INSERT INTO providers (key, name, location, max_connections, limit_said, access, rules, refresh_h, origin, position)
                 VALUES (:key, :name, :location, coalesce(:max, :usual), :max IS NOT NULL, :access, :rules, :refresh, 'person',
                         (SELECT coalesce(max(position) + 1, 0) FROM providers WHERE position < 1000))
                 RETURNING id",
                named_params! {
                    ":key": new.key, ":name": new.name, ":location": new.location, ":max": new.max_connections,
                    ":usual": USUAL_CONNECTIONS, ":access": json(&new.access)?, ":rules": json(&new.rules)?,
                    ":refresh": new.refresh_h,
                },
                |row| row.get(0),
            )?;
            Ok((Stale::CATALOG, ProviderId(id)))
        })
        .await
    }

    /// Makes a playlist of the settings, or brings what they say of it up to date. What people set about it otherwise stays.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn keep_playlist(
        &self,
        key: String,
        name: String,
        location: String,
        most: Option<u32>,
        position: u32,
    ) -> Result<ProviderId, StoreError> {
        self.change(move |connection| {
            let id = connection.query_row(
                "INSERT INTO providers (key, name, location, max_connections, limit_said, position, origin)
                 VALUES (:key, :name, :location, coalesce(:max, :usual), :max IS NOT NULL, :position, 'settings')
                 ON CONFLICT (key) DO UPDATE SET location = excluded.location, position = excluded.position, active = 1,
                    origin = 'settings', max_connections = coalesce(:max, max_connections),
                    limit_said = limit_said OR excluded.limit_said
                 RETURNING id",
                named_params! {
                    ":key": key, ":name": name, ":location": location, ":max": most.map(|most| most.max(1)),
                    ":usual": USUAL_CONNECTIONS, ":position": position,
                },
                |row| row.get(0),
            )?;
            Ok((Stale::CATALOG, ProviderId(id)))
        })
        .await
    }

    /// Writes what people may change about a playlist: name, location and key, limit, access, rules, order, whether it is served.
    ///
    /// # Errors
    /// When there is none, another one is the same already, or it cannot be stored.
    pub async fn update_playlist(&self, changed: Playlist) -> Result<(), StoreError> {
        self.change(move |connection| {
            not_taken(connection, &changed.key, Some(changed.provider.id))?;
            let sql = "SELECT location IS NOT ?2 OR access IS NOT ?3 FROM providers WHERE id = ?1";
            let values = params![changed.provider.id.0, changed.provider.location, json(&changed.access)?];
            let elsewhere: Option<bool> = connection.query_row(sql, values, |row| row.get(0)).optional()?;
            let elsewhere = elsewhere.unwrap_or(false);
            let rows = connection.execute(
                "UPDATE providers SET key = :key, name = :name, location = :location, max_connections = :max, limit_said = :said,
                    access = :access, rules = :rules, refresh_h = :refresh, position = :position, active = :active WHERE id = :id",
                named_params! {
                    ":id": changed.provider.id.0, ":key": changed.key, ":name": changed.provider.name,
                    ":location": changed.provider.location, ":max": changed.provider.max_connections.max(1),
                    ":said": changed.limit_said, ":access": json(&changed.access)?, ":rules": json(&changed.rules)?,
                    ":refresh": changed.refresh_h, ":position": changed.position, ":active": changed.active,
                },
            )?;
            if rows == 0 {
                return Err(StoreError::NoSuchPlaylist);
            }
            if elsewhere {
                feeds::forget_validators(connection, FeedId::Playlist(changed.provider.id))?;
            }
            Ok((Stale::CATALOG, ()))
        })
        .await
    }

    /// Takes a playlist away, with its credentials and sources. Channels keep their ids and numbers, and are seen again when
    /// something carries them.
    ///
    /// # Errors
    /// When there is none, or it cannot be stored.
    pub async fn remove_playlist(&self, id: ProviderId) -> Result<(), StoreError> {
        let change = move |connection: &Connection| {
            let mut old = feeds::forget_all(connection, FeedId::Playlist(id))?;
            let mut statement = connection.prepare("SELECT id FROM guides WHERE provider_id = ?1")?;
            let guides = statement.query_map([id.0], |row| row.get(0).map(GuideId))?.collect::<Result<Vec<_>, _>>()?;
            for guide in guides {
                connection.execute("DELETE FROM mappings WHERE guide_id = ?1 AND how <> 'person'", [guide.0])?;
                old.extend(feeds::forget_all(connection, FeedId::Guide(guide))?);
            }
            if connection.execute("DELETE FROM providers WHERE id = ?1", [id.0])? == 0 {
                return Err(StoreError::NoSuchPlaylist);
            }
            Ok((Stale::CATALOG, old))
        };
        let old = self.change(change).await?;
        self.remove_versions(old);
        Ok(())
    }

    /// Notes that a playlist was looked at: nothing new, or why it could not be read.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn playlist_checked(&self, id: ProviderId, error: Option<String>) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "UPDATE providers SET checked_ms = ?2, last_error = ?3 WHERE id = ?1";
            connection.execute(sql, params![id.0, clock::wall_ms(), error])?;
            Ok((Stale::NOTHING, ()))
        })
        .await
    }

    /// Keeps what a provider says of an account. The connections it allows count, unless a person has said another number.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set_account(&self, id: ProviderId, account: Value, most: Option<u32>) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "UPDATE providers SET account = ?2, max_connections = iif(limit_said, max_connections, coalesce(?3, max_connections))
                       WHERE id = ?1";
            connection.execute(sql, params![id.0, account.to_string(), most.map(|most| most.max(1))])?;
            Ok((Stale::CATALOG, ()))
        })
        .await
    }

    /// Keeps what the first reading of a playlist has settled of its rules; what a person has said meanwhile stays.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn settle_rules(&self, id: ProviderId, channels: Automatic) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "UPDATE providers SET rules = json_set(rules, '$.channels', json(?2))
                       WHERE id = ?1 AND json_extract(rules, '$.channels') IS NULL";
            connection.execute(sql, params![id.0, json(&channels)?])?;
            Ok((Stale::NOTHING, ()))
        })
        .await
    }

    /// Playlists of the settings that are in them no more, where the settings name none at all, are served on and are people's from
    /// now on: they may be changed and taken away.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn adopt_playlists(&self) -> Result<(), StoreError> {
        self.change(|connection| {
            connection.execute("UPDATE providers SET origin = 'person' WHERE origin = 'settings'", [])?;
            Ok((Stale::NOTHING, ()))
        })
        .await
    }

    /// Does not serve the demo any more: there is something else.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn retire_demo(&self) -> Result<(), StoreError> {
        self.change(|connection| {
            let changed = connection.execute("UPDATE providers SET active = 0 WHERE active AND origin = 'demo'", [])?;
            if changed == 0 {
                return Ok((Stale::NOTHING, ()));
            }
            // Nobody's numbers are kept for them, and no table shows them.
            let sql = "UPDATE channels SET removed_ms = ?1 WHERE key LIKE 'rooftop.demo.%' AND removed_ms IS NULL";
            connection.execute(sql, [clock::wall_ms()])?;
            Ok((Stale::CATALOG, ()))
        })
        .await
    }

    /// The sources of a playlist, as the last reading left them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn known_sources(&self, id: ProviderId) -> Result<Vec<KnownSource>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT item_key, url_key, channels.key, sources.name, channel_id, active
                       FROM sources JOIN channels ON channels.id = sources.channel_id WHERE provider_id = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([id.0], |row| {
                Ok(KnownSource {
                    item_key: row.get(0)?,
                    url_key: row.get(1)?,
                    channel_key: row.get(2)?,
                    name: row.get(3)?,
                    channel: ChannelId(row.get(4)?),
                    active: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn not_taken(connection: &Connection, key: &str, but: Option<ProviderId>) -> Result<(), StoreError> {
    let sql = "SELECT name FROM providers WHERE key = ?1 AND id IS NOT ?2";
    let taken: Option<String> = connection.query_row(sql, params![key, but.map(|id| id.0)], |row| row.get(0)).optional()?;
    taken.map_or(Ok(()), |name| Err(StoreError::FeedTaken(name)))
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Nonsense(error.to_string()))
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| StoreError::Nonsense(error.to_string()))
}

fn playlist(row: &Row<'_>) -> Result<Playlist, StoreError> {
    let origin: String = row.get(5)?;
    let account: Option<String> = row.get(12)?;
    Ok(Playlist {
        provider: Provider {
            id: ProviderId(row.get(0)?),
            name: row.get(1)?,
            location: row.get(2)?,
            max_connections: row.get(3)?,
        },
        key: row.get(4)?,
        origin: match origin.as_str() {
            "person" => Origin::Person,
            "demo" => Origin::Demo,
            _ => Origin::Settings,
        },
        position: row.get(6)?,
        active: row.get(7)?,
        access: from_json(row, 8)?,
        rules: from_json(row, 9)?,
        refresh_h: row.get(10)?,
        limit_said: row.get(11)?,
        account: account.and_then(|text| serde_json::from_str(&text).ok()),
        imported_ms: row.get(13)?,
        checked_ms: row.get(14)?,
        last_error: row.get(15)?,
        sources: row.get(16)?,
        versions: Versions::default(),
    })
}

//! Guides: where each comes from, and what became of its last reading.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use crate::base::clock;
use crate::model::{FetchAccess, GuideId, ProviderId};
use crate::store::feeds::{self, FeedId, NewVersion, Versions};
use crate::store::playlists::{from_json, json};
use crate::store::writer::Stale;
use crate::store::{Store, StoreError, load};

/// A guide about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGuide {
    /// What makes it the same as the last time.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Where it comes from. May hold credentials.
    pub location: String,
    /// The playlist that brought it, and takes it along when it goes.
    pub playlist: Option<ProviderId>,
    /// How it is fetched.
    pub access: FetchAccess,
    /// Hours from one reading to the next; 0: only when asked.
    pub refresh_h: u32,
}

/// A guide with all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Guide {
    /// Identity.
    pub id: GuideId,
    /// What makes it the same as the last time.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Where it comes from. May hold credentials.
    pub location: String,
    /// The playlist that brought it.
    pub playlist: Option<ProviderId>,
    /// Its place: where two guides have a channel, the first one counts.
    pub position: u32,
    /// Whether it is used.
    pub active: bool,
    /// How it is fetched.
    pub access: FetchAccess,
    /// Hours from one reading to the next; 0: only when asked.
    pub refresh_h: u32,
    /// When it was last read well, milliseconds since 1970.
    pub imported_ms: Option<i64>,
    /// When it was last looked at, milliseconds since 1970.
    pub checked_ms: Option<i64>,
    /// Why the last reading failed, for people, without credentials.
    pub last_error: Option<String>,
    /// Its versions.
    pub versions: Versions,
}

const SELECT: &str = "
    SELECT id, key, name, location, provider_id, position, active, access, refresh_h, imported_ms, checked_ms, last_error FROM guides";

impl Store {
    /// All guides, in their order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn guides(&self) -> Result<Vec<Guide>, StoreError> {
        self.read(|connection| {
            let mut all = load::rows(connection, &format!("{SELECT} ORDER BY position, id"), guide)?;
            for guide in &mut all {
                guide.versions = feeds::versions(connection, FeedId::Guide(guide.id))?;
            }
            Ok(all)
        })
        .await
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none with this id, or it cannot be read.
    pub async fn guide(&self, id: GuideId) -> Result<Guide, StoreError> {
        self.read(move |connection| {
            let found = connection.query_row(&format!("{SELECT} WHERE id = ?1"), [id.0], |row| Ok(guide(row)));
            let mut guide = found.optional()?.ok_or(StoreError::NoSuchGuide)??;
            guide.versions = feeds::versions(connection, FeedId::Guide(id))?;
            Ok(guide)
        })
        .await
    }

    /// Makes a guide. Nothing is read yet.
    ///
    /// # Errors
    /// When it is there already, or cannot be stored.
    pub async fn add_guide(&self, new: NewGuide) -> Result<GuideId, StoreError> {
        self.change(move |connection| {
            not_taken(connection, &new.key, None)?;
            let id = connection.query_row(
                "INSERT INTO guides (key, name, location, provider_id, access, refresh_h, position)
                 VALUES (:key, :name, :location, :playlist, :access, :refresh, (SELECT coalesce(max(position) + 1, 0) FROM guides))
                 RETURNING id",
                named_params! {
                    ":key": new.key, ":name": new.name, ":location": new.location, ":playlist": new.playlist.map(|id| id.0),
                    ":access": json(&new.access)?, ":refresh": new.refresh_h,
                },
                |row| row.get(0),
            )?;
            Ok((Stale::NOTHING, GuideId(id)))
        })
        .await
    }

    /// Writes what people may change about a guide: name, location and key, access, order, whether it is used.
    ///
    /// # Errors
    /// When there is none, another one is the same already, or it cannot be stored.
    pub async fn update_guide(&self, changed: Guide) -> Result<(), StoreError> {
        self.change(move |connection| {
            not_taken(connection, &changed.key, Some(changed.id))?;
            let sql = "SELECT location IS NOT ?2 OR access IS NOT ?3 FROM guides WHERE id = ?1";
            let values = params![changed.id.0, changed.location, json(&changed.access)?];
            if connection.query_row(sql, values, |row| row.get(0)).optional()?.unwrap_or(false) {
                feeds::forget_validators(connection, FeedId::Guide(changed.id))?;
            }
            let rows = connection.execute(
                "UPDATE guides SET key = :key, name = :name, location = :location, access = :access, refresh_h = :refresh,
                    position = :position, active = :active WHERE id = :id",
                named_params! {
                    ":id": changed.id.0, ":key": changed.key, ":name": changed.name, ":location": changed.location,
                    ":access": json(&changed.access)?, ":refresh": changed.refresh_h, ":position": changed.position,
                    ":active": changed.active,
                },
            )?;
            if rows == 0 { Err(StoreError::NoSuchGuide) } else { Ok((Stale::NOTHING, ())) }
        })
        .await
    }

    /// Takes a guide away. What a person mapped to it is not mapped to anything then, and waits for that person.
    ///
    /// # Errors
    /// When there is none, or it cannot be stored.
    pub async fn remove_guide(&self, id: GuideId) -> Result<(), StoreError> {
        let change = move |connection: &Connection| {
            connection.execute("DELETE FROM mappings WHERE guide_id = ?1 AND how <> 'person'", [id.0])?;
            if connection.execute("DELETE FROM guides WHERE id = ?1", [id.0])? == 0 {
                return Err(StoreError::NoSuchGuide);
            }
            Ok((Stale::NOTHING, feeds::forget_all(connection, FeedId::Guide(id))?))
        };
        let old = self.change(change).await?;
        self.remove_versions(old);
        Ok(())
    }

    /// Notes that a guide was looked at: nothing new, or why it could not be read.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn guide_checked(&self, id: GuideId, error: Option<String>) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "UPDATE guides SET checked_ms = ?2, last_error = ?3 WHERE id = ?1";
            connection.execute(sql, params![id.0, clock::wall_ms(), error])?;
            Ok((Stale::NOTHING, ()))
        })
        .await
    }

    /// Makes a version the current one of its guide. The version before it, and one that was held back, are gone then.
    ///
    /// # Errors
    /// When there is no such guide, or it cannot be stored; then everything is as before.
    pub async fn publish_guide(&self, id: GuideId, version: NewVersion) -> Result<(), StoreError> {
        let change = move |connection: &Connection| {
            let again = feeds::is_current(connection, FeedId::Guide(id), &version)?;
            let sql = "UPDATE guides SET imported_ms = iif(?3, imported_ms, ?2), checked_ms = iif(?3, checked_ms, ?2),
                       last_error = iif(?3, last_error, NULL) WHERE id = ?1";
            if connection.execute(sql, params![id.0, clock::wall_ms(), again])? == 0 {
                return Err(StoreError::NoSuchGuide);
            }
            Ok((Stale::NOTHING, feeds::set_current(connection, FeedId::Guide(id), &version)?))
        };
        let old = self.change(change).await?;
        self.remove_versions(old);
        Ok(())
    }
}

fn not_taken(connection: &Connection, key: &str, but: Option<GuideId>) -> Result<(), StoreError> {
    let sql = "SELECT name FROM guides WHERE key = ?1 AND id IS NOT ?2";
    let taken: Option<String> = connection.query_row(sql, params![key, but.map(|id| id.0)], |row| row.get(0)).optional()?;
    taken.map_or(Ok(()), |name| Err(StoreError::FeedTaken(name)))
}

fn guide(row: &Row<'_>) -> Result<Guide, StoreError> {
    let playlist: Option<i64> = row.get(4)?;
    Ok(Guide {
        id: GuideId(row.get(0)?),
        key: row.get(1)?,
        name: row.get(2)?,
        location: row.get(3)?,
        playlist: playlist.map(ProviderId),
        position: row.get(5)?,
        active: row.get(6)?,
        access: from_json(row, 7)?,
        refresh_h: row.get(8)?,
        imported_ms: row.get(9)?,
        checked_ms: row.get(10)?,
        last_error: row.get(11)?,
        versions: Versions::default(),
    })
}

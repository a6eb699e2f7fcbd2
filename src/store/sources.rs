//! Sources and playlists: what becomes of them.

use rusqlite::{OptionalExtension, params};

use super::writer::Stale;
use super::{Store, StoreError};
use crate::model::{Health, ProviderId, SourceId};

/// A playlist as it was last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Its identity.
    pub provider: ProviderId,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Sources it had then.
    pub sources: u32,
}

impl Store {
    /// Keeps how a source has behaved. Never waits; written within a second or two, the newest only.
    pub fn record_health(&self, source: SourceId, health: Health) {
        self.fact(|facts| facts.health(source, health));
    }

    /// Forgets how a source has behaved, or all of them. `false`: there is no such source.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn clear_health(&self, source: Option<SourceId>) -> Result<bool, StoreError> {
        self.change(move |connection| {
            let known = match source {
                None => {
                    connection.execute("DELETE FROM source_health", [])?;
                    true
                }
                Some(source) => {
                    connection.execute("DELETE FROM source_health WHERE source_id = ?1", [source.0])?;
                    connection.query_row("SELECT EXISTS (SELECT 1 FROM sources WHERE id = ?1)", [source.0], |row| row.get(0))?
                }
            };
            Ok((Stale::CATALOG, known))
        })
        .await
    }

    /// Says how many connections an account allows at a time. `false`: there is none.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set_connections(&self, provider: ProviderId, most: u32) -> Result<bool, StoreError> {
        self.change(move |connection| {
            let sql = "UPDATE providers SET max_connections = ?2, limit_said = 1 WHERE id = ?1";
            Ok((Stale::CATALOG, connection.execute(sql, params![provider.0, most.max(1)])? > 0))
        })
        .await
    }

    /// Allows a source to be used, or not. `false`: there is none.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set_source_enabled(&self, source: SourceId, enabled: bool) -> Result<bool, StoreError> {
        self.change(move |connection| {
            let sql = "UPDATE sources SET enabled = ?2 WHERE id = ?1";
            Ok((Stale::CATALOG, connection.execute(sql, params![source.0, enabled])? > 0))
        })
        .await
    }

    /// Of the playlists of the settings, serves those with these keys and no others, and not the demo. What the others brought is
    /// kept, out of sight, with its ids and numbers; it comes back as it was when they do.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn serve_only(&self, keys: &[String]) -> Result<(), StoreError> {
        let keys = serde_json::to_string(keys).map_err(|error| StoreError::Nonsense(error.to_string()))?;
        self.change(move |connection| {
            let sql = "UPDATE providers SET active = NOT active 
                       WHERE origin <> 'person' AND active <> (key IN (SELECT value FROM json_each(?1)))";
            let changed = connection.execute(sql, [keys])?;
            Ok((if changed == 0 { Stale::NOTHING } else { Stale::CATALOG }, ()))
        })
        .await
    }

    /// What is known of a playlist from when it was last read well. `None`: it never was.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn imported(&self, key: &str) -> Result<Option<Imported>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| {
            let sql = "SELECT id, imported_ms, (SELECT count(*) FROM sources WHERE provider_id = providers.id AND active)
                       FROM providers WHERE key = ?1 AND imported_ms IS NOT NULL";
            let found = connection.query_row(sql, [key], |row| {
                Ok(Imported { provider: ProviderId(row.get(0)?), at_ms: row.get(1)?, sources: row.get(2)? })
            });
            Ok(found.optional()?)
        })
        .await
    }
}

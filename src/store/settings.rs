//! Settings that are changed while it runs: a name and a text each.

use rusqlite::{OptionalExtension, params};

use super::writer::Stale;
use super::{Store, StoreError};

impl Store {
    /// A setting, if it was ever set.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| {
            let sql = "SELECT value FROM settings WHERE key = ?1";
            Ok(connection.query_row(sql, [key], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Sets or, with `None`, forgets a setting.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set_setting(&self, key: &str, value: Option<&str>) -> Result<(), StoreError> {
        let (key, value) = (key.to_owned(), value.map(str::to_owned));
        self.change(move |connection| {
            match value {
                Some(value) => connection.execute(
                    "INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    params![key, value],
                )?,
                None => connection.execute("DELETE FROM settings WHERE key = ?1", [key])?,
            };
            Ok((Stale::NOTHING, ()))
        })
        .await
    }
}

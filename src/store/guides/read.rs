//! Reads a version of a guide: its channels, programmes of a channel, what is on, what somebody looks for.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::model::{GuideChannel, Programme};
use crate::store::playlists::from_json;
use crate::store::{StoreError, load, whole};

/// Most that a search gives.
const MOST: usize = 20_000;

/// A version, open for reading.
pub struct Programmes(Connection);

/// A programme that was found, and its channel's id in the guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The channel's id in the guide.
    pub channel: String,
    /// The programme.
    pub programme: Programme,
}

impl Programmes {
    /// Opens a version.
    ///
    /// # Errors
    /// When it is not there or damaged.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(whole::open(path)?))
    }

    /// All channels of the guide.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn channels(&self) -> Result<Vec<GuideChannel>, StoreError> {
        load::rows(&self.0, "SELECT data FROM channels ORDER BY row", |row| from_json(row, 0))
    }

    /// One of them.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn channel(&self, id: &str) -> Result<Option<GuideChannel>, StoreError> {
        let mut statement = self.0.prepare_cached("SELECT data FROM channels WHERE id = ?1")?;
        let mut rows = statement.query([id])?;
        rows.next()?.map(|row| from_json(row, 0)).transpose()
    }

    /// Ids of the channels whose programmes were kept.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn wanted(&self) -> Result<Vec<String>, StoreError> {
        load::rows(&self.0, "SELECT id FROM channels WHERE wanted ORDER BY row", |row| Ok(row.get(0)?))
    }

    /// The programmes of a channel that begin before `to_s` and have not ended by `from_s`, in order of time, one at a time. One whose
    /// end is not known counts as six hours long here.
    ///
    /// # Errors
    /// When it is damaged; those of `each`.
    pub fn each<E: From<StoreError>>(
        &self,
        channel: &str,
        from_s: i64,
        to_s: i64,
        mut each: impl FnMut(Programme) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT start_s, stop_s, data FROM programmes
                   WHERE channel = (SELECT row FROM channels WHERE id = ?1) AND start_s < ?3 AND coalesce(stop_s, start_s + 21600) > ?2
                   ORDER BY start_s, stop_s";
        let mut statement = self.0.prepare_cached(sql).map_err(StoreError::from)?;
        let mut rows = statement.query(params![channel, from_s, to_s]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            each(programme(row, 0)?)?;
        }
        Ok(())
    }

    /// Programmes with `search` in their title or sub-title, whatever the case, that have not ended by `from_s`, in order of time.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn search(&self, search: &str, from_s: i64, limit: usize) -> Result<Vec<Hit>, StoreError> {
        let search = search.to_lowercase();
        let sql = "SELECT title, sub_title, channels.id, start_s, stop_s, programmes.data
                   FROM programmes JOIN channels ON channels.row = programmes.channel
                   WHERE coalesce(stop_s, start_s + 21600) > ?1 ORDER BY start_s";
        let mut statement = self.0.prepare(sql)?;
        let mut rows = statement.query([from_s])?;
        let mut hits = Vec::new();
        while hits.len() < limit.min(MOST)
            && let Some(row) = rows.next()?
        {
            // SQLite knows the case of ASCII only.
            let found = |column: usize| -> Result<bool, StoreError> {
                let text = row.get_ref(column)?.as_str_or_null();
                Ok(text.ok().flatten().is_some_and(|text| text.to_lowercase().contains(&search)))
            };
            if found(0)? || found(1)? {
                hits.push(Hit { channel: row.get(2)?, programme: programme(row, 3)? });
            }
        }
        Ok(hits)
    }

    /// How many programmes were kept.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn count(&self) -> Result<u64, StoreError> {
        let last: Option<i64> = self.0.query_row("SELECT max(rowid) FROM programmes", [], |row| row.get(0)).optional()?.flatten();
        Ok(last.unwrap_or(0).unsigned_abs())
    }
}

/// `start_s, stop_s, data`, from this column on.
fn programme(row: &Row<'_>, first: usize) -> Result<Programme, StoreError> {
    let mut programme: Programme = from_json(row, first + 2)?;
    programme.start_s = row.get(first)?;
    programme.stop_s = row.get(first + 1)?;
    Ok(programme)
}

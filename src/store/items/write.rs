//! Writes a version. As fast as the disk allows: the file is nobody's until it is whole, so nothing of it needs a journal.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, params};

use super::code;
use crate::model::{Key, PlaylistItem};
use crate::store::StoreError;
use crate::store::whole::WholeFile;

/// Groups that are told apart; the items of further ones count as those of none. Nobody chooses among so many.
const MOST_GROUPS: usize = 50_000;

const SCHEMA: &str = "
    CREATE TABLE items (
        id INTEGER PRIMARY KEY, key INTEGER NOT NULL, line INTEGER NOT NULL, kind INTEGER NOT NULL, name TEXT NOT NULL,
        group_id INTEGER, guide_id TEXT, logo TEXT, number TEXT, flags INTEGER NOT NULL, url TEXT NOT NULL, headers TEXT, more TEXT
    ) STRICT;
    CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL, items INTEGER NOT NULL) STRICT;
    BEGIN;";

const INSERT: &str = "INSERT INTO items (key, line, kind, name, group_id, guide_id, logo, number, flags, url, headers, more)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

/// A version that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFile {
    /// Its name in the folder of versions.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// A version that is being written. Dropped, it leaves nothing behind.
pub struct ItemWriter {
    file: WholeFile,
    groups: HashMap<String, (i64, u64)>,
}

impl ItemWriter {
    /// Begins a version in `folder`; `stem` begins its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(folder: &Path, stem: &str) -> Result<Self, StoreError> {
        let file = WholeFile::create(folder, stem)?;
        file.connection()?.execute_batch(SCHEMA)?;
        Ok(Self { file, groups: HashMap::new() })
    }

    /// Adds an item.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, key: Key, item: &PlaylistItem) -> Result<(), StoreError> {
        let group = item.group.as_deref().and_then(|group| self.group(group));
        let json = |value: serde_json::Result<String>| value.map_err(|error| StoreError::Nonsense(error.to_string()));
        let headers = (!item.headers.0.is_empty()).then(|| json(serde_json::to_string(&item.headers))).transpose()?;
        let more = (!item.more.is_empty()).then(|| json(serde_json::to_string(&item.more))).transpose()?;
        let flags = i64::from(item.drm) | i64::from(item.favorite) << 1;
        let line = i64::try_from(item.line).unwrap_or(i64::MAX);
        self.connection()?.prepare_cached(INSERT)?.execute(params![
            key.short(),
            line,
            code(item.kind),
            item.name,
            group,
            item.guide_id,
            item.logo,
            item.number,
            flags,
            item.url,
            headers,
            more
        ])?;
        Ok(())
    }

    /// Writes what is left and gives the file its name: it is on disk then, whole.
    ///
    /// # Errors
    /// When it cannot be written; nothing is left behind then.
    pub fn finish(self) -> Result<ItemFile, StoreError> {
        {
            let mut insert = self.connection()?.prepare("INSERT INTO groups (id, name, items) VALUES (?1, ?2, ?3)")?;
            for (name, (id, items)) in &self.groups {
                insert.execute(params![id, name, i64::try_from(*items).unwrap_or(i64::MAX)])?;
            }
        }
        self.file.finish()
    }

    fn connection(&self) -> Result<&Connection, StoreError> {
        self.file.connection()
    }

    fn group(&mut self, name: &str) -> Option<i64> {
        if let Some((id, items)) = self.groups.get_mut(name) {
            *items += 1;
            return Some(*id);
        }
        let id = i64::try_from(self.groups.len()).ok().filter(|_| self.groups.len() < MOST_GROUPS)?;
        self.groups.insert(name.to_owned(), (id, 1));
        Some(id)
    }
}

//! Writes a version. As fast as the disk allows: the file is nobody's until it is whole, so nothing of it needs a journal.
//!
//! What most items repeat is written once: the beginnings of addresses, and a `tvg-name` that is the name.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{CachedStatement, Connection, params};

use super::{TVG_NAME, code};
use crate::model::{Key, PlaylistItem};
use crate::store::StoreError;
use crate::store::whole::WholeFile;

/// Groups that are told apart; the items of further ones count as those of none. Nobody chooses among so many.
const MOST_GROUPS: usize = 50_000;

/// Beginnings of addresses that are written once.
const MOST_BEGINNINGS: usize = 4096;
/// Longest of them.
const BEGINNING: usize = 512;

const SCHEMA: &str = "
    CREATE TABLE items (
        id INTEGER PRIMARY KEY, key INTEGER NOT NULL, line INTEGER NOT NULL, kind INTEGER NOT NULL, name TEXT NOT NULL,
        group_id INTEGER, guide_id TEXT, logo_begins INTEGER, logo TEXT, number TEXT, flags INTEGER NOT NULL,
        url_begins INTEGER, url TEXT NOT NULL, headers TEXT, more TEXT
    ) STRICT;
    CREATE TABLE beginnings (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
    CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL, items INTEGER NOT NULL) STRICT;
    BEGIN;";

const INSERT: &str = "INSERT INTO items
    (key, line, kind, name, group_id, guide_id, logo_begins, logo, number, flags, url_begins, url, headers, more)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

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
    shared: Shared,
}

/// What items share.
#[derive(Default)]
struct Shared {
    groups: HashMap<String, (i64, u64)>,
    beginnings: HashMap<String, i64>,
    last_url: String,
    last_logo: String,
}

impl ItemWriter {
    /// Begins a version in `folder`; `stem` begins its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(folder: &Path, stem: &str) -> Result<Self, StoreError> {
        let file = WholeFile::create(folder, stem)?;
        file.connection()?.execute_batch(SCHEMA)?;
        Ok(Self { file, shared: Shared::default() })
    }

    /// Adds an item.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, key: Key, item: &PlaylistItem) -> Result<(), StoreError> {
        add(&mut self.file.connection()?.prepare_cached(INSERT)?, &mut self.shared, key, item)
    }

    /// Adds items, which is faster than one by one.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn add_all(&mut self, items: &[(Key, PlaylistItem)]) -> Result<(), StoreError> {
        let mut insert = self.file.connection()?.prepare_cached(INSERT)?;
        items.iter().try_for_each(|(key, item)| add(&mut insert, &mut self.shared, *key, item))
    }

    /// Writes what is left and gives the file its name: it is on disk then, whole.
    ///
    /// # Errors
    /// When it cannot be written; nothing is left behind then.
    pub fn finish(self) -> Result<ItemFile, StoreError> {
        {
            let connection: &Connection = self.file.connection()?;
            let mut insert = connection.prepare("INSERT INTO groups (id, name, items) VALUES (?1, ?2, ?3)")?;
            for (name, (id, items)) in &self.shared.groups {
                insert.execute(params![id, name, i64::try_from(*items).unwrap_or(i64::MAX)])?;
            }
            let mut insert = connection.prepare("INSERT INTO beginnings (id, text) VALUES (?1, ?2)")?;
            for (text, id) in &self.shared.beginnings {
                insert.execute(params![id, text])?;
            }
        }
        self.file.finish()
    }
}

fn add(insert: &mut CachedStatement<'_>, shared: &mut Shared, key: Key, item: &PlaylistItem) -> Result<(), StoreError> {
    let json = |value: serde_json::Result<String>| value.map_err(|error| StoreError::Nonsense(error.to_string()));
    let headers = (!item.headers.0.is_empty()).then(|| json(serde_json::to_string(&item.headers))).transpose()?;
    let (same_name, more) = match item.more.as_slice() {
        [(name, value), more @ ..] if name == TVG_NAME && *value == item.name => (true, more),
        more => (false, more),
    };
    let more = (!more.is_empty()).then(|| json(serde_json::to_string(more))).transpose()?;
    let flags = i64::from(item.drm) | i64::from(item.favorite) << 1 | i64::from(same_name) << 2;
    let group = item.group.as_deref().and_then(|group| shared.group(group));
    let (logo_begins, logo) = match &item.logo {
        Some(logo) => beginning(&mut shared.beginnings, &mut shared.last_logo, logo),
        None => (None, ""),
    };
    let (url_begins, url) = beginning(&mut shared.beginnings, &mut shared.last_url, &item.url);
    insert.execute(params![
        key.short(),
        i64::try_from(item.line).unwrap_or(i64::MAX),
        code(item.kind),
        item.name,
        group,
        item.guide_id,
        logo_begins,
        item.logo.as_ref().map(|_| logo),
        item.number,
        flags,
        url_begins,
        url,
        headers,
        more
    ])?;
    Ok(())
}

/// The number of what an address begins with, up to its last `/`, and the rest. Only what two in a row begin with is remembered:
/// in some lists every address has a directory of its own.
fn beginning<'a>(known: &mut HashMap<String, i64>, last: &mut String, address: &'a str) -> (Option<i64>, &'a str) {
    let Some((begin, rest)) = address.rfind('/').and_then(|slash| address.split_at_checked(slash + 1)) else {
        return (None, address);
    };
    if let Some(id) = known.get(begin) {
        return (Some(*id), rest);
    }
    if last != begin || known.len() >= MOST_BEGINNINGS || begin.len() > BEGINNING {
        last.clear();
        last.push_str(begin);
        return (None, address);
    }
    let Ok(id) = i64::try_from(known.len()) else { return (None, address) };
    known.insert(begin.to_owned(), id);
    (Some(id), rest)
}

impl Shared {
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

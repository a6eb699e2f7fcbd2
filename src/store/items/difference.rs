//! What two versions of a playlist differ in.

use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use crate::store::{StoreError, whole};

/// Most names that are given of each side.
const EXAMPLES: u32 = 50;

/// The difference of two versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Difference {
    /// Items that only the new one has.
    pub added: u64,
    /// Items that only the old one has.
    pub gone: u64,
    /// Names of the first of those that are new.
    pub added_names: Vec<String>,
    /// Names of the first of those that are gone.
    pub gone_names: Vec<String>,
}

/// Compares two versions. What has another address or another `tvg-id` is another item here. Blocking; takes a second for a
/// million items.
///
/// # Errors
/// When one of them is not there or damaged.
pub fn difference(old: &Path, new: &Path) -> Result<Difference, StoreError> {
    drop(whole::open(old)?);
    let connection = whole::open(new)?;
    connection.execute("ATTACH ?1 AS other", [old.to_string_lossy()])?;
    connection.execute_batch("PRAGMA cache_size = -4096; PRAGMA other.cache_size = -4096")?;
    let (added, added_names) = only(&connection, "main", "other")?;
    let (gone, gone_names) = only(&connection, "other", "main")?;
    Ok(Difference { added, gone, added_names, gone_names })
}

/// How many items only `one` has, and what the first are called.
fn only(connection: &Connection, one: &str, other: &str) -> Result<(u64, Vec<String>), StoreError> {
    let mut names = Vec::new();
    let mut count = 0u64;
    let sql = format!("SELECT name FROM {one}.items WHERE key NOT IN (SELECT key FROM {other}.items) ORDER BY id");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if count < u64::from(EXAMPLES) {
            names.push(row.get(0)?);
        }
        count += 1;
    }
    Ok((count, names))
}

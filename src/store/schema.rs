//! How a connection is opened, and how the schema comes up to date. Rules for migrations: `migrations/README.md`.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use super::StoreError;

/// `RTop`, in the database's header, so that no other program's file is taken for ours (SQLite, "application_id").
const APPLICATION_ID: i64 = 0x5254_6F70;
/// Waits this long for another process that writes, such as a command beside the server.
const BUSY: Duration = Duration::from_secs(10);

const STEPS: &[M<'static>] = &[
    M::up(include_str!("../../migrations/0001_initial.sql")).foreign_key_check(),
    M::up(include_str!("../../migrations/0002_probes.sql")).foreign_key_check(),
    M::up(include_str!("../../migrations/0003_session_history.sql")).foreign_key_check(),
    M::up(include_str!("../../migrations/0004_hot_standby.sql")).foreign_key_check(),
    M::up(include_str!("../../migrations/0005_feeds.sql")).foreign_key_check(),
    M::up(include_str!("../../migrations/0006_station_ids.sql")).foreign_key_check(),
    M::up(include_str!("../../migrations/0007_people.sql")).foreign_key_check(),
    M::up(include_str!("../../migrations/0008_token_owners.sql")).foreign_key_check(),
    M::up(include_str!("../../migrations/0009_input_rules.sql")).foreign_key_check(),
    M::up(include_str!("../../migrations/0010_input_descriptions.sql")).foreign_key_check(),
];
const MIGRATIONS: Migrations<'static> = Migrations::from_slice(STEPS);

/// The schema version of this program.
pub(super) fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Opens for reading and writing, making the file if need be, and brings the schema up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    recognise(&connection, path)?;
    settle(&connection)?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens for reading and writing beside a server that is running: the schema must be this program's already.
pub(super) fn open_beside(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    let found = recognise(&connection, path)?;
    if found < known() {
        return Err(StoreError::Older { found, known: known() });
    }
    settle(&connection)?;
    Ok(connection)
}

/// Opens for reading only.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens a backup for reading; nothing is written beside it.
pub(super) fn open_backup(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let version = recognise(&connection, path)?;
    if version == 0 { Err(StoreError::Foreign(path.to_owned())) } else { Ok(connection) }
}

fn settle(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        tracing::warn!(journal_mode = %mode, "the file system of the data directory allows no write-ahead log");
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Checks that this is a database of ours which this program understands; gives its schema version, 0 if it is empty.
pub(super) fn recognise(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (version != 0 || tables != 0) {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    if version > known() {
        return Err(StoreError::Newer { found: version, known: known() });
    }
    Ok(version)
}

/// Brings the schema up to date, in one transaction.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let version = recognise(connection, path)?;
    if version == 0 {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if version < known() {
        MIGRATIONS.to_latest(connection).map_err(StoreError::Migration)?;
        if version > 0 {
            tracing::info!(schema.from = version, schema.to = known(), "the database was brought up to date");
        }
    }
    Ok(())
}

/// Reads the whole file and checks its structure, indexes and references. Takes time in proportion to its size.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(StoreError::Corrupt(found));
    }
    let dangling: i64 = connection.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
    if dangling != 0 {
        return Err(StoreError::Corrupt(format!("{dangling} rows refer to rows that are not there")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(connection: &Connection) -> Vec<(String, String, Option<String>)> {
        let mut statement =
            connection.prepare("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn migrations_are_valid() {
        MIGRATIONS.validate().unwrap();
    }

    /// Whatever version a database begins at, it ends with the schema that a new one gets.
    #[test]
    fn migrated_is_fresh() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh, Path::new("fresh")).unwrap();
        for begin in 1..=STEPS.len() {
            let mut old = Connection::open_in_memory().unwrap();
            old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
            MIGRATIONS.to_version(&mut old, begin).unwrap();
            migrate(&mut old, Path::new("old")).unwrap();
            assert_eq!(shape(&old), shape(&fresh), "from version {begin}");
            assert_eq!(recognise(&old, Path::new("old")).unwrap(), known());
        }
        assert!(shape(&fresh).len() > 8);
    }

    /// Every file of `migrations/` is embedded, in the order of its number.
    #[test]
    fn every_migration_is_embedded() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".sql")).collect();
        names.sort();
        assert_eq!(names.len(), STEPS.len());
        for (number, name) in (1..).zip(&names) {
            assert!(name.starts_with(&format!("{number:04}_")), "{name}");
        }
    }
}

//! The versions of playlists and guides that were fetched: which one is served, which one is held back, and their files.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::items::FOLDER;
use super::writer::Stale;
use super::{Store, StoreError, load};
use crate::model::{GuideId, ProviderId, Validators};

/// A playlist or a guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeedId {
    /// A playlist.
    Playlist(ProviderId),
    /// A guide.
    Guide(GuideId),
}

impl FeedId {
    fn kind(self) -> &'static str {
        match self {
            Self::Playlist(_) => "playlist",
            Self::Guide(_) => "guide",
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Playlist(id) => id.0,
            Self::Guide(id) => id.0,
        }
    }

    /// How its files begin.
    pub fn stem(self) -> String {
        format!("{}-{}", self.kind(), self.number())
    }
}

/// A version that was read and whose file is whole.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVersion {
    /// The name of its file in the folder of versions.
    pub file: String,
    /// When it was fetched, milliseconds since 1970.
    pub fetched_ms: i64,
    /// What its server said of it.
    pub validators: Validators,
    /// What was counted in it.
    pub report: Value,
}

/// A version that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// The version itself.
    pub version: NewVersion,
    /// Why it is held back, for people; nothing: it is current.
    pub reason: Option<String>,
}

/// The versions of a feed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Versions {
    /// The one that is served.
    pub current: Option<Version>,
    /// One that waits for a person.
    pub held: Option<Version>,
}

/// That one process, and one task of it, reads a feed. Given back when it is dropped, or its process ends.
#[derive(Debug)]
pub struct FeedLock(#[expect(dead_code, reason = "held open, never read")] File);

impl FeedLock {
    /// Takes the lock of a feed. `None`: somebody else has it.
    ///
    /// # Errors
    /// When the folder of versions cannot be written.
    pub fn take(folder: &Path, feed: FeedId) -> Result<Option<Self>, StoreError> {
        std::fs::create_dir_all(folder).map_err(StoreError::io("cannot make", folder))?;
        let path = folder.join(format!("{}.lock", feed.stem()));
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(StoreError::io("cannot open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::io("cannot lock", &path)(error)),
        }
    }
}

impl Store {
    /// Where the files of versions are.
    pub fn feeds_dir(&self) -> PathBuf {
        self.0.path.with_file_name(FOLDER)
    }

    /// Whether the file of the version that is served is here: after a restore, or on another card, it is not. With no version there is
    /// nothing to miss. Blocking, for a moment.
    pub fn has_file(&self, versions: &Versions) -> bool {
        versions.current.as_ref().is_none_or(|current| self.feeds_dir().join(&current.version.file).exists())
    }

    /// The versions of a feed.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn versions(&self, feed: FeedId) -> Result<Versions, StoreError> {
        self.read(move |connection| versions(connection, feed)).await
    }

    /// Keeps a version beside the current one, until a person has looked at it. One that was held before is gone.
    ///
    /// # Errors
    /// When it cannot be stored; its file is left as it is.
    pub async fn hold(&self, feed: FeedId, version: NewVersion, reason: String) -> Result<(), StoreError> {
        let change = move |connection: &Connection| {
            // It may have been taken away while it was read.
            let (sql, missing) = match feed {
                FeedId::Playlist(_) => ("SELECT EXISTS (SELECT 1 FROM providers WHERE id = ?1)", StoreError::NoSuchPlaylist),
                FeedId::Guide(_) => ("SELECT EXISTS (SELECT 1 FROM guides WHERE id = ?1)", StoreError::NoSuchGuide),
            };
            if !connection.query_row(sql, [feed.number()], |row| row.get::<_, bool>(0))? {
                return Err(missing);
            }
            let mut old = forget(connection, feed, "held")?;
            // What is held back of a guide is always called the same.
            old.retain(|file| *file != version.file);
            insert(connection, feed, "held", &version, Some(&reason))?;
            Ok((Stale::NOTHING, old))
        };
        let old = self.change(change).await?;
        self.remove_versions(old);
        Ok(())
    }

    /// Forgets a version that was held back. `false`: there was none.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn discard_held(&self, feed: FeedId) -> Result<bool, StoreError> {
        let old = self.change(move |connection| Ok((Stale::NOTHING, forget(connection, feed, "held")?))).await?;
        let there_was = !old.is_empty();
        self.remove_versions(old);
        Ok(there_was)
    }

    /// Removes the file of a version that came to nothing.
    pub fn discard_file(&self, file: &str) {
        self.remove_versions(vec![file.to_owned()]);
    }

    /// Removes files that nobody refers to any more. Readers that have one open go on.
    pub(super) fn remove_versions(&self, files: Vec<String>) {
        let folder = self.feeds_dir();
        for file in files {
            let removed = std::fs::remove_file(folder.join(&file));
            if let Err(error) = removed
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(file, %error, "an old version of a feed could not be removed; that is tried again at the next start");
            }
        }
    }
}

pub(super) fn versions(connection: &Connection, feed: FeedId) -> Result<Versions, StoreError> {
    let sql =
        "SELECT file, fetched_ms, validators, report, reason FROM feed_versions WHERE feed = ?1 AND feed_id = ?2 AND state = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut of = |state: &str| statement.query_row(params![feed.kind(), feed.number(), state], |row| Ok(version(row))).optional();
    Ok(Versions { current: of("current")?.transpose()?, held: of("held")?.transpose()? })
}

fn version(row: &Row<'_>) -> Result<Version, StoreError> {
    let nonsense = |error: serde_json::Error| StoreError::Nonsense(format!("a version of a feed: {error}"));
    let (validators, report): (String, String) = (row.get(2)?, row.get(3)?);
    Ok(Version {
        version: NewVersion {
            file: row.get(0)?,
            fetched_ms: row.get(1)?,
            validators: serde_json::from_str(&validators).map_err(nonsense)?,
            report: serde_json::from_str(&report).map_err(nonsense)?,
        },
        reason: row.get(4)?,
    })
}

/// Whether this version, as it was fetched, is the current one already.
pub(super) fn is_current(connection: &Connection, feed: FeedId, version: &NewVersion) -> Result<bool, StoreError> {
    let current = versions(connection, feed)?.current;
    Ok(current.is_some_and(|current| current.version.fetched_ms == version.fetched_ms))
}

/// Forgets what a server said of a version: another one is asked from now on.
pub(super) fn forget_validators(connection: &Connection, feed: FeedId) -> Result<(), StoreError> {
    let sql = "UPDATE feed_versions SET validators = '{}' WHERE feed = ?1 AND feed_id = ?2";
    connection.execute(sql, params![feed.kind(), feed.number()])?;
    Ok(())
}

/// Makes a version the current one. Gives the files that nobody refers to any more, to be removed once this is on disk.
///
/// What is held back waits for a person as long as nothing newer was fetched: the current version may be published again because
/// rules or mappings have changed.
pub(super) fn set_current(connection: &Connection, feed: FeedId, version: &NewVersion) -> Result<Vec<String>, StoreError> {
    let Versions { current, held } = versions(connection, feed)?;
    let again = current.is_some_and(|current| current.version.fetched_ms == version.fetched_ms);
    let accepted = held.is_some_and(|held| held.version.file == version.file);
    let mut old = forget(connection, feed, "current")?;
    if accepted || !again {
        old.extend(forget(connection, feed, "held")?);
    }
    insert(connection, feed, "current", version, None)?;
    // A version that was held back has the file already.
    old.retain(|file| *file != version.file);
    Ok(old)
}

/// Forgets all versions of a feed that is removed. Gives their files, and what else there may be of it.
pub(super) fn forget_all(connection: &Connection, feed: FeedId) -> Result<Vec<String>, StoreError> {
    let mut old = forget(connection, feed, "current")?;
    old.extend(["raw", "held"].map(|ending| format!("{}.{ending}", feed.stem())));
    old.extend(forget(connection, feed, "held")?);
    Ok(old)
}

fn forget(connection: &Connection, feed: FeedId, state: &str) -> Result<Vec<String>, StoreError> {
    let sql = "DELETE FROM feed_versions WHERE feed = ?1 AND feed_id = ?2 AND state = ?3 RETURNING file";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![feed.kind(), feed.number(), state], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert(
    connection: &Connection,
    feed: FeedId,
    state: &str,
    version: &NewVersion,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let nonsense = |error: serde_json::Error| StoreError::Nonsense(error.to_string());
    let validators = serde_json::to_string(&version.validators).map_err(nonsense)?;
    let sql = "INSERT INTO feed_versions (feed, feed_id, state, file, fetched_ms, validators, report, reason)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let report = version.report.to_string();
    connection
        .execute(sql, params![feed.kind(), feed.number(), state, version.file, version.fetched_ms, validators, report, reason])?;
    Ok(())
}

/// Removes what interrupted imports and changes have left in the folder of versions. Only for the one process that has the
/// directory, and before it reads any feed.
pub(super) fn tidy(connection: &Connection, folder: &Path) -> Result<(), StoreError> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    let known = load::rows(connection, "SELECT file FROM feed_versions", |row| Ok(row.get::<_, String>(0)?))?;
    let guides = load::rows(connection, "SELECT id FROM guides", |row| Ok(row.get::<_, i64>(0)?))?;
    let of_no_guide = |name: &str| {
        let id = name.strip_prefix("guide-").and_then(|rest| rest.strip_suffix(".raw").or_else(|| rest.strip_suffix(".held")));
        id.is_some_and(|id| id.parse().is_ok_and(|id: i64| !guides.contains(&id)))
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let version = name.ends_with(".db") || name.ends_with(".db.part") || name.ends_with(".new");
        // A command beside the server may be reading this very feed.
        let stem: String = name.splitn(3, '-').take(2).collect::<Vec<_>>().join("-");
        let stem = stem.split('.').next().unwrap_or_default();
        let busy = version && is_locked(&folder.join(format!("{stem}.lock")));
        if ((version && !known.contains(&name) && !busy) || of_no_guide(&name)) && std::fs::remove_file(entry.path()).is_ok() {
            tracing::debug!(file = name, "removed what an interrupted import had left");
        }
    }
    Ok(())
}

/// Whether another process holds a lock.
fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

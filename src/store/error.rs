//! What can go wrong with the database, in words that say what to do.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::model::{DeviceId, GuideNumber};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite's own.
    #[error("database: {0}")]
    Sqlite(rusqlite::Error),
    /// The file is not a sound database.
    #[error(
        "the database is damaged ({0}); stop rooftop, then put a backup in place with `rooftop restore FILE`, or move rooftop.db \
         out of the data directory to begin with an empty one"
    )]
    Corrupt(String),
    /// A file or directory cannot be used.
    #[error("{what} {path}: {error}", path = path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Made by a newer Rooftop.
    #[error(
        "the database has schema version {found}, made by a newer rooftop; this one knows versions up to {known}: install the \
         newer version again, or restore a backup made before the upgrade"
    )]
    Newer {
        /// Its schema version.
        found: i64,
        /// The newest schema version this program knows.
        known: i64,
    },
    /// The schema is older than this program's, and another process holds the directory.
    #[error("the database has schema version {found}, this rooftop needs {known}: restart the server first")]
    Older {
        /// Its schema version.
        found: i64,
        /// The schema version of this program.
        known: i64,
    },
    /// The schema could not be brought up to date.
    #[error("the database could not be brought up to date: {0}")]
    Migration(rusqlite_migration::Error),
    /// SQLite file of another program.
    #[error("{} is not a database of rooftop", .0.display())]
    Foreign(PathBuf),
    /// Two servers on one directory.
    #[error("the data directory {} is in use by another rooftop{}", dir.display(), pid.map_or_else(String::new, |pid| format!(" (process {pid})")))]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Who has it.
        pid: Option<u32>,
    },
    /// A restore was interrupted.
    #[error("a restore into {} was interrupted; run `rooftop restore` again", .0.display())]
    RestoreInterrupted(PathBuf),
    /// The file to be written is there already.
    #[error("{} exists already; choose another name", .0.display())]
    Exists(PathBuf),
    /// No such channel.
    #[error("there is no such channel")]
    NoSuchChannel,
    /// No such playlist.
    #[error("there is no such playlist")]
    NoSuchPlaylist,
    /// No such guide.
    #[error("there is no such guide")]
    NoSuchGuide,
    /// No such source.
    #[error("there is no such source")]
    NoSuchSource,
    /// The same playlist or guide is there already.
    #[error("it is there already, as {0:?}")]
    FeedTaken(String),
    /// No such device.
    #[error("there is no such device")]
    NoSuchDevice,
    /// No such token.
    #[error("there is no token with number {0}")]
    NoSuchToken(i64),
    /// The user's name is taken, or there is somebody already where the first one was to be made.
    #[error("there is a user {0:?} already, or somebody else was first")]
    UserTaken(String),
    /// No such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// Nobody could change anything any more.
    #[error("the last admin cannot be taken away")]
    LastAdmin,
    /// The number belongs to another channel.
    #[error("guide number {0} belongs to another channel")]
    NumberTaken(GuideNumber),
    /// No number left.
    #[error("no guide number is free")]
    NoNumberFree,
    /// The id belongs to another device.
    #[error("there is a device with id {0} already")]
    DeviceTaken(DeviceId),
    /// The address belongs to another device.
    #[error("another device listens on {0} already")]
    ListenTaken(std::net::SocketAddr),
    /// The first device is what people have set up.
    #[error("the first device cannot be removed")]
    FirstDevice,
    /// What is stored is not what the program wrote.
    #[error("the database holds something that cannot be understood: {0}")]
    Nonsense(String),
    /// The spool of viewing events.
    #[error("viewing events: {0}")]
    Spool(sled::Error),
    /// No randomness.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The change was not made: the writer ended, or the change itself failed badly.
    #[error("the change was not stored: the database writer is gone or gave up")]
    Gone,
    /// The change was not made: the transaction it was part of could not be committed.
    #[error("the change was not stored: {0}")]
    NotCommitted(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        Self::Spool(error)
    }
}

impl StoreError {
    pub(super) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { what, path, error }
    }
}

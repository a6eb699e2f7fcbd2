//! Backup while it runs, and restore while it does not.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::lock::DirLock;
use super::{FILE, Store, StoreError, make_dir, schema};
use crate::base::clock;

const RESTORING: &str = "rooftop.db.restoring";
/// Behind the name of the database that a backup took the place of, before the moment.
pub(super) const SET_ASIDE: &str = ".before-restore-";

impl Store {
    /// Copies the database, as it is at this moment, into one file of its own. Nobody has to wait meanwhile.
    ///
    /// # Errors
    /// When the file exists, or cannot be written; then nothing is left behind.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let to = to.to_owned();
        self.read(move |connection| {
            if to.symlink_metadata().is_ok() {
                return Err(StoreError::Exists(to));
            }
            let part = with_suffix(&to, &format!(".part-{}", std::process::id()));
            let written = copy(connection, &part).and_then(|()| publish(&part, &to));
            if written.is_err() {
                let _ = std::fs::remove_file(&part);
            }
            written
        })
        .await
    }
}

/// Puts a backup in place of the database in `data_dir`, which may be new. The database that was there is kept beside it;
/// its path is given back. Blocking.
///
/// # Errors
/// When the file is not a sound database of Rooftop, or of a newer one; when a server is running; when something cannot be
/// written. Then the old database is still in place.
pub fn restore(from: &Path, data_dir: &Path) -> Result<Option<PathBuf>, StoreError> {
    let source = sound(from)?;
    make_dir(data_dir)?;
    let _lock = DirLock::take(data_dir)?;
    let new = data_dir.join(RESTORING);
    let _ = std::fs::remove_file(&new);
    copy(&source, &new)?;
    end_logins(&new)?;
    let path = data_dir.join(FILE);
    let kept = set_aside(data_dir, &path)?;
    std::fs::rename(&new, &path).map_err(StoreError::io("cannot put in place", &path))?;
    sync_dir(data_dir)?;
    Ok(kept)
}

/// Browsers that were logged in when the backup was taken may have been logged out since.
fn end_logins(path: &Path) -> Result<(), StoreError> {
    let connection = Connection::open(path)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'logins')";
    if connection.query_row(sql, [], |row| row.get(0))? {
        connection.execute("DELETE FROM logins", [])?;
    }
    connection.close().map_err(|(_, error)| StoreError::from(error))
}

/// Opens a file that is a sound database of Rooftop, and not of a newer one; reads all of it. Blocking.
pub(super) fn sound(from: &Path) -> Result<Connection, StoreError> {
    std::fs::metadata(from).map_err(StoreError::io("cannot open", from))?;
    let source = schema::open_backup(from)?;
    schema::check(&source)?;
    Ok(source)
}

/// A restore that was killed between the two renames left no database; an empty one must not be made in its place.
pub(super) fn check_interrupted(data_dir: &Path) -> Result<(), StoreError> {
    let interrupted = !data_dir.join(FILE).exists() && data_dir.join(RESTORING).exists();
    if interrupted { Err(StoreError::RestoreInterrupted(data_dir.to_owned())) } else { Ok(()) }
}

/// Moves the old database away. Its write-ahead log is folded in first: it must not meet the new one.
fn set_aside(data_dir: &Path, path: &Path) -> Result<Option<PathBuf>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    if let Err(error) = Connection::open(path).and_then(|old| old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))) {
        tracing::warn!(%error, "the database that is replaced is damaged; it is kept as it is");
    }
    let stamp = jiff::Timestamp::from_millisecond(clock::wall_ms()).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut kept = with_suffix(path, &format!("{SET_ASIDE}{stamp}"));
    for again in 1.. {
        if kept.symlink_metadata().is_err() {
            break;
        }
        kept = with_suffix(path, &format!("{SET_ASIDE}{stamp}-{again}"));
    }
    for suffix in ["-wal", "-shm"] {
        let file = with_suffix(path, suffix);
        if file.exists() {
            std::fs::rename(&file, with_suffix(&kept, suffix)).map_err(StoreError::io("cannot move away", &file))?;
        }
    }
    std::fs::rename(path, &kept).map_err(StoreError::io("cannot move away", path))?;
    sync_dir(data_dir)?;
    Ok(Some(kept))
}

/// Copies a consistent picture of the database into a new file that needs no other beside it.
fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    // It holds credentials of accounts.
    let made = File::options().write(true).create_new(true).mode(0o600).open(to);
    made.map_err(StoreError::io("cannot write", to))?;
    let mut target = Connection::open(to)?;
    // One step: within one read transaction the picture is consistent, and in WAL mode it holds up no writer.
    let done = Backup::new(from, &mut target)?.step(-1)?;
    if done != StepResult::Done {
        return Err(StoreError::NotCommitted("the database is busy; try again".to_owned()));
    }
    target.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    target.close().map_err(|(_, error)| error)?;
    File::open(to).and_then(|file| file.sync_all()).map_err(StoreError::io("cannot write", to))
}

/// Gives a finished file its name, never in place of another one.
fn publish(part: &Path, to: &Path) -> Result<(), StoreError> {
    match renameat_with(CWD, part, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(rustix::io::Errno::EXIST) => return Err(StoreError::Exists(to.to_owned())),
        // File systems that know no such rename: FAT, some network shares.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
            if to.symlink_metadata().is_ok() {
                return Err(StoreError::Exists(to.to_owned()));
            }
            std::fs::rename(part, to).map_err(StoreError::io("cannot write", to))?;
        }
        Err(error) => return Err(StoreError::io("cannot write", to)(error.into())),
    }
    let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_dir(dir)
}

pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|file| file.sync_all()).map_err(StoreError::io("cannot write", dir))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

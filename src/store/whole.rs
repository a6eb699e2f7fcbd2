//! Databases that are written once, are nobody's until they are whole, and are never changed after that: versions of feeds. Nothing
//! of them needs a journal.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use super::items::ItemFile;
use crate::base::clock;

const PRAGMAS: &str = "
    PRAGMA page_size = 16384;
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -4096;";

/// Tells files apart that one process makes within a millisecond.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A file that is being written, in one transaction that [`WholeFile::finish`] commits. Dropped, it leaves nothing behind.
pub(super) struct WholeFile {
    connection: Option<Connection>,
    part: PathBuf,
    name: String,
}

impl WholeFile {
    /// Begins a file in `folder`; `stem` begins its name.
    pub fn create(folder: &Path, stem: &str) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(StoreError::io("cannot make", folder))?;
        let name = format!("{stem}-{}-{}-{}.db", clock::wall_ms(), std::process::id(), MADE.fetch_add(1, Relaxed));
        let part = folder.join(format!("{name}.part"));
        // It holds credentials of accounts.
        let made = File::options().write(true).create_new(true).mode(0o600).open(&part);
        made.map_err(StoreError::io("cannot write", &part))?;
        let file = Self { connection: Some(Connection::open(&part)?), part, name };
        file.connection()?.execute_batch(PRAGMAS)?;
        Ok(file)
    }

    pub fn connection(&self) -> Result<&Connection, StoreError> {
        self.connection.as_ref().ok_or(StoreError::Gone)
    }

    /// Commits and gives the file its name: it is on disk then, whole.
    pub fn finish(mut self) -> Result<ItemFile, StoreError> {
        let connection = self.connection.take().ok_or(StoreError::Gone)?;
        connection.execute_batch("COMMIT")?;
        connection.close().map_err(|(_, error)| error)?;
        let write = StoreError::io("cannot write", &self.part);
        let bytes = File::open(&self.part).and_then(|file| file.sync_all().and_then(|()| file.metadata())).map_err(write)?.len();
        let path = self.part.with_file_name(&self.name);
        std::fs::rename(&self.part, &path).map_err(StoreError::io("cannot write", &path))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::io("cannot write", folder))?;
        Ok(ItemFile { name: std::mem::take(&mut self.name), bytes })
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        drop(self.connection.take());
        // Already renamed, if it was finished.
        let _ = std::fs::remove_file(&self.part);
    }
}

/// Opens a file for reading.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    std::fs::metadata(path).map_err(StoreError::io("cannot open", path))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -2048)?;
    Ok(connection)
}

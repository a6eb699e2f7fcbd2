//! The database as a file that people take with them and bring back: made for one download, and let wait for the next start once it is checked.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::FeedsError;
use super::feeds::sentence;
use crate::base::chain::Chain;
use crate::base::{clock, tasks};
use crate::store::{Store, StoreError};

/// Largest file that is taken, in bytes.
const MOST_BYTES: u64 = 2 << 30;
/// What is left of a transfer that ended with the program is swept after this.
const OLD: Duration = Duration::from_secs(3600);
/// Beside the database; commands give such files to the service's user.
const TRANSFER: &str = "rooftop.db.transfer-";
/// Tells those apart that begin within a millisecond.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A backup, ready to be sent. Its file has no name any more: it is gone as soon as it is closed.
pub struct Outgoing {
    /// Where to read it.
    pub file: File,
    /// Its size.
    pub bytes: u64,
    /// What it is to be called.
    pub name: String,
}

/// Copies the database as it is now.
///
/// # Errors
/// When it cannot be written.
pub async fn copy(store: &Store) -> Result<Outgoing, FeedsError> {
    let path = place(store).await;
    store.backup(&path).await?;
    let opened = async {
        let file = File::open(&path).await;
        fs::remove_file(&path).await?;
        let file = file?;
        let bytes = file.metadata().await?.len();
        Ok((file, bytes))
    };
    let (file, bytes) = opened.await.map_err(|error| failed(&error))?;
    let day = jiff::Timestamp::from_millisecond(clock::wall_ms()).unwrap_or_default().strftime("%Y%m%d").to_string();
    Ok(Outgoing { file, bytes, name: format!("rooftop-{day}.db") })
}

/// A backup that is coming. Dropped before it waits, it leaves nothing.
pub struct Incoming {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Incoming {
    /// A place for a file to come.
    ///
    /// # Errors
    /// When there is none.
    pub async fn begin(store: &Store) -> Result<Self, FeedsError> {
        let path = place(store).await;
        // It holds credentials of accounts.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await;
        Ok(Self { file: file.map_err(|error| failed(&error))?, path, bytes: 0 })
    }

    /// Takes more of it.
    ///
    /// # Errors
    /// When it is too large or cannot be written.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), FeedsError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MOST_BYTES {
            return Err(FeedsError::invalid("file", format!("A backup has {} MiB at most.", MOST_BYTES >> 20)));
        }
        self.file.write_all(bytes).await.map_err(|error| failed(&error))
    }

    /// Checks it, and lets it wait for the next start; with `first`, only while there is no user.
    ///
    /// # Errors
    /// When it is no sound backup of Rooftop, or one of a newer version, or somebody has set a password meanwhile.
    pub async fn stage(mut self, store: &Store, first: bool) -> Result<(), FeedsError> {
        if self.bytes == 0 {
            return Err(FeedsError::invalid("file", "Choose a file: nothing came."));
        }
        let written = async {
            self.file.flush().await?;
            self.file.sync_all().await
        };
        written.await.map_err(|error| failed(&error))?;
        store.stage(self.path.clone(), first).await.map_err(|error| match error {
            StoreError::Foreign(_) | StoreError::Corrupt(_) => {
                FeedsError::invalid("file", "This file is no sound backup of Rooftop. Nothing was changed.")
            }
            StoreError::UserTaken(_) => {
                FeedsError::Conflict("Somebody has set a password meanwhile: log in, and restore it there.".to_owned())
            }
            StoreError::Newer { .. } => FeedsError::invalid("file", sentence(&error)),
            error => error.into(),
        })?;
        tracing::info!(bytes = self.bytes, "a backup waits for the next start");
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Where it waits it is no longer there.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Forgets the backup that waits.
///
/// # Errors
/// When none does.
pub async fn forget(store: &Store) -> Result<(), FeedsError> {
    let store = store.clone();
    let forgotten = tasks::blocking(move || store.forget_staged()).await.map_err(|_| FeedsError::Failed)??;
    if !forgotten {
        return Err(FeedsError::NotFound("No backup waits."));
    }
    tracing::info!("the backup that waited is forgotten");
    Ok(())
}

/// A path that nobody has yet.
async fn place(store: &Store) -> PathBuf {
    let dir = store.data_dir();
    sweep(&dir).await;
    dir.join(format!("{TRANSFER}{}-{}", clock::wall_ms(), MADE.fetch_add(1, Relaxed)))
}

async fn sweep(dir: &Path) {
    let Ok(mut entries) = fs::read_dir(dir).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let ours = entry.file_name().as_encoded_bytes().starts_with(TRANSFER.as_bytes());
        let modified = match entry.metadata().await {
            Ok(about) if ours => about.modified().ok(),
            _ => None,
        };
        if modified.and_then(|modified| clock::wall().duration_since(modified).ok()).is_some_and(|age| age > OLD) {
            let _ = fs::remove_file(entry.path()).await;
        }
    }
}

fn failed(error: &std::io::Error) -> FeedsError {
    tracing::error!(error = %Chain(error), "a backup could not be written or read");
    FeedsError::Failed
}

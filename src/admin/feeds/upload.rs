//! Playlists that people bring as files. They are kept beside the database and read like any other file; another one takes the place
//! of the first whole, or not at all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::playlists::{PlaylistRequest, PlaylistView};
use super::{Feeds, FeedsError};
use crate::base::chain::Chain;
use crate::base::clock;
use crate::model::ProviderId;
use crate::playlist::given;
use crate::store::Store;

/// Largest file, in bytes: twice the largest playlist that we know of.
pub const MOST_BYTES: u64 = 512 << 20;
const DRAFT: &str = "draft";
/// What is left of an upload that broke off with the program is swept after this.
const OLD: Duration = Duration::from_secs(3600);
/// Names are tried one after the other.
const NAMES: i64 = 1000;

/// A file that is coming. Dropped before it was taken, it leaves nothing.
pub struct Upload {
    draft: PathBuf,
    file: File,
    bytes: u64,
}

impl Upload {
    /// Takes more of it.
    ///
    /// # Errors
    /// When it is too large or cannot be written.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), FeedsError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MOST_BYTES {
            return Err(FeedsError::invalid("file", format!("A playlist has {} MiB at most.", MOST_BYTES >> 20)));
        }
        self.file.write_all(bytes).await.map_err(|error| failed(&error))
    }

    /// Puts it whole where it belongs.
    async fn keep(mut self, at: &Path) -> Result<(), FeedsError> {
        if self.bytes == 0 {
            return Err(FeedsError::invalid("file", "The file is empty."));
        }
        let kept = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            fs::rename(&self.draft, at).await
        };
        kept.await.map_err(|error| failed(&error))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Where it was kept it is no longer there.
        let _ = std::fs::remove_file(&self.draft);
    }
}

impl Feeds {
    /// A place for a file to come.
    ///
    /// # Errors
    /// When there is none.
    pub async fn begin_upload(&self) -> Result<Upload, FeedsError> {
        let folder = given::uploads(&self.store.feeds_dir());
        fs::create_dir_all(&folder).await.map_err(|error| failed(&error))?;
        sweep(&folder).await;
        let now_ms = clock::wall_ms();
        for number in now_ms..now_ms + NAMES {
            let draft = folder.join(format!("playlist-{number}.{DRAFT}"));
            // Its addresses hold credentials.
            let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).await;
            match opened {
                Ok(file) => return Ok(Upload { draft, file, bytes: 0 }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        Err(FeedsError::Conflict("Too many files are coming at once.".to_owned()))
    }

    /// Makes a playlist of a file that has come, and begins to read it; in the place of `old`, if that one could never be read.
    ///
    /// # Errors
    /// As of any other playlist; the file is not kept then.
    pub async fn add_uploaded(
        &self,
        old: Option<ProviderId>,
        upload: Upload,
        name: Option<String>,
    ) -> Result<PlaylistView, FeedsError> {
        let at = upload.draft.with_extension("m3u");
        upload.keep(&at).await?;
        let request = PlaylistRequest {
            name: Some(name.unwrap_or_else(|| "Uploaded playlist".to_owned())),
            location: Some(at.display().to_string()),
            ..PlaylistRequest::default()
        };
        let added = self.add_playlist_instead(old, request).await;
        if added.is_err() {
            let _ = fs::remove_file(&at).await;
        }
        added
    }

    /// Puts a file that has come in the place of the one before, and begins to read it; gives the number of the job.
    ///
    /// # Errors
    /// When there is no such playlist, or it does not come from a file of this kind.
    pub async fn replace_uploaded(&self, id: ProviderId, upload: Upload) -> Result<u64, FeedsError> {
        let playlist = self.store.playlist(id).await?;
        let location = &playlist.provider.location;
        if !is_uploaded(&self.store, location) {
            let text = "This playlist does not come from an uploaded file; change its address instead.";
            return Err(FeedsError::Conflict(text.to_owned()));
        }
        upload.keep(Path::new(&given::present(location, &self.store.feeds_dir()))).await?;
        tracing::info!(playlist.id = id.0, "a file of a playlist was uploaded");
        Ok(self.readers.refresh_playlist(id, &playlist.provider.name, true))
    }
}

/// Whether a playlist of this location was uploaded.
pub(super) fn is_uploaded(store: &Store, location: &str) -> bool {
    let present = given::present(location, &store.feeds_dir());
    Path::new(&present).parent().is_some_and(|parent| parent == given::uploads(&store.feeds_dir()))
}

/// Removes the file of a playlist that is taken away, if it was uploaded.
pub(super) fn forget(store: &Store, location: &str) {
    if is_uploaded(store, location) {
        let _ = std::fs::remove_file(given::present(location, &store.feeds_dir()));
    }
}

async fn sweep(folder: &Path) {
    let Ok(mut entries) = fs::read_dir(folder).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let draft = entry.path().extension().is_some_and(|extension| extension == DRAFT);
        let modified = match entry.metadata().await {
            Ok(about) if draft => about.modified().ok(),
            _ => None,
        };
        if modified.and_then(|modified| clock::wall().duration_since(modified).ok()).is_some_and(|age| age > OLD) {
            let _ = fs::remove_file(entry.path()).await;
        }
    }
}

fn failed(error: &std::io::Error) -> FeedsError {
    tracing::error!(error = %Chain(error), "an uploaded file could not be kept");
    FeedsError::Failed
}

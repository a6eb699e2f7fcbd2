//! The picture that a slate shows instead of a text: a file of the person's choosing, checked before the worker sees it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Backdrop;
use crate::base::{clock, tasks};

/// Largest file that is read: 16 MiB.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// A file system that takes longer is not waited for: the start of the house must not hang on a dead mount.
const PATIENCE: Duration = Duration::from_secs(5);
/// How a PNG begins (ISO/IEC 15948, 5.2), and a JPEG (ISO/IEC 10918-1, B.1.1.3: SOI, and another marker).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF];

/// Why a picture cannot be shown.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BackdropError {
    /// It cannot be read.
    #[error("cannot read the picture {}: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Its file system says nothing.
    #[error("cannot read the picture {}: its file system does not answer within {PATIENCE:?}", .0.display())]
    Slow(PathBuf),
    /// It is none.
    #[error("{} is neither a PNG nor a JPEG", .0.display())]
    NoPicture(PathBuf),
    /// It is too large.
    #[error("the picture {} is larger than 16 MiB", .0.display())]
    TooLarge(PathBuf),
    /// It is another one than at the start.
    #[error("the picture {} has changed: restart rooftop to show the new one", .0.display())]
    Changed(PathBuf),
}

impl Backdrop {
    /// The picture in this file, as it is now.
    ///
    /// # Errors
    /// Where it cannot be read within 5 s, or is no picture by its first bytes.
    ///
    /// # Cancel safety
    /// It can be asked again.
    pub async fn open(path: PathBuf) -> Result<Self, BackdropError> {
        let work = {
            let path = path.clone();
            move || Self::of(&path)
        };
        patiently(path, PATIENCE, work).await
    }

    /// Its bytes.
    ///
    /// # Errors
    /// As [`Self::open`]; and where it is not the same any more.
    ///
    /// # Cancel safety
    /// It can be asked again.
    pub async fn bytes(self) -> Result<Vec<u8>, BackdropError> {
        patiently(self.path.clone(), PATIENCE, move || self.read()).await
    }

    fn of(path: &Path) -> Result<Self, BackdropError> {
        Ok(Self { path: path.to_owned(), sha256: digest(&read(path)?) })
    }

    fn read(&self) -> Result<Vec<u8>, BackdropError> {
        let bytes = read(&self.path)?;
        if digest(&bytes) == self.sha256 { Ok(bytes) } else { Err(BackdropError::Changed(self.path.clone())) }
    }
}

/// Does something with a file of somebody else's; a thread that waits for a dead file system is left to it.
async fn patiently<T, F>(path: PathBuf, limit: Duration, work: F) -> Result<T, BackdropError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, BackdropError> + Send + 'static,
{
    match clock::timeout(limit, tasks::blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(BackdropError::Unreadable { path, reason: error.to_string() }),
        Err(_) => Err(BackdropError::Slow(path)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, BackdropError> {
    let unreadable = |error: io::Error| BackdropError::Unreadable { path: path.to_owned(), reason: error.to_string() };
    // Before it is opened: that waits for ever where it is a FIFO.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is not a file")));
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(BackdropError::TooLarge(path.to_owned()));
    }
    let picture = bytes.starts_with(PNG) || bytes.starts_with(JPEG);
    if picture { Ok(bytes) } else { Err(BackdropError::NoPicture(path.to_owned())) }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_hangs_on_a_file_that_never_answers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        let error = Backdrop::open(path.clone()).await.unwrap_err();
        assert!(matches!(&error, BackdropError::Unreadable { reason, .. } if reason == "it is not a file"), "{error}");
        let (let_go, dead) = std::sync::mpsc::channel::<()>();
        let hangs = move || dead.recv().map_err(|_| BackdropError::NoPicture(PathBuf::new()));
        let error = patiently(path, Duration::from_millis(50), hangs).await.unwrap_err();
        assert!(matches!(error, BackdropError::Slow(_)), "{error}");
        drop(let_go);
    }

    #[test]
    fn what_is_no_picture_is_refused_and_what_changed_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("picture");
        assert!(matches!(Backdrop::of(&path), Err(BackdropError::Unreadable { .. })));
        assert!(matches!(Backdrop::of(dir.path()), Err(BackdropError::Unreadable { .. })));
        std::fs::write(&path, b"GIF89a").unwrap();
        assert!(matches!(Backdrop::of(&path), Err(BackdropError::NoPicture(_))));
        std::fs::write(&path, [JPEG, &[0xE0; 9]].concat()).unwrap();
        let jpeg = Backdrop::of(&path).unwrap();
        assert_eq!(jpeg.read().unwrap().len(), 12);
        std::fs::write(&path, [PNG, &[0; 9]].concat()).unwrap();
        assert!(matches!(jpeg.read(), Err(BackdropError::Changed(_))));
        assert_ne!(Backdrop::of(&path).unwrap(), jpeg);
        std::fs::write(&path, [PNG, &vec![0; MOST_BYTES as usize]].concat()).unwrap();
        assert!(matches!(Backdrop::of(&path), Err(BackdropError::TooLarge(_))));
    }
}

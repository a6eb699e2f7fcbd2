//! One server a data directory: an advisory lock on a file in it, held for as long as the database is open.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::StoreError;

const NAME: &str = "rooftop.lock";

/// The lock. The system gives it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirLock(#[expect(dead_code, reason = "held open, never read")] File);

impl DirLock {
    /// Takes the lock of `dir`, which must exist.
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(NAME);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(&path);
        let mut file = open.map_err(StoreError::io("cannot open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(dir, &file)),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("cannot lock", &path)(error)),
        }
        // Who holds it is only a hint for people: failing to write it is no reason to stop.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self(file))
    }
}

/// Whether a server could open the database of `dir` now. Changes nothing, also where there is no directory yet.
///
/// # Errors
/// [`StoreError::Locked`] when another one has it; when the lock cannot be read.
pub fn check_free(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(NAME);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("cannot open", &path)(error)),
    };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Err(held(dir, &file)),
        _ => Ok(()),
    }
}

fn held(dir: &Path, file: &File) -> StoreError {
    let mut text = String::new();
    let _ = file.take(32).read_to_string(&mut text);
    StoreError::Locked { dir: dir.to_owned(), pid: text.trim().parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_without_being_taken() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check_free(dir.path()).is_ok() && check_free(Path::new("/nonexistent")).is_ok());
        let lock = DirLock::take(dir.path()).unwrap();
        let error = check_free(dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::Locked { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
        drop(lock);
        check_free(dir.path()).unwrap();
        DirLock::take(dir.path()).unwrap();
    }
}

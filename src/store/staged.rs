//! A backup that waits: checked while the server runs, put in place at the next start, before the database is opened.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::backup::{SET_ASIDE, restore, sound, sync_dir, with_suffix};
use super::{FILE, Store, StoreError};
use crate::base::tasks;

/// Beside the database.
const STAGED: &str = "rooftop.db.staged";
/// What could not be put in place is moved here, so that it is not tried again at some later start.
const REFUSED: &str = "rooftop.db.refused";

/// Of databases that backups took the place of.
const MOST_KEPT: usize = 3;

/// A backup that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staged {
    /// Its size.
    pub bytes: u64,
    /// Milliseconds since 1970 when it came.
    pub at_ms: i64,
}

/// A database that is kept beside the one in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its file in the data directory.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Milliseconds since 1970 when it was changed last.
    pub at_ms: i64,
}

impl Store {
    /// The directory that the database is in.
    pub fn data_dir(&self) -> PathBuf {
        self.0.path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
    }

    /// How many bytes the database takes, with its log.
    pub fn bytes(&self) -> u64 {
        let of = |path: &Path| std::fs::metadata(path).map_or(0, |about| about.len());
        of(&self.0.path) + of(&with_suffix(&self.0.path, "-wal"))
    }

    /// How many bytes a backup would have now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn backup_bytes(&self) -> Result<u64, StoreError> {
        self.read(|connection| {
            let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
            let bytes: i64 = connection.query_row(sql, [], |row| row.get(0))?;
            Ok(bytes.unsigned_abs())
        })
        .await
    }

    /// The backup that waits for the next start, if one does.
    pub fn staged(&self) -> Option<Staged> {
        let about = std::fs::metadata(self.0.path.with_file_name(STAGED)).ok()?;
        let since = about.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Some(Staged { bytes: about.len(), at_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX) })
    }

    /// Checks a file of the data directory, all of it, and lets it wait for the next start in place of one that waited before. With
    /// `first`, only if there is no user when it has been checked, which takes its time.
    ///
    /// # Errors
    /// When it is not a sound database of Rooftop, or of a newer one, or there is somebody; it is left where it is then.
    pub async fn stage(&self, from: PathBuf, first: bool) -> Result<(), StoreError> {
        let staged = self.0.path.with_file_name(STAGED);
        let checked = from.clone();
        let check = move || {
            let checked = sound(&from).map(drop);
            // A database with a log of its own gets these while it is read.
            for suffix in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(with_suffix(&from, suffix));
            }
            checked
        };
        tasks::blocking(check).await.map_err(|_| StoreError::Gone)??;
        if first && self.has_users().await? {
            return Err(StoreError::UserTaken(String::new()));
        }
        let from = checked;
        let place = move || {
            std::fs::rename(&from, &staged).map_err(StoreError::io("cannot put in place", &staged))?;
            sync_dir(staged.parent().unwrap_or(Path::new(".")))
        };
        tasks::blocking(place).await.map_err(|_| StoreError::Gone)?
    }

    /// Databases that are kept beside this one, the newest first: those that a backup took the place of, and a backup that could
    /// not be put in place.
    pub fn kept(&self) -> Vec<Kept> {
        kept(&self.data_dir())
    }

    /// Forgets the backup that waits. `false`: none did.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget_staged(&self) -> Result<bool, StoreError> {
        let staged = self.0.path.with_file_name(STAGED);
        match std::fs::remove_file(&staged) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::io("cannot remove", &staged)(error)),
        }
    }
}

/// Puts the backup that waits in place of the database, which must not be open; gives what was put in its place and where the database
/// that was there is kept. `None`: none waits. To be called again if it was killed: it goes on. Blocking.
///
/// # Errors
/// As [`restore`]. The old database is in place then, and the backup is moved aside unless another server is running.
pub fn restore_staged(data_dir: &Path) -> Result<Option<PathBuf>, StoreError> {
    let staged = data_dir.join(STAGED);
    if !staged.exists() {
        return Ok(None);
    }
    match restore(&staged, data_dir) {
        Ok(kept) => {
            std::fs::remove_file(&staged).map_err(StoreError::io("cannot remove", &staged))?;
            prune(data_dir, kept.as_deref());
            Ok(Some(kept.unwrap_or_else(|| data_dir.join(FILE))))
        }
        Err(error) => {
            if !matches!(error, StoreError::Locked { .. }) {
                let _ = std::fs::rename(&staged, data_dir.join(REFUSED));
            }
            Err(error)
        }
    }
}

fn kept(data_dir: &Path) -> Vec<Kept> {
    let set_aside = |name: &str| {
        let stamp = name.strip_prefix(FILE).and_then(|rest| rest.strip_prefix(SET_ASIDE));
        stamp.is_some_and(is_stamp) || name == REFUSED
    };
    let mut found: Vec<Kept> = std::fs::read_dir(data_dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok().filter(|name| set_aside(name))?;
            let about = entry.metadata().ok()?;
            let since = about.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            Some(Kept { name, bytes: about.len(), at_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX) })
        })
        .collect();
    // Their names begin with the moment.
    found.sort_by(|one, other| other.name.cmp(&one.name));
    found
}

/// Whether it is a moment as [`restore`] writes it, `20261129T010203Z` or with a number behind it: people's own copies are theirs.
fn is_stamp(text: &str) -> bool {
    let (moment, number) = text.split_at_checked(16).unwrap_or((text, ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let of_moment = moment.strip_suffix('Z').and_then(|moment| moment.split_once('T'));
    of_moment.is_some_and(|(day, time)| day.len() == 8 && digits(day) && digits(time))
        && (number.is_empty() || number.strip_prefix('-').is_some_and(digits))
}

/// Keeps the newest few of the databases that backups took the place of: they are as large as the one in use, and cards are small.
/// The one that was put aside just now stays, whatever the clock says.
fn prune(data_dir: &Path, now: Option<&Path>) {
    let name = now.and_then(Path::file_name).and_then(|name| name.to_str());
    let others = kept(data_dir).into_iter().filter(|kept| kept.name != REFUSED && Some(kept.name.as_str()) != name);
    for old in others.skip(MOST_KEPT - 1) {
        let path = data_dir.join(&old.name);
        tracing::info!(file = %path.display(), "removing the oldest database that a backup took the place of");
        for path in [with_suffix(&path, "-wal"), with_suffix(&path, "-shm"), path] {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::person::Role;

    async fn users(store: &Store) -> usize {
        store.users().await.unwrap().len()
    }

    #[tokio::test]
    async fn what_waits_is_in_place_after_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert!(store.bytes() > 0 && store.data_dir() == dir.path());
        store.add_user("anna", Role::Admin, "h".into(), true).await.unwrap();
        let upload = dir.path().join("upload");
        store.backup(&upload).await.unwrap();
        store.add_user("bert", Role::Viewer, "h".into(), false).await.unwrap();
        assert_eq!(store.staged(), None);
        store.stage(upload.clone(), false).await.unwrap();
        assert_eq!(store.backup_bytes().await.unwrap(), store.staged().unwrap().bytes);
        assert!(store.staged().is_some_and(|staged| staged.bytes > 0 && staged.at_ms > 0) && !upload.exists());
        assert_eq!(users(&store).await, 2, "nothing changes while it runs");
        assert!(matches!(restore_staged(dir.path()), Err(StoreError::Locked { .. })));
        store.close().await;
        drop(store);
        let kept = restore_staged(dir.path()).unwrap().unwrap();
        assert!(kept.file_name().unwrap().to_str().unwrap().starts_with("rooftop.db.before-restore-"), "{kept:?}");
        let store = Store::open(dir.path()).unwrap();
        assert_eq!((users(&store).await, store.staged()), (1, None));
        assert_eq!(restore_staged(dir.path()).unwrap(), None);
    }

    #[tokio::test]
    async fn the_newest_three_of_those_before_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let backup = dir.path().join("backup");
        store.backup(&backup).await.unwrap();
        store.close().await;
        drop(store);
        // The clock was ahead when these were put aside; the last is a person's own.
        let ahead = ["20990101T000000Z", "20990101T000000Z-1", "20990102T000000Z", "keep"];
        for stamp in ahead {
            std::fs::copy(&backup, dir.path().join(format!("{FILE}{SET_ASIDE}{stamp}"))).unwrap();
        }
        std::fs::copy(&backup, dir.path().join(STAGED)).unwrap();
        let last = restore_staged(dir.path()).unwrap().unwrap();
        assert!(last.exists() && dir.path().join(format!("{FILE}{SET_ASIDE}keep")).exists());
        std::fs::write(dir.path().join(REFUSED), "x").unwrap();
        let store = Store::open(dir.path()).unwrap();
        let names: Vec<String> = store.kept().into_iter().map(|kept| kept.name).collect();
        let of = |stamp: &str| format!("{FILE}{SET_ASIDE}{stamp}");
        let last = last.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(names, [REFUSED.to_owned(), of("20990102T000000Z"), of("20990101T000000Z-1"), last]);
    }

    #[tokio::test]
    async fn what_is_no_database_of_ours_does_not_wait() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let upload = dir.path().join("upload");
        std::fs::write(&upload, "x".repeat(5000)).unwrap();
        store.stage(upload.clone(), false).await.unwrap_err();
        assert!(store.staged().is_none() && upload.exists() && !store.forget_staged().unwrap());
        std::fs::write(dir.path().join(STAGED), "x".repeat(5000)).unwrap();
        assert!(store.staged().is_some());
        store.close().await;
        drop(store);
        restore_staged(dir.path()).unwrap_err();
        assert!(dir.path().join(REFUSED).exists() && !dir.path().join(STAGED).exists());
        Store::open(dir.path()).unwrap();
    }
}

//! A server's data, for commands that run beside the server or in its absence.

use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::args::Where;
use crate::config::Origin;
use crate::config::place::SERVICE_DIR;
use crate::store::Store;
use crate::store::items::FOLDER;

/// A data directory.
pub(super) struct Data {
    /// Where it is.
    pub dir: PathBuf,
    /// Nobody said where it is.
    guessed: bool,
}

impl Data {
    /// The one that the command line, or else the settings, name.
    pub(super) fn find(at: &Where) -> anyhow::Result<Self> {
        let resolved = at.resolve()?;
        let of_dir = resolved.shown.iter().find(|shown| shown.key.name == "data_dir");
        let guessed = of_dir.is_some_and(|shown| shown.origin == Origin::Default);
        Ok(Self { dir: resolved.config.data_dir, guessed })
    }

    /// Opens the database, whether or not the server runs. Blocking.
    pub(super) fn open(&self) -> anyhow::Result<Store> {
        Store::open_beside(&self.dir).with_context(|| self.advice())
    }

    /// The same, but makes the database where there is none yet: a playlist may be added before the first start. Blocking.
    pub(super) fn open_or_make(&self) -> anyhow::Result<Store> {
        // Where the directory is only a guess, none is made: it would be the wrong one as often as not.
        if !self.guessed && !self.dir.join(crate::store::FILE).exists() {
            return Store::open(&self.dir).with_context(|| self.advice());
        }
        self.open()
    }

    fn advice(&self) -> String {
        let dir = self.dir.display();
        if self.guessed && self.dir != Path::new(SERVICE_DIR) && Path::new(SERVICE_DIR).exists() {
            return format!(
                "cannot use the data of a server in {dir}; that of the service is in {SERVICE_DIR}: run this with sudo, or say \
                 where with --data-dir"
            );
        }
        format!("cannot use the data of a server in {dir}")
    }

    /// What root wrote into a directory of the service's user belongs to that user: else the service could not open it.
    pub(super) fn hand_over(&self) -> anyhow::Result<()> {
        let owner = std::fs::metadata(&self.dir).with_context(|| format!("cannot look at {}", self.dir.display()))?;
        if !rustix::process::geteuid().is_root() || owner.uid() == 0 {
            return Ok(());
        }
        self.give(&self.dir, &owner, |name| name.starts_with(b"rooftop.") || name == FOLDER.as_bytes())?;
        let feeds = self.dir.join(FOLDER);
        // A link would lead root's hand elsewhere.
        let is_dir = feeds.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        if is_dir { self.give(&feeds, &owner, |_| true) } else { Ok(()) }
    }

    /// Gives what root owns in a directory, and whose name fits, to `owner`.
    fn give(&self, dir: &Path, owner: &std::fs::Metadata, fits: impl Fn(&[u8]) -> bool) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?.flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            let ours = meta.is_dir() || (meta.is_file() && meta.nlink() == 1);
            if ours && meta.uid() == 0 && fits(entry.file_name().as_encoded_bytes()) {
                lchown(entry.path(), Some(owner.uid()), Some(owner.gid()))
                    .with_context(|| format!("cannot give {} to the service", entry.path().display()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_root_leaves_behind_belongs_to_the_owner_of_the_directory() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path()).unwrap());
        std::fs::write(dir.path().join("other"), "").unwrap();
        lchown(dir.path(), Some(4711), Some(4712)).unwrap();
        let data = Data { dir: dir.path().to_owned(), guessed: false };
        drop(data.open().unwrap());
        data.hand_over().unwrap();
        for entry in std::fs::read_dir(dir.path()).unwrap().flatten() {
            let ours = entry.file_name() != "other";
            let meta = entry.metadata().unwrap();
            assert_eq!((meta.uid(), meta.gid()), if ours { (4711, 4712) } else { (0, 0) }, "{entry:?}");
        }
        lchown(dir.path(), Some(0), Some(0)).unwrap();
    }
}

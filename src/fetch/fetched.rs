//! A feed that has been had: to be read, and perhaps to be kept.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::part::Names;
use crate::model::Validators;

/// A feed that has been had whole.
#[derive(Debug)]
pub struct Fetched {
    /// First, so that the names go before the file and its lock do.
    pub(super) spooled: Spooled,
    /// At its beginning. Where it came from the network it has no name any more once the rest of this is dropped.
    pub file: File,
    /// Its length.
    pub bytes: u64,
    /// To ask later whether there is another version. Empty: that cannot be asked.
    pub validators: Validators,
    /// `Content-Type`, as sent.
    pub media_type: Option<String>,
    /// Where it came from in the end, without credentials.
    pub served_from: String,
    /// Where a broken download was gone on with the last time.
    pub resumed_at: Option<u64>,
}

/// Whose file it is.
#[derive(Debug)]
pub(super) enum Spooled {
    /// Somebody else's: it is only read.
    Not,
    /// Ours, and nobody finds it.
    Nameless,
    /// Ours; the name goes with this.
    Named(Name),
}

/// Takes the names away when it is dropped.
#[derive(Debug)]
pub(super) struct Name(pub Names);

impl Drop for Name {
    fn drop(&mut self) {
        self.0.remove();
    }
}

impl Fetched {
    /// Puts it at `to`, in place of what is there: the old file or the whole new one, also after a power cut. Blocks.
    ///
    /// # Errors
    /// When it cannot be written. What was at `to` is still there then.
    pub fn keep(self, to: &Path) -> std::io::Result<()> {
        let Self { spooled, mut file, .. } = self;
        file.rewind()?;
        if let Spooled::Named(name) = &spooled
            && file.sync_all().and_then(|()| std::fs::rename(&name.0.part, to)).is_ok()
        {
            return sync_dir(to);
        }
        // Without a name, or on another file system.
        let new = beside(to);
        let put = copy(&mut file, &new).and_then(|()| std::fs::rename(&new, to));
        if put.is_err() {
            let _ = std::fs::remove_file(&new);
        }
        put?;
        sync_dir(to)
    }
}

fn copy(file: &mut File, new: &Path) -> std::io::Result<()> {
    let mut copy = File::options().write(true).create(true).truncate(true).mode(0o600).open(new)?;
    std::io::copy(file, &mut copy)?;
    copy.flush()?;
    copy.sync_all()
}

fn beside(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    to.with_file_name(name)
}

fn sync_dir(to: &Path) -> std::io::Result<()> {
    let parent = to.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

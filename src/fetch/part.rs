//! What has come of a feed: a file with a name where its server can go on later, and a file without a name where it cannot.
//!
//! `KEY.part` holds the bytes, `KEY.part.json` what they are a part of. Whoever uses them holds a lock on the first: two calls
//! with one key do not write to one file, and a write that outlives a dropped call is waited for.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ask::hash;
use super::resume::{Have, Mark};
use crate::base::{clock, tasks};

/// Older parts are begun anew.
const FRESH: Duration = Duration::from_secs(86_400);
/// How long the last writer of a dropped call is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(1);
const LOCK_STEP: Duration = Duration::from_millis(10);

/// The names of a part.
#[derive(Debug)]
pub struct Names {
    pub part: PathBuf,
    sidecar: PathBuf,
}

impl Names {
    fn new(spool: &Path, key: &str) -> Self {
        let stem = file_name(key);
        Self { part: spool.join(format!("{stem}.part")), sidecar: spool.join(format!("{stem}.part.json")) }
    }

    /// Takes the files away, as far as they are there. Whoever has one open may go on reading it.
    pub fn remove(&self) {
        // The sidecar first: without it the other means nothing.
        let _ = std::fs::remove_file(&self.sidecar);
        let _ = std::fs::remove_file(&self.part);
    }
}

/// A key that could leave the directory, or be hidden in it, is replaced by its hash.
fn file_name(key: &str) -> String {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if plain && !key.is_empty() && !key.starts_with('.') && key.len() <= 100 { key.to_owned() } else { hash(key) }
}

/// The sidecar.
#[derive(Debug, Serialize, Deserialize)]
struct Sidecar {
    /// Hash of the feed's address.
    address: String,
    /// When the download began, in milliseconds since 1970.
    begun_ms: i64,
    /// The start of the system under which it was written: after a power cut a file may have its length and not its bytes.
    boot: String,
    mark: Mark,
}

impl Sidecar {
    /// Whether a part of `bytes` can be gone on with.
    fn fits(&self, address: &str, bytes: u64, now_ms: i64) -> bool {
        let age = u64::try_from(now_ms.saturating_sub(self.begun_ms)).map(Duration::from_millis);
        let young = age.is_ok_and(|age| age < FRESH);
        let broken_off = self.mark.length.is_none_or(|length| bytes < length);
        self.address == address && self.boot == boot() && young && broken_off
    }
}

/// What has come.
#[derive(Debug)]
pub struct Part {
    pub file: Arc<File>,
    pub bytes: u64,
    named: Option<(Names, Mark)>,
}

impl Part {
    /// Its server can go on from there.
    pub fn have(&self) -> Option<Have<'_>> {
        let (_, mark) = self.named.as_ref()?;
        (self.bytes > 0).then_some(Have { bytes: self.bytes, mark })
    }

    /// Writes `block` behind what has come, and gives it back empty.
    ///
    /// # Cancel safety
    /// A dropped write goes on in the background and holds the lock.
    pub async fn write(&mut self, mut block: Vec<u8>) -> std::io::Result<Vec<u8>> {
        if block.is_empty() {
            return Ok(block);
        }
        let file = Arc::clone(&self.file);
        let write = move || {
            (&*file).write_all(&block)?;
            let count = block.len() as u64;
            block.clear();
            Ok::<_, std::io::Error>((block, count))
        };
        let (block, count) = blocking(write).await??;
        self.bytes += count;
        Ok(block)
    }

    /// Takes it away. Without this, what has a name stays for the next call.
    pub fn discard(self) {
        if let Some((names, _)) = self.named {
            names.remove();
        }
    }

    /// The file and its names, once all has come.
    pub fn finish(self) -> (Arc<File>, Option<Names>) {
        (self.file, self.named.map(|(names, _)| names))
    }
}

/// Where parts of one feed are.
#[derive(Debug, Clone)]
pub struct Spool {
    dir: PathBuf,
    key: String,
    address: String,
}

impl Spool {
    pub fn new(dir: &Path, key: &str, location: &str) -> Self {
        Self { dir: dir.to_owned(), key: key.to_owned(), address: hash(location) }
    }

    /// The part of a broken download, if it is of this address and young enough. Others are taken away.
    pub async fn find(&self) -> std::io::Result<Option<Part>> {
        let until = clock::now() + LOCK_WAIT;
        loop {
            let (spool, now_ms) = (self.clone(), clock::wall_ms());
            match blocking(move || spool.open(now_ms)).await?? {
                Found::Part(part) => return Ok(Some(*part)),
                Found::Nothing => return Ok(None),
                Found::Locked if clock::now() >= until => return Ok(None),
                Found::Locked => clock::sleep(LOCK_STEP).await,
            }
        }
    }

    fn open(&self, now_ms: i64) -> std::io::Result<Found> {
        let names = Names::new(&self.dir, &self.key);
        let file = match File::options().read(true).append(true).open(&names.part) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        if !lock(&file, &names.part)? {
            return Ok(Found::Locked);
        }
        let bytes = file.metadata()?.len();
        let read = std::fs::read(&names.sidecar).ok();
        let sidecar = read.and_then(|text| serde_json::from_slice::<Sidecar>(&text).ok());
        let Some(Sidecar { mark, .. }) = sidecar.filter(|sidecar| bytes > 0 && sidecar.fits(&self.address, bytes, now_ms)) else {
            names.remove();
            return Ok(Found::Nothing);
        };
        let part = Part { file: Arc::new(file), bytes, named: Some((names, mark)) };
        Ok(Found::Part(Box::new(part)))
    }

    /// An empty part of what `mark` says, or one that leaves nothing behind.
    pub async fn begin(&self, mark: Option<Mark>) -> std::io::Result<Part> {
        let (spool, now_ms) = (self.clone(), clock::wall_ms());
        blocking(move || {
            if let Some(mark) = mark
                && let Some(part) = spool.create(mark, now_ms)?
            {
                return Ok(part);
            }
            let file = nameless(&spool.dir)?;
            Ok(Part { file: Arc::new(file), bytes: 0, named: None })
        })
        .await?
    }

    /// `None`: somebody else is at it.
    fn create(&self, mark: Mark, now_ms: i64) -> std::io::Result<Option<Part>> {
        let names = Names::new(&self.dir, &self.key);
        // What a link of that name leads to is not ours to write to.
        let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        let file = File::options().read(true).append(true).create(true).mode(0o600).custom_flags(flags).open(&names.part)?;
        if !lock(&file, &names.part)? {
            return Ok(None);
        }
        match std::fs::remove_file(&names.sidecar) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        file.set_len(0)?;
        let sidecar = Sidecar { address: self.address.clone(), begun_ms: now_ms, boot: boot(), mark };
        let text = serde_json::to_vec(&sidecar)?;
        let new = names.sidecar.with_extension("json.new");
        let written = write_private(&new, &text).and_then(|()| std::fs::rename(&new, &names.sidecar));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&new);
            names.remove();
            return Err(error);
        }
        Ok(Some(Part { file: Arc::new(file), bytes: 0, named: Some((names, sidecar.mark)) }))
    }
}

enum Found {
    Part(Box<Part>),
    Nothing,
    Locked,
}

/// Whether `file` is ours now, and still what `path` leads to.
fn lock(file: &File, path: &Path) -> std::io::Result<bool> {
    match file.try_lock() {
        Ok(()) => {
            let (ours, there) = (file.metadata()?, std::fs::metadata(path));
            Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
        }
        // Some file systems know no locks: then there is none that others would heed.
        Err(_) => Ok(false),
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(bytes)
}

fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> std::io::Result<T> {
    tasks::blocking(work).await.map_err(std::io::Error::other)
}

/// A file without a name: the system takes it away with the last handle, also after kill -9.
pub fn nameless(dir: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::TMPFILE.bits() as i32;
    let mut options = File::options();
    options.read(true).write(true).mode(0o600);
    match options.clone().custom_flags(flags).open(dir) {
        Ok(file) => Ok(file),
        // Some file systems know no such files.
        Err(_) => {
            let chance = getrandom::u64().map_err(|error| std::io::Error::other(error.to_string()))?;
            let path = dir.join(format!("{chance:016x}.part"));
            let file = options.create_new(true).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        }
    }
}

/// Takes away parts in `spool` that no call would go on from any more, as those of feeds that were taken out of the settings.
///
/// # Errors
/// When the directory cannot be read.
pub fn sweep(spool: &Path) -> std::io::Result<()> {
    let now = clock::wall();
    for entry in std::fs::read_dir(spool)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours =
            name.to_str().is_some_and(|name| [".part", ".part.json", ".part.json.new"].iter().any(|end| name.ends_with(end)));
        let Ok(about) = entry.metadata() else { continue };
        let old = about.modified().ok().and_then(|written| now.duration_since(written).ok()).is_some_and(|age| age >= FRESH);
        if ours && old && about.is_file() {
            // Somebody else may have been faster.
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

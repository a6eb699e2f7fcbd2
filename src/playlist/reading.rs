//! Reads a playlist's file into a version: one thread takes the list apart and another one writes what it finds, so that both
//! cores of a small machine have something to do. Memory does not grow with the list. Blocking.

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use serde::{Deserialize, Serialize};

use super::items::{self, Base};
use super::m3u::{self, Event, ReadError};
use super::panel::PanelList;
use super::rules::Rules;
use super::sieve::{Sieve, Sifted};
use super::xtream::{self, XtreamError};
use crate::base::progress::Progress;
use crate::base::tasks;
use crate::model::{ItemKind, Key, PlaylistItem};
use crate::store::StoreError;
use crate::store::items::{ItemFile, ItemWriter};
use crate::store::playlists::KnownSource;

/// Most flaws that are kept to be shown; all are counted.
const SHOWN: usize = 20;
/// Most guides that a list may name.
const MOST_GUIDES: usize = 1000;
/// Items that are handed over together.
const BATCH: usize = 256;
/// Batches that wait to be written.
const WAITING: usize = 4;

/// What was counted in a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Items that are stored.
    pub items: u64,
    /// Of these, radio stations.
    pub radio: u64,
    /// Of these, offered: the rules leave them in.
    pub offered: u64,
    /// Entries with an address, whatever became of them.
    pub entries: u64,
    /// Films and series, which are stored only where the rules want them.
    pub vod: u64,
    /// Entries with addresses that nothing here can read.
    pub unsupported: u64,
    /// Entries that repeat another one.
    pub repeated: u64,
    /// Items that are to become sources at the next reading: one takes [`sieve::MOST_AT_ONCE`](super::sieve::MOST_AT_ONCE).
    pub postponed: u64,
    /// Lines that were not understood.
    pub broken: u64,
    /// The first of them.
    pub first_broken: Vec<BrokenLine>,
    /// Bytes, as it came.
    pub bytes: u64,
    /// Bytes of its items, as they are stored.
    pub stored_bytes: u64,
    /// Whether films and series were wanted.
    pub vod_kept: bool,
    /// Addresses of guides that the list names.
    pub guides: Vec<String>,
}

impl Counts {
    /// What there is to watch: films may come and go with a rule.
    pub fn channels(&self) -> u64 {
        if self.vod_kept { self.items.saturating_sub(self.vod) } else { self.items }
    }
}

/// A line that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenLine {
    /// Which, counted from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// A version that was read to its end.
#[derive(Debug)]
pub struct ReadVersion {
    /// Its file, on disk.
    pub file: ItemFile,
    /// What the store is to be told.
    pub sifted: Sifted,
    /// What was counted.
    pub counts: Counts,
}

/// How a list is written.
#[derive(Debug)]
pub enum Kind {
    /// M3U.
    M3u,
    /// The streams of an account at a panel.
    Panel(PanelList),
}

/// How a version is read.
pub struct Job {
    /// How the list is written.
    pub kind: Kind,
    /// What addresses in it are relative to.
    pub base: Base,
    /// Its rules.
    pub rules: Arc<Rules>,
    /// Whether the rules do not say yet which items become channels.
    pub undecided: bool,
    /// The sources that the last reading left.
    pub known: Vec<KnownSource>,
    /// Whether films and series are kept.
    pub vod: bool,
}

/// Why a version could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadingError {
    /// The list cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The panel's answer cannot be read.
    #[error(transparent)]
    Panel(#[from] XtreamError),
    /// Its items cannot be written.
    #[error("the items of the playlist cannot be stored")]
    Store(#[from] StoreError),
    /// A person, or the end of the program, stopped it.
    #[error("reading the playlist was broken off")]
    Cancelled,
}

/// Reads `input` into a version in `folder`, whose name begins with `stem`.
///
/// # Errors
/// When it is no playlist, cannot be read to its end or written, or is to stop. Nothing is left behind then.
pub fn read(input: File, folder: &Path, stem: &str, job: &Job, progress: &Progress) -> Result<ReadVersion, ReadingError> {
    let bytes = input.metadata().map_or(0, |meta| meta.len());
    progress.step("reading", Some(bytes));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = ItemWriter::create(folder, stem)?;
    let (batches, waiting) = sync_channel::<Vec<(Key, PlaylistItem)>>(WAITING);
    let (tell, told) = channel();
    let failed = Arc::clone(&stop);
    let thread = tasks::thread("rooftop-items", move || {
        let written = write(writer, &waiting);
        failed.store(written.is_err(), Relaxed);
        // Nobody waits any more where the reader has failed.
        let _ = tell.send(written);
    });
    let thread = thread.map_err(|error| StoreError::Io { what: "cannot start a thread for", path: folder.to_owned(), error })?;
    let mut taker = Taker {
        job,
        sieve: Sieve::new(&job.rules, job.undecided, &job.known),
        counts: Counts { bytes, vod_kept: job.vod, ..Counts::default() },
        batch: Vec::with_capacity(BATCH),
        batches: Some(batches),
    };
    let counted = Counted { input, bytes: 0, progress, stop: &stop };
    let done = parse(counted, &job.kind, |event| taker.take(event, progress));
    if done.is_ok() && !progress.is_cancelled() {
        taker.hand_over();
    }
    let Taker { sieve, mut counts, batches, .. } = taker;
    // The writer would go on to write what was read of a list that turned out to be none.
    if done.is_err() || progress.is_cancelled() {
        stop.store(true, Relaxed);
    }
    if stop.load(Relaxed)
        && let Some(batches) = &batches
    {
        // Ends it: no version has an empty batch.
        let _ = batches.send(Vec::new());
    }
    drop(batches);
    let written = told.recv().unwrap_or(Err(StoreError::Gone));
    drop(thread);
    if progress.is_cancelled() {
        return Err(ReadingError::Cancelled);
    }
    // A writer that failed is why the reader was stopped.
    if let (Err(_), Err(error)) = (&done, written.as_ref())
        && !matches!(error, StoreError::Gone)
    {
        return Err(written.err().unwrap_or(StoreError::Gone).into());
    }
    done?;
    let file = written?;
    counts.offered = sieve.offered as u64;
    counts.repeated = sieve.repeated as u64;
    counts.postponed = sieve.postponed() as u64;
    counts.stored_bytes = file.bytes;
    Ok(ReadVersion { file, sifted: sieve.finish(), counts })
}

fn parse(input: impl Read, kind: &Kind, mut found: impl FnMut(Event)) -> Result<(), ReadingError> {
    match kind {
        Kind::M3u => Ok(m3u::read(input, found)?),
        Kind::Panel(list) => {
            let each = |event| {
                found(event);
                ControlFlow::Continue(())
            };
            xtream::streams(input, &list.account, &list.categories, list.format, each)?;
            Ok(())
        }
    }
}

/// Writes batches until there are no more; an empty one says that it is all in vain.
fn write(mut writer: ItemWriter, batches: &Receiver<Vec<(Key, PlaylistItem)>>) -> Result<ItemFile, StoreError> {
    while let Ok(batch) = batches.recv() {
        if batch.is_empty() {
            return Err(StoreError::Gone);
        }
        writer.add_all(&batch)?;
    }
    writer.finish()
}

struct Taker<'a> {
    job: &'a Job,
    sieve: Sieve<'a>,
    counts: Counts,
    batch: Vec<(Key, PlaylistItem)>,
    batches: Option<SyncSender<Vec<(Key, PlaylistItem)>>>,
}

impl Taker<'_> {
    fn take(&mut self, event: Event, progress: &Progress) {
        let counts = &mut self.counts;
        match event {
            Event::Header(header) => {
                let new: Vec<String> = header.guides().into_iter().filter(|guide| !counts.guides.contains(guide)).collect();
                counts.guides.extend(new.into_iter().take(MOST_GUIDES.saturating_sub(counts.guides.len())));
            }
            Event::Broken(broken) => {
                counts.broken += 1;
                if counts.first_broken.len() < SHOWN {
                    counts.first_broken.push(BrokenLine { line: broken.line, why: broken.flaw.to_string() });
                }
            }
            Event::Entry(entry) => {
                counts.entries += 1;
                let Some(item) = items::item(entry, &self.job.base) else {
                    counts.unsupported += 1;
                    return;
                };
                counts.vod += u64::from(item.kind == ItemKind::Vod);
                if let Some(key) = self.sieve.take(&item) {
                    counts.items += 1;
                    counts.radio += u64::from(item.kind == ItemKind::Radio);
                    self.batch.push((key, item));
                    if self.batch.len() >= BATCH {
                        progress.set_items(counts.items);
                        self.hand_over();
                    }
                }
            }
        }
    }

    fn hand_over(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        if let Some(batches) = &self.batches
            && batches.send(batch).is_err()
        {
            // The writer has failed, and says why.
            self.batches = None;
        }
    }
}

/// The file, telling how far it was read, and ending when it is to stop.
struct Counted<'a> {
    input: File,
    bytes: u64,
    progress: &'a Progress,
    stop: &'a AtomicBool,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.stop.load(Relaxed) || self.progress.is_cancelled() {
            return Err(std::io::Error::other("it was broken off"));
        }
        let count = self.input.read(buffer)?;
        self.bytes += count as u64;
        self.progress.set_bytes(self.bytes);
        Ok(count)
    }
}

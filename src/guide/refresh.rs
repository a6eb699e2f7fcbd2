//! Brings a guide up to date: fetched, its channels looked at, ours mapped to them, and the programmes of those that are wanted put
//! into a version. Whatever goes wrong, what was read well the last time stays.
//!
//! What was fetched is kept beside the version, so that a channel that is mapped later has its programmes at once.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::mapping;
use super::xmltv::{self, Consumed, End, Sink, Summary, XmltvError};
use crate::base::clock;
use crate::base::progress::Progress;
use crate::base::secret::SafeUrl;
use crate::base::tasks;
use crate::fetch::{self, FetchError, gate};
use crate::model::{GuideChannel, GuideId, Programme, Validators};
use crate::store::feeds::FeedLock;
use crate::store::guides::{Guide, GuideWriter, Programmes};
use crate::store::items::ItemFile;
use crate::store::{FeedId, NewVersion, Store, StoreError, Version};

/// Programmes are kept that have ended this long ago at most …
const BACK_S: i64 = 24 * 3600;
/// … and begin this far ahead at most.
const AHEAD_S: i64 = 14 * 24 * 3600;
/// Largest guide, as it comes.
const MOST_BYTES: u64 = 2 << 30;
/// Channels of one guide; further ones are passed over.
const MOST_CHANNELS: usize = 200_000;
/// Largest guide that is kept as it came; of a larger one, channels that are mapped later wait for the next reading.
const KEEP_BYTES: u64 = 256 << 20;

/// What was counted in a version of a guide.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuideCounts {
    /// Channels of the guide.
    pub channels: u64,
    /// Programmes of the guide.
    pub programmes: u64,
    /// Channels that are mapped to one of ours.
    pub mapped: u64,
    /// Programmes that were kept.
    pub kept: u64,
    /// Channels and programmes that were not understood.
    pub broken: u64,
    /// The first of them.
    pub first_broken: Vec<BrokenPlace>,
    /// Bytes, as it came.
    pub bytes: u64,
    /// Bytes, as it is stored.
    pub stored_bytes: u64,
    /// When the first and the last programme begin, seconds since 1970.
    pub starts_s: Option<(i64, i64)>,
}

/// Something of a guide that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenPlace {
    /// The line in which it begins, counted from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum GuideOutcome {
    /// Nothing is new.
    Unchanged,
    /// A new version is served.
    Published(Box<GuideCounts>),
    /// A new version waits for a person.
    Held {
        /// Why, for people.
        reason: String,
    },
}

/// Why everything was left as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuideError {
    /// It could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It is no guide.
    #[error(transparent)]
    Read(#[from] XmltvError),
    /// There is nothing in it.
    #[error("the guide has no channels")]
    NoChannels,
    /// It broke off, and there is nothing to hold it against.
    #[error("the guide broke off before its end")]
    Truncated,
    /// It is being read by somebody else.
    #[error("the guide is being read already")]
    Busy,
    /// There is nothing to accept.
    #[error("no version of the guide is held back")]
    NothingHeld,
    /// It could not be stored.
    #[error("the guide cannot be stored")]
    Store(#[from] StoreError),
    /// A person, or the end of the program, stopped it.
    #[error("reading the guide was broken off")]
    Cancelled,
}

/// Fetches a guide and makes it the current version, if it is fit for that. `anyway`: even if its server says that nothing is new.
///
/// # Errors
/// When it cannot be had whole, is no guide, or cannot be stored. Nothing has changed then but what is said of the guide.
///
/// # Cancel safety
/// Dropping the future leaves the store as it was, or as it is to be. [`Progress::cancel`] ends it in good order.
pub async fn refresh(store: &Store, id: GuideId, anyway: bool, progress: &Progress) -> Result<GuideOutcome, GuideError> {
    let done = attempt(store, id, anyway, progress).await;
    if let Err(error) = &done
        && !matches!(error, GuideError::Busy | GuideError::Cancelled | GuideError::Fetch(FetchError::Cancelled))
    {
        let said = crate::base::chain::Chain(error).to_string();
        store.guide_checked(id, Some(said)).await?;
    }
    done
}

async fn attempt(store: &Store, id: GuideId, anyway: bool, progress: &Progress) -> Result<GuideOutcome, GuideError> {
    let _lock = FeedLock::take(&store.feeds_dir(), FeedId::Guide(id))?.ok_or(GuideError::Busy)?;
    let guide = store.guide(id).await?;
    let here = |current: &&Version| store.feeds_dir().join(&current.version.file).exists();
    let known = guide.versions.current.as_ref().filter(here).filter(|_| !anyway);
    let key = FeedId::Guide(id).stem();
    let request = fetch::Request {
        location: &guide.location,
        access: &guide.access,
        known: known.map(|known| &known.version.validators),
        spool: &store.feeds_dir(),
        key: &key,
        most_bytes: MOST_BYTES,
    };
    let fetched = match fetch::fetch(request, progress).await? {
        fetch::Outcome::NotModified => {
            store.guide_checked(id, None).await?;
            return Ok(GuideOutcome::Unchanged);
        }
        fetch::Outcome::Fetched(fetched) => fetched,
    };
    let (bytes, validators) = (fetched.bytes, fetched.validators.clone());
    let new = new_raw(store, id);
    let kept = tasks::blocking(move || fetched.keep(&new).map(|()| new)).await.map_err(|_| GuideError::Cancelled)?;
    let raw = kept.map_err(|error| StoreError::Io { what: "cannot keep", path: store.feeds_dir(), error })?;
    let done = read_into(store, &guide, &raw, validators, bytes, progress).await;
    match &done {
        // One that is held back is read again when it is accepted.
        Ok(GuideOutcome::Held { .. }) => {
            let _ = std::fs::rename(&raw, held_path(store, id));
        }
        _ => {
            let _ = std::fs::remove_file(&raw);
        }
    }
    done
}

/// Reads what was fetched the last time once more: channels have been mapped since. `None`: it is not here.
///
/// # Errors
/// As [`refresh`].
pub async fn read_again(store: &Store, id: GuideId, progress: &Progress) -> Result<Option<GuideCounts>, GuideError> {
    let _lock = FeedLock::take(&store.feeds_dir(), FeedId::Guide(id))?.ok_or(GuideError::Busy)?;
    let guide = store.guide(id).await?;
    let (Some(current), raw) = (guide.versions.current.clone(), raw_path(store, id)) else { return Ok(None) };
    if !raw.exists() {
        return Ok(None);
    }
    let channels = scan(&raw, progress).await?;
    settle_mapping(store, &guide, channels.channels.clone()).await?;
    let bytes = std::fs::metadata(&raw).map_or(0, |meta| meta.len());
    let (file, counts) = write(store, &guide, &raw, channels, bytes, progress).await?;
    publish(store, &guide, file, &counts, current.version.validators, current.version.fetched_ms).await?;
    Ok(Some(counts))
}

/// Serves the version that was held back.
///
/// # Errors
/// When there is none, or it cannot be stored.
pub async fn accept(store: &Store, id: GuideId, progress: &Progress) -> Result<GuideCounts, GuideError> {
    let _lock = FeedLock::take(&store.feeds_dir(), FeedId::Guide(id))?.ok_or(GuideError::Busy)?;
    let guide = store.guide(id).await?;
    let held = guide.versions.held.clone().ok_or(GuideError::NothingHeld)?;
    let raw = held_path(store, id);
    if !raw.exists() {
        return Err(GuideError::NothingHeld);
    }
    let channels = scan(&raw, progress).await?;
    settle_mapping(store, &guide, channels.channels.clone()).await?;
    let bytes = std::fs::metadata(&raw).map_or(0, |meta| meta.len());
    let (file, counts) = write(store, &guide, &raw, channels, bytes, progress).await?;
    // Its old name is forgotten together with the version that was held back.
    let kept = std::fs::hard_link(&raw, new_raw(store, id));
    keep_raw(store, id, kept.is_ok() && bytes <= KEEP_BYTES);
    publish(store, &guide, file, &counts, held.version.validators, held.version.fetched_ms).await?;
    Ok(counts)
}

/// Whether programmes are missing of a channel of ours that is mapped to this guide: it has to be read again then.
///
/// # Errors
/// When its version cannot be read.
pub async fn lacks(store: &Store, guide: &Guide) -> Result<bool, StoreError> {
    let Some(current) = &guide.versions.current else { return Ok(false) };
    let wanted = wanted(store, guide.id).await?;
    let path = store.feeds_dir().join(&current.version.file);
    let stored = tasks::blocking(move || Programmes::open(&path)?.wanted()).await.map_err(|_| StoreError::Gone)??;
    let stored: HashSet<String> = stored.into_iter().collect();
    let known: HashSet<String> = mapping::channels_of(store, guide).await?.into_iter().map(|channel| channel.id).collect();
    Ok(wanted.iter().any(|id| known.contains(id) && !stored.contains(id)))
}

/// Removes what was fetched of a guide that is taken away.
pub fn forget(store: &Store, id: GuideId) {
    let _ = std::fs::remove_file(raw_path(store, id));
    let _ = std::fs::remove_file(held_path(store, id));
}

fn raw_path(store: &Store, id: GuideId) -> PathBuf {
    store.feeds_dir().join(format!("{}.raw", FeedId::Guide(id).stem()))
}

fn held_path(store: &Store, id: GuideId) -> PathBuf {
    store.feeds_dir().join(format!("{}.held", FeedId::Guide(id).stem()))
}

/// Keeps what a version was made of, or nothing: never what an earlier one was made of.
fn keep_raw(store: &Store, id: GuideId, keep: bool) {
    let (new, raw) = (new_raw(store, id), raw_path(store, id));
    if !keep || std::fs::rename(&new, &raw).is_err() {
        let _ = std::fs::remove_file(&new);
        let _ = std::fs::remove_file(&raw);
    }
}

fn new_raw(store: &Store, id: GuideId) -> PathBuf {
    store.feeds_dir().join(format!("{}.new", FeedId::Guide(id).stem()))
}

async fn read_into(
    store: &Store,
    guide: &Guide,
    raw: &Path,
    validators: Validators,
    bytes: u64,
    progress: &Progress,
) -> Result<GuideOutcome, GuideError> {
    let scanned = scan(raw, progress).await?;
    let before = guide.versions.current.as_ref().map(|current| current.version.report.clone()).unwrap_or_default();
    let before: GuideCounts = serde_json::from_value(before).unwrap_or_default();
    // A file is what a person made it; a server may be half broken.
    let remote = fetch::is_remote(&guide.location);
    let doubt = match scanned.summary.end {
        End::Truncated => Some("it broke off before its end".to_owned()),
        _ => gate::doubt(before.channels, scanned.channels.len() as u64, remote, "channels")
            .or_else(|| gate::doubt(before.programmes, scanned.summary.programmes, remote, "programmes")),
    };
    match doubt {
        None if scanned.channels.is_empty() => Err(GuideError::NoChannels),
        Some(_) if before.channels == 0 && scanned.summary.end == End::Truncated => Err(GuideError::Truncated),
        Some(reason) => {
            let counts = counts(&scanned.summary, scanned.channels.len(), bytes);
            hold(store, guide, &counts, validators, reason.clone()).await?;
            Ok(GuideOutcome::Held { reason })
        }
        None => {
            settle_mapping(store, guide, scanned.channels.clone()).await?;
            let (file, counts) = write(store, guide, raw, scanned, bytes, progress).await?;
            // First of all: what is kept for channels that are mapped later is never older than what is served.
            keep_raw(store, guide.id, bytes <= KEEP_BYTES);
            publish(store, guide, file, &counts, validators, clock::wall_ms()).await?;
            Ok(GuideOutcome::Published(Box::new(counts)))
        }
    }
}

/// A guide's channels, and what was counted on the way.
struct Scanned {
    channels: Vec<GuideChannel>,
    summary: Summary,
}

/// The first of two readings: channels only.
async fn scan(raw: &Path, progress: &Progress) -> Result<Scanned, GuideError> {
    let (raw, progress) = (raw.to_owned(), progress.clone());
    let work = move || {
        let file = open(&raw)?;
        progress.step("looking for channels", file.metadata().ok().map(|meta| meta.len()));
        let mut scan = Scan { channels: Vec::new(), seen: HashSet::new(), progress: &progress };
        let summary = xmltv::read(file, &mut scan)?;
        let channels = scan.channels;
        if summary.end == End::Stopped { Err(GuideError::Cancelled) } else { Ok(Scanned { channels, summary }) }
    };
    tasks::blocking(work).await.map_err(|_| GuideError::Cancelled)?
}

fn open(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(|error| StoreError::Io { what: "cannot open", path: path.to_owned(), error })
}

struct Scan<'a> {
    channels: Vec<GuideChannel>,
    seen: HashSet<String>,
    progress: &'a Progress,
}

fn go_on(progress: &Progress, so_far: Consumed) -> ControlFlow<()> {
    progress.set_bytes(so_far.packed_bytes);
    if progress.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

impl Sink for Scan<'_> {
    fn channel(&mut self, channel: GuideChannel) -> ControlFlow<()> {
        if self.channels.len() < MOST_CHANNELS && self.seen.insert(channel.id.clone()) {
            self.channels.push(channel);
        }
        ControlFlow::Continue(())
    }

    fn wants(&mut self, _: &str, _: i64, _: Option<i64>) -> bool {
        false
    }

    fn programme(&mut self, _: &str, _: Programme) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn progress(&mut self, so_far: Consumed) -> ControlFlow<()> {
        go_on(self.progress, so_far)
    }
}

/// Maps channels of ours that have no guide yet, with this guide's channels as they are now.
async fn settle_mapping(store: &Store, guide: &Guide, channels: Vec<GuideChannel>) -> Result<(), GuideError> {
    Ok(mapping::settle(store, Some((guide.id, channels))).await?)
}

/// The ids of a guide's channels that are mapped to channels of ours.
async fn wanted(store: &Store, id: GuideId) -> Result<HashSet<String>, StoreError> {
    let mappings = store.mappings().await?;
    Ok(mappings.into_iter().filter_map(|mapping| mapping.to).filter(|(guide, _)| *guide == id).map(|(_, id)| id).collect())
}

/// The second reading: programmes of the channels that are wanted go into a version.
async fn write(
    store: &Store,
    guide: &Guide,
    raw: &Path,
    scanned: Scanned,
    bytes: u64,
    progress: &Progress,
) -> Result<(ItemFile, GuideCounts), GuideError> {
    let wanted = wanted(store, guide.id).await?;
    let (folder, stem) = (store.feeds_dir(), FeedId::Guide(guide.id).stem());
    let (raw, progress, now_s) = (raw.to_owned(), progress.clone(), clock::wall_ms() / 1000);
    let work = move || {
        let mut writer = GuideWriter::create(&folder, &stem)?;
        for channel in &scanned.channels {
            writer.channel(channel, wanted.contains(&channel.id))?;
        }
        let file = open(&raw)?;
        progress.step("reading", file.metadata().ok().map(|meta| meta.len()));
        let mut take = Take {
            from_s: now_s - BACK_S,
            to_s: now_s + AHEAD_S,
            wanted: &wanted,
            writer,
            kept: 0,
            last: HashMap::new(),
            failed: None,
            progress: &progress,
        };
        let summary = xmltv::read(file, &mut take)?;
        if let Some(error) = take.failed {
            return Err(error.into());
        }
        if summary.end == End::Stopped {
            return Err(GuideError::Cancelled);
        }
        let mut counts = counts(&summary, scanned.channels.len(), bytes);
        counts.mapped = scanned.channels.iter().filter(|channel| wanted.contains(&channel.id)).count() as u64;
        counts.kept = take.kept;
        progress.step("storing", None);
        let file = take.writer.finish()?;
        counts.stored_bytes = file.bytes;
        Ok((file, counts))
    };
    tasks::blocking(work).await.map_err(|_| GuideError::Cancelled)?
}

struct Take<'a> {
    from_s: i64,
    to_s: i64,
    wanted: &'a HashSet<String>,
    writer: GuideWriter,
    kept: u64,
    /// What was kept last of each channel: some guides say everything twice.
    last: HashMap<String, (i64, Option<i64>)>,
    failed: Option<StoreError>,
    progress: &'a Progress,
}

impl Sink for Take<'_> {
    fn channel(&mut self, _: GuideChannel) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn wants(&mut self, channel: &str, start_s: i64, stop_s: Option<i64>) -> bool {
        self.wanted.contains(channel) && start_s < self.to_s && stop_s.unwrap_or(start_s) > self.from_s
    }

    fn programme(&mut self, channel: &str, programme: Programme) -> ControlFlow<()> {
        let times = (programme.start_s, programme.stop_s);
        match self.last.get_mut(channel) {
            Some(last) if *last == times => return ControlFlow::Continue(()),
            Some(last) => *last = times,
            None => {
                self.last.insert(channel.to_owned(), times);
            }
        }
        match self.writer.programme(channel, &programme) {
            Ok(()) => {
                self.kept += 1;
                if self.kept.is_multiple_of(256) {
                    self.progress.set_items(self.kept);
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn progress(&mut self, so_far: Consumed) -> ControlFlow<()> {
        go_on(self.progress, so_far)
    }
}

fn counts(summary: &Summary, channels: usize, bytes: u64) -> GuideCounts {
    GuideCounts {
        channels: channels as u64,
        programmes: summary.programmes,
        broken: summary.broken,
        first_broken: summary.flaws.iter().map(|flaw| BrokenPlace { line: flaw.line, why: flaw.flaw.to_string() }).collect(),
        bytes,
        starts_s: summary.starts_s,
        ..GuideCounts::default()
    }
}

async fn hold(
    store: &Store,
    guide: &Guide,
    counts: &GuideCounts,
    validators: Validators,
    reason: String,
) -> Result<(), GuideError> {
    let version = NewVersion {
        // What is held back is kept as it came.
        file: format!("{}.held", FeedId::Guide(guide.id).stem()),
        fetched_ms: clock::wall_ms(),
        validators,
        report: serde_json::to_value(counts).unwrap_or_default(),
    };
    tracing::warn!(
        guide.location = %SafeUrl(&guide.location),
        guide.channels = counts.channels,
        guide.programmes = counts.programmes,
        "a new version of a guide is held back: {reason}; the last good one is served until somebody accepts it"
    );
    store.hold(FeedId::Guide(guide.id), version, reason).await?;
    // The caller gives what came its place.
    Ok(store.guide_checked(guide.id, None).await?)
}

async fn publish(
    store: &Store,
    guide: &Guide,
    file: ItemFile,
    counts: &GuideCounts,
    validators: Validators,
    fetched_ms: i64,
) -> Result<(), GuideError> {
    let report = serde_json::to_value(counts).unwrap_or_default();
    let version = NewVersion { file: file.name.clone(), fetched_ms, validators, report };
    store.publish_guide(guide.id, version).await.inspect_err(|_| store.discard_file(&file.name))?;
    tracing::info!(
        guide.location = %SafeUrl(&guide.location),
        guide.channels = counts.channels,
        guide.programmes = counts.programmes,
        guide.mapped = counts.mapped,
        programmes.kept = counts.kept,
        guide.broken = counts.broken,
        "a guide was read"
    );
    Ok(())
}

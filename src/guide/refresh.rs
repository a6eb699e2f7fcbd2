//! Brings a guide up to date: fetched, its channels looked at, ours mapped to them, and the programmes of those that are wanted put
//! into a version. Whatever goes wrong, what was read well the last time stays.
//!
//! What was fetched is kept beside the version, so that a channel that is mapped later has its programmes at once.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::mapping;
pub use super::reading::{BrokenPlace, GuideCounts};
use super::reading::{counts, scan, write};
use super::xmltv::{End, XmltvError};
use crate::base::clock;
use crate::base::progress::Progress;
use crate::base::secret::SafeUrl;
use crate::base::tasks;
use crate::fetch::{self, FetchError, gate};
use crate::model::{ChannelId, GuideChannel, GuideId, Validators};
use crate::store::feeds::FeedLock;
use crate::store::guides::{Guide, Programmes};
use crate::store::items::ItemFile;
use crate::store::{FeedId, NewVersion, Store, StoreError, Version};

/// Largest guide, as it comes.
const MOST_BYTES: u64 = 2 << 30;
/// Largest guide that is kept as it came; of a larger one, channels that are mapped later wait for the next reading.
const KEEP_BYTES: u64 = 256 << 20;

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
    let (file, counts) = write(store, &guide, wanted(store, id).await?, &raw, channels, bytes, progress).await?;
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
    let (file, counts) = write(store, &guide, wanted(store, id).await?, &raw, channels, bytes, progress).await?;
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
    // After a restore it is not here, and is read by itself.
    if !store.has_file(&guide.versions) {
        return Ok(false);
    }
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

pub(super) fn held_path(store: &Store, id: GuideId) -> PathBuf {
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
            let (file, counts) = write(store, guide, wanted(store, guide.id).await?, raw, scanned, bytes, progress).await?;
            // First of all: what is kept for channels that are mapped later is never older than what is served.
            keep_raw(store, guide.id, bytes <= KEEP_BYTES);
            publish(store, guide, file, &counts, validators, clock::wall_ms()).await?;
            Ok(GuideOutcome::Published(Box::new(counts)))
        }
    }
}

/// Maps channels of ours that have no guide yet, with this guide's channels as they are now.
async fn settle_mapping(store: &Store, guide: &Guide, channels: Vec<GuideChannel>) -> Result<(), GuideError> {
    Ok(mapping::settle(store, Some((guide.id, channels))).await?)
}

/// The ids of a guide's channels that are mapped to channels of ours which are switched on: one that is switched on later has what was
/// fetched read again.
async fn wanted(store: &Store, id: GuideId) -> Result<HashSet<String>, StoreError> {
    let channels = store.all_channels().await?;
    let on: HashSet<ChannelId> = channels.iter().filter(|channel| channel.enabled).map(|channel| channel.id).collect();
    let mappings = store.mappings().await?.into_iter().filter(|mapping| on.contains(&mapping.channel));
    Ok(mappings.filter_map(|mapping| mapping.to).filter(|(guide, _)| *guide == id).map(|(_, id)| id).collect())
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

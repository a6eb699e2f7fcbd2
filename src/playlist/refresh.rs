//! Brings a playlist up to date: fetched, read into a version, judged, and made the current one, or held back for a person to look
//! at. Whatever goes wrong, what was read well the last time stays.

use std::fs::File;
use std::sync::Arc;

use serde::Serialize;

use super::given;
use super::panel::{self, PanelError};
use super::reading::{self, Counts, Job, Kind, ReadVersion, ReadingError};
use super::rules::{BadRule, Rules};
use super::sieve::{Sieve, Sifted};
use super::xtream::Account;
use crate::base::clock;
use crate::base::progress::Progress;
use crate::base::secret::SafeUrl;
use crate::base::tasks;
use crate::fetch::{self, FetchError, gate};
use crate::model::{ProviderId, Validators};
use crate::store::feeds::FeedLock;
use crate::store::items::Items;
use crate::store::playlists::KnownSource;
use crate::store::{FeedId, ImportReport, NewVersion, Playlist, Store, StoreError, Version};

/// Largest playlist, as it comes.
const MOST_BYTES: u64 = 2 << 30;
/// Plex refuses to map many more channels than this.
const MANY_CHANNELS: usize = 400;

/// How it is to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct How {
    /// Read it even if its server says that nothing is new.
    pub anyway: bool,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing is new.
    Unchanged,
    /// A new version is served.
    Published(Box<Report>),
    /// A new version waits for a person.
    Held {
        /// Why, for people.
        reason: String,
    },
}

/// What changed.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// In the store.
    #[serde(flatten)]
    pub import: ImportReport,
    /// In the list.
    pub counts: Counts,
}

/// Why everything was left as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// It could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The panel could not be asked, or refuses.
    #[error(transparent)]
    Panel(#[from] PanelError),
    /// It could not be read or written.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// There is nothing in it to watch.
    #[error(
        "the playlist has no channels: {broken} lines not understood, {vod} films and series, {unsupported} addresses of kinds that cannot be read"
    )]
    NoChannels {
        /// Lines that were not understood.
        broken: u64,
        /// Films and series.
        vod: u64,
        /// Addresses of kinds that cannot be read.
        unsupported: u64,
    },
    /// A rule cannot be used.
    #[error("a rule of the playlist cannot be used: {0}")]
    Rule(#[from] BadRule),
    /// It is being read by somebody else.
    #[error("the playlist is being read already")]
    Busy,
    /// There is nothing to accept.
    #[error("no version of the playlist is held back")]
    NothingHeld,
    /// It could not be stored.
    #[error("the playlist cannot be stored")]
    Store(#[from] StoreError),
    /// The program is ending.
    #[error("reading the playlist was broken off")]
    Ended,
}

/// Fetches a playlist and makes it the current version, if it is fit for that.
///
/// # Errors
/// When it cannot be had whole, has no channels, or cannot be stored. Nothing has changed then but what is said of the playlist.
///
/// # Cancel safety
/// Dropping the future leaves the store as it was, or as it is to be. [`Progress::cancel`] ends it in good order.
pub async fn refresh(store: &Store, id: ProviderId, how: How, progress: &Progress) -> Result<Outcome, RefreshError> {
    let done = attempt(store, id, how, progress).await;
    // What a person broke off is no failure of the playlist's.
    let broken_off = matches!(
        done,
        Err(RefreshError::Busy
            | RefreshError::Ended
            | RefreshError::Fetch(FetchError::Cancelled)
            | RefreshError::Reading(ReadingError::Cancelled))
    );
    if let Err(error) = &done
        && !broken_off
    {
        let said = crate::base::chain::Chain(error).to_string();
        store.playlist_checked(id, Some(said)).await?;
    }
    done
}

async fn attempt(store: &Store, id: ProviderId, how: How, progress: &Progress) -> Result<Outcome, RefreshError> {
    let _lock = FeedLock::take(&store.feeds_dir(), FeedId::Playlist(id))?.ok_or(RefreshError::Busy)?;
    let playlist = store.playlist(id).await?;
    let rules = Arc::new(Rules::new(&playlist.rules)?);
    let current = playlist.versions.current.as_ref();
    let known = current.filter(|current| !how.anyway && may_ask(store, &playlist, current));
    let (file, kind, validators) = match Account::is_location(&playlist.provider.location) {
        true => {
            let (file, list) = panel::fetch(store, &playlist, progress).await?;
            (file, Kind::Panel(list), Validators::default())
        }
        false => {
            let location = given::present(&playlist.provider.location, &store.feeds_dir());
            let request = fetch::Request {
                location: &location,
                access: &playlist.access,
                known: known.map(|known| &known.version.validators),
                spool: &store.feeds_dir(),
                key: &FeedId::Playlist(id).stem(),
                most_bytes: MOST_BYTES,
            };
            match fetch::fetch(request, progress).await? {
                fetch::Outcome::Fetched(fetched) => (fetched.file, Kind::M3u, fetched.validators),
                fetch::Outcome::NotModified => {
                    store.playlist_checked(id, None).await?;
                    return Ok(Outcome::Unchanged);
                }
            }
        }
    };
    let version = read(store, &playlist, &rules, file, kind, progress).await?;
    let version = settle(store, &playlist, version, validators).await?;
    match version {
        Fit::Held(reason) => Ok(Outcome::Held { reason }),
        Fit::Publish(version, sifted, counts) => {
            progress.step("storing", None);
            let import = publish(store, &playlist, version, sifted).await?;
            log(&playlist, &import, &counts);
            let mut counts = *counts;
            // What is told of a reading holds no credentials; the addresses themselves are kept with the version.
            counts.guides = counts.guides.iter().map(|guide| SafeUrl(guide).to_string()).collect();
            Ok(Outcome::Published(Box::new(Report { import, counts })))
        }
    }
}

/// Serves the version that was held back.
///
/// # Errors
/// When there is none, or it cannot be stored.
pub async fn accept(store: &Store, id: ProviderId) -> Result<ImportReport, RefreshError> {
    let _lock = FeedLock::take(&store.feeds_dir(), FeedId::Playlist(id))?.ok_or(RefreshError::Busy)?;
    let playlist = store.playlist(id).await?;
    let held = playlist.versions.held.clone().filter(|held| here(store, held)).ok_or(RefreshError::NothingHeld)?;
    let sifted = sift(store, &playlist, &held.version.file).await?;
    publish(store, &playlist, held.version, sifted).await
}

/// Applies the rules to the version that is served: after they have changed. Nothing is fetched.
///
/// # Errors
/// When they cannot be used, or the change cannot be stored. Without a version there is nothing to do.
pub async fn apply_rules(store: &Store, id: ProviderId) -> Result<Option<ImportReport>, RefreshError> {
    let _lock = FeedLock::take(&store.feeds_dir(), FeedId::Playlist(id))?.ok_or(RefreshError::Busy)?;
    let playlist = store.playlist(id).await?;
    let Some(current) = playlist.versions.current.clone().filter(|current| here(store, current)) else { return Ok(None) };
    let sifted = sift(store, &playlist, &current.version.file).await?;
    publish(store, &playlist, current.version, sifted).await.map(Some)
}

/// Whether the server may be asked for something newer than this version: it must be here, and have all that is wanted now.
fn may_ask(store: &Store, playlist: &Playlist, current: &Version) -> bool {
    let counts: Option<Counts> = serde_json::from_value(current.version.report.clone()).ok();
    let whole = counts.is_some_and(|counts| counts.vod_kept || !playlist.rules.vod);
    whole && here(store, current)
}

/// Whether the file of a version is here: after a restore it is not.
fn here(store: &Store, version: &Version) -> bool {
    store.feeds_dir().join(&version.version.file).exists()
}

async fn read(
    store: &Store,
    playlist: &Playlist,
    rules: &Arc<Rules>,
    file: File,
    kind: Kind,
    progress: &Progress,
) -> Result<ReadVersion, RefreshError> {
    let known = store.known_sources(playlist.provider.id).await?;
    let job = Job {
        kind,
        base: given::base(&playlist.provider.location),
        rules: Arc::clone(rules),
        undecided: undecided(playlist, &known),
        known,
        vod: playlist.rules.vod,
    };
    let (folder, stem) = (store.feeds_dir(), FeedId::Playlist(playlist.provider.id).stem());
    let progress = progress.clone();
    let read = tasks::blocking(move || reading::read(file, &folder, &stem, &job, &progress)).await;
    Ok(read.map_err(|_| RefreshError::Ended)??)
}

/// What becomes of a version that was read.
enum Fit {
    Held(String),
    Publish(NewVersion, Sifted, Box<Counts>),
}

/// Judges a version; one that is not fit is held back, or refused where there is nothing to hold it against.
async fn settle(store: &Store, playlist: &Playlist, read: ReadVersion, validators: Validators) -> Result<Fit, RefreshError> {
    let ReadVersion { file, sifted, counts } = read;
    let before = items_before(store, playlist).await?;
    if counts.items == 0 && before == 0 {
        store.discard_file(&file.name);
        let Counts { broken, vod, unsupported, .. } = counts;
        return Err(RefreshError::NoChannels { broken, vod, unsupported });
    }
    let report = serde_json::to_value(&counts).map_err(|error| StoreError::Nonsense(error.to_string()))?;
    let version = NewVersion { file: file.name, fetched_ms: clock::wall_ms(), validators, report };
    // A file is what a person made it; a server may be half broken.
    let remote = given::is_remote(&playlist.provider.location);
    if let Some(reason) = gate::doubt(before, counts.channels(), remote, "channels") {
        let file = version.file.clone();
        let held = store.hold(FeedId::Playlist(playlist.provider.id), version, reason.clone()).await;
        held.inspect_err(|_| store.discard_file(&file))?;
        store.playlist_checked(playlist.provider.id, None).await?;
        tracing::warn!(
            playlist.location = given::shown(&playlist.provider.location),
            playlist.items = counts.items,
            "a new version of a playlist is held back: {reason}; the last good one is served until somebody accepts it"
        );
        return Ok(Fit::Held(reason));
    }
    Ok(Fit::Publish(version, sifted, Box::new(counts)))
}

/// How many items the last good version had.
async fn items_before(store: &Store, playlist: &Playlist) -> Result<u64, StoreError> {
    let report = playlist.versions.current.as_ref().map(|current| current.version.report.clone());
    match report.and_then(|report| serde_json::from_value::<Counts>(report).ok()) {
        Some(counts) => Ok(counts.channels()),
        // Databases of earlier programs know sources only.
        None => Ok(store.imported(&playlist.key).await?.map_or(0, |imported| u64::from(imported.sources))),
    }
}

async fn publish(store: &Store, playlist: &Playlist, version: NewVersion, sifted: Sifted) -> Result<ImportReport, RefreshError> {
    let id = playlist.provider.id;
    if let Some(settled) = sifted.settled {
        store.settle_rules(id, settled).await?;
    }
    let file = version.file.clone();
    let published = store.publish(id, version, sifted.items).await;
    if published.is_err() && playlist.versions.held.as_ref().is_none_or(|held| held.version.file != file) {
        let current = playlist.versions.current.as_ref();
        if current.is_none_or(|current| current.version.file != file) {
            store.discard_file(&file);
        }
    }
    Ok(published?)
}

/// Whether its first reading decides which of its items become channels. One that was read by an earlier program made channels of all.
fn undecided(playlist: &Playlist, known: &[KnownSource]) -> bool {
    playlist.rules.channels.is_none() && known.is_empty() && playlist.versions.current.is_none()
}

/// What the store is to be told of a version that is here.
async fn sift(store: &Store, playlist: &Playlist, file: &str) -> Result<Sifted, RefreshError> {
    let rules = Rules::new(&playlist.rules)?;
    let known: Vec<KnownSource> = store.known_sources(playlist.provider.id).await?;
    let path = store.feeds_dir().join(file);
    let undecided = undecided(playlist, &known);
    let sifted = tasks::blocking(move || {
        let mut sieve = Sieve::new(&rules, undecided, &known);
        Items::open(&path)?.each(|item| {
            sieve.take(&item);
            Ok(())
        })?;
        Ok::<_, StoreError>(sieve.finish())
    });
    Ok(sifted.await.map_err(|_| RefreshError::Ended)??)
}

fn log(playlist: &Playlist, import: &ImportReport, counts: &Counts) {
    let location = given::shown(&playlist.provider.location);
    tracing::info!(
        playlist.location = location,
        playlist.entries = counts.entries,
        playlist.items = counts.items,
        playlist.sources = import.sources,
        sources.added = import.sources_added,
        sources.changed = import.sources_changed,
        sources.gone = import.sources_gone,
        channels.added = import.channels_added,
        channels.published = import.channels_published,
        entries.vod = counts.vod,
        entries.unsupported = counts.unsupported,
        entries.repeated = counts.repeated,
        lines.broken = counts.broken,
        "a playlist was read"
    );
    if let Some(first) = counts.first_broken.first() {
        tracing::warn!(
            playlist.location = location,
            lines.broken = counts.broken,
            line = first.line,
            "{} lines of the playlist were left out; the first is line {}: {}",
            counts.broken,
            first.line,
            first.why
        );
    }
    if import.sources == 0 && counts.items > 0 {
        tracing::warn!(
            playlist.location = location,
            playlist.items = counts.items,
            "the playlist is so large that none of its items became channels by themselves; choose groups"
        );
    }
    if counts.postponed > 0 {
        tracing::warn!(
            playlist.location = location,
            playlist.postponed = counts.postponed,
            "so many items became channels or sources that {} more wait for the next reading",
            counts.postponed
        );
    }
    if import.channels_published > MANY_CHANNELS {
        tracing::warn!(
            channels.published = import.channels_published,
            "there are more than {} channels; Plex refuses to map many more than that",
            MANY_CHANNELS
        );
    }
}

#[cfg(test)]
mod tests;

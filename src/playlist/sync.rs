//! Reads a playlist and brings the store up to date. Whatever goes wrong, what was read well the last time stays.

use std::path::{Path, PathBuf};

use serde::Serialize;
use url::Url;

use super::fetch::{self, FetchError};
use super::identity;
use super::items::{Base, Collected};
use super::m3u::{self, Broken, ReadError};
use crate::base::secret::SafeUrl;
use crate::base::tasks;
use crate::store::{ImportReport, ProviderSpec, Store, StoreError};

/// Plex refuses to map many more channels than this.
pub const MANY_CHANNELS: usize = 400;
/// A list from the network with fewer than this many per cent of the last good one's sources is held back.
const SHRUNK_PERCENT: usize = 40;

/// A playlist to be served.
#[derive(Debug, Clone)]
pub struct Playlist {
    /// Path or address. May hold credentials.
    pub location: String,
    /// Its place among the playlists.
    pub position: u32,
    /// Most connections at a time, if the settings say.
    pub max_connections: Option<u32>,
    /// Whether a person has said that it may have become much smaller.
    pub accept_shrunk: bool,
}

impl Playlist {
    /// The playlists of the settings, in their order, with the connections of each as far as they are said. Of one that is given
    /// twice, the first counts.
    pub fn all(locations: &[String], connections: &[u32]) -> Vec<Self> {
        let mut keys = std::collections::HashSet::new();
        let said = connections.iter().copied().map(Some).chain(std::iter::repeat(None));
        let playlists = locations.iter().zip(said);
        let once = playlists.filter(|(location, _)| keys.insert(identity::location_key(&absolute(location))));
        let playlist = |(position, (location, max_connections)): (u32, (&String, Option<u32>))| Self {
            location: location.clone(),
            position,
            max_connections,
            accept_shrunk: false,
        };
        (0..).zip(once).map(playlist).collect()
    }

    /// What makes it the same playlist as the last time: what [`Store::serve_only`] wants.
    pub fn key(&self) -> String {
        identity::location_key(&absolute(&self.location))
    }

    /// Whether it comes from the network.
    pub fn is_remote(&self) -> bool {
        fetch::is_remote(&self.location)
    }

    /// Its location without credentials.
    pub fn shown(&self) -> String {
        match self.is_remote() {
            true => SafeUrl(&self.location).to_string(),
            false => fetch::local_path(&self.location).display().to_string(),
        }
    }

    /// A name for people.
    fn name(&self) -> String {
        let host = Url::parse(&self.location).ok().and_then(|url| url.host_str().map(str::to_owned));
        let path = fetch::local_path(&self.location);
        let stem = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        host.filter(|_| self.is_remote()).or_else(stem).unwrap_or_else(|| "Playlist".to_owned())
    }

    fn base(&self) -> Base {
        match Url::parse(&self.location) {
            Ok(url) if self.is_remote() => Base::Remote(url),
            _ => {
                let path = PathBuf::from(absolute(&self.location));
                Base::Local(path.parent().unwrap_or(Path::new("/")).to_owned())
            }
        }
    }
}

/// A path does not change its meaning with the directory a program was started in.
fn absolute(location: &str) -> String {
    if fetch::is_remote(location) {
        return location.to_owned();
    }
    let path = fetch::local_path(location);
    std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned()
}

/// What came of reading a playlist.
#[derive(Debug, Clone, Serialize)]
pub struct SyncReport {
    /// What changed in the store.
    #[serde(flatten)]
    pub import: ImportReport,
    /// Entries with an address.
    pub entries: usize,
    /// Films and series that were left out.
    pub vod: usize,
    /// Entries whose addresses nothing here can read.
    pub unsupported: usize,
    /// Lines that were not understood.
    pub broken: usize,
    /// The first of them.
    #[serde(skip)]
    pub first_broken: Vec<Broken>,
    /// Addresses of guides that the list names.
    pub guides: Vec<String>,
}

/// Why the store was left as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// It could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It could not be understood.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is nothing in it to watch.
    #[error(
        "the playlist has no channels: {broken} lines not understood, {vod} films and series, {unsupported} addresses of kinds that cannot be read"
    )]
    NoChannels {
        /// Lines that were not understood.
        broken: usize,
        /// Films and series.
        vod: usize,
        /// Addresses of kinds that cannot be read.
        unsupported: usize,
    },
    /// It has become suspiciously small.
    #[error(
        "the playlist has only {now} channels left of {before}, so it is held back; to take it all the same, save it and give it as a file"
    )]
    Shrunk {
        /// Sources the last time.
        before: usize,
        /// Items now.
        now: usize,
    },
    /// It could not be stored.
    #[error("the playlist cannot be stored")]
    Store(#[from] StoreError),
    /// The program is ending.
    #[error("reading the playlist was broken off")]
    Ended,
}

/// Reads a playlist and stores it. `spool` is a directory for what comes from the network.
///
/// # Errors
/// When it cannot be had whole, has no channels, is suspiciously small, or cannot be stored. Nothing has changed then.
///
/// # Cancel safety
/// Dropping the future leaves the store as it was, or as it is to be.
pub async fn sync(store: &Store, client: &reqwest::Client, spool: &Path, playlist: &Playlist) -> Result<SyncReport, SyncError> {
    let file = fetch::fetch(&playlist.location, client, spool).await?;
    let mut collected = Collected::new(playlist.base());
    let collected = tasks::blocking(move || {
        m3u::read(file, |event| collected.take(event))?;
        Ok::<_, ReadError>(collected)
    });
    let collected = collected.await.map_err(|_| SyncError::Ended)??;
    let Collected { items, entries, vod, unsupported, broken, first_broken, guides, .. } = collected;
    if items.is_empty() {
        return Err(SyncError::NoChannels { broken, vod, unsupported });
    }
    let key = playlist.key();
    // A file is what a person made it; a server may be half broken.
    if playlist.is_remote() && !playlist.accept_shrunk {
        let before = store.imported(&key).await?.map_or(0, |imported| imported.sources as usize);
        if items.len() * 100 < before * SHRUNK_PERCENT {
            return Err(SyncError::Shrunk { before, now: items.len() });
        }
    }
    let spec = ProviderSpec {
        key,
        name: playlist.name(),
        location: playlist.location.clone(),
        max_connections: playlist.max_connections,
        position: playlist.position,
    };
    let import = store.import(spec, items).await?;
    let report = SyncReport { import, entries, vod, unsupported, broken, first_broken, guides };
    log(playlist, &report);
    Ok(report)
}

fn log(playlist: &Playlist, report: &SyncReport) {
    let SyncReport { import, entries, vod, unsupported, broken, first_broken, .. } = report;
    tracing::info!(
        playlist.location = playlist.shown(),
        playlist.entries = entries,
        playlist.sources = import.sources,
        sources.added = import.sources_added,
        sources.changed = import.sources_changed,
        sources.gone = import.sources_gone,
        channels.added = import.channels_added,
        channels.published = import.channels_published,
        entries.vod = vod,
        entries.unsupported = unsupported,
        entries.repeated = import.duplicates,
        lines.broken = broken,
        "a playlist was read"
    );
    if let Some(first) = first_broken.first() {
        tracing::warn!(
            playlist.location = playlist.shown(),
            lines.broken = broken,
            line = first.line,
            "{broken} lines of the playlist were left out; the first is line {}: {}",
            first.line,
            first.flaw
        );
    }
    if import.channels_published > MANY_CHANNELS {
        tracing::warn!(
            channels.published = import.channels_published,
            "there are more than {MANY_CHANNELS} channels; Plex refuses to map many more than that"
        );
    }
}

#[cfg(test)]
mod tests;

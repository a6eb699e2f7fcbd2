//! Playlists into the store: at the start, and again from time to time. Whatever goes wrong with one, what it brought the
//! last time is served.

use std::time::Duration;

use anyhow::Context;

use crate::base::backoff::Backoff;
use crate::base::chain::Chain;
use crate::base::clock::{self, Instant};
use crate::config::Config;
use crate::playlist::{self, Playlist};
use crate::store::Store;
use crate::tuner::Pool;

/// The start waits no longer than this for a playlist from the network that was never read.
const START: Duration = Duration::from_secs(10);
/// A playlist from the network that was read this recently is not read again because of a restart.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// How often playlists are read.
const EVERY: Duration = Duration::from_secs(12 * 3600);
/// After a failure they are read again this soon at first …
const SOON: Duration = Duration::from_secs(15);
/// … and this often at least.
const OFTEN: Duration = Duration::from_secs(15 * 60);
/// Connecting takes no longer.
const CONNECT: Duration = Duration::from_secs(10);

/// Reads the playlists that are files, and those that were never read; the others are served as they were.
///
/// # Errors
/// When the store fails. A playlist that cannot be read is no error.
pub async fn before_serving(config: &Config, store: &Store, pool: &Pool) -> anyhow::Result<()> {
    let playlists = Playlist::all(&config.playlists, &config.playlist_connections);
    serve_only(store, &playlists).await?;
    for playlist in &playlists {
        let known = store.imported(&playlist.key()).await?.is_some();
        if playlist.is_remote() && known {
            continue;
        }
        if clock::timeout(START, read(config, store, playlist)).await.is_err() {
            let location = playlist.shown();
            tracing::warn!(playlist.location = location, "the playlist takes long to be read; the start does not wait for it");
        }
    }
    tell_limits(store, pool);
    Ok(())
}

/// Reads playlists when they are due, for as long as the program runs.
pub async fn while_serving(config: Config, store: Store, pool: Pool) {
    let playlists = Playlist::all(&config.playlists, &config.playlist_connections);
    let mut due = Vec::new();
    for playlist in playlists.iter().cloned() {
        let Ok(backoff) = Backoff::new(SOON, OFTEN) else { return };
        let at = clock::now() + first_wait(&store, &playlist).await;
        due.push(Due { playlist, at, backoff });
    }
    while let Some(next) = due.iter_mut().min_by_key(|due| due.at) {
        clock::sleep_until(next.at).await;
        let wait = if read(&config, &store, &next.playlist).await {
            next.backoff.reset();
            if let Err(error) = serve_only(&store, &playlists).await {
                tracing::warn!("{error:#}");
            }
            tell_limits(&store, &pool);
            EVERY
        } else {
            next.backoff.wait()
        };
        next.at = clock::now() + wait;
    }
}

struct Due {
    playlist: Playlist,
    at: Instant,
    backoff: Backoff,
}

async fn first_wait(store: &Store, playlist: &Playlist) -> Duration {
    let imported = store.imported(&playlist.key()).await.ok().flatten();
    let age = imported.and_then(|imported| u64::try_from(clock::wall_ms() - imported.at_ms).ok()).map(Duration::from_millis);
    match age {
        Some(age) if age < FRESH => EVERY - age,
        _ => Duration::ZERO,
    }
}

/// Reads one; `false`: it stays as it was, and the log says why.
async fn read(config: &Config, store: &Store, playlist: &Playlist) -> bool {
    let client = match reqwest::Client::builder().connect_timeout(CONNECT).build() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "cannot prepare to read playlists");
            return false;
        }
    };
    let Err(error) = playlist::sync(store, &client, &config.data_dir, playlist).await else { return true };
    let known = store.imported(&playlist.key()).await.ok().flatten().is_some();
    let then = if known { "what it brought the last time is served" } else { "it brings no channels for now" };
    tracing::warn!(playlist.location = playlist.shown(), error = %Chain(&error), "a playlist cannot be read; {then}");
    false
}

/// Playlists that were taken out of the settings, and the demo, are not served. Without any in the settings, all are.
async fn serve_only(store: &Store, playlists: &[Playlist]) -> anyhow::Result<()> {
    if playlists.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = playlists.iter().map(Playlist::key).collect();
    store.serve_only(&keys).await.context("cannot choose the playlists to be served")
}

fn tell_limits(store: &Store, pool: &Pool) {
    for provider in &store.catalog().providers {
        pool.set_provider(provider.id, provider.max_connections);
    }
}

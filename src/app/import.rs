//! Playlists into the store: at the start, when they are due, and when somebody asks. Whatever goes wrong with one, what it brought
//! the last time is served.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::sync::Notify;

use super::guides::Guides;
use super::schedule::{Feed, Plan};
use crate::base::chain::Chain;
use crate::base::clock;
use crate::base::jobs::Jobs;
use crate::base::progress::Progress;
use crate::config::Config;
use crate::model::ProviderId;
use crate::playlist::{self, Given, How, Outcome, given};
use crate::store::Store;
use crate::store::editing::LINKS;
use crate::store::playlists::Origin;
use crate::tuner::Pool;

/// The start waits no longer than this for a playlist from the network that was never read.
const START: Duration = Duration::from_secs(10);
/// What jobs of this kind are called.
pub const REFRESH: &str = "playlist.refresh";

/// Who reads playlists. A cheap handle.
#[derive(Clone)]
pub struct Playlists {
    store: Store,
    pool: Pool,
    jobs: Jobs,
    guides: Guides,
    given: Arc<Vec<Given>>,
    changed: Arc<Notify>,
}

impl Playlists {
    /// For the playlists of the settings, and those that people add.
    pub fn new(config: &Config, store: &Store, pool: &Pool, guides: &Guides, jobs: &Jobs) -> Self {
        Self {
            store: store.clone(),
            pool: pool.clone(),
            jobs: jobs.clone(),
            guides: guides.clone(),
            given: Arc::new(Given::all(&config.playlists, &config.playlist_connections)),
            changed: Arc::default(),
        }
    }

    /// Reads the playlists of the settings that are files, and those that were never read; the others are served as they were.
    ///
    /// # Errors
    /// When the store fails. A playlist that cannot be read is no error.
    pub async fn before_serving(&self) -> anyhow::Result<()> {
        if !self.given.is_empty() {
            for given in self.given.iter() {
                given.keep(&self.store).await.context("cannot keep a playlist of the settings")?;
            }
            let keys: Vec<String> = self.given.iter().map(Given::key).collect();
            self.store.serve_only(&keys).await.context("cannot choose the playlists to be served")?;
        } else {
            self.store.adopt_playlists().await.context("cannot adopt the playlists that were in the settings")?;
        }
        let begun = clock::now();
        for playlist in self.store.playlists().await? {
            let remote = given::is_remote(&playlist.provider.location);
            let known = playlist.imported_ms.is_some();
            let ours = self.given.iter().any(|given| given.key() == playlist.key);
            if !ours || !playlist.active || (remote && known) {
                continue;
            }
            let job = self.refresh(playlist.provider.id, &playlist.provider.name, How::default());
            if clock::timeout(START.saturating_sub(clock::now() - begun), self.jobs.ended(job)).await.is_err() {
                let location = given::shown(&playlist.provider.location);
                tracing::warn!(
                    playlist.location = location,
                    "the playlist takes long to be read; the start does not wait for it"
                );
            }
        }
        self.tell_limits();
        Ok(())
    }

    /// Reads playlists when they are due, for as long as the program runs.
    pub async fn while_serving(self) {
        let mut plan = Plan::new(clock::wall_ms());
        loop {
            match self.store.playlists().await {
                Ok(playlists) => {
                    plan.keep(&playlists.iter().filter(|list| list.active).map(|list| list.provider.id.0).collect::<Vec<_>>());
                    // A command beside the server may have brought an account, or learnt what it allows.
                    self.set_limits();
                    for playlist in playlists.iter().filter(|playlist| playlist.active && playlist.origin != Origin::Demo) {
                        let id = playlist.provider.id;
                        let feed = Feed {
                            id: id.0,
                            // What failed is not read.
                            read_ms: playlist.imported_ms.max(playlist.checked_ms).filter(|_| playlist.last_error.is_none()),
                            refresh_h: playlist.refresh_h,
                            remote: given::is_remote(&playlist.provider.location),
                            here: self.store.has_file(&playlist.versions),
                        };
                        if playlist.provider.location != LINKS && plan.is_due(&feed, &self.jobs) {
                            plan.started(id.0, self.refresh(id, &playlist.provider.name, How::default()));
                        }
                    }
                }
                Err(error) => tracing::warn!(error = %Chain(&error), "the playlists could not be looked up"),
            }
            tokio::select! {
                () = clock::sleep(plan.next(clock::now())) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Begins to read a playlist; gives the number of the job. Where it is being read already, that job is meant.
    pub fn refresh(&self, id: ProviderId, name: &str, how: How) -> u64 {
        let this = self.clone();
        self.jobs.start(REFRESH, id.0, name, move |progress| async move {
            let done = this.read(id, how, &progress).await;
            this.changed.notify_one();
            done
        })
    }

    /// Begins to apply the rules of a playlist to the version that is served.
    pub fn apply_rules(&self, id: ProviderId, name: &str) -> u64 {
        let this = self.clone();
        self.jobs.start("playlist.rules", id.0, name, move |_| async move {
            let done = playlist::apply_rules(&this.store, id).await;
            this.guides.remap();
            done.map(|report| json!(report)).map_err(|error| Chain(&error).to_string())
        })
    }

    /// Lets the number of connections that each account allows count, and looks again at what is due.
    pub fn tell_limits(&self) {
        self.set_limits();
        self.changed.notify_one();
    }

    fn set_limits(&self) {
        for provider in &self.store.catalog().providers {
            self.pool.set_provider(provider.id, provider.max_connections);
        }
    }

    async fn read(&self, id: ProviderId, how: How, progress: &Progress) -> Result<serde_json::Value, String> {
        let first = self.store.playlist(id).await.is_ok_and(|playlist| playlist.imported_ms.is_none());
        let outcome = playlist::refresh(&self.store, id, how, progress).await;
        let playlist = self.store.playlist(id).await.map_err(|error| error.to_string())?;
        match outcome {
            Ok(outcome) => {
                if matches!(outcome, Outcome::Published(_)) {
                    if playlist.origin == Origin::Person {
                        self.store.retire_demo().await.map_err(|error| error.to_string())?;
                    }
                    self.guides.of_playlist(&playlist, first).await;
                }
                self.tell_limits();
                Ok(json!(outcome))
            }
            Err(error) => {
                let text = Chain(&error).to_string();
                if !progress.is_cancelled() {
                    let then = match playlist.imported_ms {
                        Some(_) => "what it brought the last time is served",
                        None => "it brings no channels for now",
                    };
                    let location = given::shown(&playlist.provider.location);
                    tracing::warn!(playlist.location = location, error = text, "a playlist cannot be read; {then}");
                }
                Err(text)
            }
        }
    }
}

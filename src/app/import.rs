//! Playlists into the store: at the start, when they are due, and when somebody asks. Whatever goes wrong with one, what it brought
//! the last time is served.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::sync::Notify;

use crate::admin::feeds::Readers;
use crate::base::backoff::Backoff;
use crate::base::chain::Chain;
use crate::base::clock::{self, Instant};
use crate::base::jobs::{Job, Jobs, State};
use crate::base::progress::Progress;
use crate::config::Config;
use crate::model::ProviderId;
use crate::playlist::{self, Given, How, Outcome, given};
use crate::store::playlists::Origin;
use crate::store::{self, Store};
use crate::tuner::Pool;

/// The start waits no longer than this for a playlist from the network that was never read.
const START: Duration = Duration::from_secs(10);
/// A playlist from the network that was read this recently is not read again because of a restart.
const FRESH_MS: i64 = 5 * 60 * 1000;
/// After a failure they are read again this soon at first …
const SOON: Duration = Duration::from_secs(15);
/// … and this often at least.
const OFTEN: Duration = Duration::from_secs(15 * 60);
/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(30);

/// What jobs of this kind are called.
pub const REFRESH: &str = "playlist.refresh";

/// Who reads playlists. A cheap handle.
#[derive(Clone)]
pub struct Playlists {
    store: Store,
    pool: Pool,
    jobs: Jobs,
    given: Arc<Vec<Given>>,
    changed: Arc<Notify>,
}

impl Playlists {
    /// For the playlists of the settings, and those that people add.
    pub fn new(config: &Config, store: &Store, pool: &Pool, jobs: &Jobs) -> Self {
        Self {
            store: store.clone(),
            pool: pool.clone(),
            jobs: jobs.clone(),
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
        }
        for playlist in self.store.playlists().await? {
            let remote = given::is_remote(&playlist.provider.location);
            let known = playlist.imported_ms.is_some();
            if playlist.origin != Origin::Settings || !playlist.active || (remote && known) {
                continue;
            }
            let job = self.refresh(playlist.provider.id, &playlist.provider.name, How::default());
            if clock::timeout(START, self.jobs.ended(job)).await.is_err() {
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
        let mut plan = Plan { started_ms: clock::wall_ms(), retries: HashMap::new(), tried: HashMap::new() };
        loop {
            match self.store.playlists().await {
                Ok(playlists) => {
                    for playlist in playlists.iter().filter(|playlist| playlist.active && playlist.origin != Origin::Demo) {
                        let id = playlist.provider.id;
                        self.note_end(&mut plan, id);
                        if plan.is_due(playlist, clock::wall_ms(), clock::now()) {
                            let job = self.refresh(id, &playlist.provider.name, How::default());
                            plan.tried.insert(id, job);
                        }
                    }
                }
                Err(error) => tracing::warn!(error = %Chain(&error), "the playlists could not be looked up"),
            }
            tokio::select! {
                () = clock::sleep(plan.next(clock::now()).min(LOOK)) => {}
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

    /// Lets the number of connections that each account allows count, and looks again at what is due.
    pub fn tell_limits(&self) {
        for provider in &self.store.catalog().providers {
            self.pool.set_provider(provider.id, provider.max_connections);
        }
        self.changed.notify_one();
    }

    async fn read(&self, id: ProviderId, how: How, progress: &Progress) -> Result<serde_json::Value, String> {
        let outcome = playlist::refresh(&self.store, id, how, progress).await;
        let playlist = self.store.playlist(id).await.map_err(|error| error.to_string())?;
        match outcome {
            Ok(outcome) => {
                if playlist.origin == Origin::Person && matches!(outcome, Outcome::Published(_)) {
                    self.store.retire_demo().await.map_err(|error| error.to_string())?;
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

    /// Sees how the last try ended.
    fn note_end(&self, plan: &mut Plan, id: ProviderId) {
        let ended = plan.tried.get(&id).and_then(|job| self.jobs.get(*job)).filter(|job| job.state.is_over());
        if let Some(job) = ended {
            plan.tried.remove(&id);
            plan.ended(id, &job, clock::now());
        }
    }
}

impl Readers for Playlists {
    fn refresh_playlist(&self, id: ProviderId, name: &str, anyway: bool) -> u64 {
        self.refresh(id, name, How { anyway })
    }

    fn changed(&self) {
        self.tell_limits();
    }
}

/// When playlists are due.
struct Plan {
    started_ms: i64,
    /// After failures: how long it is waited, and until when.
    retries: HashMap<ProviderId, (Backoff, Instant)>,
    /// The jobs that were started for them.
    tried: HashMap<ProviderId, u64>,
}

impl Plan {
    fn ended(&mut self, id: ProviderId, job: &Job, now: Instant) {
        if job.state != State::Failed {
            self.retries.remove(&id);
            return;
        }
        let Ok(fresh) = Backoff::new(SOON, OFTEN) else { return };
        let (backoff, at) = self.retries.entry(id).or_insert((fresh, now));
        *at = now + backoff.wait();
    }

    fn is_due(&self, playlist: &store::Playlist, now_ms: i64, now: Instant) -> bool {
        let id = playlist.provider.id;
        if self.tried.contains_key(&id) {
            return false;
        }
        if let Some((_, at)) = self.retries.get(&id) {
            return now >= *at;
        }
        match playlist.imported_ms.max(playlist.checked_ms) {
            None => true,
            // What was read before this start is read again, to learn what has changed meanwhile.
            Some(last) if given::is_remote(&playlist.provider.location) && last < self.started_ms - FRESH_MS => {
                playlist.refresh_h > 0
            }
            Some(_) => due(playlist, now_ms),
        }
    }

    /// How long until the first retry.
    fn next(&self, now: Instant) -> Duration {
        self.retries
            .values()
            .map(|(_, at)| at.saturating_duration_since(now))
            .min()
            .unwrap_or(LOOK)
            .max(Duration::from_millis(50))
    }
}

fn due(playlist: &store::Playlist, now_ms: i64) -> bool {
    let every = i64::from(playlist.refresh_h) * 3_600_000;
    let last = playlist.imported_ms.max(playlist.checked_ms).unwrap_or(0);
    every > 0 && now_ms.saturating_sub(last) >= every
}

//! Guides into the store: when they are due, when somebody asks, and again when channels were mapped whose programmes are missing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Notify;

use super::schedule::{Feed, Plan};
use crate::base::chain::Chain;
use crate::base::clock;
use crate::base::jobs::Jobs;
use crate::base::progress::Progress;
use crate::base::secret::SafeUrl;
use crate::fetch;
use crate::guide::{mapping, refresh};
use crate::model::GuideId;
use crate::playlist::brought;
use crate::store::{Catalog, Playlist, Store, StoreError};

/// What jobs of this kind are called.
const REFRESH: &str = "guide.refresh";
/// Those that serve what was held back.
const ACCEPT: &str = "guide.accept";
/// And those that read again what was fetched.
const AGAIN: &str = "guide.again";

/// What mapping depends on. Where it is the same, so is the outcome.
fn print(catalog: &Catalog) -> u64 {
    let mut hasher = DefaultHasher::new();
    for channel in &catalog.channels {
        (channel.id, &channel.name, &channel.guide_id, &channel.group).hash(&mut hasher);
    }
    hasher.finish()
}

/// Who reads guides. A cheap handle.
#[derive(Clone)]
pub struct Guides {
    store: Store,
    jobs: Jobs,
    changed: Arc<Notify>,
    /// Programmes, or what is mapped, have changed.
    news: Arc<Notify>,
}

impl Guides {
    /// For all guides of the store.
    pub fn new(store: &Store, jobs: &Jobs) -> Self {
        Self { store: store.clone(), jobs: jobs.clone(), changed: Arc::default(), news: Arc::default() }
    }

    /// Ready when programmes, or what is mapped, have changed since the last time. Cancel-safe.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Reads guides when they are due, and maps channels, for as long as the program runs.
    pub async fn while_serving(self) {
        let mut plan = Plan::new(clock::wall_ms());
        let mut channels = print(&self.store.catalog());
        loop {
            if let Err(error) = self.look(&mut plan).await {
                tracing::warn!(error = %Chain(&error), "the guides could not be looked up");
            }
            // A command beside the server may have brought channels, or changed them.
            let now = print(&self.store.catalog());
            if std::mem::replace(&mut channels, now) != now {
                self.remap();
            }
            tokio::select! {
                () = clock::sleep(plan.next(clock::now())) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    async fn look(&self, plan: &mut Plan) -> Result<(), StoreError> {
        let guides = self.store.guides().await?;
        plan.keep(&guides.iter().filter(|guide| guide.active).map(|guide| guide.id.0).collect::<Vec<_>>());
        for guide in guides.iter().filter(|guide| guide.active) {
            let feed = Feed {
                id: guide.id.0,
                // What failed is not read.
                read_ms: guide.imported_ms.max(guide.checked_ms).filter(|_| guide.last_error.is_none()),
                refresh_h: guide.refresh_h,
                remote: fetch::is_remote(&guide.location),
                here: self.store.has_file(&guide.versions),
            };
            if plan.is_due(&feed, &self.jobs) {
                plan.started(guide.id.0, self.refresh(guide.id, &guide.name, false));
            }
        }
        Ok(())
    }

    /// Begins to read a guide; gives the number of the job.
    pub fn refresh(&self, id: GuideId, name: &str, anyway: bool) -> u64 {
        let this = self.clone();
        self.jobs.start(REFRESH, id.0, name, move |progress| async move {
            let done = this.read(id, anyway, &progress).await;
            this.look_again();
            done
        })
    }

    /// Begins to serve the version of a guide that was held back; gives the number of the job.
    pub fn accept(&self, id: GuideId, name: &str) -> u64 {
        let this = self.clone();
        self.jobs.start(ACCEPT, id.0, name, move |progress| async move {
            let done = refresh::accept(&this.store, id, &progress).await;
            this.remap();
            done.map(|counts| json!(counts)).map_err(|error| Chain(&error).to_string())
        })
    }

    /// Channels or guides have changed: maps what is not mapped yet, and reads again what was fetched of guides of which programmes are
    /// missing.
    pub fn remap(&self) {
        let this = self.clone();
        self.jobs.start("guide.map", 0, "Mapping", move |progress| async move {
            let done = this.map(&progress).await;
            this.look_again();
            done.map_err(|error| Chain(&error).to_string())
        });
    }

    fn look_again(&self) {
        self.changed.notify_one();
        self.news.notify_one();
    }

    async fn map(&self, progress: &Progress) -> Result<serde_json::Value, StoreError> {
        progress.step("mapping", None);
        mapping::settle(&self.store, None).await?;
        let mut again = 0;
        for guide in self.store.guides().await?.into_iter().filter(|guide| guide.active) {
            if refresh::lacks(&self.store, &guide).await? {
                again += 1;
                let (this, name) = (self.clone(), guide.name.clone());
                self.jobs.start(AGAIN, guide.id.0, &name, move |progress| async move {
                    let done = refresh::read_again(&this.store, guide.id, &progress).await;
                    this.look_again();
                    match done {
                        // It was too large to be kept as it came.
                        Ok(None) => {
                            this.refresh(guide.id, &guide.name, true);
                            Ok(json!({ "outcome": "fetching" }))
                        }
                        Ok(Some(counts)) => Ok(json!(counts)),
                        Err(error) => Err(Chain(&error).to_string()),
                    }
                });
            }
        }
        Ok(json!({ "guides_read_again": again }))
    }

    async fn read(&self, id: GuideId, anyway: bool, progress: &Progress) -> Result<serde_json::Value, String> {
        match refresh::refresh(&self.store, id, anyway, progress).await {
            Ok(outcome) => Ok(json!(outcome)),
            Err(error) => {
                let text = Chain(&error).to_string();
                if let Ok(guide) = self.store.guide(id).await
                    && !progress.is_cancelled()
                {
                    let then =
                        if guide.imported_ms.is_some() { "what it brought the last time is served" } else { "it brings nothing" };
                    tracing::warn!(guide.location = %SafeUrl(&guide.location), error = text, "a guide cannot be read; {then}");
                }
                Err(text)
            }
        }
    }

    /// A playlist was read: its channels are mapped, and when it was the first time the guides that belong to it are taken along.
    pub async fn of_playlist(&self, playlist: &Playlist, first: bool) {
        if first {
            for new in brought::guides_of(playlist) {
                let location = new.location.clone();
                match self.store.add_guide(new).await {
                    Ok(_) => tracing::info!(guide.location = %SafeUrl(&location), "the guide of a playlist was taken along"),
                    Err(StoreError::FeedTaken(_)) => {}
                    Err(error) => tracing::warn!(error = %Chain(&error), "the guide of a playlist could not be taken along"),
                }
            }
        }
        self.remap();
    }
}

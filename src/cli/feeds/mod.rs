//! `rooftop playlist`, `rooftop guide`, `rooftop channel`: what the API does, also beside a server that runs, and without one.

pub(super) mod channels;
pub(super) mod guides;
pub(super) mod playlists;
mod wait;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use serde_json::{Value, json};

use super::args::Where;
use super::data::Data;
use crate::admin::feeds::{Feeds, Readers};
use crate::base::chain::Chain;
use crate::base::jobs::Jobs;
use crate::guide::refresh as guide;
use crate::model::{GuideId, ProviderId};
use crate::playlist::{self, How};
use crate::store::{Store, StoreError};

/// Reads feeds in this process.
struct Here {
    store: Store,
    jobs: Jobs,
}

impl Readers for Here {
    fn refresh_playlist(&self, id: ProviderId, name: &str, anyway: bool) -> u64 {
        let store = self.store.clone();
        self.jobs.start("playlist.refresh", id.0, name, move |progress| async move {
            let first = store.playlist(id).await.is_ok_and(|playlist| playlist.imported_ms.is_none());
            let done = playlist::refresh(&store, id, How { anyway }, &progress).await;
            if first && done.is_ok() {
                take_guides_along(&store, id).await.map_err(|error| Chain(&error).to_string())?;
            }
            done.map(|outcome| json!(outcome)).map_err(|error| Chain(&error).to_string())
        })
    }

    fn apply_rules(&self, id: ProviderId, name: &str) -> u64 {
        let store = self.store.clone();
        self.jobs.start("playlist.rules", id.0, name, move |_| async move {
            let done = playlist::apply_rules(&store, id).await;
            done.map(|report| json!(report)).map_err(|error| Chain(&error).to_string())
        })
    }

    fn refresh_guide(&self, id: GuideId, name: &str, anyway: bool) -> u64 {
        let store = self.store.clone();
        self.jobs.start("guide.refresh", id.0, name, move |progress| async move {
            let done = guide::refresh(&store, id, anyway, &progress).await;
            done.map(|outcome| json!(outcome)).map_err(|error| Chain(&error).to_string())
        })
    }

    fn accept_guide(&self, id: GuideId, name: &str) -> u64 {
        let store = self.store.clone();
        self.jobs.start("guide.accept", id.0, name, move |progress| async move {
            let done = guide::accept(&store, id, &progress).await;
            done.map(|counts| json!(counts)).map_err(|error| Chain(&error).to_string())
        })
    }

    /// A server that runs sees by itself that something has changed.
    fn changed(&self) {}
}

/// Guides that belong to a playlist which was read for the first time; the server, or `rooftop guide refresh`, reads them.
async fn take_guides_along(store: &Store, id: ProviderId) -> Result<(), StoreError> {
    for guide in playlist::brought::guides_of(&store.playlist(id).await?) {
        match store.add_guide(guide).await {
            Ok(_) | Err(StoreError::FeedTaken(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens the data and does something with it; gives what is to be printed.
fn with<F, T>(at: &Where, work: impl FnOnce(Feeds) -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let data = Data::find(at)?;
    let store = data.open_or_make()?;
    let jobs = Jobs::default();
    let readers = Arc::new(Here { store: store.clone(), jobs: jobs.clone() });
    let feeds = Feeds { store: store.clone(), jobs: jobs.clone(), readers };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("cannot start")?;
    let done = runtime.block_on(async {
        let done = work(feeds).await;
        jobs.stop().await;
        store.close().await;
        done
    });
    drop(store);
    data.hand_over()?;
    done
}

/// Prints an answer: as JSON, or as `text` makes it.
fn answer<T: serde::Serialize>(as_json: bool, value: &T, text: impl FnOnce(&T) -> String) -> anyhow::Result<ExitCode> {
    match as_json {
        true => super::print_json(&serde_json::to_value(value)?),
        false => print!("{}", text(value)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints that it is done.
fn done(as_json: bool, text: &str) -> anyhow::Result<ExitCode> {
    answer(as_json, &json!({ "done": true }), |_: &Value| format!("{text}\n"))
}

/// A time for people.
fn date(at_ms: Option<i64>) -> String {
    let Some(at_ms) = at_ms else { return "never".to_owned() };
    let time = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

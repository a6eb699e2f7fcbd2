//! L5: what people and their tools look at: the first page, the API, health and metrics.
//!
//! Reads from memory only (the catalog, the sessions) and writes through [`Backend`], which `app` implements. It opens no
//! source, holds no session, and knows no settings file; a page that plays (`web/play`) is a viewer like any other. The page and
//! the metrics need no token and therefore hold nothing that the lineup does not say already: no addresses of sources, no
//! credentials.

pub mod access;
mod api;
mod backend;
mod backups;
mod devices;
pub mod feeds;
mod figures;
mod fragments;
mod health;
mod live;
mod losses;
mod notices;
mod overview;
mod page;
mod people;
mod process;
mod readings;
mod routes;
mod situation;
mod support;
mod web;
mod words;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::routing::get;
use tokio::sync::{Mutex, Semaphore};

pub use backend::{Backend, BackendError, DevicePatch, NewDevice};
pub use feeds::{Feeds, FeedsError};
pub use process::{Process, Setting, SettingTable};
pub use situation::{Service, Situation};

use crate::base::metrics::Metrics;
use crate::http::{Access, assets};
use crate::ingest::Registry;
use crate::media::worker::WorkerClient;
use crate::session::Manager;

/// Most pages that follow at a time. One more is answered with 503 and shows what it showed first.
const MOST_FOLLOWERS: usize = 64;
/// Most pages that play at a time: each has a process of its own.
const MOST_PLAYERS: usize = 8;

/// What the admin side needs. A cheap handle.
#[derive(Clone)]
pub struct AdminState {
    backend: Arc<dyn Backend>,
    manager: Manager,
    access: Access,
    situation: Arc<ArcSwap<Situation>>,
    metrics: Metrics,
    feeds: Feeds,
    followers: Arc<Semaphore>,
    logins: access::Logins,
    /// Changes that may say what they expect to find go one after the other.
    edits: Arc<Mutex<()>>,
    process: Arc<Process>,
    player: Option<WorkerClient>,
    inputs: Registry,
    players: Arc<Semaphore>,
    notices: notices::Notices,
    /// Whoever is not logged in brings one backup at a time.
    first_restore: Arc<Semaphore>,
}

impl AdminState {
    /// Puts it together, and adds what is known of sessions and tuners to `metrics`.
    pub fn new(
        backend: Arc<dyn Backend>,
        manager: Manager,
        access: Access,
        situation: Arc<ArcSwap<Situation>>,
        metrics: Metrics,
        feeds: Feeds,
    ) -> Self {
        metrics.read(readings::Sessions { backend: backend.clone(), manager: manager.clone() });
        let followers = Arc::new(Semaphore::new(MOST_FOLLOWERS));
        let players = Arc::new(Semaphore::new(MOST_PLAYERS));
        let (logins, process, edits) = (access::Logins::default(), Arc::default(), Arc::default());
        let (player, notices, first_restore) = (None, notices::Notices::default(), Arc::new(Semaphore::new(1)));
        Self {
            backend,
            manager,
            access,
            situation,
            metrics,
            feeds,
            followers,
            logins,
            edits,
            process,
            player,
            inputs: Registry::default(),
            players,
            notices,
            first_restore,
        }
    }

    /// The same with what is known of the process.
    #[must_use]
    pub fn with_process(self, process: Process) -> Self {
        Self { process: Arc::new(process), ..self }
    }

    /// With what is pushed to us.
    #[must_use]
    pub fn with_inputs(self, inputs: Registry) -> Self {
        self.metrics.read(inputs.clone());
        Self { inputs, ..self }
    }

    /// With a player on the pages of channels, which needs the media worker.
    #[must_use]
    pub fn with_player(self, worker: WorkerClient) -> Self {
        Self { player: Some(worker), ..self }
    }
}

/// The routes: `/`, `/live`, `/static/…`, `/healthz`, `/readyz`, `/metrics`, `/api/v1/…`. Access rules are applied; there is no
/// fallback, so that it can be merged with a device's routes.
pub fn router(state: AdminState) -> Router {
    let access = state.access.clone();
    web::table(&state)
        .into_router()
        .route("/static/{*path}", get(assets::serve))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .nest("/api/v1", api::router(&state))
        .layer(axum::middleware::from_fn_with_state(access.clone(), crate::http::access::check_host))
        .layer(axum::middleware::from_fn_with_state(access, crate::http::access::check_client))
        .with_state(state)
}

#[cfg(test)]
mod tests;

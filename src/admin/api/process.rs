//! `/api/v1/logs`, `/api/v1/settings`, `/api/v1/support`, `/api/v1/backup`, `/api/v1/restore`: the process itself, and its data as one file.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{Response, StatusCode};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::Level;

use super::problem::Problem;
use crate::admin::backups::{self, Incoming};
use crate::admin::web::backup::{PATIENCE, sent};
use crate::admin::{AdminState, Setting, support};
use crate::base::clock;
use crate::base::telemetry::recent::{KEPT, Record};
use crate::http::reply;

/// Which records of the log.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Of this level and worse.
    level: Option<String>,
    /// With this in them.
    search: String,
    /// At most so many.
    #[schemars(range(min = 1, max = KEPT))]
    limit: Option<usize>,
}

/// Records of the log.
#[derive(Serialize, JsonSchema)]
pub(super) struct Records<'a> {
    records: Vec<&'a Record>,
}

/// What is in force.
#[derive(Serialize, JsonSchema)]
pub(super) struct Settings<'a> {
    file: &'a str,
    settings: &'a [Setting],
}

/// A backup that waits.
#[derive(Serialize, JsonSchema)]
pub(super) struct Waits {
    waits: bool,
    bytes: u64,
}

/// `GET /logs?level=&search=&limit=`: the last records, the newest first.
pub async fn logs(
    State(state): State<AdminState>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response<Body>, Problem> {
    let Query(wanted) = wanted.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let level = match wanted.level.as_deref() {
        None | Some("") => Level::TRACE,
        Some(word) => word.parse().map_err(|_| Problem::field("level", "`level` is error, warn, info, debug or trace."))?,
    };
    let limit = wanted.limit.unwrap_or(KEPT);
    if !(1..=KEPT).contains(&limit) {
        return Err(Problem::field("limit", format!("`limit` is 1 to {KEPT}.")));
    }
    let found = state.process.logs.find(level, &wanted.search, limit);
    Ok(reply::json(&Records { records: found.iter().map(AsRef::as_ref).collect() }))
}

/// `GET /settings`: what is in force, without credentials.
pub async fn settings(State(state): State<AdminState>) -> Response<Body> {
    reply::json(&Settings { file: &state.process.settings_file, settings: &state.process.settings })
}

/// `GET /support`: the support bundle.
pub async fn bundle(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&support::bundle(&state).await?))
}

/// `POST /backup`: the answer is the database as one file.
pub async fn backup(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    Ok(sent(backups::copy(&state.feeds.store).await?))
}

/// `POST /restore`, with the file as the body: checked, it waits for the next start; 202.
pub async fn restore(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "The file did not come in time.");
    let broken = |_| Problem::new(StatusCode::BAD_REQUEST, "The file broke off before its end.");
    let store = &state.feeds.store;
    let (mut incoming, mut body) = (Incoming::begin(store).await?, request.into_body());
    while let Some(frame) = clock::timeout(PATIENCE, body.frame()).await.map_err(late)? {
        if let Ok(bytes) = frame.map_err(broken)?.into_data() {
            incoming.push(&bytes).await?;
        }
    }
    incoming.stage(store, false).await?;
    let mut response = reply::json(&Waits { waits: true, bytes: store.staged().map_or(0, |staged| staged.bytes) });
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// `DELETE /restore`: forgets the backup that waits.
pub async fn forget(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    backups::forget(&state.feeds.store).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

//! `/api/v1/tuners`: what every tuner does, and another source on demand. The JSON is that of the reference's
//! `TunerStatusSnapshot`, member for member; addresses are shown without credentials.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body;
use super::problem::Problem;
use super::tuner_status::{self, Snapshot};
use crate::admin::AdminState;
use crate::base::clock;
use crate::http::reply;
use crate::model::{ChannelId, Moment};
use crate::session::NoRecovery;

/// Longest reason that is kept, in characters.
const LONGEST_REASON: usize = 200;
const NO_REASON: &str = "asked by the API";

/// `GET /tuners`.
pub async fn list(State(state): State<AdminState>) -> Response<Body> {
    let devices = state.backend.catalog().devices.clone();
    let tuners: Vec<_> = devices.iter().flat_map(|device| state.manager.tuners(device.row)).collect();
    let sessions = state.manager.snapshot();
    let journal = state.manager.journal();
    let now = Moment(clock::wall_ms());
    let (limit, truncated) = journal.bounds();
    let snapshot: Snapshot = tuner_status::snapshot(&tuners, &sessions, journal.sessions(), now).bounded(limit, truncated);
    reply::json(&snapshot)
}

/// Who shall leave its source.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[schemars(range(min = 1))]
    channel_id: i64,
    #[serde(default)]
    reason: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Accepted<'a> {
    channel_id: i64,
    recovery_reason: &'a str,
    accepted: bool,
}

/// `POST /tuners/recovery`: 404 while nobody watches the channel, 409 while another source is looked for already.
pub async fn recover(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let wanted: Wanted = body::read_json(request).await?;
    if wanted.channel_id <= 0 {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "`channel_id` is the id of a channel, greater than zero."));
    }
    // It goes into the log and the history: one line.
    let reason: String = wanted.reason.trim().chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect();
    let reason = if reason.is_empty() { NO_REASON } else { &reason };
    state.manager.recover(ChannelId(wanted.channel_id), reason).map_err(|error| {
        let status = match error {
            NoRecovery::NotFound => StatusCode::NOT_FOUND,
            NoRecovery::Pending => StatusCode::CONFLICT,
        };
        Problem::new(status, error.to_string())
    })?;
    tracing::info!(channel.id = wanted.channel_id, reason, "another source was asked for");
    Ok(reply::json(&Accepted { channel_id: wanted.channel_id, recovery_reason: reason, accepted: true }))
}

//! `/api/v1/sessions/…`: the sessions that were, and what their viewers went through. Addresses are kept without credentials.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::{Asked, asked};
use super::problem::Problem;
use crate::admin::AdminState;
use crate::http::reply;
use crate::model::history::is_nothing;
use crate::model::{Moment, SessionHistory, ViewingEvent};

/// Most sessions, or events, of one answer.
const MOST: usize = 4096;
const EVENTS: usize = 256;

/// Which sessions.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// At most this many.
    #[schemars(range(min = 1, max = MOST))]
    limit: Option<usize>,
    /// Of this channel.
    channel_id: Option<i64>,
    /// Those that run, or those that are over.
    active: Option<bool>,
    /// Those that began before; an RFC 3339 time.
    before: Option<Moment>,
}

impl Wanted {
    fn fits(&self, session: &SessionHistory) -> bool {
        self.channel_id.is_none_or(|channel| session.channel_id == channel)
            && self.active.is_none_or(|active| session.active == active)
            && self.before.is_none_or(|before| session.opened_at < before)
    }
}

/// As these members are called in the tuner status.
#[derive(Serialize, JsonSchema)]
pub(super) struct History {
    session_history: Vec<SessionHistory>,
    session_history_limit: usize,
    #[serde(skip_serializing_if = "is_nothing")]
    session_history_truncated_count: u64,
}

/// `GET /sessions/history?limit=&channel_id=&active=&before=`, the newest first.
pub async fn sessions(State(state): State<AdminState>, wanted: Asked<Wanted>) -> Result<Response<Body>, Problem> {
    let wanted = asked(wanted)?;
    let limit = valid(wanted.limit, MOST)?;
    let journal = state.manager.journal();
    let (kept, truncated) = journal.bounds();
    let sessions = journal.sessions().into_iter().filter(|session| wanted.fits(session)).take(limit).collect();
    Ok(reply::json(&History {
        session_history: sessions,
        session_history_limit: kept,
        session_history_truncated_count: truncated,
    }))
}

/// How many events.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Last {
    /// At most this many.
    #[schemars(range(min = 1, max = MOST))]
    limit: Option<usize>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Events {
    events: Vec<ViewingEvent>,
}

/// `GET /sessions/events?limit=`: what viewers went through, the newest first.
pub async fn events(State(state): State<AdminState>, last: Asked<Last>) -> Result<Response<Body>, Problem> {
    let events = state.backend.viewing_events(valid(asked(last)?.limit, EVENTS)?).await?;
    Ok(reply::json(&Events { events }))
}

fn valid(limit: Option<usize>, usual: usize) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(usual);
    if (1..=MOST).contains(&limit) { Ok(limit) } else { Err(Problem::field("limit", format!("`limit` is 1 to {MOST}."))) }
}

//! `/api/v1/jobs`: long work, how far it is, and that it is to stop.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::problem::Problem;
use crate::admin::AdminState;
use crate::base::jobs::Job;
use crate::http::reply;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Jobs")]
pub(super) struct List {
    jobs: Vec<Job>,
}

/// `GET /jobs`: those that run and the last that ended, the newest first.
pub async fn list(State(state): State<AdminState>) -> Response<Body> {
    reply::json(&List { jobs: state.feeds.jobs.list() })
}

/// `GET /jobs/{id}`.
pub async fn show(State(state): State<AdminState>, id: Result<Path<u64>, PathRejection>) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| none())?;
    Ok(reply::json(&state.feeds.jobs.get(id).ok_or_else(none)?))
}

/// `DELETE /jobs/{id}`: asks it to stop; 202, since that may take a moment.
pub async fn cancel(State(state): State<AdminState>, id: Result<Path<u64>, PathRejection>) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| none())?;
    let job = state.feeds.jobs.get(id).ok_or_else(none)?;
    if !state.feeds.jobs.cancel(id) {
        return Err(Problem::new(StatusCode::CONFLICT, format!("The job {:?} is over.", job.name)));
    }
    Ok(reply::empty(StatusCode::ACCEPTED))
}

fn none() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no job with this number, or it ended long ago.")
}

//! `/api/v1/sources`: the addresses of channels, each by its id: looked at, and how they have behaved forgotten.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};

use super::problem::Problem;
use crate::admin::AdminState;
use crate::http::reply;
use crate::model::SourceId;

/// `POST /sources/{id}/probe`: looks at it, and answers with the verdict; 409 where nothing is to spare for that.
pub async fn probe(State(state): State<AdminState>, id: Result<Path<i64>, PathRejection>) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(none)?;
    let verdict = state.backend.probe(SourceId(id)).await?;
    Ok(reply::json(&verdict))
}

fn none(_: PathRejection) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no source with this id.")
}

/// `DELETE /sources/{id}/health`.
pub async fn clear_one(State(state): State<AdminState>, id: Result<Path<i64>, PathRejection>) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(none)?;
    state.backend.clear_health(Some(SourceId(id))).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `DELETE /sources/health`: of all sources, and of the accounts that rest.
pub async fn clear_all(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    state.backend.clear_health(None).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

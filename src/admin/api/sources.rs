//! `/api/v1/sources`: the addresses of channels, each by its id.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Response;

use super::problem::Problem;
use crate::admin::{AdminState, BackendError};
use crate::http::reply;
use crate::model::SourceId;

/// `POST /sources/{id}/probe`: looks at it, and answers with the verdict; 409 where nothing is to spare for that.
pub async fn probe(State(state): State<AdminState>, id: Result<Path<i64>, PathRejection>) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| BackendError::NotFound)?;
    let verdict = state.backend.probe(SourceId(id)).await?;
    Ok(reply::json(&verdict))
}

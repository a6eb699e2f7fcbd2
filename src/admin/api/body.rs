//! What a request brings: a query, and JSON, bounded in size and time.

use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::http::{body, json};

/// What a query says.
pub type Asked<T> = Result<Query<T>, QueryRejection>;

/// What a query says, if it can be understood.
///
/// # Errors
/// 400, if it cannot.
pub fn asked<T>(query: Asked<T>) -> Result<T, Problem> {
    query.map(|Query(query)| query).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))
}

const MOST_BYTES: usize = 16 * 1024;
/// Of requests with lists in them: rules, orders, selections.
pub const LARGE: usize = 4 * 1024 * 1024;
const BODY_TIME: Duration = Duration::from_secs(5);

/// Reads a request's JSON.
///
/// # Errors
/// 415 if it is none, 413 and 408 if it is too large or too slow, 400 if it is not what is wanted.
pub async fn read_json<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    read_json_of(request, MOST_BYTES).await
}

/// Of tables of channels.
pub const TABLE: usize = 32 * 1024 * 1024;

/// Reads all that a request brings, of at most so many bytes.
///
/// # Errors
/// 413 and 408 if it is too large or too slow.
pub async fn read_bytes(request: Request, most: usize) -> Result<axum::body::Bytes, Problem> {
    Ok(body::read(request.into_body(), most, BODY_TIME).await?)
}

/// Reads a request's JSON of at most so many bytes.
///
/// # Errors
/// As [`read_json`].
pub async fn read_json_of<T: DeserializeOwned>(request: Request, most: usize) -> Result<T, Problem> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !matches!(essence, "application/json" | "application/merge-patch+json") {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send JSON, with `Content-Type: application/json`."));
    }
    let bytes = body::read(request.into_body(), most, BODY_TIME).await?;
    json::read(&bytes)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("The body is not what is wanted here: {error}.")))
}

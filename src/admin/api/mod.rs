//! `/api/v1`: JSON, only with a bearer token, reading too. Errors are `application/problem+json` (RFC 9457).

pub mod auth;
mod body;
mod channels;
mod devices;
pub mod doc;
mod edits;
mod events;
mod guides;
mod history;
mod inputs;
mod jobs;
pub mod openapi;
mod people;
mod playlists;
pub mod problem;
mod process;
mod providers;
mod sources;
mod status;
mod streams;
mod stretch;
mod table;
mod tag;
mod tuner_status;
mod tuners;
mod uploads;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::middleware;
use axum::response::Response;
use axum::routing::any;

use super::AdminState;
use super::access::gate;
use problem::Problem;
pub use table::table;

/// The routes, below `/api/v1`.
pub fn router(state: &AdminState) -> Router<AdminState> {
    table(state)
        .into_router()
        .route("/{*rest}", any(unknown))
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This resource does not know that method.")
        })
        .layer(middleware::from_fn_with_state(state.clone(), gate::api_asker))
        .layer(middleware::map_response(not_kept))
}

async fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "The API has no such resource.")
}

/// What needs a token is not for caches.
async fn not_kept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

//! `/api/v1`: JSON, only with a bearer token, reading too. Errors are `application/problem+json` (RFC 9457).

mod auth;
mod body;
mod channels;
mod devices;
mod edits;
mod events;
mod guides;
mod history;
mod jobs;
mod playlists;
mod problem;
mod providers;
mod sources;
mod status;
mod tuner_status;
mod tuners;
mod uploads;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::middleware;
use axum::response::Response;
use axum::routing::{any, delete, get, patch, post, put};

use super::AdminState;
use problem::Problem;

/// The routes, below `/api/v1`.
pub fn router(state: &AdminState) -> Router<AdminState> {
    Router::new()
        .route("/status", get(status::show))
        .route("/channels", get(channels::list).post(edits::add))
        .route("/channels/bulk", post(edits::many))
        .route("/channels/export", get(edits::export))
        .route("/channels/import", post(edits::import))
        .route("/channels/{id}", get(channels::show).patch(edits::change).delete(edits::remove))
        .route("/channels/{id}/sources", post(edits::add_source).put(edits::order_sources))
        .route("/playlists", get(playlists::list).post(playlists::add))
        .route("/playlists/upload", post(uploads::add))
        .route("/playlists/{id}/file", put(uploads::replace))
        .route("/playlists/{id}", get(playlists::show).patch(playlists::change).delete(playlists::remove))
        .route("/playlists/{id}/refresh", post(playlists::refresh))
        .route("/playlists/{id}/held", get(playlists::held).delete(playlists::discard))
        .route("/playlists/{id}/held/accept", post(playlists::accept))
        .route("/playlists/{id}/items", get(playlists::items))
        .route("/playlists/{id}/groups", get(playlists::groups))
        .route("/channels/{id}/backups", get(edits::backups))
        .route("/channels/{id}/mapping", get(guides::suggestions).put(guides::map).delete(guides::unmap))
        .route("/channels/{id}/programmes", get(guides::programmes))
        .route("/guides", get(guides::list).post(guides::add))
        .route("/guides/offered", get(guides::offered).post(guides::take))
        .route("/guides/{id}", get(guides::show).patch(guides::change).delete(guides::remove))
        .route("/guides/{id}/refresh", post(guides::refresh))
        .route("/guides/{id}/held", get(guides::held).delete(guides::discard))
        .route("/guides/{id}/held/accept", post(guides::accept))
        .route("/guides/{id}/channels", get(guides::channels))
        .route("/guide/now", get(guides::now))
        .route("/guide/search", get(guides::search))
        .route("/mappings", get(guides::mappings))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}", get(jobs::show).delete(jobs::cancel))
        .route("/devices", get(devices::list).post(devices::add))
        .route("/devices/split", get(devices::split))
        .route("/devices/{id}/channels", get(devices::lineup).put(devices::set_lineup))
        .route("/devices/{id}", get(devices::show).patch(devices::change).delete(devices::remove))
        .route("/providers", get(providers::list))
        .route("/providers/{id}", patch(providers::change))
        .route("/sources/{id}", patch(edits::switch_source).delete(edits::remove_source))
        .route("/sources/{id}/probe", post(sources::probe))
        .route("/tuners", get(tuners::list))
        .route("/tuners/recovery", post(tuners::recover))
        .route("/sessions/history", get(history::sessions))
        .route("/sessions/events", get(history::events))
        .route("/sources/health", delete(sources::clear_all))
        .route("/sources/{id}/health", delete(sources::clear_one))
        .route("/events", get(events::follow))
        .route("/{*rest}", any(unknown))
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This resource does not know that method.")
        })
        .layer(middleware::from_fn_with_state(state.clone(), auth::require_token))
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

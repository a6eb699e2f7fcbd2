//! `/api/v1`: JSON, only with a bearer token, reading too. Errors are `application/problem+json` (RFC 9457).

pub mod auth;
mod body;
mod channels;
mod devices;
mod edits;
mod events;
mod guides;
mod history;
mod jobs;
mod people;
mod playlists;
pub mod problem;
mod process;
mod providers;
mod sources;
mod status;
mod tuner_status;
mod tuners;
mod uploads;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware;
use axum::response::Response;
use axum::routing::any;

use super::AdminState;
use super::access::gate;
use super::routes::{ADMIN, Table, VIEWER};
use problem::Problem;

/// The table, below `/api/v1`. Whoever may only look may ask with GET.
pub fn table(state: &AdminState) -> Table {
    Table::of_api(state, "/api/v1")
        .on(Method::GET, "/status", VIEWER, status::show)
        .on(Method::GET, "/channels", VIEWER, channels::list)
        .on(Method::POST, "/channels", ADMIN, edits::add)
        .on(Method::POST, "/channels/bulk", ADMIN, edits::many)
        .on(Method::GET, "/channels/export", VIEWER, edits::export)
        .on(Method::POST, "/channels/import", ADMIN, edits::import)
        .on(Method::GET, "/channels/{id}", VIEWER, channels::show)
        .on(Method::PATCH, "/channels/{id}", ADMIN, edits::change)
        .on(Method::DELETE, "/channels/{id}", ADMIN, edits::remove)
        .on(Method::POST, "/channels/{id}/sources", ADMIN, edits::add_source)
        .on(Method::PUT, "/channels/{id}/sources", ADMIN, edits::order_sources)
        .on(Method::GET, "/playlists", VIEWER, playlists::list)
        .on(Method::POST, "/playlists", ADMIN, playlists::add)
        .on(Method::POST, "/playlists/upload", ADMIN, uploads::add)
        .on(Method::PUT, "/playlists/{id}/file", ADMIN, uploads::replace)
        .on(Method::GET, "/playlists/{id}", VIEWER, playlists::show)
        .on(Method::PATCH, "/playlists/{id}", ADMIN, playlists::change)
        .on(Method::DELETE, "/playlists/{id}", ADMIN, playlists::remove)
        .on(Method::POST, "/playlists/{id}/refresh", ADMIN, playlists::refresh)
        .on(Method::GET, "/playlists/{id}/held", VIEWER, playlists::held)
        .on(Method::DELETE, "/playlists/{id}/held", ADMIN, playlists::discard)
        .on(Method::POST, "/playlists/{id}/held/accept", ADMIN, playlists::accept)
        .on(Method::GET, "/playlists/{id}/items", VIEWER, playlists::items)
        .on(Method::GET, "/playlists/{id}/groups", VIEWER, playlists::groups)
        .on(Method::GET, "/channels/{id}/backups", VIEWER, edits::backups)
        .on(Method::GET, "/channels/{id}/mapping", VIEWER, guides::suggestions)
        .on(Method::PUT, "/channels/{id}/mapping", ADMIN, guides::map)
        .on(Method::DELETE, "/channels/{id}/mapping", ADMIN, guides::unmap)
        .on(Method::GET, "/channels/{id}/programmes", VIEWER, guides::programmes)
        .on(Method::GET, "/guides", VIEWER, guides::list)
        .on(Method::POST, "/guides", ADMIN, guides::add)
        .on(Method::GET, "/guides/offered", VIEWER, guides::offered)
        .on(Method::POST, "/guides/offered", ADMIN, guides::take)
        .on(Method::GET, "/guides/{id}", VIEWER, guides::show)
        .on(Method::PATCH, "/guides/{id}", ADMIN, guides::change)
        .on(Method::DELETE, "/guides/{id}", ADMIN, guides::remove)
        .on(Method::POST, "/guides/{id}/refresh", ADMIN, guides::refresh)
        .on(Method::GET, "/guides/{id}/held", VIEWER, guides::held)
        .on(Method::DELETE, "/guides/{id}/held", ADMIN, guides::discard)
        .on(Method::POST, "/guides/{id}/held/accept", ADMIN, guides::accept)
        .on(Method::GET, "/guides/{id}/channels", VIEWER, guides::channels)
        .on(Method::GET, "/guide/now", VIEWER, guides::now)
        .on(Method::GET, "/guide/search", VIEWER, guides::search)
        .on(Method::GET, "/mappings", VIEWER, guides::mappings)
        .on(Method::GET, "/jobs", VIEWER, jobs::list)
        .on(Method::GET, "/jobs/{id}", VIEWER, jobs::show)
        .on(Method::DELETE, "/jobs/{id}", ADMIN, jobs::cancel)
        .on(Method::GET, "/devices", VIEWER, devices::list)
        .on(Method::POST, "/devices", ADMIN, devices::add)
        .on(Method::GET, "/devices/split", VIEWER, devices::split)
        .on(Method::GET, "/devices/{id}/channels", VIEWER, devices::lineup)
        .on(Method::PUT, "/devices/{id}/channels", ADMIN, devices::set_lineup)
        .on(Method::GET, "/devices/{id}", VIEWER, devices::show)
        .on(Method::PATCH, "/devices/{id}", ADMIN, devices::change)
        .on(Method::DELETE, "/devices/{id}", ADMIN, devices::remove)
        .on(Method::GET, "/providers", VIEWER, providers::list)
        .on(Method::PATCH, "/providers/{id}", ADMIN, providers::change)
        .on(Method::PATCH, "/sources/{id}", ADMIN, edits::switch_source)
        .on(Method::DELETE, "/sources/{id}", ADMIN, edits::remove_source)
        .on(Method::POST, "/sources/{id}/probe", ADMIN, sources::probe)
        .on(Method::GET, "/tuners", VIEWER, tuners::list)
        .on(Method::POST, "/tuners/recovery", ADMIN, tuners::recover)
        .on(Method::GET, "/sessions/history", VIEWER, history::sessions)
        .on(Method::GET, "/sessions/events", VIEWER, history::events)
        .on(Method::DELETE, "/sources/health", ADMIN, sources::clear_all)
        .on(Method::DELETE, "/sources/{id}/health", ADMIN, sources::clear_one)
        .on(Method::GET, "/events", VIEWER, events::follow)
        .on(Method::GET, "/users", ADMIN, people::users)
        .on(Method::POST, "/users", ADMIN, people::add_user)
        .on(Method::DELETE, "/users/{id}", ADMIN, people::remove_user)
        .on(Method::GET, "/tokens", ADMIN, people::tokens)
        .on(Method::POST, "/tokens", ADMIN, people::add_token)
        .on(Method::DELETE, "/tokens/{id}", ADMIN, people::revoke_token)
        .on(Method::GET, "/audit", ADMIN, people::audit)
        .on(Method::GET, "/logs", ADMIN, process::logs)
        .on(Method::GET, "/settings", VIEWER, process::settings)
        .on(Method::GET, "/support", ADMIN, process::bundle)
        .on(Method::POST, "/backup", ADMIN, process::backup)
        .on(Method::POST, "/restore", ADMIN, process::restore)
        .on(Method::DELETE, "/restore", ADMIN, process::forget)
}

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

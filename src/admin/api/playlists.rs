//! `/api/v1/playlists`: made, changed, read, accepted, taken away; their items and groups.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::{HeaderMap, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::{self, Asked, asked};
use super::doc::Started;
use super::problem::Problem;
use super::stretch::Stretch;
use super::tag::{self, Expected, Shown};
use crate::admin::AdminState;
use crate::admin::feeds::items::{GroupView, ItemQuery};
use crate::admin::feeds::playlists::{PlaylistRequest, PlaylistView};
use crate::http::reply;
use crate::model::ProviderId;

/// An id in a path.
pub(super) type Id = Result<Path<i64>, PathRejection>;

/// The id of a path.
pub(super) fn playlist(id: Id) -> Result<ProviderId, Problem> {
    let none = |_| Problem::new(StatusCode::NOT_FOUND, "There is no playlist with this id.");
    id.map(|Path(id)| ProviderId(id)).map_err(none)
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Playlists")]
pub(super) struct List {
    playlists: Vec<PlaylistView>,
    /// Where the next answer goes on, if there is more.
    next: Option<usize>,
}

/// `GET /playlists?after=&limit=`.
pub async fn list(State(state): State<AdminState>, stretch: Asked<Stretch>) -> Result<Response<Body>, Problem> {
    let (playlists, next) = asked(stretch)?.of(state.feeds.playlists().await?)?;
    Ok(reply::json(&List { playlists, next }))
}

/// `GET /playlists/{id}`.
pub async fn show(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(shown(&state, playlist(id)?).await?.answer())
}

/// What is shown of one.
pub(super) async fn shown(state: &AdminState, id: ProviderId) -> Result<Shown, Problem> {
    Shown::new(&state.feeds.playlist(id).await?)
}

/// `POST /playlists`: makes one, and begins to read it.
pub async fn add(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let request: PlaylistRequest = body::read_json_of(request, body::LARGE).await?;
    created(&state.feeds.add_playlist(request).await?)
}

/// 201, with the playlist that was made.
pub(super) fn created(view: &PlaylistView) -> Result<Response<Body>, Problem> {
    let mut response = tag::json(view)?;
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/playlists/{}", view.id.0)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `PATCH /playlists/{id}` (RFC 7396).
pub async fn change(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = playlist(id)?;
    let expected = Expected::of(request.headers());
    let request: PlaylistRequest = body::read_json_of(request, body::LARGE).await?;
    let _turn = expected.turn(&state, shown(&state, id)).await?;
    tag::json(&state.feeds.change_playlist(id, request).await?)
}

/// `DELETE /playlists/{id}`.
pub async fn remove(State(state): State<AdminState>, id: Id, headers: HeaderMap) -> Result<Response<Body>, Problem> {
    let id = playlist(id)?;
    let _turn = Expected::of(&headers).turn(&state, shown(&state, id)).await?;
    state.feeds.remove_playlist(id).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// How a playlist is to be read.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Wish {
    /// Even if its server says that nothing is new.
    anyway: bool,
}

/// `POST /playlists/{id}/refresh?anyway=true`: begins to read it; 202 with the number of the job.
pub async fn refresh(State(state): State<AdminState>, id: Id, wish: Asked<Wish>) -> Result<Response<Body>, Problem> {
    Ok(started(state.feeds.refresh_playlist(playlist(id)?, asked(wish)?.anyway).await?))
}

/// 202, with the job that was begun.
pub(super) fn started(job: u64) -> Response<Body> {
    let mut response = reply::json(&Started { job });
    *response.status_mut() = StatusCode::ACCEPTED;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/jobs/{job}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// `GET /playlists/{id}/held`: what the version that is held back differs in.
pub async fn held(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&state.feeds.held_difference(playlist(id)?).await?))
}

/// `POST /playlists/{id}/held/accept`.
pub async fn accept(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&state.feeds.accept_held(playlist(id)?).await?))
}

/// `DELETE /playlists/{id}/held`.
pub async fn discard(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    state.feeds.discard_held(playlist(id)?).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /playlists/{id}/items?search=&group=&kind=&after=&limit=`.
pub async fn items(State(state): State<AdminState>, id: Id, query: Asked<ItemQuery>) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&state.feeds.items(playlist(id)?, asked(query)?).await?))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Groups {
    groups: Vec<GroupView>,
    /// Where the next answer goes on, if there is more.
    next: Option<usize>,
}

/// `GET /playlists/{id}/groups?after=&limit=`.
pub async fn groups(State(state): State<AdminState>, id: Id, stretch: Asked<Stretch>) -> Result<Response<Body>, Problem> {
    let stretch = asked(stretch)?;
    let (groups, next) = stretch.of(state.feeds.groups(playlist(id)?).await?)?;
    Ok(reply::json(&Groups { groups, next }))
}

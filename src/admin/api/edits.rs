//! What people change of channels and their sources, below `/api/v1/channels` and `/api/v1/sources`.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue, LOCATION};
use axum::http::{HeaderMap, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::{self, Asked, asked};
use super::channels::{no_such_channel, shown};
use super::problem::Problem;
use super::tag::Expected;
use crate::admin::AdminState;
use crate::admin::feeds::FeedsError;
use crate::admin::feeds::duplicates::Backup;
use crate::admin::feeds::edits::{BulkRequest, EditRequest, NewChannelRequest, SourceRequest};
use crate::admin::feeds::table::Form;
use crate::http::reply;
use crate::model::{ChannelId, SourceId};

type Id = Result<Path<i64>, PathRejection>;

fn channel(id: Id) -> Result<ChannelId, Problem> {
    id.map(|Path(id)| ChannelId(id)).map_err(|_| no_such_channel())
}

fn source(id: Id) -> Result<SourceId, Problem> {
    id.map(|Path(id)| SourceId(id)).map_err(|_| Problem::new(StatusCode::NOT_FOUND, "There is no source with this id."))
}

/// `POST /channels`: a channel of one's own.
pub async fn add(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let request: NewChannelRequest = body::read_json(request).await?;
    let id = state.feeds.add_channel(&request).await?;
    let mut response = shown(&state, id).await?.answer();
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/channels/{}", id.0)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `PATCH /channels/{id}` (RFC 7396); `null` is: as the playlist, or the settings, say.
pub async fn change(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = channel(id)?;
    let expected = Expected::of(request.headers());
    let request: EditRequest = body::read_json(request).await?;
    let _turn = expected.turn(&state, shown(&state, id)).await?;
    state.feeds.edit_channel(id, &request).await?;
    Ok(shown(&state, id).await?.answer())
}

/// `DELETE /channels/{id}`: for good. Its number is kept aside, and no playlist brings it back.
pub async fn remove(State(state): State<AdminState>, id: Id, headers: HeaderMap) -> Result<Response<Body>, Problem> {
    let id = channel(id)?;
    let _turn = Expected::of(&headers).turn(&state, shown(&state, id)).await?;
    state.feeds.store.remove_channel(id).await.map_err(FeedsError::from)?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Changed {
    channels: usize,
}

/// `POST /channels/bulk`: many at once, all of them or none.
pub async fn many(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let request: BulkRequest = body::read_json_of(request, body::LARGE).await?;
    Ok(reply::json(&Changed { channels: state.feeds.edit_channels(&request).await? }))
}

/// As what a table comes or goes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Wish {
    format: Form,
}

/// `GET /channels/export?format=csv|json`: all channels as a table.
pub async fn export(State(state): State<AdminState>, wish: Asked<Wish>) -> Result<Response<Body>, Problem> {
    let Wish { format } = asked(wish)?;
    let table = state.feeds.export_channels(format).await?;
    let (media, name) = match format {
        Form::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"channels.csv\""),
        Form::Json => (reply::media_type::JSON, "attachment; filename=\"channels.json\""),
    };
    let mut response = reply::document(media, table);
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    Ok(response)
}

/// `POST /channels/import`, with a table as `text/csv` or `application/json`: all of it, or nothing.
pub async fn import(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = match media.split(';').next().unwrap_or_default().trim() {
        "text/csv" => Form::Csv,
        "application/json" => Form::Json,
        _ => {
            let how = "Send a table, with `Content-Type: text/csv` or `application/json`.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, how));
        }
    };
    let table = body::read_bytes(request, body::TABLE).await?;
    Ok(reply::json(&state.feeds.import_channels(form, &table).await?))
}

/// `POST /channels/{id}/sources`: one more source.
pub async fn add_source(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = channel(id)?;
    let request: SourceRequest = body::read_json(request).await?;
    state.feeds.add_source(id, &request).await?;
    let mut response = shown(&state, id).await?.answer();
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/channels/{}", id.0)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `GET /channels/{id}/backups`: items of playlists that are the same channel, to be given to it as further sources.
pub async fn backups(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&Backups { backups: state.feeds.backups(channel(id)?).await? }))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Backups {
    backups: Vec<Backup>,
}

/// The order in which sources are tried.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    order: Vec<SourceId>,
}

/// `PUT /channels/{id}/sources` `{"order": [7, 5]}`: those that are not named come behind.
pub async fn order_sources(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = channel(id)?;
    let expected = Expected::of(request.headers());
    let order: Order = body::read_json(request).await?;
    let _turn = expected.turn(&state, shown(&state, id)).await?;
    state.feeds.store.order_sources(id, order.order).await.map_err(FeedsError::from)?;
    Ok(shown(&state, id).await?.answer())
}

/// Whether a source may be used.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    enabled: bool,
}

/// `PATCH /sources/{id}` `{"enabled": false}`.
pub async fn switch_source(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = source(id)?;
    let switch: Switch = body::read_json(request).await?;
    match state.feeds.store.set_source_enabled(id, switch.enabled).await.map_err(FeedsError::from)? {
        true => Ok(reply::empty(StatusCode::NO_CONTENT)),
        false => Err(Problem::new(StatusCode::NOT_FOUND, "There is no source with this id.")),
    }
}

/// `DELETE /sources/{id}`: takes away what a person gave to a channel.
pub async fn remove_source(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    state.feeds.remove_source(source(id)?).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

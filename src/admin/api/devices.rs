//! `/api/v1/devices`: the virtual tuners.

use std::net::SocketAddr;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::{HeaderMap, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::{self, Asked, asked};
use super::problem::Problem;
use super::tag::{self, Expected, Shown};
use crate::admin::feeds::lineups::{LineupRequest, MANY_CHANNELS, Part};
use crate::admin::overview::DeviceView;
use crate::admin::page::{Look, address_for_people};
use crate::admin::{AdminState, devices};
use crate::http::{Peer, reply};
use crate::model::{Device, DeviceId};

type Id = Result<Path<String>, PathRejection>;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Devices")]
pub(super) struct List {
    devices: Vec<Detail>,
}

/// A device with what only its owner needs to know.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeviceDetail")]
pub(super) struct Detail {
    #[serde(flatten)]
    view: DeviceView,
    udn: String,
    listen: Option<SocketAddr>,
}

/// `GET /devices`.
pub async fn list(State(state): State<AdminState>, Extension(peer): Extension<Peer>) -> Response<Body> {
    let devices = state.backend.catalog().devices.iter().map(|device| detail(&state, device, peer)).collect();
    reply::json(&List { devices })
}

/// `GET /devices/{id}`.
pub async fn show(State(state): State<AdminState>, Extension(peer): Extension<Peer>, id: Id) -> Result<Response<Body>, Problem> {
    let id = existing(&state, id)?;
    Ok(shown(&state, id, peer).await?.answer())
}

/// What is shown of one.
async fn shown(state: &AdminState, id: DeviceId, peer: Peer) -> Result<Shown, Problem> {
    let catalog = state.backend.catalog();
    let device = catalog.devices.iter().find(|device| device.id == id).ok_or_else(no_such_device)?;
    Shown::new(&detail(state, device, peer))
}

/// `POST /devices`.
pub async fn add(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let device = devices::add(&state, body::read_json(request).await?).await?;
    let mut response = tag::json(&detail(&state, &device, peer))?;
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/devices/{}", device.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `PATCH /devices/{id}` (RFC 7396, JSON Merge Patch): members that are absent stay as they are.
pub async fn change(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    id: Id,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let id = existing(&state, id)?;
    let expected = Expected::of(request.headers());
    let wanted = body::read_json(request).await?;
    let _turn = expected.turn(&state, shown(&state, id, peer)).await?;
    let device = devices::change(&state, id, wanted).await?;
    tag::json(&detail(&state, &device, peer))
}

/// `DELETE /devices/{id}`.
pub async fn remove(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    id: Id,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let id = existing(&state, id)?;
    let _turn = Expected::of(&headers).turn(&state, shown(&state, id, peer)).await?;
    devices::remove(&state, id).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /devices/{id}/channels`.
pub async fn lineup(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    tag::json(&state.feeds.lineup(existing(&state, id)?)?)
}

/// `PUT /devices/{id}/channels` `{"all": true}`, `{"channels": [1, 2]}` or `{"groups": ["News"]}`.
pub async fn set_lineup(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = existing(&state, id)?;
    let expected = Expected::of(request.headers());
    let request: LineupRequest = body::read_json_of(request, body::LARGE).await?;
    let _turn = expected.turn(&state, async { Shown::new(&state.feeds.lineup(id)?) }).await?;
    tag::json(&state.feeds.set_lineup(id, request).await?)
}

/// How long a part may be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Most {
    most: Option<usize>,
}

/// `GET /devices/split?most=400`: how the lineup could be split over several devices.
pub async fn split(State(state): State<AdminState>, most: Asked<Most>) -> Result<Response<Body>, Problem> {
    let parts = state.feeds.split(asked(most)?.most.unwrap_or(MANY_CHANNELS))?;
    Ok(reply::json(&Parts { parts }))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Parts {
    parts: Vec<Part>,
}

fn detail(state: &AdminState, device: &Device, peer: Peer) -> Detail {
    let view = Look::at(state).facts.device(device, address_for_people(peer, &state.situation.load().addresses));
    Detail { view, udn: device.udn.clone(), listen: device.listen }
}

fn no_such_device() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no device with this id.")
}

/// The id of a path, if there is such a device.
fn existing(state: &AdminState, id: Id) -> Result<DeviceId, Problem> {
    let Path(id) = id.map_err(|_| no_such_device())?;
    Ok(devices::existing(state, &id)?)
}

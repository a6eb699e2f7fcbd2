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
use crate::admin::{AdminState, DevicePatch, NewDevice};
use crate::http::{Peer, reply};
use crate::model::{Device, DeviceId};

/// Names go into documents that small boxes show in one line.
const LONGEST_NAME: usize = 64;
const MOST_TUNERS: u8 = 32;

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

/// A device as a request has it. Of a new one all members are wanted but `id` and `tuner_count`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    id: Option<String>,
    name: Option<String>,
    tuner_count: Option<u8>,
    listen: Option<String>,
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
    let wanted: Wanted = body::read_json(request).await?;
    let listen = wanted.listen.as_deref().ok_or_else(|| {
        Problem::field("listen", "A further device needs an address of its own, such as 192.168.1.11:80 or 0.0.0.0:5005.")
    })?;
    let name = wanted.name.as_deref().ok_or_else(|| Problem::field("name", "A device needs a name."))?;
    let id = wanted.id.as_deref().map(|id| id.parse::<DeviceId>()).transpose();
    let new = NewDevice {
        name: valid_name(name)?,
        tuner_count: valid_tuners(wanted.tuner_count.unwrap_or(4))?,
        id: id.map_err(|error| Problem::field("id", format!("{error}.")))?,
        listen: valid_listen(listen)?,
    };
    let device = state.backend.add_device(new).await?;
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
    let wanted: Wanted = body::read_json(request).await?;
    if wanted.id.is_some() {
        return Err(Problem::field("id", "The id of a device stays: players know it by that. Make another device instead."));
    }
    if wanted.listen.is_some() && is_first(&state, id) {
        return Err(Problem::field("listen", "The first device is on the main addresses, which the setting `listen` has."));
    }
    let patch = DevicePatch {
        name: wanted.name.as_deref().map(valid_name).transpose()?,
        tuner_count: wanted.tuner_count.map(valid_tuners).transpose()?,
        listen: wanted.listen.as_deref().map(valid_listen).transpose()?,
    };
    let _turn = expected.turn(&state, shown(&state, id, peer)).await?;
    let device = state.backend.change_device(id, patch).await?;
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
    if is_first(&state, id) {
        return Err(Problem::new(StatusCode::CONFLICT, "The first device stays: it has port 80 and discovery."));
    }
    state.backend.remove_device(id).await?;
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
    let id = id.parse::<DeviceId>().map_err(|_| no_such_device())?;
    let exists = state.backend.catalog().devices.iter().any(|device| device.id == id);
    exists.then_some(id).ok_or_else(no_such_device)
}

fn is_first(state: &AdminState, id: DeviceId) -> bool {
    state.backend.catalog().devices.first().is_some_and(|first| first.id == id)
}

fn valid_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Problem::field("name", format!("A name has 1 to {LONGEST_NAME} characters, and no control characters.")));
    }
    Ok(name.to_owned())
}

fn valid_tuners(count: u8) -> Result<u8, Problem> {
    if (1..=MOST_TUNERS).contains(&count) {
        return Ok(count);
    }
    Err(Problem::field("tuner_count", format!("A device has 1 to {MOST_TUNERS} tuners.")))
}

fn valid_listen(listen: &str) -> Result<SocketAddr, Problem> {
    let listen: SocketAddr =
        listen.parse().map_err(|_| Problem::field("listen", "`listen` is an IP address and a port, such as 192.168.1.11:80."))?;
    if listen.port() == 0 || listen.ip().is_multicast() {
        return Err(Problem::field("listen", "`listen` needs a port, and an address of this machine."));
    }
    Ok(listen)
}

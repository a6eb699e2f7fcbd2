//! `/api/v1/devices`: the virtual tuners.

use std::net::SocketAddr;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::body;
use super::problem::Problem;
use crate::admin::feeds::lineups::{LineupRequest, MANY_CHANNELS};
use crate::admin::overview::DeviceView;
use crate::admin::page::{Look, address_for_people};
use crate::admin::{AdminState, devices};
use crate::http::{Peer, reply};
use crate::model::Device;

#[derive(Serialize)]
struct List {
    devices: Vec<Detail>,
}

/// A device with what only its owner needs to know.
#[derive(Serialize)]
struct Detail {
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
pub async fn show(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let id = devices::existing(&state, &id)?;
    let catalog = state.backend.catalog();
    let device = catalog.devices.iter().find(|device| device.id == id).ok_or_else(no_such_device)?;
    Ok(reply::json(&detail(&state, device, peer)))
}

/// `POST /devices`.
pub async fn add(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let device = devices::add(&state, body::read_json(request).await?).await?;
    let mut response = reply::json(&detail(&state, &device, peer));
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
    Path(id): Path<String>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let id = devices::existing(&state, &id)?;
    let device = devices::change(&state, id, body::read_json(request).await?).await?;
    Ok(reply::json(&detail(&state, &device, peer)))
}

/// `DELETE /devices/{id}`.
pub async fn remove(State(state): State<AdminState>, Path(id): Path<String>) -> Result<Response<Body>, Problem> {
    let id = devices::existing(&state, &id)?;
    devices::remove(&state, id).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /devices/{id}/channels`.
pub async fn lineup(State(state): State<AdminState>, Path(id): Path<String>) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&state.feeds.lineup(devices::existing(&state, &id)?)?))
}

/// `PUT /devices/{id}/channels` `{"all": true}`, `{"channels": [1, 2]}` or `{"groups": ["News"]}`.
pub async fn set_lineup(
    State(state): State<AdminState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let id = devices::existing(&state, &id)?;
    let request: LineupRequest = body::read_json_of(request, body::LARGE).await?;
    Ok(reply::json(&state.feeds.set_lineup(id, request).await?))
}

/// How long a part may be.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Most {
    most: Option<usize>,
}

/// `GET /devices/split?most=400`: how the lineup could be split over several devices.
pub async fn split(
    State(state): State<AdminState>,
    most: Result<Query<Most>, QueryRejection>,
) -> Result<Response<Body>, Problem> {
    let Query(Most { most }) = most.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let parts = state.feeds.split(most.unwrap_or(MANY_CHANNELS))?;
    Ok(reply::json(&serde_json::json!({ "parts": parts })))
}

fn detail(state: &AdminState, device: &Device, peer: Peer) -> Detail {
    let view = Look::at(state).facts.device(device, address_for_people(peer, &state.situation.load().addresses));
    Detail { view, udn: device.udn.clone(), listen: device.listen }
}

fn no_such_device() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no device with this id.")
}

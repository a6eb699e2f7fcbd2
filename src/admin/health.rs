//! `/healthz`: the process answers. `/readyz`: it serves. `/metrics`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde::Serialize;

use super::{AdminState, Service, Situation};
use crate::base::metrics;
use crate::http::reply::{self, media_type};

/// The process runs and answers; nothing else is asked.
pub async fn alive() -> Response<Body> {
    reply::document(media_type::TEXT, "ok\n")
}

/// What `/readyz` looked at.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    ready: bool,
    store: bool,
    http: &'a Service,
    port_80: &'a Service,
    discovery: &'a Service,
    ssdp: &'a Service,
    mdns: &'a Service,
}

/// 200 once HTTP, the store and everything that lets players find us has been started, else 503. What cannot be had, such as a
/// port that another program holds, does not keep it from being ready.
pub async fn ready(State(state): State<AdminState>) -> Response<Body> {
    let store = state.backend.store_answers().await;
    let situation = state.situation.load_full();
    let Situation { http, port_80, discovery, ssdp, mdns, .. } = &*situation;
    let ready = store && *http == Service::On && situation.is_settled();
    let mut response = reply::json(&Ready { ready, store, http, port_80, discovery, ssdp, mdns });
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// Everything counted, for Prometheus.
pub async fn metrics(State(state): State<AdminState>) -> Response<Body> {
    reply::document(metrics::MEDIA_TYPE, state.metrics.text())
}

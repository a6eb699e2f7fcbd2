//! The one table of URLs: which router answers what.
//!
//! | Path | Who answers | Who may ask |
//! |---|---|---|
//! | `/discover.json`, `/lineup.*`, `/lineup_status.json`, `/status.json`, `/device.xml`, `/tuners.html`, `/upnp/…` | `hdhr` | the home's networks |
//! | `/auto/v…`, `/tunerN/v…` | `hdhr` | the home's networks |
//! | `/`, `/live`, `/static/…` | `admin` | the home's networks |
//! | `/healthz`, `/readyz`, `/metrics` | `admin` | the home's networks |
//! | `/api/v1/…` | `admin` | holders of a token |
//!
//! Of `/api/v1`: `status`, `channels[/ID]`, `devices[/ID]`, `providers`, `tuners`, `tuners/recovery` (POST),
//! `sessions/history`, `sessions/events`, `sources/health` and `sources/ID/health` (DELETE), `events` (server-sent events).
//!
//! Everything else is an empty 404, at once: Plex asks for many things and takes 404 for an answer.

use axum::Router;

use crate::admin::{self, AdminState};
use crate::hdhr::{self, Hdhr};

/// The main addresses: the first device, the page, the API.
pub fn main(hdhr: Hdhr, admin: AdminState) -> Router {
    device(hdhr).merge(admin::router(admin))
}

/// A further device's own listener: only the device.
pub fn device(hdhr: Hdhr) -> Router {
    hdhr::router(hdhr)
}

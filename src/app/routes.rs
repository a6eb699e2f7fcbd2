//! The one table of URLs: which router answers what.
//!
//! | Path | Who answers | Who may ask |
//! |---|---|---|
//! | `/discover.json`, `/lineup.*`, `/lineup_status.json`, `/status.json`, `/device.xml`, `/tuners.html`, `/upnp/…` | `hdhr` | the home's networks |
//! | `/auto/v…`, `/tunerN/v…` | `hdhr` | the home's networks |
//! | `/xmltv.xml`, `/xmltv.xml.gz`, `/playlist.m3u` | `publish` | the home's networks |
//! | `/static/…` | `admin` | the home's networks |
//! | `/setup`, `/login` | `admin` | the home's networks, until somebody is logged in |
//! | `/`, `/live`, and every other page | `admin` | whoever is logged in |
//! | `/healthz`, `/readyz`, `/metrics` | `admin` | the home's networks |
//! | `/api/v1/…` | `admin` | holders of a token, and browsers that are logged in |
//!
//! Each device has its own guide and playlist, at its own address.
//!
//! What there is below `/api/v1`, with what each route needs, takes, gives and refuses, is the table in `admin/api/table`, of which
//! `/api/v1/openapi.json` is written; the pages are the table in `admin/web`.
//!
//! Everything else is an empty 404, at once: Plex asks for many things and takes 404 for an answer.

use axum::Router;

use super::publish::{self, Publisher};
use crate::admin::{self, AdminState};
use crate::hdhr::{self, Hdhr};

/// The main addresses: the first device, the page, the API.
pub fn main(hdhr: Hdhr, publisher: &Publisher, admin: AdminState) -> Router {
    device(hdhr, publisher).merge(admin::router(admin))
}

/// A further device's own listener: only the device, with its guide and playlist.
pub fn device(hdhr: Hdhr, publisher: &Publisher) -> Router {
    let export = publish::router(publisher, hdhr.device, hdhr.ports, hdhr.access.clone());
    hdhr::router(hdhr).merge(export)
}

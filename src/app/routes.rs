//! The one table of URLs: which router answers what.
//!
//! | Path | Who answers | Who may ask |
//! |---|---|---|
//! | `/discover.json`, `/lineup.*`, `/lineup_status.json`, `/status.json`, `/device.xml`, `/tuners.html`, `/upnp/…` | `hdhr` | the home's networks |
//! | `/auto/v…`, `/tunerN/v…` | `hdhr` | the home's networks |
//! | `/xmltv.xml`, `/xmltv.xml.gz`, `/playlist.m3u` | `publish` | the home's networks |
//! | `/setup`, `/login`, `/static/…` | `admin` | the home's networks |
//! | `/`, `/live`, `/channels`, `/playlists`, `/guide` and the other pages (`admin::web`) | `admin` | who is logged in |
//! | `/devices…`, `/history…`, `/jobs…`, `/settings`, `/people…`, `/logs`, `/backup…`, `/about…` | `admin` | whoever is logged in |
//! | `/healthz`, `/readyz`, `/metrics` | `admin` | the home's networks |
//! | `/api/v1/…` | `admin` | holders of a token, who is logged in |
//!
//! Each device has its own guide and playlist, at its own address.
//!
//! Of `/api/v1`: `status`, `channels[/ID[/sources|/mapping|/programmes]]`, `channels/bulk`, `devices[/ID]`, `providers`,
//! `playlists[/ID[/refresh|/held|/items|/groups]]`, `guides[/ID[/refresh|/held|/channels]]`, `guides/offered`, `guide/now`,
//! `guide/search`, `mappings`, `jobs[/ID]`, `tuners`, `tuners/recovery` (POST), `sessions/history`, `sessions/events`,
//! `users[/ID]`, `tokens[/ID]`, `audit`, `logs`, `settings`, `support`, `backup` and `restore` (POST), `sources/ID`, `sources/health` and `sources/ID/health` (DELETE), `events` (server-sent events).
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

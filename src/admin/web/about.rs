//! `/about`: what this is, how it is doing in a few numbers, its documents, and the support bundle.

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, HeaderValue};
use axum::http::{Response, StatusCode};

use super::parts::{bytes, count, not_done, show as rendered};
use super::{Shell, refusal};
use crate::admin::access::Asker;
use crate::admin::page::{Look, address_for_people};
use crate::admin::{AdminState, FeedsError, support, words};
use crate::base::clock;
use crate::http::{Peer, reply};

/// Documents that are carried in the executable: their name in the address, what they are, the text.
const DOCUMENTS: [(&str, &str, &str); 4] = [
    ("readme", "Read me", include_str!("../../../README.md")),
    ("troubleshooting", "Troubleshooting", include_str!("../../../docs/troubleshooting.md")),
    ("players", "Players", include_str!("../../../docs/players.md")),
    ("changes", "What is new", include_str!("../../../CHANGELOG.md")),
];
const LICENCE: &str = include_str!("../../../LICENSE");

#[derive(Template)]
#[template(path = "about.html")]
struct Page {
    shell: Shell,
    version: &'static str,
    uptime: String,
    addresses: Vec<String>,
    database: String,
    channels: String,
    sources: String,
    playlists: String,
    guides: String,
    documents: Vec<(&'static str, &'static str)>,
    licence: &'static str,
}

/// `GET /about`.
pub async fn show(State(state): State<AdminState>, Extension(peer): Extension<Peer>, asker: Asker) -> Response<Body> {
    match page(&state, peer, &asker).await {
        Ok(page) => rendered(&page),
        Err(error) => not_done(&error),
    }
}

async fn page(state: &AdminState, peer: Peer, asker: &Asker) -> Result<Page, FeedsError> {
    let facts = Look::at(state).facts;
    let devices = facts.devices(address_for_people(peer, &facts.situation.addresses));
    let number = |count_of: usize| count(count_of as u64);
    let store = &state.feeds.store;
    Ok(Page {
        shell: Shell::new(asker, "/about", "About"),
        version: env!("CARGO_PKG_VERSION"),
        uptime: words::duration(clock::now().saturating_duration_since(state.process.started)),
        addresses: devices.into_iter().flat_map(|device| device.addresses).collect(),
        database: bytes(store.bytes()),
        channels: number(facts.catalog.channels.len()),
        sources: number(facts.catalog.sources.values().map(Vec::len).sum()),
        playlists: number(store.playlists().await?.len()),
        guides: number(store.guides().await?.len()),
        documents: DOCUMENTS.iter().map(|(name, title, _)| (*name, *title)).collect(),
        licence: LICENCE,
    })
}

/// `GET /about/documents/{name}`: as it was written, which people can read, too.
pub async fn document(Path(name): Path<String>) -> Response<Body> {
    match DOCUMENTS.iter().find(|(known, ..)| *known == name) {
        Some((.., text)) => reply::document(reply::media_type::TEXT, *text),
        None => refusal(StatusCode::NOT_FOUND, "There is no such document."),
    }
}

/// `GET /about/bundle`.
pub async fn bundle(State(state): State<AdminState>) -> Response<Body> {
    match support::bundle(&state).await {
        Ok(bundle) => {
            let mut response = reply::json(&bundle);
            let named = HeaderValue::from_static("attachment; filename=\"rooftop-support.json\"");
            response.headers_mut().insert(CONTENT_DISPOSITION, named);
            response
        }
        Err(error) => not_done(&error),
    }
}

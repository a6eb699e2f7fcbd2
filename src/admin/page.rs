//! The first page.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::Response;

use super::access::Asker;
use super::fragments::{self, View};
use super::overview::{Facts, PLEX_MOST_CHANNELS};
use super::web::{self, Shell};
use super::{AdminState, words};
use crate::base::clock;
use crate::http::Peer;
use crate::store::Catalog;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    shell: Shell,
    version: &'static str,
    name: &'a str,
    /// `http://10.0.0.2:5004`.
    address: &'a str,
    /// The same without scheme.
    host: &'a str,
    /// Without port.
    ip: &'a str,
    discoverable: bool,
    most_of_plex: usize,
    warnings: String,
    watching: String,
    devices: String,
    channels: String,
    shown: String,
    total: usize,
    searchable: bool,
    q: &'a str,
    previous: Option<usize>,
    next: Option<usize>,
    page: usize,
    pages: usize,
}

/// `GET /`.
pub async fn show(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    asker: Asker,
    Query(view): Query<View>,
) -> Response<Body> {
    state.notices.refresh(&state.feeds).await;
    let (look, here) = (Look::at(&state), address_for_people(peer, &state.situation.load().addresses));
    let parts = look.parts(&view, here);
    let devices = look.facts.devices(here);
    let first = devices.first();
    let address = first.and_then(|device| device.addresses.first().cloned()).unwrap_or_else(|| format!("http://{here}"));
    let host = address.trim_start_matches("http://");
    let (total, found) = (look.facts.catalog.channels.len(), view.found(&look.facts.catalog.channels).len());
    let (page, pages) = view.page_of(found);
    web::html(fragments::render(&Page {
        shell: Shell::new(&asker, "/", first.map_or("Rooftop", |device| device.name.as_str())).noting(view.note.as_deref()),
        version: env!("CARGO_PKG_VERSION"),
        name: first.map_or("Rooftop", |device| device.name.as_str()),
        address: &address,
        host,
        ip: &here.to_string(),
        discoverable: first.is_some_and(|device| device.discoverable),
        most_of_plex: PLEX_MOST_CHANNELS,
        warnings: parts.warnings,
        watching: parts.watching,
        devices: parts.devices,
        channels: parts.channels,
        shown: if found == total { words::count(total, "channel", "channels") } else { format!("{found} of {total} channels") },
        total,
        searchable: total > 12 || !view.q.is_empty(),
        q: &view.q,
        previous: (page > 1).then(|| page - 1),
        next: (page < pages).then_some(page + 1),
        page,
        pages,
    }))
}

/// Everything as it is now.
pub struct Look {
    /// What is known.
    pub facts: Facts,
    now_ms: i64,
}

/// The parts of the page that move, rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub warnings: String,
    pub watching: String,
    pub devices: String,
    pub channels: String,
}

impl Look {
    /// Looks everything up; nothing of it waits.
    pub fn at(state: &AdminState) -> Self {
        let catalog: Arc<Catalog> = state.backend.catalog();
        let facts = Facts::gather(catalog, state.situation.load_full(), &state.manager, state.notices.told(), clock::wall());
        Self { facts, now_ms: clock::wall_ms() }
    }

    /// Renders what `view` looks at, for somebody who reached this machine at `here`.
    pub fn parts(&self, view: &View, here: IpAddr) -> Parts {
        Parts {
            warnings: fragments::warnings(&self.facts),
            watching: fragments::watching(&self.facts),
            devices: fragments::devices(&self.facts.devices(here)),
            channels: fragments::channels(&self.facts, view, self.now_ms),
        }
    }
}

/// The address to be typed into a player: the one that the browser used, unless no other machine can use it.
pub fn address_for_people(peer: Peer, listening: &[IpAddr]) -> IpAddr {
    match peer.local.ip().to_canonical() {
        IpAddr::V4(ip) if !ip.is_loopback() => IpAddr::V4(ip),
        other if listening.is_empty() => outward_ipv4().map_or(other, IpAddr::V4),
        other => listening.iter().copied().find(|ip| ip.is_ipv4() && !ip.is_loopback()).unwrap_or(other),
    }
}

/// Asks the routing table; nothing is sent. The address is of TEST-NET-1 (RFC 5737).
fn outward_ipv4() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()? {
        SocketAddr::V4(addr) => Some(*addr.ip()),
        SocketAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("10.0.0.2", "", "10.0.0.2")]
    #[case("::ffff:10.0.0.2", "10.0.0.3", "10.0.0.2")]
    #[case("127.0.0.1", "127.0.0.1", "127.0.0.1")]
    #[case("127.0.0.1", "127.0.0.1 10.0.0.5", "10.0.0.5")]
    fn the_address_is_one_that_answers(#[case] local: &str, #[case] listening: &str, #[case] expected: &str) {
        let peer = Peer { remote: ([127, 0, 0, 1], 9).into(), local: (local.parse::<IpAddr>().unwrap(), 5004).into() };
        let listening: Vec<IpAddr> = listening.split_whitespace().map(|ip| ip.parse().unwrap()).collect();
        assert_eq!(address_for_people(peer, &listening), expected.parse::<IpAddr>().unwrap());
    }
}

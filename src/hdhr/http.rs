//! The HTTP side: which path is answered by what.
//!
//! Every path answers alike on every port of the device: clients find `discover.json` on port 80 and streams on the main port, or
//! the other way round. What is unknown is 404 at once, because Plex probes for paths that other makes have.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HOST, HeaderValue, ORIGIN};
use axum::http::{Response, StatusCode};
use axum::middleware::{self, Next};
use axum::routing::{get, post};
use axum::{Extension, Router};

use super::device::{Discover, Urls, device_xml};
use super::http_stream;
use super::lineup::{Form, Lineup};
use super::status::{LineupStatus, tuner_status, tuners_html};
use super::{Hdhr, Mark, connection_manager, content_directory, soap};
use crate::base::clock::{self, Instant};
use crate::http::reply::{self, Problem, media_type};
use crate::http::{Peer, access, body};
use crate::model::Device;
use crate::store::Catalog;

/// A control message of UPnP is a few hundred bytes.
const MOST_CONTROL_BYTES: usize = 64 * 1024;
const CONTROL_TIME: Duration = Duration::from_secs(5);

/// What the handlers of one device share.
pub(super) struct Shared {
    pub(super) hdhr: Hdhr,
    pub(super) lineup: Lineup,
    scan_began: Mutex<Option<Instant>>,
}

impl Shared {
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        self.hdhr.channels.catalog()
    }

    /// # Errors
    /// 404 once the device was removed.
    pub(super) fn device(&self) -> Result<Device, Problem> {
        self.hdhr.device().ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "This device was removed."))
    }

    fn urls(&self, peer: Peer) -> Urls {
        Urls::new(address_for_urls(peer), self.hdhr.ports)
    }

    fn scan(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.scan_began.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes of one device, its access rules applied. Everything else is answered with an empty 404.
///
/// Other routes can be merged in; they must have no fallback, and bring their own access rules.
pub fn router(hdhr: Hdhr) -> Router {
    let access = hdhr.access.clone();
    let shared = Arc::new(Shared { hdhr, lineup: Lineup::default(), scan_began: Mutex::default() });
    // Whoever starts the device is told now if its lineup is too long for some client, and not when that client asks.
    shared.lineup.entries(&shared.catalog());
    Router::new()
        .route("/discover.json", get(discover))
        .route("/device.xml", get(description))
        .route("/lineup.json", get(|state, peer| lineup(state, peer, Form::Json)))
        .route("/lineup.xml", get(|state, peer| lineup(state, peer, Form::Xml)))
        .route("/lineup.m3u", get(|state, peer| lineup(state, peer, Form::M3u)))
        .route("/lineup_status.json", get(lineup_status))
        .route("/lineup.post", get(lineup_post).post(lineup_post))
        .route("/status.json", get(status))
        .route("/tuners.html", get(tuners))
        .route("/upnp/content_directory.xml", get(|| async { reply::document(media_type::XML, content_directory::SCPD) }))
        .route("/upnp/connection_manager.xml", get(|| async { reply::document(media_type::XML, connection_manager::SCPD) }))
        .route("/upnp/control/content_directory", post(control_content_directory))
        .route("/upnp/control/connection_manager", post(control_connection_manager))
        .fallback(fallback)
        .method_not_allowed_fallback(|| async { reply::empty(StatusCode::METHOD_NOT_ALLOWED) })
        .layer(middleware::from_fn_with_state(access.clone(), access::check_host))
        .layer(middleware::from_fn_with_state(access, access::check_client))
        .layer(middleware::from_fn(as_hdhomeruns_do))
        .with_state(shared)
}

/// What is common to all answers: clients in browsers may read them, nobody may keep them, and errors of streams have no body
/// whoever made them.
async fn as_hdhomeruns_do(request: Request, next: Next) -> Response<Body> {
    let is_stream = http_stream::is_stream_path(request.uri().path());
    let mut response = next.run(request).await;
    if is_stream && (response.status().is_client_error() || response.status().is_server_error()) {
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(axum::http::header::CONTENT_TYPE);
        parts.headers.remove(axum::http::header::CONTENT_LENGTH);
        response = Response::from_parts(parts, Body::empty());
    }
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn fallback(state: State<Arc<Shared>>, request: Request) -> Response<Body> {
    if http_stream::is_stream_path(request.uri().path()) {
        return http_stream::stream(state, request).await;
    }
    reply::empty(StatusCode::NOT_FOUND)
}

async fn discover(State(shared): State<Arc<Shared>>, Extension(peer): Extension<Peer>) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&Discover::new(&shared.device()?, &shared.urls(peer))))
}

async fn description(State(shared): State<Arc<Shared>>, Extension(peer): Extension<Peer>) -> Result<Response<Body>, Problem> {
    Ok(reply::document(media_type::XML, device_xml(&shared.device()?, &shared.urls(peer))))
}

async fn lineup(State(shared): State<Arc<Shared>>, Extension(peer): Extension<Peer>, form: Form) -> Response<Body> {
    let document = shared.lineup.document(&shared.catalog(), form, &shared.urls(peer));
    let media_type = match form {
        Form::Json => media_type::JSON,
        Form::Xml => media_type::XML,
        Form::M3u => media_type::M3U,
    };
    reply::document(media_type, document)
}

async fn lineup_status(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let since = shared.scan().map(|began| clock::now().duration_since(began));
    let (entries, _) = shared.lineup.entries(&shared.catalog());
    reply::json(&LineupStatus::new(since, entries.len()))
}

async fn status(State(shared): State<Arc<Shared>>) -> Result<Response<Body>, Problem> {
    let device = shared.device()?;
    Ok(reply::json(&tuner_status(device.tuner_count, &shared.hdhr.manager.tuners(device.row))))
}

async fn tuners(State(shared): State<Arc<Shared>>) -> Result<Response<Body>, Problem> {
    let device = shared.device()?;
    let page = tuners_html(device.tuner_count, &shared.hdhr.manager.tuners(device.row));
    Ok(reply::document(media_type::HTML, page))
}

/// `lineup.post?scan=start|abort` and `?favorite=+5.1|-5.1|x5.1`. The answer has no body; clients look at the status only.
async fn lineup_post(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match (name, value) {
            ("scan", "start") => {
                tracing::info!("a client starts a channel scan");
                *shared.scan() = Some(clock::now());
            }
            ("scan", "abort") => *shared.scan() = None,
            ("favorite", value) => {
                let Some((mark, number)) = parse_favorite(value) else { return reply::empty(StatusCode::BAD_REQUEST) };
                if !is_same_origin(&request) {
                    return reply::empty(StatusCode::FORBIDDEN);
                }
                if !shared.hdhr.channels.mark(number, mark).await {
                    return reply::empty(StatusCode::NOT_FOUND);
                }
            }
            // `source` goes with `scan`; of the rest clients know more than is documented.
            _ => {}
        }
    }
    reply::empty(StatusCode::OK)
}

/// The sign may come as it is, percent-encoded, or as the blank that some libraries make of `+`.
fn parse_favorite(value: &str) -> Option<(Mark, crate::model::GuideNumber)> {
    let value = percent_decode(value)?;
    let mut chars = value.chars();
    let mark = match chars.next()? {
        '+' | ' ' => Mark::Favorite,
        '-' => Mark::Plain,
        'x' => Mark::Hidden,
        _ => return None,
    };
    Some((mark, chars.as_str().parse().ok()?))
}

/// RFC 3986, 2.1. `None` if it is not UTF-8 or broken off.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// A page of another site must not change the lineup through its visitor's browser. Whoever is no browser sends no `Origin`.
fn is_same_origin(request: &Request) -> bool {
    let Some(origin) = request.headers().get(ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin.is_some() && origin == request.headers().get(HOST).and_then(|host| host.to_str().ok())
}

async fn control_content_directory(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let device = shared.device()?;
    let (entries, update_id) = shared.lineup.entries(&shared.catalog());
    let urls = shared.urls(peer);
    let directory = content_directory::Directory { name: &device.name, entries: &entries, update_id, urls: &urls };
    let control = read_control(request).await?;
    Ok(soap::answer(content_directory::SERVICE, &control, |action| directory.act(action)))
}

async fn control_connection_manager(request: Request) -> Result<Response<Body>, Problem> {
    let control = read_control(request).await?;
    Ok(soap::answer(connection_manager::SERVICE, &control, connection_manager::act))
}

async fn read_control(request: Request) -> Result<bytes::Bytes, Problem> {
    body::read(request.into_body(), MOST_CONTROL_BYTES, CONTROL_TIME).await.map_err(|unread| {
        let status = match unread {
            body::Unread::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            body::Unread::TooSlow => StatusCode::REQUEST_TIMEOUT,
            body::Unread::Broken => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, unread.to_string())
    })
}

/// The address in the URLs of an answer: the one the client used. To clients that came over IPv6, the IPv4 address of the same
/// interface, as far as it has one: many clients take no other.
fn address_for_urls(peer: Peer) -> IpAddr {
    let local = peer.local.ip();
    if local.is_ipv4() {
        return local;
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let here = interfaces.iter().find(|interface| interface.ip() == local).map(|interface| interface.name.as_str());
    let of_same = interfaces.iter().filter(|interface| Some(interface.name.as_str()) == here);
    of_same.map(if_addrs::Interface::ip).find(IpAddr::is_ipv4).unwrap_or(local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("%2B5.1", Some((Mark::Favorite, "5.1")))]
    #[case("+5.1", Some((Mark::Favorite, "5.1")))]
    #[case("%205", Some((Mark::Favorite, "5")))]
    #[case("-5.1", Some((Mark::Plain, "5.1")))]
    #[case("x100", Some((Mark::Hidden, "100")))]
    #[case("5.1", None)]
    #[case("+", None)]
    #[case("", None)]
    #[case("%2", None)]
    #[case("%FF5", None)]
    fn favorites(#[case] value: &str, #[case] expected: Option<(Mark, &str)>) {
        let parsed = parse_favorite(value).map(|(mark, number)| (mark, number.to_string()));
        assert_eq!(parsed, expected.map(|(mark, number)| (mark, number.to_owned())));
    }
}

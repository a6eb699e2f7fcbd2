//! `/xmltv.xml`, `/xmltv.xml.gz` and `/playlist.m3u` of a device.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use axum::http::{Method, Response, StatusCode};
use axum::routing::get;
use axum::{Extension, Router};
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use tower_http::services::ServeFile;

use super::{Publisher, channels_of, write};
use crate::base::clock;
use crate::guide::export::m3u;
use crate::hdhr::Ports;
use crate::http::reply::{self, media_type};
use crate::http::{Access, Peer, access};

/// Whoever asks before the first document is written waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The routes of a device. Access rules are applied; there is no fallback, so that they can be merged with the device's own.
pub fn router(publisher: &Publisher, device: i64, ports: Ports, access: Access) -> Router {
    let guide = |packed: bool| {
        let publisher = publisher.clone();
        get(move |request: Request| async move { document(&publisher, device, packed, request).await })
    };
    let list = {
        let publisher = publisher.clone();
        get(move |Extension(peer): Extension<Peer>, request: Request| async move {
            playlist(&publisher, device, peer.local.ip(), ports, &request)
        })
    };
    Router::new()
        .route("/xmltv.xml", guide(false))
        .route("/xmltv.xml.gz", guide(true))
        .route("/playlist.m3u", list)
        .layer(axum::middleware::from_fn_with_state(access.clone(), access::check_host))
        .layer(axum::middleware::from_fn_with_state(access, access::check_client))
}

/// A file, with ranges; asked for with what was said of it before, it may be "not modified".
async fn document(publisher: &Publisher, device: i64, packed: bool, mut request: Request) -> Response<Body> {
    let path = publisher.path(device, packed);
    let there = async {
        while !path.exists() {
            clock::sleep(Duration::from_millis(100)).await;
        }
    };
    if clock::timeout(PATIENCE, there).await.is_err() {
        let mut response = reply::text(StatusCode::SERVICE_UNAVAILABLE, "The guide is being written. Ask again in a minute.");
        response.headers_mut().insert("retry-after", HeaderValue::from_static("60"));
        return response;
    }
    let Some(tag) = tag_of(&path) else { return reply::empty(StatusCode::NOT_FOUND) };
    if is_seen(request.headers(), &tag) {
        return tagged(reply::empty(StatusCode::NOT_MODIFIED), &tag);
    }
    // Where tags are given, dates do not count (RFC 9110, section 13.1.3).
    if request.headers().contains_key(IF_NONE_MATCH) {
        request.headers_mut().remove(IF_MODIFIED_SINCE);
    }
    // Pieces of two documents do not fit together (RFC 9110, section 13.1.5).
    if let Some(condition) = request.headers().get(IF_RANGE)
        && condition.as_bytes() != tag.as_bytes()
        && !is_date_of(condition, &path)
    {
        request.headers_mut().remove(RANGE);
    }
    let media = if packed { "application/gzip" } else { "application/xml" };
    let served = ServeFile::new(&path).oneshot(request).await;
    let Ok(served) = served;
    let mut response = tagged(served.map(Body::new), &tag);
    if response.status().is_success() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    }
    response
}

/// The playlist, with addresses as whoever asks can use them.
fn playlist(publisher: &Publisher, device: i64, local: IpAddr, ports: Ports, request: &Request) -> Response<Body> {
    let ip = match local.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) if ip.is_loopback() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let streams = format!("http://{ip}:{}", ports.main);
    let base = if ports.port_80 { format!("http://{ip}") } else { streams.clone() };
    let catalog = publisher.store.catalog();
    let channels: Vec<_> = channels_of(&catalog, device).map(|channel| write::out(channel, &streams)).collect();
    let mut text = Vec::new();
    if let Err(error) = m3u::write(&mut text, &channels, Some(&format!("{base}/xmltv.xml"))) {
        tracing::error!(%error, "the playlist cannot be written");
        return reply::empty(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let tag = quoted(&Sha256::digest(&text));
    if is_seen(request.headers(), &tag) {
        return tagged(reply::empty(StatusCode::NOT_MODIFIED), &tag);
    }
    let mut response = reply::document(media_type::M3U, text);
    if let Some(changed) = publisher.path(device, false).metadata().ok().and_then(|meta| meta.modified().ok())
        && let Ok(date) = HeaderValue::from_str(&http_date(changed))
    {
        response.headers_mut().insert(LAST_MODIFIED, date);
    }
    debug_assert!(matches!(*request.method(), Method::GET | Method::HEAD), "routed so");
    tagged(response, &tag)
}

fn tagged(mut response: Response<Body>, tag: &str) -> Response<Body> {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// A strong tag: the document is replaced whole, never changed.
fn tag_of(path: &Path) -> Option<String> {
    let meta = path.metadata().ok()?;
    let changed = meta.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let mut sha = Sha256::new();
    sha.update(changed.as_nanos().to_le_bytes());
    sha.update(meta.len().to_le_bytes());
    Some(quoted(&sha.finalize()))
}

fn quoted(hash: &[u8]) -> String {
    let mut tag = String::from("\"");
    for byte in hash.iter().take(12) {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// RFC 9110, section 13.1.2: a list of tags, perhaps weak, or `*`.
fn is_seen(headers: &HeaderMap, tag: &str) -> bool {
    let mut values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.split(',').map(str::trim).any(|seen| seen == "*" || seen.trim_start_matches("W/") == tag))
}

fn is_date_of(value: &HeaderValue, path: &Path) -> bool {
    let changed = path.metadata().ok().and_then(|meta| meta.modified().ok());
    changed.is_some_and(|changed| value.as_bytes() == http_date(changed).as_bytes())
}

/// RFC 9110, section 5.6.7.
fn http_date(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
    jiff::Timestamp::from_second(seconds).unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

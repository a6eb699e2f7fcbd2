//! Connections and requests: TLS, redirects, and errors in words that hold no address.

use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Proxy, StatusCode, redirect};
use url::Url;

use super::identity::Identity;
use crate::base::clock;
use crate::model::Route;
use crate::source::SourceError;

/// Redirects followed for one request.
const REDIRECTS: usize = 10;
/// Longest `Retry-After` that is believed.
const RETRY_AFTER: Duration = Duration::from_secs(3600);
/// How long a connection of HLS is kept for the next segment.
const KEPT: Duration = Duration::from_secs(15);
/// Of a playlist's proxy.
const NO_PROXY: &str = "the proxy of its playlist is no address of http, https, socks5 or socks5h";

/// What connections of all sources have in common. The certificates of the system are read when the first `https` address
/// is dialled: a house without one pays nothing for them.
#[derive(Debug)]
pub struct Tls {
    plain: rustls::ClientConfig,
    secure: OnceLock<rustls::ClientConfig>,
    verify: bool,
}

impl Tls {
    /// `verify` is whether certificates of servers must be valid.
    ///
    /// # Errors
    /// When the cryptography does not know any version of TLS.
    pub fn new(verify: bool) -> Result<Self, SourceError> {
        // Whoever is first; the process has one provider and it is always this one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = config(rustls::RootCertStore::empty())?;
        Ok(Self { plain, secure: OnceLock::new(), verify })
    }

    fn secure(&self) -> rustls::ClientConfig {
        let make = || {
            let mut roots = rustls::RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 {
                tracing::warn!("no certificates of authorities on this machine: addresses of https cannot be verified");
            }
            config(roots).unwrap_or_else(|_| self.plain.clone())
        };
        self.secure.get_or_init(make).clone()
    }
}

fn config(roots: rustls::RootCertStore) -> Result<rustls::ClientConfig, SourceError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| SourceError::Local { what: "TLS".into(), reason: error.to_string() })?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    // Streams are HTTP/1.1: a stream of HTTP/2 is held up by its neighbours' windows.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Dials. Each has connections of its own, which close when it and the answers it gave are dropped.
#[derive(Debug)]
pub struct Dialer {
    tls: Arc<Tls>,
    connect_timeout: Duration,
    kept: usize,
    route: Route,
    plain: Client,
    secure: OnceLock<Client>,
}

/// Part of a resource that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// First byte.
    pub first: u64,
    /// Number of bytes; `None`: to the end.
    pub count: Option<u64>,
}

/// An answer with a good status.
#[derive(Debug)]
pub struct Answer {
    /// Where it came from in the end, without credentials: the base of relative addresses in it.
    pub url: Url,
    /// The rest.
    pub response: reqwest::Response,
}

impl Dialer {
    /// `kept` is how many idle connections to each host are kept for the next request.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(tls: Arc<Tls>, connect_timeout: Duration, kept: usize) -> Result<Self, SourceError> {
        Self::routed(tls, connect_timeout, kept, Route::default())
    }

    fn routed(tls: Arc<Tls>, connect_timeout: Duration, kept: usize, route: Route) -> Result<Self, SourceError> {
        // The way to the proxy itself may need certificates.
        let config = if proxy_is_secure(&route) { tls.secure() } else { tls.plain.clone() };
        let plain = client(config, &route, tls.verify, connect_timeout, kept)?;
        Ok(Self { tls, connect_timeout, kept, route, plain, secure: OnceLock::new() })
    }

    /// Another one with connections of its own.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn keeping(&self, kept: usize) -> Result<Self, SourceError> {
        Self::routed(Arc::clone(&self.tls), self.connect_timeout, kept, self.route.clone())
    }

    /// Another one with connections of its own, which go this way.
    ///
    /// # Errors
    /// When the client cannot be made, or the proxy makes no sense.
    pub fn by(&self, route: &Route) -> Result<Self, SourceError> {
        Self::routed(Arc::clone(&self.tls), self.connect_timeout, self.kept, route.clone())
    }

    fn unreached(&self, error: &reqwest::Error) -> SourceError {
        match failure(error, self.connect_timeout) {
            SourceError::Connect { reason } if self.route.proxy.is_some() => {
                SourceError::Connect { reason: format!("through the playlist's proxy: {reason}") }
            }
            error => error,
        }
    }

    fn client(&self, url: &Url) -> Result<&Client, SourceError> {
        if url.scheme() == "http" {
            return Ok(&self.plain);
        }
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let client = client(self.tls.secure(), &self.route, self.tls.verify, self.connect_timeout, self.kept)?;
        Ok(self.secure.get_or_init(|| client))
    }

    /// Asks for `url`, follows redirects, and gives the first answer with a good status. Whether the server
    /// heeded `part` is for the caller to see.
    ///
    /// # Errors
    /// When there is no connection, a bad status, or too many redirects.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection.
    pub async fn get(&self, identity: &Identity, url: &Url, part: Option<Part>) -> Result<Answer, SourceError> {
        let mut seen: Vec<Url> = Vec::new();
        let mut url = url.clone();
        loop {
            let (asked, mut headers) = identity.request(&url);
            if let Some(Part { first, count }) = part {
                let last = count.map(|count| first.saturating_add(count).saturating_sub(1).to_string()).unwrap_or_default();
                headers.extend(HeaderValue::try_from(format!("bytes={first}-{last}")).map(|value| (header::RANGE, value)));
            }
            let request = self.client(&asked)?.get(asked).headers(headers);
            let response = request.send().await.map_err(|error| self.unreached(&error))?;
            let status = response.status();
            if status.is_success() {
                let _ = url.set_username("");
                let _ = url.set_password(None);
                return Ok(Answer { url, response });
            }
            let Some(next) = status.is_redirection().then(|| location(response.headers(), &url)).flatten() else {
                return Err(refusal(status, response.headers(), clock::wall()));
            };
            if !matches!(next.scheme(), "http" | "https") {
                return Err(SourceError::NotAStream { what: format!("a redirect to an address of scheme {:?}", next.scheme()) });
            }
            seen.push(std::mem::replace(&mut url, next));
            if seen.len() > REDIRECTS || seen.contains(&url) {
                return Err(SourceError::Redirects);
            }
        }
    }
}

fn proxy_is_secure(route: &Route) -> bool {
    route.proxy.as_deref().is_some_and(|proxy| proxy.starts_with("https:"))
}

fn client(
    tls: rustls::ClientConfig,
    route: &Route,
    verify: bool,
    connect_timeout: Duration,
    kept: usize,
) -> Result<Client, SourceError> {
    let builder = Client::builder().http1_only().http09_responses().redirect(redirect::Policy::none());
    let builder = match route.proxy.as_deref() {
        Some(proxy) => builder.proxy(Proxy::all(proxy).map_err(|_| SourceError::BadAddress { reason: NO_PROXY.into() })?),
        None => builder.no_proxy(),
    };
    let verify = verify && !route.any_certificate;
    let builder = builder.referer(false).gzip(false).retry(reqwest::retry::never());
    let builder = builder.connect_timeout(connect_timeout).tcp_nodelay(true).tcp_keepalive(Duration::from_secs(15));
    let builder = builder.pool_max_idle_per_host(kept).pool_idle_timeout(KEPT);
    let builder = builder.http1_ignore_invalid_headers_in_responses(true).http1_allow_spaces_after_header_name_in_responses(true);
    let builder = if verify { builder.tls_backend_preconfigured(tls) } else { builder.tls_danger_accept_invalid_certs(true) };
    builder.build().map_err(|error| SourceError::Local { what: "HTTP client".into(), reason: innermost(&error) })
}

/// Where a redirect leads; a fragment is kept by no server.
fn location(headers: &HeaderMap, base: &Url) -> Option<Url> {
    let value = headers.get(header::LOCATION)?.as_bytes();
    let mut next = base.join(std::str::from_utf8(value).ok()?.trim()).ok()?;
    next.set_fragment(None);
    Some(next)
}

fn refusal(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> SourceError {
    let retry_after = headers.get(header::RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
    SourceError::Status { status: status.as_u16(), retry_after }
}

/// `Retry-After` in seconds or as a date (RFC 9110, 10.2.3).
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(value).ok()?;
            SystemTime::from(date.timestamp()).duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(RETRY_AFTER))
}

/// An error of a request. The addresses that reqwest puts into its words are left out.
pub(super) fn failure(error: &reqwest::Error, connect_timeout: Duration) -> SourceError {
    if error.is_connect() {
        return if error.is_timeout() {
            SourceError::TimedOut(connect_timeout)
        } else {
            SourceError::Connect { reason: innermost(error) }
        };
    }
    SourceError::Lost { reason: innermost(error) }
}

/// The last of the chain of causes: the system's words. The outer ones repeat it, and hold the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut inner: Option<&dyn std::error::Error> = error.source();
    while let Some(next) = inner.and_then(|inner| inner.source()) {
        inner = Some(next);
    }
    inner.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::seconds("30", Some(30))]
    #[case::no_limit_is_believed("999999999", Some(3600))]
    #[case::date("Thu, 01 Jan 1970 00:02:00 GMT", Some(20))]
    #[case::past("Thu, 01 Jan 1970 00:00:00 GMT", Some(0))]
    #[case::nonsense("soon", None)]
    fn retry_after_is_read(#[case] value: &str, #[case] seconds: Option<u64>) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs));
    }
}

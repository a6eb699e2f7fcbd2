//! Asks servers: connections, proxies, redirects, and which header goes to which host.
//!
//! Credentials and headers of a feed stay with the host of its own address: redirects lead to hosts that its owner never named.

use std::sync::Arc;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Proxy, redirect};
use sha2::{Digest, Sha256};
use url::Url;

use super::Limits;
use super::error::{FetchError, wait_for};
use super::resume::Head;
use crate::base::secret::SafeUrl;
use crate::base::{clock, tasks};
use crate::model::FetchAccess;

/// Redirects followed for one request.
const REDIRECTS: usize = 10;
/// Sent where the settings say nothing else.
const USER_AGENT: &str = concat!("Rooftop/", env!("CARGO_PKG_VERSION"));
/// Headers that say nothing secret: they go to every host.
const PUBLIC: [HeaderName; 3] = [header::USER_AGENT, header::ACCEPT, header::ACCEPT_LANGUAGE];
/// Headers that are our own business, whatever the settings say.
const OURS: [HeaderName; 14] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Asks for one feed, again and again if need be.
pub struct Asker<'a> {
    home: Url,
    headers: HeaderMap,
    /// Whether the address or the headers hold what nobody else may read.
    secret: bool,
    access: &'a FetchAccess,
    limits: &'a Limits,
    client: Option<(Kind, Client)>,
}

/// What makes a client another one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    /// Certificates are needed.
    secure: bool,
    /// No proxy of the environment is asked.
    direct: bool,
}

/// What a server answered.
pub struct Answer {
    pub head: Head,
    /// Where it came from in the end, as it may be shown.
    pub shown: String,
    /// Hash of where it came from in the end, without query.
    pub served: String,
    pub response: reqwest::Response,
    refusal: FetchError,
}

impl Answer {
    /// Itself, if its status is one of success.
    pub fn good(self) -> Result<Self, FetchError> {
        if self.response.status().is_success() { Ok(self) } else { Err(self.refusal) }
    }

    /// Why it is of no use.
    pub fn refused(self) -> FetchError {
        self.refusal
    }
}

impl<'a> Asker<'a> {
    /// # Errors
    /// When the address, a header or the proxy makes no sense.
    pub fn new(location: &str, access: &'a FetchAccess, limits: &'a Limits) -> Result<Self, FetchError> {
        let home = Url::parse(location).ok().filter(Url::has_host).ok_or(FetchError::Address)?;
        let agent = access.user_agent.as_deref().map(str::trim).filter(|agent| !agent.is_empty()).unwrap_or(USER_AGENT);
        let agent = HeaderValue::from_str(agent).map_err(|_| FetchError::UserAgent)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::USER_AGENT, agent);
        let mut own = HeaderMap::new();
        for (number, (name, value)) in (1..).zip(&access.headers.0) {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok().filter(|name| !OURS.contains(name));
            let value = HeaderValue::from_bytes(value.trim().as_bytes()).ok();
            let (name, mut value) = name.zip(value).ok_or(FetchError::Header(number))?;
            value.set_sensitive(!PUBLIC.contains(&name));
            own.append(name, value);
        }
        let secret = own.keys().any(|name| !PUBLIC.contains(name)) || SafeUrl(location).to_string().contains("***");
        // All values of a name replace ours.
        for name in own.keys() {
            headers.remove(name);
        }
        headers.extend(own);
        // Unpacked here, lengths and ranges would no longer be those of the server. Readers see by the first bytes what it is.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        Ok(Self { home, headers, secret, access, limits, client: None })
    }

    /// Asks, and follows redirects. The answer may have any status.
    ///
    /// # Errors
    /// When there is no connection, no answer in time, or a redirect that is not followed.
    pub async fn get(&mut self, more: &HeaderMap) -> Result<Answer, FetchError> {
        let mut seen: Vec<Url> = Vec::new();
        let mut url = self.home.clone();
        loop {
            let (asked, mut headers) = self.request(&url);
            headers.extend(more.clone());
            let request = self.client(&asked).await?.get(asked).headers(headers);
            let late = |_| FetchError::TimedOut(self.limits.patience);
            let response = clock::timeout(self.limits.patience, request.send()).await.map_err(late)?;
            let response = response.map_err(|error| self.unreached(&error))?;
            let Some(next) = redirected(&response, &url) else { return Ok(answer(response, &url)) };
            self.follows(&url, &next)?;
            tracing::debug!(from = %SafeUrl(url.as_str()), to = %SafeUrl(next.as_str()), "a feed is elsewhere");
            seen.push(std::mem::replace(&mut url, next));
            if seen.len() > REDIRECTS || seen.contains(&url) {
                return Err(FetchError::Redirects);
            }
        }
    }

    /// Whether a redirect is followed. What a person gave with https does not go on in the clear, unless there is nothing to hide,
    /// as with addresses of shortening services, or whoever is in between may read along anyway.
    pub fn follows(&self, from: &Url, to: &Url) -> Result<(), FetchError> {
        match (from.scheme(), to.scheme()) {
            ("https", "http") if self.secret && !self.access.any_certificate => Err(FetchError::Downgrade),
            (_, "http" | "https") => Ok(()),
            (_, scheme) => Err(FetchError::RedirectScheme(scheme.to_owned())),
        }
    }

    /// The same host, and no step from encrypted to plain. Another port of it is the same owner's: panels hand over from
    /// port 80 to another one all the time.
    fn trusts(&self, to: &Url) -> bool {
        self.home.host() == to.host() && (to.scheme() == "https" || self.home.scheme() == "http")
    }

    /// The address to ask, with the feed's credentials in it if they may go there, and the headers to send along.
    fn request(&self, to: &Url) -> (Url, HeaderMap) {
        let trusted = self.trusts(to);
        let mut url = to.clone();
        if trusted && url.username().is_empty() && url.password().is_none() {
            // Neither can fail: an address of HTTP has a host.
            let _ = url.set_username(self.home.username());
            let _ = url.set_password(self.home.password());
        }
        let mut headers = self.headers.clone();
        if !trusted {
            let kept = |name: &HeaderName| PUBLIC.contains(name) || *name == header::ACCEPT_ENCODING;
            let private: Vec<HeaderName> = headers.keys().filter(|name| !kept(name)).cloned().collect();
            for name in private {
                headers.remove(name);
            }
        }
        (url, headers)
    }

    async fn client(&mut self, url: &Url) -> Result<&Client, FetchError> {
        let proxy = self.access.proxy.as_deref().map(str::trim).filter(|proxy| !proxy.is_empty());
        // A proxy of the environment is somewhere else, and cannot know what this machine says to itself.
        let direct = proxy.is_none() && is_this_machine(url);
        let plain = url.scheme() == "http" && (direct || proxy.is_some_and(|proxy| !proxy.starts_with("https:")));
        let kind = Kind { secure: !plain, direct };
        let client = match self.client.take() {
            Some((made, client)) if made == kind => client,
            _ => build(kind, proxy, self.access.any_certificate, self.limits).await?,
        };
        Ok(&self.client.insert((kind, client)).1)
    }

    fn unreached(&self, error: &reqwest::Error) -> FetchError {
        let reason = if error.is_connect() && error.is_timeout() {
            format!("no connection within {:?}", self.limits.connect)
        } else {
            innermost(error)
        };
        FetchError::Connect { reason, proxied: self.access.proxy.is_some() }
    }
}

fn answer(response: reqwest::Response, url: &Url) -> Answer {
    let head = Head::read(response.status().as_u16(), response.headers(), response.content_length());
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| wait_for(value, clock::wall()));
    let refusal = FetchError::Status { status: head.status, retry_after };
    let place = format!("{} {:?} {:?} {}", url.scheme(), url.host_str(), url.port_or_known_default(), url.path());
    Answer { head, shown: SafeUrl(url.as_str()).to_string(), served: hash(&place), response, refusal }
}

/// In hexadecimal digits, SHA-256.
pub fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Where a redirect leads; a fragment is kept by no server.
fn redirected(response: &reqwest::Response, base: &Url) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let value = response.headers().get(header::LOCATION)?.as_bytes();
    let mut next = base.join(std::str::from_utf8(value).ok()?.trim()).ok()?;
    next.set_fragment(None);
    Some(next)
}

async fn build(kind: Kind, proxy: Option<&str>, any_certificate: bool, limits: &Limits) -> Result<Client, FetchError> {
    // Whoever is first; the process has one provider and it is always this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().http1_only().redirect(redirect::Policy::none()).referer(false).gzip(false);
    let builder = builder.retry(reqwest::retry::never()).connect_timeout(limits.connect).pool_max_idle_per_host(0);
    let builder = builder.http1_ignore_invalid_headers_in_responses(true).http1_allow_spaces_after_header_name_in_responses(true);
    let builder = match proxy {
        Some(proxy) => builder.proxy(parse_proxy(proxy)?),
        None if kind.direct => builder.no_proxy(),
        None => builder,
    };
    let builder = if any_certificate {
        builder.tls_danger_accept_invalid_certs(true)
    } else {
        let tls = tasks::blocking(move || tls(kind.secure)).await;
        builder.tls_backend_preconfigured(tls.map_err(|_| FetchError::Cancelled)??)
    };
    builder.build().map_err(|error| FetchError::Connect { reason: innermost(&error), proxied: proxy.is_some() })
}

fn parse_proxy(proxy: &str) -> Result<Proxy, FetchError> {
    let url = Url::parse(proxy).ok().filter(|url| url.has_host()).ok_or(FetchError::Proxy)?;
    if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") {
        return Err(FetchError::Proxy);
    }
    Proxy::all(proxy).map_err(|_| FetchError::Proxy)
}

/// Certificates of the system are read only where they are needed.
fn tls(secure: bool) -> Result<rustls::ClientConfig, FetchError> {
    let mut roots = rustls::RootCertStore::empty();
    if secure {
        let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if added == 0 {
            tracing::warn!("no certificates of authorities on this machine: addresses of https cannot be verified");
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| FetchError::Connect { reason: error.to_string(), proxied: false })?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The innermost reason: the outer ones repeat the address.
pub fn innermost(error: &reqwest::Error) -> String {
    let mut inner: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(next) = inner.and_then(|inner| inner.source()) {
        inner = Some(next);
    }
    inner.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}

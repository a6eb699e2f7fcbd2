//! Who may ask, and under which name: allowed networks, and the defence against DNS rebinding.
//!
//! A page somewhere on the web can let its own name resolve to an address of this house and then speak to it as its own; the only
//! trace is the `Host` it sends. Names that the public DNS cannot give to anybody are therefore accepted, and no others.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::middleware::Next;
use ipnet::IpNet;

use super::{Peer, reply};

/// Who may ask, under which name. A cheap handle.
#[derive(Debug, Clone)]
pub struct Access {
    networks: Arc<[IpNet]>,
    hosts: Arc<[String]>,
}

/// The networks of a house: loopback, private (RFC 1918, RFC 4193) and link-local.
pub fn home_networks() -> Vec<IpNet> {
    ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fe80::/10", "fc00::/7"]
        .iter()
        .filter_map(|network| network.parse().ok())
        .collect()
}

fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

impl Default for Access {
    /// The networks of a house, and no name but those that are always allowed.
    fn default() -> Self {
        Self::new(home_networks(), [])
    }
}

impl Access {
    /// Clients of `networks`; names that are always allowed and `hosts` (without port; case does not matter). Always allowed are
    /// IP addresses, `localhost`, names of one label, names that end in `.local` (mDNS, RFC 6762) and this machine's own.
    pub fn new(networks: impl IntoIterator<Item = IpNet>, hosts: impl IntoIterator<Item = String>) -> Self {
        let hosts = hosts.into_iter().chain([machine_name()]);
        let hosts = hosts.map(|host| host.trim_end_matches('.').to_ascii_lowercase()).collect();
        Self { networks: networks.into_iter().collect(), hosts }
    }

    /// Whether a client of this address may use the tuner side.
    pub fn allows_client(&self, addr: IpAddr) -> bool {
        let addr = addr.to_canonical();
        self.networks.iter().any(|network| network.contains(&addr))
    }

    /// Whether `host`, as a `Host` header or the authority of a URL has it, is a name of ours.
    pub fn allows_host(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        if let Some(literal) = name.strip_prefix('[') {
            // With a zone perhaps (RFC 6874).
            return literal
                .strip_suffix(']')
                .is_some_and(|ip| ip.split('%').next().is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()));
        }
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return false;
        }
        name.parse::<std::net::Ipv4Addr>().is_ok()
            || !name.contains('.')
            || name.strip_suffix(".local").is_some_and(|label| !label.is_empty())
            || self.hosts.contains(&name)
    }

    /// Whether every name of ours that a request gives is one: that of an absolute request target and every `Host`. A request that
    /// gives none is let through: HTTP/1.0 has none, and no browser leaves it out.
    fn allows_names(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        uri.authority().is_none_or(|authority| self.allows_host(authority.as_str()))
            && headers.get_all(HOST).iter().all(|host| host.to_str().is_ok_and(|host| self.allows_host(host)))
    }
}

/// Splits off the port; `None` if it is not one.
fn without_port(host: &str) -> Option<&str> {
    let name_end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at_checked(name_end)?;
    let port = match port.strip_prefix(':') {
        None => port,
        Some(digits) => digits,
    };
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some(name)
}

/// Middleware: clients of other networks get 403 and nothing else. For `axum::middleware::from_fn_with_state`.
pub async fn check_client(State(access): State<Access>, request: Request, next: Next) -> Response<Body> {
    match request.extensions().get::<Peer>() {
        Some(peer) if !access.allows_client(peer.remote.ip()) => {
            tracing::debug!(client.addr = %peer.remote.ip(), "client is of no allowed network");
            reply::empty(StatusCode::FORBIDDEN)
        }
        _ => next.run(request).await,
    }
}

/// Middleware: requests for a name that is not ours get 421 (RFC 9110, 15.5.20) and a text that says what to do.
pub async fn check_host(State(access): State<Access>, request: Request, next: Next) -> Response<Body> {
    if access.allows_names(request.uri(), request.headers()) {
        return next.run(request).await;
    }
    tracing::debug!(http.host = ?request.headers().get(HOST), "request for a host that is not allowed");
    reply::text(
        StatusCode::MISDIRECTED_REQUEST,
        "This name is not known here. Use the IP address, a .local name, or add the name to the setting `hosts`.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn access() -> Access {
        Access::new(home_networks(), ["tv.example.org".to_owned(), "NAS.home.arpa".to_owned()])
    }

    #[rstest]
    #[case("192.168.1.5", true)]
    #[case("10.77.0.1:5004", true)]
    #[case("8.8.8.8", true)]
    #[case("[fe80::1]:80", true)]
    #[case("[fe80::1%25eth0]", true)]
    #[case("[::1]", true)]
    #[case("localhost:5004", true)]
    #[case("LOCALHOST", true)]
    #[case("nas", true)]
    #[case("1080F19F.local", true)]
    #[case("1080F19F.local.:80", true)]
    #[case("tv.example.org:443", true)]
    #[case("TV.example.org.", true)]
    #[case("nas.home.arpa", true)]
    #[case("evil.example.org", false)]
    #[case("xtv.example.org", false)]
    #[case("tv.example.org.evil.com", false)]
    #[case("evil.com:5004", false)]
    #[case("evil.com@192.168.1.5", false)]
    #[case("192.168.1.5.evil.com", false)]
    #[case("local.evil.com", false)]
    #[case(".local", false)]
    #[case("evil.com/.local", false)]
    #[case("[evil.com]", false)]
    #[case("[::1", false)]
    #[case("nas:80:80", false)]
    #[case("", false)]
    #[case(":80", false)]
    fn names(#[case] host: &str, #[case] allowed: bool) {
        assert_eq!(access().allows_host(host), allowed, "{host}");
    }

    #[rstest]
    #[case("127.0.0.1", true)]
    #[case("10.77.0.1", true)]
    #[case("172.31.0.1", true)]
    #[case("172.32.0.1", false)]
    #[case("192.168.0.9", true)]
    #[case("169.254.3.4", true)]
    #[case("100.100.1.1", false)]
    #[case("::ffff:192.168.0.9", true)]
    #[case("fe80::1", true)]
    #[case("fd00:77::1", true)]
    #[case("8.8.8.8", false)]
    #[case("::ffff:8.8.8.8", false)]
    #[case("2001:db8::1", false)]
    fn clients(#[case] addr: &str, #[case] allowed: bool) {
        assert_eq!(access().allows_client(addr.parse().unwrap()), allowed, "{addr}");
    }

    #[test]
    fn every_name_of_a_request_counts() {
        let mut headers = HeaderMap::new();
        let good: Uri = "/discover.json".parse().unwrap();
        assert!(access().allows_names(&good, &headers));
        headers.append(HOST, "nas".parse().unwrap());
        assert!(access().allows_names(&good, &headers));
        assert!(!access().allows_names(&"http://evil.com/".parse().unwrap(), &headers));
        headers.append(HOST, "evil.com".parse().unwrap());
        assert!(!access().allows_names(&good, &headers));
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(host: String) {
            access().allows_host(&host);
        }

        #[test]
        fn no_public_name_is_ours(label in "[a-z0-9-]{1,20}", domain in "(com|org|example|local\\.net|localhost\\.de)") {
            let name = format!("{label}.{domain}");
            proptest::prop_assert!(!access().allows_host(&name));
        }
    }
}

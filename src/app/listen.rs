//! The addresses that HTTP is served on: some must be had, some are taken if they are free.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context;
use tokio::net::TcpListener;

use crate::http::server;

/// What could be bound.
#[derive(Debug)]
pub struct Bound {
    /// The sockets, the stream port's first.
    pub listeners: Vec<TcpListener>,
    /// Optional addresses that could not be had, and why.
    pub refused: Vec<(SocketAddr, String)>,
}

impl Bound {
    /// The port of streams: that of the first address.
    pub fn main_port(&self) -> u16 {
        self.listeners.first().and_then(|listener| listener.local_addr().ok()).map_or(0, |addr| addr.port())
    }

    /// Whether port 80 is ours.
    pub fn has_port_80(&self) -> bool {
        self.locals().any(|addr| addr.port() == 80)
    }

    /// The addresses at which clients who are told of them find us: all of the machine's if it is empty.
    pub fn found_at(&self) -> Vec<IpAddr> {
        let port = if self.has_port_80() { 80 } else { self.main_port() };
        found_at(self.locals().filter(|addr| addr.port() == port).map(|addr| addr.ip()).collect())
    }

    fn locals(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok())
    }
}

/// Pure. Only IPv4 is announced: a listener on `::` is none on any address of it.
fn found_at(listening: Vec<IpAddr>) -> Vec<IpAddr> {
    if listening.contains(&Ipv4Addr::UNSPECIFIED.into()) { Vec::new() } else { listening }
}

/// Binds the addresses, in order; the flag says which are optional.
///
/// # Errors
/// When an address that must be had cannot be, or none could be had at all.
pub fn bind(addresses: impl IntoIterator<Item = (SocketAddr, bool)>) -> anyhow::Result<Bound> {
    let mut bound = Bound { listeners: Vec::new(), refused: Vec::new() };
    for (address, optional) in addresses {
        match server::bind(address) {
            Ok(listener) => bound.listeners.push(listener),
            Err(error) if optional => {
                tracing::warn!(
                    listen.addr = %address, %error,
                    "an optional address is not available; clients that look only there will not find this tuner"
                );
                bound.refused.push((address, error.to_string()));
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("cannot listen on {address}; stop what uses it, or choose another address with --listen")
                });
            }
        }
    }
    anyhow::ensure!(!bound.listeners.is_empty(), "no address to listen on is available");
    Ok(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("0.0.0.0", "")]
    #[case("192.168.1.5 0.0.0.0", "")]
    #[case("192.168.1.5 127.0.0.1", "192.168.1.5 127.0.0.1")]
    #[case("::", "::")]
    fn one_is_found_where_one_listens(#[case] listening: &str, #[case] expected: &str) {
        let ips = |text: &str| text.split_whitespace().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert_eq!(found_at(ips(listening)), ips(expected));
    }

    #[tokio::test]
    async fn what_is_bound_says_where() {
        let bound = bind([("127.0.0.1:0".parse().unwrap(), false)]).unwrap();
        assert_eq!(bound.found_at(), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(bind([("0.0.0.0:0".parse().unwrap(), false)]).unwrap().found_at(), Vec::<IpAddr>::new());
    }
}

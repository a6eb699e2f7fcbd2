//! The addresses that HTTP is served on: some must be had, some are taken if they are free.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context;
use tokio::net::TcpListener;

use crate::hdhr::Ports;
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
    /// Where that is.
    pub fn addresses(&self) -> Addresses {
        let all: Vec<SocketAddr> = self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let main = all.first().map_or(0, SocketAddr::port);
        Addresses { ports: Ports { main, port_80: all.iter().any(|addr| addr.port() == 80) }, all }
    }
}

/// The main addresses. Pure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The port of streams, which is that of the first address, and whether port 80 is ours.
    pub ports: Ports,
    all: Vec<SocketAddr>,
}

impl Addresses {
    /// Whether what is asked of this address comes to a main listener.
    pub fn covers(&self, address: SocketAddr) -> bool {
        let same_family = |one: &SocketAddr| one.is_ipv4() == address.is_ipv4() && one.ip().is_unspecified();
        self.all.iter().any(|one| one.port() == address.port() && (same_family(one) || one.ip() == address.ip()))
    }

    /// The addresses at which clients who are told of them find us, those of `further` devices among them: all of the machine's if
    /// it is empty. Only IPv4 is announced: a listener on `::` is none on any address of it.
    pub fn found_at(&self, further: impl IntoIterator<Item = IpAddr>) -> Vec<IpAddr> {
        let port = if self.ports.port_80 { 80 } else { self.ports.main };
        let listening = self.all.iter().filter(|addr| addr.port() == port).map(SocketAddr::ip);
        let listening: Vec<IpAddr> = listening.chain(further).collect();
        if listening.contains(&Ipv4Addr::UNSPECIFIED.into()) { Vec::new() } else { listening }
    }
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

    fn addresses(listening: &str) -> Addresses {
        let all: Vec<SocketAddr> = listening.split_whitespace().map(|one| one.parse().unwrap()).collect();
        Addresses { ports: Ports { main: all[0].port(), port_80: all.iter().any(|one| one.port() == 80) }, all }
    }

    #[rstest::rstest]
    #[case("0.0.0.0:5004", "")]
    #[case("192.168.1.5:80 0.0.0.0:80", "")]
    #[case("0.0.0.0:5004 192.168.1.5:80", "192.168.1.5")]
    #[case("192.168.1.5:5004 127.0.0.1:5004", "192.168.1.5 127.0.0.1")]
    #[case("[::]:5004", "::")]
    fn one_is_found_where_one_listens(#[case] listening: &str, #[case] expected: &str) {
        let expected: Vec<IpAddr> = expected.split_whitespace().map(|ip| ip.parse().unwrap()).collect();
        assert_eq!(addresses(listening).found_at([]), expected);
    }

    #[test]
    fn further_devices_are_found_too() {
        let own: IpAddr = "192.168.1.6".parse().unwrap();
        assert_eq!(addresses("192.168.1.5:80").found_at([own]), ["192.168.1.5".parse().unwrap(), own]);
        assert!(addresses("0.0.0.0:80").found_at([own]).is_empty());
    }

    #[rstest::rstest]
    #[case("192.168.1.6:80", true)]
    #[case("192.168.1.6:5004", false)]
    #[case("192.168.1.5:5004", true)]
    #[case("192.168.1.6:8080", false)]
    #[case("[::1]:80", false)]
    fn a_wildcard_takes_every_address_of_its_family(#[case] address: &str, #[case] covered: bool) {
        assert_eq!(addresses("192.168.1.5:5004 0.0.0.0:80").covers(address.parse().unwrap()), covered);
    }

    #[tokio::test]
    async fn what_is_bound_says_where() {
        let bound = bind([("127.0.0.1:0".parse().unwrap(), false)]).unwrap().addresses();
        assert_eq!(bound.found_at([]), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        assert!(bound.ports.main != 0 && !bound.ports.port_80);
    }
}

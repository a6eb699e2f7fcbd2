//! Addresses of datagrams: `udp://[source@][group or address]:port[?iface=eth0][&localaddr=10.0.0.2]`, and the same with `rtp`,
//! as VLC and ffmpeg write them. Pure.

use std::net::{IpAddr, Ipv4Addr};

use crate::source::SourceError;

/// Where datagrams come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Group to join, or local address to listen at; unspecified: any.
    pub host: IpAddr,
    /// Port.
    pub port: u16,
    /// Only datagrams of this sender; of a group: source-specific multicast.
    pub sender: Option<IpAddr>,
    /// Interface on which a group is joined.
    pub interface: Interface,
}

/// An interface of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Interface {
    /// Whichever the routes say.
    #[default]
    Routed,
    /// By name.
    Name(String),
    /// By an address of it.
    Address(Ipv4Addr),
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let bad = |reason: &str| SourceError::BadAddress { reason: reason.into() };
        let (_, rest) = text.split_once("://").ok_or_else(|| bad("no // after the scheme"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = rest.split(['/', '#']).next().unwrap_or_default();
        let (sender, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = place.rsplit_once(':').filter(|(host, _)| !host.ends_with(':')).ok_or_else(|| bad("no port"))?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(|| bad("bad port"))?;
        let host =
            if host.is_empty() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { ip(host).ok_or_else(|| bad("not an IP address"))? };
        let mut sender = match sender {
            "" => None,
            sender => Some(ip(sender).ok_or_else(|| bad("the sender is not an IP address"))?),
        };
        let mut interface = Interface::Routed;
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(_, value)| !value.is_empty()) {
            match name {
                "iface" | "interface" | "miface" => interface = Interface::Name(value.to_owned()),
                "localaddr" => {
                    let address = value.parse().map_err(|_| bad("localaddr is not an IPv4 address"))?;
                    interface = Interface::Address(address);
                }
                "sources" if sender.is_none() => {
                    let first = value.split(',').next().unwrap_or_default();
                    sender = Some(ip(first).ok_or_else(|| bad("sources holds no IP address"))?);
                }
                _ => {}
            }
        }
        if sender.is_some_and(|sender| sender.is_ipv4() != host.is_ipv4() && !host.is_unspecified()) {
            return Err(bad("sender and address are of different families"));
        }
        Ok(Self { host, port, sender, interface })
    }
}

fn ip(text: &str) -> Option<IpAddr> {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::vlc("udp://@239.1.2.3:5000", "239.1.2.3", 5000, None, Interface::Routed)]
    #[case::ffmpeg(
        "udp://239.1.2.3:5000?pkt_size=1316&localaddr=10.0.0.2",
        "239.1.2.3",
        5000,
        None,
        Interface::Address(Ipv4Addr::new(10, 0, 0, 2))
    )]
    #[case::source_specific("rtp://10.9.9.9@232.1.1.1:5004/?iface=eth0", "232.1.1.1", 5004, Some("10.9.9.9"), Interface::Name("eth0".into()))]
    #[case::sources("udp://232.1.1.1:5004?sources=10.9.9.9,10.9.9.8", "232.1.1.1", 5004, Some("10.9.9.9"), Interface::Routed)]
    #[case::any("udp://@:1234", "0.0.0.0", 1234, None, Interface::Routed)]
    #[case::unicast("UDP://192.168.1.9:1234", "192.168.1.9", 1234, None, Interface::Routed)]
    #[case::v6("udp://@[ff15::1]:1234?iface=lan", "ff15::1", 1234, None, Interface::Name("lan".into()))]
    fn addresses(
        #[case] text: &str,
        #[case] host: &str,
        #[case] port: u16,
        #[case] sender: Option<&str>,
        #[case] interface: Interface,
    ) {
        let sender = sender.map(|sender| sender.parse().unwrap());
        assert_eq!(Address::parse(text).unwrap(), Address { host: host.parse().unwrap(), port, sender, interface });
    }

    #[rstest]
    #[case("udp:239.1.2.3:5000")]
    #[case("udp://@239.1.2.3")]
    #[case("udp://@239.1.2.3:0")]
    #[case("udp://@239.1.2.3:99999")]
    #[case("udp://@tv.example:5000")]
    #[case("udp://x@239.1.2.3:5000")]
    #[case("udp://::1@239.1.2.3:5000")]
    #[case("udp://@239.1.2.3:5000?localaddr=eth0")]
    fn refused(#[case] text: &str) {
        assert!(matches!(Address::parse(text), Err(SourceError::BadAddress { .. })));
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "(udp|rtp)://[0-9a-f.:@\\[\\]?&=a-z/]{0,40}") {
            let _ = Address::parse(&text);
        }
    }
}

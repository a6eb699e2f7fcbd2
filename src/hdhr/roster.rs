//! Which of several devices answers where. Pure.
//!
//! One address has one port 65001 and one port 80, so the first device has the main addresses; another is found only if it
//! listens at an address of its own, and answers there and nowhere else.

use std::net::{IpAddr, Ipv4Addr};

use super::device::Ports;
use crate::model::Device;

/// A device as it is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The device.
    pub device: Device,
    /// Its HTTP side.
    pub ports: Ports,
}

impl Announced {
    /// The address that is this device's alone.
    pub fn own_address(&self) -> Option<Ipv4Addr> {
        match self.device.listen?.ip() {
            IpAddr::V4(ip) if !ip.is_unspecified() => Some(ip),
            _ => None,
        }
    }

    fn has_main_addresses(&self) -> bool {
        self.device.listen.is_none()
    }
}

/// The device that is spoken to at `local`.
pub fn at(all: &[Announced], local: Ipv4Addr) -> Option<&Announced> {
    all.iter().find(|one| one.own_address() == Some(local)).or_else(|| all.iter().find(|one| one.has_main_addresses()))
}

/// The devices that a broadcast or multicast reaches which came in at the interface of the addresses `link`, each with the address
/// it answers from. The machine itself would answer from `local`.
pub fn on_link<'a>(all: &'a [Announced], local: Ipv4Addr, link: &[Ipv4Addr]) -> Vec<(&'a Announced, Ipv4Addr)> {
    let taken = |addr: &Ipv4Addr| all.iter().any(|one| one.own_address().as_ref() == Some(addr));
    let main = std::iter::once(&local).chain(link).find(|addr| !taken(addr)).copied();
    let first = all.iter().find(|one| one.has_main_addresses()).zip(main);
    let own = all.iter().filter_map(|one| one.own_address().map(|addr| (one, addr)));
    first.into_iter().chain(own.filter(|(_, addr)| *addr == local || link.contains(addr))).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::SocketAddr;

    use super::*;

    /// A device, the first one without an address of its own.
    pub(in crate::hdhr) fn device(row: i64, listen: Option<&str>) -> Announced {
        let device = Device {
            row,
            id: if row == 1 { "1080F19F".parse().unwrap() } else { crate::model::DeviceId::from_random(row as u32 * 0x1230) },
            auth: "abcdefghijklmnopqrstuvwx".into(),
            udn: format!("7d8e2f60-0000-4000-8000-{row:012}"),
            name: format!("Rooftop {row}"),
            tuner_count: 2,
            listen: listen.map(|addr| addr.parse::<SocketAddr>().unwrap()),
        };
        Announced { device, ports: Ports { main: 5004, port_80: true } }
    }

    fn ip(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, last)
    }

    fn rows(found: &[(&Announced, Ipv4Addr)]) -> Vec<(i64, Ipv4Addr)> {
        found.iter().map(|(one, addr)| (one.device.row, *addr)).collect()
    }

    #[test]
    fn the_first_device_has_the_main_addresses() {
        let all = [device(1, None), device(2, Some("10.0.0.2:80")), device(3, Some("0.0.0.0:8080"))];
        let row = |last| at(&all, ip(last)).map(|one| one.device.row);
        assert_eq!((row(1), row(2), row(3)), (Some(1), Some(2), Some(1)));
        assert_eq!(at(&all[1..], ip(9)), None, "an address of nobody");
    }

    #[test]
    fn a_broadcast_reaches_all_of_the_link() {
        let all = [device(1, None), device(2, Some("10.0.0.2:80")), device(3, Some("10.9.9.9:80"))];
        assert_eq!(rows(&on_link(&all, ip(1), &[ip(1), ip(2)])), [(1, ip(1)), (2, ip(2))]);
        assert_eq!(rows(&on_link(&all, ip(2), &[ip(2), ip(1)])), [(1, ip(1)), (2, ip(2))], "whichever the kernel prefers");
        assert_eq!(rows(&on_link(&all, ip(2), &[ip(2)])), [(2, ip(2))], "no address left for the first");
        assert_eq!(rows(&on_link(&all, ip(7), &[])), [(1, ip(7))]);
    }
}

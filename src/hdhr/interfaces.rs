//! The machine's IPv4 addresses and which of them the devices are announced at.

use std::net::{IpAddr, Ipv4Addr};

use if_addrs::{IfAddr, IfOperStatus};

/// One address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The interface's name.
    pub interface: String,
    /// The address.
    pub ip: Ipv4Addr,
    /// It is the loopback interface.
    pub loopback: bool,
    /// The interface is up.
    pub up: bool,
}

/// The addresses now.
pub fn addresses() -> Vec<Address> {
    let found = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot list the network interfaces");
        Vec::new()
    });
    let address = |one: if_addrs::Interface| match &one.addr {
        IfAddr::V4(v4) => Some(Address {
            ip: v4.ip,
            loopback: v4.ip.is_loopback(),
            // Loopback and tunnels say "unknown".
            up: !matches!(one.oper_status, IfOperStatus::Down | IfOperStatus::LowerLayerDown | IfOperStatus::NotPresent),
            interface: one.name,
        }),
        IfAddr::V6(_) => None,
    };
    found.into_iter().filter_map(address).collect()
}

/// Where devices are announced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Names of interfaces; empty: all.
    pub interfaces: Vec<String>,
    /// Addresses; empty: all. For a server whose HTTP listens at some addresses only.
    pub addresses: Vec<IpAddr>,
}

impl Scope {
    /// Whether there is nothing to look up.
    pub fn is_everywhere(&self) -> bool {
        self.interfaces.is_empty() && self.addresses.is_empty()
    }

    /// Whether devices are announced at `ip`, one of `all`. Loopback has no name to be listed.
    pub fn covers(&self, ip: Ipv4Addr, all: &[Address]) -> bool {
        let named = |one: &Address| one.ip == ip && self.interfaces.contains(&one.interface);
        (self.interfaces.is_empty() || ip.is_loopback() || all.iter().any(named))
            && (self.addresses.is_empty() || self.addresses.contains(&ip.into()))
    }
}

/// All addresses of the interface that has `ip`.
pub fn link_of(ip: Ipv4Addr, all: &[Address]) -> Vec<Ipv4Addr> {
    let Some(interface) = all.iter().find(|one| one.ip == ip).map(|one| &one.interface) else { return Vec::new() };
    all.iter().filter(|one| one.interface == *interface).map(|one| one.ip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(interface: &str, last: u8) -> Address {
        let ip = Ipv4Addr::new(10, 0, 0, last);
        Address { interface: interface.into(), ip, loopback: false, up: true }
    }

    #[test]
    fn a_scope_names_interfaces_or_addresses() {
        let all = [address("eth0", 1), address("eth0", 2), address("wlan0", 3)];
        let ip = |last| Ipv4Addr::new(10, 0, 0, last);
        assert!(Scope::default().covers(ip(9), &all) && Scope::default().is_everywhere());
        let wired = Scope { interfaces: vec!["eth0".into()], ..Scope::default() };
        assert!(wired.covers(ip(2), &all) && !wired.covers(ip(3), &all) && wired.covers(Ipv4Addr::LOCALHOST, &all));
        let one = Scope { addresses: vec![ip(2).into()], ..Scope::default() };
        assert!(one.covers(ip(2), &all) && !one.covers(ip(1), &all) && !one.covers(Ipv4Addr::LOCALHOST, &all));
        assert_eq!((link_of(ip(1), &all), link_of(ip(8), &all)), (vec![ip(1), ip(2)], vec![]));
    }

    #[test]
    fn this_machine_has_a_loopback_address() {
        assert!(addresses().iter().any(|one| one.loopback && one.ip == Ipv4Addr::LOCALHOST && one.up));
    }
}

//! Joining a multicast group, of any source or of one (RFC 4607), on the interface that is named or those that are there.

use std::net::{IpAddr, Ipv4Addr};

use socket2::{InterfaceIndexOrAddress, Socket};

use super::address::{Address, Interface};

/// Joins the group of an address. Leaving it is closing the socket.
///
/// # Errors
/// The operating system's, and `NotFound` where there is no such interface.
pub fn join(socket: &Socket, address: &Address) -> std::io::Result<()> {
    let found = |name: &str| {
        let all = if_addrs::get_if_addrs()?;
        let of_name: Vec<_> = all.into_iter().filter(|interface| interface.name == name).collect();
        if of_name.is_empty() {
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, format!("no interface {name:?}")));
        }
        Ok(of_name)
    };
    match (address.host, &address.interface) {
        (IpAddr::V4(group), Interface::Routed) => match join_v4(socket, group, address.sender, Ipv4Addr::UNSPECIFIED) {
            // No route for multicast: then on every interface there is.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error()) => {
                let all = if_addrs::get_if_addrs()?.into_iter().filter_map(|interface| match interface.ip() {
                    IpAddr::V4(ip) => Some(ip),
                    IpAddr::V6(_) => None,
                });
                all.map(|ip| join_v4(socket, group, address.sender, ip)).reduce(|one, other| one.or(other)).unwrap_or(Err(error))
            }
            joined => joined,
        },
        (IpAddr::V4(group), Interface::Address(local)) => join_v4(socket, group, address.sender, *local),
        (IpAddr::V4(group), Interface::Name(name)) => {
            let interfaces = found(name)?;
            let ip = interfaces.iter().find_map(|interface| match interface.ip() {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            });
            match (ip, interfaces.first().and_then(|interface| interface.index)) {
                (Some(ip), _) => join_v4(socket, group, address.sender, ip),
                (None, index) => socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index.unwrap_or(0))),
            }
        }
        (IpAddr::V6(group), Interface::Name(name)) => {
            let index = found(name)?.first().and_then(|interface| interface.index).unwrap_or(0);
            socket.join_multicast_v6(&group, index)
        }
        (IpAddr::V6(group), _) => socket.join_multicast_v6(&group, 0),
    }
}

fn join_v4(socket: &Socket, group: Ipv4Addr, sender: Option<IpAddr>, local: Ipv4Addr) -> std::io::Result<()> {
    match sender {
        Some(IpAddr::V4(sender)) => socket.join_ssm_v4(&sender, &group, &local),
        _ => socket.join_multicast_v4(&group, &local),
    }
}

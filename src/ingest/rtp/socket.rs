//! The sockets of a port: for one address of this machine, for all, or for a group.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::ingest::settings::RtpListenSettings;
use crate::source::udp::address::{Address, Interface};
use crate::source::udp::group;

/// Binds a port of a place to listen at; `buffer`: bytes that are asked of the kernel.
///
/// A port on all addresses is ours alone: what is sent to it must not go to another program. But groups of the same port may be
/// listened to beside it, by channels and by other programs: that is allowed once it is ours, and what is sent to groups is
/// nothing for it.
pub(super) fn bind(listen: &RtpListenSettings, port: u16, buffer: usize) -> std::io::Result<UdpSocket> {
    let at = SocketAddr::new(listen.addr.ip(), port);
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Less is granted where the system allows less.
    let _ = socket.set_recv_buffer_size(buffer);
    let is_group = listen.is_group();
    if is_group {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&at.into())?;
    if at.is_ipv4() {
        let _ = socket.set_multicast_all_v4(false);
    }
    if is_group {
        group::join(&socket, &address(listen, port))?;
    } else {
        socket.set_reuse_address(true)?;
    }
    UdpSocket::from_std(socket.into())
}

fn address(listen: &RtpListenSettings, port: u16) -> Address {
    let interface = listen.interface.as_ref().map_or(Interface::Routed, |name| match name.parse::<Ipv4Addr>() {
        Ok(address) => Interface::Address(address),
        Err(_) => Interface::Name(name.clone()),
    });
    Address { host: listen.addr.ip(), port, sender: listen.sender, interface }
}

/// Whether it is listened to on all IPv4 addresses.
pub(super) fn is_any(addr: SocketAddr) -> bool {
    addr.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED)
}

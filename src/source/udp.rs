//! Transport streams in datagrams, unicast and multicast, bare or in RTP. Leaving the group is closing the socket.

mod address;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use self::address::{Address, Interface};
use super::reorder::Reorder;
use super::rtp::{self, Datagram};
use super::{Chunk, Opened, Pace, SourceError};
use crate::base::clock::{self, Instant};

/// Kernel buffer asked for: half a second of 60 Mbit/s. What is granted depends on `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// Datagrams are gathered into pieces of at most about this size …
const PIECE: usize = 64 * 1024;
/// … or this age.
const AGE: Duration = Duration::from_millis(10);
/// Largest datagram.
const DATAGRAM: usize = 65536;
/// Datagrams without a byte of a transport stream, before that is called an error.
const FOREIGN: u32 = 200;

/// Listens at an address of scheme `udp` or `rtp`.
///
/// # Errors
/// When the address cannot be understood, or the socket cannot be bound or the group not be joined.
pub fn open(text: &str, producer: &'static str) -> Result<Opened, SourceError> {
    let address = Address::parse(text)?;
    let (socket, sender) = listen(&address)?;
    let receiver = Receiver {
        socket,
        sender,
        datagram: vec![0; DATAGRAM].into_boxed_slice(),
        piece: BytesMut::new(),
        began: None,
        reorder: Reorder::default(),
        foreign: 0,
        failed: false,
    };
    let next = |mut receiver: Receiver| async move {
        if receiver.failed {
            return None;
        }
        let item = receiver.next().await;
        receiver.failed = item.is_err();
        Some((item.map(Chunk::Bytes), receiver))
    };
    Ok(Opened { bytes: Box::pin(stream::unfold(receiver, next)), pace: Pace::Live, producer, stall_after: None })
}

/// A bound socket, and the only sender to be heard.
fn listen(address: &Address) -> Result<(UdpSocket, Option<IpAddr>), SourceError> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: std::io::Error| SourceError::Local { what, reason: error.to_string() }
    };
    let socket = Socket::new(Domain::for_address(SocketAddr::new(address.host, 0)), Type::DGRAM, Some(Protocol::UDP));
    let socket = socket.map_err(failed("UDP socket"))?;
    socket.set_nonblocking(true).map_err(failed("UDP socket"))?;
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    let mut sender = address.sender;
    if address.host.is_multicast() {
        // Several sessions (and other programs) may listen to the same group; binding to it keeps out all others.
        socket.set_reuse_address(true).map_err(failed("UDP socket"))?;
        socket.bind(&SocketAddr::new(address.host, address.port).into()).map_err(failed("UDP port"))?;
        let _ = socket.set_multicast_all_v4(false);
        join(&socket, address).map_err(failed("multicast group"))?;
    } else if let Err(error) = socket.bind(&SocketAddr::new(address.host, address.port).into()) {
        if error.raw_os_error() != Some(rustix::io::Errno::ADDRNOTAVAIL.raw_os_error()) {
            return Err(failed("UDP port")(error));
        }
        // Not an address of this machine: then it is the sender's.
        let any = if address.host.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0u16; 8]) };
        socket.bind(&SocketAddr::new(any, address.port).into()).map_err(failed("UDP port"))?;
        sender = sender.or(Some(address.host));
    }
    let socket = UdpSocket::from_std(socket.into()).map_err(failed("UDP socket"))?;
    Ok((socket, sender))
}

fn join(socket: &Socket, address: &Address) -> std::io::Result<()> {
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

/// Gathers datagrams into pieces.
struct Receiver {
    socket: UdpSocket,
    sender: Option<IpAddr>,
    datagram: Box<[u8]>,
    piece: BytesMut,
    /// When the first byte of the piece came.
    began: Option<Instant>,
    reorder: Reorder,
    foreign: u32,
    failed: bool,
}

impl Receiver {
    /// The next piece.
    async fn next(&mut self) -> Result<Bytes, SourceError> {
        loop {
            let age = self.began.map(|began| began + AGE);
            let due = [age, self.reorder.deadline()].into_iter().flatten().min();
            tokio::select! {
                biased;
                ready = self.socket.readable() => {
                    ready.map_err(|error| lost(&error))?;
                    self.drain()?;
                }
                () = clock::sleep_until(due.unwrap_or_else(clock::now)), if due.is_some() => {}
            }
            let now = clock::now();
            let piece = &mut self.piece;
            self.reorder.give_up(now, &mut |payload| piece.extend_from_slice(payload));
            if self.piece.is_empty() {
                continue;
            }
            let began = *self.began.get_or_insert(now);
            if self.piece.len() >= PIECE || now >= began + AGE {
                self.began = None;
                return Ok(self.piece.split().freeze());
            }
        }
    }

    /// Takes what has come by now, up to a piece.
    fn drain(&mut self) -> Result<(), SourceError> {
        while self.piece.len() < PIECE {
            let (length, from) = match self.socket.try_recv_from(&mut self.datagram) {
                Ok(received) => received,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                // An answer to nothing that was sent from here.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(lost(&error)),
            };
            if self.sender.is_some_and(|sender| sender != from.ip()) {
                continue;
            }
            let piece = &mut self.piece;
            if piece.capacity() == 0 {
                piece.reserve(PIECE + DATAGRAM);
            }
            match rtp::read(self.datagram.get(..length).unwrap_or_default()) {
                Datagram::Plain(bytes) => piece.extend_from_slice(bytes),
                Datagram::Rtp { sequence, ssrc, payload } => {
                    let mut out = |payload: &[u8]| piece.extend_from_slice(payload);
                    self.reorder.push(ssrc, sequence, payload, clock::now(), &mut out);
                }
                Datagram::Other => {
                    self.foreign += 1;
                    if self.foreign >= FOREIGN {
                        return Err(SourceError::NotAStream { what: "datagrams without a transport stream".into() });
                    }
                    continue;
                }
            }
            self.foreign = 0;
        }
        Ok(())
    }
}

fn lost(error: &std::io::Error) -> SourceError {
    SourceError::Lost { reason: error.to_string() }
}

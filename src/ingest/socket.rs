//! UDP sockets that read many datagrams at a time, know which address of ours each was sent to, and answer from there: a sender
//! takes an answer from another address for somebody else's.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Kernel buffer asked for, in each direction. What is granted depends on `net.core.rmem_max` (socket(7)).
const KERNEL_BUFFER: usize = 8 * 1024 * 1024;
/// Rows that are read at a time. The kernel may join datagrams of one sender in a row (`UDP_GRO`, udp(7)).
const ROWS: usize = 16;
/// The most bytes of a row: all that a datagram could ever have.
const ROW: usize = 64 * 1024;

/// Between whom datagrams go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The other side.
    pub peer: SocketAddr,
    /// The address of ours it knows; `None`: the kernel chooses.
    pub local: Option<IpAddr>,
}

/// A bound UDP port.
#[derive(Debug)]
pub struct PortSocket {
    socket: UdpSocket,
    state: UdpSocketState,
}

/// Room for what is read at a time.
#[derive(Debug)]
pub struct Room(Box<[u8]>);

impl Default for Room {
    fn default() -> Self {
        Self(vec![0; ROWS * ROW].into_boxed_slice())
    }
}

impl PortSocket {
    /// Binds, alone; an IPv6 address for IPv6 only.
    ///
    /// # Errors
    /// The operating system's, such as an address that is in use.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // Less is granted where the system allows less; `granted` says how much.
        let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
        let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
        let state = UdpSocketState::new((&socket).into())?;
        socket.bind(&addr.into())?;
        Ok(Self { socket: UdpSocket::from_std(socket.into())?, state })
    }

    /// A socket that is bound and connected already: it hears nobody else, and is told when there is nobody.
    ///
    /// # Errors
    /// When the system lacks something.
    pub fn connected(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        Ok(Self { socket, state })
    }

    /// Where it is bound.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The receive buffer that the kernel granted, in bytes, when it is less than what was asked for.
    pub fn clipped(&self) -> Option<usize> {
        // The kernel doubles what it is asked for, for its own use (socket(7)).
        let granted = self.state.recv_buffer_size((&self.socket).into()).ok()? / 2;
        (granted < KERNEL_BUFFER).then_some(granted)
    }

    /// Waits until there may be something to read. Cancel-safe.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Waits until there may be room to send. Cancel-safe.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Reads what is there, up to the room.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing; others are answers to what was sent from here.
    pub fn receive(&self, room: &mut Room, mut each: impl FnMut(&[u8], Way)) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); ROWS];
        let count = self.socket.try_io(Interest::READABLE, || {
            let mut rows = room.0.chunks_mut(ROW);
            let mut slices: [IoSliceMut<'_>; ROWS] = std::array::from_fn(|_| IoSliceMut::new(rows.next().unwrap_or_default()));
            self.state.recv((&self.socket).into(), &mut slices, &mut metas)
        })?;
        for (row, meta) in room.0.chunks(ROW).zip(&metas).take(count) {
            let way = Way { peer: meta.addr, local: meta.dst_ip.filter(is_one_hosts) };
            for datagram in row.get(..meta.len).unwrap_or_default().chunks(meta.stride.max(1)) {
                each(datagram, way);
            }
        }
        Ok(())
    }

    /// Sends a datagram, if there is room for it.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; others are the operating system's.
    pub fn send(&self, datagram: &[u8], way: Way) -> io::Result<()> {
        let transmit = Transmit { destination: way.peer, ecn: None, contents: datagram, segment_size: None, src_ip: way.local };
        self.socket.try_io(Interest::WRITABLE, || self.state.try_send((&self.socket).into(), &transmit))
    }
}

/// Nothing can be sent from a group or a broadcast address.
fn is_one_hosts(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_multicast() && !v4.is_broadcast() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn received(socket: &PortSocket, wanted: usize) -> Vec<(Vec<u8>, Way)> {
        let (mut room, mut all) = (Room::default(), Vec::new());
        while all.len() < wanted {
            socket.readable().await.unwrap();
            match socket.receive(&mut room, |datagram, way| all.push((datagram.to_vec(), way))) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => panic!("{error}"),
                _ => {}
            }
        }
        all
    }

    /// All of 127/8 is ours, so a second address needs no set-up.
    #[tokio::test]
    async fn answers_leave_from_the_address_that_was_called() {
        let port = PortSocket::bind("0.0.0.0:0".parse().unwrap()).unwrap();
        let called: SocketAddr = format!("127.0.0.2:{}", port.addr().unwrap().port()).parse().unwrap();
        let caller = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        caller.send_to(b"hello", called).await.unwrap();
        let (datagram, way) = received(&port, 1).await.remove(0);
        assert_eq!((&datagram[..], way), (&b"hello"[..], Way { peer: caller.local_addr().unwrap(), local: Some(called.ip()) }));
        port.writable().await.unwrap();
        port.send(b"world", way).unwrap();
        let mut answer = [0; 16];
        let (length, from) = caller.recv_from(&mut answer).await.unwrap();
        assert_eq!((&answer[..length], from), (&b"world"[..], called));
    }

    #[tokio::test]
    async fn many_datagrams_are_read_whole_and_in_order() {
        for host in ["127.0.0.1", "[::1]"] {
            let port = PortSocket::bind(format!("{host}:0").parse().unwrap()).unwrap();
            let sender = PortSocket::bind(format!("{host}:0").parse().unwrap()).unwrap();
            let sent: Vec<Vec<u8>> = (0..100u8).map(|n| vec![n; 1 + usize::from(n) * 13]).collect();
            let way = Way { peer: port.addr().unwrap(), local: None };
            sender.writable().await.unwrap();
            for datagram in &sent {
                sender.send(datagram, way).unwrap();
            }
            let all: Vec<Vec<u8>> = received(&port, sent.len()).await.into_iter().map(|(datagram, _)| datagram).collect();
            assert_eq!(all, sent);
        }
    }
}

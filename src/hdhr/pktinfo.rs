//! UDP sockets that know at which address of ours a datagram arrived, and can answer from it (`IP_PKTINFO`, ip(7)).
//!
//! On a machine with several addresses the kernel would answer from the one it likes best, and clients take the source of an
//! answer for the device's address (rule R11 of the HDHomeRun contract). IPv4 only.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use nix::libc::{in_addr, in_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmsg, sendmmsg, sendmsg, setsockopt, sockopt,
};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// A UDP socket that tells and chooses its own address for every datagram.
#[derive(Debug)]
pub struct PktinfoSocket(Arc<UdpSocket>);

/// What came with a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its length; the buffer's, if it was longer.
    pub length: usize,
    /// It was longer than the buffer.
    pub truncated: bool,
    /// Who sent it.
    pub from: SocketAddrV4,
    /// The address of ours to answer from: the one it was sent to, or for a broadcast or multicast that of the receiving interface.
    pub local: Ipv4Addr,
    /// The address it was sent to.
    pub destination: Ipv4Addr,
}

impl Arrival {
    /// Whether it was sent to one address of ours and to nobody else.
    pub fn is_unicast(&self) -> bool {
        self.local == self.destination
    }
}

impl PktinfoSocket {
    /// Binds, alone: the address must be free. With `shared`, others may bind it too, which only multicast is made for.
    ///
    /// # Errors
    /// The operating system's, such as an address that is in use.
    pub fn bind(addr: SocketAddrV4, shared: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.set_reuse_address(shared)?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        socket.bind(&addr.into())?;
        Ok(Self(Arc::new(UdpSocket::from_std(socket.into())?)))
    }

    /// Sends by a socket that somebody else receives from. [`Self::receive`] is not for it.
    pub fn to_send_by(socket: Arc<UdpSocket>) -> Self {
        Self(socket)
    }

    /// Lets others listen to groups of the same port, of which nothing is received here then.
    ///
    /// # Errors
    /// The operating system's.
    pub fn leave_groups_to_others(&self) -> io::Result<()> {
        let socket = SockRef::from(&*self.0);
        socket.set_multicast_all_v4(false)?;
        socket.set_reuse_address(true)
    }

    /// The socket itself, for its options.
    pub fn socket(&self) -> &UdpSocket {
        &self.0
    }

    /// Waits for a datagram.
    ///
    /// # Errors
    /// The operating system's.
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<Arrival> {
        let fd = self.0.as_raw_fd();
        self.0
            .async_io(Interest::READABLE, || {
                let mut space = nix::cmsg_space!(in_pktinfo);
                let mut slices = [IoSliceMut::new(buffer)];
                let message = recvmsg::<SockaddrIn>(fd, &mut slices, Some(&mut space), MsgFlags::empty())?;
                let info = message.cmsgs()?.find_map(|message| match message {
                    ControlMessageOwned::Ipv4PacketInfo(info) => Some(info),
                    _ => None,
                });
                let (Some(info), Some(from)) = (info, message.address) else {
                    return Err(io::Error::other("datagram without its addresses"));
                };
                Ok(Arrival {
                    length: message.bytes,
                    truncated: message.flags.contains(MsgFlags::MSG_TRUNC),
                    from: SocketAddrV4::new(from.ip(), from.port()),
                    local: address(info.ipi_spec_dst),
                    destination: address(info.ipi_addr),
                })
            })
            .await
    }

    /// Sends a datagram from the address `local`.
    ///
    /// # Errors
    /// The operating system's.
    ///
    /// # Cancel safety
    /// Dropping the future sends it or not.
    pub async fn send(&self, bytes: &[u8], to: SocketAddrV4, local: Ipv4Addr) -> io::Result<()> {
        let fd = self.0.as_raw_fd();
        let info = from_address(local);
        self.0
            .async_io(Interest::WRITABLE, || {
                let control = [ControlMessage::Ipv4PacketInfo(&info)];
                sendmsg(fd, &[IoSlice::new(bytes)], &control, MsgFlags::empty(), Some(&SockaddrIn::from(to)))?;
                Ok(())
            })
            .await
    }

    /// Sends datagrams of `size` bytes, laid one after another in `bytes`, from the address `local`, with one system call where
    /// the kernel takes them all.
    ///
    /// # Errors
    /// The operating system's; some may have been sent.
    ///
    /// # Cancel safety
    /// Dropping the future sends some of them.
    pub async fn send_all(&self, bytes: &[u8], size: usize, to: SocketAddrV4, local: Ipv4Addr) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let sent = self.0.async_io(Interest::WRITABLE, || self.send_some(rest, size, to, local)).await?;
            rest = rest.get(sent * size..).unwrap_or_default();
        }
        Ok(())
    }

    fn send_some(&self, bytes: &[u8], size: usize, to: SocketAddrV4, local: Ipv4Addr) -> io::Result<usize> {
        let slices: Vec<[IoSlice<'_>; 1]> = bytes.chunks(size).map(|datagram| [IoSlice::new(datagram)]).collect();
        let addresses = vec![Some(SockaddrIn::from(to)); slices.len()];
        let info = from_address(local);
        let control = [ControlMessage::Ipv4PacketInfo(&info)];
        let mut headers = MultiHeaders::preallocate(slices.len(), Some(nix::cmsg_space!(in_pktinfo)));
        let sent = sendmmsg(self.0.as_raw_fd(), &mut headers, &slices, &addresses, control, MsgFlags::empty())?;
        Ok(sent.count())
    }
}

fn address(addr: in_addr) -> Ipv4Addr {
    Ipv4Addr::from(addr.s_addr.to_ne_bytes())
}

/// Only the source address is chosen; the interface is left to routing.
fn from_address(local: Ipv4Addr) -> in_pktinfo {
    let addr = |addr: Ipv4Addr| in_addr { s_addr: u32::from_ne_bytes(addr.octets()) };
    in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: addr(local), ipi_addr: addr(Ipv4Addr::UNSPECIFIED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
    const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

    fn port(socket: &PktinfoSocket) -> u16 {
        socket.socket().local_addr().unwrap().port()
    }

    /// All of 127/8 is ours, so a second address needs no set-up.
    #[tokio::test]
    async fn answers_leave_from_the_address_that_was_asked() {
        let server = PktinfoSocket::bind(ANY, false).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let asked = SocketAddrV4::new(SECOND, port(&server));
        client.send_to(b"hello", asked).await.unwrap();
        let mut buffer = [0; 16];
        let arrival = server.receive(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..arrival.length], arrival.truncated), (&b"hello"[..], false));
        assert_eq!((arrival.local, arrival.destination, arrival.is_unicast()), (SECOND, SECOND, true));
        server.send(b"world", arrival.from, arrival.local).await.unwrap();
        let (length, from) = client.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..length], from), (&b"world"[..], asked.into()));
    }

    #[tokio::test]
    async fn many_leave_at_once_and_in_order() {
        let server = PktinfoSocket::bind(ANY, false).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let std::net::SocketAddr::V4(to) = client.local_addr().unwrap() else { panic!() };
        let bytes: Vec<u8> = (0..10u8).flat_map(|n| [n; 4]).collect();
        server.send_all(&bytes, 4, to, SECOND).await.unwrap();
        for n in 0..10 {
            let mut buffer = [0; 16];
            let (length, from) = client.recv_from(&mut buffer).await.unwrap();
            assert_eq!((&buffer[..length], from.ip()), (&[n; 4][..], SECOND.into()));
        }
    }

    #[tokio::test]
    async fn longer_than_the_buffer_is_said() {
        let server = PktinfoSocket::bind(ANY, false).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.send_to(&[1; 100], ("127.0.0.1", port(&server))).await.unwrap();
        assert!(server.receive(&mut [0; 10]).await.unwrap().truncated);
    }

    #[tokio::test]
    async fn a_port_is_not_shared_unless_told() {
        let first = PktinfoSocket::bind(ANY, false).unwrap();
        let again = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port(&first));
        assert_eq!(PktinfoSocket::bind(again, false).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(PktinfoSocket::bind(again, true).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let shared = PktinfoSocket::bind(ANY, true).unwrap();
        assert!(PktinfoSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port(&shared)), true).is_ok());
    }
}

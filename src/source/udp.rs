//! Transport streams in datagrams, unicast and multicast, bare or in RTP. Leaving the group is closing the socket.

pub mod address;
pub mod group;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use self::address::Address;
use super::{Chunk, Opened, Pace, SourceError};
use crate::base::clock::{self, Instant};
use crate::rtp::header::{self, Datagram, SYNC_BYTE};
use crate::rtp::session::Session;
use crate::rtp::{self, Ordered};

/// Kernel buffer asked for: half a second of 60 Mbit/s. What is granted depends on `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// Datagrams are gathered into pieces of at most about this size …
const PIECE: usize = 64 * 1024;
/// … or this age.
const AGE: Duration = Duration::from_millis(10);
/// Largest datagram.
const DATAGRAM: usize = 65536;
/// A sender that has been silent for so long may be followed by one of another host.
const LET_GO: Duration = Duration::from_secs(5);
/// Datagrams that are read before others get a turn.
const TURN: usize = 256;
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
        gathered: Gathered::default(),
        session: Session::new(Arc::new(rtp::Settings { reports: false, ..rtp::Settings::default() })),
        heard: None,
        of_one: !address.host.is_multicast(),
        foreign: 0,
        failed: false,
    };
    let next = |mut receiver: Receiver| async move {
        if receiver.failed {
            return None;
        }
        let item = receiver.next().await;
        receiver.failed = item.is_err();
        Some((item, receiver))
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
        group::join(&socket, address).map_err(failed("multicast group"))?;
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

/// What came, in pieces.
#[derive(Debug, Default)]
struct Gathered {
    piece: BytesMut,
    /// When the first byte of the piece came.
    began: Option<Instant>,
    /// What is before it.
    ready: VecDeque<Chunk>,
}

impl Gathered {
    fn add(&mut self, now: Instant, bytes: &[u8]) {
        if self.piece.capacity() == self.piece.len() {
            self.piece.reserve(PIECE + DATAGRAM);
        }
        self.piece.extend_from_slice(bytes);
        self.began.get_or_insert(now);
    }

    fn add_packet(&mut self, now: Instant, packet: &Ordered<'_>) {
        if packet.discontinuity {
            self.close();
            self.ready.push_back(Chunk::Discontinuity { broken_off: true });
        }
        self.add(now, packet.payload);
    }

    fn close(&mut self) {
        self.began = None;
        if !self.piece.is_empty() {
            self.ready.push_back(Chunk::Bytes(self.piece.split().freeze()));
        }
    }

    fn is_full(&self) -> bool {
        self.piece.len() >= PIECE || !self.ready.is_empty()
    }

    fn deadline(&self) -> Option<Instant> {
        self.began.map(|began| began + AGE)
    }

    /// What is to be handed on by now.
    fn take(&mut self, now: Instant) -> Option<Chunk> {
        if self.piece.len() >= PIECE || self.deadline().is_some_and(|deadline| now >= deadline) {
            self.close();
        }
        self.ready.pop_front()
    }
}

/// Hears one address. No reports go back: most such streams are of a group, and their senders ask for none.
struct Receiver {
    socket: UdpSocket,
    sender: Option<IpAddr>,
    datagram: Box<[u8]>,
    gathered: Gathered,
    session: Session,
    /// Who was heard last, and when.
    heard: Option<(IpAddr, Instant)>,
    /// Whoever else sends to the same address is heard only once that one is silent: of a group others are meant to take over.
    of_one: bool,
    foreign: u32,
    failed: bool,
}

impl Receiver {
    /// Whether this one is not listened to.
    fn is_strange(&self, now: Instant, from: IpAddr) -> bool {
        let other = |&(before, heard): &(IpAddr, Instant)| before != from && now.saturating_duration_since(heard) < LET_GO;
        self.sender.is_some_and(|sender| sender != from) || (self.of_one && self.heard.as_ref().is_some_and(other))
    }

    /// The next piece.
    async fn next(&mut self) -> Result<Chunk, SourceError> {
        loop {
            if let Some(chunk) = self.gathered.take(clock::now()) {
                return Ok(chunk);
            }
            let due = [self.gathered.deadline(), self.session.deadline()].into_iter().flatten().min();
            tokio::select! {
                biased;
                ready = self.socket.readable() => {
                    ready.map_err(|error| lost(&error))?;
                    self.drain()?;
                }
                () = clock::sleep_until(due.unwrap_or_else(clock::now)), if due.is_some() => {}
            }
            let Self { gathered, session, .. } = self;
            let now = clock::now();
            session.tick(now, &mut |packet| gathered.add_packet(now, &packet));
        }
    }

    /// Takes what has come by now, up to a piece.
    fn drain(&mut self) -> Result<(), SourceError> {
        // Strangers who send faster than this reads do not keep the others of this thread waiting.
        let mut turn = TURN;
        while !self.gathered.is_full() && turn > 0 {
            turn -= 1;
            let (length, from) = match self.socket.try_recv_from(&mut self.datagram) {
                Ok(received) => received,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                // An answer to nothing that was sent from here.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(lost(&error)),
            };
            let now = clock::now();
            if self.is_strange(now, from.ip()) {
                continue;
            }
            let Self { gathered, session, .. } = self;
            match header::read(self.datagram.get(..length).unwrap_or_default()) {
                Datagram::TransportStream(bytes) => {
                    gathered.add(now, bytes);
                    if bytes.first() == Some(&SYNC_BYTE) {
                        self.heard = Some((from.ip(), now));
                    }
                }
                Datagram::Rtp(packet) if packet.is_transport_stream() => {
                    session.packet(now, &packet, &mut |packet| gathered.add_packet(now, &packet));
                    // Nobody who is not believed yet keeps another out.
                    if session.ssrc() == Some(packet.ssrc) {
                        self.heard = Some((from.ip(), now));
                    }
                }
                Datagram::Rtcp(compound) => {
                    // Of somebody else it would end a stream that is not his.
                    if self.heard.is_some_and(|(heard, _)| heard != from.ip()) {
                        continue;
                    }
                    session.rtcp(now, compound, &mut |packet| gathered.add_packet(now, &packet));
                    continue;
                }
                // Error correction, another payload, anything.
                Datagram::Rtp(_) | Datagram::Other => {
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

//! The handshake of a call (draft-sharabayko-srt-01, section 4.3): of a caller with who listens, and of two who meet. On a socket
//! of its own, which hears nobody else and is told by the system when there is nobody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::BytesMut;
use socket2::{Domain, Protocol, Socket, Type};
use srt_protocol::connection::Connection;
use srt_protocol::options::{KeySize, PacketSize};
use srt_protocol::packet::{Packet, ReceivePacketError, SeqNumber, SocketId, TimeStamp};
use srt_protocol::protocol::pending_connection::connect::Connect;
use srt_protocol::protocol::pending_connection::rendezvous::Rendezvous;
use srt_protocol::protocol::pending_connection::{ConnectError, ConnectionReject, ConnectionResult};
use tokio::net::UdpSocket;

use super::failure::Failure;
use super::handshake;
use super::policy::Terms;
use crate::base::clock::{self, Instant};
use crate::base::tasks;
use crate::ingest::settings::SrtSettings;
use crate::ingest::socket::PortSocket;
use crate::ingest::stream_id;
use crate::source::srt::{Address, Mode};

/// What is not answered is said again.
const AGAIN: Duration = Duration::from_millis(250);
/// Kernel buffer asked for. What is granted depends on `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 8 * 1024 * 1024;
/// The largest datagram that is taken: nobody sends larger ones than an Ethernet frame holds.
const DATAGRAM: usize = 2048;
/// The largest packet, with its headers, that we take (`SRTO_MSS`): a sender must get 1316 bytes of stream into one.
const LARGEST_PACKET: u64 = 1500;

/// A call that was answered.
pub(super) struct Answered {
    pub(super) connection: Connection,
    pub(super) socket: PortSocket,
    /// What the other side's clock showed, and when that was heard.
    pub(super) heard: (TimeStamp, Instant),
}

/// Calls. Whoever asks says for how long; dropping the future gives up.
///
/// # Errors
/// When the other side says no, or the system says that there is none.
pub(super) async fn dial(address: &Address, remote: SocketAddr, settings: &SrtSettings) -> Result<Answered, Failure> {
    let local = |error: std::io::Error| Failure::Local(error.to_string());
    let socket = open(address, remote)?;
    let from = socket.local_addr().map_err(local)?;
    let dialling = Dialling { core: Core::new(address, from, remote, settings)?, socket, remote };
    dialling.run().await
}

/// A socket for one other side.
fn open(address: &Address, remote: SocketAddr) -> Result<UdpSocket, Failure> {
    let local = |error: std::io::Error| Failure::Local(error.to_string());
    let socket = Socket::new(Domain::for_address(remote), Type::DGRAM, Some(Protocol::UDP)).map_err(local)?;
    socket.set_nonblocking(true).map_err(local)?;
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    let port = match (address.mode, address.local_port) {
        (_, Some(port)) => port,
        (Mode::Rendezvous, None) => address.port,
        (Mode::Caller, None) => 0,
    };
    if address.local.is_some() || port > 0 {
        let any = if remote.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
        socket.bind(&SocketAddr::new(address.local.unwrap_or(any), port).into()).map_err(local)?;
    }
    socket.connect(&remote.into()).map_err(|error| Failure::Unreachable(error.to_string()))?;
    UdpSocket::from_std(socket.into()).map_err(local)
}

/// The protocol's part of it.
enum Core {
    Caller(Box<Connect>),
    Rendezvous(Box<Rendezvous>),
}

impl Core {
    fn new(address: &Address, from: SocketAddr, remote: SocketAddr, settings: &SrtSettings) -> Result<Self, Failure> {
        let terms = Terms {
            name: String::new(),
            mode: stream_id::Mode::Request,
            passphrase: address.passphrase.clone(),
            latency: address.latency.unwrap_or(settings.latency),
            proven: true,
        };
        let chance = || getrandom::u32().map_err(|error| Failure::Local(error.to_string()));
        // As libsrt has it: below 2^30, and not 0.
        let id = SocketId((chance()? & 0x3FFF_FFFF).max(1));
        let mut own = handshake::init_settings(id, &terms, settings, handshake::LONGEST_LATENCY)
            .map_err(|_| Failure::Local("bad passphrase".into()))?;
        own.max_packet_size = PacketSize(LARGEST_PACKET);
        if let (Some(keys), Some(length)) = (&mut own.key_settings, address.key_bytes) {
            keys.key_size = KeySize::try_from(length).unwrap_or(KeySize::AES128);
        }
        let first = SeqNumber::new_truncate(chance()?);
        Ok(match address.mode {
            Mode::Caller => {
                let stream_id = address.stream_id.as_ref().map(|id| id.expose().clone());
                Self::Caller(Box::new(Connect::new(remote, from.ip(), own, stream_id, first)))
            }
            Mode::Rendezvous => Self::Rendezvous(Box::new(Rendezvous::new(from, remote, own, first))),
        })
    }

    fn tick(&mut self, now: std::time::Instant) -> ConnectionResult {
        match self {
            Self::Caller(core) => core.handle_tick(now),
            Self::Rendezvous(core) => core.handle_tick(now),
        }
    }

    fn handle(&mut self, packet: Result<(Packet, SocketAddr), ReceivePacketError>, now: std::time::Instant) -> ConnectionResult {
        match self {
            Self::Caller(core) => core.handle_packet(packet, now),
            Self::Rendezvous(core) => core.handle_packet(packet, now),
        }
    }
}

/// A call that is being made.
struct Dialling {
    core: Core,
    socket: UdpSocket,
    remote: SocketAddr,
}

impl Dialling {
    async fn run(mut self) -> Result<Answered, Failure> {
        let mut datagram = vec![0; DATAGRAM].into_boxed_slice();
        let mut next = clock::now();
        loop {
            tokio::select! {
                biased;
                received = self.socket.recv(&mut datagram) => match received {
                    Ok(length) => {
                        let now = clock::now();
                        let mut rest = datagram.get(..length).unwrap_or_default();
                        let is_v6 = self.remote.is_ipv6();
                        // The parser is not ours; what it does with bytes from anywhere must end nothing but this.
                        let parsed = catch_unwind(AssertUnwindSafe(|| Packet::parse(&mut rest, is_v6)));
                        let Ok(Ok(packet)) = parsed else { continue };
                        let at = packet.timestamp();
                        let (core, result) = handle(self.core, packet, self.remote, now).await?;
                        self.core = core;
                        if let Some(connection) = self.follow(result).await? {
                            let socket = PortSocket::connected(self.socket).map_err(|error| Failure::Local(error.to_string()))?;
                            return Ok(Answered { connection, socket, heard: (at, now) });
                        }
                    }
                    Err(error) => self.failed(&error)?,
                },
                () = clock::sleep_until(next) => {
                    next = clock::now() + AGAIN;
                    let now = clock::now().into_std();
                    let said = catch_unwind(AssertUnwindSafe(|| self.core.tick(now)));
                    let Ok(said) = said else { return Err(Failure::Nonsense) };
                    self.follow(said).await?;
                }
            }
        }
    }

    /// What the system says to a datagram that was sent.
    fn failed(&self, error: &std::io::Error) -> Result<(), Failure> {
        match (&self.core, error.kind()) {
            // Who is to be met may not be there yet.
            (Core::Rendezvous(_), std::io::ErrorKind::ConnectionRefused) => Ok(()),
            (Core::Caller(_), std::io::ErrorKind::ConnectionRefused) => Err(Failure::Nobody),
            _ => Err(Failure::Unreachable(error.to_string())),
        }
    }

    /// Does what the protocol wants done. Gives the connection when there is one.
    async fn follow(&self, result: ConnectionResult) -> Result<Option<Connection>, Failure> {
        match result {
            ConnectionResult::SendPacket((packet, _)) => self.send(&packet).await?,
            ConnectionResult::Connected(last, connection) => {
                if let Some((packet, _)) = last {
                    self.send(&packet).await?;
                }
                return Ok(Some(connection));
            }
            ConnectionResult::Reject(last, why) => {
                if let Some((packet, _)) = last {
                    self.send(&packet).await?;
                }
                let (ConnectionReject::Rejected(reason) | ConnectionReject::Rejecting(reason)) = why;
                return Err(Failure::Refused(reason));
            }
            ConnectionResult::NotHandled(ConnectError::UnsupportedProtocolVersion(_)) => return Err(Failure::Old),
            ConnectionResult::Failure(_) => return Err(Failure::Nonsense),
            // Others may be late or lost answers; there will be another one.
            ConnectionResult::NotHandled(_) | ConnectionResult::NoAction | ConnectionResult::RequestAccess(_) => {}
        }
        Ok(None)
    }

    async fn send(&self, packet: &Packet) -> Result<(), Failure> {
        let mut bytes = BytesMut::with_capacity(1024);
        packet.serialize(&mut bytes);
        match self.socket.send(&bytes).await {
            // An answer to the one before.
            Err(error) => self.failed(&error),
            Ok(_) => Ok(()),
        }
    }
}

/// Lets the protocol look at a packet. Keys are derived there, by thousands of rounds of a hash: nobody else waits for that.
async fn handle(mut core: Core, packet: Packet, remote: SocketAddr, now: Instant) -> Result<(Core, ConnectionResult), Failure> {
    let handled = tasks::blocking(move || {
        let result = catch_unwind(AssertUnwindSafe(|| core.handle(Ok((packet, remote)), now.into_std())));
        result.map(|result| (core, result))
    });
    match handled.await {
        Ok(Ok(handled)) => Ok(handled),
        Ok(Err(_)) | Err(_) => Err(Failure::Nonsense),
    }
}

//! Calls by SRT: streams that are fetched, from who listens or from who calls us at the same time. Each has a socket and a task of
//! its own, which ends, with a word to the other side, when nobody reads any more.
//!
//! A call is for one reader, and nobody else is called for it: what is dialled when, and for how long, is for sessions and the
//! prober to say; they fall over and come back as with any source. Who is not to be called at all is [`Patience`]'s to say.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use srt_protocol::connection::DuplexConnection;
use srt_protocol::packet::{ControlPacket, ControlTypes, Packet, SocketId, TimeStamp};
use tokio::net::lookup_host;

use super::connection::Connected;
use super::dial::{self, Answered};
use super::failure::Failure;
use super::inbox::Inbox;
use super::patience::Patience;
use super::port::DATAGRAM;
use crate::base::clock::{self, Instant};
use crate::base::tasks::{self, CancellationToken, TaskTracker};
use crate::ingest::Registry;
use crate::ingest::registry::{Kind, Publisher, Role, Sender};
use crate::ingest::settings::SrtSettings;
use crate::ingest::socket::{PortSocket, Room, Way};
use crate::source::srt::{Address, Call, Mode};
use crate::source::{Opened, Pace, SourceError};

/// The system says that nobody is there any more: believed of one who was silent for so long.
const GONE: Duration = Duration::from_secs(1);
/// Connections get so long for their goodbyes.
const GOODBYE: Duration = Duration::from_secs(1);

/// Whoever calls. One for the whole process.
#[derive(Debug)]
pub struct Calls {
    settings: SrtSettings,
    registry: Registry,
    /// For an answer, the name's resolution included.
    timeout: Duration,
    patience: Mutex<Patience>,
    /// Addresses are known by a hash that nobody else can make: they hold passphrases.
    hash: RandomState,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Calls {
    /// Streams are shown in `registry` while they come; answers are waited for as long as `timeout`.
    pub fn new(settings: &SrtSettings, registry: &Registry, timeout: Duration) -> Self {
        Self {
            settings: settings.clone(),
            registry: registry.clone(),
            timeout,
            patience: Mutex::default(),
            hash: RandomState::new(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Hangs up everywhere, and waits, for a second at most, until the other sides have been told.
    pub async fn close(&self) {
        self.stop.cancel();
        self.tracker.close();
        let _ = clock::timeout(GOODBYE, self.tracker.wait()).await;
    }

    fn patience(&self) -> MutexGuard<'_, Patience> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self, address: Address) -> Result<Opened, SourceError> {
        let key = self.hash.hash_one(&address);
        let due = self.patience().ask(clock::now(), key)?;
        // Whoever gives up before it knows leaves the next one the try.
        let mut trying = Trying { calls: self, key, told: false };
        clock::sleep_until(due).await;
        match self.reach(&address).await {
            Ok((answered, remote)) => {
                trying.told = true;
                self.patience().succeeded(key);
                Ok(self.begin(&address, answered, remote))
            }
            Err(failure) => {
                trying.told = true;
                let counts = failure.counts(address.mode);
                let error = failure.of(&address);
                if counts {
                    self.patience().failed(clock::now(), key, &error);
                }
                Err(error)
            }
        }
    }

    /// Calls each address that the host has, one after the other, until one answers.
    async fn reach(&self, address: &Address) -> Result<(Answered, SocketAddr), Failure> {
        let until = clock::now() + self.timeout;
        let found = clock::timeout(self.timeout, lookup_host((address.host.as_str(), address.port))).await;
        let found = found.map_err(|_| Failure::Silent(self.timeout))?;
        let found = found.map_err(|error| Failure::Unreachable(error.to_string()))?;
        let fits = |remote: &SocketAddr| address.local.is_none_or(|local| local.is_ipv4() == remote.is_ipv4());
        let remotes: Vec<SocketAddr> = found.filter(fits).collect();
        let mut failure = Failure::Unreachable("the host has no address that can be called from here".into());
        for (tried, remote) in remotes.iter().enumerate() {
            let share = until.saturating_duration_since(clock::now()) / u32::try_from(remotes.len() - tried).unwrap_or(1);
            match clock::timeout(share, dial::dial(address, *remote, &self.settings)).await {
                Ok(Ok(answered)) => return Ok((answered, *remote)),
                // That was an answer, too.
                Ok(Err(refused @ Failure::Refused(_))) => return Err(refused),
                Ok(Err(other)) => failure = other,
                Err(_) => failure = Failure::Silent(self.timeout),
            }
        }
        Err(failure)
    }

    fn begin(&self, address: &Address, answered: Answered, remote: SocketAddr) -> Opened {
        let Answered { connection, socket, heard } = answered;
        let (latency, id) = (connection.settings.recv_tsbpd_latency, connection.settings.local_sockid);
        let mut core = DuplexConnection::new(connection);
        // A peer's clock counts from when it began to listen, or to wait for us, which may be long ago.
        let said = control(heard.0, id, ControlTypes::KeepAlive);
        core.handle_packet_input(heard.1.into_std(), Ok((said, remote)));
        let role = match address.mode {
            Mode::Caller => Role::Caller,
            Mode::Rendezvous => Role::Rendezvous,
        };
        let publisher = self.registry.call(&address.to_string(), Sender { kind: Kind::Srt, from: remote, proven: true }, role);
        tracing::info!(
            server = %remote, stream = publisher.id(), latency_ms = latency.as_millis(),
            encrypted = address.passphrase.is_some(), "a stream was called by SRT"
        );
        let bytes = publisher.read();
        let reader = publisher.closed.clone().drop_guard();
        let (socket, inbox) = (Arc::new(socket), Arc::new(Inbox::default()));
        let way = Way { peer: remote, local: None };
        let connected = Connected::new(core, socket.clone(), inbox.clone(), way, self.stop.clone(), latency);
        tasks::spawn_tracked(&self.tracker, "srt call", serve(connected, publisher, socket, inbox, id));
        let bytes = bytes.map(move |item| {
            // It hangs up when the reader goes.
            let _ = &reader;
            item
        });
        Opened { bytes: Box::pin(bytes), pace: Pace::Live, producer: "srt", stall_after: None }
    }
}

/// A call of which nothing is known yet.
struct Trying<'a> {
    calls: &'a Calls,
    key: u64,
    told: bool,
}

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.calls.patience().given_up(self.key);
        }
    }
}

impl Call for Calls {
    fn call(&self, address: Address) -> BoxFuture<'_, Result<Opened, SourceError>> {
        Box::pin(self.open(address))
    }
}

async fn serve(connected: Connected, publisher: Publisher, socket: Arc<PortSocket>, inbox: Arc<Inbox>, id: SocketId) {
    tokio::select! {
        biased;
        () = connected.serve(publisher) => {}
        () = receive(&socket, &inbox, id) => {}
    }
}

/// Reads datagrams for as long as the connection lasts.
async fn receive(socket: &PortSocket, inbox: &Inbox, id: SocketId) {
    let mut room = Room::default();
    let mut heard = clock::now();
    loop {
        let received = match socket.readable().await {
            Ok(()) => socket.receive(&mut room, |datagram, _| {
                if datagram.len() <= DATAGRAM {
                    inbox.put(datagram);
                }
            }),
            Err(error) => Err(error),
        };
        match received {
            Ok(()) => heard = clock::now(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                if is_gone(heard) {
                    // What it can not say any more.
                    let mut bytes = BytesMut::with_capacity(32);
                    control(TimeStamp::from_micros(0), id, ControlTypes::Shutdown).serialize(&mut bytes);
                    inbox.put(&bytes);
                    heard = clock::now();
                }
            }
            // No route, for now; who is silent for too long is given up by the protocol.
            Err(_) => clock::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn is_gone(heard: Instant) -> bool {
    clock::now().saturating_duration_since(heard) >= GONE
}

fn control(timestamp: TimeStamp, dest_sockid: SocketId, control_type: ControlTypes) -> Packet {
    Packet::Control(ControlPacket { timestamp, dest_sockid, control_type })
}

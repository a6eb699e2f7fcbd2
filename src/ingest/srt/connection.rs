//! One connection: its datagrams in, its answers out, its stream to whoever reads it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, ready};
use srt_protocol::connection::DuplexConnection;
use srt_protocol::packet::{HandshakeControlInfo, Packet, ReceivePacketError, SocketId, TimeStamp};

use super::handshake;
use super::inbox::Inbox;
use super::output::{Coming, payload};
use super::policy::{Refusal, Terms};
use super::port::log_refusal;
use crate::base::clock::{self, Instant};
use crate::base::coalesce::Coalesced;
use crate::base::tasks::{self, CancellationToken};
use crate::ingest::Registry;
use crate::ingest::figures::Connection as Figures;
use crate::ingest::registry::{Kind, Publisher, Sender};
use crate::ingest::settings::SrtSettings;
use crate::ingest::socket::{PortSocket, Way};
use crate::ingest::stream_id::Mode;
use crate::ingest::watch::{Unwatchable, Watch};

/// What comes within so long is looked at together: waking up for each packet of 50 Mbit/s would be 5000 times a second.
pub(super) const TOGETHER: Duration = Duration::from_millis(3);
/// A caller waits 3 s for its answer (`SRTO_CONNTIMEO`).
const PATIENCE: Duration = Duration::from_secs(2);
/// How often figures are told.
const FIGURES: Duration = Duration::from_secs(1);
/// Pieces of the stream are collected in blocks of this size.
const BLOCK: usize = 64 * 1024;

/// A caller who is welcome, and not yet connected.
pub(super) struct Connecting {
    pub(super) id: SocketId,
    pub(super) socket: Arc<PortSocket>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) way: Way,
    pub(super) shake: HandshakeControlInfo,
    pub(super) timestamp: TimeStamp,
    pub(super) terms: Terms,
    pub(super) settings: SrtSettings,
    pub(super) registry: Registry,
    pub(super) refusals: Arc<Coalesced>,
    pub(super) watch: Arc<dyn Watch>,
    /// The port is about to close.
    pub(super) stop: CancellationToken,
}

/// What a connection is for.
enum Purpose {
    Send(Box<Publisher>),
    Watch(Coming),
}

impl Connecting {
    /// Agrees with it, and serves it until one of both has enough.
    pub(super) async fn run(self) {
        let refuse = |refusal: Refusal| {
            log_refusal(&self.refusals, self.way.peer, &self.terms.name, refusal);
            send(&self.socket, &handshake::rejection(&self.shake, self.timestamp, refusal), self.way);
        };
        let (shake, terms, settings) = (self.shake.clone(), self.terms.clone(), self.settings.clone());
        let (timestamp, from, id, now) = (self.timestamp, self.way.peer, self.id, clock::now().into_std());
        // The keys take thousands of rounds of a hash to be derived.
        let agree = move || {
            let agree = || handshake::conclude(shake, timestamp, from, id, &terms, &settings, now);
            catch_unwind(AssertUnwindSafe(agree)).unwrap_or(Err(None))
        };
        let agreed = match tasks::blocking(agree).await {
            Ok(Ok(agreed)) => agreed,
            Ok(Err(Some(refusal))) => return refuse(refusal),
            Ok(Err(None)) | Err(_) => {
                tracing::warn!(client = %self.way.peer, "the handshake of an SRT caller makes no sense");
                return;
            }
        };
        // A channel is tuned once its caller has proven that it may, and before it is answered, as long as that does not try its
        // patience: so it can be told why it gets nothing.
        let coming = match self.terms.mode {
            Mode::Publish => None,
            Mode::Request => {
                let mut tuning = self.watch.watch(self.terms.name.clone(), self.way.peer.ip().to_canonical());
                match clock::timeout(PATIENCE, &mut tuning).await {
                    Ok(Err(error)) => {
                        tracing::debug!(client = %self.way.peer, stream = %self.terms.name, %error, "nothing to be watched by SRT");
                        return refuse(match error {
                            Unwatchable::NotFound => Refusal::NotFound,
                            Unwatchable::Busy(_) => Refusal::Overload,
                            Unwatchable::Down(_) => Refusal::Down,
                        });
                    }
                    Ok(found) => Some(Either::Left(ready(found))),
                    Err(_) => Some(Either::Right(tuning)),
                }
            }
        };
        let purpose = match coming {
            Some(coming) => Purpose::Watch(coming),
            None => {
                let sender = Sender { kind: Kind::Srt, from: self.way.peer, proven: self.terms.proven };
                match self.registry.publish(&self.terms.name, sender) {
                    Ok(publisher) => Purpose::Send(Box::new(publisher)),
                    Err(_) => return refuse(Refusal::Conflict),
                }
            }
        };
        let latency = agreed.connection.settings.recv_tsbpd_latency;
        if let Some(answer) = &agreed.answer {
            send(&self.socket, answer, self.way);
        }
        tracing::info!(
            client = %self.way.peer, stream = %self.terms.name, latency_ms = latency.as_millis(),
            encrypted = self.terms.passphrase.is_some(), "{}",
            match &purpose {
                Purpose::Send(_) => "a stream comes in by SRT",
                Purpose::Watch(_) => "somebody watches by SRT",
            }
        );
        let core = DuplexConnection::new(agreed.connection);
        let connection = Connected::new(core, self.socket, self.inbox, self.way, self.stop, latency);
        match purpose {
            Purpose::Send(publisher) => connection.serve(*publisher).await,
            Purpose::Watch(coming) => connection.watch(&self.terms.name, coming, payload(self.settings.payload_size)).await,
        }
    }
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The peer said so, or was silent for too long.
    Peer,
    /// A person or a newer sender wanted it.
    Here,
    /// What came made the protocol's code stumble.
    Broken,
}

/// A connection that both sides have agreed on, whoever called.
pub(super) struct Connected {
    pub(super) core: DuplexConnection,
    socket: Arc<PortSocket>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) way: Way,
    pub(super) stop: CancellationToken,
    began: Instant,
    pub(super) latency: Duration,
    /// A datagram that is about to be sent.
    out: BytesMut,
    /// What is due of the stream.
    pub(super) piece: BytesMut,
    datagrams: VecDeque<Bytes>,
}

impl Connected {
    /// A connection between these two, whose datagrams come into the inbox; until `stop` is cancelled at most.
    pub(super) fn new(
        core: DuplexConnection,
        socket: Arc<PortSocket>,
        inbox: Arc<Inbox>,
        way: Way,
        stop: CancellationToken,
        latency: Duration,
    ) -> Self {
        Self {
            core,
            socket,
            inbox,
            way,
            stop,
            began: clock::now(),
            latency,
            out: BytesMut::new(),
            piece: BytesMut::new(),
            datagrams: VecDeque::new(),
        }
    }

    /// Serves it until one of both has enough.
    pub(super) async fn serve(mut self, mut publisher: Publisher) {
        let closed = publisher.closed.clone();
        let mut figures_due = self.began;
        let over = loop {
            if closed.is_cancelled() || self.stop.is_cancelled() {
                self.say_goodbye().await;
                break Over::Here;
            }
            let now = clock::now();
            // A connection in trouble is alone with it.
            let step = catch_unwind(AssertUnwindSafe(|| self.step(now.into_std())));
            let Ok(next) = step else { break Over::Broken };
            self.flush(now).await;
            if !self.piece.is_empty() {
                publisher.push(self.piece.split().freeze());
            }
            if now >= figures_due {
                figures_due = now + FIGURES;
                publisher.counters.tell(self.figures(now));
            }
            let Some(next) = next else { break Over::Peer };
            clock::sleep(TOGETHER).await;
            let next = Instant::from_std(next).min(figures_due);
            tokio::select! {
                () = self.inbox.news() => {}
                () = closed.cancelled() => {}
                () = self.stop.cancelled() => {}
                () = clock::sleep_until(next) => {}
            }
        };
        publisher.counters.tell(self.figures(clock::now()));
        let figures = publisher.counters.now();
        tracing::info!(
            client = %self.way.peer, stream = publisher.id(), bytes = figures.bytes, lost = figures.connection.lost,
            resent = figures.connection.retransmitted, undecipherable = figures.connection.undecipherable,
            overrun = self.inbox.lost(), "{}",
            match over {
                Over::Peer => "a stream that came in by SRT has ended",
                Over::Here => "a stream that came in by SRT was closed from here",
                Over::Broken => "a stream that came in by SRT made no sense any more and was closed",
            }
        );
    }

    /// Takes what came, and what is due. When there will be something to do again; `None`: it is over.
    pub(super) fn step(&mut self, now: std::time::Instant) -> Option<std::time::Instant> {
        self.inbox.take(&mut self.datagrams);
        for mut datagram in self.datagrams.drain(..) {
            let parsed = Packet::parse(&mut datagram, self.way.peer.is_ipv6());
            let input = parsed.map(|packet| (packet, self.way.peer)).map_err(ReceivePacketError::Parse);
            self.core.handle_packet_input(now, input);
        }
        let next = self.core.check_timers(now);
        while let Some((_, data)) = self.core.next_data(now) {
            if self.piece.capacity() - self.piece.len() < data.len() {
                self.piece.reserve(BLOCK.max(data.len()));
            }
            self.piece.extend_from_slice(&data);
        }
        self.core.is_open().then(|| next.min(self.core.next_timer(now)))
    }

    /// Sends what is to be sent.
    pub(super) async fn flush(&mut self, now: Instant) {
        while let Some((packet, _)) = self.core.next_packet(now.into_std()) {
            self.out.clear();
            packet.serialize(&mut self.out);
            if let Err(error) = self.socket.send(&self.out, self.way)
                && error.kind() == std::io::ErrorKind::WouldBlock
                && self.socket.writable().await.is_ok()
            {
                // What is lost here is asked for again.
                let _ = self.socket.send(&self.out, self.way);
            }
        }
    }

    /// Tells the peer that it is over.
    pub(super) async fn say_goodbye(&mut self) {
        let now = clock::now();
        if catch_unwind(AssertUnwindSafe(|| self.core.hang_up(now.into_std()))).is_ok() {
            self.flush(now).await;
        }
    }

    fn figures(&self, now: Instant) -> Figures {
        let counted = self.core.statistics();
        Figures {
            packets: counted.rx_all_packets,
            data_packets: counted.rx_unique_data,
            lost: counted.rx_dropped_data,
            retransmitted: counted.rx_retransmit_data,
            undecipherable: counted.rx_decrypt_errors,
            rtt: self.core.rtt().0,
            latency: self.latency,
            age: now.saturating_duration_since(self.began),
            rtp: None,
        }
    }
}

/// Sends a packet of a handshake; it is asked for again if it is lost.
fn send(socket: &PortSocket, packet: &Packet, way: Way) {
    let mut bytes = BytesMut::with_capacity(512);
    packet.serialize(&mut bytes);
    let _ = socket.send(&bytes, way);
}

//! An RTP port, and the RTCP port beside it: reads datagrams, and writes what senders are told.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::broadcast;

use super::described::{Described, Receiver};
use super::guess::Looked;
use super::socket;
use super::streams::{Room, Streams};
use crate::base::clock::{self, Instant};
use crate::base::coalesce::Coalesced;
use crate::base::tasks::{self, Task};
use crate::ingest::Registry;
use crate::ingest::depay::Refusal;
use crate::ingest::settings::{RtpListenSettings, RtpSettings};
use crate::rtp::Clocks;
use crate::rtp::header::{self, Datagram};
use crate::rtp::table::{ReportTo, Table};

/// Largest datagram; nobody sends larger ones than an Ethernet frame holds, some send jumbo frames.
const DATAGRAM: usize = 9216;
/// Datagrams that are read before others get a turn.
const TURN: usize = 128;
/// So many at once are few: then it is waited for a moment, and they are looked at together. Waking up for each packet of 50 Mbit/s
/// would be 5000 times a second; so many fit into the smallest buffer that a kernel gives, several times.
const FEW: usize = 32;
const TOGETHER: Duration = Duration::from_millis(1);
/// How often figures are told.
const FIGURES: Duration = Duration::from_secs(1);
/// Senders of something else are told of so often.
const TOLD: Duration = Duration::from_secs(60);
/// Length of what clients of the HDHomeRun protocol send while a stream goes to them.
const KEEPALIVE: usize = 4;

/// Datagrams of four bytes, which are no RTP: who sent them, and what is in them. Whoever wants them subscribes.
pub type Short = broadcast::Sender<(SocketAddr, [u8; KEEPALIVE])>;

/// A port that is ours.
#[derive(Debug)]
pub struct Bound {
    media: Arc<UdpSocket>,
    control: Option<UdpSocket>,
    listen: RtpListenSettings,
}

impl Bound {
    /// Where RTP is listened for.
    pub fn addr(&self) -> SocketAddr {
        self.media.local_addr().unwrap_or(self.listen.addr)
    }

    /// Whether it has this port at one of its addresses, for RTP or for RTCP.
    pub fn holds(&self, port: u16) -> bool {
        let control = self.control.as_ref().and_then(|control| control.local_addr().ok());
        self.addr().port() == port || control.is_some_and(|addr| addr.port() == port)
    }

    /// The socket, if it has this port on all IPv4 addresses: nobody else can have it then.
    pub fn on_all(&self, port: u16) -> Option<Arc<UdpSocket>> {
        let addr = self.addr();
        (socket::is_any(addr) && addr.port() == port).then(|| self.media.clone())
    }

    /// Takes the port beside it for RTCP. Streams are received without it, too: it is no error if another has it.
    pub fn with_control(mut self, buffer: usize) -> Self {
        let Some(port) = self.addr().port().checked_add(1) else { return self };
        match socket::bind(&self.listen, port, buffer) {
            Ok(control) => self.control = Some(control),
            Err(error) => {
                tracing::info!(
                    rtp.listen = %self.listen.addr, port, %error,
                    "the RTCP port is not available: reports go out by the RTP port, and goodbyes are not heard"
                );
            }
        }
        self
    }
}

/// Binds a port. Those of groups must be bound last: their ports may be shared.
///
/// # Errors
/// When it cannot be had, or the group not be joined.
pub fn bind(listen: &RtpListenSettings, buffer: usize) -> std::io::Result<Bound> {
    let media = Arc::new(socket::bind(listen, listen.addr.port(), buffer)?);
    Ok(Bound { media, control: None, listen: listen.clone() })
}

/// All ports, while they serve. Dropping it ends them and their streams.
#[derive(Debug)]
pub struct Ports {
    _tasks: Vec<Task<()>>,
    describing: Describing,
}

/// Receives streams that are described, also later on. A cheap handle.
#[derive(Debug, Clone)]
pub struct Describing {
    settings: RtpSettings,
    registry: Registry,
    room: Arc<Room>,
}

/// A stream that is described, while it is received. Dropping it ends that.
#[derive(Debug)]
pub struct Receiving {
    task: Task<()>,
    left_out: Option<String>,
}

impl Receiving {
    /// What of the description is not received, in words; `None`: all is.
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }
}

impl Describing {
    /// Binds the ports of a description and receives what comes there, as the stream of this name. Called within a runtime.
    ///
    /// # Errors
    /// When it is none, when nothing of it can be taken, or a port cannot be had: in words.
    pub fn receive(&self, name: &str, text: &str) -> Result<Receiving, String> {
        self.serve(super::described::bind(name, text, self.settings.buffer_size)?).map_err(|refusal| refusal.to_string())
    }

    fn serve(&self, described: Described) -> Result<Receiving, Refusal> {
        let left_out = described.left_out();
        let receiver = Receiver::new(described, &self.settings, &self.registry, &self.room)?;
        Ok(Receiving { task: tasks::spawn("described rtp", receiver.run()), left_out })
    }
}

impl Ports {
    /// Serves these ports.
    pub fn serve(
        bound: Vec<Bound>,
        described: Vec<Described>,
        settings: &RtpSettings,
        registry: &Registry,
        short: &Short,
    ) -> Self {
        let room = Arc::new(Room::new(settings.max_sessions));
        let serve = |bound: Bound| {
            let port = Port {
                streams: Streams::new(&bound.listen, settings, registry, &room),
                table: Table::new(core(settings)),
                media: bound.media,
                control: bound.control,
                listen: bound.listen,
                settings: settings.clone(),
                short: short.clone(),
                figures_due: clock::now() + FIGURES,
                strangers: Coalesced::new(TOLD),
                others: Coalesced::new(TOLD),
            };
            tasks::spawn("rtp port", port.run())
        };
        let describing = Describing { settings: settings.clone(), registry: registry.clone(), room: room.clone() };
        // What cannot be assembled was left out when its ports were bound.
        let received =
            described.into_iter().filter_map(|described| describing.serve(described).ok()).map(|receiving| receiving.task);
        Self { _tasks: bound.into_iter().map(serve).chain(received).collect(), describing }
    }

    /// For streams that are described later on.
    pub fn describing(&self) -> &Describing {
        &self.describing
    }
}

/// How streams are received.
pub(super) fn core(settings: &RtpSettings) -> crate::rtp::Settings {
    let mut clocks = Clocks::default();
    settings.payload_types.iter().for_each(|format| clocks.set(format.payload_type, format.clock_rate));
    crate::rtp::Settings {
        delay: settings.jitter_buffer,
        idle: settings.session_timeout,
        sessions: settings.max_sessions,
        clocks,
        // At random by RFC 3550, 8; whom it meets by chance has its number changed.
        ssrc: getrandom::u32().unwrap_or(0x524F_4F46),
        cname: "rooftop".into(),
        ..crate::rtp::Settings::default()
    }
}

struct Port {
    media: Arc<UdpSocket>,
    control: Option<UdpSocket>,
    listen: RtpListenSettings,
    settings: RtpSettings,
    table: Table,
    streams: Streams,
    short: Short,
    figures_due: Instant,
    strangers: Coalesced,
    others: Coalesced,
}

impl Port {
    async fn run(mut self) {
        let mut datagram = vec![0; DATAGRAM].into_boxed_slice();
        loop {
            let due = [self.table.deadline(), self.streams.deadline()].into_iter().flatten().fold(self.figures_due, Instant::min);
            let ready = tokio::select! {
                ready = self.media.readable() => ready,
                ready = readable(self.control.as_ref()) => ready,
                () = clock::sleep_until(due) => Ok(()),
            };
            if let Err(error) = ready {
                tracing::error!(%error, rtp.listen = %self.listen.addr, "the RTP port cannot be read any more");
                return;
            }
            let count = self.take_media(&mut datagram);
            self.take_control(&mut datagram);
            self.settle();
            if (1..FEW).contains(&count) {
                clock::sleep(TOGETHER).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Takes what has come to the RTP port.
    fn take_media(&mut self, datagram: &mut [u8]) -> usize {
        for count in 0..TURN {
            match self.media.try_recv_from(datagram) {
                Ok((length, from)) => self.sort(datagram.get(..length).unwrap_or_default(), from),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return count,
                // An ICMP answer to something that was sent from here.
                Err(_) => {}
            }
        }
        TURN
    }

    fn sort(&mut self, datagram: &[u8], from: SocketAddr) {
        if let Ok(short) = <[u8; KEEPALIVE]>::try_from(datagram) {
            // Nobody waits for it: then it is nothing.
            let _ = self.short.send((from, short));
            return;
        }
        if !self.is_allowed(from.ip()) {
            if let Some(count) = self.strangers.count() {
                tracing::warn!(client = %from, count, "a stream by RTP was not taken: its sender is not in a network of allow, nor the one that is heard");
            }
            return;
        }
        let now = clock::now();
        match header::read(datagram) {
            Datagram::Rtp(packet) if packet.is_transport_stream() => {
                let Self { table, streams, .. } = self;
                table.packet(now, from, &packet, &mut |event| streams.event(now, event));
            }
            Datagram::Rtcp(compound) => self.table.rtcp(now, ReportTo { to: from, multiplexed: true }, compound),
            Datagram::Rtp(packet) => {
                let Self { table, streams, others, .. } = self;
                match streams.look(now, from, &packet) {
                    Looked::Takes => table.packet(now, from, &packet, &mut |event| streams.event(now, event)),
                    Looked::Waits => {}
                    Looked::Refuses(what) => {
                        if let Some(count) = others.count() {
                            tell_of_other(from, count, what);
                        }
                    }
                }
            }
            Datagram::TransportStream(_) => {
                self.other(from, "a transport stream without RTP; make it a source with udp:// instead")
            }
            Datagram::Other => self.other(from, "it is no RTP"),
        }
    }

    /// Who sends to a group that a person has named is that person's choice: a provider's addresses are not those of the house.
    fn is_allowed(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        match self.listen.sender {
            Some(sender) => sender == from,
            None => self.listen.is_group() || self.settings.allow.iter().any(|network| network.contains(&from)),
        }
    }

    /// Odd datagrams of somebody whose stream comes in are of no interest.
    fn other(&self, from: SocketAddr, what: &str) {
        if !self.streams.knows(from.ip())
            && let Some(count) = self.others.count()
        {
            tell_of_other(from, count, what);
        }
    }

    /// Takes what has come to the RTCP port.
    fn take_control(&mut self, datagram: &mut [u8]) {
        let Some(control) = &self.control else { return };
        for _ in 0..TURN {
            match control.try_recv_from(datagram) {
                Ok((length, from)) => {
                    let compound = datagram.get(..length).unwrap_or_default();
                    self.table.rtcp(clock::now(), ReportTo { to: from, multiplexed: false }, compound);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => {}
            }
        }
    }

    fn settle(&mut self) {
        let now = clock::now();
        let Self { table, streams, media, control, .. } = self;
        table.tick(now, &mut |event| streams.event(now, event));
        streams.settle(now, table);
        let mut send = |to: ReportTo, report: &[u8]| {
            // To the sender itself, also where it sends to a group: its other receivers are not concerned. What is lost is told anew.
            let socket = control.as_ref().filter(|_| !to.multiplexed).unwrap_or(media);
            let _ = socket.try_send_to(report, to.to);
        };
        table.reports(now, &mut send);
        streams.ask(now, table, &mut send);
        if now >= self.figures_due {
            self.figures_due = now + FIGURES;
            self.streams.tell(now, &self.table);
        }
    }
}

fn tell_of_other(client: SocketAddr, count: u64, what: &str) {
    tracing::warn!(%client, count, "what came to the RTP port is no stream that can be taken: {what}");
}

async fn readable(socket: Option<&UdpSocket>) -> std::io::Result<()> {
    match socket {
        Some(socket) => socket.readable().await,
        None => std::future::pending().await,
    }
}

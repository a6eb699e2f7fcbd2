//! A stream of which somebody has said what it is, by a session description (RFC 8866): elementary streams, each at a port of its own.
//! Reads their datagrams, and writes what their sender is told.

mod choice;

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::UdpSocket;

pub use self::choice::check;
use self::choice::{LeftOut, taken};
use super::assembly::Assembly;
use super::naming::LET_GO;
use super::socket;
use super::streams::{Room, Seat};
use crate::base::clock::{self, Instant};
use crate::base::coalesce::Coalesced;
use crate::ingest::Registry;
use crate::ingest::depay::Refusal;
use crate::ingest::figures::{Connection, RtpFigures};
use crate::ingest::registry::{Kind, Publisher, Sender};
use crate::ingest::sdp::{Description, Format, Media, SourceFilter};
use crate::ingest::settings::{RtpListenSettings, RtpSettings};
use crate::rtp::header::{self, Datagram};
use crate::rtp::session::Session;
use crate::rtp::wallclock::Wallclock;
use crate::rtp::{self, Clocks, Ordered};

/// Largest datagram.
const DATAGRAM: usize = 9216;
/// Datagrams of a port that are read before the others get a turn.
const TURN: usize = 64;
/// The assembly is asked so often what is due.
const OFTEN: Duration = Duration::from_millis(100);
/// What comes within so long is looked at together.
const TOGETHER: Duration = Duration::from_millis(1);
const FIGURES: Duration = Duration::from_secs(1);
/// A stream that is not taken is tried again after this time, and told of so often.
const AGAIN: Duration = Duration::from_secs(1);
const TOLD: Duration = Duration::from_secs(10);
/// Packets that cannot be taken are told of so often.
const STRANGE: Duration = Duration::from_secs(60);
/// Blocks in which the stream is handed on.
const BLOCK: usize = 64 * 1024;

/// Ports of a description that are ours.
#[derive(Debug)]
pub struct Described {
    name: String,
    media: Vec<Bound>,
    left_out: LeftOut,
}

/// Those of a medium.
#[derive(Debug)]
struct Bound {
    format: Format,
    sources: SourceFilter,
    is_group: bool,
    media: UdpSocket,
    control: Option<UdpSocket>,
}

impl Described {
    /// Whether it has this port at one of its addresses, for RTP or for RTCP.
    pub fn holds(&self, port: u16) -> bool {
        let mut sockets = self.media.iter().flat_map(|bound| std::iter::once(&bound.media).chain(&bound.control));
        sockets.any(|socket| socket.local_addr().is_ok_and(|addr| addr.port() == port))
    }

    /// What of it is not received, in words; `None`: all is.
    pub(super) fn left_out(&self) -> Option<String> {
        let words = self.left_out.iter().map(|(line, reason)| format!("line {line} is left out, {reason}"));
        words.reduce(|one, other| one + "; " + &other)
    }
}

/// Binds the ports of a description. What of it cannot be a track of a transport stream is left out, and told.
///
/// # Errors
/// When it is none, when nothing of it can be taken, or a port cannot be had: in words.
pub fn bind(name: &str, text: &str, buffer: usize) -> Result<Described, String> {
    let description = Description::parse(text).map_err(|error| error.to_string())?;
    let (taken, left_out) = taken(&description)?;
    let media = taken.into_iter().map(|(medium, format)| bind_one(medium, format, buffer)).collect::<Result<_, _>>()?;
    for (line, reason) in &left_out {
        tracing::warn!(stream = name, line, "a medium of a session description is left out: {reason}");
    }
    Ok(Described { name: name.to_owned(), media, left_out })
}

fn bind_one(medium: &Media, format: Format, buffer: usize) -> Result<Bound, String> {
    let sender = match &medium.sources {
        SourceFilter::Include(sources) => sources.first().copied(),
        SourceFilter::Any | SourceFilter::Exclude(_) => None,
    };
    let bind_to = |ip: IpAddr, port: u16| {
        let addr = SocketAddr::new(ip, port);
        socket::bind(&RtpListenSettings { addr, sender, interface: None, optional: false, stream: None }, port, buffer)
    };
    // The address is where the sender sends to: this machine, by whichever name; if it is another, all addresses of this one.
    let any = if medium.address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let (ip, media) = match bind_to(medium.address, medium.port) {
        Ok(socket) => (medium.address, Ok(socket)),
        Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable => (any, bind_to(any, medium.port)),
        Err(error) => (medium.address, Err(error)),
    };
    let media = media.map_err(|error| format!("UDP port {} is not available: {error}", medium.port))?;
    let control = medium.rtcp.port.filter(|_| !medium.rtcp.mux).and_then(|port| bind_to(ip, port).ok());
    Ok(Bound { format, sources: medium.sources.clone(), is_group: medium.is_multicast(), media, control })
}

/// A medium, while it is received.
struct Medium {
    bound: Bound,
    session: Session,
    /// Who sent the last packet, and where its reports come from.
    from: Option<SocketAddr>,
    reports_from: Option<SocketAddr>,
}

/// A stream, while it is received.
pub(super) struct Receiver {
    name: String,
    media: Vec<Medium>,
    settings: RtpSettings,
    registry: Registry,
    room: Arc<Room>,
    line: Line,
    publisher: Option<(Publisher, Seat)>,
    /// A person has closed it: it is, until its sender begins anew.
    closed: bool,
    again: Option<Instant>,
    began: Instant,
    block: BytesMut,
    told: Coalesced,
}

impl Receiver {
    /// # Errors
    /// When its media cannot be assembled.
    pub(super) fn new(
        described: Described,
        settings: &RtpSettings,
        registry: &Registry,
        room: &Arc<Room>,
    ) -> Result<Self, Refusal> {
        let formats: Vec<Format> = described.media.iter().map(|bound| bound.format.clone()).collect();
        let media = described.media.into_iter().map(|bound| {
            let mut clocks = Clocks::default();
            clocks.set(bound.format.payload_type, bound.format.clock_rate);
            let core = rtp::Settings { clocks, ..super::port::core(settings) };
            Medium { bound, session: Session::new(Arc::new(core)), from: None, reports_from: None }
        });
        Ok(Self {
            name: described.name.clone(),
            media: media.collect(),
            settings: settings.clone(),
            registry: registry.clone(),
            room: room.clone(),
            line: Line {
                name: described.name,
                assembly: Assembly::new(&formats)?,
                formats,
                anew: false,
                strangers: Coalesced::new(STRANGE),
                others: Coalesced::new(STRANGE),
            },
            publisher: None,
            closed: false,
            again: None,
            began: clock::now(),
            block: BytesMut::new(),
            told: Coalesced::new(TOLD),
        })
    }

    pub(super) async fn run(mut self) {
        let mut datagram = vec![0; DATAGRAM].into_boxed_slice();
        let (mut often, mut figures) = (clock::now() + OFTEN, clock::now() + FIGURES);
        loop {
            let due = self.media.iter().filter_map(|medium| medium.session.deadline()).fold(often, Instant::min);
            tokio::select! {
                () = readable(&self.media) => {}
                () = clock::sleep_until(due) => {}
            }
            for (at, medium) in self.media.iter_mut().enumerate() {
                medium.take_media(at, &self.settings, &mut datagram, &mut self.line);
                medium.take_control(at, &self.settings, &mut datagram, &mut self.line);
            }
            let now = clock::now();
            self.go_on(now);
            if now >= often {
                often = now + OFTEN;
                self.line.assembly.tick(now);
            }
            self.publish(now);
            self.hand_on();
            if now >= figures {
                figures = now + FIGURES;
                self.tell(now);
            }
            clock::sleep(TOGETHER).await;
        }
    }

    /// Sessions go on; reports and requests for pictures go out.
    fn go_on(&mut self, now: Instant) {
        // A stream that has had no keyframe for long cannot be joined (`ingestion.gop.force_idr_interval_s`).
        let overdue = self.publisher.as_ref().is_some_and(|(publisher, _)| publisher.wants_keyframe());
        for (at, medium) in self.media.iter_mut().enumerate() {
            let (line, mut wallclock) = (&mut self.line, medium.session.wallclock());
            medium.session.tick(now, &mut |packet| line.packet(now, at, &packet, told(&mut wallclock, &packet)));
            let wanted = line.assembly.wants_picture(at) || (overdue && line.assembly.is_video(at));
            let wants = medium.session.ssrc().is_some() && wanted;
            let picture = if wants { medium.session.picture_loss(now) } else { None };
            for told in [medium.session.report(now), picture].into_iter().flatten() {
                medium.tell(&told);
            }
        }
    }

    /// The stream begins, begins anew, is taken away, or ends.
    fn publish(&mut self, now: Instant) {
        let anew = std::mem::take(&mut self.line.anew);
        if self.media.iter().all(|medium| medium.session.ssrc().is_none()) {
            return self.end();
        }
        if let Some((publisher, _)) = self.publisher.as_ref().filter(|(publisher, _)| publisher.closed.is_cancelled()) {
            self.closed = self.registry.status(publisher.id()).is_none();
            self.again = Some(now + AGAIN);
            let what = if self.closed { "was closed from here" } else { "is sent by another one now" };
            tracing::info!(stream = self.name, "a stream that came in by RTP {what}");
            self.publisher = None;
        }
        self.closed &= !anew;
        let waits = self.again.is_some_and(|again| now < again);
        if self.closed || (self.publisher.is_some() && !anew) || (self.publisher.is_none() && waits) {
            return;
        }
        let Some(from) = self.media.iter().find_map(|medium| medium.from) else { return };
        // A new beginning keeps the old publisher until the new one is there: readers stay.
        let seated = self.publisher.is_some();
        let (_before, seat) = match self.publisher.take() {
            Some((publisher, seat)) => (Some(publisher), Some(seat)),
            None => (None, self.room.enter()),
        };
        let Some(seat) = seat else {
            return self.refused(now, from, "there are as many streams by RTP as rtp.max_sessions allows");
        };
        // Whoever sends it is its sender: another host has waited until the one before was silent.
        match self.registry.publish(&self.name, Sender { kind: Kind::Rtp, from, proven: seated }) {
            Ok(publisher) => {
                tracing::info!(
                    client = %from, stream = self.name, media = self.media.len(), anew, "a stream comes in by RTP, as it is described"
                );
                (self.publisher, self.began) = (Some((publisher, seat)), now);
            }
            Err(error) => self.refused(now, from, &error.to_string()),
        }
    }

    fn refused(&mut self, now: Instant, from: SocketAddr, reason: &str) {
        self.again = Some(now + AGAIN);
        if let Some(count) = self.told.count() {
            tracing::warn!(client = %from, stream = self.name, count, "a stream by RTP was not taken: {reason}");
        }
    }

    fn end(&mut self) {
        self.closed = false;
        if (0..self.media.len()).any(|at| self.line.assembly.has_begun(at)) {
            self.line.begin_anew();
        }
        let Some((publisher, _)) = self.publisher.take() else { return };
        let figures = publisher.counters.now();
        tracing::info!(
            stream = self.name,
            bytes = figures.bytes,
            lost = figures.connection.lost,
            "a stream that came in by RTP has ended: nothing came any more, or its sender said goodbye"
        );
    }

    /// What was written goes to whoever reads.
    fn hand_on(&mut self) {
        let written = self.line.assembly.take();
        let Some((publisher, _)) = self.publisher.as_mut().filter(|_| !written.as_slice().is_empty()) else { return };
        if self.block.capacity() < written.len() {
            self.block.reserve(BLOCK.max(written.len()));
        }
        self.block.extend_from_slice(written.as_slice());
        publisher.push(self.block.split().freeze());
    }

    fn tell(&self, now: Instant) {
        let Some((publisher, _)) = &self.publisher else { return };
        let mut sum = Connection {
            latency: self.settings.jitter_buffer,
            age: now.saturating_duration_since(self.began),
            ..Connection::default()
        };
        let mut figures = RtpFigures::default();
        for (at, medium) in self.media.iter().enumerate() {
            let stats = medium.session.stats();
            sum.packets = sum.packets.saturating_add(stats.packets).saturating_add(stats.duplicate);
            sum.data_packets = sum.data_packets.saturating_add(stats.packets);
            sum.lost = sum.lost.saturating_add(stats.lost);
            figures.late = figures.late.saturating_add(stats.late);
            figures.reordered = figures.reordered.saturating_add(stats.reordered);
            figures.duplicate = figures.duplicate.saturating_add(stats.duplicate);
            figures.jitter = figures.jitter.max(stats.jitter);
            if at == 0 {
                figures.ssrc = medium.session.ssrc().unwrap_or_default();
                figures.payload_type = medium.bound.format.payload_type;
            }
        }
        publisher.counters.tell(Connection { rtp: Some(figures), ..sum });
    }
}

/// The sender's clock, which is not that of a sender that begins anew.
fn told(wallclock: &mut Option<Wallclock>, packet: &Ordered<'_>) -> Option<Wallclock> {
    if packet.discontinuity {
        *wallclock = None;
    }
    *wallclock
}

/// Where the packets of all media go.
struct Line {
    name: String,
    formats: Vec<Format>,
    assembly: Assembly,
    /// It has begun anew since this was looked at.
    anew: bool,
    /// Whose packets are not taken, and which.
    strangers: Coalesced,
    others: Coalesced,
}

impl Line {
    fn packet(&mut self, now: Instant, at: usize, packet: &Ordered<'_>, wallclock: Option<Wallclock>) {
        // The first medium that begins anew takes the others along, which do so a moment later.
        if packet.discontinuity && self.assembly.has_begun(at) {
            self.begin_anew();
            self.anew = true;
        }
        self.assembly.packet(now, at, packet, wallclock);
    }

    fn begin_anew(&mut self) {
        if let Ok(fresh) = Assembly::new(&self.formats) {
            self.assembly = fresh;
        }
    }
}

impl Bound {
    fn takes(&self, from: IpAddr, settings: &RtpSettings) -> bool {
        let from = from.to_canonical();
        let allowed = || self.is_group || settings.allow.iter().any(|network| network.contains(&from));
        match &self.sources {
            SourceFilter::Any => allowed(),
            SourceFilter::Include(sources) => sources.contains(&from),
            SourceFilter::Exclude(sources) => !sources.contains(&from) && allowed(),
        }
    }
}

impl Medium {
    /// Takes what has come to its port.
    fn take_media(&mut self, at: usize, settings: &RtpSettings, datagram: &mut [u8], line: &mut Line) {
        for _ in 0..TURN {
            let (length, from) = match self.bound.media.try_recv_from(datagram) {
                Ok(received) => received,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => continue,
            };
            if !self.bound.takes(from.ip(), settings) {
                if let Some(count) = line.strangers.count() {
                    tracing::warn!(client = %from, stream = line.name, count, "a stream by RTP was not taken: its sender is not in a network of allow, nor one of its description");
                }
                continue;
            }
            let now = clock::now();
            match header::read(datagram.get(..length).unwrap_or_default()) {
                Datagram::Rtp(packet) if packet.payload_type == self.bound.format.payload_type => {
                    if !self.is_its(now, from) {
                        continue;
                    }
                    self.from = Some(from);
                    let mut wallclock = self.session.wallclock();
                    self.session.packet(now, &packet, &mut |packet| line.packet(now, at, &packet, told(&mut wallclock, &packet)));
                }
                Datagram::Rtcp(compound) => self.take_compound(at, from, compound, line),
                Datagram::Rtp(packet) => {
                    if let Some(count) = line.others.count() {
                        let (payload_type, described) = (packet.payload_type, self.bound.format.payload_type);
                        tracing::warn!(client = %from, stream = line.name, count, payload_type, described, "packets of a stream by RTP are not as they are described");
                    }
                }
                Datagram::TransportStream(_) | Datagram::Other => {}
            }
        }
    }

    /// Takes what has come to the port of its RTCP.
    fn take_control(&mut self, at: usize, settings: &RtpSettings, datagram: &mut [u8], line: &mut Line) {
        for _ in 0..TURN {
            let Some(control) = &self.bound.control else { return };
            let (length, from) = match control.try_recv_from(datagram) {
                Ok(received) => received,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => continue,
            };
            if self.bound.takes(from.ip(), settings) {
                self.take_compound(at, from, datagram.get(..length).unwrap_or_default(), line);
            }
        }
    }

    /// Whether a packet from there can be its sender's: of another host only once the one before has been silent for long.
    fn is_its(&self, now: Instant, from: SocketAddr) -> bool {
        let silent = self.session.heard().is_none_or(|heard| now.saturating_duration_since(heard) >= LET_GO);
        silent || self.from.is_none_or(|before| before.ip() == from.ip())
    }

    fn take_compound(&mut self, at: usize, from: SocketAddr, compound: &[u8], line: &mut Line) {
        // Whoever else writes to this port ends nothing, and is told nothing. The first report may come before the first packet.
        match self.from {
            Some(sender) if sender.ip() != from.ip() => return,
            Some(_) => self.reports_from = Some(from),
            None => {}
        }
        let now = clock::now();
        self.session.rtcp(now, compound, &mut |packet| line.packet(now, at, &packet, None));
    }

    /// To where its sender's reports come from, or else to the port beside its own (RFC 3550, 11). What is lost is told anew.
    fn tell(&self, compound: &[u8]) {
        let beside = || self.from.and_then(|from| Some(SocketAddr::new(from.ip(), from.port().checked_add(1)?)));
        if let Some(to) = self.reports_from.or_else(beside) {
            let _ = self.bound.control.as_ref().unwrap_or(&self.bound.media).try_send_to(compound, to);
        }
    }
}

/// Waits until something has come to any of the ports. Cancel-safe.
async fn readable(media: &[Medium]) {
    poll_fn(|cx| {
        let sockets = media.iter().flat_map(|medium| std::iter::once(&medium.bound.media).chain(&medium.bound.control));
        // All are asked, so that each may wake.
        let ready = sockets.filter(|socket| socket.poll_recv_ready(cx).is_ready()).count();
        if ready > 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

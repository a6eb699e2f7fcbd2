//! The streams of a port: each has a session of the table, a name once it is known, and a piece that is being gathered.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::BytesMut;

use super::guess::{Guesses, Looked};
use super::made::Made;
use super::naming::{self, Holder, Names, Newcomer, Turn};
use crate::base::clock::Instant;
use crate::base::coalesce::Coalesced;
use crate::ingest::Registry;
use crate::ingest::figures::{Connection, RtpFigures};
use crate::ingest::registry::{Kind, Publisher, Sender, Status};
use crate::ingest::settings::{RtpListenSettings, RtpSettings};
use crate::rtp::header::{self, Packet};
use crate::rtp::session::{Session, Stats};
use crate::rtp::table::{Event, Id, ReportTo, Table};
use crate::rtp::{Ordered, Why};

/// A piece is handed on at this age …
const AGE: Duration = Duration::from_millis(3);
/// … or size. Blocks are of twice that, so that no packet costs an allocation.
const PIECE: usize = 32 * 1024;
/// What may wait of a stream whose name is not known yet.
const MOST_WAITING: usize = 1024 * 1024;
/// A stream that must wait asks again so often: before its name is known, and when it is another's.
const SOON: Duration = Duration::from_millis(20);
const LATER: Duration = Duration::from_secs(1);
/// A source that has sent nothing of its payload type for so long, and sends another, has changed it.
const OTHER_TYPE: Duration = Duration::from_secs(1);
/// Who cannot be taken is told of so often.
const TOLD: Duration = Duration::from_secs(10);

/// The streams there may be, of all ports.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    taken: AtomicUsize,
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: AtomicUsize::new(0) }
    }

    pub(super) fn enter(self: &Arc<Self>) -> Option<Seat> {
        let free = |taken: usize| (taken < self.most).then_some(taken + 1);
        let entered = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free);
        entered.is_ok().then(|| Seat(self.clone()))
    }
}

/// One of them. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Seat(Arc<Room>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
enum State {
    /// It has no name: nobody knows yet, or another has it.
    Waits { again: Instant, newest: bool },
    /// It is read under its name.
    On { publisher: Box<Publisher>, seat: Seat },
    /// A person wanted it closed: it is, until its sender begins anew.
    Closed,
}

#[derive(Debug)]
struct Stream {
    id: Id,
    from: SocketAddr,
    ssrc: u32,
    payload_type: u8,
    began: Instant,
    /// When a packet of that type came.
    heard: Instant,
    state: State,
    /// Of an elementary stream: what is made of it.
    made: Option<Box<Made>>,
    piece: BytesMut,
    /// When its first byte came.
    since: Option<Instant>,
    /// Its sender has begun anew.
    anew: bool,
    /// Since when its publisher counts, and what its session had counted by then.
    published: Instant,
    before: Stats,
}

impl Stream {
    /// Whether its source sends another payload type now, and not only beside the one that it began with.
    fn is_of_another_type(&self, now: Instant, packet: &Ordered<'_>) -> bool {
        packet.payload_type != self.payload_type && now.saturating_duration_since(self.heard) >= OTHER_TYPE
    }

    fn add(&mut self, now: Instant, packet: &Ordered<'_>) {
        if packet.payload_type != self.payload_type {
            return;
        }
        self.heard = now;
        match self.state {
            State::Closed => return,
            State::Waits { .. } if self.piece.len() >= MOST_WAITING => self.piece.clear(),
            _ => {}
        }
        if self.piece.capacity() - self.piece.len() < packet.payload.len() {
            self.piece.reserve((2 * PIECE).max(packet.payload.len()));
        }
        match &mut self.made {
            Some(made) => made.packet(now, packet, &mut self.piece),
            None => self.piece.extend_from_slice(packet.payload),
        }
        self.gathered(now);
    }

    fn tick(&mut self, now: Instant) {
        if let Some(made) = &mut self.made {
            made.tick(now, &mut self.piece);
            self.gathered(now);
        }
        if self.due().is_some_and(|due| due <= now) {
            self.hand_on();
        }
    }

    fn gathered(&mut self, now: Instant) {
        if !self.piece.is_empty() {
            self.since.get_or_insert(now);
        }
        if self.piece.len() >= PIECE {
            self.hand_on();
        }
    }

    /// What was gathered goes to whoever reads.
    fn hand_on(&mut self) {
        let State::On { publisher, .. } = &mut self.state else { return };
        self.since = None;
        if !self.piece.is_empty() {
            publisher.push(self.piece.split().freeze());
        }
    }

    fn due(&self) -> Option<Instant> {
        let made = self.made.as_ref().map(|made| made.due());
        match self.state {
            State::Waits { again, .. } => Some(made.map_or(again, |made| made.min(again))),
            State::On { .. } => [self.since.map(|since| since + AGE), made].into_iter().flatten().min(),
            State::Closed => None,
        }
    }

    fn tell(&self, now: Instant, session: &Session, delay: Duration) {
        let State::On { publisher, .. } = &self.state else { return };
        let (stats, before) = (session.stats(), &self.before);
        let packets = stats.packets.saturating_sub(before.packets);
        publisher.counters.tell(Connection {
            packets: packets.saturating_add(stats.duplicate.saturating_sub(before.duplicate)),
            data_packets: packets,
            lost: stats.lost.saturating_sub(before.lost),
            latency: delay,
            age: now.saturating_duration_since(self.published),
            rtp: Some(RtpFigures {
                ssrc: session.ssrc().unwrap_or(self.ssrc),
                payload_type: session.payload_type().unwrap_or(self.payload_type),
                jitter: stats.jitter,
                late: stats.late.saturating_sub(before.late),
                reordered: stats.reordered.saturating_sub(before.reordered),
                duplicate: stats.duplicate.saturating_sub(before.duplicate),
            }),
            ..Connection::default()
        });
    }
}

/// All streams of a port.
#[derive(Debug)]
pub(super) struct Streams {
    /// What all that comes is called; else each stream is called by its sender.
    name: Option<String>,
    delay: Duration,
    registry: Registry,
    room: Arc<Room>,
    names: Names,
    guesses: Guesses,
    all: Vec<Stream>,
    told: Coalesced,
}

impl Streams {
    pub(super) fn new(listen: &RtpListenSettings, settings: &RtpSettings, registry: &Registry, room: &Arc<Room>) -> Self {
        // A group is one stream, whoever of a provider's machines sends it now.
        let of_group = || listen.is_group().then(|| naming::of_ip(listen.addr.ip()));
        Self {
            name: listen.stream.clone().or_else(of_group),
            delay: settings.jitter_buffer,
            registry: registry.clone(),
            room: room.clone(),
            names: Names::default(),
            guesses: Guesses::new(&settings.payload_types),
            all: Vec::new(),
            told: Coalesced::new(TOLD),
        }
    }

    /// Whether a packet whose type does not say that it is of a transport stream is of a stream that can be taken.
    pub(super) fn look(&mut self, now: Instant, from: SocketAddr, packet: &Packet<'_>) -> Looked<'_> {
        self.guesses.look(now, from, packet)
    }

    /// Takes what comes out of the table.
    pub(super) fn event(&mut self, now: Instant, event: Event<'_>) {
        match event {
            Event::Began { id, from, ssrc, payload_type } => self.all.push(Stream {
                id,
                from,
                ssrc,
                payload_type,
                began: now,
                heard: now,
                state: State::Waits { again: now, newest: true },
                // Formats of which nothing can be made are not taken.
                made: self.guesses.format(from, ssrc, payload_type).and_then(|format| Made::new(now, format).ok()).map(Box::new),
                piece: BytesMut::new(),
                since: None,
                anew: false,
                published: now,
                before: Stats::default(),
            }),
            Event::Packet { id, packet } => {
                let Some(stream) = self.all.iter_mut().find(|stream| stream.id == id) else { return };
                // Whoever follows, or begins anew, may carry something else.
                if packet.discontinuity || stream.is_of_another_type(now, &packet) {
                    let stream_of_packets = header::is_transport_stream(packet.payload_type, packet.payload);
                    let format = if stream_of_packets { None } else { self.guesses.newest(stream.from, packet.payload_type) };
                    stream.made = format.and_then(|format| Made::new(now, format).ok()).map(Box::new);
                    stream.payload_type = packet.payload_type;
                    stream.hand_on();
                    stream.anew = true;
                }
                stream.add(now, &packet);
            }
            Event::Ended { id, why } => self.ended(id, why),
            Event::Refused { from, ssrc } => {
                self.refused(from, ssrc, "there are as many streams by RTP as rtp.max_sessions allows")
            }
        }
    }

    fn ended(&mut self, id: Id, why: Why) {
        let Some(at) = self.all.iter().position(|stream| stream.id == id) else { return };
        let mut stream = self.all.swap_remove(at);
        stream.hand_on();
        if let State::On { publisher, .. } = &stream.state {
            let figures = publisher.counters.now();
            tracing::info!(
                client = %stream.from, stream = publisher.id(), bytes = figures.bytes, lost = figures.connection.lost, "{}",
                match why {
                    Why::Bye => "a stream that came in by RTP has ended: its sender said goodbye",
                    Why::Idle => "a stream that came in by RTP has ended: nothing came any more",
                }
            );
        }
    }

    fn refused(&self, from: SocketAddr, ssrc: u32, reason: &str) {
        if let Some(count) = self.told.count() {
            tracing::warn!(client = %from, ssrc, count, "a stream by RTP was not taken: {reason}");
        }
    }

    /// Does what is due: names, new beginnings, what somebody wanted closed, pieces.
    pub(super) fn settle(&mut self, now: Instant, table: &mut Table) {
        for at in 0..self.all.len() {
            self.look_after(now, at, table);
        }
        self.all.iter_mut().for_each(|stream| stream.tick(now));
    }

    /// Asks senders for pictures, where nobody can begin.
    pub(super) fn ask(&self, now: Instant, table: &mut Table, send: &mut impl FnMut(ReportTo, &[u8])) {
        for stream in &self.all {
            let (Some(made), State::On { publisher, .. }) = (&stream.made, &stream.state) else { continue };
            if made.wants_picture(publisher.wants_keyframe())
                && let Some(entry) = table.get_mut(stream.id)
                && let (Some(to), Some(told)) = (entry.report_to(), entry.session_mut().picture_loss(now))
            {
                send(to, &told);
            }
        }
    }

    fn look_after(&mut self, now: Instant, at: usize, table: &mut Table) {
        let Some(stream) = self.all.get_mut(at) else { return };
        let anew = std::mem::take(&mut stream.anew);
        match &stream.state {
            State::On { publisher, .. } if publisher.closed.is_cancelled() => {
                let wanted = self.registry.status(publisher.id()).is_none();
                let what = if wanted { "was closed from here" } else { "is sent by another one now" };
                tracing::info!(client = %stream.from, stream = publisher.id(), "a stream that came in by RTP {what}");
                stream.piece.clear();
                stream.state = if wanted { State::Closed } else { State::Waits { again: now + LATER, newest: false } };
            }
            State::On { publisher, .. } if anew => {
                let name = publisher.id().to_owned();
                self.publish(now, at, &name, false, table);
            }
            State::Closed if anew => stream.state = State::Waits { again: now, newest: true },
            State::Waits { again, newest } if *again <= now => {
                let (ip, payload_type) = (stream.from.ip(), stream.payload_type);
                let newcomer = Newcomer { ip, payload_type, began: stream.began, newest: *newest };
                self.name(now, at, &newcomer, table);
            }
            _ => {}
        }
    }

    /// A stream without a name gets one, if it is its turn.
    fn name(&mut self, now: Instant, at: usize, newcomer: &Newcomer, table: &mut Table) {
        let holders = self.all.iter().filter(|stream| matches!(stream.state, State::On { .. })).filter_map(|stream| {
            let entry = table.entries().find(|entry| entry.id() == stream.id)?;
            let session = entry.session();
            let (ip, payload_type) = (stream.from.ip(), stream.payload_type);
            Some(Holder { id: stream.id, ip, payload_type, heard: session.heard()?, silent_at: session.silent_at()? })
        });
        let turn = naming::turn(now, newcomer, self.name.is_some(), holders);
        let Some(stream) = self.all.get_mut(at) else { return };
        let (from, ssrc) = (stream.from, stream.ssrc);
        match turn {
            Turn::Waits => stream.state = State::Waits { again: now + SOON, newest: newcomer.newest },
            Turn::Taken(by) => self.wait(now, at, &format!("{by} is sending it already")),
            Turn::Free => {
                let registry = &self.registry;
                let is_free = |name: &str| registry.status(name).is_none_or(|status| status == Status::Closed);
                let name = self.name.clone().unwrap_or_else(|| self.names.choose(from, ssrc, is_free));
                self.publish(now, at, &name, false, table);
            }
            Turn::Over(before) => self.take_over(now, at, before, table),
        }
    }

    /// A stream takes the name of one that is silent, which is forgotten, or of one that goes on, and from now on waits.
    fn take_over(&mut self, now: Instant, at: usize, before: Id, table: &mut Table) {
        let Some(stream) = self.all.iter_mut().find(|stream| stream.id == before) else { return };
        stream.hand_on();
        let state = std::mem::replace(&mut stream.state, State::Waits { again: now + LATER, newest: false });
        let State::On { publisher, seat } = state else { return };
        // Its seat is free for the other one; its publisher is kept until that has its name, so that readers stay.
        drop(seat);
        let silent = table.get_mut(before).is_none_or(|entry| entry.session().is_silent(now));
        self.publish(now, at, publisher.id(), true, table);
        drop(publisher);
        if silent {
            table.remove(before);
            // It stays in the list as long as others are being looked after: their places must not change.
            if let Some(stream) = self.all.iter_mut().find(|stream| stream.id == before) {
                stream.state = State::Closed;
            }
        }
    }

    /// Readers of the name get this stream from now on. Whoever had the name is told so by its publisher.
    fn publish(&mut self, now: Instant, at: usize, name: &str, proven: bool, table: &mut Table) {
        let Some(stream) = self.all.get_mut(at) else { return };
        let state = std::mem::replace(&mut stream.state, State::Closed);
        let began = !matches!(state, State::On { .. });
        let first = matches!(state, State::Waits { newest: true, .. });
        // A new beginning keeps its old publisher until the new one is there.
        let (_before, seat) = match state {
            State::On { publisher, seat } => (Some(publisher), Some(seat)),
            _ => (None, self.room.enter()),
        };
        let Some(seat) = seat else {
            return self.wait(now, at, "there are as many streams by RTP as rtp.max_sessions allows");
        };
        let sender = Sender { kind: Kind::Rtp, from: stream.from, proven };
        match self.registry.publish(name, sender) {
            Ok(publisher) => {
                if let Some(entry) = table.get_mut(stream.id) {
                    let session = entry.session();
                    stream.before = if first { Stats::default() } else { session.stats() };
                    stream.ssrc = session.ssrc().unwrap_or(stream.ssrc);
                }
                stream.published = now;
                stream.state = State::On { publisher: Box::new(publisher), seat };
                self.names.keep(stream.from, stream.ssrc, name);
                tracing::info!(
                    client = %stream.from, stream = name, ssrc = stream.ssrc, payload_type = stream.payload_type, "{}",
                    if began { "a stream comes in by RTP" } else { "a stream that comes in by RTP begins anew" }
                );
            }
            Err(refused) => {
                drop(seat);
                self.wait(now, at, &refused.to_string());
            }
        }
    }

    fn wait(&mut self, now: Instant, at: usize, reason: &str) {
        if let Some(stream) = self.all.get_mut(at) {
            stream.piece.clear();
            stream.state = State::Waits { again: now + LATER, newest: false };
            let (from, ssrc) = (stream.from, stream.ssrc);
            self.refused(from, ssrc, reason);
        }
    }

    /// Tells what was counted; to be called about every second.
    pub(super) fn tell(&mut self, now: Instant, table: &Table) {
        // Streams whose session has been taken away are forgotten.
        self.all.retain(|stream| table.entries().any(|entry| entry.id() == stream.id));
        for stream in &self.all {
            if let Some(entry) = table.entries().find(|entry| entry.id() == stream.id) {
                stream.tell(now, entry.session(), self.delay);
            }
        }
    }

    /// When [`Self::settle`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.all.iter().filter_map(Stream::due).min()
    }

    /// Whether it has a stream of this sender.
    pub(super) fn knows(&self, ip: IpAddr) -> bool {
        self.all.iter().any(|stream| stream.from.ip() == ip)
    }
}

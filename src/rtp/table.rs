//! The streams of one port, by address and synchronisation source. Pure.
//!
//! A sender that nobody knows is tried first, outside the table: however many of those come, no session is evicted for them. One that
//! is believed follows a session of the same address and payload type that has fallen silent, or begins one of its own.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::candidate::{Candidate, Candidates};
use super::early::Early;
use super::header::Packet;
use super::rtcp::{self, Told};
use super::session::Session;
use super::{Ordered, Settings, Why};
use crate::base::clock::Instant;

/// Senders that are tried at a time, and their bytes.
const TRIED: usize = 32;
const TRIED_BYTES: usize = 8 * 1024 * 1024;
/// Two sources of an address are two streams if the older one is heard so long after the newer one was believed: what was under way
/// when the source changed has come by then.
const BESIDE: Duration = Duration::from_millis(20);
/// One of so many sessions no host has that has all others: a head end sends dozens, and must not keep an encoder out.
const KEPT_FREE: usize = 8;
/// A session that is silent for so long makes room when there is none.
const MAKES_ROOM: Duration = Duration::from_secs(5);
/// Senders that find no room are told of this often.
const REFUSED_EVERY: Duration = Duration::from_secs(1);

/// A session of a table, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

/// What comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A stream begins.
    Began {
        /// Its session.
        id: Id,
        /// Who sends it.
        from: SocketAddr,
        /// Its synchronisation source.
        ssrc: u32,
        /// What its packets carry.
        payload_type: u8,
    },
    /// A packet of it. What follows a silent source is the same stream, with a discontinuity.
    Packet {
        /// Its session.
        id: Id,
        /// In order.
        packet: Ordered<'a>,
    },
    /// It has ended; there is no such session any more.
    Ended {
        /// The session that was.
        id: Id,
        /// Why.
        why: Why,
    },
    /// There is no room for a stream. At most once a second.
    Refused {
        /// Who sends it.
        from: SocketAddr,
        /// Its synchronisation source.
        ssrc: u32,
    },
}

/// Where reports of a session go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportTo {
    /// The address.
    pub to: SocketAddr,
    /// From the port of the media: the sender has both on one (RFC 5761). Else from the one beside it.
    pub multiplexed: bool,
}

/// A session, and where it comes from.
#[derive(Debug)]
pub struct Entry {
    id: Id,
    from: SocketAddr,
    heard_from: Option<ReportTo>,
    session: Session,
}

impl Entry {
    /// Its id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Who sends it.
    pub fn from(&self) -> SocketAddr {
        self.from
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The same, to ask for pictures.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Where reports go: to where the sender's own come from, or else to the port beside the media's (RFC 3550, 11).
    pub fn report_to(&self) -> Option<ReportTo> {
        let beside = || {
            let port = self.from.port().checked_add(1)?;
            Some(ReportTo { to: SocketAddr::new(self.from.ip(), port), multiplexed: false })
        };
        self.heard_from.or_else(beside)
    }

    fn is_of(&self, from: SocketAddr, ssrc: u32) -> bool {
        self.from == from && self.session.ssrc() == Some(ssrc)
    }

    /// Whether RTCP from this address is about it; `by_port`: it comes from the port of the media, or the one beside.
    fn is_told_from(&self, from: SocketAddr, ssrc: u32, by_port: bool) -> bool {
        let near = || matches!(from.port().checked_sub(self.from.port()), Some(0 | 1));
        self.from.ip() == from.ip() && self.session.ssrc() == Some(ssrc) && (!by_port || near())
    }
}

/// What becomes of a sender that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Nobody knows yet.
    Waits,
    /// It follows this session.
    Follows(Id),
    /// It is a stream of its own.
    Begins,
}

/// An address, and a source there.
type Key = (SocketAddr, u32);

/// The streams of one port.
#[derive(Debug)]
pub struct Table {
    settings: Arc<Settings>,
    entries: Vec<Entry>,
    candidates: Candidates<Key>,
    early: Early<ReportTo>,
    next: u64,
    refused_at: Option<Instant>,
}

impl Table {
    /// Without any.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            entries: Vec::new(),
            candidates: Candidates::new(TRIED, TRIED_BYTES),
            early: Early::new(),
            next: 0,
            refused_at: None,
        }
    }

    /// Takes an RTP packet.
    pub fn packet(&mut self, now: Instant, from: SocketAddr, packet: &Packet<'_>, out: &mut impl FnMut(Event<'_>)) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.is_of(from, packet.ssrc)) {
            let id = entry.id;
            entry.session.packet(now, packet, &mut |packet| out(Event::Packet { id, packet }));
            if entry.session.ended().is_some() {
                self.sweep(out);
            }
        } else {
            self.candidates.take(now, (from, packet.ssrc), packet);
        }
        if self.candidates.len() > 0 {
            self.settle(now, out);
        }
    }

    /// Takes a compound RTCP packet. It need not come from the media's port, but from its host. What it ends ends by [`Self::tick`].
    pub fn rtcp(&mut self, now: Instant, from: ReportTo, compound: &[u8]) {
        let Self { entries, early, .. } = self;
        // What is none tells nothing.
        let _ = rtcp::read(compound, &mut |told| {
            // Cheap encoders call all of their sources by one number: then the port tells them apart.
            let by_port = entries.iter().any(|entry| entry.is_told_from(from.to, told.ssrc(), true));
            let mut known = false;
            for entry in entries.iter_mut().filter(|entry| entry.is_told_from(from.to, told.ssrc(), by_port)) {
                (known, entry.heard_from) = (true, Some(from));
                entry.session.told(now, &told);
            }
            if let (false, Told::SenderReport(report)) = (known, told) {
                early.keep(now, from, report);
            }
        });
    }

    /// Does what time asks for.
    pub fn tick(&mut self, now: Instant, out: &mut impl FnMut(Event<'_>)) {
        for entry in &mut self.entries {
            let id = entry.id;
            entry.session.tick(now, &mut |packet| out(Event::Packet { id, packet }));
        }
        self.sweep(out);
        self.settle(now, out);
    }

    /// When [`Self::tick`] or [`Self::reports`] has something to do. `None`: when something comes.
    pub fn deadline(&self) -> Option<Instant> {
        let handovers =
            self.candidates.believed().flat_map(|candidate| self.before(candidate).filter_map(|entry| entry.session.silent_at()));
        self.entries.iter().filter_map(|entry| entry.session.deadline()).chain(handovers).min()
    }

    /// The reports that are due by now.
    pub fn reports(&mut self, now: Instant, send: &mut impl FnMut(ReportTo, &[u8])) {
        for entry in &mut self.entries {
            if let (Some(report), Some(to)) = (entry.session.report(now), entry.report_to()) {
                send(to, &report);
            }
        }
    }

    /// All sessions, the oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// One of them.
    pub fn get_mut(&mut self, id: Id) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    /// Forgets a session, without an event. If its sender goes on, that is another one.
    pub fn remove(&mut self, id: Id) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.id == id)?;
        Some(self.entries.remove(at))
    }

    /// Bytes that are held of packets, of all sessions and of senders that are being tried.
    pub fn held_bytes(&self) -> usize {
        let held = self.entries.iter().map(|entry| entry.session.held_bytes());
        held.fold(self.candidates.bytes(), usize::saturating_add)
    }

    /// Sessions that a candidate may follow.
    fn before(&self, candidate: &Candidate<Key>) -> impl Iterator<Item = &Entry> {
        let (from, payload_type) = (candidate.key.0, candidate.payload_type());
        self.entries.iter().filter(move |entry| entry.from == from && entry.session.payload_type() == Some(payload_type))
    }

    fn turn(&self, now: Instant, candidate: &Candidate<Key>) -> Turn {
        let silent = self.before(candidate).filter(|entry| entry.session.is_silent(now));
        if let Some(entry) = silent.max_by_key(|entry| entry.session.heard()) {
            return Turn::Follows(entry.id);
        }
        let beside = |heard: Instant| candidate.believed.is_some_and(|believed| heard >= believed + BESIDE);
        let all_beside = self.before(candidate).all(|entry| entry.session.heard().is_some_and(beside));
        if all_beside { Turn::Begins } else { Turn::Waits }
    }

    /// What has ended is forgotten.
    fn sweep(&mut self, out: &mut impl FnMut(Event<'_>)) {
        self.entries.retain(|entry| {
            let ended = entry.session.ended();
            if let Some(why) = ended {
                out(Event::Ended { id: entry.id, why });
            }
            ended.is_none()
        });
    }

    /// Those who are believed get their place, as far as it is known.
    fn settle(&mut self, now: Instant, out: &mut impl FnMut(Event<'_>)) {
        self.candidates.forget(now);
        let next = |table: &Self| {
            let turns = table.candidates.believed().map(|candidate| (candidate.key, table.turn(now, candidate)));
            turns.into_iter().find(|(_, turn)| *turn != Turn::Waits)
        };
        while let Some((key, turn)) = next(self) {
            let Some(candidate) = self.candidates.remove(key) else { return };
            let id = match turn {
                Turn::Follows(id) => id,
                _ if self.has_room(now, key.0.ip(), out) => self.add(&candidate, out),
                _ => {
                    self.refuse(now, key, out);
                    continue;
                }
            };
            let early = self.early.take(now, candidate.ssrc, |from| from.to.ip() == key.0.ip());
            if let Some(entry) = self.get_mut(id) {
                entry.session.begin(now, &candidate, &mut |packet| out(Event::Packet { id, packet }));
                if let Some((came, from, report)) = early {
                    entry.heard_from = Some(from);
                    entry.session.told(came, &Told::SenderReport(report));
                }
            }
        }
    }

    fn add(&mut self, candidate: &Candidate<Key>, out: &mut impl FnMut(Event<'_>)) -> Id {
        let (id, from) = (Id(self.next), candidate.key.0);
        self.next = self.next.wrapping_add(1);
        self.entries.push(Entry { id, from, heard_from: None, session: Session::new(self.settings.clone()) });
        out(Event::Began { id, from, ssrc: candidate.ssrc, payload_type: candidate.payload_type() });
        id
    }

    /// Whether there is room for a session of this host, which the one that has been silent for longest may have to make. No host
    /// has them all, so that none keeps the others out.
    fn has_room(&mut self, now: Instant, host: IpAddr, out: &mut impl FnMut(Event<'_>)) -> bool {
        let share = self.settings.sessions - self.settings.sessions / KEPT_FREE;
        let its_own = self.entries.iter().filter(|entry| entry.from.ip() == host).count() >= share;
        if !its_own && self.entries.len() < self.settings.sessions {
            return true;
        }
        let silent = |heard: Instant| now.saturating_duration_since(heard) >= MAKES_ROOM;
        let may_go = self.entries.iter().filter(|entry| !its_own || entry.from.ip() == host);
        let heard = may_go.filter_map(|entry| entry.session.heard().map(|heard| (heard, entry.id)));
        let Some((_, id)) = heard.min().filter(|(heard, _)| silent(*heard)) else { return false };
        if let Some(mut entry) = self.remove(id) {
            entry.session.flush(&mut |packet| out(Event::Packet { id, packet }));
            out(Event::Ended { id, why: Why::Idle });
        }
        // One has gone.
        self.entries.len() < self.settings.sessions
    }

    fn refuse(&mut self, now: Instant, (from, ssrc): Key, out: &mut impl FnMut(Event<'_>)) {
        if self.refused_at.is_none_or(|last| now.saturating_duration_since(last) >= REFUSED_EVERY) {
            self.refused_at = Some(now);
            out(Event::Refused { from, ssrc });
        }
    }
}

//! Elementary streams of one sender, made into one programme of a transport stream: their packets come in order, one medium by one
//! session, and what is whole goes through the multiplexer. Pure.
//!
//! The timestamps of two media have nothing to do with each other. The sender's reports tie both to its wall clock (RFC 3550, 6.4.1);
//! until there are such reports, and where there are none, the first packets of media are taken to have been made when they came, and their
//! clocks are held to ours (`skew`).

mod form;
mod jpegxs;
mod medium;
mod skew;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::base::clock::Instant;
use crate::ingest::depay::Refusal;
use crate::ingest::sdp::Format;
use crate::ingest::video::Output;
use crate::rtp::Ordered;
use crate::rtp::wallclock::{Ntp, Wallclock};
use crate::ts::mux::queue::Queue;
use crate::ts::mux::{Muxer, Track, Unit};
use crate::ts::time::Pts90k;
use medium::{Medium, Raw, Waiting};

/// Media whose reports say that they began further apart than they came have different clocks.
const MOST_APART: Duration = Duration::from_secs(5);
/// So long reports are waited for in the beginning; senders send the first with their first packet, or seconds later.
const REPORTS: Duration = Duration::from_millis(500);
/// A medium that has had nothing for so long is not waited for …
const QUIET: Duration = Duration::from_millis(500);
/// … but in the beginning, when pictures wait for one to begin at, for so long.
const BEGINNING: Duration = Duration::from_secs(2);
/// The time of the first unit, so that nothing lies before zero: 10 s.
const FIRST_90K: i64 = 900_000;
/// Units that may wait for their times, in bytes.
const MOST_WAITING: usize = 8 * 1024 * 1024;

/// Bytes of memory that are kept for what is written next.
const MOST_KEPT: usize = 1024 * 1024;

/// One programme.
#[derive(Debug)]
pub(super) struct Assembly {
    media: Vec<Medium>,
    /// When the first packet came.
    origin: Option<Instant>,
    /// The sender's time then, where it is known.
    base: Option<Ntp>,
    /// Whether times are given.
    timed: bool,
    waiting: Waiting,
    output: Output,
    queue: Queue,
    quiet_at: Option<Instant>,
    muxer: Muxer,
    out: Vec<u8>,
}

/// Whether payloads of a format can be a track of a transport stream, and which.
///
/// # Errors
/// When they cannot: in words, with what to do.
pub(super) fn track(format: &Format) -> Result<Track, Refusal> {
    Medium::new(format).map(|medium| medium.track().clone())
}

impl Assembly {
    /// Of these media.
    ///
    /// # Errors
    /// When one of them cannot be a track.
    pub(super) fn new(formats: &[Format]) -> Result<Self, Refusal> {
        let media: Vec<Medium> = formats.iter().map(Medium::new).collect::<Result<_, _>>()?;
        let tracks = tracks(&media);
        Ok(Self {
            media,
            origin: None,
            base: None,
            timed: false,
            waiting: Waiting::default(),
            output: Output::default(),
            queue: Queue::new(tracks.len()),
            quiet_at: None,
            muxer: Muxer::new(&tracks),
            out: Vec::new(),
        })
    }

    /// Takes a packet of a medium, with the sender's clock as far as it has told it.
    pub(super) fn packet(&mut self, now: Instant, medium: usize, packet: &Ordered<'_>, wallclock: Option<Wallclock>) {
        let Self { media, origin, waiting, output, .. } = self;
        let Some(of) = media.get_mut(medium) else { return };
        origin.get_or_insert(packet.arrival);
        of.came(packet);
        of.wallclock = wallclock.or(of.wallclock);
        of.unpack(now, medium, packet, output, waiting);
        if of.take_changed() {
            self.muxer.describe(&tracks(&self.media));
        }
        self.go_on(now);
    }

    /// Does what time asks for; to be called every 100 ms or so.
    pub(super) fn tick(&mut self, now: Instant) {
        let Self { media, waiting, output, .. } = self;
        for (medium, of) in media.iter_mut().enumerate() {
            of.expire(now, medium, output, waiting);
        }
        let patient = self.origin.is_none_or(|origin| now.saturating_duration_since(origin) < BEGINNING);
        if !patient && self.quiet_at.is_none_or(|at| now.saturating_duration_since(at) >= QUIET) {
            self.quiet_at = Some(now);
            self.queue.segment_over(0..self.media.len());
        }
        self.go_on(now);
    }

    /// Whether anything has come of a medium.
    pub(super) fn has_begun(&self, medium: usize) -> bool {
        self.media.get(medium).is_some_and(|medium| medium.anchor.is_some())
    }

    /// Takes what is written by now: whole packets.
    pub(super) fn take(&mut self) -> std::vec::Drain<'_, u8> {
        self.out.drain(..)
    }

    /// Whether a medium waits for a picture to begin at.
    pub(super) fn wants_picture(&self, medium: usize) -> bool {
        self.media.get(medium).is_some_and(Medium::wants_picture)
    }

    /// Whether a medium is pictures.
    pub(super) fn is_video(&self, medium: usize) -> bool {
        self.media.get(medium).is_some_and(Medium::is_video)
    }

    /// Units get their times and are written.
    fn go_on(&mut self, now: Instant) {
        let Some(origin) = self.origin else { return };
        if self.base.is_none() {
            self.base = self.common_clock(origin);
        }
        let late = now.saturating_duration_since(origin) >= REPORTS || self.waiting.bytes > MOST_WAITING;
        self.timed |= self.base.is_some() || late;
        if !self.timed {
            return;
        }
        if self.out.is_empty() && self.out.capacity() > MOST_KEPT {
            self.out = Vec::new();
        }
        while let Some(raw) = self.waiting.pop() {
            if let Some(unit) = self.timed_unit(origin, raw) {
                self.queue.push(unit);
            }
        }
        while let Some(unit) = self.queue.pop() {
            self.muxer.write(&unit, &mut self.out);
            self.output.recycle(unit.data);
        }
    }

    /// The sender's time at the origin, once all media are tied to it.
    fn common_clock(&self, origin: Instant) -> Option<Ntp> {
        if self.media.iter().any(|medium| medium.wallclock.is_none()) {
            return None;
        }
        let (medium, (first, came)) = self.media.iter().filter_map(|medium| Some((medium, medium.anchor?))).next()?;
        let since = came.saturating_duration_since(origin).as_nanos() as u64;
        let units = (u128::from(since) << 32) / 1_000_000_000;
        let base = Ntp(medium.wallclock?.at(first).0.wrapping_sub(units as u64));
        // Media whose reports are by different clocks are not tied by them: then by when they came.
        let agrees =
            self.media.iter().filter_map(|medium| Some((medium.wallclock?, medium.anchor?))).all(|(told, (first, came))| {
                let seen = i128::try_from(came.saturating_duration_since(origin).as_nanos()).unwrap_or(i128::MAX);
                (i128::from(told.at(first).since(base)) - seen).unsigned_abs() < MOST_APART.as_nanos()
            });
        agrees.then_some(base)
    }

    fn timed_unit(&mut self, origin: Instant, raw: Raw) -> Option<Unit> {
        let medium = self.media.get_mut(raw.medium)?;
        let nanos = match (self.base, medium.wallclock) {
            (Some(base), Some(wallclock)) => i128::from(wallclock.at(raw.timestamp).since(base)),
            _ => {
                let (first, came) = medium.anchor?;
                let ticks = i128::from(raw.timestamp.wrapping_sub(first));
                let since = came.saturating_duration_since(origin).as_nanos() as i128;
                ticks * 1_000_000_000 / i128::from(medium.clock_rate) + since + i128::from(medium.skew.correction_ns())
            }
        };
        let at_90k = i64::try_from(nanos * 9 / 100_000).ok()?.saturating_add(FIRST_90K);
        // Clocks that are set back wrap; a step back is marked where it is written.
        let pts = Pts90k(0).plus(at_90k.rem_euclid(1 << 33) as u64);
        let (pts, dts) = medium.times(pts);
        Some(Unit { track: raw.medium, pts, dts, random_access: raw.random_access, data: raw.data })
    }
}

fn tracks(media: &[Medium]) -> Vec<Track> {
    media.iter().map(|medium| medium.track().clone()).collect()
}

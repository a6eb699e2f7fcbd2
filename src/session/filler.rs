//! What viewers get between the loss of a source and the next one that is proven: what, and when. Pure.
//!
//! A slate where there is one, else PAT and PMT, else null packets (TUNER.md, "Stall and recovery"). Nobody waits for
//! longer than [`EVERY`] without a byte.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::base::clock::Instant;

mod stats;

pub use stats::FillerStats;

/// Something is sent at least this often: clients count 100 ms as a silence, timers come late.
pub const EVERY: Duration = Duration::from_millis(70);
/// The guardrail: so much of the programme's rate at most, in tenths.
const MOST_RATE_TENTHS: u64 = 25;
/// Where the programme's rate was never measured: 1.5 Mbit/s.
const RATE_UNKNOWN_BPS: u64 = 1_500_000;
/// Bytes may come this much early: a picture comes as a whole.
const BURST: Duration = Duration::from_millis(500);
/// A slate that the guardrail holds up for longer than this does not fit.
const MOST_LATE: Duration = Duration::from_secs(2);
/// Most of a silence that is made up for.
const MOST_LEAD: Duration = Duration::from_secs(2);

/// What fills a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Picture and silence, as the programme has them.
    #[default]
    Slate,
    /// PAT and PMT.
    Psi,
    /// Null packets.
    Null,
}

impl Mode {
    /// Its name in settings and in the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slate => "slate",
            Self::Psi => "psi",
            Self::Null => "null",
        }
    }
}

impl FromStr for Mode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "slate" => Ok(Self::Slate),
            "psi" => Ok(Self::Psi),
            "null" => Ok(Self::Null),
            _ => Err("it is none of slate, psi, null"),
        }
    }
}

/// The next picture of a slate, with the sound that comes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Media time since the first one.
    pub at: Duration,
    /// Bytes of it.
    pub bytes: usize,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send the picture.
    Picture,
    /// Send PAT and PMT.
    Tables,
    /// Send a null packet.
    Null,
    /// Nothing, until then.
    Wait(Instant),
}

/// One gap.
#[derive(Debug)]
pub struct Filler {
    mode: Mode,
    /// What silence took from the viewers before: made up for by a slate.
    lead: Duration,
    /// Bits a second at most.
    most_bps: u64,
    began: Instant,
    /// Bytes of pictures sent.
    sent: u64,
    /// When the slate's first picture was sent.
    slate_began: Option<Instant>,
    spoke_at: Option<Instant>,
    /// The slate did not pass the guardrail.
    gave_up: bool,
    /// The picture in front is held back by the guardrail.
    held_back: bool,
    stats: FillerStats,
}

impl Filler {
    /// A gap that begins now, `wall` by the clock on the wall, after `silence`, in a programme of so many bits a second (0: not
    /// measured).
    pub fn new(mode: Mode, now: Instant, wall: SystemTime, silence: Duration, programme_bps: u64) -> Self {
        let bps = if programme_bps == 0 { RATE_UNKNOWN_BPS } else { programme_bps };
        Self {
            mode,
            lead: silence.min(MOST_LEAD),
            most_bps: bps.saturating_mul(MOST_RATE_TENTHS) / 10,
            began: now,
            sent: 0,
            slate_began: None,
            spoke_at: None,
            gave_up: false,
            held_back: false,
            stats: FillerStats::new(mode, wall, programme_bps),
        }
    }

    /// What became of it so far.
    pub fn stats(&self) -> &FillerStats {
        &self.stats
    }

    /// So much went out by now.
    pub fn went_out(&mut self, bytes: u64, chunks: u64, now: Instant) {
        self.stats.bytes += bytes;
        self.stats.chunks += chunks;
        self.stats.lasted = now.saturating_duration_since(self.began);
    }

    /// Whether a slate is wanted at all.
    pub fn wants_slate(&self) -> bool {
        self.mode == Mode::Slate && !self.gave_up
    }

    /// What to do, with a slate whose next picture is this one. What is to be sent counts as sent. `tables`: whether there
    /// are PAT and PMT.
    pub fn next(&mut self, now: Instant, picture: Option<Picture>, tables: bool) -> Next {
        let next = self.decide(now, picture, tables);
        let slate = match (self.gave_up, self.slate_began) {
            (true, _) => stats::Slate::TooFat,
            (false, Some(_)) => stats::Slate::Plays,
            // What is said at once, before it could be read from disk, is said in place of nothing.
            (false, None) if self.wants_slate() && now < self.began + EVERY => return next,
            (false, None) => stats::Slate::IsWaitedFor,
        };
        self.stats.said(next, self.mode, slate);
        next
    }

    fn decide(&mut self, now: Instant, picture: Option<Picture>, tables: bool) -> Next {
        let picture = picture.filter(|_| self.wants_slate());
        let due = picture.map(|picture| self.due(now, picture));
        if let (Some(due), Some(picture)) = (due, picture) {
            if now >= due {
                self.sent += picture.bytes as u64;
                self.slate_began.get_or_insert(now);
                self.spoke_at = Some(now);
                self.held_back = false;
                return Next::Picture;
            }
            let played = self.slate_began.map_or(now, |began| began + picture.at);
            if due > played && !self.held_back {
                self.held_back = true;
                self.stats.guardrail += 1;
            }
            self.gave_up = due.saturating_duration_since(played) > MOST_LATE;
        }
        let speak_at = self.spoke_at.map_or(now, |spoke| spoke + EVERY);
        if now >= speak_at {
            self.spoke_at = Some(now);
            return if tables && self.mode != Mode::Null { Next::Tables } else { Next::Null };
        }
        Next::Wait(due.map_or(speak_at, |due| due.min(speak_at)))
    }

    /// In time with its stamps, and no faster than the guardrail allows.
    fn due(&self, now: Instant, picture: Picture) -> Instant {
        let played = self.slate_began.map_or(now, |began| began + picture.at.saturating_sub(self.lead));
        let bits = u128::from(self.sent + picture.bytes as u64) * 8;
        // Rounded up: never faster.
        let takes = (bits * 1_000_000).div_ceil(u128::from(self.most_bps.max(1)));
        let takes = Duration::from_micros(u64::try_from(takes).unwrap_or(u64::MAX));
        played.max(self.began + takes.saturating_sub(BURST))
    }
}

#[cfg(test)]
mod tests;

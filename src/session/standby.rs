//! A source kept ready beside the one on air: proven, read along with at its own pace, its newest random access point kept.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;

use super::attempt::{Failure, Proven};
use super::pace::Pacer;
use super::recording::Recording;
use super::settings::Settings;
use super::stall::Stall;
use crate::base::clock::{self, Instant};
use crate::source::{Chunk, Pace, SourceError};
use crate::ts::input::{Choice, Input};

/// Bytes go through in pieces of this size at most, so that pacing is even and the source on air is not held up.
const PIECE: usize = 16 * 1024;
/// How often it is looked whether it lives.
const TICK: Duration = Duration::from_millis(200);

/// A source that can go on air at once: how far it was read, and what is kept of that.
#[derive(Debug)]
pub struct Warm {
    /// Has followed it so far.
    pub input: Input,
    /// What came since its newest random access point.
    pub recording: Recording,
    /// What comes next.
    pub piece: Bytes,
    /// Bytes that `input` took.
    pub fed: u64,
}

/// Why reading along paused.
#[derive(Debug)]
pub enum Kept {
    /// It ended, failed or stalled.
    Lost(Failure),
    /// A random access point has just come: nothing is kept but what begins there.
    Renewed,
}

/// A source that is kept ready.
#[derive(Debug)]
pub struct Standby {
    proven: Proven,
    warm: Warm,
    /// Media time before the present beginning of the source.
    base: Duration,
    read: u64,
    pacer: Pacer,
    stall: Stall,
    stall_limit: Duration,
    look_at: Instant,
    began: Instant,
}

impl Standby {
    /// Of a source that has just been proven.
    pub fn new(proven: Proven, settings: &Settings) -> Self {
        let now = clock::now();
        let burst = match proven.opened.pace {
            Pace::Live => settings.live_burst,
            Pace::Bursty => settings.producer_initial_burst,
        };
        let stall_limit = proven.opened.stall_after.unwrap_or(settings.stall_detect);
        let recording = Recording::new(settings.ring_bytes);
        Self {
            proven,
            warm: Warm { input: Input::new(Choice::First), recording, piece: Bytes::new(), fed: 0 },
            base: Duration::ZERO,
            read: 0,
            pacer: Pacer::new(settings.producer_read_rate, burst),
            stall: Stall::new(now, stall_limit),
            stall_limit,
            look_at: now + TICK,
            began: now,
        }
    }

    /// What it was, with its lease.
    pub fn proven(&self) -> &Proven {
        &self.proven
    }

    /// How long it has been read along with.
    pub fn lived(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// Whether it can go on air now: it has a random access point, and it lives.
    pub fn is_ready(&self, now: Instant) -> bool {
        self.warm.recording.is_ready() && self.stall.silent_for(now) < self.stall_limit / 2
    }

    /// To be put on air.
    pub fn into_proven(self) -> Proven {
        Proven { warm: Some(Box::new(self.warm)), settled: false, ..self.proven }
    }

    /// Reads along until something is to be said.
    ///
    /// # Cancel safety
    /// Nothing is lost: it goes on where it was.
    pub async fn keep(&mut self) -> Kept {
        loop {
            let now = clock::now();
            let wait = self.pacer.wait(now, self.media());
            if wait.is_zero() && !self.warm.piece.is_empty() {
                if self.feed(now) {
                    return Kept::Renewed;
                }
                // The source on air goes first.
                tokio::task::yield_now().await;
                continue;
            }
            if wait.is_zero()
                && let Some(chunk) = self.proven.held.pop_front()
            {
                self.take(chunk);
                continue;
            }
            tokio::select! {
                biased;
                () = clock::sleep_until(self.look_at) => if let Some(lost) = self.look_after(!wait.is_zero()) {
                    return Kept::Lost(lost);
                },
                () = clock::sleep(wait), if !wait.is_zero() => {}
                chunk = self.proven.opened.bytes.next(), if wait.is_zero() => match chunk {
                    Some(Ok(chunk)) => self.take(chunk),
                    Some(Err(error)) => return Kept::Lost(Failure::Source(error)),
                    None => return Kept::Lost(Failure::Source(SourceError::Ended)),
                },
            }
        }
    }

    fn media(&self) -> Option<Duration> {
        self.warm.input.media_time().map(|media| self.base + media)
    }

    fn take(&mut self, chunk: Chunk) {
        match chunk {
            Chunk::Bytes(bytes) => {
                self.read += bytes.len() as u64;
                self.warm.piece = bytes;
            }
            Chunk::Discontinuity { .. } => {
                self.base = self.media().unwrap_or(self.base);
                self.warm.input = Input::new(Choice::First);
                self.warm.fed = 0;
                self.warm.recording.forget();
            }
        }
    }

    /// Whether a random access point came.
    fn feed(&mut self, now: Instant) -> bool {
        let warm = &mut self.warm;
        let piece = warm.piece.split_to(warm.piece.len().min(PIECE));
        warm.fed += piece.len() as u64;
        warm.input.push(&piece, &mut warm.recording);
        let renewed = warm.recording.renewed(warm.input.media_time());
        let media = self.media();
        self.stall.observe(now, media, self.read);
        renewed
    }

    fn look_after(&mut self, paced: bool) -> Option<Failure> {
        let now = clock::now();
        self.look_at = now + TICK;
        if paced {
            self.stall.excuse(now);
        }
        let silent = self.stall.silent_for(now);
        self.stall.is_stalled(now).then_some(Failure::Source(SourceError::TimedOut(silent)))
    }
}

//! A proven source on air: its bytes through the pump, paced, until it ends, fails or stalls.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::Notify;

use super::attempt::{Failure, Proven};
use super::pace::Pacer;
use super::ports::{Candidate, Ports};
use super::pump::Pump;
use super::settings::Settings;
use super::shared::Shared;
use super::slate::Slate;
use super::stall::Stall;
use super::standby::Warm;
use crate::base::clock::{self, Instant};
use crate::model::ProviderId;
use crate::source::{Chunk, Opened, Pace, SourceError};
use crate::ts::PACKET;
use crate::ts::input::{Choice, Input};

/// Bytes go through in pieces of this size at most, or of this much time, so that pacing is even and chunks know their time:
/// 16 KiB of teletext alone are two seconds.
const PIECE: usize = 16 * 1024;
const PIECE_TIME: Duration = Duration::from_millis(60);
const LEAST_PIECE: usize = 7 * PACKET;
/// How often rate and report are looked after.
const TICK: Duration = Duration::from_millis(200);
/// Viewers get PAT and PMT where nothing else has come for so long: clients count 100 ms as a silence.
const QUIET: Duration = Duration::from_millis(95);
/// Silence after which nothing more is waited for.
const SILENCE: Duration = Duration::from_secs(1);
/// How often the report of what was seen is renewed.
const REPORT: Duration = Duration::from_secs(1);

/// Why a source is off air.
#[derive(Debug)]
pub struct Left {
    /// In words, and whose fault.
    pub reason: Failure,
    /// Its account.
    pub provider: ProviderId,
    /// How long it was on air.
    pub lived: Duration,
    /// How long nothing has come of it.
    pub silent: Duration,
    /// Its rate in bit/s, by its own time; 0 where that is not known.
    pub rate_bps: u64,
}

/// What one source goes through.
struct Air<'a> {
    opened: Opened,
    candidate: Candidate,
    held: std::collections::VecDeque<Chunk>,
    /// What is held was followed by a silence.
    settled: bool,
    input: Input,
    /// Media time before the present beginning of the source (loops, discontinuities of HLS).
    base: Duration,
    piece: Bytes,
    pacer: Pacer,
    /// It plays: from here on it is paced. What was collected until then came in its own time.
    paces: bool,
    stall: Stall,
    began: Instant,
    /// When PAT and PMT were sent in a silence.
    spoke_at: Instant,
    read: u64,
    /// Bytes that `input` took.
    fed: u64,
    pump: &'a mut Pump,
    slate: &'a mut Slate,
    shared: &'a Shared,
    settings: &'a Settings,
    ports: &'a dyn Ports,
    rate: Rate,
    reported: bool,
}

/// Plays a proven source until it is lost, or `leave` is told that there is a better one.
pub async fn play(
    proven: Proven,
    pump: &mut Pump,
    slate: &mut Slate,
    shared: &Shared,
    settings: &Settings,
    ports: &dyn Ports,
    leave: &Notify,
) -> Left {
    let Proven { opened, lease, candidate, held, settled, warm, .. } = proven;
    let now = clock::now();
    let burst = match opened.pace {
        Pace::Live => settings.live_burst,
        Pace::Bursty => settings.producer_initial_burst,
    };
    let stall = Stall::new(now, opened.stall_after.unwrap_or(settings.stall_detect));
    let rate = Rate { at: now, pushed: pump.pushed_bytes() };
    let mut air = Air {
        opened,
        candidate,
        held,
        settled,
        input: Input::new(Choice::First),
        base: Duration::ZERO,
        piece: Bytes::new(),
        pacer: Pacer::new(settings.producer_read_rate, burst),
        paces: false,
        stall,
        began: now,
        spoke_at: pump.published_at(),
        read: 0,
        fed: 0,
        pump,
        slate,
        shared,
        settings,
        ports,
        rate,
        reported: false,
    };
    if let Some(warm) = warm {
        air.go_on(*warm, now);
    }
    let reason = air.run(leave).await;
    air.pump.finish(&mut air.input, clock::now());
    air.enter(clock::now());
    air.report(clock::now());
    let now = clock::now();
    let left = Left {
        reason,
        provider: air.candidate.provider,
        lived: now - air.began,
        silent: air.stall.silent_for(now),
        // What went out lately may be tables alone.
        rate_bps: air.input.info().bitrate_bps.unwrap_or(0),
    };
    // The connection first, then its lease.
    drop(air);
    drop(lease);
    left
}

impl Air<'_> {
    /// A source that was kept ready goes on from its newest random access point.
    fn go_on(&mut self, warm: Warm, now: Instant) {
        let Warm { mut input, recording, piece, fed } = warm;
        self.read = recording.bytes() as u64;
        self.shared.bytes_read.fetch_add(self.read, Ordering::Relaxed);
        self.pump.replay(&mut input, &recording, now);
        (self.input, self.piece, self.fed) = (input, piece, fed);
        self.stall.observe(now, self.media(), self.read);
        self.enter(now);
    }

    async fn run(&mut self, leave: &Notify) -> Failure {
        let mut tick = clock::interval(TICK);
        tick.reset();
        loop {
            let now = clock::now();
            let wait = self.wait(now);
            if wait.is_zero() && !self.piece.is_empty() {
                self.feed(now);
                continue;
            }
            let paced = !wait.is_zero();
            if !paced
                && self.piece.is_empty()
                && let Some(chunk) = self.held.pop_front()
            {
                self.take(chunk, now);
                continue;
            }
            if !paced && self.piece.is_empty() && std::mem::take(&mut self.settled) {
                self.pump.settle(&mut self.input, now);
                self.enter(now);
            }
            let due_at = self.due_at(paced);
            tokio::select! {
                biased;
                () = clock::sleep_until(due_at.unwrap_or(now)), if due_at.is_some() => if let Some(lost) = self.due(paced) {
                    return lost;
                },
                _ = tick.tick() => self.look_after(paced),
                reason = self.shared.recovery_asked() => return Failure::Asked(reason),
                () = leave.notified() => return Failure::Better,
                () = clock::sleep(wait), if paced => {}
                chunk = self.opened.bytes.next(), if !paced => match chunk {
                    Some(Ok(chunk)) => self.take(chunk, clock::now()),
                    Some(Err(error)) => return Failure::Source(error),
                    None => return Failure::Source(SourceError::Ended),
                },
            }
        }
    }

    /// How long to wait before more of it is taken.
    fn wait(&mut self, now: Instant) -> Duration {
        self.paces = self.paces || self.held.is_empty() || self.pump.plays();
        if self.paces { self.pacer.wait(now, self.media()) } else { Duration::ZERO }
    }

    fn media(&self) -> Option<Duration> {
        self.input.media_time().map(|media| self.base + media)
    }

    fn take(&mut self, chunk: Chunk, now: Instant) {
        match chunk {
            Chunk::Bytes(bytes) => {
                self.read += bytes.len() as u64;
                self.shared.bytes_read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                self.shared.last_byte_ms.store(clock::wall_ms(), Ordering::Relaxed);
                self.piece = bytes;
            }
            Chunk::Discontinuity { broken_off } => {
                self.pump.finish(&mut self.input, now);
                self.base = self.media().unwrap_or(self.base);
                self.input = Input::new(Choice::First);
                self.fed = 0;
                if !broken_off {
                    // Nothing says how long the last unit is, but it is whole.
                    self.pump.give_rest(now);
                }
                self.pump.change_source(now);
            }
        }
    }

    /// Bytes that take about [`PIECE_TIME`], as far as that is known.
    fn piece_bytes(&self) -> usize {
        let media = self.input.media_time().map_or(0, |media| media.as_millis());
        let rate = (media > 0).then(|| self.fed as u128 * PIECE_TIME.as_millis() / media);
        rate.map_or(PIECE, |bytes| usize::try_from(bytes).unwrap_or(PIECE).clamp(LEAST_PIECE, PIECE))
    }

    fn feed(&mut self, now: Instant) {
        let piece = self.piece.split_to(self.piece.len().min(self.piece_bytes()));
        self.fed += piece.len() as u64;
        self.pump.push(&mut self.input, &piece, now);
        self.stall.observe(now, self.media(), self.read);
        self.enter(now);
    }

    /// Says so when there is something to watch.
    fn enter(&mut self, now: Instant) {
        if self.pump.entered() {
            if !self.reported {
                self.report(now);
            }
            self.shared.set_live();
        }
    }

    /// When something is due: a chunk, a word in a silence, or the end of patience.
    fn due_at(&self, paced: bool) -> Option<Instant> {
        let patience = (!paced).then(|| self.stall.deadline());
        [self.pump.deadline(), self.quiet_at(), patience].into_iter().flatten().min()
    }

    /// When viewers have had nothing for too long.
    fn quiet_at(&self) -> Option<Instant> {
        self.pump.entered().then(|| self.pump.published_at().max(self.spoke_at) + QUIET)
    }

    /// Does what is due.
    fn due(&mut self, paced: bool) -> Option<Failure> {
        let now = clock::now();
        if self.pump.deadline().is_some_and(|at| now >= at) {
            self.pump.flush(now);
        }
        if !paced && self.stall.is_stalled(now) {
            return Some(Failure::Source(SourceError::TimedOut(self.stall.silent_for(now))));
        }
        if self.quiet_at().is_some_and(|at| now >= at) {
            self.spoke_at = now;
            self.pump.tables(now);
        }
        None
    }

    /// Every 200 ms.
    fn look_after(&mut self, paced: bool) {
        let now = clock::now();
        if paced {
            self.stall.excuse(now);
        } else if self.stall.silent_for(now) >= SILENCE {
            self.pump.settle(&mut self.input, now);
            self.enter(now);
        }
        self.slate.hear(self.pump);
        if now - self.rate.at >= REPORT {
            self.report(now);
            // Not before: a slate takes a processor for a while, and somebody waits for the first picture.
            self.slate.programme(&self.input.info());
        }
    }

    fn report(&mut self, now: Instant) {
        let pushed = self.pump.pushed_bytes();
        if self.shared.bytes_pushed.swap(pushed, Ordering::Relaxed) != pushed {
            self.shared.last_push_ms.store(clock::wall_ms(), Ordering::Relaxed);
        }
        let info = self.input.info();
        if let Some(bps) = self.rate.measure(now, pushed).or(info.bitrate_bps) {
            self.shared.bitrate_bps.store(bps, Ordering::Relaxed);
        }
        if info.program.is_some() {
            self.ports.source_seen(self.shared.channel(), self.candidate.source, &info);
            self.shared.set_info(info);
            self.reported = true;
        }
        let lived = now - self.began;
        if lived >= self.settings.stall_detect {
            self.ports.source_succeeded(self.candidate.source, lived);
        }
    }
}

/// Bits a second, over about the last second.
struct Rate {
    at: Instant,
    pushed: u64,
}

impl Rate {
    fn measure(&mut self, now: Instant, pushed: u64) -> Option<u64> {
        let span = now.saturating_duration_since(self.at);
        if span < REPORT {
            return None;
        }
        let bits = (pushed - self.pushed) * 8;
        (self.at, self.pushed) = (now, pushed);
        // Milliseconds keep it in whole numbers.
        Some(bits.saturating_mul(1000) / u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1))
    }
}

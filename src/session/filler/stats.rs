//! What viewers were given in a gap, as the status shows it. Pure.

use std::time::{Duration, SystemTime};

use super::{Mode, Next};

/// Fewer bytes a second than these say nothing of a rate.
const SHORTEST: Duration = Duration::from_millis(100);

/// The last gap of a session, or the one it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillerStats {
    /// What was sent last.
    pub mode: Mode,
    /// Times that something less than what is wanted was sent in its place: each change of what is sent counts once.
    pub fallbacks: u64,
    /// Why that was.
    pub fallback_reason: Option<&'static str>,
    /// When the gap began.
    pub started_at: SystemTime,
    /// When the next source was proven, or it was given up.
    pub stopped_at: Option<SystemTime>,
    /// How long it lasted, or has lasted when something was last sent.
    pub lasted: Duration,
    /// Bytes sent.
    pub bytes: u64,
    /// Chunks they were in.
    pub chunks: u64,
    /// Rate of the programme before, in bit/s; 0 where it was never measured.
    pub programme_bps: u64,
    /// Pictures that were held back so that the rate stayed below the guardrail.
    pub guardrail: u64,
}

impl FillerStats {
    pub(super) fn new(mode: Mode, started_at: SystemTime, programme_bps: u64) -> Self {
        Self {
            mode,
            fallbacks: 0,
            fallback_reason: None,
            started_at,
            stopped_at: None,
            lasted: Duration::ZERO,
            bytes: 0,
            chunks: 0,
            programme_bps,
            guardrail: 0,
        }
    }

    /// Bytes a second sent; 0 for a gap that was too short to tell.
    pub fn rate(&self) -> f64 {
        if self.lasted < SHORTEST { 0.0 } else { self.bytes as f64 / self.lasted.as_secs_f64() }
    }

    /// This is sent, where `wanted` is.
    pub(super) fn said(&mut self, next: Next, wanted: Mode, slate: Slate) {
        let mode = match next {
            Next::Picture => Mode::Slate,
            // Between pictures that are far apart.
            Next::Tables | Next::Null if slate == Slate::Plays => Mode::Slate,
            Next::Tables => Mode::Psi,
            Next::Null => Mode::Null,
            Next::Wait(_) => return,
        };
        let before = std::mem::replace(&mut self.mode, mode);
        if mode != wanted && before != mode {
            self.fallbacks += 1;
            self.fallback_reason = Some(match (wanted, slate) {
                (Mode::Slate, Slate::TooFat) => "the slate needs more than the guardrail allows",
                (Mode::Slate, _) => "the slate is not there",
                (Mode::Psi | Mode::Null, _) => "the programme's tables are not known",
            });
        }
    }
}

/// How it is with the slate of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slate {
    /// It has not begun.
    IsWaitedFor,
    Plays,
    /// It did not pass the guardrail.
    TooFat,
}

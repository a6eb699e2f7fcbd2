//! How far two tracks that belong together have moved apart since they were first seen, and what is done about it. Pure; knows
//! nothing about stamps. Times are in microseconds: the first track's lead, negative where it lags.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::model::Moment;

/// Limits; the defaults are those of INPUTS.md.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Samples that are looked at together.
    pub window: usize,
    /// With fewer samples nothing is said.
    pub least: usize,
    /// More than this is a drift. It is corrected from three quarters of this on.
    pub threshold: Duration,
    /// The share of a drift by which it is corrected in a second, at most.
    pub rate: f64,
    /// More than this is another time, which begins anew.
    pub most: Duration,
    /// Somebody applies the corrections; where nobody can, as with a transport stream that passes through, drifts are only shown.
    pub correct: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: 100,
            least: 10,
            threshold: Duration::from_millis(40),
            rate: 0.1,
            most: Duration::from_secs(1),
            correct: false,
        }
    }
}

/// How two tracks are to each other; names are those of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// Too little is known.
    #[default]
    Unknown,
    /// Within the threshold.
    Synced,
    /// Beyond it.
    Drifting,
    /// Beyond it, or coming near it, and being corrected.
    Correcting,
}

impl Status {
    /// As the API has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Synced => "synced",
            Self::Drifting => "drifting",
            Self::Correcting => "correcting",
        }
    }
}

/// What a sample leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// The second track is moved on by so many microseconds more, or back.
    Correct(i64),
    /// The tracks are too far apart: measuring begins anew, with what is between them now taken as none.
    Reset,
}

/// What there is to tell: what is left of the drift after correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// How the tracks are.
    pub status: Status,
    /// The last sample.
    pub current_us: i64,
    /// Of the window.
    pub max_us: i64,
    /// Of the window.
    pub min_us: i64,
    /// Of the window.
    pub average_us: i64,
    /// Samples in the window.
    pub samples: usize,
    /// By how much the second track is moved on.
    pub offset_us: i64,
    /// When a correction was made, the last time.
    pub corrected: Option<Moment>,
    /// How often measuring began anew.
    pub resets: u64,
}

/// Follows two tracks.
#[derive(Debug, Clone)]
pub struct Drift {
    settings: Settings,
    /// As they were measured.
    samples: VecDeque<i64>,
    sum: i128,
    offset_us: i64,
    /// Samples in a row that are too far away to be believed at once.
    beyond: usize,
    correcting: bool,
    stepped: Option<Instant>,
    corrected: Option<Moment>,
    resets: u64,
}

impl Drift {
    /// Without a sample.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            samples: VecDeque::new(),
            sum: 0,
            offset_us: 0,
            beyond: 0,
            correcting: false,
            stepped: None,
            corrected: None,
            resets: 0,
        }
    }

    /// The drift as it is measured, without any correction.
    pub fn sample(&mut self, drift_us: i64, now: Instant, wall: Moment) -> Action {
        if drift_us.saturating_sub(self.offset_us).unsigned_abs() > us(self.settings.most).unsigned_abs() {
            // One alone may be a packet that was late.
            self.beyond += 1;
            if self.beyond < self.settings.least.max(1) {
                return Action::None;
            }
            self.reset();
            return Action::Reset;
        }
        self.beyond = 0;
        while self.samples.len() >= self.settings.window.max(1) {
            self.sum -= i128::from(self.samples.pop_front().unwrap_or(0));
        }
        self.samples.push_back(drift_us);
        self.sum += i128::from(drift_us);
        self.step(now, wall)
    }

    /// Measuring begins anew. What was corrected is part of how the tracks are now.
    pub fn reset(&mut self) {
        self.forget();
        self.resets = self.resets.saturating_add(1);
    }

    /// The same, where nothing went wrong: it is measured in another way from now on.
    pub fn forget(&mut self) {
        self.samples.clear();
        (self.sum, self.offset_us, self.beyond) = (0, 0, 0);
        (self.correcting, self.stepped) = (false, None);
    }

    /// What there is to tell.
    pub fn statistics(&self) -> Statistics {
        let left = |sample: Option<&i64>| sample.map_or(0, |sample| sample.saturating_sub(self.offset_us));
        let average_us = self.average();
        let status = if self.samples.len() < self.settings.least {
            Status::Unknown
        } else if self.correcting {
            Status::Correcting
        } else if average_us.unsigned_abs() > us(self.settings.threshold).unsigned_abs() {
            Status::Drifting
        } else {
            Status::Synced
        };
        Statistics {
            status,
            current_us: left(self.samples.back()),
            max_us: left(self.samples.iter().max()),
            min_us: left(self.samples.iter().min()),
            average_us,
            samples: self.samples.len(),
            offset_us: self.offset_us,
            corrected: self.corrected,
            resets: self.resets,
        }
    }

    fn average(&self) -> i64 {
        let average = self.sum.checked_div(self.samples.len() as i128).unwrap_or(0);
        i64::try_from(average).unwrap_or(0).saturating_sub(self.offset_us)
    }

    fn step(&mut self, now: Instant, wall: Moment) -> Action {
        let Settings { threshold, least, rate, correct, .. } = self.settings;
        let since = self.stepped.replace(now).map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        if !correct || self.samples.len() < least {
            return Action::None;
        }
        let left_us = self.average();
        // Early enough that clocks which differ never come to the threshold; until it is well within, or it would begin again at once.
        let threshold = us(threshold).unsigned_abs();
        self.correcting = left_us.unsigned_abs() > if self.correcting { threshold / 4 } else { threshold / 4 * 3 };
        if !self.correcting {
            return Action::None;
        }
        let share = (rate * since.as_secs_f64().min(1.0)).clamp(0.0, 1.0);
        let by_us = (left_us as f64 * share) as i64;
        if by_us == 0 {
            return Action::None;
        }
        self.offset_us = self.offset_us.saturating_add(by_us);
        self.corrected = Some(wall);
        Action::Correct(by_us)
    }
}

fn us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

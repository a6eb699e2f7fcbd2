//! How far two tracks that belong together have moved apart since they were first seen. Pure; knows nothing about stamps. Times are in
//! microseconds: the first track's lead, negative where it lags.

use std::collections::VecDeque;
use std::time::Duration;

/// Limits; the defaults are those of INPUTS.md.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Samples that are looked at together.
    pub window: usize,
    /// With fewer samples nothing is said.
    pub least: usize,
    /// More than this is a drift.
    pub threshold: Duration,
    /// More than this is another time, which begins anew.
    pub most: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { window: 100, least: 10, threshold: Duration::from_millis(40), most: Duration::from_secs(1) }
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
}

/// What there is to tell.
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
}

/// Follows two tracks.
#[derive(Debug, Clone)]
pub struct Drift {
    settings: Settings,
    samples: VecDeque<i64>,
    sum: i128,
    /// Samples in a row that are too far away to be believed at once.
    beyond: usize,
}

impl Drift {
    /// Without a sample.
    pub fn new(settings: Settings) -> Self {
        Self { settings, samples: VecDeque::new(), sum: 0, beyond: 0 }
    }

    /// The drift as it is measured. False where the tracks are too far apart: measuring has begun anew, and what is between them now is
    /// to be taken as none.
    pub fn sample(&mut self, drift_us: i64) -> bool {
        if drift_us.unsigned_abs() > us(self.settings.most).unsigned_abs() {
            // One alone may be a packet that was late.
            self.beyond += 1;
            if self.beyond < self.settings.least.max(1) {
                return true;
            }
            self.reset();
            return false;
        }
        self.beyond = 0;
        while self.samples.len() >= self.settings.window.max(1) {
            self.sum -= i128::from(self.samples.pop_front().unwrap_or(0));
        }
        self.samples.push_back(drift_us);
        self.sum += i128::from(drift_us);
        true
    }

    /// Measuring begins anew.
    pub fn reset(&mut self) {
        self.samples.clear();
        (self.sum, self.beyond) = (0, 0);
    }

    /// What there is to tell.
    pub fn statistics(&self) -> Statistics {
        let average = self.sum.checked_div(self.samples.len() as i128).unwrap_or(0);
        let average_us = i64::try_from(average).unwrap_or(0);
        let status = if self.samples.len() < self.settings.least {
            Status::Unknown
        } else if average_us.unsigned_abs() > us(self.settings.threshold).unsigned_abs() {
            Status::Drifting
        } else {
            Status::Synced
        };
        Statistics {
            status,
            current_us: self.samples.back().copied().unwrap_or(0),
            max_us: self.samples.iter().copied().max().unwrap_or(0),
            min_us: self.samples.iter().copied().min().unwrap_or(0),
            average_us,
            samples: self.samples.len(),
        }
    }
}

fn us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

//! Whether sound and picture stay together: two [timelines](timeline), and how they [`drift`] apart.
//!
//! Each track is somewhere in its own time at any moment: its last stamp, and what has passed since it came. How far the picture
//! is ahead of the sound is measured ten times a second; what it was at first is how the sender sends them, and no drift. Nothing is
//! corrected here: a transport stream passes as it is, and what is made of described streams has been tied to its sender's wall clock
//! when it was written (`ingest/rtp/assembly`).

pub mod drift;
pub mod timeline;

use std::time::Duration;

use crate::base::clock::Instant;
use crate::model::Moment;
use drift::Drift;
use timeline::{Step, Timeline};

/// How often the tracks are compared.
const EVERY: Duration = Duration::from_millis(100);
/// Samples of which the average is how the tracks were at first.
const FIRST: i64 = 10;

/// Both tracks of a stream.
#[derive(Debug, Clone)]
pub struct Sync {
    video: Timeline,
    audio: Timeline,
    drift: Drift,
    /// How far the picture was ahead at first: sum and number of samples, up to [`FIRST`].
    first: (i64, i64),
    sampled: Option<Instant>,
}

impl Sync {
    /// Without a stamp.
    pub fn new(settings: drift::Settings) -> Self {
        let (video, audio) = (Timeline::default(), Timeline::default());
        Self { video, audio, drift: Drift::new(settings), first: (0, 0), sampled: None }
    }

    /// A stamp of the picture.
    pub fn video(&mut self, pts: u64, dts: u64, now: Instant, wall: Moment) {
        let step = self.video.see(pts, dts, now, wall);
        self.after(step, now);
    }

    /// A stamp of the sound.
    pub fn audio(&mut self, pts: u64, dts: u64, now: Instant, wall: Moment) {
        let step = self.audio.see(pts, dts, now, wall);
        self.after(step, now);
    }

    /// What there is to tell of the picture; none before its first stamp.
    pub fn video_statistics(&self) -> Option<timeline::Statistics> {
        Some(self.video.statistics()).filter(|statistics| statistics.packets > 0)
    }

    /// What there is to tell of the sound; none before its first stamp.
    pub fn audio_statistics(&self) -> Option<timeline::Statistics> {
        Some(self.audio.statistics()).filter(|statistics| statistics.packets > 0)
    }

    /// What there is to tell of both.
    pub fn drift(&self) -> drift::Statistics {
        self.drift.statistics()
    }

    fn after(&mut self, step: Step, now: Instant) {
        if step == Step::Jump {
            self.first = (0, 0);
            self.drift.reset();
            return;
        }
        if self.sampled.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            return;
        }
        let Some((video, audio)) = self.video.position_us(now).zip(self.audio.position_us(now)) else { return };
        self.sampled = Some(now);
        let ahead = video.saturating_sub(audio);
        let (sum, samples) = self.first;
        if samples < FIRST {
            self.first = (sum.saturating_add(ahead / FIRST), samples + 1);
        } else if !self.drift.sample(ahead.saturating_sub(sum)) {
            self.first = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests;

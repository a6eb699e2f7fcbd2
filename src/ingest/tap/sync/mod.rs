//! Whether sound and picture stay together: two [timelines](timeline), and how they [`drift`] apart.
//!
//! Each track is somewhere in its own time at any moment: its last stamp, and what has passed since it came. How far the picture
//! is ahead of the sound is measured ten times a second; what it was at first is how the sender sends them, and no drift. Where
//! the sender has told its wall-clock time for both tracks, that is compared instead of their own clocks.

pub mod drift;
pub mod timeline;

use std::time::Duration;

use crate::base::clock::Instant;
use crate::model::Moment;
use drift::{Action, Drift};
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
    /// It is measured in the sender's time.
    mapped: bool,
    sampled: Option<Instant>,
}

impl Sync {
    /// Without a stamp. Corrections, if asked for, are to be applied to the sound.
    pub fn new(video: Timeline, audio: Timeline, settings: drift::Settings) -> Self {
        Self { video, audio, drift: Drift::new(settings), first: (0, 0), mapped: false, sampled: None }
    }

    /// A stamp of the picture.
    pub fn video(&mut self, pts: u64, dts: Option<u64>, now: Instant, wall: Moment) -> Action {
        let step = self.video.see(pts, dts, now, wall);
        self.after(step, now, wall)
    }

    /// A stamp of the sound.
    pub fn audio(&mut self, pts: u64, dts: Option<u64>, now: Instant, wall: Moment) -> Action {
        let step = self.audio.see(pts, dts, now, wall);
        self.after(step, now, wall)
    }

    /// The track of the picture, for reports and drops.
    pub fn video_mut(&mut self) -> &mut Timeline {
        &mut self.video
    }

    /// The track of the sound, for reports and drops.
    pub fn audio_mut(&mut self) -> &mut Timeline {
        &mut self.audio
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

    fn after(&mut self, step: Step, now: Instant, wall: Moment) -> Action {
        if step == Step::Jump {
            self.first = (0, 0);
            self.drift.reset();
            return Action::Reset;
        }
        if self.sampled.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            return Action::None;
        }
        let mapped = self.video.is_mapped() && self.audio.is_mapped();
        if mapped != self.mapped {
            self.mapped = mapped;
            self.first = (0, 0);
            self.drift.forget();
        }
        let position = |track: &Timeline| if mapped { track.sender_us(now) } else { track.position_us(now) };
        let Some((video, audio)) = position(&self.video).zip(position(&self.audio)) else { return Action::None };
        self.sampled = Some(now);
        let ahead = video.saturating_sub(audio);
        let (sum, samples) = self.first;
        if samples < FIRST {
            self.first = (sum.saturating_add(ahead / FIRST), samples + 1);
            return Action::None;
        }
        let action = self.drift.sample(ahead.saturating_sub(sum), now, wall);
        if action == Action::Reset {
            self.first = (0, 0);
        }
        action
    }
}

#[cfg(test)]
mod tests;

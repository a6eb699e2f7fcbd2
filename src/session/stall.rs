//! Is the source dead? Alive means that media time moves, not merely that bytes come. Pure.

use std::time::Duration;

use crate::base::clock::Instant;

/// Watches one source.
#[derive(Debug)]
pub struct Stall {
    limit: Duration,
    moved_at: Instant,
    media: Option<Duration>,
    bytes: u64,
}

impl Stall {
    /// A source that is alive now, and dead when nothing has moved for `limit`.
    pub fn new(now: Instant, limit: Duration) -> Self {
        Self { limit, moved_at: now, media: None, bytes: 0 }
    }

    /// Takes note of where the source stands: media time, or the bytes of a stream that has no clock at all.
    pub fn observe(&mut self, now: Instant, media: Option<Duration>, bytes: u64) {
        let moved = match (media, self.media) {
            (Some(new), Some(old)) => new > old,
            (Some(_), None) => true,
            (None, _) => bytes > self.bytes,
        };
        if moved {
            self.moved_at = now;
            self.media = media.or(self.media);
        }
        self.bytes = bytes;
    }

    /// The source was not listened to until now, for reasons of our own.
    pub fn excuse(&mut self, now: Instant) {
        self.moved_at = self.moved_at.max(now);
    }

    /// How long it has been silent.
    pub fn silent_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.moved_at)
    }

    /// When it is to be given up, if nothing moves until then.
    pub fn deadline(&self) -> Instant {
        self.moved_at + self.limit
    }

    /// Whether it is to be given up.
    pub fn is_stalled(&self, now: Instant) -> bool {
        self.silent_for(now) >= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn bytes_without_media_time_are_no_life() {
        let start = Instant::now();
        let mut stall = Stall::new(start, SECOND);
        stall.observe(start, Some(Duration::ZERO), 188);
        stall.observe(start + SECOND / 2, Some(SECOND), 376);
        stall.observe(start + SECOND, Some(SECOND), 5000);
        assert!(!stall.is_stalled(start + SECOND));
        stall.observe(start + SECOND * 3 / 2, Some(SECOND), 9000);
        assert!(stall.is_stalled(start + SECOND * 3 / 2));
    }

    #[test]
    fn a_stream_without_a_clock_lives_by_its_bytes() {
        let start = Instant::now();
        let mut stall = Stall::new(start, SECOND);
        stall.observe(start + SECOND, None, 188);
        assert!(!stall.is_stalled(start + SECOND));
        stall.observe(start + SECOND * 2, None, 188);
        assert!(stall.is_stalled(start + SECOND * 2));
    }

    #[test]
    fn our_own_pause_is_not_held_against_it() {
        let start = Instant::now();
        let mut stall = Stall::new(start, SECOND);
        stall.excuse(start + SECOND * 5);
        assert!(!stall.is_stalled(start + SECOND * 5));
        assert!(stall.is_stalled(start + SECOND * 6));
    }
}

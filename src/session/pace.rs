//! How fast a source may run: paced by its own clock, after an initial burst. Pure.

use std::time::Duration;

use crate::base::clock::Instant;

/// Longest single wait; the rest is asked for again, so that a clock that jumped does not freeze a session.
const STEP: Duration = Duration::from_millis(250);

/// Paces one source.
#[derive(Debug)]
pub struct Pacer {
    began: Option<(Instant, Duration)>,
    rate: f64,
    burst: Duration,
}

impl Pacer {
    /// `rate` in media seconds a second; `burst` is how far media time may run ahead.
    pub fn new(rate: f64, burst: Duration) -> Self {
        Self { began: None, rate: if rate.is_finite() && rate > 0.0 { rate } else { 1.0 }, burst }
    }

    /// How long to wait before more is taken from a source whose media time stands at `media`.
    pub fn wait(&mut self, now: Instant, media: Option<Duration>) -> Duration {
        let Some(media) = media else { return Duration::ZERO };
        let (began, start) = *self.began.get_or_insert((now, media));
        let played = now.saturating_duration_since(began).mul_f64(self.rate);
        let ahead = media.saturating_sub(start).saturating_sub(played);
        if ahead.is_zero() {
            // Late: a source that was held up does not catch up by a burst larger than the first.
            let behind = played.saturating_sub(media.saturating_sub(start));
            if behind > self.burst {
                self.began = Some((now, media));
            }
            return Duration::ZERO;
        }
        ahead.saturating_sub(self.burst).div_f64(self.rate).min(STEP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[rstest::rstest]
    #[case::within_the_burst(0, 900, 0)]
    #[case::just_ahead(0, 1100, 100)]
    #[case::far_ahead_is_capped(0, 60_000, 250)]
    #[case::in_step(5000, 5500, 0)]
    #[case::ahead_later(5000, 6200, 200)]
    fn waits(#[case] elapsed: u64, #[case] media: u64, #[case] wait: u64) {
        let start = Instant::now();
        let mut pacer = Pacer::new(1.0, ms(1000));
        assert_eq!(pacer.wait(start, Some(ms(0))), ms(0));
        assert_eq!(pacer.wait(start + ms(elapsed), Some(ms(media))), ms(wait));
    }

    #[test]
    fn nothing_is_known_nothing_is_held() {
        assert_eq!(Pacer::new(1.0, ms(1000)).wait(Instant::now(), None), ms(0));
    }

    #[test]
    fn after_a_hold_up_it_does_not_race() {
        let start = Instant::now();
        let mut pacer = Pacer::new(1.0, ms(1000));
        pacer.wait(start, Some(ms(0)));
        assert_eq!(pacer.wait(start + ms(20_000), Some(ms(100))), ms(0));
        assert_eq!(pacer.wait(start + ms(20_000), Some(ms(1300))), ms(200));
    }
}

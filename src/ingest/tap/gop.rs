//! Statistics of groups of pictures: from one keyframe to the next, in decoding order.

use std::time::Duration;

use super::frames::Frame;
use super::picture::Counts;
use crate::ts::time::Pts90k;

/// A group that would last longer has a leap of time in it.
const LONGEST_90K: i64 = 600 * 90_000;

/// Counts the groups of one stream.
#[derive(Debug, Clone, Default)]
pub struct Gops {
    counts: Counts,
    keyframes: u64,
    /// Frames of the group at hand, and when it began.
    current: u64,
    began: Option<Pts90k>,
    /// Groups that are over, and what they had; those whose length is known, and how long they were.
    over: u64,
    frames: u64,
    timed: u64,
    time_90k: u64,
}

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Statistics {
    /// Frames from the first keyframe on, by kind.
    pub counts: Counts,
    /// Frames at which decoding can begin.
    pub keyframes: u64,
    /// Groups, with the one at hand.
    pub total: u64,
    /// Frames of the one at hand.
    pub current_size: u64,
    /// Frames of those that are over; 0 while there are none.
    pub average_size: f64,
    /// How long those took; nothing while there are none.
    pub average_duration: Duration,
    /// Shares of the kinds, 0 to 1.
    pub i_ratio: f64,
    /// The same.
    pub p_ratio: f64,
    /// The same.
    pub b_ratio: f64,
}

impl Statistics {
    /// Groups a second; 0 while that is not known.
    pub fn per_second(&self) -> f64 {
        if self.average_duration.is_zero() { 0.0 } else { self.average_duration.as_secs_f64().recip() }
    }
}

impl Gops {
    /// The next frame.
    pub fn see(&mut self, frame: &Frame) {
        if frame.keyframe {
            if self.keyframes > 0 {
                self.over = self.over.saturating_add(1);
                self.frames = self.frames.saturating_add(self.current);
            }
            let lasted = frame.dts.zip(self.began).map(|(now, began)| now.since(began));
            if let Some(lasted) = lasted.filter(|lasted| (1..LONGEST_90K).contains(lasted)) {
                self.timed = self.timed.saturating_add(1);
                self.time_90k = self.time_90k.saturating_add(lasted.unsigned_abs());
            }
            self.keyframes = self.keyframes.saturating_add(1);
            self.current = 0;
            self.began = frame.dts;
        }
        if self.keyframes > 0 {
            self.counts.add_all(frame.counts);
            self.current = self.current.saturating_add(frame.counts.total());
        }
    }

    /// What there is to tell.
    pub fn statistics(&self) -> Statistics {
        let of = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let Counts { i, p, b } = self.counts;
        let all = self.counts.total();
        let average_90k = self.time_90k.checked_div(self.timed).unwrap_or(0);
        Statistics {
            counts: self.counts,
            keyframes: self.keyframes,
            total: self.keyframes,
            current_size: self.current,
            average_size: of(self.frames, self.over),
            average_duration: Duration::from_micros(average_90k.saturating_mul(100) / 9),
            i_ratio: of(i, all),
            p_ratio: of(p, all),
            b_ratio: of(b, all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tap::testing::{frame, frames};

    #[test]
    fn groups_are_counted_from_keyframe_to_keyframe() {
        let mut gops = Gops::default();
        frames("PBIPBBIPBBPIP").iter().for_each(|frame| gops.see(frame));
        let found = gops.statistics();
        assert_eq!((found.total, found.current_size, found.average_size), (3, 2, 4.5));
        assert_eq!(found.average_duration, Duration::from_millis(180));
        assert_eq!(found.counts, Counts { i: 3, p: 4, b: 4 });
        assert_eq!((found.i_ratio, found.p_ratio, found.b_ratio), (3.0 / 11.0, 4.0 / 11.0, 4.0 / 11.0));
        assert!((found.per_second() - 1.0 / 0.18).abs() < 0.001);
    }

    #[test]
    fn a_leap_is_no_length() {
        let mut gops = Gops::default();
        let at = |id, dts| Frame { dts: Some(Pts90k(dts)), ..frame('I', id, 0) };
        for (id, dts) in [(1, 0), (2, 90_000), (3, 1 << 32), (4, 5), (5, 90_005)] {
            gops.see(&at(id, dts));
        }
        assert_eq!(gops.statistics().average_duration, Duration::from_secs(1));
        assert_eq!(Gops::default().statistics(), Statistics::default());
    }
}

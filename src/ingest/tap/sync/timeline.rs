//! The time of one track: its stamps unwrapped, the only place here that does; wraps, jumps and errors counted, and where the
//! track is at any moment.

use crate::base::clock::Instant;
use crate::model::Moment;

/// A step beyond this, which took no such time, is a jump: 1 s.
const JUMP_US: i64 = 1_000_000;
const SECOND_US: i64 = 1_000_000;
/// A stamp says where its track is for no longer than this: 2 s.
const STALE_US: i64 = 2_000_000;

/// Stamps are PTS and DTS of 13818-1: 33 bits of 90 kHz.
const BITS: u32 = 33;
const RATE: i64 = 90_000;

/// How a stamp follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is the first.
    First,
    /// Time goes on.
    On,
    /// Another time begins: what was before says nothing of what follows.
    Jump,
}

/// What there is to tell of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// The last PTS, as it came.
    pub last_pts: u64,
    /// The last DTS, as it came.
    pub last_dts: u64,
    /// When the time at hand began: at the first stamp, or the last jump.
    pub base: Option<Moment>,
    /// Stamps that came.
    pub packets: u64,
    /// How often it wrapped.
    pub wraps: u64,
    /// How often it jumped.
    pub jumps: u64,
    /// Decoding times that went back, or lie behind the time at which the unit is shown.
    pub errors: u64,
}

/// Follows one track.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    statistics: Statistics,
    last: Option<Last>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    /// As it came, and unwrapped.
    stamp: u64,
    ticks: i64,
    /// The most that was reached since the last jump.
    most: i64,
    at: Instant,
}

impl Timeline {
    /// A stamp came.
    pub fn see(&mut self, pts: u64, dts: u64, now: Instant, wall: Moment) -> Step {
        let (pts, stamp) = (pts % (1 << BITS), dts % (1 << BITS));
        self.statistics.packets = self.statistics.packets.saturating_add(1);
        (self.statistics.last_pts, self.statistics.last_dts) = (pts, stamp);
        let Some(last) = self.last else {
            self.begin(stamp, now, wall);
            self.errors(step(stamp, pts) < 0);
            return Step::First;
        };
        let by = step(last.stamp, stamp);
        let (step_us, passed_us) = (us(by), us_since(last.at, now));
        if step_us < -JUMP_US || step_us > JUMP_US && step_us.saturating_sub(passed_us) > JUMP_US {
            self.statistics.jumps = self.statistics.jumps.saturating_add(1);
            self.begin(stamp, now, wall);
            return Step::Jump;
        }
        self.errors(by < 0 || step(stamp, pts) < 0);
        let ticks = last.ticks.saturating_add(by);
        let most = last.most.max(ticks);
        let wraps = (most >> BITS) - (last.most >> BITS);
        self.statistics.wraps = self.statistics.wraps.saturating_add(wraps.unsigned_abs());
        self.last = Some(Last { stamp, ticks, most, at: now });
        Step::On
    }

    /// Microseconds of the track's own time that have come by now, counted from anywhere; none where the last stamp is too old.
    pub fn position_us(&self, now: Instant) -> Option<i64> {
        let last = self.last?;
        let passed = us_since(last.at, now);
        (passed <= STALE_US).then(|| us(last.ticks).saturating_add(passed))
    }

    /// What there is to tell.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    fn begin(&mut self, stamp: u64, now: Instant, wall: Moment) {
        let ticks = stamp as i64;
        self.last = Some(Last { stamp, ticks, most: ticks, at: now });
        self.statistics.base = Some(wall);
    }

    fn errors(&mut self, is_one: bool) {
        self.statistics.errors = self.statistics.errors.saturating_add(u64::from(is_one));
    }
}

/// From one stamp to another the short way round; negative if it is really earlier.
fn step(from: u64, to: u64) -> i64 {
    let unused = 64 - BITS;
    (to.wrapping_sub(from) << unused) as i64 >> unused
}

fn us(ticks: i64) -> i64 {
    let us = i128::from(ticks) * i128::from(SECOND_US) / i128::from(RATE);
    i64::try_from(us).unwrap_or(if us < 0 { i64::MIN } else { i64::MAX })
}

fn us_since(earlier: Instant, now: Instant) -> i64 {
    i64::try_from(now.saturating_duration_since(earlier).as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

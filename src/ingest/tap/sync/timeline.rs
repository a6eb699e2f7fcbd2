//! The time of one track: its stamps unwrapped, the only place here that does; wraps, jumps and errors counted, and where the
//! track is at any moment. Stamps of RTP can be told in the sender's wall-clock time, by its reports (RFC 3550, 6.4.1).

use std::num::NonZeroU32;

use crate::base::clock::Instant;
use crate::model::Moment;

/// A step beyond this, which took no such time, is a jump: 1 s.
const JUMP_US: i64 = 1_000_000;
const SECOND_US: i64 = 1_000_000;
/// A stamp says where its track is for no longer than this: 2 s.
const STALE_US: i64 = 2_000_000;

/// What the stamps of a track count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StampClock {
    bits: u32,
    rate: NonZeroU32,
}

impl StampClock {
    /// PTS and DTS of 13818-1: 33 bits of 90 kHz.
    pub const TRANSPORT: Self = Self { bits: 33, rate: NonZeroU32::MIN.saturating_add(89_999) };

    /// Time stamps of RTP: 32 bits of so many a second.
    pub fn rtp(rate: NonZeroU32) -> Self {
        Self { bits: 32, rate }
    }

    /// From one stamp to another the short way round; negative if it is really earlier.
    fn step(self, from: u64, to: u64) -> i64 {
        let unused = 64 - self.bits;
        (to.wrapping_sub(from) << unused) as i64 >> unused
    }

    fn us(self, ticks: i64) -> i64 {
        let us = i128::from(ticks) * i128::from(SECOND_US) / i128::from(self.rate.get());
        i64::try_from(us).unwrap_or(if us < 0 { i64::MIN } else { i64::MAX })
    }
}

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

/// Where a time began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// When its first stamp came.
    pub wall: Moment,
    /// The stamp.
    pub stamp: u64,
}

/// What there is to tell of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// The last PTS, as it came.
    pub last_pts: u64,
    /// The last DTS, as it came.
    pub last_dts: u64,
    /// When the time at hand began: at the first stamp, or the last jump.
    pub base: Option<Base>,
    /// Stamps that came.
    pub packets: u64,
    /// What of it was dropped.
    pub dropped: u64,
    /// How often it wrapped.
    pub wraps: u64,
    /// How often it jumped.
    pub jumps: u64,
    /// Decoding times that went back, or lie behind the time at which the unit is shown.
    pub errors: u64,
}

/// Follows one track.
#[derive(Debug, Clone)]
pub struct Timeline {
    clock: StampClock,
    statistics: Statistics,
    last: Option<Last>,
    report: Option<Report>,
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

/// A moment in the sender's time.
#[derive(Debug, Clone, Copy)]
struct Report {
    ntp_us: i64,
    stamp: u64,
}

impl Timeline {
    /// Without a stamp.
    pub fn new(clock: StampClock) -> Self {
        Self { clock, statistics: Statistics::default(), last: None, report: None }
    }

    /// A stamp came. Where a track has no decoding times, its PTS may go back.
    pub fn see(&mut self, pts: u64, dts: Option<u64>, now: Instant, wall: Moment) -> Step {
        let clock = self.clock;
        let wrap = 1u64 << clock.bits;
        let (pts, dts) = (pts % wrap, dts.map(|dts| dts % wrap));
        let stamp = dts.unwrap_or(pts);
        self.statistics.packets = self.statistics.packets.saturating_add(1);
        (self.statistics.last_pts, self.statistics.last_dts) = (pts, stamp);
        let Some(last) = self.last else {
            self.begin(stamp, now, wall);
            self.errors(clock.step(stamp, pts) < 0);
            return Step::First;
        };
        let step = clock.step(last.stamp, stamp);
        let (step_us, passed_us) = (clock.us(step), us_since(last.at, now));
        if step_us < -JUMP_US || step_us > JUMP_US && step_us.saturating_sub(passed_us) > JUMP_US {
            self.statistics.jumps = self.statistics.jumps.saturating_add(1);
            self.begin(stamp, now, wall);
            return Step::Jump;
        }
        self.errors(dts.is_some() && step < 0 || clock.step(stamp, pts) < 0);
        let ticks = last.ticks.saturating_add(step);
        let most = last.most.max(ticks);
        let wraps = (most >> clock.bits) - (last.most >> clock.bits);
        self.statistics.wraps = self.statistics.wraps.saturating_add(wraps.unsigned_abs());
        self.last = Some(Last { stamp, ticks, most, at: now });
        Step::On
    }

    /// Something of the track was dropped.
    pub fn drop_one(&mut self) {
        self.statistics.dropped = self.statistics.dropped.saturating_add(1);
    }

    /// A sender report: its NTP timestamp (seconds since 1900, with 32 bits behind the point), and the RTP timestamp of the same
    /// moment.
    pub fn report(&mut self, ntp: u64, rtp: u32) {
        let seconds = (ntp >> 32) as i64;
        let fraction_us = ((ntp & 0xFFFF_FFFF) * SECOND_US as u64) >> 32;
        self.report = Some(Report { ntp_us: seconds * SECOND_US + fraction_us as i64, stamp: u64::from(rtp) });
    }

    /// Whether the sender has told its wall-clock time.
    pub fn is_mapped(&self) -> bool {
        self.report.is_some()
    }

    /// Microseconds of the track's own time that have come by now, counted from anywhere; none where the last stamp is too old.
    pub fn position_us(&self, now: Instant) -> Option<i64> {
        let last = self.last?;
        self.after(last, now, self.clock.us(last.ticks))
    }

    /// The same in the sender's wall-clock time, in microseconds since 1900; none without a report.
    pub fn sender_us(&self, now: Instant) -> Option<i64> {
        let last = self.last?;
        self.after(last, now, self.to_sender_us(last.stamp)?)
    }

    /// A stamp near the last report in the sender's wall-clock time, in microseconds since 1900.
    pub fn to_sender_us(&self, stamp: u64) -> Option<i64> {
        let report = self.report?;
        Some(report.ntp_us.saturating_add(self.clock.us(self.clock.step(report.stamp, stamp))))
    }

    /// What there is to tell.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    fn after(&self, last: Last, now: Instant, at_us: i64) -> Option<i64> {
        let passed = us_since(last.at, now);
        (passed <= STALE_US).then(|| at_us.saturating_add(passed))
    }

    fn begin(&mut self, stamp: u64, now: Instant, wall: Moment) {
        let ticks = stamp as i64;
        self.last = Some(Last { stamp, ticks, most: ticks, at: now });
        self.statistics.base = Some(Base { wall, stamp });
    }

    fn errors(&mut self, is_one: bool) {
        self.statistics.errors = self.statistics.errors.saturating_add(u64::from(is_one));
    }
}

fn us_since(earlier: Instant, now: Instant) -> i64 {
    i64::try_from(now.saturating_duration_since(earlier).as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

//! Leaps of a source's own time: an encoder that was started anew, a playlist that begins again, a clock that was set. The
//! programme goes on, so what is behind the leap is moved to where the time before it stopped; single stamps that are wrong
//! are put right the same way.
//!
//! PCR, picture and sound leap with different packets. So the move that was right before is kept beside the one that is right
//! now, and each stamp takes the one that lets its own stream go on.

use super::input::Mark;
use super::programme::Programme;
use super::time::Pts90k;
use super::{RawPacket, adaptation, packet, pes};
use crate::model::stream_info::Kind;

/// A step back beyond this is a leap: 1 s.
const BACK_90K: i64 = -90_000;
/// A step on beyond this is a leap, and no hole: 10 s.
const ON_90K: i64 = 900_000;
/// A stream that is so far behind the others has paused: 5 s. It goes on near them, on either side.
const PAUSED_90K: i64 = 450_000;
/// Where no step is known: 40 ms.
const STEP_90K: i64 = 3600;
/// The longest step that is taken for the rule: 100 ms.
const LONGEST_STEP_90K: i64 = 9000;
/// As many as a mark can name.
const STREAMS: usize = 256;

/// Follows the time stamps of one source.
#[derive(Debug)]
pub struct Leaps {
    /// By how much stamps are moved, and were before the last leap.
    moved_90k: u64,
    before_90k: u64,
    lanes: Box<[Lane; STREAMS]>,
    pcr: Lane,
    /// The newest time of any picture or sound, moved.
    newest: Option<Pts90k>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    /// Whether it may show a leap: picture and sound. Subtitles and data come when they like.
    tells: bool,
    /// The last stamp, moved, and the step to it.
    last: Option<Pts90k>,
    step_90k: i64,
}

impl Default for Leaps {
    fn default() -> Self {
        let pcr = Lane { tells: true, ..Lane::default() };
        Self { moved_90k: 0, before_90k: 0, lanes: Box::new([Lane::default(); STREAMS]), pcr, newest: None }
    }
}

impl Leaps {
    /// Another source, or another beginning of the same one, follows.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The programme that the following packets belong to. Time goes on.
    pub fn programme(&mut self, programme: &Programme) {
        self.lanes.fill(Lane::default());
        for (lane, stream) in self.lanes.iter_mut().zip(&programme.streams) {
            lane.tells = matches!(stream.codec.kind(), Kind::Video | Kind::Audio);
        }
    }

    /// By how much the stamps of a packet are to be moved, in units of 90 kHz; 0 as long as the source's time has not leapt.
    #[inline]
    pub fn of(&mut self, mark: &Mark) -> u64 {
        if mark.time.is_none() && mark.pcr.is_none() { 0 } else { self.stamped(mark) }
    }

    fn stamped(&mut self, mark: &Mark) -> u64 {
        let mut by = None;
        if let Some(time) = mark.time {
            let lane = self.lanes[usize::from(mark.stream)];
            let moved = self.moves(&lane, time, self.newest);
            by = Some(moved);
            if lane.tells {
                let time = time.plus(moved);
                self.lanes[usize::from(mark.stream)].goes_on(time);
                if self.newest.is_none_or(|newest| time.since(newest) > 0) {
                    self.newest = Some(time);
                }
            }
        }
        if let Some(pcr) = mark.pcr {
            let pcr = pcr.to_90k();
            // Both stamps of a packet are moved together.
            let by = *by.get_or_insert_with(|| {
                let lane = self.pcr;
                self.moves(&lane, pcr, None)
            });
            self.pcr.goes_on(pcr.plus(by));
        }
        by.unwrap_or(0)
    }

    /// By how much this stamp of a stream is moved, which is what the next ones are tried with first.
    fn moves(&mut self, lane: &Lane, stamp: Pts90k, others: Option<Pts90k>) -> u64 {
        let behind = |last: Pts90k| others.is_some_and(|others| others.since(last) > PAUSED_90K);
        let fits = |by: u64| {
            let step = |from: Pts90k| stamp.plus(by).since(from);
            let beside = others.is_none_or(|others| (-PAUSED_90K..=PAUSED_90K).contains(&step(others)));
            let goes_on = lane.last.is_some_and(|last| (BACK_90K..=ON_90K).contains(&step(last)));
            goes_on || lane.last.is_none_or(behind) && beside
        };
        if fits(self.moved_90k) {
            return self.moved_90k;
        }
        if fits(self.before_90k) {
            std::mem::swap(&mut self.moved_90k, &mut self.before_90k);
        } else if let Some(last) = lane.last.filter(|last| !behind(*last)).or(others).filter(|_| lane.tells) {
            self.before_90k = self.moved_90k;
            self.moved_90k = last.plus(lane.step().unsigned_abs()).offset_from(stamp);
        }
        self.moved_90k
    }
}

impl Lane {
    fn goes_on(&mut self, time: Pts90k) {
        self.step_90k = self.last.map_or(0, |last| time.since(last));
        self.last = Some(time);
    }

    fn step(&self) -> i64 {
        if (1..=LONGEST_STEP_90K).contains(&self.step_90k) { self.step_90k } else { STEP_90K }
    }
}

/// Moves the stamps of a packet, and what its mark says of them, if its source's time has leapt.
#[inline]
pub fn moved(packet: &mut RawPacket, mark: &mut Mark, leaps: &mut Leaps) {
    let by = leaps.of(mark);
    if by == 0 {
        return;
    }
    adaptation::shift(packet, by);
    if mark.unit_start {
        let at = packet::payload_at(packet);
        pes::shift(packet.get_mut(at..).unwrap_or_default(), by);
    }
    mark.pcr = mark.pcr.map(|pcr| pcr.plus_90k(by));
    mark.time = mark.time.map(|time| time.plus(by));
}

#[cfg(test)]
mod tests;

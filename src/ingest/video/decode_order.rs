//! Decoding times for pictures whose times of output are known, one by one in decoding order. Pure.
//!
//! RTP says when a picture is shown, a transport stream must also say when it is decoded (13818-1, 2.4.3.6), and pictures are
//! reordered by no more than their parameter sets say ([`crate::codec::reordering`]). Pictures are decoded at the times at which
//! others are shown: the *n*th at the *n*th of these in ascending order, moved back by the depth of reordering. No picture has to
//! wait for the next for that.

use std::collections::VecDeque;

use crate::codec::reordering::DEEPEST;
use crate::ts::time::Pts90k;

/// A step of the time of output beyond this is a leap as long as the frame rate is not known: 10 s …
const LEAP_90K: i64 = 10 * 90_000;
/// … and later one beyond this, 1 s, and beyond so many frames for each that is reordered.
const SHORTEST_LEAP_90K: i64 = 90_000;
const LEAP_FRAMES: i64 = 8;
/// Between two frames where nobody says more: 20 ms.
const FRAME_90K: i64 = 1_800;
/// Behind a hole, pictures may come that are shown so many frames before the first, at most.
const LEADING: i64 = DEEPEST as i64;
/// Pictures that are looked back at for how far they are reordered.
const HISTORY: usize = 32;

/// The times of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it is shown. As it was given, except where `late`.
    pub pts: Pts90k,
    /// When it is decoded: behind the one before it, and not after `pts`.
    pub dts: Pts90k,
    /// Its own time lies before what was decoded: it belongs in front of the first picture, or more is reordered than was said.
    /// It is shown as soon as can be.
    pub late: bool,
    /// Time begins anew behind a step back: `dts` does not go on from the one before.
    pub discontinuity: bool,
}

/// Gives the pictures of one stream their decoding times.
#[derive(Debug)]
pub struct DecodeOrder {
    depth: usize,
    /// The least time between two pictures shown, or what is taken for it.
    frame_90k: i64,
    /// Whether it was seen.
    measured: bool,
    /// Times of output, ascending, that are nobody's decoding time yet: no more than `depth` between two pictures. All times
    /// are counted without the wrap from the first one on.
    shown: Vec<i64>,
    /// The last of them that became a decoding time.
    taken_90k: Option<i64>,
    /// Times of output as they came.
    history: VecDeque<i64>,
    newest: Option<Newest>,
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    /// As it was given, and counted.
    pts: Pts90k,
    pts_90k: i64,
    times: Times,
    dts_90k: i64,
    /// The latest time of output.
    highest_90k: i64,
    /// The first since time began.
    first_90k: i64,
}

impl DecodeOrder {
    /// For pictures that are reordered to this depth; with the time between two of them in units of 90 kHz, if a parameter set
    /// tells it.
    pub fn new(depth: u8, frame_90k: Option<u32>) -> Self {
        let frame_90k = frame_90k.map_or(FRAME_90K, |frame| i64::from(frame.clamp(1, 90_000)));
        Self {
            depth: usize::from(depth.min(DEEPEST)),
            frame_90k,
            measured: false,
            shown: Vec::with_capacity(usize::from(DEEPEST) + 2),
            taken_90k: None,
            history: VecDeque::with_capacity(HISTORY),
            newest: None,
        }
    }

    /// Another parameter set says another depth.
    pub fn set_depth(&mut self, depth: u8) {
        self.depth = usize::from(depth.min(DEEPEST));
    }

    /// The depth at hand: what was said, or more where more was seen.
    pub fn depth(&self) -> u8 {
        self.depth as u8
    }

    /// The times of the next picture in decoding order. Another unit of the same time, such as the second field of a frame, has
    /// the same times.
    pub fn next(&mut self, pts: Pts90k) -> Times {
        let pts = pts.plus(0);
        let Some(newest) = self.newest else { return self.begin(pts, 0, None, false) };
        if pts == newest.pts {
            return Times { discontinuity: false, ..newest.times };
        }
        let pts_90k = newest.pts_90k.saturating_add(pts.since(newest.pts));
        let leap = self.leap_90k();
        if newest.dts_90k.saturating_sub(pts_90k) > leap {
            return self.begin(pts, pts_90k, None, true);
        }
        if pts_90k.saturating_sub(newest.highest_90k) > leap {
            // What was shown before the hole would be decoded behind it.
            return self.begin(pts, pts_90k, Some(newest.dts_90k), false);
        }
        let highest_90k = newest.highest_90k.max(pts_90k);
        let newest = Newest { pts, pts_90k, highest_90k, ..newest };
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(pts_90k);
        if pts_90k <= newest.dts_90k {
            return self.late(newest);
        }
        let at = self.shown.partition_point(|shown| *shown < pts_90k);
        self.shown.insert(at, pts_90k);
        let mut dts_90k = None;
        // One at a time, but where the depth has become less.
        while self.shown.len() > self.depth
            && let Some(first) = self.shown.first().copied().filter(|first| *first <= pts_90k)
        {
            self.shown.remove(0);
            self.measure(first);
            dts_90k = Some(first);
        }
        let dts_90k = dts_90k.unwrap_or_else(|| self.between(newest.dts_90k));
        self.give(newest, dts_90k.max(newest.dts_90k.saturating_add(1)), false, false)
    }

    /// As long as fewer pictures wait than are reordered, decoding times go evenly up to the first of those that are shown.
    fn between(&self, last_90k: i64) -> i64 {
        let missing = (self.depth - self.shown.len().min(self.depth)) as i64 + 1;
        let first = self.shown.first().copied().unwrap_or(last_90k);
        last_90k.saturating_add(first.saturating_sub(last_90k) / (missing + 1))
    }

    fn begin(&mut self, pts: Pts90k, pts_90k: i64, not_before_90k: Option<i64>, discontinuity: bool) -> Times {
        self.shown.clear();
        self.history.clear();
        self.history.push_back(pts_90k);
        self.taken_90k = None;
        // Behind a hole there is room.
        let leading = if self.depth > 0 && not_before_90k.is_some() { LEADING } else { 0 };
        let back = self.frame_90k.saturating_mul(self.depth as i64 + leading);
        let mut dts_90k = pts_90k.saturating_sub(back);
        if let Some(last) = not_before_90k {
            dts_90k = dts_90k.max(last.saturating_add(1).min(pts_90k));
        }
        if self.depth > 0 {
            self.shown.push(pts_90k);
        }
        let times = Times { pts, dts: pts, late: false, discontinuity };
        let newest = Newest { pts, pts_90k, times, dts_90k, highest_90k: pts_90k, first_90k: pts_90k };
        self.give(newest, dts_90k, false, discontinuity)
    }

    fn late(&mut self, newest: Newest) -> Times {
        // In front of the first picture there may be any number that belong to what came before it.
        if newest.pts_90k > newest.first_90k {
            let over = self.history.iter().filter(|shown| **shown > newest.pts_90k).count();
            self.depth = self.depth.max(over.min(usize::from(DEEPEST)));
        }
        self.give(newest, newest.dts_90k.saturating_add(1), true, false)
    }

    fn give(&mut self, newest: Newest, dts_90k: i64, late: bool, discontinuity: bool) -> Times {
        let ahead = newest.pts_90k.saturating_sub(dts_90k);
        let dts = if ahead >= 0 { newest.pts.minus(ahead as u64) } else { newest.pts.plus(ahead.unsigned_abs()) };
        let times = Times { pts: if late { dts } else { newest.pts }, dts, late, discontinuity };
        self.newest = Some(Newest { times, dts_90k, ..newest });
        times
    }

    fn measure(&mut self, taken_90k: i64) {
        let step = self.taken_90k.replace(taken_90k).map(|last| taken_90k.saturating_sub(last));
        let Some(step_90k) = step.filter(|step| *step > 0) else { return };
        let known = if self.measured { self.frame_90k } else { step_90k };
        self.measured = true;
        // Lost pictures make steps long: it is the short ones that count.
        self.frame_90k = if step_90k < known { step_90k } else { known.saturating_add((step_90k - known) / 16) };
    }

    fn leap_90k(&self) -> i64 {
        if !self.measured {
            return LEAP_90K;
        }
        let frames = LEAP_FRAMES.saturating_mul(self.depth as i64 + 1);
        SHORTEST_LEAP_90K.max(self.frame_90k.saturating_mul(frames))
    }
}

#[cfg(test)]
mod tests;

//! Units of one or two playlists made into one programme: put into order, begun together, and begun anew where both do. Pure.
//!
//! Two playlists tell of a discontinuity at different moments, and one may tell of it alone, because it missed a segment. What
//! counts is time: a playlist whose time goes on where the programme's stands has no other beginning.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::side::Item;
use crate::ts::mux::queue::Queue;
use crate::ts::mux::{Muxer, Track, Unit};
use crate::ts::time::Pts90k;

/// What is added to all times, so that those of a recording that begins at 0 do not lie before the wrap: 10 s.
const OFFSET_90K: u64 = 900_000;
/// Time goes on if it does so within this: 1 s back, and forward 1 s, so that nobody sits through a hole; or 10 s where the other
/// playlist fills it.
const BACK_90K: i64 = -90_000;
const FORWARD_90K: i64 = 90_000;
const FORWARD_FILLED_90K: i64 = 900_000;
/// Sound may begin this much before the picture; what is earlier is left out. 200 ms.
const EARLY_90K: i64 = 18_000;
/// So long the other playlist is given to come to its discontinuity: 15 s of it.
const PATIENCE_90K: i64 = 15 * 90_000;

/// The programme.
#[derive(Debug)]
pub struct Join {
    parts: Vec<Part>,
    queue: Queue,
    muxer: Option<Muxer>,
    /// Decoding time of the unit written last.
    last: Option<Pts90k>,
    /// And as it was when the first playlist came to its discontinuity.
    waiting_since: Option<Pts90k>,
}

/// One playlist.
#[derive(Debug, Default)]
struct Part {
    /// `None`: not known yet.
    tracks: Option<Vec<Track>>,
    /// Where they stand among the programme's.
    range: Range<usize>,
    /// Its next units may begin anew.
    marked: bool,
    /// The tracks that come with these.
    coming: Option<Vec<Track>>,
    /// Units of another beginning, held until all are there.
    held: Vec<Unit>,
    /// It did not come to its discontinuity when the others did: what it has is of before.
    stale: bool,
    over: bool,
}

impl Part {
    /// Whether it is known what it has, so that all may begin.
    fn known(&self) -> bool {
        !self.held.is_empty() || self.over || self.coming.as_ref().is_some_and(Vec::is_empty)
    }
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The next item of this playlist must be taken.
    Take(usize),
    /// Another beginning follows.
    Discontinuity,
    /// All is written.
    Over,
}

impl Join {
    /// Of so many playlists, the pictures' first.
    pub fn new(parts: usize) -> Self {
        let parts = (0..parts).map(|_| Part::default()).collect();
        Self { parts, queue: Queue::new(0), muxer: None, last: None, waiting_since: None }
    }

    /// Takes what came out of a playlist.
    pub fn take(&mut self, index: usize, item: Item) {
        let Some(part) = self.parts.get_mut(index) else { return };
        match item {
            Item::Discontinuity { .. } => part.marked = true,
            Item::Tracks(tracks) => {
                if part.coming.as_ref().or(part.tracks.as_ref()) != Some(&tracks) {
                    part.coming = Some(tracks);
                }
            }
            Item::SegmentOver => self.queue.segment_over(part.range.clone()),
            Item::Units(units) => self.units(index, units),
            Item::Pass(_) => {}
        }
    }

    /// Something else follows: writes all that is there, and knows nothing again.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        while let Some(unit) = self.queue.pop_any() {
            self.put(unit, out);
        }
        *self = Self::new(self.parts.len());
    }

    /// Nothing more will come of a playlist.
    pub fn over(&mut self, index: usize) {
        if let Some(part) = self.parts.get_mut(index) {
            part.over = true;
            self.queue.over(part.range.clone());
        }
    }

    /// Writes what is certain, and says what is to be done then.
    pub fn write(&mut self, out: &mut Vec<u8>) -> Step {
        if self.muxer.is_none() {
            match self.parts.iter().position(|part| !part.known()) {
                Some(unknown) => return Step::Take(unknown),
                None if self.parts.iter().all(|part| part.held.is_empty()) => return self.rest(),
                None => self.begin(),
            }
        }
        loop {
            if let Some(step) = self.align() {
                return step;
            }
            let Some(unit) = self.queue.pop() else { break };
            self.put(unit, out);
            if self.patience_is_over() {
                break;
            }
        }
        let begins = self.parts.iter().any(|part| !part.held.is_empty());
        if begins && (self.patience_is_over() || self.parts.iter().all(|part| part.over || !part.held.is_empty())) {
            while let Some(unit) = self.queue.pop_any() {
                self.put(unit, out);
            }
            self.begin();
            return Step::Discontinuity;
        }
        self.rest()
    }

    /// Which playlist is waited for.
    fn rest(&self) -> Step {
        let takes = |part: &Part| !part.over && part.held.is_empty();
        let missing = self.queue.missing().and_then(|track| self.parts.iter().position(|part| part.range.contains(&track)));
        let wanted = missing.filter(|index| self.parts.get(*index).is_some_and(takes));
        // Nobody waits for what is of before, but its end must be found.
        let stale = self.parts.iter().position(|part| takes(part) && part.stale);
        stale.or(wanted).or_else(|| self.parts.iter().position(takes)).map_or(Step::Over, Step::Take)
    }

    fn units(&mut self, index: usize, units: Vec<Unit>) {
        let forward = if self.parts.len() > 1 { FORWARD_FILLED_90K } else { FORWARD_90K };
        let (Some(part), Some(first)) = (self.parts.get_mut(index), units.first().map(|unit| unit.dts)) else { return };
        if !part.held.is_empty() {
            part.held.extend(units);
            return;
        }
        let here = self.last.or(self.queue.first_of_all());
        let near = here.is_some_and(|here| (BACK_90K..=forward).contains(&first.since(here)));
        if part.tracks.is_none() || part.coming.is_some() || (part.marked && !near && self.muxer.is_some()) {
            // It takes no further part in what is there.
            self.queue.over(part.range.clone());
            self.waiting_since = self.waiting_since.or(self.last);
            part.held = units;
            return;
        }
        if part.stale && !near {
            return;
        }
        (part.marked, part.stale) = (false, false);
        let base = part.range.start;
        units.into_iter().for_each(|unit| self.queue.push(Unit { track: base + unit.track, ..unit }));
    }

    /// Begins, or begins anew, with what is held.
    fn begin(&mut self) {
        let mut all = Vec::new();
        for part in &mut self.parts {
            if let Some(tracks) = part.coming.take() {
                part.tracks = Some(tracks);
            }
            let tracks = part.tracks.as_deref().unwrap_or_default();
            part.range = all.len()..all.len() + tracks.len();
            all.extend_from_slice(tracks);
        }
        self.queue = Queue::new(all.len());
        self.muxer = Some(Muxer::new(&all));
        (self.last, self.waiting_since) = (None, None);
        for part in &mut self.parts {
            // One that has nothing of this beginning is not waited for.
            part.stale = part.held.is_empty() && !part.range.is_empty();
            part.marked = false;
            let over = part.stale || part.over;
            let base = part.range.start;
            part.held.drain(..).for_each(|unit| self.queue.push(Unit { track: base + unit.track, ..unit }));
            if over {
                self.queue.over(part.range.clone());
            }
        }
    }

    /// Before the first unit: leaves out sound that is too early. Gives what is missing for that.
    fn align(&mut self) -> Option<Step> {
        let [pictures, sound] = self.parts.as_slice() else { return None };
        let absent = |part: &Part| part.stale || part.over || part.range.is_empty();
        if self.last.is_some() || absent(pictures) || absent(sound) {
            return None;
        }
        let Some(begins) = self.queue.first(pictures.range.clone()) else { return Some(Step::Take(0)) };
        loop {
            let Some(first) = self.queue.first(sound.range.clone()) else { return Some(Step::Take(1)) };
            if first.since(begins) >= -EARLY_90K {
                return None;
            }
            self.queue.pop_of(sound.range.clone());
        }
    }

    fn put(&mut self, unit: Unit, out: &mut Vec<u8>) {
        self.last = Some(self.last.map_or(unit.dts, |last| if unit.dts.since(last) > 0 { unit.dts } else { last }));
        let unit = Unit { pts: unit.pts.plus(OFFSET_90K), dts: unit.dts.plus(OFFSET_90K), ..unit };
        if let Some(muxer) = &mut self.muxer {
            muxer.write(&unit, out);
        }
    }

    fn patience_is_over(&self) -> bool {
        let spent = self.waiting_since.zip(self.last).map(|(since, last)| last.since(since));
        spent.is_some_and(|spent| spent > PATIENCE_90K)
    }
}

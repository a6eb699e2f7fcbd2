//! Units of several tracks, put into the order of their decoding times (13818-1 asks for no order, but every receiver's buffers
//! do).
//!
//! A unit is given as soon as none that comes before it can follow: when every track that is alive has one waiting.

use std::collections::VecDeque;
use std::ops::Range;

use super::Unit;
use crate::ts::time::Pts90k;

/// So many bytes may wait …
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// … and so much of a track: 30 s. Beyond that units are given without waiting for the others.
const LONGEST_90K: i64 = 30 * 90_000;

/// The units that wait.
#[derive(Debug)]
pub struct Queue {
    tracks: Vec<Waiting>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    units: VecDeque<Unit>,
    /// Came since its segment began.
    seen: bool,
    /// Gave nothing in a whole segment: is not waited for until it does.
    idle: bool,
}

impl Queue {
    /// For so many tracks.
    pub fn new(tracks: usize) -> Self {
        Self { tracks: (0..tracks).map(|_| Waiting::default()).collect(), bytes: 0 }
    }

    /// Takes a unit. Those of a track come in their order.
    pub fn push(&mut self, unit: Unit) {
        if let Some(track) = self.tracks.get_mut(unit.track) {
            (track.seen, track.idle) = (true, false);
            self.bytes += unit.data.len();
            track.units.push_back(unit);
        }
    }

    /// The segment that these tracks come from is over: those that it had nothing of are not waited for any longer.
    pub fn segment_over(&mut self, tracks: Range<usize>) {
        for track in self.tracks.get_mut(tracks).unwrap_or_default() {
            track.idle = !std::mem::take(&mut track.seen);
        }
    }

    /// No more will come of these tracks.
    pub fn over(&mut self, tracks: Range<usize>) {
        self.tracks.get_mut(tracks).unwrap_or_default().iter_mut().for_each(|track| track.idle = true);
    }

    /// The track that is waited for.
    pub fn missing(&self) -> Option<usize> {
        self.tracks.iter().position(|track| track.units.is_empty() && !track.idle)
    }

    /// Decoding time of the first unit that waits.
    pub fn first_of_all(&self) -> Option<Pts90k> {
        self.first(0..self.tracks.len())
    }

    /// Decoding time of the first unit that waits on these tracks.
    pub fn first(&self, tracks: Range<usize>) -> Option<Pts90k> {
        let fronts = self.tracks.get(tracks).unwrap_or_default().iter().filter_map(|track| Some(track.units.front()?.dts));
        fronts.reduce(|first, other| if other.since(first) < 0 { other } else { first })
    }

    /// The next unit, if it is certain by now.
    pub fn pop(&mut self) -> Option<Unit> {
        let full = self.bytes > MOST_BYTES || self.tracks.iter().any(Waiting::too_long);
        if !full && self.missing().is_some() {
            return None;
        }
        self.pop_any()
    }

    /// The next unit of those that are there.
    pub fn pop_any(&mut self) -> Option<Unit> {
        self.pop_of(0..self.tracks.len())
    }

    /// The next unit of those that are there of these tracks.
    pub fn pop_of(&mut self, tracks: Range<usize>) -> Option<Unit> {
        let first = self.first(tracks.clone())?;
        let mut tracks = self.tracks.get_mut(tracks)?.iter_mut();
        let track = tracks.find(|track| track.units.front().is_some_and(|unit| unit.dts == first))?;
        let unit = track.units.pop_front()?;
        self.bytes -= unit.data.len();
        Some(unit)
    }
}

impl Waiting {
    fn too_long(&self) -> bool {
        let ends = self.units.front().zip(self.units.back());
        ends.is_some_and(|(first, last)| last.dts.since(first.dts) > LONGEST_90K)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(track: usize, dts: u64) -> Unit {
        Unit { track, pts: Pts90k(dts), dts: Pts90k(dts), random_access: false, data: vec![0; 10] }
    }

    fn all(queue: &mut Queue) -> Vec<(usize, u64)> {
        std::iter::from_fn(|| queue.pop()).map(|unit| (unit.track, unit.dts.0)).collect()
    }

    proptest! {
        #[test]
        fn whatever_comes_first_the_order_is_that_of_time(
            steps in proptest::collection::vec((any::<bool>(), 1u64..5000), 1..200), start in 0..1u64 << 33,
        ) {
            let mut queue = Queue::new(2);
            let (mut times, mut out) = ([0u64; 2], Vec::new());
            for (second, step) in &steps {
                let track = usize::from(*second);
                times[track] += step;
                queue.push(unit(track, Pts90k(start).plus(times[track]).0));
                out.extend(std::iter::from_fn(|| queue.pop()));
            }
            queue.over(0..2);
            out.extend(std::iter::from_fn(|| queue.pop()));
            prop_assert_eq!(out.len(), steps.len());
            prop_assert!(out.windows(2).all(|pair| pair[1].dts.since(pair[0].dts) >= 0));
            prop_assert_eq!(queue.bytes, 0);
        }
    }

    #[test]
    fn a_track_that_gives_nothing_is_waited_for_one_segment_long() {
        let mut queue = Queue::new(2);
        queue.push(unit(0, 100));
        queue.push(unit(0, 200));
        assert_eq!((all(&mut queue), queue.missing()), (vec![], Some(1)));
        queue.segment_over(0..2);
        assert_eq!(all(&mut queue), [(0, 100), (0, 200)]);
        // It comes after all.
        queue.push(unit(1, 300));
        queue.push(unit(0, 310));
        assert_eq!(all(&mut queue), [(1, 300)]);
        assert_eq!(queue.missing(), Some(1));
    }

    #[test]
    fn waiting_has_its_limits() {
        let mut queue = Queue::new(2);
        queue.push(unit(0, 0));
        queue.push(unit(0, LONGEST_90K as u64 + 1));
        assert_eq!(all(&mut queue), [(0, 0)]);
        queue.push(Unit { data: vec![0; MOST_BYTES], ..unit(0, LONGEST_90K as u64 + 2) });
        assert_eq!(all(&mut queue).len(), 1, "by bytes, until they are few enough");
        assert_eq!(queue.first(0..2), Some(Pts90k(LONGEST_90K as u64 + 2)));
    }
}

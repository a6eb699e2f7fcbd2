//! A channel's guide without holes and overlaps. Plex drops channels that have no programme for a time, and shows odd grids where
//! programmes overlap. Pure, and in constant memory.
//!
//! Placeholders are cut at every second hour of UTC, not at the edges of the window and not relative to anything else: the same
//! placeholder has the same start and stop in each rendering, and with that the same id. Only where a gap itself begins and ends
//! they follow it.

use std::iter::Peekable;
use std::ops::Range;

use crate::model::Programme;
use crate::model::programme::Text;

/// Length of a placeholder, and the raster it lies on.
const BLOCK_S: i64 = 2 * 3600;
/// Gaps up to this are closed: guides round, and nobody needs a row for a minute.
const TOLERANCE_S: i64 = 60;
/// A programme without an end lasts until the next one begins, if that is within this time …
const LONGEST_OPEN_S: i64 = 6 * 3600;
/// … else nobody knows, and it gets the most common length.
const USUAL_S: i64 = 3600;

/// When a programme ends, given when the next one begins (later than this one). Later than its own start.
pub(super) fn end(programme: &Programme, next_s: Option<i64>) -> i64 {
    let start_s = programme.start_s;
    let next_s = next_s.filter(|next_s| *next_s > start_s);
    let stop_s = programme.stop_s.filter(|stop_s| *stop_s > start_s);
    let stop_s = stop_s.unwrap_or_else(|| match next_s {
        Some(next_s) if next_s.saturating_sub(start_s) <= LONGEST_OPEN_S => next_s,
        _ => start_s.saturating_add(USUAL_S),
    });
    next_s.map_or(stop_s, |next_s| stop_s.min(next_s))
}

/// Fills the guide of a channel called `name` from `window.start` until `window.end` (seconds since 1970), so that each moment of it
/// is in exactly one programme. `programmes` are sorted by their start; what comes before the window may be left out, but should be
/// given as far as a placeholder may reach into it (two hours).
///
/// The start of a programme is never changed. Where two overlap, the later one cuts the other short; of those that begin together
/// the first is taken; one that begins before the one ahead of it is left out. Programmes that reach over an edge of the window, and
/// placeholders too, are given whole.
pub fn fill<I>(programmes: I, window: Range<i64>, name: &str) -> Fill<I::IntoIter>
where
    I: IntoIterator<Item = Programme>,
{
    Fill { programmes: programmes.into_iter().peekable(), window, name: name.to_owned(), over_s: None, gap: None, held: None }
}

/// [`fill`] for programmes in any order.
pub fn fill_unsorted(mut programmes: Vec<Programme>, window: Range<i64>, name: &str) -> Fill<std::vec::IntoIter<Programme>> {
    programmes.sort_by_key(|programme| programme.start_s);
    fill(programmes, window, name)
}

/// The programmes of [`fill`].
#[derive(Debug)]
pub struct Fill<I: Iterator<Item = Programme>> {
    programmes: Peekable<I>,
    window: Range<i64>,
    name: String,
    /// When the last programme that was seen ends.
    over_s: Option<i64>,
    /// What is left of the gap that is being filled: from its next placeholder until what follows it, if anything does.
    gap: Option<(i64, Option<i64>)>,
    /// What comes behind that gap.
    held: Option<Programme>,
}

impl<I: Iterator<Item = Programme>> Iterator for Fill<I> {
    type Item = Programme;

    fn next(&mut self) -> Option<Programme> {
        loop {
            if let Some(placeholder) = self.placeholder() {
                return Some(placeholder);
            }
            if let Some(programme) = self.held.take() {
                return Some(programme);
            }
            self.advance()?;
        }
    }
}

impl<I: Iterator<Item = Programme>> Fill<I> {
    /// Takes the next programme, with the gap in front of it; `None`: the window is full.
    fn advance(&mut self) -> Option<()> {
        let full = self.window.is_empty() || self.over_s.is_some_and(|over_s| over_s >= self.window.end);
        if full {
            return None;
        }
        let taken = self.programmes.next();
        let behind_s = taken.as_ref().map(|programme| programme.start_s);
        let Some(mut programme) = taken.filter(|programme| programme.start_s < self.window.end) else {
            // The last gap. What begins behind the window still ends it: a later window will show it there.
            self.gap = Some((self.gap_start(behind_s), behind_s));
            self.over_s = Some(i64::MAX);
            return Some(());
        };
        let next_s = self.look_ahead(programme.start_s);
        let stop_s = close(end(&programme, next_s), next_s, self.window.end);
        programme.stop_s = Some(stop_s);
        if stop_s > self.window.start {
            let start_s = programme.start_s;
            if self.over_s.is_none_or(|over_s| over_s < start_s) && start_s > self.window.start {
                self.gap = Some((self.gap_start(Some(start_s)), Some(start_s)));
            }
            self.held = Some(programme);
        }
        self.over_s = Some(stop_s);
        Some(())
    }

    /// When the next one begins that begins later than `start_s`.
    fn look_ahead(&mut self, start_s: i64) -> Option<i64> {
        while self.programmes.next_if(|next| next.start_s <= start_s).is_some() {}
        self.programmes.peek().map(|next| next.start_s)
    }

    /// Where the first placeholder begins that is of use: where the gap does, or else the last raster point before the window; and before
    /// the next programme.
    fn gap_start(&self, next_s: Option<i64>) -> i64 {
        let raster_s = |time_s: i64| time_s.saturating_sub(time_s.rem_euclid(BLOCK_S));
        let from_s = self.window.start.max(self.over_s.unwrap_or(i64::MIN));
        // A last block that is stretched to the next programme begins one raster point earlier.
        let mut start_s = raster_s(from_s);
        if next_s.is_some_and(|next_s| next_s.saturating_sub(start_s) <= TOLERANCE_S) {
            start_s = start_s.saturating_sub(BLOCK_S);
        }
        self.over_s.map_or(start_s, |over_s| start_s.max(over_s))
    }

    /// The next block of the gap.
    fn placeholder(&mut self) -> Option<Programme> {
        let (start_s, until_s) = self.gap.take()?;
        if start_s >= until_s.unwrap_or(i64::MAX).min(self.window.end) {
            return None;
        }
        let raster_s = start_s.saturating_sub(start_s.rem_euclid(BLOCK_S)).saturating_add(BLOCK_S);
        let stop_s = match until_s {
            Some(until_s) if until_s.saturating_sub(raster_s) <= TOLERANCE_S => until_s,
            _ => raster_s,
        };
        self.gap = Some((stop_s, until_s));
        let titles = vec![Text { text: self.name.clone(), lang: None }];
        Some(Programme { start_s, stop_s: Some(stop_s), titles, ..Programme::default() })
    }
}

/// Moves an end at `stop_s` on over what is not worth a row: until the next programme, or until the next raster point, where the first
/// whole placeholder begins.
fn close(stop_s: i64, next_s: Option<i64>, window_end_s: i64) -> i64 {
    let near = |time_s: i64, next_s: i64| next_s.saturating_sub(time_s) <= TOLERANCE_S;
    if stop_s >= window_end_s {
        return stop_s;
    }
    if let Some(next_s) = next_s.filter(|next_s| near(stop_s, *next_s)) {
        return next_s;
    }
    let raster_s = stop_s.saturating_add((BLOCK_S - stop_s.rem_euclid(BLOCK_S)) % BLOCK_S);
    match next_s {
        _ if !near(stop_s, raster_s) => stop_s,
        Some(next_s) if near(raster_s, next_s) => next_s,
        _ => raster_s,
    }
}

#[cfg(test)]
mod tests;

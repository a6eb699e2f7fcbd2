//! Which segment is next, over all reloads of a media playlist; and when to reload it (RFC 8216, 6.3.3 and 6.3.4).
//!
//! Pure. Servers restart their numbers, forget to count at all, or answer with an older copy; what has been played is known
//! by its address as well.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use super::playlist::{Media, Range, Segment};

/// Target durations between the first segment played and the live edge (RFC 8216, 6.3.3).
const BEHIND: u32 = 3;
/// Answers that are older than what is known, before the numbers are taken to have been restarted.
const STALE: u32 = 3;
/// Addresses of the last answer that are remembered.
const REMEMBERED: usize = 64;
/// Bounds of the time between reloads.
const RELOAD: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(30));

/// What tells one segment from another.
type Name = (String, Option<Range>);

/// A segment to be played.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// The segment.
    pub segment: Segment,
    /// It does not go on where the last one ended.
    pub discontinuity: bool,
}

/// The order of play of one media playlist.
#[derive(Debug, Default)]
pub struct Timeline {
    queue: VecDeque<Segment>,
    /// Number of the next segment to be queued; `None` before the first answer with segments.
    next: Option<u64>,
    /// Number of the segment last handed out.
    played: Option<u64>,
    /// The next segment begins anew.
    broken: bool,
    /// First number and names of the last answer.
    window: (u64, VecDeque<Name>),
    stale: u32,
    ended: bool,
}

/// What an answer brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Segments, or the end.
    Changed,
    /// Nothing.
    Unchanged,
    /// Segments, but some were missed, or the numbers were started anew.
    Jumped,
}

impl Timeline {
    /// Takes the playlist as it is now.
    pub fn update(&mut self, media: &Media) -> News {
        let ended = media.ended && !self.ended;
        self.ended = media.ended;
        let Some(first) = media.segments.first().map(|segment| segment.sequence) else {
            return if ended { News::Changed } else { News::Unchanged };
        };
        let after = first + media.segments.len() as u64;
        let Some(next) = self.next else {
            self.start(media);
            return News::Changed;
        };
        let jumped = match self.renumbered(media, first, after, next) {
            Numbers::Same => self.fell_behind(media, first, next),
            Numbers::Older => return News::Unchanged,
            Numbers::Shifted(by) => {
                self.shift(by);
                false
            }
            Numbers::Anew => {
                self.queue.clear();
                self.played = None;
                self.start(media);
                self.broken = true;
                true
            }
        };
        self.remember(media, first);
        let known = self.next.unwrap_or(first);
        self.queue.extend(media.segments.iter().filter(|segment| segment.sequence >= known).cloned());
        self.next = Some(after.max(known));
        match (jumped, after > known || ended) {
            (true, _) => News::Jumped,
            (false, true) => News::Changed,
            (false, false) => News::Unchanged,
        }
    }

    /// The next segment to be played, if it is known by now.
    pub fn pop(&mut self) -> Option<Due> {
        loop {
            let segment = self.queue.pop_front()?;
            let follows = self.played.is_none_or(|played| segment.sequence == played + 1);
            self.played = Some(segment.sequence);
            self.broken |= segment.discontinuity || !follows;
            if segment.gap {
                self.broken = true;
                continue;
            }
            return Some(Due { segment, discontinuity: std::mem::take(&mut self.broken) });
        }
    }

    /// The segment that was handed out last could not be played: what follows does not go on there.
    pub fn skipped(&mut self) {
        self.broken = true;
    }

    /// Nothing is left and nothing will follow.
    pub fn finished(&self) -> bool {
        self.ended && self.queue.is_empty()
    }

    /// Nothing will follow what is known: there is no reason to reload.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Live: the segment that begins three target durations before the edge. Complete: the first one.
    fn start(&mut self, media: &Media) {
        let first = media.segments.first().map_or(0, |segment| segment.sequence);
        let start = if media.ended { 0 } else { live_start(media) };
        self.next = Some(first + start as u64);
        self.queue.extend(media.segments.iter().skip(start).cloned());
        self.next = Some(first + media.segments.len() as u64);
        self.remember(media, first);
        self.stale = 0;
        // The first of all begins nothing anew, whatever stands before it.
        if let Some(segment) = self.queue.front_mut() {
            segment.discontinuity = false;
        }
    }

    fn fell_behind(&mut self, media: &Media, first: u64, next: u64) -> bool {
        self.stale = 0;
        if first <= next {
            return false;
        }
        // What is queued but no longer listed may still be there; what was never listed is lost.
        let at = media.segments.get(live_start(media)).map_or(first, |segment| segment.sequence);
        self.next = Some(at);
        self.broken = self.broken || self.queue.is_empty();
        true
    }

    fn shift(&mut self, by: i128) {
        let shift = |number: u64| u64::try_from(i128::from(number) + by).unwrap_or(0);
        self.next = self.next.map(shift);
        self.played = self.played.map(shift);
        for segment in &mut self.queue {
            segment.sequence = shift(segment.sequence);
        }
        self.stale = 0;
    }

    fn renumbered(&mut self, media: &Media, first: u64, after: u64, next: u64) -> Numbers {
        let (known_first, known) = &self.window;
        if first > *known_first {
            return Numbers::Same;
        }
        let names = || media.segments.iter().zip(first..).map(|(segment, number)| (number, name(segment)));
        let shift = names().find_map(|(number, name)| {
            let index = known.iter().position(|known| *known == name)?;
            Some(i128::from(number) - i128::from(*known_first + index as u64))
        });
        match shift {
            Some(0) if after >= next => Numbers::Same,
            Some(0) => self.older(),
            Some(by) => Numbers::Shifted(by),
            // All addresses are new: with tokens in their paths they always are, so the numbers are believed if they can be.
            None if first == *known_first && after >= next => Numbers::Same,
            None if after + (media.segments.len() as u64) < next => Numbers::Anew,
            None => self.older(),
        }
    }

    fn older(&mut self) -> Numbers {
        self.stale += 1;
        if self.stale >= STALE { Numbers::Anew } else { Numbers::Older }
    }

    fn remember(&mut self, media: &Media, first: u64) {
        let skip = media.segments.len().saturating_sub(REMEMBERED);
        self.window = (first + skip as u64, media.segments.iter().skip(skip).map(name).collect());
    }
}

/// How the numbers of an answer relate to those known.
enum Numbers {
    Same,
    Older,
    Shifted(i128),
    Anew,
}

fn name(segment: &Segment) -> Name {
    (segment.url.path().to_owned(), segment.range)
}

/// Index of the segment to start with.
fn live_start(media: &Media) -> usize {
    let wanted = media.target * BEHIND;
    let mut behind = Duration::ZERO;
    for (index, segment) in media.segments.iter().enumerate().rev() {
        behind += segment.duration;
        if behind >= wanted {
            return index;
        }
    }
    0
}

/// How long after the last reload began the next one may: a target duration after an answer with something new, half of that
/// after one without (RFC 8216, 6.3.4).
pub fn reload_after(news: News, target: Duration) -> Duration {
    let wait = if news == News::Unchanged { target / 2 } else { target };
    wait.clamp(RELOAD.0, RELOAD.1)
}

/// How long after a failure: longer each time, at most a target duration.
pub fn retry_after(failures: u32, target: Duration) -> Duration {
    (Duration::from_millis(250) * 2u32.saturating_pow(failures.min(8))).min(target).clamp(RELOAD.0, RELOAD.1)
}

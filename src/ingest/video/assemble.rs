//! Access units out of NAL units that come in decoding order (RFC 6184, 5.1 and H.264, 7.4.1.2.3; RFC 7798, 4.1 and HEVC,
//! 7.4.2.4.4).
//!
//! A unit ends with the marker of its last packet, when the time stamp changes, at a delimiter or at the first slice of another
//! picture, or when nothing more came for a while. Markers are not believed where no slice came before them (cameras that mark
//! SEI or parameter sets), in the middle of a NAL unit, and from then on that slices followed one with the same time (cameras that
//! mark every packet). A change of the time stamp is not believed before the first slice: parameter sets go with their picture.
//!
//! What is not whole yet is written into one buffer, which leaves with the unit.

mod write;

use crate::base::clock::Instant;
use crate::model::Codec;
use crate::ts::mux::nal::{START_CODE, delimiter};

use super::gate::{Facts, Gate};
use super::nal::{Nal, Part};
use super::parameters::ParameterSets;
use super::{AccessUnit, Output, Settings, Stats, Step};
use write::Writing;

/// How much is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hole {
    /// The rest of the NAL unit that is being written, and nothing else.
    Rest,
    /// One packet.
    One,
    /// More, or nobody knows.
    Many,
}

/// Why an access unit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Marker,
    NextUnit,
    /// Nothing more came.
    Silence,
}

/// The access unit that ended last.
#[derive(Debug, Clone, Copy)]
struct Ended {
    facts: Facts,
    by: End,
    /// It has gone out.
    given: bool,
}

/// The access unit that is being written.
#[derive(Debug, Clone, Copy, Default)]
struct Unit {
    facts: Facts,
    /// Slices have come, and so many of them are first ones.
    pictures: Option<u8>,
    /// Whole slices.
    slices: usize,
    recovery_point: bool,
    sequence_parameters: bool,
    /// Behind its delimiter.
    head: usize,
    /// From here on lie NAL units behind a picture that may belong to the next one.
    next: Option<usize>,
}

/// Assembles the access units of one stream.
#[derive(Debug)]
pub struct Assembler {
    codec: Codec,
    settings: Settings,
    data: Vec<u8>,
    unit: Option<Unit>,
    writing: Option<Writing>,
    hole: Option<Hole>,
    /// When something was last written.
    heard: Option<Instant>,
    ended: Option<Ended>,
    markers_lie: bool,
    /// Units end with markers in this stream: one that does not lacks its end.
    marked: bool,
    /// The number of the unit at hand, from 1 on.
    number: u64,
    highest_temporal_id: u8,
    gate: Gate,
    scratch: Vec<u8>,
    /// The sets of the stream.
    pub parameters: ParameterSets,
    /// The counters.
    pub stats: Stats,
}

impl Assembler {
    /// For H.264 or HEVC.
    pub fn new(codec: Codec, settings: Settings) -> Self {
        Self {
            codec,
            settings,
            data: Vec::new(),
            unit: None,
            writing: None,
            hole: None,
            heard: None,
            ended: None,
            markers_lie: false,
            marked: false,
            number: 1,
            highest_temporal_id: 0,
            gate: Gate::new(settings.on_hole, settings.patience),
            scratch: Vec::new(),
            parameters: ParameterSets::new(codec),
            stats: Stats::default(),
        }
    }

    /// A whole NAL unit, in two pieces: its header and the rest.
    pub(super) fn nal(&mut self, header: &[u8], rest: &[u8], step: &mut Step<'_>) {
        self.begin(header, rest, step);
        self.finish(step);
    }

    /// The first bytes of a NAL unit: its header, and at least one more of a slice.
    pub(super) fn begin(&mut self, header: &[u8], rest: &[u8], step: &mut Step<'_>) {
        self.abandon();
        let Some(nal) = Nal::of(self.codec, header, rest.first().copied()) else {
            self.stats.malformed += 1;
            // Types that nobody specified are nobody's loss.
            if rest.is_empty() || header.first().is_some_and(|first| first & 0x80 != 0) {
                self.hole = Some(Hole::Many);
            }
            return;
        };
        if nal.part == Part::Filler {
            return;
        }
        let begun = self.unit.is_some();
        let mut unit = self.place(nal, false, step);
        // A delimiter is the first of its unit and the only one.
        if nal.part == Part::Delimiter && begun && self.unit.is_some() {
            self.unit = Some(unit);
            return;
        }
        if self.data.is_empty() && nal.part != Part::Delimiter && !unit.facts.continues {
            self.data.extend_from_slice(&START_CODE);
            self.data.extend_from_slice(delimiter(self.codec));
            unit.head = self.data.len();
        }
        let first_slice = nal.part == Part::Slice && unit.pictures.is_none();
        self.account(nal, &mut unit);
        self.unit = Some(unit);
        self.writing = Some(Writing { at: self.data.len(), part: nal.part, ignored: false });
        self.write(&[&START_CODE, header, rest]);
        self.heard = Some(step.now);
        if first_slice {
            self.begin_at(nal, step);
        }
    }

    /// Something is missing in front of what comes next.
    pub fn hole(&mut self, hole: Hole) {
        let writing = self.writing.is_some();
        self.abandon();
        if hole != Hole::Rest || !writing {
            self.hole = if self.hole.is_some() || hole == Hole::Rest { Some(Hole::Many) } else { Some(hole) };
        }
    }

    /// Something has come for the unit at hand that is of no use.
    pub fn touch(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// Fragments of a NAL unit with this header come, and its beginning is missing.
    pub(super) fn orphan(&mut self, header: &[u8], step: &mut Step<'_>) {
        let Some(nal) = Nal::of(self.codec, header, Some(0)) else { return };
        self.hole.get_or_insert(Hole::Many);
        let mut unit = self.place(nal, true, step);
        unit.facts.damaged = true;
        self.account(nal, &mut unit);
        self.unit = Some(unit);
        self.heard = Some(step.now);
    }

    /// Finds the access unit of a NAL unit; the one before may end with that.
    fn place(&mut self, nal: Nal, orphan: bool, step: &mut Step<'_>) -> Unit {
        let hole = self.hole.take();
        // One packet was lost, and it is known which one: it was a fragment of what comes now.
        let elsewhere = hole.is_some() && !(orphan && hole == Some(Hole::One));
        let Some(mut unit) = self.unit else {
            if elsewhere {
                self.gate.lost(step.now);
            }
            return self.open(nal, hole.is_some(), step);
        };
        if unit.pictures.is_none() && !unit.facts.continues {
            unit.facts.timestamp = step.timestamp;
            unit.facts.damaged |= nal.part == Part::Slice && !nal.first;
            if elsewhere {
                self.gate.lost(step.now);
            }
            return unit;
        }
        let second_field = unit.pictures == Some(1) && self.parameters.reordering().is_some_and(|order| order.fields);
        let ends = step.timestamp != unit.facts.timestamp || nal.part == Part::Delimiter || nal.first && !second_field;
        if !ends {
            unit.facts.damaged |= hole.is_some();
            if nal.may_begin() {
                unit.next.get_or_insert(self.data.len());
            } else {
                unit.next = None;
            }
            return unit;
        }
        unit.facts.damaged |= elsewhere;
        self.unit = Some(unit);
        self.close(End::NextUnit, step);
        if elsewhere {
            self.gate.lost(step.now);
        }
        // What was behind its picture has begun the next one already.
        let begun = self.unit.map(|mut unit| {
            unit.facts.damaged |= nal.part == Part::Slice && !nal.first;
            unit
        });
        begun.unwrap_or_else(|| self.open(nal, hole.is_some(), step))
    }

    fn open(&mut self, nal: Nal, hole: bool, step: &Step<'_>) -> Unit {
        let goes_on = !nal.first && !nal.may_begin();
        let ended = self.ended.filter(|ended| goes_on && ended.facts.timestamp == step.timestamp);
        let slice = nal.part == Part::Slice;
        let continues = ended.is_some_and(|ended| ended.given || !slice);
        if slice && !hole && ended.is_some_and(|ended| ended.by == End::Marker) {
            (self.markers_lie, self.marked) = (true, false);
            self.stats.false_markers += 1;
        }
        let damaged = match ended {
            Some(ended) if continues => ended.facts.damaged || hole,
            _ => slice && !nal.first,
        };
        Unit { facts: Facts { timestamp: step.timestamp, continues, damaged, ..Facts::default() }, ..Unit::default() }
    }

    /// What the header of a NAL unit says of its access unit.
    fn account(&mut self, nal: Nal, unit: &mut Unit) {
        if nal.part != Part::Slice {
            return;
        }
        self.highest_temporal_id = self.highest_temporal_id.max(nal.temporal_id);
        unit.pictures = Some(unit.pictures.unwrap_or(0).saturating_add(u8::from(nal.first)));
        unit.facts.reference |= nal.reference || nal.temporal_id < self.highest_temporal_id;
        unit.facts.skipped |= nal.skipped;
        unit.facts.closed |= nal.closed;
    }

    /// A packet with a marker is over.
    pub(super) fn marker(&mut self, step: &mut Step<'_>) {
        let Some(unit) = &mut self.unit else { return };
        let ends = unit.pictures.is_some() && unit.facts.timestamp == step.timestamp;
        if ends && self.writing.is_none() && !self.markers_lie {
            unit.next = None;
            self.marked = true;
            self.close(End::Marker, step);
        }
    }

    /// When [`Self::expire`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let waits = self.unit.is_some_and(|unit| unit.pictures.is_some() || unit.facts.continues);
        self.heard.filter(|_| waits).and_then(|heard| heard.checked_add(self.settings.assembly_timeout))
    }

    /// Ends a unit to which nothing came for too long, and says whether it did.
    pub fn expire(&mut self, now: Instant, out: &mut Output) -> bool {
        let Some(unit) = self.unit.filter(|_| self.deadline().is_some_and(|deadline| now >= deadline)) else { return false };
        self.abandon();
        self.stats.timeouts += 1;
        self.close(End::Silence, &mut Step { timestamp: unit.facts.timestamp, now, out });
        true
    }

    /// The stream is over. What has no picture is of no use any more.
    pub fn flush(&mut self, now: Instant, out: &mut Output) {
        self.abandon();
        if let Some(unit) = self.unit.filter(|unit| unit.pictures.is_some() || unit.facts.continues) {
            self.close(End::Silence, &mut Step { timestamp: unit.facts.timestamp, now, out });
        }
        self.unit = None;
        self.data.clear();
    }

    /// The unit at hand is over. What may belong to the next one begins that, with the time of `step`.
    fn close(&mut self, end: End, step: &mut Step<'_>) {
        let Some(mut unit) = self.unit.take() else { return };
        unit.facts.damaged |= end == End::Silence && (self.marked || self.hole.is_some());
        let mut next = std::mem::take(&mut self.scratch);
        next.clear();
        if let Some(at) = unit.next {
            next.extend_from_slice(self.data.get(at..).unwrap_or_default());
            self.data.truncate(at);
        }
        self.number += 1;
        self.stats.damaged += u64::from(unit.facts.damaged);
        let admitted = self.gate.admit(&unit.facts, step.now);
        // The end of a sequence, behind its picture.
        let appendix = unit.facts.continues && self.ended.is_some_and(|ended| ended.given) && !self.data.is_empty();
        let room = !step.out.is_full(self.settings);
        let given = admitted && room && (unit.slices > 0 || appendix);
        self.ended = Some(Ended { facts: unit.facts, by: end, given });
        if given {
            let data = std::mem::replace(&mut self.data, step.out.buffer());
            self.stats.units += 1;
            self.stats.random_access += u64::from(unit.facts.random_access);
            let Facts { timestamp, random_access, damaged, .. } = unit.facts;
            step.out.push(AccessUnit { timestamp, data, random_access, damaged });
        } else {
            self.stats.dropped += 1;
            self.data.clear();
        }
        if !room {
            self.gate.lost(step.now);
        }
        self.byte_stream(&next, step);
        self.keep_scratch(next);
    }

    /// Nothing is given until there is a unit to begin at.
    pub fn wants_random_access(&self) -> bool {
        self.gate.is_waiting()
    }

    /// Bytes that are kept.
    pub fn held_bytes(&self) -> usize {
        self.data.len()
    }
}

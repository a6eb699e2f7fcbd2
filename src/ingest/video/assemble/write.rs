//! The bytes of NAL units on their way into the buffer of an access unit: within its bound, or not at all.

use crate::base::clock::Instant;
use crate::codec::{h264, start_code};
use crate::model::Codec;

use super::{Assembler, Step};
use crate::ingest::video::LARGEST_SPARE;
use crate::ingest::video::nal::{self, Nal, Part, Set};
use crate::ts::mux::nal::START_CODE;

/// The NAL unit that is being written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writing {
    /// Where its start code is.
    pub at: usize,
    pub part: Part,
    /// Nothing of it is written any more.
    pub ignored: bool,
}

impl Assembler {
    /// More bytes of the NAL unit.
    pub(in crate::ingest::video) fn extend(&mut self, bytes: &[u8], now: Instant) {
        self.write(&[bytes]);
        self.heard = Some(now);
    }

    pub(super) fn write(&mut self, pieces: &[&[u8]]) {
        let Some(writing) = self.writing.as_mut().filter(|writing| !writing.ignored) else { return };
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if self.data.len().saturating_add(length) <= self.settings.max_frame_bytes {
            pieces.iter().for_each(|piece| self.data.extend_from_slice(piece));
            return;
        }
        writing.ignored = true;
        self.data.truncate(writing.at);
        self.stats.oversized += 1;
        if let Some(unit) = &mut self.unit {
            unit.facts.damaged = true;
        }
    }

    /// The NAL unit is whole.
    pub(in crate::ingest::video) fn finish(&mut self, step: &mut Step<'_>) {
        let Some(writing) = self.writing.take().filter(|writing| !writing.ignored) else { return };
        let from = writing.at + START_CODE.len();
        let split = start_code::find(self.data.get(from..).unwrap_or_default(), 0);
        if let Some(at) = split {
            // A byte stream where one NAL unit belongs, as some cameras send it.
            let mut rest = std::mem::take(&mut self.scratch);
            rest.clear();
            rest.extend_from_slice(self.data.get(from + at..).unwrap_or_default());
            self.data.truncate(from + at);
            self.note(writing, from);
            self.byte_stream(&rest, step);
            self.keep_scratch(rest);
        } else {
            self.note(writing, from);
        }
    }

    /// What a NAL unit that is whole means to its access unit.
    fn note(&mut self, writing: Writing, from: usize) {
        // Zeros behind the end are no part of it (H.264, 7.4.1).
        let shortest = from + nal::header_bytes(self.codec);
        while self.data.len() > shortest && self.data.last() == Some(&0) {
            self.data.pop();
        }
        let (bytes, Some(unit)) = (self.data.get(from..).unwrap_or_default(), &mut self.unit) else { return };
        match writing.part {
            Part::Parameters(set) => {
                self.parameters.keep(bytes, self.number);
                unit.sequence_parameters |= set == Set::Sequence;
            }
            Part::Sei => unit.recovery_point |= h264::has_sei(bytes, nal::header_bytes(self.codec), h264::RECOVERY_POINT),
            Part::Slice => unit.slices += 1,
            Part::Delimiter => unit.head = self.data.len(),
            _ => {}
        }
    }

    /// Takes what follows a start code, or several.
    pub(super) fn byte_stream(&mut self, stream: &[u8], step: &mut Step<'_>) {
        let mut rest = stream;
        while let Some(at) = start_code::find(rest, 0) {
            rest = rest.get(at + 3..).unwrap_or_default();
            let end = start_code::find(rest, 0).unwrap_or(rest.len());
            let nal = rest.get(..end).unwrap_or_default();
            if let Some((header, body)) = nal.split_at_checked(nal::header_bytes(self.codec)) {
                self.nal(header, body, step);
            }
        }
    }

    /// The NAL unit will not become whole.
    pub fn abandon(&mut self) {
        if let Some(writing) = self.writing.take().filter(|writing| !writing.ignored) {
            self.data.truncate(writing.at);
            if let Some(unit) = &mut self.unit {
                unit.facts.damaged = true;
            }
        }
    }

    /// The first slice of a unit is being written: whether decoding can begin here, and with which sets.
    pub(super) fn begin_at(&mut self, nal: Nal, step: &Step<'_>) {
        let (Some(unit), Some(writing)) = (&mut self.unit, &mut self.writing) else { return };
        if unit.facts.continues || writing.ignored || step.out.is_full(self.settings) {
            return;
        }
        let slice = self.data.get(writing.at + START_CODE.len()..).unwrap_or_default();
        // An I slice that is no IDR picture is believed with a second witness.
        let intra = || self.codec == Codec::H264 && unit.sequence_parameters && h264::is_intra_slice(slice) == Some(true);
        if !(nal.random_access || unit.recovery_point || intra()) {
            return;
        }
        unit.facts.random_access = self.parameters.complete();
        if !self.parameters.missing(self.number) {
            return;
        }
        self.scratch.clear();
        self.parameters.write(&mut self.scratch);
        let length = self.scratch.len();
        if self.data.len().saturating_add(length) > self.settings.max_frame_bytes {
            unit.facts.random_access = false;
            return;
        }
        let head = unit.head.min(writing.at);
        self.data.extend_from_slice(&self.scratch);
        if let Some(behind) = self.data.get_mut(head..) {
            behind.rotate_right(length);
        }
        writing.at += length;
    }

    pub(super) fn keep_scratch(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= LARGEST_SPARE {
            buffer.clear();
            self.scratch = buffer;
        }
    }
}

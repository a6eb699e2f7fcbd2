//! AV1 by the RTP payload format of the Alliance for Open Media (v1.0): OBU elements, several in a packet, each of them whole or
//! a fragment.
//!
//! Gives temporal units in low-overhead form (AV1 specification, 5.2): every OBU with its size, a temporal delimiter first.

use super::parts::{Arrival, Assembly, Intake};
use super::{Fault, Frame, MAX_FRAME, Packet, Stats};

/// obu_type (AV1 specification, 6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;
const TILE_LIST: u8 = 8;
/// A temporal delimiter, with its size of 0.
const DELIMITER: [u8; 2] = [TEMPORAL_DELIMITER << 3 | HAS_SIZE, 0];
const HAS_SIZE: u8 = 2;
const HAS_EXTENSION: u8 = 4;

/// Takes apart one stream.
#[derive(Debug)]
pub struct Av1 {
    intake: Intake,
    /// The temporal unit, delimiter first; at its end the fragments of an OBU as they came.
    unit: Assembly,
    /// Where the OBU begins of which fragments are still to come.
    open: Option<usize>,
    timestamp: u32,
    /// The next packet begins a temporal unit.
    aligned: bool,
    /// The unit has a sequence header.
    sequence: bool,
    /// The first frame of the unit is a key frame; none before its header came.
    key: Option<bool>,
}

impl Default for Av1 {
    fn default() -> Self {
        Self {
            intake: Intake::default(),
            unit: Assembly::new(MAX_FRAME),
            open: None,
            timestamp: 0,
            aligned: false,
            sequence: false,
            key: None,
        }
    }
}

impl Av1 {
    /// The counters.
    pub fn stats(&self) -> Stats {
        self.intake.stats()
    }

    /// Bytes of memory that its buffers hold: [`MAX_FRAME`] at most.
    pub fn held(&self) -> usize {
        self.unit.held()
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// When something is wrong with it.
    pub fn push(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        match self.intake.take(packet.sequence) {
            Arrival::Again => return Ok(()),
            Arrival::First => {}
            Arrival::Gap => self.give_up(),
            Arrival::Next => {
                // The marker SHOULD be at the end of a temporal unit; another time is one, too (4.2).
                if packet.timestamp != self.timestamp {
                    self.end(out);
                }
            }
        }
        self.timestamp = packet.timestamp;
        let result = self.read(packet, out);
        if result.is_err() {
            self.give_up();
        }
        // Whatever became of it, behind the marker there is another one.
        self.aligned |= packet.marker;
        self.intake.count(result)
    }

    /// The aggregation header (4.4), then OBU elements (4.5).
    fn read(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        let (&header, mut rest) = packet.payload.split_first().ok_or(Fault::Truncated)?;
        let (continues, goes_on, count) = (header & 0x80 != 0, header & 0x40 != 0, header >> 4 & 3);
        // N is at the begin of a coded video sequence, and so of a temporal unit.
        let begins = (self.aligned || header & 0x08 != 0) && !continues;
        if self.unit.is_empty() {
            if !begins {
                // The begin of this unit is lost, or was before the first packet.
                return Ok(());
            }
            self.unit.extend(&DELIMITER)?;
            (self.sequence, self.key) = (false, None);
        }
        self.aligned = false;
        if continues != self.open.is_some() {
            return Err(Fault::Malformed("an OBU goes on without its begin, or ends without its end"));
        }
        let mut index = 0u8;
        while !rest.is_empty() {
            index = index.saturating_add(1);
            let element = if count > 0 && index >= count { std::mem::take(&mut rest) } else { element(&mut rest)? };
            let start = *self.open.get_or_insert(self.unit.len());
            self.unit.extend(element)?;
            if !(goes_on && rest.is_empty()) {
                self.close(start)?;
                self.open = None;
            }
        }
        if index < count {
            return Err(Fault::Truncated);
        }
        if packet.marker {
            self.end(out);
        }
        Ok(())
    }

    /// What lies from `start` on is an OBU: it gets a size, or is taken out again.
    fn close(&mut self, start: usize) -> Result<(), Fault> {
        let bytes = self.unit.bytes().get(start..).unwrap_or_default();
        let Some(&first) = bytes.first() else { return Ok(()) };
        let kind = first >> 3 & 0xF;
        let header = if first & HAS_EXTENSION != 0 { 2 } else { 1 };
        let mut body = bytes.get(header..).ok_or(Fault::Truncated)?;
        if first & 0x80 != 0 {
            return Err(Fault::Malformed("obu_forbidden_bit"));
        }
        if first & HAS_SIZE != 0 {
            let size = leb128(&mut body).ok_or(Fault::Truncated)?;
            body = body.get(..size).ok_or(Fault::Truncated)?;
        }
        match kind {
            // Receivers MUST ignore them (5).
            TEMPORAL_DELIMITER | TILE_LIST => {
                self.unit.bytes_mut().truncate(start);
                return Ok(());
            }
            SEQUENCE_HEADER => self.sequence = true,
            // show_existing_frame, frame_type (AV1 specification, 5.9.2)
            FRAME_HEADER | FRAME if self.key.is_none() => self.key = Some(body.first().is_some_and(|byte| byte & 0xE0 == 0)),
            _ => {}
        }
        let length = body.len();
        let (size, size_bytes) = to_leb128(length);
        let old = bytes.len() - length;
        self.unit.reserve(size_bytes)?;
        let unit = self.unit.bytes_mut();
        // The body moves to where the new size ends.
        let (from, to) = (start + old, start + header + size_bytes);
        let grown = to.saturating_sub(from);
        unit.resize(unit.len() + grown, 0);
        unit.copy_within(from..from + length, to);
        unit.truncate(to + length);
        if let Some(place) = unit.get_mut(start + header..to) {
            place.copy_from_slice(size.get(..size_bytes).unwrap_or_default());
        }
        if let Some(first) = unit.get_mut(start) {
            // obu_reserved_1bit is 0.
            *first = *first & !1 | HAS_SIZE;
        }
        Ok(())
    }

    /// Gives the unit, unless its last OBU is not whole.
    fn end(&mut self, out: &mut impl FnMut(Frame<'_>)) {
        if self.open.is_some() {
            self.give_up();
        }
        if self.unit.len() > DELIMITER.len() {
            let random_access = self.sequence && self.key == Some(true);
            out(Frame { random_access, ..self.intake.frame(self.timestamp, None, self.unit.bytes()) });
        }
        self.unit.clear();
        self.aligned = true;
    }

    fn give_up(&mut self) {
        if !self.unit.is_empty() {
            self.unit.clear();
            self.intake.discard();
        }
        self.open = None;
        self.aligned = false;
    }
}

/// An OBU element behind its length.
fn element<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let length = leb128(rest).ok_or(Fault::Truncated)?;
    let (element, after) = rest.split_at_checked(length).ok_or(Fault::Truncated)?;
    *rest = after;
    Ok(element)
}

/// leb128 (AV1 specification, 4.10.5): eight bytes at most, a value of 32 bits.
fn leb128(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0u64;
    for n in 0..8 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << (7 * n);
        if byte & 0x80 == 0 {
            return u32::try_from(value).ok().map(|value| value as usize);
        }
    }
    None
}

/// The shortest leb128, and its length. Up to 2^35.
fn to_leb128(value: usize) -> ([u8; 5], usize) {
    let mut bytes = [0; 5];
    let mut length = 0;
    let mut rest = value;
    for byte in &mut bytes {
        length += 1;
        *byte = (rest & 0x7F) as u8;
        rest >>= 7;
        if rest == 0 {
            break;
        }
        *byte |= 0x80;
    }
    (bytes, length)
}

#[cfg(test)]
mod tests;

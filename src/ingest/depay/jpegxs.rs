//! JPEG XS by RFC 9134 (`jxsv`), in both packetisation modes: whole codestreams, and slices that may come in any order.
//!
//! Gives picture segments (RFC 9134, 3.4): the boxes in front, if the sender has any, then the codestream. A field of an
//! interlaced picture is one, too. Decoding can begin with each.

use super::parts::{Arrival, Assembly, Intake};
use super::{Fault, Field, Frame, MAX_FRAME, Packet, Stats};
use crate::codec::jpegxs::SOC;

/// The SEP counter of the header in slice mode (4.3).
const HEADER: u16 = 0x7FF;
/// So many packets that come out of order make a picture: with less than 640 bytes in each of them it cannot be the largest.
const MOST_PACKETS: usize = 16_384;

/// The payload header (4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    /// T: packets come in the order of the codestream.
    sequential: bool,
    /// K: slices, not whole codestreams.
    slices: bool,
    /// L: the last packet of its packetisation unit.
    last: bool,
    /// I.
    interlaced: u8,
    /// F counter: the number of the frame, of 5 bits.
    frame: u8,
    /// SEP counter: the slice, or how often P ran over.
    sep: u16,
    /// P counter: the number of the packet in its unit.
    packet: u16,
}

impl Header {
    fn read(payload: &[u8]) -> Option<(Self, &[u8])> {
        let (bytes, rest) = payload.split_first_chunk::<4>()?;
        let word = u32::from_be_bytes(*bytes);
        let header = Self {
            sequential: word >> 31 & 1 == 1,
            slices: word >> 30 & 1 == 1,
            last: word >> 29 & 1 == 1,
            interlaced: (word >> 27 & 3) as u8,
            frame: (word >> 22 & 0x1F) as u8,
            sep: (word >> 11 & 0x7FF) as u16,
            packet: (word & 0x7FF) as u16,
        };
        Some((header, rest))
    }

    /// Where it belongs: packetisation unit and packet in it. The header is before the first slice.
    fn place(self) -> (u16, u32) {
        if self.slices {
            let unit = if self.sep == HEADER { 0 } else { self.sep + 1 };
            (unit, self.packet.into())
        } else {
            (0, u32::from(self.sep) << 11 | u32::from(self.packet))
        }
    }
}

/// A packet's part of the picture.
#[derive(Debug, Clone, Copy)]
struct Part {
    place: (u16, u32),
    last: bool,
    start: u32,
    length: u32,
}

/// Takes apart one stream.
#[derive(Debug)]
pub struct JpegXs {
    intake: Intake,
    /// Of the picture that is coming.
    current: Option<(u32, Header)>,
    bytes: Assembly,
    /// Its parts, where they may come in any order.
    parts: Vec<Part>,
    /// Where the next packet belongs, where they come in order.
    next: (u16, u32),
    /// The last packetisation unit is whole.
    closed: bool,
    sorted: Assembly,
    /// Packets of the picture that is coming may be missing.
    holes: bool,
}

impl Default for JpegXs {
    fn default() -> Self {
        Self {
            intake: Intake::default(),
            current: None,
            bytes: Assembly::new(MAX_FRAME),
            parts: Vec::new(),
            next: (0, 0),
            closed: false,
            sorted: Assembly::new(MAX_FRAME),
            holes: false,
        }
    }
}

impl JpegXs {
    /// The counters.
    pub fn stats(&self) -> Stats {
        self.intake.stats()
    }

    /// Bytes of memory that its buffers hold: [`MAX_FRAME`] at most where packets come in order (T = 1), twice that and 512 KiB
    /// where they do not.
    pub fn held(&self) -> usize {
        self.bytes.held() + self.sorted.held() + self.parts.capacity() * size_of::<Part>()
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// When something is wrong with it.
    pub fn push(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        let arrival = self.intake.take(packet.sequence);
        if arrival == Arrival::Again {
            return Ok(());
        }
        self.holes |= arrival != Arrival::Next;
        let result = self.read(packet, arrival, out);
        if result.is_err() {
            self.give_up();
        }
        self.intake.count(result)
    }

    /// What is missing shows in the counters of the payload header; but for slices out of order, of which the last ones may be
    /// missing without a trace there.
    fn read(&mut self, packet: Packet<'_>, arrival: Arrival, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        let (header, data) = Header::read(packet.payload).ok_or(Fault::Truncated)?;
        if header.interlaced == 1 {
            return Err(Fault::Malformed("the interlaced bits are 01"));
        }
        if !header.slices && !header.sequential {
            return Err(Fault::Malformed("a whole codestream out of order (K = 0, T = 0)"));
        }
        let same = |(timestamp, first): (u32, Header)| {
            timestamp == packet.timestamp
                && (first.frame, first.interlaced, first.slices, first.sequential)
                    == (header.frame, header.interlaced, header.slices, header.sequential)
        };
        if self.current.is_some_and(|current| !same(current)) {
            // Its last packet has the marker, and never came.
            self.give_up();
            self.holes = arrival != Arrival::Next;
        }
        self.current = Some((packet.timestamp, header));
        if header.sequential {
            self.append(header, data)?;
        } else {
            self.note(header, data)?;
        }
        // With whole codestreams L says the same as the marker (4.2).
        if packet.marker || !header.slices && header.last {
            self.end(out);
            self.holes = false;
        }
        Ok(())
    }

    /// In order: nothing may be missing.
    fn append(&mut self, header: Header, data: &[u8]) -> Result<(), Fault> {
        let (unit, number) = header.place();
        let follows = (unit, number) == self.next || self.closed && (unit, number) == (self.next.0.wrapping_add(1), 0);
        // The first unit of all may not be passed over.
        if !follows {
            self.next = (u16::MAX, 0);
            self.closed = false;
            return Ok(());
        }
        self.bytes.extend(data)?;
        self.closed = header.last;
        self.next = if header.last { (unit, u32::MAX) } else { (unit, number + 1) };
        Ok(())
    }

    /// In any order: they are put in order when the last one has come.
    fn note(&mut self, header: Header, data: &[u8]) -> Result<(), Fault> {
        if self.parts.len() >= MOST_PACKETS {
            return Err(Fault::TooLarge);
        }
        if self.parts.capacity() == 0 {
            self.parts.reserve_exact(MOST_PACKETS);
        }
        let start = self.bytes.len() as u32;
        self.bytes.extend(data)?;
        self.parts.push(Part { place: header.place(), last: header.last, start, length: data.len() as u32 });
        Ok(())
    }

    /// The marker has come (4.2): gives the picture, if it is whole.
    fn end(&mut self, out: &mut impl FnMut(Frame<'_>)) {
        let Some((timestamp, header)) = self.current else { return };
        let whole = if header.sequential { self.closed } else { !self.holes && self.sort() };
        if !whole {
            self.give_up();
            return;
        }
        let field = match header.interlaced {
            2 => Some(Field::First),
            3 => Some(Field::Second),
            _ => None,
        };
        let bytes = if header.sequential { self.bytes.bytes() } else { self.sorted.bytes() };
        out(Frame { field, ..self.intake.frame(timestamp, None, bytes) });
        self.reset();
    }

    /// Puts the parts in order; whether none is missing.
    fn sort(&mut self) -> bool {
        self.parts.sort_unstable_by_key(|part| part.place);
        let (mut next, mut closed) = ((0, 0), false);
        for part in &self.parts {
            if part.place != next {
                return false;
            }
            closed = part.last;
            next = if closed { (part.place.0.saturating_add(1), 0) } else { (part.place.0, part.place.1 + 1) };
            let end = part.start.saturating_add(part.length) as usize;
            let bytes = self.bytes.bytes().get(part.start as usize..end);
            if bytes.is_none_or(|bytes| self.sorted.extend(bytes).is_err()) {
                return false;
            }
        }
        closed
    }

    fn give_up(&mut self) {
        if self.current.is_some() {
            self.intake.discard();
        }
        self.reset();
    }

    fn reset(&mut self) {
        self.current = None;
        (self.next, self.closed) = ((0, 0), false);
        self.bytes.clear();
        self.parts.clear();
        self.sorted.clear();
    }
}

/// The codestream of a picture segment, behind the boxes.
pub fn codestream(mut segment: &[u8]) -> Option<&[u8]> {
    while !segment.starts_with(&SOC) {
        (_, _, segment) = first_box(segment)?;
    }
    Some(segment)
}

/// The content of a box in front of a codestream, by its type; boxes of the video support box (`jpvs`) are looked through as well.
pub fn content<'a>(mut segment: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    while !segment.starts_with(&SOC) {
        let (found, content, after) = first_box(segment)?;
        if found == kind {
            return Some(content);
        }
        segment = if found == b"jpvs" { segment.get(8..)? } else { after };
    }
    None
}

/// The type and the content of the box at the beginning (ISO/IEC 21122-3, annex A), and what is behind it.
fn first_box(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (head, _) = bytes.split_first_chunk::<8>()?;
    let ([length, kind], _) = head.as_chunks::<4>() else { return None };
    let length = (u32::from_be_bytes(*length) as usize).max(8);
    Some((kind, bytes.get(8..length)?, bytes.get(length..)?))
}

#[cfg(test)]
mod tests;

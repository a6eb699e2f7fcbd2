//! PSI sections (13818-1, 2.4.4): put together from packets with their CRC checked, and cut into packets again.

use super::mend::Mender;
use super::packet::{self, PAYLOAD, UNIT_START};
use super::{PACKET, RawPacket};

/// The longest section there is (13818-1, 2.4.4.11: private sections).
const LONGEST: usize = 4096;

/// Puts the sections of one PID together. Allocates when it is made and when a first section is cut, not per packet.
#[derive(Debug, Clone, Default)]
pub struct SectionReader {
    /// The section so far, empty between sections.
    partial: Vec<u8>,
    counter: Option<u8>,
    /// The last packet that held nothing but whole sections: the tables of a stream hardly ever change.
    last: Option<Box<RawPacket>>,
    crc_errors: u64,
    mender: Mender,
}

impl SectionReader {
    /// Takes a packet of the PID and gives every whole section in it whose CRC holds, from `table_id` to CRC; where none
    /// does, the one that its damaged copies agree on. A packet that repeats the one before it gives nothing.
    pub fn push(&mut self, packet: &RawPacket, mut found: impl FnMut(&[u8])) {
        let header = packet::header(packet);
        if header & PAYLOAD == 0 {
            return;
        }
        let counter = header as u8 & 0xF;
        let expected = self.counter.map(|last| (last + 1) & 0xF);
        let repeated = self.counter == Some(counter);
        self.counter = Some(counter);
        if self.partial.is_empty() && self.last.as_ref().is_some_and(|last| last[4..] == packet[4..]) {
            return;
        }
        if repeated {
            return;
        }
        if expected != Some(counter) {
            self.partial.clear();
        }
        let payload = packet::payload(packet);
        if header & UNIT_START == 0 {
            self.go_on(payload, &mut found);
            return;
        }
        let Some((&pointer, rest)) = payload.split_first() else { return };
        let Some((before, mut rest)) = rest.split_at_checked(pointer as usize) else {
            self.partial.clear();
            return;
        };
        let (began_before, errors_before) = (!self.partial.is_empty(), self.crc_errors);
        self.go_on(before, &mut found);
        self.partial.clear();
        // 0xFF where a table_id should be: stuffing to the end.
        while rest.first().is_some_and(|&table_id| table_id != 0xFF) {
            match length(rest).and_then(|length| rest.split_at_checked(length)) {
                Some((section, after)) => {
                    self.check(section, &mut found);
                    rest = after;
                }
                None => {
                    self.partial.extend_from_slice(rest);
                    break;
                }
            }
        }
        if self.partial.is_empty() && !began_before && self.crc_errors == errors_before {
            match &mut self.last {
                Some(last) => **last = *packet,
                None => self.last = Some(Box::new(*packet)),
            }
        }
    }

    /// Sections so far whose CRC did not hold.
    pub fn crc_errors(&self) -> u64 {
        self.crc_errors
    }

    /// Forgets what it saw, so that a repeated table is given again.
    pub fn reset(&mut self) {
        self.partial.clear();
        self.last = None;
        self.counter = None;
        self.mender.clear();
    }

    fn go_on(&mut self, bytes: &[u8], found: &mut impl FnMut(&[u8])) {
        if self.partial.is_empty() {
            return;
        }
        self.partial.extend_from_slice(bytes);
        let Some(length) = length(&self.partial) else { return };
        if length > LONGEST {
            self.partial.clear();
        } else if self.partial.len() >= length {
            let mut whole = std::mem::take(&mut self.partial);
            whole.truncate(length);
            self.check(&whole, found);
            whole.clear();
            self.partial = whole;
        }
    }

    fn check(&mut self, section: &[u8], found: &mut impl FnMut(&[u8])) {
        // Without section_syntax_indicator there is no CRC, and no table that is of use here.
        if section.len() < 12 || section[1] & 0x80 == 0 {
            return;
        }
        if crc32(section) == 0 {
            self.mender.clear();
            found(section);
            return;
        }
        self.crc_errors += 1;
        self.last = None;
        if let Some(mended) = self.mender.push(section) {
            found(&mended);
        }
    }
}

/// The whole length of the section that begins here, if its first three bytes are there.
fn length(section: &[u8]) -> Option<usize> {
    let &[_, high, low, ..] = section else { return None };
    Some(3 + (usize::from(high & 0x0F) << 8 | usize::from(low)))
}

/// The fields that all tables share (13818-1, 2.4.4.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'a> {
    /// `table_id`.
    pub table_id: u8,
    /// `table_id_extension`: transport_stream_id, program_number …
    pub extension: u16,
    /// `version_number`.
    pub version: u8,
    /// `current_next_indicator`.
    pub current: bool,
    /// `section_number`.
    pub number: u8,
    /// `last_section_number`.
    pub last_number: u8,
    /// What lies between header and CRC.
    pub body: &'a [u8],
}

impl<'a> Section<'a> {
    /// Reads a whole section, CRC included (and taken as checked).
    pub fn parse(section: &'a [u8]) -> Option<Self> {
        let (head, rest) = section.split_first_chunk::<8>()?;
        let (body, _crc) = rest.split_last_chunk::<4>()?;
        Some(Self {
            table_id: head[0],
            extension: u16::from_be_bytes([head[3], head[4]]),
            version: head[5] >> 1 & 0x1F,
            current: head[5] & 1 != 0,
            number: head[6],
            last_number: head[7],
            body,
        })
    }
}

/// A whole section around a body (at most 1012 bytes for PAT and PMT), current, the only one of its table.
pub fn build(table_id: u8, extension: u16, version: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() + 9) as u16;
    let mut section = Vec::with_capacity(body.len() + 12);
    section.push(table_id);
    section.extend((0xB000 | length & 0x0FFF).to_be_bytes());
    section.extend(extension.to_be_bytes());
    section.extend([0xC1 | (version & 0x1F) << 1, 0, 0]);
    section.extend(body);
    section.extend(crc32(&section).to_be_bytes());
    section
}

/// Cuts a section into packets of a PID; their counters are 0.
pub fn packetize(pid: u16, section: &[u8]) -> Vec<RawPacket> {
    let mut packets = Vec::with_capacity(section.len() / 184 + 1);
    let mut rest = section;
    while !rest.is_empty() || packets.is_empty() {
        let mut packet = [0xFF; PACKET];
        let first = packets.is_empty();
        let header = packet::plain(pid) | if first { UNIT_START } else { 0 };
        packet[..4].copy_from_slice(&header.to_be_bytes());
        let at = if first {
            packet[4] = 0;
            5
        } else {
            4
        };
        let (now, later) = rest.split_at(rest.len().min(PACKET - at));
        packet[at..at + now.len()].copy_from_slice(now);
        packets.push(packet);
        rest = later;
    }
    packets
}

/// CRC-32 of 13818-1, annex A; 0 over a section with its CRC.
pub fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(!0, |crc, &byte| crc << 8 ^ CRC_TABLE[((crc >> 24) as u8 ^ byte) as usize])
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000_0000 != 0 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests;

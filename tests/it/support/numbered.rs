//! A transport stream whose packets are numbered, in real time, and what is missing of one.
//!
//! Every packet of PID 0x100 carries its number and that of its chunk, both in 64 bits. PAT and PMT lead a chunk every 100 ms.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Bytes of a packet.
const PACKET: usize = 188;
/// Bytes of a chunk: seven packets, what SRT and RTP send in one.
pub const CHUNK: usize = PACKET * 7;
const PID: u16 = 0x100;
const PMT_PID: u16 = 0x1000;

/// Makes the stream.
#[derive(Debug, Default)]
pub struct Numbered {
    chunk: u64,
    packet: u64,
    tables: u8,
}

impl Numbered {
    /// Gives chunks at this rate, bit/s, for so long, each with its number and when it is due since the first one.
    pub fn play(rate: u64, time: Duration, mut take: impl FnMut(u64, Duration, &[u8])) -> u64 {
        let mut stream = Self::default();
        let interval = CHUNK as f64 * 8.0 / rate as f64;
        let count = (time.as_secs_f64() / interval) as u64;
        let every = ((0.1 / interval) as u64).max(1);
        let began = Instant::now();
        for number in 0..count {
            let due = Duration::from_secs_f64(number as f64 * interval);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            take(number, due, &stream.next(number % every == 0));
        }
        count
    }

    /// The next chunk, with the tables in front or without them.
    fn next(&mut self, tables: bool) -> [u8; CHUNK] {
        let mut chunk = [0xFF; CHUNK];
        for (at, packet) in chunk.chunks_exact_mut(PACKET).enumerate() {
            match at {
                0 if tables => section(packet, 0, self.tables, &[0x00, 0xB0, 0x0D, 0, 1, 0xC1, 0, 0, 0, 1, 0xF0, 0x00]),
                1 if tables => section(
                    packet,
                    PMT_PID,
                    self.tables,
                    &[0x02, 0xB0, 0x12, 0, 1, 0xC1, 0, 0, 0xE1, 0x00, 0xF0, 0, 0x1B, 0xE1, 0x00, 0xF0, 0],
                ),
                _ => {
                    header(packet, PID, false, self.packet as u8);
                    packet[4..12].copy_from_slice(&self.packet.to_be_bytes());
                    packet[12..20].copy_from_slice(&self.chunk.to_be_bytes());
                    self.packet += 1;
                }
            }
        }
        self.tables = self.tables.wrapping_add(u8::from(tables));
        self.chunk += 1;
        chunk
    }
}

fn header(packet: &mut [u8], pid: u16, start: bool, counter: u8) {
    packet[..4].copy_from_slice(&[0x47, (pid >> 8) as u8 | u8::from(start) << 6, pid as u8, 0x10 | counter & 0x0F]);
}

fn section(packet: &mut [u8], pid: u16, counter: u8, bytes: &[u8]) {
    header(packet, pid, true, counter);
    packet[4] = 0;
    packet[5..5 + bytes.len()].copy_from_slice(bytes);
    packet[5 + bytes.len()..9 + bytes.len()].copy_from_slice(&crc(bytes).to_be_bytes());
}

/// CRC-32 of ISO 13818-1, Annex A.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| crc << 1 ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 })
    })
}

/// What came of a stream.
#[derive(Debug, Default)]
pub struct Tally {
    rest: Vec<u8>,
    /// Bytes that were no packets.
    pub stray: u64,
    /// Packets with a number that had come before.
    pub duplicate: u64,
    /// Packets with a number below one that had come before.
    pub disordered: u64,
    highest: Option<u64>,
    /// Numbers of chunks that came: first and last of each run. And the same of packets.
    chunks: BTreeMap<u64, u64>,
    packets: BTreeMap<u64, u64>,
}

/// The numbers that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// How many came.
    pub came: u64,
}

impl Span {
    /// How many are missing between the first and the last.
    pub fn missing(self) -> u64 {
        if self.came == 0 { 0 } else { self.last - self.first + 1 - self.came }
    }
}

impl Tally {
    /// Takes bytes of the stream.
    pub fn take(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let rest = std::mem::take(&mut self.rest);
        let mut left = &rest[..];
        while left.len() >= PACKET {
            if left[0] == 0x47 {
                self.packet(&left[..PACKET]);
                left = &left[PACKET..];
            } else {
                self.stray += 1;
                left = &left[1..];
            }
        }
        self.rest = left.to_vec();
    }

    fn packet(&mut self, packet: &[u8]) {
        if u16::from_be_bytes([packet[1] & 0x1F, packet[2]]) != PID {
            return;
        }
        let word = |at: usize| packet[at..at + 8].iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let number = word(4);
        self.disordered += u64::from(self.highest.is_some_and(|highest| number < highest));
        self.highest = self.highest.max(Some(number));
        self.duplicate += u64::from(!insert(&mut self.packets, number));
        insert(&mut self.chunks, word(12));
    }

    /// The packets that came.
    pub fn packets(&self) -> Span {
        span(&self.packets)
    }

    /// The chunks that came, in part at least.
    pub fn chunks(&self) -> Span {
        span(&self.chunks)
    }
}

fn insert(runs: &mut BTreeMap<u64, u64>, number: u64) -> bool {
    let before = runs.range(..=number).next_back().map(|(from, to)| (*from, *to));
    let from = match before {
        Some((_, to)) if to >= number => return false,
        Some((from, to)) if to + 1 == number => from,
        _ => number,
    };
    let to = runs.remove(&(number + 1)).unwrap_or(number);
    runs.insert(from, to);
    true
}

fn span(runs: &BTreeMap<u64, u64>) -> Span {
    let (Some(first), Some(last)) = (runs.keys().next(), runs.values().next_back()) else { return Span::default() };
    Span { first: *first, last: *last, came: runs.iter().map(|(from, to)| to - from + 1).sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_twice_or_late_is_told() {
        let mut stream = Numbered::default();
        let chunks: Vec<_> = (0..10).map(|number| stream.next(number % 5 == 0)).collect();
        let mut tally = Tally::default();
        for at in [0, 1, 3, 2, 2, 5, 6, 9] {
            tally.take(&chunks[at][..100]);
            tally.take(&chunks[at][100..]);
        }
        assert_eq!(tally.chunks(), Span { first: 0, last: 9, came: 7 });
        assert_eq!((tally.packets().missing(), tally.chunks().missing()), (21, 3));
        assert_eq!((tally.duplicate, tally.disordered, tally.stray), (7, 14, 0));
    }
}

//! PES packets of a damaged transport stream, and which of them are whole: judged by ISO/IEC 13818-1 alone, apart from the code
//! under test and from ffmpeg.

use std::collections::BTreeMap;

use super::packets::{Packet, SIZE, packets, pes_times};

/// One PES packet.
#[derive(Debug, Clone)]
pub struct Pes {
    /// Index of the transport packet in which it begins.
    pub at: usize,
    /// What follows its header.
    pub body: Vec<u8>,
    /// PTS and DTS.
    pub times: Option<(u64, u64)>,
    /// Nothing of it is missing, as far as counters, error indicators and its own length tell.
    pub whole: bool,
}

#[derive(Default)]
struct Reading {
    units: Vec<Pes>,
    last: Option<Vec<u8>>,
}

/// The PES packets on these PIDs.
pub fn pes_units(bytes: &[u8], pids: &[u16]) -> BTreeMap<u16, Vec<Pes>> {
    let mut reading: BTreeMap<u16, Reading> = pids.iter().map(|pid| (*pid, Reading::default())).collect();
    for (at, packet) in packets(bytes).enumerate() {
        if let Some(reading) = reading.get_mut(&packet.pid()).filter(|_| packet.has_payload()) {
            reading.take(at, packet);
        }
    }
    reading.into_iter().map(|(pid, reading)| (pid, reading.units.into_iter().map(closed).collect())).collect()
}

impl Reading {
    fn take(&mut self, at: usize, packet: Packet<'_>) {
        let last = self.last.replace(packet.0.to_vec());
        if last.as_deref() == Some(packet.0) {
            return;
        }
        let follows = last.is_none_or(|last| (Packet(&last).counter() + 1) & 15 == packet.counter());
        if let Some(unit) = self.units.last_mut() {
            unit.whole &= follows && !packet.error();
        }
        if packet.unit_start() {
            let body = packet.payload().to_vec();
            self.units.push(Pes { at, times: pes_times(&body), body, whole: !packet.error() });
        } else if let Some(unit) = self.units.last_mut() {
            unit.body.extend_from_slice(packet.payload());
        }
    }
}

/// Its header taken off, its length looked at.
fn closed(mut unit: Pes) -> Pes {
    let known = unit.body.len() > 9 && unit.body[..3] == [0, 0, 1] && matches!(unit.body[3], 0xBD | 0xC0..=0xEF);
    if !known || unit.body[6] & 0xC0 != 0x80 {
        return Pes { whole: false, ..unit };
    }
    let length = usize::from(unit.body[4]) << 8 | usize::from(unit.body[5]);
    unit.whole &= length == 0 || unit.body.len() == 6 + length;
    let header = (9 + usize::from(unit.body[8])).min(unit.body.len());
    unit.body.drain(..header);
    unit
}

/// Each of these that is in the recording, beside what it is there, as long as they come in this order.
pub fn in_order<'a>(wanted: &[&'a Pes], recorded: &'a [Pes]) -> Vec<(&'a Pes, &'a Pes)> {
    let mut recorded = recorded.iter();
    wanted.iter().map_while(|unit| recorded.find(|other| other.body == unit.body).map(|other| (other, *unit))).collect()
}

/// The packets of a stream with junk in it, and where each of them lay.
pub fn resynchronised(bytes: &[u8]) -> (Vec<u8>, Vec<u64>) {
    let (mut file, mut places, mut at) = (Vec::new(), Vec::new(), 0);
    let mut in_step = false;
    while at + SIZE <= bytes.len() {
        in_step = bytes[at] == 0x47 && (in_step || bytes.get(at + SIZE).is_none_or(|byte| *byte == 0x47));
        if in_step {
            file.extend_from_slice(&bytes[at..at + SIZE]);
            places.push(at as u64);
        }
        at += if in_step { SIZE } else { 1 };
    }
    (file, places)
}

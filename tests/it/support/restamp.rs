//! A recorded file played for ever: at the speed of its PCR, and at each turn with its times moved on by its length and
//! its continuity counters running on, so that no receiver can tell where it begins again.

use std::sync::Arc;
use std::time::Duration;

use super::packets::{Packet, SIZE, packets, pes_times, write_timestamp};

/// A file and when each of its packets is due.
#[derive(Debug, Clone)]
pub struct Media {
    bytes: Arc<Vec<u8>>,
    due: Arc<Vec<Duration>>,
    period: Duration,
    shift_90k: u64,
}

impl Media {
    /// Reads a stream whose media lasts exactly `period`.
    pub fn new(bytes: Vec<u8>, period: Duration) -> Self {
        assert_eq!(bytes.len() % SIZE, 0, "a fixture is whole packets");
        let due = schedule(&bytes, period);
        Self { bytes: Arc::new(bytes), due: Arc::new(due), period, shift_90k: 0 }
    }

    /// The same with all its times moved by so much: near 2^33, they wrap soon.
    pub fn shifted(mut self, shift_90k: u64) -> Self {
        self.shift_90k = shift_90k;
        self
    }

    /// The file as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its packets from `position` of an endless programme on.
    pub fn play(&self, position: Duration) -> Player {
        let turns = (position.as_nanos() / self.period.as_nanos()) as u32;
        let within = position - self.period * turns;
        let index = self.due.partition_point(|due| *due < within);
        Player { media: self.clone(), turns, index, counters: [0; 0x2000] }
    }
}

/// A place in an endless programme.
#[derive(Debug)]
pub struct Player {
    media: Media,
    turns: u32,
    index: usize,
    counters: [u8; 0x2000],
}

impl Player {
    /// When the next packet is due, counted from the programme's beginning.
    pub fn due(&self) -> Duration {
        match self.media.due.get(self.index) {
            Some(due) => self.media.period * self.turns + *due,
            None => self.media.period * (self.turns + 1),
        }
    }

    /// Moves all times that come by so much.
    pub fn leap(&mut self, by_90k: u64) {
        self.media.shift_90k += by_90k;
    }

    /// The next packet.
    pub fn next_packet(&mut self) -> [u8; SIZE] {
        if self.index == self.media.due.len() {
            self.index = 0;
            self.turns += 1;
        }
        let at = self.index * SIZE;
        self.index += 1;
        let mut packet: [u8; SIZE] = self.media.bytes[at..at + SIZE].try_into().unwrap();
        let shift = u64::from(self.turns) * (self.media.period.as_millis() as u64 * 90) + self.media.shift_90k;
        restamp(&mut packet, shift);
        let view = Packet(&packet);
        let counter = &mut self.counters[usize::from(view.pid())];
        *counter = (*counter + u8::from(view.has_payload())) & 0x0F;
        packet[3] = packet[3] & 0xF0 | *counter;
        packet
    }
}

fn restamp(packet: &mut [u8; SIZE], shift_90k: u64) {
    const WRAP: u64 = 1 << 33;
    let view = Packet(packet);
    let pcr = view.pcr();
    let payload_at = SIZE - view.payload().len();
    let times = view.unit_start().then(|| pes_times(view.payload())).flatten();
    if let Some(pcr) = pcr {
        let (base, extension) = ((pcr / 300 + shift_90k) % WRAP, pcr % 300);
        packet[6..10].copy_from_slice(&((base >> 1) as u32).to_be_bytes());
        packet[10] = (base as u8 & 1) << 7 | 0x7E | (extension >> 8) as u8;
        packet[11] = extension as u8;
    }
    if let Some((pts, dts)) = times {
        write_timestamp(&mut packet[payload_at + 9..payload_at + 14], (pts + shift_90k) % WRAP);
        if packet[payload_at + 7] >> 6 == 3 {
            write_timestamp(&mut packet[payload_at + 14..payload_at + 19], (dts + shift_90k) % WRAP);
        }
    }
}

/// When each packet is due: by the PCR before and after it, and the bytes between.
fn schedule(bytes: &[u8], period: Duration) -> Vec<Duration> {
    let marks: Vec<(usize, u64)> =
        packets(bytes).enumerate().filter_map(|(index, packet)| Some((index, packet.pcr()?))).collect();
    let (first, zero) = *marks.first().unwrap();
    let at = |pcr: u64| Duration::from_nanos((pcr - zero) * 1000 / 27);
    let mut due = vec![Duration::ZERO; first];
    for pair in marks.windows(2) {
        let ((from, start), (to, end)) = (pair[0], pair[1]);
        let step = (at(end) - at(start)) / (to - from) as u32;
        due.extend((0..(to - from) as u32).map(|n| at(start) + step * n));
    }
    let last = at(marks.last().unwrap().1);
    due.resize(bytes.len() / SIZE, last.min(period));
    due
}

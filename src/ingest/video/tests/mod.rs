//! Tests over several modules: streams as encoders make them, packetised by other code than that under test, and taken apart.

mod bounds;
mod cameras;
mod loss;
mod packetise;
mod packetise_hevc;
mod parameter_sets;
mod round_trip;
mod streams;

use std::time::Duration;

use super::{AccessUnit, Depacketizer, Output, Packet, Stats};
use crate::base::clock::Instant;
use crate::codec::start_code;

/// The longest payload of a datagram.
pub const LONGEST_DATAGRAM: usize = 65_535;

impl Depacketizer {
    /// When [`Self::expire`] has something to do.
    fn deadline(&self) -> Option<Instant> {
        self.lane.deadline()
    }

    /// The stream is over: what is left is given.
    fn flush(&mut self, now: Instant, out: &mut Output) {
        self.lane.flush(now, out);
    }

    /// The counters.
    fn stats(&self) -> Stats {
        self.lane.assembler.stats
    }

    /// Bytes of packets that are kept, those of parameter sets apart: `max_frame_bytes` and one datagram at most.
    fn held_bytes(&self) -> usize {
        self.lane.held_bytes()
    }
}

/// A packet on its way, its sequence number apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    pub timestamp: u64,
    pub marker: bool,
    pub payload: Vec<u8>,
}

/// The NAL units of a byte stream.
pub fn nals(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = stream;
    while let Some(at) = start_code::find(rest, 0) {
        rest = &rest[at + 3..];
        let end = start_code::find(rest, 0).unwrap_or(rest.len());
        let length = rest[..end].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        out.push(rest[..length].to_vec());
    }
    out
}

/// Sends packets to a depacketizer, one each millisecond.
pub struct Line<'a> {
    pub depacketizer: &'a mut Depacketizer,
    pub out: Output,
    pub now: Instant,
    pub units: Vec<AccessUnit>,
}

impl<'a> Line<'a> {
    pub fn new(depacketizer: &'a mut Depacketizer) -> Self {
        Self { depacketizer, out: Output::default(), now: Instant::now(), units: Vec::new() }
    }

    /// A packet, and how many have gone out with it.
    pub fn send(&mut self, sequence: u64, lost_before: bool, wire: &Wire) -> usize {
        self.now += Duration::from_millis(1);
        let Wire { timestamp, marker, ref payload } = *wire;
        let packet = Packet { sequence, timestamp, marker, lost_before, payload };
        self.depacketizer.push(&packet, self.now, &mut self.out);
        self.take()
    }

    pub fn wait(&mut self, ms: u64) -> usize {
        self.now += Duration::from_millis(ms);
        self.depacketizer.expire(self.now, &mut self.out);
        self.take()
    }

    pub fn flush(&mut self) -> usize {
        self.depacketizer.flush(self.now, &mut self.out);
        self.take()
    }

    fn take(&mut self) -> usize {
        let before = self.units.len();
        let units: Vec<AccessUnit> = self.out.drain().collect();
        for unit in units {
            self.units.push(unit.clone());
            self.out.recycle(unit.data);
        }
        self.units.len() - before
    }
}

/// All that a depacketizer makes of packets without a loss.
pub fn all(depacketizer: &mut Depacketizer, wires: &[Wire]) -> Vec<AccessUnit> {
    let mut line = Line::new(depacketizer);
    wires.iter().zip(65_530..).for_each(|(wire, sequence)| {
        line.send(sequence, false, wire);
    });
    line.flush();
    assert_eq!(line.depacketizer.held_bytes(), 0);
    line.units
}

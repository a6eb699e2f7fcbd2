//! H.264 over RTP (RFC 6184): single NAL unit packets, STAP-A and -B, MTAP16 and 24, FU-A and -B.
//!
//! Packetization modes 0 and 1 are not told apart: cameras say one and send the other. What belongs to mode 2 only, in a stream
//! that is not said to be interleaved, is taken in the order in which it comes.

use std::time::Duration;

use crate::ingest::sdp::Parameters;

use super::don::Interleaving;
use super::lane::{Fragment, Lane};
use super::nal;
use super::{Settings, Step};

/// Payload structures (RFC 6184, table 1).
const STAP_A: u8 = 24;
const STAP_B: u8 = 25;
const MTAP16: u8 = 26;
const MTAP24: u8 = 27;
const FU_A: u8 = 28;
const FU_B: u8 = 29;

/// Longest time that a sender can ask to be waited for: 5 s, in units of 90 kHz.
const LONGEST_WAIT_90K: u64 = 5 * 90_000;

/// Parameters that hold parameter sets.
pub(super) const SETS: [&str; 1] = ["sprop-parameter-sets"];

/// How a stream is interleaved, if it is (RFC 6184, 8.1).
pub(super) fn interleaving(fmtp: &Parameters, settings: Settings) -> Option<Interleaving> {
    let span = fmtp.number("sprop-max-don-diff");
    (fmtp.number("packetization-mode") == Some(2)).then(|| Interleaving {
        // Where it is not said, only the span decides.
        depth: match fmtp.number("sprop-interleaving-depth") {
            Some(depth) => depth as usize,
            None if span.is_some() => usize::MAX,
            None => 0,
        },
        span,
        wait: settings.assembly_timeout.max(fmtp.number("sprop-init-buf-time").map_or(Duration::ZERO, ticks)),
    })
}

/// Takes packets of H.264 apart.
pub(super) struct Reader<'a> {
    pub lane: &'a mut Lane,
}

impl Reader<'_> {
    /// What a packet carries.
    pub fn packet(&mut self, payload: &[u8], step: &mut Step<'_>) {
        match payload.split_first().map(|(header, rest)| (header & 0x1F, rest)) {
            // Padding, to keep a path open.
            None => {}
            Some((STAP_A, rest)) => self.single_time(rest, None, step),
            Some((STAP_B, rest)) => match number(rest) {
                Some((number, rest)) => self.single_time(rest, Some(number), step),
                None => self.lane.malformed(),
            },
            Some((MTAP16, rest)) => self.multi_time(rest, 2, step),
            Some((MTAP24, rest)) => self.multi_time(rest, 3, step),
            Some((FU_A | FU_B, _)) => self.fragment(payload, step),
            Some(_) => self.unit(payload, None, step),
        }
    }

    /// STAP-A, and the inside of STAP-B (5.7.1). With a number, those behind it count on.
    fn single_time(&mut self, units: &[u8], number: Option<u16>, step: &mut Step<'_>) {
        let mut rest = units;
        let mut number = number;
        while !rest.is_empty() {
            let Some((unit, behind)) = sized(rest) else { return self.lane.malformed() };
            rest = behind;
            self.unit(unit, number, step);
            number = number.map(|number| number.wrapping_add(1));
        }
    }

    /// MTAP16 and MTAP24 behind their header (5.7.2), with offsets of the time in so many bytes.
    fn multi_time(&mut self, units: &[u8], offset_bytes: usize, step: &mut Step<'_>) {
        let Some((base, mut rest)) = number(units) else { return self.lane.malformed() };
        let first = step.timestamp;
        while !rest.is_empty() {
            let unit = rest.split_at_checked(2 + 1 + offset_bytes).and_then(|(head, behind)| {
                let (&[high, low, number], offset) = head.split_first_chunk::<3>()?;
                let offset = offset.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
                let (unit, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
                Some((unit, number, offset, behind))
            });
            let Some((unit, number, offset, behind)) = unit else { return self.lane.malformed() };
            rest = behind;
            step.timestamp = first.wrapping_add(offset);
            self.unit(unit, Some(base.wrapping_add(u16::from(number))), step);
        }
    }

    fn unit(&mut self, unit: &[u8], number: Option<u16>, step: &mut Step<'_>) {
        match nal::without_start_code(unit).split_at_checked(1) {
            Some((header, rest)) => self.lane.nal(header, rest, number, step),
            None => self.lane.malformed(),
        }
    }

    /// FU-A and FU-B (5.8).
    fn fragment(&mut self, payload: &[u8], step: &mut Step<'_>) {
        let Some((&[indicator, header], bytes)) = payload.split_first_chunk::<2>() else { return self.lane.malformed() };
        let (mut number_of, mut bytes) = (None, bytes);
        if indicator & 0x1F == FU_B {
            let Some((number, behind)) = number(bytes) else { return self.lane.malformed() };
            (number_of, bytes) = (Some(number), behind);
        }
        let (start, end) = (header & 0x80 != 0, header & 0x40 != 0);
        let header = [indicator & 0xE0 | header & 0x1F, 0];
        self.lane.fragment(Fragment { header, start, end, number: number_of, bytes }, step);
    }
}

/// A decoding order number in front of what it is of.
pub(super) fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

/// What lies behind a size of 16 bits, and what lies behind that.
pub(super) fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*size)))
}

/// Units of 90 kHz.
fn ticks(ticks: u64) -> Duration {
    // What is told in minutes is no buffering time.
    Duration::from_micros(ticks.min(LONGEST_WAIT_90K) * 100 / 9)
}

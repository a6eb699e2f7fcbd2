//! HEVC over RTP (RFC 7798): single NAL unit packets, aggregation packets, fragmentation units and PACI, with decoding order
//! numbers (DONL, DOND) or without.

use crate::ingest::sdp::Parameters;

use super::don::Interleaving;
use super::h264::{number, sized};
use super::lane::{Fragment, Lane};
use super::nal;
use super::{Settings, Step};

/// Payload structures (RFC 7798, 4.4).
const AGGREGATION: u8 = 48;
const FRAGMENTATION: u8 = 49;
const PACI: u8 = 50;

/// Parameters that hold parameter sets.
pub(super) const SETS: [&str; 3] = ["sprop-vps", "sprop-sps", "sprop-pps"];

/// How a stream is interleaved, if it is (RFC 7798, 7.1).
pub(super) fn interleaving(fmtp: &Parameters, settings: Settings) -> Option<Interleaving> {
    let span = fmtp.number("sprop-max-don-diff").filter(|span| *span > 0)?;
    Some(Interleaving {
        // Where it is not said, only the span decides.
        depth: fmtp.number("sprop-depack-buf-nalus").map_or(usize::MAX, |depth| depth as usize),
        span: Some(span),
        wait: settings.assembly_timeout,
    })
}

/// Takes packets of HEVC apart.
pub(super) struct Reader<'a> {
    pub lane: &'a mut Lane,
}

impl Reader<'_> {
    /// What a packet carries.
    pub fn packet(&mut self, payload: &[u8], step: &mut Step<'_>) {
        match nal::without_start_code(payload) {
            // Padding, to keep a path open.
            [] => {}
            [high, low, rest @ ..] => self.payload([*high, *low], rest, false, step),
            _ => self.lane.malformed(),
        }
    }

    /// A payload without its header, which is that of a NAL unit (4.2).
    fn payload(&mut self, header: [u8; 2], rest: &[u8], inside_paci: bool, step: &mut Step<'_>) {
        match header[0] >> 1 & 0x3F {
            AGGREGATION => self.aggregation(rest, step),
            FRAGMENTATION => self.fragment(header, rest, step),
            PACI if inside_paci => self.lane.malformed(),
            PACI => self.paci(header, rest, step),
            _ => match self.numbered(rest) {
                Some((number, rest)) => self.lane.nal(&header, rest, number, step),
                None => self.lane.malformed(),
            },
        }
    }

    /// DONL, where there is one.
    fn numbered<'a>(&self, bytes: &'a [u8]) -> Option<(Option<u16>, &'a [u8])> {
        if self.lane.is_interleaved() { number(bytes).map(|(number, rest)| (Some(number), rest)) } else { Some((None, bytes)) }
    }

    /// 4.4.2: the first unit has a whole number, the others what is to be added to the one before, less 1.
    fn aggregation(&mut self, units: &[u8], step: &mut Step<'_>) {
        let Some((mut number, mut rest)) = self.numbered(units) else { return self.lane.malformed() };
        let mut first = true;
        while !rest.is_empty() {
            if let Some(before) = number.filter(|_| !std::mem::take(&mut first)) {
                let Some((difference, behind)) = rest.split_first() else { return self.lane.malformed() };
                number = Some(before.wrapping_add(u16::from(*difference)).wrapping_add(1));
                rest = behind;
            }
            let unit = sized(rest).and_then(|(unit, behind)| {
                let (header, body) = nal::without_start_code(unit).split_at_checked(2)?;
                Some((header, body, behind))
            });
            let Some((header, body, behind)) = unit else { return self.lane.malformed() };
            rest = behind;
            self.lane.nal(header, body, number, step);
        }
    }

    /// 4.4.3.
    fn fragment(&mut self, header: [u8; 2], rest: &[u8], step: &mut Step<'_>) {
        let Some((flags, bytes)) = rest.split_first() else { return self.lane.malformed() };
        let (start, end) = (flags & 0x80 != 0, flags & 0x40 != 0);
        let header = [header[0] & 0x81 | (flags & 0x3F) << 1, header[1]];
        let numbered = if start { self.numbered(bytes) } else { Some((None, bytes)) };
        match numbered {
            Some((number, bytes)) => self.lane.fragment(Fragment { header, start, end, number, bytes }, step),
            None => self.lane.malformed(),
        }
    }

    /// 4.4.4: another payload, with its type, behind extensions. Those are about temporal scalability (4.5) and not needed.
    fn paci(&mut self, header: [u8; 2], rest: &[u8], step: &mut Step<'_>) {
        let inner = rest.split_first_chunk::<2>().and_then(|(fields, behind)| {
            let fields = u16::from_be_bytes(*fields);
            // A (1 bit), cType (6), PHSsize (5), F0 to F2 and Y (4).
            let inner = [(fields >> 8) as u8 & 0x80 | (fields >> 8) as u8 & 0x7E | header[0] & 1, header[1]];
            Some((inner, behind.get(usize::from(fields >> 4 & 0x1F)..)?))
        });
        match inner {
            Some((inner, rest)) => self.payload(inner, rest, true, step),
            None => self.lane.malformed(),
        }
    }
}

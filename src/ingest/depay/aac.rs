//! AAC by RFC 3640 (`mpeg4-generic`, modes AAC-hbr, AAC-lbr and generic): AU headers with whatever lengths the SDP says, several
//! frames in a packet, frames over several packets.
//!
//! Gives bare frames, without ADTS or LATM; [`Aac::config`] is what either needs to know.

use super::audio_specific_config::AudioSpecificConfig;
use super::parts::{Assembly, Intake, after, ticks};
use super::{Fault, Frame, MAX_AUDIO, Packet, Refusal, Stats};
use crate::codec::bits::BitReader;
use crate::ingest::sdp::Parameters;

/// Lengths in bits of what an AU header and the auxiliary section hold (RFC 3640, 3.2.1.1 and 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Lengths {
    size: u32,
    index: u32,
    index_delta: u32,
    cts_delta: u32,
    dts_delta: u32,
    random_access: bool,
    stream_state: u32,
    auxiliary: u32,
}

/// An AU header. Sizes are bytes, times units of the clock.
#[derive(Debug, Clone, Copy)]
struct Header {
    size: Option<u32>,
    cts_delta: Option<u32>,
}

/// Takes apart one stream.
#[derive(Debug)]
pub struct Aac {
    lengths: Lengths,
    constant_size: Option<u32>,
    constant_duration: Option<u32>,
    clock: u32,
    config: AudioSpecificConfig,
    intake: Intake,
    /// Fragments of a frame of `size` bytes.
    fragments: Assembly,
    size: usize,
    timestamp: u32,
}

impl Aac {
    /// With the clock rate and the parameters of an SDP.
    ///
    /// # Errors
    /// When the SDP lacks the configuration, or asks for what is not done: interleaving, other streams than AAC.
    pub fn new(clock: u32, parameters: &Parameters) -> Result<Self, Refusal> {
        let mode = parameters.get("mode").unwrap_or_default().to_ascii_lowercase();
        // The lengths that belong to the modes (3.3.5, 3.3.6), for senders that leave them out.
        let (size, index) = match mode.as_str() {
            "aac-hbr" => (13, 3),
            "aac-lbr" => (6, 2),
            "generic" | "" => (0, 0),
            _ => return Err(unsupported("this mode of mpeg4-generic", "send AAC-hbr")),
        };
        if number(parameters, "streamtype")?.is_some_and(|kind| kind != 5) {
            return Err(unsupported("an mpeg4-generic stream that is not audio", "send video as H264 or H265"));
        }
        if number(parameters, "maxdisplacement")?.is_some_and(|most| most > 0) {
            return Err(unsupported("interleaving of AAC frames (maxDisplacement)", "switch it off at the sender"));
        }
        let length = |name, default| match number(parameters, name)? {
            Some(bits) if bits > 32 => Err(Refusal::Bad { name, remedy: "it is a number of bits, 32 at most" }),
            bits => Ok(bits.unwrap_or(default)),
        };
        let lengths = Lengths {
            size: length("sizelength", size)?,
            index: length("indexlength", index)?,
            index_delta: length("indexdeltalength", index)?,
            cts_delta: length("ctsdeltalength", 0)?,
            dts_delta: length("dtsdeltalength", 0)?,
            random_access: number(parameters, "randomaccessindication")?.is_some_and(|is| is > 0),
            stream_state: length("streamstateindication", 0)?,
            auxiliary: length("auxiliarydatasizelength", 0)?,
        };
        let constant_size = number(parameters, "constantsize")?.filter(|size| *size > 0);
        if lengths.size == 0 && constant_size.is_none() {
            return Err(Refusal::Missing { name: "sizeLength", remedy: "AAC-hbr has sizeLength=13" });
        }
        let config = parameters
            .get("config")
            .ok_or(Refusal::Missing { name: "config", remedy: "take the SDP that the sender writes: it has one" })?;
        let config =
            super::mux_element::hexadecimal(config).and_then(|bytes| AudioSpecificConfig::parse(&bytes)).ok_or(Refusal::Bad {
                name: "config",
                remedy: "it has to be the AudioSpecificConfig of AAC in hexadecimal digits",
            })?;
        Ok(Self {
            lengths,
            constant_size,
            constant_duration: number(parameters, "constantduration")?.filter(|ticks| *ticks > 0),
            clock,
            config,
            intake: Intake::default(),
            fragments: Assembly::new(MAX_AUDIO),
            size: 0,
            timestamp: 0,
        })
    }

    /// What the frames are.
    pub fn config(&self) -> &AudioSpecificConfig {
        &self.config
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.intake.stats()
    }

    /// Bytes of memory that its buffers hold: [`MAX_AUDIO`] at most.
    pub fn held(&self) -> usize {
        self.fragments.held()
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// When something is wrong with it; frames before that have been given.
    pub fn push(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        if !self.intake.begin(packet.sequence, &mut self.fragments) {
            return Ok(());
        }
        let result = self.read(packet, out);
        self.intake.end(result, &mut self.fragments)
    }

    /// The payload (3.2): AU header section, auxiliary section, access units.
    fn read(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        let (headers, mut data) = self.sections(packet.payload)?;
        let (mut reader, mut left) = match headers {
            Some((bytes, bits)) => (BitReader::new(bytes), bits),
            None => (BitReader::new(&[]), 0),
        };
        let mut index = 0u32;
        while left > 0 || headers.is_none() && !data.is_empty() {
            let before = reader.left();
            let header = self.header(&mut reader, index == 0)?;
            let used = before.saturating_sub(reader.left());
            if used == 0 && index > 0 && left > 0 {
                return Err(Fault::Malformed("bits behind the last AU header"));
            }
            left = left.saturating_sub(used);
            let size = header.size.or(self.constant_size).unwrap_or(0) as usize;
            if size > MAX_AUDIO {
                return Err(Fault::TooLarge);
            }
            match data.split_at_checked(size) {
                Some((unit, rest)) => {
                    data = rest;
                    let timestamp = header.cts_delta.map(|delta| packet.timestamp.wrapping_add(delta));
                    self.whole(timestamp.unwrap_or_else(|| self.time(packet.timestamp, index)), unit, out);
                }
                None if index == 0 && left == 0 => return self.fragment(size, data, packet, out),
                None => return Err(Fault::Truncated),
            }
            index = index.wrapping_add(1);
        }
        Ok(())
    }

    /// AU headers with their length in bits, if there are any, and access units.
    #[expect(clippy::type_complexity, reason = "used once")]
    fn sections<'a>(&self, payload: &'a [u8]) -> Result<(Option<(&'a [u8], usize)>, &'a [u8]), Fault> {
        let (mut headers, mut data) = (None, payload);
        if self.lengths.has_headers() {
            let (length, rest) = data.split_first_chunk::<2>().ok_or(Fault::Truncated)?;
            let bits = usize::from(u16::from_be_bytes(*length));
            let (bytes, rest) = rest.split_at_checked(bits.div_ceil(8)).ok_or(Fault::Truncated)?;
            (headers, data) = (Some((bytes, bits)), rest);
        }
        if self.lengths.auxiliary > 0 {
            let bits = BitReader::new(data).bits(self.lengths.auxiliary).ok_or(Fault::Truncated)?;
            let all = (u64::from(bits) + u64::from(self.lengths.auxiliary)).div_ceil(8);
            data = usize::try_from(all).ok().and_then(|all| data.get(all..)).ok_or(Fault::Truncated)?;
        }
        Ok((headers, data))
    }

    fn header(&self, reader: &mut BitReader<'_>, first: bool) -> Result<Header, Fault> {
        let mut bits = |count: u32| reader.bits(count).ok_or(Fault::Truncated);
        let lengths = self.lengths;
        let size = if lengths.size > 0 { Some(bits(lengths.size)?) } else { None };
        let index = bits(if first { lengths.index } else { lengths.index_delta })?;
        // The index of the first is a serial number; a step behind it is interleaving (3.2.1.1).
        if !first && index > 0 {
            return Err(Fault::Unsupported("interleaved AAC frames: switch interleaving off at the sender"));
        }
        let mut cts_delta = None;
        if lengths.cts_delta > 0 && bits(1)? == 1 {
            let shift = 32 - lengths.cts_delta;
            cts_delta = Some((((bits(lengths.cts_delta)? << shift) as i32) >> shift) as u32);
        }
        if lengths.dts_delta > 0 && bits(1)? == 1 {
            bits(lengths.dts_delta)?;
        }
        bits(u32::from(lengths.random_access) + lengths.stream_state.min(31))?;
        if lengths.stream_state == 32 {
            bits(1)?;
        }
        Ok(Header { size, cts_delta })
    }

    fn whole(&mut self, timestamp: u32, unit: &[u8], out: &mut impl FnMut(Frame<'_>)) {
        // A frame that is whole in one packet ends one that never became whole.
        self.give_up();
        if !unit.is_empty() {
            let duration = self.duration();
            out(Frame { config: Some(&self.config), ..self.intake.frame(timestamp, Some(duration), unit) });
        }
    }

    /// A part of a frame of `size` bytes (3.2.3.1); all parts have its size and its time.
    fn fragment(&mut self, size: usize, part: &[u8], packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        if !self.fragments.is_empty() && (self.size, self.timestamp) != (size, packet.timestamp) {
            self.give_up();
        }
        (self.size, self.timestamp) = (size, packet.timestamp);
        if self.fragments.len() + part.len() > size {
            return Err(Fault::Malformed("fragments have more bytes than their frame"));
        }
        self.fragments.extend(part)?;
        if self.fragments.len() == size {
            let duration = self.duration();
            let frame = self.intake.frame(packet.timestamp, Some(duration), self.fragments.bytes());
            out(Frame { config: Some(&self.config), ..frame });
            self.fragments.clear();
        } else if packet.marker {
            // Its beginning was before the first packet, or is lost.
            self.give_up();
        }
        Ok(())
    }

    fn give_up(&mut self) {
        self.intake.give_up(&mut self.fragments);
    }

    fn time(&self, first: u32, index: u32) -> u32 {
        match self.constant_duration {
            Some(duration) => first.wrapping_add(duration.wrapping_mul(index)),
            None => after(first, index, self.config.frame_samples.into(), self.clock, self.config.sample_rate),
        }
    }

    fn duration(&self) -> u32 {
        self.constant_duration.unwrap_or_else(|| ticks(self.config.frame_samples.into(), self.clock, self.config.sample_rate))
    }
}

impl Lengths {
    /// Whether there is an AU header section at all (3.2.1).
    fn has_headers(&self) -> bool {
        let Self { size, index, index_delta, cts_delta, dts_delta, random_access, stream_state, auxiliary: _ } = *self;
        random_access || size + index + index_delta + cts_delta + dts_delta + stream_state > 0
    }
}

fn unsupported(what: &'static str, remedy: &'static str) -> Refusal {
    Refusal::Unsupported { what, remedy }
}

fn number(parameters: &Parameters, name: &'static str) -> Result<Option<u32>, Refusal> {
    let parse = |text: &str| text.parse().map_err(|_| Refusal::Bad { name, remedy: "it is a number" });
    parameters.get(name).map(parse).transpose()
}

#[cfg(test)]
mod tests;

//! AAC by RFC 6416 (`MP4A-LATM`): AudioMuxElements, with their configuration in them (cpresent=1) or in the SDP (cpresent=0).
//!
//! Gives bare frames as [`super::aac`] does, so that what is made of them need not know how they came:
//! [`super::mux_element::loas`] makes LOAS frames of them, which a transport stream carries as stream_type 0x11.

use super::mux_element::{StreamMuxConfig, bits, hexadecimal, skip};
use super::parts::{Arrival, Assembly, Intake, after, ticks};
use super::{Fault, Frame, MAX_AUDIO, Packet, Refusal, Stats};
use crate::codec::bits::BitReader;
use crate::ingest::sdp::Parameters;

/// Takes apart one stream.
#[derive(Debug)]
pub struct Latm {
    /// The configuration comes with the elements.
    in_band: bool,
    mux: Option<StreamMuxConfig>,
    clock: u32,
    intake: Intake,
    parts: Assembly,
    timestamp: u32,
    /// The next packet begins an element.
    aligned: bool,
    /// Elements have come in several packets.
    fragmented: bool,
    frame: Assembly,
}

impl Latm {
    /// With the clock rate and the parameters of an SDP.
    ///
    /// # Errors
    /// When the configuration is to be in the SDP and is not, or is not supported.
    pub fn new(clock: u32, parameters: &Parameters) -> Result<Self, Refusal> {
        let in_band = parameters.get("cpresent").is_none_or(|value| value != "0");
        let name = "config";
        let mux = match parameters.get(name) {
            Some(text) => {
                let bytes = hexadecimal(text).ok_or(Refusal::Bad { name, remedy: "it has to be hexadecimal digits" })?;
                match StreamMuxConfig::read(&mut BitReader::new(&bytes)) {
                    Ok(mux) => Some(mux),
                    // It will come in the stream.
                    Err(_) if in_band => None,
                    Err(Fault::Unsupported(what)) => return Err(Refusal::Unsupported { what, remedy: "send mpeg4-generic" }),
                    Err(_) => return Err(Refusal::Bad { name, remedy: "it has to be a StreamMuxConfig" }),
                }
            }
            None if in_band => None,
            None => return Err(Refusal::Missing { name, remedy: "with cpresent=0 it has to be there" }),
        };
        Ok(Self {
            in_band,
            mux,
            clock,
            intake: Intake::default(),
            parts: Assembly::new(MAX_AUDIO),
            timestamp: 0,
            aligned: false,
            fragmented: false,
            frame: Assembly::new(MAX_AUDIO),
        })
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.intake.stats()
    }

    /// Bytes of memory that its buffers hold: twice [`MAX_AUDIO`] at most.
    pub fn held(&self) -> usize {
        self.parts.held() + self.frame.held()
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// When something is wrong with it; frames before that have been given.
    pub fn push(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        match self.intake.take(packet.sequence) {
            Arrival::Again => return Ok(()),
            Arrival::First => {}
            Arrival::Gap => {
                self.give_up();
                self.aligned = false;
            }
            Arrival::Next => {
                // A sender that never sets the marker: another time is another element.
                if !self.parts.is_empty() && self.timestamp != packet.timestamp {
                    let ended = self.end(out);
                    self.intake.count(ended)?;
                }
            }
        }
        self.timestamp = packet.timestamp;
        let result = self.gather(packet, out);
        if result.is_err() {
            self.give_up();
        }
        self.intake.count(result)
    }

    /// An element ends with the marker (RFC 6416, 6.1); where its first packet may be missing it is not begun.
    fn gather(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        let begins = self.aligned || packet.marker && !self.fragmented;
        self.fragmented |= !packet.marker;
        let known = begins || !self.parts.is_empty();
        if packet.marker {
            self.aligned = true;
            if known && self.parts.is_empty() {
                return self.element(packet.payload, packet.timestamp, out);
            }
        }
        if !known {
            return Ok(());
        }
        self.aligned = packet.marker;
        self.parts.extend(packet.payload)?;
        if packet.marker { self.end(out) } else { Ok(()) }
    }

    /// The parts are a whole element.
    fn end(&mut self, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        self.aligned = true;
        let parts = std::mem::replace(&mut self.parts, Assembly::new(0));
        let result = self.element(parts.bytes(), self.timestamp, out);
        self.parts = parts;
        self.parts.clear();
        result
    }

    /// AudioMuxElements behind each other; senders put one into a packet, or several.
    fn element(&mut self, mut bytes: &[u8], timestamp: u32, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        let mut index = 0u32;
        while !bytes.is_empty() {
            let mut reader = BitReader::new(bytes);
            if self.in_band && bits(&mut reader, 1)? == 0 {
                let mux = StreamMuxConfig::read(&mut reader)?;
                if self.mux.as_ref() != Some(&mux) {
                    self.mux = Some(mux);
                }
            }
            let Some(mux) = &self.mux else {
                // The configuration is still to come.
                self.intake.discard();
                return Ok(());
            };
            let (samples, rate) = (u32::from(mux.config.frame_samples), mux.config.sample_rate);
            for _ in 0..mux.frames {
                let length = mux.frame_length(&mut reader)?;
                if length.saturating_mul(8) > reader.left() {
                    return Err(Fault::Truncated);
                }
                let frame = take(&mut reader, bytes, length, &mut self.frame)?;
                if !frame.is_empty() {
                    let time = after(timestamp, index, samples, self.clock, rate);
                    let duration = ticks(samples.into(), self.clock, rate);
                    out(Frame { config: Some(&mux.config), ..self.intake.frame(time, Some(duration), frame) });
                }
                index = index.wrapping_add(1);
            }
            skip(&mut reader, mux.other_bits as usize)?;
            bytes = bytes.get(bytes.len() - reader.left() / 8..).unwrap_or_default();
        }
        Ok(())
    }

    fn give_up(&mut self) {
        if !self.parts.is_empty() {
            self.parts.clear();
            self.intake.discard();
        }
    }
}

/// So many bytes from where the reader stands: of `bytes` itself where they lie on bytes, else shifted into `buffer`.
fn take<'a>(reader: &mut BitReader<'_>, bytes: &'a [u8], length: usize, buffer: &'a mut Assembly) -> Result<&'a [u8], Fault> {
    let left = reader.left();
    if left.is_multiple_of(8) {
        let begin = bytes.len().saturating_sub(left / 8);
        skip(reader, length.saturating_mul(8))?;
        return bytes.get(begin..begin.saturating_add(length)).ok_or(Fault::Truncated);
    }
    buffer.clear();
    buffer.reserve(length)?;
    for _ in 0..length {
        buffer.bytes_mut().push(bits(reader, 8)? as u8);
    }
    Ok(buffer.bytes())
}

#[cfg(test)]
mod tests;

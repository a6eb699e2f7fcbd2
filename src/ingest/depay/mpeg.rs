//! MPEG-1 and MPEG-2 video (MPV) and MPEG audio (MPA) by RFC 2250, 3: payload types 32 and 14, or dynamic ones.
//!
//! Gives pictures as they lie in an elementary stream, with the sequence and group headers in front of them; and whole frames of
//! sound.

use super::parts::{Arrival, Assembly, Intake, after, ticks};
use super::{Fault, Frame, MAX_AUDIO, MAX_FRAME, Packet, Stats};
use crate::codec::mpa;
use crate::model::Codec;

/// Start code values (13818-2, table 6-1).
const PICTURE: u8 = 0x00;
const SEQUENCE: u8 = 0xB3;
const EXTENSION: u8 = 0xB5;
const GROUP: u8 = 0xB8;

/// Takes apart one stream of video.
#[derive(Debug)]
pub struct MpegVideo {
    intake: Intake,
    picture: Assembly,
    timestamp: u32,
    mpeg_1: bool,
}

impl Default for MpegVideo {
    fn default() -> Self {
        Self { intake: Intake::default(), picture: Assembly::new(MAX_FRAME), timestamp: 0, mpeg_1: false }
    }
}

impl MpegVideo {
    /// Which of the two it is: told by the sequence headers; MPEG-2 until one has come.
    pub fn codec(&self) -> Codec {
        if self.mpeg_1 { Codec::Mpeg1 } else { Codec::Mpeg2 }
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.intake.stats()
    }

    /// Bytes of memory that its buffers hold: [`MAX_FRAME`] at most.
    pub fn held(&self) -> usize {
        self.picture.held()
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// When something is wrong with it.
    pub fn push(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        match self.intake.take(packet.sequence) {
            Arrival::Again => return Ok(()),
            Arrival::Gap => self.give_up(),
            // A sender that does not mark the end of a picture.
            Arrival::Next if packet.timestamp != self.timestamp => self.end(out),
            Arrival::First | Arrival::Next => {}
        }
        self.timestamp = packet.timestamp;
        let result = self.gather(packet, out);
        self.intake.end(result, &mut self.picture)
    }

    fn gather(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        let part = behind_headers(packet.payload).ok_or(Fault::Truncated)?;
        // Headers are always at the begin of a payload (3.1); a part in the midst of a picture whose begin is lost is of no use.
        if !self.picture.is_empty() || matches!(part, [0, 0, 1, SEQUENCE | GROUP | PICTURE, ..]) {
            self.picture.extend(part)?;
            if packet.marker {
                self.end(out);
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut impl FnMut(Frame<'_>)) {
        let bytes = self.picture.bytes();
        if bytes.is_empty() {
            return;
        }
        let mut intra = false;
        let sequence = bytes.get(3) == Some(&SEQUENCE);
        let mut extended = false;
        for (value, rest) in start_codes(bytes) {
            match value {
                EXTENSION => extended = true,
                PICTURE => {
                    // temporal_reference, picture_coding_type
                    intra = rest.get(1).is_some_and(|byte| byte >> 3 & 7 == 1);
                    break;
                }
                _ => {}
            }
        }
        if sequence {
            self.mpeg_1 = !extended;
        }
        out(Frame { random_access: sequence && intra, ..self.intake.frame(self.timestamp, None, bytes) });
        self.picture.clear();
    }

    fn give_up(&mut self) {
        self.intake.give_up(&mut self.picture);
    }
}

/// What is behind the video-specific header, and the one of MPEG-2 (3.4, 3.4.1).
fn behind_headers(payload: &[u8]) -> Option<&[u8]> {
    let (header, mut rest) = payload.split_first_chunk::<4>()?;
    // T: the header of MPEG-2 follows; its E and D say what follows that.
    if header[0] & 0x04 != 0 {
        let (header, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        if header[3] & 0x01 != 0 {
            rest = rest.get(4..)?;
        }
        if header[0] & 0x40 != 0 {
            let words = usize::from(*rest.first()?).max(1);
            rest = rest.get(4 * words..)?;
        }
    }
    Some(rest)
}

/// Start codes as `(value, what is behind it)`.
fn start_codes(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let at = bytes.windows(3).position(|window| window == [0, 0, 1])?;
        let (value, rest) = bytes.get(at + 3..)?.split_first()?;
        bytes = rest;
        Some((*value, rest))
    })
}

/// Takes apart one stream of audio, layers I to III.
#[derive(Debug)]
pub struct MpegAudio {
    clock: u32,
    intake: Intake,
    /// Fragments of a frame of `size` bytes.
    fragments: Assembly,
    size: usize,
    timestamp: u32,
}

impl MpegAudio {
    /// With the clock rate: 90 kHz always, by RFC 3551.
    pub fn new(clock: u32) -> Self {
        Self { clock, intake: Intake::default(), fragments: Assembly::new(MAX_AUDIO), size: 0, timestamp: 0 }
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

    /// The audio-specific header (3.5): 16 bits of zero, the fragment's place in its frame.
    fn read(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        let (&[_, _, high, low], mut data) = packet.payload.split_first_chunk::<4>().ok_or(Fault::Truncated)?;
        let offset = usize::from(u16::from_be_bytes([high, low]));
        if offset > 0 {
            return self.fragment(offset, data, out);
        }
        self.give_up();
        let mut time = packet.timestamp;
        let mut index = 0u32;
        while !data.is_empty() {
            let (format, length) = mpa::frame(data).ok_or(Fault::Malformed("no frame of MPEG audio"))?;
            let samples = samples(data);
            let Some((frame, rest)) = data.split_at_checked(length.max(4)) else {
                if index > 0 {
                    return Err(Fault::Truncated);
                }
                (self.size, self.timestamp) = (length, packet.timestamp);
                return self.fragments.extend(data);
            };
            out(self.intake.frame(time, Some(ticks(samples.into(), self.clock, format.sample_rate)), frame));
            data = rest;
            index = index.wrapping_add(1);
            time = after(packet.timestamp, index, samples, self.clock, format.sample_rate);
        }
        Ok(())
    }

    fn fragment(&mut self, offset: usize, part: &[u8], out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        if self.fragments.is_empty() || self.fragments.len() != offset {
            self.give_up();
            return Ok(());
        }
        self.fragments.extend(part)?;
        let bytes = self.fragments.bytes();
        if bytes.len() > self.size {
            return Err(Fault::Malformed("fragments have more bytes than their frame"));
        }
        if bytes.len() == self.size {
            let rate = mpa::frame(bytes).map_or(self.clock, |(format, _)| format.sample_rate);
            out(self.intake.frame(self.timestamp, Some(ticks(samples(bytes).into(), self.clock, rate)), bytes));
            self.fragments.clear();
        }
        Ok(())
    }

    fn give_up(&mut self) {
        self.intake.give_up(&mut self.fragments);
    }
}

/// Samples of a frame, by its header (11172-3, 2.4.2.1; 13818-3, 2.4.2).
fn samples(frame: &[u8]) -> u32 {
    let second = frame.get(1).copied().unwrap_or_default();
    match (second >> 1 & 3, second >> 3 & 3) {
        (3, _) => 384,
        (1, version) if version != 3 => 576,
        _ => 1152,
    }
}

#[cfg(test)]
mod tests;

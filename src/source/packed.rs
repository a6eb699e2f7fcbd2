//! Bare frames of sound (internet radio; packed audio of HLS, RFC 8216, 3.4) taken apart into the units of a transport stream,
//! with the times that their lengths give them. Pure.

#[cfg(test)]
mod tests;

use bytes::{Buf, BytesMut};

use super::sniff::{AudioKind, audio_frame, id3_length};
use crate::codec::ac3;
use crate::model::Codec;
use crate::ts::mux::{Track, Unit};
use crate::ts::time::Pts90k;

/// Bytes of a header that are looked at.
const HEADER: usize = 8;
/// Substreams of E-AC-3 that may belong to one frame: eight independent ones with eight dependent ones each (annex E.1.3.1).
const MOST_SUBSTREAMS: usize = 63;
/// The longest ID3 tag that is read; longer ones (pictures) are passed over.
const LONGEST_TAG: usize = 64 * 1024;
/// Who signs the time of a segment (RFC 8216, 3.4).
const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";
/// A stamp this near to where the frames have led is taken for the same instant: 50 ms.
const NEAR_90K: i64 = 4_500;

/// Takes frames apart as their bytes come.
#[derive(Debug, Default)]
pub struct Packed {
    kind: Option<AudioKind>,
    track: Option<Track>,
    buffer: BytesMut,
    /// Bytes of a tag that are still to be passed over.
    passing: usize,
    /// The last frame ended where the buffer begins.
    in_step: bool,
    clock: Clock,
}

/// Where the frames have led.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    started: bool,
    from_90k: u64,
    samples: u64,
    rate: u64,
}

impl Clock {
    fn now(&self) -> Pts90k {
        Pts90k(0).plus(self.from_90k).plus(self.samples * 90_000 / self.rate.max(1))
    }

    fn set(&mut self, to: Pts90k) {
        if !self.started || to.since(self.now()).abs() > NEAR_90K {
            *self = Self { started: true, from_90k: to.0, samples: 0, rate: self.rate };
        }
    }

    /// The time of a frame, which moves it on.
    fn frame(&mut self, samples: u32, rate: u32) -> Pts90k {
        if self.rate != u64::from(rate) {
            (self.from_90k, self.samples, self.rate) = (self.now().0, 0, rate.into());
        }
        let now = self.now();
        self.samples += u64::from(samples);
        self.started = true;
        now
    }
}

impl Packed {
    /// What it is, once a frame was there.
    pub fn track(&self) -> Option<&Track> {
        self.track.as_ref()
    }

    /// What follows does not go on where the last frame ended: the next stamp is believed as it is.
    pub fn discontinuity(&mut self) {
        self.clock.started = false;
    }

    /// Takes bytes and gives the frames that are whole by now.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Unit>) {
        self.buffer.extend_from_slice(bytes);
        while self.step(false, out) {}
    }

    /// The segment is over: gives the last frame, too, and forgets what is left.
    pub fn segment_over(&mut self, out: &mut Vec<Unit>) {
        while self.step(true, out) {}
        self.buffer.clear();
        (self.passing, self.in_step) = (0, false);
    }

    /// Goes on by a tag, a frame or some junk; false if more bytes are needed for that.
    fn step(&mut self, over: bool, out: &mut Vec<Unit>) -> bool {
        let passed = self.passing.min(self.buffer.len());
        self.buffer.advance(passed);
        self.passing -= passed;
        if self.passing > 0 || self.buffer.len() < HEADER {
            return false;
        }
        if self.buffer.starts_with(b"ID3") {
            return self.tag();
        }
        let expected = |kind: AudioKind| self.kind.is_none_or(|known| known == kind);
        let Some(frame) = audio_frame(&self.buffer).filter(|frame| expected(frame.kind)) else {
            self.in_step = false;
            let next = self.buffer.iter().skip(1).position(|byte| matches!(byte, 0xFF | 0x0B | b'I'));
            self.buffer.advance(next.map_or(self.buffer.len(), |next| next + 1));
            return true;
        };
        let Some(length) = self.whole_length(frame.length, frame.kind, over) else { return false };
        // Out of step any bytes may look like a header: another one must follow.
        self.in_step &= self.clock.rate == u64::from(frame.rate);
        let needed = length + if self.in_step || over { 0 } else { HEADER };
        if self.buffer.len() < needed {
            return false;
        }
        let follows = self.buffer.get(length..).filter(|next| next.len() >= HEADER);
        let proven = self.in_step
            || follows
                .is_none_or(|next| next.starts_with(b"ID3") || audio_frame(next).is_some_and(|next| next.kind == frame.kind));
        if !proven {
            self.buffer.advance(1);
            return true;
        }
        self.in_step = true;
        if self.kind.is_none() {
            self.kind = Some(frame.kind);
            self.track = track(frame.kind, frame.rate);
        }
        let now = self.clock.frame(frame.samples, frame.rate);
        let data = self.buffer.split_to(length).to_vec();
        out.push(Unit { track: 0, pts: now, dts: now, random_access: true, data });
        true
    }

    /// The length of a frame with those that belong to it; `None` if that is not to be told yet.
    fn whole_length(&self, mut length: usize, kind: AudioKind, over: bool) -> Option<usize> {
        for _ in 0..if kind == AudioKind::Eac3 { MOST_SUBSTREAMS } else { 0 } {
            match self.buffer.get(length..).filter(|next| next.len() >= HEADER) {
                Some(next) => match ac3::belongs_to_last(next) {
                    Some(more) => length += more,
                    None => break,
                },
                None if over => break,
                None => return None,
            }
        }
        Some(length)
    }

    /// A tag at the beginning of the buffer.
    fn tag(&mut self) -> bool {
        if self.buffer.len() < 10 {
            return false;
        }
        let length = id3_length(&self.buffer);
        if length > LONGEST_TAG {
            self.passing = length;
            return true;
        }
        if self.buffer.len() < length {
            return false;
        }
        let tag = self.buffer.split_to(length);
        if let Some(stamp) = stamp(&tag) {
            self.clock.set(stamp);
        }
        true
    }
}

fn track(kind: AudioKind, rate: u32) -> Option<Track> {
    let codec = match kind {
        AudioKind::Adts => Codec::Aac,
        AudioKind::Mpeg => Codec::Mp2,
        AudioKind::Ac3 => Codec::Ac3,
        AudioKind::Eac3 => Codec::Eac3,
    };
    let track = Track::new(codec, None)?;
    // 13818-1, table 2-34: the half rates of 13818-3 have a type of their own.
    Some(if kind == AudioKind::Mpeg && rate < 32_000 { Track { stream_type: 0x04, ..track } } else { track })
}

/// The time in the PRIV frame of an ID3 tag: 33 bits at 90 kHz in eight bytes.
fn stamp(tag: &[u8]) -> Option<Pts90k> {
    let at = memchr::memmem::find(tag, OWNER)?;
    let field = tag.get(at + OWNER.len()..)?.first_chunk::<8>()?;
    Some(Pts90k(u64::from_be_bytes(*field) & 0x1_FFFF_FFFF))
}

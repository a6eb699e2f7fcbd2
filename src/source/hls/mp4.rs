//! Fragments of MP4 (ISO/IEC 14496-12, 8.8; CMAF, 23000-19) taken apart into the units of a transport stream, as their bytes come.
//!
//! Held are a box that says where samples are, and the bytes of one sample: a segment may be as long as it likes. Pure.

mod boxes;
mod fragment;
mod init;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};

use self::boxes::{Header, name};
use self::fragment::{Running, Sample};
pub use self::init::{Form, Init};
use super::playlist::broken;
use crate::source::SourceError;
use crate::ts::mux::nal::{self, Lengths};
use crate::ts::mux::{Track, Unit};
use crate::ts::time::Pts90k;

/// The longest moov or moof box.
const LONGEST_BOX: u64 = 4 * 1024 * 1024;
/// Where time stamps wrap.
const WRAP_90K: i64 = 1 << 33;

/// Takes one playlist's segments apart.
#[derive(Debug, Default)]
pub struct Mp4 {
    init: Option<Init>,
    running: Vec<Running>,
    buffer: BytesMut,
    /// Position in the resource of the first byte in the buffer.
    at: u64,
    state: State,
    /// Samples whose bytes are still to come, in the order of these.
    pending: VecDeque<Sample>,
    /// A fragment began in this segment.
    fragments: bool,
}

/// Where in the boxes of a segment the next byte lies.
#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// At the beginning of a box.
    #[default]
    Box,
    /// In a box of which so much is left, which holds samples.
    Data(u64),
    /// In one that says nothing of use.
    Ignored(u64),
}

impl Mp4 {
    /// Takes an initialisation section.
    ///
    /// # Errors
    /// When it is broken, encrypted, or holds nothing that a transport stream carries.
    pub fn init(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let init = init::parse(bytes)?;
        if self.init.as_ref() != Some(&init) {
            self.running = vec![Running::default(); init.tracks.len()];
            self.init = Some(init);
        }
        Ok(())
    }

    /// The tracks, as the transport stream has them; none before an initialisation section.
    pub fn tracks(&self) -> Vec<Track> {
        self.init.iter().flat_map(|init| &init.tracks).map(|track| track.output.clone()).collect()
    }

    /// What follows does not go on where the last fragment ended.
    pub fn discontinuity(&mut self) {
        self.running.fill(Running::default());
    }

    /// A segment begins, at this byte of its resource; what was left of the one before it is gone.
    pub fn begin(&mut self, at: u64) {
        self.buffer.clear();
        self.pending.clear();
        (self.at, self.state, self.fragments) = (at, State::Box, false);
    }

    /// Takes bytes of the segment, and gives the units that are whole by now, in the order of their bytes.
    ///
    /// # Errors
    /// When the segment is broken: the next one may not be. And as [`Mp4::init`], for a segment that brings its own.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Unit>) -> Result<(), SourceError> {
        self.buffer.extend_from_slice(bytes);
        while self.step(out)? {}
        Ok(())
    }

    /// Goes on to the next box or sample; false if more bytes are needed for that.
    fn step(&mut self, out: &mut Vec<Unit>) -> Result<bool, SourceError> {
        match self.state {
            State::Box => self.next_box(),
            State::Ignored(left) => {
                let taken = self.pass(left);
                self.state = if taken == left { State::Box } else { State::Ignored(left - taken) };
                Ok(taken == left)
            }
            State::Data(left) => self.data(left, out),
        }
    }

    fn next_box(&mut self) -> Result<bool, SourceError> {
        let Some(header) = boxes::header(&self.buffer) else { return Ok(false) };
        let Header { kind, length, body } = header.map_err(|_| bad("a box of impossible length"))?;
        match &kind {
            b"moov" | b"moof" => {
                let body = body.filter(|body| *body <= LONGEST_BOX);
                let body = body.ok_or_else(|| bad(format!("a {} box that is far too long", name(kind))))? as usize;
                if self.buffer.len() < length + body {
                    return Ok(false);
                }
                let begins = self.at;
                let whole = self.buffer.split_to(length + body);
                self.at += whole.len() as u64;
                if &kind == b"moov" {
                    self.init(&whole)?;
                } else {
                    let Some(init) = &self.init else { return Err(broken("fragments of MP4 without an initialisation section")) };
                    let moof = whole.get(length..).unwrap_or_default();
                    self.pending = fragment::samples(moof, begins, init, &mut self.running).map_err(bad)?.into();
                    self.fragments = true;
                }
            }
            b"mdat" if !self.fragments => return Err(bad("samples without a fragment (an MP4 file that is not fragmented?)")),
            _ => {
                self.pass(length as u64);
                let body = body.unwrap_or(u64::MAX);
                self.state = if &kind == b"mdat" { State::Data(body) } else { State::Ignored(body) };
            }
        }
        Ok(true)
    }

    /// In a box of samples of which so much is left.
    fn data(&mut self, left: u64, out: &mut Vec<Unit>) -> Result<bool, SourceError> {
        let Some(sample) = self.pending.front().copied() else {
            self.state = State::Ignored(left);
            return Ok(true);
        };
        let gap = sample.offset.checked_sub(self.at).ok_or_else(|| bad("samples that overlap, or lie outside of their data"))?;
        if gap > 0 || left == 0 {
            let wanted = gap.min(left);
            let taken = self.pass(wanted);
            self.state = if taken == left { State::Box } else { State::Data(left - taken) };
            return Ok(taken == wanted);
        }
        let size = sample.size as u64;
        if size > left {
            return Err(bad("a sample that is longer than its data"));
        }
        if self.buffer.len() < sample.size {
            return Ok(false);
        }
        self.pending.pop_front();
        let bytes = self.buffer.split_to(sample.size);
        self.at += size;
        self.state = State::Data(left - size);
        let track = self.init.as_ref().and_then(|init| init.tracks.get(sample.track));
        out.extend(track.and_then(|track| unit(&sample, track, &bytes)));
        Ok(true)
    }

    /// Leaves out at most so many bytes; says how many were there.
    fn pass(&mut self, most: u64) -> u64 {
        let now = usize::try_from(most).unwrap_or(usize::MAX).min(self.buffer.len());
        self.buffer.advance(now);
        self.at += now as u64;
        now as u64
    }
}

/// A sample as the transport stream carries it.
fn unit(sample: &Sample, track: &init::Track, bytes: &[u8]) -> Option<Unit> {
    let mut data = Vec::with_capacity(bytes.len() + 64);
    let mut random_access = sample.sync;
    match &track.form {
        Form::Nal(length, sets) => {
            let nals = Lengths::new(bytes, *length);
            random_access = nal::access_unit(track.output.codec, nals, sets, sample.sync, &mut data);
        }
        Form::Adts(adts) => {
            data.extend(adts.header(bytes.len())?);
            data.extend_from_slice(bytes);
        }
        Form::Plain => data.extend_from_slice(bytes),
    }
    let wrapped = |time_90k: i64| Pts90k(time_90k.rem_euclid(WRAP_90K) as u64);
    Some(Unit { track: sample.track, pts: wrapped(sample.pts_90k), dts: wrapped(sample.dts_90k), random_access, data })
}

/// A segment is broken; the next one may not be.
fn bad(what: impl Into<String>) -> SourceError {
    SourceError::NotAStream { what: format!("a segment of MP4 with {}", what.into()) }
}

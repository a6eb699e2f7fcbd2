//! The side tap of an input: looks at a stream that passes by, and knows what is in it. Nothing that it does changes or delays the
//! stream. Pure: bytes and time come as arguments.
//!
//! `bytes → ts/input → frames → gop, gop_buffer, sync, recovery`. Memory is counted in [`memory`], and [`pressure`] says when frames
//! are to go, which [`drop_order`] chooses.

pub mod drop_order;
pub mod elementary;
pub mod frames;
pub mod gop;
pub mod gop_buffer;
pub mod memory;
pub mod parameters;
pub mod picture;
pub mod pressure;
pub mod preview;
pub mod recovery;
pub mod seen;
pub mod sync;
#[cfg(test)]
pub(super) mod testing;

use std::time::Duration;

use crate::base::clock::Instant;
use crate::model::stream_info::Kind;
use crate::model::{Moment, StreamInfo};
use crate::ts::input::{Choice, Input};
use crate::ts::programme::Programme;
use drop_order::DropStrategy;
use frames::{Event, Frame, Frames, Track};
use gop::Gops;
use gop_buffer::{GopBuffer, Kept};
use memory::Account;
use parameters::Parameters;
use pressure::{Control, Pressure};
use recovery::{Fault, Recovery};
pub use seen::Seen;
use sync::Sync;

/// So many bytes are looked at before what was found in them is dealt with.
const PIECE: usize = 64 * 1024;

/// Settings of all parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Of frames.
    pub frames: frames::Settings,
    /// Of the buffer.
    pub buffer: gop_buffer::Settings,
    /// Of the pressure.
    pub watermarks: pressure::Watermarks,
    /// Of recovery.
    pub recovery: recovery::Settings,
    /// Of the comparison of sound and picture.
    pub drift: sync::drift::Settings,
    /// A stream of which nothing has come for so long is silent.
    pub silence: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            frames: frames::Settings::default(),
            buffer: gop_buffer::Settings::default(),
            watermarks: pressure::Watermarks::default(),
            recovery: recovery::Settings::default(),
            drift: sync::drift::Settings::default(),
            silence: Duration::from_secs(2),
        }
    }
}

impl Settings {
    /// The same with another strategy of dropping, by its name in the settings; none where there is no such.
    pub fn dropping(self, strategy: &str) -> Option<Self> {
        let strategy = DropStrategy::named(strategy)?;
        Some(Self { buffer: gop_buffer::Settings { strategy, ..self.buffer }, ..self })
    }
}

/// Looks at one stream.
#[derive(Debug)]
pub struct Tap {
    settings: Settings,
    input: Input,
    /// What a stream was that has ended.
    known: Option<StreamInfo>,
    frames: Frames,
    gops: Gops,
    buffer: GopBuffer,
    account: Account,
    pressure: Pressure,
    sync: Sync,
    recovery: Recovery,
    /// When something came last.
    heard: Instant,
    silent: bool,
    assembled: u64,
    broken: u64,
    /// A keyframe is to be asked for.
    wants_keyframe: bool,
    /// Something was not looked at: until a keyframe comes nothing is said of faults, which would be our own.
    blind: bool,
    found: Vec<Event>,
}

/// Frames that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assembled {
    /// All.
    pub frames: u64,
    /// Those that were not whole.
    pub broken: u64,
}

impl Tap {
    /// For a stream that begins now, whose memory is counted in this account.
    pub fn new(settings: Settings, account: Account, now: Instant) -> Self {
        Self {
            settings,
            input: Input::new(Choice::First),
            known: None,
            frames: Frames::new(settings.frames),
            gops: Gops::default(),
            buffer: GopBuffer::new(settings.buffer, account.clone()),
            account,
            pressure: Pressure::new(settings.watermarks),
            sync: Sync::new(settings.drift),
            recovery: Recovery::new(settings.recovery, now),
            heard: now,
            silent: false,
            assembled: 0,
            broken: 0,
            wants_keyframe: false,
            blind: false,
            found: Vec::new(),
        }
    }

    /// The next bytes of the stream, cut anywhere. True if a keyframe is to be asked for, where that is possible.
    pub fn push(&mut self, bytes: &[u8], now: Instant, wall: Moment) -> bool {
        if !bytes.is_empty() {
            (self.heard, self.silent) = (now, false);
        }
        self.frames.at(now, wall);
        for piece in bytes.chunks(PIECE) {
            let before = self.input.stats().continuity_errors;
            self.input.push(piece, &mut self.frames);
            let missing = self.input.stats().continuity_errors.saturating_sub(before);
            self.deal(missing, now, wall);
        }
        std::mem::take(&mut self.wants_keyframe)
    }

    /// Time has passed; to be called about every 100 ms. True if a keyframe is to be asked for.
    pub fn tick(&mut self, now: Instant, wall: Moment) -> bool {
        if !self.silent && now.saturating_duration_since(self.heard) >= self.settings.silence {
            self.silent = true;
            self.frames.at(self.heard, wall);
            self.input.settle(&mut self.frames);
            self.fault(Fault::Timeout, now);
        }
        self.frames.expire(now);
        self.deal(0, now, wall);
        self.wants_keyframe |= self.recovery.tick(now);
        std::mem::take(&mut self.wants_keyframe)
    }

    /// Another sender begins, or the same one anew: what comes has nothing to do with what came. Frames and faults are counted on.
    pub fn begin_anew(&mut self, now: Instant, wall: Moment) {
        (self.input, self.known) = (Input::new(Choice::First), None);
        self.frames.begin_anew();
        self.deal(0, now, wall);
        self.blind = false;
        (self.heard, self.silent) = (now, false);
    }

    /// Something of the stream was not looked at: what comes is the same stream, behind a hole that is none of it.
    pub fn missed(&mut self) {
        self.blind = true;
        self.buffer.end_group();
    }

    /// Nobody sends the stream any more: what is kept of it goes, what was counted stays.
    pub fn rest(&mut self, now: Instant, wall: Moment) {
        self.input.finish(&mut self.frames);
        self.frames.rest();
        self.deal(0, now, wall);
        self.buffer.clear();
        self.known = Some(self.info());
        (self.input, self.silent) = (Input::new(Choice::First), true);
    }

    /// Does what a person asks for.
    pub fn control(&mut self, control: Control, wall: Moment) {
        match control {
            Control::SetPressure(pressure) => {
                let goes = self.pressure.set(pressure, self.buffer.bytes(), wall);
                self.buffer.relieve(goes);
            }
            Control::Reset => self.pressure.reset(wall),
            Control::DropGop => self.buffer.drop_oldest(),
        }
    }

    /// About so much of what came last, for a stream that plays by itself ([`preview`]); none while there is no keyframe. What is kept
    /// is shared: it counts as memory of the stream until whoever has it lets go.
    pub fn kept(&self, duration: Duration) -> Option<(Programme, Vec<Kept>)> {
        self.buffer.keyframe()?;
        Some((self.frames.programme()?.clone(), self.buffer.preview(duration).cloned().collect()))
    }

    /// The newest keyframe by itself, and a programme without sound, for [`preview::transport_stream`].
    pub fn picture(&self) -> Option<(Programme, Kept)> {
        let frame = Kept { beside: Vec::new(), ..self.buffer.keyframe()?.clone() };
        let mut programme = self.frames.programme()?.clone();
        let video = programme.streams.iter().position(|stream| stream.codec.kind() == Kind::Video)?;
        programme.streams = vec![programme.streams.swap_remove(video)];
        Some((programme, frame))
    }

    /// Codecs, profile, resolution, frame rate, bit rate. Allocates.
    pub fn info(&self) -> StreamInfo {
        self.input.info()
    }

    /// Frames that came.
    pub fn assembled(&self) -> Assembled {
        Assembled { frames: self.assembled, broken: self.broken }
    }

    /// Groups of pictures, and kinds of frames.
    pub fn gops(&self) -> gop::Statistics {
        self.gops.statistics()
    }

    /// Parameter sets.
    pub fn parameters(&self) -> &Parameters {
        self.frames.parameters()
    }

    /// Whether frames are dropped, and why.
    pub fn pressure(&self) -> pressure::Statistics {
        self.pressure.statistics()
    }

    /// What went wrong.
    pub fn recovery(&self) -> recovery::Statistics {
        self.recovery.statistics()
    }

    fn deal(&mut self, missing: u64, now: Instant, wall: Moment) {
        let mut found = std::mem::take(&mut self.found);
        found.extend(self.frames.events());
        let mut missing = Some(missing);
        for event in found.drain(..) {
            match event {
                Event::Video(_) => self.forget(),
                Event::Frame(frame) => self.frame(frame, now, wall),
                Event::Stamp { track, pts, dts } => self.stamp(track, (pts.0, dts.0), now, wall),
                Event::Gap(Track::Video) => {
                    // They are counted for all holes in what was looked at together.
                    if let Some(missing) = missing.take().filter(|_| !self.blind) {
                        self.fault(Fault::Gap(missing), now);
                    }
                }
                Event::Gap(Track::Audio) => {}
            }
        }
        self.found = found;
        let goes = self.pressure.measure(self.account.pressure(), self.buffer.bytes(), wall);
        self.buffer.relieve(goes);
    }

    fn frame(&mut self, frame: Frame, now: Instant, wall: Moment) {
        self.assembled = self.assembled.saturating_add(1);
        self.gops.see(&frame);
        if frame.whole && frame.keyframe {
            self.blind = false;
            self.recovery.keyframe(now, wall);
        } else if !frame.whole && !self.blind {
            self.broken = self.broken.saturating_add(1);
            self.fault(Fault::Corruption, now);
        }
        if self.pressure.refuses(frame.kind, frame.reference) {
            self.buffer.refuse(&frame);
        } else {
            self.buffer.push(frame);
        }
    }

    fn stamp(&mut self, track: Track, (pts, dts): (u64, u64), now: Instant, wall: Moment) {
        let jumps = |sync: &Sync| sync.video_statistics().map_or(0, |statistics| statistics.jumps);
        let before = jumps(&self.sync);
        match track {
            Track::Video => self.sync.video(pts, dts, now, wall),
            Track::Audio => self.sync.audio(pts, dts, now, wall),
        }
        if jumps(&self.sync) != before {
            self.fault(Fault::Jump, now);
        }
    }

    fn fault(&mut self, fault: Fault, now: Instant) {
        self.wants_keyframe |= self.recovery.fault(fault, now);
    }

    /// The pictures are others from here on.
    fn forget(&mut self) {
        self.buffer.clear();
        self.gops = Gops::default();
        self.sync = Sync::new(self.settings.drift);
    }
}

#[cfg(test)]
mod tests;

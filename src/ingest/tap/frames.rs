//! Frames of the main video stream, put together from the packets that an [`Input`](crate::ts::input::Input) gives: what kind
//! each is, its time stamps, its packets, and what came beside it of the programme's other streams.
//!
//! A frame is what a PES packet brings; those that go on with its picture, or bring its second field, belong to it. So a frame
//! is known to be at its end when the next picture begins, or when nothing more has come for [`Settings::timeout`].

mod building;

use std::time::Duration;

use building::{Building, Packets};

use super::elementary::{Divider, Units};
use super::parameters::Parameters;
use super::picture::{Counts, Picture, PictureKind, Reader, Seen};
use crate::base::clock::Instant;
use crate::model::stream_info::Kind;
use crate::model::{Codec, Moment};
use crate::ts::RawPacket;
use crate::ts::input::{Mark, Sink};
use crate::ts::packet::{self, SCRAMBLING, header};
use crate::ts::pes;
use crate::ts::programme::Programme;
use crate::ts::time::Pts90k;

/// Limits; the defaults are the seed's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `max_frame_size`, in bytes of packets, and of packets beside it.
    pub most_bytes: usize,
    /// Frame assembly timeout: a frame of which no more has come for so long is at its end.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { most_bytes: 10 * 1024 * 1024, timeout: Duration::from_millis(200) }
    }
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Counted from 1.
    pub id: u64,
    /// The kind of its first picture; of several frames in one PES packet, the one that is missed most.
    pub kind: PictureKind,
    /// One, mostly; none for what decoders leave out.
    pub counts: Counts,
    /// Decoding can begin here.
    pub keyframe: bool,
    /// Others may be predicted from it.
    pub reference: bool,
    /// All of it came, as far as that can be told.
    pub whole: bool,
    /// As the source stamped it.
    pub pts: Option<Pts90k>,
    /// As the source stamped it; the same as the PTS where it has no other.
    pub dts: Option<Pts90k>,
    /// When its first packet came.
    pub at: Instant,
    /// Its packets.
    pub packets: Box<[u8]>,
    /// Packets of other streams that came from its first packet on, in order.
    pub beside: Box<[u8]>,
}

/// Which of the tracks that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// The main video stream.
    Video,
    /// The first audio stream.
    Audio,
}

/// What was found, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The main video stream is another one, or there is none any more. What was before says nothing of what follows.
    Video(Option<Codec>),
    /// A frame is at its end.
    Frame(Frame),
    /// A time stamp came.
    Stamp {
        /// Where.
        track: Track,
        /// PTS.
        pts: Pts90k,
        /// DTS, or PTS where that is the same.
        dts: Pts90k,
    },
    /// Packets of a track are missing.
    Gap(Track),
}

/// Puts frames together. Holds two frames at most, each bounded by [`Settings::most_bytes`].
#[derive(Debug)]
pub struct Frames {
    settings: Settings,
    video: Option<u8>,
    audio: Option<u8>,
    /// PID and codec of the main video stream.
    is: Option<(u16, Codec)>,
    programme: Option<Programme>,
    divider: Divider,
    reading: Reading,
    /// Bytes of the PES header that are still to come.
    header_left: usize,
    open: Option<Building>,
    /// A PES packet that has not shown whether it goes on with the open frame.
    next: Option<Building>,
    /// Buffers to be used again.
    spare: Packets,
    /// A keyframe came.
    started: bool,
    clock: Option<Instant>,
    count: u64,
    events: Vec<Event>,
}

/// Who looks at units, and what was seen.
#[derive(Debug, Default)]
struct Reading {
    reader: Option<Reader>,
    parameters: Parameters,
    wall: Moment,
    seen: Vec<Seen>,
}

impl Units for Reading {
    fn wanted(&self, first: u8) -> usize {
        self.reader.as_ref().map_or(0, |reader| reader.wanted(first))
    }

    fn unit(&mut self, beginning: &[u8]) {
        match self.reader.as_mut().map(|reader| reader.unit(beginning)) {
            Some(Seen::Set(set)) => self.parameters.see(set, beginning, self.wall),
            Some(seen @ (Seen::Picture(_) | Seen::More)) => self.seen.push(seen),
            Some(Seen::Other) | None => {}
        }
    }
}

impl Frames {
    /// Without a frame.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            video: None,
            audio: None,
            is: None,
            programme: None,
            divider: Divider::default(),
            reading: Reading::default(),
            header_left: 0,
            open: None,
            next: None,
            spare: Packets::default(),
            started: false,
            clock: None,
            count: 0,
            events: Vec::new(),
        }
    }

    /// Packets that come from now on come now. To be called before they are given.
    pub fn at(&mut self, now: Instant, wall: Moment) {
        self.clock = Some(now);
        self.reading.wall = wall;
    }

    /// Time has passed: a frame of which no more came is at its end.
    pub fn expire(&mut self, now: Instant) {
        let last = self.next.as_ref().or(self.open.as_ref()).map(|building| building.last);
        if last.is_some_and(|last| now.saturating_duration_since(last) >= self.settings.timeout) {
            self.finish();
        }
    }

    /// Nothing more comes of the frame at hand.
    pub fn finish(&mut self) {
        self.end_unit();
        if let Some(open) = self.open.take() {
            self.emit(open);
        }
        if let Some(next) = self.next.take() {
            self.emit(next);
        }
    }

    /// The same, and nothing comes for long: buffers are given back.
    pub fn rest(&mut self) {
        self.finish();
        self.spare = Packets::default();
    }

    /// What comes from now on is another stream. Frames are counted on.
    pub fn begin_anew(&mut self) {
        self.finish();
        (self.video, self.audio, self.programme) = (None, None, None);
        self.turn_to(None);
    }

    /// What was found since the last time.
    pub fn events(&mut self) -> std::vec::Drain<'_, Event> {
        self.events.drain(..)
    }

    /// Bytes of frames that are not at their end.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.open.as_ref().map_or(0, Building::held) + self.next.as_ref().map_or(0, Building::held)
    }

    /// The programme, once it is known.
    pub fn programme(&self) -> Option<&Programme> {
        self.programme.as_ref()
    }

    /// The codec of the main video stream.
    #[cfg(test)]
    pub(super) fn codec(&self) -> Option<Codec> {
        self.is.map(|(_, codec)| codec)
    }

    /// The parameter sets of the video stream.
    pub fn parameters(&self) -> &Parameters {
        &self.reading.parameters
    }

    /// Another video stream, by its PID and codec.
    fn turn_to(&mut self, is: Option<(u16, Codec)>) {
        self.finish();
        self.divider = Divider::default();
        self.reading.reader = is.and_then(|(_, codec)| Reader::new(codec));
        self.reading.parameters = Parameters::default();
        self.header_left = 0;
        self.started = false;
        self.is = is;
        self.events.push(Event::Video(is.map(|(_, codec)| codec)));
    }

    fn end_unit(&mut self) {
        self.divider.end(&mut self.reading);
        self.take_seen();
    }

    /// A PES packet of the video stream begins.
    fn begin(&mut self, header: &pes::Header, body: &[u8], keyframe: bool, now: Instant) {
        let goes_on = header.pts.is_none() && !(body.starts_with(&[0, 0, 1]) || body.starts_with(&[0, 0, 0, 1]));
        if goes_on && (self.open.is_some() || self.next.is_some()) {
            return;
        }
        self.end_unit();
        if keyframe && !self.started {
            self.started = true;
            if let Some(reader) = &mut self.reading.reader {
                reader.restart();
            }
        }
        match &mut self.next {
            // Parameter sets, perhaps, of the one that begins now.
            Some(next) => next.begins_again(header, keyframe, self.started),
            None => {
                let packets = std::mem::take(&mut self.spare);
                self.next = Some(Building::begun(header, keyframe, self.started, now, packets));
            }
        }
        if self.reading.reader.is_none() {
            let kind = if keyframe { PictureKind::I } else { PictureKind::P };
            let picture = Picture { kind, reference: true, second_field: false, undecodable: false };
            self.reading.seen.push(Seen::Picture(picture));
        }
    }

    fn take_seen(&mut self) {
        let mut seen = std::mem::take(&mut self.reading.seen);
        for seen in seen.drain(..) {
            match seen {
                Seen::Picture(picture) if picture.second_field && self.open.is_some() => self.join(),
                Seen::Picture(picture) => self.picture(picture),
                _ => self.join(),
            }
        }
        self.reading.seen = seen;
    }

    /// A frame begins with this picture.
    fn picture(&mut self, picture: Picture) {
        if let Some(next) = self.next.take()
            && let Some(open) = self.open.replace(next)
        {
            self.emit(open);
        }
        if let Some(open) = &mut self.open {
            open.picture(picture);
        }
    }

    /// The PES packet that began last goes on with the open frame.
    fn join(&mut self) {
        if let Some(open) = &mut self.open
            && let Some(next) = self.next.take()
        {
            self.spare = open.join(next, self.settings.most_bytes);
        }
    }

    fn emit(&mut self, building: Building) {
        let (frame, packets) = building.end(self.count + 1);
        self.spare = packets;
        if let Some(frame) = frame {
            self.count += 1;
            self.events.push(Event::Frame(frame));
        }
    }

    fn video_packet(&mut self, packet: &RawPacket, mark: Mark, now: Instant) {
        if mark.discontinuity {
            self.divider.forget();
            self.header_left = 0;
            self.events.push(Event::Gap(Track::Video));
            if let Some(broken) = self.next.as_mut().or(self.open.as_mut()) {
                broken.whole = false;
            }
        }
        let payload = packet::payload(packet);
        let pes_header = if mark.unit_start { pes::Header::parse(payload) } else { None };
        let mut body = payload;
        match &pes_header {
            Some(header) => {
                self.header_left = header.body_at.saturating_sub(payload.len());
                body = payload.get(header.body_at..).unwrap_or_default();
                if let (Some(pts), Some(dts)) = (header.pts, header.decoding_time()) {
                    self.events.push(Event::Stamp { track: Track::Video, pts, dts });
                }
                self.begin(header, body, mark.random_access, now);
            }
            None => {
                let skipped = self.header_left.min(payload.len());
                self.header_left -= skipped;
                body = body.get(skipped..).unwrap_or_default();
            }
        }
        if let Some(target) = self.next.as_mut().or(self.open.as_mut()) {
            target.packet(packet, payload.len(), now, self.settings.most_bytes);
        }
        if header(packet) & SCRAMBLING == 0 {
            self.divider.push(body, &mut self.reading);
        }
        self.take_seen();
    }
}

impl Sink for Frames {
    fn programme(&mut self, programme: &Programme) {
        let of = |kind: Kind| programme.streams.iter().position(|stream| stream.codec.kind() == kind);
        let video = of(Kind::Video);
        let is = video.and_then(|video| programme.streams.get(video)).map(|stream| (stream.pid, stream.codec));
        if is != self.is {
            self.turn_to(is);
        }
        self.video = video.and_then(|video| u8::try_from(video).ok());
        self.audio = of(Kind::Audio).and_then(|audio| u8::try_from(audio).ok());
        self.programme = Some(programme.clone());
    }

    fn packet(&mut self, packet: &RawPacket, mark: Mark) {
        let Some(now) = self.clock else { return };
        if self.video == Some(mark.stream) {
            return self.video_packet(packet, mark, now);
        }
        if self.audio == Some(mark.stream) {
            if mark.discontinuity {
                self.events.push(Event::Gap(Track::Audio));
            }
            if mark.unit_start
                && let Some(header) = pes::Header::parse(packet::payload(packet))
                && let (Some(pts), Some(dts)) = (header.pts, header.decoding_time())
            {
                self.events.push(Event::Stamp { track: Track::Audio, pts, dts });
            }
        }
        if let Some(target) = self.next.as_mut().or(self.open.as_mut()) {
            target.beside(packet, self.settings.most_bytes);
        }
    }
}

#[cfg(test)]
mod tests;

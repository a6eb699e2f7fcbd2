//! One medium: its payloads taken apart, and what is whole in the form of a transport stream, still without a time. Pure.

use std::collections::VecDeque;

use super::form::Form;
use super::skew::Skew;
use crate::base::clock::Instant;
use crate::ingest::depay::{Depacketiser, Packet as Plain, Refusal};
use crate::ingest::sdp::Format;
use crate::ingest::video::decode_order::DecodeOrder;
use crate::ingest::video::{self, Depacketizer, Output};
use crate::model::Codec;
use crate::model::stream_info::Kind;
use crate::rtp::wallclock::Wallclock;
use crate::rtp::{Ordered, wide};
use crate::ts::mux::Track;
use crate::ts::time::Pts90k;

/// How a medium is taken apart.
#[derive(Debug)]
enum Unpacked {
    Video(Box<Depacketizer>),
    Other(Box<Depacketiser>),
}

/// A medium.
#[derive(Debug)]
pub(super) struct Medium {
    unpacked: Unpacked,
    form: Form,
    order: DecodeOrder,
    pub clock_rate: u32,
    /// Its first timestamp, and when that came.
    pub anchor: Option<(i64, Instant)>,
    pub wallclock: Option<Wallclock>,
    pub(super) skew: Skew,
}

/// A unit without a time.
#[derive(Debug)]
pub(super) struct Raw {
    pub medium: usize,
    /// Extended, in units of the medium's clock.
    pub timestamp: i64,
    pub random_access: bool,
    pub data: Vec<u8>,
}

/// Units that wait for their times.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    units: VecDeque<Raw>,
    pub bytes: usize,
}

impl Waiting {
    fn push(&mut self, raw: Raw) {
        self.bytes = self.bytes.saturating_add(raw.data.len());
        self.units.push_back(raw);
    }

    pub(super) fn pop(&mut self) -> Option<Raw> {
        let raw = self.units.pop_front()?;
        self.bytes = self.bytes.saturating_sub(raw.data.len());
        Some(raw)
    }
}

impl Medium {
    /// For a payload format as an SDP describes it.
    ///
    /// # Errors
    /// When it cannot be a track: in words, with what to do.
    pub(super) fn new(format: &Format) -> Result<Self, Refusal> {
        let of_nals = |codec| {
            let form = Form::plain(codec).ok_or_else(|| Refusal::Encoding(format.encoding.clone()))?;
            let depacketizer = Depacketizer::from_fmtp(codec, &format.parameters, video::Settings::default());
            Ok((Unpacked::Video(Box::new(depacketizer)), form))
        };
        let (unpacked, form) = match format.encoding.to_ascii_lowercase().as_str() {
            "h264" => of_nals(Codec::H264)?,
            "h265" | "hevc" => of_nals(Codec::Hevc)?,
            _ => {
                let depacketiser = Depacketiser::new(format)?;
                let form = Form::new(&depacketiser, format)?;
                (Unpacked::Other(Box::new(depacketiser)), form)
            }
        };
        let (clock_rate, order) = (format.clock_rate.max(1), DecodeOrder::new(0, None));
        Ok(Self { unpacked, form, order, clock_rate, anchor: None, wallclock: None, skew: Skew::default() })
    }

    /// Notes when a packet came.
    pub(super) fn came(&mut self, packet: &Ordered<'_>) {
        let (first, came) = *self.anchor.get_or_insert((packet.timestamp, packet.arrival));
        let ticks = i128::from(packet.timestamp.wrapping_sub(first));
        let by_its_clock = ticks * 1_000_000_000 / i128::from(self.clock_rate);
        let by_ours = packet.arrival.saturating_duration_since(came).as_nanos() as i128;
        let late = i64::try_from(by_ours - by_its_clock).unwrap_or(if by_ours > by_its_clock { i64::MAX } else { i64::MIN });
        self.skew.came(packet.arrival, late);
    }

    /// What is known of its track by now.
    pub(super) fn track(&self) -> &Track {
        self.form.track()
    }

    /// Whether that has changed since this was asked.
    pub(super) fn take_changed(&mut self) -> bool {
        self.form.take_changed()
    }

    /// Whether it waits for a picture to begin at.
    pub(super) fn wants_picture(&self) -> bool {
        match &self.unpacked {
            Unpacked::Video(it) => it.wants_random_access(),
            Unpacked::Other(_) => self.form.wants_picture(),
        }
    }

    /// Whether it is pictures.
    pub(super) fn is_video(&self) -> bool {
        self.track().codec.kind() == Kind::Video
    }

    /// Takes a packet; what is whole by now goes to `waiting`, as of this medium.
    pub(super) fn unpack(&mut self, now: Instant, at: usize, packet: &Ordered<'_>, output: &mut Output, waiting: &mut Waiting) {
        let &Ordered { sequence, timestamp, marker, payload, .. } = packet;
        let described =
            video::Packet { sequence: sequence as u64, timestamp: timestamp as u64, marker, lost_before: false, payload };
        let Self { unpacked, form, order, .. } = self;
        match unpacked {
            Unpacked::Video(it) => it.push(&described, now, output),
            Unpacked::Other(it) => {
                let plain = Plain { sequence: sequence as u16, timestamp: timestamp as u32, marker, payload };
                let depth = form.depth();
                // What is wrong with a packet costs what was in it.
                let _ = it.push(plain, &mut |frame| {
                    let mut data = output.buffer();
                    match form.put(&frame, &mut data) {
                        Some(given) => waiting.push(Raw {
                            medium: at,
                            timestamp: wide::timestamp(given.timestamp, timestamp),
                            random_access: given.random_access,
                            data,
                        }),
                        None => output.recycle(data),
                    }
                });
                if let Some(other) = form.depth().filter(|other| Some(*other) != depth) {
                    order.set_depth(other);
                }
            }
        }
        drain(at, output, waiting);
    }

    /// What was waited for too long is given as it is.
    pub(super) fn expire(&mut self, now: Instant, at: usize, output: &mut Output, waiting: &mut Waiting) {
        if let Unpacked::Video(it) = &mut self.unpacked {
            it.expire(now, output);
        }
        drain(at, output, waiting);
    }

    /// When a unit is shown and decoded, with what its parameter sets say by now.
    pub(super) fn times(&mut self, pts: Pts90k) -> (Pts90k, Pts90k) {
        let sets = match &mut self.unpacked {
            Unpacked::Video(it) => Some(it.parameters()),
            Unpacked::Other(_) if self.form.depth().is_some() => None,
            Unpacked::Other(_) => return (pts, pts),
        };
        if let Some(reordering) = sets.and_then(|sets| sets.take_changed().then(|| sets.reordering()).flatten()) {
            self.order.set_depth(reordering.depth);
        }
        let times = self.order.next(pts);
        (times.pts, times.dts)
    }
}

fn drain(at: usize, output: &mut Output, waiting: &mut Waiting) {
    for unit in output.drain() {
        let (timestamp, random_access, data) = (unit.timestamp as i64, unit.random_access, unit.data);
        waiting.push(Raw { medium: at, timestamp, random_access, data });
    }
}

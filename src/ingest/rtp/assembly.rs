//! Elementary streams of one sender, made into one programme of a transport stream: their packets come in order, one medium by one
//! session, and what is whole goes through the multiplexer. Pure.
//!
//! The timestamps of two media have nothing to do with each other. The sender's reports tie both to its wall clock (RFC 3550, 6.4.1);
//! until there are such reports, and where there are none, the first packets of media are taken to have been made when they came.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::ingest::depay::audio_specific_config::AudioSpecificConfig;
use crate::ingest::depay::{Depacketiser, Packet as Plain, Refusal};
use crate::ingest::sdp::Format;
use crate::ingest::video::decode_order::DecodeOrder;
use crate::ingest::video::h264::H264;
use crate::ingest::video::hevc::Hevc;
use crate::ingest::video::{self, Depacketizer, Output};
use crate::model::Codec;
use crate::rtp::wallclock::{Ntp, Wallclock};
use crate::rtp::{Ordered, wide};
use crate::ts::mux::queue::Queue;
use crate::ts::mux::{Muxer, Track, Unit};
use crate::ts::time::Pts90k;

/// Media whose reports say that they began further apart than they came have different clocks.
const MOST_APART: Duration = Duration::from_secs(5);
/// So long reports are waited for in the beginning; senders send the first with their first packet, or seconds later.
const REPORTS: Duration = Duration::from_millis(500);
/// A medium that has had nothing for so long is not waited for …
const QUIET: Duration = Duration::from_millis(500);
/// … but in the beginning, when pictures wait for one to begin at, for so long.
const BEGINNING: Duration = Duration::from_secs(2);
/// The time of the first unit, so that nothing lies before zero: 10 s.
const FIRST_90K: i64 = 900_000;
/// Units that may wait for their times, in bytes.
const MOST_WAITING: usize = 8 * 1024 * 1024;

/// How a medium is taken apart.
#[derive(Debug)]
enum Unpacked {
    H264(Box<H264>),
    Hevc(Box<Hevc>),
    Other(Box<Depacketiser>),
}

/// A medium.
#[derive(Debug)]
struct Medium {
    unpacked: Unpacked,
    clock_rate: u32,
    order: DecodeOrder,
    /// Its first timestamp, and when that came.
    anchor: Option<(i64, Instant)>,
    wallclock: Option<Wallclock>,
}

/// A unit without a time.
#[derive(Debug)]
struct Raw {
    medium: usize,
    /// Extended, in units of the medium's clock.
    timestamp: i64,
    random_access: bool,
    data: Vec<u8>,
}

/// One programme.
#[derive(Debug)]
pub(super) struct Assembly {
    media: Vec<Medium>,
    /// When the first packet came.
    origin: Option<Instant>,
    /// The sender's time then, where it is known.
    base: Option<Ntp>,
    /// Whether times are given.
    timed: bool,
    waiting: VecDeque<Raw>,
    waiting_bytes: usize,
    output: Output,
    queue: Queue,
    quiet_at: Option<Instant>,
    muxer: Muxer,
    out: Vec<u8>,
}

/// Whether payloads of a format can be a track of a transport stream, and which.
///
/// # Errors
/// When they cannot: in words, with what to do.
pub(super) fn track(format: &Format) -> Result<Track, Refusal> {
    let codec = match unpacked(format)? {
        Unpacked::H264(_) => Codec::H264,
        Unpacked::Hevc(_) => Codec::Hevc,
        Unpacked::Other(depacketiser) => depacketiser.codec(),
    };
    Track::new(codec, None).ok_or(Refusal::Unsupported {
        what: "this codec in a transport stream",
        remedy: "send H.264, HEVC, AAC, AC-3 or MPEG audio",
    })
}

fn unpacked(format: &Format) -> Result<Unpacked, Refusal> {
    let settings = video::Settings::default();
    Ok(match format.encoding.to_ascii_lowercase().as_str() {
        "h264" => Unpacked::H264(Box::new(H264::from_fmtp(&format.parameters, settings))),
        "h265" | "hevc" => Unpacked::Hevc(Box::new(Hevc::from_fmtp(&format.parameters, settings))),
        _ => Unpacked::Other(Box::new(Depacketiser::new(format)?)),
    })
}

impl Assembly {
    /// Of these media.
    ///
    /// # Errors
    /// When one of them cannot be a track.
    pub(super) fn new(formats: &[Format]) -> Result<Self, Refusal> {
        let tracks: Vec<Track> = formats.iter().map(track).collect::<Result<_, _>>()?;
        let medium = |format: &Format| {
            let (unpacked, clock_rate) = (unpacked(format)?, format.clock_rate.max(1));
            Ok(Medium { unpacked, clock_rate, order: DecodeOrder::new(0, None), anchor: None, wallclock: None })
        };
        Ok(Self {
            media: formats.iter().map(medium).collect::<Result<_, Refusal>>()?,
            origin: None,
            base: None,
            timed: false,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            output: Output::default(),
            queue: Queue::new(tracks.len()),
            quiet_at: None,
            muxer: Muxer::new(&tracks),
            out: Vec::new(),
        })
    }

    /// Takes a packet of a medium, with the sender's clock as far as it has told it.
    pub(super) fn packet(&mut self, now: Instant, medium: usize, packet: &Ordered<'_>, wallclock: Option<Wallclock>) {
        let Self { media, origin, waiting, waiting_bytes, output, .. } = self;
        let Some(of) = media.get_mut(medium) else { return };
        origin.get_or_insert(packet.arrival);
        of.anchor.get_or_insert((packet.timestamp, packet.arrival));
        of.wallclock = wallclock.or(of.wallclock);
        of.unpack(now, packet, output, &mut |timestamp, random_access, data| {
            *waiting_bytes = waiting_bytes.saturating_add(data.len());
            waiting.push_back(Raw { medium, timestamp, random_access, data });
        });
        self.go_on(now);
    }

    /// Does what time asks for; to be called every 100 ms or so.
    pub(super) fn tick(&mut self, now: Instant) {
        let Self { media, waiting, waiting_bytes, output, .. } = self;
        for (medium, of) in media.iter_mut().enumerate() {
            of.expire(now, output, &mut |timestamp, random_access, data| {
                *waiting_bytes = waiting_bytes.saturating_add(data.len());
                waiting.push_back(Raw { medium, timestamp, random_access, data });
            });
        }
        let patient = self.origin.is_none_or(|origin| now.saturating_duration_since(origin) < BEGINNING);
        if !patient && self.quiet_at.is_none_or(|at| now.saturating_duration_since(at) >= QUIET) {
            self.quiet_at = Some(now);
            self.queue.segment_over(0..self.media.len());
        }
        self.go_on(now);
    }

    /// Whether anything has come of a medium.
    pub(super) fn has_begun(&self, medium: usize) -> bool {
        self.media.get(medium).is_some_and(|medium| medium.anchor.is_some())
    }

    /// Takes what is written by now: whole packets.
    pub(super) fn take(&mut self) -> std::vec::Drain<'_, u8> {
        self.out.drain(..)
    }

    /// Whether a medium waits for a picture to begin at.
    pub(super) fn wants_picture(&self, medium: usize) -> bool {
        match self.media.get(medium).map(|medium| &medium.unpacked) {
            Some(Unpacked::H264(it)) => it.wants_random_access(),
            Some(Unpacked::Hevc(it)) => it.wants_random_access(),
            _ => false,
        }
    }

    /// Whether a medium is pictures.
    pub(super) fn is_video(&self, medium: usize) -> bool {
        matches!(self.media.get(medium).map(|medium| &medium.unpacked), Some(Unpacked::H264(_) | Unpacked::Hevc(_)))
    }

    /// Units get their times and are written.
    fn go_on(&mut self, now: Instant) {
        let Some(origin) = self.origin else { return };
        if self.base.is_none() {
            self.base = self.common_clock(origin);
        }
        let late = now.saturating_duration_since(origin) >= REPORTS || self.waiting_bytes > MOST_WAITING;
        self.timed |= self.base.is_some() || late;
        if !self.timed {
            return;
        }
        while let Some(raw) = self.waiting.pop_front() {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(raw.data.len());
            if let Some(unit) = self.timed_unit(origin, raw) {
                self.queue.push(unit);
            }
        }
        while let Some(unit) = self.queue.pop() {
            self.muxer.write(&unit, &mut self.out);
            self.output.recycle(unit.data);
        }
    }

    /// The sender's time at the origin, once all media are tied to it.
    fn common_clock(&self, origin: Instant) -> Option<Ntp> {
        if self.media.iter().any(|medium| medium.wallclock.is_none()) {
            return None;
        }
        let (medium, (first, came)) = self.media.iter().filter_map(|medium| Some((medium, medium.anchor?))).next()?;
        let since = came.saturating_duration_since(origin).as_nanos() as u64;
        let units = (u128::from(since) << 32) / 1_000_000_000;
        let base = Ntp(medium.wallclock?.at(first).0.wrapping_sub(units as u64));
        // Media whose reports are by different clocks are not tied by them: then by when they came.
        let agrees =
            self.media.iter().filter_map(|medium| Some((medium.wallclock?, medium.anchor?))).all(|(told, (first, came))| {
                let seen = i128::try_from(came.saturating_duration_since(origin).as_nanos()).unwrap_or(i128::MAX);
                (i128::from(told.at(first).since(base)) - seen).unsigned_abs() < MOST_APART.as_nanos()
            });
        agrees.then_some(base)
    }

    fn timed_unit(&mut self, origin: Instant, raw: Raw) -> Option<Unit> {
        let medium = self.media.get_mut(raw.medium)?;
        let nanos = match (self.base, medium.wallclock) {
            (Some(base), Some(wallclock)) => i128::from(wallclock.at(raw.timestamp).since(base)),
            _ => {
                let (first, came) = medium.anchor?;
                let ticks = i128::from(raw.timestamp.wrapping_sub(first));
                ticks * 1_000_000_000 / i128::from(medium.clock_rate) + came.saturating_duration_since(origin).as_nanos() as i128
            }
        };
        let at_90k = i64::try_from(nanos * 9 / 100_000).ok()?.saturating_add(FIRST_90K);
        let pts = Pts90k(0).plus(at_90k.max(0) as u64);
        let (pts, dts) = match &mut medium.unpacked {
            Unpacked::H264(it) => times(&mut medium.order, it.as_mut(), pts),
            Unpacked::Hevc(it) => times(&mut medium.order, it.as_mut(), pts),
            Unpacked::Other(_) => (pts, pts),
        };
        Some(Unit { track: raw.medium, pts, dts, random_access: raw.random_access, data: raw.data })
    }
}

/// When a picture is shown and decoded, with what its parameter sets say by now.
fn times(order: &mut DecodeOrder, of: &mut impl Depacketizer, pts: Pts90k) -> (Pts90k, Pts90k) {
    if let Some(reordering) = of.parameters().and_then(|sets| sets.take_changed().then(|| sets.reordering()).flatten()) {
        order.set_depth(reordering.depth);
    }
    let times = order.next(pts);
    (times.pts, times.dts)
}

impl Medium {
    /// Gives what is whole by now: its extended timestamp, whether decoding can begin there, and its bytes.
    fn unpack(&mut self, now: Instant, packet: &Ordered<'_>, output: &mut Output, out: &mut impl FnMut(i64, bool, Vec<u8>)) {
        let &Ordered { sequence, timestamp, marker, payload, .. } = packet;
        let described =
            video::Packet { sequence: sequence as u64, timestamp: timestamp as u64, marker, lost_before: false, payload };
        match &mut self.unpacked {
            Unpacked::H264(it) => it.push(&described, now, output),
            Unpacked::Hevc(it) => it.push(&described, now, output),
            Unpacked::Other(it) => {
                let plain = Plain { sequence: sequence as u16, timestamp: timestamp as u32, marker, payload };
                let config = it.audio_specific_config().cloned();
                let is_aac = it.codec() == Codec::Aac;
                // What is wrong with a packet costs what was in it.
                let _ = it.push(plain, &mut |frame| {
                    let at = wide::timestamp(frame.timestamp, timestamp);
                    if !is_aac {
                        out(at, frame.random_access, frame.data.to_vec());
                    } else if let Some(header) = config.as_ref().and_then(|config| adts(config, frame.data.len())) {
                        out(at, true, [&header[..], frame.data].concat());
                    }
                });
            }
        }
        drain(output, out);
    }

    fn expire(&mut self, now: Instant, output: &mut Output, out: &mut impl FnMut(i64, bool, Vec<u8>)) {
        match &mut self.unpacked {
            Unpacked::H264(it) => it.expire(now, output),
            Unpacked::Hevc(it) => it.expire(now, output),
            Unpacked::Other(_) => {}
        }
        drain(output, out);
    }
}

fn drain(output: &mut Output, out: &mut impl FnMut(i64, bool, Vec<u8>)) {
    for unit in output.drain() {
        out(unit.timestamp as i64, unit.random_access, unit.data);
    }
}

/// The sampling_frequency_index of rates (ISO/IEC 14496-3, table 1.18).
const RATES: [u32; 13] = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Bytes of an ADTS header without a checksum (ISO/IEC 13818-7, 6.2).
const ADTS: usize = 7;

/// The header of a frame of so many bytes. `None`: it has none, because of its kind, its rate or its length.
fn adts(config: &AudioSpecificConfig, bytes: usize) -> Option<[u8; ADTS]> {
    let profile = config.object_type.checked_sub(1).filter(|profile| *profile < 4)?;
    let rate = RATES.iter().position(|rate| *rate == config.sample_rate)? as u8;
    let channels = Some(config.channel_configuration).filter(|channels| *channels < 8)?;
    let length = Some(bytes + ADTS).filter(|length| *length < 1 << 13)? as u32;
    let [_, l2, l1, l0] = (length << 5).to_be_bytes();
    Some([0xFF, 0xF1, profile << 6 | rate << 2 | channels >> 2, channels << 6 | l2, l1, l0 | 0x1F, 0xFC])
}

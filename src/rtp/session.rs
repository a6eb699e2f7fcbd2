//! One stream: the packets of one sender, in order, whatever synchronisation source it calls itself by. Pure.
//!
//! Another source takes the stream over when it is believed and the one before is silent; its packets have been kept until then.
//! Numbers that leap are the same thing, with the same source: two in order, and no packet of the old ones in between. So single
//! stray packets change nothing.

mod source;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use self::source::Source;
use super::candidate::{Candidate, Candidates};
use super::early::Early;
use super::header::Packet;
use super::jitter::Jitter;
use super::probation::Verdict;
use super::rtcp::{self, SenderReport, Told};
use super::wallclock::{Ntp, Wallclock};
use super::{Ordered, Settings, Why, wide};
use crate::base::clock::Instant;

/// So long nothing has come of a source before another may follow it.
pub const HANDOVER: Duration = Duration::from_millis(100);
/// Other sources that are tried at a time, and their bytes.
const TRIED: usize = 4;
const TRIED_BYTES: usize = 2 * 1024 * 1024;
/// A report that moves a sender's clock by more is of another clock.
const MOST_STEP: Duration = Duration::from_secs(5);
/// A source that sends so long after its BYE stays.
const GOES_ON: Duration = Duration::from_millis(20);
/// The least time between two requests for a picture.
const PICTURE_EVERY: Duration = Duration::from_millis(500);

/// Counters and measures, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stats {
    /// Packets handed out.
    pub packets: u64,
    /// Packets that never came, or too late.
    pub lost: u64,
    /// Packets that came too late.
    pub late: u64,
    /// Packets that came again.
    pub duplicate: u64,
    /// Packets that came behind later ones, but in time.
    pub reordered: u64,
    /// Interarrival jitter (RFC 3550, A.8).
    pub jitter: Duration,
}

/// Receives one stream.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    source: Option<Source>,
    candidates: Candidates<u32>,
    early: Early<()>,
    buffer: Jitter,
    /// The newest timestamp, and the highest number of sources before: what follows is unwrapped by them.
    timestamp: Option<i64>,
    highest: Option<i64>,
    discontinuity: bool,
    ended: Option<Why>,
    counted: Stats,
    picture_asked: Option<Instant>,
    random: u32,
}

impl Session {
    /// A stream that nothing has come of.
    pub fn new(settings: Arc<Settings>) -> Self {
        let buffer = Jitter::new(settings.delay, settings.most_bytes);
        let random = settings.ssrc | 1;
        Self {
            settings,
            source: None,
            candidates: Candidates::new(TRIED, TRIED_BYTES),
            early: Early::new(),
            buffer,
            timestamp: None,
            highest: None,
            discontinuity: false,
            ended: None,
            counted: Stats::default(),
            picture_asked: None,
            random,
        }
    }

    /// Takes an RTP packet.
    pub fn packet(&mut self, now: Instant, packet: &Packet<'_>, out: &mut impl FnMut(Ordered<'_>)) {
        if !self.accept(now, now, packet, out) {
            self.candidates.take(now, packet.ssrc, packet);
        }
        self.tick(now, out);
    }

    /// Takes a compound RTCP packet, from whatever port.
    pub fn rtcp(&mut self, now: Instant, compound: &[u8], out: &mut impl FnMut(Ordered<'_>)) {
        // What is none tells nothing.
        let _ = rtcp::read(compound, &mut |told| self.told(now, &told));
        self.tick(now, out);
    }

    /// Takes what a sender tells. A report of a source that is not believed yet is kept for it.
    pub fn told(&mut self, now: Instant, told: &Told) {
        let Some(source) = self.source.as_mut().filter(|source| source.ssrc == told.ssrc()) else {
            if let Told::SenderReport(report) = *told {
                self.early.keep(now, (), report);
            }
            return;
        };
        match *told {
            Told::SenderReport(SenderReport { ntp, timestamp, .. }) => {
                source.report = Some((now, Ntp(ntp)));
                if let (Some(near), true) = (self.timestamp, ntp != 0) {
                    let (timestamp, clock_rate) = (wide::timestamp(timestamp, near), source.transit.clock_rate());
                    let told = Wallclock { ntp: Ntp(ntp), timestamp, clock_rate };
                    // A clock that is set meanwhile says nothing new of the stream: what it said first still holds.
                    let agrees = source
                        .wallclock
                        .is_none_or(|before| before.at(timestamp).since(told.ntp).unsigned_abs() < MOST_STEP.as_nanos() as u64);
                    if agrees {
                        source.wallclock = Some(told);
                    }
                }
            }
            Told::Bye { .. } => {
                source.leaving.get_or_insert(now + self.settings.delay.min(super::LONGEST_DELAY));
            }
        }
    }

    /// Does what time asks for: gives up what is missing for too long, ends what has ended.
    pub fn tick(&mut self, now: Instant, out: &mut impl FnMut(Ordered<'_>)) {
        let Self { buffer, discontinuity, counted, .. } = self;
        buffer.release(now, &mut emit(discontinuity, counted, out));
        if let Some(why) = self.source.as_ref().and_then(|source| source.over(now, self.settings.idle)) {
            self.flush(out);
            self.highest = self.source.take().map(|source| source.order.highest()).or(self.highest);
            self.ended = Some(why);
        }
        if self.candidates.len() > 0 {
            self.candidates.forget(now);
            self.succeed(now, out);
        }
    }

    /// When [`Self::tick`] or [`Self::report`] has something to do. `None`: when something comes.
    pub fn deadline(&self) -> Option<Instant> {
        let source = self.source.as_ref();
        let handover = source.filter(|_| self.candidates.believed().next().is_some()).map(Source::silent_at);
        let idle = source.and_then(|source| source.heard.checked_add(self.settings.idle));
        let leaving = source.and_then(|source| source.leaving);
        let report = source.filter(|_| self.settings.reports).map(|source| source.next_report);
        [self.buffer.deadline(), handover, idle, leaving, report].into_iter().flatten().min()
    }

    /// The report that is due by now, for the sender's RTCP port (RFC 3550, 6.4.2), where [`Settings::reports`] wants them.
    pub fn report(&mut self, now: Instant) -> Option<Vec<u8>> {
        let source = self.source.as_mut().filter(|source| self.settings.reports && source.next_report <= now)?;
        let block = source.block(now);
        source.schedule(now, false, &mut self.random);
        let ours = ours(&self.settings, source.ssrc);
        rtcp::build(ours, &self.settings.cname, Some(block), None)
    }

    /// Asks for a picture that can be begun with (RFC 4585, 6.3.1), twice a second at most.
    pub fn picture_loss(&mut self, now: Instant) -> Option<Vec<u8>> {
        let ssrc = self.ssrc()?;
        if self.picture_asked.is_some_and(|last| now.saturating_duration_since(last) < PICTURE_EVERY) {
            return None;
        }
        self.picture_asked = Some(now);
        rtcp::build(ours(&self.settings, ssrc), &self.settings.cname, None, Some(ssrc))
    }

    /// The source that is heard; `None`: none is believed yet, or it has ended.
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// The payload type with which that source began.
    pub fn payload_type(&self) -> Option<u8> {
        self.source.as_ref().map(|source| source.payload_type)
    }

    /// When something came of that source last.
    pub fn heard(&self) -> Option<Instant> {
        self.source.as_ref().map(|source| source.heard)
    }

    /// When that source may be followed by another, if nothing comes of it until then.
    pub fn silent_at(&self) -> Option<Instant> {
        self.source.as_ref().map(Source::silent_at)
    }

    /// Whether that source may be followed by another now: it is silent, or has said that it leaves.
    pub fn is_silent(&self, now: Instant) -> bool {
        self.source.as_ref().is_none_or(|source| source.is_silent(now))
    }

    /// Why it has ended. Another source, or the same one, may begin it anew.
    pub fn ended(&self) -> Option<Why> {
        self.ended
    }

    /// The sender's wall clock, where it has told it. Not kept when its numbers begin anew.
    pub fn wallclock(&self) -> Option<Wallclock> {
        self.source.as_ref().and_then(|source| source.wallclock)
    }

    /// Counters and measures.
    pub fn stats(&self) -> Stats {
        let waits = self.buffer.stats();
        Stats {
            lost: waits.lost,
            late: waits.late,
            duplicate: self.counted.duplicate.saturating_add(waits.duplicate),
            reordered: waits.reordered,
            jitter: self.source.as_ref().map_or(Duration::ZERO, |source| source.transit.jitter_time()),
            ..self.counted
        }
    }

    /// Bytes that are held, with those of sources that are being tried.
    pub fn held_bytes(&self) -> usize {
        self.buffer.waiting().1.saturating_add(self.candidates.bytes())
    }

    /// Hands out all that waits, whatever is missing: nobody is there to wait any longer.
    pub fn flush(&mut self, out: &mut impl FnMut(Ordered<'_>)) {
        let Self { buffer, discontinuity, counted, .. } = self;
        buffer.flush(&mut emit(discontinuity, counted, out));
    }

    /// Another source follows, or the first one.
    pub(super) fn begin<K>(&mut self, now: Instant, candidate: &Candidate<K>, out: &mut impl FnMut(Ordered<'_>)) {
        self.flush(out);
        self.highest = self.source.take().map(|before| before.order.highest()).or(self.highest);
        self.discontinuity |= self.highest.is_some();
        let first = candidate.packets().next();
        let clock_rate = self.settings.clocks.of(first.map_or(super::MP2T, |(_, packet)| packet.payload_type));
        let mut source = Source::new(now, candidate, clock_rate, self.highest);
        source.schedule(now, true, &mut self.random);
        self.buffer.begin(source.order.highest().saturating_add(1));
        self.source = Some(source);
        self.ended = None;
        for (arrival, packet) in candidate.packets() {
            self.accept(now, arrival, &packet, out);
        }
        if let Some((came, (), report)) = self.early.take(now, candidate.ssrc, |()| true) {
            self.told(came, &Told::SenderReport(report));
        }
    }

    /// Takes a packet of the source that is heard. `false`: it is none.
    fn accept(&mut self, now: Instant, arrival: Instant, packet: &Packet<'_>, out: &mut impl FnMut(Ordered<'_>)) -> bool {
        let Self { buffer, discontinuity, counted, .. } = self;
        let Some(source) = self.source.as_mut().filter(|source| source.ssrc == packet.ssrc) else { return false };
        let awaited = buffer.next().map_or(0, |next| source.order.highest().saturating_sub(next));
        let (sequence, newest) = match source.order.take(arrival, packet.sequence, packet.timestamp, awaited) {
            Verdict::Taken { sequence, newest } => (sequence, newest),
            Verdict::Again => {
                source.hear(arrival);
                counted.duplicate = counted.duplicate.saturating_add(1);
                return true;
            }
            Verdict::Jump => return false,
        };
        source.hear(arrival);
        // Who goes on has not left, whatever was said in its name; what was on the way with the word does not count.
        let delay = self.settings.delay.min(super::LONGEST_DELAY);
        if newest && source.leaving.is_some_and(|leaving| now < leaving && now + delay >= leaving + GOES_ON) {
            source.leaving = None;
        }
        source.bytes = source.bytes.saturating_add(packet.payload.len() as u64);
        let timestamp = self.timestamp.map_or(i64::from(packet.timestamp), |near| wide::timestamp(packet.timestamp, near));
        self.timestamp = Some(timestamp);
        source.transit.take(arrival, timestamp);
        let &Packet { payload_type, marker, payload, .. } = packet;
        let ordered = Ordered { sequence, timestamp, payload_type, marker, discontinuity: false, arrival, payload };
        buffer.push(now, &ordered, &mut emit(discontinuity, counted, out));
        if newest && self.candidates.len() > 0 {
            self.candidates.interrupt();
        }
        true
    }

    /// Whoever is believed and whose turn it is becomes the source.
    fn succeed(&mut self, now: Instant, out: &mut impl FnMut(Ordered<'_>)) {
        let (current, silent) = (self.ssrc(), self.is_silent(now));
        let heirs = self.candidates.believed().filter(|heir| silent || Some(heir.ssrc) == current);
        let Some(heir) = heirs.min_by_key(|heir| heir.believed).map(|heir| heir.key) else { return };
        if let Some(heir) = self.candidates.remove(heir) {
            self.begin(now, &heir, out);
        }
    }
}

/// What goes out is counted, and the first behind a new beginning is marked.
fn emit<'s>(
    discontinuity: &'s mut bool,
    counted: &'s mut Stats,
    out: &'s mut impl FnMut(Ordered<'_>),
) -> impl FnMut(Ordered<'_>) + 's {
    move |mut packet| {
        packet.discontinuity = std::mem::take(discontinuity);
        counted.packets = counted.packets.saturating_add(1);
        out(packet);
    }
}

/// Our own source, which must not be theirs (RFC 3550, 8.2).
fn ours(settings: &Settings, theirs: u32) -> u32 {
    if settings.ssrc == theirs { !theirs } else { settings.ssrc }
}

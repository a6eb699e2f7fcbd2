//! Where a source begins in the output's time: behind what was decoded and shown before.

use super::{OURS, PCR_SLOT, Splice};
use crate::model::stream_info::Kind;
use crate::ts::input::Mark;
use crate::ts::packet::{self, ADAPTATION, PAYLOAD, plain};
use crate::ts::time::{Pcr27m, Pts90k};
use crate::ts::{PACKET, RawPacket, pes};

/// Where no cadence is known, a frame takes 40 ms.
const FRAME_90K: u64 = 3600;
/// The longest step of decoding times that nobody takes for a gap: 100 ms.
pub const LONGEST_STEP_90K: i64 = 9000;
/// Pictures by which a source may show one later than it is decoded: no codec has more.
const MOST_REORDERED: u64 = 16;
/// Pictures must be there so long before they are decoded: 50 ms.
const LEAST_LEAD_90K: i64 = 4500;
/// A clock that would go back, or step on, by no more than this goes on instead: 1 s.
const MOST_STEP_90K: i64 = 90_000;
/// The longest step of the clock that is none: 90 ms (13818-1, 2.7.2 asks for 100 at most).
const LONGEST_CLOCK_90K: i64 = 8100;
/// Rounding of time stamps between 90 kHz and frame durations.
pub(super) const ROUNDING_90K: i64 = 16;

impl super::Lane {
    /// Whether a unit of this time comes after the last one.
    pub(super) fn goes_on_at(&self, time: Pts90k) -> bool {
        let least = match self.codec.kind() {
            Kind::Video | Kind::Audio => (self.step_90k - ROUNDING_90K).max(1),
            Kind::Subtitle | Kind::Data => 1,
        };
        self.last.is_none_or(|last| time.since(last) >= least)
    }
}

impl Splice {
    /// The picture with which the next source begins has its decoding time moved on by so much, to follow leading pictures
    /// that are left out (see [`crate::ts::lead_in`]). To be said after [`Self::cut`], before that picture.
    pub fn delayed(&mut self, by_90k: u64) {
        self.delayed_90k = by_90k;
    }

    /// Whether nothing of the present source has passed yet.
    pub fn waits(&self) -> bool {
        self.waiting
    }

    /// Whether the tables are those of a source that has not begun, and differ from what was told before.
    pub fn waits_to_tell(&self) -> bool {
        self.waiting && self.tables.changed
    }

    /// The first random access point of a source: from here on packets pass. False if it has no time to go by yet.
    pub(super) fn begin(&mut self, packet: &RawPacket) -> bool {
        if self.rebase {
            let header = pes::Header::parse(packet::payload(packet));
            let stamp = header.and_then(|header| header.decoding_time());
            let Some(here) = stamp.or(self.source_pcr.map(Pcr27m::to_90k)) else { return false };
            let step = self.cadence.step_90k().map_or(FRAME_90K, u64::from);
            if let Some(highest) = self.highest {
                let next = highest.plus(step);
                match self.standing_in {
                    true => self.clip_begins(here, next, step),
                    false => self.source_begins(here, header.and_then(|header| header.pts), next, step),
                }
                if stamp.is_none() {
                    self.highest = Some(next);
                }
            }
            self.pcr_cut = true;
        }
        self.rebase = false;
        self.waiting = false;
        true
    }

    /// Whether packets of this PID pass: from its first unit on, and after a cut not before those that were written. A gap
    /// in its sound is filled first.
    pub(super) fn opens(&mut self, slot: u8, mark: Mark, time: Option<Pts90k>, out: &mut Vec<u8>) -> bool {
        let governs = self.main == Some(slot);
        let lane = &mut self.lanes[usize::from(slot)];
        if lane.open || slot == PCR_SLOT {
            return true;
        }
        let goes_on = match (lane.last, time) {
            _ if mark.random_access => true,
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(time)) => lane.goes_on_at(time),
        };
        lane.open = mark.unit_start && goes_on && (mark.random_access || !governs || lane.codec.kind() != Kind::Video);
        let open = lane.open;
        if let (true, false, Some(time)) = (open, governs, time) {
            self.fill(slot, time, out);
        }
        open
    }

    /// A source is decoded where the last one stopped, and is not shown before that one was.
    fn source_begins(&mut self, here: Pts90k, pts: Option<Pts90k>, next: Pts90k, step: u64) {
        let room = LONGEST_STEP_90K.unsigned_abs().saturating_sub(step);
        let mut late = self.delayed_90k.min(room);
        if let Some(pts) = pts {
            let first_shown = pts.plus(next.plus(late).offset_from(here));
            self.lead_90k = u64::try_from(first_shown.since(next)).unwrap_or(0);
            let hidden = self.shown.map_or(0, |shown| shown.plus(step).since(first_shown));
            // A time stamp that is wrong must not move all that follows.
            let hidden = u64::try_from(hidden).unwrap_or(0).min(MOST_REORDERED * step);
            let absorbed = hidden.min(room - late);
            late += absorbed;
            // What is left of it: pictures wait for longer between decoding and showing, until they have caught up.
            self.shown_offset_90k = next.plus(late + hidden - absorbed).offset_from(here);
        } else {
            self.shown_offset_90k = next.plus(late).offset_from(here);
        }
        self.offset_90k = next.plus(late).offset_from(here);
        self.catch_up_to_90k = self.shown_offset_90k;
        // The clock goes on, though pictures may wait longer in this source's buffer than in the last one's, or shorter, or their
        // decoding times were moved closer together: as long as enough of the wait is left.
        let mut clock = next.plus(late).offset_from(here.minus(self.delayed_90k.saturating_sub(late)));
        let Some(pcr) = self.source_pcr else {
            self.clock_offset_90k = clock;
            return;
        };
        let step = self.output_pcr.map_or(1, |last| pcr.to_90k().plus(clock).since(last.to_90k()));
        if (-MOST_STEP_90K..1).contains(&step) {
            clock = Pts90k(clock).plus((1 - step).unsigned_abs()).0;
        } else if (LONGEST_CLOCK_90K + 1..MOST_STEP_90K).contains(&step) {
            clock = Pts90k(clock).minus((step - LONGEST_CLOCK_90K).unsigned_abs()).0;
        }
        let lead = next.plus(late).since(pcr.to_90k().plus(clock));
        self.clock_offset_90k = if lead >= LEAST_LEAD_90K { clock } else { self.offset_90k };
    }

    /// A clip has no reordered pictures: each is shown as long after it is decoded as those of the source before were, and
    /// soon less: so that one like it can take over without waiting, and one that has none without a gap.
    fn clip_begins(&mut self, here: Pts90k, next: Pts90k, step: u64) {
        let reordered = self.shown.zip(self.highest).map_or(0, |(shown, highest)| shown.since(highest));
        let reordered = u64::try_from(reordered).unwrap_or(0).min(MOST_REORDERED * step);
        let room = LONGEST_STEP_90K.unsigned_abs().saturating_sub(step + ROUNDING_90K.unsigned_abs());
        let late = reordered.saturating_sub(self.lead_90k.min(room));
        self.offset_90k = next.plus(late.min(room)).offset_from(here);
        self.shown_offset_90k = next.plus(reordered).offset_from(here);
        self.catch_up_to_90k = next.plus(late).offset_from(here);
        self.clock_offset_90k = self.clock_offset(step);
    }

    /// A picture begins here: it is decoded later than its place among the others says, if they have to catch up. One that has
    /// no decoding time of its own, as it is shown at once, has been moved with what is shown.
    pub(super) fn catch_up(&mut self, packet: &RawPacket) {
        let left = Pts90k(self.catch_up_to_90k).since(Pts90k(self.offset_90k));
        if left <= 0 {
            return;
        }
        let dts = pes::Header::parse(packet::payload(packet)).and_then(|header| header.dts);
        if let Some((dts, highest)) = dts.zip(self.highest) {
            let room = LONGEST_STEP_90K - dts.plus(self.offset_90k).since(highest);
            self.offset_90k = Pts90k(self.offset_90k).plus(room.clamp(0, left).unsigned_abs()).0;
        }
    }

    /// The last PCR of a source was left out with what came before its beginning: it is told again.
    pub(super) fn tell_clock(&mut self, out: &mut Vec<u8>) {
        let (Some(slot), Some(pcr)) = (self.pcr, self.source_pcr) else { return };
        let pcr = pcr.plus_90k(self.clock_offset_90k);
        let new_base = self.takes_pcr(slot, pcr);
        let next = self.lanes[usize::from(slot)].next;
        let mut packet = [0xFF; PACKET];
        packet[..4]
            .copy_from_slice(&(plain(0) & !PAYLOAD | ADAPTATION | next & OURS & !0xF | next.wrapping_sub(1) & 0xF).to_be_bytes());
        (packet[4], packet[5]) = (183, if new_base { 0x90 } else { 0x10 });
        packet[6..12].copy_from_slice(&pcr.to_field());
        out.extend_from_slice(&packet);
    }

    /// A picture goes out that is decoded at `time`, with its stamps moved: takes notice of when it is shown.
    pub(super) fn keep_shown(&mut self, packet: &RawPacket, time: Pts90k) {
        let pts = pes::Header::parse(packet::payload(packet)).and_then(|header| header.pts).unwrap_or(time);
        if self.shown.is_none_or(|shown| !(super::JUMP_90K..=0).contains(&pts.since(shown))) {
            self.shown = Some(pts);
        }
    }
}

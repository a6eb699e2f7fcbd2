//! What a client sees across changes of source: one programme for ever, on fixed PIDs, with running continuity
//! counters and time stamps (13818-1, 2.4.3; TUNER.md, "Splice").
//!
//! Nearly every packet stays where it lies and gets another PID and counter; only those that start a unit, carry a PCR or
//! are not payload alone are looked into.

use std::collections::HashMap;

use self::silence::Silence;
use super::adaptation;
use super::input::Mark;
pub use super::outputs::Leading;
use super::outputs::{NO_SLOT, Outputs, PCR_PID, PCR_SLOT, PMT_PID};
use super::packet::{self, ADAPTATION, NULL_PID, PAYLOAD, counted, header, plain};
use super::pes;
use super::pmt::{self, Entry};
use super::programme::Programme;
use super::silent::Silent;
use super::stats::Cadence;
use super::time::{MediaClock, Pcr27m, Pts90k};
use super::{PACKET, RawPacket, pat};
use crate::model::Codec;
use schedule::Schedule;
use tables::Tables;

mod begin;
mod first_sound;
mod retract;
mod schedule;
mod silence;
mod stand_in;
mod tables;

pub use begin::LONGEST_STEP_90K;
pub use first_sound::FirstSound;
pub use retract::{Removal, counts_further, counts_on, remove};

/// Random access points are told of at most this often: 250 ms.
const RANDOM_ACCESS_27M: u64 = 6_750_000;
/// A step of the PCR at a cut beyond this is said to be a new time base: 500 ms.
const PCR_STEP_27M: i64 = 13_500_000;
/// A step back by more than this is the source's own new time base: 1 s.
const JUMP_90K: i64 = -90_000;

/// The bits of a header word that the output decides: PID and counter.
const OURS: u32 = 0x1F_FF0F;

/// What became of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Bytes appended to the output: 0 where the packet was dropped.
    pub bytes: usize,
    /// A random access point begins at the first of these bytes: PAT and PMT, then the packet itself.
    pub random_access: bool,
}

/// What became of one packet where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewritten {
    /// It is not in the output.
    Dropped,
    /// It is.
    Passes,
    /// It is, and a random access point begins: with PAT and PMT, then the packet itself.
    RandomAccess,
}

/// One output PID.
#[derive(Debug, Clone, Copy)]
struct Lane {
    /// The header word of the next packet, were it a plain one.
    next: u32,
    /// Whether its packets pass: a first unit began.
    open: bool,
    /// Something was written on it.
    written: bool,
    in_programme: bool,
    codec: Codec,
    /// PID in the source.
    source: u16,
    /// Decoding time of the last unit in the output, and the longer of the two steps that led there.
    last: Option<Pts90k>,
    step_90k: i64,
    last_step_90k: i64,
    /// The same before that unit.
    before: Option<Pts90k>,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            next: 0,
            open: false,
            written: false,
            in_programme: false,
            codec: Codec::Other(0),
            source: NULL_PID,
            last: None,
            step_90k: 0,
            last_step_90k: 0,
            before: None,
        }
    }
}

impl Lane {
    /// Takes the decoding time of a unit that goes out.
    fn keep_time(&mut self, time: Option<Pts90k>) {
        self.before = self.last;
        let Some(time) = time else { return };
        let step = self.last.map_or(0, |last| time.since(last));
        if !(JUMP_90K..=0).contains(&step) || self.last.is_none() {
            self.last = Some(time);
            let step = step.clamp(0, -JUMP_90K);
            self.step_90k = step.max(std::mem::replace(&mut self.last_step_90k, step));
        }
    }

    /// Its units take so long, whatever came before.
    fn steps_by(&mut self, step_90k: i64) {
        self.step_90k = step_90k;
        self.last_step_90k = step_90k;
    }
}

/// The output of a session, over all its sources.
#[derive(Debug)]
pub struct Splice {
    /// Slot of each of the source's streams.
    slots: Box<[u8; 256]>,
    lanes: Box<[Lane; 256]>,
    outputs: Outputs,
    /// Slot of the stream that governs, as the programme has it.
    main: Option<u8>,
    /// Slot of the stream that carries the PCR.
    pcr: Option<u8>,
    tables: Tables,
    schedule: Schedule,
    /// Nothing passes before a random access point.
    waiting: bool,
    /// Time must be moved to go on where the output's stopped.
    rebase: bool,
    /// The next PCR is the first after a cut.
    pcr_cut: bool,
    /// By how much decoding times of pictures are moved, PCRs, and everything else.
    offset_90k: u64,
    clock_offset_90k: u64,
    shown_offset_90k: u64,
    /// Decoding times move on, little by little, until they are moved by so much.
    catch_up_to_90k: u64,
    /// How long after its place in the output's time the picture is shown with which the last source began.
    lead_90k: u64,
    /// By how much the decoding time of the picture that begins the next source was moved on before.
    delayed_90k: u64,
    /// A clip of our own stands in for a source.
    standing_in: bool,
    /// The last PCR of the source, unmoved, and of the output.
    source_pcr: Option<Pcr27m>,
    output_pcr: Option<Pcr27m>,
    /// Highest decoding time of the governing stream in the output, and its highest presentation time.
    highest: Option<Pts90k>,
    shown: Option<Pts90k>,
    /// Both before its last unit.
    before: (Option<Pts90k>, Option<Pts90k>),
    /// Its last unit was taken back.
    taken_back: bool,
    /// What fills gaps in the sound.
    silences: HashMap<Codec, Silence>,
    cadence: Cadence,
    clock: MediaClock,
    random_access_at_27m: Option<u64>,
}

impl Default for Splice {
    fn default() -> Self {
        Self::new()
    }
}

impl Splice {
    /// A fresh output, for a new session.
    pub fn new() -> Self {
        let mut lanes = Box::new([Lane::default(); 256]);
        lanes[usize::from(PCR_SLOT)].next = plain(PCR_PID);
        Self {
            slots: Box::new([NO_SLOT; 256]),
            lanes,
            outputs: Outputs::default(),
            main: None,
            pcr: None,
            tables: Tables::default(),
            schedule: Schedule::default(),
            waiting: true,
            rebase: false,
            pcr_cut: false,
            offset_90k: 0,
            clock_offset_90k: 0,
            shown_offset_90k: 0,
            catch_up_to_90k: 0,
            lead_90k: 0,
            delayed_90k: 0,
            standing_in: false,
            source_pcr: None,
            output_pcr: None,
            highest: None,
            shown: None,
            before: (None, None),
            taken_back: false,
            silences: HashMap::new(),
            cadence: Cadence::default(),
            clock: MediaClock::default(),
            random_access_at_27m: None,
        }
    }

    /// Another source (or the same one, opened again) follows: everything until its first random access point is dropped,
    /// and its time goes on where the output's stopped.
    pub fn cut(&mut self) {
        self.waiting = true;
        self.standing_in = false;
        self.rebase = self.highest.is_some();
        self.source_pcr = None;
        self.random_access_at_27m = None;
        self.delayed_90k = 0;
        self.lanes.iter_mut().for_each(|lane| lane.open = false);
    }

    /// The programme that the following packets belong to.
    pub fn programme(&mut self, programme: &Programme) {
        let assigned = self.outputs.assign(programme);
        self.lanes.iter_mut().for_each(|lane| lane.in_programme = false);
        self.slots.fill(NO_SLOT);
        let mut entries = Vec::with_capacity(assigned.len());
        let mut pcr = None;
        for ((index, stream), to) in (0..PCR_SLOT).zip(&programme.streams).zip(&assigned) {
            let lane = &mut self.lanes[usize::from(to.slot)];
            if to.fresh {
                *lane = Lane { next: plain(to.pid), ..Lane::default() };
            }
            lane.in_programme = true;
            lane.codec = stream.codec;
            lane.source = stream.pid;
            self.slots[usize::from(index)] = to.slot;
            entries.push(Entry { pid: to.pid, stream_type: stream.stream_type, descriptors: &stream.descriptors });
            if programme.pcr_pid == stream.pid {
                pcr = Some((to.slot, to.pid));
            }
        }
        // Streams that left begin again at a unit, should they come back.
        self.lanes.iter_mut().filter(|lane| !lane.in_programme).for_each(|lane| lane.open = false);
        self.slots[usize::from(PCR_SLOT)] = PCR_SLOT;
        self.lanes[usize::from(PCR_SLOT)].in_programme = true;
        let (pcr, pcr_pid) = match pcr {
            Some((slot, pid)) => (Some(slot), pid),
            None if programme.pcr_pid == NULL_PID => (None, NULL_PID),
            None => (Some(PCR_SLOT), PCR_PID),
        };
        self.pcr = pcr;
        self.main = programme.main_stream().and_then(|main| assigned.get(main)).map(|assigned| assigned.slot);
        self.tables.set(pmt::body(pcr_pid, &programme.descriptors, &entries));
    }

    /// What a receiver plays that makes no choice.
    pub fn leading(&self) -> Leading {
        self.outputs.leading()
    }

    /// Rewrites one packet and appends it to `out`, behind PAT and PMT where they are due.
    pub fn packet(&mut self, packet: &RawPacket, mark: Mark, out: &mut Vec<u8>) -> Written {
        let mut packet = *packet;
        let from = out.len();
        let rewritten = self.rewrite(&mut packet, mark, out);
        if rewritten != Rewritten::Dropped {
            out.extend_from_slice(&packet);
        }
        Written { bytes: out.len() - from, random_access: rewritten == Rewritten::RandomAccess }
    }

    /// Rewrites one packet where it lies. PAT and PMT, where they are due before it, are appended to `before`; as is what fills
    /// a gap, even where the packet itself is dropped.
    #[inline]
    pub fn rewrite(&mut self, packet: &mut RawPacket, mark: Mark, before: &mut Vec<u8>) -> Rewritten {
        let slot = self.slots[usize::from(mark.stream)];
        let lane = &mut self.lanes[usize::from(slot)];
        let word = header(packet);
        // An adaptation field may hold an OPCR, which is moved with the time.
        let plain = word & PAYLOAD != 0 && (word & ADAPTATION == 0 || self.clock_offset_90k == 0 && mark.pcr.is_none());
        if !plain || !lane.open || mark.random_access || self.schedule.left() == 0 {
            return self.closely(packet, mark, before);
        }
        if mark.unit_start {
            if self.main == Some(slot) || self.tables.changed || self.schedule.is_stamped(self.clock.elapsed_27m()) {
                return self.closely(packet, mark, before);
            }
            lane.keep_time(shifted(packet, mark, self.shown_offset_90k, self.shown_offset_90k));
        }
        self.schedule.count(1);
        packet[..4].copy_from_slice(&(word & !OURS | lane.next & OURS).to_be_bytes());
        lane.next = counted(lane.next);
        Rewritten::Passes
    }

    /// Rewrites packets of one stream of which nothing is to be said ([`Sink::run`]), where they lie, up to the first that is
    /// not `silent` or where PAT and PMT are due. Says how many: where that is none, [`Self::rewrite`] must see the first.
    ///
    /// [`Sink::run`]: super::input::Sink::run
    #[inline]
    pub fn run(&mut self, packets: &mut [RawPacket], stream: u8, silent: Silent) -> usize {
        let lane = &mut self.lanes[usize::from(self.slots[usize::from(stream)])];
        if !lane.open {
            return 0;
        }
        // Tables may be due at the first packet that is looked at.
        let due = self.tables.changed || self.schedule.is_stamped(self.clock.elapsed_27m());
        let count = silent.strictly(due).rewrite(packets, lane.next, self.schedule.left());
        self.schedule.count(count);
        lane.next = lane.next & !0xF | (lane.next + count as u32) & 0xF;
        count
    }

    /// Makes use of the place of a packet that carried a table of the source: with the next packet of our own tables, so that
    /// what comes behind need not move and none of ours need come in elsewhere. False where it is not in the output.
    pub fn table(&mut self, packet: &mut RawPacket) -> bool {
        if self.waiting {
            return false;
        }
        let Some(whole) = self.tables.next(packet) else { return false };
        if whole {
            self.tables_written(true);
        }
        true
    }

    /// Appends PAT and PMT if they would become due in the next so many packets: here, that moves nothing.
    #[inline]
    pub fn tables_ahead(&mut self, packets: usize, out: &mut Vec<u8>) {
        if !self.waiting && self.schedule.is_soon(self.clock.elapsed_27m(), packets) {
            self.tables(out);
        }
    }

    /// Appends PAT and PMT with running counters, for a silence in the source.
    pub fn tables(&mut self, out: &mut Vec<u8>) {
        self.tables.write(out);
        self.tables_written(false);
    }

    fn tables_written(&mut self, in_place: bool) {
        self.schedule.written(self.clock.elapsed_27m(), self.clock.elapsed().is_some(), in_place);
    }

    /// Appends one packet without payload for each output PID, `discontinuity_indicator` set and the counter such that
    /// what was written last before now goes on after it: what a client that skipped to here must see first. To be asked
    /// *before* the packet of a random access point is written.
    pub fn discontinuity(&self, out: &mut Vec<u8>) {
        let mut mark = |next: u32| {
            let word = plain(0) & !PAYLOAD | ADAPTATION | next & OURS & !0xF | next.wrapping_sub(1) & 0xF;
            let mut packet = [0xFF; PACKET];
            packet[..4].copy_from_slice(&word.to_be_bytes());
            // The whole packet is adaptation field: flags, then stuffing.
            (packet[4], packet[5]) = (183, 0x80);
            out.extend_from_slice(&packet);
        };
        if !self.tables.is_empty() {
            mark(u32::from(pat::PID) << 8 | u32::from(self.tables.pat_counter));
            mark(u32::from(PMT_PID) << 8 | u32::from(self.tables.pmt_counter));
        }
        self.lanes.iter().filter(|lane| lane.in_programme && lane.written).for_each(|lane| mark(lane.next));
    }

    /// A packet that is not payload alone, or one at which something is due.
    #[inline(never)]
    fn closely(&mut self, packet: &mut RawPacket, mark: Mark, before: &mut Vec<u8>) -> Rewritten {
        let slot = self.slots[usize::from(mark.stream)];
        let known = self.lanes[usize::from(slot)].in_programme && packet[3] & (ADAPTATION | PAYLOAD) as u8 != 0;
        if !known || self.tables.is_empty() {
            return Rewritten::Dropped;
        }
        if self.pcr == Some(slot) && mark.pcr.is_some() {
            self.source_pcr = mark.pcr;
        }
        let begins = self.waiting && self.rebase;
        if self.waiting && (!mark.random_access || !self.begin(packet)) {
            return Rewritten::Dropped;
        }
        let new_base = mark.pcr.is_some_and(|pcr| self.takes_pcr(slot, pcr.plus_90k(self.clock_offset_90k)));
        let governs = self.main == Some(slot);
        if governs && mark.unit_start && !begins {
            self.catch_up(packet);
        }
        let offset_90k = if governs { self.offset_90k } else { self.shown_offset_90k };
        let time = shifted(packet, mark, offset_90k, self.shown_offset_90k);
        if !self.opens(slot, mark, time, before) {
            return Rewritten::Dropped;
        }
        if mark.unit_start {
            self.keep_time(slot, time, packet, mark);
            if let Some(time) = time.filter(|_| governs && self.standing_in) {
                self.fill_others(time, before);
            }
        }
        self.tick(slot, mark);
        let random_access = mark.random_access && self.tells_random_access();
        let due = self.schedule.is_due(self.clock.elapsed_27m());
        if random_access || self.tables.changed || due {
            self.tables(before);
        }
        if begins && mark.pcr.is_none() {
            self.tell_clock(before);
        }
        self.schedule.count(1);
        let lane = &mut self.lanes[usize::from(slot)];
        let word = header(packet) & !OURS;
        let word = if word & PAYLOAD != 0 {
            let word = word | lane.next & OURS;
            lane.next = counted(lane.next);
            word
        } else {
            word | lane.next & OURS & !0xF | lane.next.wrapping_sub(1) & 0xF
        };
        lane.written = true;
        packet[..4].copy_from_slice(&word.to_be_bytes());
        if word & ADAPTATION != 0 {
            if self.clock_offset_90k != 0 {
                adaptation::shift(packet, self.clock_offset_90k);
            }
            if new_base {
                adaptation::set_discontinuity(packet);
            }
        }
        if random_access { Rewritten::RandomAccess } else { Rewritten::Passes }
    }

    /// Takes notice of a PCR as the output has it. True if it begins a new time base.
    fn takes_pcr(&mut self, slot: u8, pcr: Pcr27m) -> bool {
        if self.pcr != Some(slot) {
            return false;
        }
        let last = self.output_pcr.replace(pcr);
        let step = last.map_or(0, |last| pcr.since(last));
        std::mem::take(&mut self.pcr_cut) && !(0..=PCR_STEP_27M).contains(&step)
    }

    /// A unit goes out: media time of the output goes on.
    fn keep_time(&mut self, slot: u8, time: Option<Pts90k>, packet: &RawPacket, mark: Mark) {
        self.lanes[usize::from(slot)].keep_time(time);
        let governs = self.main == Some(slot);
        if governs {
            self.before = (self.highest, self.shown);
            self.taken_back = false;
        }
        if let Some(time) = time.filter(|_| governs || mark.random_access) {
            if self.highest.is_none_or(|highest| !(JUMP_90K..=0).contains(&time.since(highest))) {
                self.highest = Some(time);
            }
            self.keep_shown(packet, time);
            self.cadence.mark(time);
            self.clock.stamp(time);
        }
    }

    /// The clock of the output goes on.
    fn tick(&mut self, slot: u8, mark: Mark) {
        if self.pcr == Some(slot)
            && mark.pcr.is_some()
            && let Some(pcr) = self.output_pcr
        {
            self.clock.pcr(pcr);
        }
    }

    fn tells_random_access(&mut self) -> bool {
        let now = self.clock.elapsed_27m();
        let due = self.random_access_at_27m.is_none_or(|last| now - last >= RANDOM_ACCESS_27M) || self.clock.elapsed().is_none();
        if due {
            self.random_access_at_27m = Some(now);
        }
        due
    }
}

/// The decoding time of the unit that begins here, if one does, as the output has it; stamps are moved there, the PTS by an
/// offset of its own.
#[inline]
fn shifted(packet: &mut RawPacket, mark: Mark, offset_90k: u64, pts_offset_90k: u64) -> Option<Pts90k> {
    if offset_90k == 0 && pts_offset_90k == 0 || !mark.unit_start {
        return mark.time;
    }
    let at = packet::payload_at(packet);
    pes::shift_apart(packet.get_mut(at..).unwrap_or_default(), offset_90k, pts_offset_90k)
}

#[cfg(test)]
mod tests;

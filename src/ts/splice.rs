//! What a client sees across changes of source: one programme for ever, on fixed PIDs, with running continuity
//! counters and time stamps (13818-1, 2.4.3; TUNER.md, "Splice").
//!
//! Nearly every packet is copied once and gets another PID and counter; only those that start a unit, carry a PCR or are
//! not payload alone are looked into.

use super::adaptation;
use super::input::Mark;
use super::outputs::{NO_SLOT, Outputs, PCR_PID, PCR_SLOT, PMT_PID};
use super::packet::{self, ADAPTATION, NULL_PID, PAYLOAD, counted, header, plain};
use super::pes;
use super::pmt::{self, Entry};
use super::programme::Programme;
use super::section::packetize;
use super::stats::Cadence;
use super::time::{MediaClock, Pcr27m, Pts90k};
use super::{PACKET, RawPacket, pat};
use crate::model::stream_info::Kind;

/// PAT and PMT at least this often: 100 ms.
const TABLES_27M: u64 = 2_700_000;
/// Or after so many packets: where time does not tell, and where it should.
const TABLES_PACKETS: u32 = 500;
const TABLES_PACKETS_TIMED: u32 = 4000;
/// Random access points are told of at most this often: 250 ms.
const RANDOM_ACCESS_27M: u64 = 6_750_000;
/// Where a source has shown no cadence, a frame takes 40 ms.
const FRAME_90K: u64 = 3600;
/// A step of the PCR at a cut beyond this is said to be a new time base: 500 ms.
const PCR_STEP_27M: i64 = 13_500_000;
/// A step back by more than this is the source's own new time base: 1 s.
const JUMP_90K: i64 = -90_000;
/// Rounding of time stamps between 90 kHz and frame durations.
const ROUNDING_90K: i64 = 16;

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

/// One output PID.
#[derive(Debug, Clone, Copy)]
struct Lane {
    /// PID and next counter, as in a header word.
    next: u32,
    /// Whether its packets pass: a first unit began.
    open: bool,
    /// Something was written on it.
    written: bool,
    in_programme: bool,
    kind: Kind,
    /// Decoding time of the last unit in the output, and the step that led there.
    last: Option<Pts90k>,
    step_90k: i64,
}

impl Default for Lane {
    fn default() -> Self {
        Self { next: 0, open: false, written: false, in_programme: false, kind: Kind::Data, last: None, step_90k: 0 }
    }
}

impl Lane {
    /// Takes the decoding time of a unit that goes out.
    fn keep_time(&mut self, time: Option<Pts90k>) {
        let Some(time) = time else { return };
        let step = self.last.map_or(0, |last| time.since(last));
        if !(JUMP_90K..=0).contains(&step) || self.last.is_none() {
            self.last = Some(time);
            self.step_90k = step.clamp(0, -JUMP_90K);
        }
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
    /// Packets until tables are due, whatever time says.
    until_tables: u32,
    /// Nothing passes before a random access point.
    waiting: bool,
    /// Time must be moved to go on where the output's stopped.
    rebase: bool,
    /// The next PCR is the first after a cut.
    pcr_cut: bool,
    offset_90k: u64,
    /// The last PCR of the source, unmoved, and of the output.
    source_pcr: Option<Pcr27m>,
    output_pcr: Option<Pcr27m>,
    /// Highest decoding time of the governing stream in the output.
    highest: Option<Pts90k>,
    cadence: Cadence,
    clock: MediaClock,
    clocked_27m: u64,
    tables_at_27m: u64,
    random_access_at_27m: Option<u64>,
}

/// PAT and PMT, ready to be written.
#[derive(Debug, Default)]
struct Tables {
    packets: Vec<RawPacket>,
    body: Vec<u8>,
    version: u8,
    pat_counter: u8,
    pmt_counter: u8,
    /// They say something new.
    changed: bool,
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
        lanes[usize::from(PCR_SLOT)].next = plain(PCR_PID) & OURS;
        Self {
            slots: Box::new([NO_SLOT; 256]),
            lanes,
            outputs: Outputs::default(),
            main: None,
            pcr: None,
            tables: Tables::default(),
            until_tables: TABLES_PACKETS,
            waiting: true,
            rebase: false,
            pcr_cut: false,
            offset_90k: 0,
            source_pcr: None,
            output_pcr: None,
            highest: None,
            cadence: Cadence::default(),
            clock: MediaClock::default(),
            clocked_27m: 0,
            tables_at_27m: 0,
            random_access_at_27m: None,
        }
    }

    /// Another source (or the same one, opened again) follows: everything until its first random access point is dropped,
    /// and its time goes on where the output's stopped.
    pub fn cut(&mut self) {
        self.waiting = true;
        self.rebase = self.highest.is_some();
        self.source_pcr = None;
        self.random_access_at_27m = None;
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
                *lane = Lane { next: plain(to.pid) & OURS, ..Lane::default() };
            }
            lane.in_programme = true;
            lane.kind = stream.codec.kind();
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

    /// Rewrites one packet and appends it to `out`, behind PAT and PMT where they are due.
    #[inline]
    pub fn packet(&mut self, packet: &RawPacket, mark: Mark, out: &mut Vec<u8>) -> Written {
        let slot = self.slots[usize::from(mark.stream)];
        let lane = &mut self.lanes[usize::from(slot)];
        let word = header(packet);
        let plain = lane.open && !mark.random_access && mark.pcr.is_none() && word & (ADAPTATION | PAYLOAD) == PAYLOAD;
        if !plain || self.until_tables == 0 {
            return self.closely(packet, mark, out);
        }
        if mark.unit_start {
            if self.main == Some(slot) || self.tables.changed || self.clocked_27m != self.clock.elapsed_27m() {
                return self.closely(packet, mark, out);
            }
            lane.keep_time(pes::shifted_time(packet::payload(packet), self.offset_90k));
        }
        self.until_tables -= 1;
        let at = out.len();
        out.extend_from_slice(packet);
        if let Some((head, payload)) = out.get_mut(at..).and_then(|written| written.split_first_chunk_mut::<4>()) {
            *head = (word & !OURS | lane.next).to_be_bytes();
            if mark.unit_start && self.offset_90k != 0 {
                pes::shift(payload, self.offset_90k);
            }
        }
        lane.next = counted(lane.next);
        Written { bytes: PACKET, random_access: false }
    }

    /// Rewrites packets of one stream of which nothing is to be said ([`Sink::run`]), and appends them to `out`, up to
    /// where PAT and PMT are due. Says how many it took: where that is none,
    /// [`Self::packet`] must see the first.
    ///
    /// [`Sink::run`]: super::input::Sink::run
    #[inline]
    pub fn run(&mut self, packets: &[RawPacket], stream: u8, out: &mut Vec<u8>) -> usize {
        let lane = &mut self.lanes[usize::from(self.slots[usize::from(stream)])];
        if !lane.open {
            return 0;
        }
        let mut most = self.until_tables as usize;
        if self.tables.changed || self.clocked_27m != self.clock.elapsed_27m() {
            // Tables may be due at the first packet that is looked at.
            let plain = |packet: &RawPacket| header(packet) & ADAPTATION == 0;
            most = most.min(packets.iter().position(|packet| !plain(packet)).unwrap_or(most));
        }
        let run = packets.get(..most).unwrap_or(packets);
        self.until_tables -= run.len() as u32;
        let at = out.len();
        out.extend_from_slice(run.as_flattened());
        let mut written = out.get_mut(at..).unwrap_or_default();
        let [_, high, low, mut counter] = lane.next.to_be_bytes();
        while let Some((packet, after)) = written.split_first_chunk_mut::<PACKET>() {
            written = after;
            // The flags of all are clear.
            packet[1..3].copy_from_slice(&[high, low]);
            packet[3] = packet[3] & 0xF0 | counter;
            counter = (counter + 1) & 0xF;
        }
        lane.next = lane.next & !0xF | u32::from(counter);
        run.len()
    }

    /// Appends PAT and PMT with running counters, for a silence in the source.
    pub fn tables(&mut self, out: &mut Vec<u8>) {
        self.tables.write(out);
        self.tables_at_27m = self.clock.elapsed_27m();
        self.until_tables = if self.clock.elapsed().is_some() { TABLES_PACKETS_TIMED } else { TABLES_PACKETS };
    }

    /// Appends one packet without payload for each output PID, `discontinuity_indicator` set and the counter such that
    /// what was written last before now goes on after it: what a client that skipped to here must see first. To be asked
    /// *before* the packet of a random access point is written.
    pub fn discontinuity(&self, out: &mut Vec<u8>) {
        let mut mark = |next: u32| {
            let word = plain(0) & !PAYLOAD | ADAPTATION | next & !0xF | next.wrapping_sub(1) & 0xF;
            let mut packet = [0xFF; PACKET];
            packet[..4].copy_from_slice(&word.to_be_bytes());
            // The whole packet is adaptation field: flags, then stuffing.
            (packet[4], packet[5]) = (183, 0x80);
            out.extend_from_slice(&packet);
        };
        if !self.tables.packets.is_empty() {
            mark(u32::from(pat::PID) << 8 | u32::from(self.tables.pat_counter));
            mark(u32::from(PMT_PID) << 8 | u32::from(self.tables.pmt_counter));
        }
        self.lanes.iter().filter(|lane| lane.in_programme && lane.written).for_each(|lane| mark(lane.next));
    }

    /// A packet that is not payload alone, or one at which something is due.
    #[inline(never)]
    fn closely(&mut self, packet: &RawPacket, mark: Mark, out: &mut Vec<u8>) -> Written {
        let slot = self.slots[usize::from(mark.stream)];
        let known = self.lanes[usize::from(slot)].in_programme && packet[3] & (ADAPTATION | PAYLOAD) as u8 != 0;
        if !known || self.tables.packets.is_empty() {
            return Written::default();
        }
        if self.pcr == Some(slot) && mark.pcr.is_some() {
            self.source_pcr = mark.pcr;
        }
        if self.waiting && (!mark.random_access || !self.begin(packet)) {
            return Written::default();
        }
        let new_base = mark.pcr.is_some_and(|pcr| self.takes_pcr(slot, pcr.plus_90k(self.offset_90k)));
        let time = if mark.unit_start { pes::shifted_time(packet::payload(packet), self.offset_90k) } else { None };
        if !self.opens(slot, mark, time) {
            return Written::default();
        }
        self.keep_time(slot, time, mark);
        let from = out.len();
        let random_access = mark.random_access && self.tells_random_access();
        if random_access || self.tables_due() {
            self.tables(out);
        }
        self.until_tables = self.until_tables.saturating_sub(1);
        let lane = &mut self.lanes[usize::from(slot)];
        let word = header(packet) & !OURS;
        let word = if word & PAYLOAD != 0 {
            let word = word | lane.next;
            lane.next = counted(lane.next);
            word
        } else {
            word | lane.next & !0xF | lane.next.wrapping_sub(1) & 0xF
        };
        lane.written = true;
        out.extend_from_slice(packet);
        if let Some(packet) = out.last_chunk_mut::<PACKET>() {
            packet[..4].copy_from_slice(&word.to_be_bytes());
            if word & ADAPTATION != 0 {
                adaptation::shift(packet, self.offset_90k);
                if new_base {
                    adaptation::set_discontinuity(packet);
                }
            }
            if mark.unit_start && self.offset_90k != 0 {
                let at = packet::payload_at(packet);
                pes::shift(packet.get_mut(at..).unwrap_or_default(), self.offset_90k);
            }
        }
        Written { bytes: out.len() - from, random_access }
    }

    /// The first random access point of a source: from here on packets pass. False if it has no time to go by yet.
    fn begin(&mut self, packet: &RawPacket) -> bool {
        if self.rebase {
            let stamp = pes::Header::parse(packet::payload(packet)).and_then(|header| header.decoding_time());
            let Some(here) = stamp.or(self.source_pcr.map(Pcr27m::to_90k)) else { return false };
            let step = self.cadence.step_90k().map_or(FRAME_90K, u64::from);
            if let Some(highest) = self.highest {
                self.offset_90k = highest.plus(step).offset_from(here);
                self.highest = Some(highest.plus(step));
            }
            self.pcr_cut = true;
            self.cadence = Cadence::default();
        }
        self.rebase = false;
        self.waiting = false;
        true
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

    /// Whether packets of this PID pass: from its first unit on, and after a cut not before those that were written.
    fn opens(&mut self, slot: u8, mark: Mark, time: Option<Pts90k>) -> bool {
        let governs = self.main == Some(slot);
        let lane = &mut self.lanes[usize::from(slot)];
        if lane.open || slot == PCR_SLOT {
            return true;
        }
        let goes_on = match (lane.last, time) {
            _ if mark.random_access => true,
            (None, _) => true,
            (Some(_), None) => false,
            (Some(last), Some(time)) => match lane.kind {
                Kind::Video | Kind::Audio => time.since(last) >= (lane.step_90k - ROUNDING_90K).max(1),
                Kind::Subtitle | Kind::Data => time.since(last) > 0,
            },
        };
        lane.open = mark.unit_start && goes_on && (mark.random_access || !governs || lane.kind != Kind::Video);
        lane.open
    }

    /// Media time of the output goes on.
    fn keep_time(&mut self, slot: u8, time: Option<Pts90k>, mark: Mark) {
        self.lanes[usize::from(slot)].keep_time(time);
        let governs = self.main == Some(slot) || mark.random_access;
        if let Some(time) = time.filter(|_| governs) {
            let step = self.highest.map_or(1, |highest| time.since(highest));
            if !(JUMP_90K..=0).contains(&step) {
                self.highest = Some(time);
            }
            self.cadence.mark(time);
            self.clock.stamp(time);
        }
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

    /// Whether tables would come too late with the next stamp.
    fn tables_due(&mut self) -> bool {
        let now = self.clock.elapsed_27m();
        let step = now - std::mem::replace(&mut self.clocked_27m, now);
        self.tables.changed || self.until_tables == 0 || step > 0 && now - self.tables_at_27m + step > TABLES_27M
    }
}

impl Tables {
    fn set(&mut self, body: Vec<u8>) {
        if !self.packets.is_empty() {
            if self.body == body {
                return;
            }
            self.version = (self.version + 1) & 0x1F;
        }
        self.packets = packetize(pat::PID, &pat::build(1, 0, 1, PMT_PID));
        self.packets.extend(packetize(PMT_PID, &pmt::build(1, self.version, &body)));
        self.body = body;
        self.changed = true;
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        self.changed = false;
        for packet in &self.packets {
            let of_pat = packet::pid(header(packet)) == pat::PID;
            let counter = if of_pat { &mut self.pat_counter } else { &mut self.pmt_counter };
            out.extend_from_slice(packet);
            if let Some(packet) = out.last_chunk_mut::<PACKET>() {
                packet[3] = packet[3] & 0xF0 | *counter;
            }
            *counter = (*counter + 1) & 0xF;
        }
    }
}

#[cfg(test)]
mod tests;

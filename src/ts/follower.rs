//! The path of a packet through an input: by its PID to a table, to a lane of the programme, or nowhere.
//!
//! Nearly every packet goes the [short way](short); here is the long one.

use std::time::Duration;

use super::RawPacket;
use super::adaptation::Adaptation;
use super::choice::Tables;
use super::continuity::Step;
use super::early::Early;
use super::hold::Hold;
use super::input::{Choice, Proof, Sink, Stats};
use super::keyframe::Scanner;
use super::lanes::{self, Lanes};
use super::packet::{ADAPTATION, ERROR, NULL_PID, PAYLOAD, SCRAMBLING, UNIT_START, pid};
use super::probe::AudioProbe;
use super::programme::Programme;
use super::stats::{BitRate, Cadence};
use super::time::MediaClock;

mod held;
mod look;
mod report;
mod short;
mod tables;

/// All that an input knows behind alignment.
#[derive(Debug)]
pub struct Follower {
    tables: Tables,
    /// Everything, while no programme is announced.
    early: Early,
    lanes: Lanes,
    /// The programme as the source's PMT has it.
    source: Option<Programme>,
    /// And as it is shown: its PCR PID is where PCRs really are.
    programme: Option<Programme>,
    /// The sink knows it.
    announced: bool,
    /// The stream whose random access points govern.
    main: Option<u8>,
    /// It stands in for a better one that did not come.
    stand_in: bool,
    scanner: Option<Scanner>,
    /// Bytes of the PES header that are still to come before the elementary stream.
    header_left: usize,
    probes: Vec<AudioProbe>,
    hold: Hold,
    /// Everything is to be held: the one thing that the short way must ask.
    holding: bool,
    held_since_27m: u64,
    /// PES packets of the main video stream, and media time at its first, without a random access point.
    fruitless: u32,
    fruitless_since_27m: u64,
    clock: MediaClock,
    /// The stream whose time stamps move the clock.
    stamping: Option<u8>,
    cadence: Cadence,
    bit_rate: BitRate,
    stats: Stats,
    proven: bool,
    ever_announced: bool,
}

impl Follower {
    /// Knowing nothing.
    pub fn new(choice: Choice) -> Self {
        let tables = Tables::new(choice);
        let mut lanes = Lanes::default();
        lanes.map(std::iter::empty(), None, None);
        Self {
            tables,
            early: Early::default(),
            lanes,
            source: None,
            programme: None,
            announced: false,
            main: None,
            stand_in: false,
            scanner: None,
            header_left: 0,
            probes: Vec::new(),
            hold: Hold::default(),
            holding: false,
            held_since_27m: 0,
            fruitless: 0,
            fruitless_since_27m: 0,
            clock: MediaClock::default(),
            stamping: None,
            cadence: Cadence::default(),
            bit_rate: BitRate::default(),
            stats: Stats::default(),
            proven: false,
            ever_announced: false,
        }
    }

    /// The source has ended, or says nothing for so long that nothing is to be waited for any more.
    pub fn settle(&mut self, sink: &mut impl Sink) {
        self.hold.close_head(false);
        if !self.announced && self.tables.current().is_some() {
            self.settle_tables(sink);
        }
        if self.main_is_absent() {
            self.stand_in();
        }
        if self.announced {
            self.release(sink);
        }
    }

    /// See [`super::input::Input::proof`].
    pub fn proof(&self) -> Proof {
        match (self.proven, self.ever_announced, self.stats.packets) {
            (true, ..) => Proof::Proven,
            (_, true, _) => Proof::Programme,
            (_, _, 0) => Proof::Nothing,
            _ => Proof::Transport,
        }
    }

    /// See [`super::input::Input::media_time`].
    pub fn media_time(&self) -> Option<Duration> {
        self.clock.elapsed()
    }

    /// The counters, without those of alignment.
    pub fn stats(&self) -> Stats {
        Stats { crc_errors: self.tables.crc_errors(), ..self.stats }
    }

    /// The long way: a table, a packet with more than a payload, the first of its PID, or one out of step.
    #[inline(never)]
    fn closely(&mut self, packet: &mut RawPacket, word: u32, slot: u8, at: usize, sink: &mut impl Sink) {
        if word & ERROR != 0 {
            self.stats.transport_errors += 1;
        }
        match slot {
            lanes::PAT | lanes::PMT | lanes::SDT => self.table(packet, word, slot, at, sink),
            _ if !self.announced => {
                if self.early.push(packet) {
                    self.settle_tables(sink);
                }
            }
            _ => self.media(packet, word, slot, Some(at), sink),
        }
    }

    fn table(&mut self, packet: &mut RawPacket, word: u32, slot: u8, at: usize, sink: &mut impl Sink) {
        if word & ERROR == 0 {
            let changed = match slot {
                lanes::PAT => self.tables.pat(packet),
                lanes::PMT => self.tables.pmt(packet),
                _ => {
                    self.tables.sdt(packet);
                    false
                }
            };
            if changed {
                self.tables_changed(sink);
            }
        }
        if self.announced {
            sink.table(packet, at);
        }
    }

    /// A packet of the programme, which may lie where it came.
    fn media(&mut self, packet: &mut RawPacket, word: u32, slot: u8, at: Option<usize>, sink: &mut impl Sink) {
        if word & (ADAPTATION | PAYLOAD) == 0 {
            return;
        }
        let adaptation = if word & ADAPTATION != 0 { Adaptation::of(packet) } else { Adaptation::default() };
        let lane = self.lanes.lane(slot);
        if lane.plain != 0 {
            lane.continuity.expected = lane.plain;
        }
        let step = lane.continuity.step(packet);
        lane.plain = if lane.watched { 0 } else { lane.continuity.expected };
        lane.present = true;
        let mut mark = lane.mark();
        mark.unit_start = word & UNIT_START != 0 && word & PAYLOAD != 0;
        mark.discontinuity = adaptation.discontinuity;
        mark.pcr = adaptation.pcr;
        match step {
            Step::Next => {}
            Step::Duplicate => return,
            // A damaged packet may carry anybody's PID.
            Step::Lost(_) if word & ERROR != 0 => return,
            Step::Lost(_) if adaptation.discontinuity => {}
            Step::Lost(missing) => {
                self.stats.continuity_errors += u64::from(missing);
                mark.discontinuity = true;
            }
        }
        self.stats.programme_packets += 1;
        if word & SCRAMBLING != 0 {
            self.stats.scrambled_packets += 1;
        }
        if let Some(pcr) = mark.pcr {
            self.pcr(pid(word), slot, pcr, sink);
        }
        if mark.stream != lanes::PCR_STREAM {
            self.look_inside(packet, &mut mark, adaptation.random_access);
        }
        self.give(packet, mark, at, sink);
    }

    fn pcr(&mut self, pid: u16, slot: u8, pcr: super::time::Pcr27m, sink: &mut impl Sink) {
        let lane = self.lanes.lane(slot);
        lane.pcrs = lane.pcrs.saturating_add(1);
        let seen = lane.pcrs;
        let Some(programme) = &mut self.programme else { return };
        if programme.pcr_pid != pid {
            // The PMT may name no PID, or one that never comes.
            let named = programme.pcr_pid;
            let slot = self.lanes.slot(named);
            let silent = named == NULL_PID || self.lanes.lane(slot).pcrs == 0 && seen > 4;
            if !silent {
                return;
            }
            programme.pcr_pid = pid;
            if self.announced {
                self.release(sink);
                if let Some(programme) = &self.programme {
                    sink.programme(programme);
                }
            }
        }
        self.clock.pcr(pcr);
        self.bit_rate.mark(self.clock.elapsed_27m(), self.stats.programme_packets);
    }
}

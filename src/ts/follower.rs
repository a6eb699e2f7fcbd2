//! The path of a packet through an input: by its PID to a table, to a lane of the programme, or nowhere.
//!
//! Nearly every packet goes the [short way](short); here is the long one.

use std::time::Duration;

use super::RawPacket;
use super::adaptation::Adaptation;
use super::choice::Tables;
use super::continuity::Step;
use super::descriptor;
use super::hold::Hold;
use super::input::{Choice, Mark, Proof, Sink, Stats};
use super::keyframe::{Scanner, Verdict};
use super::lanes::{self, Lanes};
use super::packet::{self, ADAPTATION, ERROR, NULL_PID, PAYLOAD, SCRAMBLING, UNIT_START, pid};
use super::pes;
use super::probe::AudioProbe;
use super::programme::Programme;
use super::stats::{BitRate, Cadence};
use super::time::MediaClock;
use crate::model::stream_info::Kind;

mod report;
mod short;

/// Packets held at most while the programme is not settled, its main stream is absent, or a picture is not decided on.
const MOST_UNSETTLED: usize = 8192;
const MOST_ABSENT: usize = 2048;
const MOST_HEAD: usize = 1024;
/// Media time for which the first two are waited for at most.
const LONGEST_27M: u64 = 27_000_000;
/// PES packets of a video stream, or media time, after which weaker signs of random access are believed.
const PATIENCE_UNITS: u32 = 100;
const PATIENCE_27M: u64 = 54_000_000;

/// All that an input knows behind alignment.
#[derive(Debug)]
pub struct Follower {
    tables: Tables,
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

    /// The source has ended.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        self.hold.close_head(false);
        if self.source.is_some() && !self.announced {
            self.tables.settle();
            self.tables_changed(sink);
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
    fn closely(&mut self, packet: &RawPacket, word: u32, slot: u8, sink: &mut impl Sink) {
        if word & ERROR != 0 {
            self.stats.transport_errors += 1;
        }
        match slot {
            lanes::PAT | lanes::PMT | lanes::SDT if word & ERROR != 0 => {}
            lanes::PAT if self.tables.pat(packet) => self.tables_changed(sink),
            lanes::PMT if self.tables.pmt(packet) => self.tables_changed(sink),
            lanes::SDT => self.tables.sdt(packet),
            lanes::PAT | lanes::PMT => {}
            _ => self.media(packet, word, slot, sink),
        }
    }

    fn media(&mut self, packet: &RawPacket, word: u32, slot: u8, sink: &mut impl Sink) {
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
        self.give(packet, mark, sink);
    }

    /// What the payload says: time, sound format, random access.
    fn look_inside(&mut self, packet: &RawPacket, mark: &mut Mark, indicated: bool) {
        let index = mark.stream;
        if self.is_minor(index) && !self.lanes.stream(index).watched {
            return;
        }
        let payload = packet::payload(packet);
        let Some(stream) = self.programme.as_ref().and_then(|programme| programme.streams.get(usize::from(index))) else {
            return;
        };
        let codec = stream.codec;
        let header = if mark.unit_start { pes::Header::parse(payload) } else { None };
        if self.stand_in && Some(index) == self.programme.as_ref().and_then(Programme::main_stream).map(|main| main as u8) {
            self.main = Some(index);
            self.stand_in = false;
        }
        if let Some(time) = header.as_ref().and_then(pes::Header::decoding_time) {
            let of_main = self.main == Some(index);
            if of_main || self.stamping.is_none() {
                self.stamping = Some(index);
            }
            if self.stamping == Some(index) {
                self.clock.stamp(time);
                self.bit_rate.mark(self.clock.elapsed_27m(), self.stats.programme_packets);
                if of_main {
                    self.cadence.mark(time);
                }
            }
        }
        let body = match &header {
            Some(header) => payload.get(header.body_at..).unwrap_or_default(),
            None => payload,
        };
        if let Some(probe) = self.probes.get_mut(usize::from(index)).filter(|probe| probe.wants_more()) {
            probe.push(codec, header.is_some(), body);
            if !probe.wants_more() {
                let lane = self.lanes.lane(lanes::STREAMS + index);
                lane.watched = false;
                lane.plain = lane.continuity.expected;
            }
        }
        if self.main != Some(index) {
            return;
        }
        if codec.kind() != Kind::Video {
            mark.random_access = mark.unit_start && (header.is_some() || codec.kind() == Kind::Data);
        } else if mark.unit_start {
            self.hold.close_head(false);
            if let Some(header) = header {
                self.header_left = header.body_at.saturating_sub(payload.len());
                let verdict = self.scanner.as_mut().map_or(Verdict::Other, |scanner| scanner.begin(indicated, body));
                match verdict {
                    Verdict::RandomAccess => mark.random_access = true,
                    Verdict::Undecided => self.hold.open_head(),
                    Verdict::Other => mark.random_access = self.weak_sign(indicated),
                }
                if mark.random_access {
                    self.fruitless = 0;
                } else {
                    self.fruitless += 1;
                    if self.fruitless == 1 {
                        self.fruitless_since_27m = self.clock.elapsed_27m();
                    }
                }
            }
        } else if self.hold.has_head() {
            let skipped = self.header_left.min(body.len());
            self.header_left -= skipped;
            let body = body.get(skipped..).unwrap_or_default();
            let verdict = self.scanner.as_mut().map_or(Verdict::Other, |scanner| scanner.more(body));
            let given_up = mark.discontinuity || self.hold.since_head() > MOST_HEAD;
            match verdict {
                Verdict::RandomAccess => {
                    self.hold.close_head(true);
                    self.fruitless = 0;
                }
                Verdict::Undecided if !given_up => {}
                _ => self.hold.close_head(false),
            }
        }
    }

    /// After a while without a random access point, the source's own indicator is believed; and where the codec's syntax
    /// is not understood, any picture.
    fn weak_sign(&self, indicated: bool) -> bool {
        let waited = self.clock.elapsed_27m().saturating_sub(self.fruitless_since_27m);
        let impatient = self.fruitless > PATIENCE_UNITS || self.fruitless > 1 && waited > PATIENCE_27M;
        let Some(scanner) = self.scanner.as_ref().filter(|_| impatient && self.stats.scrambled_packets == 0) else {
            return false;
        };
        scanner.has_parameter_sets() && indicated || !scanner.understands()
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

    /// To the sink, or to those that wait.
    fn give(&mut self, packet: &RawPacket, mark: Mark, sink: &mut impl Sink) {
        let held = self.hold.len() > 0 || self.hold.has_head() || !self.announced || self.main_is_absent();
        if !held {
            self.proven |= mark.random_access;
            sink.packet(packet, mark);
            return;
        }
        if !self.holding {
            self.holding = true;
            self.held_since_27m = self.clock.elapsed_27m();
        }
        self.hold.push(packet, mark);
        self.release_if_due(sink);
    }

    fn release_if_due(&mut self, sink: &mut impl Sink) {
        let long = self.clock.elapsed_27m().saturating_sub(self.held_since_27m) > LONGEST_27M;
        if !self.announced {
            if !long && self.hold.len() < MOST_UNSETTLED || self.source.is_none() {
                return;
            }
            self.tables.settle();
            self.tables_changed(sink);
            return;
        }
        if self.main_is_absent() {
            if !long && self.hold.len() < MOST_ABSENT {
                return;
            }
            self.stand_in();
        }
        if !self.hold.has_head() {
            self.release(sink);
        }
    }

    fn release(&mut self, sink: &mut impl Sink) {
        let Self { hold, proven, .. } = self;
        hold.release(|packet, mark| {
            *proven |= mark.random_access;
            sink.packet(packet, mark);
        });
        self.holding = false;
    }

    fn main_is_absent(&self) -> bool {
        self.main.is_some_and(|main| !self.lanes.stream(main).present)
    }

    /// The best stream that came takes the place of one that did not.
    fn stand_in(&mut self) {
        let Some(programme) = &self.programme else { return };
        let present = |kind: Option<Kind>| {
            let mut streams = programme.streams.iter().zip(0u8..);
            let found =
                streams.find(|(stream, n)| kind.is_none_or(|kind| kind == stream.codec.kind()) && self.lanes.stream(*n).present);
            found.map(|(_, n)| n)
        };
        if let Some(best) = present(Some(Kind::Video)).or_else(|| present(Some(Kind::Audio))).or_else(|| present(None)) {
            self.main = Some(best);
            self.stand_in = true;
            self.hold.begin_anywhere(best);
        }
    }

    fn tables_changed(&mut self, sink: &mut impl Sink) {
        let current = self.tables.current().map(|(programme, settled)| (programme.clone(), settled));
        match current {
            Some((programme, settled)) => {
                if self.source.as_ref() != Some(&programme) {
                    self.follow(programme, sink);
                }
                if settled && !self.announced {
                    self.announced = true;
                    self.ever_announced = true;
                    if let Some(programme) = &self.programme {
                        sink.programme(programme);
                    }
                }
            }
            None => {
                if self.announced {
                    self.release(sink);
                }
                self.hold.clear();
                self.source = None;
                self.announced = false;
                self.main = None;
            }
        }
        let shown = self.programme.as_ref().filter(|_| self.source.is_some());
        self.lanes.map(self.tables.pmt_pids(), shown, shown);
        self.watch();
        if self.announced {
            self.release_if_due(sink);
        }
    }

    /// A programme for the first time, or one that changed.
    fn follow(&mut self, programme: Programme, sink: &mut impl Sink) {
        if self.announced {
            self.release(sink);
        }
        self.hold.clear();
        self.holding = false;
        let same = self.source.as_ref().is_some_and(|source| source.number == programme.number);
        let before = if same { self.programme.take() } else { None };
        let stream_before = |pid: u16| before.as_ref()?.streams.iter().position(|stream| stream.pid == pid);
        self.lanes.map(self.tables.pmt_pids(), before.as_ref(), Some(&programme));
        let probes = programme.streams.iter().map(|stream| {
            let known = stream_before(stream.pid).and_then(|index| {
                let codec = before.as_ref()?.streams.get(index)?.codec;
                self.probes.get(index).copied().filter(|_| codec == stream.codec)
            });
            known.unwrap_or_else(|| AudioProbe::new(stream.codec, descriptor::opus_channels(&stream.descriptors)))
        });
        self.probes = probes.collect();
        let main_before = self.main.and_then(|main| before.as_ref()?.streams.get(usize::from(main)));
        let main = programme.main_stream();
        let main_now = main.and_then(|main| programme.streams.get(main));
        let stays = main_before.zip(main_now).is_some_and(|(before, now)| before.pid == now.pid && before.codec == now.codec);
        if !stays {
            self.scanner = main_now.filter(|stream| stream.codec.kind() == Kind::Video).map(|stream| Scanner::new(stream.codec));
            self.fruitless = 0;
            self.cadence = Cadence::default();
        }
        self.main = main.map(|main| main as u8);
        self.stand_in = false;
        self.stamping = None;
        self.source = Some(programme.clone());
        self.programme = Some(programme);
        self.announced &= same;
        if self.announced
            && let Some(programme) = &self.programme
        {
            sink.programme(programme);
        }
    }

    fn watch(&mut self) {
        for (probe, slot) in self.probes.iter().zip(lanes::STREAMS..) {
            if probe.wants_more() {
                let lane = self.lanes.lane(slot);
                lane.watched = true;
                if lane.plain != 0 {
                    lane.continuity.expected = lane.plain;
                    lane.plain = 0;
                }
            }
        }
    }
}

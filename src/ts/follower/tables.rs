//! Tables that say something new: a programme is chosen, announced, changed or lost.

use super::Follower;
use crate::model::stream_info::Kind;
use crate::ts::descriptor;
use crate::ts::input::Sink;
use crate::ts::keyframe::Scanner;
use crate::ts::lanes;
use crate::ts::packet::{header, pid};
use crate::ts::probe::AudioProbe;
use crate::ts::programme::Programme;
use crate::ts::stats::Cadence;

impl Follower {
    /// The best programme known has to do.
    pub(super) fn settle_tables(&mut self, sink: &mut impl Sink) {
        self.tables.settle();
        self.tables_changed(sink);
    }

    pub(super) fn tables_changed(&mut self, sink: &mut impl Sink) {
        let current = self.tables.current().map(|(programme, settled)| (programme.clone(), settled));
        let was_announced = self.announced;
        match current {
            Some((programme, true)) => {
                if self.source.as_ref() != Some(&programme) {
                    self.follow(programme, sink);
                }
                if !self.announced {
                    self.announced = true;
                    self.ever_announced = true;
                    if let Some(programme) = &self.programme {
                        sink.programme(programme);
                    }
                }
            }
            unsettled => {
                if self.announced {
                    self.release(sink);
                }
                self.hold.clear();
                self.source = None;
                self.announced = false;
                self.main = None;
                if unsettled.is_some() {
                    self.early.programme_known();
                }
            }
        }
        let shown = self.programme.as_ref().filter(|_| self.announced);
        self.lanes.map(self.tables.pmt_pids(), shown, shown);
        self.watch();
        if self.announced {
            if !was_announced {
                self.replay(sink);
            }
            self.release_if_due(sink);
        }
    }

    /// What came before the tables did.
    fn replay(&mut self, sink: &mut impl Sink) {
        for mut packet in self.early.take() {
            let word = header(&packet);
            let slot = self.lanes.slot(pid(word));
            if slot >= lanes::PCR {
                self.media(&mut packet, word, slot, None, sink);
            }
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

//! A look inside a packet: time, sound format, random access.

use super::Follower;
use crate::model::stream_info::Kind;
use crate::ts::RawPacket;
use crate::ts::input::Mark;
use crate::ts::keyframe::Verdict;
use crate::ts::lanes;
use crate::ts::packet;
use crate::ts::pes;
use crate::ts::programme::Programme;

/// Packets held at most while a picture is not decided on.
const MOST_HEAD: usize = 1024;
/// PES packets of a video stream, or media time, after which weaker signs of random access are believed.
const PATIENCE_UNITS: u32 = 100;
const PATIENCE_27M: u64 = 54_000_000;

impl Follower {
    /// What the payload says: time, sound format, random access.
    pub(super) fn look_inside(&mut self, packet: &RawPacket, mark: &mut Mark, indicated: bool) {
        let index = mark.stream;
        let payload = packet::payload(packet);
        if self.is_minor(index) && !self.lanes.stream(index).watched {
            if mark.unit_start {
                mark.time = pes::decoding_time(payload);
            }
            return;
        }
        let Some(stream) = self.programme.as_ref().and_then(|programme| programme.streams.get(usize::from(index))) else {
            return;
        };
        let codec = stream.codec;
        let header = if mark.unit_start { pes::Header::parse(payload) } else { None };
        if self.stand_in && Some(index) == self.programme.as_ref().and_then(Programme::main_stream).map(|main| main as u8) {
            self.main = Some(index);
            self.stand_in = false;
        }
        mark.time = header.as_ref().and_then(pes::Header::decoding_time);
        if let Some(time) = mark.time {
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
}

//! The short way, for nearly every packet: the payload of a known stream with the counter that was expected, and at most
//! stuffing before it. Those are told by one comparison of their header and go straight on, many at once.
//!
//! Of the starts of PES packets, those go this way too whose time stamps nobody here asks for.

use super::Follower;
use crate::ts::input::{Mark, Sink};
use crate::ts::packet::{self, SYNC, counted, header, is_whole, pid};
use crate::ts::silent::Silent;
use crate::ts::{PACKET, RawPacket, lanes, pes};

impl Follower {
    /// Takes packets up to the first without a sync byte, and says how many. The first lies at `at`.
    #[inline]
    pub fn take(&mut self, packets: &mut [RawPacket], mut at: usize, sink: &mut impl Sink) -> usize {
        let all = packets.len();
        let mut rest = packets;
        let mut straight = self.is_straight();
        let mut holding = self.holding;
        while let Some(packet) = rest.first_mut() {
            let word = header(packet);
            let slot = self.lanes.slot(pid(word));
            let lane = self.lanes.lane(slot);
            let stream = lane.stream;
            // Where nothing is expected that word is 0, which is no packet's.
            let short = lane.plain != 0 && !holding;
            let silent = Silent::new(lane.plain, straight);
            let taken = if short && silent.is(packet) {
                let count = match sink.run(rest, stream, silent, at) {
                    0 => {
                        if let Some(packet) = rest.first_mut() {
                            sink.in_place(packet, lane.mark(), at);
                        }
                        1
                    }
                    count => count,
                };
                lane.plain = silent.after(count).expected();
                if let Some(last) = rest.get(count - 1) {
                    lane.continuity.silent(last);
                }
                self.stats.programme_packets += count as u64;
                count
            } else if slot == lanes::IGNORED && self.announced && is_whole(word) {
                1 + self.lanes.ignored(rest.get(1..).unwrap_or_default())
            } else if word >> 24 != u32::from(SYNC) {
                break;
            } else if short && straight && silent.is_start(packet) && self.is_minor(stream) {
                let lane = self.lanes.lane(slot);
                lane.plain = counted(lane.plain);
                lane.continuity.silent(packet);
                self.stats.programme_packets += 1;
                let time = pes::decoding_time(packet::payload(packet));
                sink.in_place(packet, Mark { unit_start: true, time, ..lane.mark() }, at);
                1
            } else {
                if slot != lanes::IGNORED || !self.announced {
                    self.closely(packet, word, slot, at, sink);
                    (straight, holding) = (self.is_straight(), self.holding);
                } else {
                    self.stats.transport_errors += 1;
                }
                1
            };
            at += taken * PACKET;
            rest = rest.get_mut(taken..).unwrap_or_default();
        }
        let taken = all - rest.len();
        self.stats.packets += taken as u64;
        taken
    }

    /// Whether packets that are looked at go on at once.
    fn is_straight(&self) -> bool {
        !self.holding && self.hold.len() == 0 && !self.hold.has_head() && self.announced && !self.main_is_absent()
    }

    /// Whether nothing of a stream is asked for once its format is known.
    pub(super) fn is_minor(&self, stream: u8) -> bool {
        !self.stand_in && self.main != Some(stream) && self.stamping.is_some_and(|stamping| stamping != stream)
    }
}

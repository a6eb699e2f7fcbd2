//! The short way, for nearly every packet: the payload of a known stream with the counter that was expected, and at most
//! stuffing before it. Those are told by one comparison of their header and go straight on, many at once.
//!
//! Of the starts of PES packets, those go this way too whose time stamps nobody here asks for.

use super::Follower;
use crate::ts::RawPacket;
use crate::ts::input::{Mark, Sink};
use crate::ts::packet::{ERROR, SYNC, UNIT_START, counted, header, pid};
use crate::ts::{lanes, silent};

impl Follower {
    /// Takes packets up to the first without a sync byte, and says how many.
    #[inline]
    pub fn take(&mut self, packets: &[RawPacket], sink: &mut impl Sink) -> usize {
        let mut rest = packets;
        let mut straight = self.is_straight();
        while let Some((packet, after)) = rest.split_first() {
            let word = header(packet);
            let slot = self.lanes.slot(pid(word));
            let lane = self.lanes.lane(slot);
            // Where nothing is expected that word is 0, which is no packet's.
            let short = lane.plain != 0 && !self.holding;
            if short && silent::is(packet, lane.plain, straight) {
                let (count, expected) = silent::run(rest, lane.plain, straight);
                let Some((run, after)) = rest.split_at_checked(count) else { break };
                lane.plain = expected;
                lane.continuity.silent(run, expected);
                self.stats.programme_packets += count as u64;
                sink.run(run, lane.stream);
                rest = after;
                continue;
            }
            if word >> 24 != u32::from(SYNC) {
                break;
            }
            let begins_unit = short && straight && silent::is(packet, lane.plain | UNIT_START, true);
            let stream = lane.stream;
            if begins_unit && self.is_minor(stream) {
                let lane = self.lanes.lane(slot);
                lane.plain = counted(lane.plain);
                lane.continuity.silent(std::slice::from_ref(packet), lane.plain);
                self.stats.programme_packets += 1;
                sink.packet(packet, Mark { unit_start: true, ..lane.mark() });
            } else if slot != lanes::IGNORED || !self.announced {
                self.closely(packet, word, slot, sink);
                straight = self.is_straight();
            } else if word & ERROR != 0 {
                self.stats.transport_errors += 1;
            }
            rest = after;
        }
        let taken = packets.len() - rest.len();
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

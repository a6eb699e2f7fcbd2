//! What is held back of an announced programme, and for how long: a main stream that does not come, a picture that is not
//! decided on.

use super::Follower;
use crate::model::stream_info::Kind;
use crate::ts::RawPacket;
use crate::ts::input::{Mark, Sink};

/// Packets held at most while the main stream is absent.
const MOST_ABSENT: usize = 2048;
/// And media time.
const LONGEST_27M: u64 = 27_000_000;

impl Follower {
    /// To the sink, or to those that wait.
    pub(super) fn give(&mut self, packet: &mut RawPacket, mark: Mark, at: Option<usize>, sink: &mut impl Sink) {
        let held = self.hold.len() > 0 || self.hold.has_head() || self.main_is_absent();
        if !held {
            self.proven |= mark.random_access;
            match at {
                Some(at) => sink.in_place(packet, mark, at),
                None => sink.packet(packet, mark),
            }
            return;
        }
        if !self.holding {
            self.holding = true;
            self.held_since_27m = self.clock.elapsed_27m();
        }
        self.hold.push(packet, mark);
        self.release_if_due(sink);
    }

    pub(super) fn release_if_due(&mut self, sink: &mut impl Sink) {
        let long = self.clock.elapsed_27m().saturating_sub(self.held_since_27m) > LONGEST_27M;
        if self.main_is_absent() {
            if !long && self.hold.len() < MOST_ABSENT {
                return;
            }
            self.stand_in();
        }
        if self.hold.has_head() {
            let Self { hold, proven, .. } = self;
            hold.release_before_head(|packet, mark| {
                *proven |= mark.random_access;
                sink.packet(packet, mark);
            });
        } else {
            self.release(sink);
        }
    }

    pub(super) fn release(&mut self, sink: &mut impl Sink) {
        let Self { hold, proven, .. } = self;
        hold.release(|packet, mark| {
            *proven |= mark.random_access;
            sink.packet(packet, mark);
        });
        self.holding = false;
    }

    pub(super) fn main_is_absent(&self) -> bool {
        self.main.is_some_and(|main| !self.lanes.stream(main).present)
    }

    /// The best stream that came takes the place of one that did not.
    pub(super) fn stand_in(&mut self) {
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
}

//! A clip of our own in place of a source that was lost: it goes out on the PIDs of the programme that was on, under the
//! same tables, so that a receiver sees nothing but other pictures.

use super::{NO_SLOT, PCR_SLOT, Splice};
use crate::ts::programme::Programme;

/// A clip's clock is kept in step with the output's as long as its pictures then wait for no longer than this: 10 s.
const MOST_LAG_90K: i64 = 900_000;

impl Splice {
    /// A clip of this programme follows, after [`Self::cut`], until the next one. Its streams take the place of those of the
    /// same codec; what has no counterpart is left out, and other sound is filled with silence. Where its pictures have none, or another PID carries the PCR, it
    /// becomes a programme like any other.
    pub fn stand_in(&mut self, programme: &Programme) {
        let mut slots = [NO_SLOT; 256];
        for (slot, stream) in slots.iter_mut().zip(&programme.streams) {
            *slot = self.outputs.of(stream.codec).next().unwrap_or(NO_SLOT);
        }
        let main = programme.main_stream().and_then(|main| slots.get(main)).copied();
        let clock = programme.streams.iter().position(|stream| stream.pid == programme.pcr_pid);
        let clock = clock.and_then(|clock| slots.get(clock)).copied();
        if main.is_none() || main != self.main || clock.is_none() || clock != self.pcr || clock == Some(PCR_SLOT) {
            self.programme(programme);
            return;
        }
        *self.slots = slots;
        self.standing_in = true;
    }

    /// By how much the PCRs of a clip are moved: they go on from the last one, so that its pictures wait in the receiver for
    /// as long as those before did.
    pub(super) fn clock_offset(&self, step_90k: u64) -> u64 {
        let (Some(last), Some(first)) = (self.output_pcr, self.source_pcr) else { return self.offset_90k };
        // The PCR of a picture that was taken back stays, and counts for the one that takes its place.
        let next = last.to_90k().plus(if self.taken_back { 1 } else { step_90k });
        let lag = self.highest.map_or(-1, |highest| highest.plus(step_90k).since(next));
        if (0..=MOST_LAG_90K).contains(&lag) { next.offset_from(first.to_90k()) } else { self.offset_90k }
    }
}

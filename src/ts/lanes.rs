//! Which PID is what to an input: one byte a PID, and one lane for each PID that matters.

use super::continuity::Continuity;
use super::input::Mark;
use super::packet::{NULL_PID, header, is_whole, pid};
use super::programme::Programme;
use super::{RawPacket, pat, sdt};

/// Slot of every PID that does not matter.
pub const IGNORED: u8 = 0;
/// Slot of the PAT.
pub const PAT: u8 = 1;
/// Slot of all PMTs.
pub const PMT: u8 = 2;
/// Slot of the SDT.
pub const SDT: u8 = 3;
/// Slot of a PCR PID that is no elementary stream.
pub const PCR: u8 = 4;
/// Slot of the programme's first stream; the others follow.
pub const STREAMS: u8 = 5;
/// [`Mark::stream`] of a PCR PID that is no elementary stream.
pub const PCR_STREAM: u8 = 255;

/// One PID of the programme.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lane {
    /// The header word of the next packet if it is one that needs no look inside: [`Continuity::expected`], or 0.
    pub plain: u32,
    /// Its counter.
    pub continuity: Continuity,
    /// [`Mark::stream`].
    pub stream: u8,
    /// Every packet is looked into.
    pub watched: bool,
    /// A packet of it has come.
    pub present: bool,
    /// How many PCRs it carried, up to 255.
    pub pcrs: u8,
}

impl Lane {
    /// The mark of a packet of which nothing is to be said.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { stream: self.stream, ..Mark::default() }
    }
}

/// All PIDs.
#[derive(Debug)]
pub struct Lanes {
    slots: Box<[u8; 8192]>,
    lanes: Box<[Lane; 256]>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { slots: Box::new([IGNORED; 8192]), lanes: Box::new([Lane::default(); 256]) }
    }
}

impl Lanes {
    /// What a PID (of 13 bits) is.
    #[inline]
    pub fn slot(&self, pid: u16) -> u8 {
        self.slots[usize::from(pid & 0x1FFF)]
    }

    /// How many packets there are at the beginning that do not matter, with nothing wrong with them.
    #[inline]
    pub fn ignored(&self, packets: &[RawPacket]) -> usize {
        let ignored = |packet: &&RawPacket| {
            let word = header(packet);
            is_whole(word) && self.slot(pid(word)) == IGNORED
        };
        packets.iter().take_while(ignored).count()
    }

    /// The lane of a slot.
    #[inline]
    pub fn lane(&mut self, slot: u8) -> &mut Lane {
        &mut self.lanes[usize::from(slot)]
    }

    /// The lane of the programme's stream with this index.
    pub fn stream(&self, stream: u8) -> &Lane {
        &self.lanes[usize::from(STREAMS.saturating_add(stream))]
    }

    /// Says anew what each PID is. Tables come first; the lane of a PID that stays keeps its counter.
    pub fn map(&mut self, pmts: impl Iterator<Item = u16>, before: Option<&Programme>, now: Option<&Programme>) {
        let old = self.lanes.clone();
        let kept = |pid: u16| -> Option<Lane> {
            let before = before?;
            match before.streams.iter().position(|stream| stream.pid == pid) {
                Some(index) => old.get(usize::from(STREAMS) + index).copied(),
                None => (before.pcr_pid == pid).then(|| old[usize::from(PCR)]),
            }
        };
        self.slots.fill(IGNORED);
        self.lanes.fill(Lane::default());
        if let Some(now) = now {
            let streams = now.streams.iter().map(|stream| stream.pid).zip(STREAMS..=u8::MAX);
            if now.pcr_pid != NULL_PID {
                self.set(now.pcr_pid, PCR, PCR_STREAM, kept(now.pcr_pid));
            }
            for (pid, slot) in streams {
                self.set(pid, slot, slot - STREAMS, kept(pid));
            }
        }
        for pid in pmts {
            self.slots[usize::from(pid & 0x1FFF)] = PMT;
        }
        self.slots[usize::from(sdt::PID)] = SDT;
        self.slots[usize::from(pat::PID)] = PAT;
        self.slots[usize::from(NULL_PID)] = IGNORED;
    }

    fn set(&mut self, pid: u16, slot: u8, stream: u8, kept: Option<Lane>) {
        self.slots[usize::from(pid & 0x1FFF)] = slot;
        self.lanes[usize::from(slot)] = Lane { stream, watched: false, ..kept.unwrap_or_default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Codec;
    use crate::ts::programme::Stream;

    fn programme(pcr_pid: u16, pids: &[u16]) -> Programme {
        let stream = |&pid| Stream { pid, stream_type: 0x1B, codec: Codec::H264, language: None, descriptors: Vec::new() };
        Programme { number: 1, pcr_pid, descriptors: Vec::new(), streams: pids.iter().map(stream).collect() }
    }

    #[test]
    fn counters_stay_with_their_pids() {
        let mut lanes = Lanes::default();
        let first = programme(0x100, &[0x100, 0x101]);
        lanes.map([0x20].into_iter(), None, Some(&first));
        lanes.lane(STREAMS + 1).plain = 77;
        let second = programme(0x1FF, &[0x101, 0x102]);
        lanes.map([0x20].into_iter(), Some(&first), Some(&second));
        assert_eq!(lanes.slot(0x101), STREAMS);
        assert_eq!(lanes.stream(0).plain, 77);
        assert_eq!((lanes.stream(1).plain, lanes.slot(0x100)), (0, IGNORED));
        assert_eq!((lanes.slot(0x1FF), lanes.slot(0x20), lanes.slot(0)), (PCR, PMT, PAT));
        assert_eq!(lanes.lane(PCR).stream, PCR_STREAM);
    }
}

//! Units that were written and turn out to have no end are taken back, as if they had never been there.

use super::Splice;
use crate::model::Codec;
use crate::ts::adaptation::{self, Adaptation};
use crate::ts::outputs::PMT_PID;
use crate::ts::packet::{self, header};
use crate::ts::whole::Open;
use crate::ts::{PACKET, RawPacket, pat};

/// In what [`Splice::discontinuity`] gave: packets of this PID will go on with `counter`.
pub fn counts_on(resume: &mut [u8], to: u16, counter: u8) {
    let (packets, _) = resume.as_chunks_mut::<PACKET>();
    for packet in packets.iter_mut().filter(|packet| packet::pid(header(packet)) == to) {
        packet[3] = packet[3] & 0xF0 | counter.wrapping_sub(1) & 0xF;
    }
}

/// The same, by so many packets later.
pub fn counts_further(resume: &mut [u8], to: u16, by: u8) {
    let (packets, _) = resume.as_chunks_mut::<PACKET>();
    for packet in packets.iter_mut().filter(|packet| packet::pid(header(packet)) == to) {
        packet[3] = packet[3] & 0xF0 | packet[3].wrapping_add(by) & 0xF;
    }
}

impl Splice {
    /// Tables in the first `added` bytes were written last, and put in front of others: their counters go on again. Says how
    /// many there are of each PID.
    pub fn renumber_tables(written: &mut [u8], added: usize) -> [(u16, u8); 2] {
        let (packets, _) = written.as_chunks_mut::<PACKET>();
        [pat::PID, PMT_PID].map(|pid| {
            let is_of = |packet: &RawPacket| packet::pid(header(packet)) == pid;
            let (new, old) = packets.split_at_mut((added / PACKET).min(packets.len()));
            let first = old.iter().find(|packet| is_of(packet)).map(|packet| packet[3]);
            let count = new.iter().filter(|packet| is_of(packet)).count();
            if let Some(mut counter) = first {
                for packet in packets.iter_mut().filter(|packet| is_of(packet)) {
                    packet[3] = packet[3] & 0xF0 | counter & 0xF;
                    counter = counter.wrapping_add(1);
                }
            }
            (pid, (count & 0xF) as u8)
        })
    }

    /// From which PID of the source an output PID comes, and what it carries.
    pub fn source_of(&self, pid: u16) -> Option<(u16, Codec)> {
        self.lanes.iter().find(|lane| packet::pid(lane.next) == pid && lane.in_programme).map(|lane| (lane.source, lane.codec))
    }

    /// Units that were written last are to be taken out of the output ([`remove`]): counters and times go on before them.
    pub fn retract(&mut self, open: &[Open]) {
        for unit in open {
            let slot = (0u8..).zip(self.lanes.iter()).find(|(_, lane)| packet::pid(lane.next) == unit.pid && lane.in_programme);
            let Some((slot, _)) = slot else { continue };
            let lane = &mut self.lanes[usize::from(slot)];
            lane.next = lane.next & !0xF | u32::from(unit.counter);
            lane.last = lane.before;
            if self.main == Some(slot) {
                (self.highest, self.shown) = self.before;
                self.taken_back = true;
            }
        }
    }
}

/// A unit that is to be taken out, with all that was written of it up to an offset.
#[derive(Debug, Clone, Copy)]
pub struct Removal {
    /// The unit.
    pub open: Open,
    /// What comes behind that has its PID is none of it.
    pub until: usize,
}

impl Removal {
    fn is_of(&self, pid: u16, at: usize) -> bool {
        self.open.pid == pid && (self.open.at..self.until).contains(&at)
    }
}

/// Takes units out of packets, whose time and counters [`Splice::retract`] has taken back. PCRs in them stay, in packets of their
/// own. `moved` hears where each packet behind the beginning of the first was, and where what follows it is now. Says how many
/// bytes are left.
pub fn remove(bytes: &mut [u8], removals: &[Removal], mut moved: impl FnMut(usize, usize)) -> usize {
    let mut to = removals.iter().map(|removal| removal.open.at).min().unwrap_or(bytes.len());
    for from in (to..bytes.len()).step_by(PACKET) {
        let Some(mut packet) = bytes.get(from..).and_then(|rest| rest.first_chunk::<PACKET>()).copied() else { break };
        moved(from, to);
        let pid = packet::pid(header(&packet));
        if let Some(removal) = removals.iter().find(|removal| removal.is_of(pid, from))
            && !keeps_clock(&mut packet, removal.open.counter)
        {
            continue;
        }
        if let Some(place) = bytes.get_mut(to..to + PACKET) {
            place.copy_from_slice(&packet);
        }
        to += PACKET;
    }
    to
}

/// Leaves nothing but the PCR of a packet, behind which the next counter is this one; false if it has none.
fn keeps_clock(packet: &mut RawPacket, counter: u8) -> bool {
    if Adaptation::of(packet).pcr.is_none() {
        return false;
    }
    adaptation::only_clock(packet);
    packet[3] = packet[3] & 0xF0 | counter.wrapping_sub(1) & 0xF;
    true
}

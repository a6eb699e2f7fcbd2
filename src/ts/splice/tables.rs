//! PAT and PMT of the output: the same packets again and again, with running counters.

use super::PMT_PID;
use crate::ts::packet::{self, header};
use crate::ts::section::packetize;
use crate::ts::{RawPacket, pat, pmt};

/// PAT and PMT, ready to be written.
#[derive(Debug, Default)]
pub struct Tables {
    packets: Vec<RawPacket>,
    body: Vec<u8>,
    version: u8,
    /// The counter that the next packet has.
    pub pat_counter: u8,
    /// The same of the PMT's PID.
    pub pmt_counter: u8,
    /// Packet that [`Self::next`] writes next.
    at: usize,
    /// They say something new.
    pub changed: bool,
}

impl Tables {
    /// There is no programme yet.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// The PMT has this body from now on.
    pub fn set(&mut self, body: Vec<u8>) {
        if !self.packets.is_empty() {
            if self.body == body {
                return;
            }
            self.version = (self.version + 1) & 0x1F;
        }
        self.packets = packetize(pat::PID, &pat::build(1, 0, 1, PMT_PID));
        self.packets.extend(packetize(PMT_PID, &pmt::build(1, self.version, &body)));
        self.body = body;
        (self.changed, self.at) = (true, 0);
    }

    /// Appends them.
    pub fn write(&mut self, out: &mut Vec<u8>) {
        (self.changed, self.at) = (false, 0);
        for at in 0..self.packets.len() {
            if let Some(packet) = self.counted(at) {
                out.extend_from_slice(&packet);
            }
        }
    }

    /// Writes one packet of them over another, one after the other, beginning with the PAT. True if they are whole with it;
    /// none where there are no tables, or a PMT that other packets may not come between.
    pub fn next(&mut self, over: &mut RawPacket) -> Option<bool> {
        if self.packets.len() != 2 {
            return None;
        }
        *over = self.counted(self.at)?;
        self.at = (self.at + 1) % self.packets.len();
        let whole = self.at == 0;
        self.changed &= !whole;
        Some(whole)
    }

    fn counted(&mut self, at: usize) -> Option<RawPacket> {
        let mut packet = *self.packets.get(at)?;
        let of_pat = packet::pid(header(&packet)) == pat::PID;
        let counter = if of_pat { &mut self.pat_counter } else { &mut self.pmt_counter };
        packet[3] = packet[3] & 0xF0 | *counter;
        *counter = (*counter + 1) & 0xF;
        Some(packet)
    }
}

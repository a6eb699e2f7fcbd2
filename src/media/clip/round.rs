//! Playing a clip in a circle without a seam: every round's clocks and counters go on from the round before. Pure.
//!
//! It is for clips of our own making, whose packets are whole and whose length is known (13818-1, 2.4.3.2 to 2.4.3.7).

use crate::ts::{PACKET, RawPacket};

/// 33 bits of 90 kHz.
const WRAP_90K: u64 = 1 << 33;

/// Re-stamps a clip's packets, round after round.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// Added to every clock, in units of 90 kHz.
    shift_90k: u64,
    /// PID and the last continuity counter of those seen.
    counters: Vec<(u16, u8)>,
}

impl Round {
    /// Before the first packet of the first round, whose clocks are moved by `shift_90k`.
    pub fn new(shift_90k: u64) -> Self {
        Self { shift_90k: shift_90k % WRAP_90K, counters: Vec::with_capacity(8) }
    }

    /// The clip begins again.
    pub fn next(&mut self, length_90k: u64) {
        self.shift_90k = (self.shift_90k + length_90k) % WRAP_90K;
    }

    /// Re-stamps every packet in whole packets.
    pub fn restamp_all(&mut self, packets: &mut [u8]) {
        let (packets, _) = packets.as_chunks_mut::<PACKET>();
        for packet in packets {
            self.restamp(packet);
        }
    }

    /// Re-stamps one packet: continuity counter, PCR, PTS and DTS.
    pub fn restamp(&mut self, packet: &mut RawPacket) {
        let pid = u16::from(packet[1] & 0x1F) << 8 | u16::from(packet[2]);
        let (has_adaptation, has_payload) = (packet[3] & 0x20 != 0, packet[3] & 0x10 != 0);
        if pid != 0x1FFF {
            packet[3] = packet[3] & 0xF0 | self.counter(pid, packet[3] & 0x0F, has_payload);
        }
        let mut payload_at = 4;
        if has_adaptation {
            let length = usize::from(packet[4]);
            payload_at = 5 + length;
            if length >= 7 && packet[5] & 0x10 != 0 {
                self.move_pcr(&mut packet[6..12]);
            }
        }
        let unit_start = packet[1] & 0x40 != 0;
        if unit_start && has_payload {
            self.move_pes(packet.get_mut(payload_at..).unwrap_or_default());
        }
    }

    fn counter(&mut self, pid: u16, own: u8, has_payload: bool) -> u8 {
        match self.counters.iter_mut().find(|(known, _)| *known == pid) {
            Some((_, last)) => {
                *last = (*last + u8::from(has_payload)) & 0x0F;
                *last
            }
            None => {
                self.counters.push((pid, own));
                own
            }
        }
    }

    /// 13818-1, 2.4.3.4: 33 bits of base, 6 reserved, 9 of extension, which stays.
    fn move_pcr(&self, pcr: &mut [u8]) {
        let [b0, b1, b2, b3, b4, _] = pcr else { return };
        let base = u64::from(*b0) << 25 | u64::from(*b1) << 17 | u64::from(*b2) << 9 | u64::from(*b3) << 1 | u64::from(*b4 >> 7);
        let base = (base + self.shift_90k) % WRAP_90K;
        let [.., c0, c1, c2, c3, c4] = (base << 7 | u64::from(*b4 & 0x7F)).to_be_bytes();
        (*b0, *b1, *b2, *b3, *b4) = (c0, c1, c2, c3, c4);
    }

    /// 13818-1, 2.4.3.6: stamps are in the first packet of a PES packet of ours, always.
    fn move_pes(&self, pes: &mut [u8]) {
        if !pes.starts_with(&[0, 0, 1]) {
            return;
        }
        let flags = pes.get(7).map_or(0, |flags| flags >> 6);
        if flags & 0b10 != 0 {
            self.move_stamp(pes.get_mut(9..14));
        }
        if flags == 0b11 {
            self.move_stamp(pes.get_mut(14..19));
        }
    }

    fn move_stamp(&self, stamp: Option<&mut [u8]>) {
        let Some([b0, b1, b2, b3, b4]) = stamp else { return };
        let old = u64::from(*b0 >> 1 & 7) << 30
            | u64::from(*b1) << 22
            | u64::from(*b2 >> 1) << 15
            | u64::from(*b3) << 7
            | u64::from(*b4 >> 1);
        let new = (old + self.shift_90k) % WRAP_90K;
        let byte = |shift: u32| u8::try_from(new >> shift & 0xFF).unwrap_or(0);
        *b0 = *b0 & 0xF1 | (byte(30) & 7) << 1;
        *b1 = byte(22);
        *b2 = byte(15) << 1 | 1;
        *b3 = byte(7);
        *b4 = byte(0) << 1 | 1;
    }
}

#[cfg(test)]
mod tests;

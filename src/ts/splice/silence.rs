//! Sound without a gap: between two sources there is a time for which neither has sent any, since sound is multiplexed behind
//! or before its pictures; and a clip has one sound track where a programme may have several. Units of silence fill both.

use super::begin::ROUNDING_90K;
use super::{NO_SLOT, Splice};
use crate::codec::{AudioFormat, aac, ac3, mpa};
use crate::model::Codec;
use crate::model::stream_info::Kind;
use crate::ts::packet::{self, ADAPTATION, UNIT_START, counted, header, plain};
use crate::ts::pes;
use crate::ts::time::Pts90k;
use crate::ts::{PACKET, RawPacket};

/// Longer gaps are left as they are: 5 s.
const MOST_90K: i64 = 450_000;
/// A frame is no longer than this: 100 ms.
const LONGEST_90K: i64 = 9000;

/// One unit of silence: a PES packet.
#[derive(Debug)]
pub struct Silence {
    packets: Box<[RawPacket]>,
    duration_90k: i64,
}

impl Silence {
    /// None where these packets are no whole frames.
    fn new(packets: &[RawPacket]) -> Option<Self> {
        let unit: Vec<u8> = packets.iter().flat_map(packet::payload).copied().collect();
        let (mut at, mut duration_90k) = (pes::Header::parse(&unit)?.body_at, 0);
        while let Some((duration, length)) = unit.get(at..).and_then(frame) {
            at += length;
            duration_90k += duration;
        }
        (at == unit.len() && duration_90k > 0).then(|| Self { packets: packetized(&unit), duration_90k })
    }
}

/// A PES packet in packets of its own, without what a clip's had beside it: its clock is not the output's.
fn packetized(unit: &[u8]) -> Box<[RawPacket]> {
    let packet = |(index, payload): (usize, &[u8])| {
        let mut packet = [0xFF; PACKET];
        let mut word = plain(0) | if index == 0 { UNIT_START } else { 0 };
        // Stuffing (13818-1, 2.4.3.5): its length, flags where there is room for them, and the rest.
        if let Some(length) = (PACKET - 5).checked_sub(payload.len()) {
            word |= ADAPTATION;
            packet[4] = length as u8;
            packet[5] = if length > 0 { 0 } else { packet[5] };
        }
        packet[..4].copy_from_slice(&word.to_be_bytes());
        packet[PACKET - payload.len()..].copy_from_slice(payload);
        packet
    };
    unit.chunks(PACKET - 4).enumerate().map(packet).collect()
}

/// How long the frame takes that begins here, and its length in bytes.
fn frame(bytes: &[u8]) -> Option<(i64, usize)> {
    let of =
        |samples: i64, (format, length): (AudioFormat, usize)| (samples * 90_000 / i64::from(format.sample_rate.max(1)), length);
    let aac = || aac::adts(bytes).map(|found| of(1024, found));
    let ac3 = || ac3::frame(bytes).map(|found| of(1536, found));
    // Layer II, as clips have it.
    let mp2 = || mpa::frame(bytes).map(|found| of(1152, found));
    aac().or_else(ac3).or_else(mp2).filter(|(duration, length)| (1..=LONGEST_90K).contains(duration) && *length > 0)
}

impl Splice {
    /// A unit of silence in this codec: what is missing of such sound is filled with it from now on.
    pub fn silence(&mut self, codec: Codec, unit: &[RawPacket]) {
        if let Some(silence) = Silence::new(unit) {
            self.silences.insert(codec, silence);
        }
    }

    /// A picture of a clip is decoded at `time`: sound of the programme that the clip has not goes on as silence up to there.
    pub(super) fn fill_others(&mut self, time: Pts90k, out: &mut Vec<u8>) {
        for slot in 0..NO_SLOT {
            let lane = &self.lanes[usize::from(slot)];
            if lane.in_programme && lane.codec.kind() == Kind::Audio && !self.slots.contains(&slot) {
                self.fill(slot, time, out);
            }
        }
    }

    /// Fills what is missing of a stream's sound before `until`, where it is about to go on.
    pub(super) fn fill(&mut self, slot: u8, until: Pts90k, out: &mut Vec<u8>) {
        let Some(lane) = self.lanes.get_mut(usize::from(slot)) else { return };
        let (Some(silence), Some(last)) = (self.silences.get(&lane.codec), lane.last) else { return };
        let step = if lane.step_90k > 0 { lane.step_90k } else { silence.duration_90k };
        let mut at = last.plus(step.unsigned_abs());
        if until.since(at) > MOST_90K {
            return;
        }
        while until.since(at) >= silence.duration_90k - ROUNDING_90K {
            for packet in &silence.packets {
                let mut packet = *packet;
                let word = header(&packet);
                packet[..4].copy_from_slice(&(word & !super::OURS | lane.next & super::OURS).to_be_bytes());
                if word & UNIT_START != 0 {
                    let payload_at = packet::payload_at(&packet);
                    let payload = packet.get_mut(payload_at..).unwrap_or_default();
                    let own = pes::decoding_time(payload).unwrap_or(at);
                    pes::shift(payload, at.offset_from(own));
                }
                lane.next = counted(lane.next);
                out.extend_from_slice(&packet);
            }
            lane.written = true;
            lane.keep_time(Some(at));
            lane.steps_by(silence.duration_90k);
            at = at.plus(silence.duration_90k.unsigned_abs());
        }
    }
}

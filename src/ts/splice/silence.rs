//! Sound without a gap: between two sources there is a time for which neither has sent any, since sound is multiplexed behind
//! or before its pictures. A clip of ours is silent, so its units fill such gaps.

use super::Splice;
use crate::codec::{AudioFormat, aac, ac3, mpa};
use crate::model::Codec;
use crate::model::stream_info::Kind;
use crate::ts::input::Mark;
use crate::ts::packet::{self, PAYLOAD, counted, header};
use crate::ts::pes;
use crate::ts::time::Pts90k;
use crate::ts::{PACKET, RawPacket};

/// Longer gaps are left as they are: 5 s.
const MOST_90K: i64 = 450_000;
/// A unit is no longer than this: 100 ms.
const LONGEST_90K: i64 = 9000;
/// Bytes of a PES packet before what its length counts.
pub(super) const UNCOUNTED: usize = 6;
/// Rounding of time stamps between 90 kHz and frames of sound.
const ROUNDING_90K: i64 = 16;

/// One unit of silence.
#[derive(Debug, Default)]
pub struct Silence {
    packets: Vec<RawPacket>,
    at: Option<Pts90k>,
    /// Bytes of the PES packet that are still to come.
    left: usize,
    /// It was whole, whatever it was.
    over: bool,
    /// How long a unit takes; 0 while that is not known.
    duration_90k: i64,
}

impl Silence {
    /// The unit is whole. One of many frames of AAC is cut down to its first, so that it fits everywhere. Gives how long it was
    /// before.
    fn complete(&mut self) -> Option<i64> {
        self.over = true;
        let unit: Vec<u8> = self.packets.iter().flat_map(packet::payload).copied().collect();
        let body_at = pes::Header::parse(&unit)?.body_at;
        let (duration, length) = frame(unit.get(body_at..)?)?;
        let (mut at, mut frames) = (body_at, 0);
        while let Some((_, length)) = unit.get(at..).and_then(frame) {
            at += length;
            frames += 1;
        }
        let first = unit.get(..body_at + length)?;
        if frames == 1 {
            self.duration_90k = duration;
        } else if let Some(packet) = self.packets.first().and_then(|head| one_packet(head, first)) {
            self.packets = vec![packet];
            self.duration_90k = duration;
        } else {
            self.duration_90k = duration * frames;
        }
        Some(duration * frames).filter(|_| at == unit.len())
    }
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

/// A PES packet, cut off, in a packet of its own; none where it does not fit.
fn one_packet(head: &RawPacket, unit: &[u8]) -> Option<RawPacket> {
    let mut packet = [0xFF; PACKET];
    packet[..4].copy_from_slice(&head[..4]);
    packet[3] = packet[3] & 0x0F | 0x30;
    let stuffing = PACKET.checked_sub(6 + unit.len())?;
    (packet[4], packet[5]) = (stuffing as u8 + 1, 0);
    let payload = packet.get_mut(PACKET - unit.len()..)?;
    payload.copy_from_slice(unit);
    let length = u16::try_from(unit.len()).ok()?.checked_sub(6)?;
    payload.get_mut(4..6)?.copy_from_slice(&length.to_be_bytes());
    Some(packet)
}

impl Splice {
    /// A unit of silence of this codec, as the clip has it that stands in if need be: what is missing of the sound between two
    /// sources that follow each other at once is filled with it.
    pub fn silence(&mut self, codec: Codec, unit: &[RawPacket]) {
        let Some(slot) = self.outputs.of(codec).next() else { return };
        let mut silence = Silence { packets: unit.to_vec(), ..Silence::default() };
        if silence.complete().is_some() {
            self.silences.insert(slot, silence);
        }
    }

    /// Whether a packet of a clip's sound is kept here instead of written: the first unit, in whose place goes as much silence
    /// as is missing up to its end.
    pub(super) fn gathers(&mut self, slot: u8, packet: &RawPacket, mark: Mark, time: Option<Pts90k>, out: &mut Vec<u8>) -> bool {
        let lane = &self.lanes[usize::from(slot)];
        if !self.standing_in || self.main == Some(slot) || lane.kind != Kind::Audio || lane.open || mark.pcr.is_some() {
            return false;
        }
        let silence = self.silences.entry(slot).or_default();
        if silence.over {
            return false;
        }
        let payload = packet::payload(packet);
        if mark.unit_start {
            silence.packets.clear();
            silence.at = time;
            silence.left = pes::Header::parse(payload).map_or(0, |header| usize::from(header.length) + UNCOUNTED);
        }
        silence.packets.push(*packet);
        silence.left = silence.left.saturating_sub(payload.len());
        if silence.left == 0
            && let (Some(took), Some(at)) = (silence.complete(), silence.at)
        {
            self.fill(slot, at.plus(took.unsigned_abs()), out);
        }
        true
    }

    /// How long the units of a clip's sound take, while one stands in.
    pub(super) fn silence_90k(&self, slot: u8) -> Option<i64> {
        let silence = self.silences.get(&slot).filter(|_| self.standing_in)?;
        (silence.duration_90k > 0).then_some(silence.duration_90k)
    }

    /// Fills what is missing of a stream's sound before `until`, where it is about to go on.
    pub(super) fn fill(&mut self, slot: u8, until: Pts90k, out: &mut Vec<u8>) {
        let Some(silence) = self.silences.get(&slot).filter(|silence| silence.duration_90k > 0) else { return };
        let Some(lane) = self.lanes.get_mut(usize::from(slot)).filter(|lane| lane.kind == Kind::Audio) else { return };
        let Some(last) = lane.last else { return };
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
                if word & packet::UNIT_START != 0 {
                    let payload_at = packet::payload_at(&packet);
                    let payload = packet.get_mut(payload_at..).unwrap_or_default();
                    let own = pes::decoding_time(payload).unwrap_or(at);
                    pes::shift(payload, at.offset_from(own));
                }
                if word & PAYLOAD != 0 {
                    lane.next = counted(lane.next);
                }
                out.extend_from_slice(&packet);
            }
            lane.written = true;
            lane.keep_time(Some(at));
            lane.steps_by(silence.duration_90k);
            at = at.plus(silence.duration_90k.unsigned_abs());
        }
    }
}

//! What speaks for and against each payload format, counted, and when that is enough.

use super::judges::{self, Before, Verdict};
use super::{Detection, Payload};
use crate::ingest::depay::Packet;
use crate::model::Codec;

/// Before so many packets nothing is decided.
const LEAST: u32 = 8;
/// The same of transport streams, which are not mistaken: every 188th byte is theirs.
const LEAST_TRANSPORT: u32 = 4;
/// After so many without a decision the older half counts for less.
const MOST: u32 = 512;

const CANDIDATES: [Payload; 6] = [
    Payload::TransportStream,
    Payload::Codec(Codec::H264),
    Payload::Codec(Codec::Hevc),
    Payload::Codec(Codec::Av1),
    Payload::Codec(Codec::Aac),
    Payload::Codec(Codec::Opus),
];

/// Of one payload type of one sender.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    packets: u32,
    scores: [Score; CANDIDATES.len()],
    before: Option<Before>,
    decided: Option<Payload>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Score {
    /// Packets that hardly anything else would send.
    strong: u32,
    /// Parts of pictures or sound, as against what describes them.
    coded: u32,
    /// Packets that break the format.
    against: u32,
}

impl Evidence {
    /// Looks at a packet.
    pub(super) fn look(&mut self, packet: &Packet<'_>) -> Detection {
        if let Some(payload) = self.decided {
            return Detection::Known(payload);
        }
        // One that comes once more says nothing new.
        let before = self.before.take();
        if before.as_ref().is_some_and(|before| before.sequence == packet.sequence) {
            self.before = before;
            return Detection::Undecided { packets: self.packets };
        }
        let before = before.filter(|before| before.sequence.wrapping_add(1) == packet.sequence);
        let mut next = Before::of(packet);
        let verdicts = [
            judges::transport_stream(packet),
            judges::h264(packet, before.as_ref(), &mut next),
            judges::hevc(packet, before.as_ref(), &mut next),
            judges::av1(packet, before.as_ref(), &mut next),
            judges::aac(packet),
            judges::opus(packet, before.as_ref()),
        ];
        self.before = Some(next);
        self.packets += 1;
        for (score, verdict) in self.scores.iter_mut().zip(verdicts) {
            match verdict {
                Verdict::Strong { coded } => {
                    score.strong += 1;
                    score.coded += u32::from(coded);
                }
                Verdict::Possible { coded } => score.coded += u32::from(coded),
                Verdict::Against => score.against += 1,
            }
        }
        self.decided = self.decide();
        if self.packets >= MOST {
            self.packets /= 2;
            for Score { strong, coded, against } in &mut self.scores {
                (*strong, *coded, *against) = (*strong / 2, *coded / 2, *against / 2);
            }
        }
        self.decided.map_or(Detection::Undecided { packets: self.packets }, Detection::Known)
    }

    /// The only one that is proven, if it is the only one.
    fn decide(&self) -> Option<Payload> {
        let mut proven = CANDIDATES.iter().zip(self.scores).filter(|(payload, score)| self.is_proven(**payload, *score));
        let (payload, _) = proven.next()?;
        proven.next().is_none().then_some(*payload)
    }

    fn is_proven(&self, payload: Payload, score: Score) -> bool {
        let least = if payload == Payload::TransportStream { LEAST_TRANSPORT } else { LEAST };
        // A few that are wrong may be a sender's fault, or a packet out of order.
        if self.packets < least || score.against * 32 > self.packets {
            return false;
        }
        match payload {
            // Nearly any byte may begin a slice, so that single ones prove nothing: parameter sets and fragments do.
            Payload::Codec(Codec::H264) => score.strong >= 3 && score.coded >= 4,
            Payload::Codec(Codec::Hevc | Codec::Av1) => score.strong * 10 >= self.packets * 9 && score.coded >= 4,
            _ => score.strong * 4 >= self.packets * 3,
        }
    }
}

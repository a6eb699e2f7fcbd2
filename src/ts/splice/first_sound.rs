//! The first unit of sound in a clip: silence to fill gaps with.

use crate::model::Codec;
use crate::model::stream_info::Kind;
use crate::ts::input::{Mark, Sink};
use crate::ts::programme::Programme;
use crate::ts::{RawPacket, packet, pes};

/// Looks for it in what an input gives.
#[derive(Debug, Default)]
pub struct FirstSound {
    stream: Option<(u8, Codec)>,
    packets: Vec<RawPacket>,
    /// Bytes of the PES packet that are still to come.
    left: usize,
}

impl FirstSound {
    /// Its packets, once they are there, and its codec.
    pub fn whole(&self) -> Option<(Codec, &[RawPacket])> {
        let (_, codec) = self.stream.filter(|_| self.left == 0 && !self.packets.is_empty())?;
        Some((codec, &self.packets))
    }
}

impl Sink for FirstSound {
    fn programme(&mut self, programme: &Programme) {
        let sound = (0..).zip(&programme.streams).find(|(_, stream)| stream.codec.kind() == Kind::Audio);
        *self = Self { stream: sound.map(|(index, stream)| (index, stream.codec)), ..Self::default() };
    }

    fn packet(&mut self, packet: &RawPacket, mark: Mark) {
        let is_of = self.stream.is_some_and(|(stream, _)| stream == mark.stream);
        if !is_of || self.whole().is_some() || mark.unit_start != self.packets.is_empty() {
            return;
        }
        let payload = packet::payload(packet);
        if mark.unit_start {
            // A unit that does not say how long it is has no end that could be seen here.
            let length = pes::Header::parse(payload).map_or(0, |header| usize::from(header.length));
            if length == 0 {
                return;
            }
            self.left = length + pes::UNCOUNTED;
        }
        self.packets.push(*packet);
        self.left = self.left.saturating_sub(payload.len());
    }
}

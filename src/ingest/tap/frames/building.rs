//! A frame that is not at its end: what is known of it so far, and its packets.

use super::Frame;
use crate::base::clock::Instant;
use crate::ingest::tap::picture::{Counts, Picture, PictureKind};
use crate::ts::pes;
use crate::ts::time::Pts90k;
use crate::ts::{PACKET, RawPacket};

/// Buffers that grew beyond this for one large frame are given back.
const KEPT: usize = 1024 * 1024;

/// Packets of a frame, and those beside it.
#[derive(Debug, Default)]
pub struct Packets {
    own: Vec<u8>,
    beside: Vec<u8>,
}

impl Packets {
    /// Empty, to be used again.
    fn emptied(self) -> Self {
        let [own, beside] = [self.own, self.beside].map(|mut bytes| {
            bytes.clear();
            bytes.shrink_to(KEPT);
            bytes
        });
        Self { own, beside }
    }
}

/// The frame.
#[derive(Debug)]
pub struct Building {
    kind: Option<PictureKind>,
    counts: Counts,
    keyframe: bool,
    reference: bool,
    /// Nothing of it is known to be missing.
    pub whole: bool,
    /// It is not before the first keyframe.
    started: bool,
    pts: Option<Pts90k>,
    dts: Option<Pts90k>,
    at: Instant,
    /// When something of it came last.
    pub last: Instant,
    /// Bytes of the PES packet still to come, where it says how many it has.
    left: Option<usize>,
    packets: Packets,
}

impl Building {
    /// A PES packet begins, and with it perhaps a frame.
    pub fn begun(header: &pes::Header, keyframe: bool, started: bool, now: Instant, packets: Packets) -> Self {
        Self {
            kind: None,
            counts: Counts::default(),
            keyframe,
            reference: false,
            whole: true,
            started,
            pts: header.pts,
            dts: header.decoding_time(),
            at: now,
            last: now,
            left: (header.length > 0).then(|| usize::from(header.length) + pes::UNCOUNTED),
            packets,
        }
    }

    /// It had no picture, and another PES packet begins: what it had belongs to what follows.
    pub fn begins_again(&mut self, header: &pes::Header, keyframe: bool, started: bool) {
        self.pts = header.pts.or(self.pts);
        self.dts = header.decoding_time().or(self.dts);
        self.keyframe |= keyframe;
        self.started |= started;
        self.left = None;
    }

    /// One of its packets, with so many bytes of payload.
    pub fn packet(&mut self, packet: &RawPacket, payload: usize, now: Instant, most: usize) {
        self.last = now;
        self.left = self.left.map(|left| left.saturating_sub(payload));
        self.whole &= append(&mut self.packets.own, packet, most);
    }

    /// A packet of another stream.
    pub fn beside(&mut self, packet: &RawPacket, most: usize) {
        append(&mut self.packets.beside, packet, most);
    }

    /// A picture of it begins.
    pub fn picture(&mut self, picture: Picture) {
        self.kind = self.kind.max(Some(picture.kind));
        self.reference |= picture.reference;
        if self.started && !picture.undecodable && !picture.second_field {
            self.counts.add(picture.kind);
        }
    }

    /// A further PES packet belongs to it, after all. Gives back its buffers.
    pub fn join(&mut self, next: Self, most: usize) -> Packets {
        self.whole &= next.whole && self.packets.own.len().saturating_add(next.packets.own.len()) <= most;
        let both = [(&mut self.packets.own, &next.packets.own), (&mut self.packets.beside, &next.packets.beside)];
        for (to, from) in both {
            let room = most.saturating_sub(to.len()) / PACKET * PACKET;
            to.extend_from_slice(from.get(..room).unwrap_or(from));
        }
        (self.last, self.left) = (next.last, next.left);
        self.keyframe |= next.keyframe;
        next.packets.emptied()
    }

    /// It is at its end; none if it has no picture. Gives back its buffers.
    pub fn end(self, id: u64) -> (Option<Frame>, Packets) {
        let frame = self.kind.map(|kind| Frame {
            id,
            kind,
            counts: self.counts,
            keyframe: self.keyframe,
            reference: self.reference || self.keyframe,
            whole: self.whole && self.left.is_none_or(|left| left == 0),
            pts: self.pts,
            dts: self.dts,
            at: self.at,
            packets: self.packets.own.as_slice().into(),
            beside: self.packets.beside.as_slice().into(),
        });
        (frame, self.packets.emptied())
    }

    /// Bytes that it holds.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.packets.own.len() + self.packets.beside.len()
    }
}

/// Whether there was room for it.
fn append(packets: &mut Vec<u8>, packet: &RawPacket, most: usize) -> bool {
    let fits = packets.len() + PACKET <= most;
    if fits {
        packets.extend_from_slice(packet);
    }
    fits
}

//! Packets held back until something about them is decided: the programme they belong to, whether its video will come at
//! all, or whether a picture is one to begin with, which can take more than its first packet to tell.
//!
//! One buffer, used again and again; order across PIDs is kept.

use super::RawPacket;
use super::input::Mark;
use super::packet::UNIT_START;

/// Above this the buffer is given back once it is empty.
const KEPT: usize = 512;

/// The packets held.
#[derive(Debug, Default)]
pub struct Hold {
    packets: Vec<(RawPacket, Mark)>,
    /// Index of the packet whose picture is not decided on.
    head: Option<usize>,
}

impl Hold {
    /// Holds one more.
    pub fn push(&mut self, packet: &RawPacket, mark: Mark) {
        self.packets.push((*packet, mark));
    }

    /// The packet that is held next begins a picture that is not decided on.
    pub fn open_head(&mut self) {
        self.head = Some(self.packets.len());
    }

    /// Whether a picture is not decided on.
    pub fn has_head(&self) -> bool {
        self.head.is_some()
    }

    /// Packets held since the picture that is not decided on began.
    pub fn since_head(&self) -> usize {
        self.head.map_or(0, |head| self.packets.len().saturating_sub(head))
    }

    /// The picture is decided on.
    pub fn close_head(&mut self, random_access: bool) {
        if let Some((_, mark)) = self.head.take().and_then(|head| self.packets.get_mut(head)) {
            mark.random_access |= random_access;
        }
    }

    /// Every start of a unit of this stream is a place to begin.
    pub fn begin_anywhere(&mut self, stream: u8) {
        for (packet, mark) in &mut self.packets {
            mark.random_access |= mark.stream == stream && packet[1] & (UNIT_START >> 16) as u8 != 0;
        }
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Gives what came before the picture that is not decided on.
    pub fn release_before_head(&mut self, mut give: impl FnMut(&RawPacket, Mark)) {
        if let Some(head) = self.head.replace(0) {
            self.packets.drain(..head.min(self.packets.len())).for_each(|(packet, mark)| give(&packet, mark));
        }
    }

    /// Gives all, in order.
    pub fn release(&mut self, mut give: impl FnMut(&RawPacket, Mark)) {
        self.head = None;
        for (packet, mark) in &self.packets {
            give(packet, *mark);
        }
        self.clear();
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.head = None;
        self.packets.clear();
        self.packets.shrink_to(KEPT);
    }
}

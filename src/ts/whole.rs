//! Which units of picture and sound are at their end in what was written and not yet sent: a source that is lost in the
//! middle of a picture must not leave half of it in a recording, for no decoder is silent about that.
//!
//! A unit is at its end by the length of its PES packet (13818-1, 2.4.3.7), by stuffing in its last packet (2.4.3.5: a
//! multiplexer stuffs where a PES packet ends), or where the next one begins. So nearly all go out with their last packet.

use std::time::Duration;

use super::outputs::{AUDIO_PIDS, VIDEO_PIDS};
use super::packet::{self, ADAPTATION, PAYLOAD, UNIT_START, header, pid};
use super::{PACKET, RawPacket, pes};

/// More than any picture has: 8 MiB. Beyond it a unit goes out as it is.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Nor does a unit take longer than this to come: one that does was broken off, or a stream has very few.
const LONGEST: Duration = Duration::from_millis(700);

/// A unit that is not at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Its PID in the output.
    pub pid: u16,
    /// Where its first packet begins, in bytes.
    pub at: usize,
    /// The continuity counter with which it begins.
    pub counter: u8,
    /// Bytes still to come, where it says so.
    left: Option<usize>,
    /// Media time when it began.
    since: Duration,
}

/// What is not whole at the end of an output.
#[derive(Debug, Default)]
pub struct Whole {
    open: Vec<Open>,
    /// Units are looked at: not before the first one is over, for which somebody waits.
    armed: bool,
    /// PID of the first unit: of pictures, where there are any.
    first: Option<u16>,
}

impl Whole {
    /// One packet was written at the end, which is at this offset, at this media time.
    pub fn packet(&mut self, packet: &RawPacket, at: usize, media: Duration) {
        let word = header(packet);
        let pid = pid(word);
        if word & UNIT_START != 0 && (VIDEO_PIDS.contains(&pid) || AUDIO_PIDS.contains(&pid)) {
            if !self.armed && self.first == Some(pid) {
                self.armed = true;
                self.open.clear();
            }
            if self.first.is_none_or(|first| !VIDEO_PIDS.contains(&first)) {
                self.first = Some(pid);
            }
            let length = pes::Header::parse(packet::payload(packet)).map_or(0, |header| usize::from(header.length));
            let left = (length > 0).then_some(length + pes::UNCOUNTED);
            self.open.retain(|open| open.pid != pid);
            self.open.push(Open { pid, at, counter: packet[3] & 0xF, left, since: media });
        }
        self.went_on(pid, std::slice::from_ref(packet));
    }

    /// Packets of one PID were written side by side, none of which begins a unit.
    pub fn run(&mut self, packets: &[RawPacket]) {
        if let Some(first) = packets.first() {
            self.went_on(pid(header(first)), packets);
        }
    }

    /// The unit of this PID goes on with these packets, and perhaps ends.
    fn went_on(&mut self, pid: u16, packets: &[RawPacket]) {
        let Some(at) = self.open.iter().position(|open| open.pid == pid) else { return };
        let Some(open) = self.open.get_mut(at) else { return };
        let counted = open.left.as_mut().is_some_and(|left| {
            *left = left.saturating_sub(packets.iter().map(|packet| packet::payload(packet).len()).sum());
            *left == 0
        });
        if counted || packets.last().is_some_and(is_stuffed) {
            self.open.swap_remove(at);
        }
    }

    /// How many of the first `length` bytes may go out.
    pub fn until(&self, length: usize) -> usize {
        let first = self.open.iter().map(|open| open.at).min().unwrap_or(length).min(length);
        if self.armed && length - first <= MOST_BYTES { first } else { length }
    }

    /// So many bytes went out. A unit of which a part is gone is not waited for any more.
    pub fn sent(&mut self, bytes: usize) {
        self.open.retain_mut(|open| {
            let kept = open.at.checked_sub(bytes);
            open.at = kept.unwrap_or(0);
            kept.is_some()
        });
    }

    /// Media time goes on: what began too long ago is not waited for any more.
    pub fn go_on_to(&mut self, media: Duration) {
        self.open.retain(|open| media.saturating_sub(open.since) <= LONGEST);
    }

    /// Gives those of which no more will come, and forgets them.
    pub fn take_if(&mut self, gone: impl Fn(&Open) -> bool) -> Vec<Open> {
        self.open.extract_if(.., |open| gone(open)).collect()
    }

    /// What was at one offset is now at another.
    pub fn moved_to(&mut self, from: usize, to: usize) {
        self.open.iter_mut().filter(|open| open.at == from).for_each(|open| open.at = to);
    }

    /// So many bytes were put in front of what is not whole.
    pub fn moved(&mut self, bytes: usize) {
        self.open.iter_mut().for_each(|open| open.at += bytes);
    }

    /// Gives what is not whole, and forgets it.
    pub fn take(&mut self) -> Vec<Open> {
        self.take_if(|_| true)
    }
}

/// Whether the payload is shorter than what comes before it explains: 13818-1, 2.4.3.5. The first packets of a unit may have
/// flags, and a PCR's room, which is no stuffing.
fn is_stuffed(packet: &RawPacket) -> bool {
    if header(packet) & (ADAPTATION | PAYLOAD) != ADAPTATION | PAYLOAD {
        return false;
    }
    let length = usize::from(packet[4]);
    let flags = if length > 0 { packet[5] } else { 0 };
    let explained = usize::from(length > 0)
        + 6 * usize::from(flags & 0x10 != 0)
        + 6 * usize::from(flags & 0x08 != 0)
        + usize::from(flags & 0x04 != 0);
    // Private data and extensions are not looked into.
    flags & 0x03 == 0 && packet::payload_at(packet) < PACKET && (length == 0 || length > explained)
}

#[cfg(test)]
mod tests;

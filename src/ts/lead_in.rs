//! The beginning of a source that takes over from another one: what is kept of it until it is known how it begins.
//!
//! Pictures that are decoded after the one it begins with, but shown before it, refer to pictures that nobody has: the
//! leading pictures of an open group (H.265, 3.67; H.262, 6.3.8). They are left out, and the decoding time of the first is
//! moved on, so that no gap is seen where they were. Sound that was multiplexed before the first picture, but belongs to what
//! follows it, is kept.

use super::input::Mark;
use super::packet;
use super::programme::Programme;
use super::splice::LONGEST_STEP_90K;
use super::time::Pts90k;
use super::{RawPacket, adaptation, pes};
use crate::model::Codec;
use crate::model::stream_info::Kind;

mod broken_link;

/// Packets of sound kept from before the first picture: more than a second of most.
const MOST_EARLY: usize = 2048;
/// Packets kept in all: 6 MiB.
const MOST_PACKETS: usize = 32 * 1024;
/// Leading pictures of one group: no encoder makes more. Where there are, the time stamp of the first picture is wrong.
const MOST_LEADING: usize = 32;
/// A picture that is shown this soon after it is decoded has no leading ones: 10 ms.
const AT_ONCE_90K: i64 = 900;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It goes on at once.
    Passes,
    /// It was kept, or left out.
    Kept,
    /// It was kept, and it is known how the source begins.
    Ready,
}

/// The beginning of one source.
#[derive(Debug)]
pub struct LeadIn {
    main: Option<u8>,
    /// They are of H.265, where a picture to begin with may be one that goes on with what came before.
    may_go_on: bool,
    sound: Box<[bool; 256]>,
    packets: Vec<(RawPacket, Mark)>,
    first: Option<First>,
    /// A leading picture goes on.
    skipping: bool,
    /// Leading pictures so far.
    skipped: usize,
}

/// The picture to begin with.
#[derive(Debug, Clone, Copy)]
struct First {
    /// Its first packet.
    at: usize,
    pts: Pts90k,
    dts: Pts90k,
    delayed_90k: u64,
}

/// The beginning, decided on.
#[derive(Debug)]
pub struct Beginning {
    /// By how much the decoding time of the first picture was moved on.
    pub delayed_90k: u64,
    /// The packets, the first picture's first one in front.
    pub packets: Vec<(RawPacket, Mark)>,
}

impl Default for LeadIn {
    fn default() -> Self {
        Self {
            main: None,
            may_go_on: false,
            sound: Box::new([false; 256]),
            packets: Vec::new(),
            first: None,
            skipping: false,
            skipped: 0,
        }
    }
}

impl LeadIn {
    /// The programme became known, or another one.
    pub fn programme(&mut self, programme: &Programme) {
        let video = |index: &usize| programme.streams.get(*index).is_some_and(|stream| stream.codec.kind() == Kind::Video);
        self.main = programme.main_stream().filter(video).and_then(|main| u8::try_from(main).ok());
        self.may_go_on =
            programme.main_stream().and_then(|main| programme.streams.get(main)).is_some_and(|main| main.codec == Codec::Hevc);
        self.sound.fill(false);
        for (sound, stream) in self.sound.iter_mut().zip(&programme.streams) {
            *sound = stream.codec.kind() == Kind::Audio && self.main.is_some();
        }
        self.packets.clear();
        self.first = None;
        (self.skipping, self.skipped) = (false, 0);
    }

    /// Takes one packet.
    pub fn packet(&mut self, packet: &RawPacket, mark: Mark) -> Taken {
        let header = if mark.unit_start { pes::Header::parse(packet::payload(packet)) } else { None };
        let Some(first) = self.first else { return self.before_first(packet, mark, header) };
        let mut kept = *packet;
        let mut ready = false;
        if self.main == Some(mark.stream) {
            if mark.unit_start {
                let pts = header.and_then(|header| header.pts);
                self.skipping = pts.map_or(self.skipping, |pts| pts.since(first.pts) < 0) && self.skipped < MOST_LEADING;
                self.skipped += 1;
                ready = !self.skipping;
                if let Some(dts) = header.and_then(|header| header.decoding_time()).filter(|_| ready) {
                    self.delay_until(dts);
                }
            }
            if self.skipping {
                if mark.pcr.is_none() {
                    return Taken::Kept;
                }
                adaptation::only_clock(&mut kept);
            }
        }
        let skipped = self.skipping && self.main == Some(mark.stream);
        let time = mark.time.filter(|_| !skipped);
        self.packets.push((kept, Mark { unit_start: mark.unit_start && !skipped, time, ..mark }));
        if ready || self.packets.len() > MOST_PACKETS { Taken::Ready } else { Taken::Kept }
    }

    fn before_first(&mut self, packet: &RawPacket, mark: Mark, header: Option<pes::Header>) -> Taken {
        if mark.random_access {
            let stamps =
                header.and_then(|header| header.pts.zip(header.decoding_time())).filter(|_| self.main == Some(mark.stream));
            let (pts, dts) = stamps.unwrap_or((Pts90k(0), Pts90k(0)));
            self.first = Some(First { at: self.packets.len(), pts, dts, delayed_90k: 0 });
            self.packets.push((*packet, mark));
            return if pts.since(dts) > AT_ONCE_90K { Taken::Kept } else { Taken::Ready };
        }
        if !self.sound[usize::from(mark.stream)] || mark.pcr.is_some() {
            return Taken::Passes;
        }
        if self.packets.len() >= MOST_EARLY {
            self.packets.drain(..MOST_EARLY / 2);
        }
        self.packets.push((*packet, mark));
        Taken::Kept
    }

    /// The picture that follows the first is decoded at `next`.
    fn delay_until(&mut self, next: Pts90k) {
        let Some(first) = &mut self.first else { return };
        let delay = next.since(first.dts) - LONGEST_STEP_90K;
        if delay <= 0 || first.pts.since(first.dts) <= delay {
            return;
        }
        let Some((packet, mark)) = self.packets.get_mut(first.at) else { return };
        let (at, dts) = (packet::payload_at(packet), first.dts.plus(delay.unsigned_abs()));
        pes::set_decoding_time(packet.get_mut(at..).unwrap_or_default(), dts);
        mark.time = mark.time.map(|_| dts);
        first.delayed_90k = delay.unsigned_abs();
    }

    /// What was kept, after [`Taken::Ready`].
    pub fn take(&mut self) -> Beginning {
        let mut packets = std::mem::take(&mut self.packets);
        let first = self.first.take();
        if let Some(first) = first
            && first.at < packets.len()
        {
            // It says where the output's time goes on; what came before it then follows.
            let begins = packets.remove(first.at);
            packets.insert(0, begins);
            if self.may_go_on {
                mark_broken_link(&mut packets);
            }
        }
        Beginning { delayed_90k: first.map_or(0, |first| first.delayed_90k), packets }
    }
}

/// The picture with which these begin is no continuation of others. Where it is not there as a whole, it stays as it is: all its
/// slices are of one kind.
fn mark_broken_link(packets: &mut [(RawPacket, Mark)]) {
    let Some(main) = packets.first().map(|(_, mark)| mark.stream) else { return };
    let next = packets.iter().skip(1).position(|(_, mark)| mark.stream == main && mark.unit_start);
    let picture = next.and_then(|next| packets.get_mut(..=next)).unwrap_or_default();
    broken_link::mark(picture.iter_mut().filter(|(_, mark)| mark.stream == main).map(|(packet, _)| packet));
}

#[cfg(test)]
mod tests;

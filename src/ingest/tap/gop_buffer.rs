//! The last groups of pictures, for pictures, previews and recovery. Bounded in groups, bytes, time and frames; where memory is
//! short frames go by [`drop_order`], so that what is left can be decoded.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::drop_order::{self, Candidate, DropStrategy, Victim};
use super::frames::Frame;
use super::memory::{Account, Reservation};
use super::picture::PictureKind;
use crate::base::clock::Instant;
use crate::ts::time::Pts90k;

/// A longer time between two stamps is no length but a leap.
const LEAP_90K: i64 = 600 * 90_000;

/// Limits; the defaults are those of INPUTS.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Groups, with the one at hand.
    pub gops: usize,
    /// Bytes.
    pub most_bytes: u64,
    /// Time, by the clock and by time stamps.
    pub longest: Duration,
    /// Frames: what is not in the frames themselves is bounded, too.
    pub most_frames: usize,
    /// `drop_strategy`.
    pub strategy: DropStrategy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            gops: 3,
            most_bytes: 50 * 1024 * 1024,
            longest: Duration::from_secs(30),
            most_frames: 4096,
            strategy: DropStrategy::default(),
        }
    }
}

/// A frame that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// [`Frame::id`].
    pub id: u64,
    /// Its kind.
    pub kind: PictureKind,
    /// Decoding can begin here.
    pub keyframe: bool,
    /// Others may be predicted from it.
    pub reference: bool,
    /// As the source stamped it.
    pub pts: Option<Pts90k>,
    /// As the source stamped it.
    pub dts: Option<Pts90k>,
    /// When it came.
    pub at: Instant,
    /// Its transport packets.
    pub packets: Bytes,
    /// Packets of other streams behind it, in order; also of those behind frames that went.
    pub beside: Vec<Bytes>,
}

impl Kept {
    /// Bytes that it holds.
    pub fn bytes(&self) -> u64 {
        self.packets.len() as u64 + self.beside.iter().map(|bytes| bytes.len() as u64).sum::<u64>()
    }

    fn candidate(&self) -> Candidate {
        let candidate = Candidate { kind: self.kind, reference: self.reference, bytes: self.bytes() };
        // What came beside a frame that may go alone stays.
        Candidate { bytes: if candidate.is_disposable() { self.packets.len() as u64 } else { candidate.bytes }, ..candidate }
    }
}

#[derive(Debug, Default)]
struct Gop {
    frames: Vec<Kept>,
    /// Frames that others need went, or never came in: what follows cannot be decoded.
    ended: bool,
    /// It counts as dropped.
    dropped: bool,
}

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Groups in it.
    pub gops: usize,
    /// Frames in it.
    pub frames: usize,
    /// Most frames.
    pub most_frames: usize,
    /// Bytes in it.
    pub bytes: u64,
    /// From its first frame to its last.
    pub duration: Duration,
    /// Groups of which no more than the keyframe was left because memory was short.
    pub dropped_gops: u64,
    /// Frames that went, or did not come in, because memory was short.
    pub dropped_frames: u64,
}

/// The groups.
#[derive(Debug)]
pub struct GopBuffer {
    settings: Settings,
    account: Account,
    gops: VecDeque<Gop>,
    bytes: u64,
    frames: usize,
    dropped_gops: u64,
    dropped_frames: u64,
}

impl GopBuffer {
    /// An empty one, whose bytes are counted in this account.
    pub fn new(settings: Settings, account: Account) -> Self {
        Self { settings, account, gops: VecDeque::new(), bytes: 0, frames: 0, dropped_gops: 0, dropped_frames: 0 }
    }

    /// Keeps a frame, if it belongs to a group and there is room for it or can be made.
    pub fn push(&mut self, frame: Frame) {
        if frame.keyframe {
            while self.gops.len() >= self.settings.gops.max(1) {
                self.forget_oldest();
            }
            self.gops.push_back(Gop::default());
        } else if self.gops.is_empty() {
            return;
        }
        match self.room_for(&frame) {
            Some(room) => self.keep(frame, room),
            None => self.refuse(&frame),
        }
    }

    /// A frame is not to be kept.
    pub fn refuse(&mut self, frame: &Frame) {
        self.dropped_frames = self.dropped_frames.saturating_add(1);
        if self.gops.back().is_some_and(|gop| gop.frames.is_empty()) {
            self.gops.pop_back();
        }
        if let Some(gop) = self.gops.back_mut() {
            gop.ended |= frame.keyframe || frame.reference;
        }
    }

    /// What follows, up to the next keyframe, cannot be decoded: it is not kept.
    pub fn end_group(&mut self) {
        if let Some(gop) = self.gops.back_mut() {
            gop.ended = true;
        }
    }

    /// Lets go of so many bytes, or as many as possible. Gives how many that were.
    pub fn relieve(&mut self, needed: u64) -> u64 {
        if needed == 0 {
            return 0;
        }
        let view = |gop: &Gop| gop.frames.iter().map(Kept::candidate).collect();
        // The newest group has no frame yet where its keyframe is what room is made for.
        let groups: Vec<Vec<Candidate>> = self.gops.iter().filter(|gop| !gop.frames.is_empty()).map(view).collect();
        let before = self.bytes;
        let victims = drop_order::plan(&groups, self.settings.strategy, needed);
        self.drop_all(&victims);
        before.saturating_sub(self.bytes)
    }

    /// `drop_gop`: the oldest group goes; of the only one its keyframe stays.
    pub fn drop_oldest(&mut self) {
        let Some(oldest) = self.gops.front() else { return };
        let kept = usize::from(self.gops.len() == 1);
        let victims: Vec<Victim> = (kept..oldest.frames.len()).map(|frame| Victim { group: 0, frame }).collect();
        self.drop_all(&victims);
    }

    /// Nothing of what is kept belongs to what follows.
    pub fn clear(&mut self) {
        self.gops.clear();
        (self.bytes, self.frames) = (0, 0);
    }

    /// Bytes in it.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The newest keyframe.
    pub fn keyframe(&self) -> Option<&Kept> {
        self.gops.back().and_then(|gop| gop.frames.first())
    }

    /// All frames, in order.
    pub fn frames(&self) -> impl Iterator<Item = &Kept> {
        self.gops.iter().flat_map(|gop| &gop.frames)
    }

    /// Frames that can be shown, from a keyframe on: the newest from which there are so long, or else the oldest; no more than so
    /// long.
    pub fn preview(&self, duration: Duration) -> impl Iterator<Item = &Kept> {
        let newest = self.frames().last();
        let long_ago = |gop: &&Gop| gop.frames.first().zip(newest).is_some_and(|(first, last)| span(first, last) >= duration);
        let from = self.gops.iter().rev().find(long_ago).or(self.gops.front()).and_then(|gop| gop.frames.first());
        self.frames()
            .skip_while(move |frame| from.is_some_and(|from| frame.id < from.id))
            .take_while(move |frame| from.is_some_and(|from| frame.id == from.id || span(from, frame) < duration))
    }

    /// What there is to tell.
    pub fn statistics(&self) -> Statistics {
        let (first, last) = (self.frames().next(), self.frames().last());
        Statistics {
            gops: self.gops.len(),
            frames: self.frames,
            most_frames: self.settings.most_frames,
            bytes: self.bytes,
            duration: first.zip(last).map_or(Duration::ZERO, |(first, last)| span(first, last)),
            dropped_gops: self.dropped_gops,
            dropped_frames: self.dropped_frames,
        }
    }

    /// Room for a frame of the newest group; none where the group has come to its end.
    fn room_for(&mut self, frame: &Frame) -> Option<Reservation> {
        let wanted = frame.packets.len().saturating_add(frame.beside.len());
        loop {
            if self.gops.back().is_none_or(|gop| gop.ended || gop.frames.is_empty() != frame.keyframe) {
                return None;
            }
            let too_long = self.frames().next().is_some_and(|first| between(first, frame) > self.settings.longest);
            let too_much = self.bytes.saturating_add(wanted as u64) > self.settings.most_bytes;
            if !too_long && !too_much && self.frames < self.settings.most_frames {
                match self.account.reserve(wanted) {
                    Ok(room) => return Some(room),
                    Err(_) if self.relieve(wanted as u64) > 0 => continue,
                    // A keyframe that has just come is worth more than an older one.
                    Err(_) if frame.keyframe => {}
                    Err(_) => return None,
                }
            }
            if self.gops.len() == 1 {
                return None;
            }
            self.forget_oldest();
        }
    }

    fn keep(&mut self, frame: Frame, mut room: Reservation) {
        // What came beside it may be kept for longer.
        let beside = room.split(frame.beside.len()).hold(frame.beside);
        let kept = Kept {
            id: frame.id,
            kind: frame.kind,
            keyframe: frame.keyframe,
            reference: frame.reference,
            pts: frame.pts,
            dts: frame.dts,
            at: frame.at,
            packets: room.hold(frame.packets),
            beside: if beside.is_empty() { Vec::new() } else { vec![beside] },
        };
        if let Some(gop) = self.gops.back_mut() {
            self.bytes = self.bytes.saturating_add(kept.bytes());
            self.frames += 1;
            gop.frames.push(kept);
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(gop) = self.gops.pop_front() {
            self.frames = self.frames.saturating_sub(gop.frames.len());
            self.bytes = self.bytes.saturating_sub(gop.frames.iter().map(Kept::bytes).sum());
        }
    }

    fn drop_all(&mut self, victims: &[Victim]) {
        let mut gone: Vec<Vec<bool>> = self.gops.iter().map(|gop| vec![false; gop.frames.len()]).collect();
        for victim in victims {
            if let Some(gone) = gone.get_mut(victim.group).and_then(|group| group.get_mut(victim.frame)) {
                *gone = true;
            }
        }
        for (gop, gone) in self.gops.iter_mut().zip(&gone).filter(|(_, gone)| gone.contains(&true)) {
            let mut left: Vec<Kept> = Vec::with_capacity(gop.frames.len());
            for (frame, gone) in gop.frames.drain(..).zip(gone) {
                if !gone {
                    left.push(frame);
                    continue;
                }
                self.dropped_frames = self.dropped_frames.saturating_add(1);
                self.frames = self.frames.saturating_sub(1);
                let alone = frame.candidate().is_disposable();
                gop.ended |= !alone;
                let before = left.last_mut().filter(|_| alone);
                self.bytes = self.bytes.saturating_sub(if before.is_some() { frame.packets.len() as u64 } else { frame.bytes() });
                if let Some(before) = before {
                    before.beside.extend(frame.beside);
                }
            }
            gop.frames = left;
            if gop.frames.len() < 2 && !gop.dropped {
                gop.dropped = true;
                self.dropped_gops = self.dropped_gops.saturating_add(1);
            }
        }
        let newest = self.gops.pop_back();
        self.gops.retain(|gop| !gop.frames.is_empty());
        self.gops.extend(newest);
    }
}

/// How long it is from one frame to a later one: by their time stamps, or by the clock where those leap.
fn span(first: &Kept, last: &Kept) -> Duration {
    length(first.dts, last.dts).unwrap_or_else(|| last.at.saturating_duration_since(first.at))
}

/// The same to one that has just come, or what the clock says, if that is more.
fn between(first: &Kept, last: &Frame) -> Duration {
    length(first.dts, last.dts).unwrap_or_default().max(last.at.saturating_duration_since(first.at))
}

fn length(first: Option<Pts90k>, last: Option<Pts90k>) -> Option<Duration> {
    let length_90k = last?.since(first?);
    let length_90k = u64::try_from(length_90k).ok().filter(|_| length_90k < LEAP_90K)?;
    Some(Duration::from_micros(length_90k * 100 / 9))
}

#[cfg(test)]
mod tests;

//! The pump as the input's sink: what becomes of each packet, and what of it is not yet published.

use std::collections::VecDeque;
use std::time::Duration;

use crate::ts::edit::Edit;
use crate::ts::input::{Mark, Sink};
use crate::ts::lead_in::{LeadIn, Taken};
use crate::ts::leap::{self, Leaps};
use crate::ts::programme::Programme;
use crate::ts::silent::Silent;
use crate::ts::splice::{Leading, Removal, Rewritten, Splice, counts_further, counts_on, remove};
use crate::ts::whole::{Open, Whole};
use crate::ts::{PACKET, RawPacket};

/// A random access point that is not yet published.
#[derive(Debug)]
pub struct Point {
    /// Where its tables begin, in bytes that are not published.
    pub at: usize,
    /// And its picture.
    picture_at: usize,
    /// What a viewer that skips to it must see first.
    pub resume: Vec<u8>,
    /// Media time when it came.
    pub media: Duration,
    /// What plays from here on.
    pub leading: Leading,
}

/// Where packets go, and what is known of those that are not yet published. Offsets count from the first of these.
#[derive(Debug, Default)]
pub struct Path {
    pub leaps: Leaps,
    pub splice: Splice,
    /// What is to be done to the packets that were passed over last.
    pub edit: Edit,
    /// How a source begins that takes over, while that is not known.
    pub lead_in: Option<Box<LeadIn>>,
    /// What is not at its end.
    pub whole: Whole,
    /// Random access points, in order.
    pub points: VecDeque<Point>,
    /// What follows is a clip of our own, in place of a source.
    pub standing_in: bool,
    /// Where the next packet will lie, once `edit` is done.
    pub length: usize,
    /// Media time.
    pub media: Duration,
    /// To be taken out once `edit` is done.
    removals: Vec<Removal>,
    scratch: Vec<u8>,
}

impl Path {
    /// These units are to be taken out, as if they had never been there.
    pub fn take_back(&mut self, open: &[Open]) {
        self.points.retain(|point| open.iter().all(|open| open.at != point.picture_at));
        for point in &mut self.points {
            // Counters as they are once those units are gone.
            let before = open.iter().filter(|open| open.at < point.at);
            before.for_each(|open| counts_on(&mut point.resume, open.pid, open.counter));
        }
        self.splice.retract(open);
        self.removals.extend(open.iter().map(|open| Removal { open: *open, until: self.length }));
    }

    /// Takes them out of all that is not published, after the edit. Says how many bytes are left, where some went.
    pub fn remove(&mut self, bytes: &mut [u8]) -> Option<usize> {
        if self.removals.is_empty() {
            return None;
        }
        let Self { whole, points, removals, .. } = self;
        let left = remove(bytes, removals, |from, to| {
            whole.moved_to(from, to);
            for point in points.iter_mut() {
                for at in [&mut point.at, &mut point.picture_at] {
                    *at = if *at == from { to } else { *at };
                }
            }
        });
        removals.clear();
        Some(left)
    }

    /// How many of the first `length` bytes may go out: up to what is not at its end, and the tables of a random access point
    /// with its picture only.
    pub fn ready(&self, length: usize) -> usize {
        let ready = self.whole.until(length);
        self.points.iter().find(|point| point.picture_at == ready).map_or(ready, |point| point.at)
    }

    /// So many bytes went out.
    pub fn sent(&mut self, bytes: usize) {
        self.length = self.length.saturating_sub(bytes);
        self.whole.sent(bytes);
        for point in &mut self.points {
            point.at = point.at.saturating_sub(bytes);
            point.picture_at = point.picture_at.saturating_sub(bytes);
        }
    }

    /// Puts what was written last, so many bytes at the end of what waits from this offset on, in front of it.
    pub fn put_before(&mut self, at: usize, waiting: &mut [u8], added: usize) {
        if added == 0 || added >= waiting.len() {
            return;
        }
        waiting.rotate_right(added);
        let counters = Splice::renumber_tables(waiting, added);
        self.whole.moved(added);
        for point in self.points.iter_mut().filter(|point| point.at >= at) {
            point.at += added;
            point.picture_at += added;
            counters.iter().for_each(|(pid, steps)| counts_further(&mut point.resume, *pid, *steps));
        }
    }

    /// Whether this packet goes on at once: it is no part of a beginning that is not known yet, which is written when it is.
    #[inline]
    fn goes_on(&mut self, packet: &RawPacket, mark: Mark) -> bool {
        match &mut self.lead_in {
            None => true,
            Some(lead_in) => match lead_in.packet(packet, mark) {
                Taken::Passes => true,
                Taken::Kept => false,
                Taken::Ready => {
                    self.begin();
                    false
                }
            },
        }
    }

    fn begin(&mut self) {
        let Some(beginning) = self.lead_in.take().map(|mut lead_in| lead_in.take()) else { return };
        self.splice.delayed(beginning.delayed_90k);
        for (mut packet, mark) in beginning.packets {
            self.append(&mut packet, mark);
        }
    }

    /// A packet that does not lie where it came.
    fn append(&mut self, packet: &mut RawPacket, mark: Mark) {
        if self.rewrite(packet, mark) {
            self.edit.between().extend_from_slice(packet);
            self.edit.insert();
        }
    }

    /// Rewrites a packet, behind what comes in before it. False where it is not in the output.
    #[inline]
    fn rewrite(&mut self, packet: &mut RawPacket, mark: Mark) -> bool {
        if mark.random_access {
            self.scratch.clear();
            self.splice.discontinuity(&mut self.scratch);
        }
        let before = self.edit.between().len();
        let rewritten = self.splice.rewrite(packet, mark, self.edit.between());
        let inserted = self.edit.between().len() - before;
        if inserted > 0 {
            self.edit.insert();
        }
        if rewritten == Rewritten::RandomAccess {
            let (at, resume) = (self.length, self.scratch.clone());
            let leading = self.splice.leading();
            self.points.push_back(Point { at, picture_at: at + inserted, resume, media: self.media, leading });
        }
        self.length += inserted;
        if rewritten == Rewritten::Dropped {
            return false;
        }
        self.whole.packet(packet, self.length, self.media);
        self.length += PACKET;
        true
    }
}

impl Sink for Path {
    fn programme(&mut self, programme: &Programme) {
        self.leaps.programme(programme);
        if let Some(lead_in) = &mut self.lead_in {
            lead_in.programme(programme);
        }
        if self.standing_in {
            self.splice.stand_in(programme);
            return;
        }
        let goes_on = |pid| programme.streams.iter().any(|stream| Some((stream.pid, stream.codec)) == self.splice.source_of(pid));
        let gone = self.whole.take_if(|open| !goes_on(open.pid));
        self.take_back(&gone);
        self.splice.programme(programme);
    }

    fn packet(&mut self, packet: &RawPacket, mut mark: Mark) {
        let mut packet = *packet;
        leap::moved(&mut packet, &mut mark, &mut self.leaps);
        if self.goes_on(&packet, mark) {
            self.append(&mut packet, mark);
        }
    }

    #[inline]
    fn in_place(&mut self, packet: &mut RawPacket, mut mark: Mark, at: usize) {
        leap::moved(packet, &mut mark, &mut self.leaps);
        if self.goes_on(packet, mark) && self.rewrite(packet, mark) {
            self.edit.keep(at, PACKET);
        }
    }

    fn table(&mut self, packet: &mut RawPacket, at: usize) {
        if self.splice.table(packet) {
            self.edit.keep(at, PACKET);
            self.length += PACKET;
        }
    }

    #[inline]
    fn run(&mut self, packets: &mut [RawPacket], stream: u8, silent: Silent, at: usize) -> usize {
        // Whoever waits for a beginning looks at each packet.
        let count = if self.lead_in.is_some() { 0 } else { self.splice.run(packets, stream, silent) };
        if count > 0 {
            self.edit.keep(at, count * PACKET);
            self.whole.run(packets.get(..count).unwrap_or_default());
            self.length += count * PACKET;
        }
        count
    }
}

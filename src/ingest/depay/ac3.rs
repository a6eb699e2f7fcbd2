//! AC-3 by RFC 4184. Gives synchronisation frames, as a transport stream carries them.

use super::parts::{Assembly, Intake, after, ticks};
use super::{Fault, Frame, MAX_AUDIO, Packet, Stats};
use crate::codec::ac3;

/// Samples of a frame (ETSI TS 102 366, 4.1).
const SAMPLES: u32 = 1536;

/// Takes apart one stream.
#[derive(Debug)]
pub struct Ac3 {
    clock: u32,
    intake: Intake,
    fragments: Assembly,
    timestamp: u32,
}

impl Ac3 {
    /// With the clock rate, which is that of the samples (RFC 4184, 4.1).
    pub fn new(clock: u32) -> Self {
        Self { clock, intake: Intake::default(), fragments: Assembly::new(MAX_AUDIO), timestamp: 0 }
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.intake.stats()
    }

    /// Bytes of memory that its buffers hold: [`MAX_AUDIO`] at most.
    pub fn held(&self) -> usize {
        self.fragments.held()
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// When something is wrong with it; frames before that have been given.
    pub fn push(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        if !self.intake.begin(packet.sequence, &mut self.fragments) {
            return Ok(());
        }
        let result = self.read(packet, out);
        self.intake.end(result, &mut self.fragments)
    }

    /// The payload header (RFC 4184, 4.1.1): six bits of zero, the frame type, the number of frames or fragments.
    fn read(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        let (&[first, _], data) = packet.payload.split_first_chunk::<2>().ok_or(Fault::Truncated)?;
        match first & 3 {
            0 => self.whole(packet.timestamp, data, out),
            3 => self.fragment(packet, data, out),
            // The first fragment, with five eighths of the frame or with less.
            _ => {
                self.give_up();
                self.timestamp = packet.timestamp;
                self.fragments.extend(data)
            }
        }
    }

    fn whole(&mut self, timestamp: u32, mut data: &[u8], out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        self.give_up();
        let mut index = 0u32;
        while !data.is_empty() {
            let (format, length) = ac3::frame(data).ok_or(Fault::Malformed("no frame of AC-3"))?;
            let (frame, rest) = data.split_at_checked(length.max(8)).ok_or(Fault::Truncated)?;
            let rate = format.sample_rate;
            let time = after(timestamp, index, SAMPLES, self.clock, rate);
            out(self.intake.frame(time, Some(ticks(SAMPLES.into(), self.clock, rate)), frame));
            data = rest;
            index = index.wrapping_add(1);
        }
        Ok(())
    }

    /// A further fragment; the last one has the marker (4.1.1).
    fn fragment(&mut self, packet: Packet<'_>, data: &[u8], out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        if self.fragments.is_empty() {
            return Ok(());
        }
        if self.timestamp != packet.timestamp {
            self.give_up();
            return Ok(());
        }
        self.fragments.extend(data)?;
        if packet.marker {
            let bytes = self.fragments.bytes();
            let (format, length) = ac3::frame(bytes).ok_or(Fault::Malformed("no frame of AC-3"))?;
            if length != bytes.len() {
                return Err(Fault::Malformed("fragments have other bytes than their frame"));
            }
            out(self.intake.frame(self.timestamp, Some(ticks(SAMPLES.into(), self.clock, format.sample_rate)), bytes));
            self.fragments.clear();
        }
        Ok(())
    }

    fn give_up(&mut self) {
        self.intake.give_up(&mut self.fragments);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::depay::Depacketiser;
    use crate::ingest::depay::testing::{Sent, anything, depacketiser, is_part_of, lose, losses, numbered, pieces, plain, run};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn depay() -> Depacketiser {
        depacketiser("ac3", 48_000, "").unwrap()
    }

    /// 48 kHz, of the bit rate with this frmsizecod.
    fn frame(size: u8, fill: u8) -> Vec<u8> {
        let mut frame = vec![0x0B, 0x77, 0, 0, size, 8 << 3, 0x40, 0];
        let length = ac3::frame(&frame).unwrap().1;
        frame.resize(length, fill);
        frame
    }

    fn packetise(frames: &[Vec<u8>], first: u16, time: u32, most: usize) -> Vec<Sent> {
        let mut packets = Vec::new();
        let mut at = 0;
        while at < frames.len() {
            let timestamp = time.wrapping_add(at as u32 * SAMPLES);
            if frames[at].len() > most {
                let parts = pieces(&frames[at], most);
                let count = parts.len();
                for (n, part) in parts.into_iter().enumerate() {
                    let kind = if n > 0 {
                        3
                    } else if part.len() * 8 >= frames[at].len() * 5 {
                        1
                    } else {
                        2
                    };
                    packets.push((timestamp, n + 1 == count, [vec![kind, count as u8], part].concat()));
                }
                at += 1;
                continue;
            }
            let mut end = at + 1;
            while end < frames.len() && frames[at..=end].iter().map(Vec::len).sum::<usize>() <= most {
                end += 1;
            }
            packets.push((timestamp, true, [vec![0, (end - at) as u8], frames[at..end].concat()].concat()));
            at = end;
        }
        numbered(first, packets)
    }

    proptest! {
        #[test]
        fn frames_come_back(
            frames in vec((0u8..38, any::<u8>()), 1..20), first: u16, time: u32, most in 20usize..3000, lost in losses(),
        ) {
            let frames: Vec<Vec<u8>> = frames.iter().map(|(size, fill)| frame(*size, *fill)).collect();
            let each = frames.iter().enumerate();
            let expected: Vec<_> = each.map(|(n, frame)| (time.wrapping_add(n as u32 * SAMPLES), frame.clone())).collect();
            let sent = packetise(&frames, first, time, most);
            let (given, faults) = run(&mut depay(), &sent);
            prop_assert_eq!(plain(&given), expected.clone());
            prop_assert!(faults.is_empty());
            let (given, faults) = run(&mut depay(), &lose(&sent, &lost));
            prop_assert!(is_part_of(&plain(&given), &expected) && faults.is_empty());
        }

        /// A sender that says nothing of a fragment it left out.
        #[test]
        fn a_frame_has_its_length(size in 2u8..38, cut in 100usize..128) {
            let frame = frame(size, 1);
            let sent = [(0, false, [&[1, 2], &frame[..cut]].concat()), (0, true, [&[3, 2], &frame[cut + 1..]].concat())];
            let (given, faults) = run(&mut depay(), &numbered(1, sent));
            prop_assert!(given.is_empty());
            prop_assert_eq!(faults, [Fault::Malformed("fragments have other bytes than their frame")]);
        }

        #[test]
        fn anything_is_survived(packets in anything(&[&[0, 1, 0x0B, 0x77, 0, 0, 0, 64], &[1, 2, 0x0B, 0x77], &[3, 2]])) {
            let mut depacketiser = depay();
            run(&mut depacketiser, &packets);
            prop_assert!(depacketiser.held() <= MAX_AUDIO);
        }
    }
}

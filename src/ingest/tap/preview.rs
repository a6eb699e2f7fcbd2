//! Frames of the buffer as a transport stream that plays by itself: tables in front, counters without a hole.

use super::gop_buffer::Kept;
use crate::ts::packet::{PAYLOAD, header, pid};
use crate::ts::pmt::{self, Entry};
use crate::ts::programme::Programme;
use crate::ts::section::packetize;
use crate::ts::{PACKET, RawPacket, pat};

/// PIDs that the PMT may have; the first that no stream has is taken.
const PMT_PIDS: std::ops::RangeInclusive<u16> = 0x1000..=0x1FF0;

/// Writes it, frame by frame.
pub struct Writer {
    tables: Vec<RawPacket>,
    counters: Counters,
}

impl Writer {
    /// For frames of this programme.
    pub fn new(programme: &Programme) -> Self {
        let is_free = |pid: &u16| *pid != programme.pcr_pid && programme.streams.iter().all(|stream| stream.pid != *pid);
        let pmt_pid = PMT_PIDS.into_iter().find(is_free).unwrap_or(*PMT_PIDS.end());
        let entries: Vec<Entry<'_>> = programme
            .streams
            .iter()
            .map(|stream| Entry { pid: stream.pid, stream_type: stream.stream_type, descriptors: &stream.descriptors })
            .collect();
        let body = pmt::body(programme.pcr_pid, &programme.descriptors, &entries);
        let pat = packetize(pat::PID, &pat::build(1, 0, programme.number, pmt_pid));
        let pmt = packetize(pmt_pid, &pmt::build(programme.number, 0, &body));
        Self { tables: pat.into_iter().chain(pmt).collect(), counters: Counters(Box::new([0; 8192])) }
    }

    /// What comes first.
    pub fn tables(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.tables.len() * PACKET);
        self.tables.iter().for_each(|packet| self.counters.write(packet, &mut out));
        out
    }

    /// The next frame, with what came beside it.
    pub fn frame(&mut self, frame: &Kept) -> Vec<u8> {
        let mut out = Vec::with_capacity(usize::try_from(frame.bytes()).unwrap_or_default());
        for bytes in std::iter::once(&frame.packets).chain(&frame.beside) {
            bytes.as_chunks::<PACKET>().0.iter().for_each(|packet| self.counters.write(packet, &mut out));
        }
        out
    }
}

/// All of it. `programme` is the one that the frames belong to.
pub fn transport_stream<'a>(programme: &Programme, frames: impl Iterator<Item = &'a Kept>) -> Vec<u8> {
    let mut writer = Writer::new(programme);
    let mut out = writer.tables();
    frames.for_each(|frame| out.extend(writer.frame(frame)));
    out
}

/// The next continuity counter of each PID (13818-1, 2.4.3.3).
struct Counters(Box<[u8; 8192]>);

impl Counters {
    fn write(&mut self, packet: &RawPacket, out: &mut Vec<u8>) {
        let mut packet = *packet;
        let word = header(&packet);
        let Some(next) = self.0.get_mut(usize::from(pid(word))) else { return };
        // Without a payload it does not count.
        let counter = if word & PAYLOAD != 0 { *next } else { next.wrapping_sub(1) };
        packet[3] = packet[3] & 0xF0 | counter & 0x0F;
        *next = counter.wrapping_add(1);
        out.extend_from_slice(&packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tap::gop_buffer::{GopBuffer, Settings};
    use crate::ingest::tap::memory::{Ledger, Limits};
    use crate::ingest::tap::testing::frames;
    use crate::model::Codec;
    use crate::ts::input::{Choice, Input, Mark, Sink};
    use crate::ts::packet::plain;
    use crate::ts::programme::Stream;

    const VIDEO: u16 = 0x1000;

    #[derive(Default)]
    struct Seen {
        programme: Option<Programme>,
        packets: usize,
    }

    impl Sink for Seen {
        fn programme(&mut self, programme: &Programme) {
            self.programme = Some(programme.clone());
        }

        fn packet(&mut self, _: &RawPacket, _: Mark) {
            self.packets += 1;
        }
    }

    #[test]
    fn it_is_read_as_the_same_programme_without_a_hole() {
        let stream = |pid, codec, stream_type, language: Option<&str>| {
            let descriptors = language.map_or_else(Vec::new, |language| [&[0x0A, 4], language.as_bytes(), &[0]].concat());
            Stream { pid, stream_type, codec, language: language.map(str::to_owned), descriptors }
        };
        let streams = vec![stream(VIDEO, Codec::H264, 0x1B, None), stream(0x110, Codec::Mp2, 3, Some("deu"))];
        let programme = Programme { number: 7, pcr_pid: VIDEO, descriptors: Vec::new(), streams };
        let packet = |pid, counter: u8, payload: bool| {
            let mut packet = [0xFF; PACKET];
            packet[..4].copy_from_slice(&plain(pid).to_be_bytes());
            packet[3] = if payload { 0x10 } else { 0x20 } | counter;
            (packet[4], packet[5]) = (183, 0);
            packet
        };
        let mut buffer = GopBuffer::new(Settings::default(), Ledger::new(Limits::of_machine(1 << 30)).account());
        for mut frame in frames("IbP") {
            let n = frame.id as u8;
            frame.packets = [packet(VIDEO, n * 3, true), packet(VIDEO, n * 3, false)].concat().into();
            frame.beside = packet(0x110, n * 5, true).into();
            buffer.push(frame);
        }
        // The second frame goes.
        buffer.relieve(1);
        let bytes = transport_stream(&programme, buffer.frames());
        assert_eq!(bytes.len(), (2 + 2 * 2 + 3) * PACKET);
        let (mut input, mut seen) = (Input::new(Choice::First), Seen::default());
        input.push(&bytes, &mut seen);
        input.finish(&mut seen);
        assert_eq!((seen.programme.as_ref(), seen.packets), (Some(&programme), 7));
        assert_eq!(input.stats().continuity_errors, 0);
        assert_eq!(transport_stream(&programme, std::iter::empty()).len(), 2 * PACKET);
    }
}

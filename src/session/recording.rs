//! What was marked of a source since its newest random access point, kept so that it can be put on air from there. Pure.

use std::time::Duration;

use crate::ts::input::{Mark, Sink};
use crate::ts::programme::Programme;
use crate::ts::silent::Silent;
use crate::ts::{PACKET, RawPacket};

/// Packets, in order, with what was said of them.
#[derive(Debug)]
pub struct Recording {
    most: usize,
    programme: Option<Programme>,
    packets: Vec<RawPacket>,
    entries: Vec<Entry>,
    /// It holds a random access point and all that came since.
    whole: bool,
    /// It began anew since somebody asked last.
    renewed: bool,
    /// Media time of the source where it begins.
    begins: Duration,
}

#[derive(Debug, Clone, Copy)]
enum Entry {
    Packet(Mark),
    /// So many packets of one stream.
    Run(usize, u8),
}

impl Recording {
    /// Nothing yet, and never more than so many bytes.
    pub fn new(most_bytes: usize) -> Self {
        Self {
            most: most_bytes / PACKET,
            programme: None,
            packets: Vec::new(),
            entries: Vec::new(),
            whole: false,
            renewed: false,
            begins: Duration::ZERO,
        }
    }

    /// Whether it can be put on air.
    pub fn is_ready(&self) -> bool {
        self.whole
    }

    /// Whether it began anew since this was asked last, with a source that stands at `media` now.
    pub fn renewed(&mut self, media: Option<Duration>) -> bool {
        let renewed = std::mem::take(&mut self.renewed);
        if renewed {
            self.begins = media.unwrap_or_default();
        }
        renewed
    }

    /// Media time of the source where it begins.
    pub fn begins(&self) -> Duration {
        self.begins
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        self.packets.len() * PACKET
    }

    /// Gives everything to `sink`, in order.
    pub fn play(&self, sink: &mut impl Sink) {
        if let Some(programme) = &self.programme {
            sink.programme(programme);
        }
        let mut rest = self.packets.as_slice();
        for entry in &self.entries {
            match *entry {
                Entry::Packet(mark) => {
                    let Some((packet, then)) = rest.split_first() else { return };
                    sink.packet(packet, mark);
                    rest = then;
                }
                Entry::Run(count, stream) => {
                    let Some((run, then)) = rest.split_at_checked(count) else { return };
                    run.iter().for_each(|packet| sink.packet(packet, Mark { stream, ..Mark::default() }));
                    rest = then;
                }
            }
        }
    }

    /// The source begins anew: nothing of what was kept belongs to what follows.
    pub fn forget(&mut self) {
        self.clear();
        (self.programme, self.renewed) = (None, false);
    }

    fn clear(&mut self) {
        self.packets.clear();
        self.entries.clear();
        self.whole = false;
    }

    /// Packets of one stream of which nothing else is to be said.
    fn run(&mut self, packets: &[RawPacket], stream: u8) {
        if self.has_room(packets.len()) {
            self.packets.extend_from_slice(packets);
            match self.entries.last_mut() {
                Some(Entry::Run(count, same)) if *same == stream => *count += packets.len(),
                _ => self.entries.push(Entry::Run(packets.len(), stream)),
            }
        }
    }

    fn has_room(&mut self, more: usize) -> bool {
        if self.whole && self.packets.len() + more > self.most {
            self.clear();
        }
        self.whole
    }
}

impl Sink for Recording {
    fn programme(&mut self, programme: &Programme) {
        // What follows may be other streams: it begins at their next random access point.
        self.clear();
        self.programme = Some(programme.clone());
    }

    fn packet(&mut self, packet: &RawPacket, mark: Mark) {
        if mark.random_access {
            self.clear();
            (self.whole, self.renewed) = (true, true);
        }
        if self.has_room(1) {
            self.packets.push(*packet);
            self.entries.push(Entry::Packet(mark));
        }
    }

    fn run(&mut self, packets: &mut [RawPacket], stream: u8, silent: Silent, _at: usize) -> usize {
        let count = silent.run(packets, usize::MAX);
        Self::run(self, packets.get(..count).unwrap_or_default(), stream);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a sink was given: `p` a programme, a packet by its last byte, `!` where it is a random access point, and its stream.
    #[derive(Default)]
    struct Heard(Vec<String>);

    impl Sink for Heard {
        fn programme(&mut self, programme: &Programme) {
            self.0.push(format!("p{}", programme.number));
        }

        fn packet(&mut self, packet: &RawPacket, mark: Mark) {
            self.0.push(format!("{}{}x{}", if mark.random_access { "!" } else { "" }, packet[187], mark.stream));
        }
    }

    fn programme(number: u16) -> Programme {
        Programme { number, pcr_pid: 256, descriptors: Vec::new(), streams: Vec::new() }
    }

    fn packet(number: u8) -> RawPacket {
        [number; PACKET]
    }

    fn heard(recording: &Recording) -> String {
        let mut heard = Heard::default();
        recording.play(&mut heard);
        heard.0.join(" ")
    }

    const KEY: Mark = Mark { stream: 0, random_access: true, unit_start: true, discontinuity: false, pcr: None, time: None };

    #[test]
    fn it_begins_at_the_newest_random_access_point() {
        let mut recording = Recording::new(100 * PACKET);
        recording.programme(&programme(1));
        recording.packet(&packet(1), Mark::default());
        assert!(!recording.is_ready() && !recording.renewed(None));
        recording.packet(&packet(2), KEY);
        recording.run(&[packet(3), packet(4)], 0);
        recording.run(&[packet(5)], 0);
        recording.run(&[packet(6)], 1);
        recording.packet(&packet(7), Mark { stream: 1, ..Mark::default() });
        assert_eq!(heard(&recording), "p1 !2x0 3x0 4x0 5x0 6x1 7x1");
        assert!(recording.renewed(Some(Duration::from_secs(4))) && !recording.renewed(None));
        assert_eq!((recording.begins(), recording.bytes()), (Duration::from_secs(4), 6 * PACKET));
        recording.packet(&packet(8), KEY);
        assert_eq!(heard(&recording), "p1 !8x0");
    }

    #[test]
    fn another_programme_begins_anew() {
        let mut recording = Recording::new(100 * PACKET);
        recording.programme(&programme(1));
        recording.packet(&packet(1), KEY);
        recording.programme(&programme(2));
        assert!(!recording.is_ready());
        recording.run(&[packet(2)], 0);
        recording.packet(&packet(3), KEY);
        assert_eq!(heard(&recording), "p2 !3x0");
    }

    #[test]
    fn it_never_holds_more_than_allowed() {
        let mut recording = Recording::new(3 * PACKET);
        recording.programme(&programme(1));
        recording.packet(&packet(1), KEY);
        recording.run(&[packet(2), packet(3)], 0);
        assert!(recording.is_ready());
        recording.run(&[packet(4)], 0);
        assert!(!recording.is_ready(), "a part of a group of pictures is of no use");
        recording.run(&[packet(5)], 0);
        assert_eq!(recording.bytes(), 0);
        recording.packet(&packet(6), KEY);
        assert_eq!(heard(&recording), "p1 !6x0");
    }
}

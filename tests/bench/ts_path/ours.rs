//! Input and splice as the pump has them: into a chunk that is handed on at 64 KiB or at a random access point.

use rooftop::ts::input::{Choice, Input, Mark, Sink};
use rooftop::ts::programme::Programme;
use rooftop::ts::splice::Splice;
use rooftop::ts::{PACKET, RawPacket};

/// As the session's.
const CHUNK: usize = 64 * 1024;

/// The bytes that came out.
#[inline(never)]
pub fn pass<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut input = Input::new(Choice::First);
    let mut session = Session { splice: Splice::new(), out: Vec::with_capacity(CHUNK + 16 * 188), written: 0 };
    for piece in pieces {
        input.push(piece, &mut session);
    }
    input.finish(&mut session);
    session.hand_on(session.out.len());
    std::hint::black_box(input.stats());
    session.written
}

struct Session {
    splice: Splice,
    out: Vec<u8>,
    written: u64,
}

impl Session {
    fn hand_on(&mut self, len: usize) {
        std::hint::black_box(self.out.get(..len));
        self.written += len as u64;
        self.out.drain(..len);
    }
}

impl Sink for Session {
    fn programme(&mut self, programme: &Programme) {
        self.splice.programme(programme);
    }

    fn packet(&mut self, packet: &RawPacket, mark: Mark) {
        let before = self.out.len();
        let written = self.splice.packet(packet, mark, &mut self.out);
        if written.random_access {
            self.hand_on(before);
        } else if self.out.len() >= CHUNK {
            self.hand_on(self.out.len());
        }
    }

    fn run(&mut self, packets: &[RawPacket], stream: u8) {
        let mut rest = packets;
        while let Some(first) = rest.first() {
            // As many as fill the chunk.
            let room = CHUNK.saturating_sub(self.out.len());
            let now = if size_of_val(rest) <= room { rest } else { rest.get(..room.div_ceil(PACKET).max(1)).unwrap_or(rest) };
            let taken = self.splice.run(now, stream, &mut self.out);
            if taken == 0 {
                self.packet(first, Mark { stream, ..Mark::default() });
            } else if self.out.len() >= CHUNK {
                self.hand_on(self.out.len());
            }
            rest = rest.get(taken.max(1)..).unwrap_or_default();
        }
    }
}

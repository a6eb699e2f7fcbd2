//! A transport stream of anything, cut anywhere, with cuts to another source in between: what comes out is always whole packets
//! of one programme with running continuity counters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooftop::ts::PACKET;
use rooftop::ts::RawPacket;
use rooftop::ts::input::{Choice, Input, Mark, Sink};
use rooftop::ts::programme::Programme;
use rooftop::ts::splice::Splice;

#[derive(Default)]
struct Session {
    splice: Splice,
    out: Vec<u8>,
    counters: std::collections::HashMap<u16, u8>,
}

impl Sink for Session {
    fn programme(&mut self, programme: &Programme) {
        self.splice.programme(programme);
    }

    fn packet(&mut self, packet: &RawPacket, mark: Mark) {
        let written = self.splice.packet(packet, mark, &mut self.out);
        assert!(written.bytes % PACKET == 0);
    }
}

impl Session {
    fn judge(&mut self) {
        let (packets, rest) = self.out.as_chunks::<PACKET>();
        assert!(rest.is_empty());
        for packet in packets {
            assert_eq!(packet[0], 0x47);
            let pid = u16::from_be_bytes([packet[1], packet[2]]) & 0x1FFF;
            let (has_payload, counter) = (packet[3] & 0x10 != 0, packet[3] & 0x0F);
            let signalled = packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x80 != 0;
            let before = self.counters.insert(pid, counter);
            if let Some(before) = before.filter(|_| !signalled) {
                let step = counter.wrapping_sub(before) & 0x0F;
                assert!(step == u8::from(has_payload) || (has_payload && step == 0), "PID {pid}: {before} then {counter}");
            }
        }
        self.out.clear();
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&[how, size], stream)) = bytes.split_first_chunk::<2>() else { return };
    let mut session = Session::default();
    let sources = 1 + usize::from(how & 3);
    let choice = if how & 4 == 0 { Choice::First } else { Choice::Number(u16::from(how >> 3)) };
    for part in stream.chunks(stream.len() / sources + 1) {
        let mut input = Input::new(choice);
        for chunk in part.chunks(1 + 37 * usize::from(size)) {
            input.push(chunk, &mut session);
            session.judge();
        }
        input.finish(&mut session);
        session.judge();
        let _ = (input.info(), input.stats(), input.media_time());
        session.splice.cut();
        session.splice.tables(&mut session.out);
    }
    session.judge();
});

//! What comes to RTP and RTCP ports: datagrams of any kind. Of each stream packets come out in order, each once, and what is held
//! stays within bounds.
#![no_main]

mod datagrams;

use std::collections::HashMap;
use std::time::Duration;

use datagrams::datagrams;
use libfuzzer_sys::fuzz_target;
use rooftop::base::clock;
use rooftop::ingest::depay::Packet;
use rooftop::ingest::detect::CodecDetector;
use rooftop::rtp::Settings;
use rooftop::rtp::header::{self, Datagram};
use rooftop::rtp::table::{Event, ReportTo, Table};

fuzz_target!(|bytes: &[u8]| {
    let mut now = clock::now();
    let from = ([192, 0, 2, 1], 5000).into();
    let mut table = Table::new(Settings { sessions: 3, ..Settings::default() });
    let (mut last, mut detector) = (HashMap::new(), CodecDetector::new());
    let mut judge = |event: Event<'_>| match event {
        Event::Packet { id, packet } => {
            let before = last.insert(id, packet.sequence);
            assert!(before.is_none_or(|before| before < packet.sequence), "{before:?} {}", packet.sequence);
            let (sequence, timestamp) = (packet.sequence as u16, packet.timestamp as u32);
            let payload = Packet { sequence, timestamp, marker: packet.marker, payload: packet.payload };
            let _ = detector.detect_from_rtp_packet(packet.payload_type, &payload);
        }
        Event::Began { .. } | Event::Ended { .. } | Event::Refused { .. } => {}
    };
    for (how, datagram) in datagrams(bytes) {
        now += Duration::from_millis(u64::from(how & 0x3F));
        match how >> 6 {
            0 | 1 => match header::read(datagram) {
                Datagram::Rtp(packet) => table.packet(now, from, &packet, &mut judge),
                Datagram::Rtcp(compound) => table.rtcp(now, ReportTo { to: from, multiplexed: true }, compound),
                Datagram::TransportStream(_) | Datagram::Other => {}
            },
            2 => table.rtcp(now, ReportTo { to: from, multiplexed: false }, datagram),
            _ => now += Duration::from_millis(500),
        }
        table.tick(now, &mut judge);
        table.reports(now, &mut |_, report| assert!(report.len() < 1500));
        assert!(table.held_bytes() < 64 * 1024 * 1024);
    }
});

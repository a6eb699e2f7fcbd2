//! What anybody on the network may send: discovery and control frames, SSDP searches.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooftop::hdhr::ssdp::message::{Search, found};
use rooftop::hdhr::tlv::{Decoder, Frame};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = Frame::of_datagram(bytes) {
        let _ = frame.values().count();
    }
    let Some((&size, rest)) = bytes.split_first() else { return };
    let mut decoder = Decoder::default();
    'stream: for chunk in rest.chunks(1 + usize::from(size)) {
        decoder.push(chunk);
        loop {
            match decoder.frame() {
                Ok(Some(frame)) => assert!(frame.values().count() <= frame.payload.len() + 1),
                Ok(None) => break,
                Err(_) => break 'stream,
            }
        }
    }
    if let Some(search) = Search::of(bytes) {
        assert!(found(&search, "7d8e2f60-0000-4000-8000-000000000001").len() < 20);
    }
});

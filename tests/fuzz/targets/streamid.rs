//! Stream ids of anything: names stay within bounds, and come back out of the address of their source.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooftop::ingest::stream_id::{StreamId, decoded};
use rooftop::model::input::LONGEST_STREAM_ID;
use rooftop::source::pushed;

fuzz_target!(|bytes: &[u8]| {
    // What is no text comes with the replacement character for it.
    let text = String::from_utf8_lossy(bytes);
    let _ = pushed::id(&text);
    let Ok(id) = StreamId::parse(&text) else { return };
    let Some(name) = id.name else { return };
    assert!(!name.is_empty() && name.len() <= LONGEST_STREAM_ID && !name.contains(char::is_control));
    assert!(decoded(&text).contains(&name));
    assert_eq!(pushed::id(&pushed::address(&name)).ok(), Some(name));
});

//! Session descriptions of anything: whatever they say, each of their formats is taken, or refused in words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooftop::ingest::depay::Depacketiser;
use rooftop::ingest::sdp::Description;
use rooftop::ingest::video::{Depacketizer, Settings};
use rooftop::model::Codec;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let description = match Description::parse(text) {
        Ok(description) => description,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(error.line().is_none_or(|line| line >= 1 && line <= text.lines().count() + 1));
            return;
        }
    };
    for media in &description.media {
        let _ = media.is_multicast();
        for format in &media.formats {
            assert!(media.format(format.payload_type).is_some() && description.format(format.payload_type).is_some());
            if let Err(refusal) = Depacketiser::new(format) {
                assert!(!refusal.to_string().is_empty());
            }
            for codec in [Codec::H264, Codec::Hevc] {
                let _ = Depacketizer::from_fmtp(codec, &format.parameters, Settings::default());
            }
        }
    }
});

//! What upstreams send beside transport streams: RTP, HLS playlists.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooftop::rtp::{header, rtcp};
use rooftop::source::hls;

fuzz_target!(|bytes: &[u8]| {
    let _ = format!("{:?}", header::read(bytes));
    let _ = rtcp::read(bytes, &mut |told| {
        let _ = format!("{told:?}");
    });
    let base = "http://192.0.2.1/live/index.m3u8";
    let Ok(base) = url::Url::parse(base) else { return };
    let _ = hls::playlist::parse(bytes, &base);
});

//! What HLS and radio stations send instead of a transport stream: fragments of MP4, and bare frames of sound. The same units come
//! however the bytes are cut, and make whole packets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooftop::source::hls::mp4::Mp4;
use rooftop::source::packed::Packed;
use rooftop::source::sniff::sniff;
use rooftop::ts::PACKET;
use rooftop::ts::mux::{Muxer, Track, Unit};

fn fragments(bytes: &[u8], size: usize) -> (Vec<Track>, Vec<Unit>, bool) {
    let (mut mp4, mut units) = (Mp4::default(), Vec::new());
    mp4.begin(0);
    let done = bytes.chunks(size).all(|chunk| mp4.push(chunk, &mut units).is_ok());
    (mp4.tracks(), units, done)
}

fn frames(bytes: &[u8], size: usize) -> (Vec<Track>, Vec<Unit>) {
    let (mut packed, mut units) = (Packed::default(), Vec::new());
    bytes.chunks(size).for_each(|chunk| packed.push(chunk, &mut units));
    packed.segment_over(&mut units);
    (packed.track().into_iter().cloned().collect(), units)
}

fn write(tracks: &[Track], units: &[Unit]) {
    let (mut mux, mut out) = (Muxer::new(tracks), Vec::new());
    for unit in units {
        assert!(unit.track < tracks.len());
        mux.write(unit, &mut out);
        assert!(out.len() % PACKET == 0);
        out.clear();
    }
}

fn shown(units: &[Unit]) -> String {
    format!("{units:?}")
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&[size, _], bytes)) = bytes.split_first_chunk::<2>() else { return };
    let _ = (sniff(bytes, false), sniff(bytes, true));
    let size = 1 + 7 * usize::from(size);
    let (tracks, units, done) = fragments(bytes, bytes.len().max(1));
    let (_, others, also) = fragments(bytes, size);
    assert_eq!((shown(&units), done), (shown(&others), also));
    write(&tracks, &units);
    let (tracks, units) = frames(bytes, bytes.len().max(1));
    assert_eq!(shown(&units), shown(&frames(bytes, size).1));
    write(&tracks, &units);
});

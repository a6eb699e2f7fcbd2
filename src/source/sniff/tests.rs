use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn packets(stride: usize, lead: usize, count: usize) -> Vec<u8> {
    let mut bytes = vec![0x11; lead];
    for n in 0..count {
        let start = bytes.len();
        bytes.resize(start + stride, n as u8);
        bytes[start + if stride == 192 { 4 } else { 0 }] = 0x47;
    }
    bytes
}

/// Frames of AAC-LC, 48 kHz, stereo, 100 bytes each.
fn adts_frames(count: usize) -> Vec<u8> {
    let mut frame = [0u8; 100];
    frame[..7].copy_from_slice(&[0xFF, 0xF1, 0x4C, 0x80, (100u16 >> 3) as u8, ((100 & 7) << 5) as u8 | 0x1F, 0xFC]);
    frame.repeat(count)
}

/// Frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes each.
fn mp3_frames(count: usize) -> Vec<u8> {
    let mut frame = [0u8; 417];
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x00]);
    frame.repeat(count)
}

#[rstest]
#[case::plain(188, 0, 2)]
#[case::time_stamped(192, 0, 2)]
#[case::reed_solomon(204, 0, 2)]
#[case::joined_in_mid_packet(188, 100, 5)]
#[case::junk_in_front(188, 5000, 5)]
fn transport_streams(#[case] stride: usize, #[case] lead: usize, #[case] count: usize) {
    let bytes = packets(stride, lead, count);
    assert_eq!(sniff(&bytes, false), Sniffed::TransportStream);
    assert_eq!(sniff(&bytes[..lead + 6], false), Sniffed::More, "not from the first bytes alone");
}

#[test]
fn one_whole_packet_is_a_stream_too() {
    let one = packets(188, 0, 1);
    assert_eq!(sniff(&one, false), Sniffed::More);
    assert_eq!(sniff(&one, true), Sniffed::TransportStream);
}

#[rstest]
#[case::playlist(b"#EXTM3U\n#EXT-X-VERSION:3\n", Sniffed::Playlist)]
#[case::with_mark(b"\xEF\xBB\xBF\r\n#extm3u\n", Sniffed::Playlist)]
#[case::nothing(b"", Sniffed::Empty)]
#[case::page(b"  <!DOCTYPE html><html><body>expired</body></html>", Sniffed::Other("a web page (HTML)"))]
#[case::fragment(b"<center>blocked</center>", Sniffed::Other("a web page (HTML)"))]
#[case::dash(
    b"<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">",
    Sniffed::Other("a DASH manifest, which is not supported")
)]
#[case::xml(b"<?xml version=\"1.0\"?><error/>", Sniffed::Other("an XML document"))]
#[case::json(b"{\"user_info\":{\"auth\":0}}", Sniffed::Other("JSON"))]
#[case::words(b"Too many connections", Sniffed::Other("text"))]
#[case::gzip(b"\x1F\x8B\x08\x00\x00\x00", Sniffed::Gzip)]
#[case::gif(b"GIF89a....", Sniffed::Other("a GIF picture"))]
#[case::png(b"\x89PNG\r\n\x1A\n", Sniffed::Other("a PNG picture"))]
#[case::jpeg(b"\xFF\xD8\xFF\xE0\0\0\0\0\0", Sniffed::Other("a JPEG picture"))]
#[case::mp4(b"\0\0\0\x20ftypisom", Sniffed::Other("an MP4 file"))]
#[case::segment(b"\0\0\0\x20freeisom", Sniffed::Other("an MP4 file"))]
#[case::a_word(b"The free trial is over", Sniffed::Other("text"))]
#[case::junk(b"\x01\x02\x03\xC3\x28\0\0\0\0\0\0", Sniffed::Other("data that is no transport stream"))]
fn whole_bodies(#[case] bytes: &[u8], #[case] is: Sniffed) {
    assert_eq!(sniff(bytes, true), is);
}

#[test]
fn a_gif_is_no_stream_even_with_sync_bytes_in_step() {
    let mut gif = b"GIF89a".to_vec();
    gif.resize(600, 0);
    gif[188] = 0x47;
    assert_eq!(sniff(&gif, false), Sniffed::Other("a GIF picture"));
}

#[test]
fn radio_is_recognised_at_the_beginning_and_in_the_middle() {
    let audio = |kind, offset| Sniffed::Audio { kind, offset };
    assert_eq!(sniff(&adts_frames(4), false), audio(AudioKind::Adts, 0));
    assert_eq!(sniff(&mp3_frames(4), false), audio(AudioKind::Mpeg, 0));
    assert_eq!(sniff(&mp3_frames(20)[200..], false), audio(AudioKind::Mpeg, 217));
    let mut tagged = b"ID3\x04\0\0\0\0\0\x14".to_vec();
    tagged.extend([0xAA; 20]);
    tagged.extend(adts_frames(4));
    assert_eq!(sniff(&tagged, false), audio(AudioKind::Adts, 30));
}

#[test]
fn frame_headers_are_read_by_the_tables() {
    let adts = audio_frame(&adts_frames(1)).unwrap();
    assert_eq!((adts.length, adts.samples, adts.rate), (100, 1024, 48000));
    let mp3 = audio_frame(&mp3_frames(1)).unwrap();
    assert_eq!((mp3.length, mp3.samples, mp3.rate), (417, 1152, 44100));
    assert_eq!(audio_frame(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), None, "stuffing is no frame");
}

#[test]
fn an_endless_body_of_nothing_is_given_up() {
    let noise: Vec<u8> = (0..MOST_BYTES).map(|n| (n * 7 % 61) as u8).collect();
    assert_eq!(sniff(&noise[..1000], false), Sniffed::More);
    assert_eq!(sniff(&noise, false), Sniffed::Other("data that is no transport stream"));
}

proptest! {
    #[test]
    fn anything_is_judged_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000), ended: bool) {
        let sniffed = sniff(&bytes, ended);
        prop_assert!(!ended || sniffed != Sniffed::More);
    }

    #[test]
    fn a_stream_is_found_wherever_it_begins(lead in 0usize..3000, count in 5usize..9) {
        prop_assert_eq!(sniff(&packets(188, lead, count), false), Sniffed::TransportStream);
    }
}

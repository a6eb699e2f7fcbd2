use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// Frames of AAC-LC, 48 kHz, stereo.
fn adts(length: u16) -> Vec<u8> {
    let mut frame = vec![0x21; usize::from(length)];
    frame[..7].copy_from_slice(&[0xFF, 0xF1, 0x4C, 0x80, (length >> 3) as u8, (length << 5) as u8 | 0x1F, 0xFC]);
    frame
}

/// MPEG-1 layer III, 128 kbit/s, 44.1 kHz.
fn mp3() -> Vec<u8> {
    let mut frame = vec![0; 417];
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x00]);
    frame
}

/// AC-3, 384 kbit/s, 48 kHz, 5.1.
fn ac3() -> Vec<u8> {
    let mut frame = vec![0; 1536];
    frame[..8].copy_from_slice(&[0x0B, 0x77, 0, 0, 28, 8 << 3, 0b1110_0001, 0x40]);
    frame
}

/// E-AC-3, 48 kHz, two blocks a frame.
fn eac3() -> Vec<u8> {
    let mut frame = vec![0; 512];
    frame[..6].copy_from_slice(&[0x0B, 0x77, 0x00, 0xFF, 0b0001_0100, 16 << 3]);
    frame
}

fn tag(stamp_90k: u64) -> Vec<u8> {
    let body = [OWNER, &stamp_90k.to_be_bytes()].concat();
    let size = body.len() as u8;
    [b"ID3\x04\0\0\0\0\0".as_slice(), &[size + 10], b"PRIV\0\0\0", &[size, 0, 0], &body].concat()
}

fn all(bytes: &[u8], cut: usize) -> (Packed, Vec<Unit>) {
    let (mut packed, mut units) = (Packed::default(), Vec::new());
    bytes.chunks(cut).for_each(|piece| packed.push(piece, &mut units));
    packed.segment_over(&mut units);
    (packed, units)
}

#[rstest]
#[case::adts(adts(300), Codec::Aac, 0x0F, 1920)]
#[case::mp3(mp3(), Codec::Mp2, 0x03, 2351)]
#[case::ac3(ac3(), Codec::Ac3, 0x81, 2880)]
#[case::eac3(eac3(), Codec::Eac3, 0x87, 960)]
fn frames_last_as_long_as_they_say(#[case] frame: Vec<u8>, #[case] codec: Codec, #[case] kind: u8, #[case] step_90k: u64) {
    let (packed, units) = all(&[tag(900_000), frame.repeat(10)].concat(), 100);
    let track = packed.track().unwrap();
    assert_eq!((track.codec, track.stream_type, units.len()), (codec, kind, 10));
    assert!(units.iter().all(|unit| unit.data == frame && unit.pts == unit.dts));
    assert_eq!((units[0].pts, units[1].pts), (Pts90k(900_000), Pts90k(900_000 + step_90k)));
}

/// 7.1 channels: a frame of 5.1, and one of a dependent substream that belongs to it.
#[test]
fn substreams_stay_together() {
    let mut dependent = vec![0; 256];
    dependent[..6].copy_from_slice(&[0x0B, 0x77, 0x40, 0x7F, 0b0001_0100, 16 << 3]);
    let both = [eac3(), dependent].concat();
    for cut in [1, 100, 5000] {
        let (_, units) = all(&both.repeat(5), cut);
        assert_eq!(units.len(), 5);
        assert!(units.iter().all(|unit| unit.data == both));
        assert_eq!(units[4].pts, Pts90k(4 * 960));
    }
    let sniffed = crate::source::sniff::sniff(&both.repeat(5), false);
    assert_eq!(sniffed, crate::source::sniff::Sniffed::Audio { kind: AudioKind::Eac3, offset: 0 });
}

#[test]
fn half_rates_have_a_type_of_their_own() {
    // MPEG-2 layer III, 64 kbit/s, 22.05 kHz.
    let mut frame = vec![0; 208];
    frame[..4].copy_from_slice(&[0xFF, 0xF3, 0x80, 0x00]);
    let (packed, units) = all(&frame.repeat(4), 50);
    assert_eq!((packed.track().unwrap().stream_type, units.len()), (0x04, 4));
}

#[test]
fn a_stamp_is_believed_where_it_says_something_new() {
    let wrap = (1u64 << 33) - 1920;
    let bytes = [tag(wrap), adts(100).repeat(2), tag(5), adts(100), tag(900_000), adts(100)].concat();
    let (mut packed, units) = all(&bytes, 64);
    let times: Vec<u64> = units.iter().map(|unit| unit.pts.0).collect();
    // 5 is where the frames have led, but for rounding.
    assert_eq!(times, [wrap, 0, 1920, 900_000]);
    packed.discontinuity();
    let mut more = Vec::new();
    packed.push(&[tag(901_925), adts(100), adts(100)].concat(), &mut more);
    assert_eq!(more[0].pts, Pts90k(901_925), "another beginning is taken as it is");
}

#[test]
fn a_stream_is_joined_anywhere_and_damage_is_stepped_over() {
    let mut bytes = adts(300).repeat(6)[100..].to_vec();
    bytes.extend([0xFF, 0xF1, 0x00, 0x00, 0x12, 0x34, 0xFF]);
    bytes.extend(adts(300).repeat(3));
    let (_, units) = all(&bytes, 33);
    assert_eq!(units.len(), 8);
    assert!(units.iter().all(|unit| unit.data == adts(300)));
}

#[test]
fn a_picture_in_a_tag_is_passed_over() {
    let mut cover = b"ID3\x04\0\0\0\x0F\x00\x00".to_vec();
    cover.resize(10 + (0x0F << 14), 0xFF);
    let bytes = [cover, adts(200).repeat(4)].concat();
    let (packed, units) = all(&bytes, 1000);
    assert_eq!((units.len(), packed.buffer.capacity() < 100_000), (4, true));
}

proptest! {
    #[test]
    fn any_bytes_are_survived_however_they_are_cut(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xFF), Just(0x0B), Just(0x77)], 0..3000),
        cut in 1usize..500,
    ) {
        let stream = [&bytes[..], &adts(150).repeat(4), &bytes].concat();
        let (_, units) = all(&stream, cut);
        let taken: usize = units.iter().map(|unit| unit.data.len()).sum();
        prop_assert!(taken <= stream.len());
    }
}

use mp4_atom::{Any, Decode, Moov};

use super::*;

/// Of x264: High, 640×360, pixels of 4:3.
const SPS: &[u8] = b"\x67\x64\x00\x1e\xac\xd9\x40\xa0\x2f\xf9\x70\xe1\x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x16\x2d\x96";
const PPS: &[u8] = b"\x68\xef\xbc\xb0";
/// Of x265: Main, 640×360.
const HEVC: [&[u8]; 3] = [
    b"\x40\x01\x0c\x01\xff\xff\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x3f\x95\x94\x09",
    b"\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x3f\xa0\x05\x02\x01\x71\xf2\xe5\x95\x95\x29\x30\xbc\x05\xa0\x20\x00\x00\x03\x00\x20\x00\x00\x03\x03\x21",
    b"\x44\x01\xc0\x73\xc1\x89",
];

fn access_unit(units: &[&[u8]]) -> Vec<u8> {
    units.iter().flat_map(|unit| [b"\0\0\0\x01", *unit].concat()).collect()
}

fn h264() -> Picture {
    let coded = unpacked(PictureCodec::H264, &access_unit(&[b"\x09\xf0", SPS, PPS, b"\x65\x88\x84\x01"]));
    assert_eq!(coded.bytes, b"\0\0\0\x04\x65\x88\x84\x01", "delimiter and sets are left out");
    Picture::new(PictureCodec::H264, coded.sets).unwrap()
}

fn hevc() -> Picture {
    let coded = unpacked(PictureCodec::Hevc, &access_unit(&[b"\x46\x01\x50", HEVC[0], HEVC[1], HEVC[2], b"\x26\x01\xaf\x11"]));
    assert_eq!(coded.bytes, b"\0\0\0\x04\x26\x01\xaf\x11");
    Picture::new(PictureCodec::Hevc, coded.sets).unwrap()
}

fn moov(tracks: &Tracks) -> Moov {
    let bytes = init(tracks);
    let mut rest = &bytes[..];
    assert!(matches!(Any::decode(&mut rest), Ok(Any::Ftyp(_))));
    let Ok(Any::Moov(moov)) = Any::decode(&mut rest) else { panic!("no moov") };
    assert!(rest.is_empty());
    moov
}

#[test]
fn codecs_are_named_as_browsers_want_it() {
    let of = |picture, sound| Tracks { picture, sound }.content_type();
    let stereo = Sound::lc(48_000, 2);
    assert_eq!(of(Some(h264()), stereo), "video/mp4; codecs=\"avc1.64001e,mp4a.40.2\"");
    assert_eq!(of(Some(hevc()), None), "video/mp4; codecs=\"hvc1.1.6.L63.90\"");
    assert_eq!(of(None, stereo), "audio/mp4; codecs=\"mp4a.40.2\"");
}

#[test]
fn an_initialisation_section_says_what_the_parameter_sets_say() {
    let found = moov(&Tracks { picture: Some(h264()), sound: Sound::lc(44_100, 2) });
    assert_eq!(found.trak.len(), 2);
    assert_eq!(found.mvex.unwrap().trex.len(), 2);
    let picture = &found.trak[0];
    assert_eq!((picture.tkhd.track_id, picture.mdia.mdhd.timescale), (PICTURE_ID, TIMESCALE));
    assert_eq!((picture.tkhd.width.integer(), picture.tkhd.height.integer()), (853, 360), "as wide as it is shown");
    let mp4_atom::Codec::Avc1(entry) = &picture.mdia.minf.stbl.stsd.codecs[0] else { panic!() };
    assert_eq!((entry.visual.width, entry.visual.height), (640, 360));
    assert_eq!(entry.avcc.sequence_parameter_sets, [SPS]);
    assert_eq!(entry.avcc.picture_parameter_sets, [PPS]);
    assert_eq!(entry.avcc.length_size, 4);
    assert_eq!(entry.pasp.as_ref().map(|pasp| (pasp.h_spacing, pasp.v_spacing)), Some((4, 3)));
    let mp4_atom::Codec::Mp4a(entry) = &found.trak[1].mdia.minf.stbl.stsd.codecs[0] else { panic!() };
    assert_eq!((entry.audio.channel_count, entry.audio.sample_rate.integer()), (2, 44_100));

    let found = moov(&Tracks { picture: Some(hevc()), sound: None });
    let mp4_atom::Codec::Hvc1(entry) = &found.trak[0].mdia.minf.stbl.stsd.codecs[0] else { panic!() };
    assert_eq!((entry.hvcc.general_profile_idc, entry.hvcc.general_level_idc), (1, 63));
    assert_eq!(entry.hvcc.arrays.iter().map(|array| array.nal_unit_type).collect::<Vec<_>>(), [32, 33, 34]);
}

#[test]
fn a_fragment_points_at_its_samples() {
    let sample =
        |dts_90k, key, bytes: &[u8]| Sample { dts_90k, shown_after_90k: -40, duration_90k: 3600, key, bytes: bytes.to_vec() };
    let pictures = [sample(1 << 33, true, b"key"), sample((1 << 33) + 3600, false, b"other")];
    let sound = [sample(7, true, b"sound")];
    let bytes = fragment(9, &pictures, &sound);
    let Ok(Any::Moof(moof)) = Any::decode(&mut &bytes[..]) else { panic!("no moof") };
    assert_eq!((moof.mfhd.sequence_number, moof.traf.len()), (9, 2));
    let mut seen = Vec::new();
    for traf in &moof.traf {
        let run = &traf.trun[0];
        let mut at = usize::try_from(run.data_offset.unwrap()).unwrap();
        for entry in &run.samples {
            let length = entry.size.unwrap() as usize;
            seen.push((traf.tfdt.as_ref().unwrap().base_media_decode_time, &bytes[at..at + length]));
            at += length;
            assert_eq!((entry.duration, entry.cts), (Some(3600), Some(-40)));
        }
    }
    assert_eq!(seen, [(1 << 33, &b"key"[..]), (1 << 33, b"other"), (7, b"sound")]);
    assert!(fragment(1, &[], &[]).is_empty());
}

#[test]
fn adts_is_taken_off() {
    let (sound, raw) = Sound::of_adts(b"\xff\xf1\x4c\x80\x24\xff\xfc\xde\x02").unwrap();
    assert_eq!((sound.sample_rate(), sound.codec_string().as_str(), raw), (48_000, "mp4a.40.2", &b"\xde\x02"[..]));
    assert_eq!(Some(sound), Sound::lc(48_000, 2));
    for bad in [
        &b""[..],
        b"\xff\xf1\x4c\x80\x24\xff\xfc",
        b"\xff\xfb\x90\x64\0\0\0\0\0\0",
        b"\xff\xf1\x7c\x80\x24\xff\xfc\xde",
        b"\xff\xf1\x4c\x00\x24\xff\xfc\xde",
    ] {
        assert!(Sound::of_adts(bad).is_none(), "{bad:02x?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>, hevc: bool) {
        let codec = if hevc { PictureCodec::Hevc } else { PictureCodec::H264 };
        let coded = unpacked(codec, &bytes);
        if let Some(picture) = Picture::new(codec, coded.sets) {
            let tracks = Tracks { picture: Some(picture), sound: None };
            let _ = (tracks.content_type(), init(&tracks));
        }
        let _ = Sound::of_adts(&bytes);
    }
}

use std::sync::LazyLock;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::model::Codec;
use crate::source::hls::tests::studio::{check, clip, ffmpeg, frames, frames_of};
use crate::ts::mux::Muxer;
use crate::ts::mux::queue::Queue;

/// The clip as a file of fragments, each of about a second.
fn fragmented(arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.mp4");
    ffmpeg(&[&["-i", clip().to_str().unwrap(), "-map", "0", "-f", "mp4"], arguments].concat(), &file);
    std::fs::read(file).unwrap()
}

fn apart(bytes: &[u8], cut: usize) -> Result<(Vec<Track>, Vec<Unit>), SourceError> {
    let mut mp4 = Mp4::default();
    let mut units = Vec::new();
    mp4.begin(0);
    for piece in bytes.chunks(cut) {
        mp4.push(piece, &mut units)?;
    }
    Ok((mp4.tracks(), units))
}

/// As one transport stream.
fn together(tracks: &[Track], units: Vec<Unit>) -> Vec<u8> {
    let (mut queue, mut muxer, mut out) = (Queue::new(tracks.len()), Muxer::new(tracks), Vec::new());
    units.into_iter().for_each(|unit| queue.push(unit));
    while let Some(unit) = queue.pop_any() {
        muxer.write(&Unit { pts: unit.pts.plus(90_000), dts: unit.dts.plus(90_000), ..unit }, &mut out);
    }
    out
}

const COPY: [&str; 2] = ["-c", "copy"];

#[rstest]
#[case::base_is_moof("+frag_keyframe+empty_moov+default_base_moof")]
#[case::absolute_offsets("+frag_keyframe+empty_moov")]
#[case::no_offsets("+frag_keyframe+empty_moov+omit_tfhd_offset")]
#[case::a_fragment_for_each_track("+frag_keyframe+empty_moov+default_base_moof+separate_moof")]
#[case::negative_composition_offsets("+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets")]
#[case::with_edit_list("+frag_keyframe+delay_moov+default_base_moof")]
#[case::cmaf("+cmaf+frag_keyframe+delay_moov")]
#[case::frame_by_frame("+frag_every_frame+empty_moov+default_base_moof")]
fn whatever_the_layout_all_frames_come_out(#[case] flags: &str) {
    let bytes = fragmented(&[&COPY[..], &["-movflags", flags]].concat());
    let (tracks, units) = apart(&bytes, 1000).unwrap();
    assert_eq!(tracks.iter().map(|track| track.codec).collect::<Vec<_>>(), [Codec::H264, Codec::Aac]);
    for track in 0..2 {
        let own: Vec<&Unit> = units.iter().filter(|unit| unit.track == track).collect();
        assert!(own.windows(2).all(|pair| pair[1].dts.since(pair[0].dts) > 0));
        assert!(own.iter().all(|unit| unit.pts.since(unit.dts) >= 0));
        let sync = own.iter().filter(|unit| unit.random_access).count();
        assert_eq!(sync, if track == 0 { 6 } else { own.len() });
    }
    let (again, other) = apart(&bytes, 77_777).unwrap();
    assert!((&tracks, &units) == (&again, &other), "however it is cut");
    let stream = together(&tracks, units);
    check(&stream, 2);
    assert!(frames_of(&stream) == frames(clip()), "bit by bit the frames of the clip");
}

/// Picture and sound of the clip begin together, as its edit list says.
#[test]
fn an_edit_list_moves_the_beginning() {
    let bytes = fragmented(&[&COPY[..], &["-movflags", "+frag_keyframe+delay_moov+default_base_moof"]].concat());
    let (_, units) = apart(&bytes, 100_000).unwrap();
    let shown = |track: usize| units.iter().find(|unit| unit.track == track).unwrap().pts;
    assert_eq!(shown(0), Pts90k(0));
    // 1,024 samples of the encoder's come before.
    assert_eq!(shown(1), Pts90k((1 << 33) - 1920));
}

#[rstest]
#[case::hevc_ac3(&["-c:v", "libx265", "-x265-params", "log-level=none", "-preset", "ultrafast", "-c:a", "ac3"], Codec::Hevc, Codec::Ac3)]
#[case::hev1(&["-c:v", "libx265", "-tag:v", "hev1", "-x265-params", "log-level=none", "-preset", "ultrafast", "-c:a", "eac3"], Codec::Hevc, Codec::Eac3)]
#[case::mp3(&["-c:v", "copy", "-c:a", "libmp3lame"], Codec::H264, Codec::Mp2)]
#[case::in_band_sets(&["-c:v", "libx264", "-preset", "ultrafast", "-tag:v", "avc3", "-c:a", "copy"], Codec::H264, Codec::Aac)]
fn codecs(#[case] arguments: &[&str], #[case] video: Codec, #[case] audio: Codec) {
    let flags = ["-metadata:s:a:0", "language=fra", "-movflags", "+frag_keyframe+delay_moov+default_base_moof"];
    let bytes = fragmented(&[arguments, &flags[..]].concat());
    let (tracks, units) = apart(&bytes, 4096).unwrap();
    assert_eq!(tracks.iter().map(|track| track.codec).collect::<Vec<_>>(), [video, audio]);
    assert_eq!(crate::ts::descriptor::language(&tracks[1].descriptors).as_deref(), Some("fra"));
    check(&together(&tracks, units), 2);
}

#[rstest]
#[case::cenc(
    &["-c", "copy", "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "00112233445566778899aabbccddeeff", "-encryption_kid", "00112233445566778899aabbccddeeff", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"],
    "HLS: initialisation section: the tracks are encrypted (common encryption, cenc), which is not supported"
)]
#[case::no_codec_of_ours(
    &["-map", "-0:v", "-c:a", "flac", "-strict", "-2", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"],
    "HLS: no transport stream carries what is in these segments of MP4: fLaC"
)]
#[case::not_fragmented(
    &["-c", "copy"],
    "not a stream: a segment of MP4 with samples without a fragment (an MP4 file that is not fragmented?)"
)]
fn what_cannot_be_played_is_named(#[case] arguments: &[&str], #[case] says: &str) {
    assert_eq!(apart(&fragmented(arguments), 4096).unwrap_err().to_string(), says);
}

#[test]
fn a_fragment_without_its_beginning_is_named() {
    let error = apart(b"\0\0\0\x08moof", 8).unwrap_err();
    assert_eq!(error.to_string(), "HLS: fragments of MP4 without an initialisation section");
    let error = Mp4::default().init(b"\0\0\0\x08free").unwrap_err();
    assert_eq!(error.to_string(), "HLS: an initialisation section without a moov box");
}

/// Two seconds of the clip in fragments of a frame or a few, so that there are many boxes to break.
static BROKEN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let flags = ["-t", "2", "-s", "64x36", "-c:v", "libx264", "-g", "5", "-c:a", "copy"];
    fragmented(&[&flags[..], &["-movflags", "+frag_keyframe+delay_moov+default_base_moof"]].concat())
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_broken_box_is_a_panic(
        breaks in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        early in proptest::collection::vec((0usize..1500, prop_oneof![Just(0u8), Just(0xFF), any::<u8>()]), 0..6),
        cut in 1usize..5000, end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = BROKEN.clone();
        for (at, byte) in breaks {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for (at, byte) in early {
            bytes[at] = byte;
        }
        bytes.truncate(end.index(bytes.len()) + 1);
        let mut mp4 = Mp4::default();
        let mut units = Vec::new();
        // As after a segment that was refused: the next one begins afresh.
        for segment in bytes.chunks(bytes.len() / 2 + 1) {
            mp4.begin(0);
            for piece in segment.chunks(cut) {
                if mp4.push(piece, &mut units).is_err() {
                    break;
                }
                prop_assert!(mp4.buffer.len() <= LONGEST_BOX as usize + bytes.len());
            }
        }
        let tracks = mp4.tracks();
        prop_assert_eq!(together(&tracks, units).len() % 188, 0);
    }

    #[test]
    fn any_fragment_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), at: u64) {
        let init = init::parse(&BROKEN).unwrap();
        let mut running = vec![Running::default(); init.tracks.len()];
        let boxed = |kind: &[u8; 4], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes(), kind, body].concat();
        let tfhd = boxed(b"tfhd", &[0, 2, 0, 0, 0, 0, 0, 1]);
        let trun = boxed(b"trun", &[&[0, 0, bytes.first().copied().unwrap_or(0), 1], &bytes[..]].concat());
        let traf = boxed(b"traf", &[tfhd, trun].concat());
        if let Ok(samples) = fragment::samples(&traf, at, &init, &mut running) {
            prop_assert!(samples.iter().all(|sample| sample.size > 0 && sample.pts_90k >= sample.dts_90k));
        }
    }
}

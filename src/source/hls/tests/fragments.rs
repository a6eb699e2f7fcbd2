//! Segments of fragmented MP4.

use super::studio::{clip, ffmpeg, frames, frames_of};
use super::*;

const FMP4: [&str; 2] = ["-hls_segment_type", "fmp4"];

#[rstest]
#[case::plain(&[])]
#[case::event(&["-hls_playlist_type", "event"])]
#[case::byte_ranges(&["-hls_flags", "single_file"])]
#[tokio::test]
async fn segments_of_mp4_become_a_transport_stream(#[case] arguments: &[&str]) {
    let studio = Studio::new();
    studio.hls(&[&FMP4[..], arguments].concat());
    let server = studio.serve().await;
    let opened = open(&server.url("/list.m3u8")).await.unwrap();
    assert_eq!((opened.pace, opened.producer), (Pace::Bursty, "hls"));
    let (bytes, marks) = whole(opened).await.unwrap();
    assert_eq!((marks, bytes.len() % 188), (0, 0));
    check(&bytes, 2);
    assert!(frames_of(&bytes) == frames(clip()), "frame by frame what was sent");
}

#[tokio::test]
async fn encrypted_segments_of_mp4_are_decrypted() {
    let studio = Studio::new();
    studio.hls(&FMP4);
    studio.encrypt(".m4s");
    let server = studio.serve().await;
    let (bytes, _) = whole(open(&server.url("/list.m3u8")).await.unwrap()).await.unwrap();
    assert!(frames_of(&bytes) == frames(clip()));
}

/// Another init section behind a discontinuity: other tracks, other times.
#[tokio::test]
async fn another_beginning_brings_its_own_tracks() {
    let studio = Studio::new();
    studio.make(&["-map", "0", "-c", "copy"], &FMP4, "one.m3u8");
    studio.make(&["-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-s", "160x90"], &FMP4, "two.m3u8");
    let list = |name: &str| std::fs::read_to_string(studio.path(name)).unwrap();
    let one = list("one.m3u8").replace("#EXT-X-ENDLIST\n", "");
    let two = list("two.m3u8");
    let two = &two[two.find("#EXT-X-MAP").unwrap()..];
    studio.write("list.m3u8", format!("{one}#EXT-X-DISCONTINUITY\n{two}").as_bytes());
    let server = studio.serve().await;
    let parts = parts(open(&server.url("/list.m3u8")).await.unwrap()).await;
    assert_eq!(parts.len(), 2);
    check(&parts[0], 2);
    check(&parts[1], 1);
}

/// A discontinuity is told where a playlist goes from one container to the other.
#[tokio::test]
async fn containers_may_change() {
    let studio = Studio::new();
    studio.make(&["-map", "0", "-c", "copy"], &FMP4, "one.m3u8");
    studio.make(&["-map", "0", "-c", "copy"], &[], "two.m3u8");
    let one = std::fs::read_to_string(studio.path("one.m3u8")).unwrap().replace("#EXT-X-ENDLIST\n", "");
    let two = std::fs::read_to_string(studio.path("two.m3u8")).unwrap();
    let two: String =
        two.lines().filter(|line| line.starts_with("#EXTINF") || !line.starts_with('#')).map(|l| format!("{l}\n")).collect();
    studio.write("list.m3u8", format!("{one}#EXT-X-DISCONTINUITY\n{two}#EXT-X-ENDLIST\n").as_bytes());
    let server = studio.serve().await;
    let (bytes, marks) = whole(open(&server.url("/list.m3u8")).await.unwrap()).await.unwrap();
    assert_eq!(marks, 1);
    assert!(bytes.ends_with(&studio.concatenated(".ts")));
    check(&bytes[..bytes.len() - studio.concatenated(".ts").len()], 2);
}

#[tokio::test]
async fn a_broken_segment_of_mp4_is_stepped_over() {
    let studio = Studio::new();
    studio.hls(&FMP4);
    let mut broken = std::fs::read(studio.path("list1.m4s")).unwrap();
    let moof = broken.windows(4).position(|window| window == b"trun").unwrap();
    broken[moof + 4..moof + 20].fill(0xFF);
    studio.write("list1.m4s", &broken);
    let server = studio.serve().await;
    let parts = parts(open(&server.url("/list.m3u8")).await.unwrap()).await;
    assert_eq!(parts.len(), 2, "nobody sits through the hole");
    let (all, _) = frames(clip());
    assert_eq!((frames_of(&parts[0]).0, frames_of(&parts[1]).0), (all[..50].to_vec(), all[100..].to_vec()));
}

#[tokio::test]
async fn encrypted_tracks_are_named() {
    let studio = Studio::new();
    let key = "00112233445566778899aabbccddeeff";
    let scheme = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key];
    let flags = ["-f", "mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"];
    let arguments = [&["-i", clip().to_str().unwrap(), "-map", "0", "-c", "copy"], &scheme[..], &flags].concat();
    ffmpeg(&arguments, &studio.path("all.mp4"));
    studio.write("list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nall.mp4\n#EXT-X-ENDLIST\n");
    let server = studio.serve().await;
    let error = whole(open(&server.url("/list.m3u8")).await.unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("encrypted (common encryption, cenc)"), "{error}");
}

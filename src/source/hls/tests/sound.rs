//! Sound in a playlist of its own, and segments of bare frames.

use super::studio::{clip, ffmpeg, frames, frames_of};
use super::*;
use crate::source::sniff::audio_frame;

const MASTER: &str = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"One\",LANGUAGE=\"de-AT\",DEFAULT=YES,URI=\"sound.m3u8\"\n\
                      #EXT-X-STREAM-INF:BANDWIDTH=500000,AUDIO=\"a\"\npictures.m3u8\n";
const FMP4: [&str; 2] = ["-hls_segment_type", "fmp4"];

fn pictures(studio: &Studio, arguments: &[&str]) {
    studio.make(&["-map", "0:v", "-c", "copy"], arguments, "pictures.m3u8");
    studio.write("master.m3u8", MASTER.as_bytes());
}

/// The clip's sound as bare frames, two seconds to a segment, each with its time in front.
fn packed(studio: &Studio, arguments: &[&str], ending: &str, begins_90k: u64) {
    let file = studio.path(&format!("all.{ending}"));
    ffmpeg(&[&["-i", clip().to_str().unwrap(), "-map", "0:a"], arguments].concat(), &file);
    let bytes = std::fs::read(file).unwrap();
    let mut rest = bytes.as_slice();
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let mut samples = 0u64;
    while let Some(frame) = audio_frame(rest) {
        if segments.len() as u64 <= samples / 96_000 {
            let stamp = (begins_90k + samples * 90_000 / 48_000).to_be_bytes();
            let owner = b"com.apple.streaming.transportStreamTimestamp\0";
            let body = [owner.as_slice(), &stamp].concat();
            let length = |size: usize| [0, 0, (size >> 7) as u8, (size & 0x7F) as u8];
            let head = [b"ID3\x04\0\0".as_slice(), &length(body.len() + 10), b"PRIV", &length(body.len()), &[0, 0]].concat();
            segments.push([head, body].concat());
        }
        segments.last_mut().unwrap().extend_from_slice(&rest[..frame.length]);
        samples += u64::from(frame.samples);
        rest = &rest[frame.length..];
    }
    assert!(rest.is_empty() && segments.len() >= 3);
    let mut list = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n".to_owned();
    for (number, segment) in segments.iter().enumerate() {
        studio.write(&format!("sound{number}.{ending}"), segment);
        list += &format!("#EXTINF:2,\nsound{number}.{ending}\n");
    }
    studio.write("sound.m3u8", format!("{list}#EXT-X-ENDLIST\n").as_bytes());
}

#[rstest]
#[case::both_ts(&[], &[])]
#[case::both_mp4(&FMP4, &FMP4)]
#[tokio::test]
async fn sound_of_its_own_comes_with_the_pictures(#[case] video: &[&str], #[case] audio: &[&str]) {
    let studio = Studio::new();
    pictures(&studio, video);
    // Segments of another length: they never begin together.
    studio.make(&["-map", "0:a", "-c", "copy"], &[audio, &["-hls_time", "1.3"]].concat(), "sound.m3u8");
    let server = studio.serve().await;
    let (bytes, marks) = whole(open(&server.url("/master.m3u8")).await.unwrap()).await.unwrap();
    assert_eq!(marks, 0);
    check(&bytes, 2);
    assert!(frames_of(&bytes) == frames(clip()));
    let mut units = crate::ts::units::Units::default();
    units.push(&bytes);
    let languages = |track: &crate::ts::mux::Track| crate::ts::descriptor::language(&track.descriptors);
    assert_eq!(units.tracks().unwrap().iter().filter_map(languages).collect::<Vec<_>>(), ["deu"]);
}

#[rstest]
#[case::aac(&["-c", "copy", "-f", "adts"], "aac", "aac")]
#[case::ac3(&["-c:a", "ac3"], "ac3", "ac3")]
#[case::eac3(&["-c:a", "eac3"], "ec3", "eac3")]
#[case::mp3(&["-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0"], "mp3", "mp3")]
#[tokio::test]
async fn bare_frames_have_the_time_of_their_tags(#[case] arguments: &[&str], #[case] ending: &str, #[case] codec: &str) {
    let studio = Studio::new();
    pictures(&studio, &[]);
    let arguments = if ending == "ec3" { [arguments, &["-f", "eac3"]].concat() } else { arguments.to_vec() };
    // ffmpeg's transport streams begin at 1.4 s.
    packed(&studio, &arguments, ending, 126_000);
    let server = studio.serve().await;
    let (bytes, marks) = whole(open(&server.url("/master.m3u8")).await.unwrap()).await.unwrap();
    assert_eq!(marks, 0);
    check(&bytes, 2);
    let file = studio.path("out.ts");
    std::fs::write(&file, &bytes).unwrap();
    let mut probe = std::process::Command::new("ffprobe");
    probe.args(["-v", "error", "-show_entries", "stream=codec_name,start_time", "-of", "csv=p=0"]).arg(file);
    let text = String::from_utf8(probe.output().unwrap().stdout).unwrap();
    let starts: Vec<f64> = text.lines().filter_map(|line| line.split_once(',')?.1.split(',').next()?.parse().ok()).collect();
    assert!(text.contains(codec), "{text}");
    assert!((starts[0] - starts[1]).abs() < 0.2, "pictures and sound begin together: {text}");
}

#[tokio::test]
async fn bare_frames_alone_are_a_programme() {
    let studio = Studio::new();
    packed(&studio, &["-c", "copy", "-f", "adts"], "aac", 0);
    let server = studio.serve().await;
    let (bytes, _) = whole(open(&server.url("/sound.m3u8")).await.unwrap()).await.unwrap();
    check(&bytes, 1);
}

/// Both have another beginning, in segments that do not end together.
#[tokio::test]
async fn both_begin_anew_together() {
    let studio = Studio::new();
    pictures(&studio, &[]);
    studio.make(&["-map", "0:a", "-c", "copy"], &["-hls_time", "1.3"], "sound.m3u8");
    for name in ["pictures.m3u8", "sound.m3u8"] {
        let list = std::fs::read_to_string(studio.path(name)).unwrap();
        let segments: Vec<&str> = list.lines().filter(|line| line.starts_with("#EXTINF") || !line.starts_with('#')).collect();
        let once = segments.iter().map(|line| format!("{line}\n")).collect::<String>();
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:3\n{once}#EXT-X-DISCONTINUITY\n{once}#EXT-X-ENDLIST\n");
        studio.write(name, text.as_bytes());
    }
    let server = studio.serve().await;
    let parts = parts(open(&server.url("/master.m3u8")).await.unwrap()).await;
    assert_eq!(parts.len(), 2);
    for part in parts {
        check(&part, 2);
        assert!(frames_of(&part) == frames(clip()));
    }
}

#[tokio::test]
async fn sound_that_cannot_be_had_is_an_error() {
    let studio = Studio::new();
    pictures(&studio, &[]);
    let list = "#EXTINF:2,\nnone.aac\n".repeat(4);
    studio.write("sound.m3u8", format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{list}#EXT-X-ENDLIST\n").as_bytes());
    let server = studio.serve().await;
    let error = whole(open(&server.url("/master.m3u8")).await.unwrap()).await.unwrap_err();
    assert!(matches!(error, SourceError::Status { status: 404, .. }), "{error:?}");
}

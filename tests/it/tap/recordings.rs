//! The kinds of frames that the tap counts are those that ffprobe sees: in recordings, and in streams that ffmpeg makes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rooftop::base::clock;
use rooftop::ingest::tap::memory::{Ledger, Limits};
use rooftop::ingest::tap::picture::Counts;
use rooftop::ingest::tap::pressure::Control;
use rooftop::ingest::tap::{Settings, Tap, preview};
use rooftop::model::Moment;
use rstest::rstest;

use crate::support::data;

/// A tap that a recording went by, in payloads of SRT.
fn tapped(path: &Path) -> Tap {
    let bytes = std::fs::read(path).unwrap();
    let now = clock::now();
    let mut tap = Tap::new(Settings::default(), Ledger::new(Limits::of_machine(4 << 30)).account(), now);
    for piece in bytes.chunks(1316) {
        tap.push(piece, now, Moment(0));
    }
    // It has ended: nothing is waited for.
    tap.tick(now + Settings::default().silence, Moment(0));
    tap
}

fn counted(path: &Path) -> Counts {
    tapped(path).gops().counts
}

/// What ffprobe shows of the first video stream.
fn shown(path: &Path) -> Counts {
    let arguments = ["-v", "quiet", "-select_streams", "v:0", "-show_entries", "frame=pict_type", "-of", "compact"];
    let output = Command::new("ffprobe").args(arguments).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let count = |kind: &str| text.matches(&format!("pict_type={kind}")).count() as u64;
    Counts { i: count("I"), p: count("P"), b: count("B") }
}

#[rstest]
#[case("androidx/bbb_2500ms.ts")]
#[case("androidx/sample_h262_mpeg_audio.ts")]
#[case("androidx/sample_h264.ts")]
#[case("androidx/sample_h264_dts_audio.ts")]
#[case("androidx/sample_h264_iframes_only.ts")]
#[case("androidx/sample_h264_mpeg_audio.ts")]
#[case("androidx/sample_h264_no_access_unit_delimiters.ts")]
#[case("androidx/sample_h265.ts")]
#[case("androidx/sample_h265_rps_pred.ts")]
#[case("androidx/sample_scte35.ts")]
#[case("androidx/sample_with_junk")]
#[case::begins_in_the_middle("tsduck/test-025.ts")]
#[case("tsduck/test-064.ts")]
#[case("tsduck/test-072.ts")]
#[case("tsduck/test-139.ts")]
fn recordings(#[case] name: &str) {
    let path = data(&format!("ts/{name}"));
    let shown = shown(&path);
    assert!(shown.total() > 0);
    assert_eq!(counted(&path), shown);
}

#[rstest]
#[case::pyramid("libx264", &["-g", "50", "-bf", "3", "-x264-params", "b-pyramid=normal"])]
#[case::open("libx264", &["-x264-params", "open-gop=1:keyint=30:bframes=3"])]
#[case::slices("libx264", &["-x264-params", "slices=4:keyint=30:bframes=2"])]
#[case::interlaced("libx264", &["-flags", "+ildct+ilme", "-x264-params", "tff=1:keyint=30:bframes=2"])]
#[case::refreshed("libx264", &["-x264-params", "intra-refresh=1:keyint=30:bframes=0"])]
#[case::baseline("libx264", &["-profile:v", "baseline", "-g", "25"])]
#[case::constant_rate("libx264", &["-g", "50", "-bf", "3", "-muxrate", "3M", "-omit_video_pes_length", "0"])]
#[case::hevc_open("libx265", &["-x265-params", "log-level=none:keyint=30:bframes=4:open-gop=1"])]
#[case::hevc_slices("libx265", &["-s", "640x360", "-x265-params", "log-level=none:keyint=30:open-gop=0:slices=2"])]
#[case::hevc_fields("libx265", &["-x265-params", "log-level=none:keyint=30:interlace=tff:bframes=3"])]
#[case::mpeg2_open("mpeg2video", &["-g", "15", "-bf", "2"])]
#[case::mpeg2_closed("mpeg2video", &["-g", "15", "-bf", "2", "-flags", "+cgop+ilme+ildct", "-sc_threshold", "1000000000"])]
#[case::mpeg1("mpeg1video", &["-g", "15", "-bf", "2"])]
#[case::mpeg4("mpeg4", &["-g", "15", "-bf", "2"])]
fn streams_of_ffmpeg(#[case] encoder: &str, #[case] options: &[&str]) {
    let name: String = options.concat().chars().filter(char::is_ascii_alphanumeric).collect();
    let path = std::env::temp_dir().join(format!("tap-{}-{encoder}-{name}.ts", std::process::id()));
    let input = "testsrc2=size=320x180:rate=25:duration=4";
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", input, "-c:v", encoder])
        .args(options)
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    let (counted, shown) = (counted(&path), shown(&path));
    std::fs::remove_file(&path).unwrap();
    assert_eq!((counted, shown.total()), (shown, 100));
}

/// What the tap keeps plays by itself, also where frames had to go; what it says is in it can be seen.
#[rstest]
#[case("androidx/bbb_2500ms.ts", None)]
#[case("androidx/sample_h264.ts", None)]
#[case("androidx/sample_h265.ts", None)]
#[case("tsduck/test-064.ts", None)]
#[case("tsduck/test-072.ts", None)]
#[case("androidx/bbb_2500ms.ts", Some(1.0))]
#[case("tsduck/test-072.ts", Some(1.0))]
fn previews_play(#[case] name: &str, #[case] pressure: Option<f64>) {
    let mut tap = tapped(&data(&format!("ts/{name}")));
    if let Some(pressure) = pressure {
        tap.control(Control::SetPressure(pressure), Moment(0));
        assert!(tap.seen().buffer.dropped_frames > 0);
    }
    let (programme, frames) = tap.kept(Duration::from_secs(30)).unwrap();
    let (bytes, frames) = (preview::transport_stream(&programme, frames.iter()), frames.len());
    let (programme, frame) = tap.picture().unwrap();
    let picture = preview::transport_stream(&programme, std::iter::once(&frame));
    for (n, (bytes, frames)) in [(bytes, frames), (picture, 1)].into_iter().enumerate() {
        let file = format!("tap-{}-{n}-{}-{}.ts", std::process::id(), name.replace('/', "-"), pressure.is_some());
        let path = std::env::temp_dir().join(file);
        std::fs::write(&path, bytes).unwrap();
        let decoded = Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&path).args(["-f", "null", "-"]).output().unwrap();
        let shown = shown(&path).total();
        std::fs::remove_file(&path).unwrap();
        assert_eq!((String::from_utf8(decoded.stderr).unwrap(), shown), (String::new(), frames as u64));
    }
}

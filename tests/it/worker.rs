//! The media worker, the real one: what it makes, what it cannot do, and what becomes of it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rooftop::media::clip::{self, Clip, Clips, spec};
use rooftop::media::still;
use rooftop::media::worker::job::{AudioCodec, AudioSpec, ClipSpec, Job, Outcome, Pattern, VideoCodec, VideoSpec};
use rooftop::media::worker::{Settings, WorkerClient, WorkerError};
use rooftop::source::{ByteStream, Chunk, demo};
use serde_json::Value;

use crate::support::process::run;
use crate::support::ts_oracle::{STRICT, assert_clean};

fn worker() -> WorkerClient {
    let program = env!("CARGO_BIN_EXE_rooftop-worker").into();
    WorkerClient::new(Settings { program: Some(program), ..Settings::default() })
}

fn clips(dir: &Path) -> Clips {
    Clips::new(clip::Settings::in_data_dir(dir), worker())
}

fn video(codec: VideoCodec, width: u32, height: u32, frame_rate: (u32, u32)) -> VideoSpec {
    VideoSpec { codec, width, height, frame_rate, ..VideoSpec::default() }
}

fn audio(codec: AudioCodec, channels: u8) -> AudioSpec {
    let bit_rate = if channels > 2 { 384_000 } else { 192_000 };
    AudioSpec { codec, channels, bit_rate, tone_hz: Some(440), ..AudioSpec::default() }
}

/// Nothing on stderr of a full decode.
fn assert_decodes(path: &Path) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-err_detect", "explode", "-i"]).arg(path).args(["-map", "0", "-f", "null", "-"]);
    let output = run(&mut ffmpeg, Duration::from_secs(60));
    assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{}", path.display());
}

fn probe(path: &Path) -> Value {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-show_streams", "-show_programs", "-of", "json"]).arg(path);
    serde_json::from_str(&run(&mut ffprobe, Duration::from_secs(20)).ok()).unwrap()
}

#[tokio::test]
async fn every_codec_and_shape_is_made_as_asked_and_decodes() {
    use AudioCodec::{Aac, Ac3, Eac3, Mp2};
    use VideoCodec::{H264, Hevc, Mpeg2Video};
    let interlaced = |video| VideoSpec { interlaced: true, ..video };
    let wide = |video| VideoSpec { pixel_aspect: (64, 45), ..video };
    let cases = [
        (Some(video(H264, 1280, 720, (25, 1))), Some(audio(Aac, 2))),
        (Some(video(H264, 1920, 1080, (60_000, 1001))), Some(audio(Eac3, 6))),
        (Some(interlaced(video(H264, 1920, 1080, (25, 1)))), Some(audio(Ac3, 6))),
        (Some(interlaced(wide(video(H264, 720, 576, (25, 1))))), Some(audio(Mp2, 2))),
        (Some(video(Hevc, 1280, 720, (50, 1))), Some(audio(Eac3, 6))),
        (Some(video(Hevc, 1920, 1080, (24_000, 1001))), Some(audio(Aac, 1))),
        (Some(interlaced(wide(video(Mpeg2Video, 720, 576, (25, 1))))), Some(audio(Mp2, 2))),
        (Some(interlaced(video(Mpeg2Video, 1920, 1080, (30_000, 1001)))), Some(audio(Ac3, 2))),
        (Some(video(Mpeg2Video, 704, 480, (30_000, 1001))), Some(audio(Aac, 6))),
        (Some(video(H264, 64, 64, (5, 1))), None),
        (None, Some(audio(Aac, 2))),
        (None, Some(audio(Mp2, 1))),
    ];
    let dir = tempfile::tempdir().unwrap();
    let clips = clips(dir.path());
    for (video, audio) in cases {
        let bit_rate = video.as_ref().map_or(0, |video| video.width * video.height * 4).max(300_000);
        let video = video.map(|video| VideoSpec { bit_rate, ..video });
        let spec = ClipSpec { length_ms: 1000, video, audio, name: "Küche 1 Ж".into(), ..ClipSpec::default() };
        let clip = clips.get(&spec).await.unwrap_or_else(|error| panic!("{spec:?}: {error:?}"));
        assert_shape(&clip, &spec);
        assert_decodes(&clip.path);
    }
}

fn assert_shape(clip: &Clip, spec: &ClipSpec) {
    let found = probe(&clip.path);
    let program = &found["programs"][0];
    assert_eq!(program["tags"]["service_name"], spec.name.as_str());
    let stream = |kind: &str| found["streams"].as_array().unwrap().iter().find(|stream| stream["codec_type"] == kind).cloned();
    let (seen_video, seen_audio) = (stream("video"), stream("audio"));
    assert_eq!((seen_video.is_some(), seen_audio.is_some()), (spec.video.is_some(), spec.audio.is_some()), "{found}");
    if let (Some(seen), Some(asked)) = (seen_video, &spec.video) {
        assert_eq!(seen["codec_name"], serde_json::to_value(asked.codec).unwrap());
        assert_eq!((&seen["width"], &seen["height"]), (&asked.width.into(), &asked.height.into()));
        let (num, den) = asked.frame_rate;
        assert_eq!(seen["r_frame_rate"], format!("{num}/{den}"), "{seen}");
        assert_eq!(seen["sample_aspect_ratio"], format!("{}:{}", asked.pixel_aspect.0, asked.pixel_aspect.1));
        let order = seen["field_order"].as_str().unwrap_or("progressive");
        assert_eq!(order != "progressive", asked.interlaced, "{seen}");
        assert_eq!(seen["pix_fmt"], "yuv420p");
        let expected = (u64::from(clip.info.pictures) * u64::from(den) * 90_000).div_ceil(u64::from(num));
        assert!(clip.info.length_90k.abs_diff(expected) <= 1, "{:?}", clip.info);
    }
    if let (Some(seen), Some(asked)) = (seen_audio, &spec.audio) {
        assert_eq!(seen["codec_name"], serde_json::to_value(asked.codec).unwrap());
        assert_eq!(seen["sample_rate"], asked.sample_rate.to_string());
        assert_eq!(seen["channels"], asked.channels);
        // One frame more or less than the length holds: they need not go into it evenly.
        let frames = clip.info.length_90k * u64::from(asked.sample_rate) / 90_000 / u64::from(asked.codec.frame_samples());
        assert!(u64::from(clip.info.audio_frames).abs_diff(frames) <= 1, "{:?}, {frames} frames", clip.info);
    }
}

#[tokio::test]
async fn the_first_picture_of_a_stream_is_made_a_jpeg() {
    let dir = tempfile::tempdir().unwrap();
    let (clips, worker) = (clips(dir.path()), worker());
    for codec in [VideoCodec::H264, VideoCodec::Hevc, VideoCodec::Mpeg2Video] {
        let spec = ClipSpec { length_ms: 400, video: Some(video(codec, 640, 352, (25, 1))), ..ClipSpec::default() };
        let clip = clips.get(&spec).await.unwrap();
        let jpeg = still::jpeg(&worker, &std::fs::read(&clip.path).unwrap()).await.unwrap();
        let path = dir.path().join("still.jpg");
        std::fs::write(&path, &jpeg).unwrap();
        let seen = &probe(&path)["streams"][0];
        assert_eq!((&seen["codec_name"], &seen["width"], &seen["height"]), (&"mjpeg".into(), &640.into(), &352.into()));
        assert!(jpeg.len() > 5000, "{codec:?}: {} bytes", jpeg.len());
    }
    for nothing in [&[][..], &[0x47; 188 * 50]] {
        assert!(matches!(still::jpeg(&worker, nothing).await, Err(WorkerError::Job { .. })));
    }
    assert!(worker.pid().await.is_some(), "it is well");
}

/// Reads until that much has come.
async fn read(stream: &mut ByteStream, bytes: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < bytes {
        match stream.next().await.unwrap().unwrap() {
            Chunk::Bytes(bytes) => all.extend_from_slice(&bytes),
            Chunk::Discontinuity { .. } => panic!("a demo has no seam"),
        }
    }
    all
}

#[tokio::test]
async fn the_demos_are_made_quickly_and_go_round_without_a_seam() {
    let dir = tempfile::tempdir().unwrap();
    let clips = clips(dir.path());
    demo::prepare(&clips);
    let begun = Instant::now();
    let mut playing = demo::open(&clips, "demo:one").await.unwrap();
    let mut rounds = read(&mut playing.bytes, 1).await;
    let (first, made) = (begun.elapsed(), std::fs::read_dir(dir.path().join("clips")).unwrap().count());
    assert_eq!(made, 1, "it plays while it is being made");
    for name in spec::DEMOS {
        let clip = clips.get(&spec::demo(name).unwrap()).await.unwrap();
        let rate = clip.bytes * 8 * 90_000 / clip.info.length_90k;
        assert!((1_500_000..2_500_000).contains(&rate), "{name}: {rate} bit/s");
    }
    println!("first bytes of a demo: {first:?}, three whole clips: {:?}", begun.elapsed());
    let clip = clips.get(&spec::demo("one").unwrap()).await.unwrap();
    assert_eq!((clip.info.pictures, clip.info.audio_frames), (800, 1500));
    let more = usize::try_from(clip.bytes).unwrap() * 2 - rounds.len();
    rounds.extend(read(&mut playing.bytes, more).await);
    rounds.truncate(usize::try_from(clip.bytes).unwrap() * 2);
    let found = assert_clean(&rounds, STRICT);
    assert!(found.duration > Duration::from_secs(63), "{:?}", found.duration);
    assert_eq!(found.video_starts_random_access, Some(true));
    let path = dir.path().join("rounds.ts");
    std::fs::write(&path, rounds).unwrap();
    assert_decodes(&path);
    // Exactly one frame's time from each audio frame to the next, across the seams too.
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "a", "-show_entries", "packet=pts", "-of", "csv=p=0"]).arg(&path);
    let text = run(&mut ffprobe, Duration::from_secs(30)).ok();
    let stamps: Vec<i64> = text.lines().filter_map(|line| line.trim_matches(',').parse().ok()).collect();
    assert!(stamps.len() == 3000 && stamps.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(1920) <= 1));
}

#[tokio::test]
async fn a_demo_that_does_not_exist_or_cannot_be_made_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Settings { program: Some(dir.path().join("rooftop-worker")), ..Settings::default() };
    let clips = Clips::new(clip::Settings::in_data_dir(dir.path()), WorkerClient::new(missing));
    let error = demo::open(&clips, "demo:nine").await.unwrap_err().to_string();
    assert_eq!(error, "bad address: there is no demo \"nine\", only one, two and three");
    let error = demo::open(&clips, "demo:one").await.unwrap_err();
    assert!(matches!(error, rooftop::source::SourceError::Local { .. }), "{error:?}");
    assert!(error.to_string().contains("install the whole rooftop package"), "{error}");
}

#[tokio::test]
async fn a_clip_is_made_once_and_made_again_when_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let slate = spec::slate("Das Erste", "One moment please", Some(VideoSpec::default()), Some(AudioSpec::default()));
    assert_eq!(slate.pattern, Pattern::Slate);
    let (clip, made) = {
        let clips = clips(dir.path());
        let (one, two) = tokio::join!(clips.get(&slate), clips.get(&slate));
        let one = one.unwrap();
        assert!(Arc::ptr_eq(&one, &two.unwrap()));
        (Clip::clone(&one), std::fs::metadata(&one.path).unwrap().modified().unwrap())
    };
    assert_decodes(&clip.path);
    // Another process, later: from disk.
    assert_eq!(*clips(dir.path()).get(&slate).await.unwrap(), clip);
    assert_eq!(std::fs::metadata(&clip.path).unwrap().modified().unwrap(), made);
    std::fs::write(&clip.path, b"garbage").unwrap();
    let clips = clips(dir.path());
    assert_decodes(&clips.get(&slate).await.unwrap().path);
    std::fs::remove_file(&clip.path).unwrap();
    assert_decodes(&clips.get(&slate).await.unwrap().path);
}

#[tokio::test]
async fn the_worker_cannot_get_out() {
    let worker = worker();
    let hello = worker.hello().await.unwrap();
    assert!(hello.confinement.complete(), "this kernel refuses: {:?}", hello.confinement.refused);
    assert!(hello.confinement.refused.is_empty());
    let Ok(Outcome::Confined(attempts)) = worker.run(Job::Confined, &[], &mut Vec::new()).await else { panic!() };
    assert!(attempts.len() > 10);
    for attempt in attempts {
        assert!(attempt.denied, "{}: {}", attempt.what, attempt.answer);
    }
    let pid = worker.pid().await.unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let limit = |name: &str| limits.lines().find(|line| line.starts_with(name)).map(|line| line[26..47].trim().to_owned());
    assert_eq!(limit("Max address space").as_deref(), Some("1073741824"));
    assert_eq!(limit("Max open files").as_deref(), Some("16"));
    assert_eq!(limit("Max core file size").as_deref(), Some("0"));
}

#[tokio::test]
async fn a_worker_killed_at_work_costs_that_job_only() {
    let worker = worker();
    worker.hello().await.unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(worker.pid().await.unwrap()).unwrap()).unwrap();
    let long = ClipSpec { length_ms: 60_000, ..ClipSpec::default() };
    let (result, ()) = tokio::join!(async { worker.run(Job::MakeClip(long), &[], &mut Vec::new()).await }, async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    });
    assert!(matches!(&result, Err(WorkerError::Died { how }) if how.contains("signal: 9")), "{result:?}");
    let short = ClipSpec { length_ms: 400, ..ClipSpec::default() };
    let mut output = Vec::new();
    let outcome = worker.run(Job::MakeClip(short), &[], &mut output).await.unwrap();
    assert!(matches!(outcome, Outcome::Clip(info) if info.pictures == 10));
    assert!(output.len() > 10_000 && output.len() % 188 == 0 && output[0] == 0x47);
    // Killed while idle: nobody notices.
    let pid = rustix::process::Pid::from_raw(i32::try_from(worker.pid().await.unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(worker.run(Job::Confined, &[], &mut Vec::new()).await.is_ok());
}

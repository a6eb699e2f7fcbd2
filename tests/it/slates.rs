//! What slates need of the media worker, the real one: silence in every sound that sources have, and a queue that holds nothing.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use rooftop::codec::{aac, ac3, mpa};
use rooftop::media::clip::{self, Backdrop, BackdropError, ClipError, Clips, spec};
use rooftop::media::worker::job::{AudioCodec, AudioSpec, ClipSpec, VideoSpec};
use rooftop::media::worker::{Settings, WorkerClient};

use crate::support::packets::packets;
use crate::support::process::run;

fn worker() -> WorkerClient {
    let program = env!("CARGO_BIN_EXE_rooftop-worker").into();
    WorkerClient::new(Settings { program: Some(program), ..Settings::default() })
}

/// The sound's elementary stream.
fn sound(path: &Path) -> Bytes {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-err_detect", "explode", "-i"]).arg(path).args(["-f", "null", "-"]);
    let output = run(&mut ffmpeg, Duration::from_secs(60));
    assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{}", path.display());
    let bytes = std::fs::read(path).unwrap();
    let payloads = packets(&bytes).filter(|packet| packet.pid() == 0x100).map(|packet| {
        let payload = packet.payload();
        let header = if packet.unit_start() { 9 + usize::from(payload[8]) } else { 0 };
        payload[header..].to_vec()
    });
    payloads.flatten().collect()
}

#[rstest::rstest]
#[case::he_aac(AudioCodec::Aac, 24_000, 2, 128_000)]
#[case::he_aac_of_cds(AudioCodec::Aac, 22_050, 2, 128_000)]
#[case::slow_aac(AudioCodec::Aac, 16_000, 1, 64_000)]
#[case::aac_5_1(AudioCodec::Aac, 24_000, 6, 384_000)]
#[case::half_mp2(AudioCodec::Mp2, 22_050, 2, 128_000)]
#[case::half_mp2_mono(AudioCodec::Mp2, 24_000, 1, 64_000)]
#[case::slow_mp2(AudioCodec::Mp2, 16_000, 2, 128_000)]
#[case::mp2(AudioCodec::Mp2, 44_100, 2, 192_000)]
#[case::ac3(AudioCodec::Ac3, 32_000, 6, 384_000)]
#[case::ac3_mono(AudioCodec::Ac3, 44_100, 1, 96_000)]
#[case::eac3(AudioCodec::Eac3, 32_000, 2, 192_000)]
#[tokio::test]
async fn silence_is_made_at_every_rate_and_in_whole_frames(
    #[case] codec: AudioCodec,
    #[case] sample_rate: u32,
    #[case] channels: u8,
    #[case] bit_rate: u32,
) {
    let dir = tempfile::tempdir().unwrap();
    let clips = Clips::new(clip::Settings::in_data_dir(dir.path()), worker());
    let audio = AudioSpec { codec, sample_rate, channels, tone_hz: None, bit_rate };
    let clip = clips.get(&spec::slate("", "", None, Some(audio))).await.unwrap();
    let sound = sound(&clip.path);
    let (mut at, mut frames) = (0, 0);
    while let Some(rest) = sound.get(at..).filter(|rest| !rest.is_empty()) {
        let found = match codec {
            AudioCodec::Aac => aac::adts(rest),
            AudioCodec::Mp2 => mpa::frame(rest),
            AudioCodec::Ac3 | AudioCodec::Eac3 => ac3::frame(rest),
        };
        let (format, length) = found.unwrap_or_else(|| panic!("no frame at {at}: {:x?}", &rest[..8.min(rest.len())]));
        assert_eq!((format.sample_rate, format.channels), (sample_rate, channels));
        (at, frames) = (at + length, frames + 1);
    }
    assert_eq!((at, frames), (sound.len(), clip.info.audio_frames));
    assert!(frames > 10);
}

/// The picture of a queued clip is read when it is its turn, and nothing is opened for it before.
#[tokio::test]
async fn what_is_queued_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let worker = worker();
    let clips = Clips::new(clip::Settings::in_data_dir(dir.path()), worker.clone());
    let path = dir.path().join("slate.jpg");
    std::fs::write(&path, [0xFF, 0xD8, 0xFF, 0xE0]).unwrap();
    let backdrop = Some(Backdrop::open(path.clone()).await.unwrap());
    let slate = ClipSpec { backdrop, ..spec::slate("One", "", Some(VideoSpec::default()), None) };
    let turn = worker.turn().await.unwrap();
    let queued = clips.get(&slate);
    tokio::pin!(queued);
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut queued).await.is_err());
    assert!(!dir.path().join("clips").exists(), "no draft yet");
    std::fs::write(&path, [0xFF, 0xD8, 0xFF, 0xE1]).unwrap();
    drop(turn);
    let error = queued.await.unwrap_err();
    assert!(matches!(error, ClipError::Backdrop(BackdropError::Changed(_))), "{error:?}");
}

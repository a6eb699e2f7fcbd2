//! The clips that Rooftop itself asks for: its demo channels, and slates that fit a running programme. Pure.

use crate::media::worker::job::{AudioSpec, ClipSpec, Pattern, VideoSpec};

/// The demo channels' names in addresses: `demo:one`.
pub const DEMOS: [&str; 3] = ["one", "two", "three"];

/// Longest a slate is looked for that ends with a whole audio frame.
const LONGEST_SLATE_MS: u32 = 4_000;
/// A slate is at least this long.
const SHORTEST_SLATE_MS: u32 = 1_000;

/// The clip of a demo channel: 32 s (a whole number of pictures and of AAC frames), H.264 and AAC, 1280x720 at 25 pictures
/// a second, some 2 Mbit/s.
pub fn demo(name: &str) -> Option<ClipSpec> {
    let (title, line, pattern, tone_hz) = match name {
        "one" => ("Rooftop One", "Demo channel: colour bars, made on this machine", Pattern::Bars, 440),
        "two" => ("Rooftop Two", "Demo channel: evening sky, made on this machine", Pattern::Gradient, 330),
        "three" => ("Rooftop Three", "Demo channel: its first source is dead", Pattern::Grid, 262),
        _ => return None,
    };
    Some(ClipSpec {
        name: title.to_owned(),
        lines: vec![line.to_owned()],
        pattern,
        audio: Some(AudioSpec { tone_hz: Some(tone_hz), ..AudioSpec::default() }),
        ..ClipSpec::default()
    })
}

/// A slate: the channel's name and a message over a quiet picture, and silence, in the given codecs. Its length is such
/// that it goes round without a gap in its sound where that is possible within 4 s.
pub fn slate(name: &str, message: &str, video: Option<VideoSpec>, audio: Option<AudioSpec>) -> ClipSpec {
    let length_ms = seamless_ms(video.as_ref(), audio.as_ref());
    ClipSpec {
        name: name.chars().take(60).collect(),
        lines: message.lines().take(4).map(|line| line.chars().take(100).collect()).collect(),
        pattern: Pattern::Slate,
        backdrop: None,
        length_ms,
        video,
        audio: audio.map(|audio| AudioSpec { tone_hz: None, ..audio }),
    }
}

/// The shortest length, in milliseconds rounded up, of whole pictures that are also whole audio frames; or else of the
/// fewest pictures that take a second.
fn seamless_ms(video: Option<&VideoSpec>, audio: Option<&AudioSpec>) -> u32 {
    let Some(video) = video else {
        let whole = |ms: &u32| {
            audio.is_none_or(|audio| {
                (u64::from(*ms) * u64::from(audio.sample_rate)).is_multiple_of(1000 * u64::from(audio.codec.frame_samples()))
            })
        };
        return (SHORTEST_SLATE_MS..=LONGEST_SLATE_MS).find(whole).unwrap_or(SHORTEST_SLATE_MS);
    };
    let (num, den) = (u64::from(video.frame_rate.0.max(1)), u64::from(video.frame_rate.1.max(1)));
    let ms = |pictures: u64| u32::try_from((pictures * den * 1000).div_ceil(num)).unwrap_or(u32::MAX);
    let first = (1..).find(|pictures| ms(*pictures) >= SHORTEST_SLATE_MS).unwrap_or(1);
    let whole = |pictures: u64| {
        audio.is_none_or(|audio| {
            let (frame, rate) = (u64::from(audio.codec.frame_samples()), u64::from(audio.sample_rate));
            (pictures * den * rate).is_multiple_of(num * frame)
        })
    };
    let seamless = (first..).take_while(|pictures| ms(*pictures) <= LONGEST_SLATE_MS).find(|pictures| whole(*pictures));
    ms(seamless.unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::worker::job::AudioCodec;

    #[test]
    fn every_demo_can_be_made_and_goes_round_without_a_gap() {
        for name in DEMOS {
            let spec = demo(name).unwrap();
            assert_eq!(spec.check(), Ok(()));
            let (video, audio) = (spec.video.unwrap(), spec.audio.unwrap());
            assert_eq!(spec.length_ms * video.frame_rate.0 % 1000, 0);
            assert_eq!(spec.length_ms / 1000 * audio.sample_rate % audio.codec.frame_samples(), 0);
        }
        assert_eq!(demo("four"), None);
    }

    #[rstest::rstest]
    #[case((25, 1), AudioCodec::Aac, 48_000, 1280)] // 32 pictures, 60 frames
    #[case((25, 1), AudioCodec::Ac3, 48_000, 1120)] // 28 pictures, 35 frames
    #[case((50, 1), AudioCodec::Mp2, 48_000, 1080)] // 54 pictures, 45 frames
    #[case((30_000, 1001), AudioCodec::Aac, 48_000, 1001)] // 640 pictures would be needed
    fn a_slate_is_as_short_as_goes_round_seamlessly(
        #[case] frame_rate: (u32, u32),
        #[case] codec: AudioCodec,
        #[case] sample_rate: u32,
        #[case] length_ms: u32,
    ) {
        let video = VideoSpec { frame_rate, ..VideoSpec::default() };
        let audio = AudioSpec { codec, sample_rate, tone_hz: Some(440), ..AudioSpec::default() };
        let slate = slate("Channel", "One moment please", Some(video), Some(audio));
        assert_eq!((slate.length_ms, slate.check()), (length_ms, Ok(())));
        assert_eq!(slate.audio.unwrap().tone_hz, None);
    }

    #[rstest::rstest]
    #[case(AudioCodec::Aac, 48_000, 1024)]
    #[case(AudioCodec::Mp2, 48_000, 1008)]
    #[case(AudioCodec::Aac, 44_100, 1000)] // 441 frames would be needed
    fn a_slate_of_sound_alone_goes_round_too(#[case] codec: AudioCodec, #[case] sample_rate: u32, #[case] length_ms: u32) {
        let audio = AudioSpec { codec, sample_rate, ..AudioSpec::default() };
        assert_eq!(slate("Radio", "", None, Some(audio)).length_ms, length_ms);
    }

    #[test]
    fn a_slate_takes_any_text() {
        let slate = slate(&"ä".repeat(3000), &"x\n".repeat(3000), None, Some(AudioSpec::default()));
        assert_eq!(slate.check(), Ok(()));
    }
}

//! The clips that Rooftop itself asks for: its demo channels, and slates that fit a running programme. Pure.

use crate::media::worker::job::{AudioSpec, ClipSpec, Pattern, VideoSpec};

/// The demo channels' names in addresses: `demo:one`.
pub const DEMOS: [&str; 3] = ["one", "two", "three"];

/// Letters that are written large in one line, at most; 100 of those below it.
const LONGEST_TITLE: usize = 60;
const LONGEST_LINE: usize = 100;
/// Below the title: as many as the worker takes.
const MOST_LINES: usize = 12;
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

/// A slate: the channel's name and a message over a quiet picture, and silence, in the given codecs. Lines that are too long go on
/// in the next one. Its length is such that it goes round without a gap in its sound where that is possible within 4 s.
pub fn slate(name: &str, message: &str, video: Option<VideoSpec>, audio: Option<AudioSpec>) -> ClipSpec {
    let length_ms = seamless_ms(video.as_ref(), audio.as_ref());
    let (title, rest) = broken(name, LONGEST_TITLE);
    let lines = (!rest.is_empty()).then_some(rest).into_iter().chain(message.lines()).flat_map(wrapped);
    ClipSpec {
        name: title.to_owned(),
        lines: lines.take(MOST_LINES).map(str::to_owned).collect(),
        pattern: Pattern::Slate,
        backdrop: None,
        length_ms,
        video,
        audio: audio.map(|audio| AudioSpec { tone_hz: None, ..audio }),
    }
}

/// A text up to the last blank before so many characters, and what follows; in the middle of a word where that is longer.
fn broken(text: &str, most: usize) -> (&str, &str) {
    let Some((end, _)) = text.char_indices().nth(most) else { return (text, "") };
    let (head, beyond) = text.split_at(end);
    let blank = if beyond.starts_with(char::is_whitespace) { Some(end) } else { head.rfind(char::is_whitespace) };
    let (head, rest) =
        text.split_at(blank.filter(|at| text.get(..*at).is_some_and(|head| !head.trim().is_empty())).unwrap_or(end));
    (head.trim_end(), rest.trim_start())
}

/// The lines that a line is shown as: one at least.
fn wrapped(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let (head, beyond) = broken(rest?, LONGEST_LINE);
        rest = Some(beyond).filter(|beyond| !beyond.is_empty());
        Some(head)
    })
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

    #[rstest::rstest]
    #[case::short("One moment", "please\n\nwait", "One moment", &["please", "", "wait"])]
    #[case::just_fits("1234567890 2345678901 3456789012 4567890123 5678901234 67890", "", "1234567890 2345678901 3456789012 4567890123 5678901234 67890", &[])]
    #[case::long(
        "The channel is being looked for at the next provider, which takes a few seconds", "Thank you",
        "The channel is being looked for at the next provider, which", &["takes a few seconds", "Thank you"]
    )]
    #[case::a_long_line(
        "One moment",
        "The channel is being looked for at the next provider, which takes a few seconds; if it takes longer, then call 030 1234",
        "One moment",
        &["The channel is being looked for at the next provider, which takes a few seconds; if it takes longer,", "then call 030 1234"]
    )]
    fn what_does_not_fit_in_a_line_goes_on_in_the_next(
        #[case] name: &str,
        #[case] message: &str,
        #[case] title: &str,
        #[case] lines: &[&str],
    ) {
        let slate = slate(name, message, None, Some(AudioSpec::default()));
        assert_eq!((slate.name.as_str(), slate.lines), (title, lines.iter().map(|line| line.to_string()).collect()));
    }

    proptest::proptest! {
        /// Whatever the settings take (300 characters in five lines) is shown as a whole, but for blanks.
        #[test]
        fn no_letter_is_lost(lines in proptest::collection::vec("[a-zäЖ🎬 ]{0,59}", 1..=5), long in "[a-zЖ🎬 ]{0,300}") {
            for text in [lines.join("\n"), long] {
                let (name, message) = text.split_once('\n').unwrap_or((&text, ""));
                let slate = slate(name, message, None, Some(AudioSpec::default()));
                let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
                assert_eq!(letters(&[slate.name.clone(), slate.lines.concat()].concat()), letters(&text));
                assert!(slate.name.chars().count() <= 60 && slate.lines.iter().all(|line| line.chars().count() <= 100));
                assert_eq!(slate.check(), Ok(()));
            }
        }
    }

    #[test]
    fn a_slate_takes_any_text() {
        let slate = slate(&"ä".repeat(300), &"x\n".repeat(3000), None, Some(AudioSpec::default()));
        assert_eq!(slate.check(), Ok(()));
    }
}

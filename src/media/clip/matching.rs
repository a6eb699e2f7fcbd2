//! The slate that fits a running programme: same codecs, size, frame rate and layout, so that whoever decodes the one
//! decodes the other without starting anew. Pure.

use super::spec;
use crate::media::worker::job::{AudioCodec, AudioSpec, ClipSpec, VideoCodec, VideoSpec};
use crate::model::{AudioInfo, Codec, StreamInfo, VideoInfo};

/// Bit rates of a slate's pictures, in bit/s. Few, so that a rate that wavers does not give another clip each time.
const RATES: [u32; 5] = [1_600_000, 800_000, 400_000, 200_000, 100_000];
/// Of a quiet picture, in bits a pixel a second: enough for `ultrafast` encoders.
const BITS_PER_PIXEL: u64 = 2;
/// Seconds of one group of pictures: who joins need not wait for longer.
const GROUP_S: f64 = 0.5;

/// Frame rates that are meant where one is measured, whose stamps waver.
const USUAL: [(u32, u32); 12] =
    [(10, 1), (12_500, 1000), (15, 1), (20, 1), (24, 1), (25, 1), (30, 1), (48, 1), (50, 1), (60, 1), (100, 1), (120, 1)];
/// Those that are a thousandth below: told apart only where a rate is as near to them as a rounded duration of a frame.
const BELOW: [(u32, u32); 5] = [(24_000, 1001), (30_000, 1001), (48_000, 1001), (60_000, 1001), (120_000, 1001)];
/// Of a rate that is exact.
const ROUNDING: f64 = 0.0004;
/// Of a rate that wavers.
const WAVERING: f64 = 0.02;
/// Between a usual rate and the one a thousandth below.
const HARDLY_OTHER: f64 = 0.0025;

/// The slate with this text for a programme of which this was seen. None where too little of it is known yet, or nobody
/// here can make its pictures; sound that cannot be made is left out.
pub fn slate_for(info: &StreamInfo, text: &str) -> Option<ClipSpec> {
    let video = match &info.video {
        Some(video) => Some(pictures(video, info.bitrate_bps)?),
        None => None,
    };
    let audio = match info.audio.first().map(sound) {
        Some(Sound::Unknown(_)) => return None,
        Some(Sound::Made(sound)) => Some(sound),
        Some(Sound::NotMade) | None => None,
    };
    if video.is_none() && audio.is_none() {
        return None;
    }
    let (name, lines) = text.split_once('\n').unwrap_or((text, ""));
    let spec = spec::slate(name, lines, video, audio);
    spec.check().is_ok().then_some(spec)
}

/// Silence in each codec of this programme's sound that its slate has not: clips without pictures, as far as somebody here can make
/// them.
pub fn other_silences(slate: &ClipSpec, info: &StreamInfo) -> Vec<ClipSpec> {
    let mut others: Vec<AudioSpec> = Vec::new();
    for sound in info.audio.iter().map(sound) {
        let Sound::Made(sound) = sound else { continue };
        let is_known = slate.audio.iter().chain(&others).any(|known| known.codec == sound.codec);
        if !is_known {
            others.push(sound);
        }
    }
    let clip = |sound| Some(spec::slate("", "", None, Some(sound))).filter(|spec| spec.check().is_ok());
    others.into_iter().filter_map(clip).collect()
}

/// Whether a slate is in the codecs of this programme, as far as it has pictures and sound.
pub fn is_like(slate: &ClipSpec, info: &StreamInfo) -> bool {
    let video = info.video.as_ref().map(|video| video_codec(video.codec));
    let own = slate.audio.as_ref().map(|audio| audio.codec);
    let audio = match info.audio.first().map(sound) {
        Some(Sound::Made(AudioSpec { codec, .. })) => own == Some(codec),
        Some(Sound::Unknown(codec)) => own.is_none_or(|own| own == codec),
        Some(Sound::NotMade) | None => own.is_none(),
    };
    slate.video.as_ref().map(|video| Some(video.codec)) == video && audio
}

/// Whether two slates differ in their bit rates at most, and in a thousandth of their frame rates.
pub fn is_same_but_for_rate(one: &ClipSpec, other: &ClipSpec) -> bool {
    let bare = |spec: &ClipSpec| {
        let video = spec.video.clone().map(|video| VideoSpec { bit_rate: 0, frame_rate: (0, 0), gop: 0, ..video });
        ClipSpec { video, length_ms: 0, ..spec.clone() }
    };
    let rate = |spec: &ClipSpec| spec.video.as_ref().map_or(1.0, |video| value(video.frame_rate));
    bare(one) == bare(other) && off(rate(one), rate(other)) <= HARDLY_OTHER
}

/// As the programme has it, or a square where nobody could make that.
fn pixel(aspect: Option<(u16, u16)>) -> (u32, u32) {
    let can_be_made = |(wide, high): &(u16, u16)| [wide, high].iter().all(|length| (1..=255).contains(*length));
    aspect.filter(can_be_made).map_or((1, 1), |(wide, high)| (wide.into(), high.into()))
}

fn pictures(video: &VideoInfo, programme_bps: Option<u64>) -> Option<VideoSpec> {
    let (width, height) = (video.width?, video.height?);
    let frame_rate = fraction(video.frame_rate?)?;
    let enough = u64::from(width) * u64::from(height) * BITS_PER_PIXEL;
    let most = programme_bps.map_or(enough, |bps| enough.min(bps / 2));
    Some(VideoSpec {
        codec: video_codec(video.codec)?,
        width,
        height,
        pixel_aspect: pixel(video.pixel_aspect),
        frame_rate,
        interlaced: video.interlaced.unwrap_or(false) && video.codec != Codec::Hevc,
        gop: ((f64::from(frame_rate.0) / f64::from(frame_rate.1) * GROUP_S).round() as u32).max(1),
        bit_rate: RATES.into_iter().find(|rate| u64::from(*rate) <= most).unwrap_or(RATES[RATES.len() - 1]),
    })
}

/// What a slate can do for a sound track.
enum Sound {
    /// Not said yet: its rate, its channels.
    Unknown(AudioCodec),
    /// Such silence.
    Made(AudioSpec),
    /// Nobody here can make it.
    NotMade,
}

fn sound(audio: &AudioInfo) -> Sound {
    let Some(codec) = audio_codec(audio.codec) else { return Sound::NotMade };
    let (Some(sample_rate), Some(channels)) = (audio.sample_rate, audio.channels) else { return Sound::Unknown(codec) };
    let bit_rate = match (codec, channels) {
        (_, 3..) => 384_000,
        (AudioCodec::Mp2, _) if sample_rate < 32_000 => 64_000 * u32::from(channels),
        (AudioCodec::Aac, 1) => 64_000,
        (AudioCodec::Aac, _) => 128_000,
        (_, 1) => 96_000,
        (_, _) => 192_000,
    };
    let sound = AudioSpec { codec, sample_rate, channels, tone_hz: None, bit_rate };
    if sound.check().is_ok() { Sound::Made(sound) } else { Sound::NotMade }
}

fn video_codec(codec: Codec) -> Option<VideoCodec> {
    match codec {
        Codec::H264 => Some(VideoCodec::H264),
        Codec::Hevc => Some(VideoCodec::Hevc),
        Codec::Mpeg2 => Some(VideoCodec::Mpeg2Video),
        _ => None,
    }
}

fn audio_codec(codec: Codec) -> Option<AudioCodec> {
    match codec {
        Codec::Aac => Some(AudioCodec::Aac),
        Codec::Ac3 => Some(AudioCodec::Ac3),
        Codec::Eac3 => Some(AudioCodec::Eac3),
        Codec::Mp2 => Some(AudioCodec::Mp2),
        _ => None,
    }
}

/// The frame rate that was meant: a usual one, or else a whole one. A rate that wavers must not give another slate each time.
fn fraction(rate: f64) -> Option<(u32, u32)> {
    if !(5.0..=120.0).contains(&rate) {
        return None;
    }
    let nearest = |of: &[(u32, u32)], within: f64| {
        let (off, meant) =
            of.iter().map(|meant| (off(rate, value(*meant)), *meant)).min_by(|one, other| one.0.total_cmp(&other.0))?;
        (off <= within).then_some(meant)
    };
    let exact = || nearest(&[USUAL.as_slice(), &BELOW].concat(), ROUNDING);
    Some(exact().or_else(|| nearest(&USUAL, WAVERING)).unwrap_or((rate.round() as u32, 1)))
}

fn value((num, den): (u32, u32)) -> f64 {
    f64::from(num) / f64::from(den)
}

/// How far off it is, as a part of what was meant.
fn off(rate: f64, meant: f64) -> f64 {
    (rate - meant).abs() / meant
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(video: Codec, size: (u32, u32), frame_rate: f64, audio: Codec, channels: u8) -> StreamInfo {
        let video = VideoInfo {
            codec: video,
            profile: None,
            width: Some(size.0),
            height: Some(size.1),
            frame_rate: Some(frame_rate),
            interlaced: Some(false),
            pixel_aspect: None,
        };
        let audio = AudioInfo { codec: audio, language: None, sample_rate: Some(48_000), channels: Some(channels) };
        StreamInfo { video: Some(video), audio: vec![audio], bitrate_bps: Some(3_000_000), ..StreamInfo::default() }
    }

    #[rstest::rstest]
    #[case(25.0, (25, 1))]
    #[case(50.0, (50, 1))]
    #[case(29.97, (30_000, 1001))]
    #[case(90_000.0 / 1501.0, (60_000, 1001))]
    #[case(23.976, (24_000, 1001))]
    #[case(24.0, (24, 1))]
    #[case(12.5, (12_500, 1000))]
    #[case::a_bit_low(24.7, (25, 1))]
    #[case::a_bit_high(50.9, (50, 1))]
    #[case::near_two(29.8, (30, 1))]
    #[case::hardly_near_two(23.95, (24, 1))]
    #[case(59.94, (60_000, 1001))]
    #[case(119.88, (120_000, 1001))]
    #[case::unusual(36.4, (36, 1))]
    #[case::slow(5.2, (5, 1))]
    fn frame_rates_are_those_that_were_meant(#[case] rate: f64, #[case] expected: (u32, u32)) {
        assert_eq!(fraction(rate), Some(expected));
    }

    #[test]
    fn a_slate_is_like_its_programme() {
        for video in [Codec::H264, Codec::Hevc, Codec::Mpeg2] {
            for (audio, channels) in [(Codec::Aac, 2), (Codec::Ac3, 6), (Codec::Eac3, 6), (Codec::Mp2, 2)] {
                let info = info(video, (1920, 1080), 25.0, audio, channels);
                let slate = slate_for(&info, "One moment, please").unwrap();
                let (pictures, sound) = (slate.video.clone().unwrap(), slate.audio.clone().unwrap());
                assert_eq!((pictures.width, pictures.height, pictures.frame_rate), (1920, 1080, (25, 1)));
                assert_eq!((sound.channels, sound.sample_rate, sound.tone_hz), (channels, 48_000, None));
                assert!(u64::from(pictures.bit_rate) <= 1_500_000, "at most half of what the programme has");
                assert!(is_like(&slate, &info));
            }
        }
        let slate = slate_for(&info(Codec::H264, (1280, 720), 50.0, Codec::Aac, 2), "a").unwrap();
        assert!(!is_like(&slate, &info(Codec::Hevc, (1280, 720), 50.0, Codec::Aac, 2)));
        assert!(!is_like(&slate, &info(Codec::H264, (1280, 720), 50.0, Codec::Mp2, 2)));
    }

    #[test]
    fn what_is_not_known_or_cannot_be_made() {
        let known = info(Codec::H264, (1280, 720), 50.0, Codec::Aac, 2);
        let video = known.video.clone().unwrap();
        let without = |video| slate_for(&StreamInfo { video: Some(video), ..known.clone() }, "a");
        assert_eq!(without(VideoInfo { width: None, ..video.clone() }), None);
        assert_eq!(without(VideoInfo { frame_rate: None, ..video.clone() }), None);
        assert_eq!(without(VideoInfo { codec: Codec::Av1, ..video.clone() }), None);
        assert_eq!(without(VideoInfo { width: Some(8000), ..video }), None);
        assert_eq!(slate_for(&StreamInfo::default(), "a"), None);
        let dts = slate_for(&info(Codec::H264, (1280, 720), 50.0, Codec::Dts, 6), "a").unwrap();
        assert_eq!(dts.audio, None, "sound that cannot be made is left out");
        let radio = slate_for(&StreamInfo { video: None, ..known }, "a").unwrap();
        assert!(radio.video.is_none() && radio.audio.is_some());
    }

    proptest::proptest! {
        #[test]
        fn a_measured_frame_rate_that_wavers_gives_few_slates(meant in 5.0f64..118.0, waves in proptest::collection::vec(-0.01f64..0.01, 50)) {
            let rates: std::collections::HashSet<_> = waves.iter().map(|wave| fraction((meant * (1.0 + wave)).max(5.0)).unwrap()).collect();
            // Neighbours, with those a thousandth below; where rates are high, whole ones are less than these 2 % apart.
            proptest::prop_assert!(rates.len() <= 6, "{rates:?}");
            for near in [24.0, 25.0, 30.0, 50.0, 60.0] {
                let seen: std::collections::HashSet<_> = waves.iter().map(|wave| fraction(near * (1.0 + wave)).unwrap()).collect();
                proptest::prop_assert!(seen.iter().all(|rate| off(value(*rate), near) < HARDLY_OTHER), "{seen:?}");
            }
        }
    }

    #[test]
    fn a_frame_rate_a_thousandth_off_is_no_other_slate() {
        let at = |rate| slate_for(&info(Codec::H264, (1280, 720), rate, Codec::Aac, 2), "a").unwrap();
        assert!(at(29.97) != at(30.0) && is_same_but_for_rate(&at(29.97), &at(30.0)));
        assert!(!is_same_but_for_rate(&at(24.0), &at(25.0)) && !is_same_but_for_rate(&at(25.0), &at(50.0)));
    }

    #[rstest::rstest]
    #[case::he_aac(Codec::Aac, 24_000, 2, Some(128_000))]
    #[case::he_aac_of_cds(Codec::Aac, 22_050, 2, Some(128_000))]
    #[case::mono(Codec::Aac, 16_000, 1, Some(64_000))]
    #[case::half_mp2(Codec::Mp2, 22_050, 2, Some(128_000))]
    #[case::half_mp2_mono(Codec::Mp2, 24_000, 1, Some(64_000))]
    #[case::mp2(Codec::Mp2, 44_100, 2, Some(192_000))]
    #[case::half_ac3(Codec::Ac3, 24_000, 2, None)]
    #[case::too_slow(Codec::Aac, 11_025, 2, None)]
    #[case::too_many(Codec::Aac, 48_000, 8, None)]
    fn pictures_go_on_whatever_the_sound(
        #[case] codec: Codec,
        #[case] sample_rate: u32,
        #[case] channels: u8,
        #[case] bit_rate: Option<u32>,
    ) {
        let mut info = info(Codec::H264, (1280, 720), 25.0, codec, channels);
        info.audio[0].sample_rate = Some(sample_rate);
        let slate = slate_for(&info, "a").unwrap();
        assert!(slate.video.is_some() && is_like(&slate, &info));
        assert_eq!(slate.audio.map(|sound| sound.bit_rate), bit_rate);
        assert!(slate_for(&StreamInfo { video: None, ..info }, "a").is_some() == bit_rate.is_some());
    }

    #[rstest::rstest]
    #[case(None, (1, 1))]
    #[case(Some((64, 45)), (64, 45))]
    #[case(Some((1281, 1280)), (1, 1))]
    fn pixels_have_the_same_shape(#[case] aspect: Option<(u16, u16)>, #[case] expected: (u32, u32)) {
        let mut info = info(Codec::Mpeg2, (720, 576), 25.0, Codec::Mp2, 2);
        info.video.as_mut().unwrap().pixel_aspect = aspect;
        assert_eq!(slate_for(&info, "a").unwrap().video.unwrap().pixel_aspect, expected);
    }

    #[test]
    fn every_sound_has_its_silence() {
        let mut info = info(Codec::H264, (1280, 720), 25.0, Codec::Dts, 6);
        let track = |codec, channels| AudioInfo { codec, language: None, sample_rate: Some(48_000), channels };
        let others = |info: &StreamInfo| {
            let clips = other_silences(&slate_for(info, "a").unwrap(), info);
            assert!(clips.iter().all(|clip| clip.video.is_none() && clip.check().is_ok()));
            clips.into_iter().map(|clip| clip.audio.unwrap()).map(|sound| (sound.codec, sound.channels)).collect::<Vec<_>>()
        };
        assert_eq!(others(&info), []);
        info.audio.extend([track(Codec::Ac3, Some(6)), track(Codec::Ac3, Some(2)), track(Codec::Mp2, None)]);
        assert_eq!(others(&info), [(AudioCodec::Ac3, 6)], "one each, of what is known");
        info.audio[0] = track(Codec::Aac, Some(2));
        info.audio.push(track(Codec::Aac, Some(6)));
        assert_eq!(others(&info), [(AudioCodec::Ac3, 6)], "the slate has the first");
    }

    #[test]
    fn a_rate_that_wavers_gives_the_same_slate() {
        let at =
            |bps| slate_for(&StreamInfo { bitrate_bps: Some(bps), ..info(Codec::H264, (1280, 720), 25.0, Codec::Aac, 2) }, "a");
        assert_eq!(at(3_900_000), at(4_100_000));
        let (thin, fat) = (at(500_000).unwrap(), at(9_000_000).unwrap());
        assert!(thin != fat && is_same_but_for_rate(&thin, &fat));
    }
}

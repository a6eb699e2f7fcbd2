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

/// The slate with this text for a programme of which this was seen. None where too little of it is known yet, or nobody
/// here can make its pictures; sound that cannot be made is left out.
pub fn slate_for(info: &StreamInfo, text: &str) -> Option<ClipSpec> {
    let video = match &info.video {
        Some(video) => Some(pictures(video, info.bitrate_bps)?),
        None => None,
    };
    let audio = match info.audio.first() {
        Some(audio) if audio_codec(audio.codec).is_some() => Some(sound(audio)?),
        _ => None,
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
    for sound in info.audio.iter().filter_map(sound) {
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
    let audio = info.audio.first().and_then(|audio| audio_codec(audio.codec));
    slate.video.as_ref().map(|video| Some(video.codec)) == video && slate.audio.as_ref().map(|audio| audio.codec) == audio
}

/// Whether two slates differ in their bit rates at most.
pub fn is_same_but_for_rate(one: &ClipSpec, other: &ClipSpec) -> bool {
    let bare =
        |spec: &ClipSpec| ClipSpec { video: spec.video.clone().map(|video| VideoSpec { bit_rate: 0, ..video }), ..spec.clone() };
    bare(one) == bare(other)
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
        pixel_aspect: (1, 1),
        frame_rate,
        interlaced: video.interlaced.unwrap_or(false) && video.codec != Codec::Hevc,
        gop: ((f64::from(frame_rate.0) / f64::from(frame_rate.1) * GROUP_S).round() as u32).max(1),
        bit_rate: RATES.into_iter().find(|rate| u64::from(*rate) <= most).unwrap_or(RATES[RATES.len() - 1]),
    })
}

fn sound(audio: &AudioInfo) -> Option<AudioSpec> {
    let codec = audio_codec(audio.codec)?;
    let channels = audio.channels?;
    let bit_rate = match (codec, channels) {
        (_, 3..) => 384_000,
        (AudioCodec::Aac, 1) => 64_000,
        (AudioCodec::Aac, _) => 128_000,
        (_, 1) => 96_000,
        (_, _) => 192_000,
    };
    Some(AudioSpec { codec, sample_rate: audio.sample_rate?, channels, tone_hz: None, bit_rate })
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

/// The frame rate that was meant: whole, or whole over 1.001, where it is as near as a rounded duration of a frame.
fn fraction(rate: f64) -> Option<(u32, u32)> {
    if !(5.0..=120.0).contains(&rate) {
        return None;
    }
    let near = |meant: f64| (rate - meant).abs() <= rate * 0.0004;
    let whole = rate.round();
    let ntsc = (rate * 1.001).round();
    Some(if near(whole) {
        (whole as u32, 1)
    } else if near(ntsc / 1.001) {
        (ntsc as u32 * 1000, 1001)
    } else {
        ((rate * 1000.0).round() as u32, 1000)
    })
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

//! Numbers as people read them. Pure.

use std::time::Duration;

use crate::model::{AudioInfo, Codec, StreamInfo, VideoInfo};

/// `8.4 Mbit/s`.
pub fn rate(bits_per_second: u64) -> String {
    match bits_per_second {
        0..1_000 => format!("{bits_per_second} bit/s"),
        1_000..1_000_000 => format!("{} kbit/s", bits_per_second / 1_000),
        _ => format!("{}.{} Mbit/s", bits_per_second / 1_000_000, bits_per_second / 100_000 % 10),
    }
}

/// `12 s`, `5 min`, `2 h 10 min`, `3 d 4 h`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// `1080i 25 · H.264 · AC-3 deu`; empty while nothing was seen.
pub fn stream(info: &StreamInfo) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(video) = &info.video {
        parts.extend(picture(video));
        parts.push(codec(video.codec).to_owned());
    }
    if let Some(audio) = info.audio.first() {
        parts.push(sound(audio));
    }
    if info.scrambled {
        parts.push("scrambled".to_owned());
    }
    let mut codecs = info.video.iter().map(|video| video.codec).chain(info.audio.iter().map(|audio| audio.codec));
    if codecs.any(Codec::needs_transcoding) {
        parts.push("needs transcoding".to_owned());
    }
    parts.join(" · ")
}

/// `1080i 25`.
fn picture(video: &VideoInfo) -> Option<String> {
    let height = video.height?;
    let scan = if video.interlaced == Some(true) { 'i' } else { 'p' };
    Some(match video.frame_rate {
        Some(rate) => format!("{height}{scan} {}", frame_rate(rate)),
        None => format!("{height}{scan}"),
    })
}

/// `25`, `59.94`.
fn frame_rate(rate: f64) -> String {
    let text = format!("{rate:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn sound(audio: &AudioInfo) -> String {
    let channels = match audio.channels {
        Some(1) => " mono",
        Some(6) => " 5.1",
        Some(8) => " 7.1",
        _ => "",
    };
    let language = audio.language.as_deref().filter(|language| *language != "und").unwrap_or_default();
    format!("{}{channels} {language}", codec(audio.codec)).trim_end().to_owned()
}

/// A codec by the name on the box.
pub fn codec(codec: Codec) -> &'static str {
    match codec {
        Codec::Mpeg1 => "MPEG-1",
        Codec::Mpeg2 => "MPEG-2",
        Codec::Mpeg4 => "MPEG-4",
        Codec::H264 => "H.264",
        Codec::Hevc => "HEVC",
        Codec::Vvc => "VVC",
        Codec::Vc1 => "VC-1",
        Codec::Av1 => "AV1",
        Codec::JpegXs => "JPEG XS",
        Codec::Mp2 => "MP2",
        Codec::Aac | Codec::AacLatm => "AAC",
        Codec::Ac3 => "AC-3",
        Codec::Eac3 => "E-AC-3",
        Codec::Ac4 => "AC-4",
        Codec::Dts => "DTS",
        Codec::Opus => "Opus",
        Codec::Pcm302 => "PCM",
        other => other.name(),
    }
}

/// Names that players have in their User-Agent, and what people call them. The first that fits counts.
const PLAYERS: [(&str, &str); 17] = [
    ("rooftop page", "Rooftop page"),
    ("plex", "Plex"),
    ("jellyfin", "Jellyfin"),
    ("emby", "Emby"),
    ("channels", "Channels"),
    ("kodi", "Kodi"),
    ("tvheadend", "Tvheadend"),
    ("mythtv", "MythTV"),
    ("vlc", "VLC"),
    ("mpv", "mpv"),
    ("gstreamer", "GStreamer"),
    ("lavf", "FFmpeg"),
    ("exoplayer", "ExoPlayer"),
    ("applecoremedia", "Apple player"),
    ("curl", "curl"),
    ("udp:", "HDHomeRun (UDP)"),
    ("rtp:", "HDHomeRun (RTP)"),
];

/// What a User-Agent is called by people.
pub fn player(agent: &str) -> String {
    let lower = agent.to_ascii_lowercase();
    if let Some((_, name)) = PLAYERS.iter().find(|(mark, _)| lower.contains(mark)) {
        return (*name).to_owned();
    }
    let word = agent.split(['/', ' ', '(']).next().unwrap_or_default();
    let name: String = word.chars().filter(|c| !c.is_control()).take(24).collect();
    if name.is_empty() { "a player".to_owned() } else { name }
}

/// `once`, `twice`, `3 times`.
pub fn times(number: u64) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        number => format!("{number} times"),
    }
}

/// `source changed twice, opened again once`; of all changes so many came back to the same source.
pub fn changes(all: u64, reopened: u64) -> String {
    match (all.saturating_sub(reopened), reopened) {
        (0, 0) => String::new(),
        (0, again) => format!("source opened again {}", times(again)),
        (other, 0) => format!("source changed {}", times(other)),
        (other, again) => format!("source changed {}, opened again {}", times(other), times(again)),
    }
}

/// `1 viewer`, `2 viewers`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(0, "0 bit/s")]
    #[case(192_000, "192 kbit/s")]
    #[case(8_449_999, "8.4 Mbit/s")]
    #[case(155_000_000, "155.0 Mbit/s")]
    fn rates(#[case] rate_bps: u64, #[case] shown: &str) {
        assert_eq!(rate(rate_bps), shown);
    }

    #[rstest::rstest]
    #[case(59, "59 s")]
    #[case(60, "1 min")]
    #[case(7_800, "2 h 10 min")]
    #[case(273_600, "3 d 4 h")]
    fn durations(#[case] seconds: u64, #[case] shown: &str) {
        assert_eq!(duration(Duration::from_secs(seconds)), shown);
    }

    #[rstest::rstest]
    #[case(0, 0, "")]
    #[case(1, 0, "source changed once")]
    #[case(3, 3, "source opened again 3 times")]
    #[case(5, 3, "source changed twice, opened again 3 times")]
    fn changes_of_source(#[case] all: u64, #[case] reopened: u64, #[case] shown: &str) {
        assert_eq!(changes(all, reopened), shown);
    }

    #[test]
    fn streams() {
        let video = |interlaced, frame_rate| VideoInfo {
            codec: Codec::H264,
            profile: None,
            width: Some(1920),
            height: Some(1080),
            frame_rate: Some(frame_rate),
            interlaced: Some(interlaced),
            pixel_aspect: None,
        };
        let audio = |language: &str, channels| AudioInfo {
            codec: Codec::Ac3,
            language: Some(language.to_owned()),
            sample_rate: Some(48_000),
            channels: Some(channels),
        };
        let info = StreamInfo { video: Some(video(true, 25.0)), audio: vec![audio("deu", 2)], ..StreamInfo::default() };
        assert_eq!(stream(&info), "1080i 25 · H.264 · AC-3 deu");
        let info = StreamInfo {
            video: Some(video(false, 60_000.0 / 1001.0)),
            audio: vec![audio("und", 6)],
            scrambled: true,
            ..StreamInfo::default()
        };
        assert_eq!(stream(&info), "1080p 59.94 · H.264 · AC-3 5.1 · scrambled");
        let sound = AudioInfo { codec: Codec::Opus, ..audio("und", 2) };
        let info = StreamInfo { video: Some(video(false, 50.0)), audio: vec![sound], ..StreamInfo::default() };
        assert_eq!(stream(&info), "1080p 50 · H.264 · Opus · needs transcoding");
        assert_eq!(stream(&StreamInfo::default()), "");
    }

    #[rstest::rstest]
    #[case("PlexMediaServer/1.41", "Plex")]
    #[case("VLC/3.0.24 LibVLC/3.0.24", "VLC")]
    #[case("Lavf/59.27.100", "FFmpeg")]
    #[case("Kodi/20.1 (X11; Linux x86_64)", "Kodi")]
    #[case("udp://10.0.0.5:5000", "HDHomeRun (UDP)")]
    #[case("My\u{7}Box/2.0", "MyBox")]
    #[case("", "a player")]
    fn players(#[case] agent: &str, #[case] shown: &str) {
        assert_eq!(player(agent), shown);
    }
}

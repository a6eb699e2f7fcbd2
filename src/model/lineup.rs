//! From channels to the lineup of a device. Pure.

use super::{Channel, ChannelId, Codec, GuideNumber};

/// One row of a lineup, ready to be written as JSON, XML or M3U.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The channel.
    pub channel: ChannelId,
    /// Its number.
    pub number: GuideNumber,
    /// Its name.
    pub name: String,
    /// Codec name as HDHomeRuns write it; only when seen, since Jellyfin believes it without probing.
    pub video_codec: Option<&'static str>,
    /// The same for sound.
    pub audio_codec: Option<&'static str>,
    /// High definition.
    pub hd: bool,
    /// Marked by a person.
    pub favorite: bool,
    /// Copy-protected.
    pub drm: bool,
    /// Logo address.
    pub logo: Option<String>,
    /// Group.
    pub group: Option<String>,
}

/// The enabled channels, in order of their numbers.
pub fn lineup<'a>(channels: impl IntoIterator<Item = &'a Channel>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = channels.into_iter().filter(|channel| channel.enabled).map(entry).collect();
    entries.sort_by(|a, b| a.number.cmp(&b.number));
    entries
}

fn entry(channel: &Channel) -> Entry {
    let info = channel.info.as_ref();
    Entry {
        channel: channel.id,
        number: channel.number.clone(),
        name: channel.name.clone(),
        video_codec: info.and_then(|info| info.video.as_ref()).and_then(|video| hdhr_video(video.codec)),
        audio_codec: info.and_then(|info| info.audio.first()).and_then(|audio| hdhr_audio(audio.codec)),
        hd: channel.is_hd(),
        favorite: channel.favorite,
        drm: channel.drm,
        logo: channel.logo.clone(),
        group: channel.group.clone(),
    }
}

fn hdhr_video(codec: Codec) -> Option<&'static str> {
    match codec {
        Codec::Mpeg2 => Some("MPEG2"),
        Codec::H264 => Some("H264"),
        Codec::Hevc => Some("HEVC"),
        _ => None,
    }
}

fn hdhr_audio(codec: Codec) -> Option<&'static str> {
    match codec {
        Codec::Ac3 => Some("AC3"),
        Codec::Aac | Codec::AacLatm => Some("AAC"),
        Codec::Mp2 => Some("MPEG"),
        Codec::Ac4 => Some("AC4"),
        _ => None,
    }
}

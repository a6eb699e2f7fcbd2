//! What was seen in a stream's bytes. Nothing here is ever asked of the source a second time.

use serde::{Deserialize, Serialize};

/// A codec, by the name people use. Unknown ones keep their `stream_type` (13818-1, table 2-34) and pass through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// ISO/IEC 11172-2.
    Mpeg1,
    /// ISO/IEC 13818-2.
    Mpeg2,
    /// ISO/IEC 14496-2.
    Mpeg4,
    /// ISO/IEC 14496-10.
    H264,
    /// ISO/IEC 23008-2.
    Hevc,
    /// ISO/IEC 23090-3.
    Vvc,
    /// SMPTE 421M.
    Vc1,
    /// AOMedia AV1.
    Av1,
    /// ISO/IEC 21122.
    JpegXs,
    /// MPEG audio layers I to III.
    Mp2,
    /// AAC in ADTS.
    Aac,
    /// AAC in LATM/LOAS.
    AacLatm,
    /// Dolby Digital.
    Ac3,
    /// Dolby Digital Plus.
    Eac3,
    /// Dolby AC-4.
    Ac4,
    /// DTS and DTS-HD.
    Dts,
    /// Opus.
    Opus,
    /// SMPTE 302M PCM.
    Pcm302,
    /// DVB subtitles (EN 300 743).
    DvbSubtitle,
    /// Teletext (EN 300 472).
    Teletext,
    /// SCTE-35 splice information.
    Scte35,
    /// Timed ID3.
    Id3,
    /// Anything else, by its stream type.
    Other(u8),
}

/// The role of an elementary stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Subtitles and teletext.
    Subtitle,
    /// Everything else: SCTE-35, ID3, AIT, private data.
    Data,
}

impl Codec {
    /// Its role.
    pub fn kind(self) -> Kind {
        match self {
            Self::Mpeg1
            | Self::Mpeg2
            | Self::Mpeg4
            | Self::H264
            | Self::Hevc
            | Self::Vvc
            | Self::Vc1
            | Self::Av1
            | Self::JpegXs => Kind::Video,
            Self::Mp2
            | Self::Aac
            | Self::AacLatm
            | Self::Ac3
            | Self::Eac3
            | Self::Ac4
            | Self::Dts
            | Self::Opus
            | Self::Pcm302 => Kind::Audio,
            Self::DvbSubtitle | Self::Teletext => Kind::Subtitle,
            Self::Scte35 | Self::Id3 | Self::Other(_) => Kind::Data,
        }
    }

    /// No HDHomeRun client takes it as it is. It is carried all the same, as the standards say, and marked.
    pub fn needs_transcoding(self) -> bool {
        matches!(self, Self::Av1 | Self::JpegXs | Self::Opus)
    }

    /// A short name as ffprobe spells it, for people and the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mpeg1 => "mpeg1video",
            Self::Mpeg2 => "mpeg2video",
            Self::Mpeg4 => "mpeg4",
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::Vvc => "vvc",
            Self::Vc1 => "vc1",
            Self::Av1 => "av1",
            Self::JpegXs => "jpegxs",
            Self::Mp2 => "mp2",
            Self::Aac => "aac",
            Self::AacLatm => "aac_latm",
            Self::Ac3 => "ac3",
            Self::Eac3 => "eac3",
            Self::Ac4 => "ac4",
            Self::Dts => "dts",
            Self::Opus => "opus",
            Self::Pcm302 => "s302m",
            Self::DvbSubtitle => "dvb_subtitle",
            Self::Teletext => "dvb_teletext",
            Self::Scte35 => "scte_35",
            Self::Id3 => "timed_id3",
            Self::Other(_) => "data",
        }
    }
}

/// The pictures of a programme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VideoInfo {
    /// Codec.
    pub codec: Codec,
    /// Profile as the standard names it, such as `High` or `Main 10`.
    pub profile: Option<String>,
    /// Pixels, after cropping.
    pub width: Option<u32>,
    /// Pixels, after cropping.
    pub height: Option<u32>,
    /// Frames a second; of an interlaced stream, frames and not fields.
    pub frame_rate: Option<f64>,
    /// Whether pictures may be coded as fields.
    pub interlaced: Option<bool>,
    /// Width to height of a pixel, where it is no square.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixel_aspect: Option<(u16, u16)>,
}

/// One sound track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AudioInfo {
    /// Codec.
    pub codec: Codec,
    /// ISO 639-2 code from the descriptor.
    pub language: Option<String>,
    /// Hertz.
    pub sample_rate: Option<u32>,
    /// Channels, with the low-frequency one.
    pub channels: Option<u8>,
}

/// One subtitle or teletext track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SubtitleInfo {
    /// Codec.
    pub codec: Codec,
    /// ISO 639-2 code from the descriptor.
    pub language: Option<String>,
}

/// All that was seen in a stream so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StreamInfo {
    /// The chosen programme's number in the source.
    pub program: Option<u16>,
    /// How many programmes the source carries.
    pub program_count: u16,
    /// Service name from the SDT, if it has one.
    pub service_name: Option<String>,
    /// The first video stream.
    pub video: Option<VideoInfo>,
    /// Sound tracks in PMT order.
    pub audio: Vec<AudioInfo>,
    /// Subtitle and teletext tracks in PMT order.
    pub subtitles: Vec<SubtitleInfo>,
    /// Elementary streams that are none of these.
    pub data_streams: u16,
    /// Bits a second of the chosen programme, by media time.
    pub bitrate_bps: Option<u64>,
    /// Whether media packets were scrambled.
    pub scrambled: bool,
    /// Packets missing by their continuity counters (13818-1, 2.4.3.3).
    pub continuity_errors: u64,
}

impl StreamInfo {
    /// Whether it differs from `known` in what a stream is; rates and counters alone are no news.
    pub fn is_news_to(&self, known: &Self) -> bool {
        let shape = |info: &Self| Self { bitrate_bps: None, continuity_errors: 0, ..info.clone() };
        shape(self) != shape(known)
    }

    /// `1920x1080`, if known.
    pub fn resolution(&self) -> Option<String> {
        let video = self.video.as_ref()?;
        Some(format!("{}x{}", video.width?, video.height?))
    }
}

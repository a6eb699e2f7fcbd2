//! Words that say how a channel is sent, not which it is.

use serde::{Deserialize, Serialize};

/// What a name says of its picture, the worst first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Quality {
    /// `LQ`, `240p`, `360p`.
    Low,
    /// `SD`, `480p`, `576i`.
    Standard,
    /// Nothing, or what says nothing of its size: `HEVC`, `50fps`.
    #[default]
    Unsaid,
    /// `HD`, `720p`, `HQ`.
    High,
    /// `FHD`, `1080p`.
    Full,
    /// `UHD`, `4K`, `2160p`, `8K`.
    Ultra,
}

/// What a word says. `marked`: it is in capitals or set apart, which is needed for those that are words as well.
pub(super) fn word(word: &str, marked: bool) -> Option<Quality> {
    Some(match word {
        "hd" | "hq" | "hdtv" | "720p" | "hd720" => Quality::High,
        "fhd" | "1080p" | "1080i" | "1080" | "hd1080" | "fullhd" => Quality::Full,
        "uhd" | "4k" | "8k" | "2160p" | "3840p" | "4320p" | "uhdtv" | "ultrahd" => Quality::Ultra,
        "sd" | "576p" | "576i" | "480p" | "480i" | "540p" | "sdtv" => Quality::Standard,
        "lq" | "360p" | "240p" | "144p" => Quality::Low,
        "hevc" | "h265" | "x265" | "h264" | "x264" | "avc" | "hdr" | "hdr10" | "50fps" | "60fps" | "25fps" | "30fps" => {
            Quality::Unsaid
        }
        // "WWE Raw", "Grande Fratello Vip" are names.
        "raw" | "vip" if marked => Quality::Unsaid,
        _ => return None,
    })
}

/// What two words say together: "Full HD", "H.265".
pub(super) fn pair(first: &str, second: &str) -> Option<Quality> {
    match (first, second) {
        ("full", "hd") => Some(Quality::Full),
        ("ultra", "hd") => Some(Quality::Ultra),
        ("h", "265" | "264") | ("50" | "60" | "25" | "30", "fps") => Some(Quality::Unsaid),
        _ => None,
    }
}

/// Whether it is set aside in the midst of a name, too.
pub(super) fn is_never_a_name(word: &str) -> bool {
    matches!(word, "hd" | "fhd" | "uhd" | "hevc" | "h265" | "1080p" | "720p" | "2160p")
}

/// Whether it says that this is a spare.
pub(super) fn is_spare(word: &str) -> bool {
    matches!(word, "backup" | "bkp" | "bck")
}

/// Whether it is such a word where it is set apart.
pub(super) fn is_tag(text: &str) -> bool {
    is_spare(text) || word(text, true).is_some()
}

//! Channels: what people watch.

use serde::{Deserialize, Serialize};

use super::{ChannelId, GuideNumber, StreamInfo};

/// A channel of the lineup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Channel {
    /// Its identity, for ever.
    pub id: ChannelId,
    /// Its number; unique.
    pub number: GuideNumber,
    /// Its name, UTF-8.
    pub name: String,
    /// Address of its logo.
    pub logo: Option<String>,
    /// The guide's id for it (`tvg-id`).
    pub guide_id: Option<String>,
    /// Its group (`group-title`).
    pub group: Option<String>,
    /// Whether it is in the lineup.
    pub enabled: bool,
    /// Marked by a person.
    pub favorite: bool,
    /// Carries copy protection no client here can undo; hidden by most clients.
    pub drm: bool,
    /// What was last seen in its stream.
    pub info: Option<StreamInfo>,
    /// Whether its next source is kept ready while one is on air; `None`: as the settings say.
    pub hot_standby: Option<bool>,
    /// Gracenote's id of its station, if its playlist says it (`tvc-guide-stationid`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station_id: Option<String>,
}

impl Channel {
    /// Whether it counts as high definition: at least 720 lines as seen; before it was ever seen, by its name.
    pub fn is_hd(&self) -> bool {
        match self.info.as_ref().and_then(|info| info.video.as_ref()).and_then(|video| video.height) {
            Some(height) => height >= 720,
            None => self
                .name
                .split(|c: char| !c.is_ascii_alphanumeric())
                .any(|word| ["HD", "FHD", "UHD", "4K", "1080P", "720P", "1080I"].iter().any(|hd| word.eq_ignore_ascii_case(hd))),
        }
    }
}

/// A channel about to be made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewChannel {
    /// The number it would like; the next free one from 100 if taken or absent.
    pub number: Option<GuideNumber>,
    /// Its name.
    pub name: String,
    /// Address of its logo.
    pub logo: Option<String>,
    /// The guide's id for it.
    pub guide_id: Option<String>,
    /// Its group.
    pub group: Option<String>,
    /// Marked by a person.
    pub favorite: bool,
    /// Copy-protected.
    pub drm: bool,
    /// Gracenote's id of its station.
    pub station_id: Option<String>,
}

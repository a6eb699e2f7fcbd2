//! What is taken from a playlist, and what becomes of it: filters, channels made by themselves, assignments, blocks of events. As
//! people say it; `playlist::rules` applies it.

use serde::{Deserialize, Serialize};

use super::ChannelId;

/// What kind of thing an item of a playlist is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A channel of television.
    Live,
    /// A radio station.
    Radio,
    /// A film or an episode.
    Vod,
}

/// The rules of a playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlaylistRules {
    /// Items that meet one of these are offered; none: all are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Condition>,
    /// Items that meet one of these are not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Condition>,
    /// Films and series are offered, too.
    #[serde(skip_serializing_if = "is_false")]
    pub vod: bool,
    /// Radio stations are left out.
    #[serde(skip_serializing_if = "is_false")]
    pub no_radio: bool,
    /// Which items become channels by themselves. Absent: decided when the playlist is first read, by its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Automatic>,
    /// The groups whose items become channels, with [`Automatic::Groups`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Items that are sources of a channel that exists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assign: Vec<Assignment>,
    /// Items that are events, and take turns in channels of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventBlock>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Which items become channels by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Automatic {
    /// All that are offered.
    All,
    /// Those of the chosen groups.
    Groups,
    /// None: people pick them.
    None,
}

/// All that is said must hold. Case does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// The group, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// A regular expression found in the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_regex: Option<String>,
    /// Words found in the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A regular expression found in the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_regex: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ItemKind>,
}

/// Items that belong to a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Which items.
    pub when: Condition,
    /// Whose sources they become.
    pub channel: ChannelId,
}

/// A block of channels for events. An event keeps its channel for as long as the playlist has it; then another takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventBlock {
    /// A name that makes it the same block when something else about it is changed; letters and digits.
    pub id: String,
    /// Which items.
    pub when: Condition,
    /// The guide number of the first channel; the others follow.
    pub first: u32,
    /// How many channels.
    pub slots: u32,
}

//! What a viewer went through, as a row of events: the raw material of statistics.

use serde::{Deserialize, Serialize};

use super::history::{Moment, is_nothing};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewingKind {
    /// A viewer began to see something.
    SessionStart,
    /// A viewer who had seen something left.
    SessionEnd,
    /// The source was lost while somebody watched.
    RebufferStart,
    /// It goes on, after so many seconds; or the viewer was too slow itself and missed something.
    Buffering,
    /// Codec or resolution changed.
    QualityChange,
    /// There is nothing more to see, or never was.
    Error,
}

/// One event of one viewer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ViewingEvent {
    /// When.
    pub at: Moment,
    /// What.
    pub event_type: ViewingKind,
    /// The session, counted from 1 since the process began.
    pub session_id: u64,
    /// The viewer, counted from 1 since the process began.
    pub subscriber_id: u64,
    /// The channel.
    pub channel_id: i64,
    /// Its number then.
    pub guide_number: String,
    /// The viewer's address.
    pub client_addr: String,
    /// User-Agent, or what else it is.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub user_agent: String,
    /// Bytes it was given, all in all; where that is known: at its end.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub bytes: u64,
    /// At the end, seconds watched; of a buffering, its length.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub seconds: f64,
    /// `1920x1080 h264`, where that changed.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub quality: String,
    /// Why, without credentials.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub reason: String,
}

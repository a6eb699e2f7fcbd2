//! What is kept of sessions: every session with its source windows and its subscribers, as the history API shows it and the
//! store keeps it. The names of members are those of the reference's `SharedSessionHistory` and its parts.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time, in milliseconds since 1970. In JSON it is RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A time that no calendar has is the beginning of 1970.
        jiff::Timestamp::from_millisecond(self.0).unwrap_or_default().fmt(f)
    }
}

impl From<std::time::SystemTime> for Moment {
    fn from(time: std::time::SystemTime) -> Self {
        let since = time.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(time.as_millisecond()))
    }
}

impl schemars::JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// For members that are left out while they say nothing.
pub fn is_nothing<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One session, running or over.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct SessionHistory {
    /// Counted from 1 since the process that ran it began.
    pub session_id: u64,
    /// The channel.
    #[serde(skip_serializing_if = "is_nothing")]
    pub channel_id: i64,
    /// Its number then.
    #[serde(skip_serializing_if = "is_nothing")]
    pub guide_number: String,
    /// Its name then.
    #[serde(skip_serializing_if = "is_nothing")]
    pub guide_name: String,
    /// The first tuner it was shown on, counted from 0 over all devices.
    pub tuner_id: i64,
    /// When it began.
    pub opened_at: Moment,
    /// When it ended.
    #[serde(skip_serializing_if = "is_nothing")]
    pub closed_at: Option<Moment>,
    /// Whether it runs.
    pub active: bool,
    /// Why it ended, or `error`.
    #[serde(skip_serializing_if = "is_nothing")]
    pub terminal_status: String,
    /// What went wrong, if it ended by that.
    #[serde(skip_serializing_if = "is_nothing")]
    pub terminal_error: String,
    /// Most viewers at a time.
    pub peak_subscribers: i64,
    /// All viewers.
    pub total_subscribers: i64,
    /// Those that have left.
    pub completed_subscribers: i64,
    /// Times a viewer was too slow and skipped to a newer picture.
    pub slow_skip_events_total: u64,
    /// Chunks they missed.
    pub slow_skip_lag_chunks_total: u64,
    /// Bytes they missed.
    pub slow_skip_lag_bytes_total: u64,
    /// Most chunks missed at a time.
    pub slow_skip_max_lag_chunks: u64,
    /// Viewers that were let go because they took nothing.
    pub subscriber_write_deadline_timeouts_total: u64,
    /// Always 0: what a write leaves is written next, and is no event.
    pub subscriber_write_short_writes_total: u64,
    /// Always 0: waiting for a client costs nobody else anything, and is not timed.
    pub subscriber_write_blocked_duration_us: u64,
    /// The same.
    pub subscriber_write_blocked_duration_ms: u64,
    /// Times its source was lost and another one looked for.
    pub recovery_cycle_count: i64,
    /// Why, the last time.
    #[serde(skip_serializing_if = "is_nothing")]
    pub last_recovery_reason: String,
    /// Times a source came on air.
    pub source_select_count: i64,
    /// Those of them where it was the one that was lost.
    pub same_source_reselect_count: i64,
    /// When, the last time.
    #[serde(skip_serializing_if = "is_nothing")]
    pub last_source_selected_at: Option<Moment>,
    /// Why, the last time.
    #[serde(skip_serializing_if = "is_nothing")]
    pub last_source_select_reason: String,
    /// The last thing that went wrong, without credentials.
    #[serde(skip_serializing_if = "is_nothing")]
    pub last_error: String,
    /// The sources it had on air, the oldest first.
    #[serde(skip_serializing_if = "is_nothing")]
    pub sources: Vec<SourceHistory>,
    /// Its viewers, the oldest first.
    #[serde(skip_serializing_if = "is_nothing")]
    pub subscribers: Vec<SubscriberHistory>,
    /// Most sources that are kept.
    #[serde(skip_serializing_if = "is_nothing")]
    pub source_history_limit: i64,
    /// Those that were not kept.
    #[serde(rename = "source_history_truncated_count", skip_serializing_if = "is_nothing")]
    pub source_history_truncated: i64,
    /// Most viewers that are kept.
    #[serde(skip_serializing_if = "is_nothing")]
    pub subscriber_history_limit: i64,
    /// Those that were not kept.
    #[serde(rename = "subscriber_history_truncated_count", skip_serializing_if = "is_nothing")]
    pub subscriber_history_truncated: i64,
}

/// One time that a source was on air.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct SourceHistory {
    /// The source.
    #[serde(skip_serializing_if = "is_nothing")]
    pub source_id: i64,
    /// Stable key of its playlist item.
    #[serde(skip_serializing_if = "is_nothing")]
    pub item_key: String,
    /// Its address, without credentials.
    #[serde(skip_serializing_if = "is_nothing")]
    pub stream_url: String,
    /// When it came on air.
    pub selected_at: Moment,
    /// When it left.
    #[serde(skip_serializing_if = "is_nothing")]
    pub deselected_at: Option<Moment>,
    /// Why it came on air.
    #[serde(skip_serializing_if = "is_nothing")]
    pub selection_reason: String,
    /// What it showed of itself when it was proven.
    #[serde(flatten)]
    pub startup: Startup,
    /// `1920x1080`.
    #[serde(skip_serializing_if = "is_nothing")]
    pub resolution: String,
    /// Frames a second.
    #[serde(skip_serializing_if = "is_nothing")]
    pub frame_rate: f64,
    /// Codec of the pictures, as ffprobe spells it.
    #[serde(skip_serializing_if = "is_nothing")]
    pub video_codec: String,
    /// Codec of the first sound track.
    #[serde(skip_serializing_if = "is_nothing")]
    pub audio_codec: String,
    /// Bits a second by media time.
    #[serde(skip_serializing_if = "is_nothing")]
    pub profile_bitrate_bps: i64,
    /// What read it: `http`, `hls` …
    #[serde(skip_serializing_if = "is_nothing")]
    pub producer: String,
}

/// How a source proved itself. Members that are always empty are of a reference that trims and probes with other programs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Startup {
    /// Bytes read until it was proven; all of them are played.
    #[serde(rename = "startup_probe_raw_bytes", skip_serializing_if = "is_nothing")]
    pub raw_bytes: i64,
    /// Always empty: nothing is trimmed.
    #[serde(rename = "startup_probe_trimmed_bytes", skip_serializing_if = "is_nothing")]
    pub trimmed_bytes: i64,
    /// Always empty: nothing is cut.
    #[serde(rename = "startup_probe_cutover_offset", skip_serializing_if = "is_nothing")]
    pub cutover_offset: i64,
    /// Always empty: nothing is dropped.
    #[serde(rename = "startup_probe_dropped_bytes", skip_serializing_if = "is_nothing")]
    pub dropped_bytes: i64,
    /// Whether a random access point was seen.
    #[serde(rename = "startup_random_access_ready", skip_serializing_if = "is_nothing")]
    pub random_access_ready: bool,
    /// Of which codec.
    #[serde(rename = "startup_random_access_codec", skip_serializing_if = "is_nothing")]
    pub random_access_codec: String,
    /// How its streams are known: `psi`, from PAT and PMT.
    #[serde(rename = "startup_inventory_method", skip_serializing_if = "is_nothing")]
    pub inventory_method: String,
    /// Streams of pictures.
    #[serde(rename = "startup_video_streams", skip_serializing_if = "is_nothing")]
    pub video_streams: i64,
    /// Streams of sound.
    #[serde(rename = "startup_audio_streams", skip_serializing_if = "is_nothing")]
    pub audio_streams: i64,
    /// Their codecs, with commas between.
    #[serde(rename = "startup_video_codecs", skip_serializing_if = "is_nothing")]
    pub video_codecs: String,
    /// Their codecs, with commas between.
    #[serde(rename = "startup_audio_codecs", skip_serializing_if = "is_nothing")]
    pub audio_codecs: String,
    /// `video_audio`, `video_only`, `audio_only`.
    #[serde(rename = "startup_component_state", skip_serializing_if = "is_nothing")]
    pub component_state: String,
    /// Always empty: there is one way of proving.
    #[serde(rename = "startup_retry_relaxed_probe", skip_serializing_if = "is_nothing")]
    pub retry_relaxed_probe: bool,
    /// Always empty.
    #[serde(rename = "startup_retry_relaxed_probe_reason", skip_serializing_if = "is_nothing")]
    pub retry_relaxed_probe_reason: String,
}

/// One viewer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct SubscriberHistory {
    /// Identity.
    pub subscriber_id: u64,
    /// Address.
    #[serde(skip_serializing_if = "is_nothing")]
    pub client_addr: String,
    /// When it came.
    pub connected_at: Moment,
    /// When it left.
    #[serde(skip_serializing_if = "is_nothing")]
    pub closed_at: Option<Moment>,
    /// Why it left.
    #[serde(skip_serializing_if = "is_nothing")]
    pub close_reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back_and_look_like_times() {
        let moment = Moment(1_766_500_000_123);
        let text = serde_json::to_string(&moment).unwrap();
        assert_eq!(text, "\"2025-12-23T14:26:40.123Z\"");
        assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), moment);
        assert!(serde_json::from_str::<Moment>("\"yesterday\"").is_err());
    }

    #[test]
    fn what_is_kept_reads_back() {
        let source = SourceHistory {
            source_id: 4,
            frame_rate: 29.97,
            startup: Startup { video_streams: 1, ..Startup::default() },
            ..SourceHistory::default()
        };
        let session = SessionHistory {
            session_id: 7,
            closed_at: Some(Moment(5)),
            sources: vec![source],
            subscribers: vec![SubscriberHistory { subscriber_id: 3, ..SubscriberHistory::default() }],
            ..SessionHistory::default()
        };
        let text = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<SessionHistory>(&text).unwrap(), session);
        assert!(!text.contains("guide_number") && text.contains("\"startup_video_streams\":1"), "{text}");
    }
}

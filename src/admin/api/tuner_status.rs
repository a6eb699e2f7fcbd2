//! The words of the tuner status, as the reference's `TunerStatusSnapshot` and its parts have them. Pure.
//!
//! Members that are left out while they say nothing are those of the reference, and every time that is none.

mod fill;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::history::is_nothing;
use crate::model::{Moment, SessionHistory};

pub use fill::snapshot;

/// Everything that is shown.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct Snapshot {
    pub generated_at: Moment,
    pub tuner_count: i64,
    pub in_use_count: i64,
    pub idle_count: i64,
    pub churn: Churn,
    pub drain_wait: DrainWait,
    pub probe_close: ProbeClose,
    pub tuners: Vec<Tuner>,
    pub client_streams: Vec<ClientStream>,
    #[serde(skip_serializing_if = "is_nothing")]
    pub session_history: Vec<SessionHistory>,
    #[serde(skip_serializing_if = "is_nothing")]
    pub session_history_limit: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub session_history_truncated_count: i64,
}

impl Snapshot {
    /// With how much the history holds at most, and how much it had to let go.
    pub fn bounded(mut self, limit: usize, truncated: u64) -> Self {
        self.session_history_limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.session_history_truncated_count = i64::try_from(truncated).unwrap_or(i64::MAX);
        self
    }
}

/// How often running sessions have changed their source.
#[derive(Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct Churn {
    /// From this many reselections of the same source on, something is wrong with the channel.
    pub reselect_alert_threshold: i64,
    pub session_count: i64,
    pub recovering_session_count: i64,
    pub sessions_with_reselect_count: i64,
    pub sessions_over_reselect_threshold: i64,
    pub total_recovery_cycles: i64,
    pub total_source_select_count: i64,
    pub total_same_source_reselect_count: i64,
    pub max_same_source_reselect_count: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub max_reselect_channel_id: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub max_reselect_guide_number: String,
}

/// Always 0: sessions are owned, and nobody has to wait for them to drain but the end of the program.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct DrainWait {
    pub ok: u64,
    pub error: u64,
    pub wait_duration_us: u64,
    pub wait_duration_ms: u64,
}

/// Always 0: a probe's connection is closed by being dropped.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct ProbeClose {
    pub inline_count: u64,
    pub queue_full_count: u64,
}

/// One viewer of a tuner. These members have no other names in the reference.
#[derive(Debug, Default, Clone, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct Subscriber {
    #[serde(rename = "SubscriberID")]
    pub subscriber_id: u64,
    #[serde(rename = "ClientAddr")]
    pub client_addr: String,
    #[serde(rename = "StartedAt")]
    pub started_at: Moment,
}

/// A viewer with the tuner it watches on.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct ClientStream {
    pub tuner_id: i64,
    pub kind: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub channel_id: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub guide_number: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub guide_name: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub source_id: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub source_item_key: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub source_stream_url: String,
    #[serde(flatten)]
    pub profile: Profile,
    pub subscriber_id: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub client_addr: String,
    pub connected_at: Moment,
}

/// What is on air.
#[derive(Debug, Default, Clone, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct Profile {
    #[serde(skip_serializing_if = "is_nothing")]
    pub resolution: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub frame_rate: f64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub video_codec: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub audio_codec: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub current_bitrate_bps: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub profile_bitrate_bps: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub producer: String,
}

/// A tuner that is in use, with the session it shows.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct Tuner {
    pub tuner_id: i64,
    pub kind: String,
    pub state: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub guide_number: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub lease_client_addr: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub lease_started_at: Option<Moment>,
    #[serde(skip_serializing_if = "is_nothing")]
    pub channel_id: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub guide_name: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub source_id: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub source_item_key: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub source_stream_url: String,
    #[serde(flatten)]
    pub startup: SourceStartup,
    #[serde(flatten)]
    pub profile: Profile,
    #[serde(skip_serializing_if = "is_nothing")]
    pub session_started_at: Option<Moment>,
    #[serde(skip_serializing_if = "is_nothing")]
    pub last_byte_at: Option<Moment>,
    #[serde(skip_serializing_if = "is_nothing")]
    pub last_push_at: Option<Moment>,
    pub bytes_read: i64,
    pub bytes_pushed: i64,
    pub chunks_pushed: i64,
    pub slow_skip_events_total: u64,
    pub slow_skip_lag_chunks_total: u64,
    pub slow_skip_lag_bytes_total: u64,
    pub slow_skip_max_lag_chunks: u64,
    pub subscriber_write_deadline_timeouts_total: u64,
    pub subscriber_write_short_writes_total: u64,
    pub subscriber_write_blocked_duration_us: u64,
    pub subscriber_write_blocked_duration_ms: u64,
    pub stall_count: i64,
    pub recovery_cycle: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub recovery_reason: String,
    #[serde(flatten)]
    pub transition: Transition,
    #[serde(flatten)]
    pub keepalive: Keepalive,
    pub source_select_count: i64,
    pub same_source_reselect_count: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    pub last_source_selected_at: Option<Moment>,
    #[serde(skip_serializing_if = "is_nothing")]
    pub last_source_select_reason: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub since_last_source_select: String,
    #[serde(skip_serializing_if = "is_nothing")]
    pub last_error: String,
    #[serde(flatten)]
    pub health: HealthPersist,
    pub subscribers: Vec<Subscriber>,
}

/// How the source proved itself; see `model::history::Startup`.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct SourceStartup {
    #[serde(rename = "source_startup_probe_raw_bytes", skip_serializing_if = "is_nothing")]
    pub probe_raw_bytes: i64,
    #[serde(rename = "source_startup_probe_trimmed_bytes", skip_serializing_if = "is_nothing")]
    pub probe_trimmed_bytes: i64,
    #[serde(rename = "source_startup_probe_cutover_offset", skip_serializing_if = "is_nothing")]
    pub probe_cutover_offset: i64,
    #[serde(rename = "source_startup_probe_dropped_bytes", skip_serializing_if = "is_nothing")]
    pub probe_dropped_bytes: i64,
    #[serde(rename = "source_startup_probe_bytes", skip_serializing_if = "is_nothing")]
    pub probe_bytes: i64,
    #[serde(rename = "source_startup_random_access_ready", skip_serializing_if = "is_nothing")]
    pub random_access_ready: bool,
    #[serde(rename = "source_startup_random_access_codec", skip_serializing_if = "is_nothing")]
    pub random_access_codec: String,
    #[serde(rename = "source_startup_inventory_method", skip_serializing_if = "is_nothing")]
    pub inventory_method: String,
    #[serde(rename = "source_startup_video_streams", skip_serializing_if = "is_nothing")]
    pub video_streams: i64,
    #[serde(rename = "source_startup_audio_streams", skip_serializing_if = "is_nothing")]
    pub audio_streams: i64,
    #[serde(rename = "source_startup_video_codecs", skip_serializing_if = "is_nothing")]
    pub video_codecs: String,
    #[serde(rename = "source_startup_audio_codecs", skip_serializing_if = "is_nothing")]
    pub audio_codecs: String,
    #[serde(rename = "source_startup_component_state", skip_serializing_if = "is_nothing")]
    pub component_state: String,
    #[serde(rename = "source_startup_retry_relaxed_probe", skip_serializing_if = "is_nothing")]
    pub retry_relaxed_probe: bool,
    #[serde(rename = "source_startup_retry_relaxed_probe_reason", skip_serializing_if = "is_nothing")]
    pub retry_relaxed_probe_reason: String,
}

/// After a change of source: there is one way, the splice, which needs no signals in the stream and never falls back to another.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct Transition {
    #[serde(rename = "recovery_transition_mode", skip_serializing_if = "is_nothing")]
    pub mode: String,
    #[serde(rename = "recovery_transition_effective_mode", skip_serializing_if = "is_nothing")]
    pub effective_mode: String,
    #[serde(rename = "recovery_transition_signals_applied", skip_serializing_if = "is_nothing")]
    pub signals_applied: String,
    #[serde(rename = "recovery_transition_signal_skips", skip_serializing_if = "is_nothing")]
    pub signal_skips: String,
    #[serde(rename = "recovery_transition_fallback_count", skip_serializing_if = "is_nothing")]
    pub fallback_count: i64,
    #[serde(rename = "recovery_transition_fallback_reason", skip_serializing_if = "is_nothing")]
    pub fallback_reason: String,
    #[serde(rename = "recovery_transition_stitch_applied", skip_serializing_if = "is_nothing")]
    pub stitch_applied: bool,
}

/// The filler of the last recovery.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct Keepalive {
    #[serde(rename = "recovery_keepalive_mode", skip_serializing_if = "is_nothing")]
    pub mode: String,
    #[serde(rename = "recovery_keepalive_fallback_count", skip_serializing_if = "is_nothing")]
    pub fallback_count: i64,
    #[serde(rename = "recovery_keepalive_fallback_reason", skip_serializing_if = "is_nothing")]
    pub fallback_reason: String,
    #[serde(rename = "recovery_keepalive_started_at", skip_serializing_if = "is_nothing")]
    pub started_at: Option<Moment>,
    #[serde(rename = "recovery_keepalive_stopped_at", skip_serializing_if = "is_nothing")]
    pub stopped_at: Option<Moment>,
    #[serde(rename = "recovery_keepalive_duration", skip_serializing_if = "is_nothing")]
    pub duration: String,
    #[serde(rename = "recovery_keepalive_bytes", skip_serializing_if = "is_nothing")]
    pub bytes: i64,
    #[serde(rename = "recovery_keepalive_chunks", skip_serializing_if = "is_nothing")]
    pub chunks: i64,
    #[serde(rename = "recovery_keepalive_rate_bytes_per_second", skip_serializing_if = "is_nothing")]
    pub rate_bytes_per_second: f64,
    #[serde(rename = "recovery_keepalive_expected_rate_bytes_per_second", skip_serializing_if = "is_nothing")]
    pub expected_rate_bytes_per_second: f64,
    #[serde(rename = "recovery_keepalive_realtime_multiplier", skip_serializing_if = "is_nothing")]
    pub realtime_multiplier: f64,
    #[serde(rename = "recovery_keepalive_guardrail_count", skip_serializing_if = "is_nothing")]
    pub guardrail_count: i64,
    #[serde(rename = "recovery_keepalive_guardrail_reason", skip_serializing_if = "is_nothing")]
    pub guardrail_reason: String,
}

/// Always left out: the newest health of each source is written, so that nothing is dropped, whoever's it is.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default))]
pub struct HealthPersist {
    #[serde(rename = "source_health_persist_coalesced_total", skip_serializing_if = "is_nothing")]
    pub coalesced_total: i64,
    #[serde(rename = "source_health_persist_dropped_total", skip_serializing_if = "is_nothing")]
    pub dropped_total: i64,
    #[serde(rename = "source_health_persist_coalesced_by_source", skip_serializing_if = "is_nothing")]
    pub coalesced_by_source: BTreeMap<String, i64>,
    #[serde(rename = "source_health_persist_dropped_by_source", skip_serializing_if = "is_nothing")]
    pub dropped_by_source: BTreeMap<String, i64>,
}

#[cfg(test)]
mod tests;

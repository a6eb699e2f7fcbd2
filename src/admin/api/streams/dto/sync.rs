//! Whether sound and picture stay together.

use schemars::JsonSchema;
use serde::Serialize;

use crate::ingest::registry::Shown;
use crate::ingest::tap::sync::drift::{self, Status};
use crate::ingest::tap::sync::timeline;
use crate::model::Moment;

/// How they are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyncStatus {
    /// Too little is known.
    Unknown,
    Synced,
    Drifting,
}

/// Which of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TrackType {
    Video,
    Audio,
}

/// `GET /streams/{id}/sync`. What does not come is left out, and the drift where one of both does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SyncStatusResponse {
    pub stream_id: String,
    pub status: SyncStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<TrackStatusDto>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<TrackStatusDto>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftStatusDto>,
    pub time: Moment,
}

/// One track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrackStatusDto {
    #[serde(rename = "type")]
    pub kind: TrackType,
    /// As it came: 33 bits of 90 kHz.
    pub last_pts: u64,
    /// The same.
    pub last_dts: u64,
    /// When the time at hand began: at the first stamp, or the last jump.
    pub base_time: Moment,
    /// Stamps that came.
    pub packet_count: u64,
    /// Always 0: nothing of a stream that passes is dropped.
    pub dropped_count: u64,
    pub wrap_count: u64,
    pub jump_count: u64,
    pub error_count: u64,
}

/// How far the picture is ahead of the sound, in milliseconds; negative where it lags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DriftStatusDto {
    pub current_drift: i64,
    /// Of the window.
    pub max_drift: i64,
    /// Of the window.
    pub min_drift: i64,
    /// Of the window.
    pub avg_drift: i64,
    /// Samples in the window.
    pub sample_count: usize,
    /// Always left out: a stream passes as it is, and drifts are only shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_corrected: Option<Moment>,
}

impl SyncStatusResponse {
    /// Of an input.
    pub fn of(input: &Shown, now: Moment) -> Self {
        let seen = &input.seen;
        Self {
            stream_id: input.id.clone(),
            status: seen.drift.status.into(),
            video: seen.video.as_ref().map(|track| TrackStatusDto::of(track, TrackType::Video)),
            audio: seen.audio.as_ref().map(|track| TrackStatusDto::of(track, TrackType::Audio)),
            drift: (seen.video.is_some() && seen.audio.is_some()).then(|| DriftStatusDto::of(&seen.drift)),
            time: now,
        }
    }
}

impl From<Status> for SyncStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Unknown => Self::Unknown,
            Status::Synced => Self::Synced,
            Status::Drifting => Self::Drifting,
        }
    }
}

impl TrackStatusDto {
    fn of(track: &timeline::Statistics, kind: TrackType) -> Self {
        Self {
            kind,
            last_pts: track.last_pts,
            last_dts: track.last_dts,
            base_time: track.base.unwrap_or_default(),
            packet_count: track.packets,
            dropped_count: 0,
            wrap_count: track.wraps,
            jump_count: track.jumps,
            error_count: track.errors,
        }
    }
}

impl DriftStatusDto {
    fn of(drift: &drift::Statistics) -> Self {
        let ms = |us: i64| us / 1000;
        Self {
            current_drift: ms(drift.current_us),
            max_drift: ms(drift.max_us),
            min_drift: ms(drift.min_us),
            avg_drift: ms(drift.average_us),
            sample_count: drift.samples,
            last_corrected: None,
        }
    }
}

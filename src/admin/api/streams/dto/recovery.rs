//! What went wrong in a stream, and how it went on.

use schemars::JsonSchema;
use serde::Serialize;

use crate::ingest::registry::Shown;
use crate::ingest::tap::Seen;
use crate::ingest::tap::recovery::State;
use crate::model::Moment;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecoveryState {
    #[default]
    Normal,
    /// It waits for a keyframe.
    Recovering,
    /// It has waited for long, and asked again.
    Resyncing,
    /// None came.
    Failed,
}

/// `GET /streams/{id}/recovery`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecoveryResponse {
    pub stream_id: String,
    pub state: RecoveryState,
    pub is_healthy: bool,
    /// How often it went on with a keyframe.
    pub recovery_count: u64,
    /// Frames that were not whole.
    pub corruption_count: u64,
    /// How often a keyframe did not come in time.
    pub resync_count: u64,
    /// Left out while there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_recovery_time: Option<Moment>,
    pub statistics: RecoveryStatistics,
    pub timestamp: Moment,
}

/// The same once more; members have no other names in the reference.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct RecoveryStatistics {
    pub state: RecoveryState,
    pub recovery_count: u64,
    pub corruption_count: u64,
    pub resync_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_recovery_time: Option<Moment>,
    pub is_healthy: bool,
}

impl From<State> for RecoveryState {
    fn from(state: State) -> Self {
        match state {
            State::Normal => Self::Normal,
            State::Recovering => Self::Recovering,
            State::Resyncing => Self::Resyncing,
            State::Failed => Self::Failed,
        }
    }
}

impl RecoveryResponse {
    /// Of an input.
    pub fn of(input: &Shown, now: Moment) -> Self {
        let statistics = RecoveryStatistics::of(&input.seen);
        Self {
            stream_id: input.id.clone(),
            state: statistics.state,
            is_healthy: statistics.is_healthy,
            recovery_count: statistics.recovery_count,
            corruption_count: statistics.corruption_count,
            resync_count: statistics.resync_count,
            last_recovery_time: statistics.last_recovery_time,
            statistics,
            timestamp: now,
        }
    }
}

impl RecoveryStatistics {
    /// Of what was seen of an input.
    pub fn of(seen: &Seen) -> Self {
        let recovery = &seen.recovery;
        Self {
            state: recovery.state.into(),
            recovery_count: recovery.recovered,
            corruption_count: recovery.corruptions,
            resync_count: recovery.resyncs,
            last_recovery_time: recovery.recovered_at,
            is_healthy: recovery.is_healthy(),
        }
    }
}

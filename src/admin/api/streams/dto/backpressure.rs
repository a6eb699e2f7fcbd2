//! The pressure on the memory of a stream, and what a person may do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{bitrate, share};
use crate::ingest::registry::Shown;
use crate::ingest::tap::pressure::Control;
use crate::model::Moment;

/// `GET /streams/{id}/backpressure`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BackpressureResponse {
    pub stream_id: String,
    /// 0 to 1.
    pub current_pressure: f64,
    /// What comes.
    pub current_rate_bps: u64,
    pub statistics: BackpressureStatistics,
    /// Frames are being dropped.
    pub should_drop_gop: bool,
    pub timestamp: Moment,
}

/// Members have no other names in the reference.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct BackpressureStatistics {
    /// bit/s.
    pub current_rate: u64,
    /// 0 to 1.
    pub current_pressure: f64,
    /// 0 to 1.
    pub smoothed_pressure: f64,
    /// How often dropping began or stopped.
    pub adjustment_count: u64,
    #[serde(rename = "GOPsDropped")]
    pub gops_dropped: u64,
    /// Left out while there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_adjustment: Option<Moment>,
    /// Where dropping stops, 0 to 1.
    pub target_pressure: f64,
    /// Always 0: what a sender sends is not for us to say.
    pub min_rate: u64,
    /// Always 0.
    pub max_rate: u64,
    #[serde(rename = "GOPsPerSecond")]
    pub gops_per_second: f64,
}

/// What a person may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// As if so much of the memory were used, until it is reset.
    SetPressure,
    /// What is measured counts again.
    Reset,
    /// The oldest group of pictures goes.
    DropGop,
}

/// `POST /streams/{id}/backpressure/control`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackpressureControlRequest {
    pub action: Action,
    /// For `set_pressure`.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub pressure: Option<f64>,
}

/// It was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackpressureControlResponse {
    pub stream_id: String,
    pub action: Action,
    pub success: bool,
    pub timestamp: Moment,
}

impl BackpressureControlRequest {
    /// What it asks for; none where a pressure is missing, or is none.
    pub fn control(&self) -> Option<Control> {
        match self.action {
            Action::SetPressure => self.pressure.filter(|pressure| (0.0..=1.0).contains(pressure)).map(Control::SetPressure),
            Action::Reset => Some(Control::Reset),
            Action::DropGop => Some(Control::DropGop),
        }
    }
}

impl BackpressureResponse {
    /// Of an input.
    pub fn of(input: &Shown, now: Moment) -> Self {
        Self {
            stream_id: input.id.clone(),
            current_pressure: share(input.seen.pressure.current),
            current_rate_bps: bitrate(input),
            statistics: BackpressureStatistics::of(input),
            should_drop_gop: input.seen.pressure.dropping,
            timestamp: now,
        }
    }
}

impl BackpressureStatistics {
    /// Of an input.
    pub fn of(input: &Shown) -> Self {
        let pressure = &input.seen.pressure;
        Self {
            current_rate: bitrate(input),
            current_pressure: share(pressure.current),
            smoothed_pressure: share(pressure.smoothed),
            adjustment_count: pressure.adjustments,
            gops_dropped: input.seen.buffer.dropped_gops,
            last_adjustment: pressure.adjusted,
            target_pressure: pressure.target,
            min_rate: 0,
            max_rate: 0,
            gops_per_second: input.seen.gops.per_second(),
        }
    }
}

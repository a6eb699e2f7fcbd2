//! Frames, groups of pictures, and parameter sets of a stream.

use schemars::JsonSchema;
use serde::Serialize;

use super::{millis, share};
use crate::ingest::registry::Shown;
use crate::ingest::tap::Seen;
use crate::model::Moment;

/// The buffer of the last groups of pictures, in frames.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct FrameBufferStatsDto {
    /// Most frames.
    pub capacity: usize,
    /// Frames in it.
    pub used: usize,
    /// Frames for which there is room.
    pub available: usize,
    /// Frames that came.
    pub frames_assembled: u64,
    /// Frames that went because memory was short.
    pub frames_dropped: u64,
    /// 0 to 1.
    pub queue_pressure: f64,
    /// I frames.
    pub keyframes: u64,
    pub p_frames: u64,
    pub b_frames: u64,
}

/// `GET /streams/{id}/buffer`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct FrameBufferResponse {
    #[serde(flatten)]
    pub frames: FrameBufferStatsDto,
    pub stream_id: String,
    /// As ffprobe spells it.
    pub codec: String,
    pub gop: GopDto,
    pub gop_buffer: GopBufferDto,
}

/// All groups of pictures that came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct GopDto {
    pub total_gops: u64,
    /// Frames.
    pub current_gop_size: u64,
    /// Frames.
    pub average_gop_size: f64,
    pub average_duration_ms: u64,
    /// 0 to 1.
    pub i_frame_ratio: f64,
    /// 0 to 1.
    pub p_frame_ratio: f64,
    /// 0 to 1.
    pub b_frame_ratio: f64,
}

/// Those that are kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct GopBufferDto {
    pub gop_count: usize,
    pub frame_count: usize,
    pub total_bytes: u64,
    pub duration_ms: u64,
    pub dropped_gops: u64,
    pub dropped_frames: u64,
}

/// `GET /streams/{id}/parameters`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct ParametersResponse {
    pub stream_id: String,
    pub statistics: ParameterStatistics,
    pub available_sps_ids: Vec<u8>,
    pub available_pps_ids: Vec<u8>,
}

/// What is known of parameter sets.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct ParameterStatistics {
    pub session_duration_ms: u64,
    pub total_frames_processed: u64,
    pub sps_count: usize,
    pub pps_count: usize,
    pub sps_ids: Vec<u8>,
    pub pps_ids: Vec<u8>,
    /// When one came that was new, or other than before. Left out while none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_parameter_update: Option<Moment>,
    /// The share of picture parameter sets whose sequence parameter set is known, 0 to 1.
    pub parameter_set_coverage: f64,
}

impl FrameBufferStatsDto {
    /// Of what was seen of an input.
    pub fn of(seen: &Seen) -> Self {
        let (buffer, counts) = (&seen.buffer, &seen.gops.counts);
        Self {
            capacity: buffer.most_frames,
            used: buffer.frames,
            available: buffer.most_frames.saturating_sub(buffer.frames),
            frames_assembled: seen.assembled.frames,
            frames_dropped: buffer.dropped_frames,
            queue_pressure: share(seen.pressure.current),
            keyframes: counts.i,
            p_frames: counts.p,
            b_frames: counts.b,
        }
    }
}

impl FrameBufferResponse {
    /// Of an input.
    pub fn of(input: &Shown) -> Self {
        let (gops, buffer) = (&input.seen.gops, &input.seen.buffer);
        Self {
            frames: FrameBufferStatsDto::of(&input.seen),
            stream_id: input.id.clone(),
            codec: codec(&input.seen),
            gop: GopDto {
                total_gops: gops.total,
                current_gop_size: gops.current_size,
                average_gop_size: gops.average_size,
                average_duration_ms: millis(gops.average_duration),
                i_frame_ratio: gops.i_ratio,
                p_frame_ratio: gops.p_ratio,
                b_frame_ratio: gops.b_ratio,
            },
            gop_buffer: GopBufferDto {
                gop_count: buffer.gops,
                frame_count: buffer.frames,
                total_bytes: buffer.bytes,
                duration_ms: millis(buffer.duration),
                dropped_gops: buffer.dropped_gops,
                dropped_frames: buffer.dropped_frames,
            },
        }
    }
}

impl ParametersResponse {
    /// Of an input.
    pub fn of(input: &Shown, now: Moment) -> Self {
        let parameters = &input.seen.parameters;
        let (sps_ids, pps_ids) = (parameters.sequence_ids.clone(), parameters.picture_ids.clone());
        Self {
            stream_id: input.id.clone(),
            statistics: ParameterStatistics {
                session_duration_ms: u64::try_from(now.0.saturating_sub(input.since_ms)).unwrap_or(0),
                total_frames_processed: input.seen.assembled.frames,
                sps_count: sps_ids.len(),
                pps_count: pps_ids.len(),
                sps_ids: sps_ids.clone(),
                pps_ids: pps_ids.clone(),
                last_parameter_update: parameters.updated,
                parameter_set_coverage: parameters.coverage,
            },
            available_sps_ids: sps_ids,
            available_pps_ids: pps_ids,
        }
    }
}

/// As ffprobe spells it; empty while it is not known.
pub(super) fn codec(seen: &Seen) -> String {
    seen.info.video.as_ref().map(|video| video.codec.name().to_owned()).unwrap_or_default()
}

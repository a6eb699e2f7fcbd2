//! The pictures of all streams. Members whose names begin with capitals are those of the seed's `StreamStats`, which has no other
//! names; the rest are those of its README.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::backpressure::BackpressureStatistics;
use super::buffer::codec;
use super::recovery::RecoveryStatistics;
use super::{ConnectionStatsDto, bitrate, millis, share};
use crate::ingest::registry::{Shown, Status};
use crate::model::Moment;

/// `GET /streams/stats/video`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct VideoStatsResponse {
    /// By their ids.
    pub streams: BTreeMap<String, VideoStats>,
    pub count: usize,
    pub timestamp: Moment,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct VideoStats {
    pub frames_assembled: u64,
    pub frames_dropped: u64,
    /// I frames.
    pub keyframes: u64,
    pub p_frames: u64,
    pub b_frames: u64,
    pub gop_count: u64,
    /// Frames.
    pub avg_gop_size: f64,
    #[serde(flatten)]
    pub stats: StreamStats,
}

/// Everything of a stream. There is no pipeline whose statistics could be shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct StreamStats {
    #[serde(rename = "StreamID")]
    pub stream_id: String,
    /// As ffprobe spells it.
    pub codec: String,
    pub packets_received: u64,
    pub frames_assembled: u64,
    pub frames_dropped: u64,
    pub bytes_processed: u64,
    /// Frames that were not whole.
    pub errors: u64,
    /// bit/s.
    pub bitrate: f64,
    /// Frames in the buffer.
    pub queue_depth: u64,
    /// 0 to 1.
    pub queue_pressure: f64,
    /// Frames are being dropped.
    pub backpressure: bool,
    pub started: bool,
    /// `null` while the connection tells nothing.
    pub connection_stats: Option<ConnectionStats>,
    pub keyframe_count: u64,
    #[serde(rename = "PFrameCount")]
    pub p_frame_count: u64,
    #[serde(rename = "BFrameCount")]
    pub b_frame_count: u64,
    pub resolution: Resolution,
    /// Frames a second.
    pub framerate: f64,
    #[serde(rename = "GOPStats")]
    pub gop_stats: GopStatistics,
    #[serde(rename = "GOPBufferStats")]
    pub gop_buffer_stats: GopBufferStatistics,
    pub backpressure_stats: BackpressureStatistics,
    pub recovery_stats: RecoveryStatistics,
}

/// What the connection tells.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ConnectionStats {
    pub packets_lost: u64,
    pub packets_retrans: u64,
    #[serde(rename = "RTTMs")]
    pub rtt_ms: f64,
    /// Mbit/s.
    pub bandwidth_mbps: f64,
    pub delivery_delay_ms: f64,
    pub connection_time_ms: u64,
}

/// Pixels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Resolution {
    pub width: u32,
    pub height: u32,
}

/// All groups of pictures that came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct GopStatistics {
    #[serde(rename = "StreamID")]
    pub stream_id: String,
    #[serde(rename = "TotalGOPs")]
    pub total_gops: u64,
    /// Frames.
    #[serde(rename = "CurrentGOPFrames")]
    pub current_gop_frames: u64,
    /// Frames.
    #[serde(rename = "CurrentGOPSize")]
    pub current_gop_size: u64,
    /// Frames.
    #[serde(rename = "AverageGOPSize")]
    pub average_gop_size: f64,
    /// Milliseconds.
    #[serde(rename = "AverageDuration")]
    pub average_duration: u64,
    /// 0 to 1.
    #[serde(rename = "IFrameRatio")]
    pub i_frame_ratio: f64,
    /// 0 to 1.
    #[serde(rename = "PFrameRatio")]
    pub p_frame_ratio: f64,
    /// 0 to 1.
    #[serde(rename = "BFrameRatio")]
    pub b_frame_ratio: f64,
}

/// Those that are kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct GopBufferStatistics {
    #[serde(rename = "StreamID")]
    pub stream_id: String,
    #[serde(rename = "GOPCount")]
    pub gop_count: usize,
    #[serde(rename = "FrameCount")]
    pub frame_count: usize,
    #[serde(rename = "TotalBytes")]
    pub total_bytes: u64,
    /// Milliseconds.
    #[serde(rename = "Duration")]
    pub duration: u64,
    #[serde(rename = "DroppedGOPs")]
    pub dropped_gops: u64,
    #[serde(rename = "DroppedFrames")]
    pub dropped_frames: u64,
}

impl VideoStatsResponse {
    /// Of all inputs.
    pub fn of(inputs: &[Shown], now: Moment) -> Self {
        let streams: BTreeMap<_, _> = inputs.iter().map(|input| (input.id.clone(), VideoStats::of(input))).collect();
        Self { count: streams.len(), streams, timestamp: now }
    }
}

impl VideoStats {
    /// Of an input.
    pub fn of(input: &Shown) -> Self {
        let stats = StreamStats::of(input);
        Self {
            frames_assembled: stats.frames_assembled,
            frames_dropped: stats.frames_dropped,
            keyframes: stats.keyframe_count,
            p_frames: stats.p_frame_count,
            b_frames: stats.b_frame_count,
            gop_count: stats.gop_stats.total_gops,
            avg_gop_size: stats.gop_stats.average_gop_size,
            stats,
        }
    }
}

impl StreamStats {
    fn of(input: &Shown) -> Self {
        let seen = &input.seen;
        let (gops, buffer) = (&seen.gops, &seen.buffer);
        let video = seen.info.video.as_ref();
        let stream_id = || input.id.clone();
        Self {
            stream_id: stream_id(),
            codec: codec(seen),
            packets_received: input.figures.connection.data_packets,
            frames_assembled: seen.assembled.frames,
            frames_dropped: buffer.dropped_frames,
            bytes_processed: input.figures.bytes.saturating_sub(input.missed_bytes),
            errors: seen.assembled.broken,
            bitrate: bitrate(input) as f64,
            queue_depth: buffer.frames as u64,
            queue_pressure: share(seen.pressure.current),
            backpressure: seen.pressure.dropping,
            started: input.status != Status::Closed,
            connection_stats: ConnectionStatsDto::of(input).map(ConnectionStats::from),
            keyframe_count: gops.counts.i,
            p_frame_count: gops.counts.p,
            b_frame_count: gops.counts.b,
            resolution: Resolution {
                width: video.and_then(|video| video.width).unwrap_or_default(),
                height: video.and_then(|video| video.height).unwrap_or_default(),
            },
            framerate: video.and_then(|video| video.frame_rate).unwrap_or_default(),
            gop_stats: GopStatistics {
                stream_id: stream_id(),
                total_gops: gops.total,
                current_gop_frames: gops.current_size,
                current_gop_size: gops.current_size,
                average_gop_size: gops.average_size,
                average_duration: millis(gops.average_duration),
                i_frame_ratio: gops.i_ratio,
                p_frame_ratio: gops.p_ratio,
                b_frame_ratio: gops.b_ratio,
            },
            gop_buffer_stats: GopBufferStatistics {
                stream_id: stream_id(),
                gop_count: buffer.gops,
                frame_count: buffer.frames,
                total_bytes: buffer.bytes,
                duration: millis(buffer.duration),
                dropped_gops: buffer.dropped_gops,
                dropped_frames: buffer.dropped_frames,
            },
            backpressure_stats: BackpressureStatistics::of(input),
            recovery_stats: RecoveryStatistics::of(seen),
        }
    }
}

impl From<ConnectionStatsDto> for ConnectionStats {
    fn from(stats: ConnectionStatsDto) -> Self {
        Self {
            packets_lost: stats.packets_lost,
            packets_retrans: stats.packets_retrans,
            rtt_ms: stats.rtt_ms,
            bandwidth_mbps: stats.bandwidth_mbps,
            delivery_delay_ms: stats.delivery_delay_ms,
            connection_time_ms: stats.connection_time_ms,
        }
    }
}

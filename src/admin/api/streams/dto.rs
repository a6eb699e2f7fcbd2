//! What the reference's `ingestion` package calls DTOs: the JSON of inputs, member for member. Times are RFC 3339; durations without a
//! unit in their name are milliseconds, bit rates bit/s. What is not known is empty or 0; members that may be left out say so.

mod backpressure;
mod buffer;
mod preview;
mod recovery;
mod sync;
mod video;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::machine;
use crate::ingest::registry::{Kind, Role, Shown, Status};
use crate::model::Moment;

pub use backpressure::{BackpressureControlRequest, BackpressureControlResponse, BackpressureResponse};
pub use buffer::{FrameBufferResponse, FrameBufferStatsDto, ParametersResponse};
pub use preview::FramePreviewResponse;
pub use recovery::RecoveryResponse;
pub use sync::SyncStatusResponse;
pub use video::VideoStatsResponse;

/// `StreamDTO`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StreamDto {
    id: String,
    /// `srt` or `rtp`.
    r#type: &'static str,
    source_addr: String,
    /// `caller` or `rendezvous` of what is fetched; the reference has it not, and what is pushed neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// `active`, `paused` or `closed`.
    status: &'static str,
    created_at: Moment,
    /// When something came last.
    last_heartbeat: Moment,
    /// Empty while it is not known.
    video_codec: String,
    /// `1920x1080`; empty while it is not known.
    resolution: String,
    /// Bit/s.
    bitrate: u64,
    /// Frames a second; 0 while it is not known.
    frame_rate: f64,
    stats: StreamStatsDto,
}

/// `StreamStatsDTO`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StreamStatsDto {
    bytes_received: u64,
    packets_received: u64,
    packets_lost: u64,
    /// Bit/s.
    bitrate: u64,
    frame_buffer_stats: FrameBufferStatsDto,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_stats: Option<ConnectionStatsDto>,
    /// Of RTP; the reference has nothing of the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtp_stats: Option<RtpStatsDto>,
}

/// What only the session of an RTP stream has.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RtpStatsDto {
    /// The synchronisation source that is heard now.
    ssrc: u32,
    payload_type: u8,
    jitter_ms: f64,
    /// Those that came too late count as lost, too.
    packets_late: u64,
    packets_reordered: u64,
    packets_duplicate: u64,
}

/// `ConnectionStatsDTO`.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct ConnectionStatsDto {
    packets_lost: u64,
    packets_retrans: u64,
    rtt_ms: f64,
    bandwidth_mbps: f64,
    delivery_delay_ms: f64,
    connection_time_ms: u64,
}

/// `StreamListResponse`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StreamListResponse {
    pub(super) streams: Vec<StreamDto>,
    pub(super) count: usize,
    pub(super) time: Moment,
}

/// `SuccessResponse`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SuccessResponse {
    pub(super) message: &'static str,
    pub(super) data: Of,
    pub(super) timestamp: Moment,
}

/// What it is about.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Of {
    pub(super) stream_id: String,
}

/// `IngestionStats`, and what the reference's README has besides.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Ingestion {
    started: bool,
    srt_enabled: bool,
    rtp_enabled: bool,
    srt_sessions: usize,
    rtp_sessions: usize,
    total_streams: usize,
    active_handlers: usize,
    active_streams: usize,
    /// Bit/s.
    total_bitrate: u64,
    /// Of the whole process, in bytes; 0 where the system does not say.
    memory_usage: u64,
    /// Milliseconds, as all durations that say no unit (INPUTS.md).
    uptime: u64,
    /// Of the whole process since it began, in per cent of one processor; 0 where the system does not say.
    cpu_usage: f64,
}

impl StreamDto {
    /// Of an input.
    pub fn of(input: &Shown) -> Self {
        let video = input.seen.info.video.as_ref();
        Self {
            id: input.id.clone(),
            r#type: input.sender.kind.name(),
            source_addr: input.sender.from.to_string(),
            mode: Some(input.role).filter(|role| *role != Role::Listener).map(Role::name),
            status: input.status.name(),
            created_at: Moment(input.since_ms),
            last_heartbeat: Moment(input.figures.heard_ms.max(input.since_ms)),
            video_codec: video.map(|video| video.codec.name().to_owned()).unwrap_or_default(),
            resolution: input.seen.info.resolution().unwrap_or_default(),
            bitrate: bitrate(input),
            frame_rate: video.and_then(|video| video.frame_rate).unwrap_or_default(),
            stats: StreamStatsDto::of(input),
        }
    }
}

/// Bit/s that come in now.
fn bitrate(input: &Shown) -> u64 {
    if input.status == Status::Closed { 0 } else { input.figures.bitrate }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A share of memory, 0 to 1, in steps that say something.
fn share(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

impl ConnectionStatsDto {
    /// Of an input. The reference leaves it out for RTP, which has no connection.
    fn of(input: &Shown) -> Option<Self> {
        let connection = &input.figures.connection;
        let ms = |span: Duration| (span.as_secs_f64() * 1e6).round() / 1e3;
        (input.sender.kind == Kind::Srt).then(|| Self {
            packets_lost: connection.lost,
            packets_retrans: connection.retransmitted,
            rtt_ms: ms(connection.rtt),
            bandwidth_mbps: bitrate(input) as f64 / 1e6,
            delivery_delay_ms: ms(connection.latency),
            connection_time_ms: millis(connection.age),
        })
    }
}

impl RtpStatsDto {
    /// Of an input.
    fn of(input: &Shown) -> Option<Self> {
        let rtp = input.figures.connection.rtp?;
        Some(Self {
            ssrc: rtp.ssrc,
            payload_type: rtp.payload_type,
            jitter_ms: (rtp.jitter.as_secs_f64() * 1e6).round() / 1e3,
            packets_late: rtp.late,
            packets_reordered: rtp.reordered,
            packets_duplicate: rtp.duplicate,
        })
    }
}

impl StreamStatsDto {
    /// Of an input.
    pub fn of(input: &Shown) -> Self {
        Self {
            bytes_received: input.figures.bytes,
            packets_received: input.figures.connection.data_packets,
            packets_lost: input.figures.connection.lost,
            bitrate: bitrate(input),
            frame_buffer_stats: FrameBufferStatsDto::of(&input.seen),
            connection_stats: ConnectionStatsDto::of(input),
            rtp_stats: RtpStatsDto::of(input),
        }
    }
}

impl Ingestion {
    /// Of all inputs; whether there is a port for SRT, and one for RTP.
    pub fn of(inputs: &[Shown], (srt, rtp): (bool, bool), uptime: Duration) -> Self {
        let on = || inputs.iter().filter(|input| input.status != Status::Closed);
        let of = |kind| on().filter(|input| input.sender.kind == kind).count();
        Self {
            started: true,
            srt_enabled: srt,
            rtp_enabled: rtp,
            srt_sessions: of(Kind::Srt),
            rtp_sessions: of(Kind::Rtp),
            total_streams: inputs.len(),
            active_handlers: on().count(),
            active_streams: on().filter(|input| input.status == Status::Active).count(),
            total_bitrate: on().map(|input| input.figures.bitrate).sum(),
            memory_usage: machine::resident_bytes().unwrap_or(0),
            uptime: millis(uptime),
            cpu_usage: machine::processor_time().map_or(0.0, |used| percent(used, uptime)),
        }
    }
}

/// In per cent, to a tenth.
fn percent(used: Duration, of: Duration) -> f64 {
    if of.is_zero() { 0.0 } else { (used.as_secs_f64() / of.as_secs_f64() * 1000.0).round() / 10.0 }
}

#[cfg(test)]
mod tests;

//! What the reference's `ingestion` package calls DTOs: the JSON of inputs.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::ingest::registry::{Kind, Role, Shown, Status};
use crate::model::Moment;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_stats: Option<ConnectionStatsDto>,
}

/// `ConnectionStatsDTO`.
#[derive(Debug, Serialize, JsonSchema)]
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
        let video = input.info.video.as_ref();
        let on = input.status != Status::Closed;
        Self {
            id: input.id.clone(),
            r#type: input.sender.kind.name(),
            source_addr: input.sender.from.to_string(),
            mode: Some(input.role).filter(|role| *role != Role::Listener).map(Role::name),
            status: input.status.name(),
            created_at: Moment(input.since_ms),
            last_heartbeat: Moment(input.figures.heard_ms.max(input.since_ms)),
            video_codec: video.map(|video| video.codec.name().to_owned()).unwrap_or_default(),
            resolution: input.info.resolution().unwrap_or_default(),
            bitrate: if on { input.figures.bitrate } else { 0 },
            frame_rate: video.and_then(|video| video.frame_rate).unwrap_or_default(),
            stats: StreamStatsDto::of(input),
        }
    }
}

impl StreamStatsDto {
    /// Of an input.
    pub fn of(input: &Shown) -> Self {
        let (figures, connection) = (&input.figures, &input.figures.connection);
        let on = input.status != Status::Closed;
        let bitrate = if on { figures.bitrate } else { 0 };
        let ms = |span: Duration| (span.as_secs_f64() * 1e6).round() / 1e3;
        Self {
            bytes_received: figures.bytes,
            packets_received: connection.data_packets,
            packets_lost: connection.lost,
            bitrate,
            // The reference leaves it out for RTP, which has no connection.
            connection_stats: (input.sender.kind == Kind::Srt).then(|| ConnectionStatsDto {
                packets_lost: connection.lost,
                packets_retrans: connection.retransmitted,
                rtt_ms: ms(connection.rtt),
                bandwidth_mbps: bitrate as f64 / 1e6,
                delivery_delay_ms: ms(connection.latency),
                connection_time_ms: u64::try_from(connection.age.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    }
}

impl Ingestion {
    /// Of all inputs.
    pub fn of(inputs: &[Shown], listening: bool, uptime: Duration) -> Self {
        let on = || inputs.iter().filter(|input| input.status != Status::Closed);
        let of = |kind| on().filter(|input| input.sender.kind == kind).count();
        Self {
            started: true,
            srt_enabled: listening,
            rtp_enabled: false,
            srt_sessions: of(Kind::Srt),
            rtp_sessions: of(Kind::Rtp),
            total_streams: inputs.len(),
            active_handlers: on().count(),
            active_streams: on().filter(|input| input.status == Status::Active).count(),
            total_bitrate: on().map(|input| input.figures.bitrate).sum(),
            memory_usage: resident().unwrap_or(0),
            uptime: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
            cpu_usage: processor_time().map_or(0.0, |used| share(used, uptime)),
        }
    }
}

/// Processor time of this process, of all its threads (proc(5): `utime` and `stime`).
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis(
        user.checked_add(system)?.checked_mul(1000)?.checked_div(rustix::param::clock_ticks_per_second())?,
    ))
}

/// In per cent, to a tenth.
fn share(used: Duration, of: Duration) -> f64 {
    if of.is_zero() { 0.0 } else { (used.as_secs_f64() / of.as_secs_f64() * 1000.0).round() / 10.0 }
}

/// Resident memory of this process, in bytes (proc(5)).
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ingest::figures::{Connection, Figures};
    use crate::ingest::registry::Sender;
    use crate::model::StreamInfo;

    fn input(kind: Kind, status: Status) -> Shown {
        let connection = Connection {
            packets: 120,
            data_packets: 100,
            lost: 3,
            retransmitted: 7,
            undecipherable: 0,
            rtt: Duration::from_micros(12_345),
            latency: Duration::from_millis(120),
            age: Duration::from_secs(9),
        };
        Shown {
            id: "a/b".into(),
            role: Role::Listener,
            sender: Sender { kind, from: "192.168.1.7:4000".parse().unwrap(), proven: false },
            status,
            since_ms: 1000,
            readers: 1,
            figures: Figures { bytes: 131_600, bitrate: 5_000_000, heard_ms: 4000, connection },
            info: StreamInfo::default(),
        }
    }

    #[test]
    fn an_input_has_the_members_of_the_reference() {
        let stats = json!({
            "bytes_received": 131_600, "packets_received": 100, "packets_lost": 3, "bitrate": 5_000_000,
            "connection_stats": {
                "packets_lost": 3, "packets_retrans": 7, "rtt_ms": 12.345, "bandwidth_mbps": 5.0, "delivery_delay_ms": 120.0,
                "connection_time_ms": 9000,
            },
        });
        let whole = json!({
            "id": "a/b", "type": "srt", "source_addr": "192.168.1.7:4000", "status": "active",
            "created_at": "1970-01-01T00:00:01Z", "last_heartbeat": "1970-01-01T00:00:04Z", "video_codec": "", "resolution": "",
            "bitrate": 5_000_000, "frame_rate": 0.0, "stats": stats,
        });
        assert_eq!(serde_json::to_value(StreamDto::of(&input(Kind::Srt, Status::Active))).unwrap(), whole);
        let rtp = serde_json::to_value(StreamStatsDto::of(&input(Kind::Rtp, Status::Closed))).unwrap();
        assert_eq!(rtp["bitrate"], 0);
        assert!(rtp.get("connection_stats").is_none());
    }

    #[test]
    fn totals_count_what_is_on() {
        let inputs = [Status::Active, Status::Paused, Status::Closed].map(|status| input(Kind::Srt, status));
        let totals = serde_json::to_value(Ingestion::of(&inputs, true, Duration::from_secs(60))).unwrap();
        for (member, value) in [("srt_sessions", 2), ("total_streams", 3), ("active_handlers", 2), ("active_streams", 1)] {
            assert_eq!(totals[member], value, "{member}");
        }
        assert_eq!((&totals["total_bitrate"], &totals["uptime"]), (&json!(10_000_000), &json!(60_000)));
        assert!(processor_time().is_some() && totals["cpu_usage"].as_f64().unwrap() >= 0.0);
        assert_eq!(share(Duration::from_millis(1500), Duration::from_secs(4)), 37.5);
        assert!(totals["memory_usage"].as_u64().unwrap() > 1_000_000);
    }
}

//! What a session shows of itself.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use super::filler::FillerStats;
use super::spare::SpareStats;
use crate::model::{ChannelId, GuideNumber, SessionId, SourceId, StreamInfo, SubscriberId};

/// A running session.
#[derive(Debug, Clone)]
pub struct SessionStats {
    /// Identity.
    pub id: SessionId,
    /// Channel.
    pub channel: ChannelId,
    /// Its number.
    pub number: GuideNumber,
    /// Its name.
    pub name: String,
    /// Whether it delivers: a source is proven and its bytes flow.
    pub live: bool,
    /// The source in use.
    pub source: Option<SourceId>,
    /// Its address, without credentials.
    pub source_url: Option<String>,
    /// What produces it: `http`, `hls` …
    pub producer: Option<&'static str>,
    /// What is seen in it.
    pub info: StreamInfo,
    /// When the session began.
    pub started_at: SystemTime,
    /// Bits a second now, over about the last second.
    pub bitrate_bps: u64,
    /// Transport packets a second now.
    pub packets_per_second: u64,
    /// Bytes read from sources.
    pub bytes_read: u64,
    /// Bytes published to viewers.
    pub bytes_pushed: u64,
    /// When the last bytes came from a source, in milliseconds since 1970; 0 if none have.
    pub last_byte_ms: i64,
    /// When the last bytes were published, to about a second.
    pub last_push_ms: i64,
    /// Chunks published to viewers.
    pub chunks_pushed: u64,
    /// Bytes held by the ring.
    pub ring_bytes: usize,
    /// Another source is looked for.
    pub recovering: bool,
    /// Sources lost because media time stood still.
    pub stalls: u64,
    /// Changes of source after the first.
    pub failovers: u64,
    /// Those of them where it was the same source again.
    pub reopened: u64,
    /// Losses that a source kept ready has made good.
    pub takeovers: u64,
    /// Changes back to a source that comes before the one on air.
    pub fail_backs: u64,
    /// How long viewers held up what was written to them, all together.
    pub write_blocked: Duration,
    /// What is kept ready beside the source on air.
    pub spare: Option<SpareStats>,
    /// The last gap between two sources, and what filled it.
    pub filler: Option<FillerStats>,
    /// Bytes that filled gaps, all together.
    pub filler_bytes: u64,
    /// Why the last source was left, without credentials.
    pub last_error: Option<String>,
    /// Viewers.
    pub subscribers: Vec<SubscriberStats>,
}

/// One viewer.
#[derive(Debug, Clone)]
pub struct SubscriberStats {
    /// Identity.
    pub id: SubscriberId,
    /// Address.
    pub addr: IpAddr,
    /// User-Agent, or what else it is (`udp://…`).
    pub agent: String,
    /// When it came.
    pub started_at: SystemTime,
    /// Bytes given to it.
    pub bytes: u64,
    /// Times it was too slow and skipped to a newer picture.
    pub skips: u64,
}

/// One tuner of a device, with what it does.
#[derive(Debug, Clone)]
pub struct TunerView {
    /// From 0.
    pub index: u8,
    /// From 0, over all devices.
    pub number: u32,
    /// How long it has been taken.
    pub taken_for: Option<Duration>,
    /// Channel it was taken for.
    pub channel: Option<ChannelId>,
    /// Who holds its lock, by `lockkey`.
    pub lock_owner: Option<IpAddr>,
    /// Address of the client it was tuned for.
    pub client: Option<IpAddr>,
    /// The session it serves.
    pub session: Option<SessionStats>,
    /// Those of the session's viewers who watch it on this tuner. A session may be shown on several.
    pub viewers: Vec<SubscriberId>,
    /// It is held by a probe.
    pub probing: bool,
}

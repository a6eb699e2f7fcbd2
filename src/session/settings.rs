//! Settings of sessions. Defaults are TUNER.md's.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::filler::Mode;
use super::recovery::Policy;

/// What viewers see of a change to other codecs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CodecChange {
    /// The stream goes on, with other PIDs in its tables.
    #[default]
    Splice,
    /// It ends, so that players begin anew, in the session that goes on.
    Close,
}

impl FromStr for CodecChange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "splice" => Ok(Self::Splice),
            "close" => Ok(Self::Close),
            _ => Err("it is none of splice, close"),
        }
    }
}

/// Every knob of the session engine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For one source, from dialling to proof.
    pub startup_timeout: Duration,
    /// With no proof after this long, the next candidate is dialled too.
    pub stagger: Duration,
    /// A whole tune without any transport stream.
    pub tune_timeout_silent: Duration,
    /// A whole tune while a stream flows that has shown no random access point.
    pub tune_timeout_flowing: Duration,
    /// How long a client waits for a tuner.
    pub admission_wait: Duration,
    /// Chunks grow to this many bytes …
    pub chunk_bytes: usize,
    /// … or this old. A larger write costs the same as a small one, and a box has few cores: 60 ms of 9 Mbit/s fill 64 KiB.
    pub chunk_interval: Duration,
    /// Resident bytes of one channel's ring.
    pub ring_bytes: usize,
    /// Longest time kept in a ring.
    pub ring_time: Duration,
    /// Resident bytes where one group of pictures alone is larger than `ring_bytes`.
    pub ring_bytes_max: usize,
    /// A viewer joins at the newest random access point that is at least this far behind the live edge.
    pub join_lead: Duration,
    /// A write that makes no progress for this long ends its client.
    pub max_blocked_write: Duration,
    /// Media time that stands still for this long is a stall.
    pub stall_detect: Duration,
    /// A session without media for this long ends.
    pub stall_hard_deadline: Duration,
    /// Sessions without viewers live this long.
    pub session_idle_timeout: Duration,
    /// Most viewers of one session; 0: no limit.
    pub session_max_subscribers: usize,
    /// Rate at which bursty sources are read, in media seconds a second.
    pub producer_read_rate: f64,
    /// Media time that a bursty source may run ahead.
    pub producer_initial_burst: Duration,
    /// The same for live sources: a guard against files that pose as live.
    pub live_burst: Duration,
    /// Sessions, and sources and viewers of each, that the history keeps: 16 to 4096.
    pub session_history_limit: usize,
    /// Days after which a session is forgotten; 0: never.
    pub session_history_days: u32,
    /// What is done about a source that was lost.
    pub stall_policy: Policy,
    /// When a channel is started: how many sources besides the first are dialled although they rest, if there are not as many
    /// that do not; 0: all.
    pub max_failovers: usize,
    /// The same for each round of dialling after a source was lost.
    pub stall_max_failovers_per_stall: usize,
    /// The longest time without a source.
    pub failover_total_timeout: Duration,
    /// A source that has served for this long is trusted again: a rung down the ladder, and all budgets are full.
    pub cycle_failure_min_health: Duration,
    /// Go back to a source that comes before the one on air, once it is well again.
    pub fail_back: bool,
    /// Keep the next source ready while one is on air, where the provider's limit allows and the channel does not say otherwise.
    pub hot_standby: bool,
    /// What viewers see of a change to other codecs.
    pub codec_change: CodecChange,
    /// What viewers get between two sources.
    pub filler: Mode,
    /// What a slate says: its first line is drawn large.
    pub filler_text: String,
    /// A PNG or JPEG that it shows instead.
    pub filler_image: Option<PathBuf>,
    /// Failed starts of a channel a minute before it is refused for a while.
    pub tune_backoff_max_tunes: u32,
    /// The window in which they are counted.
    pub tune_backoff_interval: Duration,
    /// How long it is refused.
    pub tune_backoff_cooldown: Duration,
    /// Cooling of an account that was refused without Retry-After.
    pub upstream_overlimit_cooldown: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            startup_timeout: Duration::from_secs(5),
            stagger: Duration::from_secs(1),
            tune_timeout_silent: Duration::from_millis(5500),
            tune_timeout_flowing: Duration::from_secs(10),
            admission_wait: Duration::from_secs(1),
            chunk_bytes: 64 * 1024,
            chunk_interval: Duration::from_millis(60),
            ring_bytes: 16 * 1024 * 1024,
            ring_time: Duration::from_secs(30),
            ring_bytes_max: 64 * 1024 * 1024,
            join_lead: Duration::from_secs(1),
            max_blocked_write: Duration::from_secs(6),
            stall_detect: Duration::from_secs(1),
            stall_hard_deadline: Duration::from_secs(32),
            session_idle_timeout: Duration::from_secs(5),
            session_max_subscribers: 0,
            producer_read_rate: 1.0,
            producer_initial_burst: Duration::from_secs(1),
            live_burst: Duration::from_secs(10),
            session_history_limit: 256,
            session_history_days: 90,
            stall_policy: Policy::FailoverSource,
            max_failovers: 3,
            stall_max_failovers_per_stall: 3,
            failover_total_timeout: Duration::from_secs(32),
            cycle_failure_min_health: Duration::from_secs(20),
            fail_back: false,
            hot_standby: false,
            codec_change: CodecChange::Splice,
            filler: Mode::Slate,
            filler_text: "One moment, please".to_owned(),
            filler_image: None,
            tune_backoff_max_tunes: 8,
            tune_backoff_interval: Duration::from_secs(60),
            tune_backoff_cooldown: Duration::from_secs(20),
            upstream_overlimit_cooldown: Duration::from_secs(3),
        }
    }
}

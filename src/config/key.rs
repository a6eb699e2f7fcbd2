//! The keys there are. Each is set in the file by its name, in the environment by `ROOFTOP_` and its name in capitals, and
//! some by a flag of the same name.

use crate::base::secret::SafeUrl;

/// What is put before a key's name in the environment.
pub const ENV_PREFIX: &str = "ROOFTOP_";

/// How a key's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    One,
    /// `true` or `false`; in the file without quotes.
    Switch,
    /// Several; in the environment between commas or blanks.
    Many,
    /// Several that may hold commas; in the environment between blanks.
    ManyByBlanks,
}

/// What of a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// All of it.
    Open,
    /// It is an address and may hold credentials.
    Address,
    /// Nothing.
    Secret,
}

impl Secrecy {
    /// The value as it may be shown.
    pub fn shown(self, value: &str) -> String {
        match self {
            Self::Open => value.to_owned(),
            Self::Address => SafeUrl(value).to_string(),
            Self::Secret => "***".to_owned(),
        }
    }
}

/// A key.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name; a dot stands for a table of the file.
    pub name: &'static str,
    /// How its value is written.
    pub shape: Shape,
    /// What of a value may be shown.
    pub secrecy: Secrecy,
    /// What holds where nothing is said. Nothing: see the example file.
    pub default: &'static [&'static str],
}

const fn one(name: &'static str, default: &'static [&'static str]) -> Key {
    Key { name, shape: Shape::One, secrecy: Secrecy::Open, default }
}

const fn switch(name: &'static str, default: &'static [&'static str]) -> Key {
    Key { name, shape: Shape::Switch, secrecy: Secrecy::Open, default }
}

const fn many(name: &'static str, default: &'static [&'static str]) -> Key {
    Key { name, shape: Shape::Many, secrecy: Secrecy::Open, default }
}

/// Every key, in the order in which they are shown.
pub const KEYS: [Key; 72] = [
    one("data_dir", &[]),
    many("listen", &["0.0.0.0:5004", "0.0.0.0:80?"]),
    Key { name: "playlist", shape: Shape::ManyByBlanks, secrecy: Secrecy::Address, default: &[] },
    many("playlist_connections", &[]),
    one("tuners", &[]),
    one("device_id", &[]),
    many("discovery", &["udp", "ssdp", "mdns"]),
    many("discovery_interfaces", &[]),
    many("allow", &["home"]),
    many("hosts", &[]),
    one("worker.program", &[]),
    one("worker.memory_mib", &["1024"]),
    one("worker.timeout_s", &["60"]),
    one("prober.interval_h", &["24"]),
    one("prober.timeout_s", &["6"]),
    one("prober.tune_delay_s", &["1"]),
    one("history.sessions", &["256"]),
    one("history.days", &["90"]),
    one("session.startup_timeout_ms", &["5000"]),
    one("session.idle_timeout_s", &["5"]),
    one("session.max_subscribers", &["0"]),
    one("session.subscriber_max_blocked_write_s", &["6"]),
    one("session.subscriber_join_lead_ms", &["1000"]),
    one("session.buffer_chunk_bytes", &["65536"]),
    one("session.buffer_publish_flush_interval_ms", &["60"]),
    one("session.producer_read_rate_percent", &["100"]),
    one("session.producer_initial_burst_ms", &["1000"]),
    one("session.tune_backoff_max_tunes", &["8"]),
    one("session.tune_backoff_interval_s", &["60"]),
    one("session.tune_backoff_cooldown_s", &["20"]),
    one("recovery.stall_policy", &["failover_source"]),
    one("recovery.stall_detect_ms", &["1000"]),
    one("recovery.stall_hard_deadline_s", &["32"]),
    one("recovery.failover_total_timeout_s", &["32"]),
    one("recovery.max_failovers", &["3"]),
    one("recovery.stall_max_failovers_per_stall", &["3"]),
    one("recovery.cycle_failure_min_health_s", &["20"]),
    one("recovery.upstream_overlimit_cooldown_s", &["3"]),
    switch("recovery.fail_back", &["false"]),
    switch("recovery.hot_standby", &["false"]),
    one("recovery.codec_change", &["splice"]),
    one("filler.mode", &["slate"]),
    one("filler.text", &["One moment, please"]),
    one("filler.image", &[]),
    many("srt.listen", &["0.0.0.0:30000?"]),
    Key { name: "srt.passphrase", shape: Shape::One, secrecy: Secrecy::Secret, default: &[] },
    switch("srt.auto_channel", &["false"]),
    one("srt.latency_ms", &["120"]),
    one("srt.max_connections", &["25"]),
    one("srt.peer_idle_timeout_s", &["30"]),
    one("srt.max_bandwidth", &["60000000"]),
    one("srt.payload_size", &["1316"]),
    one("srt.flow_window", &["25600"]),
    many("rtp.listen", &["0.0.0.0:5004?"]),
    many("rtp.sdp", &[]),
    many("rtp.payload_types", &[]),
    one("rtp.jitter_buffer_ms", &["100"]),
    one("rtp.max_sessions", &["30"]),
    one("rtp.session_timeout_s", &["30"]),
    one("rtp.buffer_size", &["2097152"]),
    one("ingestion.memory.global_limit_mib", &[]),
    one("ingestion.memory.per_stream_limit_mib", &[]),
    one("ingestion.gop.buffer_count", &["3"]),
    one("ingestion.gop.force_idr_interval_s", &["10"]),
    one("ingestion.backpressure.high_watermark_percent", &["80"]),
    one("ingestion.backpressure.low_watermark_percent", &["60"]),
    one("ingestion.backpressure.drop_strategy", &["lowest_priority"]),
    one("ingestion.frame.assembly_timeout_ms", &["200"]),
    one("ingestion.frame.max_frame_size_mib", &["10"]),
    one("ingestion.sync.threshold_ms", &["40"]),
    one("log", &["info"]),
    one("log_format", &["auto"]),
];

impl Key {
    /// The key of a name.
    pub fn of(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Its name in the environment.
    pub fn env_name(&self) -> String {
        format!("{ENV_PREFIX}{}", self.name.replace('.', "_").to_ascii_uppercase())
    }
}

/// The name that was probably meant.
pub fn meant<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let rated = names.into_iter().map(|name| (strsim::jaro_winkler(wrong, name), name));
    rated.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("lisen", Some("listen"))]
    #[case("datadir", Some("data_dir"))]
    #[case("data-dir", Some("data_dir"))]
    #[case("playlists", Some("playlist"))]
    #[case("host", Some("hosts"))]
    #[case("nonsense", None)]
    #[case("no_such_key", None)]
    #[case("", None)]
    fn what_was_meant(#[case] wrong: &str, #[case] expected: Option<&str>) {
        assert_eq!(meant(wrong, KEYS.iter().map(|key| key.name)), expected);
    }

    #[test]
    fn environment_names_follow_the_rule() {
        assert_eq!(Key::of("data_dir").unwrap().env_name(), "ROOFTOP_DATA_DIR");
        assert_eq!(one("worker.memory_mib", &[]).env_name(), "ROOFTOP_WORKER_MEMORY_MIB");
    }
}

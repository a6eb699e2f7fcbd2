//! Settings of sessions.

use std::path::PathBuf;

use super::error::ConfigError;
use super::resolve::{MILLISECOND, SECOND, Values, not_empty};
use crate::session::Settings as SessionSettings;

impl Values {
    pub(super) fn session(&self) -> Result<SessionSettings, ConfigError> {
        let default = SessionSettings::default();
        Ok(SessionSettings {
            session_history_limit: self.count("history.sessions", 16..=4096, default.session_history_limit)?,
            session_history_days: self.number("history.days", 0..=36_500)?.unwrap_or(default.session_history_days),
            fail_back: self.switch("recovery.fail_back", default.fail_back)?,
            hot_standby: self.switch("recovery.hot_standby", default.hot_standby)?,
            codec_change: self.one("recovery.codec_change", str::parse)?.unwrap_or(default.codec_change),
            filler: self.one("filler.mode", str::parse)?.unwrap_or(default.filler),
            filler_text: self.one("filler.text", slate_text)?.unwrap_or(default.filler_text),
            filler_image: self.one("filler.image", not_empty)?.map(PathBuf::from),
            stall_policy: self.one("recovery.stall_policy", str::parse)?.unwrap_or(default.stall_policy),
            stall_detect: self.time("recovery.stall_detect_ms", 300..=60_000, MILLISECOND, default.stall_detect)?,
            stall_hard_deadline: self.time("recovery.stall_hard_deadline_s", 1..=3600, SECOND, default.stall_hard_deadline)?,
            failover_total_timeout: self.time(
                "recovery.failover_total_timeout_s",
                1..=3600,
                SECOND,
                default.failover_total_timeout,
            )?,
            max_failovers: self.count("recovery.max_failovers", 0..=100, default.max_failovers)?,
            stall_max_failovers_per_stall: self.count(
                "recovery.stall_max_failovers_per_stall",
                0..=100,
                default.stall_max_failovers_per_stall,
            )?,
            cycle_failure_min_health: self.time(
                "recovery.cycle_failure_min_health_s",
                1..=3600,
                SECOND,
                default.cycle_failure_min_health,
            )?,
            upstream_overlimit_cooldown: self.time(
                "recovery.upstream_overlimit_cooldown_s",
                1..=3600,
                SECOND,
                default.upstream_overlimit_cooldown,
            )?,
            startup_timeout: self.time("session.startup_timeout_ms", 500..=60_000, MILLISECOND, default.startup_timeout)?,
            session_idle_timeout: self.time("session.idle_timeout_s", 0..=3600, SECOND, default.session_idle_timeout)?,
            session_max_subscribers: self.count("session.max_subscribers", 0..=10_000, default.session_max_subscribers)?,
            max_blocked_write: self.time("session.subscriber_max_blocked_write_s", 1..=300, SECOND, default.max_blocked_write)?,
            join_lead: self.time("session.subscriber_join_lead_ms", 0..=20_000, MILLISECOND, default.join_lead)?,
            chunk_bytes: self.count("session.buffer_chunk_bytes", 1316..=1_048_576, default.chunk_bytes)?,
            chunk_interval: self.time(
                "session.buffer_publish_flush_interval_ms",
                1..=1000,
                MILLISECOND,
                default.chunk_interval,
            )?,
            producer_read_rate: self
                .number("session.producer_read_rate_percent", 50..=1000)?
                .map_or(default.producer_read_rate, |percent| f64::from(percent) / 100.0),
            producer_initial_burst: self.time(
                "session.producer_initial_burst_ms",
                0..=60_000,
                MILLISECOND,
                default.producer_initial_burst,
            )?,
            tune_backoff_max_tunes: self
                .number("session.tune_backoff_max_tunes", 0..=1000)?
                .unwrap_or(default.tune_backoff_max_tunes),
            tune_backoff_interval: self.time(
                "session.tune_backoff_interval_s",
                1..=3600,
                SECOND,
                default.tune_backoff_interval,
            )?,
            tune_backoff_cooldown: self.time(
                "session.tune_backoff_cooldown_s",
                1..=3600,
                SECOND,
                default.tune_backoff_cooldown,
            )?,
            ..default
        })
    }
}

fn slate_text(text: &str) -> Result<String, &'static str> {
    let fits = !text.trim().is_empty() && text.chars().count() <= 300 && text.lines().count() <= 5;
    if fits { Ok(text.to_owned()) } else { Err("give a text of at most 300 characters in at most five lines") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::usual("One moment, please", true)]
    #[case::five_lines("a\nb\nc\nd\ne\n", true)]
    #[case::six_lines("a\nb\nc\nd\ne\nf", false)]
    #[case::long(&"ä".repeat(300), true)]
    #[case::too_long(&"ä".repeat(301), false)]
    #[case::nothing(" \n ", false)]
    fn texts(#[case] text: &str, #[case] fits: bool) {
        assert_eq!(slate_text(text).is_ok(), fits);
    }
}

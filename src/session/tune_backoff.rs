//! A channel that fails to start again and again is refused for a while, so that clients that retry without pause do not
//! hammer a provider. Pure.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::settings::Settings;
use crate::base::clock::Instant;
use crate::model::ChannelId;

/// Failed starts, by channel.
#[derive(Debug, Default)]
pub struct TuneBackoff {
    channels: HashMap<ChannelId, Channel>,
}

#[derive(Debug, Default)]
struct Channel {
    failed: VecDeque<Instant>,
    refused_until: Option<Instant>,
}

impl TuneBackoff {
    /// How long the channel is still refused.
    pub fn refused_for(&self, now: Instant, channel: ChannelId) -> Option<Duration> {
        let until = self.channels.get(&channel)?.refused_until?;
        (until > now).then(|| until - now)
    }

    /// A start failed.
    pub fn failed(&mut self, now: Instant, channel: ChannelId, settings: &Settings) {
        if settings.tune_backoff_max_tunes == 0 {
            return;
        }
        let entry = self.channels.entry(channel).or_default();
        entry.failed.push_back(now);
        while entry.failed.front().is_some_and(|first| now - *first > settings.tune_backoff_interval) {
            entry.failed.pop_front();
        }
        if entry.failed.len() >= usize::try_from(settings.tune_backoff_max_tunes).unwrap_or(usize::MAX) {
            entry.failed.clear();
            entry.refused_until = Some(now + settings.tune_backoff_cooldown);
        }
    }

    /// A start succeeded: all is forgotten.
    pub fn succeeded(&mut self, channel: ChannelId) {
        self.channels.remove(&channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: ChannelId = ChannelId(1);

    #[test]
    fn eight_failures_a_minute_are_enough() {
        let (settings, start) = (Settings::default(), Instant::now());
        let mut backoff = TuneBackoff::default();
        for n in 0..7 {
            backoff.failed(start + Duration::from_secs(n), CHANNEL, &settings);
        }
        assert_eq!(backoff.refused_for(start, CHANNEL), None);
        let now = start + Duration::from_secs(8);
        backoff.failed(now, CHANNEL, &settings);
        assert_eq!(backoff.refused_for(now, CHANNEL), Some(Duration::from_secs(20)));
        assert_eq!(backoff.refused_for(now, ChannelId(2)), None);
        assert_eq!(backoff.refused_for(now + Duration::from_secs(20), CHANNEL), None);
    }

    #[test]
    fn slow_failures_and_a_success_are_forgiven() {
        let (settings, start) = (Settings::default(), Instant::now());
        let mut backoff = TuneBackoff::default();
        for n in 0..30 {
            backoff.failed(start + Duration::from_secs(n * 10), CHANNEL, &settings);
        }
        assert_eq!(backoff.refused_for(start + Duration::from_secs(300), CHANNEL), None);
        for n in 0..8 {
            backoff.failed(start + Duration::from_secs(1000 + n), CHANNEL, &settings);
        }
        backoff.succeeded(CHANNEL);
        assert_eq!(backoff.refused_for(start + Duration::from_secs(1008), CHANNEL), None);
    }
}

//! What a session needs from outside and must not fetch itself. `app` implements it from memory: nothing here may wait for
//! the database.

use std::time::Duration;

use crate::model::{ChannelId, GuideNumber, Headers, ProviderId, Retry, Route, SourceId, StreamInfo};

/// A channel and where it can come from, in the order to be tried.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The channel.
    pub channel: ChannelId,
    /// Its number.
    pub number: GuideNumber,
    /// Its name.
    pub name: String,
    /// Enabled sources: first those that may be dialled, then those that cool down.
    pub candidates: Vec<Candidate>,
    /// Whether the next one is kept ready while one is on air; `None`: as the settings say.
    pub hot_standby: Option<bool>,
}

/// One source that a session may open.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The source.
    pub source: SourceId,
    /// Its account, which limits connections.
    pub provider: ProviderId,
    /// Stable key of its playlist item.
    pub item_key: String,
    /// Address; may hold credentials.
    pub url: crate::base::secret::Secret<String>,
    /// Request headers.
    pub headers: Headers,
    /// How its server is reached.
    pub route: Route,
    /// Whether it is cooling down: forced only if nothing else is left.
    pub cooling: bool,
}

/// What `app` provides.
pub trait Ports: Send + Sync + 'static {
    /// The plan for a guide number of a device's lineup, or `None` if it has no such channel.
    fn plan(&self, device: i64, number: &GuideNumber) -> Option<Plan>;

    /// A source served: proven, and alive for `healthy_for` so far.
    fn source_succeeded(&self, source: SourceId, healthy_for: Duration);

    /// A source failed, and why, in words without credentials.
    fn source_failed(&self, source: SourceId, reason: &str, retry: Retry);

    /// An account was refused or throttled: none of its sources is to be dialled for `wait`.
    fn provider_cooling(&self, provider: ProviderId, wait: Duration);

    /// How long an account still has to rest: none of its sources may be dialled before.
    fn provider_rests(&self, provider: ProviderId) -> Duration;

    /// What was seen in a source's bytes.
    fn source_seen(&self, channel: ChannelId, source: SourceId, info: &StreamInfo);
}

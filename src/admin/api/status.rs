//! `GET /api/v1/status`: what is going on.

use std::net::IpAddr;
use std::time::SystemTime;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::admin::overview::{DeviceView, SessionView, Warning};
use crate::admin::page::{Look, address_for_people};
use crate::admin::{AdminState, Situation};
use crate::http::{Peer, reply};
use crate::model::{ChannelId, GuideNumber, SessionId, SourceId, StreamInfo, SubscriberId};

#[derive(Serialize, JsonSchema)]
pub(super) struct Status<'a> {
    version: &'static str,
    now: String,
    warnings: Vec<Warning>,
    situation: &'a Situation,
    channels: usize,
    devices: Vec<DeviceView>,
    sessions: Vec<Session<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RunningSession")]
struct Session<'a> {
    id: SessionId,
    channel: ChannelId,
    number: &'a GuideNumber,
    name: &'a str,
    live: bool,
    started_at: String,
    source: Option<Source<'a>>,
    info: &'a StreamInfo,
    bitrate_bps: u64,
    packets_per_second: u64,
    bytes_read: u64,
    bytes_pushed: u64,
    ring_bytes: usize,
    failovers: u64,
    last_error: Option<&'a str>,
    subscribers: Vec<Subscriber<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RunningSource")]
struct Source<'a> {
    id: SourceId,
    name: Option<&'a str>,
    provider: Option<&'a str>,
    producer: Option<&'a str>,
    /// Without credentials.
    url: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RunningSubscriber")]
struct Subscriber<'a> {
    id: SubscriberId,
    addr: IpAddr,
    agent: &'a str,
    started_at: String,
    bytes: u64,
    skips: u64,
}

/// `GET /status`.
pub async fn show(State(state): State<AdminState>, Extension(peer): Extension<Peer>) -> Response<Body> {
    state.notices.refresh(&state.feeds).await;
    let facts = Look::at(&state).facts;
    reply::json(&Status {
        version: env!("CARGO_PKG_VERSION"),
        now: rfc3339(facts.now),
        warnings: facts.warnings(),
        situation: &facts.situation,
        channels: facts.catalog.channels.len(),
        devices: facts.devices(address_for_people(peer, &state.situation.load().addresses)),
        sessions: facts.sessions().iter().map(session).collect(),
    })
}

fn session<'a>(view: &SessionView<'a>) -> Session<'a> {
    let stats = view.stats;
    let subscribers = stats.subscribers.iter().map(|viewer| Subscriber {
        id: viewer.id,
        addr: viewer.addr.to_canonical(),
        agent: &viewer.agent,
        started_at: rfc3339(viewer.started_at),
        bytes: viewer.bytes,
        skips: viewer.skips,
    });
    Session {
        id: stats.id,
        channel: stats.channel,
        number: &stats.number,
        name: &stats.name,
        live: stats.live,
        started_at: rfc3339(stats.started_at),
        source: stats.source.map(|id| Source {
            id,
            name: view.source,
            provider: view.provider,
            producer: stats.producer,
            url: stats.source_url.as_deref(),
        }),
        info: &stats.info,
        bitrate_bps: stats.bitrate_bps,
        packets_per_second: stats.packets_per_second,
        bytes_read: stats.bytes_read,
        bytes_pushed: stats.bytes_pushed,
        ring_bytes: stats.ring_bytes,
        failovers: stats.failovers,
        last_error: stats.last_error.as_deref(),
        subscribers: subscribers.collect(),
    }
}

/// RFC 3339 in UTC; a time that no calendar has is the beginning of 1970.
fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).unwrap_or_default().to_string()
}

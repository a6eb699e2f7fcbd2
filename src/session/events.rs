//! Facts that leave the data path. Sending one never waits: a listener that is too slow loses the oldest.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{ChannelId, GuideNumber, SessionId, SourceId, SubscriberId};

/// Something that happened in a session.
#[derive(Debug, Clone)]
pub enum Event {
    /// A session began to open.
    SessionOpened { session: SessionId, channel: ChannelId, number: GuideNumber },
    /// A source was proven and is on air.
    SourceSelected { session: SessionId, source: SourceId, after: Duration },
    /// A source was left.
    SourceLeft { session: SessionId, source: SourceId, reason: String },
    /// A viewer came.
    SubscriberJoined { session: SessionId, subscriber: SubscriberId, addr: IpAddr },
    /// A viewer left.
    SubscriberLeft { session: SessionId, subscriber: SubscriberId, reason: String, bytes: u64 },
    /// A session ended.
    SessionClosed { session: SessionId, channel: ChannelId, reason: String },
}

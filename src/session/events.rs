//! Facts that leave the data path. Sending one never waits: a listener that is too slow loses the oldest.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{ChannelId, GuideNumber, SessionId, SourceId, StreamInfo, SubscriberId};

/// Something that happened in a session. No text in it holds credentials.
#[derive(Debug, Clone)]
pub enum Event {
    /// A session began to open.
    SessionOpened {
        /// The session.
        session: SessionId,
        /// Its channel.
        channel: ChannelId,
        /// The channel's number.
        number: GuideNumber,
        /// The channel's name.
        name: String,
    },
    /// A source was proven and is on air.
    SourceSelected {
        /// The session.
        session: SessionId,
        /// What came on air.
        source: Selected,
    },
    /// What is in the source on air is known, or has changed.
    SourceSeen {
        /// The session.
        session: SessionId,
        /// What is seen.
        info: StreamInfo,
    },
    /// The source on air was lost, and another one is looked for.
    SourceLeft {
        /// The session.
        session: SessionId,
        /// The source.
        source: SourceId,
        /// Why.
        reason: String,
        /// Whether media time stood still, without an end or an error.
        stalled: bool,
        /// How long it was on air.
        lived: Duration,
    },
    /// A viewer came.
    SubscriberJoined {
        /// The session.
        session: SessionId,
        /// The viewer.
        subscriber: SubscriberId,
        /// Its address.
        addr: IpAddr,
        /// User-Agent, or what else it is.
        agent: String,
        /// The tuner it came on, counted from 0 over all devices.
        tuner: u32,
    },
    /// A viewer was too slow and skipped to a newer picture.
    SubscriberSkipped {
        /// The session.
        session: SessionId,
        /// The viewer.
        subscriber: SubscriberId,
        /// Chunks it missed.
        chunks: u64,
        /// Bytes it missed.
        bytes: u64,
    },
    /// A viewer left.
    SubscriberLeft {
        /// The session.
        session: SessionId,
        /// The viewer.
        subscriber: SubscriberId,
        /// Why.
        reason: String,
        /// Bytes it was given.
        bytes: u64,
    },
    /// A session ended.
    SessionClosed {
        /// The session.
        session: SessionId,
        /// Its channel.
        channel: ChannelId,
        /// Why.
        reason: String,
        /// Whether something went wrong: no source was found, or none was left.
        failed: bool,
    },
}

/// A source that came on air.
#[derive(Debug, Clone)]
pub struct Selected {
    /// Which.
    pub source: SourceId,
    /// Stable key of its playlist item.
    pub item_key: String,
    /// Its address, without credentials.
    pub url: String,
    /// What reads it: `http`, `hls` …
    pub producer: &'static str,
    /// From dialling to proof.
    pub after: Duration,
    /// Bytes read until then.
    pub raw_bytes: u64,
    /// It came in place of one that was well, since it comes before it.
    pub fail_back: bool,
}

impl Event {
    /// The session it is about.
    pub fn session(&self) -> SessionId {
        match self {
            Self::SessionOpened { session, .. }
            | Self::SourceSelected { session, .. }
            | Self::SourceSeen { session, .. }
            | Self::SourceLeft { session, .. }
            | Self::SubscriberJoined { session, .. }
            | Self::SubscriberSkipped { session, .. }
            | Self::SubscriberLeft { session, .. }
            | Self::SessionClosed { session, .. } => *session,
        }
    }
}

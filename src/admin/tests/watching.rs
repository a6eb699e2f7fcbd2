//! What "Watching now" shows of a session.

use std::time::SystemTime;

use super::*;
use crate::admin::overview::Facts;
use crate::model::SessionId;
use crate::session::SessionStats;

fn session(failovers: u64, reopened: u64) -> SessionStats {
    SessionStats {
        id: SessionId(9),
        channel: ChannelId(7),
        number: GuideNumber::whole(7),
        name: "Seven & more".into(),
        live: true,
        source: None,
        source_url: None,
        producer: Some("http"),
        info: StreamInfo::default(),
        started_at: SystemTime::UNIX_EPOCH,
        bitrate_bps: 8_000_000,
        packets_per_second: 5000,
        bytes_read: 0,
        bytes_pushed: 0,
        last_byte_ms: 0,
        last_push_ms: 0,
        chunks_pushed: 0,
        ring_bytes: 0,
        recovering: false,
        stalls: 0,
        failovers,
        reopened,
        takeovers: 0,
        fail_backs: 0,
        write_blocked: Duration::ZERO,
        spare: None,
        filler: None,
        filler_bytes: 0,
        last_error: None,
        subscribers: Vec::new(),
    }
}

#[rstest::rstest]
#[case(3, 3, Some("source opened again 3 times"))]
#[case(1, 0, Some("source changed once"))]
#[case(0, 0, None)]
fn a_session_leads_to_its_channel_and_says_what_became_of_its_source(
    #[case] failovers: u64,
    #[case] reopened: u64,
    #[case] told: Option<&str>,
) {
    let facts = Facts {
        catalog: Arc::new(catalog(1)),
        situation: Arc::new(settled()),
        sessions: vec![session(failovers, reopened)],
        tuners: Default::default(),
        notices: Arc::default(),
        now: SystemTime::UNIX_EPOCH,
    };
    let shown = fragments::watching(&facts);
    assert!(shown.contains("<a href=\"/channels/7\">Seven &#38; more</a>"), "{shown}");
    assert_eq!(shown.contains("class=\"tag\""), told.is_some(), "{shown}");
    assert!(told.is_none_or(|told| shown.contains(told)), "{shown}");
}

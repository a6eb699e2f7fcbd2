use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::model::{AudioInfo, ChannelId, Codec, GuideNumber, SourceId, VideoInfo};

fn opened(session: u64) -> Event {
    let (session, channel) = (SessionId(session), ChannelId(5));
    Event::SessionOpened { session, channel, number: GuideNumber::whole(5), name: "Five".into() }
}

fn selected(session: u64, source: i64) -> Event {
    let source = Selected {
        source: SourceId(source),
        item_key: format!("k{source}"),
        url: "http://tv.example/***/5.ts".into(),
        producer: "http",
        after: Duration::from_millis(300),
        raw_bytes: 1000,
        fail_back: false,
    };
    Event::SourceSelected { session: SessionId(session), source }
}

fn lost(session: u64, source: i64, reason: &str, stalled: bool) -> Event {
    let (session, source, lived) = (SessionId(session), SourceId(source), Duration::from_secs(9));
    Event::SourceLeft { session, source, reason: reason.into(), stalled, lived }
}

fn came(session: u64, subscriber: u64) -> Event {
    let (session, subscriber, addr) = (SessionId(session), SubscriberId(subscriber), IpAddr::from([10, 0, 0, 9]));
    Event::SubscriberJoined { session, subscriber, addr, agent: "VLC".into(), tuner: 3 }
}

fn gone(session: u64, subscriber: u64, reason: &str) -> Event {
    let (session, subscriber) = (SessionId(session), SubscriberId(subscriber));
    Event::SubscriberLeft { session, subscriber, reason: reason.into(), bytes: 500 }
}

fn closed(session: u64, reason: &str, failed: bool) -> Event {
    Event::SessionClosed { session: SessionId(session), channel: ChannelId(5), reason: reason.into(), failed }
}

/// One event a second.
fn history(limit: usize, events: &[Event]) -> History {
    let mut history = History::new(Limits { sessions: limit, sources: limit, subscribers: limit });
    for (second, event) in (0..).zip(events) {
        history.apply(event, Moment(second * 1000));
    }
    history
}

#[test]
fn a_session_with_a_failover_and_two_viewers() {
    let events = [
        opened(1),
        came(1, 2),
        selected(1, 10),
        came(1, 3),
        lost(1, 10, "the stream ended", false),
        selected(1, 11),
        gone(1, 2, "client left"),
        gone(1, 3, "slow client"),
        closed(1, "nobody watches", false),
    ];
    let history = history(16, &events);
    let session = history.session(SessionId(1)).unwrap();
    assert_eq!((session.opened_at, session.closed_at, session.active), (Moment(0), Some(Moment(8000)), false));
    assert_eq!((session.guide_number.as_str(), session.guide_name.as_str(), session.tuner_id), ("5", "Five", 3));
    assert_eq!((session.peak_subscribers, session.total_subscribers, session.completed_subscribers), (2, 2, 2));
    assert_eq!((session.recovery_cycle_count, session.source_select_count, session.same_source_reselect_count), (1, 2, 0));
    assert_eq!(session.last_source_select_reason, "recovery: the stream ended");
    assert_eq!((session.terminal_status.as_str(), session.terminal_error.as_str()), ("nobody watches", ""));
    assert_eq!(session.subscriber_write_deadline_timeouts_total, 1);
    let windows: Vec<_> =
        session.sources.iter().map(|source| (source.source_id, source.selected_at.0, source.deselected_at)).collect();
    assert_eq!(windows, [(10, 2000, Some(Moment(4000))), (11, 5000, Some(Moment(8000)))]);
    let viewers: Vec<_> = session.subscribers.iter().map(|viewer| (viewer.closed_at, viewer.close_reason.as_str())).collect();
    assert_eq!(viewers, [(Some(Moment(6000)), "client left"), (Some(Moment(7000)), "slow client")]);
    let totals = history.totals();
    assert_eq!((totals.sessions, totals.recoveries, totals.stalls, totals.selections, totals.bytes), (1, 1, 0, 2, 1000));
}

#[test]
fn the_same_source_again_is_a_reselection() {
    let history = history(16, &[opened(1), selected(1, 10), lost(1, 10, "silence", true), selected(1, 10)]);
    let session = history.session(SessionId(1)).unwrap();
    assert_eq!((session.same_source_reselect_count, session.sources.len()), (1, 2));
    assert_eq!((history.totals().reselections, history.totals().stalls), (1, 1));
}

#[test]
fn what_fails_says_why() {
    let history = history(16, &[opened(1), came(1, 2), closed(1, "HTTP 404", true), gone(1, 2, "session ended")]);
    let session = history.session(SessionId(1)).unwrap();
    assert_eq!((session.terminal_status.as_str(), session.terminal_error.as_str()), ("error", "HTTP 404"));
    assert_eq!(session.subscribers[0].closed_at, Some(Moment(3000)), "who leaves last is written down, too");
    assert_eq!(history.totals().sessions_failed, 1);
}

#[test]
fn who_skips_is_counted() {
    let skipped = |chunks, bytes| Event::SubscriberSkipped { session: SessionId(1), subscriber: SubscriberId(2), chunks, bytes };
    let history = history(16, &[opened(1), came(1, 2), skipped(7, 100), skipped(3, 50)]);
    let session = history.session(SessionId(1)).unwrap();
    assert_eq!((session.slow_skip_events_total, session.slow_skip_lag_chunks_total), (2, 10));
    assert_eq!((session.slow_skip_lag_bytes_total, session.slow_skip_max_lag_chunks), (150, 7));
}

#[test]
fn what_is_seen_is_shown() {
    let video = VideoInfo {
        codec: Codec::H264,
        profile: None,
        width: Some(1920),
        height: Some(1080),
        frame_rate: Some(30_000.0 / 1001.0),
        interlaced: None,
        pixel_aspect: None,
    };
    let sound = |codec| AudioInfo { codec, language: None, sample_rate: None, channels: None };
    let info = StreamInfo {
        video: Some(video),
        audio: vec![sound(Codec::Aac), sound(Codec::Ac3)],
        bitrate_bps: Some(4_000_000),
        ..StreamInfo::default()
    };
    let seen = Event::SourceSeen { session: SessionId(1), info };
    let history = history(16, &[opened(1), selected(1, 10), seen]);
    let source = &history.session(SessionId(1)).unwrap().sources[0];
    assert_eq!((source.resolution.as_str(), source.frame_rate), ("1920x1080", 29.97));
    assert_eq!((source.video_codec.as_str(), source.audio_codec.as_str()), ("h264", "aac"));
    assert_eq!((source.startup.audio_codecs.as_str(), source.startup.raw_bytes), ("aac,ac3", 1000));
    assert_eq!(source.startup.component_state, "video_audio");
}

/// What is over goes first, and what was not stored by then is counted.
#[test]
fn it_is_bounded() {
    let mut history = history(2, &[opened(1), opened(2), closed(2, "nobody watches", false)]);
    assert_eq!(history.take_changed().len(), 2);
    history.apply(&opened(3), Moment(4000));
    history.apply(&closed(3, "nobody watches", false), Moment(5000));
    history.apply(&opened(4), Moment(6000));
    let ids: Vec<u64> = history.newest_first().map(|session| session.session_id).collect();
    assert_eq!(ids, [4, 1]);
    assert_eq!((history.totals().sessions_truncated, history.totals().sessions_unstored), (2, 1));
    for viewer in 0..5 {
        history.apply(&came(4, 100 + viewer), Moment(7000));
        history.apply(&selected(4, 1), Moment(7000));
    }
    let session = history.session(SessionId(4)).unwrap();
    assert_eq!((session.subscribers.len(), session.subscriber_history_truncated), (2, 3));
    assert_eq!((session.sources.len(), session.source_history_truncated), (2, 3));
    assert_eq!((session.peak_subscribers, session.source_select_count), (5, 5));
}

#[test]
fn earlier_runs_come_behind_and_are_not_mistaken_for_this_one() {
    let mut history = history(3, &[opened(1)]);
    let earlier = |id| SessionHistory { session_id: id, guide_name: "Earlier".into(), ..SessionHistory::default() };
    history.restore((1..=4).map(earlier).collect());
    let ids: Vec<u64> = history.newest_first().map(|session| session.session_id).collect();
    assert_eq!(ids, [1, 4, 3]);
    assert_eq!(history.session(SessionId(1)).unwrap().guide_name, "Five");
    assert_eq!(history.session(SessionId(4)), None);
    history.apply(&came(4, 9), Moment(1000));
    assert_eq!(history.take_changed().len(), 1, "an event of session 4 of this run is not about that of another");
}

#[test]
fn what_could_not_be_stored_is_taken_again() {
    let mut history = history(16, &[opened(1), opened(2)]);
    let taken = history.take_changed();
    assert_eq!(taken.len(), 2);
    assert!(history.take_changed().is_empty());
    history.put_back(&taken[..1]);
    assert_eq!(history.take_changed(), taken[..1]);
    history.put_back(&[SessionHistory { session_id: 77, ..SessionHistory::default() }]);
    assert_eq!(history.totals().sessions_unstored, 1);
}

#[rstest::rstest]
#[case(0, 16)]
#[case(256, 256)]
#[case(1_000_000, 4096)]
fn limits_are_kept_within_bounds(#[case] wanted: usize, #[case] kept: usize) {
    assert_eq!(Limits::of(wanted), Limits { sessions: kept, sources: kept, subscribers: kept });
}

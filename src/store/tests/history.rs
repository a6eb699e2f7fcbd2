//! Sessions that were.

use super::*;
use crate::model::{Moment, SessionHistory, SourceHistory, SubscriberHistory};
use crate::store::history::Retention;

const ALL: Retention = Retention { sessions: 100, since_ms: 0 };

fn session(id: u64, opened_ms: i64, closed_ms: Option<i64>) -> SessionHistory {
    SessionHistory {
        session_id: id,
        opened_at: Moment(opened_ms),
        closed_at: closed_ms.map(Moment),
        active: closed_ms.is_none(),
        guide_name: "Ärger & Co".into(),
        total_subscribers: 1,
        sources: vec![SourceHistory { source_id: 4, ..SourceHistory::default() }],
        subscribers: vec![SubscriberHistory { subscriber_id: 2, ..SubscriberHistory::default() }],
        ..SessionHistory::default()
    }
}

fn ids(sessions: &[SessionHistory]) -> Vec<u64> {
    sessions.iter().map(|session| session.session_id).collect()
}

#[tokio::test]
async fn sessions_come_back_as_they_were() {
    let (dir, store) = open();
    let over = session(1, 1000, Some(2000));
    store.record_sessions(vec![session(1, 1000, None), session(2, 1500, Some(1600))], 1100, ALL).await.unwrap();
    store.record_sessions(vec![over.clone()], 2000, ALL).await.unwrap();
    drop(store);
    let kept = Store::open(dir.path()).unwrap().recorded_sessions(10).await.unwrap();
    assert_eq!(ids(&kept), [1, 2], "the oldest first; one row each");
    assert_eq!(kept[0], over);
}

/// A process that was killed could not say how its sessions ended.
#[tokio::test]
async fn sessions_of_a_killed_process_are_closed() {
    let (_dir, store) = open();
    store.record_sessions(vec![session(1, 1000, None)], 1500, ALL).await.unwrap();
    let kept = store.recorded_sessions(10).await.unwrap();
    assert_eq!((kept[0].active, kept[0].closed_at), (false, Some(Moment(1500))));
    assert_eq!((kept[0].terminal_status.as_str(), kept[0].completed_subscribers), ("interrupted", 1));
    assert_eq!(kept[0].subscribers[0].closed_at, Some(Moment(1500)));
    assert_eq!(kept[0].sources[0].deselected_at, Some(Moment(1500)));
}

#[tokio::test]
async fn number_and_age_are_bounded() {
    let (_dir, store) = open();
    let many = (1..=9).map(|id| session(id, i64::try_from(id).unwrap() * 1000, Some(9999))).collect();
    store.record_sessions(many, 0, Retention { sessions: 5, since_ms: 0 }).await.unwrap();
    assert_eq!(ids(&store.recorded_sessions(100).await.unwrap()), [5, 6, 7, 8, 9]);
    assert_eq!(ids(&store.recorded_sessions(2).await.unwrap()), [8, 9]);
    store.record_sessions(vec![], 0, Retention { sessions: 5, since_ms: 7000 }).await.unwrap();
    assert_eq!(ids(&store.recorded_sessions(100).await.unwrap()), [7, 8, 9]);
}

/// The same session number in two runs of the process is two sessions.
#[tokio::test]
async fn runs_are_kept_apart() {
    let (_dir, store) = open();
    store.record_sessions(vec![session(1, 1000, Some(1))], 0, ALL).await.unwrap();
    store.record_sessions(vec![session(1, 5000, Some(2))], 0, ALL).await.unwrap();
    assert_eq!(ids(&store.recorded_sessions(100).await.unwrap()), [1, 1]);
}

#[tokio::test]
async fn health_is_forgotten_for_one_and_for_all() {
    use crate::model::{Health, SourceId};
    let (dir, store) = open();
    let items = vec![item("a", "1", "One", "u1"), item("b", "2", "Two", "u2"), item("c", "3", "Three", "u3")];
    store.import(spec("p", 0), items).await.unwrap();
    let sources: Vec<SourceId> =
        store.catalog().channels.iter().map(|channel| store.catalog().sources_of(channel.id)[0].id).collect();
    for source in &sources {
        store.record_health(*source, Health { failures: 3, ..Health::default() });
    }
    let failures = |store: &Store| -> Vec<u32> {
        sources
            .iter()
            .map(|id| store.catalog().sources.values().flatten().find(|source| source.id == *id).unwrap().health.failures)
            .collect()
    };
    // What waits to be written must not come back afterwards.
    assert!(store.clear_health(Some(sources[1])).await.unwrap());
    assert_eq!(failures(&store), [3, 0, 3]);
    assert!(!store.clear_health(Some(SourceId(4711))).await.unwrap(), "no such source");
    assert!(store.clear_health(None).await.unwrap());
    assert_eq!(failures(&store), [0, 0, 0]);
    drop(store);
    assert_eq!(failures(&Store::open(dir.path()).unwrap()), [0, 0, 0]);
}

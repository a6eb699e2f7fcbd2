//! What is written down of sessions, and another source on demand.

use super::*;
use crate::model::SessionHistory;
use crate::session::events::Event;

fn newest(house: &House) -> SessionHistory {
    house.manager.journal().sessions().remove(0)
}

#[tokio::test]
async fn a_person_can_have_another_source_at_once() {
    let (first, second) = (Origin::start(Play::Endless).await, Origin::start(Play::Endless).await);
    let house = House::new(vec![vec![first.url(), second.url()]], 1, 2);
    let channel = ChannelId(0);
    assert_eq!(house.manager.recover(channel, "too dark"), Err(NoRecovery::NotFound));
    let mut viewer = house.tune(1, 1).await.unwrap();
    read(&mut viewer, 50_000).await;
    house.manager.recover(channel, "too dark").unwrap();
    assert_eq!(house.manager.recover(channel, "too dark"), Err(NoRecovery::Pending));
    read(&mut viewer, 200_000).await;
    until("the other source is on air", || (first.live(), second.live()) == (0, 1)).await;
    assert!(house.failed().is_empty(), "a wish says nothing about the source");
    let session = newest(&house);
    assert_eq!((session.recovery_cycle_count, session.last_recovery_reason.as_str()), (1, "asked for: too dark"));
    let sources: Vec<i64> = session.sources.iter().map(|source| source.source_id).collect();
    assert_eq!(sources, [0, 1]);
    house.manager.recover(channel, "too dark").unwrap();
    until("the first source is on air again", || (first.live(), second.live()) == (1, 0)).await;
}

#[tokio::test]
async fn what_happened_is_written_down() {
    let (mortal, endless) = (Origin::start(Play::EndAfter(120_000)).await, Origin::start(Play::Endless).await);
    let house = House::new(vec![vec![mortal.url(), endless.url()]], 1, 2);
    let mut events = house.manager.journal().follow();
    let mut viewer = house.tune(1, 1).await.unwrap();
    read(&mut viewer, 400_000).await;
    let running = newest(&house);
    assert!(running.active && running.closed_at.is_none() && running.subscribers[0].closed_at.is_none());
    viewer.close_reason("slow client");
    drop(viewer);
    until("the session is over", || !newest(&house).active).await;
    let session = newest(&house);
    assert_eq!((session.source_select_count, session.same_source_reselect_count, session.recovery_cycle_count), (2, 0, 1));
    assert_eq!(session.terminal_status, "nobody watches");
    assert_eq!(session.subscribers[0].close_reason, "slow client");
    assert_eq!(session.subscriber_write_deadline_timeouts_total, 1);
    assert!(session.sources.iter().all(|source| source.deselected_at.is_some()));
    let sound = |source: &crate::model::SourceHistory| source.startup.raw_bytes > 0 && source.audio_codec == "mp2";
    assert!(session.sources.iter().all(sound), "{session:#?}");
    let mut names = Vec::new();
    while let Ok(stamped) = events.try_recv() {
        names.push(match stamped.event {
            Event::SessionOpened { .. } => "opened",
            Event::SubscriberJoined { .. } => "joined",
            Event::SourceSelected { .. } => "selected",
            Event::SourceLeft { .. } => "lost",
            Event::SubscriberLeft { .. } => "left",
            Event::SessionClosed { .. } => "closed",
            Event::SourceSeen { .. } | Event::SubscriberSkipped { .. } => continue,
        });
    }
    assert_eq!(names, ["opened", "joined", "selected", "lost", "selected", "left", "closed"]);
}

#[tokio::test]
async fn a_session_that_never_began_says_why() {
    let house = House::new(vec![vec!["http://127.0.0.1:9/dead.ts".to_owned()]], 1, 1);
    assert!(house.tune(1, 1).await.is_err());
    until("the session is over", || !newest(&house).active).await;
    let session = newest(&house);
    assert_eq!(session.terminal_status, "error");
    assert!(!session.terminal_error.is_empty() && session.sources.is_empty(), "{session:?}");
    until("the viewer has left", || newest(&house).completed_subscribers == 1).await;
}

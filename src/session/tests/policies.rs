//! What is done about a source that was lost, with real connections.

use super::*;
use crate::session::recovery::Policy;

fn policy(stall_policy: Policy) -> Settings {
    Settings { stall_policy, ..Settings::default() }
}

/// Reads until the session ends.
async fn ends(viewer: &mut Subscription, within: Duration) -> usize {
    let mut bytes = 0;
    let reading = async {
        while let Some(chunk) = viewer.next().await {
            bytes += chunk.len();
        }
    };
    clock::timeout(within, reading).await.expect("the session ends");
    bytes
}

#[tokio::test]
async fn close_session_ends_with_its_source() {
    let (mortal, endless) = (Origin::start(Play::EndAfter(120_000)).await, Origin::start(Play::Endless).await);
    let house = House::with(vec![vec![mortal.url(), endless.url()]], 1, 2, policy(Policy::CloseSession));
    let mut viewer = house.tune(1, 1).await.unwrap();
    assert!(ends(&mut viewer, Duration::from_secs(20)).await > 100_000, "what came is not lost");
    assert_eq!((mortal.opened(), endless.opened()), (1, 0));
    until("everything is given back", || house.tuners_in_use() == 0 && house.connections() == 0).await;
}

#[tokio::test]
async fn restart_same_dials_the_same_one() {
    let (mortal, endless) = (Origin::start(Play::EndAfter(120_000)).await, Origin::start(Play::Endless).await);
    let house = House::with(vec![vec![mortal.url(), endless.url()]], 1, 2, policy(Policy::RestartSame));
    let mut viewer = house.tune(1, 1).await.unwrap();
    read(&mut viewer, 300_000).await;
    assert!(mortal.opened() >= 2);
    assert_eq!(endless.opened(), 0);
    assert!(house.manager.snapshot()[0].reopened >= 1);
}

#[tokio::test]
async fn sources_that_die_again_and_again_are_given_up_after_a_while() {
    let mortal = Origin::start(Play::EndAfter(40_000)).await;
    let impatient = Settings { failover_total_timeout: Duration::from_secs(1), ..Settings::default() };
    let house = House::with(vec![vec![mortal.url()]], 1, 1, impatient);
    let mut viewer = house.tune(1, 1).await.unwrap();
    ends(&mut viewer, Duration::from_secs(30)).await;
    assert!((3..12).contains(&mortal.opened()), "dialled {} times", mortal.opened());
    until("everything is given back", || house.tuners_in_use() == 0 && house.connections() == 0).await;
}

#[tokio::test]
async fn an_account_that_refused_is_not_dialled_before_its_time() {
    let (refusing, endless) = (Origin::start(Play::Refuse).await, Origin::start(Play::Endless).await);
    let rest = Duration::from_secs(2);
    let settings = Settings { upstream_overlimit_cooldown: rest, ..Settings::default() };
    let house = House::with(vec![vec![refusing.url(), endless.url()]], 1, 2, settings);
    let began = clock::now();
    read(&mut house.tune(1, 1).await.unwrap(), 188).await;
    assert!(clock::now() - began >= rest, "after {:?}", clock::now() - began);
    assert_eq!((refusing.opened(), endless.opened()), (1, 1));
    assert!(house.failed().is_empty(), "it says nothing about the source");
}

#[tokio::test]
async fn an_account_that_rests_for_longer_than_anybody_waits_is_not_dialled() {
    let endless = Origin::start(Play::Endless).await;
    let house = House::new(vec![vec![endless.url()]], 1, 2);
    house.lists.provider_cooling(ProviderId(1), Duration::from_secs(3600));
    let refused = house.tune(1, 1).await.unwrap_err();
    assert!(matches!(&refused, TuneError::TuneFailed(why) if why.contains("must rest")), "{refused:?}");
    assert_eq!(endless.opened(), 0);
}

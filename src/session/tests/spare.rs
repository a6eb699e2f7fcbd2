//! Sources that are kept ready: with real connections.

use super::*;

fn hot() -> Settings {
    Settings { hot_standby: true, session_idle_timeout: Duration::from_millis(500), ..Settings::default() }
}

fn spare(house: &House) -> Option<SpareStats> {
    house.manager.snapshot().into_iter().next().and_then(|session| session.spare)
}

/// Reads on until something holds.
async fn read_until(viewer: &mut Subscription, what: &str, mut holds: impl FnMut() -> bool) {
    let reading = async {
        while !holds() {
            viewer.next().await.expect("the session goes on");
        }
    };
    clock::timeout(Duration::from_secs(30), reading).await.unwrap_or_else(|_| panic!("did not come true: {what}"));
}

#[tokio::test]
async fn the_next_source_is_ready_and_takes_over() {
    let (first, second) = (Origin::start(Play::Endless).await, Origin::start(Play::Endless).await);
    let house = House::with(vec![vec![first.url(), second.url()]], 1, 2, hot());
    let mut viewer = house.tune(1, 1).await.unwrap();
    let ready = || spare(&house).is_some_and(|spare| spare.ready && spare.source == SourceId(1));
    read_until(&mut viewer, "the second is ready", ready).await;
    assert_eq!((house.pool.providers()[0].spare, house.connections()), (1, 2));
    first.end();
    read_until(&mut viewer, "the first is lost", || first.live() == 0).await;
    read(&mut viewer, 400_000).await;
    let stats = house.manager.snapshot().remove(0);
    assert_eq!((stats.source, stats.takeovers, stats.failovers), (Some(SourceId(1)), 1, 1));
    assert_eq!(second.opened(), 1, "not dialled again");
    assert_eq!((house.pool.providers()[0].spare, house.connections()), (0, 1), "its connection is a viewer's now");
    drop(viewer);
    until("everything is given back", || house.connections() == 0 && second.live() == 0).await;
}

#[tokio::test]
async fn what_is_kept_ready_gives_way_to_any_viewer() {
    let origin = Origin::start(Play::Endless).await;
    let house = House::with(vec![vec![origin.url(), origin.url()], vec![origin.url()]], 2, 2, hot());
    let mut viewer = house.tune(1, 1).await.unwrap();
    read_until(&mut viewer, "the second is ready", || spare(&house).is_some_and(|spare| spare.ready)).await;
    let reading = async {
        loop {
            read(&mut viewer, 188).await;
        }
    };
    let mut other = tokio::select! {
        other = house.tune(2, 2) => other.expect("a viewer always wins"),
        () = reading => unreachable!("reading has no end"),
    };
    read(&mut other, 50_000).await;
    assert_eq!((house.pool.providers()[0].spare, house.connections(), origin.live()), (0, 2, 2));
    assert_eq!(spare(&house), None);
}

#[tokio::test]
async fn without_a_free_connection_nothing_is_kept_ready() {
    let origin = Origin::start(Play::Endless).await;
    let house = House::with(vec![vec![origin.url(), origin.url()]], 1, 1, hot());
    let mut viewer = house.tune(1, 1).await.unwrap();
    read(&mut viewer, 2_000_000).await;
    assert_eq!((origin.opened(), house.connections()), (1, 1));
}

#[tokio::test]
async fn it_goes_back_to_the_first_source_once_that_is_well() {
    let (first, second) = (Origin::start(Play::Endless).await, Origin::start(Play::Endless).await);
    let settings = Settings { fail_back: true, cycle_failure_min_health: Duration::from_secs(1), ..Settings::default() };
    let house = House::with(vec![vec![first.url(), second.url()]], 1, 2, settings);
    let mut viewer = house.tune(1, 1).await.unwrap();
    let on_air = |id| {
        let (house, id) = (&house, SourceId(id));
        move || house.manager.snapshot().first().is_some_and(|session| session.source == Some(id))
    };
    read(&mut viewer, 188).await;
    first.end();
    read_until(&mut viewer, "the second is on air", on_air(1)).await;
    // It rests until it is forgotten that it failed.
    house.lists.failed.lock().unwrap().clear();
    read_until(&mut viewer, "the first is on air again", on_air(0)).await;
    read(&mut viewer, 400_000).await;
    let stats = house.manager.snapshot().remove(0);
    assert_eq!((stats.fail_backs, stats.failovers, stats.takeovers), (1, 1, 0));
    assert_eq!((first.live(), second.live(), house.connections()), (1, 0, 1));
}

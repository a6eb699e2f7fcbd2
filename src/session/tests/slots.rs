//! Slots in use are live upstream connections, whatever viewers and sources do.

use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;

use super::origin::{Origin, Play};
use super::{House, read, until};
use crate::base::{clock, tasks};
use crate::session::{Settings, Subscription};

#[derive(Debug, Clone)]
enum Step {
    /// Tune and stay, reading nothing more.
    Tune {
        channel: u32,
        client: u8,
    },
    /// Begin to tune, and hang up after so many milliseconds.
    Abort {
        channel: u32,
        client: u8,
        after_ms: u64,
    },
    /// One of the viewers reads a little.
    Read {
        viewer: usize,
    },
    /// One of the viewers leaves.
    Leave {
        viewer: usize,
    },
    Wait {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (channel, client) = (1u32..6, 1u8..4);
    prop_oneof![
        (channel.clone(), client.clone()).prop_map(|(channel, client)| Step::Tune { channel, client }),
        (channel, client, 0u64..60).prop_map(|(channel, client, after_ms)| Step::Abort { channel, client, after_ms }),
        (0usize..8).prop_map(|viewer| Step::Read { viewer }),
        (0usize..8).prop_map(|viewer| Step::Leave { viewer }),
        (0u64..300).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// Five channels: healthy, ending, stalling with a backup, dead with a backup, dead; `hot`: with the next source kept ready, and the
/// way back.
async fn run(steps: Vec<Step>, hot: bool) {
    let plays = [Play::Endless, Play::EndAfter(200_000), Play::StallAfter(150_000), Play::Endless];
    let origins = join_all(plays.map(Origin::start)).await;
    let url = |n: usize| origins[n].url();
    let dead = || "http://127.0.0.1:9/dead.ts".to_owned();
    let channels = vec![vec![url(0), url(3)], vec![url(1)], vec![url(2), url(3)], vec![dead(), url(3)], vec![dead()]];
    let settings = Settings {
        session_idle_timeout: Duration::from_millis(500),
        cycle_failure_min_health: Duration::from_millis(300),
        hot_standby: hot,
        fail_back: hot,
        ..Settings::default()
    };
    let house = House::with(channels, 3, 3, settings);
    let mut viewers: Vec<Subscription> = Vec::new();
    for step in steps {
        match step {
            Step::Tune { channel, client } => {
                // What cannot be had in time is not waited for: the next step is another client's.
                let tune = clock::timeout(Duration::from_millis(400), house.tune(channel, client));
                viewers.extend(tune.await.ok().and_then(Result::ok));
            }
            Step::Abort { channel, client, after_ms } => {
                drop(clock::timeout(Duration::from_millis(after_ms), house.tune(channel, client)).await);
            }
            Step::Read { viewer } => {
                if let Some(viewer) = viewers.get_mut(viewer) {
                    let _ = clock::timeout(Duration::from_millis(50), read_some(viewer)).await;
                }
            }
            Step::Leave { viewer } if viewer < viewers.len() => drop(viewers.swap_remove(viewer)),
            Step::Leave { .. } => {}
            Step::Wait { ms } => clock::sleep(Duration::from_millis(ms)).await,
        }
        assert!(house.connections() <= 3 && house.tuners_in_use() <= 3);
    }
    let live = || origins.iter().map(Origin::live).sum::<usize>();
    until("as many connections as slots", || live() == house.connections() as usize).await;
    drop(viewers);
    until("nothing is left", || live() == 0 && house.connections() == 0 && house.tuners_in_use() == 0).await;
    // One that waits before it dials again has neither, until its grace is over.
    until("no session is left", || house.manager.snapshot().is_empty()).await;
    assert!(live() == 0 && house.connections() == 0 && house.tuners_in_use() == 0);
}

async fn read_some(viewer: &mut Subscription) {
    use futures_util::StreamExt;
    while viewer.next().await.is_some() {}
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn slots_in_use_are_live_connections(steps in proptest::collection::vec(step(), 1..14), hot: bool) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(run(steps, hot));
    }
}

/// Many clients at once, all hanging up at odd moments.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_zapping_leaves_nothing_behind() {
    let origin = Origin::start(Play::Endless).await;
    let house = std::sync::Arc::new(House::new((0..6).map(|_| vec![origin.url()]).collect(), 4, 3));
    let clients = (1..=10u8).map(|client| {
        let house = house.clone();
        tasks::spawn("client", async move {
            for round in 0..6u64 {
                let channel = (u64::from(client) * 7 + round * 3) % 6 + 1;
                let patience = Duration::from_millis((u64::from(client) * 37 + round * 53) % 500);
                if let Ok(Ok(mut viewer)) = clock::timeout(patience, house.tune(channel as u32, client)).await {
                    let _ = clock::timeout(patience, read(&mut viewer, 10_000)).await;
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    until("nothing is left", || origin.live() == 0 && house.connections() == 0 && house.tuners_in_use() == 0).await;
}

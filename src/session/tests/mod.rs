//! The engine as a whole: real connections on loopback, a stream made here, time as it is.

mod history;
mod origin;
mod policies;
mod slots;
mod spare;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use origin::{Origin, Play};

use super::*;
use crate::base::clock;
use crate::base::secret::Secret;
use crate::model::{ChannelId, GuideNumber, Headers, ProviderId, Retry, Route, SourceId, StreamInfo};
use crate::source::Opener;
use crate::tuner::{Pool, TunerChoice};

const DEVICE: i64 = 1;

/// Channels, each with its sources, in order; sources of one account.
#[derive(Default)]
struct Lists {
    channels: Vec<Vec<String>>,
    failed: Mutex<Vec<SourceId>>,
    rests_until: Mutex<Option<clock::Instant>>,
}

impl Ports for Lists {
    fn plan(&self, _: i64, number: &GuideNumber) -> Option<Plan> {
        let index = usize::try_from(number.major()).ok()?.checked_sub(1)?;
        let failed = self.failed.lock().unwrap();
        let candidate = |(n, url): (usize, &String)| {
            let source = SourceId((index * 10 + n) as i64);
            Candidate {
                source,
                provider: ProviderId(1),
                item_key: url.clone(),
                url: Secret::new(url.clone()),
                headers: Headers::default(),
                route: Route::default(),
                cooling: failed.contains(&source),
            }
        };
        let candidates = self.channels.get(index)?.iter().enumerate().map(candidate).collect();
        Some(Plan {
            channel: ChannelId(index as i64),
            number: number.clone(),
            name: "A channel".into(),
            candidates,
            hot_standby: None,
        })
    }

    fn source_succeeded(&self, _: SourceId, _: Duration) {}
    fn source_failed(&self, source: SourceId, _: &str, _: Retry) {
        self.failed.lock().unwrap().push(source);
    }
    fn provider_cooling(&self, _: ProviderId, wait: Duration) {
        *self.rests_until.lock().unwrap() = Some(clock::now() + wait);
    }
    fn provider_rests(&self, _: ProviderId) -> Duration {
        self.rests_until.lock().unwrap().map_or(Duration::ZERO, |until| until.saturating_duration_since(clock::now()))
    }
    fn source_seen(&self, _: ChannelId, _: SourceId, _: &StreamInfo) {}
}

struct House {
    manager: Manager,
    pool: Pool,
    lists: Arc<Lists>,
}

impl House {
    fn new(channels: Vec<Vec<String>>, tuners: u8, connections: u32) -> Self {
        let settings = Settings { session_idle_timeout: Duration::from_millis(500), ..Settings::default() };
        Self::with(channels, tuners, connections, settings)
    }

    fn with(channels: Vec<Vec<String>>, tuners: u8, connections: u32, settings: Settings) -> Self {
        let pool = Pool::new(crate::tuner::Settings::default());
        pool.set_device(DEVICE, tuners);
        pool.set_provider(ProviderId(1), connections);
        let opener = Arc::new(Opener::new(crate::source::Settings::default()).unwrap());
        let ports = Arc::new(Lists { channels, ..Lists::default() });
        Self { manager: Manager::new(settings, pool.clone(), opener, ports.clone()), pool, lists: ports }
    }

    async fn tune(&self, channel: u32, client: u8) -> Result<Subscription, TuneError> {
        let client = Client { addr: IpAddr::from([10, 0, 0, client]), agent: "test".into() };
        let number = GuideNumber::whole(channel);
        self.manager.tune(Tune { device: DEVICE, tuner: TunerChoice::Any, number, client }).await
    }

    /// Sources that were said to have failed.
    fn failed(&self) -> Vec<SourceId> {
        self.lists.failed.lock().unwrap().clone()
    }

    fn tuners_in_use(&self) -> usize {
        self.pool.slots(DEVICE).iter().filter(|slot| slot.occupant.is_some()).count()
    }

    fn connections(&self) -> u32 {
        self.pool.providers()[0].in_use
    }
}

async fn read(viewer: &mut Subscription, bytes: usize) -> Vec<u8> {
    let mut got = Vec::new();
    while got.len() < bytes {
        let next = clock::timeout(Duration::from_secs(5), viewer.next()).await.expect("bytes within 5 s");
        got.extend_from_slice(&next.expect("the session goes on"));
    }
    got
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        clock::sleep(Duration::from_millis(10)).await;
    }
    panic!("did not come true within 4 s: {what}");
}

#[tokio::test]
async fn viewers_share_one_connection_and_it_ends_after_them() {
    let origin = Origin::start(Play::Endless).await;
    let house = House::new(vec![vec![origin.url()]], 2, 2);
    let mut first = house.tune(1, 1).await.unwrap();
    let got = read(&mut first, 50_000).await;
    assert_eq!(got.len() % 188, 0);
    assert!(got.chunks(188).all(|packet| packet[0] == 0x47));
    assert_eq!((got[1] & 0x1F, got[2]), (0, 0), "PAT first");
    let mut second = house.tune(1, 2).await.unwrap();
    let got = read(&mut second, 188).await;
    assert_eq!((got[1] & 0x1F, got[2]), (0, 0), "PAT first for the second, too");
    assert_eq!((origin.opened(), house.tuners_in_use(), house.connections()), (1, 1, 1));
    drop((first, second));
    until("the connection is closed", || origin.live() == 0).await;
    until("the tuner is free", || house.tuners_in_use() == 0 && house.connections() == 0).await;
}

#[tokio::test]
async fn zapping_back_within_the_grace_costs_the_upstream_nothing() {
    let origin = Origin::start(Play::Endless).await;
    let house = House::new(vec![vec![origin.url()]], 1, 1);
    for _ in 0..5 {
        let mut viewer = house.tune(1, 1).await.unwrap();
        read(&mut viewer, 188).await;
    }
    assert_eq!(origin.opened(), 1);
}

#[tokio::test]
async fn a_source_that_ends_is_replaced_and_the_viewer_stays() {
    let (mortal, endless) = (Origin::start(Play::EndAfter(120_000)).await, Origin::start(Play::Endless).await);
    let house = House::new(vec![vec![mortal.url(), endless.url()]], 1, 2);
    let mut viewer = house.tune(1, 1).await.unwrap();
    read(&mut viewer, 400_000).await;
    assert_eq!((mortal.opened(), endless.opened()), (1, 1));
    assert_eq!((mortal.live(), house.connections()), (0, 1));
    let stats = house.manager.snapshot();
    assert_eq!((stats[0].failovers, stats[0].reopened, stats[0].source), (1, 0, Some(SourceId(1))));
}

#[tokio::test]
async fn a_source_that_stalls_is_replaced() {
    let (stalling, endless) = (Origin::start(Play::StallAfter(120_000)).await, Origin::start(Play::Endless).await);
    let house = House::new(vec![vec![stalling.url(), endless.url()]], 1, 2);
    let mut viewer = house.tune(1, 1).await.unwrap();
    read(&mut viewer, 400_000).await;
    assert_eq!((stalling.live(), endless.live()), (0, 1));
}

#[tokio::test]
async fn dead_sources_are_passed_over_at_once() {
    let endless = Origin::start(Play::Endless).await;
    let dead = "http://127.0.0.1:9/dead.ts".to_owned();
    let settings = Settings { stagger: Duration::from_secs(60), ..Settings::default() };
    let house = House::with(vec![vec![dead.clone(), endless.url()], vec![dead]], 1, 1, settings);
    // The whole tune would be over before the stagger fires.
    read(&mut house.tune(1, 1).await.unwrap(), 188).await;
    assert!(matches!(house.tune(2, 1).await, Err(TuneError::TuneFailed(_) | TuneError::AllTunersInUse)));
}

#[tokio::test]
async fn a_silent_first_source_is_overtaken_after_the_stagger() {
    let (silent, endless) = (Origin::start(Play::Silence).await, Origin::start(Play::Endless).await);
    let house = House::new(vec![vec![silent.url(), endless.url()]], 1, 2);
    let began = clock::now();
    read(&mut house.tune(1, 1).await.unwrap(), 188).await;
    assert!(clock::now() - began < Duration::from_secs(3));
    assert_eq!(house.connections(), 1, "the loser was dropped");
}

#[tokio::test]
async fn one_that_hangs_keeps_no_other_away() {
    let (silent, away) = (Origin::start(Play::Silence).await, Origin::start(Play::AwayOnce(120_000)).await);
    let settings = Settings {
        startup_timeout: Duration::from_secs(60),
        tune_timeout_silent: Duration::from_secs(60),
        stagger: Duration::from_millis(100),
        ..Settings::default()
    };
    let house = House::with(vec![vec![silent.url(), away.url()]], 1, 2, settings);
    let mut viewer = house.tune(1, 1).await.unwrap();
    let back = async {
        while away.opened() < 3 || house.manager.snapshot()[0].recovering {
            read(&mut viewer, 188).await;
        }
    };
    clock::timeout(Duration::from_secs(20), back).await.expect("back long before the other one is given up");
    assert_eq!(silent.opened(), 2, "it was dialled in each round, and not again");
}

/// Dialled later, it would have time beyond the tune's: its reason must not be lost to that.
#[tokio::test]
async fn what_shows_nothing_until_the_tune_is_over_is_blamed() {
    let (silent, tables) = (Origin::start(Play::Silence).await, Origin::start(Play::Tables).await);
    let settings = Settings {
        startup_timeout: Duration::from_secs(1),
        stagger: Duration::from_millis(200),
        tune_timeout_flowing: Duration::from_secs(4),
        ..Settings::default()
    };
    let house = House::with(vec![vec![silent.url(), tables.url()]], 1, 2, settings);
    assert_eq!(house.tune(1, 1).await.map(|_| ()), Err(TuneError::NoVideoData));
    assert_eq!(house.failed(), [SourceId(0), SourceId(1)]);
}

#[tokio::test]
async fn when_all_tuners_are_watched_another_channel_is_refused_after_a_second() {
    let origin = Origin::start(Play::Endless).await;
    let house = House::new(vec![vec![origin.url()], vec![origin.url()]], 1, 2);
    let mut viewer = house.tune(1, 1).await.unwrap();
    let began = clock::now();
    let reading = async {
        loop {
            read(&mut viewer, 188).await;
        }
    };
    let refused = tokio::select! {
        refused = house.tune(2, 2) => refused,
        () = reading => unreachable!("reading has no end"),
    };
    assert_eq!(refused.unwrap_err(), TuneError::AllTunersInUse);
    assert!(clock::now() - began >= Duration::from_millis(950));
}

#[tokio::test]
async fn an_idle_session_gives_way_at_once() {
    let origin = Origin::start(Play::Endless).await;
    let house = House::new(vec![vec![origin.url()], vec![origin.url()]], 1, 1);
    drop(house.tune(1, 1).await.unwrap());
    read(&mut house.tune(2, 2).await.unwrap(), 188).await;
    assert_eq!((house.tuners_in_use(), house.connections(), origin.live()), (1, 1, 1));
}

#[tokio::test]
async fn a_client_that_reads_no_more_is_handed_over_to_its_new_channel() {
    let origin = Origin::start(Play::Endless).await;
    let house = House::new(vec![vec![origin.url()], vec![origin.url()]], 1, 2);
    let mut old = house.tune(1, 1).await.unwrap();
    read(&mut old, 188).await;
    read(&mut house.tune(2, 1).await.unwrap(), 188).await;
    let ended = async { while old.next().await.is_some() {} };
    clock::timeout(Duration::from_secs(1), ended).await.expect("the old session has ended");
}

#[tokio::test]
async fn shutdown_ends_viewers_and_frees_everything() {
    let origin = Origin::start(Play::Endless).await;
    let house = House::new(vec![vec![origin.url()]], 1, 1);
    let mut viewer = house.tune(1, 1).await.unwrap();
    read(&mut viewer, 188).await;
    house.manager.shutdown(Duration::from_secs(2)).await;
    while viewer.next().await.is_some() {}
    until("the connection is closed", || origin.live() == 0).await;
    assert_eq!((house.tuners_in_use(), house.connections()), (0, 0));
    assert_eq!(house.tune(1, 1).await.unwrap_err(), TuneError::ShuttingDown);
}

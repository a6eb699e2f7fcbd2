//! The prober and the viewers on one pool: what it takes costs nobody a tune.

use std::sync::atomic::AtomicUsize;

use proptest::prelude::*;

use super::probe::on_the_side;
use super::*;
use crate::base::tasks::{self, CancellationToken};
use crate::model::ChannelId;
use crate::tuner::{ConnectionLease, DeviceLease, Kind, Occupant, TunerChoice};

const DEVICE: i64 = 1;
const PROVIDER: ProviderId = ProviderId(7);
const CHANNEL: ChannelId = ChannelId(1);
const WATCHED: ChannelId = ChannelId(2);
const SECOND: Duration = Duration::from_secs(1);
const SETTLE: Duration = Duration::from_millis(500);
/// Servers count a connection of a probe along for as long as this after its end.
const LINGER: Duration = Duration::from_millis(450);

#[derive(Debug, Clone)]
enum Step {
    /// So many viewers tune at once, and stay.
    Tune(usize),
    /// One leaves.
    Leave(usize),
    /// Milliseconds pass.
    Rest(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1usize..3).prop_map(Step::Tune),
        3 => (0usize..6).prop_map(Step::Leave),
        3 => (0u64..2500).prop_map(Step::Rest),
    ]
}

/// Connections as the provider counts them.
#[derive(Clone, Default)]
struct Upstream(Arc<(AtomicUsize, AtomicUsize)>);

/// One of them; it is counted along for a moment after its end.
struct Open(Upstream, Duration);

impl Upstream {
    fn open(&self, linger: Duration) -> Open {
        let now = self.0.0.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.1.fetch_max(now, Ordering::Relaxed);
        Open(self.clone(), linger)
    }

    fn most(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let (upstream, linger) = (self.0.clone(), self.1);
        if linger.is_zero() {
            upstream.0.0.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        tokio::spawn(async move {
            clock::sleep(linger).await;
            upstream.0.0.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

type Viewer = (Open, ConnectionLease, DeviceLease);

/// What a session does for a viewer: a tuner, a connection, a dial.
async fn tune(pool: &Pool, upstream: &Upstream) -> Option<Viewer> {
    let occupant = Occupant { kind: Kind::Client, channel: WATCHED, client: None, preempt: CancellationToken::new() };
    let tuner = pool.device(DEVICE, TunerChoice::Any, occupant, SECOND).await.ok()?;
    let connection = pool.connection(PROVIDER, Kind::Client, CancellationToken::new(), SECOND).await?;
    Some((upstream.open(Duration::ZERO), connection, tuner))
}

/// Probes again and again, each as long and as long after the last as `times` says.
async fn probe_on(pool: Pool, upstream: Upstream, times: Vec<(u64, u64)>, done: Arc<AtomicUsize>) {
    for (look, pause) in times.iter().cycle() {
        let work = async {
            let _open = upstream.open(LINGER);
            clock::sleep(Duration::from_millis(*look)).await;
        };
        if on_the_side(&pool, PROVIDER, CHANNEL, work).await != super::probe::Outcome::NoRoom {
            done.fetch_add(1, Ordering::Relaxed);
        }
        clock::sleep(Duration::from_millis(*pause)).await;
    }
}

async fn live_through(tuners: u8, limit: u32, steps: &[Step], times: Vec<(u64, u64)>) -> Result<usize, TestCaseError> {
    let pool = Pool::new(Default::default());
    pool.set_device(DEVICE, tuners);
    pool.set_provider(PROVIDER, limit);
    let (upstream, probes) = (Upstream::default(), Arc::new(AtomicUsize::new(0)));
    let prober = tasks::spawn("prober", probe_on(pool.clone(), upstream.clone(), times, probes.clone()));
    let most = usize::from(tuners).min(limit as usize);
    let mut viewers: Vec<Viewer> = Vec::new();
    for step in steps {
        match step {
            Step::Tune(count) => {
                let began = clock::now();
                let before = viewers.len();
                let asked = (0..*count).map(|_| tune(&pool, &upstream));
                viewers.extend(futures_util::future::join_all(asked).await.into_iter().flatten());
                let waited = clock::now() - began;
                // As many as there would be without a prober …
                prop_assert_eq!(viewers.len(), most.min(before + count));
                // … and as fast, but for the rest before the account's last connection is dialled again.
                if before + count <= most {
                    let last = viewers.len() == limit as usize;
                    prop_assert!(waited <= if last { SETTLE } else { Duration::ZERO }, "{:?} {}", waited, last);
                }
            }
            Step::Leave(which) if *which < viewers.len() => drop(viewers.swap_remove(*which)),
            Step::Leave(_) => {}
            Step::Rest(ms) => clock::sleep(Duration::from_millis(*ms)).await,
        }
        prop_assert!(upstream.most() <= limit as usize, "the provider has seen {} connections", upstream.most());
        // A viewer who comes now finds a connection that no probe holds.
        tokio::task::yield_now().await;
        let view = pool.providers()[0];
        prop_assert!(view.probing == 0 || view.in_use < view.limit || view.limit == 1, "{:?}", view);
        prop_assert!(view.probing == 0 || view.limit > 1 || view.in_use == 1, "{:?}", view);
    }
    drop((viewers, prober));
    clock::sleep(SECOND).await;
    prop_assert_eq!(pool.providers()[0].in_use, 0);
    prop_assert!(pool.slots(DEVICE).iter().all(|slot| slot.occupant.is_none()));
    Ok(probes.load(Ordering::Relaxed))
}

fn simulated<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// On a provider with one connection the prober never costs a viewer a tune: no tune fails that would not without it, none
    /// waits longer than the rest before the connection is dialled again, and the provider never sees two connections.
    #[test]
    fn a_single_connection_is_the_viewers(
        tuners in 1u8..4,
        steps in proptest::collection::vec(step(), 1..40),
        times in proptest::collection::vec((1u64..6000, 1u64..3000), 1..5),
    ) {
        simulated(live_through(tuners, 1, &steps, times))?;
    }

    /// The same with more connections, of which one is always free for the next viewer.
    #[test]
    fn one_connection_is_left_for_viewers(
        tuners in 1u8..5,
        limit in 2u32..5,
        steps in proptest::collection::vec(step(), 1..40),
        times in proptest::collection::vec((1u64..6000, 1u64..3000), 1..5),
    ) {
        simulated(live_through(tuners, limit, &steps, times))?;
    }
}

/// The properties above would hold of a prober that does nothing, too.
#[test]
fn it_probes_while_nobody_watches() {
    let times = vec![(2000, 1000)];
    assert_eq!(simulated(live_through(1, 1, &[Step::Rest(9500)], times.clone())).unwrap(), 3);
    let watched = [Step::Rest(500), Step::Tune(1), Step::Rest(9000), Step::Leave(0), Step::Rest(4500)];
    assert_eq!(simulated(live_through(2, 1, &watched, times.clone())).unwrap(), 2, "one that yielded, and one after");
    let beside = [Step::Rest(500), Step::Tune(1), Step::Rest(9000)];
    assert_eq!(simulated(live_through(4, 3, &beside, times.clone())).unwrap(), 3, "beside a viewer, with one free");
    assert_eq!(simulated(live_through(4, 2, &beside, times)).unwrap(), 1, "it ended when the viewer came");
}

#[tokio::test(start_paused = true)]
async fn what_is_locked_or_in_use_is_not_probed() {
    let pool = Pool::new(Default::default());
    let (work, token) = (|| std::future::ready(()), CancellationToken::new);
    pool.set_provider(PROVIDER, 2);
    let done = || async { on_the_side(&pool, PROVIDER, CHANNEL, work()).await };
    let (room, none) = (super::probe::Outcome::Done(()), super::probe::Outcome::NoRoom);
    assert_eq!(done().await, none, "there is no device");
    pool.set_device(DEVICE, 1);
    assert_eq!(done().await, room);
    clock::sleep(SECOND).await;
    pool.lock(DEVICE, 0, "10.0.0.1".parse().unwrap(), 5, None).unwrap();
    assert_eq!(done().await, none, "the only tuner is locked");
    pool.set_device(DEVICE, 2);
    let held = pool.try_connection(PROVIDER, Kind::Client, token()).unwrap();
    clock::sleep(SECOND).await;
    assert_eq!(done().await, none, "the other connection is the next viewer's");
    drop(held);
    assert_eq!(done().await, room);
    assert_eq!(done().await, none, "the provider may count it along");
    assert!(pool.try_connection(PROVIDER, Kind::Client, token()).is_ok(), "which holds up no viewer while there is another");
    pool.set_provider(PROVIDER, 9);
    clock::sleep(SECOND).await;
    let occupant = Occupant { kind: Kind::Client, channel: CHANNEL, client: None, preempt: token() };
    pool.set_device(DEVICE, 4);
    let watching = pool.try_device(DEVICE, TunerChoice::Any, occupant).unwrap();
    assert_eq!(done().await, none, "a channel that is watched is not dialled twice");
    drop(watching);
    assert_eq!(done().await, room);
}

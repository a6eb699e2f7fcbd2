use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use proptest::prelude::*;

use crate::model::ChannelId;

use super::*;

const DEVICE: i64 = 1;
const PROVIDER: ProviderId = ProviderId(7);
const SECOND: Duration = Duration::from_secs(1);
const ANN: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const BOB: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

fn pool(tuners: u8, connections: u32) -> Pool {
    let pool = Pool::new(Settings::default());
    pool.set_device(DEVICE, tuners);
    pool.set_provider(PROVIDER, connections);
    pool
}

fn occupant(kind: Kind) -> Occupant {
    Occupant { kind, channel: ChannelId(1), client: Some(ANN), preempt: CancellationToken::new() }
}

fn take(pool: &Pool, choice: TunerChoice) -> Result<DeviceLease, Refused> {
    pool.try_device(DEVICE, choice, occupant(Kind::Client))
}

fn in_use(pool: &Pool) -> usize {
    pool.slots(DEVICE).iter().filter(|slot| slot.occupant.is_some()).count()
}

#[test]
fn tuners_run_out_and_come_back() {
    let pool = pool(2, 1);
    let first = take(&pool, TunerChoice::Any).unwrap();
    let second = take(&pool, TunerChoice::Any).unwrap();
    assert_eq!((first.index(), second.index()), (0, 1));
    assert_eq!(take(&pool, TunerChoice::Any).unwrap_err(), Refused::AllInUse);
    assert_eq!(take(&pool, TunerChoice::Exact(0)).unwrap_err(), Refused::TunerInUse);
    assert_eq!(take(&pool, TunerChoice::Exact(2)).unwrap_err(), Refused::NoSuchTuner);
    drop(first);
    assert_eq!(take(&pool, TunerChoice::Exact(0)).unwrap().index(), 0);
}

#[test]
fn a_locked_tuner_is_for_its_holder_only() {
    let pool = pool(2, 1);
    pool.lock(DEVICE, 0, ANN, 1234, None).unwrap();
    assert_eq!(take(&pool, TunerChoice::Any).unwrap().index(), 1);
    assert_eq!(take(&pool, TunerChoice::Exact(0)).unwrap_err(), Refused::TunerInUse);
    assert_eq!(take(&pool, TunerChoice::Control(0)).unwrap().index(), 0);
    assert_eq!(pool.lock(DEVICE, 0, BOB, 99, None), Err(LockError::Locked(ANN)));
    assert_eq!(pool.may_change(DEVICE, 0, Some(99)), Err(LockError::Locked(ANN)));
    assert_eq!(pool.may_change(DEVICE, 0, Some(1234)), Ok(()));
    assert_eq!(pool.unlock(DEVICE, 0, None), Err(LockError::Locked(ANN)));
    pool.unlock_by_force(DEVICE, 0).unwrap();
    assert_eq!(pool.lock(DEVICE, 0, BOB, 99, None), Ok(()));
    assert_eq!(pool.unlock(DEVICE, 0, Some(99)), Ok(()));
    assert_eq!(pool.lock(DEVICE, 9, BOB, 99, None), Err(LockError::NoSuchTuner));
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_a_second_for_a_tuner() {
    let pool = pool(1, 1);
    let held = take(&pool, TunerChoice::Any).unwrap();
    let began = clock::now();
    let wait = || pool.device(DEVICE, TunerChoice::Any, occupant(Kind::Client), SECOND);
    assert_eq!(wait().await.unwrap_err(), Refused::AllInUse);
    assert_eq!(clock::now() - began, SECOND);
    let freeing = async {
        clock::sleep(Duration::from_millis(300)).await;
        drop(held);
    };
    let (lease, ()) = tokio::join!(wait(), freeing);
    assert_eq!(lease.unwrap().index(), 0);
    assert_eq!(clock::now() - began, SECOND + Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn probes_yield_first_then_the_longest_idle_and_never_the_watched() {
    let pool = pool(3, 9);
    let mut tokens = Vec::new();
    let mut leases = Vec::new();
    for kind in [Kind::Client, Kind::Client, Kind::Probe] {
        let occupant = occupant(kind);
        tokens.push(occupant.preempt.clone());
        leases.push(Some(pool.try_device(DEVICE, TunerChoice::Any, occupant).unwrap()));
        clock::sleep(SECOND).await;
    }
    let cancelled = |tokens: &[CancellationToken]| tokens.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>();
    let want = || pool.device(DEVICE, TunerChoice::Any, occupant(Kind::Client), SECOND / 10);
    assert!(want().await.is_err());
    assert_eq!(cancelled(&tokens), [false, false, true]);
    leases[2] = None;
    let probe_slot = want().await.unwrap();
    leases[1].as_ref().unwrap().set_idle(true);
    assert!(want().await.is_err());
    assert_eq!(cancelled(&tokens), [false, true, true]);
    drop(probe_slot);
}

#[tokio::test(start_paused = true)]
async fn a_reclaimed_connection_rests_before_it_is_dialled_again() {
    let pool = pool(1, 1);
    let token = CancellationToken::new();
    let held = pool.try_connection(PROVIDER, Kind::Client, token.clone()).unwrap();
    held.set_idle(true);
    let began = clock::now();
    let owner = async {
        token.cancelled().await;
        drop(held);
    };
    let wanted = pool.connection(PROVIDER, Kind::Client, CancellationToken::new(), SECOND);
    let (lease, ()) = tokio::join!(wanted, owner);
    assert!(lease.is_some());
    assert_eq!(clock::now() - began, Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn a_probe_never_displaces_anybody() {
    let pool = pool(1, 1);
    let token = CancellationToken::new();
    let held = pool.try_connection(PROVIDER, Kind::Client, token.clone()).unwrap();
    held.set_idle(true);
    assert!(pool.connection(PROVIDER, Kind::Probe, CancellationToken::new(), SECOND).await.is_none());
    assert!(!token.is_cancelled());
}

proptest! {
    /// Whatever is taken and given back in whatever order: what the pool counts is what is held.
    #[test]
    fn slots_in_use_are_leases_held(steps in proptest::collection::vec((0u8..5, 0usize..6), 0..80)) {
        let pool = pool(4, 3);
        let (mut devices, mut connections) = (Vec::new(), Vec::new());
        for (what, index) in steps {
            match what {
                0 => devices.extend(take(&pool, TunerChoice::Any)),
                1 => devices.extend(take(&pool, TunerChoice::Exact(u8::try_from(index).unwrap()))),
                2 if index < devices.len() => drop(devices.swap_remove(index)),
                3 => connections.extend(pool.try_connection(PROVIDER, Kind::Client, CancellationToken::new())),
                4 if index < connections.len() => drop(connections.swap_remove(index)),
                _ => {}
            }
            prop_assert_eq!(in_use(&pool), devices.len());
            prop_assert!(devices.len() <= 4);
            prop_assert_eq!(pool.providers()[0].in_use as usize, connections.len());
            prop_assert!(connections.len() <= 3);
        }
    }
}

//! Slots in use == live upstream connections, over random sequences of tunes, aborts and failures; and no account is ever
//! dialled more often than its limit allows.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::app::{Setup, at};
use crate::support::http::Request;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::{Entry, entry};
use crate::support::rig::Rig;
use crate::support::upstream::{Body, Cue, Hit, Live, Origin, Script};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

const CHANNELS: usize = 6;
/// Connections of an account for which nothing else is said.
const LIMIT: usize = 2;

#[derive(Debug, Clone)]
enum Step {
    /// A viewer tunes and stays.
    Tune(usize),
    /// A viewer asks and is gone before the answer.
    Abort(usize),
    /// HEAD, which takes nothing.
    Head(usize),
    /// A viewer leaves.
    Leave(usize, bool),
    /// What the origin does with the next request of a channel.
    Behave(usize, usize),
    /// A running upstream stalls, ends, or goes on.
    Cue(usize, usize),
    /// Time passes.
    Rest(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let channel = 0..CHANNELS;
    prop_oneof![
        5 => channel.clone().prop_map(Step::Tune),
        2 => channel.clone().prop_map(Step::Abort),
        1 => channel.clone().prop_map(Step::Head),
        4 => (0..8usize, any::<bool>()).prop_map(|(which, fin)| Step::Leave(which, fin)),
        2 => (channel.clone(), 0..7usize).prop_map(|(channel, how)| Step::Behave(channel, how)),
        2 => (channel, 0..3usize).prop_map(|(channel, cue)| Step::Cue(channel, cue)),
        3 => (0..1200u64).prop_map(Step::Rest),
    ]
}

/// Two accounts with three channels each, on one origin.
struct Household {
    rig: Rig,
    viewers: RefCell<Vec<Viewer>>,
}

fn path(channel: usize) -> String {
    format!("/account{}/channel{channel}", channel % 2)
}

impl Household {
    fn new() -> Self {
        let netns = Arc::new(Netns::new());
        let origin = Origin::start(&netns);
        let account = |account: usize| -> Vec<Entry> {
            let channels = (0..CHANNELS).filter(|channel| channel % 2 == account);
            channels.map(|channel| entry(&(channel + 1).to_string(), "Some", &origin.url(&path(channel)))).collect()
        };
        let (first, second) = (account(0), account(1));
        let app = Setup::new(&netns).playlist(&first).playlist(&second).start();
        Self { rig: Rig { app, origin, netns }, viewers: RefCell::default() }
    }

    fn behave(&self, channel: usize, how: usize) {
        let small = Kind::Small.media();
        let script = match how {
            0 => Script::Hang,
            1 => Script::Status(404, vec![]),
            2 => Script::Ok(Body::Html),
            3 => Script::Close,
            4 => Script::Ok(Body::Bytes(Arc::new(small.bytes()[..400_000].to_vec()), 10_000)),
            5 => Script::Redirect(path((channel + 2) % CHANNELS)),
            _ => Live::new(&small).script(),
        };
        self.rig.origin.set(&path(channel), script);
    }

    fn step(&self, step: &Step) {
        match step {
            Step::Tune(channel) => {
                let request = Request::get(&format!("/auto/v{}", channel + 1));
                if let Ok(viewer) = Viewer::attempt(&self.rig.netns, &request) {
                    self.viewers.borrow_mut().push(viewer);
                }
            }
            Step::Abort(channel) => {
                let mut stream = self.rig.netns.tcp(at(5004)).unwrap();
                write!(stream, "GET /auto/v{} HTTP/1.1\r\nHost: 10.77.0.1\r\n\r\n", channel + 1).unwrap();
                thread::sleep(Duration::from_millis(30));
            }
            Step::Head(channel) => {
                let request = Request::new("HEAD", &format!("/auto/v{}", channel + 1));
                assert_eq!(request.send(&self.rig.netns, "10.77.0.1:5004").unwrap().status, 200);
            }
            Step::Leave(which, fin) => {
                let mut viewers = self.viewers.borrow_mut();
                if !viewers.is_empty() {
                    let at = which % viewers.len();
                    viewers.swap_remove(at).leave(if *fin { Leave::Fin } else { Leave::Rst });
                }
            }
            Step::Behave(channel, how) => self.behave(*channel, *how),
            Step::Cue(channel, cue) => self.rig.origin.cue(&path(*channel), [Cue::Stall, Cue::End, Cue::Run][*cue]),
            Step::Rest(ms) => thread::sleep(Duration::from_millis(*ms)),
        }
    }

    fn in_use(&self) -> usize {
        self.rig.app.metric("rooftop_provider_connections").expect("the metric of open connections") as usize
    }

    /// At rest, what the server believes and what the origin sees are the same.
    fn agree(&self) {
        wait::until_so("slots in use == live upstream connections", Duration::from_secs(8), || {
            let live = self.rig.origin.live();
            self.in_use() == live && self.rig.origin.live() == live
        });
    }
}

/// The most of these that were open at a time. The ends of one connection and the beginning of the next may be seen out of
/// order: what overlaps by less than 60 ms does not count.
fn most_at_a_time(hits: &[Hit]) -> usize {
    let slack = Duration::from_millis(60);
    let end = |hit: &Hit| hit.closed.map_or_else(Instant::now, |closed| closed.checked_sub(slack).unwrap_or(closed));
    hits.iter()
        .map(|one| hits.iter().filter(|other| other.opened <= one.opened && end(other) > one.opened).count())
        .max()
        .unwrap_or(0)
}

#[test]
fn slots_in_use_equal_live_upstream_connections() {
    let mut house = Household::new();
    let before = house.rig.app.descriptors();
    // The seed is fixed, so that a failure can be repeated; `make prove` may give another.
    let seed: u8 = std::env::var("ROOFTOP_IT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let config = Config { cases: 5, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
    let outcome = runner.run(&proptest::collection::vec(step(), 14..20), |steps| {
        for channel in 0..CHANNELS {
            house.behave(channel, 6);
        }
        for step in &steps {
            house.step(step);
        }
        house.agree();
        house.viewers.borrow_mut().clear();
        wait::until_so("nothing to be left", Duration::from_secs(14), || house.in_use() == 0 && house.rig.origin.live() == 0);
        prop_assert_eq!(house.rig.app.busy(), 0);
        Ok(())
    });
    assert!(outcome.is_ok(), "seed {seed}: {}", outcome.unwrap_err());
    for account in 0..2 {
        let hits: Vec<Hit> = (0..CHANNELS)
            .filter(|channel| channel % 2 == account)
            .flat_map(|channel| house.rig.origin.hits(&path(channel)))
            .collect();
        assert!(!hits.is_empty(), "account {account} was never used");
        let most = most_at_a_time(&hits);
        assert!(most <= LIMIT, "account {account} was dialled {most} times at once");
    }
    wait::until_so("descriptors to be given back", Duration::from_secs(5), || house.rig.app.descriptors() <= before);
    house.rig.app.assert_well();
    house.rig.app.stop();
}

/// The account's limit, not the tuners, is what ends a third channel; and it is free again at once.
#[test]
fn an_account_with_two_connections_gives_two_channels() {
    let house = Household::new();
    for channel in 0..CHANNELS {
        house.behave(channel, 6);
    }
    let (first, second) = (house.rig.watch("1"), house.rig.watch("3"));
    let (status, error) = house.rig.refused(&Request::get("/auto/v5"));
    assert_eq!((status, error.as_str()), (503, "805 All Tuners In Use"));
    let other_account = house.rig.watch("2");
    assert_eq!((house.in_use(), house.rig.origin.live()), (3, 3));
    first.leave(Leave::Fin);
    let third = house.rig.watch("5");
    assert_eq!(house.rig.origin.open(&path(0)), 0, "the idle session gave way");
    for viewer in [second, other_account, third] {
        viewer.leave(Leave::Rst);
    }
    wait::until_so("nothing to be left", Duration::from_secs(10), || house.in_use() == 0 && house.rig.origin.live() == 0);
}

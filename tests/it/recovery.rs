//! What is done about sources that are lost: policies, budgets, accounts that must rest.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::support::app::Setup;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::rig::Rig;
use crate::support::ts_oracle::{STRICT, aligned, examine};
use crate::support::upstream::{Body, Cue, Origin, Script};
use crate::support::viewer::Leave;
use crate::support::wait;

const SOON: Duration = Duration::from_secs(30);

/// One channel with these sources. `one_account`: all of them in one playlist; else each in its own.
fn channel(sources: &[(&str, Script)], one_account: bool, change: impl FnOnce(Setup) -> Setup) -> Rig {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let source = |(path, script): &(&str, Script)| {
        origin.set(path, script.clone());
        entry("1", "One", &origin.url(path)).with("tvg-id=\"one\"")
    };
    let sources: Vec<_> = sources.iter().map(source).collect();
    let setup = Setup::new(&netns);
    let setup = if one_account { setup.playlist(&sources) } else { setup.playlist_each(&sources) };
    let app = change(setup).start();
    Rig { app, origin, netns }
}

fn live() -> Script {
    Script::live(&Kind::Small.media())
}

/// Sources that play for a moment and end. The last one is well, and the viewer is still there when its turn comes.
#[test]
fn nobody_is_let_go_while_a_healthy_source_is_left() {
    let media = Kind::Small.media();
    let moment = Script::Ok(Body::Bytes(Arc::new(media.bytes()[..188 * 1500].to_vec()), 188 * 7));
    let mut sources: Vec<(&str, Script)> =
        ["/a", "/b", "/c", "/d", "/e", "/f"].into_iter().map(|path| (path, moment.clone())).collect();
    sources.push(("/well", live()));
    let mut rig = channel(&sources, false, |setup| setup);
    let viewer = rig.watch("1");
    wait::until_so("the source that is well to be opened", SOON, || rig.origin.open("/well") == 1);
    viewer.more(300_000, SOON);
    assert!(!viewer.ended());
    for (path, _) in &sources {
        assert_eq!(rig.origin.hits(path).len(), 1, "{path}");
    }
    let bytes = viewer.leave(Leave::Fin);
    let found = examine(aligned(&bytes), STRICT);
    assert!(found.faults.is_empty(), "{:#?}", &found.faults[..found.faults.len().min(10)]);
    rig.app.assert_well();
}

/// With nothing else to turn to, a source that dies again and again is not dialled without a pause, and not for ever.
#[test]
fn a_source_that_dies_again_and_again_is_given_up() {
    let media = Kind::Small.media();
    let moment = Script::Ok(Body::Bytes(Arc::new(media.bytes()[..188 * 1500].to_vec()), 188 * 7));
    let patience = |setup: Setup| setup.env("ROOFTOP_RECOVERY_FAILOVER_TOTAL_TIMEOUT_S", "2");
    let mut rig = channel(&[("/one", moment)], false, patience);
    let viewer = rig.watch("1");
    wait::until_so("the session to end", SOON, || viewer.ended());
    let hits = rig.origin.hits("/one");
    assert!((3..=16).contains(&hits.len()), "dialled {} times", hits.len());
    // After the first few there are pauses, which only grow: 250 ms, 500 ms, 1 s.
    let pauses: Vec<Duration> = hits.windows(2).map(|pair| pair[1].opened - pair[0].opened).collect();
    assert!(pauses.iter().skip(1).all(|pause| *pause >= Duration::from_millis(240)), "{pauses:?}");
    rig.app.assert_logged(&["every source is lost again soon after it is found"]);
    rig.app.until_idle(SOON);
    rig.app.assert_well();
}

#[test]
fn close_session_ends_with_its_source() {
    let policy = |setup: Setup| setup.env("ROOFTOP_RECOVERY_STALL_POLICY", "close_session");
    let mut rig = channel(&[("/first", live()), ("/second", live())], false, policy);
    let viewer = rig.watch("1");
    rig.origin.cue("/first", Cue::End);
    wait::until_so("the stream to end", SOON, || viewer.ended());
    assert_eq!(rig.origin.hits("/second").len(), 0);
    rig.app.until_idle(SOON);
    rig.app.assert_well();
}

#[test]
fn restart_same_stays_with_its_source() {
    let policy = |setup: Setup| setup.env("ROOFTOP_RECOVERY_STALL_POLICY", "restart_same");
    let mut rig = channel(&[("/first", live()), ("/second", live())], false, policy);
    let viewer = rig.watch("1");
    rig.origin.cue("/first", Cue::End);
    rig.origin.set("/first", live());
    wait::until_so("the source to be opened again", SOON, || rig.origin.open("/first") == 1);
    viewer.more(300_000, SOON);
    assert!(!viewer.ended());
    assert_eq!(rig.origin.hits("/second").len(), 0);
    rig.app.assert_well();
}

/// 429 with Retry-After is the account's: neither of its sources is dialled before.
#[test]
fn an_account_that_must_wait_is_left_alone() {
    let refusal = Script::Status(429, vec![("Retry-After", "3".to_owned())]);
    let mut rig = channel(&[("/first", refusal), ("/second", live())], true, |setup| setup);
    let viewer = rig.watch("1");
    let (first, second) = (rig.origin.hits("/first"), rig.origin.hits("/second"));
    assert_eq!((first.len(), second.len()), (1, 1));
    let after = second[0].opened - first[0].opened;
    assert!(after >= Duration::from_millis(2900), "dialled {after:?} after it was told to wait for 3 s");
    viewer.more(100_000, SOON);
    // It says nothing against the source: no failure is held against it.
    let channels = rig.app.api("/api/v1/channels").json();
    let failures: Vec<_> =
        channels["channels"][0]["sources"].as_array().unwrap().iter().map(|one| &one["health"]["failures"]).collect();
    assert_eq!(failures, [0, 0]);
    rig.app.assert_well();
}

/// A person's wish goes to another source whatever the policy says, and costs no patience.
#[test]
fn asking_goes_to_another_source_under_every_policy() {
    let policy = |setup: Setup| setup.env("ROOFTOP_RECOVERY_STALL_POLICY", "close_session");
    let mut rig = channel(&[("/first", live()), ("/second", live())], false, policy);
    let viewer = rig.watch("1");
    let channel = rig.app.api("/api/v1/channels").json()["channels"][0]["id"].as_i64().unwrap();
    for path in ["/second", "/first", "/second"] {
        let body = format!("{{\"channel_id\":{channel}}}");
        let asked = || rig.app.api_with("POST", "/api/v1/tuners/recovery", Some(&body)).status == 200;
        wait::until_so("the wish to be taken", SOON, asked);
        wait::until_so("the other source to be on air", SOON, || rig.origin.open(path) == 1);
        thread::sleep(Duration::from_millis(300));
    }
    viewer.more(100_000, SOON);
    assert!(!viewer.ended());
    let bytes = viewer.leave(Leave::Fin);
    let found = examine(aligned(&bytes), STRICT);
    assert!(found.faults.is_empty(), "{:#?}", &found.faults[..found.faults.len().min(10)]);
    rig.app.assert_well();
}

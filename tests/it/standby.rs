//! Sources kept ready beside the one on air: taking over, going back, and giving way to viewers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::app::Setup;
use crate::support::http::Request;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::{Entry, entry};
use crate::support::rig::Rig;
use crate::support::ts_oracle::{STRICT, aligned, assert_clean, assert_decodes};
use crate::support::upstream::{Cue, Origin, Script};
use crate::support::viewer::Leave;
use crate::support::wait;

const SOON: Duration = Duration::from_secs(30);
/// What counts as a silence on a machine that may be busy.
const SILENCE: Duration = Duration::from_secs(4);

/// Channels: number, and paths of its sources. `one_account`: all in one playlist.
fn rig(channels: &[(&str, &[&str])], kind: Kind, one_account: bool, change: impl FnOnce(Setup) -> Setup) -> Rig {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let mut entries: Vec<Entry> = Vec::new();
    for (number, paths) in channels {
        for path in *paths {
            origin.set(path, Script::live(&kind.media()));
            entries.push(entry(number, number, &origin.url(path)).with(&format!("tvg-id=\"c{number}\"")));
        }
    }
    let setup = Setup::new(&netns);
    let setup = if one_account { setup.playlist(&entries) } else { setup.playlist_each(&entries) };
    let app = change(setup).start();
    Rig { app, origin, netns }
}

fn hot(setup: Setup) -> Setup {
    setup.env("ROOFTOP_RECOVERY_HOT_STANDBY", "true")
}

/// The rows of a kind in the status of the tuners.
fn rows(rig: &Rig, kind: &str) -> Vec<Value> {
    let status = rig.app.api("/api/v1/tuners").json();
    status["tuners"].as_array().unwrap().iter().filter(|row| row["kind"] == kind).cloned().collect()
}

fn until_ready(rig: &Rig) {
    let ready = || rows(rig, "standby").iter().any(|row| row["state"] == "standby_ready");
    wait::until_so("a source to be kept ready", SOON, ready);
}

#[rstest::rstest]
#[case::it_ends(Kind::H264, Cue::End)]
#[case::it_stalls(Kind::H264, Cue::Stall)]
#[case::it_ends_in_hevc(Kind::Hevc, Cue::End)]
#[case::it_ends_in_mpeg2(Kind::Mpeg2, Cue::End)]
#[case::it_ends_as_radio(Kind::Radio, Cue::End)]
fn the_next_source_takes_over_at_once(#[case] kind: Kind, #[case] how: Cue) {
    let mut rig = rig(&[("1", &["/first", "/second"])], kind, false, hot);
    let viewer = rig.watch("1");
    until_ready(&rig);
    assert_eq!((rig.origin.open("/first"), rig.origin.open("/second")), (1, 1));
    let row = rows(&rig, "standby").remove(0);
    assert_eq!((&row["guide_number"], row["subscribers"].as_array().unwrap().len()), (&"1".into(), 0));
    assert_eq!(rig.app.api("/api/v1/tuners").json()["in_use_count"], 1, "it takes no tuner");
    // More than a picture: of one that is the first, and cut, the viewer has what came of it.
    viewer.more(100_000, SOON);
    rig.origin.cue("/first", how);
    let lost = Instant::now();
    wait::until_so("the second to be on air", SOON, || rig.app.log().matches("source on air").count() == 2);
    println!("on air after {:?}", lost.elapsed());
    viewer.more(200_000, SOON);
    assert_eq!(rig.origin.hits("/second").len(), 1, "it was not dialled again");
    let row = rows(&rig, "client").remove(0);
    let changed = (&row["recovery_cycle"], &row["recovery_transition_mode"], &row["recovery_transition_stitch_applied"]);
    assert_eq!(changed, (&1.into(), &"splice".into(), &true.into()));
    let silence = viewer.longest_gap();
    assert!(silence <= SILENCE, "{silence:?} of silence");
    let bytes = viewer.leave(Leave::Fin);
    let found = assert_clean(aligned(&bytes), STRICT);
    assert_decodes(aligned(&bytes));
    assert_eq!((found.pmt_versions.len(), found.announced), (1, 0), "{found:?}");
    assert_eq!(rig.app.metric("rooftop_source_losses_total"), Some(1.0));
    rig.app.until_idle(SOON);
    wait::until_so("all upstreams to be closed", SOON, || rig.origin.live() == 0);
    rig.app.assert_well();
}

/// Back to the first source, once that is well again, without a gap and without a loss.
#[test]
fn it_goes_back_to_the_first_source() {
    let settings =
        |setup: Setup| setup.env("ROOFTOP_RECOVERY_FAIL_BACK", "true").env("ROOFTOP_RECOVERY_CYCLE_FAILURE_MIN_HEALTH_S", "2");
    let mut rig = rig(&[("1", &["/first", "/second"])], Kind::H264, false, settings);
    let viewer = rig.watch("1");
    viewer.more(100_000, SOON);
    rig.origin.cue("/first", Cue::End);
    rig.origin.set("/first", Script::live(&Kind::H264.media()));
    wait::until_so("the second to be on air", SOON, || rig.origin.open("/second") == 1);
    // It rests for 10 s, is read along with for 2 s, and then waited for at a keyframe.
    wait::until_so("the first to be on air again", SOON, || rig.app.log().matches("source on air").count() == 3);
    wait::until_so("the second to be let go", SOON, || rig.origin.open("/second") == 0);
    viewer.more(200_000, SOON);
    let silence = viewer.longest_gap();
    assert!(silence <= SILENCE, "{silence:?} of silence");
    let bytes = viewer.leave(Leave::Fin);
    let found = assert_clean(aligned(&bytes), STRICT);
    assert_decodes(aligned(&bytes));
    assert_eq!((found.pmt_versions.len(), found.announced), (1, 0), "{found:?}");
    assert_eq!(rig.app.metric("rooftop_source_losses_total"), Some(1.0), "a change of our own will is none");
    let session = &rig.app.api("/api/v1/sessions/history").json()["session_history"][0];
    let reasons: Vec<&Value> = session["sources"].as_array().unwrap().iter().map(|one| &one["selection_reason"]).collect();
    assert_eq!((reasons.len(), reasons[2]), (3, &"fail_back".into()), "{session}");
    rig.app.assert_well();
}

/// An account with two connections: one is kept ready until somebody else wants to watch.
#[test]
fn it_gives_way_to_any_viewer_and_comes_back() {
    let mut rig = rig(&[("1", &["/first", "/second"]), ("2", &["/other"])], Kind::Small, true, hot);
    let viewer = rig.watch("1");
    until_ready(&rig);
    let other = rig.watch("2");
    wait::until_so("the second to be let go", SOON, || rig.origin.open("/second") == 0);
    assert_eq!((rig.origin.open("/first"), rig.origin.open("/other")), (1, 1));
    assert!(rows(&rig, "standby").is_empty());
    other.leave(Leave::Fin);
    until_ready(&rig);
    // Nobody watches any more: neither is anything kept ready.
    assert_clean(aligned(&viewer.leave(Leave::Fin)), STRICT);
    rig.app.until_idle(SOON);
    wait::until_so("all upstreams to be closed", SOON, || rig.origin.live() == 0);
    rig.app.assert_well();
}

/// A channel may say otherwise than the settings, while somebody watches it.
#[test]
fn a_channel_can_have_what_others_have_not() {
    let mut rig = rig(&[("1", &["/first", "/second"])], Kind::Small, false, |setup| setup);
    let viewer = rig.watch("1");
    let id = rig.app.api("/api/v1/channels").json()["channels"][0]["id"].as_i64().unwrap();
    let say = |said: &str| {
        let body = format!("{{\"hot_standby\":{said}}}");
        let changed = rig.app.api_with("PATCH", &format!("/api/v1/channels/{id}"), Some(&body));
        assert_eq!(changed.status, 200);
        assert_eq!(changed.json()["hot_standby"].to_string(), said);
    };
    assert_eq!(rig.origin.hits("/second").len(), 0);
    say("true");
    until_ready(&rig);
    assert_eq!(rig.app.metric("rooftop_provider_spare_connections"), Some(1.0));
    say("null");
    wait::until_so("the second to be let go", SOON, || rig.origin.open("/second") == 0);
    assert!(!viewer.ended());
    rig.app.assert_well();
}

/// How many connections an account allows, by the settings and by the API.
#[test]
fn an_account_has_as_many_connections_as_is_said() {
    let one = |setup: Setup| setup.env("ROOFTOP_PLAYLIST_CONNECTIONS", "1");
    let mut rig = rig(&[("1", &["/first"]), ("2", &["/other"])], Kind::Small, true, one);
    let viewer = rig.watch("1");
    let (status, error) = rig.refused(&Request::get("/auto/v2"));
    assert_eq!((status, error.as_str()), (503, "805 All Tuners In Use"));
    let provider = rig.app.api("/api/v1/providers").json()["providers"][0].clone();
    assert_eq!(provider["max_connections"], 1);
    let path = format!("/api/v1/providers/{}", provider["id"]);
    assert_eq!(rig.app.api_with("PATCH", &path, Some("{\"max_connections\":2}")).status, 200);
    let other = rig.watch("2");
    assert!(!viewer.ended() && !other.ended());
    rig.app.assert_well();
}

//! The prober: every source is looked at once, backups first, and no viewer ever waits for it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::app::{App, Setup, WEB};
use crate::support::http::{Request, Response};
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::{entry, m3u};
use crate::support::rig::Rig;
use crate::support::upstream::{Body, Hit, Live, Origin, Script, Tweak};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

fn probing(setup: Setup) -> Setup {
    setup.env("ROOFTOP_PROBER_INTERVAL_H", "24")
}

/// The sources of a channel as the API shows them.
fn sources(app: &App, number: &str) -> Vec<Value> {
    let channels = app.api("/api/v1/channels").json();
    let channel = channels["channels"].as_array().unwrap().iter().find(|channel| channel["number"] == number).unwrap().clone();
    channel["sources"].as_array().unwrap().clone()
}

fn probe(app: &App, source: &Value) -> Response {
    let request = Request::new("POST", &format!("/api/v1/sources/{source}/probe"));
    let request = request.header("Authorization", &format!("Bearer {}", app.token())).timeout(Duration::from_secs(15));
    request.send(&app.netns, WEB).unwrap()
}

/// Every request of these paths, in the order in which they came.
fn visits(origin: &Origin, paths: &[&str]) -> Vec<Hit> {
    let mut hits: Vec<Hit> = paths.iter().flat_map(|path| origin.hits(path)).collect();
    hits.sort_by_key(|hit| hit.opened);
    hits
}

/// Two accounts with the same two channels: one backup is dead, one is scrambled, the first sources play.
#[test]
fn every_source_is_looked_at_once_and_backups_first() {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let small = Kind::Small.media();
    let paths = ["/first/1", "/first/2", "/second/1", "/second/2"];
    origin.set("/first/1", Live::new(&small).script()).set("/first/2", Live::new(&Kind::Mpeg2.media()).script());
    origin.set("/second/1", Script::Status(404, vec![])).set("/second/2", Live::new(&small).tweak(Tweak::Scrambled).script());
    let account = |name: &str| ["1", "2"].map(|number| entry(number, "Some", &origin.url(&format!("/{name}/{number}"))));
    for name in ["first", "second"] {
        origin.set(&format!("/{name}.m3u"), Script::Ok(Body::Bytes(Arc::new(m3u(&account(name)).into_bytes()), 1000)));
    }
    let setup = |setup: Setup| probing(setup).playlist_url(&origin.url("/first.m3u")).playlist_url(&origin.url("/second.m3u"));
    let app = setup(Setup::new(&netns)).start();
    wait::until_so("all four to be looked at", Duration::from_secs(40), || app.metric("rooftop_probes_total") == Some(4.0));

    let hits = visits(&origin, &paths);
    let order: Vec<&str> = hits.iter().map(|hit| hit.path.as_str()).collect();
    assert_eq!(order, ["/second/1", "/second/2", "/first/1", "/first/2"]);
    for pair in hits.windows(2) {
        let rest = pair[0].closed.map(|closed| pair[1].opened.saturating_duration_since(closed));
        assert!(rest >= Some(Duration::from_millis(950)), "{} came {rest:?} after {}", pair[1].path, pair[0].path);
    }

    let shown = |app: &App| ["1", "2"].map(|number| sources(app, number));
    let before = shown(&app);
    let [one, two] = &before;
    let (plays, dead) = (&one[0]["probe"], &one[1]["probe"]);
    assert_eq!((&plays["proven"], &plays["reason"]), (&true.into(), &Value::Null), "{plays}");
    assert!(plays["first_byte_ms"].as_u64() <= plays["keyframe_ms"].as_u64() && plays["keyframe_ms"].as_u64() < Some(2000));
    let video = &plays["info"]["video"];
    assert_eq!((&video["width"], &video["height"], &video["frame_rate"]), (&640.into(), &360.into(), &25.0.into()), "{plays}");
    let rate = plays["info"]["bitrate_bps"].as_u64().unwrap();
    assert!((500_000..1_500_000).contains(&rate), "{rate} bit/s");
    assert_eq!((&plays["info"]["scrambled"], &plays["info"]["continuity_errors"]), (&false.into(), &0.into()));
    assert_eq!((&dead["proven"], &dead["reason"]), (&false.into(), &"upstream answered 404".into()));
    assert_eq!(one[1]["health"]["last_reason"], "upstream answered 404", "and a viewer is not sent there first");
    assert_eq!(two[0]["probe"]["info"]["video"]["width"], 720);
    assert_eq!(
        (&two[1]["probe"]["reason"], &two[1]["probe"]["info"]["scrambled"]),
        (&"the stream is scrambled".into(), &true.into())
    );
    wait::until_so("the lineup to know what the first source carries", Duration::from_secs(4), || {
        app.api("/api/v1/channels").json()["channels"][1]["info"]["video"]["width"] == 720
    });

    let app = app.stop();
    let app = setup(Setup::new(&netns).data_of(&app)).start();
    assert_eq!(verdicts(&shown(&app)), verdicts(&before), "verdicts outlive a restart");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(visits(&origin, &paths).len(), 4, "once in a day, also over a restart");
    app.stop();
}

/// What the probes of these sources found out.
fn verdicts(lists: &[Vec<Value>; 2]) -> Vec<&Value> {
    lists.iter().flatten().map(|source| &source["probe"]).collect()
}

/// An account with a single connection. Its limit is told to the database, as an account's own answer would be.
#[test]
fn a_viewer_takes_the_only_connection_from_a_probe_at_once() {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let small = Kind::Small.media();
    // Without tables the first is looked at for as long as a probe lasts.
    origin.set("/one", Live::new(&small).tweak(Tweak::NoPsi).script()).set("/two", Live::new(&small).script());
    let list = m3u(&[entry("1", "One", &origin.url("/one")), entry("2", "Two", &origin.url("/two"))]);
    origin.set("/list.m3u", Script::Ok(Body::Bytes(Arc::new(list.into_bytes()), 1000)));
    let app = Setup::new(&netns).playlist_url(&origin.url("/list.m3u")).start().stop();
    let database = rusqlite::Connection::open(app.data_dir().join("rooftop.db")).unwrap();
    assert_eq!(database.execute("UPDATE providers SET max_connections = 1", []).unwrap(), 1);
    drop(database);
    let app = probing(Setup::new(&netns).data_of(&app)).playlist_url(&origin.url("/list.m3u")).start();
    let paths = ["/one", "/two"];

    wait::until_so("a probe", Duration::from_secs(5), || origin.open("/one") == 1);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(app.busy(), 0, "a probe is not shown as a tuner in use");
    let began = Instant::now();
    let viewer = Viewer::open(&netns, "/auto/v2");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "the first byte took {took:?}");
    viewer.more(100 * 188, Duration::from_secs(3));
    let (probed, watched) = (&origin.hits("/one")[0], &origin.hits("/two")[0]);
    let closed = probed.closed.expect("the probe has gone");
    assert!(closed.saturating_duration_since(began) < Duration::from_millis(250), "it went at once");
    let rest = watched.opened.saturating_duration_since(closed);
    assert!(rest > Duration::from_millis(400), "the provider had {rest:?} to forget the probe");
    thread::sleep(Duration::from_secs(8));
    assert_eq!(visits(&origin, &paths).len(), 2, "nothing is looked at while somebody watches");
    assert!(viewer.longest_gap() < Duration::from_secs(1), "{:?}", viewer.longest_gap());

    viewer.leave(Leave::Fin);
    wait::until_so("the next probe", Duration::from_secs(16), || origin.hits("/two").len() == 2);
    let hits = visits(&origin, &paths);
    for pair in hits.windows(2) {
        assert!(pair[0].closed.is_some_and(|closed| closed <= pair[1].opened), "two connections at once: {pair:?}");
    }
    wait::until_so("its verdict", Duration::from_secs(8), || sources(&app, "2")[0]["probe"]["proven"] == true);
    assert_eq!(sources(&app, "1")[0]["probe"], Value::Null, "what had to yield left no verdict");
    app.stop();
}

/// Viewers who come and go at random moments, on an account with a single connection: each gets a picture, and the provider never
/// sees two connections.
#[test]
fn viewers_at_random_moments_never_lose_to_a_probe() {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let small = Kind::Small.media();
    let channels: Vec<String> = (1..=30).map(|number| format!("/channel{number}")).collect();
    for path in &channels {
        origin.set(path, Live::new(&small).script());
    }
    let entries: Vec<_> =
        (1..).zip(&channels).map(|(n, path): (u32, _)| entry(&n.to_string(), "Some", &origin.url(path))).collect();
    origin.set("/list.m3u", Script::Ok(Body::Bytes(Arc::new(m3u(&entries).into_bytes()), 1000)));
    let app = Setup::new(&netns).playlist_url(&origin.url("/list.m3u")).start().stop();
    let database = rusqlite::Connection::open(app.data_dir().join("rooftop.db")).unwrap();
    database.execute("UPDATE providers SET max_connections = 1", []).unwrap();
    drop(database);
    let app = probing(Setup::new(&netns).data_of(&app)).playlist_url(&origin.url("/list.m3u")).start();
    let paths: Vec<&str> = channels.iter().map(String::as_str).collect();
    for round in 0..3u64 {
        let before = app.metric("rooftop_probes_total").unwrap();
        // An idle session keeps the connection for five seconds, and the prober looks again every five.
        wait::until_so("a probe", Duration::from_secs(20), || {
            origin.live() == 1 && app.metric("rooftop_provider_connections") == Some(1.0)
        });
        thread::sleep(Duration::from_millis((round * 797) % 1900));
        let viewer = Viewer::open(&netns, &format!("/auto/v{}", 30 - round));
        viewer.more(100 * 188, Duration::from_secs(3));
        assert_eq!(origin.live(), 1);
        viewer.leave(Leave::Rst);
        wait::until_so("the session to end", Duration::from_secs(10), || origin.live() == 0);
        assert!(app.metric("rooftop_probes_total").unwrap() >= before);
    }
    let hits = visits(&origin, &paths);
    for pair in hits.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        let apart = before.closed.map(|closed| after.opened.saturating_duration_since(closed));
        assert!(before.closed <= Some(after.opened), "{} and {} at once, {apart:?}", before.path, after.path);
    }
    app.stop();
}

/// By hand, whether or not the prober goes round by itself.
#[test]
fn one_source_is_looked_at_when_somebody_asks() {
    let small = Kind::Small.media();
    let rig = Rig::of(&[("1", "/one", Live::new(&small).script()), ("2", "/two", Script::Ok(Body::Html))], |setup| setup);
    let (one, two) = (sources(&rig.app, "1")[0]["id"].clone(), sources(&rig.app, "2")[0]["id"].clone());
    assert_eq!(sources(&rig.app, "1")[0]["probe"], Value::Null);
    let answer = probe(&rig.app, &one);
    assert_eq!(answer.status, 200);
    let verdict = answer.json();
    assert_eq!(verdict["proven"], true, "{verdict}");
    assert_eq!(sources(&rig.app, "1")[0]["probe"], verdict);
    let verdict = probe(&rig.app, &two).json();
    assert_eq!(verdict["proven"], false);
    assert!(verdict["reason"].as_str().unwrap().contains("not a stream"), "{verdict}");
    assert_eq!(probe(&rig.app, &two).status, 409, "it rests after its failure");
    assert_eq!(probe(&rig.app, &4711.into()).status, 404);
    assert_eq!(probe(&rig.app, &"x".into()).status, 404);
    let viewer = rig.watch("1");
    let answer = probe(&rig.app, &one);
    assert_eq!(answer.status, 409);
    let problem = answer.json();
    assert!(problem["detail"].as_str().unwrap().contains("to spare"), "{problem}");
    assert_eq!(rig.origin.live(), 1, "it was not dialled");
    drop(viewer);
    rig.app.stop();
}

#[test]
fn the_demo_is_not_probed() {
    let netns = Arc::new(Netns::new());
    let app = probing(Setup::new(&netns)).start();
    assert!(!app.json("/lineup.json").as_array().unwrap().is_empty());
    thread::sleep(Duration::from_secs(3));
    assert_eq!(app.metric("rooftop_probes_total"), Some(0.0));
    app.stop();
}

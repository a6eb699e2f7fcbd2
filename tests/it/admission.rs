//! Checks 54 and 58 to 60: who gets a tuner, and when it is free again.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::http::Request;
use crate::support::rig::Rig;
use crate::support::ts_oracle::{STRICT, aligned, assert_clean};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

fn two_tuners() -> Rig {
    Rig::with(|setup| setup.tuners(2))
}

#[test]
fn check_54_one_more_than_there_are_tuners() {
    let rig = two_tuners();
    let barrier = Barrier::new(3);
    let answers: Vec<_> = thread::scope(|scope| {
        let ask = |number: &'static str| {
            let (rig, barrier) = (&rig, &barrier);
            scope.spawn(move || {
                barrier.wait();
                let start = Instant::now();
                let answer = Viewer::attempt(&rig.netns, &Request::get(&format!("/auto/v{number}")));
                (answer, start.elapsed())
            })
        };
        ["1", "2", "3"].map(ask).map(|thread| thread.join().unwrap()).into_iter().collect()
    });
    assert_eq!(answers.iter().filter(|(answer, _)| answer.is_ok()).count(), 2);
    let (refused, after) = answers.iter().find_map(|(answer, after)| Some((answer.as_ref().err()?, after))).unwrap();
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("X-HDHomeRun-Error"), Some("805 All Tuners In Use"));
    assert_eq!(refused.header("Content-Length"), Some("0"));
    assert!(*after <= Duration::from_secs(2), "{after:?}");
    // A channel that plays already needs no tuner of its own.
    let playing: Vec<String> = rig.app.tuners().iter().filter_map(|row| Some(row["VctNumber"].as_str()?.to_owned())).collect();
    assert_eq!(playing.len(), 2);
    rig.watch(&playing[0]);
}

#[rstest::rstest]
#[case(Leave::Fin)]
#[case(Leave::Rst)]
fn check_58_a_client_that_leaves_frees_its_tuner_at_once(#[case] how: Leave) {
    let rig = two_tuners();
    let (first, _second) = (rig.watch("1"), rig.watch("2"));
    let (status, error) = rig.refused(&Request::get("/auto/v3"));
    assert!(status == 503 && error.starts_with("805"), "{error}");
    first.leave(how);
    let start = Instant::now();
    let third = Viewer::open(&rig.netns, "/auto/v3");
    assert!(start.elapsed() < Duration::from_secs(1) + tune_time(), "{:?}", start.elapsed());
    third.more(50_000, Duration::from_secs(3));
    wait::until_so("the first channel's upstream to be closed", Duration::from_secs(2), || rig.origin.open("/one") == 0);
}

/// What a tune may take by itself here: the fixtures show a random access point every half second.
fn tune_time() -> Duration {
    Duration::from_millis(700)
}

/// A client whose kernel has gone silent without FIN is not reading: its place is not given away while others read.
#[test]
fn reading_viewers_are_never_ended_for_another() {
    let rig = two_tuners();
    let (first, second) = (rig.watch("1"), rig.watch("2"));
    for number in ["3", "5"] {
        let (status, error) = rig.refused(&Request::get(&format!("/auto/v{number}")));
        assert!(status == 503 && error.starts_with("805"), "{error}");
    }
    assert!(!first.ended() && !second.ended());
    first.more(50_000, Duration::from_secs(2));
    second.more(50_000, Duration::from_secs(2));
    for viewer in [first, second] {
        assert_clean(aligned(&viewer.leave(Leave::Fin)), STRICT);
    }
}

#[rstest::rstest]
#[case(Leave::Fin)]
#[case(Leave::Rst)]
fn check_59_a_request_waits_for_a_tuner_that_comes_free(#[case] how: Leave) {
    let rig = two_tuners();
    let (first, _second) = (rig.watch("1"), rig.watch("2"));
    let answer = thread::scope(|scope| {
        let waiting = scope.spawn(|| Viewer::attempt(&rig.netns, &Request::get("/auto/v3")));
        thread::sleep(Duration::from_millis(300));
        first.leave(how);
        waiting.join().unwrap()
    });
    let third = answer.unwrap_or_else(|refused| panic!("{} {:?}", refused.status, refused.headers));
    third.more(50_000, Duration::from_secs(3));
}

#[test]
fn check_59_the_wait_is_about_a_second() {
    let rig = Rig::with(|setup| setup.tuners(1));
    let _first = rig.watch("1");
    let start = Instant::now();
    rig.refused(&Request::get("/auto/v2"));
    let waited = start.elapsed();
    assert!((Duration::from_millis(700)..Duration::from_secs(2)).contains(&waited), "{waited:?}");
}

#[test]
fn check_60_rapid_opens_and_closes_dial_once() {
    let rig = two_tuners();
    let start = Instant::now();
    for _ in 0..5 {
        let stream = rig.netns.tcp(crate::support::app::at(5004)).unwrap();
        std::io::Write::write_all(&mut &stream, b"GET /auto/v1 HTTP/1.1\r\nHost: 10.77.0.1:5004\r\n\r\n").unwrap();
        thread::sleep(Duration::from_millis(40));
    }
    assert!(start.elapsed() < Duration::from_millis(600), "{:?}", start.elapsed());
    let last = rig.watch("1");
    last.more(100_000, Duration::from_secs(3));
    assert_eq!(rig.origin.hits("/one").len(), 1);
    assert_clean(aligned(&last.leave(Leave::Fin)), STRICT);
}

/// Kodi's iptvsimple per play: HEAD, GET, HEAD, GET, GET, GET within 170 ms; with one tuner it must play.
#[test]
fn one_tuner_is_enough_for_kodi() {
    let rig = Rig::with(|setup| setup.tuners(1));
    let ask = |method: &str| Request::new(method, "/auto/v1").header("User-Agent", "Kodi/20.1");
    assert_eq!(ask("HEAD").send(&rig.netns, crate::support::app::STREAM).unwrap().status, 200);
    let probe = Viewer::attempt(&rig.netns, &ask("GET")).unwrap();
    probe.leave(Leave::Rst);
    assert_eq!(ask("HEAD").send(&rig.netns, crate::support::app::STREAM).unwrap().status, 200);
    let second = Viewer::attempt(&rig.netns, &ask("GET")).unwrap();
    let third = Viewer::attempt(&rig.netns, &ask("GET")).unwrap();
    second.leave(Leave::Fin);
    third.more(100_000, Duration::from_secs(3));
    assert_eq!(rig.origin.hits("/one").len(), 1);
    // The next channel is asked for before the old one is let go.
    let zapped = thread::scope(|scope| {
        let next = scope.spawn(|| Viewer::attempt(&rig.netns, &Request::get("/auto/v2").header("User-Agent", "Kodi/20.1")));
        thread::sleep(Duration::from_millis(70));
        third.leave(Leave::Rst);
        next.join().unwrap()
    });
    zapped.unwrap().more(50_000, Duration::from_secs(3));
}

/// The session lives on for some seconds after the last viewer: coming back costs no new connection.
#[test]
fn coming_back_within_the_grace_is_free() {
    let rig = two_tuners();
    rig.watch("1").leave(Leave::Fin);
    wait::until_so("the tuner to be shown as idle", Duration::from_secs(1), || rig.app.busy() == 0);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(rig.origin.open("/one"), 1, "the grace is over too soon");
    rig.watch("1").leave(Leave::Fin);
    assert_eq!(rig.origin.hits("/one").len(), 1);
    wait::until_so("the upstream to be closed after the grace", Duration::from_secs(8), || rig.origin.live() == 0);
}

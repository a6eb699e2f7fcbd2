//! What is remembered of sessions, and what a person can do about them: status, history, recovery, health, events.

use std::io::BufRead;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::app::{App, STREAM, Setup};
use crate::support::http::Request;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::rig::Rig;
use crate::support::upstream::{Cue, Origin, Script};
use crate::support::viewer::Leave;
use crate::support::wait;

const SECRET: &str = "hunter2";

/// One channel with two sources, each of an account of its own, with a password in its address.
fn rig(first: Script, second: Script) -> Rig {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    origin.set("/first", first).set("/second", second);
    let source = |path: &str| entry("1", "One", &origin.url(&format!("{path}?user=me&password={SECRET}"))).with("tvg-id=\"one\"");
    let app = Setup::new(&netns).playlist_each(&[source("/first"), source("/second")]).start();
    Rig { app, origin, netns }
}

fn small() -> Script {
    Script::live(&Kind::Small.media())
}

fn answer(app: &App, target: &str) -> Value {
    let response = app.api(target);
    assert_eq!(response.status, 200, "{target}");
    let body = response.body();
    let text = String::from_utf8(body).unwrap();
    assert!(!text.contains(SECRET), "{target}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn history(app: &App) -> Vec<Value> {
    answer(app, "/api/v1/sessions/history")["session_history"].as_array().unwrap().clone()
}

fn channel_id(app: &App) -> i64 {
    answer(app, "/api/v1/channels")["channels"][0]["id"].as_i64().unwrap()
}

/// Asks for another source: status and answer.
fn recover(app: &App, channel: i64) -> (u16, Value) {
    let body = json!({ "channel_id": channel, "reason": "too dark" }).to_string();
    let response = app.api_with("POST", "/api/v1/tuners/recovery", Some(&body));
    (response.status, response.json())
}

/// Whether the path and its address were dialled `times` times.
fn dialled(rig: &Rig, path: &str) -> usize {
    rig.origin.hits(&format!("{path}?user=me&password={SECRET}")).len()
}

#[test]
fn a_session_is_shown_while_it_runs_and_remembered_when_it_is_over() {
    let rig = rig(small(), small());
    assert_eq!(answer(&rig.app, "/api/v1/tuners")["in_use_count"], 0);
    let viewer = rig.watch("1");
    thread::sleep(Duration::from_secs(2));
    rig.origin.cue("/first", Cue::End);
    wait::until_so("the second source to be on air", Duration::from_secs(5), || {
        answer(&rig.app, "/api/v1/tuners")["tuners"][0]["source_select_count"] == 2
    });
    viewer.more(100_000, Duration::from_secs(5));
    let status = answer(&rig.app, "/api/v1/tuners");
    assert_eq!((&status["tuner_count"], &status["in_use_count"], &status["idle_count"]), (&json!(4), &json!(1), &json!(3)));
    let tuner = &status["tuners"][0];
    for (member, value) in [
        ("kind", json!("client")),
        ("state", json!("active_subscribers")),
        ("guide_number", json!("1")),
        ("guide_name", json!("One")),
        ("recovery_cycle", json!(1)),
        ("same_source_reselect_count", json!(0)),
        ("producer", json!("http")),
        ("video_codec", json!("h264")),
        ("source_startup_random_access_ready", json!(true)),
    ] {
        assert_eq!(tuner[member], value, "{member}: {tuner:#}");
    }
    assert!(tuner["bytes_pushed"].as_i64().unwrap() > 100_000, "{tuner:#}");
    assert!(tuner["chunks_pushed"].as_i64().unwrap() > 1, "{tuner:#}");
    assert!(tuner["last_byte_at"].as_str().unwrap() > tuner["session_started_at"].as_str().unwrap(), "{tuner:#}");
    assert!(tuner["subscribers"][0]["SubscriberID"].as_u64().unwrap() > 0);
    assert_eq!(tuner["subscribers"][0]["ClientAddr"], "10.77.0.1");
    assert_eq!(status["client_streams"][0]["subscriber_id"], tuner["subscribers"][0]["SubscriberID"]);
    assert_eq!(status["churn"]["total_recovery_cycles"], 1);
    assert_eq!(status["session_history"][0]["active"], true);
    viewer.leave(Leave::Fin);
    wait::until_so("the session to be over", Duration::from_secs(10), || history(&rig.app)[0]["active"] == false);
    let before = history(&rig.app);
    let session = &before[0];
    assert_eq!(session["terminal_status"], "nobody watches");
    assert_eq!(session["sources"].as_array().unwrap().len(), 2, "{session:#}");
    assert_eq!(session["subscribers"][0]["close_reason"], "client left");
    assert!(session["sources"][0]["deselected_at"].as_str() <= session["sources"][1]["selected_at"].as_str());
    let events = answer(&rig.app, "/api/v1/sessions/events");
    let stopped = rig.app.stop();
    let app = Setup::new(&rig.netns).data_of(&stopped).start();
    assert_eq!(history(&app), before, "a restart changes nothing");
    let kept = answer(&app, "/api/v1/sessions/events");
    let kinds: Vec<&str> =
        kept["events"].as_array().unwrap().iter().rev().map(|event| event["event_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["session_start", "rebuffer_start", "buffering", "session_end"], "{kept:#}\n{events:#}");
    let end = &kept["events"][0];
    assert!(end["bytes"].as_u64().unwrap() > 100_000 && end["seconds"].as_f64().unwrap() > 2.0, "{end:#}");
    assert_eq!((&end["guide_number"], &end["client_addr"]), (&json!("1"), &json!("10.77.0.1")));
}

#[test]
fn the_history_can_be_asked_for_in_part() {
    let rig = rig(small(), small());
    for _ in 0..2 {
        rig.watch("1").leave(Leave::Fin);
        wait::until_so("the session to be over", Duration::from_secs(10), || history(&rig.app)[0]["active"] == false);
    }
    let of = |query: &str| answer(&rig.app, &format!("/api/v1/sessions/history?{query}"))["session_history"].clone();
    let all = history(&rig.app);
    assert_eq!(all.len(), 2);
    assert_eq!(of("limit=1"), json!([all[0]]));
    assert_eq!(of(&format!("before={}", all[0]["opened_at"].as_str().unwrap())), json!([all[1]]));
    assert_eq!(of(&format!("channel_id={}", channel_id(&rig.app))), json!(all));
    assert_eq!(of("channel_id=4711"), json!([]));
    assert_eq!(of("active=true"), json!([]));
    for bad in ["limit=0", "limit=5000", "active=maybe", "before=yesterday", "colour=red"] {
        let status = rig.app.api(&format!("/api/v1/sessions/history?{bad}")).status;
        assert!([400, 422].contains(&status), "{bad}: {status}");
    }
}

#[test]
fn a_session_of_a_killed_server_is_remembered() {
    let rig = rig(small(), small());
    let viewer = rig.watch("1");
    // Written half a second later.
    thread::sleep(Duration::from_secs(2));
    let mut app = rig.app;
    app.signal(Signal::KILL);
    app.wait_exit(Duration::from_secs(5));
    drop(viewer);
    let again = Setup::new(&rig.netns).data_of(&app).start();
    let session = &history(&again)[0];
    assert_eq!((&session["active"], &session["terminal_status"]), (&json!(false), &json!("interrupted")), "{session:#}");
    assert_eq!(session["total_subscribers"], 1);
    let events = answer(&again, "/api/v1/sessions/events");
    assert_eq!(events["events"][0]["event_type"], "session_start", "{events:#}");
}

#[test]
fn another_source_on_demand() {
    let rig = rig(small(), small());
    let channel = channel_id(&rig.app);
    assert_eq!(recover(&rig.app, channel).0, 404, "nobody watches");
    assert_eq!(recover(&rig.app, 4711).0, 404, "no such channel");
    assert_eq!(recover(&rig.app, 0).0, 400);
    assert_eq!(rig.app.api_with("POST", "/api/v1/tuners/recovery", Some("{}")).status, 400);
    let viewer = rig.watch("1");
    thread::sleep(Duration::from_secs(1));
    let asked = Instant::now();
    let (status, answered) = recover(&rig.app, channel);
    assert_eq!((status, &answered["accepted"], &answered["recovery_reason"]), (200, &json!(true), &json!("too dark")));
    wait::until_so("the second source to be dialled", Duration::from_secs(2), || dialled(&rig, "/second") == 1);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    viewer.more(100_000, Duration::from_secs(5));
    let session = &history(&rig.app)[0];
    assert_eq!((&session["last_recovery_reason"], &session["recovery_cycle_count"]), (&json!("asked for: too dark"), &json!(1)));
    // The other one says nothing: while it is waited for, another wish is refused.
    rig.origin.set("/first", Script::Hang);
    assert_eq!(recover(&rig.app, channel).0, 200);
    let (status, problem) = recover(&rig.app, channel);
    assert_eq!(status, 409, "{problem}");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(recover(&rig.app, channel).0, 409);
    assert_eq!(answer(&rig.app, "/api/v1/tuners")["churn"]["recovering_session_count"], 1);
    viewer.more(100_000, Duration::from_secs(8));
    assert!(!viewer.ended());
}

#[test]
fn health_can_be_forgotten() {
    let rig = rig(Script::Status(404, vec![]), Script::Status(500, vec![]));
    let sources = |app: &App| -> Vec<(i64, i64)> {
        let sources = answer(app, "/api/v1/channels")["channels"][0]["sources"].clone();
        let sources = sources.as_array().unwrap().iter();
        sources.map(|source| (source["id"].as_i64().unwrap(), source["health"]["failures"].as_i64().unwrap())).collect()
    };
    rig.refused(&Request::get("/auto/v1"));
    wait::until_so("both failures to be written", Duration::from_secs(5), || {
        sources(&rig.app).iter().all(|(_, fails)| *fails > 0)
    });
    let (first, second) = (sources(&rig.app)[0], sources(&rig.app)[1]);
    let clear = |target: &str| rig.app.api_with("DELETE", target, None).status;
    assert_eq!(clear(&format!("/api/v1/sources/{}/health", first.0)), 204);
    assert_eq!(sources(&rig.app), [(first.0, 0), second]);
    assert_eq!(clear("/api/v1/sources/4711/health"), 404);
    assert_eq!(clear("/api/v1/sources/nonsense/health"), 404);
    assert_eq!(clear("/api/v1/sources/health"), 204);
    assert_eq!(sources(&rig.app), [(first.0, 0), (second.0, 0)]);
    let stopped = rig.app.stop();
    let app = Setup::new(&rig.netns).data_of(&stopped).start();
    assert_eq!(app.metric("rooftop_sessions_opened_total"), Some(0.0));
}

#[test]
fn events_are_told_as_they_happen() {
    let rig = rig(small(), small());
    let token = format!("Bearer {}", rig.app.token());
    let request = Request::get("/api/v1/events").header("Authorization", &token).timeout(Duration::from_secs(12));
    let response = request.send(&rig.netns, STREAM).unwrap();
    assert_eq!((response.status, response.header("Content-Type")), (200, Some("text/event-stream")));
    let reader = thread::spawn(move || {
        let mut told: Vec<(String, Value)> = Vec::new();
        let mut name = String::new();
        for line in response.into_stream().lines().map_while(Result::ok) {
            if let Some(event) = line.strip_prefix("event: ") {
                event.clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ") {
                assert!(!data.contains(SECRET), "{data}");
                told.push((name.clone(), serde_json::from_str(data).unwrap()));
                if name == "session_closed" {
                    break;
                }
            }
        }
        told
    });
    let viewer = rig.watch("1");
    thread::sleep(Duration::from_secs(1));
    rig.origin.cue("/first", Cue::End);
    viewer.more(100_000, Duration::from_secs(6));
    viewer.leave(Leave::Fin);
    let told = reader.join().unwrap();
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).filter(|name| !name.starts_with("source_s")).collect();
    assert_eq!(names, ["session_opened", "subscriber_joined", "source_left", "subscriber_left", "session_closed"]);
    // A near source may be on air before the one who asked for it.
    let names: Vec<&str> =
        told.iter().map(|(name, _)| name.as_str()).filter(|name| !["source_seen", "subscriber_joined"].contains(name)).collect();
    let expected = ["session_opened", "source_selected", "source_left", "source_selected", "subscriber_left", "session_closed"];
    assert_eq!(names, expected);
    let session = &told[0].1["session_id"];
    assert!(told.iter().all(|(_, data)| data["session_id"] == *session && data["at"].is_string()));
    for (metric, least) in [
        ("rooftop_sessions_opened_total", 1.0),
        ("rooftop_source_selections_total", 2.0),
        ("rooftop_source_losses_total", 1.0),
        ("rooftop_viewers_joined_total", 1.0),
        ("rooftop_viewer_bytes_total", 100_000.0),
    ] {
        assert!(rig.app.metric(metric).unwrap() >= least, "{metric}");
    }
}

//! Several virtual devices: made, found, played, changed and taken away while the server runs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http::{Request, Response};
use crate::support::process::{run, start};
use crate::support::rig::Rig;
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

const FIRST: &str = "10.77.0.1:80";
const SECOND: &str = "10.77.0.2:80";

/// The standard lineup on a machine with two addresses.
fn rig() -> Rig {
    let rig = Rig::standard();
    rig.netns.ip("addr add 10.77.0.2/24 dev v0\n");
    rig
}

fn api(rig: &Rig, method: &str, path: &str, body: Value) -> Response {
    let request = Request::new(method, path).header("Authorization", &format!("Bearer {}", rig.app.token()));
    let request = request.header("Content-Type", "application/json").body(body.to_string().as_bytes());
    request.send(&rig.netns, FIRST).unwrap()
}

fn add(rig: &Rig, name: &str, listen: &str) -> Value {
    let made = api(rig, "POST", "/api/v1/devices", json!({ "name": name, "listen": listen, "tuner_count": 1 }));
    let (status, made) = (made.status, made.json());
    assert_eq!(status, 201, "{made}");
    made
}

fn json_at(rig: &Rig, address: &str, path: &str) -> Value {
    let response = Request::get(path).send(&rig.netns, address).unwrap();
    assert_eq!(response.status, 200, "{path} at {address}");
    response.json()
}

fn ids(rig: &Rig) -> Vec<String> {
    let found = rig.app.hdhomerun(&["discover"]).text();
    let mut lines: Vec<String> = found.lines().filter(|line| line.contains("found at")).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_second_device_is_found_at_its_own_address_at_once() {
    let rig = rig();
    let first = rig.app.device_id();
    let watch = start(rig.netns.command("gssdp-discover").args(["-i", "v0", "--timeout=4"]));
    std::thread::sleep(Duration::from_millis(500));
    let second = add(&rig, "Attic", SECOND)["id"].as_str().unwrap().to_owned();
    assert_ne!(first, second);

    let mut expected =
        [format!("hdhomerun device {first} found at 10.77.0.1"), format!("hdhomerun device {second} found at 10.77.0.2")];
    expected.sort();
    assert_eq!(ids(&rig), expected);
    // Each address shows its own device, on every port, with addresses of its own in it.
    for (address, id, name) in [(FIRST, &first, "Rooftop"), (SECOND, &second, "Attic"), ("10.77.0.2:5004", &second, "Attic")] {
        let discover = json_at(&rig, address, "/discover.json");
        assert_eq!((&discover["DeviceID"], &discover["FriendlyName"]), (&json!(id), &json!(name)), "at {address}");
        let lineup = json_at(&rig, address, "/lineup.json");
        let ip = address.split(':').next().unwrap();
        assert_eq!(lineup[0]["URL"], format!("http://{ip}:5004/auto/v1"));
    }
    assert_eq!(json_at(&rig, SECOND, "/discover.json")["TunerCount"], 1);
    let count = |ip: &str| rig.app.hdhomerun(&[ip, "get", "/sys/model"]).ok().trim().to_owned();
    assert_eq!(count("10.77.0.2"), count("10.77.0.1"));
    let text = watch.finish(Duration::from_secs(10)).text();
    assert!(text.contains("http://10.77.0.2"), "not announced by SSDP: {text}");
    // The page is at this address too.
    assert_eq!(Request::get("/").send(&rig.netns, SECOND).unwrap().status, 303);
}

#[test]
fn every_device_has_tuners_of_its_own() {
    let mut rig = rig();
    add(&rig, "Attic", SECOND);
    let at_second = |path: &str| Viewer::attempt_at(&rig.netns, &Request::get(path), "10.77.0.2:5004");
    let viewer = at_second("/auto/v1").unwrap();
    viewer.more(10 * 188, Duration::from_secs(5));
    let refused = at_second("/auto/v2").err().expect("it has one tuner");
    assert_eq!(refused.status, 503);
    let other = rig.watch("2");
    assert_eq!(rig.app.busy(), 1, "the first device's tuners are not the second's");
    let status = json_at(&rig, SECOND, "/status.json");
    assert_eq!(status[0]["VctNumber"], "1");
    viewer.leave(Leave::Fin);
    other.leave(Leave::Fin);
    rig.app.assert_well();
}

#[test]
fn devices_change_go_and_come_back() {
    let rig = rig();
    let second = add(&rig, "Attic", SECOND)["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/devices/{second}");
    let changed = api(&rig, "PATCH", &path, json!({ "name": "Loft", "tuner_count": 2, "listen": "10.77.0.2:8080" }));
    let (status, changed) = (changed.status, changed.json());
    assert_eq!(status, 200, "{changed}");
    assert_eq!(json_at(&rig, "10.77.0.2:8080", "/discover.json")["FriendlyName"], "Loft");
    assert_eq!(json_at(&rig, "10.77.0.2:8080", "/discover.json")["TunerCount"], 2);
    // It has this port alone; who asks at another one of the machine's sees the first device.
    assert_eq!(json_at(&rig, SECOND, "/discover.json")["FriendlyName"], "Rooftop");

    // It is there again after a start.
    let Rig { app, origin, netns } = rig;
    let app = app.stop();
    let rig = Rig { app: crate::support::app::Setup::new(&netns).data_of(&app).start(), origin, netns };
    assert_eq!(json_at(&rig, "10.77.0.2:8080", "/discover.json")["DeviceID"], json!(second));
    assert!(ids(&rig).iter().any(|line| line.contains(&second)));

    let watch = start(rig.netns.command("gssdp-discover").args(["-i", "v0", "--timeout=4", "--message-type=unavailable"]));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(api(&rig, "DELETE", &path, Value::Null).status, 204);
    let gone = || Request::get("/discover.json").timeout(Duration::from_secs(1)).send(&rig.netns, "10.77.0.2:8080").is_err();
    wait::until_so("the listener to be gone", Duration::from_secs(3), gone);
    assert!(!ids(&rig).iter().any(|line| line.contains(&second)));
    assert_ne!(json_at(&rig, SECOND, "/discover.json")["DeviceID"], json!(second), "the first device has all addresses again");
    let text = watch.finish(Duration::from_secs(10)).text();
    assert!(text.contains("resource unavailable"), "{text}");
}

#[test]
fn a_device_that_cannot_be_asked_is_refused() {
    let rig = rig();
    let blocker = rig.netns.listen("10.77.0.2:8081").unwrap();
    let cases =
        [("10.77.0.3:80", "no address of this machine"), ("10.77.0.2:8081", "taken"), ("nonsense", "IP address and a port")];
    for (listen, word) in cases {
        let refused = api(&rig, "POST", "/api/v1/devices", json!({ "name": "Attic", "listen": listen }));
        assert!(matches!(refused.status, 409 | 422 | 400), "{listen}: {}", refused.status);
        let text = String::from_utf8(refused.body()).unwrap();
        assert!(text.contains(word), "{listen}: {text}");
    }
    drop(blocker);
    assert_eq!(ids(&rig).len(), 1);
}

/// `avahi` and others find the page of each by name.
#[test]
fn a_device_on_a_port_of_its_own() {
    let rig = rig();
    let second = add(&rig, "Attic", "0.0.0.0:5005")["id"].as_str().unwrap().to_owned();
    assert_eq!(json_at(&rig, "10.77.0.1:5005", "/discover.json")["DeviceID"], json!(second));
    let url = json_at(&rig, "10.77.0.1:5005", "/lineup.json")[0]["URL"].as_str().unwrap().to_owned();
    assert_eq!(url, "http://10.77.0.1:5005/auto/v1");
    let mut ffprobe = rig.netns.command("ffprobe");
    ffprobe.args(["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", &url]);
    let text = run(&mut ffprobe, Duration::from_secs(20)).ok();
    assert!(text.contains("h264"), "{text}");
}

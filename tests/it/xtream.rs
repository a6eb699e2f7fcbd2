//! The stand-in for an Xtream Codes panel does what it is told: what the tests that use it stand on.

use std::io::{BufRead, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::http::{Request, Response};
use crate::support::netns::Netns;
use crate::support::wait::until_so;
use crate::support::xtream::{Channel, Fault, Play, Provider};

const ACCOUNT: &str = "username=hugo&password=geheim77";

fn ask(netns: &Netns, provider: &Provider, target: &str) -> Response {
    Request::get(target).send(netns, provider.address()).unwrap()
}

fn api(netns: &Netns, provider: &Provider, action: &str) -> serde_json::Value {
    let response = ask(netns, provider, &format!("/player_api.php?{ACCOUNT}&action={action}"));
    assert_eq!(response.status, 200);
    response.json()
}

#[test]
fn a_panel_tells_what_it_has() {
    let netns = Netns::new();
    let provider = Provider::start(&netns);
    let account = ask(&netns, &provider, &format!("/player_api.php?{ACCOUNT}")).json();
    assert_eq!((&account["user_info"]["auth"], &account["user_info"]["status"]), (&json!(1), &json!("Active")));
    assert_eq!((&account["user_info"]["max_connections"], &account["user_info"]["exp_date"]), (&json!("1"), &json!(null)));
    assert_eq!(account["server_info"]["url"], "10.77.0.1");
    assert_eq!(api(&netns, &provider, "get_live_categories")[1]["category_name"], "Sport & More");
    assert_eq!(api(&netns, &provider, "get_live_streams")[1]["stream_id"], 2);
    assert_eq!(api(&netns, &provider, "get_vod_streams"), json!([]));
    let list = String::from_utf8(ask(&netns, &provider, &format!("/get.php?{ACCOUNT}&type=m3u_plus")).body()).unwrap();
    assert!(list.contains("group-title=\"News\",One\nhttp://10.77.0.1:"), "{list}");
    let guide = ask(&netns, &provider, &format!("/xmltv.php?{ACCOUNT}"));
    assert_eq!((guide.status, guide.header("content-type")), (200, Some("application/xml")));
    assert_eq!(ask(&netns, &provider, &format!("/nothing.php?{ACCOUNT}")).status, 404);
    assert_eq!((provider.asked("get_live_streams"), provider.asked("player_api.php"), provider.asked("get.php")), (1, 1, 1));

    provider.change(|panel| {
        panel.channels.push(Channel { archive_days: 7, guide_id: None, ..Channel::new(9, "New") });
        panel.channels[0].kind = "radio_streams".into();
    });
    let changed = api(&netns, &provider, "get_live_streams");
    assert_eq!((&changed[2]["tv_archive_duration"], &changed[2]["epg_channel_id"]), (&json!(7), &json!(null)));
    assert_eq!(changed[0]["stream_type"], "radio_streams");

    provider.change(|panel| panel.odd_types = true);
    let odd = api(&netns, &provider, "get_live_streams");
    assert_eq!(
        (&odd["2"]["stream_id"], &odd["2"]["tv_archive"], &odd["2"]["category_id"]),
        (&json!("9"), &json!("1"), &json!([1]))
    );
    assert_eq!(api(&netns, &provider, "get_live_categories")["0"]["category_id"], 1);
}

#[test]
fn a_panel_refuses() {
    let netns = Netns::new();
    let provider = Provider::start(&netns);
    let wrong = "/player_api.php?username=hugo&password=wrong&action=get_live_streams";
    assert_eq!(ask(&netns, &provider, wrong).json(), json!({"user_info": {"auth": 0}}));
    assert_eq!(ask(&netns, &provider, "/get.php?username=hugo&password=wrong").status, 403);
    assert_eq!(ask(&netns, &provider, "/live/hugo/wrong/1.ts").status, 403);
    provider.change(|panel| panel.refusal_status = Some(403));
    assert_eq!(ask(&netns, &provider, wrong).status, 403);

    for (status, exp_date) in [("Expired", Some(1_700_000_000)), ("Banned", None)] {
        provider.change(|panel| (panel.status, panel.exp_date) = (status.into(), exp_date));
        let user = api(&netns, &provider, "get_account_info")["user_info"].take();
        assert_eq!((&user["auth"], &user["status"]), (&json!(1), &json!(status)));
        assert_eq!(user["exp_date"], json!(exp_date.map(|seconds: i64| seconds.to_string())));
        assert_eq!(ask(&netns, &provider, "/live/hugo/geheim77/1.ts").status, 403);
    }
}

#[test]
fn a_panel_counts_its_streams() {
    let netns = Netns::new();
    let provider = Provider::start(&netns);
    provider.change(|panel| {
        panel.channels[0].play = Play::Bytes(Arc::new(b"bytes".to_vec()));
        panel.channels[1].play = Play::Redirect("http://10.77.0.1:1/elsewhere".into());
        panel.formats = vec!["ts".into()];
    });
    let redirect = ask(&netns, &provider, "/live/hugo/geheim77/2.ts");
    assert_eq!((redirect.status, redirect.header("location")), (302, Some("http://10.77.0.1:1/elsewhere")));
    assert_eq!(ask(&netns, &provider, "/live/hugo/geheim77/1.m3u8").status, 403);
    assert_eq!(ask(&netns, &provider, "/live/hugo/geheim77/77.ts").status, 404);

    let first = ask(&netns, &provider, "/live/hugo/geheim77/1.ts");
    assert_eq!((first.status, first.header("content-length")), (200, None));
    let mut first = first.into_stream();
    let mut bytes = [0; 5];
    first.read_exact(&mut bytes).unwrap();
    assert_eq!((&bytes, provider.open()), (b"bytes", 1));
    assert_eq!(api(&netns, &provider, "get_account_info")["user_info"]["active_cons"], "1");
    for status in [458, 456, 403] {
        provider.change(|panel| panel.limit_status = status);
        assert_eq!(ask(&netns, &provider, "/live/hugo/geheim77/1.ts").status, status);
    }
    first.get_ref().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(first.fill_buf().is_err(), "it is silent, but does not end");
    drop(first);
    until_so("the stream is closed", Duration::from_secs(5), || provider.open() == 0);
    provider.change(|panel| panel.max_connections = 2);
    let _both = [(); 2].map(|()| ask(&netns, &provider, "/live/hugo/geheim77/1.ts").into_stream());
    assert_eq!((provider.open(), provider.asked("stream")), (2, 9));
}

#[test]
fn a_panel_fails() {
    let netns = Netns::new();
    let provider = Provider::start(&netns);
    let with = |fault| {
        provider.change(|panel| panel.faults = [("get_live_streams".to_owned(), fault)].into());
        ask(&netns, &provider, &format!("/player_api.php?{ACCOUNT}&action=get_live_streams"))
    };
    let page = with(Fault::Html);
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    assert_eq!(with(Fault::Status(503)).status, 503);
    assert_eq!(with(Fault::Body("false".into())).body(), b"false");
    assert_eq!(with(Fault::Cut(12)).body().len(), 12);
    let begun = Instant::now();
    assert!(with(Fault::Slow(Duration::from_millis(300))).json().is_array());
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(api(&netns, &provider, "get_live_categories").is_array(), "what has no fault is answered");
}

mod bulk;
mod changes;
mod described;
mod direct;
mod feeds;
mod house;
mod lists;
mod one_channel;
mod pages;
mod people;
mod refusals;
mod rescue;
mod tuners;
mod users;
mod watching;

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use direct::Direct;

use super::*;
use crate::base::jobs::Jobs;
use crate::http::Peer;
use crate::model::person::Role;
use crate::model::{
    Channel, ChannelId, Device, DeviceId, GuideId, GuideNumber, Headers, Health, Moment, Provider, ProviderId, Retry, Route,
    Source, SourceId, StreamInfo, Verdict, ViewingEvent, ViewingKind,
};
use crate::session::{Plan, Ports};
use crate::store::{Catalog, Store};
use crate::tuner::Pool;

const TOKEN: &str = "right";
const LOOKING: &str = "looking";
const SECRET: &str = "hunter2";

struct NoPlans;

impl Ports for NoPlans {
    fn plan(&self, _: i64, _: &GuideNumber) -> Option<Plan> {
        None
    }
    fn source_succeeded(&self, _: SourceId, _: Duration) {}
    fn source_failed(&self, _: SourceId, _: &str, _: Retry) {}
    fn provider_cooling(&self, _: ProviderId, _: Duration) {}
    fn provider_rests(&self, _: ProviderId) -> Duration {
        Duration::ZERO
    }
    fn source_seen(&self, _: ChannelId, _: SourceId, _: &StreamInfo) {}
}

/// A store in memory, or a real one, and the directory that has to be there for as long.
struct Memory(Mutex<Catalog>, Option<Store>, #[expect(dead_code, reason = "held, never read")] Option<tempfile::TempDir>);

impl Memory {
    fn change<T>(&self, act: impl FnOnce(&mut Catalog) -> Result<T, BackendError>) -> Result<T, BackendError> {
        act(&mut self.0.lock().unwrap())
    }
}

impl Backend for Memory {
    fn catalog(&self) -> Arc<Catalog> {
        self.1.as_ref().map_or_else(|| Arc::new(self.0.lock().unwrap().clone()), Store::catalog)
    }

    fn token_role(&self, token: &str) -> BoxFuture<'static, Option<(String, Role)>> {
        let role = match token {
            TOKEN => Some(Role::Admin),
            LOOKING => Some(Role::Viewer),
            _ => None,
        };
        std::future::ready(role.map(|role| ("test".to_owned(), role))).boxed()
    }

    fn store_answers(&self) -> BoxFuture<'static, bool> {
        std::future::ready(true).boxed()
    }

    fn verdict(&self, source: SourceId) -> Option<Arc<Verdict>> {
        let reason = Some("upstream answered 404".to_owned());
        (source.0 == 1).then(|| Arc::new(Verdict { at_ms: 5, reason, ..Verdict::default() }))
    }

    fn probe(&self, source: SourceId) -> BoxFuture<'static, Result<Verdict, BackendError>> {
        std::future::ready(self.verdict(source).map(|verdict| (*verdict).clone()).ok_or(BackendError::NotFound)).boxed()
    }

    fn clear_health(&self, source: Option<SourceId>) -> BoxFuture<'static, Result<(), BackendError>> {
        let cleared = self.change(|catalog| {
            let all = catalog.sources.values_mut().flatten();
            let wanted: Vec<&mut Source> = all.filter(|one| source.is_none_or(|id| one.id == id)).collect();
            if wanted.is_empty() {
                return Err(BackendError::NotFound);
            }
            wanted.into_iter().for_each(|source| source.health = Health::default());
            Ok(())
        });
        std::future::ready(cleared).boxed()
    }

    fn set_connections(&self, provider: ProviderId, most: u32) -> BoxFuture<'static, Result<(), BackendError>> {
        let changed = self.change(|catalog| {
            let found = catalog.providers.iter_mut().find(|one| one.id == provider).ok_or(BackendError::NotFound)?;
            found.max_connections = most;
            Ok(())
        });
        std::future::ready(changed).boxed()
    }

    fn viewing_events(&self, most: usize) -> BoxFuture<'static, Result<Vec<ViewingEvent>, BackendError>> {
        let event = |number: u64| ViewingEvent {
            at: Moment(0),
            event_type: ViewingKind::SessionStart,
            session_id: 1,
            subscriber_id: number,
            channel_id: 1,
            guide_number: "1".into(),
            client_addr: "10.0.0.9".into(),
            user_agent: String::new(),
            bytes: 0,
            seconds: 0.0,
            quality: String::new(),
            reason: String::new(),
        };
        std::future::ready(Ok((1..=300).rev().map(event).take(most).collect())).boxed()
    }

    fn viewing_totals(&self) -> (u64, u64) {
        (300, 7)
    }

    fn add_device(&self, new: NewDevice) -> BoxFuture<'static, Result<Device, BackendError>> {
        let made = self.change(|catalog| {
            if catalog.devices.iter().any(|device| Some(device.id) == new.id) {
                return Err(BackendError::Conflict("there is a device with this id".into()));
            }
            let row = i64::try_from(catalog.devices.len()).unwrap() + 1;
            let id = new.id.unwrap_or_else(|| DeviceId::from_random(77));
            let device = Device { id, name: new.name, tuner_count: new.tuner_count, listen: Some(new.listen), ..device(row) };
            catalog.devices.push(device.clone());
            Ok(device)
        });
        std::future::ready(made).boxed()
    }

    fn change_device(&self, id: DeviceId, patch: DevicePatch) -> BoxFuture<'static, Result<Device, BackendError>> {
        let changed = self.change(|catalog| {
            let device = catalog.devices.iter_mut().find(|device| device.id == id).ok_or(BackendError::NotFound)?;
            device.name = patch.name.unwrap_or_else(|| device.name.clone());
            device.tuner_count = patch.tuner_count.unwrap_or(device.tuner_count);
            Ok(device.clone())
        });
        std::future::ready(changed).boxed()
    }

    fn remove_device(&self, id: DeviceId) -> BoxFuture<'static, Result<(), BackendError>> {
        let removed = self.change(|catalog| {
            catalog.devices.retain(|device| device.id != id);
            Ok(())
        });
        std::future::ready(removed).boxed()
    }
}

fn device(row: i64) -> Device {
    Device {
        row,
        id: DeviceId::from_random(u32::try_from(row).unwrap() << 8),
        auth: "a".repeat(24),
        udn: "6ba7b810-9dad-41d1-80b4-00c04fd430c8".into(),
        name: "Attic <1>".into(),
        tuner_count: 2,
        listen: None,
    }
}

pub(super) fn channel(number: u32) -> Channel {
    Channel {
        id: ChannelId(i64::from(number)),
        number: GuideNumber::whole(number),
        name: format!("Channel & {number}"),
        logo: None,
        guide_id: None,
        group: Some("<General>".into()),
        enabled: true,
        favorite: number == 1,
        drm: false,
        info: None,
        hot_standby: None,
        station_id: None,
    }
}

fn catalog(channels: u32) -> Catalog {
    let source = |number: u32| Source {
        id: SourceId(i64::from(number)),
        channel: ChannelId(i64::from(number)),
        provider: ProviderId(1),
        name: "primary".into(),
        url: format!("http://user:{SECRET}@tv.example/live/user/{SECRET}/{number}.ts?password={SECRET}"),
        headers: Headers(vec![("Authorization".into(), SECRET.into())]),
        route: Route { proxy: Some(format!("http://user:{SECRET}@proxy.example")), any_certificate: false },
        item_key: format!("k{number}"),
        priority: 0,
        enabled: true,
        health: Health::default(),
    };
    Catalog {
        channels: (1..=channels).map(channel).collect(),
        sources: (1..=channels).map(|number| (ChannelId(i64::from(number)), vec![source(number)])).collect(),
        providers: vec![Provider {
            id: ProviderId(1),
            name: "IPTV".into(),
            location: format!("http://tv.example/get.php?username=user&password={SECRET}"),
            max_connections: 2,
        }],
        devices: vec![device(1)],
        ..Catalog::default()
    }
}

fn settled() -> Situation {
    Situation {
        addresses: Vec::new(),
        main_port: 5004,
        http: Service::On,
        port_80: Service::On,
        discovery: Service::On,
        ssdp: Service::On,
        mdns: Service::Off,
        notes: vec![],
    }
}

fn app(channels: u32, situation: Situation) -> Router {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    app_of(Memory(Mutex::new(catalog(channels)), None, Some(dir)), store, situation)
}

fn app_of(backend: Memory, store: Store, situation: Situation) -> Router {
    router(state_with(backend, store, situation))
}

/// A house of one channel.
fn state_of(situation: Situation) -> AdminState {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    state_with(Memory(Mutex::new(catalog(1)), None, Some(dir)), store, situation)
}

fn state_with(backend: Memory, store: Store, situation: Situation) -> AdminState {
    let opener = Arc::new(crate::source::Opener::new(crate::source::Settings::default()).unwrap());
    let manager = Manager::new(crate::session::Settings::default(), Pool::new(Default::default()), opener, Arc::new(NoPlans));
    let jobs = Jobs::default();
    let feeds = Feeds { store: store.clone(), jobs: jobs.clone(), readers: Arc::new(Direct(store, jobs)) };
    let situation = Arc::new(ArcSwap::from_pointee(situation));
    AdminState::new(Arc::new(backend), manager, Access::default(), situation, Metrics::new(), feeds)
}

fn request(method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "10.0.0.2:5004");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let mut request = request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).unwrap();
    let peer = |ip: [u8; 4], port: u16| (IpAddr::from(ip), port).into();
    request.extensions_mut().insert(Peer { remote: peer([10, 0, 0, 9], 40_000), local: peer([10, 0, 0, 2], 5004) });
    request
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn get(app: &Router, path: &str) -> (StatusCode, String) {
    let response = app.clone().oneshot(request("GET", path, Some(TOKEN), None)).await.unwrap();
    (response.status(), text(response).await)
}

const PASSWORD: &str = "correct horse";

fn form(method: &str, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut request = request(method, path, None, None);
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    if !cookie.is_empty() {
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
    }
    *request.body_mut() = Body::from(body);
    request
}

/// Sets the first password, and gives the cookie.
async fn cookie(app: &Router) -> String {
    let fields = [("password", PASSWORD), ("again", PASSWORD)];
    let response = app.clone().oneshot(form("POST", "/setup", "", &fields)).await.unwrap();
    assert_eq!((response.status(), &response.headers()["location"]), (StatusCode::SEE_OTHER, &"/welcome".parse().unwrap()));
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// A page as somebody sees it who is logged in.
async fn page(app: &Router, cookie: &str, path: &str) -> (StatusCode, String) {
    let response = app.clone().oneshot(form("GET", path, cookie, &[])).await.unwrap();
    (response.status(), text(response).await)
}

async fn send(app: &Router, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let response = app.clone().oneshot(request(method, path, Some(TOKEN), body)).await.unwrap();
    let status = response.status();
    (status, serde_json::from_str(&text(response).await).unwrap_or(Value::Null))
}

#[tokio::test]
async fn the_page_shows_the_house() {
    let app = app(3, settled());
    let cookie = cookie(&app).await;
    let response = app.oneshot(form("GET", "/", &cookie, &[])).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    let page = text(response).await;
    for expected in [
        "Attic &#60;1&#62;",
        "Channel &#38; 3",
        "&#60;General&#62;",
        "http://10.0.0.2:5004/auto/v<i>number</i>",
        "http://10.0.0.2:5004/playlist.m3u",
        "0 of 2 tuners in use",
        "Nobody is watching",
        "players find it on their own",
    ] {
        assert!(page.contains(expected), "{expected} is missing in\n{page}");
    }
    assert!(!page.contains("class=\"warning\""), "{page}");
}

#[tokio::test]
async fn nothing_shown_without_a_token_holds_credentials() {
    let app = app(3, settled());
    for path in [
        "/metrics",
        "/readyz",
        "/healthz",
        "/api/v1/channels",
        "/api/v1/providers",
        "/api/v1/status",
        "/api/v1/devices",
        "/api/v1/tuners",
        "/api/v1/sessions/history",
        "/api/v1/sessions/events",
    ] {
        let (status, body) = get(&app, path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!body.contains(SECRET), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_port_80_that_is_not_ours_is_told() {
    let situation = Situation { port_80: Service::Unavailable("address in use".into()), discovery: Service::Off, ..settled() };
    let app = app(401, situation);
    let cookie = cookie(&app).await;
    let (_, page) = page(&app, &cookie, "/").await;
    assert!(page.contains("Port 80 is not ours (address in use)"), "{page}");
    assert!(page.contains("401 channels are published"), "{page}");
    assert!(page.contains("Players have to be given it by hand"), "{page}");
}

#[tokio::test]
async fn long_lineups_come_in_pages_and_can_be_searched() {
    let app = app(600, settled());
    let cookie = cookie(&app).await;
    let rows = |page: &str| page.matches("<tr data-key").count();
    let (_, first) = page(&app, &cookie, "/").await;
    assert_eq!(rows(&first), fragments::PAGE);
    assert!(first.contains("Page 1 of 3"), "{first}");
    let (_, last) = page(&app, &cookie, "/?page=3").await;
    assert_eq!(rows(&last), 600 - 2 * fragments::PAGE);
    let (_, found) = page(&app, &cookie, "/?q=channel%20%26%20600").await;
    assert_eq!(rows(&found), 1);
    assert!(found.contains("1 of 600 channels"), "{found}");
}

#[tokio::test]
async fn a_page_that_is_open_is_brought_up_to_date() {
    let app = app(2, settled());
    let cookie = cookie(&app).await;
    let response = app.oneshot(form("GET", "/live", &cookie, &[])).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let event = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let event = String::from_utf8(event.to_vec()).unwrap();
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let patch: Value = serde_json::from_str(data).unwrap();
    assert!(patch["channels"].as_str().unwrap().contains("Channel &#38; 2"), "{event}");
    assert!(patch["devices"].as_str().unwrap().contains("free"), "{event}");
}

#[tokio::test]
async fn it_is_ready_when_everything_was_started() {
    let (status, _) = get(&app(1, Situation { main_port: 5004, ..Situation::default() }), "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let taken = Situation { port_80: Service::Unavailable("in use".into()), discovery: Service::Off, ..settled() };
    for situation in [settled(), taken] {
        let (status, body) = get(&app(1, situation), "/readyz").await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    let (status, metrics) = get(&app(3, settled()), "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(metrics.contains("rooftop_channels 3\n"), "{metrics}");
}

#[tokio::test]
async fn channels_are_listed_in_stretches() {
    let app = app(5, settled());
    let (_, first) = send(&app, "GET", "/api/v1/channels?limit=2", None).await;
    assert_eq!(first["next"], "2");
    assert_eq!(first["channels"][0]["number"], "1");
    assert_eq!(first["channels"][0]["sources"][0]["name"], "primary");
    let (_, last) = send(&app, "GET", "/api/v1/channels?limit=3&after=2", None).await;
    assert_eq!(last["channels"].as_array().unwrap().len(), 3);
    assert_eq!(last["next"], Value::Null);
    for bad in ["?limit=0", "?after=x", "?limit=many", "?unknown=1"] {
        let (status, problem) = send(&app, "GET", &format!("/api/v1/channels{bad}"), None).await;
        assert!(status.is_client_error(), "{bad}: {status}");
        assert_eq!(problem["status"], status.as_u16(), "{bad}");
    }
    assert_eq!(send(&app, "GET", "/api/v1/channels/4", None).await.1["name"], "Channel & 4");
    assert_eq!(send(&app, "GET", "/api/v1/channels/6", None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(send(&app, "GET", "/api/v1/channels/x", None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bodies_that_are_not_understood_are_refused() {
    let app = app(1, settled());
    let mut untyped = request("POST", "/api/v1/devices", Some(TOKEN), Some(json!({})));
    untyped.headers_mut().remove("content-type");
    assert_eq!(app.clone().oneshot(untyped).await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let extra = json!({"name": "x", "listen": "10.0.0.3:80", "colour": "red"});
    assert_eq!(send(&app, "POST", "/api/v1/devices", Some(extra)).await.0, StatusCode::BAD_REQUEST);
    let huge = json!({"name": "x".repeat(20_000)});
    assert_eq!(send(&app, "POST", "/api/v1/devices", Some(huge)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn health_is_forgotten_and_events_are_shown() {
    let app = app(2, settled());
    for (method, path, status) in [
        ("DELETE", "/api/v1/sources/1/health", StatusCode::NO_CONTENT),
        ("DELETE", "/api/v1/sources/7/health", StatusCode::NOT_FOUND),
        ("DELETE", "/api/v1/sources/health", StatusCode::NO_CONTENT),
        ("GET", "/api/v1/sources/health", StatusCode::METHOD_NOT_ALLOWED),
        ("GET", "/api/v1/sessions/events?limit=0", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(send(&app, method, path, None).await.0, status, "{method} {path}");
    }
    let (_, events) = send(&app, "GET", "/api/v1/sessions/events?limit=2", None).await;
    let ids: Vec<&Value> = events["events"].as_array().unwrap().iter().map(|event| &event["subscriber_id"]).collect();
    assert_eq!(ids, [&json!(300), &json!(299)]);
    let (status, problem) = send(&app, "POST", "/api/v1/tuners/recovery", Some(json!({ "channel_id": 1 }))).await;
    assert_eq!((status, &problem["detail"]), (StatusCode::NOT_FOUND, &json!("shared session not found")));
    let (_, metrics) = get(&app, "/metrics").await;
    assert!(metrics.contains("rooftop_viewing_events_lost_total 7\n"), "{metrics}");
}

//! The documents and errors of a device, asked for over real sockets.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::base::clock;
use crate::base::tasks::{self, CancellationToken, Task};
use crate::http::Limits;
use crate::http::server::{bind, serve};
use crate::model::{Channel, ChannelId, DeviceId, Retry, SourceId, StreamInfo};
use crate::session::{Plan, Ports as SessionPorts};
use crate::tuner::Pool;

/// A house with two channels, none of which has a source.
struct House {
    marks: Mutex<Vec<(String, Mark)>>,
}

impl Channels for House {
    fn catalog(&self) -> Arc<Catalog> {
        let channel = |id, number: &str, name: &str| Channel {
            id: ChannelId(id),
            number: number.parse().unwrap(),
            name: name.to_owned(),
            logo: None,
            guide_id: None,
            group: None,
            enabled: true,
            favorite: false,
            drm: false,
            info: None,
            hot_standby: None,
            station_id: None,
        };
        let device = Device {
            row: 1,
            id: "1080F19F".parse::<DeviceId>().unwrap(),
            auth: "abcdefghijklmnopqrstuvwx".into(),
            udn: "7d8e2f60-0000-4000-8000-00001080f19f".into(),
            name: "Rooftop & more".into(),
            tuner_count: 2,
            listen: None,
        };
        let channels = vec![channel(1, "5.1", "Das Erste HD"), channel(2, "7", "Tom & <Jerry>")];
        Arc::new(Catalog { channels, devices: vec![device], ..Catalog::default() })
    }

    fn mark(&self, number: GuideNumber, mark: Mark) -> BoxFuture<'static, bool> {
        self.marks.lock().unwrap().push((number.to_string(), mark));
        std::future::ready(number.major() == 5).boxed()
    }
}

/// Channel 5.1 exists and has no source.
struct NoSources;

impl SessionPorts for NoSources {
    fn plan(&self, device: i64, number: &GuideNumber) -> Option<Plan> {
        (device == 1 && number.to_string() == "5.1").then(|| Plan {
            channel: ChannelId(1),
            number: number.clone(),
            name: "Das Erste HD".into(),
            candidates: Vec::new(),
            hot_standby: None,
        })
    }

    fn source_succeeded(&self, _: SourceId, _: Duration) {}
    fn source_failed(&self, _: SourceId, _: &str, _: Retry) {}
    fn provider_cooling(&self, _: crate::model::ProviderId, _: Duration) {}
    fn provider_rests(&self, _: crate::model::ProviderId) -> Duration {
        Duration::ZERO
    }
    fn source_seen(&self, _: ChannelId, _: SourceId, _: &StreamInfo) {}
}

struct Fixture {
    addr: SocketAddr,
    house: Arc<House>,
    _server: Task<()>,
}

fn start_for(access: Access) -> Fixture {
    start_on("127.0.0.1:0", access)
}

fn start_on(addr: &str, access: Access) -> Fixture {
    let listener = bind(addr.parse().unwrap()).unwrap();
    let addr = listener.local_addr().unwrap();
    let house = Arc::new(House { marks: Mutex::default() });
    let pool = Pool::new(crate::tuner::Settings::default());
    pool.set_device(1, 2);
    let opener = Arc::new(crate::source::Opener::new(crate::source::Settings::default()).unwrap());
    let manager = Manager::new(crate::session::Settings::default(), pool, opener, Arc::new(NoSources));
    let ports = Ports { main: addr.port(), port_80: false };
    let hdhr = Hdhr { device: 1, ports, manager, channels: house.clone(), access };
    let end = (CancellationToken::new(), Duration::from_secs(1));
    let server = tasks::spawn("server", serve(listener, router(hdhr), Limits::default(), end.0, end.1));
    Fixture { addr, house, _server: server }
}

fn start() -> Fixture {
    start_for(Access::default())
}

/// An answer: head in lower case, body.
struct Answered {
    status: u16,
    head: String,
    body: String,
}

impl Answered {
    fn has(&self, line: &str) -> bool {
        self.head.lines().any(|known| known == line)
    }
}

impl Fixture {
    async fn raw(&self, request: String) -> Answered {
        let mut client = TcpStream::connect(self.addr).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = clock::timeout(Duration::from_secs(5), client.read_to_end(&mut answer)).await;
        read.expect("it should answer and close").unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answered { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    async fn ask(&self, method: &str, path: &str) -> Answered {
        self.raw(format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.addr)).await
    }

    async fn get(&self, path: &str) -> Answered {
        self.ask("GET", path).await
    }

    /// Without what differs from run to run.
    fn stable(&self, text: &str) -> String {
        text.replace(&self.addr.to_string(), "10.77.0.1:5004")
    }
}

#[tokio::test]
async fn discover_json() {
    let fixture = start();
    let answer = fixture.get("/discover.json").await;
    insta::assert_snapshot!(fixture.stable(&answer.body), @r#"{"FriendlyName":"Rooftop & more","ModelNumber":"HDHR4-2US","FirmwareName":"hdhomerun4_atsc","FirmwareVersion":"20250815","DeviceID":"1080F19F","DeviceAuth":"abcdefghijklmnopqrstuvwx","BaseURL":"http://10.77.0.1:5004","LineupURL":"http://10.77.0.1:5004/lineup.json","TunerCount":2}"#);
    assert!(answer.has("content-type: application/json"), "{}", answer.head);
    assert!(answer.has(&format!("content-length: {}", answer.body.len())));
    assert!(answer.has("access-control-allow-origin: *") && answer.has("cache-control: no-cache"));
}

#[tokio::test]
async fn urls_have_ipv4_addresses_over_ipv6_too() {
    let fixture = start_on("[::1]:0", Access::default());
    let answer = fixture.get("/discover.json").await;
    assert!(answer.body.contains(&format!("\"BaseURL\":\"http://127.0.0.1:{}\"", fixture.addr.port())), "{}", answer.body);
}

#[tokio::test]
async fn device_xml() {
    let fixture = start();
    let answer = fixture.get("/device.xml").await;
    assert!(answer.has("content-type: text/xml; charset=\"utf-8\""));
    insta::assert_snapshot!(fixture.stable(&answer.body).replace("><", ">\n<"));
}

#[rstest]
#[case("/discover.json", "application/json")]
#[case("/lineup.json", "application/json")]
#[case("/lineup.json?show=found", "application/json")]
#[case("/lineup.json?tuning", "application/json")]
#[case("/lineup_status.json", "application/json")]
#[case("/status.json", "application/json")]
#[case("/lineup.xml", "text/xml; charset=\"utf-8\"")]
#[case("/lineup.m3u", "audio/x-mpegurl")]
#[case("/tuners.html", "text/html; charset=utf-8")]
#[case("/tuners.html?page=tuner0", "text/html; charset=utf-8")]
#[case("/device.xml", "text/xml; charset=\"utf-8\"")]
#[case("/upnp/content_directory.xml", "text/xml; charset=\"utf-8\"")]
#[case("/upnp/connection_manager.xml", "text/xml; charset=\"utf-8\"")]
#[tokio::test]
async fn documents_are_whole_however_they_are_asked_for(#[case] path: &str, #[case] media_type: &str) {
    let fixture = start();
    let plain = fixture.get(path).await;
    assert_eq!(plain.status, 200);
    assert!(plain.has(&format!("content-type: {media_type}")), "{}", plain.head);
    let length = format!("content-length: {}", plain.body.len());
    assert!(plain.has(&length) && !plain.body.is_empty());
    let headers = "Range: bytes=0-\r\nAccept-Encoding: gzip, br, zstd\r\nAccept: application/json\r\nIcy-MetaData: 1\r\n";
    let host = fixture.addr;
    let fancy = fixture.raw(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")).await;
    assert_eq!((fancy.status, &fancy.body), (200, &plain.body));
    let old = fixture.raw(format!("GET {path} HTTP/1.0\r\n\r\n")).await;
    assert_eq!((old.status, &old.body), (200, &plain.body));
    let head = fixture.ask("HEAD", path).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.has(&length), "{}", head.head);
    let wrong = fixture.ask("DELETE", path).await;
    assert_eq!((wrong.status, wrong.body.as_str()), (405, ""));
    assert!(wrong.has("content-length: 0") && wrong.head.contains("\r\nallow: "), "{}", wrong.head);
}

#[rstest]
#[case("/capability")]
#[case("/devices/x")]
#[case("/favicon.ico")]
#[case("/../etc/passwd")]
#[case("/%00")]
#[case("/lineup.json/")]
#[tokio::test]
async fn what_is_unknown_is_404_and_empty(#[case] path: &str) {
    let fixture = start();
    for path in [path.to_owned(), format!("/{}{path}", "a".repeat(8192))] {
        let answer = fixture.get(&path).await;
        assert_eq!((answer.status, answer.body.as_str()), (404, ""));
        assert!(answer.has("content-length: 0"));
    }
}

#[rstest]
#[case("GET", "/auto/v99999", 404, "801 Unknown Channel")]
#[case("HEAD", "/auto/v99999", 404, "801 Unknown Channel")]
#[case("GET", "/auto/ch473000000-3", 404, "801 Unknown Channel")]
#[case("GET", "/auto/", 404, "801 Unknown Channel")]
#[case("GET", "/auto", 404, "801 Unknown Channel")]
#[case("GET", "/auto/v5.1?transcode=bogus", 503, "802 Unknown Transcode Profile")]
#[case("GET", "/auto/v5.1", 503, "806 Tune Failed")]
#[case("GET", "/auto/v5.1?transcode=mobile&duration=3", 503, "806 Tune Failed")]
#[case("GET", "/tuner1/v5.1", 503, "806 Tune Failed")]
#[case("HEAD", "/tuner2/v5.1", 404, "801 Unknown Channel")]
#[case("POST", "/auto/v5.1", 405, "")]
#[case("BREW", "/tuner0/v5.1", 405, "")]
#[tokio::test]
async fn errors_of_streams_have_no_body(#[case] method: &str, #[case] path: &str, #[case] status: u16, #[case] error: &str) {
    let fixture = start();
    let answer = fixture.ask(method, path).await;
    assert_eq!((answer.status, answer.body.as_str()), (status, ""), "{}", answer.head);
    assert!(answer.has("connection: close"));
    assert!(method == "HEAD" || answer.has("content-length: 0"), "{}", answer.head);
    assert!(error.is_empty() || answer.has(&format!("x-hdhomerun-error: {}", error.to_lowercase())), "{}", answer.head);
}

#[tokio::test]
async fn head_of_a_stream_takes_no_tuner() {
    let fixture = start();
    for path in ["/auto/v5.1", "/tuner1/v5.1"] {
        let answer = fixture.ask("HEAD", path).await;
        assert_eq!(answer.status, 200);
        assert!(answer.has("content-type: video/mpeg") && answer.has("connection: close"));
        assert!(!answer.head.contains("content-length"), "{}", answer.head);
    }
    assert_eq!(fixture.get("/status.json").await.body, r#"[{"Resource":"tuner0"},{"Resource":"tuner1"}]"#);
}

#[tokio::test]
async fn a_scan_is_accepted_and_runs() {
    let fixture = start();
    for method in ["POST", "GET"] {
        let answer = fixture.ask(method, "/lineup.post?scan=start&source=Cable").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        assert!(answer.has("content-length: 0"));
        assert!(fixture.get("/lineup_status.json").await.body.starts_with(r#"{"ScanInProgress":1,"ScanPossible":1,"#));
        assert_eq!(fixture.ask(method, "/lineup.post?scan=abort").await.status, 200);
        assert!(fixture.get("/lineup_status.json").await.body.starts_with(r#"{"ScanInProgress":0,"ScanPossible":1,"#));
    }
    assert_eq!(fixture.ask("POST", "/lineup.post?what=ever").await.status, 200);
}

#[tokio::test]
async fn favorites_are_passed_on() {
    let fixture = start();
    let post = |query: &'static str| fixture.ask("POST", query);
    assert_eq!(post("/lineup.post?favorite=%2B5.1").await.status, 200);
    assert_eq!(post("/lineup.post?favorite=-5.1").await.status, 200);
    assert_eq!(post("/lineup.post?favorite=x7").await.status, 404);
    assert_eq!(post("/lineup.post?favorite=nonsense").await.status, 400);
    let marks = fixture.house.marks.lock().unwrap().clone();
    let expected = [("5.1", Mark::Favorite), ("5.1", Mark::Plain), ("7", Mark::Hidden)];
    assert_eq!(marks, expected.map(|(number, mark)| (number.to_owned(), mark)));
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let fixture = start();
    let from = |origin: &str| {
        let head = format!("POST /lineup.post?favorite=x5.1 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", fixture.addr);
        fixture.raw(format!("{head}Origin: {origin}\r\n\r\n"))
    };
    assert_eq!(from("http://evil.com").await.status, 403);
    assert_eq!(from("null").await.status, 403);
    assert_eq!(from(&format!("http://{}", fixture.addr)).await.status, 200);
    assert_eq!(fixture.house.marks.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_of_somebody_else_is_misdirected() {
    let fixture = start();
    let to = |path: &str, host: &str| fixture.raw(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    let answer = to("/discover.json", "evil.com").await;
    assert_eq!(answer.status, 421);
    assert!(answer.body.contains("not known"), "{}", answer.body);
    let answer = to("/auto/v5.1", "evil.com").await;
    assert_eq!((answer.status, answer.body.as_str()), (421, ""));
    assert!(answer.has("content-length: 0"));
    for host in ["1080F19F.local", "localhost", "nas", "10.0.0.1:5004"] {
        assert_eq!(to("/discover.json", host).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn other_networks_see_nothing() {
    let fixture = start_for(Access::new(["192.0.2.0/24".parse().unwrap()], []));
    for path in ["/discover.json", "/auto/v5.1", "/nothing"] {
        let answer = fixture.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, ""));
        assert!(answer.has("content-length: 0"));
    }
}

fn browse(object: &str, flag: &str, start: u32, count: u32) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <u:Browse xmlns:u=\"urn:schemas-upnp-org:service:ContentDirectory:1\"><ObjectID>{object}</ObjectID>\
         <BrowseFlag>{flag}</BrowseFlag><Filter>*</Filter><StartingIndex>{start}</StartingIndex>\
         <RequestedCount>{count}</RequestedCount><SortCriteria/></u:Browse></s:Body></s:Envelope>"
    )
}

impl Fixture {
    async fn control(&self, service: &str, message: &str) -> Answered {
        let length = message.len();
        self.raw(format!(
            "POST /upnp/control/{service} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{message}",
            self.addr
        ))
        .await
    }
}

#[rstest]
#[case::children("0", "BrowseDirectChildren", 0, 0)]
#[case::page("0", "BrowseDirectChildren", 1, 1)]
#[case::beyond("0", "BrowseDirectChildren", 9, 9)]
#[case::root("0", "BrowseMetadata", 0, 0)]
#[case::item("channel-2", "BrowseMetadata", 0, 0)]
#[case::leaf("channel-2", "BrowseDirectChildren", 0, 0)]
#[case::missing("channel-9", "BrowseMetadata", 0, 0)]
#[case::flag("0", "BrowseWhatever", 0, 0)]
#[tokio::test]
async fn control_points_browse(#[case] object: &str, #[case] flag: &str, #[case] start_at: u32, #[case] count: u32) {
    let fixture = start();
    let answer = fixture.control("content_directory", &browse(object, flag, start_at, count)).await;
    assert!(answer.has("content-type: text/xml; charset=\"utf-8\"") && answer.head.contains("\r\next:"), "{}", answer.head);
    let text = fixture.stable(&answer.body).replace("><", ">\n<").replace("&gt;&lt;", "&gt;\n&lt;");
    insta::assert_snapshot!(format!("browse_{object}_{flag}_{start_at}_{count}"), format!("{}\n{text}", answer.status));
}

#[tokio::test]
async fn control_messages_that_make_no_sense() {
    let fixture = start();
    for service in ["content_directory", "connection_manager"] {
        assert_eq!(fixture.control(service, "nonsense").await.status, 400);
        assert_eq!(fixture.control(service, &"<a>".repeat(30_000)).await.status, 413);
        let unknown = "<e><Body><Explode/></Body></e>";
        let answer = fixture.control(service, unknown).await;
        assert!(answer.status == 500 && answer.body.contains("<errorCode>401</errorCode>"), "{}", answer.body);
        assert_eq!(fixture.get(&format!("/upnp/control/{service}")).await.status, 405);
    }
    let answer = fixture.control("connection_manager", "<e><Body><GetProtocolInfo/></Body></e>").await;
    assert!(answer.body.contains("<Source>http-get:*:video/mpeg:*</Source><Sink></Sink>"), "{}", answer.body);
    let info = "<e><Body><GetCurrentConnectionInfo><ConnectionID>7</ConnectionID></GetCurrentConnectionInfo></Body></e>";
    assert!(fixture.control("connection_manager", info).await.body.contains("<errorCode>706</errorCode>"));
}

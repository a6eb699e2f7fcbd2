//! Discovery and control over real sockets on loopback, where 127.0.0.2 is the address of a second device.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::*;
use crate::base::clock;
use crate::hdhr::roster::tests::device;
use crate::hdhr::tlv::{Builder, Decoder, Frame, Kind, Tag};
use crate::hdhr::{Channels, Hdhr, Mark, Ports};
use crate::http::Access;
use crate::model::{ChannelId, GuideNumber, ProviderId, Retry, SourceId, StreamInfo};
use crate::session::{Manager, Plan};
use crate::store::Catalog;
use crate::tuner::Pool;

const FIRST: &str = "127.0.0.1";
const SECOND: &str = "127.0.0.2";
const UNKNOWN: &str = "ERROR: unknown getset variable";

/// A device of two tuners, and one of one tuner with an address of its own.
struct House(Mutex<Catalog>);

impl Channels for House {
    fn catalog(&self) -> Arc<Catalog> {
        Arc::new(self.0.lock().unwrap().clone())
    }

    fn mark(&self, _: GuideNumber, _: Mark) -> BoxFuture<'static, bool> {
        std::future::ready(false).boxed()
    }
}

/// Channel 5.1 exists and has no source.
struct NoSources;

impl crate::session::Ports for NoSources {
    fn plan(&self, _: i64, number: &GuideNumber) -> Option<Plan> {
        let plan = || Plan {
            channel: ChannelId(1),
            number: number.clone(),
            name: "Das Erste".into(),
            candidates: Vec::new(),
            hot_standby: None,
        };
        (number.to_string() == "5.1").then(plan)
    }

    fn source_succeeded(&self, _: SourceId, _: Duration) {}
    fn source_failed(&self, _: SourceId, _: &str, _: Retry) {}
    fn provider_cooling(&self, _: ProviderId, _: Duration) {}
    fn provider_rests(&self, _: ProviderId) -> Duration {
        Duration::ZERO
    }
    fn source_seen(&self, _: ChannelId, _: SourceId, _: &StreamInfo) {}
}

fn devices_for(access: Access) -> Devices {
    let mut second = device(2, Some("127.0.0.2:80")).device;
    second.tuner_count = 1;
    let devices = vec![device(1, None).device, second];
    let pool = Pool::new(crate::tuner::Settings::default());
    for device in &devices {
        pool.set_device(device.row, device.tuner_count);
    }
    let opener = Arc::new(crate::source::Opener::new(crate::source::Settings::default()).unwrap());
    let manager = Manager::new(crate::session::Settings::default(), pool, opener, Arc::new(NoSources));
    let channels = Arc::new(House(Mutex::new(Catalog { devices, ..Catalog::default() })));
    let ports = Ports { main: 5004, port_80: true };
    let hdhr = |device| Hdhr { device, ports, manager: manager.clone(), channels: channels.clone(), access: access.clone() };
    Devices::new(vec![hdhr(1), hdhr(2)], Scope::default())
}

/// Everything that serves, until dropped.
struct Served {
    port: u16,
    _task: Task<()>,
}

async fn control_for(devices: Devices, most: usize) -> Served {
    let listener = control_tcp::bind(0).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let control = control_tcp::Control::new(devices, Arc::new(Outlet::bind(0).unwrap())).with_most_connections(most);
    Served { port, _task: tasks::spawn("control", control_tcp::serve(listener, control)) }
}

async fn control() -> Served {
    control_for(devices_for(Access::default()), 100).await
}

fn discovery_for(access: Access) -> Served {
    let socket = discover_udp::bind(0).unwrap();
    let port = socket.socket().local_addr().unwrap().port();
    Served { port, _task: tasks::spawn("discovery", discover_udp::serve(socket, devices_for(access))) }
}

struct Client {
    stream: TcpStream,
    decoder: Decoder,
}

fn get(name: &str) -> Vec<u8> {
    Builder::new(Kind::GETSET_REQUEST).text_nul(Tag::GETSET_NAME, name).finish().unwrap()
}

fn set(name: &str, value: &str, key: Option<u32>) -> Vec<u8> {
    let frame = Builder::new(Kind::GETSET_REQUEST).text_nul(Tag::GETSET_NAME, name).text_nul(Tag::GETSET_VALUE, value);
    let frame = key.map_or(frame.clone(), |key| frame.number(Tag::GETSET_LOCKKEY, key));
    frame.finish().unwrap()
}

impl Client {
    async fn connect(served: &Served, addr: &str) -> Self {
        Self { stream: TcpStream::connect((addr, served.port)).await.unwrap(), decoder: Decoder::default() }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame: its type, and its last value as text. `None` when the connection has ended.
    async fn reply(&mut self) -> Option<(Kind, String)> {
        let mut buffer = [0; 2000];
        loop {
            if let Some(frame) = self.decoder.frame().unwrap() {
                let value = frame.values().map(Result::unwrap).last().unwrap().1;
                return Some((frame.kind, String::from_utf8(value.strip_suffix(&[0]).unwrap().to_vec()).unwrap()));
            }
            let read = clock::timeout(Duration::from_secs(5), self.stream.read(&mut buffer)).await.expect("no answer");
            match read {
                Ok(length @ 1..) => self.decoder.push(&buffer[..length]),
                _ => return None,
            }
        }
    }

    async fn ask(&mut self, frame: &[u8]) -> String {
        self.send(frame).await;
        self.reply().await.expect("the connection ended").1
    }
}

#[tokio::test]
async fn frames_may_be_split_and_coalesced() {
    let served = control().await;
    let mut client = Client::connect(&served, FIRST).await;
    for byte in get("/sys/model") {
        client.send(&[byte]).await;
    }
    assert_eq!(client.reply().await.unwrap(), (Kind::GETSET_REPLY, "hdhomerun4_atsc".into()));
    client.send(&[get("/sys/hwmodel"), get("/nope")].concat()).await;
    assert_eq!(client.reply().await.unwrap().1, "HDHR4-2US");
    assert_eq!(client.reply().await.unwrap().1, UNKNOWN);
}

#[tokio::test]
async fn what_is_not_the_protocol_ends_its_connection_only() {
    let served = control().await;
    let mut neighbour = Client::connect(&served, FIRST).await;
    let mut bad_checksum = get("/sys/model");
    *bad_checksum.last_mut().unwrap() ^= 1;
    let discover = Builder::new(Kind::DISCOVER_REQUEST).finish().unwrap();
    for bad in [&bad_checksum[..], &[0, 4, 0xFF, 0xFF], &discover] {
        let mut client = Client::connect(&served, FIRST).await;
        client.send(bad).await;
        assert_eq!(client.reply().await, None, "{bad:02x?}");
    }
    let nameless = Builder::new(Kind::GETSET_REQUEST).finish().unwrap();
    assert_eq!(neighbour.ask(&nameless).await, "ERROR: malformed getset request");
    assert_eq!(neighbour.ask(&get("/sys/hwmodel")).await, "HDHR4-2US");
}

#[tokio::test]
async fn an_upgrade_is_refused_at_its_end() {
    let served = control().await;
    let mut client = Client::connect(&served, FIRST).await;
    let frame = |payload: &[u8]| {
        let head = [0, 6, 0, payload.len() as u8];
        let crc = crc32fast::hash(&[&head[..], payload].concat()).to_le_bytes();
        [&head[..], payload, &crc].concat()
    };
    client.send(&[frame(&[0, 0, 0, 0, 1, 2, 3]), frame(&[0xFF; 4])].concat()).await;
    let (kind, text) = client.reply().await.unwrap();
    assert!(kind == Kind::UPGRADE_REPLY && text.starts_with("ERROR: "), "{kind:?} {text}");
}

#[tokio::test]
async fn a_lock_is_its_owners_on_every_connection() {
    let served = control().await;
    let (mut owner, mut other) = (Client::connect(&served, FIRST).await, Client::connect(&served, FIRST).await);
    let locked = format!("ERROR: resource locked by {FIRST}");
    assert_eq!(owner.ask(&set("/tuner0/lockkey", "1234", None)).await, FIRST);
    assert_eq!(other.ask(&get("/tuner0/lockkey")).await, FIRST);
    assert_eq!(other.ask(&get("/tuner1/lockkey")).await, "none");
    for (name, value) in [("vchannel", "5.1"), ("channel", "auto:57000000"), ("lockkey", "9"), ("target", "none")] {
        assert_eq!(other.ask(&set(&format!("/tuner0/{name}"), value, Some(9))).await, locked);
    }
    assert_eq!(other.ask(&set("/tuner0/channel", "auto:57000000", Some(1234))).await, "auto:57000000");
    assert_eq!(owner.ask(&get("/tuner0/channel")).await, "auto:57000000");
    assert_eq!(owner.ask(&set("/tuner0/lockkey", "none", Some(1234))).await, "none");
    assert_eq!(other.ask(&set("/tuner0/lockkey", "9", None)).await, FIRST);
    assert_eq!(owner.ask(&set("/tuner0/lockkey", "force", None)).await, "none");
    assert_eq!(other.ask(&get("/tuner0/lockkey")).await, "none");
}

#[tokio::test]
async fn settings_of_a_tuner_are_repeated() {
    let served = control().await;
    let mut client = Client::connect(&served, FIRST).await;
    let filter = "0x0000-0x0001 0x0100-0x0101";
    assert_eq!(client.ask(&set("/tuner0/filter", filter, None)).await, filter);
    assert_eq!(client.ask(&get("/tuner0/filter")).await, filter);
    assert_eq!(client.ask(&set("/tuner0/program", "3", None)).await, "3");
    assert_eq!(client.ask(&set("/tuner0/channelmap", "eu-bcast", None)).await, "eu-bcast");
    assert_eq!(client.ask(&get("/tuner1/channelmap")).await, "us-bcast");
    assert_eq!(client.ask(&set("/tuner0/vchannel", "99", None)).await, "ERROR: invalid virtual channel");
    assert_eq!(client.ask(&set("/tuner0/vchannel", "5.1", None)).await, "5.1");
    assert_eq!(client.ask(&get("/tuner0/vchannel")).await, "5.1");
    assert!(client.ask(&get("/tuner0/status")).await.contains(" lock=none "));
    assert_eq!(client.ask(&set("/tuner0/vchannel", "none", None)).await, "none");
    assert_eq!(client.ask(&get("/tuner0/status")).await, "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0");
}

/// Anybody could have a stream sent to anybody else.
#[tokio::test]
async fn a_target_is_the_client_itself() {
    let served = control().await;
    let mut client = Client::connect(&served, FIRST).await;
    for target in ["udp://127.0.0.3:5000", "rtp://239.1.1.1:5000"] {
        let refusal = client.ask(&set("/tuner0/target", target, None)).await;
        assert_eq!(refusal, "ERROR: target must be an address of the client");
    }
    let target = "rtp://127.0.0.1:5999";
    assert_eq!(client.ask(&set("/tuner0/target", target, None)).await, target);
    assert_eq!(client.ask(&get("/tuner0/target")).await, target);
    assert_eq!(client.ask(&set("/tuner0/target", "none", None)).await, "none");
}

#[tokio::test]
async fn every_address_has_its_device() {
    let served = control().await;
    let (mut first, mut second) = (Client::connect(&served, FIRST).await, Client::connect(&served, SECOND).await);
    assert_eq!(second.ask(&set("/tuner0/lockkey", "7", None)).await, FIRST);
    assert_eq!(first.ask(&get("/tuner0/lockkey")).await, "none", "a tuner of the other device");
    assert!(first.ask(&get("/tuner1/status")).await.starts_with("ch="));
    assert_eq!(second.ask(&get("/tuner1/status")).await, UNKNOWN);
}

#[tokio::test]
async fn the_connection_silent_longest_makes_room_unless_a_lock_depends_on_it() {
    let served = control_for(devices_for(Access::default()), 3).await;
    let mut locker = Client::connect(&served, FIRST).await;
    assert_eq!(locker.ask(&set("/tuner0/lockkey", "1", None)).await, FIRST);
    let (mut silent, mut active) = (Client::connect(&served, FIRST).await, Client::connect(&served, FIRST).await);
    for client in [&mut silent, &mut active] {
        client.ask(&get("/sys/model")).await;
    }
    let mut new = Client::connect(&served, FIRST).await;
    assert_eq!(new.ask(&get("/sys/hwmodel")).await, "HDHR4-2US");
    assert_eq!(silent.reply().await, None);
    for client in [&mut locker, &mut active] {
        assert_eq!(client.ask(&get("/sys/hwmodel")).await, "HDHR4-2US");
    }
}

#[tokio::test]
async fn clients_of_other_networks_find_nothing() {
    let nobody = || Access::new([], []);
    let served = control_for(devices_for(nobody()), 3).await;
    assert_eq!(Client::connect(&served, FIRST).await.reply().await, None);
    let served = discovery_for(nobody());
    assert_eq!(discover(&served, FIRST, &[]).await, None);
}

/// The device that answers and the address it names.
async fn discover(served: &Served, addr: &str, request: &[u8]) -> Option<(u32, String)> {
    let asked: SocketAddr = format!("{addr}:{}", served.port).parse().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let any = Builder::new(Kind::DISCOVER_REQUEST).number(Tag::DEVICE_TYPE, u32::MAX).finish().unwrap();
    client.send_to(if request.is_empty() { &any } else { request }, asked).await.unwrap();
    let mut buffer = [0; 2000];
    let received = clock::timeout(Duration::from_millis(500), client.recv_from(&mut buffer)).await;
    let (length, from) = received.ok()?.unwrap();
    assert_eq!(from, asked, "answered from where it was asked");
    assert!(length <= 512);
    let frame = Frame::of_datagram(&buffer[..length]).unwrap();
    let value = |tag| frame.values().map(Result::unwrap).find(|(found, _)| *found == tag).unwrap().1;
    let id = u32::from_be_bytes(value(Tag::DEVICE_ID).try_into().unwrap());
    Some((id, String::from_utf8(value(Tag::BASE_URL).to_vec()).unwrap()))
}

#[tokio::test]
async fn the_device_of_an_address_answers_from_it() {
    let served = discovery_for(Access::default());
    let second = device(2, None).device.id.get();
    assert_eq!(discover(&served, FIRST, &[]).await, Some((0x1080_F19F, "http://127.0.0.1:80".into())));
    assert_eq!(discover(&served, SECOND, &[]).await, Some((second, "http://127.0.0.2:80".into())));
    assert_eq!(discover(&served, "127.0.0.9", &[]).await, Some((0x1080_F19F, "http://127.0.0.9:80".into())));
    let by_id = Builder::new(Kind::DISCOVER_REQUEST).number(Tag::DEVICE_ID, second).finish().unwrap();
    assert_eq!(discover(&served, FIRST, &by_id).await, None, "it is not here");
    assert_eq!(discover(&served, SECOND, &by_id).await.map(|(id, _)| id), Some(second));
}

#[tokio::test]
async fn noise_and_floods_leave_it_answering() {
    let served = discovery_for(Access::default());
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for round in 0..1000_usize {
        client.send_to(&vec![2; round * 9 % 4000], (FIRST, served.port)).await.unwrap();
    }
    assert!(discover(&served, FIRST, &[]).await.is_some());
}

#[tokio::test]
async fn without_port_80_it_has_to_be_asked_for() {
    let mut hdhr = devices_for(Access::default()).of_row(1).unwrap();
    hdhr.ports.port_80 = false;
    let devices = Devices::new(vec![hdhr], Scope::default());
    let settings = DiscoverySettings { ssdp: false, mdns: false, ..DiscoverySettings::default() };
    let discovery = Discovery::start(&settings, &devices, &SharedPort::default()).await;
    let State::Unavailable(reason) = &discovery.report().udp else { panic!("{:?}", discovery.report()) };
    assert!(reason.contains("port 80"), "{reason}");
    discovery.stop().await;
    let off = DiscoverySettings { udp: Udp::Off, ..settings };
    assert_eq!(*Discovery::start(&off, &devices, &SharedPort::default()).await.report(), Report::default());
}

//! The toolkit on loopback sockets.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use bytes::Bytes;
use futures_util::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::*;
use crate::http::{End, Link, StreamBody, reply};

const GET_STREAM: &[u8] = b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
/// Before the next failed write or time limit would have told. Generous: machines that test are busy.
const AT_ONCE: Duration = Duration::from_secs(5);
/// What would take longer has not happened by its own time limit.
const LONG: Duration = Duration::from_secs(8);

/// Gives `bytes` once, then as often as asked if `endless`, else nothing for ever.
struct Source {
    bytes: Option<Bytes>,
    endless: bool,
    polled: Arc<Mutex<u64>>,
}

impl Stream for Source {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Bytes>> {
        *self.polled.lock().unwrap() += 1;
        let bytes = if self.endless { self.bytes.clone() } else { self.bytes.take() };
        // Nobody but the connection itself can wake the task of a source that has nothing to say.
        bytes.map_or(Poll::Pending, |bytes| Poll::Ready(Some(bytes)))
    }
}

struct Fixture {
    addr: SocketAddr,
    limits: Limits,
    ends: mpsc::UnboundedReceiver<(End, Instant)>,
    polled: Arc<Mutex<u64>>,
    shutdown: CancellationToken,
    server: tasks::Task<()>,
}

fn start(limits: Limits) -> Fixture {
    let (said, ends) = mpsc::unbounded_channel();
    let polled = Arc::new(Mutex::new(0));
    let stream = |bytes: &'static [u8], endless: bool, duration: Option<Duration>| {
        let (said, polled) = (said.clone(), polled.clone());
        any(move |request: Request| {
            let link = request.extensions().get::<Link>().unwrap().clone();
            let source = Source { bytes: (!bytes.is_empty()).then(|| Bytes::from_static(bytes)), endless, polled };
            let body = StreamBody::new(source, link, duration, move |_: &mut Source, end| {
                let _ = said.send((end, clock::now()));
            });
            async { body.into_response() }
        })
    };
    let waiting = said.clone();
    let router = Router::new()
        .route("/document", any(|| async { reply::text(axum::http::StatusCode::OK, "document") }))
        .route("/peer", any(|request: Request| async move { format!("{:?}", request.extensions().get::<Peer>().unwrap()) }))
        .route("/stream", stream(b"first", false, None))
        .route("/brief", stream(b"first", false, Some(Duration::from_millis(300))))
        .route("/silent", stream(b"", false, None))
        .route("/flood", stream(&[0x47; 65_424], true, None))
        .route(
            "/panic",
            any(|| async {
                if true {
                    panic!("of a handler")
                }
            }),
        )
        .route(
            "/waiting",
            any(move |request: Request| async move {
                request.extensions().get::<Link>().unwrap().gone().await;
                let _ = waiting.send((End::ClientLeft, clock::now()));
            }),
        );
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let server = tasks::spawn("server", serve(listener, router, limits.clone(), shutdown.clone(), Duration::from_secs(2)));
    Fixture { addr, limits, ends, polled, shutdown, server }
}

impl Fixture {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    async fn ask(&self, request: &[u8]) -> TcpStream {
        let mut client = self.connect().await;
        client.write_all(request).await.unwrap();
        client
    }

    async fn end(&mut self) -> (End, Instant) {
        clock::timeout(Duration::from_secs(5), self.ends.recv()).await.expect("the end should be reported").unwrap()
    }
}

async fn read_until(client: &mut TcpStream, text: &str) -> String {
    let mut all = Vec::new();
    let mut buf = [0; 4096];
    let reading = async {
        while !String::from_utf8_lossy(&all).contains(text) {
            let read = client.read(&mut buf).await.unwrap();
            assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&all));
            all.extend_from_slice(&buf[..read]);
        }
    };
    clock::timeout(Duration::from_secs(5), reading).await.expect("it should come");
    String::from_utf8(all).unwrap()
}

async fn read_all(client: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset after the answer is an end too.
    let _ = clock::timeout(Duration::from_secs(5), client.read_to_end(&mut all)).await.expect("it should close");
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn documents_are_answered() {
    let fixture = start(Limits::default());
    let mut client = fixture.ask(b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let answer = read_until(&mut client, "document\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("content-length: 9\r\n"), "{answer}");
    // The connection is kept.
    client.write_all(b"HEAD /document HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(read_until(&mut client, "\r\n\r\n").await.contains("content-length: 9\r\n"));
}

#[tokio::test]
async fn http_1_0_is_delimited_by_its_end() {
    let mut fixture = start(Limits::default());
    let mut client = fixture.ask(b"GET /document HTTP/1.0\r\n\r\n").await;
    assert!(read_all(&mut client).await.ends_with("document\n"));
    let mut client = fixture.ask(b"GET /stream HTTP/1.0\r\n\r\n").await;
    let answer = read_until(&mut client, "first").await;
    assert!(answer.starts_with("HTTP/1.0 200") && !answer.contains("chunked"), "{answer}");
    fixture.shutdown.cancel();
    assert_eq!(fixture.end().await.0, End::Shutdown);
    assert_eq!(read_all(&mut client).await, "");
}

#[tokio::test]
async fn a_document_is_answered_to_a_client_that_has_said_its_last() {
    let fixture = start(Limits::default());
    let mut client = fixture.ask(b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n").await;
    client.shutdown().await.unwrap();
    assert!(read_all(&mut client).await.ends_with("document\n"));
}

#[tokio::test]
async fn both_ends_are_known() {
    let fixture = start(Limits::default());
    let mut client = fixture.ask(b"GET /peer HTTP/1.0\r\n\r\n").await;
    let peer = Peer { remote: client.local_addr().unwrap(), local: fixture.addr };
    assert!(read_all(&mut client).await.ends_with(&format!("{peer:?}")));
}

#[rstest::rstest]
#[case::fin(GET_STREAM, false)]
#[case::rst(GET_STREAM, true)]
#[case::fin_silent(b"GET /silent HTTP/1.1\r\nHost: x\r\n\r\n", false)]
#[case::rst_silent(b"GET /silent HTTP/1.1\r\nHost: x\r\n\r\n", true)]
#[case::fin_after_more(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /stream HTTP/1.1\r\nHost: x\r\n\r\nrubbish", false)]
#[case::rst_after_more(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /stream HTTP/1.1\r\nHost: x\r\n\r\nrubbish", true)]
#[case::fin_while_tuning(b"GET /waiting HTTP/1.1\r\nHost: x\r\n\r\n", false)]
#[case::rst_while_tuning(b"GET /waiting HTTP/1.1\r\nHost: x\r\n\r\n", true)]
#[case::fin_http_1_0(b"GET /stream HTTP/1.0\r\n\r\n", false)]
#[case::rst_flood(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n", true)]
#[tokio::test]
async fn a_client_that_leaves_frees_its_answer_at_once(#[case] request: &[u8], #[case] reset: bool) {
    let mut fixture = start(Limits::default());
    let mut client = fixture.ask(request).await;
    if !request.starts_with(b"GET /waiting") {
        read_until_head(&mut client).await;
    }
    clock::sleep(Duration::from_millis(150)).await;
    assert!(fixture.ends.is_empty());
    if reset {
        socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    }
    let left = clock::now();
    drop(client);
    let (end, at) = fixture.end().await;
    assert_eq!(end, End::ClientLeft);
    assert!(at - left < AT_ONCE, "{:?}", at - left);
}

async fn read_until_head(client: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
}

#[tokio::test]
async fn a_stream_has_neither_length_nor_chunks_and_ends_when_its_time_is_up() {
    let mut fixture = start(Limits::default());
    let began = clock::now();
    let mut client = fixture.ask(b"GET /brief HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let answer = read_all(&mut client).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "first");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\nconnection: close\r\ndate: "), "{head}");
    assert_eq!(head.lines().count(), 3, "{head}");
    assert!(head.ends_with(" GMT"), "{head}");
    assert_eq!(fixture.end().await.0, End::TimeUp);
    assert!((Duration::from_millis(290)..LONG).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn head_of_a_stream_has_no_body_and_keeps_the_connection() {
    let fixture = start(Limits::default());
    let mut client = fixture.ask(b"HEAD /flood HTTP/1.1\r\nHost: x\r\n\r\n").await;
    read_until(&mut client, "\r\n\r\n").await;
    client.write_all(b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(read_until(&mut client, "document\n").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_only_stops_sending_has_left_an_endless_answer() {
    let mut fixture = start(Limits::default());
    let mut client = fixture.ask(GET_STREAM).await;
    read_until(&mut client, "first").await;
    let left = clock::now();
    client.shutdown().await.unwrap();
    let (end, at) = fixture.end().await;
    assert_eq!(end, End::ClientLeft);
    assert!(at - left < AT_ONCE);
}

#[tokio::test]
async fn a_slow_client_is_ended_and_costs_the_others_nothing() {
    let mut fixture = start(Limits { write_timeout: Duration::from_millis(400), ..Limits::default() });
    let slow = fixture.ask(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut quick = fixture.ask(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let began = clock::now();
    let reading = async {
        let mut buf = vec![0; 64 * 1024];
        let mut bytes = 0usize;
        while began.elapsed() < Duration::from_millis(800) {
            bytes += quick.read(&mut buf).await.unwrap();
        }
        bytes
    };
    let bytes = reading.await;
    let (end, at) = fixture.end().await;
    assert_eq!(end, End::SlowClient);
    assert!(at - began >= Duration::from_millis(400) && at - began < LONG, "{:?}", at - began);
    assert!(bytes > 5_000_000, "the quick client got {bytes} bytes");
    // Polled only as long as there was room: what the kernel and the connection buffer.
    drop((slow, quick));
}

#[tokio::test]
async fn a_stream_is_asked_only_for_what_there_is_room_for() {
    let fixture = start(Limits::default());
    let client = fixture.ask(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n").await;
    socket2::SockRef::from(&client).set_recv_buffer_size(16 * 1024).unwrap();
    clock::sleep(Duration::from_millis(300)).await;
    let asked = *fixture.polled.lock().unwrap();
    clock::sleep(Duration::from_millis(300)).await;
    assert_eq!(*fixture.polled.lock().unwrap(), asked);
    assert!(asked < 200, "asked {asked} times for 64 KiB");
}

#[tokio::test]
async fn a_panic_is_one_answers_trouble() {
    let fixture = start(Limits::default());
    let mut client = fixture.ask(b"GET /panic HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(read_until(&mut client, "\r\n\r\n").await.starts_with("HTTP/1.1 500"));
    client.write_all(b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    read_until(&mut client, "document").await;
}

#[rstest::rstest]
#[case::silent(b"")]
#[case::slow(b"GET /doc")]
#[case::idle(b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n")]
#[tokio::test]
async fn who_asks_nothing_is_closed_in_time(#[case] request: &[u8]) {
    let fixture = start(Limits { header_timeout: Duration::from_millis(500), ..Limits::default() });
    let began = clock::now();
    let mut client = fixture.ask(request).await;
    read_all(&mut client).await;
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
    assert!(began.elapsed() > Duration::from_millis(350), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_head_that_trickles_in_is_closed_in_time() {
    let fixture = start(Limits { header_timeout: Duration::from_millis(500), ..Limits::default() });
    let mut client = fixture.connect().await;
    let began = clock::now();
    for _ in 0..1000 {
        if client.write_all(b"a").await.is_err() || client.try_read(&mut [0; 64]).is_ok_and(|read| read == 0) {
            break;
        }
        clock::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}

#[tokio::test]
async fn silent_connections_make_room() {
    let fixture = start(Limits { max_connections: 20, max_connections_per_address: 20, ..Limits::default() });
    let mut silent = Vec::new();
    for _ in 0..60 {
        silent.push(fixture.connect().await);
    }
    let mut client = fixture.ask(b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n").await;
    read_until(&mut client, "document").await;
    assert!(fixture.limits.connections.count() <= 20);
    // The first ones had to go.
    assert_eq!(read_all(&mut silent[0]).await, "");
}

#[tokio::test]
async fn who_is_answered_keeps_the_place() {
    let mut fixture = start(Limits { max_connections: 4, max_connections_per_address: 4, ..Limits::default() });
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut client = fixture.ask(GET_STREAM).await;
        read_until(&mut client, "first").await;
        streams.push(client);
    }
    let mut refused = fixture.ask(b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(read_all(&mut refused).await, "");
    streams.pop();
    fixture.end().await;
    let mut client = fixture.ask(b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n").await;
    read_until(&mut client, "document").await;
    assert!(fixture.ends.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_that_say_nothing_block_nobody() {
    let limits = Limits::for_this_process();
    assert!(limits.max_connections * 2 <= usize::try_from(raise_descriptors()).unwrap());
    let fixture = start(limits);
    let mut silent = Vec::new();
    for _ in 0..10_000 {
        match clock::timeout(Duration::from_secs(2), TcpStream::connect(fixture.addr)).await.expect("the backlog should move") {
            Ok(client) => silent.push(client),
            // Both ends of each are in this process.
            Err(error) if error.raw_os_error() == Some(24) => break,
            Err(error) => panic!("{error}"),
        }
        if silent.len() % 1000 == 999 {
            let began = clock::now();
            let mut client = fixture.ask(b"GET /document HTTP/1.0\r\n\r\n").await;
            assert!(read_all(&mut client).await.ends_with("document\n"));
            assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
        }
    }
    assert!(fixture.limits.connections.count() <= fixture.limits.max_connections_per_address);
}

#[tokio::test]
async fn the_end_is_clean() {
    let mut fixture = start(Limits::default());
    let mut stream = fixture.ask(GET_STREAM).await;
    read_until(&mut stream, "first").await;
    let mut silent = fixture.connect().await;
    let mut idle = fixture.ask(b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n").await;
    read_until(&mut idle, "document").await;
    let began = clock::now();
    fixture.shutdown.cancel();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0, "FIN, not RST");
    assert_eq!(read_all(&mut silent).await, "");
    assert_eq!(read_all(&mut idle).await, "");
    assert_eq!(fixture.end().await.0, End::Shutdown);
    clock::timeout(LONG, &mut fixture.server).await.expect("it should have ended").unwrap();
    assert!(began.elapsed() < LONG);
    assert!(TcpStream::connect(fixture.addr).await.is_err());
    assert_eq!(fixture.limits.connections.count(), 0);
}

#[rstest::rstest]
#[case(1024, 512, 128)]
#[case(20_000, 4096, 1024)]
#[case(524_288, 4096, 1024)]
#[case(0, 16, 8)]
fn limits_fit_the_descriptors(#[case] descriptors: u64, #[case] most: usize, #[case] most_per_address: usize) {
    let limits = Limits::for_descriptors(descriptors);
    assert_eq!((limits.max_connections, limits.max_connections_per_address), (most, most_per_address));
}

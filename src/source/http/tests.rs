//! Against servers on loopback that say, byte by byte, what a test wants them to.

use futures_util::StreamExt;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::base::clock;
use crate::base::tasks;
use crate::model::{Blame, Headers, Retry};
use crate::source::testing::{Answer, Server, ok, packets, path, target};

fn redirect(to: &str) -> Answer {
    Answer::Close(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes())
}

async fn open(url: &str) -> Result<Opened, SourceError> {
    let http = Http::new(&Settings { connect_timeout: Duration::from_millis(500), ..Settings::default() }).unwrap();
    open_with(&http, url, &[]).await
}

async fn open_with(http: &Http, url: &str, headers: &[(&str, &str)]) -> Result<Opened, SourceError> {
    let mut target = target(url);
    target.headers = Headers(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
    clock::timeout(Duration::from_secs(5), http.open(&target)).await.expect("opened or failed within 5 s")
}

async fn whole(mut opened: Opened) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = opened.bytes.next().await {
        match chunk? {
            Chunk::Bytes(more) => bytes.extend_from_slice(&more),
            Chunk::Discontinuity { .. } => panic!("no mark is expected"),
        }
    }
    Ok(bytes)
}

#[rstest]
#[case::to_the_close(Answer::Close(ok(&packets(50))))]
#[case::byte_by_byte(Answer::Drip(ok(&packets(8))))]
#[case::chunked(Answer::Close(chunked(&packets(50))))]
#[case::http_1_0(Answer::Close([b"HTTP/1.0 200 OK\r\n\r\n".as_slice(), &packets(50)].concat()))]
#[case::shoutcast(Answer::Drip([b"ICY 200 OK\r\nicy-name: x\r\n\r\n".as_slice(), &packets(8)].concat()))]
#[case::no_head_at_all(Answer::Close(packets(50)))]
#[tokio::test]
async fn a_stream_arrives_whole(#[case] answer: Answer) {
    let answer = std::sync::Mutex::new(Some(answer));
    let server = Server::start(move |_| answer.lock().unwrap().take().unwrap()).await;
    let opened = open(&server.url("/1.ts")).await.unwrap();
    assert_eq!((opened.pace, opened.producer), (Pace::Live, "http"));
    let got = whole(opened).await.unwrap();
    assert_eq!(got, packets(got.len() / 188));
    assert!(got.len() == 50 * 188 || got.len() == 8 * 188);
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(100) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

#[tokio::test]
async fn a_body_of_known_length_is_a_file_and_comes_in_a_burst() {
    let body = packets(20);
    let answer = [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
    let server = Server::start(move |_| Answer::Close(answer.clone())).await;
    let opened = open(&server.url("/")).await.unwrap();
    assert_eq!(opened.pace, Pace::Bursty);
    assert_eq!(whole(opened).await.unwrap(), body);
}

#[tokio::test]
async fn a_body_cut_short_is_a_lost_connection() {
    let server =
        Server::start(|_| Answer::Close([b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n".as_slice(), &packets(9)].concat()))
            .await;
    let error = whole(open(&server.url("/")).await.unwrap()).await.unwrap_err();
    assert!(matches!(error, SourceError::Lost { .. }), "{error:?}");
    assert_eq!((error.blame(), error.retry()), (Blame::Source, Retry::Ladder));
}

#[rstest]
#[case::page(ok(b"<html><body>Your subscription has ended</body></html>"), "not a stream: a web page (HTML)")]
#[case::json(ok(b"{\"error\":\"blocked\"}"), "not a stream: JSON")]
#[case::gzip(ok(b"\x1F\x8B\x08\0\0\0\0\0"), "not a stream: data compressed with gzip")]
#[case::empty(ok(b""), "the stream ended")]
#[case::nothing_to_say(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), "the stream ended")]
#[case::forbidden(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec(), "upstream answered 403")]
#[case::panel(b"HTTP/1.1 458 \r\nContent-Length: 0\r\n\r\n".to_vec(), "upstream answered 458")]
#[case::shoutcast(b"ICY 404 Not Found\r\n\r\n".to_vec(), "upstream answered 404")]
#[case::elsewhere(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n".to_vec(), "not a stream: a redirect to an address of scheme \"file\"")]
#[case::nowhere(b"HTTP/1.1 302 Found\r\n\r\n".to_vec(), "upstream answered 302")]
#[tokio::test]
async fn what_is_no_stream_is_named(#[case] answer: Vec<u8>, #[case] says: &str) {
    let server = Server::start(move |_| Answer::Close(answer.clone())).await;
    let error = open(&server.url("/live/user/secret/1.ts")).await.unwrap_err();
    assert_eq!(error.to_string(), says);
}

#[tokio::test]
async fn a_busy_account_says_when_to_come_back() {
    let server =
        Server::start(|_| Answer::Close(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n".to_vec())).await;
    let error = open(&server.url("/")).await.unwrap_err();
    assert_eq!((error.blame(), error.retry()), (Blame::Provider, Retry::After(Duration::from_secs(7))));
}

#[tokio::test]
async fn redirects_are_followed_with_credentials_for_their_own_host_only() {
    let cdn = Server::start(|head| {
        let public = head.contains("user-agent: Box") && !head.contains("authorization") && !head.contains("x-token");
        Answer::Close(if public { ok(&packets(9)) } else { ok(b"<html>leaked</html>") })
    })
    .await;
    let away = format!("http://localhost:{}/stream", cdn.port());
    let home = Server::start(move |head| {
        // "user:p@ss" in base64.
        let known = head.contains("authorization: Basic dXNlcjpwQHNz") && head.contains("x-token: t");
        match head {
            _ if !known => Answer::Close(ok(b"<html>who are you?</html>")),
            head if head.starts_with("GET /first ") => redirect("second?x=1#part"),
            _ => redirect(&away),
        }
    })
    .await;
    let http = Http::new(&Settings::default()).unwrap();
    let url = home.url("/first").replace("://", "://user:p%40ss@");
    let opened = open_with(&http, &url, &[("User-Agent", "Box"), ("X-Token", "t")]).await.unwrap();
    assert_eq!(whole(opened).await.unwrap(), packets(9));
    assert_eq!((home.asked().len(), cdn.asked().len()), (2, 1), "nothing is dialled twice");
}

#[rstest]
#[case::to_itself("/same", 1)]
#[case::for_ever("/n", 11)]
#[tokio::test]
async fn redirects_without_end_are_given_up(#[case] path: &str, #[case] asked: usize) {
    let server = Server::start(|head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        if path == "/same" { redirect(path) } else { redirect(&format!("{path}n")) }
    })
    .await;
    let error = open(&server.url(path)).await.unwrap_err();
    assert!(matches!(error, SourceError::Redirects), "{error:?}");
    assert_eq!(server.asked().len(), asked);
}

#[tokio::test]
async fn errors_hold_no_address() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    for url in
        [format!("http://user:hunter2@127.0.0.1:{free}/hunter2"), "http://user:hunter2@no-such-host.invalid/hunter2".into()]
    {
        let error = open(&url).await.unwrap_err();
        assert!(matches!(error, SourceError::Connect { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    let error = open("http://user:hunter2@[bad/").await.unwrap_err();
    assert!(matches!(error, SourceError::BadAddress { .. }) && !error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_server_that_never_answers_leaves_the_deadline_to_the_caller() {
    let server = Server::start(|_| Answer::Hold(b"HTTP/1.1 20".to_vec())).await;
    let http = Http::new(&Settings::default()).unwrap();
    let target = target(&server.url("/"));
    assert!(clock::timeout(Duration::from_millis(300), http.open(&target)).await.is_err());
}

#[tokio::test]
async fn a_silent_body_is_lost_after_the_stall_guard() {
    let server = Server::start(|_| Answer::Hold(ok(&packets(9)))).await;
    let mut opened = open(&server.url("/")).await.unwrap();
    assert!(matches!(opened.bytes.next().await, Some(Ok(Chunk::Bytes(_)))));
    tokio::time::pause();
    let lost = loop {
        match opened.bytes.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(lost, Some(Err(SourceError::TimedOut(_)))), "{lost:?}");
    assert!(opened.bytes.next().await.is_none());
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let (sender, mut closed) = tokio::sync::mpsc::channel::<()>(1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let _task = tasks::spawn("test server", async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0);
        stream.write_all(&ok(&packets(9))).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        sender.send(()).await.unwrap();
    });
    drop(open(&url).await.unwrap());
    clock::timeout(Duration::from_secs(1), closed.recv()).await.expect("closed within a second");
}

/// Frames of AAC-LC, 48 kHz, stereo, 300 bytes each, 4 KiB and more of them.
fn frames() -> Vec<u8> {
    let mut frame = vec![0x21; 300];
    frame[..7].copy_from_slice(&[0xFF, 0xF1, 0x4C, 0x80, (300u16 >> 3) as u8, (300u16 << 5) as u8 | 0x1F, 0xFC]);
    frame.repeat(20)
}

/// What a transport stream holds of them.
fn unpacked(stream: &[u8]) -> Vec<u8> {
    let mut units = crate::ts::units::Units::default();
    units.push(stream);
    units.finish();
    let codecs: Vec<_> = units.tracks().unwrap_or_default().iter().map(|track| track.codec).collect();
    assert_eq!(codecs, [crate::model::Codec::Aac]);
    units.take().flat_map(|unit| unit.data).collect()
}

#[rstest]
#[case::plain(ok(&frames()), 0)]
#[case::shoutcast([b"ICY 200 OK\r\nicy-name: One\r\n\r\n".as_slice(), &frames()].concat(), 0)]
#[case::joined_anywhere(ok(&frames()[100..]), 1)]
#[tokio::test]
async fn radio_is_a_programme_of_sound(#[case] answer: Vec<u8>, #[case] lost: usize) {
    let server = Server::start(move |head| {
        assert!(!head.to_lowercase().contains("icy-metadata"), "{head}");
        Answer::Close(answer.clone())
    })
    .await;
    let opened = open(&server.url("/radio")).await.unwrap();
    assert_eq!((opened.pace, opened.producer), (Pace::Live, "radio"));
    assert_eq!(unpacked(&whole(opened).await.unwrap()), frames()[lost * 300..]);
}

#[rstest]
#[case::m3u("#EXTM3U\n#EXTINF:-1,One\n/radio\n")]
#[case::pls("[playlist]\nFile1=LINK\nTitle1=One\nNumberOfEntries=1\n")]
#[case::address("LINK\n")]
#[tokio::test]
async fn what_a_station_hands_out_is_followed_once(#[case] text: &str) {
    let radio = Server::start(|_| Answer::Close(ok(&frames()))).await;
    let text = text.replace("LINK", &radio.url("/radio")).replace("\n/radio", &format!("\n{}", radio.url("/radio")));
    let page = Server::start(move |_| Answer::Close(ok(text.as_bytes()))).await;
    let opened = open(&page.url("/listen")).await.unwrap();
    assert_eq!(unpacked(&whole(opened).await.unwrap()), frames());
    assert_eq!((page.asked().len(), radio.asked().len()), (1, 1));
}

#[tokio::test]
async fn a_link_to_a_link_is_refused() {
    let server = Server::start(|head| {
        let next = if head.starts_with("GET /1 ") { "/2" } else { "/3" };
        Answer::Close(ok(format!("#EXTM3U\n{next}\n").as_bytes()))
    })
    .await;
    assert_eq!(open(&server.url("/1")).await.unwrap_err().to_string(), "not a stream: a link to a link");
    assert_eq!(server.asked(), ["/1", "/2"]);
}

/// A server of https whose certificate nobody vouches for. It lives as long as it is asked.
fn self_signed(answer: Vec<u8>) -> std::net::SocketAddr {
    use std::io::{Read, Write};
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/fetch/tests/self-signed");
    let certificate = rustls::pki_types::CertificateDer::from(std::fs::read(format!("{folder}.der")).unwrap());
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(std::fs::read(format!("{folder}.key.der")).unwrap());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key.into()).unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        while let Ok((client, _)) = listener.accept() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, client);
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(&answer);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    };
    // Nobody waits for its end: it would wait for ever if a test fails.
    std::mem::forget(tasks::thread("https", serve).unwrap());
    address
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_accepted_only_for_a_playlist_that_says_so() {
    let address = self_signed(ok(&packets(50)));
    let http = Http::new(&Settings::default()).unwrap();
    let mut target = target(&format!("https://localhost:{}/1.ts", address.port()));
    let error = http.open(&target).await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
    target.route.any_certificate = true;
    assert_eq!(whole(http.open(&target).await.unwrap()).await.unwrap(), packets(50));
    target.route.any_certificate = false;
    assert!(http.open(&target).await.is_err(), "for nobody else");
}

#[tokio::test]
async fn segments_and_redirects_go_through_the_proxy_too_and_errors_name_it() {
    let proxy = Server::start(|head| match path(head) {
        "http://tv.invalid/1" => redirect("http://other.invalid/live.m3u8"),
        "http://other.invalid/live.m3u8" => {
            Answer::Close(ok(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://third.invalid/1.ts\n#EXT-X-ENDLIST\n"))
        }
        "http://third.invalid/1.ts" => Answer::Close(ok(&packets(50))),
        other => panic!("{other}"),
    })
    .await;
    let http = Http::new(&Settings::default()).unwrap();
    let mut target = target("http://tv.invalid/1");
    target.route.proxy = Some(proxy.url(""));
    assert_eq!(whole(http.open(&target).await.unwrap()).await.unwrap(), packets(50));
    drop(proxy);
    target.route.proxy = Some("http://hugo:geheim@127.0.0.1:1".into());
    let error = http.open(&target).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot connect: through the playlist's proxy: ") && !error.contains("geheim"), "{error}");
}

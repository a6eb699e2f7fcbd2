//! Whole sources of HLS, made by ffmpeg and served on loopback; and servers that misbehave.

mod fragments;
mod sound;
pub(super) mod studio;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;
use rstest::rstest;

use self::studio::{Studio, check};
use super::*;
use crate::base::clock;
use crate::source::testing::{Answer, Server, ok, packets, path, target};
use crate::source::{Opener, Settings as SourceSettings};

async fn open(url: &str) -> Result<Opened, SourceError> {
    let opener = Opener::new(SourceSettings::default()).unwrap();
    clock::timeout(Duration::from_secs(10), opener.open(&target(url))).await.expect("opened or failed within 10 s")
}

/// Everything to the end: bytes, and the number of marks.
async fn whole(mut opened: Opened) -> Result<(Vec<u8>, usize), SourceError> {
    let (mut bytes, mut marks) = (Vec::new(), 0);
    loop {
        let next = clock::timeout(Duration::from_secs(10), opened.bytes.next()).await.expect("goes on within 10 s");
        match next {
            None => return Ok((bytes, marks)),
            Some(Ok(Chunk::Bytes(more))) => bytes.extend_from_slice(&more),
            Some(Ok(Chunk::Discontinuity { .. })) => marks += 1,
            Some(Err(error)) => return Err(error),
        }
    }
}

/// Everything to the end, a part for each beginning.
async fn parts(mut opened: Opened) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    while let Some(chunk) = opened.bytes.next().await {
        match chunk.unwrap() {
            Chunk::Bytes(bytes) => parts.last_mut().unwrap().extend_from_slice(&bytes),
            Chunk::Discontinuity { .. } => parts.push(Vec::new()),
        }
    }
    parts
}

#[rstest]
#[case::plain(&[])]
#[case::event(&["-hls_playlist_type", "event"])]
#[case::byte_ranges(&["-hls_flags", "single_file"])]
#[tokio::test]
async fn transport_segments_pass_as_they_are(#[case] arguments: &[&str]) {
    let studio = Studio::new();
    studio.hls(arguments);
    let server = studio.serve().await;
    let opened = open(&server.url("/list.m3u8")).await.unwrap();
    assert_eq!((opened.pace, opened.producer), (Pace::Bursty, "hls"));
    assert_eq!(opened.stall_after, Some(Duration::from_secs(4)));
    let (bytes, marks) = whole(opened).await.unwrap();
    assert_eq!(marks, 0);
    assert_eq!(bytes, studio.concatenated(".ts"));
    check(&bytes, 2);
}

#[rstest]
#[case::own_vector(true)]
#[case::vector_by_number(false)]
#[tokio::test]
async fn encrypted_segments_are_decrypted(#[case] own_vector: bool) {
    let studio = Studio::new();
    studio.hls(&[]);
    let plain = studio.concatenated(".ts");
    studio.clear(".ts");
    studio.encrypted_hls(own_vector);
    let server = studio.serve().await;
    let (bytes, _) = whole(open(&server.url("/list.m3u8")).await.unwrap()).await.unwrap();
    assert_ne!(studio.concatenated(".ts"), plain, "they are encrypted");
    assert_eq!(bytes.len(), plain.len());
    check(&bytes, 2);
    assert_eq!(server.asked().iter().filter(|path| path.starts_with("/key")).count(), 1, "one key is fetched once");
}

#[tokio::test]
async fn the_best_variant_that_can_be_read_is_played() {
    let studio = Studio::new();
    studio.hls(&[]);
    let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9000\nmissing.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=500\nnever.m3u8\n\
                  #EXT-X-STREAM-INF:BANDWIDTH=8000\nlist.m3u8?token=x\n";
    studio.write("master.m3u8", master.as_bytes());
    let server = studio.serve().await;
    let (bytes, _) = whole(open(&server.url("/master.m3u8")).await.unwrap()).await.unwrap();
    assert_eq!(bytes, studio.concatenated(".ts"));
    assert!(!server.asked().iter().any(|path| path.contains("never")));
}

/// A live playlist of one-second segments whose window moves by one with each answer.
struct Live {
    edge: AtomicU64,
}

impl Live {
    fn list(&self, head: &str) -> String {
        let edge = self.edge.fetch_add(1, Ordering::SeqCst);
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{}\n{head}", edge - 4);
        for number in edge - 4..edge {
            text += &format!("#EXTINF:1,\nseg{number}.ts\n");
        }
        text
    }
}

async fn live(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Server {
    let live = Live { edge: AtomicU64::new(10) };
    Server::start(move |head| match path(head) {
        "/live.m3u8" => Answer::Close(ok(live.list("").as_bytes())),
        other => answer(other),
    })
    .await
}

fn segment(path: &str) -> Vec<u8> {
    let number: usize = path.trim_start_matches("/seg").trim_end_matches(".ts").parse().unwrap();
    let mut bytes = packets(4);
    bytes[4] = number as u8;
    bytes
}

/// Numbers of the segments as they arrive, and 0 for a mark.
async fn numbers(opened: &mut Opened, count: usize) -> Vec<u8> {
    let (mut bytes, mut numbers) = (Vec::new(), Vec::new());
    while numbers.len() < count {
        match clock::timeout(Duration::from_secs(8), opened.bytes.next()).await.expect("goes on within 8 s") {
            Some(Ok(Chunk::Bytes(more))) => bytes.extend_from_slice(&more),
            Some(Ok(Chunk::Discontinuity { .. })) => numbers.push(0),
            other => panic!("{other:?}"),
        }
        while bytes.len() >= packets(4).len() {
            numbers.push(bytes.drain(..packets(4).len()).collect::<Vec<u8>>()[4]);
        }
    }
    numbers
}

#[tokio::test]
async fn a_live_list_is_followed_in_order() {
    let server = live(|path| Answer::Close(ok(&segment(path)))).await;
    let mut opened = open(&server.url("/live.m3u8")).await.unwrap();
    assert_eq!(numbers(&mut opened, 5).await, [7, 8, 9, 10, 11], "three target durations behind the edge at 9");
    let lists = server.asked().iter().filter(|path| path.ends_with("m3u8")).count();
    assert!((3..=4).contains(&lists), "{lists} playlists in 2 s: not more often than once in a target duration");
}

#[tokio::test]
async fn a_missing_segment_is_stepped_over() {
    let server = live(|path| match path {
        "/seg8.ts" => Answer::Close(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec()),
        path => Answer::Close(ok(&segment(path))),
    })
    .await;
    let mut opened = open(&server.url("/live.m3u8")).await.unwrap();
    assert_eq!(numbers(&mut opened, 4).await, [7, 0, 9, 10]);
    let tries = server.asked().iter().filter(|path| *path == "/seg8.ts").count();
    assert_eq!(tries, 3, "it might have come a little later");
}

#[tokio::test]
async fn a_page_in_place_of_a_segment_is_stepped_over_and_nothing_but_pages_is_an_error() {
    let server = live(|path| match path {
        "/seg8.ts" => Answer::Close(ok(b"<html>busy</html>")),
        path => Answer::Close(ok(&segment(path))),
    })
    .await;
    let mut opened = open(&server.url("/live.m3u8")).await.unwrap();
    assert_eq!(numbers(&mut opened, 4).await, [7, 0, 9, 10]);
    let server = live(|_| Answer::Close(ok(b"<html>go away</html>"))).await;
    let error = whole(open(&server.url("/live.m3u8")).await.unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "not a stream: a segment that is a web page (HTML)");
}

#[tokio::test]
async fn a_segment_that_breaks_off_is_taken_up_where_it_broke() {
    let first = Mutex::new(true);
    let body = packets(40);
    let served = body.clone();
    let server = Server::start(move |head| match path(head) {
        "/list.m3u8" => Answer::Close(ok(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nseg.ts\n#EXT-X-ENDLIST\n")),
        _ if std::mem::take(&mut *first.lock().unwrap()) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", served.len());
            Answer::Close([head.as_bytes(), &served[..3000]].concat())
        }
        _ => {
            assert!(head.contains("range: bytes=3000-\r\n"), "{head}");
            Answer::Close([b"HTTP/1.1 206 Partial Content\r\n\r\n".as_slice(), &served[3000..]].concat())
        }
    })
    .await;
    assert_eq!(whole(open(&server.url("/list.m3u8")).await.unwrap()).await.unwrap(), (body, 0));
}

#[tokio::test]
async fn a_segment_that_cannot_be_taken_up_is_said_to_be_broken_off() {
    let server = live(|path| match path {
        "/seg8.ts" => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 752\r\n\r\n".as_slice();
            Answer::Close([head, &segment(path)[..300]].concat())
        }
        "/seg10.ts" => Answer::Close(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec()),
        path => Answer::Close(ok(&segment(path))),
    })
    .await;
    let mut opened = open(&server.url("/live.m3u8")).await.unwrap();
    let mut marks = Vec::new();
    while marks.len() < 2 {
        match clock::timeout(Duration::from_secs(8), opened.bytes.next()).await.expect("goes on within 8 s") {
            Some(Ok(Chunk::Bytes(_))) => {}
            Some(Ok(Chunk::Discontinuity { broken_off })) => marks.push(broken_off),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(marks, [true, false], "what comes before one that never came is whole");
}

#[tokio::test]
async fn a_server_without_ranges_is_read_over() {
    let server = Server::start(|head| match path(head) {
        "/list.m3u8" => {
            Answer::Close(ok(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-BYTERANGE:940@188\n#EXTINF:1,\nall.ts\n#EXT-X-ENDLIST\n"))
        }
        _ => Answer::Close(ok(&packets(40))),
    })
    .await;
    let (bytes, _) = whole(open(&server.url("/list.m3u8")).await.unwrap()).await.unwrap();
    assert_eq!(bytes, packets(40)[188..188 + 940]);
}

#[rstest]
#[case::drm("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\"\n", "HLS: encrypted with SAMPLE-AES, which is not supported")]
#[case::short_key("#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n", "HLS: a key of 5 bytes instead of 16")]
#[tokio::test]
async fn what_cannot_be_decrypted_is_named(#[case] key: &str, #[case] says: &str) {
    let list = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{key}#EXTINF:1,\nseg.ts\n#EXT-X-ENDLIST\n");
    let server = Server::start(move |head| match path(head) {
        "/list.m3u8" => Answer::Close(ok(list.as_bytes())),
        "/key" => Answer::Close(ok(b"wrong")),
        _ => Answer::Close(ok(&packets(4))),
    })
    .await;
    let error = whole(open(&server.url("/list.m3u8")).await.unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), says);
}

#[tokio::test]
async fn a_packed_playlist_is_unpacked_and_one_without_end_is_refused() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nseg.ts\n#EXT-X-ENDLIST\n").unwrap();
    let packed = gzip.finish().unwrap();
    let server = Server::start(move |head| match path(head) {
        "/list.m3u8" => Answer::Close(ok(&packed)),
        "/long.m3u8" => Answer::Close(ok(&b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n".repeat(200_000))),
        _ => Answer::Close(ok(&packets(4))),
    })
    .await;
    assert_eq!(whole(open(&server.url("/list.m3u8")).await.unwrap()).await.unwrap().0, packets(4));
    let error = open(&server.url("/long.m3u8")).await.unwrap_err();
    assert_eq!(error.to_string(), "not a stream: a playlist of more than 4 MiB");
}

#[tokio::test]
async fn a_list_that_is_gone_is_an_error_in_the_end() {
    let first = Mutex::new(true);
    let server = Server::start(move |head| match path(head) {
        "/live.m3u8" if std::mem::take(&mut *first.lock().unwrap()) => {
            Answer::Close(ok(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nseg1.ts\n"))
        }
        "/live.m3u8" => Answer::Close(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec()),
        path => Answer::Close(ok(&segment(path))),
    })
    .await;
    let error = whole(open(&server.url("/live.m3u8")).await.unwrap()).await.unwrap_err();
    assert!(matches!(error, SourceError::Status { status: 403, .. }), "{error:?}");
    assert!(server.asked().len() < 12, "no storm of requests: {:?}", server.asked());
}

#[tokio::test]
async fn dropping_the_stream_ends_all_requests() {
    let server = live(|path| Answer::Close(ok(&segment(path)))).await;
    drop(open(&server.url("/live.m3u8")).await.unwrap());
    clock::sleep(Duration::from_millis(100)).await;
    let asked = server.asked().len();
    clock::sleep(Duration::from_millis(1500)).await;
    assert_eq!(server.asked().len(), asked);
}

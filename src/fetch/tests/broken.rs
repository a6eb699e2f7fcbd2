//! Connections that break, stall or lie, and downloads that go on.

use rstest::rstest;

use super::*;
use crate::base::clock;

const SIZE: usize = 600_000;

/// The first `count` bytes of an answer.
fn cut(mut answer: Vec<u8>, count: usize) -> Vec<u8> {
    answer.truncate(count);
    answer
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    let site = Site::new(content(4, SIZE), "\"a\"");
    let server =
        Server::start(move |head, n| vec![Act::Send(if n < 3 { cut(site.answer(head), 200_000) } else { site.answer(head) })])
            .await;
    let rig = Rig::new();
    let fetched = rig.fetched(&server.url("/")).await;
    assert!(bytes_of(&fetched) == content(4, SIZE));
    assert_eq!(fetched.validators.etag.as_deref(), Some("\"a\""));
    let heads = server.heads();
    assert_eq!(heads.len(), 4);
    assert!(heads.iter().skip(1).all(|head| head_of(head, "if-range") == Some("\"a\"")), "{heads:?}");
    let last = head_of(&heads[3], "range").unwrap();
    assert_eq!(format!("bytes={}-", fetched.resumed_at.unwrap()), last);
    assert!((SIZE..SIZE + 2000).contains(&server.sent()), "{} bytes were sent for {SIZE}", server.sent());
    drop(fetched);
    assert_eq!(rig.left(), [""; 0]);
}

#[rstest]
#[case::weak("ETag: W/\"a\"\r\n")]
#[case::none("")]
#[case::of_this_minute("Last-Modified: Thu, 01 Jan 2026 00:01:00 GMT\r\nDate: Thu, 01 Jan 2026 00:01:30 GMT\r\n")]
#[tokio::test]
async fn without_a_strong_validator_it_begins_anew(#[case] headers: &'static str) {
    let site = Site { headers: headers.to_owned(), ..Site::new(content(5, SIZE), "none") };
    let server =
        Server::start(move |head, n| vec![Act::Send(if n < 2 { cut(site.answer(head), 200_000) } else { site.answer(head) })])
            .await;
    let rig = Rig::new();
    let fetched = rig.fetched(&server.url("/")).await;
    assert!(bytes_of(&fetched) == content(5, SIZE));
    assert_eq!((fetched.resumed_at, rig.left()), (None, vec![]));
    assert!(server.heads().iter().all(|head| head_of(head, "range").is_none()));
}

#[tokio::test]
async fn an_old_date_of_change_is_as_good_as_a_tag() {
    let validator = "Thu, 01 Jan 2026 00:01:00 GMT";
    let headers = format!("Last-Modified: {validator}\r\nDate: Thu, 01 Jan 2026 00:02:00 GMT\r\n");
    let site = Site { content: content(5, SIZE), headers, validator: validator.to_owned() };
    let server =
        Server::start(move |head, n| vec![Act::Send(if n < 1 { cut(site.answer(head), 200_000) } else { site.answer(head) })])
            .await;
    let fetched = Rig::new().fetched(&server.url("/")).await;
    assert!(bytes_of(&fetched) == content(5, SIZE) && fetched.resumed_at.is_some());
    assert!(server.sent() < SIZE + 2000);
}

#[tokio::test]
async fn the_next_call_goes_on_after_a_call_that_was_dropped() {
    let site = Site::new(content(6, SIZE), "\"a\"");
    let server = Server::start(move |head, n| match n {
        0 => vec![Act::Send(cut(site.answer(head), 400_000)), Act::Stall],
        _ => vec![Act::Send(site.answer(head))],
    })
    .await;
    let rig = Rig::new();
    let url = server.url("/");
    let patient = Limits { patience: Duration::from_secs(30), ..HASTY };
    {
        let mut call = std::pin::pin!(rig.fetch_within(&url, &patient));
        let arrived = async {
            while std::fs::metadata(rig.dir.path().join("feed.part")).map_or(0, |about| about.len()) < 399_000 {
                clock::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = &mut call => panic!("it cannot have ended"),
            () = arrived => {}
        }
    }
    assert_eq!(rig.left(), ["feed.part", "feed.part.json"]);
    let fetched = rig.fetched(&url).await;
    assert!(bytes_of(&fetched) == content(6, SIZE));
    assert!(fetched.resumed_at.unwrap() > 399_000);
    assert!(server.sent() < SIZE + 2000, "{}", server.sent());
    drop(fetched);
    assert_eq!(rig.left(), [""; 0]);
}

#[tokio::test]
async fn another_address_does_not_go_on_with_it() {
    let site = Site::new(content(6, SIZE), "\"a\"");
    let server = Server::start(move |head, n| match n {
        0..=5 => vec![Act::Send(cut(site.answer(head), 1000 + n))],
        _ => vec![Act::Send(site.answer(head))],
    })
    .await;
    let rig = Rig::new();
    assert!(matches!(rig.error(&server.url("/a")).await, FetchError::Lost(_)));
    assert_eq!((server.heads().len(), rig.left().len()), (6, 2), "a call tries six times, and what came is kept");
    let fetched = rig.fetched(&server.url("/b")).await;
    assert!(bytes_of(&fetched) == content(6, SIZE));
    assert_eq!((fetched.resumed_at, head_of(&server.heads()[6], "range")), (None, None));
}

#[rstest]
#[case::that_heeds_if_range(false)]
#[case::that_does_not(true)]
#[tokio::test]
async fn a_file_that_changes_meanwhile_is_never_mixed(#[case] stubborn: bool) {
    let [old, new] = [Site::new(content(7, SIZE), "\"a\""), Site::new(content(8, SIZE), "\"b\"")];
    let server = Server::start(move |head, n| {
        let head = if stubborn { head.replace("if-range", "x-if-range") } else { head.to_owned() };
        vec![Act::Send(if n == 0 { cut(old.answer(&head), 300_000) } else { new.answer(&head) })]
    })
    .await;
    let fetched = Rig::new().fetched(&server.url("/")).await;
    assert!(bytes_of(&fetched) == content(8, SIZE));
    assert_eq!((fetched.resumed_at, fetched.validators.etag.as_deref()), (None, Some("\"b\"")));
    assert_eq!(server.heads().len(), if stubborn { 3 } else { 2 });
}

#[rstest]
#[case::begins_elsewhere("206 Partial", "Content-Range: bytes 5-9/600000\r\nETag: \"a\"\r\n")]
#[case::no_range_at_all("206 Partial", "ETag: \"a\"\r\n")]
#[case::nothing_there("416 No", "Content-Range: bytes */5\r\n")]
#[tokio::test]
async fn a_rest_that_does_not_fit_is_not_taken(#[case] status: &'static str, #[case] headers: &'static str) {
    let site = Site::new(content(9, SIZE), "\"a\"");
    let server = Server::start(move |head, n| {
        vec![Act::Send(match n {
            0 => cut(site.answer(head), 300_000),
            1 => whole(status, headers, b"wrong"),
            _ => site.answer(head),
        })]
    })
    .await;
    let fetched = Rig::new().fetched(&server.url("/")).await;
    assert!(bytes_of(&fetched) == content(9, SIZE) && fetched.resumed_at.is_none());
    assert_eq!((server.heads().len(), head_of(&server.heads()[2], "range")), (3, None));
}

#[tokio::test]
async fn a_rest_may_come_in_pieces() {
    let all = content(10, 5000);
    let served = all.clone();
    let server = Server::start(move |head, n| {
        let first: usize = head_of(head, "range").map_or(0, |range| range[6..range.len() - 1].parse().unwrap());
        let last = if n == 0 { 4999 } else { (first + 999).min(4999) };
        let headers = format!("ETag: \"a\"\r\nContent-Range: bytes {first}-{last}/5000\r\n");
        let status = if n == 0 { "200 OK" } else { "206 Partial" };
        let answer = whole(status, &headers, &served[first..=last]);
        vec![Act::Send(if n == 0 { cut(answer, 1500) } else { answer })]
    })
    .await;
    assert!(bytes_of(&Rig::new().fetched(&server.url("/")).await) == all);
}

#[rstest]
#[case::length(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345678")]
#[case::no_last_chunk(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n")]
#[case::half_a_chunk(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n12345678")]
#[tokio::test]
async fn what_ends_early_is_never_taken_as_whole(#[case] answer: &'static [u8]) {
    let server = Server::start(move |_, _| vec![Act::Send(answer.to_vec())]).await;
    let rig = Rig::new();
    let error = rig.error(&server.url("/")).await;
    assert!(error.to_string().starts_with("the connection broke off: "), "{error}");
    assert_eq!((server.heads().len(), rig.left()), (6, vec![]));
}

#[tokio::test]
async fn a_server_that_is_away_for_a_while_is_asked_again() {
    let site = Site::new(content(11, SIZE), "\"a\"");
    let server = Server::start(move |head, n| {
        vec![Act::Send(match n {
            0 => cut(site.answer(head), 300_000),
            1 => whole("502 Bad", "", b""),
            2 => Vec::new(),
            _ => site.answer(head),
        })]
    })
    .await;
    let fetched = Rig::new().fetched(&server.url("/")).await;
    assert!(bytes_of(&fetched) == content(11, SIZE) && fetched.resumed_at.is_some());
}

#[tokio::test]
async fn a_limited_account_is_not_asked_again_but_its_part_stays() {
    let site = Site::new(content(11, SIZE), "\"a\"");
    let server = Server::start(move |head, n| {
        vec![Act::Send(match n {
            0 => cut(site.answer(head), 300_000),
            1 => whole("429 Slow down", "Retry-After: 60\r\n", b""),
            _ => site.answer(head),
        })]
    })
    .await;
    let rig = Rig::new();
    let error = rig.error(&server.url("/")).await;
    assert_eq!((error.retry_after(), server.heads().len()), (Some(Duration::from_secs(60)), 2));
    assert!(bytes_of(&rig.fetched(&server.url("/")).await) == content(11, SIZE));
    assert!(server.sent() < SIZE + 2000);
}

#[tokio::test]
async fn slow_is_not_broken_and_silent_is() {
    let slow = Server::start(|_, _| {
        let mut acts = vec![Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".to_vec())];
        acts.extend((0..10).flat_map(|_| [Act::Wait(Duration::from_millis(100)), Act::Send(b"x".to_vec())]));
        acts
    })
    .await;
    let rig = Rig::new();
    let before = clock::now();
    assert_eq!(bytes_of(&rig.fetched(&slow.url("/")).await), b"xxxxxxxxxx");
    assert!(before.elapsed() > HASTY.patience * 2);
    let silent = Server::start(|_, n| match n {
        0 => vec![Act::Send(b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 10\r\n\r\n12345".to_vec()), Act::Stall],
        _ => vec![Act::Stall],
    })
    .await;
    let error = rig.error(&silent.url("/")).await;
    assert!(matches!(error, FetchError::TimedOut(time) if time == HASTY.patience), "{error}");
    assert_eq!(std::fs::read(rig.dir.path().join("feed.part")).unwrap(), b"12345");
    let error = Rig::new().error(&silent.url("/")).await;
    assert!(matches!(error, FetchError::TimedOut(_)) && silent.heads().len() == 7, "the first question is put once");
}

#[rstest]
#[case::in_the_middle(b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 10\r\n\r\n12345")]
#[case::before_the_head(b"")]
#[tokio::test]
async fn who_asks_to_stop_is_heard_at_once(#[case] sent: &'static [u8]) {
    let server = Server::start(move |_, _| vec![Act::Send(sent.to_vec()), Act::Stall]).await;
    let rig = Rig::new();
    let url = server.url("/");
    let patient = Limits { patience: Duration::from_secs(30), ..HASTY };
    let stopped = async {
        while rig.progress.read().bytes < (!sent.is_empty() as u64) * 5 || server.heads().is_empty() {
            clock::sleep(Duration::from_millis(5)).await;
        }
        rig.progress.cancel();
        clock::now()
    };
    let (error, asked) = futures_util::future::join(rig.fetch_within(&url, &patient), stopped).await;
    assert!(matches!(error, Err(FetchError::Cancelled)) && asked.elapsed() < Duration::from_millis(500));
    assert!(matches!(rig.fetch(&url).await, Err(FetchError::Cancelled)), "it stays asked");
    assert_eq!(rig.left().len(), if sent.is_empty() { 0 } else { 2 });
}

#[tokio::test]
async fn what_cannot_be_written_is_said() {
    let server = Server::start(|_, _| vec![Act::Send(whole("200 OK", "", b"#EXTM3U"))]).await;
    let rig = Rig::new();
    let spool = rig.dir.path().join("missing");
    let (url, access) = (server.url("/"), FetchAccess::default());
    let request = Request { location: &url, access: &access, known: None, spool: &spool, key: "feed", most_bytes: MOST };
    let error = fetch(request, &rig.progress).await.unwrap_err();
    assert!(matches!(&error, FetchError::Spool(_)) && error.to_string().starts_with("cannot keep it while it is read"));
}

#[tokio::test]
async fn a_server_that_drips_is_not_waited_for() {
    let drops = |count: usize| (0..count).flat_map(|_| [Act::Send(vec![b'x'; 100]), Act::Wait(Duration::from_millis(10))]);
    let server = Server::start(move |_, _| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec();
        std::iter::once(Act::Send(head)).chain(drops(1000)).collect()
    })
    .await;
    let hasty = Limits { crawl: Duration::from_millis(100), ..HASTY };
    let error = Rig::new().fetch_within(&server.url("/"), &hasty).await.map(|_| "fetched").unwrap_err().to_string();
    assert!(error.contains("bytes came in 100ms"), "{error}");
}

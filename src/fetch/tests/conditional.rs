//! Versions, files, keeping, packing and limits.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use rstest::rstest;

use super::*;

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let site = Site::new(content(1, 300_000), "\"a\"");
    let server = Server::start(move |head, _| vec![Act::Send(site.answer(head))]).await;
    let mut rig = Rig::new();
    let url = server.url("/list.m3u?u=hugo");
    let fetched = rig.fetched(&url).await;
    assert_eq!(bytes_of(&fetched), content(1, 300_000));
    assert_eq!(fetched.served_from, server.url("/list.m3u?u=***"));
    assert_eq!((fetched.resumed_at, fetched.validators.etag.as_deref()), (None, Some("\"a\"")));
    let reading = rig.progress.read();
    assert_eq!((reading.step, reading.bytes, reading.total_bytes), ("fetching", 300_000, Some(300_000)));
    rig.known = Some(fetched.validators.clone());
    drop(fetched);
    assert!(matches!(rig.fetch(&url).await, Ok(Outcome::NotModified)));
    rig.known = Some(Validators { etag: Some("\"older\"".to_owned()), last_modified: None });
    assert_eq!(rig.fetched(&url).await.bytes, 300_000);
    assert_eq!(rig.left(), [""; 0]);
}

#[tokio::test]
async fn both_validators_are_sent_as_they_were() {
    let server = Server::start(|_, n| match n {
        0 => vec![Act::Send(whole(
            "200 OK",
            "ETag: W/\"x\"\r\nLast-Modified: whenever\r\nContent-Type: audio/x-mpegurl\r\n",
            b"#EXTM3U",
        ))],
        _ => vec![Act::Send(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec())],
    })
    .await;
    let mut rig = Rig::new();
    let fetched = rig.fetched(&server.url("/")).await;
    assert_eq!(fetched.media_type.as_deref(), Some("audio/x-mpegurl"));
    rig.known = Some(fetched.validators);
    assert!(matches!(rig.fetch(&server.url("/")).await, Ok(Outcome::NotModified)));
    let head = server.heads().pop().unwrap();
    assert_eq!((head_of(&head, "if-none-match"), head_of(&head, "if-modified-since")), (Some("W/\"x\""), Some("whenever")));
    assert_eq!((head_of(&head, "range"), head_of(&head, "accept-encoding")), (None, Some("gzip")));
}

#[rstest]
#[case::unchanged_since_nothing("304 Not Modified", "", "the server answered 304")]
#[case::forbidden("403 Forbidden", "", "the server answered 403; user or password may be wrong, or the account expired")]
#[case::busy("503 Busy", "Retry-After: 600\r\n", "it asks to come back in 10 min")]
#[case::a_part_nobody_asked_for("206 Partial Content", "Content-Range: bytes 0-0/5\r\n", "the server answered 206")]
#[case::brotli("200 OK", "Content-Encoding: br\r\n", "not asked for (br)")]
#[tokio::test]
async fn a_refusal_says_why(#[case] status: &'static str, #[case] headers: &'static str, #[case] text: &str) {
    let body: &[u8] = if status.starts_with("304") { b"" } else { b"x" };
    let server = Server::start(move |_, _| vec![Act::Send(whole(status, headers, body))]).await;
    let error = Rig::new().error(&server.url("/")).await;
    assert!(error.to_string().contains(text), "{error}");
    assert_eq!(error.retry_after(), (!headers.is_empty() && status.starts_with("503")).then_some(Duration::from_secs(600)));
    assert_eq!(server.heads().len(), 1, "a refusal is not asked for twice");
}

#[tokio::test]
async fn a_file_is_read_where_it_is() {
    let mut rig = Rig::new();
    let path = rig.dir.path().join("my list.m3u");
    std::fs::write(&path, "#EXTM3U").unwrap();
    let location = path.to_str().unwrap();
    let first = rig.fetched(location).await;
    assert_eq!((bytes_of(&first).as_slice(), first.served_from.as_str()), (b"#EXTM3U".as_slice(), location));
    rig.known = Some(first.validators.clone());
    assert!(matches!(rig.fetch(location).await, Ok(Outcome::NotModified)));
    let url = url::Url::from_file_path(&path).unwrap();
    assert!(url.as_str().contains("my%20list") && matches!(rig.fetch(url.as_str()).await, Ok(Outcome::NotModified)));
    let written = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, "#EXTM3V").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
    assert_eq!(bytes_of(&rig.fetched(location).await), b"#EXTM3V", "of the same length, and its time was set back");
    let kept = rig.dir.path().join("kept");
    first.keep(&kept).unwrap();
    assert_eq!(
        (std::fs::read(&kept).unwrap(), rig.left()),
        (b"#EXTM3V".to_vec(), vec!["kept".to_owned(), "my list.m3u".to_owned()])
    );
    rig.most_bytes = 6;
    rig.known = None;
    assert!(matches!(rig.error(location).await, FetchError::TooLarge(6)));
    assert!(reach(location, &rig.access).await.is_ok());
    assert!(matches!(rig.error("/nowhere/at all").await, FetchError::File(_)));
    assert!(matches!(rig.error(rig.dir.path().to_str().unwrap()).await, FetchError::NotAFile(_)));
    assert!(matches!(rig.error("ftp://h/x").await, FetchError::Scheme(scheme) if scheme == "ftp"));
    assert!(matches!(rig.error("http://").await, FetchError::Address));
}

#[rstest]
#[case::with_a_name("\"a\"")]
#[case::without_a_name("W/\"a\"")]
#[tokio::test]
async fn what_was_fetched_can_be_kept(#[case] etag: &str) {
    let site = Site::new(content(2, 100_000), etag);
    let server = Server::start(move |head, _| vec![Act::Send(site.answer(head))]).await;
    let rig = Rig::new();
    let kept = rig.dir.path().join("list.m3u");
    std::fs::write(&kept, "older").unwrap();
    let fetched = rig.fetched(&server.url("/")).await;
    assert_eq!(bytes_of(&fetched).len(), 100_000, "reading does not disturb keeping");
    fetched.keep(&kept).unwrap();
    assert_eq!(std::fs::read(&kept).unwrap(), content(2, 100_000));
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(rig.left(), ["list.m3u"]);
    let Fetched { file, .. } = rig.fetched(&server.url("/")).await;
    assert_eq!(rig.left(), ["list.m3u"], "the file can be read and has no name");
    let mut bytes = Vec::new();
    (&file).read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, content(2, 100_000));
    let fetched = rig.fetched(&server.url("/")).await;
    assert!(fetched.keep(&rig.dir.path().join("no/such/place")).is_err());
    assert_eq!(rig.left(), ["list.m3u"]);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[rstest]
#[case::as_it_is("", 1, 1)]
#[case::one_layer_that_is_said("Content-Encoding: gzip\r\n", 1, 1)]
#[case::two_layers_of_which_one_is_said("Content-Encoding: x-gzip\r\n", 2, 1)]
#[case::two_layers_of_its_own("", 2, 2)]
#[case::said_of_nothing_packed("Content-Encoding: gzip\r\n", 0, 0)]
#[tokio::test]
async fn what_is_packed_stays_packed_once(#[case] said: &'static str, #[case] layers: usize, #[case] kept: usize) {
    let pack = |layers| (0..layers).fold(content(3, 700_000), |bytes, _| gzip(&bytes));
    let sent = pack(layers);
    let server = Server::start(move |_, _| vec![Act::Send(whole("200 OK", said, &sent))]).await;
    assert!(bytes_of(&Rig::new().fetched(&server.url("/")).await) == pack(kept));
}

#[tokio::test]
async fn an_outer_layer_is_bounded_and_must_be_whole() {
    let sent = gzip(&gzip(&content(3, 100_000)));
    let cut = sent[..sent.len() - 9].to_vec();
    let server = Server::start(move |head, _| {
        let body = if head.starts_with("GET /cut") { &cut } else { &sent };
        vec![Act::Send(whole("200 OK", "Content-Encoding: gzip\r\nETag: \"a\"\r\n", body))]
    })
    .await;
    let mut rig = Rig::new();
    assert!(matches!(rig.error(&server.url("/cut")).await, FetchError::Unpack(_)));
    // Of what cannot be packed, the outer layer is the longer one; a bomb is another matter.
    let bomb = gzip(&[gzip(b"x").as_slice(), &[0; 400_000]].concat());
    let bombs = Server::start(move |_, _| vec![Act::Send(whole("200 OK", "Content-Encoding: gzip\r\n", &bomb))]).await;
    rig.most_bytes = 300_000;
    assert!(matches!(rig.error(&bombs.url("/")).await, FetchError::TooLarge(300_000)));
    assert_eq!(rig.left(), [""; 0]);
}

#[tokio::test]
async fn nothing_endless_is_taken() {
    let announced = Server::start(|_, _| {
        vec![Act::Send(b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 200001\r\n\r\n".to_vec()), Act::Stall]
    })
    .await;
    let endless = Server::start(|_, _| {
        let mut acts = vec![Act::Send(b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\n\r\n".to_vec())];
        acts.extend((0..200).map(|_| Act::Send(vec![b'x'; 64 << 10])));
        acts
    })
    .await;
    let mut rig = Rig::new();
    rig.most_bytes = 200_000;
    for server in [announced, endless] {
        assert!(matches!(rig.error(&server.url("/")).await, FetchError::TooLarge(200_000)));
        assert_eq!(server.heads().len(), 1);
        assert_eq!(rig.left(), [""; 0]);
    }
}

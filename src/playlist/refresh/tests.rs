//! From files and from a server that misbehaves, into a real store.

mod histories;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::base::tasks::Task;
use crate::playlist::Given;

const LIST: &str = "#EXTM3U\n#EXTINF:-1 tvg-id=\"a\" tvg-chno=\"5\",One\nhttp://h/1\n#EXTINF:-1,Two\nhttp://h/2\n";

fn playlist(location: &str) -> Given {
    Given::all(&[location.to_owned()], &[]).remove(0)
}

struct Rig {
    dir: tempfile::TempDir,
    store: Store,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("data")).unwrap();
        Self { dir, store }
    }

    async fn sync(&self, given: &Given) -> Result<Report, RefreshError> {
        match self.try_sync(given).await? {
            Outcome::Published(report) => Ok(*report),
            other => panic!("{other:?}"),
        }
    }

    async fn try_sync(&self, given: &Given) -> Result<Outcome, RefreshError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let id = given.keep(&self.store).await.unwrap();
        refresh(&self.store, id, How { anyway: true }, &Progress::default()).await
    }

    fn file(&self, content: &[u8]) -> Given {
        let path = self.dir.path().join("list.m3u");
        std::fs::write(&path, content).unwrap();
        playlist(path.to_str().unwrap())
    }

    /// The server ends and starts anew.
    fn again(self) -> Self {
        let Self { dir, store } = self;
        drop(store);
        let store = Store::open(&dir.path().join("data")).unwrap();
        Self { dir, store }
    }

    fn names(&self) -> Vec<String> {
        self.store.catalog().channels.iter().map(|channel| format!("{} {}", channel.number, channel.name)).collect()
    }
}

/// A server that gives every connection the same bytes, and the address of a list on it.
async fn server(answer: Vec<u8>) -> (Task<()>, String) {
    serve(Arc::new(ArcSwap::from_pointee(answer))).await
}

async fn serve(answer: Arc<ArcSwap<Vec<u8>>>) -> (Task<()>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://hugo:geheim@{}/get.php?username=hugo&password=geheim", listener.local_addr().unwrap());
    let serving = tasks::spawn("server", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let _ = stream.write_all(&answer.load_full()).await;
        }
    });
    (serving, url)
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len()).as_bytes(), body].concat()
}

#[tokio::test]
async fn a_file_is_read_again_and_again() {
    let rig = Rig::new();
    let list = rig.file(LIST.as_bytes());
    let report = rig.sync(&list).await.unwrap();
    assert_eq!((report.counts.entries, report.import.sources_added, report.counts.broken), (2, 2, 0));
    assert_eq!(rig.names(), ["5 One", "100 Two"]);
    assert_eq!(rig.store.catalog().providers[0].max_connections, 2);
    let report = rig.sync(&list).await.unwrap();
    assert_eq!((report.import.sources_added, report.import.sources_changed, report.import.sources_gone), (0, 0, 0));
    rig.file(b"#EXTINF:-1 tvg-id=\"a\",One\nhttp://h/1\n");
    assert_eq!(rig.sync(&list).await.unwrap().import.sources_gone, 1, "a file may shrink as it likes");
    assert_eq!(rig.names(), ["5 One"]);
}

#[tokio::test]
async fn what_cannot_be_read_leaves_the_last_good_one() {
    let rig = Rig::new();
    let list = rig.file(LIST.as_bytes());
    rig.sync(&list).await.unwrap();
    let before = rig.store.catalog();
    let hls = b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na.ts\n";
    let film = b"#EXTINF:-1,Film\nhttp://h/movie/u/p/1.mkv\nnonsense\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(LIST.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let cases: [(&[u8], &str); 4] = [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (hls, "HLS playlist of a single stream"),
        (&packed[..packed.len() - 5], "to its end"),
    ];
    for (content, word) in cases {
        rig.file(content);
        let error = rig.sync(&list).await.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    for content in [&film[..], b"\0\0\0\0"] {
        rig.file(content);
        let Outcome::Held { reason } = rig.try_sync(&list).await.unwrap() else { panic!("{content:?}") };
        assert!(reason.contains("no channels at all, where it had 2"), "{reason}");
    }
    let other = rig.dir.path().join("other.m3u");
    std::fs::write(&other, film).unwrap();
    let error = rig.sync(&playlist(other.to_str().unwrap())).await.unwrap_err().to_string();
    assert!(error.contains("no channels: 1 lines"), "{error}");
    std::fs::remove_file(rig.dir.path().join("list.m3u")).unwrap();
    assert!(matches!(rig.sync(&list).await, Err(RefreshError::Fetch(FetchError::File(_)))));
    std::fs::create_dir(rig.dir.path().join("list.m3u")).unwrap();
    assert!(matches!(rig.sync(&list).await, Err(RefreshError::Fetch(FetchError::NotAFile(_)))));
    assert!(matches!(rig.sync(&playlist("ftp://h/x")).await, Err(RefreshError::Fetch(FetchError::Scheme(_)))));
    assert_eq!(rig.store.catalog().channels, before.channels);
    assert_eq!(rig.store.catalog().sources, before.sources);
}

#[tokio::test]
async fn servers_are_read_with_patience_and_their_errors_are_clear() {
    let rig = Rig::new();
    let (_server, url) = server(answer("200 OK", LIST.as_bytes())).await;
    let list = playlist(&url);
    let shown = given::shown(&url);
    assert!(!shown.contains("geheim") && shown.contains("127.0.0.1"), "{shown}");
    assert_eq!(rig.sync(&list).await.unwrap().import.sources, 2);
    assert_eq!(rig.store.catalog().providers[0].name, "127.0.0.1");
    let mut short = answer("200 OK", LIST.as_bytes());
    short.truncate(short.len() - 10);
    let cases: [(Vec<u8>, &str); 6] = [
        (answer("403 Forbidden", b""), "403; user or password"),
        (answer("200 OK", b"<html>expired</html>"), "web page"),
        (answer("200 OK", b""), "empty"),
        (short, "broke off"),
        (b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(), "redirects"),
        (b"garbage\r\n\r\n".to_vec(), "cannot reach"),
    ];
    for (answer, word) in cases {
        let (_server, url) = server(answer).await;
        let error = rig.sync(&playlist(&url)).await.unwrap_err().to_string();
        assert!(error.contains(word) && !error.contains("geheim"), "{word}: {error}");
    }
    let left = std::fs::read_dir(rig.store.feeds_dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| !name.ends_with(".lock")).collect();
    assert!(matches!(left.as_slice(), [one] if one.starts_with("playlist-1-")), "{left:?}");
    assert_eq!(rig.names(), ["5 One", "100 Two"]);
}

#[tokio::test]
async fn a_list_that_shrinks_suddenly_is_held_back() {
    let rig = Rig::new();
    let list = |count: usize| (0..count).map(|n| format!("#EXTINF:-1,C{n}\nhttp://h/{n}\n")).collect::<String>();
    let given = Arc::new(ArcSwap::from_pointee(answer("200 OK", list(100).as_bytes())));
    let (_server, url) = serve(Arc::clone(&given)).await;
    rig.sync(&playlist(&url)).await.unwrap();
    given.store(Arc::new(answer("200 OK", list(39).as_bytes())));
    let list = playlist(&url);
    let Outcome::Held { reason } = rig.try_sync(&list).await.unwrap() else { panic!("it was taken") };
    assert_eq!(reason, "it has only 39 channels left of 100");
    assert_eq!(rig.names().len(), 100);
    let id = list.keep(&rig.store).await.unwrap();
    let held = rig.store.playlist(id).await.unwrap().versions.held.unwrap();
    assert_eq!(held.version.report["items"], 39);
    // A restart leaves both as they are.
    let rig = rig.again();
    assert_eq!(accept(&rig.store, id).await.unwrap().sources_gone, 61);
    assert_eq!(rig.names().len(), 39);
    assert!(matches!(accept(&rig.store, id).await, Err(RefreshError::NothingHeld)));
    assert_eq!(rig.store.playlist(id).await.unwrap().versions.current.unwrap().version, held.version);
}

#[tokio::test]
async fn a_real_list_becomes_a_lineup() {
    let rig = Rig::new();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/m3u/free-tv.m3u8");
    assert!(Path::new(path).exists(), "{path} is missing; it lies beside the clone");
    let report = rig.sync(&playlist(path)).await.unwrap();
    assert_eq!((report.counts.entries, report.counts.broken, report.counts.guides.len()), (2050, 9, 101));
    let catalog = rig.store.catalog();
    let sources: usize = catalog.sources.values().map(Vec::len).sum();
    assert_eq!(sources, report.import.sources);
    let Counts { entries, vod, unsupported, repeated, items, .. } = report.counts;
    assert_eq!((entries, items), (items + vod + unsupported + repeated, sources as u64));
    assert!(catalog.channels.len() < sources && catalog.channels.len() > 1900, "{report:?}");
    let again = rig.sync(&playlist(path)).await.unwrap();
    assert_eq!((again.import.sources_added, again.import.sources_changed, again.import.channels_added), (0, 0, 0));
    assert_eq!(rig.store.catalog().channels, catalog.channels);
}

#[tokio::test]
async fn connections_are_as_people_set_them_unless_the_settings_say() {
    let rig = Rig::new();
    let list = rig.file(LIST.as_bytes());
    rig.sync(&list).await.unwrap();
    let provider = rig.store.catalog().providers[0].id;
    assert!(rig.store.set_connections(provider, 5).await.unwrap());
    rig.sync(&list).await.unwrap();
    assert_eq!(rig.store.catalog().providers[0].max_connections, 5, "a playlist that is read again says nothing of it");
    let said = Given { max_connections: Some(3), ..list };
    rig.sync(&said).await.unwrap();
    assert_eq!(rig.store.catalog().providers[0].max_connections, 3);
    assert!(!rig.store.set_connections(crate::model::ProviderId(99), 5).await.unwrap());
}

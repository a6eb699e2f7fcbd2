//! From files and from a server that misbehaves, into a real store.

use std::io::Write;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::base::tasks::Task;

const LIST: &str = "#EXTM3U\n#EXTINF:-1 tvg-id=\"a\" tvg-chno=\"5\",One\nhttp://h/1\n#EXTINF:-1,Two\nhttp://h/2\n";

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn playlist(location: &str) -> Playlist {
    Playlist::all(&[location.to_owned()], &[]).remove(0)
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

    async fn sync(&self, playlist: &Playlist) -> Result<SyncReport, SyncError> {
        sync(&self.store, &client(), self.dir.path(), playlist).await
    }

    fn file(&self, content: &[u8]) -> Playlist {
        let path = self.dir.path().join("list.m3u");
        std::fs::write(&path, content).unwrap();
        playlist(path.to_str().unwrap())
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
    assert_eq!((report.entries, report.import.sources_added, report.broken), (2, 2, 0));
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
    let cases: [(&[u8], &str); 6] = [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (hls, "HLS playlist of a single stream"),
        (film, "no channels: 1 lines"),
        (b"\0\0\0\0", "no channels"),
        (&packed[..packed.len() - 5], "to its end"),
    ];
    for (content, word) in cases {
        rig.file(content);
        let error = rig.sync(&list).await.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    std::fs::remove_file(rig.dir.path().join("list.m3u")).unwrap();
    assert!(matches!(rig.sync(&list).await, Err(SyncError::Fetch(FetchError::File(_)))));
    std::fs::create_dir(rig.dir.path().join("list.m3u")).unwrap();
    assert!(matches!(rig.sync(&list).await, Err(SyncError::Fetch(FetchError::NotAFile(_)))));
    assert!(matches!(rig.sync(&playlist("ftp://h/x")).await, Err(SyncError::Fetch(FetchError::Scheme(_)))));
    assert_eq!(rig.store.catalog().channels, before.channels);
    assert_eq!(rig.store.catalog().sources, before.sources);
}

#[tokio::test]
async fn servers_are_read_with_patience_and_their_errors_are_clear() {
    let rig = Rig::new();
    let (_server, url) = server(answer("200 OK", LIST.as_bytes())).await;
    let list = playlist(&url);
    assert!(!list.shown().contains("geheim") && list.shown().contains("127.0.0.1"), "{}", list.shown());
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
    let left: Vec<_> = std::fs::read_dir(rig.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["data"], "nothing is left behind");
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
    let mut list = playlist(&url);
    assert!(matches!(rig.sync(&list).await, Err(SyncError::Shrunk { before: 100, now: 39 })));
    assert_eq!(rig.names().len(), 100);
    list.accept_shrunk = true;
    assert_eq!(rig.sync(&list).await.unwrap().import.sources_gone, 61);
    assert_eq!(rig.names().len(), 39);
}

#[tokio::test]
async fn a_real_list_becomes_a_lineup() {
    let rig = Rig::new();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/m3u/free-tv.m3u8");
    assert!(Path::new(path).exists(), "{path} is missing; it lies beside the clone");
    let report = rig.sync(&playlist(path)).await.unwrap();
    assert_eq!((report.entries, report.broken, report.guides.len()), (2050, 9, 101));
    let catalog = rig.store.catalog();
    let sources: usize = catalog.sources.values().map(Vec::len).sum();
    assert_eq!(sources, report.import.sources);
    assert_eq!(report.entries, sources + report.vod + report.unsupported + report.import.duplicates);
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
    let said = Playlist { max_connections: Some(3), ..list };
    rig.sync(&said).await.unwrap();
    assert_eq!(rig.store.catalog().providers[0].max_connections, 3);
    assert!(!rig.store.set_connections(crate::model::ProviderId(99), 5).await.unwrap());
}

#[test]
fn the_same_playlist_given_twice_counts_once() {
    let locations = ["a.m3u", "./a.m3u", "http://u:1@h/x", "http://u:2@h/x", "b.m3u"].map(str::to_owned);
    let all = Playlist::all(&locations, &[1, 9, 4]);
    let all: Vec<_> =
        all.iter().map(|playlist| (playlist.location.as_str(), playlist.position, playlist.max_connections)).collect();
    assert_eq!(all, [("a.m3u", 0, Some(1)), ("http://u:1@h/x", 1, Some(4)), ("b.m3u", 2, None)]);
}

use std::net::{TcpListener, UdpSocket};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::config::place::Surroundings;
use crate::config::{Flag, resolve};
use crate::store::Store;

/// Findings with these settings and no others; the data directory is a fresh one. Tests beside this one have the usual ports of inputs.
async fn findings(mut flags: Vec<Flag>, variables: &[(&str, &str)]) -> Vec<Finding> {
    for key in ["srt.listen", "rtp.listen"] {
        if flags.iter().all(|(_, given, _)| *given != key) {
            flags.push(flag(key, &["off"]));
        }
    }
    let empty = tempfile::NamedTempFile::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let surroundings = Surroundings { home: Some(dir.path().display().to_string()), ..Surroundings::default() };
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let resolved = resolve(flags, variables, Some(empty.path()), &surroundings).unwrap();
    let found = find(&resolved).await;
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it left something behind");
    found.into_iter().filter(|finding| !finding.text.contains("media worker")).collect()
}

fn flag(key: &'static str, values: &[&str]) -> Flag {
    ("--flag", key, values.iter().map(|&value| value.to_owned()).collect())
}

fn quiet() -> Vec<Flag> {
    vec![flag("listen", &["127.0.0.1:0"]), flag("discovery", &["off"])]
}

/// One finding, of this kind and with these words.
fn assert_one(findings: &[Finding], fatal: bool, words: &[&str]) {
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].fatal, fatal, "{findings:?}");
    assert!(words.iter().all(|word| findings[0].text.contains(word)), "{words:?} are not in {findings:?}");
}

#[tokio::test]
async fn nothing_stands_in_the_way_of_a_fresh_start() {
    assert_eq!(findings(quiet(), &[]).await, []);
}

#[tokio::test]
async fn taken_addresses_are_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let found = findings(vec![flag("listen", &[&addr]), flag("discovery", &["off"])], &[]).await;
    assert_one(&found, true, &[&addr, "ss -tlnp"]);
    let optional = format!("{addr}?");
    let found = findings(vec![flag("listen", &["127.0.0.1:0", &optional]), flag("discovery", &["off"])], &[]).await;
    assert_one(&found, false, &[&addr]);
    let found = findings(vec![flag("listen", &[&optional]), flag("discovery", &["off"])], &[]).await;
    assert_eq!(found.iter().filter(|finding| finding.fatal).count(), 1, "{found:?}");
    let found = findings(vec![flag("listen", &["192.0.2.1:5004"]), flag("discovery", &["off"])], &[]).await;
    assert_one(&found, true, &["192.0.2.1:5004", "no such address"]);
}

#[rstest::rstest]
#[case::must_be_had("srt.listen", "", true)]
#[case::may_be_missing("srt.listen", "?", false)]
#[case::must_be_had("rtp.listen", "", true)]
#[case::may_be_missing("rtp.listen", "?", false)]
#[tokio::test]
async fn taken_ports_of_inputs_are_told(#[case] setting: &'static str, #[case] mark: &str, #[case] fatal: bool) {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let found = findings([quiet(), vec![flag(setting, &[&format!("{addr}{mark}")])]].concat(), &[]).await;
    assert_one(&found, fatal, &[&addr, "ss -ulnp"]);
}

#[tokio::test]
async fn descriptions_are_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let media = |port: u16| format!("v=0\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n");
    std::fs::write(path("good.sdp"), media(46_871)).unwrap();
    std::fs::write(path("twice.sdp"), media(46_871)).unwrap();
    std::fs::write(path("bad.sdp"), "hello").unwrap();
    let sdp = |name: &str| [quiet(), vec![flag("rtp.sdp", &[&path("good.sdp"), &path(name)])]].concat();
    assert_one(&findings(sdp("bad.sdp"), &[]).await, false, &["bad.sdp", "rtp.sdp"]);
    assert_one(&findings(sdp("twice.sdp"), &[]).await, false, &["twice.sdp", "UDP port 46871 is not available"]);
    assert_one(&findings(sdp("none.sdp"), &[]).await, false, &["none.sdp", "No such file"]);
}

#[tokio::test]
async fn discovery_needs_its_ports() {
    let found = findings(vec![flag("listen", &["127.0.0.1:0"]), flag("discovery", &["udp"])], &[]).await;
    assert_one(&found, false, &["65001", "port 80", "udp!"]);
    // Somebody may have it anyhow.
    let _taken = UdpSocket::bind("0.0.0.0:65001");
    let found = findings(vec![flag("listen", &["127.0.0.1:0"]), flag("discovery", &["udp!"])], &[]).await;
    assert_one(&found, false, &["65001", "ss -tulnp"]);
}

#[tokio::test]
async fn the_data_directory_must_be_ours() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().display().to_string();
    let with = |at: &str| [quiet(), vec![flag("data_dir", &[at])]].concat();
    assert_eq!(findings(with(&at), &[]).await, []);
    std::fs::write(dir.path().join("file"), "").unwrap();
    assert_one(&findings(with(&format!("{at}/file/below")), &[]).await, true, &["file is no directory"]);
    let store = Store::open(dir.path()).unwrap();
    assert_one(&findings(with(&at), &[]).await, true, &["in use by another rooftop", "Stop it"]);
    drop(store);
    assert_eq!(findings(with(&at), &[]).await, []);
}

#[tokio::test]
async fn playlists_that_cannot_be_read_are_told() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let there = list.path().display().to_string();
    let with = |list: &str| [quiet(), vec![flag("playlist", &[list])]].concat();
    assert_eq!(findings(with(&there), &[]).await, []);
    assert_one(&findings(with("/nonexistent/list.m3u"), &[]).await, false, &["/nonexistent/list.m3u"]);
    assert_one(&findings(with("/"), &[]).await, false, &["not a file"]);
    assert_one(&findings(with("gopher://tv/list"), &[]).await, false, &["gopher"]);
}

#[tokio::test]
async fn the_server_of_a_playlist_is_asked() {
    let refusing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let list = format!("http://hugo:geheim77@{}/list", refusing.local_addr().unwrap());
    let refuse = async {
        let (mut stream, _) = refusing.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1000]).await.unwrap() > 0, "a request came");
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    };
    let (found, ()) = tokio::join!(findings([quiet(), vec![flag("playlist", &[&list])]].concat(), &[]), refuse);
    assert_one(&found, false, &["403", "account", "http://***@127.0.0.1"]);
    assert!(!found[0].text.contains("geheim77") && !found[0].text.contains("hugo"));
}

#[tokio::test]
async fn a_missing_worker_and_stray_variables_are_told() {
    let found = find_worker("/nonexistent/worker");
    assert_one(&found, false, &["/nonexistent/worker", "demo"]);
    assert_one(&findings(quiet(), &[("ROOFTOP_LISEN", "x")]).await, false, &["ROOFTOP_LISEN", "did you mean ROOFTOP_LISTEN?"]);
}

fn find_worker(program: &str) -> Vec<Finding> {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let surroundings = Surroundings { home: Some("/".into()), ..Surroundings::default() };
    let resolved = resolve(vec![flag("worker.program", &[program])], [], Some(empty.path()), &surroundings).unwrap();
    worker(&resolved.config).collect()
}

//! Proxies that note what they are asked, certificates that nobody vouches for, and secrets that must not show.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex};

use rstest::rstest;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::base::tasks;

#[tokio::test]
async fn a_web_proxy_is_asked_for_the_whole_address() {
    let proxy = Server::start(|_, _| vec![Act::Send(whole("200 OK", "", b"#EXTM3U"))]).await;
    let mut rig = Rig::new();
    rig.access.proxy = Some(format!("http://hugo:geh%65im@{}", proxy.address));
    rig.access.headers = headers(&[("X-Token", "t")]);
    let fetched = rig.fetched("http://feed.invalid/list.m3u?u=1").await;
    assert_eq!(bytes_of(&fetched), b"#EXTM3U");
    let head = proxy.heads().remove(0);
    assert!(head.starts_with("GET http://feed.invalid/list.m3u?u=1 HTTP/1.1\r\n"), "{head}");
    // hugo:geheim
    assert_eq!(head_of(&head, "proxy-authorization"), Some("Basic aHVnbzpnZWhlaW0="));
    assert_eq!((head_of(&head, "host"), head_of(&head, "x-token")), (Some("feed.invalid"), Some("t")));
}

#[tokio::test]
async fn a_web_proxy_opens_a_tunnel_for_https_and_learns_nothing() {
    let proxy = Server::start(|_, _| vec![Act::Send(whole("407 Proxy Authentication Required", "", b""))]).await;
    let mut rig = Rig::new();
    rig.access.proxy = Some(format!("http://{}", proxy.address));
    rig.access.headers = headers(&[("X-Token", "geheim")]);
    let error = rig.error("https://u:geheim@feed.invalid/geheim").await;
    assert!(error.to_string().starts_with("cannot reach the server through the proxy: "), "{error}");
    assert!(!format!("{error} {error:?}").contains("geheim"));
    let head = proxy.heads().remove(0);
    assert!(head.starts_with("CONNECT feed.invalid:443 HTTP/1.1\r\n") && !head.contains("geheim"), "{head}");
}

/// A SOCKS5 server (RFC 1928, RFC 1929) that knows one user, leads everybody to `to`, and notes where they wanted to go.
async fn socks(to: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>, tasks::Task<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let wanted = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&wanted);
    let task = tasks::spawn("socks", async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut greeting = [0; 2];
            client.read_exact(&mut greeting).await.unwrap();
            let mut methods = vec![0; greeting[1].into()];
            client.read_exact(&mut methods).await.unwrap();
            if !methods.contains(&2) {
                client.write_all(&[5, 0xFF]).await.unwrap();
                continue;
            }
            client.write_all(&[5, 2]).await.unwrap();
            let mut account = Vec::new();
            client.read_u8().await.unwrap();
            for _ in 0..2 {
                let mut field = vec![0; client.read_u8().await.unwrap().into()];
                client.read_exact(&mut field).await.unwrap();
                account.push(field);
            }
            let good = account == [b"hugo".to_vec(), b"geheim".to_vec()];
            client.write_all(&[1, u8::from(!good)]).await.unwrap();
            if !good {
                continue;
            }
            let mut request = [0; 4];
            client.read_exact(&mut request).await.unwrap();
            let length = if request[3] == 3 { client.read_u8().await.unwrap() } else { 4 };
            let mut host = vec![0; length.into()];
            client.read_exact(&mut host).await.unwrap();
            client.read_u16().await.unwrap();
            noted.lock().unwrap().push(host);
            client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await.unwrap();
            let mut server = tokio::net::TcpStream::connect(to).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    });
    (address, wanted, task)
}

#[rstest]
#[case::the_proxy_looks_the_name_up("socks5h", "feed.invalid", b"feed.invalid")]
#[case::an_address("socks5", "127.0.0.1", &[127, 0, 0, 1])]
#[tokio::test]
async fn a_socks_proxy_is_asked_with_its_account(#[case] scheme: &str, #[case] host: &str, #[case] wanted: &[u8]) {
    let server = Server::start(|_, _| vec![Act::Send(whole("200 OK", "", b"#EXTM3U"))]).await;
    let (proxy, noted, _proxy) = socks(server.address).await;
    let mut rig = Rig::new();
    rig.access.proxy = Some(format!("{scheme}://hugo:geheim@{proxy}"));
    let location = format!("http://{host}:{}/list", server.address.port());
    assert_eq!(bytes_of(&rig.fetched(&location).await), b"#EXTM3U");
    assert_eq!(*noted.lock().unwrap(), [wanted]);
    for account in ["", "hugo:falsch@"] {
        rig.access.proxy = Some(format!("{scheme}://{account}{proxy}"));
        let error = rig.error(&location).await;
        assert!(error.to_string().starts_with("cannot reach the server through the proxy: "), "{error}");
        assert!(!format!("{error:?}").contains("falsch"), "{error:?}");
    }
    assert_eq!(noted.lock().unwrap().len(), 1);
}

/// A server of https whose certificate nobody vouches for. It lives as long as it is asked.
fn self_signed(answer: Vec<u8>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from(include_bytes!("self-signed.der").as_slice());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("self-signed.key.der").as_slice());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key.into()).unwrap());
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        while let Ok((client, _)) = listener.accept() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, client);
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read(&mut byte) {
                    Ok(1) => head.push(byte[0]),
                    _ => break,
                }
            }
            if head.starts_with(b"GET /end") {
                return;
            }
            let _ = stream.write_all(&answer);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    };
    // Nobody waits for its end: it would wait for ever if a test fails.
    std::mem::forget(tasks::thread("https", serve).unwrap());
    address
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_accepted_only_if_that_is_said() {
    let address = self_signed(whole("200 OK", "", b"#EXTM3U"));
    let mut rig = Rig::new();
    let location = format!("https://u:geheim@localhost:{}/list", address.port());
    let error = rig.error(&location).await.to_string();
    assert!(error.contains("certificate") && error.ends_with("accept any certificate for it"), "{error}");
    rig.access.any_certificate = true;
    assert_eq!(bytes_of(&rig.fetched(&location).await), b"#EXTM3U");
    assert!(reach(&location, &rig.access).await.is_ok());
    let _ = rig.fetch(&location.replace("/list", "/end")).await;
}

#[tokio::test]
async fn encryption_is_lost_only_if_that_is_said() {
    let plain = Server::start(|_, _| vec![Act::Send(whole("200 OK", "", b"#EXTM3U"))]).await;
    let to = format!("Location: http://localhost:{}/plain\r\n", plain.address.port());
    let address = self_signed(whole("302 Found", &to, b""));
    let mut rig = Rig::new();
    rig.access.any_certificate = true;
    let location = format!("https://u:geheim@localhost:{}/list", address.port());
    assert_eq!(bytes_of(&rig.fetched(&location).await), b"#EXTM3U");
    assert_eq!(head_of(&plain.heads()[0], "authorization"), None, "of the same host, but anybody could read it");
    let _ = rig.fetch(&location.replace("/list", "/end")).await;
}

#[rstest]
#[case::refused(None)]
#[case::forbidden(Some(whole("403 No", "", b"")))]
#[case::broken(Some(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx".to_vec()))]
#[case::nonsense(Some(b"geheim\r\n\r\n".to_vec()))]
#[case::packed(Some(whole("200 OK", "Content-Encoding: br\r\n", b"")))]
#[case::elsewhere(Some(whole("302 No", "Location: ftp://u:geheim@h/geheim\r\n", b"")))]
#[case::around(Some(whole("302 No", "Location: /get.php?p=geheim\r\n", b"")))]
#[case::nowhere(Some(whole("302 No", "Location: http://u:geheim@nowhere.invalid/?geheim\r\n", b"")))]
#[tokio::test]
async fn no_error_holds_a_secret(#[case] answer: Option<Vec<u8>>) {
    let free = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = match answer {
        Some(answer) => Some(Server::start(move |_, _| vec![Act::Send(answer.clone())]).await),
        None => None,
    };
    let address = server.as_ref().map_or(free, |server| server.address);
    let mut rig = Rig::new();
    rig.access.headers = headers(&[("X-Token", "geheim")]);
    let location = format!("http://hugo:geheim@{address}/geheim-1234567890abcdefgh/get.php?password=geheim#geheim");
    for proxy in [None, Some(format!("http://hugo:geheim@{address}"))] {
        rig.access.proxy = proxy;
        let error = rig.error(&location).await;
        let mut told = format!("{error} {error:?} {:?}", rig.access);
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            told.push_str(&format!("{inner} {inner:?}"));
            source = inner.source();
        }
        assert!(!told.contains("geheim") && !told.contains("hugo"), "{told}");
    }
    let request =
        Request { location: &location, access: &rig.access, known: None, spool: rig.dir.path(), key: "k", most_bytes: 1 };
    assert!(!format!("{request:?}").contains("geheim"));
}

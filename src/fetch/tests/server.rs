//! Servers that follow a script, and one that serves a file well.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::base::{clock, tasks};

/// What is done with a connection, one after the other; then it is closed.
#[derive(Debug, Clone)]
pub enum Act {
    Send(Vec<u8>),
    Wait(Duration),
    /// Nothing more comes, until the client goes.
    Stall,
}

/// Asks a script for every request; remembers the heads and counts what was sent.
pub struct Server {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    sent: Arc<AtomicUsize>,
    _task: tasks::Task<()>,
}

impl Server {
    /// `script` is given the head of the request, and how many came before it.
    pub async fn start(script: impl Fn(&str, usize) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, sent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (script, known, count) = (Arc::new(script), Arc::clone(&heads), Arc::clone(&sent));
        let task = tasks::spawn("server", async move {
            let mut clients = Vec::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let (script, known, count) = (Arc::clone(&script), Arc::clone(&known), Arc::clone(&count));
                clients.push(tasks::spawn("client", async move {
                    let Some(head) = read_head(&mut client).await else { return };
                    let acts = {
                        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                        known.push(head.clone());
                        script(&head, known.len() - 1)
                    };
                    follow(&mut client, acts, &count).await;
                }));
            }
        });
        Self { address, heads, sent, _task: task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes that went out, heads included.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

async fn read_head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

async fn follow(client: &mut TcpStream, acts: Vec<Act>, count: &AtomicUsize) {
    for act in acts {
        match act {
            Act::Send(bytes) => {
                for piece in bytes.chunks(16 << 10) {
                    if client.write_all(piece).await.is_err() {
                        return;
                    }
                    count.fetch_add(piece.len(), Ordering::SeqCst);
                }
            }
            Act::Wait(time) => clock::sleep(time).await,
            Act::Stall => {
                let _ = client.read_u8().await;
            }
        }
    }
    // What was sent must arrive before the end of the connection does.
    let _ = client.shutdown().await;
}

/// The value of a header.
pub fn head_of<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let pairs = head.lines().filter_map(|line| line.split_once(": "));
    pairs.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

/// A whole answer.
pub fn whole(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len()).as_bytes(), body].concat()
}

/// A file with validators, served as RFC 9110 wants it.
#[derive(Debug, Clone)]
pub struct Site {
    pub content: Vec<u8>,
    /// Header lines, such as `ETag: "a"\r\n`.
    pub headers: String,
    /// What `If-Range` and `If-None-Match` must say.
    pub validator: String,
}

impl Site {
    pub fn new(content: Vec<u8>, etag: &str) -> Self {
        Self { content, headers: format!("ETag: {etag}\r\n"), validator: etag.to_owned() }
    }

    /// The answer to a request.
    pub fn answer(&self, head: &str) -> Vec<u8> {
        if head_of(head, "if-none-match").is_some_and(|known| known == self.validator) {
            return format!("HTTP/1.1 304 Not Modified\r\n{}\r\n", self.headers).into_bytes();
        }
        let total = self.content.len();
        match self.first(head) {
            Some(first) if first >= total => whole("416 No", &format!("Content-Range: bytes */{total}\r\n"), b""),
            Some(first) => {
                let range = format!("Content-Range: bytes {first}-{}/{total}\r\n{}", total - 1, self.headers);
                whole("206 Partial Content", &range, &self.content[first..])
            }
            None => whole("200 OK", &self.headers, &self.content),
        }
    }

    fn first(&self, head: &str) -> Option<usize> {
        let range = head_of(head, "range")?.strip_prefix("bytes=")?.strip_suffix('-')?;
        head_of(head, "if-range").is_none_or(|validator| validator == self.validator).then(|| range.parse().ok())?
    }
}

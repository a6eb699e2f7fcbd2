//! Servers on loopback that say, byte by byte, what a test wants them to.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Target;
use crate::base::secret::Secret;
use crate::base::tasks::{self, Task};
use crate::model::{Headers, Route};

/// A server whose answer is the bytes that `answer` gives for a request's head.
pub struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    _task: Task<()>,
}

/// What a server does with a request.
pub enum Answer {
    /// Sends this, then closes.
    Close(Vec<u8>),
    /// Sends this, one byte at a time, then closes.
    Drip(Vec<u8>),
    /// Sends this, then waits until the client closes.
    Hold(Vec<u8>),
}

impl Server {
    /// Starts it on a free port of loopback.
    pub async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        let answer = Arc::new(answer);
        let task = tasks::spawn("test server", async move {
            let mut connections = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.push(tasks::spawn("test connection", serve(stream, Arc::clone(&answer), Arc::clone(&log))));
            }
        });
        Self { port, asked, _task: task }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Paths asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<impl Fn(&str) -> Answer>, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let _ = stream.set_nodelay(true);
    let head = String::from_utf8_lossy(&head).into_owned();
    log.lock().unwrap().push(path(&head).to_owned());
    match answer(&head) {
        Answer::Close(bytes) => drop(stream.write_all(&bytes).await),
        Answer::Drip(bytes) => {
            for byte in bytes {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
        Answer::Hold(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read(&mut [0; 64]).await;
        }
    }
}

/// The path of a request.
pub fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

/// A target without headers.
pub fn target(url: &str) -> Target {
    Target { url: Secret::new(url.to_owned()), headers: Headers::default(), route: Route::default() }
}

/// A good answer that ends with its connection.
pub fn ok(body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n".as_slice(), body].concat()
}

/// Something like a transport stream.
pub fn packets(count: usize) -> Vec<u8> {
    (0..count).flat_map(|n| std::iter::once(0x47).chain(std::iter::repeat_n(n as u8, 187))).collect()
}

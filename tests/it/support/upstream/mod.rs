//! A provider in the namespace of the test: an HTTP origin that does what the test's script says, on cue, and writes down
//! who came and went.

mod play;
mod script;

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

pub use script::{Body, Cue, Live, Script, Tweak};

use super::netns::Netns;

/// One request as the origin saw it.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Path and query.
    pub path: String,
    /// The head as it came.
    pub head: String,
    /// When it came.
    pub opened: Instant,
    /// When its connection ended.
    pub closed: Option<Instant>,
    /// What was sent so far.
    pub sent: Arc<Sent>,
}

/// Body bytes of an answer.
#[derive(Debug, Default)]
pub struct Sent {
    all: AtomicUsize,
    leapt: AtomicUsize,
}

impl Sent {
    /// All of them.
    pub fn all(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    /// Those since the programme's times leapt ([`Cue::Leap`]).
    pub fn leapt(&self) -> usize {
        self.leapt.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
struct State {
    routes: HashMap<String, Route>,
    hits: Vec<Hit>,
    live: usize,
}

struct Route {
    script: Script,
    cue: watch::Sender<Cue>,
}

/// The origin. It ends when dropped.
pub struct Origin {
    address: String,
    state: Arc<Mutex<State>>,
    stop: Option<watch::Sender<bool>>,
    thread: Option<JoinHandle<()>>,
}

impl Origin {
    /// Starts one on a port of its own at 10.77.0.1.
    pub fn start(netns: &Netns) -> Self {
        Self::start_at(netns, "10.77.0.1:0")
    }

    /// Starts one at a certain address.
    pub fn start_at(netns: &Netns, at: &str) -> Self {
        let listener = netns.listen(at).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::spawn({
            let state = Arc::clone(&state);
            move || serve(listener, state, stopped)
        });
        Self { address, state, stop: Some(stop), thread: Some(thread) }
    }

    /// What is served at `path` from now on; connections that are open go on as they were.
    pub fn set(&self, path: &str, script: Script) -> &Self {
        let route = Route { script, cue: watch::channel(Cue::Run).0 };
        self.state.lock().unwrap().routes.insert(path.into(), route);
        self
    }

    /// Gives everything that is open at `path`, and what comes, a cue.
    pub fn cue(&self, path: &str, cue: Cue) {
        self.state.lock().unwrap().routes[path].cue.send_replace(cue);
    }

    /// The address of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `ip:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The requests of `path` so far.
    pub fn hits(&self, path: &str) -> Vec<Hit> {
        self.state.lock().unwrap().hits.iter().filter(|hit| hit.path == path).cloned().collect()
    }

    /// Requests of `path` that are open.
    pub fn open(&self, path: &str) -> usize {
        self.hits(path).iter().filter(|hit| hit.closed.is_none()).count()
    }

    /// Connections with a request that are open.
    pub fn live(&self) -> usize {
        self.state.lock().unwrap().live
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(listener: TcpListener, state: Arc<Mutex<State>>, mut stopped: watch::Receiver<bool>) {
    listener.set_nonblocking(true).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let epoch = Instant::now();
        loop {
            tokio::select! {
                _ = stopped.changed() => break,
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        tokio::spawn(connection(stream, Arc::clone(&state), epoch));
                    }
                }
            }
        }
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
}

/// One connection carries one request.
async fn connection(mut stream: TcpStream, state: Arc<Mutex<State>>, epoch: Instant) {
    let _ = stream.set_nodelay(true);
    let Some(head) = head(&mut stream).await else { return };
    let path = head.split_whitespace().nth(1).unwrap_or("").to_owned();
    let sent = Arc::new(Sent::default());
    let (index, script, cue) = {
        let mut state = state.lock().unwrap();
        state.live += 1;
        let hit = Hit { path: path.clone(), head, opened: Instant::now(), closed: None, sent: Arc::clone(&sent) };
        state.hits.push(hit);
        let route = state.routes.get(&path).or_else(|| state.routes.get(path.split('?').next().unwrap_or("")));
        let open = state.hits.iter().filter(|hit| hit.path == path && hit.closed.is_none()).count();
        let (script, cue) = match route {
            Some(Route { script: Script::Limited(most, _), cue }) if open > *most => {
                (Script::Status(509, vec![]), cue.subscribe())
            }
            Some(route) => (route.script.clone(), route.cue.subscribe()),
            None => (Script::Status(404, vec![]), watch::channel(Cue::Run).1),
        };
        (state.hits.len() - 1, script, cue)
    };
    let told = cue.clone();
    let (mut reader, mut writer) = stream.split();
    tokio::select! {
        _ = script::perform(&mut writer, script, cue, epoch, &sent) => {}
        _ = gone(&mut reader) => {}
    }
    if *told.borrow() == Cue::Reset {
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
    drop(stream);
    let mut state = state.lock().unwrap();
    state.live -= 1;
    state.hits[index].closed = Some(Instant::now());
}

/// Ends when the client has closed or reset its side.
pub(super) async fn gone(reader: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut buffer = [0; 1024];
    while !matches!(reader.read(&mut buffer).await, Ok(0) | Err(_)) {}
}

pub(super) async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => head.extend_from_slice(&buffer[..length]),
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// An address in the namespace where nothing listens: connections are refused at once.
pub fn refused(netns: &Netns) -> String {
    let listener = netns.listen("10.77.0.1:0").unwrap();
    format!("http://{}/nobody", listener.local_addr().unwrap())
}

/// A listener that accepts nothing and whose backlog is full: connections hang.
pub struct BlackHole {
    _listener: TcpListener,
    _fill: Vec<std::net::TcpStream>,
    url: String,
}

impl BlackHole {
    /// Makes one.
    pub fn new(netns: &Netns) -> Self {
        let socket = netns.enter(|| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.bind(&"10.77.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
            socket.listen(0).unwrap();
            socket
        });
        let listener: TcpListener = socket.into();
        let address = listener.local_addr().unwrap();
        let mut fill = Vec::new();
        netns.enter(|| {
            while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(150)) {
                fill.push(stream);
            }
        });
        Self { _listener: listener, _fill: fill, url: format!("http://{address}/hole") }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Reads what is left of a stream, for at most `limit`; what came before an error counts.
pub fn drain(mut stream: impl Read, limit: Duration) -> Vec<u8> {
    let deadline = Instant::now() + limit;
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    while Instant::now() < deadline {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        }
    }
    bytes
}

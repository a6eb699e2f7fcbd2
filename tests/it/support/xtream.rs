//! A provider with an Xtream Codes panel in the namespace of the test: account, groups, channels, guide and streams, as the
//! test says, with the faults that panels have.

mod answers;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::netns::Netns;
use super::upstream;

/// What the panel is. Requests see it as it is when they come.
#[derive(Debug, Clone)]
pub struct Panel {
    /// The one user.
    pub username: String,
    /// Their password.
    pub password: String,
    /// `Active`, `Expired`, `Banned`, `Disabled`.
    pub status: String,
    /// When the account ends, in seconds since 1970.
    pub exp_date: Option<i64>,
    /// Streams that may be open at the same time.
    pub max_connections: usize,
    /// What a stream too many gets: 456, 458, 403 …
    pub limit_status: u16,
    /// A wrong login gets this status instead of `"auth": 0`.
    pub refusal_status: Option<u16>,
    /// Numbers come as text, text as numbers, lists as objects, and more is `null`.
    pub odd_types: bool,
    /// Formats of streams.
    pub formats: Vec<String>,
    /// Ids and names of groups.
    pub categories: Vec<(u32, String)>,
    /// Channels, in their order.
    pub channels: Vec<Channel>,
    /// `xmltv.php`.
    pub guide: String,
    /// What goes wrong with a request: by the action, or by the page where there is none (`player_api.php`).
    pub faults: HashMap<String, Fault>,
}

/// A channel.
#[derive(Debug, Clone)]
pub struct Channel {
    /// `stream_id`.
    pub id: u32,
    /// `name`.
    pub name: String,
    /// `category_id`.
    pub category: u32,
    /// `stream_icon`; empty: none.
    pub logo: String,
    /// `epg_channel_id`.
    pub guide_id: Option<String>,
    /// `stream_type`.
    pub kind: String,
    /// `tv_archive_duration`; 0: none.
    pub archive_days: u32,
    /// What its address gives.
    pub play: Play,
}

/// What a stream's address gives.
#[derive(Debug, Clone)]
pub enum Play {
    /// These bytes, then silence until the client leaves.
    Bytes(Arc<Vec<u8>>),
    /// 302 to there.
    Redirect(String),
}

/// What goes wrong with an answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A page for people, with 200.
    Html,
    /// A status and a page for people.
    Status(u16),
    /// Exactly this, with 200.
    Body(String),
    /// The first so many bytes of it; the length says that this is all.
    Cut(usize),
    /// All of it, so much later.
    Slow(Duration),
}

impl Channel {
    /// One of news, with an id for the guide, that plays nothing.
    pub fn new(id: u32, name: &str) -> Self {
        let guide_id = Some(format!("id{id}"));
        let play = Play::Bytes(Arc::default());
        Self { id, name: name.into(), category: 1, logo: String::new(), guide_id, kind: "live".into(), archive_days: 0, play }
    }
}

impl Default for Panel {
    fn default() -> Self {
        Self {
            username: "hugo".into(),
            password: "geheim77".into(),
            status: "Active".into(),
            exp_date: None,
            max_connections: 1,
            limit_status: 458,
            refusal_status: None,
            odd_types: false,
            formats: vec!["m3u8".into(), "ts".into(), "rtmp".into()],
            categories: vec![(1, "News".into()), (2, "Sport & More".into())],
            channels: vec![Channel::new(1, "One"), Channel { category: 2, ..Channel::new(2, "Zwölf & 3") }],
            guide: "<?xml version=\"1.0\"?><tv></tv>".into(),
            faults: HashMap::new(),
        }
    }
}

#[derive(Default)]
struct State {
    panel: Panel,
    /// Actions, or pages where there is none, in the order in which they were asked for.
    asked: Vec<String>,
    open: usize,
}

/// The panel at work. It ends when dropped.
pub struct Provider {
    address: String,
    state: Arc<Mutex<State>>,
    stop: Option<watch::Sender<bool>>,
    thread: Option<JoinHandle<()>>,
}

impl Provider {
    /// Starts one on a port of its own at 10.77.0.1.
    pub fn start(netns: &Netns) -> Self {
        let listener = netns.listen("10.77.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::spawn({
            let state = Arc::clone(&state);
            move || serve(listener, state, stopped)
        });
        Self { address, state, stop: Some(stop), thread: Some(thread) }
    }

    /// Changes what it is, from the next request on.
    pub fn change(&self, change: impl FnOnce(&mut Panel)) {
        change(&mut self.state.lock().unwrap().panel);
    }

    /// `ip:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How often an action, or a page where there is none, was asked for.
    pub fn asked(&self, what: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|asked| *asked == what).count()
    }

    /// Streams that are open.
    pub fn open(&self) -> usize {
        self.state.lock().unwrap().open
    }
}

impl Drop for Provider {
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
        loop {
            tokio::select! {
                _ = stopped.changed() => break,
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        tokio::spawn(connection(stream, Arc::clone(&state)));
                    }
                }
            }
        }
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
}

/// One connection carries one request.
async fn connection(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let _ = stream.set_nodelay(true);
    let Some(head) = upstream::head(&mut stream).await else { return };
    let host = head.lines().find_map(|line| line.strip_prefix("Host: ").or_else(|| line.strip_prefix("host: ")));
    let base = format!("http://{}", host.unwrap_or("panel").trim());
    let Ok(url) = url::Url::parse(&format!("{base}{}", head.split_whitespace().nth(1).unwrap_or(""))) else { return };
    let answer = {
        let mut state = state.lock().unwrap();
        state.asked.push(answers::what(&url));
        let answer = answers::answer(&state.panel, &url, &base, state.open);
        state.open += usize::from(answer.is_stream);
        answer
    };
    let (mut reader, mut writer) = stream.split();
    tokio::select! {
        _ = send(&mut writer, &answer) => {}
        () = upstream::gone(&mut reader) => {}
    }
    drop(stream);
    state.lock().unwrap().open -= usize::from(answer.is_stream);
}

/// What a request gets.
#[derive(Debug, Default)]
struct Answer {
    status: u16,
    content_type: &'static str,
    location: Option<String>,
    body: Arc<Vec<u8>>,
    late: Duration,
    /// It counts as a connection, and is silent after its last byte.
    is_stream: bool,
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> std::io::Result<()> {
    tokio::time::sleep(answer.late).await;
    let mut head =
        format!("HTTP/1.1 {} Told so\r\nContent-Type: {}\r\nConnection: close\r\n", answer.status, answer.content_type);
    if let Some(location) = &answer.location {
        head += &format!("Location: {location}\r\n");
    }
    if !answer.is_stream {
        head += &format!("Content-Length: {}\r\n", answer.body.len());
    }
    writer.write_all(format!("{head}\r\n").as_bytes()).await?;
    writer.write_all(&answer.body).await?;
    if answer.is_stream {
        std::future::pending::<()>().await;
    }
    Ok(())
}

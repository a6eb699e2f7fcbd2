//! TCP 65001: connections that read and change variables.
//!
//! Frames come split and coalesced; each is answered by one write, because Jellyfin reads once and takes what it gets for the
//! whole answer. What is answered is [`super::vars`]'s business.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::discovery::Devices;
use super::roster;
use super::target::outlet::Outlet;
use super::tlv::{Builder, Decoder, Frame, Kind, MAX_FRAME, Tag};
use super::vars::desk::{Asker, Desk, Tidying};
use super::vars::seat::Presence;
use crate::base::clock::{self, Instant};
use crate::base::tasks::{self, Task};

/// Most connections; then the one that has been silent longest is closed for a new one.
const MOST_CONNECTIONS: usize = 512;
/// A connection that says nothing for this long is closed, unless a lock or a stream depends on it.
const IDLE_LIMIT: Duration = Duration::from_secs(600);
/// Clients wait for an answer no longer than 2.5 s.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
const AFTER_ERROR: Duration = Duration::from_millis(100);
/// The offset that ends an upgrade instead of carrying a piece of it.
const UPGRADE_END: [u8; 4] = [0xFF; 4];

/// The control side of all devices.
pub struct Control {
    devices: Devices,
    outlet: Arc<Outlet>,
    /// By the row of their device, since somebody asked for it.
    desks: HashMap<i64, (Desk, Tidying)>,
    most_connections: usize,
}

impl Control {
    /// Of these devices, whose streams leave by `outlet`.
    pub fn new(devices: Devices, outlet: Arc<Outlet>) -> Self {
        Self { devices, outlet, desks: HashMap::new(), most_connections: MOST_CONNECTIONS }
    }

    #[cfg(test)]
    pub(super) fn with_most_connections(mut self, most: usize) -> Self {
        self.most_connections = most;
        self
    }

    /// The desk of the device that is spoken to at `local`. Those of devices that are gone end here.
    fn desk_at(&mut self, local: Ipv4Addr) -> Option<Desk> {
        let all = self.devices.announced();
        self.desks.retain(|row, _| all.iter().any(|one| one.device.row == *row));
        let row = roster::at(&all, local)?.device.row;
        if !self.desks.contains_key(&row) {
            self.desks.insert(row, Desk::new(self.devices.of_row(row)?, self.outlet.clone()));
        }
        self.desks.get(&row).map(|(desk, _)| desk.clone())
    }
}

/// Takes the port on all addresses.
///
/// # Errors
/// When somebody else has it.
pub async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
}

/// Serves for ever.
///
/// # Cancel safety
/// Dropping the future closes the port and all connections, and ends what they held.
pub async fn serve(listener: TcpListener, mut control: Control) {
    let mut connections = Connections { most: control.most_connections, all: Vec::new() };
    loop {
        match listener.accept().await {
            Ok((stream, SocketAddr::V4(client))) if control.devices.allows_client(client.ip().to_owned().into()) => {
                let Ok(SocketAddr::V4(local)) = stream.local_addr() else { continue };
                if let Some(desk) = control.desk_at(*local.ip()) {
                    connections.add(stream, desk, IpAddr::V4(*client.ip()), *local.ip());
                }
            }
            Ok((_, client)) => tracing::debug!(client.addr = %client, "control connection from no allowed network"),
            Err(error) => {
                tracing::debug!(%error, "control connection could not be accepted");
                clock::sleep(AFTER_ERROR).await;
            }
        }
    }
}

struct Connections {
    most: usize,
    all: Vec<Connection>,
}

struct Connection {
    last: Arc<Mutex<Instant>>,
    desk: Desk,
    presence: Presence,
    task: Task<()>,
}

impl Connections {
    fn add(&mut self, stream: TcpStream, desk: Desk, client: IpAddr, local: Ipv4Addr) {
        self.all.retain(|connection| !connection.task.is_finished());
        if self.all.len() >= self.most {
            self.close_one();
        }
        let (last, presence) = (Arc::new(Mutex::new(clock::now())), Presence::default());
        let asker = Asker { client, local, presence: presence.clone() };
        let (heard, answering) = (last.clone(), desk.clone());
        let task = tasks::spawn("control connection", async move {
            let reason = converse(stream, &answering, &asker, &heard).await;
            tracing::debug!(client.addr = %asker.client, %reason, "control connection closed");
        });
        self.all.push(Connection { last, desk, presence, task });
    }

    fn close_one(&mut self) {
        let silent_since = |connection: &Connection| *connection.last.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.all.iter().enumerate().filter(|(_, one)| !one.desk.depends_on(&one.presence));
        if let Some((index, _)) = free.min_by_key(|(_, one)| silent_since(one)) {
            tracing::debug!("too many control connections: the one that was silent longest is closed");
            self.all.swap_remove(index);
        }
    }
}

/// Answers until the connection ends, and says why it did.
async fn converse(mut stream: TcpStream, desk: &Desk, asker: &Asker, last: &Mutex<Instant>) -> &'static str {
    let socket = SockRef::from(&stream);
    let probe = TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)).with_retries(4);
    // Without them a client that has lost its power would stay; it is no reason to refuse one.
    let _ = socket.set_tcp_keepalive(&probe).and_then(|()| socket.set_tcp_nodelay(true));
    let (mut decoder, mut buffer) = (Decoder::default(), [0; MAX_FRAME]);
    loop {
        let length = match clock::timeout(IDLE_LIMIT, stream.read(&mut buffer)).await {
            Ok(Ok(0)) => return "client left",
            Ok(Ok(length)) => length,
            Ok(Err(_)) => return "connection broken",
            Err(_) if desk.depends_on(&asker.presence) => continue,
            Err(_) => return "idle",
        };
        *last.lock().unwrap_or_else(PoisonError::into_inner) = clock::now();
        decoder.push(buffer.get(..length).unwrap_or_default());
        loop {
            let reply = match decoder.frame() {
                Ok(None) => break,
                Ok(Some(frame)) => match answer(frame, desk, asker) {
                    Ok(reply) => reply,
                    Err(reason) => return reason,
                },
                Err(_) => return "not the control protocol",
            };
            if !reply.is_empty() && !matches!(clock::timeout(WRITE_LIMIT, stream.write_all(&reply)).await, Ok(Ok(()))) {
                return "client does not read";
            }
        }
    }
}

/// The reply to a frame, empty if none is expected.
fn answer(frame: Frame<'_>, desk: &Desk, asker: &Asker) -> Result<Vec<u8>, &'static str> {
    match frame.kind {
        Kind::GETSET_REQUEST => Ok(desk.answer(frame, asker)),
        Kind::UPGRADE_REQUEST if frame.payload.starts_with(&UPGRADE_END) => {
            let refusal = "ERROR: this device is upgraded as a package of its operating system";
            Ok(Builder::new(Kind::UPGRADE_REPLY).text_nul(Tag::ERROR_MESSAGE, refusal).finish().unwrap_or_default())
        }
        Kind::UPGRADE_REQUEST => Ok(Vec::new()),
        _ => Err("frame of another type"),
    }
}

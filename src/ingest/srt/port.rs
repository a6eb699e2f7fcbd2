//! A UDP port: reads datagrams, answers handshakes, and sorts the rest by connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use socket2::{Domain, Protocol, Socket, Type};
use srt_protocol::packet::{HandshakeControlInfo, Packet, SocketId, TimeStamp};
use tokio::net::UdpSocket;

use super::connection::Connecting;
use super::handshake::{self, Asked, Cookies};
use super::inbox::Inbox;
use super::policy::{self, Caller, Rules};
use crate::base::clock;
use crate::base::coalesce::Coalesced;
use crate::base::tasks::{self, CancellationToken, Task, TaskTracker};
use crate::ingest::Registry;
use crate::ingest::settings::{ListenSettings, SrtSettings};

/// Kernel buffer asked for, in each direction. What is granted depends on `net.core.rmem_max`.
const SOCKET_BUFFER: usize = 8 * 1024 * 1024;
/// Largest datagram; nobody sends larger ones than an Ethernet frame holds.
const DATAGRAM: usize = 2048;
/// Datagrams that are read before others get a turn.
const TURN: usize = 128;

/// A port that is ours.
#[derive(Debug)]
pub struct Bound {
    socket: UdpSocket,
    listen: ListenSettings,
}

impl Bound {
    /// Where that is.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn addr(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// Binds a port.
///
/// # Errors
/// When it cannot be had.
pub fn bind(listen: &ListenSettings) -> std::io::Result<Bound> {
    let socket = Socket::new(Domain::for_address(listen.addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if listen.addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Less is granted where the system allows less; the log says so where streams are lost.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.bind(&listen.addr.into())?;
    Ok(Bound { socket: UdpSocket::from_std(socket.into())?, listen: listen.clone() })
}

/// All ports, while they serve. Dropping it ends them and their connections.
#[derive(Debug)]
pub struct Ports {
    _tasks: Vec<Task<()>>,
}

impl Ports {
    /// Serves these ports.
    pub fn serve(bound: Vec<Bound>, settings: SrtSettings, registry: &Registry, rules: &Arc<dyn Rules>) -> Self {
        let count = Arc::new(Mutex::new(0));
        let serve = |bound: Bound| {
            let port = Port {
                socket: Arc::new(bound.socket),
                listen: bound.listen,
                settings: settings.clone(),
                registry: registry.clone(),
                rules: rules.clone(),
                cookies: Cookies::new(clock::now().into_std()),
                table: Arc::default(),
                count: Arc::clone(&count),
                tracker: TaskTracker::new(),
                stop: CancellationToken::new(),
                refusals: Coalesced::new(Duration::from_secs(1)),
            };
            tasks::spawn("srt port", port.run())
        };
        Self { _tasks: bound.into_iter().map(serve).collect() }
    }
}

/// Who is connected at a port.
#[derive(Debug, Default)]
pub(super) struct Table {
    by_id: HashMap<u32, Arc<Inbox>>,
    /// By address and socket id of the caller, as long as it may repeat its conclusion.
    callers: HashMap<(SocketAddr, u32), u32>,
}

/// A place in the table, and one of the connections there may be. Dropping it gives both back.
#[derive(Debug)]
pub(super) struct Place {
    table: Arc<Mutex<Table>>,
    count: Arc<Mutex<usize>>,
    id: u32,
    caller: (SocketAddr, u32),
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        table.by_id.remove(&self.id);
        table.callers.remove(&self.caller);
        *lock(&self.count) -= 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Port {
    socket: Arc<UdpSocket>,
    listen: ListenSettings,
    settings: SrtSettings,
    registry: Registry,
    rules: Arc<dyn Rules>,
    cookies: Cookies,
    table: Arc<Mutex<Table>>,
    count: Arc<Mutex<usize>>,
    tracker: TaskTracker,
    stop: CancellationToken,
    refusals: Coalesced,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Port {
    async fn run(self) {
        let mut datagram = vec![0; DATAGRAM].into_boxed_slice();
        loop {
            if let Err(error) = self.socket.readable().await {
                tracing::error!(%error, srt.listen = %self.listen.addr, "the SRT port cannot be read any more");
                return;
            }
            for _ in 0..TURN {
                match self.socket.try_recv_from(&mut datagram) {
                    Ok((length, from)) => self.sort(datagram.get(..length).unwrap_or_default(), from),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    // An ICMP answer to something that was sent from here.
                    Err(_) => {}
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn sort(&self, datagram: &[u8], from: SocketAddr) {
        let Some(id) = datagram.get(12..16).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes) else { return };
        if id != 0 {
            let inbox = lock(&self.table).by_id.get(&id).cloned();
            if let Some(inbox) = inbox {
                inbox.put(datagram);
            }
            return;
        }
        let mut rest = datagram;
        // The parser is not ours; what it does with bytes from anywhere must not end the port.
        let parsed = catch_unwind(AssertUnwindSafe(|| Packet::parse(&mut rest, from.is_ipv6())));
        let Ok(Ok(packet)) = parsed else { return };
        match handshake::read(packet, from, &self.cookies, clock::now().into_std()) {
            Asked::Induction(answer) => self.answer(&answer, from),
            Asked::Conclusion(shake, timestamp) => self.conclusion(*shake, timestamp, from, datagram),
            Asked::Nothing => {}
        }
    }

    fn answer(&self, packet: &Packet, to: SocketAddr) {
        let mut bytes = BytesMut::with_capacity(256);
        packet.serialize(&mut bytes);
        // It is asked again for what is lost here.
        let _ = self.socket.try_send_to(&bytes, to);
    }

    fn conclusion(&self, shake: HandshakeControlInfo, timestamp: TimeStamp, from: SocketAddr, datagram: &[u8]) {
        let caller = (from, shake.socket_id.0);
        let known = {
            let table = lock(&self.table);
            table.callers.get(&caller).and_then(|id| Some((*id, table.by_id.get(id).cloned()?)))
        };
        if let Some((id, inbox)) = known {
            // Our answer was lost. The connection has it; it takes what is addressed to it.
            let mut again = datagram.to_vec();
            if let Some(to) = again.get_mut(12..16) {
                to.copy_from_slice(&id.to_be_bytes());
            }
            return inbox.put(&again);
        }
        let (stream_id, encrypted, unsupported) = handshake::described(&shake);
        let asked = Caller { from, stream_id, encrypted, unsupported };
        let connections = *lock(&self.count);
        match policy::decide(&asked, &self.listen, &self.settings, &*self.rules, connections) {
            Ok(terms) => {
                let (place, inbox) = self.place(caller);
                let connecting = Connecting {
                    id: SocketId(place.id),
                    socket: self.socket.clone(),
                    inbox,
                    from,
                    shake,
                    timestamp,
                    terms,
                    settings: self.settings.clone(),
                    registry: self.registry.clone(),
                };
                let stop = self.stop.clone();
                tasks::spawn_tracked(&self.tracker, "srt connection", async move {
                    let _place = place;
                    tokio::select! {
                        () = connecting.run() => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
            Err(refusal) => {
                if let Some(count) = self.refusals.count() {
                    let code = refusal.wire() - 1000;
                    tracing::warn!(client = %from, stream = shown(stream_id), code, count, "an SRT caller was refused: {refusal}");
                }
                self.answer(&handshake::rejection(&shake, timestamp, refusal), from);
            }
        }
    }

    fn place(&self, caller: (SocketAddr, u32)) -> (Place, Arc<Inbox>) {
        let inbox = Arc::new(Inbox::default());
        let mut table = lock(&self.table);
        let mut id = 0;
        // As libsrt has it: below 2^30. Nobody can guess whose is which.
        while id == 0 || table.by_id.contains_key(&id) {
            id = getrandom::u32().unwrap_or_else(|_| id.wrapping_add(1)) & 0x3FFF_FFFF;
        }
        table.by_id.insert(id, inbox.clone());
        table.callers.insert(caller, id);
        *lock(&self.count) += 1;
        (Place { table: self.table.clone(), count: self.count.clone(), id, caller }, inbox)
    }
}

/// A stream id for the log: a password in it is hidden, what is no text is replaced.
pub(super) fn shown(stream_id: &str) -> String {
    let plain: String = stream_id.chars().take(80).map(|char| if char.is_control() { '\u{FFFD}' } else { char }).collect();
    if let Some(pairs) = plain.strip_prefix("#!::") {
        let hidden = pairs.split(',').map(|pair| if pair.starts_with("s=") { "s=***" } else { pair });
        return format!("#!::{}", hidden.collect::<Vec<_>>().join(","));
    }
    let is_login = plain.starts_with("publish:") || plain.starts_with("read:") || plain.starts_with("request:");
    match plain.splitn(4, ':').collect::<Vec<_>>()[..] {
        [mode, name, user, _] if is_login => format!("{mode}:{name}:{user}:***"),
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("studio", "studio")]
    #[case("a:b:c:d", "a:b:c:d")]
    #[case("publish:a:me:geheim77:x", "publish:a:me:***")]
    #[case("#!::r=a,u=me,s=geheim77,m=publish", "#!::r=a,u=me,s=***,m=publish")]
    #[case("a\nb", "a\u{FFFD}b")]
    fn passwords_do_not_reach_the_log(#[case] id: &str, #[case] expected: &str) {
        assert_eq!(shown(id), expected);
    }
}

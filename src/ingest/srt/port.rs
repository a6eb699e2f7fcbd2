//! A UDP port: reads datagrams, answers handshakes, and sorts the rest by connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use srt_protocol::packet::{HandshakeControlInfo, Packet, SocketId, TimeStamp};

use super::connection::Connecting;
use super::handshake::{self, Asked, Cookies};
use super::inbox::Inbox;
use super::policy::{self, Caller, Refusal, Rules};
use crate::base::clock;
use crate::base::coalesce::Coalesced;
use crate::base::tasks::{self, CancellationToken, Task, TaskTracker};
use crate::ingest::Registry;
use crate::ingest::settings::{ListenSettings, SrtSettings};
use crate::ingest::socket::{PortSocket, Room, Way};
use crate::ingest::stream_id::{self, Mode};
use crate::ingest::watch::Watch;

/// Longest datagram that is looked at: no sender of SRT makes longer ones than an Ethernet frame holds.
pub(super) const DATAGRAM: usize = 2048;
/// Reads in a row before others get a turn.
const TURN: usize = 8;
/// Connections get so long for their goodbyes.
const GOODBYE: Duration = Duration::from_secs(1);

/// A port that is ours.
#[derive(Debug)]
pub struct Bound {
    socket: PortSocket,
    listen: ListenSettings,
}

impl Bound {
    /// Where that is.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn addr(&self) -> std::io::Result<SocketAddr> {
        self.socket.addr()
    }

    /// See [`PortSocket::clipped`].
    pub fn clipped(&self) -> Option<usize> {
        self.socket.clipped()
    }
}

/// Binds a port.
///
/// # Errors
/// When it cannot be had.
pub fn bind(listen: &ListenSettings) -> std::io::Result<Bound> {
    Ok(Bound { socket: PortSocket::bind(listen.addr)?, listen: listen.clone() })
}

/// All ports, while they serve. Dropping it ends them and their connections.
#[derive(Debug)]
pub struct Ports {
    _tasks: Vec<Task<()>>,
    connections: TaskTracker,
    stop: CancellationToken,
}

impl Drop for Ports {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Ports {
    /// Serves these ports.
    pub fn serve(
        bound: Vec<Bound>,
        settings: SrtSettings,
        registry: &Registry,
        rules: &Arc<dyn Rules>,
        watch: &Arc<dyn Watch>,
    ) -> Self {
        let count = Arc::new(Mutex::new(0));
        let (connections, stop) = (TaskTracker::new(), CancellationToken::new());
        let serve = |bound: Bound| {
            let port = Port {
                socket: Arc::new(bound.socket),
                listen: bound.listen,
                settings: settings.clone(),
                registry: registry.clone(),
                rules: rules.clone(),
                watch: watch.clone(),
                cookies: Cookies::new(clock::now().into_std()),
                table: Arc::default(),
                count: Arc::clone(&count),
                tracker: connections.clone(),
                stop: stop.clone(),
                refusals: Arc::new(Coalesced::new(Duration::from_secs(1))),
            };
            tasks::spawn("srt port", port.run())
        };
        Self { _tasks: bound.into_iter().map(serve).collect(), connections, stop }
    }

    /// Ends them. Whoever is connected is told, so that it does not wait for its own timeout before it calls again.
    pub async fn close(self) {
        self.stop.cancel();
        self.connections.close();
        let _ = clock::timeout(GOODBYE, self.connections.wait()).await;
    }
}

/// Who is connected at a port.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// With the address from which its datagrams come.
    by_id: HashMap<u32, (SocketAddr, Arc<Inbox>)>,
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
    socket: Arc<PortSocket>,
    listen: ListenSettings,
    settings: SrtSettings,
    registry: Registry,
    rules: Arc<dyn Rules>,
    watch: Arc<dyn Watch>,
    cookies: Cookies,
    table: Arc<Mutex<Table>>,
    count: Arc<Mutex<usize>>,
    tracker: TaskTracker,
    stop: CancellationToken,
    refusals: Arc<Coalesced>,
}

impl Port {
    async fn run(self) {
        let mut room = Room::default();
        loop {
            if let Err(error) = self.socket.readable().await {
                tracing::error!(%error, srt.listen = %self.listen.addr, "the SRT port cannot be read any more");
                return;
            }
            for _ in 0..TURN {
                match self.socket.receive(&mut room, |datagram, way| self.sort(datagram, way)) {
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    // Others are ICMP answers to something that was sent from here.
                    Ok(()) | Err(_) => {}
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn sort(&self, datagram: &[u8], way: Way) {
        let from = way.peer;
        if datagram.len() > DATAGRAM {
            return;
        }
        let Some(id) = datagram.get(12..16).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes) else { return };
        if id != 0 {
            // The table is held meanwhile, which is a copy long: a handle of one's own for each datagram would cost more.
            if let Some((_, inbox)) = lock(&self.table).by_id.get(&id).filter(|(peer, _)| *peer == from) {
                inbox.put(datagram);
            }
            return;
        }
        let mut rest = datagram;
        // The parser is not ours; what it does with bytes from anywhere must not end the port.
        let parsed = catch_unwind(AssertUnwindSafe(|| Packet::parse(&mut rest, from.is_ipv6())));
        let Ok(Ok(packet)) = parsed else { return };
        match handshake::read(packet, from, &self.cookies, clock::now().into_std()) {
            Asked::Induction(answer) => self.answer(&answer, way),
            Asked::Conclusion(shake, timestamp) => self.conclusion(*shake, timestamp, way, datagram),
            Asked::Nothing => {}
        }
    }

    fn answer(&self, packet: &Packet, way: Way) {
        let mut bytes = BytesMut::with_capacity(256);
        packet.serialize(&mut bytes);
        // It is asked again for what is lost here.
        let _ = self.socket.send(&bytes, way);
    }

    fn conclusion(&self, shake: HandshakeControlInfo, timestamp: TimeStamp, way: Way, datagram: &[u8]) {
        let from = way.peer;
        let caller = (from, shake.socket_id.0);
        let known = {
            let table = lock(&self.table);
            table.callers.get(&caller).and_then(|id| Some((*id, table.by_id.get(id)?.1.clone())))
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
        let decided = policy::decide(&asked, &self.listen, &self.settings, &*self.rules, connections).and_then(|terms| {
            let is_there = terms.mode == Mode::Publish || self.watch.knows(&terms.name);
            if is_there { Ok(terms) } else { Err(Refusal::NotFound) }
        });
        match decided {
            Ok(terms) => {
                let (place, inbox) = self.place(caller);
                let connecting = Connecting {
                    id: SocketId(place.id),
                    socket: self.socket.clone(),
                    inbox,
                    way,
                    shake,
                    timestamp,
                    terms,
                    settings: self.settings.clone(),
                    registry: self.registry.clone(),
                    refusals: self.refusals.clone(),
                    watch: self.watch.clone(),
                    stop: self.stop.clone(),
                };
                tasks::spawn_tracked(&self.tracker, "srt connection", async move {
                    let _place = place;
                    connecting.run().await;
                });
            }
            Err(refusal) => {
                log_refusal(&self.refusals, from, &shown(stream_id), refusal);
                self.answer(&handshake::rejection(&shake, timestamp, refusal), way);
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
        table.by_id.insert(id, (caller.0, inbox.clone()));
        table.callers.insert(caller, id);
        *lock(&self.count) += 1;
        (Place { table: self.table.clone(), count: self.count.clone(), id, caller }, inbox)
    }
}

/// Says who was refused, and why, at most once a second.
pub(super) fn log_refusal(refusals: &Coalesced, from: SocketAddr, stream: &str, refusal: Refusal) {
    if let Some(count) = refusals.count() {
        tracing::warn!(client = %from, stream, code = refusal.wire() - 1000, count, "an SRT caller was refused: {refusal}");
    }
}

/// A stream id for the log: a password in it is hidden, what is no text is replaced.
pub(super) fn shown(stream_id: &str) -> String {
    let plain: String =
        stream_id::decoded(stream_id).chars().take(80).map(|char| if char.is_control() { '\u{FFFD}' } else { char }).collect();
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
    #[case("publish%3Aa%3Ame%3Ageheim77", "publish:a:me:***")]
    #[case("%23!::r=a,s=geheim77", "#!::r=a,s=***")]
    #[case("a\nb", "a\u{FFFD}b")]
    fn passwords_do_not_reach_the_log(#[case] id: &str, #[case] expected: &str) {
        assert_eq!(shown(id), expected);
    }
}

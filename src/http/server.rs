//! Listeners: accepting, limits, clean ends.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Resource, Rlimit};
use tokio::net::{TcpListener, TcpStream};

use super::admission::Connections;
use super::connection::{self, Context};
use crate::base::clock::{self, Instant};
use crate::base::tasks::{self, CancellationToken, TaskTracker};

/// Both ends of the connection a request came on; an extension of every request. The local address is what URLs in the
/// answer are made of (rule R11 of the HDHomeRun contract). IPv4 in IPv6 is shown as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The client.
    pub remote: SocketAddr,
    /// The address it reached us at.
    pub local: SocketAddr,
}

/// Limits of a listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From accept, or the end of the last answer, to the end of the next request's head.
    pub header_timeout: Duration,
    /// A write without progress for this long ends the connection.
    pub write_timeout: Duration,
    /// `TCP_USER_TIMEOUT`, for clients that vanish.
    pub user_timeout: Duration,
    /// Most connections at a time. When they are reached, a new one takes the place of the oldest that is not being answered.
    pub max_connections: usize,
    /// Most connections of one address.
    pub max_connections_per_address: usize,
    /// What `max_connections` counts: clones of these limits share it, so give every listener a clone of the same value.
    pub connections: Connections,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(6),
            user_timeout: Duration::from_secs(30),
            max_connections: 4096,
            max_connections_per_address: 1024,
            connections: Connections::default(),
        }
    }
}

impl Limits {
    /// The default for a process that may have `descriptors` open: half of them are kept for sources, the database and
    /// whatever else. Pure.
    pub fn for_descriptors(descriptors: u64) -> Self {
        let default = Self::default();
        let half = usize::try_from(descriptors / 2).unwrap_or(usize::MAX).max(16);
        let max_connections = default.max_connections.min(half);
        Self { max_connections, max_connections_per_address: (max_connections / 4).max(8), ..default }
    }

    /// Raises this process's limit of descriptors as far as it may go, and gives the limits that fit it. Every call gives a clone of
    /// the same limits: descriptors are the process's, whoever listens.
    pub fn for_this_process() -> Self {
        static LIMITS: OnceLock<Limits> = OnceLock::new();
        LIMITS.get_or_init(|| Self::for_descriptors(raise_descriptors())).clone()
    }
}

/// Raises `RLIMIT_NOFILE` to the hard limit; returns what then holds.
fn raise_descriptors() -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    // systemd's own ceiling: what a kernel without one would give (2^30) makes other programs slow that close all they might have.
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(524_288);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
        if let Err(error) = rustix::process::setrlimit(Resource::Nofile, raised) {
            tracing::warn!(error = %error, "the limit of open files stays as it is");
        }
    }
    rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(wanted)
}

/// Binds a listener as [`serve`] wants it: address reusable, IPv6 listeners for IPv6 only, and a long backlog.
///
/// # Errors
/// The system's, such as address in use or permission denied.
pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    TcpListener::from_std(socket.into())
}

/// Serves `router` on `listener` until `shutdown`; then stops accepting, lets answers end within `grace`, and returns.
///
/// # Cancel safety
/// Dropping the future ends the listener and every connection at once.
pub async fn serve(listener: TcpListener, router: axum::Router, limits: Limits, shutdown: CancellationToken, grace: Duration) {
    let tracker = TaskTracker::new();
    let kill = CancellationToken::new();
    let _kill_on_drop = kill.clone().drop_guard();
    let context = Context { router, limits, shutdown: shutdown.clone(), kill: kill.clone() };
    let mut refused = Refused::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, remote)) => {
                if !admit(socket, remote, &context, &tracker) {
                    refused.note(remote.ip().to_canonical());
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // No descriptor left, or no memory: the kernel would say so at once again.
                let evicted = context.limits.connections.make_room();
                tracing::warn!(error = %error, connection.evicted = evicted, "cannot accept connections");
                clock::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    tracker.close();
    if clock::timeout(grace, tracker.wait()).await.is_err() {
        tracing::info!(connection.count = tracker.len(), "connections outlived the grace and are closed");
        kill.cancel();
        tracker.wait().await;
    }
}

fn admit(socket: TcpStream, remote: SocketAddr, context: &Context, tracker: &TaskTracker) -> bool {
    let remote = canonical(remote);
    let limits = &context.limits;
    let Some(seat) = limits.connections.admit(remote.ip(), limits.max_connections, limits.max_connections_per_address) else {
        return false;
    };
    // It may be gone already, which its own task finds out.
    let local = socket.local_addr().map_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)), canonical);
    tasks::spawn_tracked(tracker, "http connection", connection::run(socket, Peer { remote, local }, seat, context.clone()));
    true
}

fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// Errors of `accept` that concern the connection that was accepted, as accept(2) lists them.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable,
    };
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | HostUnreachable | Interrupted | NetworkUnreachable
    )
}

/// Says once in a while how many connections found no place.
#[derive(Default)]
struct Refused {
    count: u64,
    said: Option<Instant>,
}

impl Refused {
    fn note(&mut self, client: IpAddr) {
        self.count += 1;
        let now = clock::now();
        if self.said.is_none_or(|said| now.duration_since(said) > Duration::from_secs(10)) {
            tracing::warn!(client.addr = %client, connection.refused = self.count, "too many connections; refused");
            self.said = Some(now);
            self.count = 0;
        }
    }
}

#[cfg(test)]
mod tests;

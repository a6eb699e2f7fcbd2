//! UDP 5004: streams leave here, and keepalives come back.
//!
//! One port for both, because that is what keeps a client's firewall open: its keepalives go to 5004, so what comes from there is
//! an answer. RTP that is pushed to us comes to the same port, which two sockets cannot share: all that is sent to it would go to one of them.
//! So whoever listens for RTP on all addresses has the socket, and this one sends by it; keepalives, of four bytes, are no RTP and
//! are passed on.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::net::UdpSocket;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::super::pktinfo::PktinfoSocket;
use super::pace::Pace;
use super::{Aim, Cutter, PACKETS, Pulse};
use crate::base::clock;
use crate::base::tasks::{self, Task};
use crate::ts::PACKET;

/// Port of streams and keepalives.
pub const PORT: u16 = 5004;

/// Datagrams that leave together.
const BATCH: usize = 16;
/// A keepalive is the key of the lock and nothing else.
const KEEPALIVE: usize = 4;
const AFTER_ERROR: Duration = Duration::from_millis(100);

type Expected = Arc<Mutex<HashMap<SocketAddrV4, Weak<Pulse>>>>;

/// What others have of the port.
#[derive(Debug, Clone)]
pub struct SharedPort {
    /// Its socket, if it is theirs on all addresses.
    pub socket: Option<Arc<UdpSocket>>,
    /// They have it at single addresses or for groups, which can be shared.
    pub single: bool,
    /// What comes to their sockets and has four bytes.
    pub short: broadcast::Sender<(SocketAddr, [u8; KEEPALIVE])>,
}

impl Default for SharedPort {
    fn default() -> Self {
        Self { socket: None, single: false, short: broadcast::Sender::new(1) }
    }
}

/// The port. Streams of all devices leave here.
#[derive(Debug)]
pub struct Outlet {
    socket: Arc<PktinfoSocket>,
    expected: Expected,
    _listeners: Vec<Task<()>>,
}

impl Outlet {
    /// Takes the port on all addresses.
    ///
    /// # Errors
    /// When somebody else has it.
    pub fn bind(port: u16) -> io::Result<Self> {
        Self::bind_as(port, false)
    }

    fn bind_as(port: u16, shared: bool) -> io::Result<Self> {
        let socket = Arc::new(PktinfoSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port), shared)?);
        socket.leave_groups_to_others()?;
        let expected = Expected::default();
        let listener = tasks::spawn("keepalives", listen(socket.clone(), expected.clone()));
        Ok(Self { socket, expected, _listeners: vec![listener] })
    }

    /// Takes [`PORT`] on all addresses, or what others have of it.
    ///
    /// # Errors
    /// When somebody else has it.
    pub fn beside(shared: &SharedPort) -> io::Result<Self> {
        let mut this = match &shared.socket {
            Some(socket) => Self {
                socket: Arc::new(PktinfoSocket::to_send_by(socket.clone())),
                expected: Expected::default(),
                _listeners: Vec::new(),
            },
            None => Self::bind_as(PORT, shared.single)?,
        };
        let passed_on = tasks::spawn("keepalives", hear(shared.short.subscribe(), this.expected.clone()));
        this._listeners.push(passed_on);
        Ok(this)
    }

    /// Listens for keepalives of this receiver for as long as the result is kept.
    pub fn expect(&self, receiver: SocketAddrV4) -> Arc<Pulse> {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.retain(|_, pulse| pulse.strong_count() > 0);
        if let Some(pulse) = expected.get(&receiver).and_then(Weak::upgrade) {
            return pulse;
        }
        let pulse = Arc::new(Pulse::default());
        expected.insert(receiver, Arc::downgrade(&pulse));
        pulse
    }

    /// Sends a stream of whole packets until it ends.
    ///
    /// # Cancel safety
    /// Dropping the future stops it; what it had taken from the stream is lost.
    pub async fn stream(&self, mut packets: impl Stream<Item = Bytes> + Unpin, aim: Arc<Aim>) {
        let (mut cutter, mut pace) = (Cutter::new(aim.clone()), Pace::new(clock::now()));
        while let Some(run) = packets.next().await {
            for some in run.chunks(BATCH * PACKETS * PACKET) {
                cutter.push(some, clock::now());
                let whole = cutter.whole();
                if whole.is_empty() {
                    continue;
                }
                if let Err(error) = self.socket.send_all(whole, cutter.size(), aim.target.addr, aim.local).await {
                    // The receiver sees a gap, as it would on a bad network; whether to go on is for its keepalives to say.
                    tracing::debug!(%error, target = %aim.target, "datagrams of a stream were lost");
                    clock::sleep(AFTER_ERROR).await;
                }
                let free = pace.sent(whole.len(), clock::now());
                cutter.sent();
                if free > clock::now() {
                    clock::sleep_until(free).await;
                }
            }
        }
    }
}

async fn listen(socket: Arc<PktinfoSocket>, expected: Expected) {
    let mut buffer = [0; KEEPALIVE + 1];
    loop {
        match socket.receive(&mut buffer).await {
            Ok(arrival) => {
                let Some(([k3, k2, k1, k0], KEEPALIVE)) = buffer.first_chunk::<KEEPALIVE>().zip(Some(arrival.length)) else {
                    continue;
                };
                beat(&expected, arrival.from, [*k3, *k2, *k1, *k0]);
            }
            Err(error) => {
                tracing::debug!(%error, "keepalives could not be received");
                clock::sleep(AFTER_ERROR).await;
            }
        }
    }
}

/// The same of keepalives that others have received.
async fn hear(mut short: broadcast::Receiver<(SocketAddr, [u8; KEEPALIVE])>, expected: Expected) {
    loop {
        match short.recv().await {
            Ok((SocketAddr::V4(from), key)) => beat(&expected, from, key),
            Ok((SocketAddr::V6(_), _)) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn beat(expected: &Expected, from: SocketAddrV4, key: [u8; KEEPALIVE]) {
    let pulse = expected.lock().unwrap_or_else(PoisonError::into_inner).get(&from).and_then(Weak::upgrade);
    if let Some(pulse) = pulse {
        pulse.beat(clock::now(), u32::from_be_bytes(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn receiver() -> (UdpSocket, SocketAddrV4) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let SocketAddr::V4(addr) = socket.local_addr().unwrap() else { panic!() };
        (socket, addr)
    }

    #[tokio::test]
    async fn keepalives_of_receivers_are_noticed() {
        let outlet = Outlet::bind(0).unwrap();
        let port = outlet.socket.socket().local_addr().unwrap().port();
        let (socket, addr) = receiver().await;
        let pulse = outlet.expect(addr);
        assert!(Arc::ptr_eq(&pulse, &outlet.expect(addr)));
        socket.send_to(&[0; 12], ("127.0.0.1", port)).await.unwrap();
        receiver().await.0.send_to(&[0; 4], ("127.0.0.1", port)).await.unwrap();
        socket.send_to(&1234u32.to_be_bytes(), ("127.0.0.1", port)).await.unwrap();
        clock::timeout(Duration::from_secs(5), async {
            while pulse.last().is_none_or(|(_, key)| key != 1234) {
                clock::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
        drop(pulse);
        outlet.expect("127.0.0.1:9".parse().unwrap());
        assert!(!outlet.expected.lock().unwrap().contains_key(&addr), "nobody waits for it any more");
    }

    /// A second of stream at once arrives whole, in order, in datagrams of seven packets.
    #[tokio::test]
    async fn a_burst_arrives_whole() {
        let outlet = Outlet::bind(0).unwrap();
        let (socket, addr) = receiver().await;
        let target = format!("rtp://{addr}").parse().unwrap();
        let aim = Arc::new(Aim::new(target, Ipv4Addr::LOCALHOST, outlet.expect(addr), clock::now()));
        let count = 5600_u32;
        let stream: Vec<u8> = (0..count).flat_map(|n| [&[0x47][..], &n.to_be_bytes(), &[0; 183]].concat()).collect();
        let bytes = Bytes::from(stream);
        let runs: Vec<Bytes> = (0..)
            .map(|n| n * 340 * PACKET)
            .take_while(|at| *at < bytes.len())
            .map(|at| bytes.slice(at..bytes.len().min(at + 340 * PACKET)))
            .collect();
        let sending = tasks::spawn("sending", async move { outlet.stream(futures_util::stream::iter(runs), aim).await });
        let (mut next, mut sequence, mut buffer) = (0_u32, None, [0; 2048]);
        while next < count {
            let (length, _) = clock::timeout(Duration::from_secs(5), socket.recv_from(&mut buffer)).await.unwrap().unwrap();
            assert_eq!(length, 12 + 1316);
            let number = u16::from_be_bytes([buffer[2], buffer[3]]);
            assert!(sequence.is_none_or(|last: u16| last.wrapping_add(1) == number));
            sequence = Some(number);
            for packet in buffer[12..length].chunks(PACKET) {
                assert_eq!(packet[1..5], next.to_be_bytes());
                next += 1;
            }
        }
        sending.await.unwrap();
    }
}

//! A bad link for UDP: loses, delays, reorders and repeats datagrams between clients and one server, and counts what passes. A seed
//! makes a run repeatable.

mod counts;
mod fate;

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

pub use counts::Counted;
use counts::{Counts, SrtPacket};
pub use fate::Direction;
use fate::Places;

/// Largest datagram.
const DATAGRAM: usize = 2048;
/// Kernel buffer asked for: a tenth of a second of 120 Mbit/s, with what the kernel adds.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
/// How often a thread that waits looks whether it is to end.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a limited rate lets datagrams wait; what would wait longer is lost.
const LONGEST_QUEUE: Duration = Duration::from_millis(200);

/// A link, while it lives. Dropping it ends it.
#[derive(Debug)]
pub struct Lossy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    seed: u64,
    ending: AtomicBool,
    /// To the server, and from it.
    ways: [Way; 2],
    due: Mutex<BTreeMap<Key, Parcel>>,
    news: Condvar,
    /// How clients know us.
    front: UdpSocket,
    clients: Mutex<HashMap<SocketAddr, Arc<UdpSocket>>>,
}

#[derive(Debug)]
struct Way {
    direction: Direction,
    counts: Counts,
    line: Mutex<Line>,
}

/// What a way remembers of the datagrams before.
#[derive(Debug)]
struct Line {
    came: u64,
    places: Places,
    /// When the last one leaves: those that are not overtaken keep their order.
    last: Instant,
    /// When a limited rate has room again.
    free: Instant,
}

/// When a datagram is due; then its direction, its number, and which of two it is, so that no two are the same.
type Key = (Instant, usize, u64, bool);

/// A datagram that is on its way.
#[derive(Debug, Clone)]
struct Parcel {
    datagram: Box<[u8]>,
    socket: Option<Arc<UdpSocket>>,
    to: SocketAddr,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bind(addr: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.bind(&addr.into())?;
    Ok(socket.into())
}

impl Lossy {
    /// A link from `listen` to `server`, with what holds on the way there and back. Every client gets a port of its own. All of it
    /// is in the network of the calling thread.
    ///
    /// # Errors
    /// When a socket cannot be had.
    pub fn start(listen: SocketAddr, server: SocketAddr, seed: u64, ways: [Direction; 2]) -> std::io::Result<Self> {
        let front = bind(listen)?;
        let addr = front.local_addr()?;
        let now = Instant::now();
        let line = || Mutex::new(Line { came: 0, places: Places::default(), last: now, free: now });
        let shared = Arc::new(Shared {
            server,
            seed,
            ending: AtomicBool::new(false),
            ways: ways.map(|direction| Way { direction, counts: Counts::default(), line: line() }),
            due: Mutex::default(),
            news: Condvar::new(),
            front,
            clients: Mutex::default(),
        });
        let threads = [Shared::listen as fn(&Arc<Shared>), Shared::release].map(|work| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || work(&shared))
        });
        Ok(Self { addr, shared, threads: threads.into() })
    }

    /// Where clients are to send.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What passed to the server, and from it.
    pub fn counted(&self) -> [Counted; 2] {
        [self.shared.ways[0].counts.now(), self.shared.ways[1].counts.now()]
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        self.shared.news.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Takes what clients send.
    fn listen(self: &Arc<Self>) {
        let mut buffer = [0; DATAGRAM];
        while !self.ending() {
            let Some((length, from)) = received(self.front.recv_from(&mut buffer)) else { continue };
            let Some(socket) = self.client(from) else { continue };
            self.take(0, &buffer[..length], Some(socket), self.server);
        }
    }

    /// The socket that stands for a client, with a thread that takes what the server sends to it.
    fn client(self: &Arc<Self>, from: SocketAddr) -> Option<Arc<UdpSocket>> {
        let mut clients = lock(&self.clients);
        if let Some(socket) = clients.get(&from) {
            return Some(Arc::clone(socket));
        }
        let any = if self.server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = Arc::new(bind(any.parse().ok()?).ok()?);
        clients.insert(from, Arc::clone(&socket));
        let (shared, answers) = (Arc::clone(self), Arc::clone(&socket));
        std::thread::spawn(move || {
            let mut buffer = [0; DATAGRAM];
            while !shared.ending() {
                let Some((length, _)) = received(answers.recv_from(&mut buffer)) else { continue };
                shared.take(1, &buffer[..length], None, from);
            }
        });
        Some(socket)
    }

    /// Decides about a datagram, and puts it among those that are on their way.
    fn take(&self, at: usize, datagram: &[u8], socket: Option<Arc<UdpSocket>>, to: SocketAddr) {
        let now = Instant::now();
        let Way { direction, counts, line } = &self.ways[at];
        let packet = SrtPacket::read(datagram);
        let mut line = lock(line);
        line.came += 1;
        let (came, place) = (line.came, line.places.next(packet));
        let fate = direction.fate(self.seed.wrapping_mul(2).wrapping_add(at as u64), place);
        counts.see(datagram, packet, fate.lost);
        if fate.lost {
            return;
        }
        let mut leaves = now;
        let nanos = datagram.len() as u64 * 8_000_000_000;
        if let Some(takes) = nanos.checked_div(direction.rate) {
            line.free = line.free.max(now);
            if line.free > now + LONGEST_QUEUE {
                return counts.crowd_out();
            }
            line.free += Duration::from_nanos(takes);
            leaves = line.free;
        }
        let mut due = (leaves + direction.delay + fate.jitter).max(line.last);
        if fate.overtaken {
            counts.overtake();
            due += direction.reorder_by;
        } else {
            line.last = due;
        }
        drop(line);
        let parcel = Parcel { datagram: datagram.into(), socket, to };
        let mut queue = lock(&self.due);
        let is_next = queue.first_key_value().is_none_or(|((next, ..), _)| due < *next);
        if fate.twice {
            queue.insert((due, at, came, true), parcel.clone());
        }
        queue.insert((due, at, came, false), parcel);
        drop(queue);
        if is_next {
            self.news.notify_one();
        }
    }

    /// Sends what is due.
    fn release(self: &Arc<Self>) {
        let mut queue = lock(&self.due);
        while !self.ending() {
            let now = Instant::now();
            let next = queue.first_key_value().map(|((at, ..), _)| *at);
            let wait = next.map_or(PATIENCE, |at| at.saturating_duration_since(now));
            if !wait.is_zero() {
                queue = self.news.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let Some(((at, way, ..), parcel)) = queue.pop_first() else { continue };
            drop(queue);
            self.ways[way].counts.leave(now.saturating_duration_since(at));
            let _ = parcel.socket.as_deref().unwrap_or(&self.front).send_to(&parcel.datagram, parcel.to);
            queue = lock(&self.due);
        }
    }
}

/// What came, if something did.
fn received(result: std::io::Result<(usize, SocketAddr)>) -> Option<(usize, SocketAddr)> {
    match result {
        Ok(received) => Some(received),
        Err(error) => {
            if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused) {
                std::thread::sleep(Duration::from_millis(1));
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An echo of a hundred datagrams, twenty bytes each: what comes back, and how long it took.
    fn echo(seed: u64, way: Direction) -> (Vec<u8>, Lossy, Duration) {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let back = Direction { delay: way.delay, ..Direction::CLEAR };
        let link = Lossy::start("127.0.0.1:0".parse().unwrap(), server.local_addr().unwrap(), seed, [way, back]).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let began = Instant::now();
        for number in 0..100u8 {
            // As neither data of SRT.
            client.send_to(&[[0x80; 19].as_slice(), &[number]].concat(), link.addr()).unwrap();
        }
        let (mut buffer, mut came, mut took) = ([0; 32], Vec::new(), Duration::ZERO);
        while let Ok((length, from)) = server.recv_from(&mut buffer) {
            server.send_to(&buffer[..length], from).unwrap();
        }
        while let Ok(20) = client.recv(&mut buffer) {
            came.push(buffer[19]);
            took = began.elapsed();
        }
        (came, link, took)
    }

    #[test]
    fn what_is_sent_comes_back_late_and_in_order() {
        let way = Direction { delay: Duration::from_millis(10), jitter: Duration::from_millis(5), ..Direction::CLEAR };
        let (came, link, took) = echo(1, way);
        assert!(came.into_iter().eq(0..100));
        assert!(took >= Duration::from_millis(20));
        assert!(link.counted().iter().all(|counted| counted.forwarded == 100));
    }

    #[test]
    fn a_run_can_be_repeated() {
        let way = Direction {
            loss: 0.1,
            duplicate: 0.1,
            reorder: 0.1,
            reorder_by: Duration::from_millis(30),
            spared: 10,
            ..Direction::CLEAR
        };
        let (came, link, _) = echo(3, way);
        let [up, down] = link.counted();
        assert!(came.len() > 80 && came[..10].iter().copied().eq(0..10) && !came.is_sorted());
        assert!(up.lost > 0 && up.overtaken > 0 && up.came == 100 && down.came == came.len() as u64, "{up:?}");
        let sorted = |mut numbers: Vec<u8>| {
            numbers.sort_unstable();
            numbers
        };
        let (came, others) = (sorted(came), sorted(echo(4, way).0));
        assert_eq!(came, sorted(echo(3, way).0));
        assert_ne!(came, others);
    }
}

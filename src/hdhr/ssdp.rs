//! UDP 1900: found by UPnP.
//!
//! Nobody needs it to find an HDHomeRun, but Plex was seen to lose devices without it, and DLNA browsers list the channels. Answers
//! go by unicast from the address of the interface that was asked; announcements to every interface that has the group.

pub mod message;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use socket2::SockRef;

use super::discovery::Devices;
use super::interfaces::{self, Address};
use super::pktinfo::{Arrival, PktinfoSocket};
use super::roster::{self, Announced};
use crate::base::clock::{self, Instant};
use crate::base::tasks::CancellationToken;
use message::{MAX_AGE, Name, Search};

const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 1900);
/// As the architecture says for version 1.1; it is 4 in 1.0.
const TTL: u32 = 2;
/// How often interfaces are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Announcements are repeated a moment after the first, since datagrams get lost, and then before half their age is over.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
const ANNOUNCE_EVERY: Duration = Duration::from_secs(MAX_AGE.as_secs() / 3);
/// `MX` asks to spread the answers of a whole network. A tuner that is found a little sooner does no harm.
const MOST_DELAY: Duration = Duration::from_millis(200);
/// Answers that wait at a time, and answers a second: more is no search, but somebody who has us shout at somebody else.
const MOST_WAITING: usize = 200;
const MOST_A_SECOND: u32 = 100;
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Takes the port, which others may have too, and joins the group: a search that comes from now on is answered.
///
/// # Errors
/// When somebody has the port for himself alone.
pub fn bind(devices: Devices) -> io::Result<Service> {
    let socket = PktinfoSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, GROUP.port()), true)?;
    SockRef::from(socket.socket()).set_multicast_ttl_v4(TTL)?;
    let (joined, waiting, budget) = (BTreeSet::new(), Vec::new(), Budget::new(clock::now()));
    let shown = devices.announced();
    let mut service = Service { socket, devices, shown, joined, waiting, budget };
    service.join();
    Ok(service)
}

/// Serves until told to stop, then says goodbye.
pub async fn serve(mut service: Service, stop: CancellationToken) {
    let mut look = clock::interval(LOOK_EVERY);
    let mut announce = Announcements { next: clock::now(), repeat: true };
    let mut changes = service.devices.changes();
    let mut buffer = [0; 2048];
    loop {
        let due = service.waiting.iter().map(|answer| answer.at).min();
        tokio::select! {
            () = stop.cancelled() => break,
            _ = look.tick() => service.look().await,
            Ok(()) = changes.changed() => service.change().await,
            () = clock::sleep_until(announce.next) => {
                service.announce(message::alive).await;
                announce.done(clock::now());
            }
            () = clock::sleep_until(due.unwrap_or_else(clock::now)), if due.is_some() => service.answer_due().await,
            arrival = service.socket.receive(&mut buffer) => match arrival {
                Ok(arrival) => service.hear(buffer.get(..arrival.length).unwrap_or_default(), arrival),
                Err(error) => {
                    tracing::debug!(%error, "SSDP could not receive");
                    clock::sleep(AFTER_ERROR).await;
                }
            },
        }
    }
    service.announce(|_, _, name| message::byebye(name)).await;
}

struct Announcements {
    next: Instant,
    repeat: bool,
}

impl Announcements {
    fn done(&mut self, now: Instant) {
        self.next = now + if self.repeat { REPEAT_AFTER } else { ANNOUNCE_EVERY };
        self.repeat = false;
    }
}

/// A member of the group on every interface where devices are announced.
pub struct Service {
    socket: PktinfoSocket,
    devices: Devices,
    /// Those that were announced.
    shown: Vec<Announced>,
    /// Interfaces that are members of the group, each with an address to speak from.
    joined: BTreeSet<(String, Ipv4Addr)>,
    waiting: Vec<Waiting>,
    budget: Budget,
}

struct Waiting {
    at: Instant,
    to: SocketAddrV4,
    local: Ipv4Addr,
    text: String,
}

impl Service {
    /// Announces the devices on interfaces that are new.
    async fn look(&mut self) {
        let all = self.devices.announced();
        for local in self.join() {
            self.announce_at(&all, local, &message::alive).await;
        }
    }

    /// Says goodbye for devices that have gone, and announces those that have come.
    async fn change(&mut self) {
        let now = self.devices.announced();
        let before = std::mem::replace(&mut self.shown, now.clone());
        // A device that has moved goes from where it was.
        let stays =
            |one: &Announced| now.iter().any(|new| new.device.udn == one.device.udn && new.device.listen == one.device.listen);
        let gone: Vec<Announced> = before.iter().filter(|one| !stays(one)).cloned().collect();
        for (_, local) in &self.joined {
            self.announce_at(&gone, *local, &|_, _, name| message::byebye(name)).await;
        }
        self.look().await;
        if now != before {
            self.announce(message::alive).await;
        }
    }

    /// Joins the group on interfaces that are new, which it tells by their addresses.
    fn join(&mut self) -> Vec<Ipv4Addr> {
        let mut news = Vec::new();
        let (all, scope) = (interfaces::addresses(), self.devices.scope());
        let wanted = speaking(&all, |ip| scope.covers(ip, &all));
        self.joined.retain(|known| wanted.contains(known));
        for new in wanted {
            if self.joined.contains(&new) {
                continue;
            }
            let (interface, ip) = &new;
            match SockRef::from(self.socket.socket()).join_multicast_v4(GROUP.ip(), ip) {
                Ok(()) => tracing::debug!(interface, %ip, "SSDP listens"),
                // The interface was known by another address.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => {
                    tracing::debug!(interface, %ip, %error, "SSDP cannot listen on an interface");
                    continue;
                }
            }
            news.push(*ip);
            self.joined.insert(new);
        }
        news
    }

    fn hear(&mut self, datagram: &[u8], arrival: Arrival) {
        let Some(search) = Search::of(datagram).filter(|_| !arrival.truncated) else { return };
        if !self.devices.allows_client((*arrival.from.ip()).into()) {
            return;
        }
        let (all, addresses) = (self.devices.announced(), interfaces::addresses());
        let answering: Vec<(&Announced, Ipv4Addr)> = if arrival.is_unicast() {
            roster::at(&all, arrival.local).map(|one| (one, arrival.local)).into_iter().collect()
        } else {
            roster::on_link(&all, arrival.local, &interfaces::link_of(arrival.local, &addresses))
        };
        let scope = self.devices.scope();
        for (one, local) in answering.into_iter().filter(|(_, local)| scope.covers(*local, &addresses)) {
            for name in message::found(&search, &one.device.udn) {
                let now = clock::now();
                if self.waiting.len() >= MOST_WAITING || !self.budget.take(now) {
                    return;
                }
                let at = now + delay(search.spread, getrandom::u32().unwrap_or(0));
                self.waiting.push(Waiting { at, to: arrival.from, local, text: message::answer(one, local, &name) });
            }
        }
    }

    async fn answer_due(&mut self) {
        let now = clock::now();
        let due: Vec<Waiting> = self.waiting.extract_if(.., |answer| answer.at <= now).collect();
        for answer in due {
            self.send(&answer.text, answer.to, answer.local).await;
        }
    }

    async fn announce(&self, text: impl Fn(&Announced, Ipv4Addr, &Name) -> String) {
        let all = self.devices.announced();
        for (_, local) in &self.joined {
            self.announce_at(&all, *local, &text).await;
        }
    }

    async fn announce_at(&self, all: &[Announced], local: Ipv4Addr, text: &impl Fn(&Announced, Ipv4Addr, &Name) -> String) {
        let link = interfaces::link_of(local, &interfaces::addresses());
        for (one, local) in roster::on_link(all, local, &link) {
            for name in message::names(&one.device.udn) {
                self.send(&text(one, local, &name), GROUP, local).await;
            }
        }
    }

    async fn send(&self, text: &str, to: SocketAddrV4, local: Ipv4Addr) {
        if let Err(error) = self.socket.send(text.as_bytes(), to, local).await {
            tracing::debug!(%error, %to, %local, "SSDP could not send");
        }
    }
}

/// One address of each interface to speak from.
fn speaking(all: &[Address], covered: impl Fn(Ipv4Addr) -> bool) -> BTreeSet<(String, Ipv4Addr)> {
    let usable = all.iter().filter(|one| one.up && !one.loopback && covered(one.ip));
    let mut chosen: Vec<&Address> = Vec::new();
    for one in usable {
        if !chosen.iter().any(|known| known.interface == one.interface) {
            chosen.push(one);
        }
    }
    chosen.into_iter().map(|one| (one.interface.clone(), one.ip)).collect()
}

/// Some moment of the time over which answers are to be spread.
fn delay(spread: Duration, random: u32) -> Duration {
    spread.min(MOST_DELAY).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// Answers that may still be given.
#[derive(Debug)]
struct Budget {
    left: u32,
    since: Instant,
}

impl Budget {
    fn new(now: Instant) -> Self {
        Self { left: MOST_A_SECOND, since: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        if now >= self.since + Duration::from_secs(1) {
            *self = Self::new(now);
        }
        self.left.checked_sub(1).inspect(|left| self.left = *left).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_spread_but_soon() {
        let second = Duration::from_secs(1);
        assert_eq!((delay(second, 0), delay(second, u32::MAX)), (Duration::ZERO, MOST_DELAY));
        assert_eq!(delay(Duration::ZERO, u32::MAX), Duration::ZERO);
        assert!(delay(Duration::from_secs(120), u32::MAX / 2) <= MOST_DELAY);
    }

    #[tokio::test]
    async fn more_than_a_hundred_a_second_go_unanswered() {
        let (t, mut budget) = (clock::now(), Budget::new(clock::now()));
        assert_eq!((0..1000).filter(|_| budget.take(t)).count(), 100);
        assert!(!budget.take(t + Duration::from_millis(900)) && budget.take(t + Duration::from_millis(1100)));
    }

    #[test]
    fn every_interface_speaks_once() {
        let address = |interface: &str, last, up| Address {
            interface: interface.into(),
            ip: Ipv4Addr::new(10, 0, 0, last),
            loopback: interface == "lo",
            up,
        };
        let all = [address("lo", 9, true), address("eth0", 1, true), address("eth0", 2, true), address("wlan0", 3, false)];
        assert_eq!(speaking(&all, |_| true), BTreeSet::from([("eth0".to_owned(), Ipv4Addr::new(10, 0, 0, 1))]));
        assert_eq!(speaking(&all, |ip| ip.octets()[3] == 2), BTreeSet::from([("eth0".to_owned(), Ipv4Addr::new(10, 0, 0, 2))]));
    }

    #[tokio::test]
    async fn announcements_are_repeated_before_half_their_age() {
        let t = clock::now();
        let mut announce = Announcements { next: t, repeat: true };
        announce.done(t);
        assert_eq!(announce.next, t + REPEAT_AFTER);
        announce.done(t);
        assert!(announce.next < t + MAX_AGE / 2 && announce.next > t + REPEAT_AFTER);
    }
}

//! Who may be connected: a count, a limit for all and one for each address, and who has to go when it is reached. No I/O.
//!
//! Ten thousand connections that say nothing must not keep one client out: when there is no place, the oldest connection that has
//! not yet asked for anything goes, or else the one that has been idle for longest.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::tasks::CancellationToken;

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Has not asked for anything.
    Silent,
    /// Is being answered.
    Busy,
    /// Was answered and may ask again.
    Idle,
}

#[derive(Debug)]
struct Entry {
    addr: IpAddr,
    state: State,
    evicted: CancellationToken,
}

#[derive(Debug, Default)]
struct Registry {
    next: u64,
    /// In order of arrival.
    entries: BTreeMap<u64, Entry>,
    per_address: HashMap<IpAddr, usize>,
}

impl Registry {
    fn admit(&mut self, addr: IpAddr, most: usize, most_per_address: usize) -> Option<(u64, CancellationToken)> {
        if self.per_address.get(&addr).is_some_and(|count| *count >= most_per_address) && !self.evict(Some(addr)) {
            return None;
        }
        if self.entries.len() >= most && !self.evict(None) {
            return None;
        }
        self.next += 1;
        let evicted = CancellationToken::new();
        self.entries.insert(self.next, Entry { addr, state: State::Silent, evicted: evicted.clone() });
        *self.per_address.entry(addr).or_default() += 1;
        Some((self.next, evicted))
    }

    /// Ends the connection that is missed least, of `addr` or of all; `false` if every one is being answered.
    fn evict(&mut self, addr: Option<IpAddr>) -> bool {
        let candidate = |state: State| {
            self.entries
                .iter()
                .find(|(_, entry)| entry.state == state && addr.is_none_or(|addr| entry.addr == addr))
                .map(|(id, _)| *id)
        };
        let Some(id) = candidate(State::Silent).or_else(|| candidate(State::Idle)) else { return false };
        if let Some(entry) = self.remove(id) {
            entry.evicted.cancel();
        }
        true
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        if let Some(count) = self.per_address.get_mut(&entry.addr) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&entry.addr);
            }
        }
        Some(entry)
    }
}

/// The connections of all listeners that share a limit. A cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<Mutex<Registry>>);

impl Connections {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.registry().entries.len()
    }

    /// A place for a connection from `addr`; perhaps another one that says nothing loses its. `None`: all are being answered.
    pub(super) fn admit(&self, addr: IpAddr, most: usize, most_per_address: usize) -> Option<Seat> {
        let (id, evicted) = self.registry().admit(addr, most, most_per_address)?;
        Some(Seat { id, evicted, connections: self.clone() })
    }

    /// Ends one connection that is not being answered, because the process has no descriptor left.
    pub(super) fn make_room(&self) -> bool {
        self.registry().evict(None)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Seat {
    id: u64,
    evicted: CancellationToken,
    connections: Connections,
}

impl Seat {
    /// Cancelled when somebody else needs the place.
    pub(super) fn evicted(&self) -> &CancellationToken {
        &self.evicted
    }

    /// A request is being answered: from now on the place is safe.
    pub(super) fn busy(&self) {
        self.set(State::Busy);
    }

    /// The answer is ready.
    pub(super) fn idle(&self) {
        self.set(State::Idle);
    }

    fn set(&self, state: State) {
        if let Some(entry) = self.connections.registry().entries.get_mut(&self.id) {
            entry.state = state;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.registry().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn the_oldest_silent_connection_makes_room() {
        let all = Connections::default();
        let first = all.admit(A, 2, 2).unwrap();
        first.busy();
        let second = all.admit(A, 2, 2).unwrap();
        let third = all.admit(B, 2, 2).unwrap();
        assert!(!first.evicted().is_cancelled());
        assert!(second.evicted().is_cancelled());
        third.busy();
        assert!(all.admit(B, 2, 2).is_none());
        drop(first);
        assert!(all.admit(B, 2, 2).is_some());
    }

    #[test]
    fn an_address_that_is_full_loses_its_own() {
        let all = Connections::default();
        let other = all.admit(B, 10, 2).unwrap();
        let mine: Vec<Seat> = (0..3).map(|_| all.admit(A, 10, 2).unwrap()).collect();
        assert!(mine[0].evicted().is_cancelled());
        assert!(!other.evicted().is_cancelled());
        assert_eq!(all.count(), 3);
    }

    #[test]
    fn idle_goes_after_silent() {
        let all = Connections::default();
        let idle = all.admit(A, 2, 2).unwrap();
        idle.busy();
        idle.idle();
        let silent = all.admit(A, 2, 2).unwrap();
        let _third = all.admit(B, 2, 2).unwrap();
        assert!(silent.evicted().is_cancelled() && !idle.evicted().is_cancelled());
        _third.busy();
        assert!(all.admit(B, 2, 2).is_some());
        assert!(idle.evicted().is_cancelled());
    }

    proptest! {
        #[test]
        fn never_more_than_the_limits(steps in proptest::collection::vec((0u8..4, 0u8..3), 0..200)) {
            let all = Connections::default();
            let mut seats: Vec<Seat> = Vec::new();
            for (step, who) in steps {
                let addr = IpAddr::from([10, 0, 0, who]);
                match step {
                    0 | 1 => seats.extend(all.admit(addr, 5, 3)),
                    2 => if let Some(seat) = seats.get(usize::from(who)) { seat.busy() },
                    _ => if !seats.is_empty() { seats.remove(0); },
                }
                seats.retain(|seat| !seat.evicted().is_cancelled());
                prop_assert_eq!(all.count(), seats.len());
                prop_assert!(seats.len() <= 5);
                let registry = all.registry();
                prop_assert!(registry.per_address.values().all(|count| *count <= 3));
                prop_assert_eq!(registry.per_address.values().sum::<usize>(), seats.len());
            }
        }
    }
}

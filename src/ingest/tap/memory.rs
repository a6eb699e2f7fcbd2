//! Who holds how much memory: one ledger for all streams, and an account of it for each. What is held is counted until the last
//! reader lets go of it. Neither limit is ever exceeded by what is counted; beside it each stream has the frame at hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

const MIB: u64 = 1024 * 1024;

/// How much there may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of all streams.
    pub global: u64,
    /// Of one.
    pub per_stream: u64,
}

impl Limits {
    /// For a machine with so many bytes of memory: a quarter of it, at most 2.5 GiB. One stream may have 200 MiB of that, and on
    /// a small machine no more than a quarter.
    pub fn of_machine(memory: u64) -> Self {
        Self::within((memory / 4).min(2560 * MIB))
    }

    /// The same where all streams may have so many bytes.
    pub fn within(global: u64) -> Self {
        Self { global, per_stream: (global / 4).min(200 * MIB) }
    }
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// In the account.
    #[error("the stream holds {used} of {limit} bytes, and {wanted} more are too many")]
    Stream {
        /// Bytes it holds.
        used: u64,
        /// Its limit.
        limit: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// In the ledger.
    #[error("all streams hold {used} of {limit} bytes, and {wanted} more are too many")]
    Global {
        /// Bytes all hold.
        used: u64,
        /// The limit of all.
        limit: u64,
        /// What was asked for.
        wanted: u64,
    },
}

/// The memory of all streams. A cheap handle.
#[derive(Debug, Clone)]
pub struct Ledger(Arc<Total>);

#[derive(Debug)]
struct Total {
    limits: Limits,
    used: AtomicU64,
}

/// The memory of one stream. A cheap handle.
#[derive(Debug, Clone)]
pub struct Account(Arc<Own>);

#[derive(Debug)]
struct Own {
    total: Arc<Total>,
    used: AtomicU64,
}

/// Room for so many bytes. Dropping it gives them back.
#[derive(Debug)]
pub struct Reservation {
    own: Arc<Own>,
    bytes: u64,
}

/// Bytes with the room they take.
struct Held {
    bytes: Box<[u8]>,
    _room: Reservation,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Ledger {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Total { limits, used: AtomicU64::new(0) }))
    }

    /// The account of a further stream.
    pub fn account(&self) -> Account {
        Account(Arc::new(Own { total: self.0.clone(), used: AtomicU64::new(0) }))
    }

    /// Bytes that all streams hold.
    #[cfg(test)]
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }
}

impl Account {
    /// Takes room.
    ///
    /// # Errors
    /// When there is none, in the account or in the ledger. Nothing is taken then.
    pub fn reserve(&self, bytes: usize) -> Result<Reservation, Full> {
        let wanted = bytes as u64;
        let Limits { global, per_stream } = self.0.total.limits;
        let taken = take(&self.0.used, wanted, per_stream)
            .map_err(|used| Full::Stream { used, limit: per_stream, wanted })
            .and_then(|()| {
                take(&self.0.total.used, wanted, global).map_err(|used| {
                    self.0.used.fetch_sub(wanted, Ordering::Relaxed);
                    Full::Global { used, limit: global, wanted }
                })
            });
        taken.map(|()| Reservation { own: self.0.clone(), bytes: wanted })
    }

    /// Bytes that the stream holds.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    /// The share of the limits that is used, 0 to 1: of its own, or of all, where that is more.
    pub fn pressure(&self) -> f64 {
        let Total { limits, used, .. } = &*self.0.total;
        share(self.used(), limits.per_stream).max(share(used.load(Ordering::Relaxed), limits.global))
    }
}

impl Reservation {
    /// Takes so many bytes out of it, or all there are, for something that may be let go on its own.
    pub fn split(&mut self, bytes: usize) -> Self {
        let bytes = (bytes as u64).min(self.bytes);
        self.bytes -= bytes;
        Self { own: self.own.clone(), bytes }
    }

    /// Puts bytes into the room, which they should fill. It is given back when the last reader lets go of them.
    pub fn hold(self, bytes: Box<[u8]>) -> Bytes {
        Bytes::from_owner(Held { bytes, _room: self })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.own.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.own.total.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Adds, unless it would be more than the limit; then says how much there is.
fn take(used: &AtomicU64, wanted: u64, limit: u64) -> Result<(), u64> {
    let sum = |used: u64| used.checked_add(wanted).filter(|sum| *sum <= limit);
    used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).map(|_| ())
}

fn share(used: u64, limit: u64) -> f64 {
    if limit == 0 { 1.0 } else { used as f64 / limit as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(64 * 1024 * MIB, 2560, 200)]
    #[case(10 * 1024 * MIB, 2560, 200)]
    #[case(4 * 1024 * MIB, 1024, 200)]
    #[case(1024 * MIB, 256, 64)]
    #[case(0, 0, 0)]
    fn limits_go_by_the_machine(#[case] memory: u64, #[case] global_mib: u64, #[case] per_stream_mib: u64) {
        assert_eq!(Limits::of_machine(memory), Limits { global: global_mib * MIB, per_stream: per_stream_mib * MIB });
    }

    #[test]
    fn room_is_given_back_when_the_last_reader_lets_go() {
        let ledger = Ledger::new(Limits { global: 100, per_stream: 60 });
        let (one, two) = (ledger.account(), ledger.account());
        let bytes = one.reserve(50).unwrap().hold(vec![7; 50].into());
        assert_eq!(one.reserve(11).unwrap_err(), Full::Stream { used: 50, limit: 60, wanted: 11 });
        assert_eq!(two.reserve(51).unwrap_err(), Full::Global { used: 50, limit: 100, wanted: 51 });
        assert_eq!((one.used(), two.used(), ledger.used()), (50, 0, 50));
        assert_eq!((one.pressure(), two.pressure()), (50.0 / 60.0, 0.5));
        let mut room = two.reserve(30).unwrap();
        drop(room.split(20));
        assert_eq!((two.used(), ledger.used()), (10, 60));
        drop(room.split(20));
        assert_eq!(two.used(), 0);
        drop(room);
        let reader = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(ledger.used(), 50);
        drop(one);
        assert_eq!(reader, [7; 10][..]);
        drop(reader);
        assert_eq!((ledger.used(), two.pressure()), (0, 0.0));
    }

    #[test]
    fn together_they_never_exceed_the_limit() {
        let ledger = Ledger::new(Limits { global: 300, per_stream: 250 });
        let refused: usize = std::thread::scope(|scope| {
            let reserve = |n: usize| {
                let (ledger, account) = (ledger.clone(), ledger.account());
                scope.spawn(move || {
                    let (mut held, mut refused) = (Vec::new(), 0);
                    for step in 0..20_000usize {
                        match account.reserve((step * (n + 3)) % 97) {
                            Ok(room) => held.push(room),
                            Err(_) => refused += 1,
                        }
                        assert!(ledger.used() <= 300);
                        if held.len() > 5 {
                            held.remove(step % 5);
                        }
                    }
                    refused
                })
            };
            [0, 1, 2, 3].map(reserve).into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(ledger.used(), 0);
        assert!(refused > 0);
    }

    proptest! {
        #[test]
        fn the_books_are_right(
            global in 0u64..2000, per_stream in 0u64..1000,
            steps in proptest::collection::vec((0usize..3, 0usize..400, any::<prop::sample::Index>(), any::<bool>()), 0..200),
        ) {
            let ledger = Ledger::new(Limits { global, per_stream });
            let accounts = [ledger.account(), ledger.account(), ledger.account()];
            let mut held: Vec<(usize, usize, Bytes)> = Vec::new();
            for (who, size, which, release) in steps {
                if release && !held.is_empty() {
                    held.swap_remove(which.index(held.len()));
                } else if let Ok(room) = accounts[who].reserve(size) {
                    held.push((who, size, room.hold(vec![0; size].into())));
                }
                let sum = |of: Option<usize>| {
                    held.iter().filter(|(who, ..)| of.is_none_or(|of| of == *who)).map(|(_, size, _)| *size as u64).sum::<u64>()
                };
                prop_assert_eq!(ledger.used(), sum(None));
                prop_assert!(ledger.used() <= global);
                for (who, account) in accounts.iter().enumerate() {
                    prop_assert_eq!(account.used(), sum(Some(who)));
                    prop_assert!(account.used() <= per_stream);
                }
            }
            drop(held);
            prop_assert_eq!(ledger.used(), 0);
        }
    }
}

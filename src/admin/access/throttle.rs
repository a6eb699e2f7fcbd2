//! Slows down whoever guesses passwords: after a few wrong ones an address has to wait, twice as long each time. Pure.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::base::clock::Instant;

/// Wrong ones that cost nothing: people mistype.
const FREE: u32 = 4;
/// The first wait.
const FIRST: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// An address that was quiet for so long begins anew.
const FORGET: Duration = Duration::from_secs(3600);
/// Addresses that are remembered. IPv6 has no end of them: they count by their network.
const MOST: usize = 4096;

#[derive(Debug, Clone, Copy)]
struct Guesser {
    wrong: u32,
    last: Instant,
}

/// Who has guessed how often.
#[derive(Debug, Default)]
pub struct Throttle {
    guessers: HashMap<IpAddr, Guesser>,
}

impl Throttle {
    /// How long an address has to wait before it may try again.
    pub fn wait(&self, addr: IpAddr, now: Instant) -> Option<Duration> {
        let guesser = self.guessers.get(&network(addr))?;
        let wait = wait_after(guesser.wrong);
        let passed = now.saturating_duration_since(guesser.last);
        wait.checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// Counts a try before it is known how it ends, so that many at once count as well.
    pub fn tried(&mut self, addr: IpAddr, now: Instant) {
        self.guessers.retain(|_, guesser| now.saturating_duration_since(guesser.last) < FORGET);
        if self.guessers.len() >= MOST
            && let Some(oldest) = self.guessers.iter().min_by_key(|(_, guesser)| guesser.last).map(|(addr, _)| *addr)
        {
            self.guessers.remove(&oldest);
        }
        let guesser = self.guessers.entry(network(addr)).or_insert(Guesser { wrong: 0, last: now });
        guesser.wrong = guesser.wrong.saturating_add(1);
        guesser.last = now;
    }

    /// It was the right one: it does not count. Wrong ones before it do: somebody with a password of their own may be guessing
    /// another's.
    pub fn succeeded(&mut self, addr: IpAddr) {
        if let Some(guesser) = self.guessers.get_mut(&network(addr)) {
            guesser.wrong = guesser.wrong.saturating_sub(1);
        }
    }
}

fn wait_after(wrong: u32) -> Duration {
    match wrong.checked_sub(FREE) {
        None | Some(0) => Duration::ZERO,
        Some(more) => FIRST.saturating_mul(1 << (more - 1).min(20)).min(LONGEST),
    }
}

/// IPv4 as it is; of IPv6 the first 64 bits, which one household has.
fn network(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    #[test]
    fn waits_double_and_end() {
        let (mut throttle, addr, now) = (Throttle::default(), IpAddr::from([10, 0, 0, 2]), clock::now());
        for _ in 0..FREE {
            throttle.tried(addr, now);
            assert_eq!(throttle.wait(addr, now), None);
        }
        for seconds in [2, 4, 8, 16] {
            throttle.tried(addr, now);
            assert_eq!(throttle.wait(addr, now), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(throttle.wait(addr, now + Duration::from_secs(15)), Some(Duration::from_secs(1)));
        assert_eq!(throttle.wait(addr, now + Duration::from_secs(16)), None);
        assert_eq!(throttle.wait(IpAddr::from([10, 0, 0, 3]), now), None, "nobody else waits");
        (0..40).for_each(|_| throttle.tried(addr, now));
        assert_eq!(throttle.wait(addr, now), Some(LONGEST));
        throttle.tried(addr, now + FORGET);
        assert_eq!(throttle.wait(addr, now + FORGET), None, "it begins anew");
    }

    #[test]
    fn a_right_one_forgives_no_wrong_one() {
        let (mut throttle, addr, now) = (Throttle::default(), IpAddr::from([10, 0, 0, 2]), clock::now());
        for _ in 0..100 {
            throttle.tried(addr, now);
            throttle.succeeded(addr);
        }
        assert_eq!(throttle.wait(addr, now), None, "logins as such cost nothing");
        for _ in 0..=FREE {
            throttle.tried(addr, now);
            throttle.tried(addr, now);
            throttle.succeeded(addr);
        }
        assert_eq!(throttle.wait(addr, now), Some(FIRST));
    }

    #[test]
    fn memory_is_bounded_and_a_network_is_one() {
        let (mut throttle, now) = (Throttle::default(), clock::now());
        for number in 0..10_000u32 {
            throttle.tried(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(throttle.guessers.len() <= MOST);
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network(of("2001:db8:1:2::3")), network(of("2001:db8:1:2:ffff::9")));
        assert_ne!(network(of("2001:db8:1:2::3")), network(of("2001:db8:1:3::3")));
        assert_eq!(network(of("::ffff:10.0.0.2")), of("10.0.0.2"));
    }
}

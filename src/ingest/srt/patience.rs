//! Who was called in vain, and when they may be called again. Pure, but for the chance in the waits.
//!
//! Why this is here at all, besides the ladder on which sources rest and the waits of a session's recovery: those say in which
//! order sources are dialled, and a channel with one source dials it whatever its rung is, as does each probe and each viewer who
//! tries again. This keeps all of them together from calling somebody who says no, or an address that swallows calls and holds
//! up whoever waits for an answer. Nobody listening is not held against anybody: the operating system says so at once, and an
//! encoder that is started anew is to be back with the next try.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::backoff::Backoff;
use crate::base::clock::Instant;
use crate::ingest::breaker::{Breaker, Settings};
use crate::source::SourceError;

/// Between calls, until the breaker opens.
const FIRST: Duration = Duration::from_millis(250);
const MOST: Duration = Duration::from_secs(30);
/// Addresses that are remembered.
const REMEMBERED: usize = 1000;

/// See above. Addresses are known by a hash.
#[derive(Debug, Default)]
pub(super) struct Patience {
    vain: HashMap<u64, Vain>,
}

#[derive(Debug)]
struct Vain {
    breaker: Breaker,
    backoff: Option<Backoff>,
    /// Not before.
    due: Instant,
    /// Why it failed last.
    reason: String,
}

impl Patience {
    /// Asks to call: gives when. Whoever asks tells what came of it.
    ///
    /// # Errors
    /// [`SourceError::Resting`].
    pub(super) fn ask(&mut self, now: Instant, address: u64) -> Result<Instant, SourceError> {
        let Some(vain) = self.vain.get_mut(&address) else { return Ok(now) };
        match vain.breaker.may_try(now) {
            Ok(()) => Ok(vain.due.max(now)),
            Err(until) => Err(SourceError::Resting { left: until.saturating_duration_since(now), reason: vain.reason.clone() }),
        }
    }

    /// It said no, or nothing.
    pub(super) fn failed(&mut self, now: Instant, address: u64, reason: &SourceError) {
        if self.vain.len() >= REMEMBERED && !self.vain.contains_key(&address) {
            let oldest = self.vain.iter().min_by_key(|(_, vain)| vain.due).map(|(address, _)| *address);
            oldest.map(|oldest| self.vain.remove(&oldest));
        }
        let vain = self.vain.entry(address).or_insert_with(|| Vain {
            breaker: Breaker::new(Settings::default()),
            backoff: Backoff::new(FIRST, MOST).ok(),
            due: now,
            reason: String::new(),
        });
        vain.breaker.failed(now);
        let wait = vain.backoff.as_mut().map_or(FIRST, Backoff::wait);
        vain.due = now.checked_add(wait).unwrap_or(now);
        vain.reason = reason.to_string();
    }

    /// Whoever tried did not wait for an answer: somebody else may.
    pub(super) fn given_up(&mut self, address: u64) {
        if let Some(vain) = self.vain.get_mut(&address) {
            vain.breaker.given_up();
        }
    }

    /// It was reached.
    pub(super) fn succeeded(&mut self, address: u64) {
        self.vain.remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    fn silent() -> SourceError {
        SourceError::Connect { reason: "no answer".into() }
    }

    #[test]
    fn three_times_in_vain_and_it_is_left_alone() {
        let (mut patience, mut now) = (Patience::default(), clock::now());
        for least in [0, 125, 250] {
            let due = patience.ask(now, 1).unwrap();
            let wait = (due - now).as_millis();
            assert!((least..=least * 2).contains(&wait), "{wait} ms");
            now = due;
            patience.failed(now, 1, &silent());
        }
        let error = patience.ask(now + Duration::from_secs(20), 1).unwrap_err();
        assert_eq!(error.to_string(), "not called again for 40 s: cannot connect: no answer");
        assert_eq!(patience.ask(now, 2).unwrap(), now, "another address has nothing to do with it");
        now += Duration::from_secs(60);
        assert!(patience.ask(now, 1).is_ok() && patience.ask(now, 1).is_err(), "one tries for all");
        patience.given_up(1);
        assert!(patience.ask(now, 1).is_ok() && patience.ask(now, 1).is_err(), "who gives up leaves the try to the next");
        patience.succeeded(1);
        assert_eq!(patience.ask(now, 1).unwrap(), now);
    }

    #[test]
    fn no_more_are_remembered_than_a_number() {
        let (mut patience, now) = (Patience::default(), clock::now());
        for n in 0..REMEMBERED as u64 + 10 {
            patience.failed(now + Duration::from_secs(n), n, &silent());
        }
        assert_eq!(patience.vain.len(), REMEMBERED);
        assert!(!patience.vain.contains_key(&0) && patience.vain.contains_key(&1009));
    }
}

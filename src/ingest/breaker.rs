//! Whether somebody who could not be reached may be called again: after some failures in a row not for a while, and then by one
//! alone, for all (a circuit breaker). Pure.

use std::time::Duration;

use crate::base::clock::Instant;

/// Limits; the defaults are those of INPUTS.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Failures in a row after which it opens.
    pub failures: u32,
    /// How long it stays open.
    pub open: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { failures: 3, open: Duration::from_secs(60) }
    }
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Whoever asks may try.
    Closed,
    /// Nobody may.
    Open,
    /// One is trying.
    HalfOpen,
}

/// Says who may try. It decides nothing about how long to wait between tries.
#[derive(Debug, Clone)]
pub struct Breaker {
    settings: Settings,
    /// In a row.
    failures: u32,
    opened: u64,
    state: State,
    /// Until when it is open; until when the one that is trying is waited for.
    until: Option<Instant>,
}

impl Breaker {
    /// A closed one.
    pub fn new(settings: Settings) -> Self {
        Self { settings, failures: 0, opened: 0, state: State::Closed, until: None }
    }

    /// Asks for a try, whose outcome is to be told.
    ///
    /// # Errors
    /// When it is not yet time, with when it is.
    pub fn may_try(&mut self, now: Instant) -> Result<(), Instant> {
        if self.state == State::Closed {
            return Ok(());
        }
        if let Some(until) = self.until.filter(|until| now < *until) {
            return Err(until);
        }
        // One whose outcome was never told does not stand in the way for ever.
        self.state = State::HalfOpen;
        self.until = now.checked_add(self.settings.open);
        Ok(())
    }

    /// A try was given up before anything came of it: another one may be made at once.
    pub fn given_up(&mut self) {
        if self.state == State::HalfOpen {
            self.until = None;
        }
    }

    /// A try has led to something.
    pub fn succeeded(&mut self) {
        (self.failures, self.state, self.until) = (0, State::Closed, None);
    }

    /// A try has failed. One that tried for all opens it again: nothing has succeeded since.
    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.settings.failures.max(1) {
            if self.state != State::Open {
                self.opened = self.opened.saturating_add(1);
                self.until = now.checked_add(self.settings.open);
            }
            self.state = State::Open;
        }
    }

    /// How it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// How often it has opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock;

    const OPEN: Duration = Duration::from_secs(60);

    #[test]
    fn it_opens_after_three_failures_in_a_row() {
        let (mut breaker, now) = (Breaker::new(Settings::default()), clock::now());
        for _ in 0..2 {
            assert_eq!(breaker.may_try(now), Ok(()));
            breaker.failed(now);
        }
        breaker.succeeded();
        for _ in 0..3 {
            assert_eq!(breaker.may_try(now), Ok(()), "two and three are not five");
            breaker.failed(now);
        }
        assert_eq!((breaker.state(), breaker.may_try(now), breaker.opened()), (State::Open, Err(now + OPEN), 1));
        let nearly = now + OPEN - Duration::from_millis(1);
        assert_eq!(breaker.may_try(nearly), Err(now + OPEN));
    }

    #[test]
    fn one_tries_for_all() {
        let (mut breaker, start) = (Breaker::new(Settings::default()), clock::now());
        (0..3).for_each(|_| breaker.failed(start));
        let now = start + OPEN;
        assert_eq!((breaker.may_try(now), breaker.state()), (Ok(()), State::HalfOpen));
        assert_eq!(breaker.may_try(now), Err(now + OPEN), "while one tries, nobody else does");
        breaker.failed(now);
        assert_eq!((breaker.may_try(now), breaker.opened()), (Err(now + OPEN), 2));
        assert_eq!(breaker.may_try(now + OPEN), Ok(()));
        breaker.succeeded();
        assert_eq!((breaker.state(), breaker.may_try(now)), (State::Closed, Ok(())));
    }

    #[test]
    fn a_try_that_was_forgotten_is_not_waited_for() {
        let (mut breaker, start) = (Breaker::new(Settings::default()), clock::now());
        (0..3).for_each(|_| breaker.failed(start));
        assert_eq!(breaker.may_try(start + OPEN), Ok(()));
        assert_eq!(breaker.may_try(start + OPEN + OPEN), Ok(()));
    }

    #[test]
    fn who_fails_late_does_not_keep_it_open() {
        let (mut breaker, start) = (Breaker::new(Settings::default()), clock::now());
        (0..3).for_each(|_| breaker.failed(start));
        breaker.failed(start + OPEN / 2);
        assert_eq!(breaker.may_try(start + OPEN), Ok(()));
    }

    proptest! {
        /// Whoever comes, at most one tries in each time that it is open.
        #[test]
        fn tries_are_rare_while_nothing_comes_of_them(steps in proptest::collection::vec((0u64..40, any::<bool>()), 0..300)) {
            let (mut breaker, start) = (Breaker::new(Settings::default()), clock::now());
            let (mut seconds, mut tries) = (0, 0);
            for (passed, tells) in steps {
                seconds += passed;
                let now = start + Duration::from_secs(seconds);
                if breaker.may_try(now).is_ok() {
                    tries += u64::from(breaker.state() != State::Closed);
                    if tells || breaker.state() == State::Closed {
                        breaker.failed(now);
                    }
                }
                prop_assert!(tries <= seconds / 60);
            }
        }
    }
}

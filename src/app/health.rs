//! The health of sources and accounts in memory: what the data path asks and tells, without waiting for the database.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::{Health, ProviderId, Source, SourceId};

/// The book.
#[derive(Debug)]
pub struct HealthBook {
    healthy: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sources: HashMap<SourceId, Health>,
    stepped: HashSet<SourceId>,
    providers: HashMap<ProviderId, i64>,
}

impl HealthBook {
    /// An empty one. A source that serves for `healthy` goes a rung down the ladder, once each time it is on air.
    pub fn new(healthy: Duration) -> Self {
        Self { healthy, state: Mutex::default() }
    }

    /// Now, or, if nothing has happened since the start, as stored.
    pub fn of(&self, source: &Source) -> Health {
        self.state().sources.get(&source.id).cloned().unwrap_or_else(|| source.health.clone())
    }

    /// Whether the account rests.
    pub fn provider_cools(&self, provider: ProviderId, now_ms: i64) -> bool {
        !self.provider_rests(provider, now_ms).is_zero()
    }

    /// For how long it still does.
    pub fn provider_rests(&self, provider: ProviderId, now_ms: i64) -> Duration {
        let until = self.state().providers.get(&provider).copied().unwrap_or(i64::MIN);
        Duration::from_millis(u64::try_from(until.saturating_sub(now_ms)).unwrap_or(0))
    }

    /// The account rests for `wait`, or for longer if that was said before.
    pub fn cool_provider(&self, provider: ProviderId, now_ms: i64, wait: Duration) {
        let until = now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        let mut state = self.state();
        let known = state.providers.entry(provider).or_insert(until);
        *known = until.max(*known);
    }

    /// A failure; gives the new state, to be stored.
    pub fn fail(&self, id: SourceId, stored: Health, now_ms: i64, reason: &str) -> Health {
        let mut state = self.state();
        state.stepped.remove(&id);
        let health = state.sources.entry(id).or_insert(stored);
        health.fail(now_ms, reason);
        health.clone()
    }

    /// It has been on air for `healthy_for`; gives the new state if it is worth storing.
    pub fn succeed(&self, id: SourceId, stored: Health, now_ms: i64, healthy_for: Duration) -> Option<Health> {
        let mut state = self.state();
        let step = healthy_for >= self.healthy && state.stepped.insert(id);
        let health = state.sources.entry(id).or_insert(stored);
        let news = step || health.cool_until_ms.is_some() || health.last_success_ms.is_none();
        health.on_air(now_ms);
        if step {
            health.step_down();
        }
        news.then(|| health.clone())
    }

    /// Forgets a source's health; or that of all sources, and the accounts that rest.
    pub fn clear(&self, source: Option<SourceId>) {
        let mut state = self.state();
        match source {
            Some(source) => {
                state.sources.remove(&source);
                state.stepped.remove(&source);
            }
            None => *state = State::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

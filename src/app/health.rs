//! The health of sources and accounts in memory: what the data path asks and tells, without waiting for the database.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::{Health, ProviderId, Source, SourceId};

/// A source that served this long goes a rung down the ladder, once each time it is on air.
const HEALTHY: Duration = Duration::from_secs(20);

/// The book.
#[derive(Debug, Default)]
pub struct HealthBook {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sources: HashMap<SourceId, Health>,
    stepped: HashSet<SourceId>,
    providers: HashMap<ProviderId, i64>,
}

impl HealthBook {
    /// Now, or, if nothing has happened since the start, as stored.
    pub fn of(&self, source: &Source) -> Health {
        self.state().sources.get(&source.id).cloned().unwrap_or_else(|| source.health.clone())
    }

    /// Whether the account rests.
    pub fn provider_cools(&self, provider: ProviderId, now_ms: i64) -> bool {
        self.state().providers.get(&provider).is_some_and(|until| *until > now_ms)
    }

    /// The account rests for `wait`.
    pub fn cool_provider(&self, provider: ProviderId, now_ms: i64, wait: Duration) {
        let until = now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        self.state().providers.insert(provider, until);
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
        let step = healthy_for >= HEALTHY && state.stepped.insert(id);
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

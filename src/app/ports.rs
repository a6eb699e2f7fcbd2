//! What sessions ask of the rest, answered from memory: the plan of a channel, and what becomes of its sources.

use std::sync::Arc;
use std::time::Duration;

use super::health::HealthBook;
use crate::base::clock;
use crate::base::secret::Secret;
use crate::model::{ChannelId, GuideNumber, Health, ProviderId, Retry, Source, SourceId, StreamInfo, Verdict};
use crate::prober::{self, Lesson};
use crate::session::{Candidate, Plan, Ports};
use crate::store::{Store, StoreError};

/// The session engine's view of the store.
pub struct StorePorts {
    store: Store,
    health: HealthBook,
}

impl StorePorts {
    /// Answers from `store`'s catalog. A source that served for `healthy` goes a rung down the ladder.
    pub fn new(store: Store, healthy: Duration) -> Arc<Self> {
        Arc::new(Self { store, health: HealthBook::new(healthy) })
    }

    /// Forgets a source's health, or that of all. `false`: there is no such source.
    ///
    /// # Errors
    /// When it cannot be stored; then nothing is forgotten.
    pub async fn clear_health(&self, source: Option<SourceId>) -> Result<bool, StoreError> {
        let known = self.store.clear_health(source).await?;
        self.health.clear(source);
        Ok(known)
    }

    fn stored(&self, source: SourceId) -> Health {
        let catalog = self.store.catalog();
        let mut all = catalog.sources.values().flatten();
        all.find(|known| known.id == source).map(|known| known.health.clone()).unwrap_or_default()
    }
}

impl Ports for StorePorts {
    fn plan(&self, device: i64, number: &GuideNumber) -> Option<Plan> {
        let catalog = self.store.catalog();
        let channel = catalog.channel(number).filter(|channel| channel.enabled && catalog.has(device, channel.id))?;
        let candidates = order(catalog.sources_of(channel.id), &self.health, clock::wall_ms());
        Some(Plan {
            channel: channel.id,
            number: number.clone(),
            name: channel.name.clone(),
            candidates,
            hot_standby: channel.hot_standby,
        })
    }

    fn source_succeeded(&self, source: SourceId, healthy_for: Duration) {
        let news = self.health.succeed(source, self.stored(source), clock::wall_ms(), healthy_for);
        if let Some(health) = news {
            self.store.record_health(source, health);
        }
    }

    fn source_failed(&self, source: SourceId, reason: &str, _retry: Retry) {
        let health = self.health.fail(source, self.stored(source), clock::wall_ms(), reason);
        self.store.record_health(source, health);
    }

    fn provider_cooling(&self, provider: ProviderId, wait: Duration) {
        self.health.cool_provider(provider, clock::wall_ms(), wait);
    }

    fn provider_rests(&self, provider: ProviderId) -> Duration {
        self.health.provider_rests(provider, clock::wall_ms())
    }

    fn source_seen(&self, channel: ChannelId, _source: SourceId, info: &StreamInfo) {
        let catalog = self.store.catalog();
        let known = catalog.channels.iter().find(|known| known.id == channel).and_then(|known| known.info.as_ref());
        if known.is_none_or(|known| info.is_news_to(known)) {
            self.store.record_stream_info(channel, info.clone());
        }
    }
}

/// An account that refused a probe without saying for how long rests as long as one that refused a viewer.
const REFUSED: Duration = Duration::from_secs(3);

impl prober::Ports for StorePorts {
    fn rests(&self, source: &Source, now_ms: i64) -> bool {
        self.health.of(source).is_cooling(now_ms) || self.health.provider_cools(source.provider, now_ms)
    }

    fn learned(&self, source: &Source, verdict: &Verdict, lesson: &Lesson) {
        match lesson {
            Lesson::Plays => self.source_succeeded(source.id, Duration::ZERO),
            Lesson::Fails(retry) => self.source_failed(source.id, verdict.reason.as_deref().unwrap_or_default(), *retry),
            Lesson::Account(wait) => self.provider_cooling(source.provider, wait.unwrap_or(REFUSED)),
            Lesson::Nothing => {}
        }
        // The lineup shows what viewers get first; of a backup it tells only where nothing else is known.
        let catalog = self.store.catalog();
        let first = catalog.sources_of(source.channel).iter().find(|one| one.enabled).is_some_and(|one| one.id == source.id);
        let unknown = || catalog.channels.iter().any(|channel| channel.id == source.channel && channel.info.is_none());
        if verdict.proven && (first || unknown()) {
            self.source_seen(source.channel, source.id, &verdict.info);
        }
    }
}

/// Enabled sources: first those that may be dialled, by priority and then by failures that still count; then those that rest.
fn order(sources: &[Source], health: &HealthBook, now_ms: i64) -> Vec<Candidate> {
    let mut rated: Vec<(bool, u32, &Source)> = sources
        .iter()
        .filter(|source| source.enabled)
        .map(|source| {
            let own = health.of(source);
            let cooling = own.is_cooling(now_ms) || health.provider_cools(source.provider, now_ms);
            (cooling, source.priority.saturating_add(own.weight(now_ms)), source)
        })
        .collect();
    rated.sort_by_key(|(cooling, rank, source)| (*cooling, *rank, source.priority));
    rated
        .into_iter()
        .map(|(cooling, _, source)| Candidate {
            source: source.id,
            provider: source.provider,
            item_key: source.item_key.clone(),
            url: Secret::new(source.url.clone()),
            headers: source.headers.clone(),
            route: source.route.clone(),
            cooling,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Headers, Route};

    fn source(id: i64, priority: u32, enabled: bool) -> Source {
        Source {
            id: SourceId(id),
            channel: ChannelId(1),
            provider: ProviderId(id),
            name: String::new(),
            url: String::new(),
            headers: Headers::default(),
            route: Route::default(),
            item_key: String::new(),
            priority,
            enabled,
            health: Health::default(),
        }
    }

    fn ids(sources: &[Source], book: &HealthBook, now_ms: i64) -> Vec<(i64, bool)> {
        order(sources, book, now_ms).iter().map(|candidate| (candidate.source.0, candidate.cooling)).collect()
    }

    #[test]
    fn what_failed_rests_at_the_end_and_comes_back() {
        let sources = [source(1, 0, true), source(2, 1, true), source(3, 2, false)];
        let book = HealthBook::new(Duration::from_secs(20));
        assert_eq!(ids(&sources, &book, 0), [(1, false), (2, false)]);
        book.fail(SourceId(1), Health::default(), 0, "dead");
        assert_eq!(ids(&sources, &book, 0), [(2, false), (1, true)]);
        assert_eq!(ids(&sources, &book, 10_000), [(1, false), (2, false)], "equal by then; priority decides");
    }

    #[test]
    fn an_account_that_rests_takes_its_sources_along() {
        let sources = [source(1, 0, true), source(2, 1, true)];
        let book = HealthBook::new(Duration::from_secs(20));
        book.cool_provider(ProviderId(1), 0, Duration::from_secs(3));
        assert_eq!(ids(&sources, &book, 0), [(2, false), (1, true)]);
        assert_eq!(ids(&sources, &book, 3000), [(1, false), (2, false)]);
    }

    #[test]
    fn what_is_forgotten_is_as_good_as_new() {
        let sources = [source(1, 0, true), source(2, 1, true)];
        let book = HealthBook::new(Duration::from_secs(20));
        let fail = |id| book.fail(SourceId(id), Health::default(), 0, "dead");
        fail(1);
        fail(2);
        book.cool_provider(ProviderId(2), 0, Duration::from_secs(3));
        book.clear(Some(SourceId(1)));
        assert_eq!(ids(&sources, &book, 0), [(1, false), (2, true)]);
        book.clear(None);
        assert_eq!(ids(&sources, &book, 0), [(1, false), (2, false)]);
    }

    #[test]
    fn a_source_steps_down_once_each_time_it_is_on_air() {
        let book = HealthBook::new(Duration::from_secs(20));
        for _ in 0..3 {
            book.fail(SourceId(1), Health::default(), 0, "dead");
        }
        let long = Duration::from_secs(60);
        assert_eq!(book.succeed(SourceId(1), Health::default(), 1, Duration::from_secs(2)).unwrap().failures, 3);
        assert_eq!(book.succeed(SourceId(1), Health::default(), 2, long).unwrap().failures, 2);
        assert_eq!(book.succeed(SourceId(1), Health::default(), 3, long), None);
    }
}

//! L5: the background prober. It looks at sources that nobody watches, backups first, so that the day a channel needs its backup
//! it is known whether that plays.
//!
//! One source at a time, on a tuner and a connection that nobody misses, and gone as soon as somebody does. What to look at next
//! is [`schedule`]'s to say, what was seen means what [`verdict`] says; this file only goes round. Dropping the future of
//! [`Prober::run`] closes whatever it has open.

pub mod probe;
pub mod schedule;
pub mod verdict;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use verdict::Lesson;

use crate::base::clock;
use crate::base::metrics::{Reading, Readings};
use crate::model::{ProviderId, Source, SourceId, Verdict};
use crate::source::Opener;
use crate::store::Store;
use crate::tuner::Pool;
use probe::Outcome;
use schedule::{Candidate, Next};

/// Settings of the prober: the seed's `ProberConfig`, as far as it has a meaning here (see ARCHITECTURE.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Each source is looked at once in this time; zero: never.
    pub probe_interval: Duration,
    /// For one probe, from dialling to the end.
    pub probe_timeout: Duration,
    /// From the end of one to the next.
    pub probe_tune_delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            probe_interval: Duration::from_secs(24 * 3600),
            probe_timeout: Duration::from_secs(6),
            probe_tune_delay: Duration::from_secs(1),
        }
    }
}

/// What the prober asks and tells about the health of sources. `app` implements it from memory.
pub trait Ports: Send + Sync + 'static {
    /// Whether the source or its account rests, so that it is not to be dialled.
    fn rests(&self, source: &Source, now_ms: i64) -> bool;

    /// A source was looked at.
    fn learned(&self, source: &Source, verdict: &Verdict, lesson: &Lesson);
}

/// Why a source was not looked at although somebody asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotProbed {
    /// There is none with this id in the lineup.
    #[error("there is none with this id")]
    Unknown,
    /// It failed a moment ago, or its account was refused.
    #[error("the source or its account rests after a failure")]
    Resting,
    /// Viewers may need what there is, or watch the channel.
    #[error("no tuner or no connection of the account is to spare, or somebody watches the channel")]
    NoRoom,
    /// The seed's `ErrProbePreempted`.
    #[error("a viewer needed the tuner or the connection")]
    Preempted,
}

/// The prober. A cheap handle.
#[derive(Clone)]
pub struct Prober(Arc<Inner>);

struct Inner {
    settings: Settings,
    store: Store,
    pool: Pool,
    opener: Arc<Opener>,
    ports: Arc<dyn Ports>,
    /// One probe at a time.
    turn: tokio::sync::Mutex<()>,
    later: Mutex<Later>,
    tally: Tally,
}

/// What is left alone for a while, until when: milliseconds since 1970.
#[derive(Default)]
struct Later {
    sources: HashMap<SourceId, i64>,
    providers: HashMap<ProviderId, i64>,
}

#[derive(Default)]
struct Tally {
    proven: AtomicU64,
    unproven: AtomicU64,
    preempted: AtomicU64,
}

impl Prober {
    /// A prober of the sources in `store`'s catalog. Nothing happens until it runs.
    pub fn new(settings: Settings, store: Store, pool: Pool, opener: Arc<Opener>, ports: Arc<dyn Ports>) -> Self {
        let (turn, later, tally) = Default::default();
        Self(Arc::new(Inner { settings, store, pool, opener, ports, turn, later, tally }))
    }

    /// Goes round for ever, or returns at once where it is turned off.
    ///
    /// # Cancel safety
    /// Dropping it closes what is open; the source that was being looked at is looked at again.
    pub async fn run(self) {
        if self.0.settings.probe_interval.is_zero() {
            return;
        }
        loop {
            let now_ms = clock::wall_ms();
            let next = self.next(now_ms);
            if let Next::Probe(source) = &next {
                // What came in between is no reason to stop.
                let _ = self.look_at(source).await;
            }
            clock::sleep(schedule::wait(&next, now_ms, self.0.settings.probe_tune_delay)).await;
        }
    }

    /// Looks at one source now, whenever it was looked at last; waits for a probe that is running.
    ///
    /// # Errors
    /// When it may not be dialled now, or a viewer came.
    ///
    /// # Cancel safety
    /// Dropping it closes what is open.
    pub async fn probe_now(&self, id: SourceId) -> Result<Verdict, NotProbed> {
        let catalog = self.0.store.catalog();
        let of_channels = catalog.channels.iter().flat_map(|channel| catalog.sources_of(channel.id));
        let source = of_channels.into_iter().find(|source| source.id == id).ok_or(NotProbed::Unknown)?;
        if self.0.ports.rests(source, clock::wall_ms()) {
            return Err(NotProbed::Resting);
        }
        self.look_at(source).await
    }

    fn next(&self, now_ms: i64) -> Next {
        let inner = &self.0;
        let catalog = inner.store.catalog();
        let probed = inner.store.probed_ms();
        let mut later = self.later();
        later.sources.retain(|_, until| *until > now_ms);
        later.providers.retain(|_, until| *until > now_ms);
        let demo: Vec<ProviderId> =
            catalog.providers.iter().filter(|provider| schedule::is_demo(provider)).map(|provider| provider.id).collect();
        let (demo, probed, resting) = (&demo, &probed, &later.sources);
        let candidates = catalog.channels.iter().flat_map(|channel| {
            let usable =
                catalog.sources_of(channel.id).iter().filter(|source| source.enabled && !demo.contains(&source.provider));
            usable.enumerate().map(move |(place, source)| Candidate {
                source,
                backup: place > 0,
                probed_ms: probed.get(&source.id).copied(),
                not_before_ms: resting.get(&source.id).copied(),
            })
        });
        let may = |source: &Source| {
            !later.providers.contains_key(&source.provider)
                && inner.pool.can_probe(source.provider, source.channel)
                && !inner.ports.rests(source, now_ms)
        };
        schedule::next(candidates, may, inner.settings.probe_interval, now_ms)
    }

    async fn look_at(&self, source: &Source) -> Result<Verdict, NotProbed> {
        let inner = &self.0;
        let _turn = inner.turn.lock().await;
        let outcome = probe::probe(&inner.pool, &inner.opener, source, inner.settings.probe_timeout).await;
        let now_ms = clock::wall_ms();
        let sighting = match outcome {
            Outcome::NoRoom => return Err(NotProbed::NoRoom),
            Outcome::Preempted => {
                let until = now_ms.saturating_add(schedule::rest_of_preempted_ms(inner.settings.probe_interval));
                self.later().sources.insert(source.id, until);
                inner.tally.preempted.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(source.id = %source.id, "a probe gave way to a viewer");
                return Err(NotProbed::Preempted);
            }
            Outcome::Done(sighting) => sighting,
        };
        let verdict = verdict::judge(&sighting, inner.settings.probe_timeout, now_ms);
        let lesson = verdict::lesson(&sighting);
        if let Lesson::Account(wait) = lesson {
            let until = now_ms.saturating_add(schedule::rest_of_account_ms(wait));
            self.later().providers.insert(source.provider, until);
        }
        self.note(source, &verdict);
        inner.ports.learned(source, &verdict, &lesson);
        inner.store.record_verdict(source.id, verdict.clone());
        Ok(verdict)
    }

    fn note(&self, source: &Source, verdict: &Verdict) {
        let tally = &self.0.tally;
        if let Some(reason) = &verdict.reason {
            tally.unproven.fetch_add(1, Ordering::Relaxed);
            tracing::info!(source.id = %source.id, source.name = %source.name, %reason, "a probe found nothing to play");
        } else {
            tally.proven.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(source.id = %source.id, source.name = %source.name, keyframe_ms = verdict.keyframe_ms, "probed");
        }
    }

    fn later(&self) -> MutexGuard<'_, Later> {
        self.0.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readings for Prober {
    fn read(&self) -> Vec<Reading> {
        let tally = &self.0.tally;
        let of = |result: &str, count: &AtomicU64| (vec![("result", result.to_owned())], count.load(Ordering::Relaxed));
        let samples = [of("proven", &tally.proven), of("unproven", &tally.unproven), of("preempted", &tally.preempted)];
        vec![Reading::counters("probes", "Sources looked at by the prober", samples)]
    }
}

#[cfg(test)]
mod tests;

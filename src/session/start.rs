//! The staggered start: candidates are dialled one after the other, each a second after the last or at once when the last
//! has failed; the first proven wins, and the others are dropped.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::attempt::{self, Failure, Limits, Means, Proven};
use super::ports::{Candidate, Ports};
use super::recovery::backoff;
use super::settings::Settings;
use super::shared::Shared;
use crate::base::clock::{self, Instant};
use crate::model::{Blame, ProviderId, Retry};
use crate::source::SourceError;
use crate::tuner::ProviderView;

/// A candidate whose time is over with the tune's gets this much longer to say what was wrong with it.
const LAST_WORD: Duration = Duration::from_millis(100);

/// Why no candidate was proven.
#[derive(Debug, Default)]
pub struct Failed {
    /// The last failure, which names the source's trouble best.
    pub last: Option<Failure>,
    /// A transport stream came, but nothing to begin at.
    pub flowing: bool,
    /// Every candidate failed for want of a connection.
    pub all_busy: bool,
}

/// What becomes of a candidate that fails while others are still tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    /// It had its chance.
    Once,
    /// It is dialled again, ever more rarely: one that answers nothing must not keep others away that are back.
    Again,
}

/// A candidate that has failed so often, to be dialled again at that time.
struct Failing {
    candidate: Candidate,
    failures: u32,
    at: Instant,
}

/// Dials `candidates` in order until one is proven.
///
/// # Errors
/// When all have failed, or the time is over.
///
/// # Cancel safety
/// Dropping the future closes everything it opened.
pub async fn first_proven(
    candidates: Vec<Candidate>,
    tries: Tries,
    means: &Means,
    ports: &dyn Ports,
    shared: &Shared,
    settings: &Settings,
    most: Duration,
) -> Result<Proven, Failed> {
    let began = clock::now();
    let flowing = AtomicBool::new(false);
    let until = began + settings.tune_timeout_flowing.min(most);
    let dial = async |candidate: Candidate, failures: u32| {
        let result = try_one(candidate.clone(), means, ports, shared, settings, until, &flowing).await;
        result.map_err(|failure| (failure, candidate, failures + 1))
    };
    let mut waiting: VecDeque<Candidate> = candidates.into();
    let mut failing: Vec<Failing> = Vec::new();
    let mut running = FuturesUnordered::new();
    let mut failed = Failed { all_busy: true, ..Failed::default() };
    let mut dial_next_at = began;
    loop {
        let now = clock::now();
        let alone = running.is_empty();
        if (alone || now >= dial_next_at)
            && let Some(candidate) = next(&mut waiting, alone, means, ports)
        {
            dial_next_at = now + settings.stagger;
            running.push(dial(candidate, 0));
        }
        if !alone
            && let Some(index) = failing.iter().position(|one| now >= one.at && may_dial(&one.candidate, false, means, ports))
        {
            let Failing { candidate, failures, .. } = failing.swap_remove(index);
            running.push(dial(candidate, failures));
        }
        let deadline = began + whole(&flowing, settings, most);
        if running.is_empty() {
            let rests = waiting.iter().map(|candidate| ports.provider_rests(candidate.provider)).min();
            if rests.is_none_or(|rests| now + rests >= deadline) {
                failed.flowing = flowing.load(Ordering::Relaxed);
                failed.all_busy &= rests.is_none();
                failed.last = failed.last.or(rests.map(Failure::AccountRests));
                return Err(failed);
            }
        }
        // A stream that begins to flow moves the deadline, so it is looked at again now and then.
        let dial_at = (!waiting.is_empty()).then_some(dial_next_at).into_iter().chain(failing.iter().map(|one| one.at)).min();
        let wake = deadline.min(dial_at.map_or(deadline, |at| at.max(now + Duration::from_millis(50))));
        tokio::select! {
            biased;
            done = running.next(), if !running.is_empty() => match done {
                Some(Ok(proven)) => return Ok(proven),
                Some(Err((failure, candidate, failures))) => {
                    failed.all_busy &= matches!(failure, Failure::ProviderBusy);
                    failed.last = Some(failure);
                    let now = clock::now();
                    if failures == 1 {
                        dial_next_at = now;
                    }
                    if tries == Tries::Again {
                        failing.push(Failing { candidate, failures, at: now + backoff(failures - 1) });
                    }
                }
                None => {}
            },
            () = clock::sleep_until(wake) => if clock::now() >= began + whole(&flowing, settings, most) {
                failed.flowing = flowing.load(Ordering::Relaxed);
                failed.all_busy = false;
                return Err(failed);
            },
        }
    }
}

/// For all candidates together.
fn whole(flowing: &AtomicBool, settings: &Settings, most: Duration) -> Duration {
    if flowing.load(Ordering::Relaxed) {
        settings.tune_timeout_flowing.min(most) + LAST_WORD
    } else {
        settings.tune_timeout_silent.min(most)
    }
}

/// The first whose account does not rest. A second dial beside another must not take a connection that the provider does not
/// have to spare.
fn next(waiting: &mut VecDeque<Candidate>, alone: bool, means: &Means, ports: &dyn Ports) -> Option<Candidate> {
    let index = waiting.iter().position(|one| may_dial(one, alone, means, ports))?;
    waiting.remove(index)
}

fn may_dial(one: &Candidate, alone: bool, means: &Means, ports: &dyn Ports) -> bool {
    ports.provider_rests(one.provider).is_zero() && (alone || has_room(means, one.provider))
}

fn has_room(means: &Means, provider: ProviderId) -> bool {
    means.pool.providers().iter().find(|view| view.id == provider).is_none_or(ProviderView::has_room)
}

async fn try_one(
    candidate: Candidate,
    means: &Means,
    ports: &dyn Ports,
    shared: &Shared,
    settings: &Settings,
    until: Instant,
    flowing: &AtomicBool,
) -> Result<Proven, Failure> {
    let limits = Limits { silent: settings.startup_timeout, until, connection: settings.admission_wait };
    let began = clock::now();
    let (source, provider) = (candidate.source, candidate.provider);
    let result = attempt::prove(candidate, means, shared, limits, flowing).await;
    if let Err(failure) = &result {
        // Who came late to a tune had too little time to be blamed for having used it up.
        let hurried = matches!(failure, Failure::Unproven(_) | Failure::Scrambled) && until < began + settings.startup_timeout;
        if !hurried {
            report(failure, source, provider, ports, settings);
        }
        tracing::info!(
            session.id = %shared.id(), channel.number = %shared.number(), source.id = %source, reason = %failure,
            "source failed to start"
        );
        shared.set_last_error(&failure.to_string());
    }
    result
}

/// Tells whose fault it was: the account's trouble cools the account, not the source.
pub fn report(failure: &Failure, source: crate::model::SourceId, provider: ProviderId, ports: &dyn Ports, settings: &Settings) {
    match failure {
        Failure::ProviderBusy | Failure::AccountRests(_) | Failure::Asked(_) | Failure::Better => {}
        // Nobody was dialled, so nothing is known that was not before.
        Failure::Source(SourceError::Resting { .. }) => {}
        Failure::Unproven(_) | Failure::Scrambled => ports.source_failed(source, &failure.to_string(), Retry::Ladder),
        Failure::Source(error) if error.blame() == Blame::Provider => {
            let wait = if let Retry::After(wait) = error.retry() { wait } else { settings.upstream_overlimit_cooldown };
            ports.provider_cooling(provider, wait);
        }
        Failure::Source(error) => ports.source_failed(source, &error.to_string(), error.retry()),
    }
}

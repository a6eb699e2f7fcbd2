//! Keeps a second source ready for a session: for the next loss (hot standby), or to go back to a better one (fail-back).
//!
//! It has a connection only while nobody else wants it, and gives it back at once to any viewer's tune.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::attempt::{self, Failure, Limits, Proven};
use super::driver::{self, Context};
use super::ports::Candidate;
use super::shared::Shared;
use super::standby::{Kept, Standby};
use super::start;
use crate::base::backoff::Backoff;
use crate::base::clock;
use crate::base::tasks::CancellationToken;
use crate::model::SourceId;

/// How often it is looked who is wanted, and whether there is a connection.
const LOOK: Duration = Duration::from_secs(1);
/// After a failure the next try waits this long …
const AGAIN_FIRST: Duration = Duration::from_secs(1);
/// … and at most this long.
const AGAIN_MOST: Duration = Duration::from_secs(60);

/// Who is to be kept ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Its place in the plan.
    pub index: usize,
    /// It comes before the one on air, and goes on air in its place once it has shown that it is well.
    pub go_back: bool,
}

/// Who is to be kept ready beside `on_air`, in this plan. Pure.
pub fn wanted(plan: &[Candidate], on_air: SourceId, hot: bool, fail_back: bool) -> Option<Wanted> {
    let index = plan.iter().position(|one| !one.cooling && one.source != on_air)?;
    let better = plan.iter().position(|one| one.source == on_air).is_some_and(|now| index < now);
    let go_back = fail_back && better;
    (hot || go_back).then_some(Wanted { index, go_back })
}

/// What a session shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpareStats {
    /// The source.
    pub source: SourceId,
    /// Its address, without credentials.
    pub url: String,
    /// It can go on air at once.
    pub ready: bool,
    /// It will go on air once it has shown that it is well.
    pub go_back: bool,
}

/// The second source of one session.
#[derive(Default)]
pub struct Spare {
    held: Option<Held>,
}

struct Held {
    standby: Standby,
    /// A viewer wants its connection.
    wanted_elsewhere: CancellationToken,
    go_back: bool,
    /// Its lease is the session's own by now.
    ours: bool,
}

impl Spare {
    /// Keeps a source ready beside `on_air` for as long as it is polled. Tells `leave` when that one is to be left for it, which is
    /// at a random access point.
    ///
    /// # Cancel safety
    /// A source that is ready stays so; one that is being proven is dropped.
    pub async fn keep(&mut self, on_air: SourceId, shared: &Shared, context: &Context, leave: &Notify) -> Infallible {
        if self.held.as_ref().is_some_and(|held| held.standby.proven().candidate.source == on_air) {
            self.held = None;
        }
        let mut again = Backoff::new(AGAIN_FIRST, AGAIN_MOST).ok();
        loop {
            let wish = wish(on_air, shared, context);
            let Some((candidate, go_back)) = wish else {
                self.let_go(shared);
                clock::sleep(LOOK).await;
                continue;
            };
            match &mut self.held {
                Some(held) if held.standby.proven().candidate.source == candidate.source => {
                    held.go_back = go_back;
                    if self.hold(shared, context, leave).await {
                        continue;
                    }
                    self.let_go(shared);
                }
                Some(_) => self.let_go(shared),
                None => match prove(candidate, go_back, shared, context).await {
                    Tried::Proven(held) => {
                        self.held = Some(*held);
                        self.tell(shared);
                        if let Some(again) = &mut again {
                            again.reset();
                        }
                    }
                    Tried::NoConnection => clock::sleep(LOOK).await,
                    Tried::Failed => clock::sleep(again.as_mut().map_or(AGAIN_MOST, Backoff::wait)).await,
                },
            }
        }
    }

    /// Reads along for a while. `false`: it is of no use any more.
    async fn hold(&mut self, shared: &Shared, context: &Context, leave: &Notify) -> bool {
        let look_at = clock::now() + LOOK;
        loop {
            self.tell(shared);
            let Some(held) = &mut self.held else { return false };
            tokio::select! {
                biased;
                () = held.wanted_elsewhere.cancelled(), if !held.ours => return false,
                () = clock::sleep_until(look_at) => return true,
                kept = held.standby.keep() => match kept {
                    Kept::Lost(failure) => {
                        lost(&failure, &held.standby.proven().candidate, shared, context);
                        return false;
                    }
                    Kept::Renewed if held.goes_back_now(context) => {
                        held.ours = held.ours || held.standby.proven().lease.put_to_use(shared.connection_preempt());
                        if held.ours {
                            context.ports.source_succeeded(held.standby.proven().candidate.source, held.standby.lived(clock::now()));
                            leave.notify_one();
                            std::future::pending::<()>().await;
                        }
                        return false;
                    }
                    Kept::Renewed => {}
                },
            }
        }
    }

    /// The source that is ready, if it may go on air: with a lease of the session's own.
    pub fn take(&mut self, shared: &Shared, may: impl Fn(SourceId) -> bool) -> Option<Proven> {
        let held = self.held.take();
        shared.set_spare(None);
        let held = held.filter(|held| held.ours || held.standby.is_ready(clock::now()))?;
        let Proven { candidate, lease, .. } = held.standby.proven();
        if !may(candidate.source) || !(held.ours || lease.put_to_use(shared.connection_preempt())) {
            return None;
        }
        shared.hold_connection(lease);
        Some(held.standby.into_proven())
    }

    fn let_go(&mut self, shared: &Shared) {
        if self.held.take().is_some() {
            shared.set_spare(None);
        }
    }

    fn tell(&self, shared: &Shared) {
        shared.set_spare(self.held.as_ref().map(|held| SpareStats {
            source: held.standby.proven().candidate.source,
            url: crate::base::secret::SafeUrl(held.standby.proven().candidate.url.expose()).to_string(),
            ready: held.standby.is_ready(clock::now()),
            go_back: held.go_back,
        }));
    }
}

impl Held {
    fn goes_back_now(&self, context: &Context) -> bool {
        self.go_back && self.standby.lived(clock::now()) >= context.settings.cycle_failure_min_health
    }
}

/// Who is to be kept ready now. Nobody, while nobody watches.
fn wish(on_air: SourceId, shared: &Shared, context: &Context) -> Option<(Candidate, bool)> {
    let settings = &*context.settings;
    if shared.viewers() == 0 {
        return None;
    }
    let plan = driver::plan(shared, context);
    let wanted = wanted(&plan.candidates, on_air, plan.hot_standby.unwrap_or(settings.hot_standby), settings.fail_back)?;
    plan.candidates.into_iter().nth(wanted.index).map(|candidate| (candidate, wanted.go_back))
}

enum Tried {
    Proven(Box<Held>),
    NoConnection,
    Failed,
}

async fn prove(candidate: Candidate, go_back: bool, shared: &Shared, context: &Context) -> Tried {
    let settings = &*context.settings;
    let wanted_elsewhere = CancellationToken::new();
    let Some(lease) = context.means.pool.try_spare(candidate.provider, wanted_elsewhere.clone()) else {
        return Tried::NoConnection;
    };
    let limits = Limits {
        silent: settings.startup_timeout,
        until: clock::now() + settings.tune_timeout_flowing,
        connection: Duration::ZERO,
    };
    let flowing = AtomicBool::new(false);
    let known = candidate.clone();
    let proven = tokio::select! {
        biased;
        () = wanted_elsewhere.cancelled() => return Tried::NoConnection,
        proven = attempt::prove_on(Arc::new(lease), candidate, &context.means, limits, &flowing) => proven,
    };
    flowing.store(false, Ordering::Relaxed);
    match proven {
        Ok(proven) => {
            tracing::info!(
                session.id = %shared.id(), channel.number = %shared.number(), source.id = %known.source, go_back,
                "source kept ready"
            );
            Tried::Proven(Box::new(Held { standby: Standby::new(proven, settings), wanted_elsewhere, go_back, ours: false }))
        }
        Err(failure) => {
            lost(&failure, &known, shared, context);
            Tried::Failed
        }
    }
}

fn lost(failure: &Failure, candidate: &Candidate, shared: &Shared, context: &Context) {
    tracing::info!(
        session.id = %shared.id(), channel.number = %shared.number(), source.id = %candidate.source, reason = %failure,
        "source no longer kept ready"
    );
    start::report(failure, candidate.source, candidate.provider, &*context.ports, &context.settings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::model::{Headers, ProviderId, Route};

    fn plan(sources: &[(i64, bool)]) -> Vec<Candidate> {
        let candidate = |&(id, cooling): &(i64, bool)| Candidate {
            source: SourceId(id),
            provider: ProviderId(1),
            item_key: String::new(),
            url: Secret::new(String::new()),
            headers: Headers::default(),
            route: Route::default(),
            cooling,
        };
        sources.iter().map(candidate).collect()
    }

    const HOT: (bool, bool) = (true, false);
    const BACK: (bool, bool) = (false, true);
    const BOTH: (bool, bool) = (true, true);

    #[rstest::rstest]
    #[case::the_next(&[(1, false), (2, false)], 1, HOT, Some((1, false)))]
    #[case::not_one_that_rests(&[(1, false), (3, false), (2, true)], 1, HOT, Some((1, false)))]
    #[case::nobody_else(&[(1, false)], 1, HOT, None)]
    #[case::all_others_rest(&[(1, false), (2, true)], 1, HOT, None)]
    #[case::a_better_one_stays_ready_only(&[(1, false), (2, false)], 2, HOT, Some((0, false)))]
    #[case::back_to_a_better_one(&[(1, false), (2, false)], 2, BACK, Some((0, true)))]
    #[case::a_worse_one_is_not_gone_to(&[(1, false), (2, false)], 1, BACK, None)]
    #[case::the_better_one_rests(&[(2, false), (1, true)], 2, BACK, None)]
    #[case::both(&[(1, false), (2, false)], 2, BOTH, Some((0, true)))]
    #[case::both_on_the_best(&[(1, false), (2, false)], 1, BOTH, Some((1, false)))]
    #[case::the_one_on_air_is_gone(&[(1, false), (2, false)], 9, BOTH, Some((0, false)))]
    #[case::off(&[(1, false), (2, false)], 2, (false, false), None)]
    fn who_is_wanted(
        #[case] sources: &[(i64, bool)],
        #[case] on_air: i64,
        #[case] (hot, fail_back): (bool, bool),
        #[case] expected: Option<(usize, bool)>,
    ) {
        let found = wanted(&plan(sources), SourceId(on_air), hot, fail_back);
        assert_eq!(found.map(|wanted| (wanted.index, wanted.go_back)), expected);
    }
}

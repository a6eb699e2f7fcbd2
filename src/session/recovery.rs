//! What follows when a source is lost: whom to dial, after how long, for how long, and when to give up. An explicit state
//! machine, drawn in ARCHITECTURE.md; pure, the time is an argument.

use std::str::FromStr;
use std::time::Duration;

use super::settings::Settings;
use crate::base::clock::Instant;
use crate::model::SourceId;
use crate::session::ports::Candidate;

mod stage;

pub use stage::{NoRecovery, Stage};

const BACKOFF_FIRST: Duration = Duration::from_millis(250);
const BACKOFF_MOST: Duration = Duration::from_secs(2);
/// All recoveries in a row, none of which led to a source that served for long, take as long as this many may take each.
const IN_A_ROW: u32 = 4;
/// A source that was not tried yet gets this much, however much was spent on others.
const FRESH: Duration = Duration::from_secs(5);

/// What is done about a source that was lost. The seed's `StallPolicy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// The channel's other sources are dialled, then the same one.
    #[default]
    FailoverSource,
    /// The same one is dialled.
    RestartSame,
    /// The session ends, so that clients tune again.
    CloseSession,
}

impl FromStr for Policy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "failover_source" => Ok(Self::FailoverSource),
            "restart_same" => Ok(Self::RestartSame),
            "close_session" => Ok(Self::CloseSession),
            _ => Err("it is none of failover_source, restart_same, close_session"),
        }
    }
}

/// What happened. A plan holds the channel's candidates at that time, those that rest last.
#[derive(Debug)]
pub enum Event<'a> {
    /// Somebody wants to watch.
    Wanted(&'a [Candidate]),
    /// A source was proven and goes on air, in place of the one before it if there is one.
    Proven(SourceId),
    /// The source on air ended, failed or stalled.
    Lost(&'a [Candidate]),
    /// A person wants another source.
    Asked(&'a [Candidate]),
    /// Whoever was dialled in this round has failed.
    Unproven(&'a [Candidate]),
}

/// What is to be done about it.
#[derive(Debug)]
pub enum Step {
    /// Nothing: a source is on air.
    Play,
    /// Dial.
    Dial(Round),
    /// End the session.
    Over(GaveUp),
}

/// One round of dialling.
#[derive(Debug)]
pub struct Round {
    /// To be waited before.
    pub wait: Duration,
    /// The longest it may take after that.
    pub most: Duration,
    /// Whom, in this order.
    pub candidates: Vec<Candidate>,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GaveUp {
    /// It never began.
    #[error("no source could be started")]
    Unopened,
    /// The policy says so.
    #[error("the source was lost")]
    Policy,
    /// Nothing was proven for as long as is waited.
    #[error("no source left")]
    TimeOver,
    /// Sources were proven and lost again, over and over.
    #[error("every source is lost again soon after it is found")]
    Cycling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opening,
    OnAir {
        source: SourceId,
        since: Instant,
    },
    Recovering {
        lost: SourceId,
        since: Instant,
        until: Instant,
        /// Rounds that have failed.
        rounds: u32,
        /// A person asked for it: whatever the policy is, another source is wanted.
        asked: bool,
    },
    Over(GaveUp),
}

/// The recovery of one session.
#[derive(Debug)]
pub struct Recovery {
    policy: Policy,
    /// At the start: how many sources are dialled though they rest, if so many are not there that do not; 0: all.
    max_failovers: usize,
    /// The same in each round of a recovery, besides the source that was lost.
    per_stall: usize,
    /// One recovery.
    total: Duration,
    /// A source that served for so long has restored all budgets.
    healthy: Duration,
    state: State,
    /// Losses in a row of sources that did not serve for `healthy`.
    streak: u32,
    /// Who was dialled in this streak.
    tried: Vec<SourceId>,
    /// The round that is being dialled.
    dialled: Vec<SourceId>,
    /// Time without a source that is left in this streak. A source on air earns half the time it serves.
    patience: Duration,
}

impl Recovery {
    /// A session without a source, with full budgets.
    pub fn new(settings: &Settings) -> Self {
        let total = settings.failover_total_timeout.min(settings.stall_hard_deadline);
        Self {
            policy: settings.stall_policy,
            max_failovers: settings.max_failovers,
            per_stall: settings.stall_max_failovers_per_stall,
            total,
            healthy: settings.cycle_failure_min_health,
            state: State::Opening,
            streak: 0,
            tried: Vec::new(),
            dialled: Vec::new(),
            patience: total * IN_A_ROW,
        }
    }

    /// Goes on air; where one is on air already, that one is left of our own will.
    fn proven(&mut self, now: Instant, source: SourceId) {
        match self.state {
            // What a person wants costs nothing.
            State::Recovering { since, asked: false, .. } => {
                self.patience = self.patience.saturating_sub(now.saturating_duration_since(since));
            }
            State::OnAir { since, .. } => self.earn(now, since),
            State::Recovering { .. } | State::Opening | State::Over(_) => {}
        }
        // Whoever comes before it in the round has had its chance.
        let before = self.dialled.iter().position(|one| *one == source).unwrap_or(0);
        self.dialled.truncate(before);
        self.dialled.push(source);
        self.tried.append(&mut self.dialled);
        self.state = State::OnAir { source, since: now };
    }

    /// The source on air has served since then.
    fn earn(&mut self, now: Instant, since: Instant) {
        let lived = now.saturating_duration_since(since);
        self.patience = (self.patience + lived / 2).min(self.total * IN_A_ROW);
        if lived >= self.healthy {
            self.streak = 0;
            self.tried.clear();
            self.patience = self.total * IN_A_ROW;
        }
    }

    /// Takes note of what happened.
    pub fn on(&mut self, now: Instant, event: Event<'_>) -> Step {
        match (self.state, event) {
            (State::Over(why), _) => Step::Over(why),
            (_, Event::Proven(source)) => {
                self.proven(now, source);
                Step::Play
            }
            (State::Opening, Event::Unproven(_)) => self.give_up(GaveUp::Unopened),
            (State::Opening, Event::Wanted(plan) | Event::Lost(plan) | Event::Asked(plan)) => {
                let most = if self.max_failovers == 0 { 0 } else { self.max_failovers + 1 };
                Step::Dial(Round { wait: Duration::ZERO, most: Duration::MAX, candidates: choose(plan, None, most) })
            }
            (State::OnAir { source, since }, Event::Lost(plan)) => self.lost(now, source, since, plan),
            (State::OnAir { source, since }, Event::Asked(plan)) => {
                self.earn(now, since);
                let until = now + self.total;
                self.state = State::Recovering { lost: source, since: now, until, rounds: 0, asked: true };
                self.dial(now, Duration::ZERO, plan)
            }
            (State::OnAir { .. }, Event::Wanted(_) | Event::Unproven(_)) => Step::Play,
            (
                State::Recovering { rounds, .. },
                Event::Unproven(plan) | Event::Wanted(plan) | Event::Lost(plan) | Event::Asked(plan),
            ) => {
                if let State::Recovering { rounds, .. } = &mut self.state {
                    *rounds += 1;
                }
                self.tried.append(&mut self.dialled);
                self.dial(now, backoff(rounds), plan)
            }
        }
    }

    fn lost(&mut self, now: Instant, source: SourceId, since: Instant, plan: &[Candidate]) -> Step {
        self.earn(now, since);
        if self.policy == Policy::CloseSession {
            return self.give_up(GaveUp::Policy);
        }
        self.streak += 1;
        let fresh = self.policy == Policy::FailoverSource
            && plan.iter().any(|one| !one.cooling && one.source != source && !self.tried.contains(&one.source));
        // A source that served is replaced at once, and so is any by one that was not tried yet; those that die again and again
        // are given time.
        let wait = if self.streak <= 1 || fresh { Duration::ZERO } else { backoff(self.streak - 2) };
        let most = self.total.min(if fresh { self.patience.max(FRESH) } else { self.patience });
        if wait >= most {
            return self.give_up(GaveUp::Cycling);
        }
        self.state = State::Recovering { lost: source, since: now, until: now + most, rounds: 0, asked: false };
        self.dial(now, wait, plan)
    }

    fn dial(&mut self, now: Instant, wait: Duration, plan: &[Candidate]) -> Step {
        let State::Recovering { lost, since, until, asked, .. } = self.state else { return Step::Play };
        let left = until.saturating_duration_since(now);
        if wait >= left {
            let whole = until.saturating_duration_since(since) >= self.total;
            return self.give_up(if whole { GaveUp::TimeOver } else { GaveUp::Cycling });
        }
        let same = self.policy == Policy::RestartSame && !asked;
        let candidates = match plan.iter().find(|one| same && one.source == lost) {
            Some(same) => vec![same.clone()],
            None => choose(plan, Some(lost), self.per_stall),
        };
        self.tried.sort_unstable();
        self.tried.dedup();
        self.dialled = candidates.iter().map(|one| one.source).collect();
        Step::Dial(Round { wait, most: left - wait, candidates })
    }

    fn give_up(&mut self, why: GaveUp) -> Step {
        self.state = State::Over(why);
        Step::Over(why)
    }
}

/// How long to wait after so many failures and one more.
pub(super) fn backoff(round: u32) -> Duration {
    BACKOFF_FIRST.saturating_mul(1u32.checked_shl(round).unwrap_or(u32::MAX)).min(BACKOFF_MOST)
}

/// Whom to dial after `lost` was: the others first, in the plan's order, those that rest later, and the lost one last of its
/// kind. Of those that rest, so many that they are `alternates` together with those that do not; 0: all.
fn choose(plan: &[Candidate], lost: Option<SourceId>, alternates: usize) -> Vec<Candidate> {
    let mut round = plan.to_vec();
    round.sort_by_key(|candidate| (candidate.cooling, Some(candidate.source) == lost));
    let mut others = 0;
    round.retain(|candidate| {
        let same = Some(candidate.source) == lost;
        others += usize::from(!same);
        same || !candidate.cooling || alternates == 0 || others <= alternates
    });
    round
}

#[cfg(test)]
mod tests;

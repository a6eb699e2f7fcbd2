//! What follows when a source is lost: which candidate, after how long, and when to give up. Pure.

use std::time::Duration;

use super::settings::Settings;
use crate::base::clock::Instant;
use crate::model::SourceId;
use crate::session::ports::Candidate;

const BACKOFF_FIRST: Duration = Duration::from_millis(250);
const BACKOFF_MOST: Duration = Duration::from_secs(2);

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Dial the candidates, after this wait.
    Dial(Duration),
    /// End the session.
    GiveUp,
}

/// What a session does about its source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    /// The first one is looked for.
    #[default]
    Opening,
    /// One is on air.
    OnAir,
    /// One is on air, and a person has asked for another.
    Asked,
    /// It was lost, and another one is looked for.
    Recovering,
}

/// Why a person who asks for another source does not get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRecovery {
    /// Nobody watches the channel. The seed's `ErrSessionNotFound`.
    #[error("shared session not found")]
    NotFound,
    /// Another source is looked for already. The seed's `ErrSessionRecoveryAlreadyPending`.
    #[error("shared session manual recovery is already pending")]
    Pending,
}

impl Stage {
    /// A person asks for another source.
    ///
    /// # Errors
    /// When one is looked for already.
    pub fn ask(self) -> Result<Self, NoRecovery> {
        match self {
            Self::OnAir => Ok(Self::Asked),
            Self::Opening | Self::Asked | Self::Recovering => Err(NoRecovery::Pending),
        }
    }

    /// Whether another source is looked for, or soon will be.
    pub fn is_recovering(self) -> bool {
        matches!(self, Self::Asked | Self::Recovering)
    }
}

/// The budget of one session.
#[derive(Debug)]
pub struct Recovery {
    max_failovers: u32,
    total: Duration,
    healthy: Duration,
    /// Changes in a row whose source did not live long enough.
    cycles: u32,
    /// Rounds of dialling since the source was lost.
    rounds: u32,
    lost_at: Option<Instant>,
}

impl Recovery {
    /// A full budget. A source that lived for `healthy` restores it.
    pub fn new(settings: &Settings, healthy: Duration) -> Self {
        Self {
            max_failovers: settings.max_failovers,
            total: settings.failover_total_timeout.min(settings.stall_hard_deadline),
            healthy,
            cycles: 0,
            rounds: 0,
            lost_at: None,
        }
    }

    /// The source on air was lost after `lived`.
    pub fn lost(&mut self, now: Instant, lived: Duration) -> Decision {
        self.lost_at = Some(now);
        self.rounds = 0;
        if lived >= self.healthy {
            self.cycles = 0;
        }
        self.cycles += 1;
        if self.max_failovers > 0 && self.cycles > self.max_failovers {
            return Decision::GiveUp;
        }
        // A source that lived is replaced at once; one that dies again and again is given time.
        Decision::Dial(if self.cycles <= 1 { Duration::ZERO } else { backoff(self.cycles - 2) })
    }

    /// A person wants another source: at once, and it says nothing about the one on air, so that it costs no budget.
    pub fn asked(&mut self, now: Instant) -> Decision {
        self.lost_at = Some(now);
        self.rounds = 0;
        Decision::Dial(Duration::ZERO)
    }

    /// All candidates were dialled, and none was proven.
    pub fn round_failed(&mut self, now: Instant) -> Decision {
        let lost_at = *self.lost_at.get_or_insert(now);
        let wait = backoff(self.rounds);
        self.rounds += 1;
        if now.saturating_duration_since(lost_at) + wait >= self.total {
            return Decision::GiveUp;
        }
        Decision::Dial(wait)
    }

    /// Time left before giving up, while dialling.
    pub fn time_left(&self, now: Instant) -> Duration {
        self.lost_at.map_or(self.total, |lost| self.total.saturating_sub(now.saturating_duration_since(lost)))
    }
}

fn backoff(round: u32) -> Duration {
    BACKOFF_FIRST.saturating_mul(1u32.checked_shl(round).unwrap_or(u32::MAX)).min(BACKOFF_MOST)
}

/// The order in which to dial after `lost` failed: the others first, in the plan's order, those that cool down later, and the
/// lost one last of its kind.
pub fn order(mut candidates: Vec<Candidate>, lost: Option<SourceId>) -> Vec<Candidate> {
    candidates.sort_by_key(|candidate| (candidate.cooling, Some(candidate.source) == lost));
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::model::{Headers, ProviderId};

    const HEALTHY: Duration = Duration::from_secs(20);

    fn candidate(id: i64, cooling: bool) -> Candidate {
        Candidate {
            source: SourceId(id),
            provider: ProviderId(1),
            item_key: String::new(),
            url: Secret::new(String::new()),
            headers: Headers::default(),
            cooling,
        }
    }

    #[rstest::rstest]
    #[case(&[(1, false), (2, false), (3, false)], Some(1), &[2, 3, 1])]
    #[case(&[(1, false), (2, true), (3, false)], Some(1), &[3, 1, 2])]
    #[case(&[(1, true), (2, true)], Some(2), &[1, 2])]
    #[case(&[(1, true)], Some(1), &[1])]
    #[case(&[(2, false), (1, false)], None, &[2, 1])]
    fn orders(#[case] plan: &[(i64, bool)], #[case] lost: Option<i64>, #[case] want: &[i64]) {
        let plan = plan.iter().map(|(id, cooling)| candidate(*id, *cooling)).collect();
        let got: Vec<i64> = order(plan, lost.map(SourceId)).iter().map(|candidate| candidate.source.0).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn a_source_that_lived_is_replaced_at_once_and_cycling_ends() {
        let now = Instant::now();
        let mut recovery = Recovery::new(&Settings::default(), HEALTHY);
        assert_eq!(recovery.lost(now, Duration::from_secs(60)), Decision::Dial(Duration::ZERO));
        assert_eq!(recovery.lost(now, Duration::from_secs(1)), Decision::Dial(Duration::from_millis(250)));
        assert_eq!(recovery.lost(now, Duration::from_secs(1)), Decision::Dial(Duration::from_millis(500)));
        assert_eq!(recovery.lost(now, Duration::from_secs(1)), Decision::GiveUp);
        assert_eq!(recovery.lost(now, HEALTHY), Decision::Dial(Duration::ZERO));
    }

    #[rstest::rstest]
    #[case(Stage::Opening, Err(NoRecovery::Pending), false)]
    #[case(Stage::OnAir, Ok(Stage::Asked), false)]
    #[case(Stage::Asked, Err(NoRecovery::Pending), true)]
    #[case(Stage::Recovering, Err(NoRecovery::Pending), true)]
    fn asking(#[case] stage: Stage, #[case] then: Result<Stage, NoRecovery>, #[case] recovering: bool) {
        assert_eq!((stage.ask(), stage.is_recovering()), (then, recovering));
    }

    #[test]
    fn asking_costs_no_budget() {
        let now = Instant::now();
        let mut recovery = Recovery::new(&Settings::default(), HEALTHY);
        for _ in 0..10 {
            assert_eq!(recovery.asked(now), Decision::Dial(Duration::ZERO));
        }
        assert_eq!(recovery.lost(now, Duration::ZERO), Decision::Dial(Duration::ZERO));
    }

    #[test]
    fn rounds_back_off_and_end_with_the_total() {
        let mut now = Instant::now();
        let began = now;
        let mut recovery = Recovery::new(&Settings::default(), HEALTHY);
        recovery.lost(now, HEALTHY);
        let mut waits = Vec::new();
        while let Decision::Dial(wait) = recovery.round_failed(now) {
            waits.push(wait.as_millis());
            now += wait;
            assert!(waits.len() < 100);
        }
        assert_eq!(waits[..5], [250, 500, 1000, 2000, 2000]);
        assert!(now - began < Duration::from_secs(32) && now - began > Duration::from_secs(28));
    }
}

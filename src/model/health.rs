//! How a source has behaved: the failure ladder, and the order that follows from it. Pure.

use serde::{Deserialize, Serialize};

/// How long a source rests after its first, second … failure in a row, in seconds (TUNER.md, "Opening a channel").
const LADDER_S: [i64; 5] = [10, 30, 120, 600, 3600];

/// How a source has behaved, decaying with time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Health {
    /// Failures in a row, which is the rung of the ladder it stands on.
    pub failures: u32,
    /// Milliseconds since 1970 of the last failure.
    pub last_failure_ms: Option<i64>,
    /// Why, in words, without credentials.
    pub last_reason: Option<String>,
    /// Milliseconds since 1970 of the last success.
    pub last_success_ms: Option<i64>,
    /// Not to be dialled before this time, milliseconds since 1970.
    pub cool_until_ms: Option<i64>,
}

impl Health {
    /// One more failure: a rung up, and a rest.
    pub fn fail(&mut self, now_ms: i64, reason: &str) {
        let rung = usize::try_from(self.failures).unwrap_or(usize::MAX).min(LADDER_S.len() - 1);
        let rest = LADDER_S.get(rung).copied().unwrap_or(3600) * 1000;
        self.failures = self.failures.saturating_add(1).min(LADDER_S.len() as u32);
        self.last_failure_ms = Some(now_ms);
        self.last_reason = Some(reason.to_owned());
        self.cool_until_ms = Some(now_ms.saturating_add(rest));
    }

    /// It was proven and is on air: no more rest.
    pub fn on_air(&mut self, now_ms: i64) {
        self.last_success_ms = Some(now_ms);
        self.cool_until_ms = None;
    }

    /// It has served long enough to go a rung down.
    pub fn step_down(&mut self) {
        self.failures = self.failures.saturating_sub(1);
    }

    /// Whether it rests now.
    pub fn is_cooling(&self, now_ms: i64) -> bool {
        self.cool_until_ms.is_some_and(|until| until > now_ms)
    }

    /// Failures that still count, halved for every hour that has passed since: never lifetime totals.
    pub fn weight(&self, now_ms: i64) -> u32 {
        let hours = self.last_failure_ms.map_or(0, |at| now_ms.saturating_sub(at).max(0) / 3_600_000);
        self.failures.checked_shr(u32::try_from(hours).unwrap_or(u32::MAX)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_goes_up_and_stays_at_its_top() {
        let mut health = Health::default();
        let rests: Vec<i64> = (0..7)
            .map(|_| {
                health.fail(1_000, "dead");
                (health.cool_until_ms.unwrap() - 1_000) / 1000
            })
            .collect();
        assert_eq!(rests, [10, 30, 120, 600, 3600, 3600, 3600]);
    }

    #[test]
    fn success_ends_the_rest_and_serving_steps_down() {
        let mut health = Health::default();
        health.fail(0, "dead");
        health.fail(0, "dead");
        assert!(health.is_cooling(29_999) && !health.is_cooling(30_000));
        health.on_air(20_000);
        assert!(!health.is_cooling(20_000));
        health.step_down();
        health.fail(40_000, "dead");
        assert_eq!(health.cool_until_ms, Some(70_000));
    }

    #[test]
    fn old_failures_fade() {
        let mut health = Health::default();
        (0..4).for_each(|_| health.fail(0, "dead"));
        assert_eq!(health.weight(0), 4);
        assert_eq!(health.weight(3_600_000), 2);
        assert_eq!(health.weight(40 * 3_600_000), 0);
    }
}

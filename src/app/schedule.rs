//! When feeds are due: as often as was said, sooner after a failure, and once after a start.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::backoff::Backoff;
use crate::base::clock::{self, Instant};
use crate::base::jobs::{Jobs, State};

/// What came from the network this recently is not read again because of a restart.
const FRESH_MS: i64 = 5 * 60 * 1000;
/// After a failure a feed is read again this soon at first …
const SOON: Duration = Duration::from_secs(15);
/// … and this often at least.
const OFTEN: Duration = Duration::from_secs(15 * 60);
/// One that somebody has stopped is left alone for so long.
const STOPPED: Duration = Duration::from_secs(3600);
/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(30);

/// A feed, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub struct Feed {
    /// Which.
    pub id: i64,
    /// When it was last looked at, milliseconds since 1970.
    pub read_ms: Option<i64>,
    /// Hours from one reading to the next; 0: only when asked.
    pub refresh_h: u32,
    /// Whether it comes from the network.
    pub remote: bool,
    /// Whether the file of the version that is served is here. After a restore, or on another card, it is not.
    pub here: bool,
}

/// When feeds are due.
pub struct Plan {
    started_ms: i64,
    /// After failures: how long it is waited, and until when.
    retries: HashMap<i64, (Backoff, Instant)>,
    /// The jobs that were started for them.
    tried: HashMap<i64, u64>,
}

impl Plan {
    /// Nothing was tried yet since `started_ms`.
    pub fn new(started_ms: i64) -> Self {
        Self { started_ms, retries: HashMap::new(), tried: HashMap::new() }
    }

    /// A job was started for a feed.
    pub fn started(&mut self, id: i64, job: u64) {
        self.tried.insert(id, job);
    }

    /// Whether a feed is to be read now.
    pub fn is_due(&mut self, feed: &Feed, jobs: &Jobs) -> bool {
        let ended = self.tried.get(&feed.id).and_then(|job| jobs.get(*job)).map(|job| job.state);
        match ended {
            Some(state) if !state.is_over() => return false,
            Some(state) => {
                self.tried.remove(&feed.id);
                self.ended(feed.id, state, clock::now());
            }
            None => {}
        }
        self.due_at(feed, clock::wall_ms(), clock::now())
    }

    /// Forgets feeds that are not among these.
    pub fn keep(&mut self, ids: &[i64]) {
        self.retries.retain(|id, _| ids.contains(id));
        self.tried.retain(|id, _| ids.contains(id));
    }

    /// How long until it is to be looked again.
    pub fn next(&self, now: Instant) -> Duration {
        // One that is being tried has its next time when that is over.
        let waiting = self.retries.iter().filter(|(id, _)| !self.tried.contains_key(id));
        let retry = waiting.map(|(_, (_, at))| at.saturating_duration_since(now)).min();
        retry.unwrap_or(LOOK).clamp(Duration::from_millis(50), LOOK)
    }

    fn ended(&mut self, id: i64, state: State, now: Instant) {
        let Ok(fresh) = Backoff::new(SOON, OFTEN) else { return };
        match state {
            State::Failed => {
                let (backoff, at) = self.retries.entry(id).or_insert((fresh, now));
                *at = now + backoff.wait();
            }
            // Somebody did not want it: not now, at any rate.
            State::Cancelled => {
                self.retries.insert(id, (fresh, now + STOPPED));
            }
            _ => {
                self.retries.remove(&id);
            }
        }
    }

    fn due_at(&self, feed: &Feed, now_ms: i64, now: Instant) -> bool {
        if let Some((_, at)) = self.retries.get(&feed.id) {
            return now >= *at;
        }
        let every_ms = i64::from(feed.refresh_h) * 3_600_000;
        match feed.read_ms {
            None => true,
            // What came with a backup is not here; once since the start is enough, should the provider not give it any more.
            Some(last) if !feed.here && last < self.started_ms => true,
            Some(_) if feed.refresh_h == 0 => false,
            // What was read before this start is read again, to learn what has changed meanwhile.
            Some(last) if feed.remote && last < self.started_ms - FRESH_MS => true,
            // A time that is far ahead was taken from a clock that was wrong.
            Some(last) => now_ms.saturating_sub(last) >= every_ms || last.saturating_sub(now_ms) > every_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    #[rstest::rstest]
    #[case::never_read(None, 12, true, 0, true)]
    #[case::never_read_on_demand(None, 0, true, 0, true)]
    #[case::read_before_the_start(Some(-HOUR_MS), 12, true, 0, true)]
    #[case::read_before_the_start_on_demand(Some(-HOUR_MS), 0, true, 0, false)]
    #[case::read_just_before_the_start(Some(-60_000), 12, true, 0, false)]
    #[case::a_file(Some(-HOUR_MS), 12, false, 0, false)]
    #[case::an_old_file(Some(-13 * HOUR_MS), 12, false, 0, true)]
    #[case::in_time(Some(0), 12, true, 11 * HOUR_MS, false)]
    #[case::due(Some(0), 12, true, 12 * HOUR_MS, true)]
    #[case::the_clock_was_set_back(Some(HOUR_MS), 12, true, 0, false)]
    #[case::the_clock_was_wrong_for_long(Some(90 * 24 * HOUR_MS), 12, true, 0, true)]
    fn feeds_are_due(
        #[case] read_ms: Option<i64>,
        #[case] refresh_h: u32,
        #[case] remote: bool,
        #[case] now_ms: i64,
        #[case] due: bool,
    ) {
        let start = 1_000_000_000_000;
        let feed = Feed { id: 1, read_ms: read_ms.map(|at| start + at), refresh_h, remote, here: true };
        assert_eq!(Plan::new(start).due_at(&feed, start + now_ms, clock::now()), due);
    }

    #[rstest::rstest]
    #[case::read_before_the_start(-60_000, 12, true)]
    #[case::only_when_asked(-60_000, 0, true)]
    #[case::read_since_and_held_back(1000, 12, false)]
    fn what_is_not_here_is_read_once(#[case] read_ms: i64, #[case] refresh_h: u32, #[case] due: bool) {
        let start = 1_000_000_000_000;
        let feed = Feed { id: 1, read_ms: Some(start + read_ms), refresh_h, remote: true, here: false };
        assert_eq!(Plan::new(start).due_at(&feed, start + 2000, clock::now()), due);
    }

    #[tokio::test]
    async fn after_a_failure_it_is_tried_sooner_and_later_each_time() {
        let mut plan = Plan::new(0);
        let now = clock::now();
        let feed = Feed { id: 1, read_ms: None, refresh_h: 12, remote: true, here: true };
        plan.ended(1, State::Failed, now);
        assert!(!plan.due_at(&feed, 0, now) && plan.due_at(&feed, 0, now + SOON * 2));
        for _ in 0..20 {
            plan.ended(1, State::Failed, now);
        }
        assert!(!plan.due_at(&feed, 0, now + SOON * 2) && plan.due_at(&feed, 0, now + OFTEN * 2));
        plan.ended(1, State::Done, now);
        assert!(plan.due_at(&feed, 0, now) && plan.next(now) == LOOK);
        plan.ended(1, State::Cancelled, now);
        assert!(!plan.due_at(&feed, 0, now + OFTEN) && plan.due_at(&feed, 0, now + STOPPED));
        plan.ended(1, State::Failed, now);
        plan.started(1, 7);
        assert_eq!(plan.next(now + STOPPED * 2), LOOK, "it is being tried");
        plan.keep(&[2]);
        assert!(plan.due_at(&feed, 0, now));
    }
}

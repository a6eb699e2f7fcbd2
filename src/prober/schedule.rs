//! What to look at next, and when. Pure: it is told the time.
//!
//! Sources that were never looked at come first, then those for which the interval is over, the longest ago first, counted in
//! whole intervals; among those of one round backups go before what viewers use every day anyway.

use std::cmp::Reverse;
use std::time::Duration;

use crate::model::{Provider, Source};

/// What is due but may not be dialled now is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Nothing is waited for longer: playlists bring new sources.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// An account that refused a probe is left alone for at least this long: the next source of it would fare no better, and nobody
/// is waiting for it.
const ACCOUNT_REST: Duration = Duration::from_secs(600);
/// Parts of the interval after which a probe that had to yield is tried again.
const PREEMPTED_PART: u32 = 24;

/// A source that may be looked at.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The source.
    pub source: &'a Source,
    /// Whether another one of its channel is tried before it.
    pub backup: bool,
    /// When it was looked at last, in milliseconds since 1970.
    pub probed_ms: Option<i64>,
    /// It is to be left alone until then.
    pub not_before_ms: Option<i64>,
}

/// What is next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Look at this one.
    Probe(Box<Source>),
    /// At least one is due, but none may be dialled now.
    Blocked,
    /// The first one is due then, in milliseconds since 1970.
    At(i64),
    /// There is nothing to look at.
    Nothing,
}

/// The candidate to be looked at now. `may` tells whether a source may be dialled, and is asked as seldom as possible.
pub fn next<'a>(
    candidates: impl IntoIterator<Item = Candidate<'a>>,
    may: impl Fn(&Source) -> bool,
    interval: Duration,
    now_ms: i64,
) -> Next {
    let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
    let (mut best, mut blocked, mut first_due): (Option<(_, &Source)>, bool, Option<i64>) = (None, false, None);
    for candidate in candidates {
        let due_ms = due_ms(&candidate, interval_ms, now_ms);
        if due_ms > now_ms {
            first_due = Some(first_due.map_or(due_ms, |first| first.min(due_ms)));
            continue;
        }
        // A stamp from the future is the work of a clock that was wrong: no round to go by.
        let rounds = candidate.probed_ms.map_or(i64::MAX, |probed| now_ms.saturating_sub(probed).max(0) / interval_ms);
        let rank = (Reverse(rounds), !candidate.backup, candidate.probed_ms);
        if best.as_ref().is_some_and(|(better, _)| *better <= rank) {
            continue;
        }
        if may(candidate.source) {
            best = Some((rank, candidate.source));
        } else {
            blocked = true;
        }
    }
    match (best, blocked, first_due) {
        (Some((_, source)), ..) => Next::Probe(Box::new(source.clone())),
        (None, true, _) => Next::Blocked,
        (None, false, Some(at)) => Next::At(at),
        (None, false, None) => Next::Nothing,
    }
}

/// When a candidate is due. A clock that was set back by more than an interval leaves stamps that mean nothing.
fn due_ms(candidate: &Candidate<'_>, interval_ms: i64, now_ms: i64) -> i64 {
    let limit = now_ms.saturating_add(interval_ms);
    let by_interval =
        candidate.probed_ms.filter(|probed| *probed <= limit).map_or(now_ms, |probed| probed.saturating_add(interval_ms));
    let by_rest = candidate.not_before_ms.filter(|until| *until <= limit).unwrap_or(now_ms);
    by_interval.max(by_rest)
}

/// How long to wait after what came of [`next`], asked at `now_ms`; `tune_delay` between two probes.
pub fn wait(next: &Next, now_ms: i64, tune_delay: Duration) -> Duration {
    match next {
        Next::Probe(_) => tune_delay,
        Next::Blocked => LOOK_AGAIN,
        Next::At(at) => Duration::from_millis(u64::try_from(at.saturating_sub(now_ms)).unwrap_or(0)).min(LONGEST_WAIT),
        Next::Nothing => LONGEST_WAIT,
    }
}

/// How long a source is left alone whose probe had to yield, in milliseconds.
pub fn rest_of_preempted_ms(interval: Duration) -> i64 {
    i64::try_from((interval / PREEMPTED_PART).as_millis()).unwrap_or(i64::MAX)
}

/// How long an account is left alone that refused a probe and itself rests for `wait`, in milliseconds.
pub fn rest_of_account_ms(wait: Option<Duration>) -> i64 {
    i64::try_from(wait.unwrap_or_default().max(ACCOUNT_REST).as_millis()).unwrap_or(i64::MAX)
}

/// Sources of the demo are made here, but for one that is dead on purpose; there is nothing to be found out about them.
pub fn is_demo(provider: &Provider) -> bool {
    provider.location.starts_with("demo:")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{ChannelId, Headers, Health, ProviderId, Route, SourceId};

    const HOUR: i64 = 3_600_000;
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn source(id: i64) -> Source {
        Source {
            id: SourceId(id),
            channel: ChannelId(1),
            provider: ProviderId(id % 3),
            name: String::new(),
            url: "http://a/1".into(),
            headers: Headers::default(),
            route: Route::default(),
            item_key: String::new(),
            priority: 0,
            enabled: true,
            health: Health::default(),
        }
    }

    /// `(backup, hours since it was probed, hours until it may be)`, and what is chosen: its index.
    fn chosen(rows: &[(bool, Option<i64>, Option<i64>)], denied: &[i64]) -> Result<i64, Next> {
        let now_ms = 1000 * HOUR;
        let sources: Vec<Source> = (0..).zip(rows).map(|(id, _)| source(id)).collect();
        let candidates = sources.iter().zip(rows).map(|(source, (backup, ago, rest))| Candidate {
            source,
            backup: *backup,
            probed_ms: ago.map(|hours| now_ms - hours * HOUR),
            not_before_ms: rest.map(|hours| now_ms + hours * HOUR),
        });
        match next(candidates, |source| !denied.contains(&source.id.0), DAY, now_ms) {
            Next::Probe(source) => Ok(source.id.0),
            other => Err(other),
        }
    }

    #[rstest::rstest]
    #[case::backups_first(&[(false, None, None), (true, None, None), (true, None, None)], &[], Ok(1))]
    #[case::then_the_first_sources(&[(false, None, None), (true, Some(1), None)], &[], Ok(0))]
    #[case::new_ones_before_old_ones(&[(true, Some(30), None), (false, None, None)], &[], Ok(1))]
    #[case::the_older_round_first(&[(true, Some(30), None), (false, Some(50), None)], &[], Ok(1))]
    #[case::within_a_round_backups(&[(false, Some(40), None), (true, Some(30), None)], &[], Ok(1))]
    #[case::of_two_backups_the_older(&[(true, Some(25), None), (true, Some(40), None)], &[], Ok(1))]
    #[case::once_a_day(&[(true, Some(23), None), (false, Some(20), None)], &[], Err(Next::At(1001 * HOUR)))]
    #[case::what_may_not_is_passed_over(&[(true, None, None), (false, None, None)], &[0], Ok(1))]
    #[case::blocked(&[(true, None, None), (false, Some(1), None)], &[0], Err(Next::Blocked))]
    #[case::what_had_to_yield_rests(&[(true, None, Some(1)), (false, None, None)], &[], Ok(1))]
    #[case::and_comes_again(&[(true, None, Some(1))], &[], Err(Next::At(1001 * HOUR)))]
    #[case::a_clock_that_was_a_little_ahead(&[(true, Some(-2), None)], &[], Err(Next::At(1026 * HOUR)))]
    #[case::a_clock_that_was_wrong(&[(true, Some(-9000), None)], &[], Ok(0))]
    #[case::nothing(&[], &[], Err(Next::Nothing))]
    fn what_is_next(
        #[case] rows: &[(bool, Option<i64>, Option<i64>)],
        #[case] denied: &[i64],
        #[case] expected: Result<i64, Next>,
    ) {
        assert_eq!(chosen(rows, denied), expected);
    }

    #[rstest::rstest]
    #[case(Next::Probe(Box::new(source(1))), Duration::from_secs(1))]
    #[case(Next::Blocked, LOOK_AGAIN)]
    #[case(Next::At(2500), Duration::from_millis(1500))]
    #[case(Next::At(HOUR), LONGEST_WAIT)]
    #[case(Next::At(0), Duration::ZERO)]
    #[case(Next::Nothing, LONGEST_WAIT)]
    fn how_long_it_waits(#[case] next: Next, #[case] expected: Duration) {
        assert_eq!(wait(&next, 1000, Duration::from_secs(1)), expected);
    }

    #[test]
    fn rests() {
        assert_eq!(rest_of_preempted_ms(DAY), HOUR);
        assert_eq!(rest_of_account_ms(None), 600_000);
        assert_eq!(rest_of_account_ms(Some(Duration::from_secs(7200))), 2 * HOUR);
        let provider =
            |location: &str| Provider { id: ProviderId(1), name: "Some".into(), location: location.into(), max_connections: 1 };
        assert!(is_demo(&provider("demo:")) && !is_demo(&provider("/etc/demo.m3u")));
    }

    proptest! {
        /// Walked for days, with sources that may not be dialled for a while now and then: none is looked at twice within the
        /// interval, all that may be are looked at, and in the first round no first source before a backup that may be.
        #[test]
        fn each_once_in_an_interval(
            backups in proptest::collection::vec(any::<bool>(), 1..20),
            closed in proptest::collection::vec((0i64..20, 0i64..40, 1i64..20), 0..10),
        ) {
            let sources: Vec<Source> = (0..).zip(&backups).map(|(id, _)| source(id)).collect();
            let interval = Duration::from_secs(3600);
            let mut probed: Vec<Vec<i64>> = vec![Vec::new(); sources.len()];
            let mut now_ms = HOUR;
            while now_ms < 5 * HOUR {
                let may = |source: &Source| {
                    let minute = (now_ms - HOUR) / 60_000;
                    !closed.iter().any(|(id, from, long)| *id == source.id.0 && (*from..from + long).contains(&minute))
                };
                let candidates: Vec<Candidate<'_>> = sources.iter().enumerate().map(|(at, source)| Candidate {
                    source,
                    backup: backups[at],
                    probed_ms: probed[at].last().copied(),
                    not_before_ms: None,
                }).collect();
                let next = next(candidates.iter().copied(), may, interval, now_ms);
                if let Next::Probe(source) = &next {
                    let at = usize::try_from(source.id.0).unwrap();
                    prop_assert!(may(source));
                    prop_assert!(probed[at].last().is_none_or(|last| now_ms - last >= HOUR));
                    let waiting = |other: &Candidate<'_>| other.backup && other.probed_ms.is_none() && may(other.source);
                    prop_assert!(backups[at] || !probed[at].is_empty() || !candidates.iter().any(waiting));
                    probed[at].push(now_ms);
                    now_ms += 2000; // The probe itself.
                }
                let wait = wait(&next, now_ms, Duration::from_secs(1));
                now_ms += i64::try_from(wait.as_millis()).unwrap().max(1);
            }
            for times in &probed {
                // Four hours; closed times put it off by at most forty minutes and a round.
                prop_assert!((3..=4).contains(&times.len()), "{:?}", times);
            }
        }
    }
}

use proptest::prelude::*;

use super::*;
use crate::base::secret::Secret;
use crate::model::{Headers, ProviderId, Route};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

/// A plan: each source, and whether it rests.
fn plan(sources: &[(i64, bool)]) -> Vec<Candidate> {
    let mut plan: Vec<Candidate> = sources
        .iter()
        .map(|&(id, cooling)| Candidate {
            source: SourceId(id),
            provider: ProviderId(1),
            item_key: String::new(),
            url: Secret::new(String::new()),
            headers: Headers::default(),
            route: Route::default(),
            cooling,
        })
        .collect();
    plan.sort_by_key(|candidate| candidate.cooling);
    plan
}

fn ids(candidates: &[Candidate]) -> Vec<i64> {
    candidates.iter().map(|candidate| candidate.source.0).collect()
}

fn with(policy: Policy) -> Recovery {
    Recovery::new(&Settings { stall_policy: policy, ..Settings::default() })
}

/// A session whose source is on air.
fn on_air(policy: Policy, now: Instant) -> Recovery {
    let mut recovery = with(policy);
    assert!(matches!(recovery.on(now, Event::Wanted(&plan(&[(1, false)]))), Step::Dial(_)));
    assert!(matches!(recovery.on(now, Event::Proven(SourceId(1))), Step::Play));
    recovery
}

fn round(step: Step) -> Round {
    match step {
        Step::Dial(round) => round,
        step => panic!("not a round but {step:?}"),
    }
}

#[rstest::rstest]
#[case(&[(1, false), (2, false), (3, false)], Some(1), 0, &[2, 3, 1])]
#[case(&[(1, false), (2, true), (3, false)], Some(1), 0, &[3, 1, 2])]
#[case(&[(1, true), (2, true)], Some(2), 0, &[1, 2])]
#[case(&[(1, true)], Some(1), 3, &[1])]
#[case(&[(2, false), (1, false)], None, 0, &[2, 1])]
#[case::those_that_do_not_rest_are_always_dialled(&[(1, false), (2, false), (3, false), (4, true)], Some(9), 2, &[1, 2, 3])]
#[case::of_the_others_some(&[(1, false), (2, true), (3, true), (4, true)], Some(9), 2, &[1, 2])]
#[case::the_lost_one_does_not_count(&[(1, true), (2, true), (3, true), (4, true)], Some(1), 2, &[2, 3, 1])]
fn chooses(#[case] sources: &[(i64, bool)], #[case] lost: Option<i64>, #[case] alternates: usize, #[case] want: &[i64]) {
    assert_eq!(ids(&choose(&plan(sources), lost.map(SourceId), alternates)), want);
}

#[rstest::rstest]
#[case("failover_source", Some(Policy::FailoverSource))]
#[case("restart_same", Some(Policy::RestartSame))]
#[case("close_session", Some(Policy::CloseSession))]
#[case("failover", None)]
#[case("", None)]
fn reads_policies(#[case] text: &str, #[case] policy: Option<Policy>) {
    assert_eq!(text.parse().ok(), policy);
}

#[test]
fn each_policy_does_what_it_says() {
    let now = Instant::now();
    let sources = plan(&[(2, false), (3, false), (1, true)]);
    let lost = |policy| on_air(policy, now).on(now + LONG, Event::Lost(&sources));
    assert_eq!(ids(&round(lost(Policy::FailoverSource)).candidates), [2, 3, 1]);
    assert_eq!(ids(&round(lost(Policy::RestartSame)).candidates), [1]);
    assert!(matches!(lost(Policy::CloseSession), Step::Over(GaveUp::Policy)));
    // What a person asks for is another source, whatever the policy is.
    for policy in [Policy::FailoverSource, Policy::RestartSame, Policy::CloseSession] {
        let mut recovery = on_air(policy, now);
        assert_eq!(ids(&round(recovery.on(now, Event::Asked(&sources))).candidates), [2, 3, 1]);
        assert_eq!(ids(&round(recovery.on(now, Event::Unproven(&sources))).candidates), [2, 3, 1]);
    }
    // A source that was taken out of the lineup is not restarted.
    let step = on_air(Policy::RestartSame, now).on(now, Event::Lost(&plan(&[(2, false)])));
    assert_eq!(ids(&round(step).candidates), [2]);
}

#[test]
fn a_start_forces_no_more_sources_that_rest_than_allowed() {
    let sources = plan(&[(1, true), (2, true), (3, true), (4, true), (5, true)]);
    let start = |max_failovers| {
        let mut recovery = Recovery::new(&Settings { max_failovers, ..Settings::default() });
        round(recovery.on(Instant::now(), Event::Wanted(&sources))).candidates.len()
    };
    assert_eq!((start(3), start(1), start(0)), (4, 2, 5));
    let mut recovery = with(Policy::FailoverSource);
    assert!(matches!(recovery.on(Instant::now(), Event::Unproven(&sources)), Step::Over(GaveUp::Unopened)));
}

#[test]
fn a_source_that_served_is_replaced_at_once() {
    let mut now = Instant::now();
    let mut recovery = on_air(Policy::FailoverSource, now);
    for _ in 0..100 {
        now += Duration::from_secs(20);
        let round = round(recovery.on(now, Event::Lost(&plan(&[(1, true)]))));
        assert_eq!((round.wait, round.most), (Duration::ZERO, Duration::from_secs(32)));
        now += SECOND;
        recovery.on(now, Event::Proven(SourceId(1)));
    }
}

#[test]
fn a_source_that_dies_again_and_again_is_given_time_and_then_up() {
    let mut now = Instant::now();
    let began = now;
    let mut recovery = on_air(Policy::FailoverSource, now);
    let mut waits = Vec::new();
    let why = loop {
        now += SECOND;
        match recovery.on(now, Event::Lost(&plan(&[(1, true)]))) {
            Step::Dial(round) => {
                waits.push(round.wait.as_millis());
                now += round.wait;
                recovery.on(now, Event::Proven(SourceId(1)));
            }
            Step::Over(why) => break why,
            Step::Play => panic!("the source was lost"),
        }
        assert!(waits.len() < 1000);
    };
    assert_eq!(waits[..6], [0, 250, 500, 1000, 2000, 2000]);
    assert_eq!(why, GaveUp::Cycling);
    assert!(now - began > LONG && now - began < LONG * 10, "{:?}", now - began);
}

#[test]
fn a_source_that_serves_two_thirds_of_the_time_is_kept() {
    let mut now = Instant::now();
    let mut recovery = on_air(Policy::FailoverSource, now);
    for _ in 0..1000 {
        now += SECOND * 5;
        now += round(recovery.on(now, Event::Lost(&plan(&[(1, true)])))).wait;
        recovery.on(now, Event::Proven(SourceId(1)));
    }
}

#[test]
fn nobody_is_let_go_while_a_healthy_source_was_not_tried() {
    let mut now = Instant::now();
    let mut recovery = on_air(Policy::FailoverSource, now);
    // The only other one is restarted until nothing is left of the budget …
    while let Step::Dial(round) = recovery.on(now, Event::Lost(&plan(&[(1, true)]))) {
        now += round.wait;
        recovery.on(now, Event::Proven(SourceId(1)));
        if recovery.patience < SECOND * 3 {
            break;
        }
    }
    // … and then others appear: each is tried at once, once.
    for fresh in 2..20 {
        let sources: Vec<(i64, bool)> = (1..=fresh).map(|id| (id, id != fresh)).collect();
        let round = round(recovery.on(now, Event::Lost(&plan(&sources))));
        assert_eq!((round.candidates[0].source.0, round.wait), (fresh, Duration::ZERO));
        assert!(round.most >= FRESH);
        now += SECOND * 4;
        recovery.on(now, Event::Proven(SourceId(fresh)));
    }
    assert!(matches!(recovery.on(now, Event::Lost(&plan(&[(1, true), (2, true)]))), Step::Over(GaveUp::Cycling)));
}

#[test]
fn rounds_back_off_and_end_with_the_total() {
    let mut now = Instant::now();
    let mut recovery = on_air(Policy::FailoverSource, now);
    now += LONG;
    let began = now;
    let sources = plan(&[(1, true)]);
    let mut step = recovery.on(now, Event::Lost(&sources));
    let mut waits = Vec::new();
    while let Step::Dial(round) = step {
        waits.push(round.wait.as_millis());
        now += round.wait;
        assert!(now + round.most <= began + Duration::from_secs(32));
        step = recovery.on(now, Event::Unproven(&sources));
    }
    assert_eq!(waits[..6], [0, 250, 500, 1000, 2000, 2000]);
    assert!(matches!(step, Step::Over(GaveUp::TimeOver)));
    assert!(now - began > Duration::from_secs(28));
    assert!(matches!(recovery.on(now, Event::Proven(SourceId(1))), Step::Over(GaveUp::TimeOver)), "over is over");
}

#[test]
fn asking_costs_no_budget() {
    let now = Instant::now();
    let mut recovery = on_air(Policy::FailoverSource, now);
    let full = recovery.patience;
    let sources = plan(&[(1, false), (2, false)]);
    for n in 1..10 {
        assert_eq!(round(recovery.on(now + SECOND * n, Event::Asked(&sources))).wait, Duration::ZERO);
        recovery.on(now + SECOND * n, Event::Proven(SourceId(i64::from(n % 2))));
    }
    assert_eq!((recovery.patience, recovery.streak), (full, 0));
}

#[test]
fn a_change_of_our_own_will_is_no_loss() {
    let now = Instant::now();
    let mut recovery = on_air(Policy::FailoverSource, now);
    assert!(matches!(recovery.on(now + SECOND, Event::Proven(SourceId(2))), Step::Play));
    let step = recovery.on(now + SECOND * 2, Event::Lost(&plan(&[(1, true), (2, true)])));
    assert_eq!(ids(&round(step).candidates), [1, 2]);
    assert_eq!(recovery.streak, 1);
}

/// What happens next in a session's life, and how long after the last thing.
#[derive(Debug, Clone)]
enum Happens {
    Wanted,
    Proven(i64),
    Lost,
    Asked,
    Unproven,
}

fn happens() -> impl Strategy<Value = (Happens, u64)> {
    let what = prop_oneof![
        1 => Just(Happens::Wanted),
        4 => (0..6i64).prop_map(Happens::Proven),
        4 => Just(Happens::Lost),
        1 => Just(Happens::Asked),
        3 => Just(Happens::Unproven),
    ];
    (what, prop_oneof![0..3000u64, 0..60_000u64])
}

fn sources() -> impl Strategy<Value = Vec<(i64, bool)>> {
    proptest::collection::btree_map(0..8i64, any::<bool>(), 0..8).prop_map(|map| map.into_iter().collect())
}

fn limits() -> impl Strategy<Value = Settings> {
    let policy = prop_oneof![
        4 => Just(Policy::FailoverSource),
        1 => Just(Policy::RestartSame),
        1 => Just(Policy::CloseSession),
    ];
    (policy, 0..5usize, 0..5usize, 0..60u64, 1..60u64).prop_map(|(policy, max_failovers, per_stall, total, healthy)| Settings {
        stall_policy: policy,
        max_failovers,
        stall_max_failovers_per_stall: per_stall,
        failover_total_timeout: SECOND * u32::try_from(total).unwrap(),
        cycle_failure_min_health: SECOND * u32::try_from(healthy).unwrap(),
        ..Settings::default()
    })
}

proptest! {
    /// Whatever happens, in whatever order: no budget is exceeded, and over is over.
    #[test]
    fn budgets_hold(
        settings in limits(),
        story in proptest::collection::vec((happens(), sources()), 0..200),
    ) {
        let mut now = Instant::now();
        let mut recovery = Recovery::new(&settings);
        let total = settings.failover_total_timeout.min(settings.stall_hard_deadline);
        // When the source was lost, while one is looked for.
        let mut lost_at = None;
        let mut over = false;
        for ((what, after_ms), sources) in story {
            now += Duration::from_millis(after_ms);
            let before = recovery.state;
            let plan = plan(&sources);
            let step = recovery.on(now, match what {
                Happens::Wanted => Event::Wanted(&plan),
                Happens::Proven(id) => Event::Proven(SourceId(id)),
                Happens::Lost => Event::Lost(&plan),
                Happens::Asked => Event::Asked(&plan),
                Happens::Unproven => Event::Unproven(&plan),
            });
            let opening = before == State::Opening;
            prop_assert!(!over || matches!(step, Step::Over(_)));
            match step {
                Step::Play => lost_at = None,
                Step::Over(_) => {
                    let healthy = matches!((before, &what), (State::OnAir { .. }, Happens::Lost))
                        && settings.stall_policy == Policy::FailoverSource
                        && !total.is_zero()
                        && plan.iter().any(|one| !one.cooling && !recovery.tried.contains(&one.source));
                    prop_assert!(!healthy, "a healthy source was not tried");
                    over = true;
                }
                Step::Dial(round) => {
                    prop_assert!(round.wait <= BACKOFF_MOST);
                    if !opening {
                        let since = *lost_at.get_or_insert(now);
                        prop_assert!(now + round.wait + round.most <= since + total);
                    }
                    let most = if opening { settings.max_failovers } else { settings.stall_max_failovers_per_stall };
                    let awake = plan.iter().filter(|one| !one.cooling).count();
                    let forced = round.candidates.iter().filter(|one| one.cooling).count();
                    prop_assert!(most == 0 || forced <= most + 1);
                    prop_assert!(most == 0 || round.candidates.len() <= awake.max(most) + 1);
                    let mut names = ids(&round.candidates);
                    names.sort_unstable();
                    names.dedup();
                    prop_assert_eq!(names.len(), round.candidates.len(), "dialled twice in a round");
                }
            }
        }
    }

    /// A session whose sources never serve for longer than 3 s ends, whoever is proven after how many rounds.
    #[test]
    fn it_always_ends(
        settings in limits(),
        sources in sources(),
        lives in proptest::collection::vec((0..3000u64, 0..3u32, any::<proptest::sample::Index>()), 1..50),
    ) {
        let settings = Settings { cycle_failure_min_health: Duration::from_secs(4), ..settings };
        let mut now = Instant::now();
        let mut recovery = Recovery::new(&settings);
        recovery.on(now, Event::Wanted(&plan(&sources)));
        recovery.on(now, Event::Proven(SourceId(0)));
        let mut ended = false;
        'story: for (lived_ms, rounds, who) in lives.iter().cycle().take(2000) {
            now += Duration::from_millis(*lived_ms);
            let mut step = recovery.on(now, Event::Lost(&plan(&sources)));
            for _ in 0..=*rounds {
                match step {
                    Step::Over(_) => {
                        ended = true;
                        break 'story;
                    }
                    Step::Dial(round) => now += round.wait,
                    Step::Play => {}
                }
                step = recovery.on(now, Event::Unproven(&plan(&sources)));
            }
            if let Step::Dial(round) = step {
                now += round.wait;
            }
            recovery.on(now, Event::Proven(SourceId(who.index(8) as i64)));
        }
        prop_assert!(ended);
    }
}

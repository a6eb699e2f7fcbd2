use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::ingest::tap::testing::start;

const WRAP: u64 = 1 << 33;

fn after(ms: u64) -> Instant {
    start() + Duration::from_millis(ms)
}

/// Stamps, each with the milliseconds at which it comes; what is counted: wraps, jumps, errors.
#[rstest]
#[case::plain(&[(0, 0), (3600, 40), (7200, 80)], (0, 0, 0))]
#[case::wrap(&[(WRAP - 3600, 0), (0, 40), (3600, 80)], (1, 0, 0))]
#[case::wrap_and_reorder(&[(WRAP - 3600, 0), (3600, 40), (0, 80), (WRAP - 1, 90), (7200, 120)], (1, 0, 2))]
#[case::late_all_at_once(&[(0, 0), (3600, 5000), (7200, 5001)], (0, 0, 0))]
#[case::hole(&[(0, 0), (450_000, 5000)], (0, 0, 0))]
#[case::jump_on(&[(0, 0), (450_000, 40), (453_600, 80)], (0, 1, 0))]
#[case::jump_back(&[(900_000, 0), (0, 40)], (0, 1, 0))]
#[case::jump_over_the_wrap(&[(WRAP - 3600, 0), (900_000, 40), (903_600, 80)], (0, 1, 0))]
#[case::step_back(&[(9000, 0), (0, 40)], (0, 0, 1))]
#[case::too_large(&[(WRAP + 5, 0), (3605, 40)], (0, 0, 0))]
fn stamps_are_followed(#[case] stamps: &[(u64, u64)], #[case] counted: (u64, u64, u64)) {
    let mut timeline = Timeline::default();
    for (stamp, ms) in stamps {
        timeline.see(*stamp, *stamp, after(*ms), Moment(*ms as i64));
    }
    let found = timeline.statistics();
    assert_eq!((found.wraps, found.jumps, found.errors), counted);
    assert_eq!(found.packets, stamps.len() as u64);
}

#[test]
fn a_base_is_where_time_began() {
    let mut timeline = Timeline::default();
    assert_eq!(timeline.statistics().base, None);
    assert_eq!(timeline.see(3600, 0, after(0), Moment(7)), Step::First);
    assert_eq!(timeline.see(7200, 3600, after(40), Moment(8)), Step::On);
    assert_eq!(timeline.statistics().base, Some(Moment(7)));
    assert_eq!(timeline.see(9_003_600, 9_000_000, after(80), Moment(9)), Step::Jump);
    let found = timeline.statistics();
    assert_eq!(found.base, Some(Moment(9)));
    assert_eq!((found.last_pts, found.last_dts), (9_003_600, 9_000_000));
    timeline.see(9_003_600, 9_003_601, after(120), Moment(10));
    assert_eq!(timeline.statistics().errors, 1, "decoded after it is shown");
}

#[test]
fn a_track_goes_on_between_its_stamps_but_not_for_ever() {
    let mut timeline = Timeline::default();
    assert_eq!(timeline.position_us(after(0)), None);
    timeline.see(90_000, 90_000, after(100), Moment(0));
    assert_eq!(timeline.position_us(after(150)), Some(1_050_000));
    assert_eq!(timeline.position_us(after(2100)), Some(3_000_000));
    assert_eq!(timeline.position_us(after(2101)), None);
}

proptest! {
    #[test]
    fn unwrapping_adds_up(from in 0..WRAP, steps in proptest::collection::vec(0u64..90_000, 0..200)) {
        let mut timeline = Timeline::default();
        let mut sum = from;
        timeline.see(from, from, after(0), Moment(0));
        for step in steps {
            sum += step;
            timeline.see(sum % WRAP, sum % WRAP, after(0), Moment(0));
        }
        prop_assert_eq!(timeline.position_us(after(0)), Some((u128::from(sum) * 100 / 9) as i64));
        prop_assert_eq!(timeline.statistics().wraps, sum / WRAP);
        prop_assert_eq!(timeline.statistics().jumps, 0);
    }

    #[test]
    fn any_stamps_are_survived(stamps in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u32>()), 0..60)) {
        let mut timeline = Timeline::default();
        for (pts, dts, ms) in stamps {
            timeline.see(pts, dts, after(ms.into()), Moment(0));
            timeline.position_us(after(0));
        }
    }
}

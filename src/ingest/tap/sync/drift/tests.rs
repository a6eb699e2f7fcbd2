use proptest::prelude::*;

use super::*;
use crate::ingest::tap::testing::start;

const MS: i64 = 1000;

/// A sample every 100 ms.
struct Line {
    drift: Drift,
    ms: u64,
}

impl Line {
    fn new(correct: bool) -> Self {
        Self { drift: Drift::new(Settings { correct, ..Settings::default() }), ms: 0 }
    }

    fn sample(&mut self, drift_us: i64) -> Action {
        self.ms += 100;
        self.drift.sample(drift_us, start() + Duration::from_millis(self.ms), Moment(self.ms as i64))
    }

    fn samples(&mut self, count: usize, drift_us: i64) {
        for _ in 0..count {
            self.sample(drift_us);
        }
    }

    fn status(&self) -> Status {
        self.drift.statistics().status
    }
}

#[test]
fn ten_samples_are_enough_and_a_hundred_are_kept() {
    let mut line = Line::new(false);
    (0..9).for_each(|_| assert_eq!(line.sample(10 * MS), Action::None));
    assert_eq!(line.status(), Status::Unknown);
    line.sample(20 * MS);
    assert_eq!(line.status(), Status::Synced);
    let found = line.drift.statistics();
    assert_eq!((found.current_us, found.min_us, found.max_us, found.average_us), (20 * MS, 10 * MS, 20 * MS, 11 * MS));
    (0..100).for_each(|_| assert_eq!(line.sample(41 * MS), Action::None));
    let found = line.drift.statistics();
    assert_eq!((found.status, found.samples, found.min_us, found.average_us), (Status::Drifting, 100, 41 * MS, 41 * MS));
}

#[test]
fn a_tenth_of_it_goes_in_a_second() {
    let mut line = Line::new(true);
    (0..10).for_each(|_| assert_eq!(line.sample(30 * MS), Action::None, "not near the threshold"));
    line.samples(200, 200 * MS);
    let before = line.drift.statistics();
    assert_eq!(before.status, Status::Correcting);
    let left = 200 * MS - before.offset_us;
    line.samples(10, 200 * MS);
    let moved = line.drift.statistics().offset_us - before.offset_us;
    assert!(moved <= left / 10 && moved > left / 11, "{moved} of {left}");
    line.samples(300, 200 * MS);
    let after = line.drift.statistics();
    assert_eq!(after.status, Status::Synced);
    assert!(after.average_us <= 10 * MS && after.corrected.is_some(), "{after:?}");
    assert_eq!(line.sample(200 * MS), Action::None, "it rests there");
}

#[test]
fn beyond_a_second_it_begins_anew() {
    let mut line = Line::new(true);
    line.samples(50, 0);
    assert_eq!(line.sample(1001 * MS), Action::None, "one alone is not believed");
    assert_eq!((line.sample(0), line.drift.statistics().max_us), (Action::None, 0));
    let actions: Vec<Action> = (0..10).map(|_| line.sample(-1500 * MS)).collect();
    assert_eq!((actions[8], actions[9]), (Action::None, Action::Reset));
    let found = line.drift.statistics();
    assert_eq!((found.status, found.samples, found.offset_us, found.resets), (Status::Unknown, 0, 0, 1));
}

proptest! {
    #[test]
    fn corrections_are_bounded_and_lead_towards_it(
        samples in proptest::collection::vec((prop_oneof![any::<i64>(), -1_500_000i64..1_500_000], 0u64..5000), 0..300),
    ) {
        let mut drift = Drift::new(Settings { correct: true, ..Settings::default() });
        let (mut ms, mut offset) = (0, 0i64);
        for (sample, passed) in samples {
            ms += passed;
            let now = start() + Duration::from_millis(ms);
            match drift.sample(sample, now, Moment(0)) {
                Action::Correct(by) => {
                    offset += by;
                    let left = drift.statistics().average_us;
                    prop_assert!(left.signum() * by >= 0 && by.abs() <= (left + by).abs() / 10 + 1);
                }
                Action::Reset => offset = 0,
                Action::None => {}
            }
            let found = drift.statistics();
            prop_assert_eq!(found.offset_us, offset);
            prop_assert!(found.samples <= 100 && found.min_us <= found.average_us + 1 && found.average_us <= found.max_us + 1);
        }
    }
}

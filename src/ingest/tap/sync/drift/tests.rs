use proptest::prelude::*;

use super::*;

const MS: i64 = 1000;

#[test]
fn ten_samples_are_enough_and_a_hundred_are_kept() {
    let mut drift = Drift::new(Settings::default());
    (0..9).for_each(|_| assert!(drift.sample(10 * MS)));
    assert_eq!(drift.statistics().status, Status::Unknown);
    drift.sample(20 * MS);
    let found = drift.statistics();
    assert_eq!((found.status, found.current_us, found.min_us), (Status::Synced, 20 * MS, 10 * MS));
    assert_eq!((found.max_us, found.average_us), (20 * MS, 11 * MS));
    (0..100).for_each(|_| assert!(drift.sample(41 * MS)));
    let found = drift.statistics();
    assert_eq!((found.status, found.samples, found.min_us, found.average_us), (Status::Drifting, 100, 41 * MS, 41 * MS));
}

#[test]
fn beyond_a_second_it_begins_anew() {
    let mut drift = Drift::new(Settings::default());
    (0..50).for_each(|_| assert!(drift.sample(0)));
    assert!(drift.sample(1001 * MS), "one alone is not believed");
    assert!(drift.sample(0) && drift.statistics().max_us == 0);
    assert!((0..9).all(|_| drift.sample(-1500 * MS)) && !drift.sample(-1500 * MS));
    assert_eq!(drift.statistics(), Statistics::default());
}

proptest! {
    #[test]
    fn what_is_told_is_bounded(
        samples in proptest::collection::vec(prop_oneof![any::<i64>(), -1_500_000i64..1_500_000], 0..300),
    ) {
        let mut drift = Drift::new(Settings::default());
        for sample in samples {
            drift.sample(sample);
            let found = drift.statistics();
            prop_assert!(found.samples <= 100 && found.min_us <= found.average_us + 1 && found.average_us <= found.max_us + 1);
            prop_assert!(found.max_us <= 1_000_000 && found.min_us >= -1_000_000);
        }
    }
}

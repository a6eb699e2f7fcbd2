//! Now and next: a table, with times in minutes, and agreement with the filled guide.

use proptest::prelude::*;

use super::super::gaps;
use super::*;
use crate::model::programme::Text;

fn programme(start_min: i64, stop_min: Option<i64>, title: &str) -> Programme {
    let titles = vec![Text { text: title.into(), lang: None }];
    Programme { start_s: start_min * 60, stop_s: stop_min.map(|stop| stop * 60), titles, ..Programme::default() }
}

#[rstest::rstest]
#[case::nothing(&[], 0, None, None)]
#[case::before(&[(10, Some(20), "a")], 5, None, Some("a"))]
#[case::at_its_start(&[(10, Some(20), "a"), (20, Some(30), "b")], 10, Some(("a", 20, 0)), Some("b"))]
#[case::midway(&[(10, Some(20), "a"), (20, Some(30), "b")], 15, Some(("a", 20, 500)), Some("b"))]
#[case::at_its_end(&[(10, Some(20), "a"), (20, Some(30), "b")], 20, Some(("b", 30, 0)), None)]
#[case::in_a_gap(&[(10, Some(20), "a"), (40, Some(50), "b")], 30, None, Some("b"))]
#[case::after(&[(10, Some(20), "a")], 25, None, None)]
#[case::open_until_the_next(&[(10, None, "a"), (70, Some(80), "b")], 40, Some(("a", 70, 500)), Some("b"))]
#[case::open_at_the_end(&[(0, None, "a")], 30, Some(("a", 60, 500)), None)]
#[case::open_long_ago(&[(0, None, "a")], 60, None, None)]
#[case::overlap(&[(0, Some(60), "a"), (30, Some(90), "b")], 15, Some(("a", 30, 500)), Some("b"))]
#[case::the_later_is_on(&[(0, Some(60), "a"), (30, Some(90), "b")], 45, Some(("b", 90, 250)), None)]
#[case::within_another(&[(0, Some(120), "a"), (30, Some(40), "b")], 50, None, None)]
#[case::together_the_first_counts(&[(0, Some(60), "a"), (0, Some(30), "b"), (60, None, "c")], 15, Some(("a", 60, 250)), Some("c"))]
#[case::ends_before_it_begins(&[(0, Some(-5), "a"), (10, Some(20), "b")], 5, Some(("a", 10, 500)), Some("b"))]
fn what_is_on(
    #[case] rows: &[(i64, Option<i64>, &str)],
    #[case] now_min: i64,
    #[case] now: Option<(&str, i64, u16)>,
    #[case] next: Option<&str>,
) {
    let rows: Vec<_> = rows.iter().map(|(start, stop, title)| programme(*start, *stop, title)).collect();
    let found = now_next(&rows, now_min * 60);
    let shown = found.now.map(|on| (on.programme.title(), on.stop_s / 60, on.progress_per_mille));
    assert_eq!((shown, found.next.map(Programme::title)), (now, next));
}

proptest! {
    #[test]
    fn it_says_what_the_filled_guide_says(mut starts in proptest::collection::vec((0i64..500, proptest::option::of(-5i64..200)), 0..20), now in 0i64..600) {
        starts.sort_by_key(|(start, _)| *start);
        let rows: Vec<_> = starts.iter().map(|(start, length)| programme(*start, length.map(|length| start + length), "a")).collect();
        let found = now_next(&rows, now * 60);
        let on = gaps::fill(rows.clone(), now * 60..now * 60 + 1, "X").next().unwrap();
        match found.now {
            Some(on_air) => {
                prop_assert_eq!((on.title(), on.start_s), ("a", on_air.programme.start_s));
                prop_assert!(on_air.progress_per_mille <= 999 && on_air.stop_s > now * 60 && on_air.programme.start_s <= now * 60);
            }
            // A minute may be closed by the one before it.
            None => prop_assert!(on.title() == "X" || on.stop_s.unwrap() - now * 60 <= 120),
        }
    }

    #[test]
    fn no_times_make_it_panic(rows in proptest::collection::vec((any::<i64>(), any::<Option<i64>>()), 0..8), now: i64) {
        let rows: Vec<_> = rows.iter().map(|(start_s, stop_s)| Programme { start_s: *start_s, stop_s: *stop_s, ..Programme::default() }).collect();
        let _ = now_next(&rows, now);
    }
}

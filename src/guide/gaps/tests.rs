//! Gaps and overlaps: a table by hand, and what holds for any guide and any window.

use proptest::prelude::*;

use super::*;

const H: i64 = 3600;
/// A raster point far from 1970.
const NOON: i64 = 20_000 * 24 * H + 12 * H;

fn programme(start_s: i64, stop_s: Option<i64>, title: &str) -> Programme {
    Programme { start_s, stop_s, titles: vec![Text { text: title.into(), lang: None }], ..Programme::default() }
}

/// Times in seconds after noon: start, stop, title.
type Row = (i64, i64, &'static str);

fn filled(programmes: &[(i64, Option<i64>, &str)], window: Range<i64>) -> Vec<(i64, i64, String)> {
    let programmes = programmes.iter().map(|(start, stop, title)| programme(NOON + start, stop.map(|stop| NOON + stop), title));
    let rows = fill_unsorted(programmes.collect(), NOON + window.start..NOON + window.end, "X");
    rows.map(|p| (p.start_s - NOON, p.stop_s.unwrap() - NOON, p.title().to_owned())).collect()
}

#[rstest::rstest]
#[case::nothing(&[], 0..4 * H, &[(0, 2 * H, "X"), (2 * H, 4 * H, "X")])]
#[case::placeholders_are_whole(&[], H..H + 1, &[(0, 2 * H, "X")])]
#[case::before_1970(&[], -NOON - H..-NOON, &[(-NOON - 2 * H, -NOON, "X")])]
#[case::empty_window(&[(0, Some(H), "a")], H..H, &[])]
#[case::window_backwards(&[], Range { start: H, end: 0 }, &[])]
#[case::full(&[(0, Some(H), "a"), (H, Some(2 * H), "b")], 0..2 * H, &[(0, H, "a"), (H, 2 * H, "b")])]
#[case::reaches_over_the_edges(&[(-H, Some(H), "a"), (H, Some(5 * H), "b")], 0..2 * H, &[(-H, H, "a"), (H, 5 * H, "b")])]
#[case::outside(&[(-9 * H, Some(-8 * H), "a"), (9 * H, Some(10 * H), "b")], 0..2 * H, &[(0, 2 * H, "X")])]
#[case::a_gap_on_the_raster(&[(0, Some(H), "a"), (5 * H, Some(6 * H), "b")], 0..6 * H,
    &[(0, H, "a"), (H, 2 * H, "X"), (2 * H, 4 * H, "X"), (4 * H, 5 * H, "X"), (5 * H, 6 * H, "b")])]
#[case::a_tiny_gap(&[(0, Some(H - 60), "a"), (H, Some(2 * H), "b")], 0..2 * H, &[(0, H, "a"), (H, 2 * H, "b")])]
#[case::one_second_more(&[(0, Some(H - 61), "a"), (H, Some(2 * H), "b")], 0..2 * H,
    &[(0, H - 61, "a"), (H - 61, H, "X"), (H, 2 * H, "b")])]
#[case::no_sliver_before_a_raster_point(&[(0, Some(2 * H - 30), "a")], 0..4 * H, &[(0, 2 * H, "a"), (2 * H, 4 * H, "X")])]
#[case::no_sliver_behind_a_raster_point(&[(2 * H + 20, Some(4 * H), "b")], 0..4 * H,
    &[(0, 2 * H + 20, "X"), (2 * H + 20, 4 * H, "b")])]
#[case::no_sliver_at_the_edge(&[(20, Some(2 * H), "b")], 10..2 * H, &[(-2 * H, 20, "X"), (20, 2 * H, "b")])]
#[case::behind_the_window(&[(3 * H, Some(4 * H), "b")], 0..2 * H + 1, &[(0, 2 * H, "X"), (2 * H, 3 * H, "X")])]
#[case::open_until_the_next(&[(0, None, "a"), (5 * H, Some(6 * H), "b")], 0..6 * H, &[(0, 5 * H, "a"), (5 * H, 6 * H, "b")])]
#[case::open_before_a_long_gap(&[(0, None, "a"), (7 * H, Some(8 * H), "b")], 0..2 * H, &[(0, H, "a"), (H, 2 * H, "X")])]
#[case::open_at_the_end(&[(0, None, "a")], 0..2 * H, &[(0, H, "a"), (H, 2 * H, "X")])]
#[case::ends_before_it_begins(&[(0, Some(-5), "a"), (H, Some(H), "b")], 0..2 * H, &[(0, H, "a"), (H, 2 * H, "b")])]
#[case::overlap(&[(0, Some(2 * H), "a"), (H, Some(2 * H), "b")], 0..2 * H, &[(0, H, "a"), (H, 2 * H, "b")])]
#[case::within(&[(0, Some(3 * H), "a"), (H, Some(2 * H), "b")], 0..4 * H, &[(0, H, "a"), (H, 2 * H, "b"), (2 * H, 4 * H, "X")])]
#[case::twice(&[(0, Some(2 * H), "a"), (0, Some(2 * H), "a")], 0..2 * H, &[(0, 2 * H, "a")])]
#[case::together_the_first_counts(&[(0, Some(H), "a"), (0, Some(2 * H), "b")], 0..2 * H, &[(0, H, "a"), (H, 2 * H, "X")])]
#[case::any_order(&[(H, Some(2 * H), "b"), (0, Some(H), "a")], 0..2 * H, &[(0, H, "a"), (H, 2 * H, "b")])]
fn a_guide_is_filled(#[case] programmes: &[(i64, Option<i64>, &str)], #[case] window: Range<i64>, #[case] expected: &[Row]) {
    let expected: Vec<_> = expected.iter().map(|(start, stop, title)| (*start, *stop, (*title).to_owned())).collect();
    assert_eq!(filled(programmes, window), expected);
}

#[test]
fn what_steps_back_is_left_out() {
    let rows = [programme(NOON, Some(NOON + H), "a"), programme(NOON - 9, Some(NOON + 9), "b"), programme(NOON + H, None, "c")];
    let titles: Vec<_> = fill(rows, NOON..NOON + 2 * H, "X").map(|p| p.title().to_owned()).collect();
    assert_eq!(titles, ["a", "c"]);
}

#[test]
fn the_ends_of_time_are_survived() {
    let all = [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX];
    for start in all {
        for stop in all {
            let rows = vec![programme(start, Some(stop), "a"), programme(stop, None, "b")];
            for window in [i64::MIN..i64::MIN + H, -H..H, i64::MAX - H..i64::MAX] {
                assert!(fill_unsorted(rows.clone(), window, "X").count() < 10);
            }
        }
    }
}

/// What is wanted of it: not the whole guide at once.
#[test]
fn it_reads_no_further_than_it_must() {
    let endless = (0..).map(|at| programme(NOON + at * H, None, "a"));
    assert_eq!(fill(endless.clone(), NOON..NOON + 3 * H, "X").count(), 3);
    let mut read = 0;
    let mut rows = fill(endless.inspect(|_| read += 1), NOON..NOON + 99 * H, "X");
    rows.next();
    drop(rows);
    assert_eq!(read, 2);
}

/// Short and long, touching, overlapping, apart, twice, without an end, some on the raster.
fn guide() -> impl Strategy<Value = Vec<Programme>> {
    let near = prop_oneof![-2i64..3, -70i64..70, Just(0), -9 * H..9 * H];
    let start = (-30i64..60, near.clone()).prop_map(|(hours, off)| NOON + hours * H + off);
    let length = prop_oneof![3 => (1i64..5, near).prop_map(|(halves, off)| Some(halves * H / 2 + off)), 1 => Just(None), 1 => Just(Some(9 * H))];
    let one =
        (start, length, "[ab]").prop_map(|(start, length, title)| programme(start, length.map(|length| start + length), &title));
    proptest::collection::vec(one, 0..30)
}

fn window() -> impl Strategy<Value = Range<i64>> {
    let off = || prop_oneof![Just(0i64), -70i64..70, -H..H];
    (-20i64..20, off(), 1i64..40, off()).prop_map(|(from, off, hours, more)| {
        let from = NOON + from * H + off;
        from..(from + hours * H + more).max(from + 1)
    })
}

fn is_placeholder(programme: &Programme) -> bool {
    programme.title() == "X"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_window_is_covered_once(guide in guide(), window in window()) {
        let rows: Vec<_> = fill_unsorted(guide, window.clone(), "X").collect();
        prop_assert!(rows.first().is_some_and(|first| first.start_s <= window.start));
        prop_assert!(rows.last().is_some_and(|last| last.stop_s.unwrap() >= window.end && last.start_s < window.end));
        prop_assert!(rows.iter().all(|row| row.stop_s.unwrap() > row.start_s.max(window.start)));
        prop_assert!(rows.windows(2).all(|pair| pair[0].stop_s == Some(pair[1].start_s)), "{rows:?}");
        prop_assert!(rows.iter().filter(|row| is_placeholder(row)).all(|row| row.stop_s.unwrap() - row.start_s <= BLOCK_S + TOLERANCE_S));
    }

    /// Those that begin within the window, once each.
    #[test]
    fn starts_are_kept(guide in guide(), window in window()) {
        let mut starts: Vec<_> = guide.iter().map(|p| p.start_s).filter(|start| window.contains(start)).collect();
        starts.sort_unstable();
        starts.dedup();
        let rows = fill_unsorted(guide.clone(), window.clone(), "X").filter(|row| !is_placeholder(row));
        let (within, before): (Vec<_>, Vec<_>) = rows.partition(|row| row.start_s >= window.start);
        prop_assert_eq!(within.iter().map(|row| row.start_s).collect::<Vec<_>>(), starts);
        prop_assert!(before.len() <= 1);
        prop_assert!(before.iter().chain(&within).all(|row| guide.iter().any(|p| p.start_s == row.start_s && p.titles == row.titles)));
    }

    #[test]
    fn what_is_filled_stays_so(guide in guide(), window in window()) {
        let once: Vec<_> = fill_unsorted(guide, window.clone(), "X").collect();
        let twice: Vec<_> = fill(once.clone(), window, "X").collect();
        prop_assert_eq!(once, twice);
    }

    /// The later rendering is given what the earlier one was given.
    #[test]
    fn a_placeholder_is_the_same_later(guide in guide(), window in window(), later in 1i64..5 * H) {
        let moved = window.start + later..window.end + later;
        let common = window.start.max(moved.start)..window.end.min(moved.end);
        let of = |window: Range<i64>| {
            let rows = fill_unsorted(guide.clone(), window, "X").filter(is_placeholder);
            rows.filter(|row| row.start_s < common.end && row.stop_s.unwrap() > common.start).collect::<Vec<_>>()
        };
        prop_assert_eq!(of(window), of(moved));
    }

    /// The later rendering no longer knows what was over two hours before. (Where programmes overlap, one that is forgotten may have
    /// cut another short.)
    #[test]
    fn old_programmes_may_be_forgotten(guide in guide(), window in window()) {
        let sound: Vec<_> = fill_unsorted(guide, NOON - 99 * H..NOON + 99 * H, "X").filter(|row| !is_placeholder(row)).collect();
        let recent = sound.iter().filter(|row| row.stop_s.unwrap() > window.start - BLOCK_S).cloned().collect();
        let of = |guide| fill_unsorted(guide, window.clone(), "X").filter(is_placeholder).collect::<Vec<_>>();
        prop_assert_eq!(of(sound.clone()), of(recent));
    }
}

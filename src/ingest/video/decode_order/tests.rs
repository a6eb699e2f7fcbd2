//! Groups of pictures as encoders make them, with pyramids of B frames, and what may happen to them.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const WRAP: u64 = 1 << 33;

/// Frames by the order in which they are shown, in the order in which they are decoded: behind each anchor those in front of it, at
/// which `pivots` decide.
fn pyramids(sizes: &[usize], pivots: &[usize]) -> Vec<i64> {
    fn between(low: i64, high: i64, pivots: &mut impl Iterator<Item = usize>, out: &mut Vec<i64>) {
        if high - low > 1 {
            let middle = low + 1 + pivots.next().unwrap_or(0) as i64 % (high - low - 1);
            out.push(middle);
            between(low, middle, pivots, out);
            between(middle, high, pivots, out);
        }
    }
    let mut out = vec![0];
    let mut anchor = 0;
    let mut pivots = pivots.iter().copied().cycle();
    for size in sizes {
        let next = anchor + *size as i64;
        out.push(next);
        between(anchor, next, &mut pivots, &mut out);
        anchor = next;
    }
    out
}

/// Frames that come before one in decoding order and behind it in output order (H.264, E.2.1: max_num_reorder_frames).
fn reordered(frames: &[i64]) -> u8 {
    let over = |at: usize| frames[..at].iter().filter(|frame| **frame > frames[at]).count();
    (0..frames.len()).map(over).max().unwrap_or(0) as u8
}

/// All times, as steps from the first time of output.
fn run(order: &mut DecodeOrder, start: u64, shown_90k: &[i64]) -> Vec<(i64, i64, bool)> {
    let at = |time: i64| Pts90k((start as i64 + time).rem_euclid(WRAP as i64) as u64);
    let mut all = Vec::new();
    let (mut before, mut sum) = (at(0), 0);
    for time in shown_90k {
        let times = order.next(at(*time));
        assert!(times.pts.0 < WRAP && times.dts.0 < WRAP && !times.discontinuity);
        sum += times.dts.since(before);
        before = times.dts;
        all.push((sum + times.pts.since(times.dts), sum, times.late));
    }
    all
}

fn monotonic(times: &[(i64, i64, bool)]) -> bool {
    times.windows(2).all(|pair| pair[1].1 > pair[0].1) && times.iter().all(|(pts, dts, _)| dts <= pts)
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1usize..9, 1..40)
}

proptest! {
    /// Nothing is moved, whatever is lost, and wherever stamps wrap.
    #[test]
    fn legal_streams_keep_their_times(
        sizes in sizes(), pivots in proptest::collection::vec(0usize..8, 1..30), more in 0u8..4, told: bool,
        frame in prop::sample::select(vec![1_500i64, 1_800, 3_003, 3_600, 9_000, 90_000]),
        start in prop_oneof![0..WRAP, Just(WRAP - 1), WRAP - 900_000..WRAP],
        lost in proptest::collection::btree_set(1usize..200, 0..30),
    ) {
        let frames = pyramids(&sizes, &pivots);
        let depth = reordered(&frames);
        let mut order = DecodeOrder::new(depth + more, told.then_some(frame as u32));
        let left = frames.iter().enumerate().filter(|(at, _)| !lost.contains(at));
        let shown: Vec<i64> = left.map(|(_, at)| at * frame).collect();
        let times = run(&mut order, start, &shown);
        prop_assert!(times.iter().all(|(_, _, late)| !late), "{times:?}");
        prop_assert!(times.iter().zip(&shown).all(|((pts, ..), shown)| pts == shown));
        prop_assert!(monotonic(&times), "{times:?}");
        // The anchor is as far ahead as its group is long, and decoding by as many frames as are kept back; lost ones stretch both.
        let most = (i64::from(depth + more) + 8 + lost.len() as i64) * frame.max(FRAME_90K);
        prop_assert!(times.iter().all(|(pts, dts, _)| pts - dts <= most));
        prop_assert_eq!(order.depth(), depth + more);
    }

    /// Where less was said than is true, some are late, but not for long.
    #[test]
    fn more_than_was_said_is_learnt(size in 2usize..9, pivot in 0usize..8, said in 0u8..3) {
        let frames = pyramids(&[size; 40], &[pivot]);
        let depth = reordered(&frames);
        let mut order = DecodeOrder::new(said, None);
        let shown: Vec<i64> = frames.iter().map(|at| at * 3_600).collect();
        let times = run(&mut order, 0, &shown);
        prop_assert!(monotonic(&times), "{times:?}");
        prop_assert!(times.iter().skip(4 * size).all(|(_, _, late)| !late), "{times:?}");
        prop_assert_eq!(order.depth(), depth.max(said));
    }

    /// Whatever comes: a picture is decoded behind the one before it and not after it is shown, but for a step back.
    #[test]
    fn anything_gets_legal_times(
        depth: u8, pictures in proptest::collection::vec((prop_oneof![0..WRAP, 0u64..90_000, any::<u64>()], proptest::option::of(0u8..20)), 0..100),
    ) {
        let mut order = DecodeOrder::new(depth, None);
        let mut before: Option<(Pts90k, Pts90k)> = None;
        for (pts, other_depth) in pictures {
            if let Some(depth) = other_depth {
                order.set_depth(depth);
            }
            let times = order.next(Pts90k(pts));
            prop_assert!(times.late || times.pts == Pts90k(pts % WRAP));
            prop_assert!(times.pts.since(times.dts) >= 0);
            if let Some((pts_before, dts_before)) = before.filter(|_| !times.discontinuity) {
                let step = times.dts.since(dts_before);
                prop_assert!(step > 0 || step == 0 && pts_before == Pts90k(pts % WRAP), "{step}");
            }
            prop_assert!(order.shown.len() <= usize::from(DEEPEST) * 2 + 2);
            before = Some((Pts90k(pts % WRAP), times.dts));
        }
    }
}

fn dts(depth: u8, shown: &[i64]) -> Vec<i64> {
    run(&mut DecodeOrder::new(depth, Some(10)), 0, shown).iter().map(|(_, dts, _)| *dts).collect()
}

#[rstest]
#[case::in_order(0, &[0, 10, 20, 30], &[0, 10, 20, 30])]
#[case::one_b(1, &[0, 20, 10, 40, 30], &[-10, 0, 10, 20, 30])]
#[case::pyramid(2, &[0, 40, 20, 10, 30, 80, 60], &[-20, -10, 0, 10, 20, 30, 40])]
#[case::deeper_than_it_is(3, &[0, 10, 20, 30, 40], &[-30, -20, -10, 0, 10])]
#[case::second_fields(1, &[0, 0, 20, 20, 10, 10], &[-10, -10, 0, 0, 10, 10])]
fn decoding_times(#[case] depth: u8, #[case] shown: &[i64], #[case] decoded: &[i64]) {
    assert_eq!(dts(depth, shown), decoded);
}

#[test]
fn behind_a_hole_nothing_of_what_was_before_it_is_decoded() {
    let mut order = DecodeOrder::new(2, None);
    let mut shown: Vec<i64> = pyramids(&[4; 10], &[1]).iter().map(|at| at * 3_600).collect();
    // The group begins with its last picture, as the first is lost, too.
    let behind = pyramids(&[8; 10], &[1]).into_iter().skip(1).map(|at| 1_000_000 + at * 3_600);
    shown.extend(behind);
    let times = run(&mut order, WRAP - 500_000, &shown);
    assert!(monotonic(&times) && times.iter().all(|(_, _, late)| !late), "{times:?}");
    let (pts, dts, _) = times[41];
    assert!(pts - dts <= 18 * 3_600, "{pts} {dts}");
}

#[test]
fn a_step_back_begins_anew() {
    let mut order = DecodeOrder::new(1, Some(3_600));
    (0..50).for_each(|at| assert!(!order.next(Pts90k(9_000_000 + at * 3_600)).late));
    let times = order.next(Pts90k(1_000_000));
    assert_eq!(times, Times { pts: Pts90k(1_000_000), dts: Pts90k(996_400), late: false, discontinuity: true });
    assert!(!order.next(Pts90k(1_007_200)).discontinuity);
}

#[test]
fn what_belongs_in_front_of_the_first_picture_is_late_and_teaches_nothing() {
    let mut order = DecodeOrder::new(1, Some(3_600));
    let shown = [100_000u64, 85_600, 89_200, 92_800, 96_400, 114_400, 103_600].map(|pts| order.next(Pts90k(pts)));
    assert_eq!(shown.map(|times| times.late), [false, true, true, true, true, false, false], "{shown:?}");
    assert_eq!(order.depth(), 1);
}

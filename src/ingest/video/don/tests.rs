//! Orders as they come, by their numbers.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn queue(depth: usize, span: Option<u64>) -> Queue {
    Queue::new(Interleaving { depth, span, wait: Duration::from_millis(200) })
}

/// Each number as the bytes of its NAL unit; `None` stands for a loss.
fn given(queue: &mut Queue, numbers: &[Option<u16>]) -> Vec<(u16, bool)> {
    let now = Instant::now();
    let mut out = Vec::new();
    let told = |entry: Entry| (u16::from_be_bytes([entry.nal[0], entry.nal[1]]), entry.hole);
    for number in numbers {
        match number {
            None => queue.lost(),
            Some(number) => {
                let [high, low] = number.to_be_bytes();
                queue.push(Some(*number), (&[high], &[low]), true, 0, now);
                out.extend(std::iter::from_fn(|| queue.pop_ready()).map(told));
            }
        }
    }
    out.extend(std::iter::from_fn(|| queue.pop()).map(told));
    out
}

#[rstest]
#[case::in_order(&[1, 2, 3], &[1, 2, 3])]
#[case::swapped(&[2, 1, 4, 3], &[1, 2, 3, 4])]
#[case::two_behind(&[3, 1, 2, 4], &[1, 2, 3, 4])]
#[case::too_far(&[5, 4, 3, 2, 1], &[3, 4, 5])]
#[case::over_the_wrap(&[0, 65_535, 1, 2], &[65_535, 0, 1, 2])]
#[case::equal_ones_as_they_came(&[7, 7, 6], &[6, 7, 7])]
#[case::half_way_back(&[32_768, 0], &[32_768, 0])]
#[case::half_way_round(&[0, 32_768, 32_769], &[32_768, 32_769, 0])]
fn orders(#[case] came: &[u16], #[case] goes: &[u16]) {
    let came: Vec<_> = came.iter().copied().map(Some).collect();
    let found: Vec<u16> = given(&mut queue(2, None), &came).iter().map(|(number, _)| *number).collect();
    assert_eq!(found, goes);
}

/// By how many, by the span, or by whichever is first.
#[rstest]
#[case::at_once(0, None, &[1, 1, 1, 1])]
#[case::by_depth(2, None, &[0, 0, 1, 1])]
#[case::by_span(usize::MAX, Some(3), &[0, 0, 0, 1])]
#[case::by_either(1, Some(3), &[0, 1, 1, 1])]
#[case::no_span(usize::MAX, Some(0), &[1, 1, 1, 1])]
fn how_many_are_kept_back(#[case] depth: usize, #[case] span: Option<u64>, #[case] given: &[usize]) {
    let mut queue = queue(depth, span);
    let now = Instant::now();
    let mut found = Vec::new();
    for number in 10..14 {
        queue.push(Some(number), (&[1], &[2]), true, 0, now);
        found.push(std::iter::from_fn(|| queue.pop_ready()).count());
    }
    assert_eq!(found, given);
}

#[test]
fn gaps_are_holes_where_packets_were_lost() {
    let mut queue = queue(0, None);
    let mut holes = |numbers: &[Option<u16>]| {
        let given = given(&mut queue, numbers);
        given.iter().filter(|(_, hole)| *hole).map(|(number, _)| *number).collect::<Vec<_>>()
    };
    assert_eq!(holes(&[Some(7), Some(8), Some(10)]), [7, 10], "from the beginning on");
    let later: Vec<Option<u16>> = (11..200).map(Some).collect();
    assert!(holes(&later).is_empty() && holes(&[Some(210), Some(211)]).is_empty(), "the sender leaves some out");
    assert_eq!(holes(&[None, Some(212), Some(214), Some(215), Some(218)]), [214, 218]);
}

#[test]
fn a_sender_that_counts_anew_is_followed() {
    let mut queue = queue(0, None);
    let numbers: Vec<Option<u16>> = (20_000..20_010).chain(100..200).map(Some).collect();
    let found = given(&mut queue, &numbers);
    assert_eq!((found.len(), found.last()), (10 + 100 - RESTART + 1, Some(&(199, false))));
}

#[test]
fn the_last_of_a_packet_has_its_marker_and_none_waits_for_ever() {
    let now = Instant::now();
    let mut queue = queue(5, None);
    for number in [3, 2] {
        queue.push(Some(number), (&[0x41], &[]), true, 0, now);
    }
    queue.mark_last();
    assert_eq!((queue.bytes(), queue.deadline()), (2, Some(now + Duration::from_millis(200))));
    assert!(queue.pop().is_some_and(|entry| entry.marker) && queue.pop().is_some_and(|entry| !entry.marker));
    assert_eq!((queue.bytes(), queue.deadline()), (0, None));
}

proptest! {
    /// What comes goes, once, and in order but where a sender counts anew.
    #[test]
    fn anything_goes_once(
        numbers in proptest::collection::vec(proptest::option::weighted(0.9, any::<u16>()), 0..300), depth in 0usize..20,
        span in proptest::option::of(0u64..100),
    ) {
        let mut queue = queue(depth, span);
        let now = Instant::now();
        let (mut kept, mut given) = (0, 0);
        for number in numbers {
            kept += usize::from(queue.push(number, (&[1, 2], &[3]), true, 7, now));
            given += std::iter::from_fn(|| queue.pop_ready()).count();
            prop_assert_eq!(queue.bytes(), 3 * (kept - given));
            prop_assert!(kept - given <= depth);
        }
        given += std::iter::from_fn(|| queue.pop()).count();
        prop_assert_eq!((kept, queue.bytes(), queue.counted), (given, 0, 0));
    }
}

use proptest::prelude::*;
use rstest::rstest;
use url::Url;

use super::super::playlist::Encryption;
use super::*;

/// Segments of 4 s; each is `(address, flags)` with `d` for a discontinuity before it and `g` for a gap.
fn list(first: u64, names: &[(&str, &str)], ended: bool) -> Media {
    let segment = |(index, (name, flags)): (usize, &(&str, &str))| Segment {
        sequence: first + index as u64,
        url: Url::parse(&format!("http://h/{name}")).unwrap(),
        range: None,
        duration: Duration::from_secs(4),
        discontinuity: flags.contains('d'),
        gap: flags.contains('g'),
        encryption: Encryption::Clear,
        map: None,
    };
    Media { target: Duration::from_secs(4), ended, segments: names.iter().enumerate().map(segment).collect() }
}

fn plain(first: u64, names: &str) -> Media {
    let names: Vec<_> = names.split(' ').filter(|name| !name.is_empty()).map(|name| (name, "")).collect();
    list(first, &names, false)
}

/// Addresses handed out; `!` before one that does not follow.
fn drain(timeline: &mut Timeline) -> String {
    let mut order = Vec::new();
    while let Some(due) = timeline.pop() {
        order.push(format!("{}{}", if due.discontinuity { "!" } else { "" }, &due.segment.url.path()[1..]));
    }
    order.join(" ")
}

/// Each answer, and what is to be played after it.
fn plays(answers: &[(Media, &str)]) {
    let mut timeline = Timeline::default();
    for (index, (media, order)) in answers.iter().enumerate() {
        timeline.update(media);
        assert_eq!(drain(&mut timeline), *order, "after answer {index}");
    }
}

#[test]
fn a_live_list_starts_three_targets_behind_and_goes_on() {
    plays(&[
        (plain(10, "a b c d e f"), "d e f"),
        (plain(10, "a b c d e f"), ""),
        (plain(11, "b c d e f g"), "g"),
        (plain(13, "d e f g h i"), "h i"),
    ]);
}

#[test]
fn a_short_list_starts_at_its_beginning_and_an_ended_one_too() {
    plays(&[(plain(0, "a b"), "a b")]);
    let mut timeline = Timeline::default();
    timeline.update(&list(0, &[("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", "")], true));
    assert!(!timeline.finished() && timeline.ended());
    assert_eq!(drain(&mut timeline), "a b c d e");
    assert!(timeline.finished());
}

#[test]
fn an_empty_list_is_waited_for() {
    plays(&[(plain(0, ""), ""), (plain(5, "a b"), "a b")]);
}

#[test]
fn breaks_and_gaps_are_marked_on_the_segment_after_them() {
    let media = list(0, &[("a", "d"), ("b", ""), ("c", "d"), ("d", "g"), ("e", ""), ("f", "")], true);
    plays(&[(media, "a b !c !e f")]);
}

#[test]
fn what_was_missed_is_jumped_over() {
    let mut timeline = Timeline::default();
    timeline.update(&plain(10, "a b c"));
    drain(&mut timeline);
    assert_eq!(timeline.update(&plain(20, "k l m n o")), News::Jumped);
    assert_eq!(drain(&mut timeline), "!m n o");
}

#[test]
fn what_is_queued_is_played_although_it_is_no_longer_listed() {
    let mut timeline = Timeline::default();
    timeline.update(&plain(10, "a b c"));
    timeline.pop();
    timeline.update(&plain(20, "k l m n"));
    assert_eq!(drain(&mut timeline), "b c !l m n");
}

#[rstest]
#[case::an_older_copy(&[(plain(10, "a b c d"), "b c d"), (plain(9, "z a b c"), ""), (plain(11, "b c d e"), "e")])]
#[case::numbers_restarted(&[(plain(1000, "a b c"), "a b c"), (plain(0, "x y z"), "!x y z"), (plain(1, "y z q"), "q")])]
#[case::numbers_never_counted(&[(plain(0, "a b c d"), "b c d"), (plain(0, "b c d e"), "e"), (plain(0, "d e f g"), "f g")])]
#[case::tokens_in_every_path(&[(plain(5, "1/a 1/b 1/c"), "1/a 1/b 1/c"), (plain(5, "2/a 2/b 2/c 2/d"), "2/d"), (plain(7, "3/c 3/d 3/e"), "3/e")])]
#[case::names_used_again(&[(plain(4, "a b c"), "a b c"), (plain(5, "b c a"), "a"), (plain(6, "c a b"), "b")])]
#[case::restarted_a_little_below(&[(plain(9, "a b c"), "a b c"), (plain(7, "x y z"), ""), (plain(7, "x y z"), ""), (plain(7, "x y z"), "!x y z")])]
fn strange_numbers(#[case] answers: &[(Media, &str)]) {
    plays(answers);
}

#[test]
fn a_segment_that_failed_breaks_what_follows() {
    let mut timeline = Timeline::default();
    timeline.update(&plain(0, "a b c"));
    timeline.pop();
    timeline.skipped();
    assert_eq!(drain(&mut timeline), "!b c");
}

#[rstest]
#[case(News::Changed, 6000, 6000)]
#[case(News::Unchanged, 6000, 3000)]
#[case(News::Unchanged, 100, 300)]
#[case(News::Changed, 3_600_000, 30_000)]
fn reloads(#[case] news: News, #[case] target: u64, #[case] wait: u64) {
    assert_eq!(reload_after(news, Duration::from_millis(target)), Duration::from_millis(wait));
}

#[test]
fn failures_are_retried_more_and_more_slowly() {
    let waits: Vec<_> = (0..6).map(|failures| retry_after(failures, Duration::from_secs(3)).as_millis()).collect();
    assert_eq!(waits, [300, 500, 1000, 2000, 3000, 3000]);
}

proptest! {
    /// A server that counts properly, polled at random moments: every segment once, in order, none skipped while the window
    /// covers the time between two polls.
    #[test]
    fn a_proper_server_is_played_in_order(window in 3usize..10, steps in proptest::collection::vec(0usize..4, 1..40)) {
        let mut timeline = Timeline::default();
        let mut edge = window;
        let mut played: Vec<u64> = Vec::new();
        for step in steps {
            edge += step.min(window - 1);
            let names: Vec<String> = (edge - window..edge).map(|n| n.to_string()).collect();
            timeline.update(&plain((edge - window) as u64, &names.join(" ")));
            while let Some(due) = timeline.pop() {
                prop_assert!(!due.discontinuity);
                played.push(due.segment.sequence);
            }
        }
        prop_assert!(played.windows(2).all(|pair| pair[1] == pair[0] + 1));
        prop_assert_eq!(played.last().copied(), Some(edge as u64 - 1));
    }

    #[test]
    fn anything_goes(answers in proptest::collection::vec((0u64..20, "[a-d ]{0,12}"), 0..20)) {
        let mut timeline = Timeline::default();
        let mut count = 0;
        for (first, names) in &answers {
            timeline.update(&plain(*first, names));
            while timeline.pop().is_some() {
                count += 1;
            }
        }
        prop_assert!(count <= answers.len() * 12);
    }
}

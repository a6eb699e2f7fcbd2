//! Numbers of episodes: as guides write them, there and back, and what is given out of them.

use proptest::prelude::*;

use super::*;
use crate::model::programme::{PreviouslyShown, Text};

#[rstest::rstest]
#[case("0.2.", Some("0.2."), Some("S01E03"))]
#[case("0.2", Some("0.2."), Some("S01E03"))]
#[case(" 0 . 2 . 0/1 ", Some("0.2.0/1"), Some("S01E03"))]
#[case("0.2.0", Some("0.2.0"), Some("S01E03"))]
#[case("1.4.0/2", Some("1.4.0/2"), Some("S02E05 P1/2"))]
#[case("1.4.1", Some("1.4.1"), Some("S02E05 P2"))]
#[case("0 . 12/13 . 0/3", Some("0.12/13.0/3"), Some("S01E13 P1/3"))]
#[case("2/9.3/10.", Some("2/9.3/10."), Some("S03E04"))]
#[case("0..", Some("0.."), Some("S01"))]
#[case(".118.", Some(".118."), Some("E119"))]
#[case("..1/2", Some("..1/2"), Some("P2/2"))]
#[case("..0/1", Some("..0/1"), None)]
#[case("2018.1011.", Some("2018.1011."), Some("S2019E1012"))]
#[case("3.9/5.", Some("3.9."), Some("S04E10"))]
#[case("..", None, None)]
#[case("", None, None)]
#[case("5", None, None)]
#[case("1.2.3.4", None, None)]
#[case("a.b.c", None, None)]
#[case("-1.4.", None, None)]
#[case("0.99999999999.", None, None)]
#[case("0.4294967295.", Some("0.."), Some("S01"))]
fn xmltv_ns(#[case] text: &str, #[case] counted: Option<&str>, #[case] written: Option<&str>) {
    let episode = Episode::from_xmltv_ns(text);
    assert_eq!(episode.and_then(|episode| episode.xmltv_ns()).as_deref(), counted);
    assert_eq!(episode.and_then(|episode| episode.onscreen()).as_deref(), written);
}

#[rstest::rstest]
#[case("S01E03", Some("0.2."))]
#[case("s1e3", Some("0.2."))]
#[case("S01 E03", Some("0.2."))]
#[case("S1 Ep. 3", Some("0.2."))]
#[case("S01EP03", Some("0.2."))]
#[case("S01.E03", Some("0.2."))]
#[case("S01_E03", Some("0.2."))]
#[case("(S1, E3)", Some("0.2."))]
#[case("1x03", Some("0.2."))]
#[case("Season 1, Episode 3", Some("0.2."))]
#[case("Series 2 Ep 5/10", Some("1.4/10."))]
#[case("Staffel 2, Folge 5 von 10", Some("1.4/10."))]
#[case("S2/3 E5", Some("1/3.4."))]
#[case("E119", Some(".118."))]
#[case("Episode #12", Some(".11."))]
#[case("Ep. 3 of 6", Some(".2/6."))]
#[case("S2", Some("1.."))]
#[case("S02E05 P1/2", Some("1.4.0/2"))]
#[case("S02E05 (Part 2 of 2)", Some("1.4.1/2"))]
#[case("Part 3", Some("..2"))]
#[case("S2026E178", Some("2025.177."))]
#[case("Episode #FFEE", None)]
#[case("EP019384433118", None)]
#[case("12", None)]
#[case("Top 5", None)]
#[case("Live at 5", None)]
#[case("", None)]
fn onscreen(#[case] text: &str, #[case] counted: Option<&str>) {
    assert_eq!(Episode::from_onscreen(text).and_then(|episode| episode.xmltv_ns()).as_deref(), counted);
}

/// Specials have no number that can be counted from 0.
#[rstest::rstest]
#[case("S00E05", Some("S00E05"))]
#[case("S03E00", Some("S03E00"))]
fn specials(#[case] text: &str, #[case] written: Option<&str>) {
    let episode = Episode::from_onscreen(text).unwrap();
    assert_eq!((episode.xmltv_ns(), episode.onscreen().as_deref()), (None, written));
}

fn programme(numbers: &[(&str, &str)]) -> Programme {
    let episodes = numbers.iter().map(|(system, value)| EpisodeNumber { system: (*system).into(), value: (*value).into() });
    Programme { start_s: 1_790_000_000, episodes: episodes.collect(), ..Programme::default() }
}

const START: &str = "2026-09-21 14:13:20";

#[rstest::rstest]
#[case::made_of_xmltv_ns(&[("xmltv_ns", "0 . 2 . ")], &[("xmltv_ns", "0.2."), ("onscreen", "S01E03")])]
#[case::made_of_onscreen(&[("onscreen", "Season 1 Episode 3")], &[("xmltv_ns", "0.2."), ("onscreen", "Season 1 Episode 3")])]
#[case::without_a_system(&[("", "E119")], &[("xmltv_ns", ".118."), ("onscreen", "E119")])]
#[case::made_of_another(&[("SxxExx", "S01E03")], &[("xmltv_ns", "0.2."), ("onscreen", "S01E03"), ("SxxExx", "S01E03")])]
#[case::both_are_kept(&[("onscreen", "#12"), ("xmltv_ns", "0.2.")], &[("xmltv_ns", "0.2."), ("onscreen", "#12")])]
#[case::the_fuller_one_counts(&[("xmltv_ns", ".2."), ("onscreen", "S1E3")], &[("xmltv_ns", "0.2."), ("onscreen", "S1E3")])]
#[case::of_equals_the_first(&[("onscreen", "S2E5"), ("xmltv_ns", "0.2.")], &[("xmltv_ns", "0.2."), ("onscreen", "S2E5")])]
#[case::in_the_wrong_place(&[("xmltv_ns", "S01E03")], &[("xmltv_ns", "0.2."), ("onscreen", "S01E03")])]
#[case::others_are_kept(&[("xmltv_ns", "0.2."), ("dd_progid", "EP01938443.3118"), ("dd_progid", "EP01938443.3118"), ("x", " ")],
    &[("xmltv_ns", "0.2."), ("onscreen", "S01E03"), ("dd_progid", "EP01938443.3118")])]
#[case::known_by_its_id(&[("dd_progid", "EP01938443.3118")], &[("dd_progid", "EP01938443.3118")])]
#[case::known_by_its_date(&[("original-air-date", "2019-08-18")], &[("original-air-date", "2019-08-18")])]
#[case::nothing(&[], &[("original-air-date", START)])]
#[case::nothing_in_it(&[("xmltv_ns", ".."), ("onscreen", "")], &[("original-air-date", START)])]
#[case::only_a_season(&[("onscreen", "S2")], &[("xmltv_ns", "1.."), ("onscreen", "S2"), ("original-air-date", START)])]
#[case::only_the_series(&[("dd_progid", "SH00378139.0000")], &[("dd_progid", "SH00378139.0000"), ("original-air-date", START)])]
#[case::a_special_in_the_wrong_place(&[("xmltv_ns", "S0E5"), ("onscreen", "Special")], &[("onscreen", "S00E05")])]
#[case::a_special(&[("onscreen", "S00E05")], &[("onscreen", "S00E05")])]
fn numbers_given_out(#[case] told: &[(&str, &str)], #[case] expected: &[(&str, &str)]) {
    let given = numbers(&programme(told));
    assert_eq!(given.iter().map(|n| (n.system.as_str(), n.value.as_str())).collect::<Vec<_>>(), expected);
}

#[rstest::rstest]
#[case(Some("20190812203000 +0100"), "2019-08-12 20:30:00")]
#[case(Some("201908122030"), "2019-08-12 20:30:00")]
#[case(Some("20190812"), "2019-08-12")]
#[case(Some("2019-08-12"), "2019-08-12")]
#[case(Some("2019"), START)]
#[case(Some("last week"), START)]
#[case(None, START)]
fn a_repeat_is_what_was_shown_before(#[case] start: Option<&str>, #[case] id: &str) {
    let previously_shown = Some(PreviouslyShown { start: start.map(Into::into) });
    let given = numbers(&Programme { previously_shown, ..programme(&[]) });
    assert_eq!(given, programme(&[("original-air-date", id)]).episodes);
}

#[rstest::rstest]
#[case("Movie", true)]
#[case("Feature film", true)]
#[case("movie/drama", true)]
#[case("Spielfilm", true)]
#[case("Filmmusik", false)]
#[case("News", false)]
fn films_get_no_number(#[case] category: &str, #[case] film: bool) {
    let categories = vec![Text::default(), Text { text: category.into(), lang: None }];
    assert_eq!(numbers(&Programme { categories, ..programme(&[]) }).is_empty(), film);
}

fn count() -> impl Strategy<Value = Option<Count>> {
    proptest::option::of(
        (1u32..3000, proptest::option::of(0u32..3000)).prop_map(|(number, of)| Count { number, of: of.map(|of| number + of) }),
    )
}

fn part() -> impl Strategy<Value = Option<Count>> {
    count().prop_filter("a part of several", |part| part.is_none_or(|part| part.divides()))
}

proptest! {
    #[test]
    fn there_and_back(season in count(), episode in count(), part in part()) {
        let whole = Episode { season, episode, part };
        prop_assert_eq!(whole.xmltv_ns().and_then(|text| Episode::from_xmltv_ns(&text)), whole.if_any());
        let plain = |count: Option<Count>| count.map(|count| Count { of: None, ..count });
        let plain = Episode { season: plain(season), episode: plain(episode), part };
        prop_assert_eq!(plain.onscreen().and_then(|text| Episode::from_onscreen(&text)), plain.if_any());
        prop_assert_eq!(whole.onscreen(), plain.onscreen());
    }

    /// What was given out once is given out again.
    #[test]
    fn numbers_are_stable(told in proptest::collection::vec(("xmltv_ns|onscreen|SxxExx|dd_progid|", "[SEPep0-9. /]{0,8}"), 0..4)) {
        let told: Vec<_> = told.iter().map(|(system, value)| (system.as_str(), value.as_str())).collect();
        let once = numbers(&programme(&told));
        let again = numbers(&Programme { episodes: once.clone(), ..programme(&[]) });
        prop_assert_eq!(once, again);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,20}", numbers_like in "[SExX.0-9/ #]{0,30}") {
        for text in [text, numbers_like] {
            for episode in [Episode::from_xmltv_ns(&text), Episode::from_onscreen(&text)].into_iter().flatten() {
                let _ = (episode.xmltv_ns(), episode.onscreen(), spelled_out(&text));
            }
        }
    }
}

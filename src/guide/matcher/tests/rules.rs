//! The rules one by one, on small guides made up for them.

use crate::guide::matcher::{Guide, How, Index, Wanted, Why};
use crate::model::GuideChannel;
use crate::model::names::Country;
use crate::model::programme::Text;

/// A channel: its id, then its names, apart by bars.
fn channel(text: &str) -> GuideChannel {
    let mut parts = text.split('|');
    let id = parts.next().unwrap_or_default().to_owned();
    GuideChannel { id, names: parts.map(|name| Text { text: name.to_owned(), lang: None }).collect(), icon: None }
}

fn index(guides: &[(&str, &[&str])]) -> Index {
    let channels: Vec<Vec<GuideChannel>> =
        guides.iter().map(|(_, texts)| texts.iter().map(|text| channel(text)).collect()).collect();
    let hints: Vec<[&str; 1]> = guides.iter().map(|(hint, _)| [*hint]).collect();
    let guides = channels.iter().zip(&hints).zip(1..).map(|((channels, hints), source)| Guide { source, hints, channels });
    Index::new(&guides.collect::<Vec<_>>())
}

/// The source and id that are matched without asking, and how.
fn automatic(index: &Index, wanted: Wanted) -> Option<(i64, String, How)> {
    index.find(&wanted).automatic.map(|found| (found.source, found.id, found.how))
}

/// A channel of ours from a name, a tvg-id and a group; a dash is none.
fn wanted<'a>(name: &'a str, tvg_id: &'a str, group: &'a str) -> Wanted<'a> {
    Wanted { name, tvg_id: (tvg_id != "-").then_some(tvg_id), group: (group != "-").then_some(group), ..Wanted::default() }
}

/// A guide of Australia, one of the United States, and one of which nothing is known.
const WORLD: &[(&str, &[&str])] = &[
    ("guide-au", &["101|ABC|2", "102|SBS", "10203|Seven HD"]),
    (
        "xmltv_US.xml.gz",
        &["us-abc|ABC|7.1", "us-cw|The CW", "us-history|The History Channel", "us-heart|Heartland", "us-heart1|Heartland +1"],
    ),
    (
        "all.xml",
        &["BBCOne.uk|BBC One", "BBCOnePlus1.uk|BBC One +1", "bbc.two.uk|BBC Two", "x1|Twin", "x2|Twin", "x3|QVC UK", "77|Arte"],
    ),
];

#[rstest::rstest]
// The id, in any spelling.
#[case("BBC 1", "BBCOne.uk", "-", Some((3, "BBCOne.uk", How::TvgId)))]
#[case("BBC 1", "bbcone.uk", "-", Some((3, "BBCOne.uk", How::TvgIdSpelling)))]
#[case("BBC 1", "BBCOne.uk@HD", "-", Some((3, "BBCOne.uk", How::TvgIdSpelling)))]
#[case("BBC 2", "BBCTwo.uk", "-", Some((3, "bbc.two.uk", How::TvgIdSpelling)))]
#[case("BBC 1 +1", "BBCOne.uk@Plus1", "-", Some((3, "BBCOnePlus1.uk", How::TvgIdSpelling)))]
#[case("History", "TheHistoryChannel.us", "-", Some((2, "us-history", How::TvgIdName)))]
// A list that gives a channel and the same an hour later one id.
#[case("BBC One +1", "BBCOne.uk", "-", Some((3, "BBCOnePlus1.uk", How::TvgIdSpelling)))]
// A number is only somebody's count, unless the names agree.
#[case("Something else", "101", "-", None)]
#[case("ABC", "101", "Australia", Some((1, "101", How::TvgId)))]
#[case("Something else", "10203", "-", Some((1, "10203", How::TvgId)))]
// Countries decide between channels of one name; the first guide where they say nothing.
#[case("ABC", "-", "Australia", Some((1, "101", How::Name)))]
#[case("ABC", "-", "USA", Some((2, "us-abc", How::Name)))]
#[case("US: ABC HD", "-", "-", Some((2, "us-abc", How::Name)))]
#[case("ABC", "-", "-", Some((1, "101", How::Name)))]
#[case("ABC", "-", "Philippines", None)]
#[case("ABC", "ABC.es", "-", None)]
// Two of one name in one guide.
#[case("Twin", "-", "-", None)]
// Words that say little are left out only between channels of one country.
#[case("US: History", "-", "-", Some((2, "us-history", How::NameAndCountry)))]
#[case("History", "-", "-", None)]
// An id that says more than the name: a feed of it.
#[case("Heartland", "HeartlandWest.us", "-", None)]
#[case("Heartland", "Heartland.us@West", "-", None)]
#[case("Heartland", "Heartland.us@SD", "-", Some((2, "us-heart", How::TvgIdName)))]
#[case("Heartland +1", "-", "-", Some((2, "us-heart1", How::Name)))]
#[case("Heartland +2", "-", "-", None)]
// A country in the guide's own name, in a guide of no country.
#[case("QVC", "-", "-", None)]
#[case("QVC", "-", "UK | Shopping", Some((3, "x3", How::Name)))]
#[case("★", "-", "-", None)]
#[case("", "", "", None)]
fn what_is_matched_without_asking(
    #[case] name: &str,
    #[case] tvg_id: &str,
    #[case] group: &str,
    #[case] expected: Option<(i64, &str, How)>,
) {
    let found = automatic(&index(WORLD), wanted(name, tvg_id, group));
    assert_eq!(found, expected.map(|(source, id, how)| (source, id.to_owned(), how)));
}

#[test]
fn the_id_that_was_set_is_beyond_doubt() {
    let wanted = Wanted { guide_id: Some("us-abc"), ..wanted("ABC +1", "101", "Australia") };
    let found = index(WORLD).find(&wanted);
    assert_eq!(found.automatic.map(|found| (found.id, found.how)), Some(("us-abc".to_owned(), How::GuideId)));
    assert_eq!(found.suggestions.first().map(|scored| scored.id.as_str()), Some("us-abc"));
}

#[test]
fn suggestions_say_why() {
    let found = index(WORLD).find(&Wanted { number: Some("7.1"), ..wanted("ABC", "-", "Philippines") });
    let us = found.suggestions.iter().find(|scored| scored.id == "us-abc").expect("suggested");
    let country = Country::of_code("us").expect("a country");
    assert_eq!(us.why, [Why::SameName, Why::OtherCountry(country), Why::SameChannelNumber]);
    assert_eq!(us.reason(), "the same name, but the guide's is of US, the same channel number");
    let shifted = index(WORLD).find(&wanted("Heartland +2", "-", "-"));
    assert!(shifted.suggestions.iter().any(|scored| scored.why.contains(&Why::OtherHour(0))), "{:?}", shifted.suggestions);
}

#[rstest::rstest]
#[case(&["KQED|KQEDDT", "WNET|WNETDT", "KPBS|KPBSDT"], "US")]
#[case(&["a.fr|A", "b.fr|B", "c.fr|C", "d.fr|D", "e|E"], "FR")]
fn guides_without_a_hint_show_their_country(#[case] channels: &[&str], #[case] country: &str) {
    let channels: Vec<GuideChannel> = channels.iter().map(|text| channel(text)).collect();
    let found = super::super::evidence::country_of_guide(&["a guide"], &channels);
    assert_eq!(found.as_ref().map(Country::code), Some(country));
}

#[test]
fn a_guide_of_very_many_channels_of_one_name_costs_no_more_than_any() {
    let many: Vec<GuideChannel> = (0..20_000).map(|number| channel(&format!("id{number}|Public Broadcasting Service"))).collect();
    let index = Index::new(&[Guide { source: 1, hints: &[], channels: &many }]);
    for _ in 0..400 {
        let found = index.find(&wanted("Public Broadcasting Service", "-", "-"));
        assert_eq!((found.automatic, found.suggestions.len()), (None, 5));
    }
}

proptest::proptest! {
    #[test]
    fn no_guide_and_no_channel_is_too_odd(
        channels in proptest::collection::vec("\\PC{0,12}(\\.uk|\\.us)?(\\|\\PC{0,16}){0,3}", 0..20),
        name in "\\PC{0,24}",
        tvg_id in "\\PC{0,12}(\\.uk|@HD|)",
        group in "\\PC{0,12}",
    ) {
        let texts: Vec<&str> = channels.iter().map(String::as_str).collect();
        let index = index(&[("guide-uk", &texts), ("", &texts)]);
        let found = index.find(&Wanted { guide_id: Some(&tvg_id), number: Some(&name), ..wanted(&name, &tvg_id, &group) });
        proptest::prop_assert!(found.suggestions.len() <= 5);
        let first = usize::from(found.automatic.is_some());
        let scores: Vec<f32> = found.suggestions.iter().map(|scored| scored.score).collect();
        proptest::prop_assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
        proptest::prop_assert!(scores.get(first..).unwrap_or_default().is_sorted_by(|a, b| a >= b), "{scores:?}");
        if let Some(found_alone) = found.automatic {
            proptest::prop_assert_eq!(&found.suggestions[0].id, &found_alone.id);
        }
    }
}

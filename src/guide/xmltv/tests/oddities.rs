//! What guides have in them, one thing at a time.

use super::*;
use crate::model::programme::{Credit, EpisodeNumber, PreviouslyShown, Rating, Text};

fn one(inner: &str) -> Programme {
    let (summary, mut kept) = all(tv(&show(&format!("<title>T</title>{inner}"))));
    assert_eq!((summary.end, summary.broken, kept.programmes.len()), (End::Whole, 0, 1), "{inner}");
    kept.programmes.remove(0).1
}

fn text(text: &str) -> Text {
    Text { text: text.into(), lang: None }
}

#[test]
fn everything_of_the_dtd_is_read() {
    let inner = r#"
        <title lang="en">The News</title><title lang="de">Nachrichten</title>
        <sub-title lang="en">Evening</sub-title>
        <desc lang="en">What happened.</desc>
        <credits><director>D. Rector</director><actor role="Himself">A. Ctor<image type="person">http://p/1</image>
          <url>http://p/2</url></actor><actor>B. Ctor</actor><guest>G. Uest</guest><commentator></commentator></credits>
        <date>20250314</date>
        <category lang="en">News</category><category>Nachrichten</category>
        <keyword>politics</keyword>
        <language>English</language><orig-language>French</orig-language>
        <length units="minutes">60</length>
        <icon src="http://i/1.png" width="10" height="10"/><icon src="http://i/2.png"></icon>
        <url system="imdb">http://u/1</url>
        <country>GB</country>
        <episode-num system="xmltv_ns">1 . 2/12 . 0/1</episode-num><episode-num>S02E03</episode-num>
        <video><present>yes</present><colour>yes</colour><aspect>16:9</aspect><quality>HDTV</quality></video>
        <audio><present>yes</present><stereo>surround</stereo></audio>
        <previously-shown start="20250101" channel="b"/>
        <premiere>First on TV</premiere><last-chance/><new/><live/>
        <subtitles type="teletext"><language>German</language></subtitles>
        <rating system="MPAA"><value>PG</value><icon src="http://i/pg.png"/></rating><rating><value>12</value></rating>
        <star-rating system="TV Guide"><value>4/5</value></star-rating>
        <review type="text"><url>http://no</url></review><image type="poster">http://no</image>"#;
    let (_, kept) = all(tv(&show(inner)));
    let lang = |text: &str, lang: &str| Text { text: text.into(), lang: Some(lang.into()) };
    let credit = |role: &str, name: &str, character: Option<&str>| Credit {
        role: role.into(),
        name: name.into(),
        character: character.map(str::to_owned),
    };
    let episode = |system: &str, value: &str| EpisodeNumber { system: system.into(), value: value.into() };
    let rating = |system: Option<&str>, value: &str| Rating { system: system.map(str::to_owned), value: value.into() };
    let expected = Programme {
        start_s: 1_767_225_600,
        stop_s: Some(1_767_229_200),
        titles: vec![lang("The News", "en"), lang("Nachrichten", "de")],
        sub_titles: vec![lang("Evening", "en")],
        descriptions: vec![lang("What happened.", "en")],
        credits: vec![
            credit("director", "D. Rector", None),
            credit("actor", "A. Ctor", Some("Himself")),
            credit("actor", "B. Ctor", None),
            credit("guest", "G. Uest", None),
        ],
        date: Some("20250314".into()),
        categories: vec![lang("News", "en"), text("Nachrichten")],
        keywords: vec![text("politics")],
        language: Some(text("English")),
        countries: vec![text("GB")],
        icons: vec!["http://i/1.png".into(), "http://i/2.png".into()],
        urls: vec!["http://u/1".into()],
        episodes: vec![episode("xmltv_ns", "1 . 2/12 . 0/1"), episode("onscreen", "S02E03")],
        ratings: vec![rating(Some("MPAA"), "PG"), rating(None, "12")],
        star_ratings: vec![rating(Some("TV Guide"), "4/5")],
        quality: Some("HDTV".into()),
        previously_shown: Some(PreviouslyShown { start: Some("20250101".into()) }),
        premiere: true,
        new: true,
        live: true,
    };
    assert_eq!(kept.programmes, [("a".to_owned(), expected)]);
}

#[rstest::rstest]
#[case("plain", "plain")]
#[case("  two\n\t  lines\r\n ", "two lines")]
#[case("Tom &amp; Jerry &lt;3 &quot;&apos;", "Tom & Jerry <3 \"'")]
#[case("&#8220;Caf&#xE9;&#8221; &#146;", "“Café” ’")]
#[case("Caf&eacute;&nbsp;d&#233;", "Café dé")]
#[case("<![CDATA[Tom & Jerry <b>]]>", "Tom & Jerry <b>")]
#[case("one <![CDATA[ two ]]>three", "one two three")]
#[case("<![CDATA[</desc></programme>]]>", "</desc></programme>")]
#[case("a <!-- </programme> --> b", "a b")]
#[case("a <b>bold</b> word<br/>and <i>one <u>more</u></i>", "a bold word and one more")]
#[case("R&D, AT&T; 5 & 6", "R&D, AT&T; 5 & 6")]
#[case("if a < b, a <3 > c, x<y", "if a < b, a <3 > c, x<y")]
#[case("bell\u{7} null&#0; vt\u{B}", "bell null vt")]
#[case("&custom; stays", "&custom; stays")]
#[case("<p>One</p><p>Two</p>", "One Two")]
#[case("<b>not closed", "not closed")]
#[case("closed too</b> often", "closed too often")]
#[case("<?php echo ?>instructions", "instructions")]
fn texts(#[case] inner: &str, #[case] expected: &str) {
    assert_eq!(one(&format!("<desc>{inner}</desc><date>2020</date>")).descriptions, [text(expected)], "{inner}");
    assert_eq!(one(&format!("<desc>{inner}</desc><date>2020</date>")).date.as_deref(), Some("2020"));
}

#[test]
fn what_has_no_end_ends_with_what_comes_next() {
    let found = one("<sub-title>S<desc>D<credits><actor>A<director>B<category>C<icon src=x><new>");
    assert_eq!((found.sub_titles, found.descriptions, found.categories), (vec![text("S")], vec![text("D")], vec![text("C")]));
    let people: Vec<_> = found.credits.iter().map(|credit| (credit.role.as_str(), credit.name.as_str())).collect();
    assert_eq!(people, [("actor", "A"), ("director", "B")]);
    let found = one("<rating system='x'>PG</rating><star-rating/><video/><date/><category/><unknown><category>C</category>");
    assert_eq!((found.ratings.len(), found.star_ratings.len(), found.quality, found.date), (1, 0, None, None));
    assert_eq!(found.categories, [text("C")]);
}

#[test]
fn lists_and_texts_are_bounded() {
    let many: String = (0..1000).map(|n| format!("<title>{n}</title><actor/><keyword>{n}</keyword><icon src='{n}'/>")).collect();
    let found = one(&format!("{many}<desc>{}</desc><url>{}</url>", "word ".repeat(20_000), "u".repeat(9000)));
    assert_eq!((found.titles.len(), found.keywords.len(), found.icons.len(), found.urls.len()), (16, 64, 16, 0));
    assert!((16_380..=16_384).contains(&found.descriptions[0].text.len()));
    let cast: String = (0..600).map(|n| format!("<actor role='{n}'>{}</actor>", "é".repeat(700))).collect();
    let found = one(&format!("<credits>{cast}</credits>"));
    assert_eq!((found.credits.len(), found.credits[0].name.len()), (256, 1024));
}

#[rstest::rstest]
#[case("<programme channel='a'><title>x</title></programme>", Flaw::NoStart)]
#[case("<programme start='' channel='a'><title>x</title></programme>", Flaw::NoStart)]
#[case("<programme start='soon' channel='a'><title>x</title></programme>", Flaw::Start)]
#[case("<programme start='20260101'><title>x</title></programme>", Flaw::NoChannel)]
#[case("<programme start='20260101' channel=' '><title>x</title></programme>", Flaw::NoChannel)]
#[case("<programme start='20260101' channel='a'><desc>x</desc></programme>", Flaw::NoTitle)]
#[case("<programme start='20260101' channel='a'><title> </title></programme>", Flaw::NoTitle)]
#[case("<programme start='20260101' channel='a'/>", Flaw::NoTitle)]
#[case("<programme start='20260101' channel='a'><title>x</title>", Flaw::Unclosed)]
#[case("<programme start='20260101 channel='a'><title>x</title></programme>", Flaw::Tag)]
#[case("<programme start='20260101' channel=\"a><title>x</title></programme>", Flaw::Tag)]
#[case("<programme <title>x</title></programme>", Flaw::Tag)]
#[case("<channel><display-name>x</display-name></channel>", Flaw::NoId)]
#[case("<channel id='b'><display-name>x</display-name>", Flaw::Unclosed)]
fn what_is_broken_is_counted_and_the_rest_goes_on(#[case] broken: &str, #[case] flaw: Flaw) {
    let good = show("<title>Good</title>");
    let (summary, kept) = all(tv(&format!("\n{good}\n{broken}\n{good}\n{broken}\n")));
    assert_eq!((summary.end, titles(&kept)), (End::Whole, vec!["Good", "Good"]), "{broken}");
    assert_eq!((summary.broken, flaws(&summary)), (2, vec![(5, flaw), (7, flaw)]), "{broken}");
    let at = usize::try_from(summary.flaws[0].byte).unwrap();
    assert_eq!(at, tv(&format!("\n{good}\n{broken}")).find(broken).unwrap());
}

#[test]
fn twenty_flaws_are_kept() {
    let (summary, _) = all(tv(&"<channel/>\n".repeat(100)));
    assert_eq!((summary.broken, summary.flaws.len(), summary.flaws[19].line), (100, 20, 22));
    assert_eq!(summary.flaws[19].flaw.to_string(), "the channel has no id");
}

#[rstest::rstest]
#[case("", None, 0)]
#[case("stop='20260101003000'", Some(1_767_227_400), 0)]
#[case("stop='20260101010000 +0100'", None, 1)]
#[case("stop='20251231'", None, 1)]
#[case("stop='later'", None, 1)]
fn ends_that_are_none(#[case] stop: &str, #[case] expected: Option<i64>, #[case] without: u64) {
    let (summary, kept) = all(tv(&format!("<programme start='20260101' {stop} channel='a'><title>x</title></programme>")));
    assert_eq!((kept.programmes[0].1.stop_s, summary.without_stop, summary.programmes), (expected, without, 1));
    assert_eq!(summary.starts_s, Some((1_767_225_600, 1_767_225_600)));
}

#[test]
fn ids_are_the_same_on_both_sides() {
    let text = tv("<channel id=' A &amp; B&#9;'/><programme start=20260101 channel='A &amp;  B'><title>x</title></programme>");
    let (_, kept) = all(text);
    assert_eq!((kept.channels[0].id.as_str(), kept.programmes[0].0.as_str()), ("A & B", "A & B"));
}

#[test]
fn channels_have_names_and_a_picture() {
    let inner = "<display-name lang='de'>Das Erste</display-name><display-name/><display-name>1 &amp; <![CDATA[2]]></display-name>\
                 <lcn>7</lcn><icon/><icon src='http://i/1?a=1&amp;b=2'/><icon src='http://i/2'/><url>http://x</url>";
    let (_, kept) = all(tv(&format!("<channel id='ard.de'>{inner}</channel>")));
    let names = vec![Text { text: "Das Erste".into(), lang: Some("de".into()) }, text("1 & 2")];
    let expected = GuideChannel { id: "ard.de".into(), names, icon: Some("http://i/1?a=1&b=2".into()) };
    assert_eq!(kept.channels, [expected]);
}

#[rstest::rstest]
#[case(b"<?xml version='1.0' encoding='ISO-8859-1'?><tv>", b"Z\xFCrich \x80")]
#[case(b"<?xml version=\"1.0\" encoding=\"windows-1252\"?>\n<tv>", b"Z\xFCrich \x80")]
#[case(b"\xEF\xBB\xBF<?xml version='1.0' encoding='UTF-8'?><tv>", "Zürich €".as_bytes())]
#[case(b"\xEF\xBB\xBF\n <tv>", "Zürich €".as_bytes())]
#[case(b"<tv>", b"Z\xFCrich \xE2\x82\xAC")]
#[case(b"<?xml version='1.0' encoding='iso-8859-15'?><tv>", b"Z\xFCrich \xA4")]
#[case(b"<?xml version='1.0' encoding='iso-8859-15'?><!-- a --><!DOCTYPE tv><tv>", b"Z\xFCrich \xA4")]
fn encodings(#[case] head: &[u8], #[case] title: &[u8]) {
    let (before, after) = (&b"<programme start='20260101' channel='"[..], &b"</title></programme></tv>"[..]);
    let (_, kept) = all([head, before, title, b"'><title>", title, after].concat());
    assert_eq!((kept.programmes[0].0.as_str(), titles(&kept)), ("Zürich €", vec!["Zürich €"]));
}

#[rstest::rstest]
#[case("<!DOCTYPE tv SYSTEM 'xmltv.dtd'>")]
#[case("<!DOCTYPE tv [<!ENTITY a 'b'> <!-- it's > --> <!ELEMENT programme (title)> ]>")]
#[case("<!DOCTYPE tv [<!ENTITY a '<programme>'><!ENTITY b SYSTEM 'file:///etc/passwd'>]>")]
#[case("<!doctype tv>")]
#[case("<!-- <tv> -->")]
#[case("<?xml-stylesheet href='<tv>'?>")]
fn what_comes_before_is_skipped(#[case] before: &str) {
    let text = format!("<?xml version='1.0'?>{before}\n<tv\n generator-info-url=\"a>b\">{}</tv>", show("<title>&a;&b;</title>"));
    let (summary, kept) = all(text);
    assert_eq!((summary.end, titles(&kept), summary.broken), (End::Whole, vec!["&a;&b;"], 0));
}

#[test]
fn a_bomb_of_entities_is_nothing() {
    let text = "<!DOCTYPE tv [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;'>]>";
    let (_, kept) = all(format!("{text}<tv>{}</tv>", show("<title>&c;</title>")));
    assert_eq!(titles(&kept), ["&c;"]);
}

#[test]
fn guides_after_one_another_are_one() {
    let (summary, kept) = all(tv(&show("<title>One</title>")) + &tv(&show("<title>Two</title>")));
    assert_eq!((summary.end, titles(&kept)), (End::Whole, vec!["One", "Two"]));
    let (summary, _) = all(tv("") + "<tv>");
    assert_eq!(summary.end, End::Truncated);
    assert_eq!(all("<tv/>").0.end, End::Whole);
}

#[test]
fn comments_and_cdata_hide_programmes() {
    let hidden = show("<title>Hidden</title>");
    let (summary, kept) = all(tv(&format!("<!-- {hidden} --><![CDATA[{hidden}]]>{}", show("<title>Seen</title>"))));
    assert_eq!((titles(&kept), summary.broken), (vec!["Seen"], 0));
}

//! The document: its text once, and the standard's own definition for any guide, with `xmllint`.

use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::model::programme::{EpisodeNumber, PreviouslyShown};

fn channel(number: &str, name: &str) -> OutChannel {
    OutChannel {
        number: number.parse().unwrap(),
        name: name.into(),
        logo: None,
        groups: Vec::new(),
        stream_url: String::new(),
        station_id: None,
        radio: false,
    }
}

fn text(text: &str) -> Text {
    Text { text: text.into(), lang: None }
}

fn document(channels: &[OutChannel], programmes: &[(usize, Programme)]) -> String {
    let mut out = Vec::new();
    let written = write::<_, io::Error, _>(&mut out, channels, |channel, tell| {
        let mut of = programmes.iter().filter(|(at, _)| channels[*at].number == channel.number);
        of.try_for_each(|(_, programme)| tell(programme))
    });
    let out = String::from_utf8(out).unwrap();
    let counted = |tag: &str| out.matches(tag).count() as u64;
    assert_eq!(written.unwrap(), Written { channels: counted("<channel "), programmes: counted("<programme ") });
    out
}

/// Whether the document is valid by the definition that Debian's package `xmltv-util` installs; and what an XPath gives.
fn lint(document: &str, xpath: Option<&str>) -> String {
    const DTD: &str = "/usr/share/xmltv/xmltv.dtd";
    assert!(std::fs::exists(DTD).unwrap(), "{DTD} is missing: packaging/install-test-needs installs it");
    let arguments = xpath.map_or(["--noout", "--dtdvalid", DTD], |path| ["--nonet", "--xpath", path]);
    let mut lint = Command::new("xmllint");
    let lint = lint.args(arguments).arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut lint = lint.spawn().unwrap_or_else(|error| panic!("xmllint: {error}; packaging/install-test-needs installs it"));
    lint.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
    let output = lint.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{document}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn full() -> Programme {
    let credit = |role: &str, name: &str, character: Option<&str>| Credit {
        role: role.into(),
        name: name.into(),
        character: character.map(Into::into),
    };
    let rating = |system: Option<&str>, value: &str| Rating { system: system.map(Into::into), value: value.into() };
    Programme {
        start_s: 1_790_000_000,
        stop_s: Some(1_790_003_600),
        titles: vec![Text { text: "Tom & <Jerry>".into(), lang: Some("en".into()) }, text("Zwei")],
        sub_titles: vec![text("A \"quoted\"\nline")],
        descriptions: vec![text("One.\r\n\tTwo\u{1}\u{FFFE}.")],
        credits: vec![
            credit("guest", "G", None),
            credit("stuntman", "Nobody", None),
            credit("actor", "A", Some("Hero & \"Co\"")),
            credit("actor", "B", None),
            credit("director", "D", Some("not here")),
            credit("writer", " ", None),
        ],
        date: Some("1998-03-25".into()),
        categories: vec![text("Series"), text("")],
        keywords: vec![text("cat")],
        language: Some(text("en")),
        countries: vec![text("GB")],
        icons: vec!["https://h/a.png?x=1&y=2".into(), "file:///etc/passwd".into(), "data:image/png;base64,AA".into()],
        urls: vec!["http://h/".into()],
        episodes: vec![EpisodeNumber { system: "xmltv_ns".into(), value: "1.4.0/2".into() }],
        ratings: vec![rating(Some("MPAA"), "PG"), rating(None, "")],
        star_ratings: vec![rating(None, "3/4")],
        quality: Some("HDTV".into()),
        previously_shown: Some(PreviouslyShown { start: Some("20200101".into()) }),
        premiere: true,
        new: false,
        live: true,
    }
}

#[test]
fn a_document() {
    let first = OutChannel { logo: Some("http://10.0.0.2/logo?a=1&b=2".into()), ..channel("5.1", "One & All") };
    let bare = Programme { start_s: 1_790_003_600, stop_s: Some(1_790_003_600), new: true, ..Programme::default() };
    let shown = Programme { previously_shown: Some(PreviouslyShown::default()), ..bare.clone() };
    let beyond = Programme { start_s: -1, ..Programme::default() };
    let rows = [(1, bare), (0, full()), (0, shown), (0, beyond)];
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<tv generator-info-name="Rooftop/VERSION">
  <channel id="5.1">
    <display-name>One &amp; All</display-name>
    <display-name>5.1</display-name>
    <icon src="http://10.0.0.2/logo?a=1&amp;b=2"/>
  </channel>
  <channel id="6">
    <display-name>6</display-name>
  </channel>
  <programme start="20260921141320 +0000" stop="20260921151320 +0000" channel="5.1">
    <title lang="en">Tom &amp; &lt;Jerry&gt;</title>
    <title>Zwei</title>
    <sub-title>A &quot;quoted&quot; line</sub-title>
    <desc>One.
 Two.</desc>
    <credits>
      <director>D</director>
      <actor role="Hero &amp; &quot;Co&quot;">A</actor>
      <actor>B</actor>
      <guest>G</guest>
    </credits>
    <date>19980325</date>
    <category>Series</category>
    <keyword>cat</keyword>
    <language>en</language>
    <icon src="https://h/a.png?x=1&amp;y=2"/>
    <url>http://h/</url>
    <country>GB</country>
    <episode-num system="xmltv_ns">1.4.0/2</episode-num>
    <episode-num system="onscreen">S02E05 P1/2</episode-num>
    <video>
      <quality>HDTV</quality>
    </video>
    <previously-shown start="20200101"/>
    <premiere/>
    <rating system="MPAA">
      <value>PG</value>
    </rating>
    <star-rating>
      <value>3/4</value>
    </star-rating>
  </programme>
  <programme start="20260921151320 +0000" channel="5.1">
    <title>One &amp; All</title>
    <episode-num system="original-air-date">2026-09-21 15:13:20</episode-num>
    <new/>
  </programme>
  <programme start="20260921151320 +0000" channel="6">
    <title>6</title>
    <episode-num system="original-air-date">2026-09-21 15:13:20</episode-num>
    <new/>
  </programme>
</tv>
"#;
    let found = document(&[first, channel("6", "")], &rows);
    assert_eq!(found, expected.replace("VERSION", env!("CARGO_PKG_VERSION")));
    lint(&found, None);
    assert_eq!(lint(&found, Some("string(//actor[1]/@role)")), "Hero & \"Co\"");
}

#[test]
fn nothing_is_a_document_too() {
    lint(&document(&[], &[]), None);
    lint(&document(&[channel("1", "One")], &[]), None);
}

#[rstest::rstest]
#[case("1998", Some("1998"))]
#[case("19980325", Some("19980325"))]
#[case("20110101080000 +0000", Some("20110101"))]
#[case("1998-03-25", Some("19980325"))]
#[case("1998-03", Some("199803"))]
#[case("199803", Some("199803"))]
#[case(" 1998 (UK)", Some("1998"))]
#[case("98", None)]
#[case("", None)]
#[case("soon", None)]
fn dates(#[case] text: &str, #[case] expected: Option<&str>) {
    assert_eq!(date(text).as_deref(), expected);
}

#[derive(Debug, PartialEq)]
enum Failed {
    Io,
    Rows,
}

impl From<io::Error> for Failed {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

/// It takes so many bytes and no more.
struct Small(usize);

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn errors_of_both_sides_are_passed_on() {
    let channels = [channel("1", "One")];
    let broken = write(&mut Vec::new(), &channels, |_, _| Err(Failed::Rows));
    assert_eq!(broken.unwrap_err(), Failed::Rows);
    let mut asked = 0;
    let full_disk = write(&mut Small(400), &channels, |_, tell| {
        (0..10).try_for_each(|_| {
            asked += 1;
            tell(&full())
        })
    });
    assert_eq!((full_disk.unwrap_err(), asked), (Failed::Io, 1), "the rows are not read to their end for nothing");
}

fn any_text() -> impl Strategy<Value = Text> {
    let any_text = || prop_oneof!["\\PC{0,12}", "[<>&'\"\\]\\-! \\n\\r\\t]{0,8}", any::<String>()];
    (any_text(), proptest::option::of(any_text())).prop_map(|(text, lang)| Text { text, lang })
}

fn any_programme() -> impl Strategy<Value = Programme> {
    let texts = || proptest::collection::vec(any_text(), 0..3);
    let strings = || texts().prop_map(|texts| texts.into_iter().map(|text| text.text).collect::<Vec<_>>());
    let rating = || any_text().prop_map(|text| Rating { system: text.lang, value: text.text });
    let role = proptest::sample::select([&ROLES[..], &["stuntman", ""]].concat());
    let credit = (role, any_text()).prop_map(|(role, text)| Credit { role: role.into(), name: text.text, character: text.lang });
    let number = any_text().prop_map(|text| EpisodeNumber { system: text.lang.unwrap_or_default(), value: text.text });
    let times = (prop_oneof![4 => 0i64..4_000_000_000, 1 => any::<i64>()], any::<Option<i64>>());
    let flags = any::<[bool; 4]>();
    let words = (texts(), texts(), texts(), texts(), texts(), texts());
    let lists = (proptest::collection::vec(credit, 0..4), proptest::collection::vec(number, 0..3), strings(), strings());
    let rest =
        (proptest::option::of(any_text()), proptest::collection::vec(rating(), 0..3), proptest::collection::vec(rating(), 0..3));
    (times, words, lists, rest, flags).prop_map(|(times, words, lists, rest, [shown, premiere, new, live])| Programme {
        start_s: times.0,
        stop_s: times.1,
        titles: words.0,
        sub_titles: words.1,
        descriptions: words.2,
        categories: words.3,
        keywords: words.4,
        countries: words.5,
        credits: lists.0,
        episodes: lists.1,
        icons: lists.2.iter().map(|text| format!("http://h/{text}")).collect(),
        urls: lists.3,
        date: rest.0.as_ref().map(|text| text.text.clone()),
        quality: rest.0.as_ref().and_then(|text| text.lang.clone()),
        previously_shown: shown.then(|| PreviouslyShown { start: rest.0.as_ref().map(|text| text.text.clone()) }),
        language: rest.0,
        ratings: rest.1,
        star_ratings: rest.2,
        premiere,
        new,
        live,
    })
}

/// Six hundred programmes of chance in one document, since each look of `xmllint` is a process.
#[test]
fn any_guide_is_valid() {
    let mut runner = TestRunner::default();
    let mut chance = |_| (0, any_programme().new_tree(&mut runner).unwrap().current());
    let rows: Vec<_> = (0..600).map(&mut chance).collect();
    let sound = rows.iter().filter(|(_, programme)| TIMES_S.contains(&programme.start_s)).count();
    let found = document(&[channel("1", "]]> & \u{B}")], &rows);
    lint(&found, None);
    assert_eq!(lint(&found, Some("count(//programme)")), sound.to_string());
    let empty =
        lint(&found, Some("count(//*[not(self::new or self::premiere or self::previously-shown or node() or @*)] | //@*[.=''])"));
    assert_eq!(empty, "0", "nothing is empty");
}

proptest! {
    /// What our own library reads is the text without what cannot be written.
    #[test]
    fn text_is_read_back(text in prop_oneof![any::<String>(), "[<>&'\" \\n\\t\\r]{0,9}"]) {
        for clean in [one_line(&text), paragraph(&text)] {
            let mut out = String::new();
            if element(&mut out, "a", Some(("b", &text)), &clean) {
                let read = quick_xml::escape::unescape(out.split_once('>').unwrap().1.rsplit_once("</a>").unwrap().0).unwrap();
                prop_assert_eq!(&read, &clean);
            } else {
                prop_assert!(clean.is_empty());
            }
            prop_assert_eq!(clean.trim(), &*clean);
        }
        prop_assert!(!one_line(&text).contains(char::is_control));
    }
}

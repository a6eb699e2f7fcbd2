//! Heads as servers send them, and what they are to a part.

use proptest::prelude::*;
use reqwest::header::HeaderMap;
use rstest::rstest;

use super::*;

fn head(status: u16, headers: &[(&'static str, &str)]) -> Head {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let length = headers.iter().find(|(name, _)| *name == "content-length").and_then(|(_, value)| value.parse().ok());
    Head::read(status, &map, length)
}

const LATER: (&str, &str) = ("date", "Thu, 01 Jan 1970 00:05:00 GMT");
const MODIFIED: &str = "Thu, 01 Jan 1970 00:01:00 GMT";

#[rstest]
#[case::etag(&[("etag", "\"a\"")], Some("\"a\""))]
#[case::weak(&[("etag", "W/\"a\"")], None)]
#[case::weak_counts_before_a_date(&[("etag", "W/\"a\""), ("last-modified", MODIFIED), LATER], None)]
#[case::without_quotes(&[("etag", "a")], None)]
#[case::empty(&[("etag", "\"\"")], None)]
#[case::date(&[("last-modified", MODIFIED), LATER], Some(MODIFIED))]
#[case::changed_just_now(&[("last-modified", "Thu, 01 Jan 1970 00:04:01 GMT"), LATER], None)]
#[case::from_the_future(&[("last-modified", "Thu, 01 Jan 1970 00:06:00 GMT"), LATER], None)]
#[case::no_clock(&[("last-modified", MODIFIED)], None)]
#[case::nonsense(&[("last-modified", "yesterday"), LATER], None)]
#[case::nothing(&[], None)]
fn only_what_tells_versions_apart_is_relied_on(#[case] headers: &[(&'static str, &str)], #[case] strong: Option<&str>) {
    let mark = Mark::of(&head(200, headers), "there");
    assert_eq!(mark.map(|mark| mark.if_range).as_deref(), strong);
}

#[rstest]
#[case("bytes 5-9/10", Some((5, 9, Some(10))))]
#[case("Bytes 5-9/*", Some((5, 9, None)))]
#[case("bytes 5-9/9", None)]
#[case("bytes 9-5/10", None)]
#[case("bytes */10", None)]
#[case("items 5-9/10", None)]
#[case("bytes -1-9/10", None)]
#[case("bytes 5-99999999999999999999/*", None)]
#[case("bytes", None)]
fn ranges_are_read(#[case] text: &str, #[case] range: Option<(u64, u64, Option<u64>)>) {
    assert_eq!(ContentRange::parse(text), range.map(|(first, last, total)| ContentRange { first, last, total }));
}

fn mark(length: Option<u64>) -> Mark {
    let validators = Validators { etag: Some("\"a\"".to_owned()), last_modified: None };
    let (if_range, served) = ("\"a\"".to_owned(), "there".to_owned());
    Mark { if_range, served, validators, length, encoding: None, media_type: None }
}

const REST: Meaning = Meaning::Rest { until: 10, total: 10 };

#[rstest]
#[case::the_rest(206, &[("content-range", "bytes 5-9/10"), ("etag", "\"a\"")], REST)]
#[case::with_its_length(206, &[("content-range", "bytes 5-9/10"), ("etag", "\"a\""), ("content-length", "5")], REST)]
#[case::length_known_before(206, &[("content-range", "bytes 5-9/*"), ("etag", "\"a\"")], REST)]
#[case::a_piece_of_the_rest(206, &[("content-range", "bytes 5-7/10"), ("etag", "\"a\"")], Meaning::Rest { until: 8, total: 10 })]
#[case::another_length(206, &[("content-range", "bytes 5-9/10"), ("etag", "\"a\""), ("content-length", "6")], Meaning::Anew)]
#[case::begins_elsewhere(206, &[("content-range", "bytes 4-9/10"), ("etag", "\"a\"")], Meaning::Anew)]
#[case::from_the_beginning(206, &[("content-range", "bytes 0-9/10"), ("etag", "\"a\"")], Meaning::Anew)]
#[case::another_total(206, &[("content-range", "bytes 5-10/11"), ("etag", "\"a\"")], Meaning::Anew)]
#[case::another_version(206, &[("content-range", "bytes 5-9/10"), ("etag", "\"b\"")], Meaning::Anew)]
#[case::a_weak_version(206, &[("content-range", "bytes 5-9/10"), ("etag", "W/\"a\"")], Meaning::Anew)]
#[case::no_version(206, &[("content-range", "bytes 5-9/10")], Meaning::Anew)]
#[case::packed_otherwise(206, &[("content-range", "bytes 5-9/10"), ("etag", "\"a\""), ("content-encoding", "gzip")], Meaning::Anew)]
#[case::no_range(206, &[("etag", "\"a\"")], Meaning::Anew)]
#[case::nothing_behind(416, &[("content-range", "bytes */5")], Meaning::Anew)]
#[case::the_whole(200, &[("content-length", "12"), ("etag", "\"b\"")], Meaning::Whole(Some(12)))]
#[case::unchanged(304, &[], Meaning::NotModified)]
#[case::gone(404, &[], Meaning::Refused)]
fn an_answer_is_judged_by_what_it_shows(#[case] status: u16, #[case] headers: &[(&'static str, &str)], #[case] meaning: Meaning) {
    let mark = mark(Some(10));
    let have = Have { bytes: 5, mark: &mark };
    assert_eq!(judge(&head(status, headers), "there", Some(have), true), meaning);
}

#[test]
fn what_was_not_asked_for_is_refused() {
    let rest = head(206, &[("content-range", "bytes 5-9/10"), ("etag", "\"a\"")]);
    assert_eq!(judge(&rest, "there", None, false), Meaning::Refused);
    assert_eq!(judge(&head(416, &[]), "there", None, false), Meaning::Refused);
    assert_eq!(judge(&head(304, &[]), "there", None, false), Meaning::Refused);
    let mark = mark(None);
    assert_eq!(judge(&rest, "elsewhere", Some(Have { bytes: 5, mark: &mark }), false), Meaning::Anew);
    assert_eq!(judge(&rest, "there", Some(Have { bytes: 5, mark: &mark }), false), REST);
    let endless = head(206, &[("content-range", "bytes 5-9/*"), ("etag", "\"a\"")]);
    assert_eq!(
        judge(&endless, "there", Some(Have { bytes: 5, mark: &mark }), false),
        Meaning::Anew,
        "nobody knows where it ends"
    );
}

#[rstest]
#[case(&[], None, true)]
#[case(&[("content-encoding", "identity")], None, true)]
#[case(&[("content-encoding", "GZIP")], Some("gzip"), true)]
#[case(&[("content-encoding", "x-gzip")], Some("x-gzip"), true)]
#[case(&[("content-encoding", "br")], Some("br"), false)]
#[case(&[("content-encoding", "gzip"), ("content-encoding", "gzip")], Some("gzip,gzip"), false)]
fn packings_that_were_not_asked_for_are_refused(
    #[case] headers: &[(&'static str, &str)],
    #[case] encoding: Option<&str>,
    #[case] understood: bool,
) {
    let head = head(200, headers);
    assert_eq!((head.encoding.as_deref(), head.understood().is_ok()), (encoding, understood));
}

proptest! {
    /// Whatever a server says: what is gone on with goes on exactly where the part ends, and ends within the feed.
    #[test]
    fn the_rest_is_the_rest(first: u64, last: u64, total: Option<u64>, bytes in 1u64.., length: Option<u64>, said: Option<u64>, same: bool) {
        let range = ContentRange::parse(&format!("bytes {first}-{last}/{}", total.map_or("*".to_owned(), |total| total.to_string())));
        let etag = Some(if same { "\"a\"" } else { "\"b\"" }.to_owned());
        let head = Head { status: 206, validators: Validators { etag, last_modified: None }, length: said, range, ..Head::default() };
        let mark = mark(length);
        match judge(&head, "there", Some(Have { bytes, mark: &mark }), false) {
            Meaning::Rest { until, total: end } => {
                prop_assert!(same && first == bytes && until == last + 1 && until <= end && until > bytes);
                prop_assert!(length.is_none_or(|length| length == end) && said.is_none_or(|said| said == until - bytes));
            }
            meaning => prop_assert_eq!(meaning, Meaning::Anew),
        }
    }

    #[test]
    fn no_range_is_a_panic(text: String) {
        let _ = ContentRange::parse(&text);
        let _ = ContentRange::parse(&format!("bytes {text}"));
    }
}

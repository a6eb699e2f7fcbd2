//! Lists of channels and groups.

use super::*;
use crate::playlist::identity;

fn groups() -> Categories {
    let json = r#"[{"category_id":"1","category_name":"News","parent_id":0},{"category_id":2,"category_name":" Sport & More "},
        {"category_id":3,"category_name":null},"x",{"category_name":"No id"},{"category_id":4,"category_name":44}]"#;
    let found = categories(json.as_bytes()).unwrap();
    assert_eq!((found.len(), found.broken), (3, 3));
    found
}

/// The one channel of a list.
fn one(fields: &str) -> Entry {
    let (mut entries, broken) = read_with(format!("[{{\"stream_id\":7,{fields}}}]").as_bytes(), &groups()).unwrap();
    assert_eq!((entries.len(), broken.len()), (1, 0), "{fields}");
    entries.remove(0)
}

#[test]
fn a_channel_as_most_panels_give_it() {
    let entry = one(
        r#""num":12,"name":"One \u00e9","stream_type":"live","stream_icon":"http:\/\/l\/1.png","epg_channel_id":"one.uk","added":"1",
        "is_adult":"0","category_id":"1","category_ids":[1],"custom_sid":"","tv_archive":1,"direct_source":"","tv_archive_duration":"7""#,
    );
    let attributes = [
        ("tvg-id", "one.uk"),
        ("tvg-logo", "http://l/1.png"),
        ("tvg-chno", "12"),
        ("group-title", "News"),
        ("catchup", "xc"),
        ("catchup-days", "7"),
    ];
    assert_eq!(entry, Entry::new(1, "One é", &attributes, "http://h:8080/live/hugo/geheim77/7.ts".into()));
}

#[rstest::rstest]
#[case("\"name\":null", &[])]
#[case("\"name\":\"A\"", &[])]
#[case("\"num\":\"5\"", &[("tvg-chno", "5")])]
#[case("\"num\":5.1", &[("tvg-chno", "5.1")])]
#[case("\"num\":0", &[])]
#[case("\"num\":null", &[])]
#[case("\"epg_channel_id\":null,\"stream_icon\":null", &[])]
#[case("\"epg_channel_id\":\"\",\"stream_icon\":\" \"", &[])]
#[case("\"epg_channel_id\":15", &[("tvg-id", "15")])]
#[case("\"epg_channel_id\":{\"a\":[1]},\"stream_icon\":[[]]", &[])]
#[case("\"category_id\":1", &[("group-title", "News")])]
#[case("\"category_id\":\"2\"", &[("group-title", "Sport & More")])]
#[case("\"category_id\":4.0", &[("group-title", "44")])]
#[case("\"category_id\":[9,2]", &[("group-title", "Sport & More")])]
#[case("\"category_id\":null,\"category_ids\":[\"1\",2]", &[("group-title", "News")])]
#[case("\"category_id\":\"\",\"category_ids\":{\"0\":2}", &[("group-title", "Sport & More")])]
#[case("\"category_id\":\"99\"", &[])]
#[case("\"tv_archive\":\"1\",\"tv_archive_duration\":3", &[("catchup", "xc"), ("catchup-days", "3")])]
#[case("\"tv_archive\":true,\"tv_archive_duration\":null", &[("catchup", "xc")])]
#[case("\"tv_archive\":0,\"tv_archive_duration\":3", &[])]
#[case("\"tv_archive\":\"0\",\"tv_archive_duration\":\"3\"", &[])]
#[case("\"tv_archive\":null,\"tv_archive_duration\":-3", &[])]
#[case("\"stream_type\":\"created_live\"", &[])]
#[case("\"stream_type\":\"radio_streams\"", &[("radio", "true")])]
#[case("\"stream_type\":\"movie\"", &[("tvg-type", "movie")])]
#[case("\"stream_type\":null", &[])]
#[case("\"NUM\":8,\"unknown\":[{\"a\":[[[1]]]}]", &[("tvg-chno", "8")])]
fn fields_of_any_type(#[case] fields: &str, #[case] attributes: &[(&str, &str)]) {
    let found = one(fields).attributes.0;
    let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, attributes);
}

#[rstest::rstest]
#[case("7", "7")]
#[case("\"7\"", "7")]
#[case("\" 7 \"", "7")]
#[case("7.0", "7")]
#[case("18446744073709551615", "18446744073709552000")]
fn numbers_of_channels(#[case] json: &str, #[case] number: &str) {
    let (entries, _) = read(&format!("[{{\"stream_id\":{json}}}]")).unwrap();
    assert_eq!(entries[0].url, format!("http://h:8080/live/hugo/geheim77/{number}.ts"));
}

#[test]
fn what_is_broken_is_counted_and_left_out() {
    let json = r#"[{"stream_id":1},{},null,"x",5,[[1],2],{"stream_id":null},{"stream_id":"../x"},{"stream_id":-1},{"stream_id":true},
        {"stream_id":"123456789012345678901"},{"stream_id":2}]"#;
    let (entries, broken) = read(json).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [1, 12]);
    assert_eq!(broken, (2..=11).collect::<Vec<_>>());
}

#[rstest::rstest]
#[case("[]", 0, 0)]
#[case("{}", 0, 0)]
#[case("\u{FEFF} [ ]", 0, 0)]
#[case("{\"0\":{\"stream_id\":1},\"1\":{\"stream_id\":2},\"5\":null}", 2, 1)]
#[case("{\"one\":{\"stream_id\":1},\"two\":{\"name\":\"no channel\"}}", 1, 0)]
#[case("[{\"stream_id\":1}]<br />\nWarning", 1, 0)]
#[case("[{\"stream_id\":1,\"name\":\"a\tb\u{1}\\'\\x\\u12\"}]", 1, 0)]
fn lists_as_they_are(#[case] json: &str, #[case] entries: usize, #[case] broken: usize) {
    let found = read(json).unwrap();
    assert_eq!((found.0.len(), found.1.len()), (entries, broken));
}

const UNEXPECTED: &str =
    "the server answered with something else than the list of channels; it may be no Xtream Codes panel, or not allow this";
const NOTHING: &str = "the server answered with nothing; user or password may be wrong, or the server is overloaded";

#[rstest::rstest]
#[case("{\"user_info\":{\"auth\":0}}", "user or password refused")]
#[case(
    "{\"user_info\":{\"auth\":\"0\",\"status\":\"Disabled\"},\"server_info\":{\"stream_id\":null}}",
    "user or password refused; the provider says that the account is disabled"
)]
#[case("{\"auth\":0}", "user or password refused")]
#[case("{\"user_info\":{\"auth\":1,\"status\":\"Active\"},\"server_info\":{}}", UNEXPECTED)]
#[case("{\"error\":\"geheim77\"}", UNEXPECTED)]
#[case("\"geheim77\"", UNEXPECTED)]
#[case("true", UNEXPECTED)]
#[case("12", UNEXPECTED)]
#[case("-1.5", UNEXPECTED)]
#[case("null", NOTHING)]
#[case("false", NOTHING)]
#[case("\"\"", NOTHING)]
#[case("", NOTHING)]
#[case(
    "<html>",
    "the server sent a web page instead of data; the address or the port may be wrong, or the provider blocks this connection"
)]
#[case("#EXTM3U", "the server sent an M3U playlist instead of data; add its address as a playlist")]
#[case("[", "the server's answer breaks off after 0 complete elements")]
#[case("[{\"stream_id\":1},{\"stream_id\":2},{\"na", "the server's answer breaks off after 2 complete elements")]
#[case("[{\"stream_id\":1},{\"stream_id\":2}", "the server's answer breaks off after 2 complete elements")]
#[case("[{\"stream_id\":1e", "the server's answer breaks off after 0 complete elements")]
#[case("[{\"stream_id\":-", "the server's answer breaks off after 0 complete elements")]
#[case("[{\"stream_id\":tru", "the server's answer breaks off after 0 complete elements")]
#[case("{\"0\":{\"stream_id\":1},", "the server's answer breaks off after 1 complete elements")]
#[case("[{\"stream_id\":1},\n{\"stream_id\" 2}]", "the server's answer is damaged after 1 complete elements (line 2, column 14)")]
#[case("[{\"stream_id\":1},<b>Fatal error</b>", "the server's answer is damaged after 1 complete elements (line 1, column 18)")]
fn what_is_no_list(#[case] json: &str, #[case] error: &str) {
    assert_eq!(read(json).unwrap_err().to_string(), error);
}

#[test]
fn text_is_put_right() {
    let name = |json: &[u8]| {
        let json = [b"[{\"stream_id\":1,\"name\":\"", json, b"\"}]"].concat();
        read_with(json.as_slice(), &Categories::default()).unwrap().0.remove(0).name
    };
    assert_eq!(name(b"A\xFFB\xC3"), "A\u{FFFD}B\u{FFFD}");
    assert_eq!(name(b"A\\ud83d\\ude00B"), "A\u{1F600}B");
    assert_eq!(name(b"A\\uD83DB"), "A\u{FFFD}B");
    assert_eq!(name(b"A\\uD83D"), "A\u{FFFD}");
    assert_eq!(name(b"A\\ude00\\ud83d\\ud83d\\ude00"), "A\u{FFFD}\u{FFFD}\u{1F600}");
    assert_eq!(name(b"A\\ud8\\n\\\\\\\"\\/B"), "A\u{FFFD} \\\"/B");
    assert_eq!(name(b"it\\'s \x02 \x09"), "it's");
}

#[test]
fn a_logo_within_the_list_is_left_out_and_the_rest_stays() {
    let logo = format!("data:image/png;base64,{}", "A".repeat(3 << 20));
    let json =
        format!("[{{\"stream_icon\":\"{logo}\",\"stream_id\":1,\"name\":\"One\"}},{{\"stream_id\":2,\"name\":\"{logo}\"}}]");
    let (entries, _) = read(&json).unwrap();
    assert_eq!((entries[0].name.as_str(), entries[0].attributes.get("tvg-logo")), ("One", None));
    assert_eq!(entries[1].name.chars().count(), 512);
}

#[rstest::rstest]
#[case("[", "]")]
#[case("{\"a\":", "}")]
fn what_is_nested_without_end_is_refused(#[case] open: &str, #[case] close: &str) {
    let deep = |depth: usize| format!("[{{\"stream_id\":1,\"x\":{}1{}}}]", open.repeat(depth), close.repeat(depth));
    assert_eq!(read(&deep(60)).unwrap().0.len(), 1);
    let deepest = read(&deep(100_000)).unwrap_err();
    assert!(matches!(&deepest, XtreamError::Io(error) if error.to_string() == "the answer is nested too deeply"), "{deepest}");
}

#[rstest::rstest]
#[case("#EXTM3U\n#EXTINF:-1,One")]
#[case("\u{c}<html>")]
#[case("[{\"stream_id\":1},[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")]
fn it_is_the_same_byte_by_byte(#[case] text: &str) {
    struct Single<'a>(&'a [u8]);
    impl Read for Single<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }
    let told = |input: &mut dyn Read| {
        let mut told = 0;
        let result = streams(input, &account(), &groups(), Format::Ts, |_| {
            told += 1;
            ControlFlow::Continue(())
        });
        (told, result.unwrap_err().to_string())
    };
    assert_eq!(told(&mut text.as_bytes()), told(&mut Single(text.as_bytes())));
}

#[test]
fn it_stops_when_it_is_told_to() {
    // What follows is neither read nor parsed.
    let json = [b"[{\"stream_id\":1},{\"stream_id\":2},{\"stream_id\":3}".as_slice(), &[b' '; 1 << 20]].concat();
    let input = json.chain(std::io::repeat(b'x'));
    let mut seen = 0;
    let listing = streams(input, &account(), &groups(), Format::M3u8, |event| {
        seen += 1;
        assert!(matches!(event, Event::Entry(entry) if entry.url.ends_with(".m3u8")));
        if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(listing.unwrap(), Listing { entries: 2, broken: 0, complete: false });
}

#[test]
fn an_item_is_the_same_after_a_new_password_and_below_another_number() {
    let keys = |account: &Account, num: u32| {
        let json = format!("[{{\"stream_id\":7,\"num\":{num},\"name\":\"One\",\"epg_channel_id\":\"one\"}}]");
        let mut keys = Vec::new();
        streams(json.as_bytes(), account, &groups(), Format::Ts, |event| {
            if let Event::Entry(entry) = event {
                keys.push(identity::keys(entry.attributes.get("tvg-id"), &entry.name, &entry.url).item);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        keys
    };
    let renewed = Account::new("http://h:8080", "hugo", "another").unwrap();
    let other = Account::new("http://i:8080", "hugo", "another").unwrap();
    assert_eq!(keys(&account(), 1), keys(&renewed, 2));
    assert_ne!(keys(&account(), 1), keys(&other, 1));
}

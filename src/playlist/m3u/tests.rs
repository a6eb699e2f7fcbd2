//! The parser: one table of lines as they are found in the wild, the corpus, and chance.

use std::io::{Read, Write};

use proptest::prelude::*;

use super::lines::LONGEST;
use super::*;

fn events(bytes: &[u8]) -> Result<Vec<Event>, M3uError> {
    let mut events = Vec::new();
    let mut parser = Parser::new();
    parser.push(bytes, &mut |event| events.push(event))?;
    parser.finish(&mut |event| events.push(event))?;
    Ok(events)
}

fn entries(text: &str) -> Vec<Entry> {
    let only = |event| if let Event::Entry(entry) = event { Some(entry) } else { None };
    events(text.as_bytes()).unwrap().into_iter().filter_map(only).collect()
}

fn broken(text: &str) -> Vec<(u64, Flaw)> {
    let only = |event| if let Event::Broken(broken) = event { Some((broken.line, broken.flaw)) } else { None };
    events(text.as_bytes()).unwrap().into_iter().filter_map(only).collect()
}

fn extinf(text: &str) -> Entry {
    let mut found = entries(&format!("#EXTINF:{text}\nhttp://h/1\n"));
    assert_eq!(found.len(), 1, "{text}");
    found.remove(0)
}

#[rstest::rstest]
#[case("-1,Name", "Name", &[])]
#[case("-1 ,Name", "Name", &[])]
#[case("0,5 Live", "5 Live", &[])]
#[case("10.5,Name", "Name", &[])]
#[case("-1", "", &[])]
#[case("", "", &[])]
#[case("-1 tvg-id=\"a\",News, Weather & More", "News, Weather & More", &[("tvg-id", "a")])]
#[case("-1 tvg-name=\"A, B\" group-title=\"X;Y\",C", "C", &[("tvg-name", "A, B"), ("group-title", "X;Y")])]
#[case("-1 tvg-id=a tvg-chno=5.1,C", "C", &[("tvg-id", "a"), ("tvg-chno", "5.1")])]
#[case("-1 tvg-name=Some Name tvg-id=\"x\",C", "C", &[("tvg-name", "Some Name"), ("tvg-id", "x")])]
#[case("-1 tvg-name=\"The \"Best\" One\" tvg-id=\"x\",C", "C", &[("tvg-name", "The \"Best\" One"), ("tvg-id", "x")])]
#[case("-1 tvg-id=\"x\"tvg-name=\"y\",C", "C", &[("tvg-id", "x"), ("tvg-name", "y")])]
#[case("-1,tvg-id=\"x\" tvg-name=\"y\",C", "C", &[("tvg-id", "x"), ("tvg-name", "y")])]
#[case("-1 tvg-id=\"x,C", "C", &[("tvg-id", "x")])]
#[case("-1 tvg-id=\"x", "", &[("tvg-id", "x")])]
#[case("-1 tvg-id= tvg-name=\"y\",C", "C", &[("tvg-id", ""), ("tvg-name", "y")])]
#[case("-1 TVG-ID=\"X\" , C ", "C", &[("tvg-id", "X")])]
#[case("-1 tvg-id=\"\" tvg-logo=\"\",C", "C", &[("tvg-id", ""), ("tvg-logo", "")])]
#[case("-1 stray tvg-id=\"x\" words,C", "C", &[("tvg-id", "x")])]
#[case("-1 x-new=\"1\" catchup=\"shift\" catchup-days=7 timeshift=\"3\" tvg-rec=\"3\",C", "C",
       &[("x-new", "1"), ("catchup", "shift"), ("catchup-days", "7"), ("timeshift", "3"), ("tvg-rec", "3")])]
#[case("-1 tvg-logo=\"http://h/a=b,c.png\",a=b", "a=b", &[("tvg-logo", "http://h/a=b,c.png")])]
#[case("-1,Bel\u{7} Air\u{0}", "Bel  Air", &[])]
fn extinf_lines(#[case] text: &str, #[case] name: &str, #[case] attributes: &[(&str, &str)]) {
    let entry = extinf(text);
    assert_eq!(entry.name, name);
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    assert_eq!(entry.attributes.0, attributes.iter().map(own).collect::<Vec<_>>());
}

#[test]
fn lines_around_an_entry() {
    let text = "#EXTM3U url-tvg=\"http://g/1,http://g/2\" x-tvg-url=http://g/2 m3uautoload=1\r\n\
                \r\n# a comment\r\n\
                #EXTINF:-1 tvg-id=\"a\" group-title=\"G\",One\r\n\
                #EXTGRP:Other\r\n\
                #EXTVLCOPT:http-user-agent=VLC/3.0\r\n\
                #EXTVLCOPT:http-referrer=http://r/\r\n\
                #EXTVLCOPT:network-caching=1000\r\n\
                #KODIPROP:inputstream.adaptive.stream_headers=X-A=1%202&Referer=http%3A%2F%2Fkodi%2F\r\n\
                http://h/1.ts|User-Agent=Kodi%2F20&X-B=b\r\n\
                #EXTGRP:Early\r\n\
                #EXTINF:-1,Two\r\n\
                udp://@239.0.0.1:5000\r\n";
    let found = events(text.as_bytes()).unwrap();
    let Event::Header(header) = &found[0] else { panic!("{found:?}") };
    assert_eq!(header.guides(), ["http://g/1", "http://g/2"]);
    assert_eq!(header.attributes.get("m3uautoload"), Some("1"));
    let found = entries(text);
    assert_eq!((found.len(), found[0].line, found[1].line), (2, 4, 12));
    assert_eq!(found[0].group.as_deref(), Some("Other"));
    assert_eq!(found[0].url, "http://h/1.ts");
    let headers = found[0].headers().0;
    let expected =
        [("X-A", "1 2"), ("Referer", "http://r/"), ("User-Agent", "Kodi/20"), ("X-B", "b")].map(|(n, v)| (n.into(), v.into()));
    assert_eq!(headers, expected);
    assert!(found[0].vlc_options.contains(&("network-caching".into(), "1000".into())));
    assert_eq!((found[1].group.as_deref(), found[1].url.as_str()), (Some("Early"), "udp://@239.0.0.1:5000"));
    assert!(found[1].headers().0.is_empty());
}

#[test]
fn headers_that_cannot_be_sent_are_left_out() {
    let entry = entries("#EXTINF:-1 user-agent=\"A\",One\nhttp://h/1|User-Agent=B%0D%0AX: y&Bad Name=1&=2&X-Ok=3\n").remove(0);
    assert_eq!(entry.headers().0, [("User-Agent".into(), "A".into()), ("X-Ok".into(), "3".into())]);
}

#[test]
fn what_is_broken_is_counted_and_the_rest_goes_on() {
    let text = "#EXTM3U\n#EXTINF:-1,Lost\n#EXTINF:-1,One\nhttp://h/1\nnot an address\n#EXTINF:-1,No\n[NO STREAM]\n\
                #EXTINF:-1,Bad\nhttp://\nhttp://h/bare\n#EXTINF:-1,End";
    let flaws = [(2, Flaw::Missing), (5, Flaw::NoAddress), (7, Flaw::NoAddress), (9, Flaw::NoAddress), (11, Flaw::Missing)];
    assert_eq!(broken(text), flaws);
    let names: Vec<_> = entries(text).into_iter().map(|entry| (entry.name, entry.url)).collect();
    assert_eq!(names, [("One".into(), "http://h/1".into()), (String::new(), "http://h/bare".into())]);
}

#[test]
fn marks_and_old_encodings_are_read() {
    let text = b"\xEF\xBB\xBF#EXTM3U\n#EXTINF:-1,Caf\xE9 M\xFCnchen\nhttp://h/1\n#EXTINF:-1,Z\xC3\xBCrich\nhttp://h/2";
    let found = events(text).unwrap();
    let names: Vec<_> =
        found.iter().filter_map(|event| if let Event::Entry(e) = event { Some(&*e.name) } else { None }).collect();
    assert_eq!(names, ["Café München", "Zürich"]);
    assert!(matches!(found[0], Event::Header(_)));
}

#[test]
fn long_lines_are_skipped_and_not_kept() {
    let mut text = b"#EXTM3U\n#EXTINF:-1,One\nhttp://h/1\n#EXTINF:-1,".to_vec();
    text.resize(text.len() + 3 * LONGEST, b'x');
    text.extend_from_slice(b"\n#EXTINF:-1,Two\nhttp://h/2\n#EXTINF:-1,Three\nhttp://h/");
    text.resize(text.len() + 10_000, b'y');
    for size in [1000, usize::MAX] {
        let mut found = Vec::new();
        let mut parser = Parser::new();
        for part in text.chunks(size.min(text.len())) {
            parser.push(part, &mut |event| found.push(event)).unwrap();
        }
        parser.finish(&mut |event| found.push(event)).unwrap();
        let flaws = found.iter().filter_map(|event| if let Event::Broken(b) = event { Some((b.line, b.flaw)) } else { None });
        assert_eq!(flaws.collect::<Vec<_>>(), [(4, Flaw::TooLong), (8, Flaw::TooLong)]);
        assert_eq!(found.iter().filter(|event| matches!(event, Event::Entry(_))).count(), 2);
    }
}

/// The longest lines, made to be awkward, cost time in proportion to their length.
#[test]
fn awkward_lines_are_quick() {
    for part in ["a ", "\" ", "a=\"", ",", "=", "a=\" ", ",a=\"\"", "é ", "a= "] {
        let text = format!("#EXTINF:-1 {}\nhttp://h/1\n", part.repeat((LONGEST - 100) / part.len()));
        let began = std::time::Instant::now();
        entries(&text);
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{part:?} took {:?}", began.elapsed());
    }
}

#[rstest::rstest]
#[case("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nseg1.ts\n", M3uError::Hls)]
#[case("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n", M3uError::Hls)]
#[case("<!DOCTYPE html><html></html>", M3uError::Html)]
#[case("\n\n  <HTML>\n", M3uError::Html)]
#[case("<?xml version=\"1.0\"?><tv/>", M3uError::Other("XML"))]
#[case("{\"user_info\":{}}", M3uError::Other("JSON"))]
#[case("", M3uError::Empty)]
#[case("\r\n \n", M3uError::Empty)]
fn what_is_no_playlist_is_refused(#[case] text: &str, #[case] error: M3uError) {
    assert_eq!(events(text.as_bytes()), Err(error));
}

#[test]
fn gzip_is_told_by_its_first_bytes_and_may_not_break_off() {
    let text = "#EXTM3U\n#EXTINF:-1,One\nhttp://h/1\n".repeat(100);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    let count = |input: &mut dyn Read| {
        let mut count = 0;
        read(input, |event| count += u32::from(matches!(event, Event::Entry(_)))).map(|()| count)
    };
    assert_eq!(count(&mut packed.as_slice()).unwrap(), 100);
    assert_eq!(count(&mut text.as_bytes()).unwrap(), 100);
    assert!(matches!(count(&mut &packed[..packed.len() - 9]), Err(ReadError::Io(_))));
    assert!(matches!(count(&mut &b"x"[..]), Ok(0)));
    assert!(matches!(count(&mut &b""[..]), Err(ReadError::M3u(M3uError::Empty))));
}

#[test]
fn a_real_list_is_read_whole() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/m3u/free-tv.m3u8");
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{path}: {error}; it lies beside the clone"));
    let (mut guides, mut found, mut flaws) = (0, Vec::new(), 0);
    read(file, |event| match event {
        Event::Header(header) => guides = header.guides().len(),
        Event::Entry(entry) => found.push(entry),
        Event::Broken(_) => flaws += 1,
    })
    .unwrap();
    assert_eq!((found.len(), flaws), (2050, 9), "nine entries of it are marked as without a stream");
    assert_eq!(guides, 101);
    assert!(found.iter().all(|entry| !entry.name.is_empty() && entry.attributes.get("group-title").is_some()));
    assert_eq!(found.iter().filter(|entry| entry.attributes.get("tvg-chno").is_some()).count(), 1491);
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "#EXTINF:-?[0-9]{0,3}( [a-z-]{1,6}=\"?[a-z ,\"=é]{0,12}\"?){0,3},?[ -~é]{0,12}",
        "#EXT(GRP|VLCOPT|M3U|INF|-X-FOO)[: =a-z\"]{0,20}",
        "(http|udp|[a-z]{0,3})://?[a-z/.|&=%0-9]{0,20}",
        "[ -~]{0,20}",
        "\\PC{0,10}",
    ]
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same(lines in proptest::collection::vec(line(), 0..20), cuts in proptest::collection::vec(1usize..30, 1..20)) {
        let text = lines.join("\n").into_bytes();
        let whole = events(&text);
        let mut parts = Vec::new();
        let mut parser = Parser::new();
        let mut rest = text.as_slice();
        let mut cuts = cuts.iter().cycle();
        let mut result = Ok(());
        while !rest.is_empty() && result.is_ok() {
            let (part, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            result = parser.push(part, &mut |event| parts.push(event));
            rest = after;
        }
        let result = result.and_then(|()| parser.finish(&mut |event| parts.push(event)));
        prop_assert_eq!(result.map(|()| parts), whole);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = events(&bytes);
        let _ = read(bytes.as_slice(), |_| {});
        let _ = events(&[b"#EXTM3U\n#EXTINF:-1 ", bytes.as_slice(), b"\nhttp://h/1"].concat());
    }

    #[test]
    fn a_mutated_list_does_not_make_it_panic(at in 0usize..4000, with in any::<u8>(), cut in 0usize..4000) {
        let mut bytes = "#EXTM3U url-tvg=\"http://g/\"\n#EXTINF:-1 tvg-id=\"a\" tvg-chno=\"5\" group-title=\"A, B\",Näme, 1\n\
            #EXTVLCOPT:http-user-agent=x\nhttp://h/1|User-Agent=%41\n".repeat(20).into_bytes();
        let at = at % bytes.len();
        bytes[at] = with;
        bytes.truncate(cut.max(at));
        let _ = events(&bytes);
    }
}

//! Reading whole guides: what is told of them, how they come, and how they end.

mod chance;
mod corpus;
mod oddities;

use std::io::{self, Read, Write};
use std::ops::ControlFlow;

use super::read::read_at_most;
use super::scan::LONGEST;
use super::*;

/// A sink that keeps everything.
#[derive(Default)]
struct Kept {
    channels: Vec<GuideChannel>,
    programmes: Vec<(String, Programme)>,
    /// Programmes that it was asked about.
    asked: usize,
    /// Only this channel is wanted.
    only: Option<String>,
    /// Stops once so many programmes were told.
    enough: Option<usize>,
    /// Stops once so many bytes were read.
    enough_bytes: Option<u64>,
    told: Vec<Consumed>,
}

impl Sink for Kept {
    fn channel(&mut self, channel: GuideChannel) -> ControlFlow<()> {
        self.channels.push(channel);
        ControlFlow::Continue(())
    }

    fn wants(&mut self, channel: &str, _start_s: i64, _stop_s: Option<i64>) -> bool {
        self.asked += 1;
        self.only.as_deref().is_none_or(|only| only == channel)
    }

    fn programme(&mut self, channel: &str, programme: Programme) -> ControlFlow<()> {
        self.programmes.push((channel.to_owned(), programme));
        if self.enough == Some(self.programmes.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn progress(&mut self, so_far: Consumed) -> ControlFlow<()> {
        self.told.push(so_far);
        if self.enough_bytes.is_some_and(|enough| so_far.bytes >= enough) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

fn all(bytes: impl AsRef<[u8]>) -> (Summary, Kept) {
    let mut kept = Kept::default();
    let summary = read(bytes.as_ref(), &mut kept).unwrap();
    (summary, kept)
}

/// A guide around `inner`.
fn tv(inner: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<!DOCTYPE tv SYSTEM \"xmltv.dtd\">\n<tv>{inner}</tv>\n")
}

/// A programme around `inner`.
fn show(inner: &str) -> String {
    format!("<programme start=\"20260101000000 +0000\" stop=\"20260101010000 +0000\" channel=\"a\">{inner}</programme>")
}

fn titles(kept: &Kept) -> Vec<&str> {
    kept.programmes.iter().map(|(_, programme)| programme.title()).collect()
}

fn flaws(summary: &Summary) -> Vec<(u64, Flaw)> {
    summary.flaws.iter().map(|broken| (broken.line, broken.flaw)).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = liblzma::write::XzEncoder::new(Vec::new(), 1);
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Gives a few bytes at a time, and is interrupted in between.
struct Dribble<'a>(&'a [u8], usize, bool);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.2 = !self.2;
        if self.2 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

fn sample() -> String {
    let programmes: String = (0..40).map(|n| show(&format!("<title>Number {n}</title><desc>{}</desc>", "é".repeat(n)))).collect();
    tv(&format!("<channel id=\"a\"><display-name>A</display-name></channel>{programmes}"))
}

#[test]
fn all_ways_of_packing_and_coming_are_one() {
    let text = sample();
    let (expected, kept) = all(&text);
    assert_eq!((expected.end, expected.channels, expected.programmes, expected.broken), (End::Whole, 1, 40, 0));
    let two_members = [gzip(&text.as_bytes()[..500]), gzip(&text.as_bytes()[500..])].concat();
    let two_streams = [xz(&text.as_bytes()[..500]), xz(&text.as_bytes()[500..])].concat();
    for stored in [text.clone().into_bytes(), gzip(text.as_bytes()), xz(text.as_bytes()), two_members, two_streams] {
        for step in [1, 2, 7, 1000] {
            let mut found = Kept::default();
            let summary = read(Dribble(&stored, step, false), &mut found).unwrap();
            assert_eq!(found.programmes, kept.programmes);
            assert_eq!(found.channels, kept.channels);
            let consumed = Consumed { packed_bytes: stored.len() as u64, bytes: text.len() as u64 };
            assert_eq!(summary, Summary { consumed, ..expected.clone() });
            assert_eq!(found.told.last(), Some(&consumed));
        }
    }
}

#[test]
fn only_what_is_wanted_is_built_and_broken_only_there() {
    let other = show("").replace("\"a\"", "\"b\"");
    let text = tv(&format!("{}{other}{}", show("<title>One</title>"), "<channel id='late'/>"));
    let mut kept = Kept { only: Some("a".into()), ..Kept::default() };
    let summary = read(text.as_bytes(), &mut kept).unwrap();
    assert_eq!((kept.asked, titles(&kept)), (2, vec!["One"]));
    assert_eq!((summary.programmes, summary.wanted, summary.broken, summary.channels), (2, 1, 0, 1));
    assert_eq!(kept.channels[0].id, "late", "channels may come last");
    kept = Kept { only: Some("b".into()), ..Kept::default() };
    let summary = read(text.as_bytes(), &mut kept).unwrap();
    assert_eq!((summary.programmes, summary.wanted, flaws(&summary)), (1, 0, vec![(3, Flaw::NoTitle)]));
}

#[test]
fn a_sink_stops_it() {
    let mut kept = Kept { enough: Some(3), ..Kept::default() };
    let summary = read(sample().as_bytes(), &mut kept).unwrap();
    assert_eq!((summary.end, kept.programmes.len(), summary.wanted), (End::Stopped, 3, 3));
    let large = sample().replace("</tv>", &" ".repeat(1 << 20)) + &sample();
    let mut kept = Kept { enough_bytes: Some(500_000), ..Kept::default() };
    let summary = read(large.as_bytes(), &mut kept).unwrap();
    assert_eq!((summary.end, kept.programmes.len()), (End::Stopped, 40));
    assert!(summary.consumed.bytes < 1_000_000, "{summary:?}");
}

#[rstest::rstest]
#[case("", "the guide is empty")]
#[case(" \n\t ", "the guide is empty")]
#[case("\u{FEFF}\n", "the guide is empty")]
#[case("<!DOCTYPE html><html><body>Please log in</body></html>", "this is a web page, not a guide")]
#[case("\n<HTML>", "this is a web page, not a guide")]
#[case("<!-- made by a -->\n<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"><p>", "this is a web page, not a guide")]
#[case("<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>", "this is a web page, not a guide")]
#[case("<?xml version='1.0'?><rss version='2.0'><channel>", "it begins with <rss>, not with <tv>")]
#[case("<programme start='1'/>", "it begins with <programme>, not with <tv>")]
#[case("{\"error\":\"expired\"}", "this is JSON, not an XMLTV guide")]
#[case("[]", "this is JSON")]
#[case("#EXTM3U\n#EXTINF:-1,A", "this is an M3U playlist")]
#[case("PK\u{3}\u{4}xx", "this is a ZIP archive")]
#[case("BZh91AY", "packed with bzip2, which is not read; pack it with gzip or xz")]
#[case("Access denied", "this is plain text")]
#[case("G\0\0\u{10}", "this is a transport stream")]
#[case("<\0t\0v\0>\0", "this is UTF-16 text")]
#[case("<?xml version='1.0'?>", "no guide begins in it")]
#[case("<?xml version='1.0", "no guide begins in it")]
fn what_is_no_guide(#[case] text: &str, #[case] expected: &str) {
    for stored in [text.as_bytes().to_vec(), gzip(text.as_bytes()), xz(text.as_bytes())] {
        let error = read(stored.as_slice(), &mut Kept::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    if !text.is_empty() {
        let twice = gzip(&gzip(text.as_bytes()));
        assert!(read(twice.as_slice(), &mut Kept::default()).unwrap_err().to_string().contains("packed twice"));
    }
}

#[test]
fn what_breaks_off_is_given_and_said() {
    let text = sample();
    let half = &text.as_bytes()[..text.len() / 2];
    let (summary, kept) = all(half);
    assert_eq!(summary.end, End::Truncated);
    assert!((10..40).contains(&kept.programmes.len()));
    let (summary, _) = all(text.replace("</tv>", ""));
    assert_eq!((summary.end, summary.programmes), (End::Truncated, 40));
    // The packed bytes break off, or the XML in whole packed bytes.
    for packed in [gzip(text.as_bytes()), xz(text.as_bytes())] {
        let (summary, _) = all(&packed[..packed.len() - 1]);
        assert_eq!(summary.end, End::Truncated);
    }
    assert_eq!(all(gzip(half)).0.end, End::Truncated);
}

#[test]
fn what_is_damaged_is_an_error_after_what_came_before() {
    let text: String = (0..20_000).map(|n| show(&format!("<title>{n}</title>"))).collect();
    let mut packed = gzip(tv(&text).as_bytes());
    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xFF);
    let mut kept = Kept::default();
    let error = read(packed.as_slice(), &mut kept).unwrap_err();
    assert!(matches!(error, XmltvError::Io(_)), "{error}");
    assert!(kept.programmes.len() > 1000, "{}", kept.programmes.len());
}

#[test]
fn a_bomb_is_not_unpacked() {
    let bomb = format!("<tv>{}", " ".repeat(4 << 20));
    let packed = gzip(bomb.as_bytes());
    assert!(packed.len() < 10_000);
    let mut kept = Kept::default();
    let error = read_at_most(packed.as_slice(), &mut kept, 1 << 20).unwrap_err();
    assert!(matches!(error, XmltvError::TooLarge), "{error}");
    assert!(kept.told.last().unwrap().bytes < 2 << 20);
    // An xz that would have its reader take a gigabyte.
    let mut stored = xz(b"<tv></tv>");
    // Dictionary size of LZMA2 (.xz format, 5.3.1): 38 is 2 GiB. The check of the header is made right.
    let at = stored.windows(2).position(|pair| pair == [0x21, 0x01]).unwrap() + 2;
    stored[at] = 38;
    let header = 12..12 + (usize::from(stored[12]) + 1) * 4;
    let mut sum = flate2::Crc::new();
    sum.update(&stored[header.start..header.end - 4]);
    stored[header.end - 4..header.end].copy_from_slice(&sum.sum().to_le_bytes());
    let error = read(stored.as_slice(), &mut Kept::default()).unwrap_err();
    assert!(matches!(error, XmltvError::Io(_)), "{error}");
}

#[test]
fn memory_holds_one_element() {
    let mut window = window::Window::new(io::repeat(b'x').take(8 << 20), MOST);
    while !window.has_ended() {
        window.more();
        window.take(window.bytes().len());
    }
    assert_eq!((window.total(), window.place()), (8 << 20, (1, 8 << 20)));
    assert!(window.held() <= 512 * 1024, "{}", window.held());
    let endless = format!("<tv>{}{}", show("<title>One</title>"), "<programme start='20260101' channel='a'><title>").into_bytes();
    let (summary, kept) = all([&endless[..], &vec![b'x'; 5 << 20], show("<title>Two</title>").as_bytes(), b"</tv>"].concat());
    assert_eq!((titles(&kept), flaws(&summary)), (vec!["One", "Two"], vec![(1, Flaw::TooLong)]));
    assert_eq!(summary.flaws[0].byte, 4 + show("<title>One</title>").len() as u64);
}

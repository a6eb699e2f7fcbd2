//! What chance makes of guides: nothing panics, nothing is made up, and what is written is read.

use std::fmt::Write as _;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use quick_xml::escape::escape;

use super::*;
use crate::model::programme::{Credit, EpisodeNumber, PreviouslyShown, Rating, Text};

/// Pieces of guides, whole and broken.
fn pieces() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "<tv>",
        "</tv>",
        "<tv",
        "<tv/>",
        "<channel id='a'>",
        "<channel ",
        "</channel>",
        "<display-name>",
        "</display-name>",
        "<programme start='20260101' channel='a'>",
        "<programme start='2026010112' stop='20260101' channel=\"a\" >",
        "<programme ",
        "<programme",
        "</programme>",
        "</programme",
        "<title>",
        "</title>",
        "<title/>",
        "<credits>",
        "</credits>",
        "<actor role='x'>",
        "</actor>",
        "<image>",
        "<rating>",
        "<value>",
        "</value>",
        "<video><quality>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?xml",
        "encoding='utf-16'",
        "?>",
        "<!DOCTYPE tv [",
        "]>",
        "<",
        ">",
        "&",
        "&amp;",
        "&#",
        "&#x0;",
        "\"",
        "'",
        "/>",
        "=",
        "text",
        " ",
        "\n",
        "\u{FEFF}",
        "é",
        "\0",
    ]);
    vec(prop_oneof![4 => known.prop_map(str::to_owned), 1 => "\\PC{0,6}"], 0..60).prop_map(|parts| parts.concat())
}

fn attempt(bytes: &[u8], step: usize) -> (Option<Summary>, Kept) {
    let mut kept = Kept::default();
    let summary = read(Dribble(bytes, step, false), &mut kept).ok();
    (summary, kept)
}

fn word() -> impl Strategy<Value = String> {
    "[A-Za-z0-9<>&'\"äßあ;#.!-]{1,8}( [A-Za-z0-9<>&'\"äßあ;#.!-]{1,8}){0,3}"
}

fn texts() -> impl Strategy<Value = Vec<Text>> {
    vec((word(), option::of("[a-z]{2}")).prop_map(|(text, lang)| Text { text, lang }), 0..3)
}

fn ratings() -> impl Strategy<Value = Vec<Rating>> {
    vec((option::of(word()), word()).prop_map(|(system, value)| Rating { system, value }), 0..3)
}

fn programme() -> impl Strategy<Value = Programme> {
    let times = (0i64..4_000_000_000, option::of(1i64..100_000));
    let role = prop::sample::select(vec!["director", "actor", "writer", "presenter", "guest"]);
    let credit =
        (role, word(), option::of(word())).prop_map(|(role, name, character)| Credit { role: role.to_owned(), name, character });
    let episode = (prop::sample::select(vec!["onscreen", "xmltv_ns"]), word())
        .prop_map(|(system, value)| EpisodeNumber { system: system.to_owned(), value });
    let lists = (vec(credit, 0..4), vec(word(), 0..3), vec(word(), 0..3), vec(episode, 0..3), ratings(), ratings());
    let prose = (texts(), texts(), texts(), texts(), texts(), texts(), texts());
    let single = (option::of(word()), option::of(word()), option::of(option::of("[0-9]{8}")), any::<[bool; 3]>());
    (times, (word(), prose), lists, single).prop_map(|((start_s, length), (title, prose), lists, single)| {
        let (mut titles, sub_titles, descriptions, categories, keywords, countries, mut language) = prose;
        titles.insert(0, Text { text: title, lang: None });
        let (credits, icons, urls, episodes, ratings, star_ratings) = lists;
        let (date, quality, shown, [premiere, new, live]) = single;
        Programme {
            start_s,
            stop_s: length.map(|length| start_s + length),
            titles,
            sub_titles,
            descriptions,
            credits,
            date,
            categories,
            keywords,
            language: language.pop(),
            countries,
            icons,
            urls,
            episodes,
            ratings,
            star_ratings,
            quality,
            previously_shown: shown.map(|start| PreviouslyShown { start }),
            premiere,
            new,
            live,
        }
    })
}

/// Writes a programme; `cdata` says how texts are put.
fn written(programme: &Programme, channel: &str, cdata: bool) -> String {
    let time = |at: i64| Timestamp::from_second(at).unwrap().strftime("%Y%m%d%H%M%S +0000").to_string();
    let put = |text: &str| if cdata { format!("<![CDATA[{text}]]>") } else { escape(text).into_owned() };
    let attribute = |name: &str, value: &Option<String>| {
        value.as_ref().map_or_else(String::new, |value| format!(" {name}=\"{}\"", escape(value.as_str())))
    };
    let mut out = format!("<programme start=\"{}\"", time(programme.start_s));
    out += &attribute("stop", &programme.stop_s.map(time));
    let _ = writeln!(out, "{}>", attribute("channel", &Some(channel.to_owned())));
    let list = |out: &mut String, name: &str, texts: &[Text]| {
        for text in texts {
            let _ = writeln!(out, "  <{name}{}>\n {}\t</{name}>", attribute("lang", &text.lang), put(&text.text));
        }
    };
    list(&mut out, "title", &programme.titles);
    list(&mut out, "sub-title", &programme.sub_titles);
    list(&mut out, "desc", &programme.descriptions);
    out += "<credits>";
    for credit in &programme.credits {
        let Credit { role, name, character } = credit;
        let _ = write!(out, "<{role}{}>{}<image>x</image></{role}>", attribute("role", character), put(name));
    }
    out += "</credits>";
    if let Some(date) = &programme.date {
        let _ = write!(out, "<date>{}</date>", put(date));
    }
    list(&mut out, "category", &programme.categories);
    list(&mut out, "keyword", &programme.keywords);
    list(&mut out, "language", programme.language.as_slice());
    list(&mut out, "country", &programme.countries);
    for icon in &programme.icons {
        let _ = write!(out, "<icon{} width='1'/>", attribute("src", &Some(icon.clone())));
    }
    for url in &programme.urls {
        let _ = write!(out, "<url>{}</url>", put(url));
    }
    for EpisodeNumber { system, value } in &programme.episodes {
        let system = (system != "onscreen").then(|| system.clone());
        let _ = write!(out, "<episode-num{}>{}</episode-num>", attribute("system", &system), put(value));
    }
    for (name, ratings) in [("rating", &programme.ratings), ("star-rating", &programme.star_ratings)] {
        for Rating { system, value } in ratings {
            let _ = write!(out, "<{name}{}>\n<value>{}</value></{name}>", attribute("system", system), put(value));
        }
    }
    if let Some(quality) = &programme.quality {
        let _ = write!(out, "<video><present>yes</present><quality>{}</quality></video>", put(quality));
    }
    if let Some(shown) = &programme.previously_shown {
        let _ = write!(out, "<previously-shown{}></previously-shown>", attribute("start", &shown.start));
    }
    for (name, is) in [("premiere", programme.premiere), ("new", programme.new), ("live", programme.live)] {
        let _ = write!(out, "{}", if is { format!("<{name}/>") } else { String::new() });
    }
    out + "</programme>\n"
}

proptest! {
    #[test]
    fn what_is_written_is_read(programmes in vec((word(), programme(), any::<bool>()), 0..8)) {
        let inner: String = programmes.iter().map(|(channel, programme, cdata)| written(programme, channel, *cdata)).collect();
        let (summary, kept) = all(tv(&inner));
        let expected: Vec<_> = programmes.into_iter().map(|(channel, programme, _)| (channel, programme)).collect();
        prop_assert_eq!(kept.programmes, expected);
        prop_assert_eq!((summary.end, summary.broken, summary.without_stop), (End::Whole, 0, 0));
    }

    #[test]
    fn a_piece_has_nothing_that_the_whole_has_not(inner in pieces(), cut in 0.0f64..1.0) {
        for text in [tv(&(sample() + &inner)), format!("<tv>{inner}"), inner] {
            let bytes = text.as_bytes();
            let (_, whole) = attempt(bytes, bytes.len().max(1));
            let (summary, piece) = attempt(&bytes[..(bytes.len() as f64 * cut) as usize], 4096);
            prop_assert!(piece.programmes.len() <= whole.programmes.len());
            prop_assert_eq!(&piece.programmes[..], &whole.programmes[..piece.programmes.len()]);
            prop_assert_eq!(&piece.channels[..], &whole.channels[..piece.channels.len()]);
            prop_assert!(summary.is_none_or(|summary| summary.wanted as usize == piece.programmes.len()));
        }
    }

    #[test]
    fn it_is_the_same_however_it_comes(inner in pieces(), step in 1usize..40) {
        let text = format!("<tv>{inner}");
        let (once, dribbled) = (attempt(text.as_bytes(), text.len()), attempt(text.as_bytes(), step));
        prop_assert_eq!(once.0, dribbled.0);
        prop_assert_eq!(once.1.programmes, dribbled.1.programmes);
        prop_assert_eq!(once.1.channels, dribbled.1.channels);
    }

    #[test]
    fn nothing_panics(bytes in vec(any::<u8>(), 0..400), packed in 0usize..3) {
        let magic: &[u8] = [&b""[..], &[0x1F, 0x8B, 8, 0], &[0xFD, b'7', b'z', b'X', b'Z', 0, 0, 4]][packed];
        let _ = attempt(&[magic, &bytes].concat(), 100);
        let _ = attempt(&[b"<tv>", &bytes[..]].concat(), 100);
    }
}

#[test]
fn a_real_guide_cut_anywhere() {
    let text = sample();
    let whole = attempt(text.as_bytes(), text.len()).1;
    for cut in 0..text.len() {
        let (summary, piece) = attempt(&text.as_bytes()[..cut], text.len());
        assert!(summary.is_none_or(|summary| summary.end == End::Truncated || cut > text.trim_end().len() - 1), "{cut}");
        assert_eq!(piece.programmes[..], whole.programmes[..piece.programmes.len()]);
    }
}

/// Elements around the longest that is read, and where buffers end.
#[test]
fn the_limit_of_an_element_is_the_same_however_it_comes() {
    for length in [LONGEST - 200, LONGEST - 30, LONGEST - 20, LONGEST - 1, LONGEST, LONGEST + 13, LONGEST + 70_000] {
        let open = "<programme start='20260101' channel='a'><title>T</title><desc>";
        let close = "</desc></programme>";
        let element = format!("{open}{}{close}", "x".repeat(length - open.len() - close.len()));
        assert_eq!(element.len(), length);
        let text = tv(&(element + &show("<title>Next</title>")));
        let (once, dribbled) = (attempt(text.as_bytes(), text.len()), attempt(text.as_bytes(), 3000));
        assert_eq!(once.0, dribbled.0, "{length}");
        assert_eq!(once.1.programmes, dribbled.1.programmes, "{length}");
        let expected = if length <= LONGEST { vec!["T", "Next"] } else { vec!["Next"] };
        assert_eq!(titles(&once.1), expected, "{length}");
    }
}

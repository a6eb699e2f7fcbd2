//! Guides as three providers published them.

use std::path::Path;

use super::*;
use crate::model::programme::{EpisodeNumber, Rating};

#[path = "../../../../tests/bench/feeds/guide.rs"]
mod feeds;

const GUIDES: [&str; 3] = ["nz-epg.xml.gz", "pbs-all.xml.gz", "plutotv-us.xml.gz"];

fn stored(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/xmltv")).join(name)).unwrap()
}

fn unpacked(name: &str) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(stored(name).as_slice()).read_to_string(&mut text).unwrap();
    text
}

/// The values of an attribute in the raw text.
fn attribute<'a>(text: &'a str, tag: &str, name: &str) -> Vec<&'a str> {
    let tags = text.split(tag).skip(1).filter_map(|rest| rest.split('>').next());
    tags.map(|tag| tag.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap()).collect()
}

#[test]
fn as_many_as_the_text_has() {
    for name in GUIDES {
        let (text, (summary, kept)) = (unpacked(name), all(stored(name)));
        assert_eq!((summary.end, summary.broken, summary.without_stop), (End::Whole, 0, 0), "{name}");
        assert_eq!(summary.channels as usize, text.matches("<channel ").count(), "{name}");
        assert_eq!(summary.programmes as usize, text.matches("<programme ").count(), "{name}");
        assert_eq!(summary.consumed, Consumed { packed_bytes: stored(name).len() as u64, bytes: text.len() as u64 });
        let ids: Vec<_> = kept.channels.iter().map(|channel| channel.id.as_str()).collect();
        assert_eq!(ids, attribute(&text, "<channel ", "id"), "{name}");
        let belongs: Vec<_> = kept.programmes.iter().map(|(channel, _)| channel.as_str()).collect();
        assert_eq!(belongs, attribute(&text, "<programme ", "channel"), "{name}");
        // 2026-08-20 to 2026-09-10, in which all three were published.
        assert!(
            kept.programmes.iter().all(|(_, programme)| (1_787_184_000..1_788_998_400).contains(&programme.start_s)),
            "{name}"
        );
        let long = |programme: &Programme| programme.stop_s.map_or(0, |stop_s| stop_s - programme.start_s);
        assert!(kept.programmes.iter().all(|(_, programme)| (60..=2 * 86_400).contains(&long(programme))), "{name}");
        // What the model has is not lost: each list has as many as the text has elements that hold something.
        let count = |each: fn(&Programme) -> usize| kept.programmes.iter().map(|(_, programme)| each(programme)).sum::<usize>();
        let filled = |tag: &str| {
            let ends = text.matches(&format!("</{tag}>")).count();
            ends - text.matches(&format!("></{tag}>")).count()
        };
        assert_eq!(count(|programme| programme.titles.len()), filled("title"), "{name}");
        assert_eq!(count(|programme| programme.sub_titles.len()), filled("sub-title"), "{name}");
        assert_eq!(count(|programme| programme.descriptions.len()), filled("desc"), "{name}");
        assert_eq!(count(|programme| programme.categories.len()), filled("category"), "{name}");
        assert_eq!(count(|programme| programme.episodes.len()), filled("episode-num"), "{name}");
        assert_eq!(count(|programme| programme.keywords.len()), filled("keyword"), "{name}");
        assert_eq!(count(|programme| programme.countries.len()), filled("country"), "{name}");
        assert_eq!(count(|programme| programme.ratings.len()), filled("rating"), "{name}");
        assert_eq!(count(|programme| programme.star_ratings.len()), filled("star-rating"), "{name}");
        assert_eq!(count(|programme| programme.date.iter().len()), filled("date"), "{name}");
        assert_eq!(count(|programme| programme.quality.iter().len()), filled("quality"), "{name}");
        assert_eq!(count(|programme| usize::from(programme.live)), text.matches("<live").count(), "{name}");
        assert_eq!(count(|programme| usize::from(programme.new)), text.matches("<new").count(), "{name}");
        let shown = count(|programme| programme.previously_shown.iter().len());
        assert_eq!(shown, text.matches("<previously-shown").count(), "{name}");
    }
}

#[test]
fn a_sample_field_by_field() {
    let (_, kept) = all(stored("nz-epg.xml.gz"));
    let found = kept.programmes.iter().find(|(channel, found)| channel == "mjh-sky-hgtv" && found.start_s == 1_787_415_900);
    let (_, found) = found.unwrap();
    assert_eq!(found.stop_s, Some(1_787_418_900));
    assert_eq!(found.title(), "Why The Heck Did I Buy This House?");
    assert_eq!(found.sub_titles[0].text, "Midcentury Lake House");
    assert_eq!(found.descriptions[0].text, "Kim transforms a quirky midcentury house into a lakeside stunner.");
    assert_eq!(found.date.as_deref(), Some("2022"));
    let categories: Vec<_> = found.categories.iter().map(|category| category.text.as_str()).collect();
    assert_eq!(categories, ["Lifestyle", "Leisure, Hobbies", "Home/Gardening"]);
    assert_eq!((found.keywords[0].text.as_str(), found.countries[0].text.as_str()), ("series", "United States"));
    assert_eq!(found.icons, ["https://image.tmdb.org/t/p/original/ghfGFHNh7PRoKn9JdlxYZgIJlHc.jpg"]);
    assert_eq!(found.episodes[2], EpisodeNumber { system: "xmltv_ns".into(), value: "1.7.0".into() });
    assert_eq!((found.episodes.len(), found.quality.as_deref()), (10, Some("768x576")));

    let (_, kept) = all(stored("nz-epg.xml.gz"));
    let (_, found) = kept.programmes.iter().find(|(_, found)| found.premiere).unwrap();
    assert_eq!(
        (found.title(), found.language.as_ref()),
        ("Fishing and Adventure", None),
        "that of subtitles is not the programme's"
    );
    assert_eq!(found.ratings, [Rating { system: Some("New Zealand".into()), value: "PG".into() }]);
    assert_eq!(found.star_ratings, [Rating { system: Some("themoviedb.org".into()), value: "0/10".into() }]);

    let (_, kept) = all(stored("pbs-all.xml.gz"));
    let (_, found) = kept.programmes.iter().find(|(channel, found)| channel == "WTTW" && found.new).unwrap();
    let expected = "NEW | Season 8 - Episode 233 Christiane Amanpour leads discussions about world issues and interviews with \
                    global leaders. STEREO | CC";
    assert_eq!(found.descriptions[0].text, expected);
    assert_eq!(found.titles[0].lang.as_deref(), Some("en"));
    assert_eq!((found.start_s, found.stop_s), (1_787_374_800, Some(1_787_378_400)), "four hours west of Greenwich");
    assert_eq!(kept.channels[0].names.iter().map(|name| name.text.as_str()).next_back(), Some("2.1"));
}

#[test]
fn a_guide_that_was_made_up() {
    let mut made = Vec::new();
    feeds::guide(&mut made, 30, 2, 7).unwrap();
    let text = String::from_utf8(made).unwrap();
    let mut kept = Kept { only: Some("channel-7.example".into()), ..Kept::default() };
    let summary = read(text.as_bytes(), &mut kept).unwrap();
    assert_eq!((summary.end, summary.broken, summary.channels), (End::Whole, 0, 30));
    assert_eq!(summary.programmes as usize, text.matches("<programme ").count());
    assert_eq!(summary.wanted as usize, text.matches("channel=\"channel-7.example\"").count());
    let pairs: Vec<_> = kept.programmes.windows(2).collect();
    assert!(pairs.iter().all(|pair| pair[0].1.stop_s == Some(pair[1].1.start_s)), "one after the other");
    let mut again = Vec::new();
    feeds::guide(&mut again, 30, 2, 7).unwrap();
    assert_eq!(again, text.as_bytes());
}

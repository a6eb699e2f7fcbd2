//! Numbers of episodes in the two systems of the standard (xmltv.dtd, `episode-num`), each made from the other, and an id for what
//! has no number at all. Pure.

use std::sync::LazyLock;

use regex::Regex;

use super::xmltv::datetime;
use crate::model::Programme;
use crate::model::programme::EpisodeNumber;

/// Larger numbers are ids of somebody's database.
const LARGEST: u32 = 99_999;

/// One of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Which, counted from 1; the season and the episode of a special may be 0.
    pub number: u32,
    /// Of how many.
    pub of: Option<u32>,
}

/// Which episode it is, as far as is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Episode {
    /// The season, or series.
    pub season: Option<Count>,
    /// The episode within it.
    pub episode: Option<Count>,
    /// The part of an episode of several parts.
    pub part: Option<Count>,
}

impl Count {
    fn new(number: u32, of: Option<u32>) -> Option<Self> {
        let of = of.filter(|of| *of >= number.max(1) && *of <= LARGEST);
        (number <= LARGEST).then_some(Self { number, of })
    }

    /// Whether this says more than that it is whole: `0` and `0/1` are what many guides write for want of parts.
    fn divides(&self) -> bool {
        self.number > 1 || self.of.is_some_and(|of| of > 1)
    }
}

impl Episode {
    /// Reads `1.4.0/2`: season, episode and part, counted from 0, each perhaps with how many there are, all of them optional.
    pub fn from_xmltv_ns(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let fields: Vec<&str> = text.split('.').collect();
        if !(2..=3).contains(&fields.len()) {
            return None;
        }
        let number = |text: &str| if text.is_empty() { Some(None) } else { digits(text).map(Some) };
        let mut counts = [None; 3];
        for (count, field) in counts.iter_mut().zip(fields) {
            let (at, of) = field.split_once('/').unwrap_or((field, ""));
            let (at, of) = (number(at)?, number(of)?);
            *count = at.and_then(|at| Count::new(at.saturating_add(1), of));
        }
        let [season, episode, part] = counts;
        Self { season, episode, part }.if_any()
    }

    /// Reads what people write: `S01E03`, `S1 Ep. 3/10`, `Season 1, Episode 3`, `1x03`, `E119`, `S01E03 P1/2`.
    pub fn from_onscreen(text: &str) -> Option<Self> {
        if let Some(found) = CROSS.captures(text) {
            let count = |at| found.get(at).and_then(|number| digits(number.as_str())).and_then(|number| Count::new(number, None));
            return Self { season: count(1), episode: count(2), part: None }.if_any();
        }
        let count = |pattern: &Regex| {
            let found = pattern.captures(text)?;
            let of = found.get(2).and_then(|of| digits(of.as_str()));
            Count::new(digits(found.get(1)?.as_str())?, of)
        };
        Self { season: count(&SEASON), episode: count(&EPISODE), part: count(&PART).filter(|part| part.number > 0) }.if_any()
    }

    /// `0.2.`; nothing for what cannot be counted from 0, as specials are (season 0), or if there is nothing to say.
    pub fn xmltv_ns(&self) -> Option<String> {
        let field = |count: Option<Count>| {
            let Some(Count { number, of }) = count else { return Some(String::new()) };
            let number = number.checked_sub(1)?;
            Some(of.map_or(number.to_string(), |of| format!("{number}/{of}")))
        };
        let [season, episode, part] = [field(self.season)?, field(self.episode)?, field(self.part)?];
        self.if_any().map(|_| format!("{season}.{episode}.{part}"))
    }

    /// `S01E03`, with ` P1/2` where it is one of several parts. How many seasons and episodes there are is left out: clients look
    /// for the plain form.
    pub fn onscreen(&self) -> Option<String> {
        let mut text = String::new();
        for (letter, count) in [('S', self.season), ('E', self.episode)] {
            if let Some(Count { number, .. }) = count {
                text.push_str(&format!("{letter}{number:02}"));
            }
        }
        if let Some(part) = self.part.filter(Count::divides) {
            let space = if text.is_empty() { "" } else { " " };
            text.push_str(&format!("{space}P{}", part.number));
            if let Some(of) = part.of {
                text.push_str(&format!("/{of}"));
            }
        }
        (!text.is_empty()).then_some(text)
    }

    fn if_any(self) -> Option<Self> {
        (self.known() > 0).then_some(self)
    }

    fn known(&self) -> usize {
        [self.season, self.episode, self.part].iter().flatten().count()
    }
}

fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A pattern that is part of the program.
#[expect(clippy::expect_used, reason = "the patterns are constants, and all of them are tested")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a sound pattern")
}

static CROSS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?-u)^\s*([0-9]{1,4})[xX]([0-9]{1,5})\s*$"));
static SEASON: LazyLock<Regex> = LazyLock::new(|| counted("s|season|series|staffel", "/"));
static EPISODE: LazyLock<Regex> = LazyLock::new(|| counted("e|ep|episode|folge", "/|of|von"));
static PART: LazyLock<Regex> = LazyLock::new(|| counted("p|pt|part|teil", "/|of|von"));

/// One of the words with its number: the word begins after something that is no letter.
fn counted(words: &str, of: &str) -> Regex {
    pattern(&format!(r"(?i)(?:^|[^\p{{L}}])(?:{words})[\s.:#_]*([0-9]+)(?:\s*(?:{of})\s*([0-9]+))?"))
}

/// What is written as the numbers of a programme: `xmltv_ns` and `onscreen`, whichever of them the guide has, then the others of the
/// guide as they are, and at last, if nothing tells this airing from others of the same title, `airing`.
pub fn numbers(programme: &Programme) -> Vec<EpisodeNumber> {
    let told = || programme.episodes.iter().filter(|number| !number.value.trim().is_empty());
    let is = |number: &EpisodeNumber, system: &str| number.system.trim().eq_ignore_ascii_case(system);
    // The standard's default is `onscreen`.
    let onscreen = |number: &&EpisodeNumber| is(number, "onscreen") || number.system.trim().is_empty();
    let readable = |number: &&EpisodeNumber| onscreen(number) || is(number, "SxxExx") || is(number, "common");

    let counted = told().filter(|number| is(number, "xmltv_ns"));
    let counted = counted.filter_map(|n| Episode::from_xmltv_ns(&n.value).or_else(|| Episode::from_onscreen(&n.value)));
    let written = told().filter(readable).filter_map(|number| Episode::from_onscreen(&number.value));
    // The one that says most; of equals the first, for `max_by_key` would take the last.
    let best = counted.chain(written).reduce(|best, next| if next.known() > best.known() { next } else { best });

    let mut numbers: Vec<EpisodeNumber> = Vec::new();
    let mut add = |system: &str, value: String| {
        let number = EpisodeNumber { system: system.to_owned(), value };
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    };
    let xmltv_ns = best.and_then(|best| best.xmltv_ns());
    // The guide's own words, unless the number would be lost with them.
    let words = told().find(onscreen).filter(|_| xmltv_ns.is_some() || best.is_none());
    if let Some(value) = xmltv_ns {
        add("xmltv_ns", value);
    }
    match words {
        Some(number) => add("onscreen", number.value.trim().to_owned()),
        None => best.and_then(|best| best.onscreen()).into_iter().for_each(|value| add("onscreen", value)),
    }
    for number in told().filter(|number| !is(number, "xmltv_ns") && !onscreen(number)) {
        add(number.system.trim(), number.value.trim().to_owned());
    }
    let known = best.is_some_and(|best| best.episode.is_some())
        || told().any(|number| is(number, AIR_DATE) || is(number, "dd_progid") && !number.value.trim_start().starts_with("SH"));
    if !known && !is_film(programme) {
        add(AIR_DATE, airing(programme));
    }
    numbers
}

const AIR_DATE: &str = "original-air-date";

/// An id of this airing: when it was first shown if the guide says so, else when it begins.
///
/// Plex takes two programmes of one title for the same episode, with the text of the first, unless a number tells them apart; and what
/// has none it takes for a film, which it records once. `original-air-date` is the one system that Plex reads and that says
/// nothing false to the others: Kodi and Jellyfin pass over it, while an invented `xmltv_ns` (year and day, as some write)
/// would be shown as season 2026, collide where a title comes twice a day, and name the files of recordings for ever. An invented
/// `dd_progid` would be looked up in a database that does not know it. The time of day has to be in it: with the date alone the
/// news of one day become one. It is made of the programme alone, so that each rendering gives the same.
fn airing(programme: &Programme) -> String {
    let shown = programme.previously_shown.as_ref().and_then(|shown| shown.start.as_deref()).and_then(spelled_out);
    shown.or_else(|| datetime(programme.start_s, "%Y-%m-%d %H:%M:%S")).unwrap_or_default()
}

/// `20190812203000 +0100` as `2019-08-12 20:30:00`, `20190812` as `2019-08-12`. Whatever its zone: it is an id.
fn spelled_out(text: &str) -> Option<String> {
    let digits: String = text.trim().chars().take_while(|c| c.is_ascii_digit() || *c == '-').filter(|c| *c != '-').collect();
    let part = |at: usize, length: usize| digits.get(at..at + length);
    let date = format!("{}-{}-{}", part(0, 4)?, part(4, 2)?, part(6, 2)?);
    match (part(8, 2), part(10, 2)) {
        (Some(hour), Some(minute)) => Some(format!("{date} {hour}:{minute}:{}", part(12, 2).unwrap_or("00"))),
        _ => Some(date),
    }
}

/// Whether the guide calls it a film. Those get no number: two airings of a film are the same film, and Plex would take one that has
/// a number for an episode.
fn is_film(programme: &Programme) -> bool {
    let word = |word: &str| ["movie", "movies", "film", "films", "spielfilm"].iter().any(|film| word.eq_ignore_ascii_case(film));
    programme.categories.iter().any(|category| category.text.split(|c: char| !c.is_alphanumeric()).any(word))
}

#[cfg(test)]
mod tests;

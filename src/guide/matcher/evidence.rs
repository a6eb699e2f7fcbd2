//! Of which country a channel is, and what its id says of it.
//!
//! "ABC" is the name of an Australian channel and of an American one, so a name alone proves nothing where countries are known.

use crate::model::GuideChannel;
use crate::model::names::{Country, Name, country_of_group, normalise};

use super::Wanted;

/// An id that is a name with a country, as iptv-org and many guides make them: `BBCOne.uk@HD`, `bbc.one.uk`.
#[derive(Debug, Default)]
pub(super) struct NamedId {
    pub name: Name,
    pub country: Option<Country>,
    /// It names a feed of the channel (`@East`), which may be shown at another time.
    pub feed: bool,
}

impl NamedId {
    /// Reads an id, if it is of this kind: letters, a dot, two letters of a country.
    pub fn read(id: &str) -> Option<Self> {
        let (id, feed) = id.trim().split_once('@').unwrap_or((id.trim(), ""));
        let (stem, code) = id.rsplit_once('.')?;
        if code.len() != 2 || !stem.contains(char::is_alphabetic) {
            return None;
        }
        let country = Some(Country::of_code(&code.to_ascii_lowercase())?);
        let mut name = normalise(&apart(stem));
        let feed = normalise(&format!("x {}", apart(feed)));
        let (shift, own) = (feed.shift_h, feed.key != "x" && feed.edition.is_none());
        name.shift_h = name.shift_h.max(shift);
        Some(Self { name, country, feed: own })
    }
}

/// `NBCNewsNow` as "NBC News Now": a capital after a small letter begins a word, and so does the last of several before a small one.
fn apart(stem: &str) -> String {
    let letters: Vec<char> = stem.chars().take(200).collect();
    let mut text = String::with_capacity(stem.len() + 8);
    for (at, c) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase() || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            });
        if begins {
            text.push(' ');
        }
        text.push(*c);
    }
    text
}

/// The country a whole guide is for: named in its hints, or that of nearly all its ids, or told by call signs.
pub(super) fn country_of_guide(hints: &[&str], channels: &[GuideChannel]) -> Option<Country> {
    hints.iter().find_map(|hint| country_of_hint(hint)).or_else(|| country_of_ids(channels)).or_else(|| call_signs(channels))
}

/// "plutotv-us", "epg_NZ.xml.gz", "Guide of Germany". Codes that are also words of addresses are not read.
fn country_of_hint(hint: &str) -> Option<Country> {
    const WORDS: [&str; 13] = ["my", "me", "to", "by", "in", "is", "so", "do", "as", "am", "no", "all", "la"];
    let mut words = hint.split(|c: char| !c.is_alphanumeric()).map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
    words
        .find_map(|word| {
            let word = word.to_lowercase();
            (word.len() == 2 || word == "usa")
                .then(|| Country::of_code(&word))
                .flatten()
                .filter(|_| !WORDS.contains(&word.as_str()))
        })
        .or_else(|| country_of_group(hint))
}

fn country_of_ids(channels: &[GuideChannel]) -> Option<Country> {
    let mut counts: Vec<(Country, usize)> = Vec::new();
    for country in channels.iter().filter_map(|channel| NamedId::read(&channel.id)?.country) {
        match counts.iter_mut().find(|(known, _)| *known == country) {
            Some((_, count)) => *count += 1,
            None => counts.push((country, 1)),
        }
    }
    most(counts.into_iter().max_by_key(|(_, count)| *count)?, channels.len())
}

/// Stations of the United States are called by K or W and two or three letters.
fn call_signs(channels: &[GuideChannel]) -> Option<Country> {
    let count = channels.iter().filter(|channel| channel.names.iter().any(|name| is_call_sign(&name.text))).count();
    most((Country::of_code("us")?, count), channels.len())
}

fn most((country, count): (Country, usize), of: usize) -> Option<Country> {
    (count >= 3 && count * 10 >= of * 8).then_some(country)
}

fn is_call_sign(name: &str) -> bool {
    let name = name.trim();
    name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-')
        && station(&name.to_ascii_lowercase()).is_some()
}

/// The station of a call sign in lower case, with the suffix of its kind: `kqeddt` is `kqed`. `kqeddt2` is another programme.
pub(super) fn station(key: &str) -> Option<&str> {
    let stem = key.strip_suffix('1').unwrap_or(key);
    let stem = ["dt", "tv", "ld", "cd", "hd"].iter().find_map(|kind| stem.strip_suffix(kind))?;
    let stem = stem.strip_suffix('-').unwrap_or(stem);
    (matches!(stem.len(), 3..=4) && stem.starts_with(['k', 'w']) && stem.bytes().all(|c| c.is_ascii_lowercase())).then_some(stem)
}

/// What is known of ours.
#[derive(Debug)]
pub(super) struct Ours {
    pub name: Name,
    pub id: Option<NamedId>,
    /// Countries that are said of it, from the surest on.
    pub countries: Vec<Country>,
}

impl Ours {
    pub fn read(wanted: &Wanted) -> Self {
        let name = normalise(wanted.name);
        let id = wanted.tvg_id.and_then(NamedId::read);
        // A country that is a part of the name ("CNN Portugal") is compared with the name.
        let said = [name.country, id.as_ref().and_then(|id| id.country), wanted.group.and_then(country_of_group)];
        let mut countries: Vec<Country> = said.into_iter().flatten().collect();
        countries.dedup();
        Self { name, id, countries }
    }

    /// Hours that ours is later.
    pub fn shift_h(&self) -> i8 {
        if self.name.shift_h != 0 { self.name.shift_h } else { self.id.as_ref().map_or(0, |id| id.name.shift_h) }
    }

    /// Whether the `tvg-id` has a fuller name than the display name: "Heartland" with `HeartlandEastern.us` is a feed of its
    /// own, or another channel altogether, of which the name shows only the beginning.
    pub fn id_says_more(&self) -> bool {
        let Some(id) = &self.id else { return false };
        let (name, said) = (super::similar::bare(&self.name.words), super::similar::bare(&id.name.words));
        // An id with the country in it says no more than its ending.
        let more = said.strip_prefix(&name).is_some_and(|more| more.len() >= 3) && id.name.edition.is_none();
        id.feed || more
    }
}

/// How the countries of ours and of a guide's channel go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Agrees,
    Unknown,
    Differs,
}

/// Compares. `own`: what the guide's channel itself says; `guide`: what its guide is for.
pub(super) fn stand(ours: &[Country], own: Option<Country>, guide: Option<Country>) -> Stand {
    let Some(theirs) = own.or(guide) else { return Stand::Unknown };
    match ours {
        // "QVC UK" in a guide of the United States, or in one of the whole world, is not just any QVC.
        [] if own.is_some() && own != guide => Stand::Differs,
        [] => Stand::Unknown,
        ours if ours.iter().all(|country| *country == theirs) => Stand::Agrees,
        _ => Stand::Differs,
    }
}

//! How like two names are. Knows nothing of guides.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::evidence::station;

/// Words that say no more than that it is a channel.
const EMPTY: [&str; 3] = ["tv", "channel", "the"];
/// Words that are added to a name or left out at will, but may tell sisters apart.
const FILLING: [&str; 12] =
    ["tv", "channel", "the", "network", "live", "now", "24", "7", "official", "pluto", "stream", "television"];

/// A name without words that say no more than that it is a channel, its letters together: "The History Channel" and "History" are
/// the same, and "EstrellaTV" is "Estrella". A station's call sign is without its kind.
pub(super) fn bare(words: &str) -> String {
    without(words, &EMPTY)
}

/// A name with still less: for suggestions only, since "Live Music" is not "Music Channel".
pub(super) fn core(words: &str) -> String {
    without(words, &FILLING)
}

fn without(words: &str, empty: &[&str]) -> String {
    let mut key = String::with_capacity(words.len());
    words.split(' ').filter(|word| !empty.contains(word)).for_each(|word| push(&mut key, word));
    if key.is_empty() {
        words.split(' ').for_each(|word| push(&mut key, word));
    }
    if let Some(station) = station(&key) {
        return station.to_owned();
    }
    match key.strip_suffix("tv").filter(|stem| stem.len() >= 4) {
        Some(stem) => stem.to_owned(),
        None => key,
    }
}

fn push(key: &mut String, word: &str) {
    if key.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit()) {
        key.push('.');
    }
    // "BBC One" and "BBC 1"; a name that is only a number in words stays one.
    key.push_str(match word {
        "one" if !key.is_empty() => "1",
        "two" if !key.is_empty() => "2",
        "three" if !key.is_empty() => "3",
        "four" if !key.is_empty() => "4",
        "five" if !key.is_empty() => "5",
        word => word,
    });
}

/// A number for a text.
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The feature of a whole word.
pub(super) fn word_feature(word: &str) -> u32 {
    hash(word) as u32 | 1
}

/// What names are found by: their words, and every three letters in a row (with the ends of the name marked), so that other
/// spacing and slips are found too.
pub(super) fn features(key: &str, words: &str) -> Vec<u32> {
    let mut features: Vec<u32> = words.split(' ').filter(|word| !word.is_empty()).map(word_feature).collect();
    let letters: Vec<char> = std::iter::once('^').chain(key.chars().filter(|c| *c != '.')).chain(std::iter::once('$')).collect();
    features.extend(letters.windows(3).map(|three| {
        let mut hasher = DefaultHasher::new();
        three.hash(&mut hasher);
        hasher.finish() as u32 & !1
    }));
    features.sort_unstable();
    features.dedup();
    features
}

/// How much of their words two names share, each weighed by how rare it is: 0 to 1. That ours is part of theirs counts in part,
/// since guides write names in full ("DW" is "DW English").
pub(super) fn shared_words(ours: &str, theirs: &str, weight: impl Fn(&str) -> f32) -> f32 {
    let sum = |words: &str| words.split(' ').map(&weight).sum::<f32>();
    let shared: f32 = ours.split(' ').filter(|word| theirs.split(' ').any(|other| other == *word)).map(&weight).sum();
    let (ours, theirs) = (sum(ours), sum(theirs));
    if ours <= 0.0 || theirs <= 0.0 {
        return 0.0;
    }
    let (both, contained) = (2.0 * shared / (ours + theirs), (shared / ours).min(1.0));
    (0.65 * both + 0.35 * contained).min(1.0)
}

/// How like two spellings are, 0 to 1: by pairs of letters wherever they stand, or by slips of the hand.
pub(super) fn spelling(ours: &str, theirs: &str) -> f32 {
    let pairs = strsim::sorensen_dice(ours, theirs);
    // Counting slips takes the product of the lengths, and says nothing where these are far apart.
    let slips = if ours.len() <= 64 && theirs.len() <= 64 && ours.len().abs_diff(theirs.len()) <= 4 {
        strsim::normalized_damerau_levenshtein(ours, theirs)
    } else {
        0.0
    };
    pairs.max(slips) as f32
}

/// Whether the numbers in two names are the same ones; `None` if there are none.
pub(super) fn same_numbers(ours: &str, theirs: &str) -> Option<bool> {
    let (ours, theirs) = (numbers(ours), numbers(theirs));
    (!ours.is_empty() || !theirs.is_empty()).then(|| ours == theirs)
}

fn numbers(key: &str) -> Vec<&str> {
    key.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()).collect()
}

//! Channels for a person to choose from, each with a score.

use std::collections::BTreeMap;

use crate::model::names::Name;

use super::evidence::{Ours, Stand, stand};
use super::index::{Index, Known};
use super::{Scored, Wanted, Why, similar};

/// Names that are looked at closely.
const CLOSELY: usize = 60;
/// Names with one feature that are counted. What more have says nothing.
const COMMON: usize = 4_000;
/// Suggestions of a channel.
const MOST: usize = 5;
/// What a likeness to the name in the `tvg-id` counts of one to the display name.
const ID_SHARE: f32 = 0.92;
/// Least score of a suggestion.
const LEAST: f32 = 0.3;

/// A spelling of ours, with what is made of it once for all comparisons.
struct Spelling<'a> {
    key: &'a str,
    words: &'a str,
    bare: String,
    core: String,
}

impl<'a> Spelling<'a> {
    fn of(name: &'a Name) -> Option<Self> {
        let (key, words) = (name.key.as_str(), name.words.as_str());
        (!key.is_empty()).then(|| Self { key, words, bare: similar::bare(words), core: similar::core(words) })
    }
}

/// The likeliest channels, the automatic one first.
pub(super) fn find(index: &Index, wanted: &Wanted, ours: &Ours, automatic: Option<u32>) -> Vec<Scored> {
    let mut best = BTreeMap::<u32, (f32, Vec<Why>)>::new();
    let id = ours.id.as_ref().map(|id| &id.name).filter(|name| name.key != ours.name.key);
    // What a person sees is the name; the id only helps.
    for (name, share) in std::iter::once((&ours.name, 1.0)).chain(id.map(|name| (name, ID_SHARE))) {
        let Some(spelling) = Spelling::of(name) else { continue };
        for number in near(index, &spelling) {
            let Some(known) = index.names.get(number as usize) else { continue };
            let (score, why) = score(index, wanted, ours, &spelling, known);
            let entry = best.entry(known.channel).or_default();
            if score * share > entry.0 {
                *entry = (score * share, why);
            }
        }
    }
    let first = automatic.map(|number| (number, best.remove(&number).unwrap_or((1.0, Vec::new()))));
    let mut others: Vec<(u32, (f32, Vec<Why>))> = best.into_iter().filter(|(_, (score, _))| *score >= LEAST).collect();
    others.sort_by(|(a, (left, _)), (b, (right, _))| right.total_cmp(left).then(a.cmp(b)));
    let told = |(number, (score, why)): (u32, (f32, Vec<Why>))| {
        let channel = index.channel(number)?;
        Some(Scored { source: channel.source, id: channel.id.to_string(), name: channel.title.to_string(), score, why })
    };
    first.into_iter().chain(others).take(MOST).filter_map(told).collect()
}

/// Names that share rare words or letters with ours, the nearest first.
fn near(index: &Index, spelling: &Spelling) -> Vec<u32> {
    let features = similar::features(spelling.key, spelling.words);
    let mut shared = vec![0.0_f32; index.names.len()];
    let mut touched = Vec::new();
    for feature in &features {
        let having = index.having(*feature);
        let weight = index.rarity(having.len());
        for (_, number) in having.iter().take(COMMON) {
            if let Some(sum) = shared.get_mut(*number as usize) {
                if *sum == 0.0 {
                    touched.push(*number);
                }
                *sum += weight;
            }
        }
    }
    let nearness = |number: u32| {
        let theirs = index.names.get(number as usize).map_or(0, |known| known.features);
        shared.get(number as usize).copied().unwrap_or_default() / ((features.len() as f32 + theirs as f32).sqrt())
    };
    if touched.len() > CLOSELY {
        touched.select_nth_unstable_by(CLOSELY, |a, b| nearness(*b).total_cmp(&nearness(*a)));
        touched.truncate(CLOSELY);
    }
    touched
}

/// How likely a channel of this name is ours, with the reasons.
fn score(index: &Index, wanted: &Wanted, ours: &Ours, spelling: &Spelling, known: &Known) -> (f32, Vec<Why>) {
    let Some(channel) = index.channel(known.channel) else { return (0.0, Vec::new()) };
    let (mut score, first) = likeness(index, spelling, known);
    let mut why = vec![first];
    if channel.shift_h != ours.shift_h() {
        score *= 0.6;
        why.push(Why::OtherHour(channel.shift_h));
    }
    if similar::same_numbers(spelling.key, &known.key) == Some(false) && first != Why::NearlySameName {
        // A sister: the same words, and another number.
        score *= 0.75;
        why.push(Why::OtherNumber);
    }
    match (stand(&ours.countries, channel.own, channel.guide), channel.own.or(channel.guide)) {
        (Stand::Agrees, Some(country)) => {
            score += (1.0 - score) * 0.1;
            why.push(Why::SameCountry(country));
        }
        (Stand::Differs, Some(country)) => {
            score *= 0.8;
            why.push(Why::OtherCountry(country));
        }
        _ => {}
    }
    if wanted.number.is_some_and(|number| channel.numbers.iter().any(|known| **known == *number)) {
        score += (1.0 - score) * 0.1;
        why.push(Why::SameChannelNumber);
    }
    (score, why)
}

fn likeness(index: &Index, ours: &Spelling, known: &Known) -> (f32, Why) {
    if *known.key == *ours.key {
        return (0.97, Why::SameName);
    }
    if similar::bare(&known.words) == ours.bare {
        return (0.93, Why::NearlySameName);
    }
    if similar::core(&known.words) == ours.core {
        return (0.88, Why::NearlySameName);
    }
    let weight = |word: &str| index.rarity(index.having(similar::word_feature(word)).len());
    let shared = similar::shared_words(ours.words, &known.words, weight);
    let spelling = similar::spelling(ours.key, &known.key) * 0.95;
    if shared >= spelling { (shared * 0.9, Why::SharedWords) } else { (spelling * 0.9, Why::LikeSpelling) }
}

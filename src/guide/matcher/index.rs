//! The guides' channels, so that one is found by its id, its name or a part of it.
//!
//! Sorted lists of numbers instead of maps of texts: 20,000 channels take some ten megabytes.

use crate::model::names::{Country, normalise};

use super::evidence::{NamedId, Ours, country_of_guide};
use super::{Guide, Match, Wanted, automatic, similar, suggest};

/// Most names of a channel that are looked at.
const NAMES: usize = 8;

/// The channels of all guides.
#[derive(Debug, Default)]
pub struct Index {
    pub(super) channels: Vec<Channel>,
    pub(super) names: Vec<Known>,
    ids: Lookup,
    spelt_ids: Lookup,
    keys: Lookup,
    bare: Lookup,
    cores: Lookup,
    /// Feature and name, sorted.
    features: Vec<(u32, u32)>,
}

/// A channel of a guide.
#[derive(Debug)]
pub(super) struct Channel {
    pub source: i64,
    /// Place of its guide; the first is preferred.
    pub place: u32,
    pub id: Box<str>,
    pub title: Box<str>,
    /// Country that it names itself.
    pub own: Option<Country>,
    /// Country of its guide.
    pub guide: Option<Country>,
    pub shift_h: i8,
    /// Names that are numbers: `5.1`.
    pub numbers: Vec<Box<str>>,
    /// Stem of an id that is a name and a country.
    spelt_id: Option<Box<str>>,
}

/// A name of a channel.
#[derive(Debug)]
pub(super) struct Known {
    pub channel: u32,
    pub key: Box<str>,
    pub words: Box<str>,
    pub features: u32,
}

/// Numbers by a text, sorted.
#[derive(Debug, Default)]
struct Lookup(Vec<(u64, u32)>);

impl Lookup {
    fn push(&mut self, text: &str, number: u32) {
        self.0.push((similar::hash(text), number));
    }

    fn get(&self, text: &str) -> impl Iterator<Item = u32> + '_ {
        let hash = similar::hash(text);
        let start = self.0.partition_point(|(known, _)| *known < hash);
        self.0.iter().skip(start).take_while(move |(known, _)| *known == hash).map(|(_, number)| *number)
    }
}

impl Index {
    /// An index of these guides, the one of the highest priority first.
    pub fn new(guides: &[Guide]) -> Self {
        let mut index = Self::default();
        for (place, guide) in guides.iter().enumerate() {
            let country = country_of_guide(guide.hints, guide.channels);
            for channel in guide.channels {
                index.add(place as u32, guide.source, country, channel);
            }
        }
        for lookup in [&mut index.ids, &mut index.spelt_ids, &mut index.keys, &mut index.bare, &mut index.cores] {
            lookup.0.sort_unstable();
            lookup.0.dedup();
        }
        index.features.sort_unstable();
        index
    }

    /// What belongs to a channel of ours.
    pub fn find(&self, wanted: &Wanted) -> Match {
        let ours = Ours::read(wanted);
        let automatic = automatic::find(self, wanted, &ours);
        let suggestions = suggest::find(self, wanted, &ours, automatic.as_ref().map(|(channel, _)| *channel));
        Match { automatic: automatic.and_then(|(channel, how)| self.told(channel, how)), suggestions }
    }

    fn told(&self, channel: u32, how: super::How) -> Option<super::Automatic> {
        let channel = self.channel(channel)?;
        Some(super::Automatic { source: channel.source, id: channel.id.to_string(), how })
    }

    fn add(&mut self, place: u32, source: i64, guide: Option<Country>, channel: &crate::model::GuideChannel) {
        let number = self.channels.len() as u32;
        let id = NamedId::read(&channel.id);
        let mut own = id.as_ref().and_then(|id| id.country);
        let mut shift_h = id.as_ref().map_or(0, |id| id.name.shift_h);
        let mut numbers = Vec::new();
        for text in channel.names.iter().take(NAMES).map(|name| name.text.trim()) {
            if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
                numbers.push(text.into());
                continue;
            }
            let name = normalise(text);
            own = own.or(name.country);
            if name.shift_h != 0 {
                shift_h = name.shift_h;
            }
            self.name(number, &name.key, &name.words);
        }
        let spelt_id = id.map(|id| id.name.key.into_boxed_str());
        self.ids.push(channel.id.trim(), number);
        self.spelt_ids.push(&channel.id.trim().to_lowercase(), number);
        if let Some(stem) = &spelt_id {
            self.spelt_ids.push(stem, number);
        }
        let title = channel.names.first().map(|name| name.text.as_str()).unwrap_or_default();
        let (id, title) = (channel.id.as_str().into(), title.into());
        self.channels.push(Channel { source, place, id, title, own, guide, shift_h, numbers, spelt_id });
    }

    fn name(&mut self, channel: u32, key: &str, words: &str) {
        if key.is_empty() {
            return;
        }
        let number = self.names.len() as u32;
        let features = similar::features(key, words);
        self.keys.push(key, channel);
        self.bare.push(&similar::bare(words), channel);
        self.cores.push(&similar::core(words), channel);
        self.names.push(Known { channel, key: key.into(), words: words.into(), features: features.len() as u32 });
        self.features.extend(features.into_iter().map(|feature| (feature, number)));
    }

    pub(super) fn channel(&self, number: u32) -> Option<&Channel> {
        self.channels.get(number as usize)
    }

    /// Channels of exactly this id.
    pub(super) fn by_id<'a>(&'a self, id: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.ids.get(id).filter(move |number| self.channel(*number).is_some_and(|channel| channel.id.trim() == id))
    }

    /// Channels of this id in another case, or whose id is this name and a country.
    pub(super) fn by_spelt_id<'a>(&'a self, id: &'a str, named: Option<&'a NamedId>) -> impl Iterator<Item = u32> + 'a {
        let lower = id.to_lowercase();
        let cased: Vec<u32> = self
            .spelt_ids
            .get(&lower)
            .filter(|number| self.channel(*number).is_some_and(|channel| channel.id.trim().to_lowercase() == lower))
            .collect();
        let spelt = named.into_iter().flat_map(move |named| {
            self.spelt_ids.get(&named.name.key).filter(move |number| {
                let known = self.channel(*number);
                known.is_some_and(|known| known.spelt_id.as_deref() == Some(&named.name.key) && known.own == named.country)
            })
        });
        cased.into_iter().chain(spelt)
    }

    /// Channels with a name of this key.
    pub(super) fn by_key<'a>(&'a self, key: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.keys.get(key)
    }

    /// Channels with a name that is this without empty words.
    pub(super) fn by_bare<'a>(&'a self, bare: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.bare.get(bare)
    }

    /// Channels with a name that has this core.
    pub(super) fn by_core<'a>(&'a self, core: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.cores.get(core)
    }

    /// Names with this feature.
    pub(super) fn having(&self, feature: u32) -> &[(u32, u32)] {
        let start = self.features.partition_point(|(known, _)| *known < feature);
        let rest = self.features.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|(known, _)| *known == feature)).unwrap_or_default()
    }

    /// How much a feature says that so many names have: the rarer, the more.
    pub(super) fn rarity(&self, having: usize) -> f32 {
        ((self.names.len() as f32 + 1.0) / (having as f32 + 0.5)).ln().max(0.1)
    }
}

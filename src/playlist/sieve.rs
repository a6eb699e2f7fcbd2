//! Out of all items of a playlist, those that the store has to look at: what are sources already, what may be them under another
//! name, and what is to become one. Pure.
//!
//! What it keeps grows with the lineup, not with the playlist.

use std::collections::{HashMap, HashSet};

use super::identity::{self, Keys};
use super::items;
use super::rules::{Fate, Rules};
use crate::model::{Automatic, Key, PlaylistItem};
use crate::store::playlists::KnownSource;
use crate::store::{EventWish, ImportItem};

/// A playlist that has never been read and has more items than this makes no channels by itself: nobody wants so many, and no
/// player takes them.
pub const MOST_BY_THEMSELVES: usize = 10_000;
/// Items that become sources in one reading; further ones are taken at the next.
pub const MOST_AT_ONCE: usize = 20_000;
/// Items that may be a known source under another key, and are kept because of one thing they share with it. Nothing is guessed
/// between two, so a third says nothing new.
const ENOUGH: u8 = 3;
/// Items told apart by their keys. In a longer list repeated ones are not noticed; they do no harm.
/// So many take less than 40 MiB.
const MOST_KEYS: usize = 3_000_000;

/// The sieve.
pub struct Sieve<'a> {
    rules: &'a Rules,
    undecided: bool,
    known: Known,
    seen: Seen,
    kept: Vec<ImportItem>,
    /// Items offered.
    pub offered: usize,
    /// Items that would become channels by themselves if nobody says otherwise.
    automatic: usize,
    /// Items that are to become sources and are none yet.
    pub fresh: usize,
    /// Items that repeat another one.
    pub repeated: usize,
}

/// What is known of the sources that the last reading left.
struct Known {
    item_keys: HashSet<Key>,
    url_keys: HashMap<Key, u8>,
    guide_ids: HashMap<String, u8>,
    names: HashMap<String, u8>,
}

/// Keys that came already. Many small tables: one large one takes half as much again whenever it grows, and is not given back to the
/// system afterwards.
#[derive(Default)]
struct Seen {
    by_first_byte: Vec<HashSet<i64>>,
    count: usize,
}

impl Seen {
    /// Whether this key comes for the first time, as far as that is known.
    fn is_new(&mut self, key: Key) -> bool {
        if self.count >= MOST_KEYS {
            return true;
        }
        let key = key.short();
        let [first, ..] = key.to_be_bytes();
        self.by_first_byte.resize_with(256, HashSet::new);
        let new = self.by_first_byte.get_mut(usize::from(first)).is_none_or(|keys| keys.insert(key));
        self.count += usize::from(new);
        new
    }
}

/// What came of a whole playlist.
#[derive(Debug)]
pub struct Sifted {
    /// What the store is to be told.
    pub items: Vec<ImportItem>,
    /// What the rules did not say, and is settled now.
    pub settled: Option<Automatic>,
}

impl Known {
    fn new(sources: &[KnownSource]) -> Self {
        let key = |text: &str| u128::from_str_radix(text, 16).ok().map(Key);
        Self {
            item_keys: sources.iter().filter_map(|source| key(&source.item_key)).collect(),
            url_keys: sources
                .iter()
                .filter(|source| source.active)
                .filter_map(|source| Some((key(&source.url_key)?, 0)))
                .collect(),
            guide_ids: (sources.iter().filter(|source| source.active))
                .filter_map(|source| Some((source.channel_key.strip_prefix("id:")?.to_owned(), 0)))
                .collect(),
            names: sources.iter().filter(|source| source.active).map(|source| (source.name.clone(), 0)).collect(),
        }
    }

    /// Whether the item may be one of them.
    fn may_be(&mut self, item: &PlaylistItem, key: Key) -> bool {
        if self.item_keys.is_empty() {
            return false;
        }
        // One that is known by its key is in nobody's place.
        if self.item_keys.contains(&key) {
            return true;
        }
        let few = |count: Option<&mut u8>| {
            count.is_some_and(|count| {
                *count = count.saturating_add(1);
                *count <= ENOUGH
            })
        };
        let by_url = few(self.url_keys.get_mut(&identity::url_key(&item.url)));
        let by_id = item.guide_id.as_deref().is_some_and(|id| few(self.guide_ids.get_mut(id)));
        let by_name = few(self.names.get_mut(&item.name));
        by_url || by_id || by_name
    }
}

impl<'a> Sieve<'a> {
    /// A sieve for a playlist with these rules, of which `sources` are known. `first`: it has never been read.
    pub fn new(rules: &'a Rules, undecided: bool, sources: &[KnownSource]) -> Self {
        Self {
            rules,
            undecided,
            known: Known::new(sources),
            seen: Seen::default(),
            kept: Vec::new(),
            offered: 0,
            automatic: 0,
            fresh: 0,
            repeated: 0,
        }
    }

    /// Takes an item in the playlist's order; gives its key if it is to be stored: it is of a kind that is kept, and no repetition.
    pub fn take(&mut self, item: &PlaylistItem) -> Option<Key> {
        if !self.rules.keeps(item.kind) {
            return None;
        }
        let key = identity::item_key(item.guide_id.as_deref(), &item.name, &item.url);
        if !self.seen.is_new(key) {
            self.repeated += 1;
            return None;
        }
        let fate = self.rules.fate(item, Automatic::All);
        let may_be = self.known.may_be(item, key);
        let wanted = match fate {
            None | Some(Fate::Offered) => false,
            Some(Fate::Channel) if self.undecided => {
                self.automatic += 1;
                self.automatic <= MOST_BY_THEMSELVES
            }
            Some(_) => true,
        };
        // However much is wanted: a list that has grown a hundredfold overnight must not take the machine along.
        let fresh = wanted && !self.known.item_keys.contains(&key);
        self.fresh += usize::from(fresh);
        let wanted = wanted && (!fresh || self.fresh <= MOST_AT_ONCE);
        self.offered += usize::from(fate.is_some());
        if wanted || may_be {
            let mut kept = items::import_item(item, Keys { item: key, url: identity::url_key(&item.url) });
            kept.only_known = !wanted;
            match fate {
                Some(Fate::Assigned(channel)) => kept.assigned = Some(channel),
                Some(Fate::Event(block)) => {
                    kept.event = Some(EventWish { block: block.id.clone(), first: block.first, slots: block.slots });
                }
                _ => {}
            }
            self.kept.push(kept);
        }
        Some(key)
    }

    /// Items that were to become sources, and have to wait for the next reading.
    pub fn postponed(&self) -> usize {
        // Of a list that decides by its size, those of a large one do not wait: people choose.
        self.fresh.saturating_sub(MOST_AT_ONCE)
    }

    /// What came of it.
    pub fn finish(mut self) -> Sifted {
        if !self.undecided {
            return Sifted { items: self.kept, settled: None };
        }
        if self.automatic <= MOST_BY_THEMSELVES {
            return Sifted { items: self.kept, settled: Some(Automatic::All) };
        }
        for item in &mut self.kept {
            item.only_known |= item.assigned.is_none() && item.event.is_none();
        }
        if self.known.item_keys.is_empty() {
            self.kept.retain(|item| !item.only_known);
            self.kept.shrink_to_fit();
        }
        Sifted { items: self.kept, settled: Some(Automatic::Groups) }
    }
}

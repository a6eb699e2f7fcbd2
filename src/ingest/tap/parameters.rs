//! The parameter sets of a stream, by their ids: how often each came, how often it changed, and the newest of each, for whoever
//! decodes a single picture. Bounded whatever comes: ids have few values, and contents a limit.

use std::collections::BTreeMap;

use super::picture::{Set, SetKind};
use crate::model::Moment;

/// Bytes of contents that are kept of all sets; further ones are only counted.
const MOST_BYTES: usize = 256 * 1024;

/// One parameter set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// How often it came with another content.
    pub changed: u64,
    /// Id of the set that it needs.
    pub refers_to: Option<u8>,
    /// The newest, from behind its start code; empty where there was no room.
    pub unit: Vec<u8>,
}

/// All parameter sets of a stream.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    sets: BTreeMap<(SetKind, u8), Known>,
    bytes: usize,
    seen: u64,
    updated: Option<Moment>,
}

/// What there is to tell of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Statistics {
    /// Sets that came, of any kind.
    pub seen: u64,
    /// Changes of content.
    pub changed: u64,
    /// Ids of video parameter sets.
    pub video_ids: Vec<u8>,
    /// Ids of sequence parameter sets.
    pub sequence_ids: Vec<u8>,
    /// Ids of picture parameter sets.
    pub picture_ids: Vec<u8>,
    /// The share of picture parameter sets whose sequence parameter set is known, 0 to 1; 0 without any.
    pub coverage: f64,
    /// When a set came that was new, or other than before.
    pub updated: Option<Moment>,
}

impl Parameters {
    /// A set came, from behind its start code.
    pub fn see(&mut self, set: Set, unit: &[u8], wall: Moment) {
        let length = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let unit = unit.get(..length).unwrap_or_default();
        self.seen = self.seen.saturating_add(1);
        let known = self.sets.entry((set.kind, set.id));
        let is_new = matches!(known, std::collections::btree_map::Entry::Vacant(_));
        let known = known.or_insert(Known { changed: 0, refers_to: None, unit: Vec::new() });
        known.refers_to = set.refers_to;
        if !is_new && known.unit == unit {
            return;
        }
        known.changed = known.changed.saturating_add(u64::from(!is_new));
        self.updated = Some(wall);
        let others = self.bytes.saturating_sub(known.unit.len());
        known.unit.clear();
        if others + unit.len() <= MOST_BYTES {
            known.unit.extend_from_slice(unit);
        }
        self.bytes = others + known.unit.len();
    }

    /// The ids of a kind, in order.
    pub fn ids(&self, kind: SetKind) -> impl Iterator<Item = u8> {
        self.sets.keys().filter(move |key| key.0 == kind).map(|key| key.1)
    }

    /// The newest of each, from behind its start code.
    #[cfg(test)]
    pub(super) fn units(&self) -> impl Iterator<Item = &[u8]> {
        self.sets.values().map(|known| &known.unit[..]).filter(|unit| !unit.is_empty())
    }

    /// What there is to tell.
    pub fn statistics(&self) -> Statistics {
        let ids = |kind| self.ids(kind).collect::<Vec<u8>>();
        let pictures = || self.sets.iter().filter(|(key, _)| key.0 == SetKind::Picture);
        let covered =
            |(_, known): &(_, &Known)| known.refers_to.is_some_and(|id| self.sets.contains_key(&(SetKind::Sequence, id)));
        let all = pictures().count();
        Statistics {
            seen: self.seen,
            changed: self.sets.values().map(|known| known.changed).fold(0, u64::saturating_add),
            video_ids: ids(SetKind::Video),
            sequence_ids: ids(SetKind::Sequence),
            picture_ids: ids(SetKind::Picture),
            coverage: if all == 0 { 0.0 } else { pictures().filter(covered).count() as f64 / all as f64 },
            updated: self.updated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(kind: SetKind, id: u8, refers_to: Option<u8>) -> Set {
        Set { kind, id, refers_to }
    }

    #[test]
    fn sets_are_known_by_their_ids() {
        let mut parameters = Parameters::default();
        let (sequence, picture) = (set(SetKind::Sequence, 0, None), set(SetKind::Picture, 3, Some(0)));
        parameters.see(picture, &[8, 2], Moment(1));
        assert_eq!(parameters.statistics().coverage, 0.0);
        parameters.see(sequence, &[7, 1], Moment(2));
        parameters.see(sequence, &[7, 1, 0, 0], Moment(3));
        assert_eq!(parameters.statistics().updated, Some(Moment(2)), "zeros behind the end are no change");
        parameters.see(sequence, &[7, 9], Moment(4));
        parameters.see(set(SetKind::Picture, 4, Some(5)), &[8, 3], Moment(5));
        let statistics = parameters.statistics();
        assert_eq!((statistics.seen, statistics.changed, statistics.coverage), (5, 1, 0.5));
        assert_eq!((statistics.sequence_ids, statistics.picture_ids), (vec![0], vec![3, 4]));
        assert_eq!(parameters.units().collect::<Vec<_>>(), [&[7, 9][..], &[8, 2], &[8, 3]]);
    }

    proptest! {
        #[test]
        fn contents_are_bounded(sets in proptest::collection::vec((any::<u8>(), 0usize..4096), 0..300)) {
            let mut parameters = Parameters::default();
            for (id, length) in sets {
                parameters.see(set(SetKind::Picture, id, None), &vec![id | 1; length], Moment(0));
                let held: usize = parameters.units().map(<[u8]>::len).sum();
                prop_assert_eq!(held, parameters.bytes);
                prop_assert!(held <= MOST_BYTES);
            }
        }
    }
}

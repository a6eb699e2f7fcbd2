//! What a version of a guide that is held back differs in from the one that is served.

use std::collections::HashSet;

use serde::Serialize;

use super::mapping;
use super::reading::{counts, scan};
use super::refresh::{GuideCounts, GuideError, held_path};
use crate::base::progress::Progress;
use crate::model::{GuideChannel, GuideId};
use crate::store::Store;

/// Most names that are given of each side.
const EXAMPLES: usize = 50;

/// The difference of two versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct GuideDifference {
    /// Channels that only the new one has.
    pub added: u64,
    /// Channels that only the old one has.
    pub gone: u64,
    /// Names of the first of those that are new.
    pub added_names: Vec<String>,
    /// Names of the first of those that are gone.
    pub gone_names: Vec<String>,
    /// Channels of ours that have their guide from one that is gone.
    pub mapped_gone: u64,
    /// Programmes of the version that is served.
    pub programmes_before: u64,
    /// Programmes of the new one.
    pub programmes: u64,
}

/// Compares the version that is held back with the one that is served. Reads it from end to end: a second for 300 MB.
///
/// # Errors
/// When none is held back, or it cannot be read.
///
/// # Cancel safety
/// Nothing is changed by it.
pub async fn held_difference(store: &Store, id: GuideId) -> Result<GuideDifference, GuideError> {
    let guide = store.guide(id).await?;
    let raw = held_path(store, id);
    if guide.versions.held.is_none() || !raw.exists() {
        return Err(GuideError::NothingHeld);
    }
    let held = scan(&raw, &Progress::default()).await?;
    let before = mapping::channels_of(store, &guide).await?;
    let mapped: Vec<String> = (store.mappings().await?.into_iter())
        .filter_map(|mapping| mapping.to)
        .filter(|(guide, _)| *guide == id)
        .map(|(_, channel)| channel)
        .collect();
    let report = guide.versions.current.as_ref().map(|current| current.version.report.clone()).unwrap_or_default();
    let report: GuideCounts = serde_json::from_value(report).unwrap_or_default();
    let new = counts(&held.summary, held.channels.len(), 0);
    let difference = compare(&before, &held.channels, &mapped);
    Ok(GuideDifference { programmes_before: report.programmes, programmes: new.programmes, ..difference })
}

/// Channels are the same by their id. Pure.
fn compare(before: &[GuideChannel], after: &[GuideChannel], mapped: &[String]) -> GuideDifference {
    let ids = |channels: &[GuideChannel]| channels.iter().map(|channel| channel.id.clone()).collect::<HashSet<_>>();
    let (old, new) = (ids(before), ids(after));
    let name = |channel: &GuideChannel| channel.names.first().map_or_else(|| channel.id.clone(), |name| name.text.clone());
    let only = |channels: &[GuideChannel], other: &HashSet<String>| {
        let mut seen = HashSet::new();
        let only = channels.iter().filter(|channel| !other.contains(&channel.id) && seen.insert(&channel.id));
        let mut names: Vec<String> = only.map(name).collect();
        let count = names.len() as u64;
        names.truncate(EXAMPLES);
        (count, names)
    };
    let (added, added_names) = only(after, &old);
    let (gone, gone_names) = only(before, &new);
    let mapped_gone = mapped.iter().filter(|id| old.contains(*id) && !new.contains(*id)).count() as u64;
    GuideDifference { added, gone, added_names, gone_names, mapped_gone, ..GuideDifference::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::programme::Text;

    #[test]
    fn channels_are_told_apart_by_their_ids() {
        let named = |id: &str| vec![Text { text: id.to_uppercase(), lang: None }];
        let channel = |id: &str| GuideChannel { id: id.into(), names: named(id), ..GuideChannel::default() };
        let before = ["a", "b", "c"].map(channel);
        let after = ["c", "d", "d", "a2"].map(channel);
        let difference = compare(&before, &after, &["a".into(), "a".into(), "c".into(), "elsewhere".into()]);
        assert_eq!((difference.added, difference.gone, difference.mapped_gone), (2, 2, 2));
        assert_eq!((difference.added_names.join(" "), difference.gone_names.join(" ")), ("D A2".into(), "A B".into()));
        assert_eq!(compare(&before, &before, &[]), GuideDifference::default());
    }
}

//! Which channel of its block an event gets. Pure.
//!
//! Events come and go, and are called something else every hour. An event keeps its channel for as long as the playlist has it;
//! a new one takes the lowest that is free.

use std::collections::{HashMap, HashSet};

use super::{ImportItem, OldSource};
use crate::model::{GuideNumber, ProviderId};

const PREFIX: &str = "event:";

/// Whether a channel's key is that of one which events take turns in.
pub(super) fn is_slot(channel_key: &str) -> bool {
    channel_key.starts_with(PREFIX)
}

/// Gives every event the key and the number of its channel. Those that find none free get a channel that does not exist and are
/// counted.
pub(super) fn assign(playlist: ProviderId, items: &mut [ImportItem], rows: &[Option<usize>], old: &[OldSource]) -> usize {
    let mut taken: HashMap<String, HashSet<u32>> = HashMap::new();
    let mut waiting = Vec::new();
    for (index, (item, row)) in items.iter_mut().zip(rows).enumerate() {
        let Some(wish) = item.event.clone() else { continue };
        let row = row.and_then(|row| old.get(row)).filter(|row| row.active);
        let prefix = prefix(playlist, &wish.block);
        let before = row.and_then(|row| row.channel_key.strip_prefix(&prefix)?.parse::<u32>().ok());
        match before.filter(|slot| *slot < wish.slots && taken.entry(prefix.clone()).or_default().insert(*slot)) {
            Some(slot) => put(item, &prefix, wish.first, slot),
            None => waiting.push(index),
        }
    }
    let mut left_out = 0;
    for index in waiting {
        let Some(item) = items.get_mut(index) else { continue };
        let Some(wish) = item.event.clone() else { continue };
        let prefix = prefix(playlist, &wish.block);
        let taken = taken.entry(prefix.clone()).or_default();
        match (0..wish.slots).find(|slot| !taken.contains(slot)) {
            Some(slot) => {
                taken.insert(slot);
                put(item, &prefix, wish.first, slot);
            }
            None => {
                left_out += 1;
                // No channel has the id 0: the item is passed over.
                item.assigned = Some(crate::model::ChannelId(0));
            }
        }
    }
    left_out
}

fn prefix(playlist: ProviderId, block: &str) -> String {
    format!("{PREFIX}{}:{block}:", playlist.0)
}

fn put(item: &mut ImportItem, prefix: &str, first: u32, slot: u32) {
    item.channel_key = format!("{prefix}{slot}");
    item.channel.number = Some(GuideNumber::whole(first.saturating_add(slot)));
    // Its guide would be that of the next event, too.
    item.channel.guide_id = None;
}

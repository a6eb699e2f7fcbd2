//! Maps channels of ours to channels of guides, where it can hardly be wrong; and says what a person may choose from.
//!
//! What a person said is never touched. What was found stays as long as the guide has the channel: a better match tomorrow is no
//! reason to change what somebody has got used to.

use std::collections::{HashMap, HashSet};

use super::matcher::{self, How, Index, Match, Wanted};
use crate::base::secret::SafeUrl;
use crate::base::tasks;
use crate::model::{Channel, ChannelId, GuideChannel, GuideId};
use crate::store::guides::{Guide, Mapped, Mapping, Programmes};
use crate::store::{Store, StoreError};

/// The channels of a guide, as they were when it was last read.
///
/// # Errors
/// When its version cannot be read.
pub async fn channels_of(store: &Store, guide: &Guide) -> Result<Vec<GuideChannel>, StoreError> {
    let Some(current) = &guide.versions.current else { return Ok(Vec::new()) };
    let path = store.feeds_dir().join(&current.version.file);
    if !path.exists() {
        return Ok(Vec::new());
    }
    tasks::blocking(move || Programmes::open(&path)?.channels()).await.map_err(|_| StoreError::Gone)?
}

/// A guide with its channels.
struct Known {
    id: GuideId,
    hints: [String; 2],
    channels: Vec<GuideChannel>,
}

/// All guides in use, with `fresh` in place of what is known of one of them.
async fn known(store: &Store, fresh: Option<(GuideId, Vec<GuideChannel>)>) -> Result<Vec<Known>, StoreError> {
    let (mut fresh_id, mut fresh_channels) = fresh.map_or((None, Vec::new()), |(id, channels)| (Some(id), channels));
    let mut all = Vec::new();
    for guide in store.guides().await?.iter().filter(|guide| guide.active) {
        let channels = match fresh_id.take_if(|id| *id == guide.id) {
            Some(_) => std::mem::take(&mut fresh_channels),
            None => channels_of(store, guide).await?,
        };
        let file = SafeUrl(&guide.location).to_string().rsplit('/').next().unwrap_or_default().to_owned();
        all.push(Known { id: guide.id, hints: [guide.name.clone(), file], channels });
    }
    Ok(all)
}

/// Maps channels that have no guide yet, and lets go of those whose guide has lost their channel. `fresh` is a guide that was
/// just read, with its channels.
///
/// # Errors
/// When the guides cannot be read or the mappings not be stored.
pub async fn settle(store: &Store, fresh: Option<(GuideId, Vec<GuideChannel>)>) -> Result<(), StoreError> {
    let guides = known(store, fresh).await?;
    let mappings: HashMap<ChannelId, Mapping> =
        store.mappings().await?.into_iter().map(|mapping| (mapping.channel, mapping)).collect();
    let channels = store.all_channels().await?;
    let (found, lost) = tasks::blocking(move || decide(&guides, &channels, &mappings)).await.map_err(|_| StoreError::Gone)?;
    store.map_by_itself(found, lost).await
}

/// Which mappings are new, and which channels are mapped no more. Pure.
fn decide(guides: &[Known], channels: &[Channel], mappings: &HashMap<ChannelId, Mapping>) -> (Vec<Mapping>, Vec<ChannelId>) {
    let ids: HashSet<(GuideId, &str)> =
        guides.iter().flat_map(|guide| guide.channels.iter().map(|channel| (guide.id, channel.id.as_str()))).collect();
    // A guide of which nothing is known says nothing of what it has lost.
    let readable: HashSet<GuideId> = guides.iter().filter(|guide| !guide.channels.is_empty()).map(|guide| guide.id).collect();
    let index = index(guides);
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    for channel in channels {
        let mapping = mappings.get(&channel.id);
        let gone = match mapping {
            Some(mapping) if mapping.how == Mapped::Person => continue,
            Some(Mapping { to: Some((guide, id)), .. }) => {
                if !readable.contains(guide) || ids.contains(&(*guide, id.as_str())) {
                    continue;
                }
                true
            }
            Some(_) => true,
            None => false,
        };
        match ask(&index, channel).automatic {
            Some(automatic) => found.push(Mapping {
                channel: channel.id,
                to: Some((GuideId(automatic.source), automatic.id)),
                how: match automatic.how {
                    How::GuideId => Mapped::GuideId,
                    How::TvgId | How::TvgIdSpelling | How::TvgIdName => Mapped::TvgId,
                    How::Name | How::NameAndCountry => Mapped::Name,
                },
                offset_s: mapping.map_or(0, |mapping| mapping.offset_s),
            }),
            None if gone => lost.push(channel.id),
            None => {}
        }
    }
    (found, lost)
}

fn index(guides: &[Known]) -> Index {
    let hints: Vec<[&str; 2]> = guides.iter().map(|guide| [guide.hints[0].as_str(), guide.hints[1].as_str()]).collect();
    let given: Vec<matcher::Guide<'_>> = guides
        .iter()
        .zip(&hints)
        .map(|(guide, hints)| matcher::Guide { source: guide.id.0, hints, channels: &guide.channels })
        .collect();
    Index::new(&given)
}

fn ask(index: &Index, channel: &Channel) -> Match {
    let number = channel.number.to_string();
    index.find(&Wanted {
        name: &channel.name,
        tvg_id: channel.guide_id.as_deref(),
        guide_id: None,
        group: channel.group.as_deref(),
        number: Some(&number),
    })
}

/// What a person may choose from for each of these channels.
///
/// # Errors
/// When the guides cannot be read.
pub async fn suggest(store: &Store, channels: Vec<Channel>) -> Result<Vec<(ChannelId, Match)>, StoreError> {
    let guides = known(store, None).await?;
    let work = move || {
        let index = index(&guides);
        channels.iter().map(|channel| (channel.id, ask(&index, channel))).collect()
    };
    tasks::blocking(work).await.map_err(|_| StoreError::Gone)
}

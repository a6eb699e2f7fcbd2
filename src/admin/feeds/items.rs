//! What playlists offer: pages of items, groups, and what a version that is held back differs in.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Feeds, FeedsError};
use crate::base::secret::SafeUrl;
use crate::base::tasks;
use crate::model::{Automatic, ChannelId, ItemKind, PlaylistItem, ProviderId};
use crate::playlist::identity;
use crate::playlist::rules::{Fate, Rules};
use crate::store::items::{Browse, Difference, Group, Items, difference};
use crate::store::{Playlist, Version};

/// Which items.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ItemQuery {
    /// Those behind this one; it is `next` of the answer before.
    pub after: Option<i64>,
    /// At most so many, 1 to 1000.
    pub limit: Option<usize>,
    /// Of this group.
    pub group: Option<String>,
    /// With this in their name.
    pub search: Option<String>,
    /// Of this kind.
    pub kind: Option<ItemKind>,
}

/// A page of items.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ItemPage {
    /// The items.
    pub items: Vec<ItemView>,
    /// Where the next page goes on, if there may be more.
    pub next: Option<i64>,
}

/// An item, as it is shown.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ItemView {
    /// Its number in this version.
    pub id: i64,
    /// The item.
    #[serde(flatten)]
    pub item: PlaylistItem,
    /// Its address without credentials.
    pub url: String,
    /// What the rules make of it: `left_out`, `offered`, `channel`, `assigned`, `event`.
    pub fate: &'static str,
    /// The channel that has it as a source.
    pub channel: Option<ChannelId>,
}

/// A group, as it is shown.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct GroupView {
    /// The group.
    #[serde(flatten)]
    pub group: Group,
    /// Whether its items become channels by the rules.
    pub chosen: bool,
}

/// An item whose further attributes hold no credentials: some lists put whole addresses there (`catchup-source`).
fn masked(mut item: PlaylistItem) -> PlaylistItem {
    for (_, value) in item.more.iter_mut().filter(|(_, value)| value.contains("://")) {
        *value = SafeUrl(value).to_string();
    }
    item
}

/// What an item is known by.
fn key(item: &PlaylistItem) -> String {
    identity::keys(item.guide_id.as_deref(), &item.name, &item.url).item.to_string()
}

impl Feeds {
    /// A page of the items of a playlist.
    ///
    /// # Errors
    /// When there is no such playlist, or it was never read.
    pub async fn items(&self, id: ProviderId, query: ItemQuery) -> Result<ItemPage, FeedsError> {
        let limit = query.limit.unwrap_or(100);
        if !(1..=1000).contains(&limit) {
            return Err(FeedsError::invalid("limit", "`limit` is 1 to 1000."));
        }
        let (playlist, path) = self.current(id).await?;
        let browse = Browse {
            after: query.after.unwrap_or(0),
            limit,
            group: query.group,
            search: query.search.unwrap_or_default(),
            kind: query.kind,
        };
        let found = tasks::blocking(move || Items::open(&path)?.browse(&browse));
        let found = found.await.map_err(|_| FeedsError::Failed)??;
        let rules = Rules::new(&playlist.rules).unwrap_or_default();
        let next = if found.len() < limit { None } else { found.last().map(|found| found.id) };
        let channels = self.channels_of_items(id).await?;
        let items = found.into_iter().map(|found| ItemView {
            id: found.id,
            channel: channels.get(&key(&found.item)).copied(),
            url: SafeUrl(&found.item.url).to_string(),
            fate: match rules.fate(&found.item, Automatic::All) {
                None => "left_out",
                Some(Fate::Offered) => "offered",
                Some(Fate::Channel) => "channel",
                Some(Fate::Assigned(_)) => "assigned",
                Some(Fate::Event(_)) => "event",
            },
            item: masked(found.item),
        });
        Ok(ItemPage { items: items.collect(), next })
    }

    /// The channels that have items of a playlist as sources, by the keys of those.
    pub(super) async fn channels_of_items(&self, id: ProviderId) -> Result<HashMap<String, ChannelId>, FeedsError> {
        let channels: HashSet<ChannelId> = self.store.all_channels().await?.iter().map(|channel| channel.id).collect();
        let catalog = self.store.catalog();
        let sources = catalog.sources.values().flatten();
        let ours = sources.filter(|source| source.provider == id && channels.contains(&source.channel));
        Ok(ours.map(|source| (source.item_key.clone(), source.channel)).collect())
    }

    /// The groups of a playlist.
    ///
    /// # Errors
    /// When there is no such playlist, or it was never read.
    pub async fn groups(&self, id: ProviderId) -> Result<Vec<GroupView>, FeedsError> {
        let (playlist, path) = self.current(id).await?;
        let groups = tasks::blocking(move || Items::open(&path)?.groups()).await.map_err(|_| FeedsError::Failed)??;
        let chosen = |group: &Group| match playlist.rules.channels {
            Some(Automatic::All) | None => true,
            Some(Automatic::None) => false,
            Some(Automatic::Groups) => {
                let name = group.name.as_deref().unwrap_or_default().to_lowercase();
                playlist.rules.groups.iter().any(|group| group.to_lowercase() == name)
            }
        };
        Ok(groups.into_iter().map(|group| GroupView { chosen: chosen(&group), group }).collect())
    }

    /// What the version that is held back differs in from the one that is served.
    ///
    /// # Errors
    /// When there is no such playlist, or nothing to compare.
    pub async fn held_difference(&self, id: ProviderId) -> Result<Difference, FeedsError> {
        let playlist = self.store.playlist(id).await?;
        let path = |version: &Version| self.store.feeds_dir().join(&version.version.file);
        let (Some(current), Some(held)) =
            (playlist.versions.current.as_ref().map(path), playlist.versions.held.as_ref().map(path))
        else {
            return Err(FeedsError::Conflict("There are no two versions of the playlist to be compared.".to_owned()));
        };
        Ok(tasks::blocking(move || difference(&current, &held)).await.map_err(|_| FeedsError::Failed)??)
    }

    /// A playlist and the file of the version that is served.
    pub(super) async fn current(&self, id: ProviderId) -> Result<(Playlist, std::path::PathBuf), FeedsError> {
        let playlist = self.store.playlist(id).await?;
        let current = playlist.versions.current.as_ref();
        let path = current.map(|current| self.store.feeds_dir().join(&current.version.file));
        let path = path.filter(|path| path.exists()).ok_or_else(|| {
            FeedsError::Conflict(
                "The items of the playlist are not here: it was never read, or restored from a backup. Refresh it.".to_owned(),
            )
        })?;
        Ok((playlist, path))
    }

    /// One item of a playlist.
    pub(super) async fn item(&self, id: ProviderId, item: i64) -> Result<PlaylistItem, FeedsError> {
        let (_, path) = self.current(id).await?;
        let found = tasks::blocking(move || Items::open(&path)?.get(item));
        let found = found.await.map_err(|_| FeedsError::Failed)??;
        found.map(|found| found.item).ok_or(FeedsError::NotFound("The playlist has no item with this number."))
    }
}

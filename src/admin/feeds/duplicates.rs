//! Backups for a channel: items of playlists that are the same channel, to be offered as further sources.

use std::collections::HashSet;

use serde::Serialize;

use super::{Feeds, FeedsError};
use crate::base::secret::SafeUrl;
use crate::base::tasks;
use crate::model::names::{Name, normalise};
use crate::model::{ChannelId, ItemKind, ProviderId};
use crate::playlist::identity;
use crate::store::StoreError;
use crate::store::items::Items;

/// Most that are offered for a channel.
const MOST: usize = 50;

/// An item that may be a further source of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Backup {
    /// The playlist.
    pub playlist: ProviderId,
    /// The number of the item there.
    pub item: i64,
    /// Its name there.
    pub name: String,
    /// Its group there.
    pub group: Option<String>,
    /// Its address without credentials.
    pub url: String,
    /// Why: `tvg_id` or `name`.
    pub why: &'static str,
    /// How good its name says it is; the greater the better.
    pub rank: u8,
}

/// What is looked for.
struct Wanted {
    name: Name,
    guide_id: Option<String>,
    /// Keys of the sources that it has.
    has: HashSet<String>,
}

impl Feeds {
    /// Items of all playlists that are the same channel as this one, by `tvg-id` or by name once quality and country are set aside,
    /// and are not its sources yet; the best first. A channel an hour later is another one.
    ///
    /// # Errors
    /// When there is no such channel, or a playlist cannot be read.
    pub async fn backups(&self, id: ChannelId) -> Result<Vec<Backup>, FeedsError> {
        let channel = self.any_channel(id).await?;
        let catalog = self.store.catalog();
        let has = catalog.sources_of(id).iter().map(|source| source.item_key.clone()).collect();
        let wanted = Wanted { name: normalise(&channel.name), guide_id: channel.guide_id.clone(), has };
        let folder = self.store.feeds_dir();
        let playlists = self.store.playlists().await?.into_iter().filter(|playlist| playlist.active);
        let files: Vec<_> = playlists
            .filter_map(|playlist| {
                let path = folder.join(&playlist.versions.current?.version.file);
                path.exists().then_some((playlist.provider.id, path))
            })
            .collect();
        let work = move || {
            let mut found = Vec::new();
            for (playlist, path) in files {
                look(&wanted, playlist, &Items::open(&path)?, &mut found)?;
            }
            found.sort_by(|a: &Backup, b: &Backup| (b.rank, a.playlist, a.item).cmp(&(a.rank, b.playlist, b.item)));
            found.truncate(MOST);
            Ok::<_, StoreError>(found)
        };
        Ok(tasks::blocking(work).await.map_err(|_| FeedsError::Failed)??)
    }
}

fn look(wanted: &Wanted, playlist: ProviderId, items: &Items, found: &mut Vec<Backup>) -> Result<(), StoreError> {
    let mut name = Name::default();
    items.each_found(|one| {
        let item = one.item;
        name.read(&item.name);
        let same_id = wanted.guide_id.is_some() && item.guide_id == wanted.guide_id && name.shift_h == wanted.name.shift_h;
        let same_name = wanted.name.same(&name) && wanted.name.country.zip(name.country).is_none_or(|(a, b)| a == b);
        if item.kind == ItemKind::Vod || !(same_id || same_name) || found.len() >= MOST * 10 {
            return Ok(());
        }
        let key = identity::keys(item.guide_id.as_deref(), &item.name, &item.url).item.to_string();
        if !wanted.has.contains(&key) {
            found.push(Backup {
                playlist,
                item: one.id,
                url: SafeUrl(&item.url).to_string(),
                why: if same_id { "tvg_id" } else { "name" },
                rank: name.rank(),
                name: item.name,
                group: item.group,
            });
        }
        Ok(())
    })
}

//! What is on: programmes of our channels, out of the versions of their guides.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::export::shifted;
use super::now_next;
use crate::base::chain::Chain;
use crate::base::coalesce::Coalesced;
use crate::base::tasks;
use crate::model::{ChannelId, GuideId, Programme};
use crate::store::guides::{Mapping, Programmes};
use crate::store::{Store, StoreError};

/// A damaged card fails at every look.
static UNREADABLE: Coalesced = Coalesced::new(Duration::from_secs(600));

/// The guide of each channel that has one, with the file of its version.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: HashMap<GuideId, PathBuf>,
    mappings: HashMap<ChannelId, Mapping>,
}

/// What is on and what follows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OnNow {
    /// What is on.
    pub now: Option<Programme>,
    /// What follows.
    pub next: Option<Programme>,
    /// How much of what is on is over, in thousandths.
    pub progress: Option<u16>,
}

impl Sources {
    /// Looks them up.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(store: &Store) -> Result<Self, StoreError> {
        let folder = store.feeds_dir();
        let current = store.guides().await?.into_iter().filter(|guide| guide.active).filter_map(|guide| {
            let path = folder.join(&guide.versions.current.as_ref()?.version.file);
            path.exists().then_some((guide.id, path))
        });
        let files = current.collect();
        let mappings = store.mappings().await?.into_iter().map(|mapping| (mapping.channel, mapping)).collect();
        Ok(Self { files, mappings })
    }

    /// Feeds a hash with what the programmes of a channel depend on: its guide, which version of that, and its offset.
    pub fn print_of(&self, channel: ChannelId, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        let mapping = self.mappings.get(&channel);
        let to = mapping.and_then(|mapping| mapping.to.as_ref());
        let file = to.and_then(|(guide, _)| self.files.get(guide));
        (to, file, mapping.map(|mapping| mapping.offset_s)).hash(hasher);
    }

    /// Opens the guides for one reading after the other. One that cannot be opened is left out: the others are none the worse.
    /// Blocking.
    pub fn open(&self) -> Opened<'_> {
        let open = |(id, path): (&GuideId, &PathBuf)| match Programmes::open(path) {
            Ok(programmes) => Some((*id, programmes)),
            Err(error) => {
                if UNREADABLE.count().is_some() {
                    tracing::warn!(guide.id = id.0, error = %Chain(&error), "a guide cannot be opened; its channels have no programmes");
                }
                None
            }
        };
        Opened { sources: self, guides: self.files.iter().filter_map(open).collect() }
    }
}

/// The guides, open.
pub struct Opened<'a> {
    sources: &'a Sources,
    guides: HashMap<GuideId, Programmes>,
}

impl Opened<'_> {
    /// The programmes of a channel of ours that are on between these times, seconds since 1970, moved by its offset, one at a time in
    /// order of time. None, where it has no guide.
    ///
    /// # Errors
    /// When the guide is damaged; those of `each`.
    pub fn each<E: From<StoreError>>(
        &self,
        channel: ChannelId,
        from_s: i64,
        to_s: i64,
        mut each: impl FnMut(Programme) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(mapping) = self.sources.mappings.get(&channel) else { return Ok(()) };
        let Some((guide, id)) = &mapping.to else { return Ok(()) };
        let Some(guide) = self.guides.get(guide) else { return Ok(()) };
        let offset_s = mapping.offset_s;
        guide.each(id, from_s.saturating_sub(offset_s), to_s.saturating_sub(offset_s), |programme| {
            each(shifted(programme, offset_s))
        })
    }

    /// What is on on a channel of ours, and what follows.
    ///
    /// # Errors
    /// When the guide is damaged.
    pub fn on_now(&self, channel: ChannelId, now_s: i64) -> Result<OnNow, StoreError> {
        let mut programmes = Vec::new();
        self.each(channel, now_s, now_s + 24 * 3600, |programme| {
            programmes.push(programme);
            Ok::<_, StoreError>(())
        })?;
        let found = now_next::now_next(&programmes, now_s);
        Ok(OnNow {
            // The end that follows from the next programme is said, where the guide is silent.
            now: found.now.map(|on| Programme { stop_s: Some(on.stop_s), ..on.programme.clone() }),
            next: found.next.cloned(),
            progress: found.now.map(|on| on.progress_per_mille),
        })
    }

    /// Programmes of channels of ours with `search` in their title or sub-title that are not over, in order of time.
    ///
    /// # Errors
    /// When a guide is damaged.
    pub fn search(&self, search: &str, now_s: i64, limit: usize) -> Result<Vec<(ChannelId, Programme)>, StoreError> {
        let mut ours: HashMap<(GuideId, &str), Vec<&Mapping>> = HashMap::new();
        for mapping in self.sources.mappings.values() {
            if let Some((guide, id)) = &mapping.to {
                ours.entry((*guide, id.as_str())).or_default().push(mapping);
            }
        }
        let mut found = Vec::new();
        for (guide, programmes) in &self.guides {
            // With an offset, something may be on here that is over there: a day is more than any offset that makes sense.
            for hit in programmes.search(search, now_s - 24 * 3600, usize::MAX)? {
                for mapping in ours.get(&(*guide, hit.channel.as_str())).into_iter().flatten() {
                    let programme = shifted(hit.programme.clone(), mapping.offset_s);
                    if programme.stop_s.unwrap_or(programme.start_s + 3600) > now_s {
                        found.push((mapping.channel, programme));
                    }
                }
            }
        }
        found.sort_by_key(|(channel, programme)| (programme.start_s, *channel));
        found.truncate(limit);
        Ok(found)
    }
}

/// What is on on each of these channels, and what follows, in their order.
///
/// # Errors
/// When the store or a guide cannot be read.
pub async fn on_now(store: &Store, channels: Vec<ChannelId>, now_s: i64) -> Result<Vec<(ChannelId, OnNow)>, StoreError> {
    let sources = Sources::of(store).await?;
    let work = move || {
        let opened = sources.open();
        channels.into_iter().map(|channel| Ok((channel, opened.on_now(channel, now_s)?))).collect()
    };
    tasks::blocking(work).await.map_err(|_| StoreError::Gone)?
}

/// The programmes of a channel between these times, seconds since 1970.
///
/// # Errors
/// When the store or its guide cannot be read.
pub async fn of_channel(store: &Store, channel: ChannelId, from_s: i64, to_s: i64) -> Result<Vec<Programme>, StoreError> {
    let sources = Sources::of(store).await?;
    let work = move || {
        let mut programmes = Vec::new();
        sources.open().each(channel, from_s, to_s, |programme| {
            programmes.push(programme);
            Ok::<_, StoreError>(())
        })?;
        Ok(programmes)
    };
    tasks::blocking(work).await.map_err(|_| StoreError::Gone)?
}

/// Programmes with `search` in their title or sub-title, of channels of ours, not over yet, in order of time.
///
/// # Errors
/// When the store or a guide cannot be read.
pub async fn search(store: &Store, search: String, now_s: i64, limit: usize) -> Result<Vec<(ChannelId, Programme)>, StoreError> {
    let sources = Sources::of(store).await?;
    tasks::blocking(move || sources.open().search(&search, now_s, limit)).await.map_err(|_| StoreError::Gone)?
}

//! Guides: made, changed, read, accepted, taken away; which channel has which; what is on.

use serde::{Deserialize, Serialize};

use super::anew::But;
use super::playlists::{AccessRequest, AccessView, VersionView, valid_refresh};
use super::{Feeds, FeedsError, sentence, valid_name};
use crate::base::clock;
use crate::base::jobs::State;
use crate::base::secret::SafeUrl;
use crate::guide::difference::{self, GuideDifference};
use crate::guide::now::OnNow;
use crate::guide::refresh::{self, GuideError};
use crate::guide::{mapping, now};
use crate::model::{Channel, ChannelId, GuideId, GuideNumber, Programme, ProviderId};
use crate::playlist::given;
use crate::store::guides::{Guide, Mapped, NewGuide};
use crate::store::{FeedId, StoreError};

const REFRESH_H: u32 = 12;
/// Channels can be this much off their guide.
const MOST_OFFSET_S: i64 = 24 * 3600;

/// What may be said of a guide. Of a new one `location` is wanted; of one that is changed, what is absent stays.
#[derive(Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GuideRequest {
    /// Its name.
    pub name: Option<String>,
    /// Address or path.
    pub location: Option<String>,
    /// Hours from one reading to the next; 0: only when asked.
    pub refresh_h: Option<u32>,
    /// How it is fetched.
    pub access: Option<AccessRequest>,
    /// Whether it is used.
    pub active: Option<bool>,
    /// Its place among the guides.
    pub position: Option<u32>,
}

/// A guide, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct GuideView {
    /// Its id.
    pub id: GuideId,
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub location: String,
    /// The playlist that brought it.
    pub playlist: Option<ProviderId>,
    /// Whether it is used.
    pub active: bool,
    /// Its place.
    pub position: u32,
    /// Hours from one reading to the next.
    pub refresh_h: u32,
    /// How it is fetched.
    pub access: AccessView,
    /// When it was last read well.
    pub imported_ms: Option<i64>,
    /// When it was last looked at.
    pub checked_ms: Option<i64>,
    /// Why the last reading failed.
    pub last_error: Option<String>,
    /// The version that is served.
    pub current: Option<VersionView>,
    /// A version that waits for a person.
    pub held: Option<VersionView>,
    /// The job that reads it just now.
    pub job: Option<u64>,
}

/// A channel and its guide.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct MappingView {
    /// The channel.
    pub channel: ChannelId,
    /// Its number.
    pub number: GuideNumber,
    /// Its name.
    pub name: String,
    /// How it came to its guide; absent: it has none yet.
    pub how: Option<Mapped>,
    /// The guide.
    pub guide: Option<GuideId>,
    /// Its channel's id there.
    pub guide_channel: Option<String>,
    /// Seconds by which the channel shows everything later than the guide says.
    pub offset_s: i64,
}

/// A channel of a guide that may be the one.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Suggestion {
    /// The guide.
    pub guide: GuideId,
    /// Its channel's id there.
    pub guide_channel: String,
    /// Its name there.
    pub name: String,
    /// 0 to 1.
    pub score: f32,
    /// Why, in words.
    pub reason: String,
    /// It would be taken without asking.
    pub automatic: bool,
}

/// A mapping as a person says it: a guide and its channel, or neither.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MappingRequest {
    /// The guide; absent: the channel has none.
    pub guide: Option<GuideId>,
    /// Its channel's id there.
    pub guide_channel: Option<String>,
    /// Seconds by which the channel shows everything later than the guide says.
    pub offset_s: i64,
}

/// A guide that a playlist names, and that is not used yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Offered {
    /// The playlist.
    pub playlist: ProviderId,
    /// Its number in the playlist's list.
    pub index: usize,
    /// Its address without credentials.
    pub location: String,
}

impl From<GuideError> for FeedsError {
    fn from(error: GuideError) -> Self {
        match error {
            GuideError::Store(error) => error.into(),
            GuideError::Busy | GuideError::NothingHeld => Self::Conflict(sentence(&error)),
            error => Self::Conflict(sentence(&error)),
        }
    }
}

impl Feeds {
    /// All guides.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn guides(&self) -> Result<Vec<GuideView>, FeedsError> {
        Ok(self.store.guides().await?.iter().map(|guide| self.guide_view(guide)).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none.
    pub async fn guide(&self, id: GuideId) -> Result<GuideView, FeedsError> {
        Ok(self.guide_view(&self.store.guide(id).await?))
    }

    /// Makes one, and begins to read it. The same one that could never be read is read anew as is said now.
    ///
    /// # Errors
    /// When what is said of it cannot be, or it is there already.
    pub async fn add_guide(&self, request: GuideRequest) -> Result<GuideView, FeedsError> {
        let location = request.location.as_deref().map(str::trim).filter(|location| !location.is_empty());
        let location = location.ok_or_else(|| FeedsError::invalid("location", "A guide needs an address or a file."))?;
        let location = valid_location(location)?;
        let key = given::key(&location);
        if let Some(unread) = self.unread_guide(&key).await? {
            return self.begin_guide_anew(unread, &location, request).await;
        }
        let new = NewGuide {
            key,
            name: match request.name.as_deref() {
                Some(name) => valid_name("name", name)?,
                None => self.free_name(&location, But::default()).await?,
            },
            playlist: None,
            access: request.access.unwrap_or_default().access()?,
            refresh_h: valid_refresh(request.refresh_h.unwrap_or(REFRESH_H))?,
            location,
        };
        let name = new.name.clone();
        let id = self.store.add_guide(new).await?;
        tracing::info!(guide.id = id.0, guide.name = name, "a guide was added");
        self.readers.refresh_guide(id, &name, false);
        self.guide(id).await
    }

    /// Changes one. A new address is read at once.
    ///
    /// # Errors
    /// When there is none, or what is said of it cannot be.
    pub async fn change_guide(&self, id: GuideId, request: GuideRequest) -> Result<GuideView, FeedsError> {
        let before = self.store.guide(id).await?;
        let mut guide = before.clone();
        if let Some(name) = &request.name {
            guide.name = valid_name("name", name)?;
        }
        if let Some(location) = &request.location {
            guide.location = valid_location(location.trim())?;
            guide.key = given::key(&guide.location);
        }
        if let Some(access) = request.access {
            guide.access = access.access()?;
        }
        guide.refresh_h = request.refresh_h.map_or(Ok(guide.refresh_h), valid_refresh)?;
        guide.position = request.position.map_or(guide.position, |position| position.min(999));
        guide.active = request.active.unwrap_or(guide.active);
        let name = guide.name.clone();
        self.store.update_guide(guide.clone()).await?;
        tracing::info!(guide.id = id.0, guide.name = name, "a guide was changed");
        if guide.location != before.location || guide.access != before.access {
            self.readers.refresh_guide(id, &name, true);
        }
        self.readers.changed();
        self.guide(id).await
    }

    /// Takes one away. What persons mapped to it waits for them.
    ///
    /// # Errors
    /// When there is none.
    pub async fn remove_guide(&self, id: GuideId) -> Result<(), FeedsError> {
        self.store.remove_guide(id).await?;
        refresh::forget(&self.store, id);
        tracing::info!(guide.id = id.0, "a guide was taken away");
        self.readers.changed();
        Ok(())
    }

    /// Begins to read one; gives the number of the job.
    ///
    /// # Errors
    /// When there is none.
    pub async fn refresh_guide(&self, id: GuideId, anyway: bool) -> Result<u64, FeedsError> {
        let guide = self.store.guide(id).await?;
        Ok(self.readers.refresh_guide(id, &guide.name, anyway))
    }

    /// Begins to serve the version that was held back; gives the number of the job.
    ///
    /// # Errors
    /// When there is none.
    pub async fn accept_held_guide(&self, id: GuideId) -> Result<u64, FeedsError> {
        let guide = self.store.guide(id).await?;
        if guide.versions.held.is_none() {
            return Err(GuideError::NothingHeld.into());
        }
        Ok(self.readers.accept_guide(id, &guide.name))
    }

    /// What the version that is held back differs in from the one that is served.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn held_guide_difference(&self, id: GuideId) -> Result<GuideDifference, FeedsError> {
        Ok(difference::held_difference(&self.store, id).await?)
    }

    /// Forgets the version that was held back.
    ///
    /// # Errors
    /// When there is none.
    pub async fn discard_held_guide(&self, id: GuideId) -> Result<(), FeedsError> {
        self.store.guide(id).await?;
        let _lock = self.lock(FeedId::Guide(id))?;
        match self.store.discard_held(FeedId::Guide(id)).await? {
            true => Ok(()),
            false => Err(FeedsError::Conflict("No version of the guide is held back.".to_owned())),
        }
    }

    /// Guides that playlists name and that are not used yet.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn offered_guides(&self) -> Result<Vec<Offered>, FeedsError> {
        let known: std::collections::HashSet<String> = self.store.guides().await?.into_iter().map(|guide| guide.key).collect();
        let mut offered = Vec::new();
        for playlist in self.store.playlists().await?.iter().filter(|playlist| playlist.active) {
            for (index, location) in named(playlist).into_iter().enumerate() {
                if !known.contains(&given::key(&location)) {
                    let location = SafeUrl(&location).to_string();
                    offered.push(Offered { playlist: playlist.provider.id, index, location });
                }
            }
        }
        Ok(offered)
    }

    /// Uses a guide that a playlist names.
    ///
    /// # Errors
    /// When there is none of this number, or it is used already.
    pub async fn take_offered(&self, id: ProviderId, index: usize) -> Result<GuideView, FeedsError> {
        let playlist = self.store.playlist(id).await?;
        let location = named(&playlist).into_iter().nth(index);
        let location = location.ok_or(FeedsError::NotFound("The playlist names no guide of this number."))?;
        self.add_guide(GuideRequest { location: Some(location), ..GuideRequest::default() }).await
    }

    /// Every channel of the lineup, and its guide.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn mappings(&self) -> Result<Vec<MappingView>, FeedsError> {
        let mappings = self.store.mappings().await?;
        let of = |channel: &Channel| {
            let mapping = mappings.iter().find(|mapping| mapping.channel == channel.id);
            let (guide, guide_channel) = mapping.and_then(|mapping| mapping.to.clone()).unzip();
            MappingView {
                channel: channel.id,
                number: channel.number.clone(),
                name: channel.name.clone(),
                how: mapping.map(|mapping| mapping.how),
                guide,
                guide_channel,
                offset_s: mapping.map_or(0, |mapping| mapping.offset_s),
            }
        };
        Ok(self.store.catalog().channels.iter().map(of).collect())
    }

    /// What a person may choose from for each of these channels.
    ///
    /// # Errors
    /// When the guides cannot be read.
    pub async fn suggestions_for(&self, channels: Vec<Channel>) -> Result<Vec<(ChannelId, Vec<Suggestion>)>, FeedsError> {
        let found = mapping::suggest(&self.store, channels).await?;
        Ok(found.into_iter().map(|(channel, found)| (channel, suggested(found))).collect())
    }

    /// What a person may choose from for a channel.
    ///
    /// # Errors
    /// When there is no such channel, or the guides cannot be read.
    pub async fn suggestions(&self, id: ChannelId) -> Result<Vec<Suggestion>, FeedsError> {
        let channel = self.any_channel(id).await?;
        let found = self.suggestions_for(vec![channel]).await?.into_iter().next();
        Ok(found.map(|(_, suggestions)| suggestions).unwrap_or_default())
    }

    /// Maps a channel as a person says.
    ///
    /// # Errors
    /// When there is no such channel, guide or channel of the guide.
    pub async fn map_channel(&self, id: ChannelId, request: MappingRequest) -> Result<(), FeedsError> {
        if !(-MOST_OFFSET_S..=MOST_OFFSET_S).contains(&request.offset_s) {
            return Err(FeedsError::invalid("offset_s", "A channel is at most a day (86400 s) off its guide."));
        }
        let to = match (request.guide, request.guide_channel) {
            (None, None) => None,
            (Some(guide), Some(channel)) => {
                let known = self.store.guide(guide).await?;
                let channels = mapping::channels_of(&self.store, &known).await?;
                if !channels.is_empty() && !channels.iter().any(|one| one.id == channel) {
                    return Err(FeedsError::invalid("guide_channel", "The guide has no channel with this id."));
                }
                Some((guide, channel))
            }
            _ => return Err(FeedsError::invalid("guide", "Give `guide` and `guide_channel`, or neither: then it has no guide.")),
        };
        self.store.set_mapping(id, to, request.offset_s).await?;
        self.readers.changed();
        Ok(())
    }

    /// Forgets what a person said of a channel's guide.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn unmap_channel(&self, id: ChannelId) -> Result<(), FeedsError> {
        self.any_channel(id).await?;
        self.store.clear_mapping(id).await?;
        self.readers.changed();
        Ok(())
    }

    /// The channels of a guide, those with `search` in a name or id.
    ///
    /// # Errors
    /// When there is no such guide.
    pub async fn guide_channels(&self, id: GuideId, search: &str) -> Result<Vec<crate::model::GuideChannel>, FeedsError> {
        let guide = self.store.guide(id).await?;
        let search = search.to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&search);
        let mut channels = mapping::channels_of(&self.store, &guide).await?;
        channels.retain(|channel| holds(&channel.id) || channel.names.iter().any(|name| holds(&name.text)));
        Ok(channels)
    }

    /// What is on on every channel of the lineup.
    ///
    /// # Errors
    /// When the guides cannot be read.
    pub async fn on_now(&self) -> Result<Vec<(ChannelId, OnNow)>, FeedsError> {
        self.on_now_of(self.store.catalog().channels.iter().map(|channel| channel.id).collect()).await
    }

    /// What is on on these channels.
    ///
    /// # Errors
    /// When the guides cannot be read.
    pub async fn on_now_of(&self, channels: Vec<ChannelId>) -> Result<Vec<(ChannelId, OnNow)>, FeedsError> {
        Ok(now::on_now(&self.store, channels, clock::wall_ms() / 1000).await?)
    }

    /// The programmes of a channel for so many hours from now.
    ///
    /// # Errors
    /// When there is no such channel, or its guide cannot be read.
    pub async fn programmes(&self, id: ChannelId, hours: u32) -> Result<Vec<Programme>, FeedsError> {
        if !(1..=336).contains(&hours) {
            return Err(FeedsError::invalid("hours", "`hours` is 1 to 336."));
        }
        self.any_channel(id).await?;
        let now_s = clock::wall_ms() / 1000;
        Ok(now::of_channel(&self.store, id, now_s, now_s + i64::from(hours) * 3600).await?)
    }

    /// Programmes with `search` in their title or sub-title that are not over.
    ///
    /// # Errors
    /// When nothing is looked for, or the guides cannot be read.
    pub async fn search_programmes(&self, search: &str, limit: usize) -> Result<Vec<(ChannelId, Programme)>, FeedsError> {
        if search.trim().is_empty() {
            return Err(FeedsError::invalid("q", "Say what to look for: `q`."));
        }
        Ok(now::search(&self.store, search.trim().to_owned(), clock::wall_ms() / 1000, limit.clamp(1, 500)).await?)
    }

    pub(in crate::admin) async fn any_channel(&self, id: ChannelId) -> Result<Channel, FeedsError> {
        let all = self.store.all_channels().await?;
        all.into_iter().find(|channel| channel.id == id).ok_or_else(|| StoreError::NoSuchChannel.into())
    }

    fn guide_view(&self, guide: &Guide) -> GuideView {
        let running = |job: &crate::base::jobs::Job| {
            matches!(job.state, State::Waiting | State::Running) && job.kind.starts_with("guide.") && job.subject == guide.id.0
        };
        GuideView {
            id: guide.id,
            name: guide.name.clone(),
            location: given::shown(&guide.location),
            playlist: guide.playlist,
            active: guide.active,
            position: guide.position,
            refresh_h: guide.refresh_h,
            access: AccessView::new(&guide.access),
            imported_ms: guide.imported_ms,
            checked_ms: guide.checked_ms,
            last_error: guide.last_error.clone(),
            current: guide.versions.current.as_ref().map(VersionView::new),
            held: guide.versions.held.as_ref().map(VersionView::new),
            job: self.jobs.list().into_iter().find(running).map(|job| job.id),
        }
    }
}

fn suggested(found: crate::guide::matcher::Match) -> Vec<Suggestion> {
    let automatic = found.automatic;
    let shown = |scored: crate::guide::matcher::Scored| Suggestion {
        automatic: automatic.as_ref().is_some_and(|one| one.source == scored.source && one.id == scored.id),
        guide: GuideId(scored.source),
        reason: scored.reason(),
        guide_channel: scored.id,
        name: scored.name,
        score: scored.score,
    };
    found.suggestions.into_iter().map(shown).collect()
}

/// The addresses of guides that a playlist names.
fn named(playlist: &crate::store::Playlist) -> Vec<String> {
    let report = playlist.versions.current.as_ref().map(|current| &current.version.report);
    let guides = report.and_then(|report| report.get("guides")?.as_array().cloned()).unwrap_or_default();
    let addresses = guides.into_iter().filter_map(|guide| guide.as_str().map(str::to_owned));
    addresses.filter(|address| address.starts_with("http://") || address.starts_with("https://")).collect()
}

fn valid_location(location: &str) -> Result<String, FeedsError> {
    if location.contains("***") {
        return Err(FeedsError::invalid("location", "Type the whole address: what stands for a password here is not one."));
    }
    let scheme = location.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let known = scheme.is_none_or(|scheme| ["http", "https", "file"].contains(&scheme.as_str()));
    if !known || location.chars().any(char::is_control) || location.len() > 8192 {
        return Err(FeedsError::invalid("location", "Guides are read from files and from http and https addresses."));
    }
    Ok(given::absolute(location))
}

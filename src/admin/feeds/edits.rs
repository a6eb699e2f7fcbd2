//! Channels: one or many changed at once, numbered anew, made, and given sources.

use serde::Deserialize;

use super::playlists::said;
use super::{Feeds, FeedsError, valid_name};
use crate::model::{Channel, ChannelId, GuideNumber, Headers, ProviderId, SourceId};
use crate::playlist::{self, RefreshError, identity, items};
use crate::store::{ChannelEdit, OwnSource};

/// Most channels of one change.
const MOST: usize = 100_000;

/// What is to be different about a channel. What is absent stays; `null`: as the playlist, or the settings, say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EditRequest {
    /// Its number.
    pub number: Option<String>,
    /// Its name.
    #[serde(deserialize_with = "said")]
    pub name: Option<Option<String>>,
    /// Address of its logo.
    #[serde(deserialize_with = "said")]
    pub logo: Option<Option<String>>,
    /// Its id in guides.
    #[serde(deserialize_with = "said")]
    pub guide_id: Option<Option<String>>,
    /// Its groups.
    #[serde(deserialize_with = "said")]
    pub groups: Option<Option<Vec<String>>>,
    /// Whether it is in the lineup.
    pub enabled: Option<bool>,
    /// Whether it is a favourite.
    pub favorite: Option<bool>,
    /// Whether its next source is kept ready.
    #[serde(deserialize_with = "said")]
    pub hot_standby: Option<Option<bool>>,
}

/// Which channels: all that is said must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// These, in this order.
    pub ids: Option<Vec<ChannelId>>,
    /// Those of this group.
    pub group: Option<String>,
    /// Those with this in their name.
    pub search: Option<String>,
    /// Those that are in the lineup, or those that are not.
    pub enabled: Option<bool>,
    /// All of them: it must be said.
    pub all: bool,
}

/// A change of many channels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BulkRequest {
    /// Which.
    pub select: Selection,
    /// What is different.
    pub set: EditRequest,
    /// New numbers, one after the other.
    pub renumber: Option<Renumber>,
}

/// New numbers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Renumber {
    /// The number of the first.
    pub from: u32,
    /// From one to the next.
    #[serde(default = "one")]
    pub step: u32,
}

fn one() -> u32 {
    1
}

/// A channel to be made.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewChannelRequest {
    /// Its name.
    pub name: Option<String>,
    /// Its number; the next free one if absent.
    pub number: Option<String>,
    /// Its sources, in their order.
    pub sources: Vec<SourceRequest>,
}

/// A source to be given to a channel: an item of a playlist, or an address.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceRequest {
    /// The playlist.
    pub playlist: Option<ProviderId>,
    /// The number of its item.
    pub item: Option<i64>,
    /// An address.
    pub url: Option<String>,
    /// Request headers for it, by name.
    pub headers: std::collections::BTreeMap<String, String>,
}

impl Feeds {
    /// Changes a channel.
    ///
    /// # Errors
    /// When there is none, or what is said cannot be.
    pub async fn edit_channel(&self, id: ChannelId, request: &EditRequest) -> Result<(), FeedsError> {
        self.store.edit_channels(vec![(id, edit(request)?)]).await?;
        self.tell_mapping(request);
        Ok(())
    }

    /// Changes many channels, all of them or none; gives how many.
    ///
    /// # Errors
    /// When what is said cannot be, or a number belongs to a channel that is not among them.
    pub async fn edit_channels(&self, request: &BulkRequest) -> Result<usize, FeedsError> {
        if request.set.number.is_some() {
            return Err(FeedsError::invalid("set", "Many channels cannot have one number; use `renumber`."));
        }
        let channels = self.selected(&request.select).await?;
        let base = edit(&request.set)?;
        let numbers = request.renumber.as_ref().map(|renumber| numbers(renumber, channels.len())).transpose()?;
        let mut numbers = numbers.map(Vec::into_iter);
        let edits: Vec<(ChannelId, ChannelEdit)> = channels
            .into_iter()
            .map(|channel| (channel, ChannelEdit { number: numbers.as_mut().and_then(Iterator::next), ..base.clone() }))
            .collect();
        let count = edits.len();
        self.store.edit_channels(edits).await?;
        tracing::info!(channels = count, "channels were changed");
        self.tell_mapping(&request.set);
        Ok(count)
    }

    /// What a guide is found by has changed: whoever said so wants to see the guide, not to wait until channels are looked at again.
    fn tell_mapping(&self, request: &EditRequest) {
        if request.name.is_some() || request.guide_id.is_some() || request.groups.is_some() {
            self.readers.changed();
        }
    }

    /// Makes a channel.
    ///
    /// # Errors
    /// When what is said cannot be, its number belongs to another one, or an item is a source of another one.
    pub async fn add_channel(&self, request: &NewChannelRequest) -> Result<ChannelId, FeedsError> {
        let mut sources = Vec::new();
        let mut name = request.name.as_deref().map(|name| valid_name("name", name)).transpose()?;
        for source in &request.sources {
            let source = self.own_source(source).await?;
            self.not_taken(&source).await?;
            if let (None, OwnSource::Item(_, item)) = (&name, &source) {
                name = Some(item.channel.name.clone());
            }
            sources.push(source);
        }
        let name = name.ok_or_else(|| FeedsError::invalid("name", "A channel needs a name."))?;
        let number = request.number.as_deref().map(valid_number).transpose()?;
        let id = self.store.add_channel(name, number, sources).await?;
        tracing::info!(channel.id = id.0, "a channel was made");
        self.readers.changed();
        Ok(id)
    }

    /// Gives a channel one more source.
    ///
    /// # Errors
    /// When there is no such channel or item, or the address cannot be.
    pub async fn add_source(&self, channel: ChannelId, request: &SourceRequest) -> Result<SourceId, FeedsError> {
        let source = self.own_source(request).await?;
        let id = self.store.add_source(channel, source).await?;
        self.readers.changed();
        Ok(id)
    }

    /// Takes a source that a person gave to a channel away from it.
    ///
    /// # Errors
    /// When there is none, or a rule made it one.
    pub async fn remove_source(&self, id: SourceId) -> Result<(), FeedsError> {
        match self.store.remove_source(id).await? {
            Some(playlist) => {
                // The item may be a source of its own channel again.
                let name = self.store.playlist(playlist).await?.provider.name;
                if let Err(RefreshError::Busy) = playlist::apply_rules(&self.store, playlist).await {
                    self.readers.apply_rules(playlist, &name);
                }
                Ok(())
            }
            None => {
                let text = "This source comes from its playlist's rules. Switch it off (`enabled`), or change the rules.";
                Err(FeedsError::Conflict(text.to_owned()))
            }
        }
    }

    /// That a new channel takes no other channel's source away.
    async fn not_taken(&self, source: &OwnSource) -> Result<(), FeedsError> {
        let OwnSource::Item(playlist, item) = source else { return Ok(()) };
        let Some(id) = self.channels_of_items(*playlist).await?.get(&item.source.item_key).copied() else { return Ok(()) };
        let channel = self.any_channel(id).await?;
        Err(FeedsError::Conflict(format!(
            "This item is a source of channel {} ({}) already. Change that one; or take it away first, then the item is free.",
            channel.number, channel.name
        )))
    }

    async fn own_source(&self, request: &SourceRequest) -> Result<OwnSource, FeedsError> {
        match (request.playlist, request.item, request.url.as_deref()) {
            (Some(playlist), Some(item), None) => {
                let item = self.item(playlist, item).await?;
                let keys = identity::keys(item.guide_id.as_deref(), &item.name, &item.url);
                Ok(OwnSource::Item(playlist, Box::new(items::import_item(&item, keys))))
            }
            (None, None, Some(url)) => {
                let url = valid_url(url)?;
                Ok(OwnSource::Link { url, headers: Headers(request.headers.clone().into_iter().collect()) })
            }
            _ => Err(FeedsError::invalid("source", "Give `playlist` and `item`, or `url`.")),
        }
    }

    async fn selected(&self, selection: &Selection) -> Result<Vec<ChannelId>, FeedsError> {
        let said =
            selection.ids.is_some() || selection.group.is_some() || selection.search.is_some() || selection.enabled.is_some();
        if !said && !selection.all {
            return Err(FeedsError::invalid("select", "Say which channels: `ids`, `group`, `search`, `enabled`, or `all`."));
        }
        let all = self.store.all_channels().await?;
        let (group, search) =
            (selection.group.as_deref().map(str::to_lowercase), selection.search.as_deref().map(str::to_lowercase));
        let holds = |channel: &Channel| {
            let in_group = |group: &String| groups(channel).any(|one| one.to_lowercase() == *group);
            group.as_ref().is_none_or(in_group)
                && search.as_ref().is_none_or(|search| channel.name.to_lowercase().contains(search.as_str()))
                && selection.enabled.is_none_or(|enabled| channel.enabled == enabled)
        };
        let Some(ids) = &selection.ids else {
            return Ok(all.iter().filter(|channel| holds(channel)).map(|channel| channel.id).collect());
        };
        if ids.len() > MOST {
            return Err(FeedsError::invalid("select", format!("At most {MOST} channels are changed at once.")));
        }
        let known: std::collections::HashMap<ChannelId, &Channel> = all.iter().map(|channel| (channel.id, channel)).collect();
        let mut seen = std::collections::HashSet::new();
        let mut found = Vec::new();
        for id in ids {
            let channel = known.get(id).ok_or(FeedsError::NotFound("There is no channel with one of these ids."))?;
            if holds(channel) && seen.insert(*id) {
                found.push(*id);
            }
        }
        Ok(found)
    }
}

/// The groups of a channel.
pub(in crate::admin) fn groups(channel: &Channel) -> impl Iterator<Item = &str> {
    channel.group.as_deref().unwrap_or_default().split(';').map(str::trim).filter(|group| !group.is_empty())
}

/// Checks a change.
pub(super) fn edit(request: &EditRequest) -> Result<ChannelEdit, FeedsError> {
    let text = |field: &'static str, value: &Option<Option<String>>| match value {
        Some(Some(text)) => valid_name(field, text).map(|text| Some(Some(text))),
        other => Ok(other.clone()),
    };
    let group = match &request.groups {
        Some(Some(groups)) => {
            let groups = groups.iter().map(|group| valid_name("groups", group)).collect::<Result<Vec<_>, _>>()?;
            Some(Some(groups.join(";")))
        }
        Some(None) => Some(None),
        None => None,
    };
    let logo = match &request.logo {
        Some(Some(logo)) => Some(Some(valid_logo(logo)?)),
        other => other.clone(),
    };
    Ok(ChannelEdit {
        number: request.number.as_deref().map(valid_number).transpose()?,
        name: text("name", &request.name)?,
        logo,
        guide_id: text("guide_id", &request.guide_id)?,
        group,
        enabled: request.enabled,
        favorite: request.favorite,
        hot_standby: request.hot_standby,
    })
}

/// The numbers of so many channels. Pure.
fn numbers(renumber: &Renumber, count: usize) -> Result<Vec<GuideNumber>, FeedsError> {
    let bad = || FeedsError::invalid("renumber", "Numbers go from 1 to 99999, and `step` is at least 1.");
    let step = Some(renumber.step).filter(|step| *step > 0).ok_or_else(bad)?;
    let at = |index: usize| {
        let offset = u32::try_from(index).ok()?.checked_mul(step)?;
        renumber.from.checked_add(offset).filter(|number| (1..=99_999).contains(number)).map(GuideNumber::whole)
    };
    (0..count).map(|index| at(index).ok_or_else(bad)).collect()
}

pub(super) fn valid_number(number: &str) -> Result<GuideNumber, FeedsError> {
    let number: GuideNumber = number.trim().parse().map_err(|error| FeedsError::invalid("number", format!("{error}.")))?;
    if number.major() == 0 {
        return Err(FeedsError::invalid("number", "Numbers begin at 1."));
    }
    Ok(number)
}

fn valid_logo(logo: &str) -> Result<String, FeedsError> {
    let logo = logo.trim();
    let web = logo.starts_with("http://") || logo.starts_with("https://");
    if !web || logo.len() > 4096 || logo.chars().any(char::is_control) {
        return Err(FeedsError::invalid("logo", "A logo is an http or https address."));
    }
    Ok(logo.to_owned())
}

fn valid_url(url: &str) -> Result<String, FeedsError> {
    let url = url.trim();
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
    let known = ["http", "https", "udp", "rtp", "srt", "push", "file", "demo"].contains(&scheme.as_str());
    if !known || url.len() > 8192 || url.chars().any(char::is_control) {
        return Err(FeedsError::invalid("url", "An address begins with http, https, udp, rtp, srt, push or file."));
    }
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_each_other() {
        let list = |from, step, count| {
            numbers(&Renumber { from, step }, count).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(list(200, 10, 3).unwrap(), ["200", "210", "220"]);
        assert!(list(99_999, 1, 2).is_err() && list(0, 1, 1).is_err() && list(1, 0, 1).is_err() && list(1, u32::MAX, 3).is_err());
    }

    #[rstest::rstest]
    #[case(r#"{"name":""}"#, "name")]
    #[case(r#"{"number":"0"}"#, "number")]
    #[case(r#"{"number":"5_1"}"#, "number")]
    #[case(r#"{"logo":"javascript:x"}"#, "logo")]
    #[case(r#"{"groups":[""]}"#, "groups")]
    fn what_cannot_be_is_told(#[case] json: &str, #[case] field: &str) {
        let request: EditRequest = serde_json::from_str(json).unwrap();
        assert!(matches!(edit(&request), Err(FeedsError::Invalid(said, _)) if said == field));
    }

    #[test]
    fn null_is_not_absence() {
        let request: EditRequest = serde_json::from_str(r#"{"name":null,"groups":["A","B"]}"#).unwrap();
        let edit = edit(&request).unwrap();
        assert_eq!((edit.name, edit.logo, edit.group), (Some(None), None, Some(Some("A;B".into()))));
        assert!(serde_json::from_str::<EditRequest>(r#"{"nmae":"x"}"#).is_err());
    }
}

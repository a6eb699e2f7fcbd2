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

/// One of them, as it was when the guide was last read.
///
/// # Errors
/// When its version cannot be read.
pub async fn channel_of(store: &Store, guide: &Guide, id: &str) -> Result<Option<GuideChannel>, StoreError> {
    let Some(current) = &guide.versions.current else { return Ok(None) };
    let (path, id) = (store.feeds_dir().join(&current.version.file), id.to_owned());
    if !path.exists() {
        return Ok(None);
    }
    tasks::blocking(move || Programmes::open(&path)?.channel(&id)).await.map_err(|_| StoreError::Gone)?
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
    let said = store.own_guide_ids().await?;
    let (found, lost) =
        tasks::blocking(move || decide(&guides, &channels, &mappings, &said)).await.map_err(|_| StoreError::Gone)?;
    store.map_by_itself(found, lost).await
}

/// Which mappings are new, and which channels are mapped no more. `said`: the guide ids that persons gave to channels. Pure.
fn decide(
    guides: &[Known],
    channels: &[Channel],
    mappings: &HashMap<ChannelId, Mapping>,
    said: &HashMap<ChannelId, String>,
) -> (Vec<Mapping>, Vec<ChannelId>) {
    let ids: HashSet<(GuideId, &str)> =
        guides.iter().flat_map(|guide| guide.channels.iter().map(|channel| (guide.id, channel.id.as_str()))).collect();
    // A guide of which nothing is known says nothing of what it has lost.
    let readable: HashSet<GuideId> = guides.iter().filter(|guide| !guide.channels.is_empty()).map(|guide| guide.id).collect();
    let used: HashSet<GuideId> = guides.iter().map(|guide| guide.id).collect();
    let index = index(guides);
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    for channel in channels {
        let mapping = mappings.get(&channel.id);
        let gone = match mapping {
            Some(mapping) if mapping.how == Mapped::Person => continue,
            Some(Mapping { to: Some((guide, id)), .. }) => {
                let own = said.get(&channel.id);
                // What a person has said since goes before what was found.
                let newer =
                    own.is_some_and(|own| own != id && guides.iter().any(|guide| ids.contains(&(guide.id, own.as_str()))));
                // One of a guide that is switched off is given up where another one has the channel.
                if !newer && used.contains(guide) && (!readable.contains(guide) || ids.contains(&(*guide, id.as_str()))) {
                    continue;
                }
                used.contains(guide) && !newer
            }
            Some(_) => true,
            None => false,
        };
        match ask(&index, channel, said.get(&channel.id)).automatic {
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

fn ask(index: &Index, channel: &Channel, said: Option<&String>) -> Match {
    let number = channel.number.to_string();
    index.find(&Wanted {
        name: &channel.name,
        tvg_id: channel.guide_id.as_deref(),
        guide_id: said.map(String::as_str),
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
    let said = store.own_guide_ids().await?;
    let work = move || {
        let index = index(&guides);
        channels.iter().map(|channel| (channel.id, ask(&index, channel, said.get(&channel.id)))).collect()
    };
    tasks::blocking(work).await.map_err(|_| StoreError::Gone)
}

/// Channels of all guides in use with `search` in a name or in their id, whatever the case, the nearest first; at most `most`.
///
/// # Errors
/// When the guides cannot be read.
pub async fn find(store: &Store, search: &str, most: usize) -> Result<Vec<(GuideId, GuideChannel)>, StoreError> {
    let guides = known(store, None).await?;
    let search = search.to_lowercase();
    tasks::blocking(move || found(guides, &search, most)).await.map_err(|_| StoreError::Gone)
}

/// See [`find`]; `search` in small letters. Pure.
fn found(guides: Vec<Known>, search: &str, most: usize) -> Vec<(GuideId, GuideChannel)> {
    // 0: it is called that; 1: it begins so; 2: it is in it.
    let far = |text: &str| {
        let text = text.to_lowercase();
        text.find(search).map(|at| {
            if text == search {
                0
            } else if at == 0 {
                1
            } else {
                2
            }
        })
    };
    let farness = |channel: &GuideChannel| {
        channel.names.iter().map(|name| name.text.as_str()).chain([channel.id.as_str()]).filter_map(far).min()
    };
    let all = guides.into_iter().flat_map(|guide| guide.channels.into_iter().map(move |channel| (guide.id, channel)));
    let mut found: Vec<_> = all.filter_map(|(guide, channel)| farness(&channel).map(|far| (far, guide, channel))).collect();
    found.sort_by_key(|(far, ..)| *far);
    found.into_iter().take(most).map(|(_, guide, channel)| (guide, channel)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::programme::Text;

    fn known(id: i64, channels: &[&str]) -> Known {
        let channel = |id: &&str| GuideChannel {
            id: (*id).to_owned(),
            names: vec![Text { text: format!("Name of {id}"), lang: None }],
            ..GuideChannel::default()
        };
        Known { id: GuideId(id), hints: Default::default(), channels: channels.iter().map(channel).collect() }
    }

    fn channel(tvg_id: &str) -> Channel {
        Channel {
            id: ChannelId(1),
            number: "5".parse().unwrap(),
            name: "Something else".into(),
            logo: None,
            guide_id: Some(tvg_id.into()),
            group: None,
            enabled: true,
            favorite: false,
            drm: false,
            info: None,
            hot_standby: None,
            station_id: None,
        }
    }

    /// What becomes of a channel with this `tvg-id`, mapped to this: nothing, another mapping, or none.
    fn decided(guides: &[Known], before: Option<(i64, &str, Mapped)>, said: Option<&str>) -> Option<Option<(i64, String)>> {
        let mapping = before.map(|(guide, id, how)| Mapping {
            channel: ChannelId(1),
            to: Some((GuideId(guide), id.to_owned())),
            how,
            offset_s: 0,
        });
        let mappings = mapping.into_iter().map(|mapping| (mapping.channel, mapping)).collect();
        let said: HashMap<ChannelId, String> = said.into_iter().map(|id| (ChannelId(1), id.to_owned())).collect();
        // What a person says is the channel's `tvg-id`, too.
        let channel = channel(said.get(&ChannelId(1)).map_or("one", String::as_str));
        let (found, lost) = decide(guides, &[channel], &mappings, &said);
        match (found.as_slice(), lost.as_slice()) {
            ([], []) => None,
            ([], [_]) => Some(None),
            ([mapping], []) => Some(mapping.to.clone().map(|(guide, id)| (guide.0, id))),
            other => panic!("{other:?}"),
        }
    }

    #[rstest::rstest]
    #[case::new(&[known(1, &["one"])], None, None, Some(Some((1, "one"))))]
    #[case::nothing_fits(&[known(1, &["two"])], None, None, None)]
    #[case::what_was_found_stays(&[known(1, &["one", "two"])], Some((1, "two", Mapped::Name)), None, None)]
    #[case::what_is_gone_is_found_anew(&[known(1, &["one"])], Some((1, "two", Mapped::Name)), None, Some(Some((1, "one"))))]
    #[case::or_lost(&[known(1, &["three"])], Some((1, "two", Mapped::Name)), None, Some(None))]
    #[case::a_guide_of_which_nothing_is_known(&[known(1, &[])], Some((1, "two", Mapped::Name)), None, None)]
    #[case::an_id_that_a_person_gave(&[known(1, &["one", "two"])], None, Some("two"), Some(Some((1, "two"))))]
    #[case::later(&[known(1, &["one", "two"])], Some((1, "one", Mapped::TvgId)), Some("two"), Some(Some((1, "two"))))]
    #[case::it_is_in_no_guide(&[known(1, &["one"])], Some((1, "one", Mapped::TvgId)), Some("two"), None)]
    #[case::a_mapping_by_a_person(&[known(1, &["one", "two"])], Some((1, "one", Mapped::Person)), Some("two"), None)]
    #[case::switched_off(&[known(2, &["one"])], Some((1, "one", Mapped::TvgId)), None, Some(Some((2, "one"))))]
    #[case::and_no_other_has_it(&[known(2, &["two"])], Some((1, "one", Mapped::TvgId)), None, None)]
    fn mappings_change_only_where_they_have_to(
        #[case] guides: &[Known],
        #[case] before: Option<(i64, &str, Mapped)>,
        #[case] said: Option<&str>,
        #[case] expected: Option<Option<(i64, &str)>>,
    ) {
        let expected = expected.map(|to| to.map(|(guide, id)| (guide, id.to_owned())));
        assert_eq!(decided(guides, before, said), expected);
    }

    #[rstest::rstest]
    #[case("sport", 9, &[(2, "sport"), (1, "sport.one"), (1, "eurosport")])]
    #[case("name of sp", 9, &[(1, "sport.one"), (2, "sport")])]
    #[case("sport", 1, &[(2, "sport")])]
    #[case("nothing", 9, &[])]
    fn channels_of_all_guides_are_found(#[case] search: &str, #[case] most: usize, #[case] expected: &[(i64, &str)]) {
        let guides = vec![known(1, &["eurosport", "Sport.One", "news"]), known(2, &["sport"])];
        let found = found(guides, search, most);
        let found: Vec<(i64, String)> = found.into_iter().map(|(guide, channel)| (guide.0, channel.id.to_lowercase())).collect();
        assert_eq!(found, expected.iter().map(|(guide, id)| (*guide, (*id).to_owned())).collect::<Vec<_>>());
    }
}

//! What a person chooses a channel's guide from: what is like it, what was looked for, and whether something is still being read.

use std::collections::{HashMap, HashSet};

use super::guides::{MappingView, Suggestion};
use super::{Feeds, FeedsError};
use crate::guide::mapping;
use crate::model::{ChannelId, GuideChannel, GuideId};

/// Most that a search gives.
const MOST: usize = 20;

/// A channel of a guide that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The guide.
    pub guide: GuideId,
    /// Its channel's id there.
    pub id: String,
    /// Its name there.
    pub name: String,
    /// The guide's name, where there are several.
    pub of: Option<String>,
    /// Why it is offered; empty where there is nothing to say.
    pub reason: String,
    /// It is the one that the channel has.
    pub chosen: bool,
}

/// All of them, the one that the channel has first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// What can be chosen.
    pub list: Vec<Choice>,
    /// What was looked for; empty: nothing.
    pub find: String,
    /// How many were found of it.
    pub found: usize,
    /// There are more of those.
    pub more: bool,
}

impl Choices {
    /// The one that the channel has.
    pub fn chosen(&self) -> Option<&Choice> {
        self.list.first().filter(|choice| choice.chosen)
    }
}

impl Feeds {
    /// What a person may choose from for a channel with this mapping: what it has, what is found with `find` in all guides in use, and what
    /// is like it.
    ///
    /// # Errors
    /// When there is no such channel, or the guides cannot be read.
    pub async fn choices(&self, id: ChannelId, mapping: Option<&MappingView>, find: &str) -> Result<Choices, FeedsError> {
        let find = find.trim();
        let guides = self.store.guides().await?;
        let suggestions = self.suggestions(id).await?;
        let mut found = Vec::new();
        if !find.is_empty() {
            found = mapping::find(&self.store, find, MOST + 1).await?;
        }
        let has = mapping.and_then(|mapping| mapping.guide.zip(mapping.guide_channel.clone()));
        let guide = has.as_ref().and_then(|(has, _)| guides.iter().find(|guide| guide.id == *has));
        let has = match (has, guide) {
            (Some((_, channel)), Some(guide)) => {
                let known = mapping::channel_of(&self.store, guide, &channel).await?;
                let name = known.as_ref().map_or_else(|| channel.clone(), name_of);
                Some((guide.id, channel, name))
            }
            _ => None,
        };
        let names: HashMap<GuideId, String> = guides.into_iter().map(|guide| (guide.id, guide.name)).collect();
        let more = found.len() > MOST;
        found.truncate(MOST);
        let (count, find) = (found.len(), find.to_owned());
        Ok(Choices { list: listed(has, found, suggestions, &names), find, found: count, more })
    }

    /// The newest job that may bring programmes of this guide, or, without one, a guide.
    pub fn guide_job(&self, guide: Option<GuideId>) -> Option<u64> {
        let brings = |kind: &str, subject: i64| match kind {
            "guide.map" => true,
            kind => kind.starts_with("guide.") && guide.is_none_or(|guide| guide.0 == subject),
        };
        let running = self.jobs.list().into_iter().find(|job| !job.state.is_over() && brings(job.kind, job.subject));
        running.map(|job| job.id)
    }
}

fn name_of(channel: &GuideChannel) -> String {
    channel.names.first().map_or_else(|| channel.id.clone(), |name| name.text.clone())
}

/// What the channel has, what was found and what is like it, each once. A channel that a second guide of the same name has under the same
/// id is the same to whoever reads it, and is left out. Pure.
fn listed(
    has: Option<(GuideId, String, String)>,
    found: Vec<(GuideId, GuideChannel)>,
    suggestions: Vec<Suggestion>,
    names: &HashMap<GuideId, String>,
) -> Vec<Choice> {
    let of = |guide: GuideId| names.get(&guide).filter(|_| names.len() > 1).cloned();
    let reason_of = |guide: GuideId, id: &str| {
        let known = suggestions.iter().find(|one| one.guide == guide && one.guide_channel == id);
        known.map(|one| one.reason.clone()).unwrap_or_default()
    };
    let has = has.into_iter().map(|(guide, id, name)| (guide, id, name, true));
    let found = found.into_iter().map(|(guide, channel)| (guide, channel.id.clone(), name_of(&channel), false));
    let like = suggestions.iter().map(|one| (one.guide, one.guide_channel.clone(), one.name.clone(), false));
    let mut seen = HashSet::new();
    let all = has.chain(found).chain(like).filter(|(guide, id, ..)| seen.insert((names.get(guide), id.clone())));
    let choice = |(guide, id, name, chosen): (GuideId, String, String, bool)| Choice {
        reason: reason_of(guide, &id),
        of: of(guide),
        guide,
        id,
        name,
        chosen,
    };
    all.map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::programme::Text;

    fn like(guide: i64, id: &str) -> Suggestion {
        Suggestion {
            guide: GuideId(guide),
            guide_channel: id.into(),
            name: id.to_uppercase(),
            score: 0.9,
            reason: "the same name".into(),
            automatic: false,
        }
    }

    fn found(guide: i64, id: &str) -> (GuideId, GuideChannel) {
        let names = vec![Text { text: id.to_uppercase(), lang: None }];
        (GuideId(guide), GuideChannel { id: id.into(), names, ..GuideChannel::default() })
    }

    /// Guide, id, the guide's name, and whether it is chosen.
    fn rows(choices: &[Choice]) -> Vec<(i64, &str, Option<&str>, bool)> {
        choices.iter().map(|one| (one.guide.0, one.id.as_str(), one.of.as_deref(), one.chosen)).collect()
    }

    #[test]
    fn each_is_listed_once_with_its_guide() {
        let names = |of: &[(i64, &str)]| of.iter().map(|(id, name)| (GuideId(*id), (*name).to_owned())).collect();
        let (one, two, same) = (names(&[(1, "East")]), names(&[(1, "East"), (2, "West")]), names(&[(1, "box"), (2, "box")]));
        let suggestions = || vec![like(1, "a"), like(2, "a"), like(1, "b")];
        let has = |guide: i64| Some((GuideId(guide), "a".to_owned(), "A".to_owned()));
        assert_eq!(rows(&listed(None, vec![], vec![like(1, "a")], &one)), [(1, "a", None, false)], "one guide needs no name");
        let list = listed(has(2), vec![], suggestions(), &two);
        let (east, west) = (Some("East"), Some("West"));
        assert_eq!(rows(&list), [(2, "a", west, true), (1, "a", east, false), (1, "b", east, false)]);
        assert_eq!(list[0].reason, "the same name");
        let list = listed(has(2), vec![], suggestions(), &same);
        assert_eq!(rows(&list), [(2, "a", Some("box"), true), (1, "b", Some("box"), false)], "nobody can tell them apart");
        let list = listed(None, vec![found(1, "c"), found(1, "b")], suggestions(), &two);
        assert_eq!(list.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["c", "b", "a", "a"]);
        assert_eq!((list[0].reason.as_str(), list[1].reason.as_str(), list[0].name.as_str()), ("", "the same name", "C"));
    }
}

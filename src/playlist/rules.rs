//! The rules of a playlist, ready to be asked of every item. Pure.

use regex::{Regex, RegexBuilder};

use crate::model::{Assignment, Automatic, ChannelId, Condition, EventBlock, ItemKind, PlaylistItem, PlaylistRules};

/// Compiled, an expression takes no more memory than this: rules come from outside.
const MOST_OF_A_REGEX: usize = 256 * 1024;
/// Most conditions of one kind.
const MOST: usize = 1000;
/// Most channels of one block of events.
const MOST_SLOTS: u32 = 1000;
/// The largest guide number.
const LAST_NUMBER: u32 = 99_999;

/// A rule that cannot be used, for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRule {
    /// Not a regular expression.
    #[error("{0:?} is no regular expression: {1}")]
    Regex(String, String),
    /// A condition that says nothing holds for everything.
    #[error("a condition needs at least one of group, group_regex, name, name_regex and kind")]
    Empty,
    /// Too many.
    #[error("there are more than {MOST} {0}")]
    TooMany(&'static str),
    /// A block that has no place.
    #[error(
        "the block of events {0:?} needs an id of letters and digits, 1 to {MOST_SLOTS} slots, and numbers from 1 to {LAST_NUMBER}"
    )]
    Events(String),
    /// Two blocks of one name.
    #[error("there are two blocks of events with the id {0:?}")]
    Twice(String),
}

/// Rules, compiled.
#[derive(Debug, Default)]
pub struct Rules {
    include: Vec<Test>,
    exclude: Vec<Test>,
    vod: bool,
    no_radio: bool,
    channels: Option<Automatic>,
    groups: Vec<String>,
    assign: Vec<(Test, ChannelId)>,
    events: Vec<(Test, EventBlock)>,
}

/// What becomes of an item that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate<'a> {
    /// People may pick it.
    Offered,
    /// It becomes a source of the channel that its own key says.
    Channel,
    /// It becomes a source of this channel.
    Assigned(ChannelId),
    /// It is an event of this block.
    Event(&'a EventBlock),
}

#[derive(Debug)]
struct Test {
    group: Option<String>,
    group_regex: Option<Regex>,
    name: Option<String>,
    name_regex: Option<Regex>,
    kind: Option<ItemKind>,
}

impl Rules {
    /// Compiles rules.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub fn new(rules: &PlaylistRules) -> Result<Self, BadRule> {
        let lists = [
            ("conditions of include", rules.include.len()),
            ("conditions of exclude", rules.exclude.len()),
            ("groups", rules.groups.len()),
            ("assignments", rules.assign.len()),
            ("blocks of events", rules.events.len()),
        ];
        if let Some((what, _)) = lists.into_iter().find(|(_, count)| *count > MOST) {
            return Err(BadRule::TooMany(what));
        }
        let all = |conditions: &[Condition]| conditions.iter().map(Test::new).collect::<Result<_, _>>();
        let assign = |assign: &Assignment| Ok((Test::new(&assign.when)?, assign.channel));
        let mut ids = std::collections::HashSet::new();
        let event = |block: &EventBlock| {
            let named = !block.id.is_empty() && block.id.len() <= 32 && block.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let last = block.first.checked_add(block.slots.saturating_sub(1));
            let placed =
                block.first > 0 && (1..=MOST_SLOTS).contains(&block.slots) && last.is_some_and(|last| last <= LAST_NUMBER);
            if !named || !placed {
                return Err(BadRule::Events(block.id.chars().take(32).collect()));
            }
            if !ids.insert(block.id.clone()) {
                return Err(BadRule::Twice(block.id.clone()));
            }
            Ok((Test::new(&block.when)?, block.clone()))
        };
        Ok(Self {
            include: all(&rules.include)?,
            exclude: all(&rules.exclude)?,
            vod: rules.vod,
            no_radio: rules.no_radio,
            channels: rules.channels,
            groups: rules.groups.iter().map(|group| group.to_lowercase()).collect(),
            assign: rules.assign.iter().map(assign).collect::<Result<_, _>>()?,
            events: rules.events.iter().map(event).collect::<Result<_, _>>()?,
        })
    }

    /// Whether items of a kind are kept at all: what nobody wants need not be stored.
    pub fn keeps(&self, kind: ItemKind) -> bool {
        kind != ItemKind::Vod || self.vod
    }

    /// What becomes of an item; `undecided` is what counts where the rules do not say which items become channels. `None`: it is
    /// left out.
    pub fn fate(&self, item: &PlaylistItem, undecided: Automatic) -> Option<Fate<'_>> {
        let view = View::new(item);
        let out = !self.keeps(item.kind)
            || (self.no_radio && item.kind == ItemKind::Radio)
            || (!self.include.is_empty() && !self.include.iter().any(|test| test.holds(&view)))
            || self.exclude.iter().any(|test| test.holds(&view));
        if out {
            return None;
        }
        if let Some((_, block)) = self.events.iter().find(|(test, _)| test.holds(&view)) {
            return Some(Fate::Event(block));
        }
        if let Some((_, channel)) = self.assign.iter().find(|(test, _)| test.holds(&view)) {
            return Some(Fate::Assigned(*channel));
        }
        let automatic = match self.channels.unwrap_or(undecided) {
            Automatic::All => true,
            Automatic::Groups => self.groups.iter().any(|group| view.group() == group.as_str()),
            Automatic::None => false,
        };
        Some(if automatic { Fate::Channel } else { Fate::Offered })
    }
}

/// An item, with what is compared in lower case made when it is first asked for.
struct View<'a> {
    item: &'a PlaylistItem,
    group: std::cell::OnceCell<String>,
    name: std::cell::OnceCell<String>,
}

impl<'a> View<'a> {
    fn new(item: &'a PlaylistItem) -> Self {
        Self { item, group: Default::default(), name: Default::default() }
    }

    fn group(&self) -> &str {
        self.group.get_or_init(|| self.item.group.as_deref().unwrap_or_default().to_lowercase())
    }

    fn name(&self) -> &str {
        self.name.get_or_init(|| self.item.name.to_lowercase())
    }
}

impl Test {
    fn new(condition: &Condition) -> Result<Self, BadRule> {
        if *condition == Condition::default() {
            return Err(BadRule::Empty);
        }
        let regex = |text: &Option<String>| text.as_deref().map(regex).transpose();
        Ok(Self {
            group: condition.group.as_deref().map(str::to_lowercase),
            group_regex: regex(&condition.group_regex)?,
            name: condition.name.as_deref().map(str::to_lowercase),
            name_regex: regex(&condition.name_regex)?,
            kind: condition.kind,
        })
    }

    fn holds(&self, view: &View<'_>) -> bool {
        self.kind.is_none_or(|kind| kind == view.item.kind)
            && self.group.as_deref().is_none_or(|group| view.group() == group)
            && self.name.as_deref().is_none_or(|name| view.name().contains(name))
            && self.group_regex.as_ref().is_none_or(|regex| regex.is_match(view.item.group.as_deref().unwrap_or_default()))
            && self.name_regex.as_ref().is_none_or(|regex| regex.is_match(&view.item.name))
    }
}

fn regex(text: &str) -> Result<Regex, BadRule> {
    let built =
        RegexBuilder::new(text).case_insensitive(true).size_limit(MOST_OF_A_REGEX).dfa_size_limit(MOST_OF_A_REGEX).build();
    built.map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        BadRule::Regex(text.chars().take(100).collect(), reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Headers;

    fn item(name: &str, group: &str, kind: ItemKind) -> PlaylistItem {
        PlaylistItem {
            line: 1,
            kind,
            name: name.into(),
            group: (!group.is_empty()).then(|| group.into()),
            guide_id: None,
            logo: None,
            number: None,
            drm: false,
            favorite: false,
            url: String::new(),
            headers: Headers::default(),
            more: Vec::new(),
        }
    }

    fn rules(json: &str) -> Result<Rules, BadRule> {
        Rules::new(&serde_json::from_str(json).unwrap())
    }

    #[rstest::rstest]
    #[case("{}", "One", "News", Some("channel"))]
    #[case(r#"{"channels":"none"}"#, "One", "News", Some("offered"))]
    #[case(r#"{"channels":"groups","groups":["NEWS"]}"#, "One", "News", Some("channel"))]
    #[case(r#"{"channels":"groups","groups":["Sport"]}"#, "One", "News", Some("offered"))]
    #[case(r#"{"channels":"groups","groups":["Sport"]}"#, "One", "", Some("offered"))]
    #[case(r#"{"include":[{"group":"sport"}]}"#, "One", "News", None)]
    #[case(r#"{"include":[{"group":"sport"},{"name_regex":"^on"}]}"#, "One", "News", Some("channel"))]
    #[case(r#"{"exclude":[{"group":"news","name":"two"}]}"#, "One", "News", Some("channel"))]
    #[case(r#"{"exclude":[{"group":"news","name":"ÖNE"}]}"#, "öne", "News", None)]
    #[case(r#"{"assign":[{"when":{"name":"one"},"channel":7}]}"#, "One", "News", Some("assigned"))]
    #[case(r#"{"assign":[{"when":{"name":"one"},"channel":7}],"exclude":[{"group_regex":"new"}]}"#, "One", "News", None)]
    #[case(
        r#"{"channels":"none","events":[{"id":"ppv","when":{"group":"ppv"},"first":900,"slots":5}]}"#,
        "A",
        "PPV",
        Some("event")
    )]
    fn fates(#[case] json: &str, #[case] name: &str, #[case] group: &str, #[case] fate: Option<&str>) {
        let rules = rules(json).unwrap();
        let said = rules.fate(&item(name, group, ItemKind::Live), Automatic::All).map(|fate| match fate {
            Fate::Offered => "offered",
            Fate::Channel => "channel",
            Fate::Assigned(ChannelId(7)) => "assigned",
            Fate::Assigned(_) => "another channel",
            Fate::Event(_) => "event",
        });
        assert_eq!(said, fate);
    }

    #[rstest::rstest]
    #[case("{}", ItemKind::Vod, false)]
    #[case("{}", ItemKind::Radio, true)]
    #[case(r#"{"vod":true}"#, ItemKind::Vod, true)]
    #[case(r#"{"no_radio":true}"#, ItemKind::Radio, false)]
    #[case(r#"{"exclude":[{"kind":"radio"}]}"#, ItemKind::Radio, false)]
    #[case(r#"{"exclude":[{"kind":"radio"}]}"#, ItemKind::Live, true)]
    fn kinds(#[case] json: &str, #[case] kind: ItemKind, #[case] kept: bool) {
        assert_eq!(rules(json).unwrap().fate(&item("A", "", kind), Automatic::All).is_some(), kept);
    }

    #[rstest::rstest]
    #[case(r#"{"include":[{"name_regex":"("}]}"#, "unclosed group")]
    #[case(r#"{"include":[{}]}"#, "at least one of")]
    #[case(r#"{"include":[{"name_regex":"(((a{99}){99}){99}){99}"}]}"#, "size limit")]
    #[case(r#"{"events":[{"id":"a:b","when":{"name":"x"},"first":1,"slots":1}]}"#, "letters and digits")]
    #[case(r#"{"events":[{"id":"a","when":{"name":"x"},"first":99999,"slots":2}]}"#, "numbers from 1")]
    #[case(
        r#"{"events":[{"id":"a","when":{"name":"x"},"first":1,"slots":1},{"id":"a","when":{"name":"y"},"first":5,"slots":1}]}"#,
        "two blocks"
    )]
    fn bad_rules_are_told(#[case] json: &str, #[case] told: &str) {
        let error = rules(json).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

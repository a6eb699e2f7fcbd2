//! The guide: its channels and programmes, with what XMLTV says of them (xmltv.dtd).

use serde::{Deserialize, Serialize};

/// A text, and its language if that was said (`lang`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Text {
    /// The text itself, trimmed, without control characters.
    #[serde(rename = "t")]
    pub text: String,
    /// `en`, `de-CH` …, as the guide writes it.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
}

/// A channel of a guide.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GuideChannel {
    /// Its id in the guide.
    pub id: String,
    /// `display-name`, the best first.
    pub names: Vec<Text>,
    /// Address of its first `icon`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
}

/// A programme. Its channel is not part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Programme {
    /// Seconds since 1970.
    #[serde(skip)]
    pub start_s: i64,
    /// Seconds since 1970; absent where the guide does not say: until the next one begins.
    #[serde(skip)]
    pub stop_s: Option<i64>,
    /// `title`, at least one.
    #[serde(rename = "title")]
    pub titles: Vec<Text>,
    /// `sub-title`.
    #[serde(default, rename = "sub", skip_serializing_if = "Vec::is_empty")]
    pub sub_titles: Vec<Text>,
    /// `desc`.
    #[serde(default, rename = "desc", skip_serializing_if = "Vec::is_empty")]
    pub descriptions: Vec<Text>,
    /// `credits`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credits: Vec<Credit>,
    /// `date`, as the guide writes it: 1998, 19980325.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// `category`.
    #[serde(default, rename = "cat", skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Text>,
    /// `keyword`.
    #[serde(default, rename = "key", skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<Text>,
    /// `language`, what is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Text>,
    /// `country`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<Text>,
    /// Addresses of `icon`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<String>,
    /// `url`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// `episode-num`.
    #[serde(default, rename = "ep", skip_serializing_if = "Vec::is_empty")]
    pub episodes: Vec<EpisodeNumber>,
    /// `rating`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ratings: Vec<Rating>,
    /// `star-rating`.
    #[serde(default, rename = "stars", skip_serializing_if = "Vec::is_empty")]
    pub star_ratings: Vec<Rating>,
    /// `video/quality`: HDTV, 4K.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// `previously-shown`, with its `start` if that was said.
    #[serde(default, rename = "prev", skip_serializing_if = "Option::is_none")]
    pub previously_shown: Option<PreviouslyShown>,
    /// `premiere`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub premiere: bool,
    /// `new`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub new: bool,
    /// `live`, which several guides have beside the standard.
    #[serde(default, skip_serializing_if = "is_false")]
    pub live: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Somebody who took part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Credit {
    /// The element's name: `director`, `actor`, `writer`, `presenter` …
    #[serde(rename = "r")]
    pub role: String,
    /// Their name.
    #[serde(rename = "n")]
    pub name: String,
    /// Whom an actor plays (`role`).
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub character: Option<String>,
}

/// A number of an episode in one of the systems of counting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EpisodeNumber {
    /// `xmltv_ns`, `onscreen`, `dd_progid` …
    #[serde(rename = "s")]
    pub system: String,
    /// As the guide writes it.
    #[serde(rename = "v")]
    pub value: String,
}

/// What somebody thinks of it, or for whom it is fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rating {
    /// `system`, if there is one.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// `value`.
    #[serde(rename = "v")]
    pub value: String,
}

/// That it was shown before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PreviouslyShown {
    /// When, as the guide writes it.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
}

impl Programme {
    /// The title to be shown where only one is.
    pub fn title(&self) -> &str {
        self.titles.first().map_or("", |title| &title.text)
    }
}

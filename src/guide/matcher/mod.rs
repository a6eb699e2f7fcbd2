//! Which channel of a guide belongs to which of ours. Pure: an index of the guides' channels, built once, is asked for one channel
//! after the other.
//!
//! A match is made without asking only where it can hardly be wrong; a missing match costs a person a click, a wrong one shows
//! them another channel's programme. So every doubt (country, hour, a fuller name in the id, two that are alike) makes a match
//! into a suggestion.

mod automatic;
mod evidence;
mod index;
mod similar;
mod suggest;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::model::GuideChannel;
use crate::model::names::Country;

pub use index::Index;

/// A guide whose channels are to be considered.
#[derive(Debug, Clone, Copy)]
pub struct Guide<'a> {
    /// Identity of the guide source.
    pub source: i64,
    /// Texts in which its country may be named: what a person called it, the file name of its address.
    pub hints: &'a [&'a str],
    /// Its channels.
    pub channels: &'a [GuideChannel],
}

/// A channel of ours.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// `tvg-id` of its playlist.
    pub tvg_id: Option<&'a str>,
    /// The guide id that was set for it.
    pub guide_id: Option<&'a str>,
    /// Its group (`group-title`).
    pub group: Option<&'a str>,
    /// Its number, as the guide may write it: `5.1`.
    pub number: Option<&'a str>,
}

/// How a match was found, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// The guide id is the channel's own.
    GuideId,
    /// The `tvg-id` is the channel's id.
    TvgId,
    /// The `tvg-id` is the channel's id in another spelling: case, `@HD`, dots.
    TvgIdSpelling,
    /// The `tvg-id` is the channel's name and its country.
    TvgIdName,
    /// The names are the same once case, accents, quality and country are set aside, and no other channel's is.
    Name,
    /// The names are the same but for "TV", "Channel" or "The", and both are of the same country.
    NameAndCountry,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GuideId => "the guide id is the same",
            Self::TvgId => "the tvg-id is the guide's id",
            Self::TvgIdSpelling => "the tvg-id is the guide's id in another spelling",
            Self::TvgIdName => "the tvg-id says the guide's name and country",
            Self::Name => "the names are the same",
            Self::NameAndCountry => "the names are the same but for words like TV, and the countries are",
        })
    }
}

/// A match that needs nobody's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automatic {
    /// The guide source.
    pub source: i64,
    /// The channel's id in it.
    pub id: String,
    /// How it was found.
    pub how: How,
}

/// Something that speaks for a suggestion or against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The names are the same.
    SameName,
    /// They are but for words that say little: TV, Live, 24/7.
    NearlySameName,
    /// They share words.
    SharedWords,
    /// They share letters only.
    LikeSpelling,
    /// The countries are the same.
    SameCountry(Country),
    /// The guide's channel is of another country, or of one that ours does not name.
    OtherCountry(Country),
    /// Theirs is shown so many hours later than the plain channel, ours is not.
    OtherHour(i8),
    /// The numbers in the names differ.
    OtherNumber,
    /// The channel numbers are the same.
    SameChannelNumber,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameName => f.write_str("the same name"),
            Self::NearlySameName => f.write_str("nearly the same name"),
            Self::SharedWords => f.write_str("words in common"),
            Self::LikeSpelling => f.write_str("a like spelling"),
            Self::SameCountry(country) => write!(f, "both of {country}"),
            Self::OtherCountry(country) => write!(f, "but the guide's is of {country}"),
            Self::OtherHour(0) => f.write_str("but the guide's is not an hour later"),
            Self::OtherHour(hours) => write!(f, "but the guide's is {hours} h later"),
            Self::OtherNumber => f.write_str("but another number"),
            Self::SameChannelNumber => f.write_str("the same channel number"),
        }
    }
}

/// A channel of a guide that may be the one.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The guide source.
    pub source: i64,
    /// The channel's id in it.
    pub id: String,
    /// The channel's first name.
    pub name: String,
    /// 0 (nothing in common) to 1 (the same in everything).
    pub score: f32,
    /// What speaks for it and against it.
    pub why: Vec<Why>,
}

impl Scored {
    /// [`Scored::why`] as a line for a person.
    pub fn reason(&self) -> String {
        self.why.iter().map(Why::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// What is found for a channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Match {
    /// The channel that is matched without asking.
    pub automatic: Option<Automatic>,
    /// Channels for a person to choose from, the likeliest first, at most five. The automatic one is among them, at the top.
    pub suggestions: Vec<Scored>,
}

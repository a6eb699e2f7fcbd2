//! Live channels and their groups, as entries of a playlist: what follows is then the same as for an M3U.

use std::collections::HashMap;
use std::io::Read;
use std::ops::ControlFlow;

use super::account::Account;
use super::error::XtreamError;
use super::info::Format;
use super::list::{self, Element, Wanted};
use super::loose::Loose;
use crate::playlist::m3u::{Broken, Entry, Event, Flaw};

/// Most groups that are kept, and the longest name of one: the list of groups is held whole.
const MOST_CATEGORIES: usize = 100_000;
const LONGEST_NAME: usize = 256;
/// Longest value of an attribute, as in a playlist.
const LONGEST_VALUE: usize = 4096;
/// Longest number of a channel, in digits.
const LONGEST_ID: usize = 20;

const CATEGORY: Wanted = &["category_id", "category_name"];
const STREAM: Wanted = &[
    "stream_id",
    "num",
    "name",
    "stream_type",
    "stream_icon",
    "epg_channel_id",
    "category_id",
    "category_ids",
    "tv_archive",
    "tv_archive_duration",
];

/// The groups of an account's channels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Categories {
    names: HashMap<String, String>,
    /// Elements of the list that were no groups.
    pub broken: u64,
}

impl Categories {
    /// A group's name by its id.
    pub fn name(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// What came of reading the list of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// Elements that became an entry.
    pub entries: u64,
    /// Elements that were left out.
    pub broken: u64,
    /// It was read to its end, and not stopped.
    pub complete: bool,
}

/// Reads the answer of [`Account::categories_url`]. Blocking.
///
/// # Errors
/// When it is no list, or does not come whole.
pub fn categories(input: impl Read) -> Result<Categories, XtreamError> {
    let mut categories = Categories::default();
    list::read(input, "the list of groups", CATEGORY, |_, element| {
        let found = element.and_then(|element| Some((id(element.get("category_id"))?, element.get("category_name").text()?)));
        match found {
            Some((id, name)) if categories.names.len() < MOST_CATEGORIES => {
                categories.names.insert(id, name.chars().take(LONGEST_NAME).collect());
            }
            _ => categories.broken += 1,
        }
        ControlFlow::Continue(())
    })?;
    Ok(categories)
}

/// Reads the answer of [`Account::streams_url`] and tells `found` what it holds, one after the other, until that says stop. An
/// entry's `line` is its place in the list, counted from 1. Blocking.
///
/// # Errors
/// When it is no list, or does not come whole. What was found before was told already.
pub fn streams(
    input: impl Read,
    account: &Account,
    categories: &Categories,
    format: Format,
    mut found: impl FnMut(Event) -> ControlFlow<()>,
) -> Result<Listing, XtreamError> {
    let mut listing = Listing { entries: 0, broken: 0, complete: false };
    listing.complete = list::read(input, "the list of channels", STREAM, |place, element| {
        match element.and_then(|element| entry(place, &element, account, categories, format)) {
            Some(entry) => {
                listing.entries += 1;
                found(Event::Entry(entry))
            }
            None => {
                listing.broken += 1;
                found(Event::Broken(Broken { line: place, flaw: Flaw::NoChannel }))
            }
        }
    })?;
    Ok(listing)
}

/// A channel's entry, if it has a number that can stand in an address.
fn entry(place: u64, stream: &Element, account: &Account, categories: &Categories, format: Format) -> Option<Entry> {
    let number = stream.get("stream_id").text().filter(|id| is_number(id))?;
    let text = |field: &str| stream.get(field).text().filter(|text| text.len() <= LONGEST_VALUE).unwrap_or_default();
    let kind = text("stream_type").to_ascii_lowercase();
    let archive = stream.get("tv_archive").flag() == Some(true);
    let days = stream.get("tv_archive_duration").count().filter(|days| archive && *days > 0);
    let group = [stream.get("category_id"), stream.get("category_ids")].into_iter().flat_map(Loose::members).filter_map(id);
    let group = group.filter_map(|id| categories.name(&id)).next().unwrap_or_default();
    let on = |is: bool, value: &'static str| if is { value } else { "" };
    let attributes = [
        ("tvg-id", text("epg_channel_id")),
        ("tvg-logo", text("stream_icon")),
        ("tvg-chno", Some(text("num")).filter(|number| number != "0").unwrap_or_default()),
        ("group-title", group.to_owned()),
        ("radio", on(kind.starts_with("radio"), "true").to_owned()),
        // Some panels have films among the channels.
        ("tvg-type", on(["movie", "series"].iter().any(|film| kind.contains(film)), "movie").to_owned()),
        // Kodi's word for the way in which panels give what was shown before.
        ("catchup", on(archive, "xc").to_owned()),
        ("catchup-days", days.map(|days| days.to_string()).unwrap_or_default()),
    ];
    let attributes: Vec<(&str, &str)> = attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let name = stream.get("name").text().unwrap_or_default();
    Some(Entry::new(place, &name, &attributes, account.stream_url(&number, format).into()))
}

fn is_number(id: &str) -> bool {
    id.len() <= LONGEST_ID && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// An id as a key: `5`, `"5"` and `5.0` are the same.
fn id(value: &Loose) -> Option<String> {
    value.text().map(|text| text.chars().take(64).collect())
}

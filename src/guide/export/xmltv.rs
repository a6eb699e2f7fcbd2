//! An XMLTV document (xmltv.dtd), written as it is made: what is held is one programme.
//!
//! There is no document type declaration: some readers refuse one, others would go and look for the file. The document is valid all
//! the same. It says nothing of when it was made: the same guide gives the same bytes.

use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::Timestamp;

use super::OutChannel;
use super::episode::numbers;
use crate::model::Programme;
use crate::model::programme::{Credit, Rating, Text};

mod markup;

use markup::{attribute, element, one_line, optional, paragraph};

/// Times that have four digits for their year: 1970 to 9999.
const TIMES_S: std::ops::RangeInclusive<i64> = 0..=253_402_300_799;
/// `credits` in the order of the standard, which has no others.
const ROLES: [&str; 10] =
    ["director", "actor", "writer", "adapter", "producer", "composer", "editor", "presenter", "commentator", "guest"];

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Channels.
    pub channels: u64,
    /// Programmes.
    pub programmes: u64,
}

/// Writes the document: all channels in their order, then the programmes of each. `programmes` is asked for them channel by channel,
/// and hands them over in order of time, one after the other, as it reads them. Each programme is one call of `out`.
///
/// # Errors
/// Those of `out`, and those of `programmes`. The document is not whole then.
pub fn write<W, E, F>(out: &mut W, channels: &[OutChannel], mut programmes: F) -> Result<Written, E>
where
    W: Write,
    E: From<io::Error>,
    F: FnMut(&OutChannel, &mut dyn FnMut(&Programme) -> Result<(), E>) -> Result<(), E>,
{
    let mut written = Written::default();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tv");
    attribute(&mut text, "generator-info-name", concat!("Rooftop/", env!("CARGO_PKG_VERSION")));
    text.push_str(">\n");
    out.write_all(text.as_bytes())?;
    for channel in channels {
        text.clear();
        write_channel(&mut text, channel);
        out.write_all(text.as_bytes())?;
        written.channels += 1;
    }
    for channel in channels {
        programmes(channel, &mut |programme| {
            text.clear();
            if write_programme(&mut text, channel, programme) {
                out.write_all(text.as_bytes())?;
                written.programmes += 1;
            }
            Ok(())
        })?;
    }
    out.write_all(b"</tv>\n")?;
    Ok(written)
}

/// The name comes first and the number after it: Plex calls the channel by what comes first.
fn write_channel(out: &mut String, channel: &OutChannel) {
    let number = channel.number.to_string();
    out.push_str("  <channel");
    attribute(out, "id", &number);
    out.push_str(">\n");
    let name = one_line(&channel.name);
    if name != number {
        element(out, "display-name", None, &name);
    }
    element(out, "display-name", None, &number);
    if let Some(logo) = &channel.logo {
        icon(out, logo);
    }
    out.push_str("  </channel>\n");
}

/// Writes a programme, its elements in the order of the standard; whether it could be.
///
/// `live` has no element there, and a document with one would not be valid. A `date` that the guide does not give is not made up: Kodi
/// takes what was made on the day it is shown for new, and films are looked up by their year.
fn write_programme(out: &mut String, channel: &OutChannel, programme: &Programme) -> bool {
    let Some(start) = datetime(programme.start_s, TIME) else { return false };
    out.push_str("  <programme");
    attribute(out, "start", &start);
    if let Some(stop) = programme.stop_s.filter(|stop_s| *stop_s > programme.start_s).and_then(|stop_s| datetime(stop_s, TIME)) {
        attribute(out, "stop", &stop);
    }
    attribute(out, "channel", &channel.number.to_string());
    out.push_str(">\n");
    if !texts(out, "title", &programme.titles) && !element(out, "title", None, &one_line(&channel.name)) {
        element(out, "title", None, &channel.number.to_string());
    }
    texts(out, "sub-title", &programme.sub_titles);
    for text in &programme.descriptions {
        element(out, "desc", lang(text), &paragraph(&text.text));
    }
    credits(out, &programme.credits);
    if let Some(date) = programme.date.as_deref().and_then(date) {
        element(out, "date", None, &date);
    }
    texts(out, "category", &programme.categories);
    texts(out, "keyword", &programme.keywords);
    texts(out, "language", programme.language.as_slice());
    programme.icons.iter().filter(|address| is_web(address)).for_each(|address| icon(out, address));
    for url in &programme.urls {
        element(out, "url", None, &one_line(url));
    }
    texts(out, "country", &programme.countries);
    for number in numbers(programme) {
        element(out, "episode-num", Some(("system", &number.system)), &one_line(&number.value));
    }
    if let Some(quality) = programme.quality.as_deref().map(one_line).filter(|quality| !quality.is_empty()) {
        out.push_str("    <video>\n  ");
        element(out, "quality", None, &quality);
        out.push_str("    </video>\n");
    }
    // What is new was not shown before: where a guide says both, Plex and others believe the wrong one.
    if let Some(shown) = programme.previously_shown.as_ref().filter(|_| !programme.new) {
        out.push_str("    <previously-shown");
        optional(out, "start", shown.start.as_deref());
        out.push_str("/>\n");
    }
    for (tag, set) in [("premiere", programme.premiere), ("new", programme.new)] {
        if set {
            let _ = writeln!(out, "    <{tag}/>");
        }
    }
    ratings(out, "rating", &programme.ratings);
    ratings(out, "star-rating", &programme.star_ratings);
    out.push_str("  </programme>\n");
    true
}

/// Whether anything was written.
fn texts(out: &mut String, tag: &str, texts: &[Text]) -> bool {
    let before = out.len();
    for text in texts {
        element(out, tag, lang(text), &one_line(&text.text));
    }
    out.len() > before
}

fn lang(text: &Text) -> Option<(&str, &str)> {
    text.lang.as_deref().map(|lang| ("lang", lang))
}

fn icon(out: &mut String, address: &str) {
    let address = one_line(address);
    if !address.is_empty() {
        out.push_str("    <icon");
        attribute(out, "src", &address);
        out.push_str("/>\n");
    }
}

/// Pictures that lie in files of whoever made the guide, or in the address itself, are of no use to clients.
fn is_web(address: &str) -> bool {
    let address = address.trim_start();
    ["http://", "https://"]
        .iter()
        .any(|scheme| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

fn credits(out: &mut String, credits: &[Credit]) {
    let before = out.len();
    out.push_str("    <credits>\n");
    let empty = out.len();
    for role in ROLES {
        for credit in credits.iter().filter(|credit| credit.role.eq_ignore_ascii_case(role)) {
            let character = credit.character.as_deref().filter(|_| role == "actor").map(|character| ("role", character));
            let written = out.len();
            out.push_str("  ");
            if !element(out, role, character, &one_line(&credit.name)) {
                out.truncate(written);
            }
        }
    }
    if out.len() == empty {
        out.truncate(before);
    } else {
        out.push_str("    </credits>\n");
    }
}

fn ratings(out: &mut String, tag: &str, ratings: &[Rating]) {
    for rating in ratings {
        let value = one_line(&rating.value);
        if value.is_empty() {
            continue;
        }
        let _ = write!(out, "    <{tag}");
        optional(out, "system", rating.system.as_deref());
        out.push_str(">\n  ");
        element(out, "value", None, &value);
        let _ = writeln!(out, "    </{tag}>");
    }
}

/// The year, month or day of a date, as much as is there: Plex knows no more than `YYYYMMDD`.
fn date(text: &str) -> Option<String> {
    let mut digits: String = text.trim().chars().filter(|c| *c != '-').take_while(char::is_ascii_digit).take(8).collect();
    digits.truncate(digits.len() & !1);
    (digits.len() >= 4).then_some(digits)
}

const TIME: &str = "%Y%m%d%H%M%S +0000";

/// A time in UTC, as `format` says; nothing outside 1970 to 9999.
pub(super) fn datetime(time_s: i64, format: &str) -> Option<String> {
    let time = TIMES_S.contains(&time_s).then(|| Timestamp::from_second(time_s).ok()).flatten()?;
    Some(time.strftime(format).to_string())
}

#[cfg(test)]
mod tests;

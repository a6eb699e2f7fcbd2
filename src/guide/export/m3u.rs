//! The playlist that goes with the guide, as Kodi's IPTV Simple, Jellyfin, Channels DVR and VLC read it. There is no standard; what
//! is written is what `playlist::m3u` reads back.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::OutChannel;

/// Writes the playlist. `guide` is the address of the XMLTV document with the same channels. Each channel is one call of `out`.
///
/// # Errors
/// Those of `out`.
pub fn write<'a>(
    out: &mut impl Write,
    channels: impl IntoIterator<Item = &'a OutChannel>,
    guide: Option<&str>,
) -> io::Result<()> {
    let mut text = String::from("#EXTM3U");
    if let Some(guide) = guide {
        attribute(&mut text, "url-tvg", guide);
        attribute(&mut text, "x-tvg-url", guide);
    }
    text.push('\n');
    out.write_all(text.as_bytes())?;
    for channel in channels {
        text.clear();
        entry(&mut text, channel);
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn entry(out: &mut String, channel: &OutChannel) {
    let number = channel.number.to_string();
    out.push_str("#EXTINF:-1");
    for name in ["channel-id", "channel-number", "tvg-id", "tvg-chno"] {
        attribute(out, name, &number);
    }
    attribute(out, "tvg-name", &channel.name);
    if let Some(logo) = &channel.logo {
        attribute(out, "tvg-logo", logo);
    }
    let groups = groups(&channel.groups);
    if !groups.is_empty() {
        attribute(out, "group-title", &groups);
    }
    if let Some(station) = &channel.station_id {
        attribute(out, "tvc-guide-stationid", station);
    }
    if channel.radio {
        attribute(out, "radio", "true");
    }
    // Readers look for the name behind the last quotation mark of the line, so it may hold none.
    let name = value(&channel.name);
    let name = if name.is_empty() { Cow::Borrowed(number.as_str()) } else { name };
    // Without the kind of the stream Kodi finds it out by trying, which takes seconds at each change of channel.
    let _ = writeln!(out, ",{name}\n#KODIPROP:mimetype=video/mp2t\n{}", one_line(&channel.stream_url));
}

/// All groups once, joined as IPTV Simple parts them.
fn groups(groups: &[String]) -> String {
    let mut each: Vec<&str> = Vec::new();
    for group in groups.iter().flat_map(|group| group.split(';')).map(str::trim).filter(|group| !group.is_empty()) {
        if !each.contains(&group) {
            each.push(group);
        }
    }
    each.join(";")
}

fn attribute(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, " {name}=\"{}\"", value(text));
}

/// M3U has no way to write a quotation mark within a value; `lineup.m3u` does the same.
fn value(text: &str) -> Cow<'_, str> {
    let text = one_line(text);
    if text.contains('"') { Cow::Owned(text.replace('"', "'")) } else { text }
}

fn one_line(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Cow::Owned(spaced.trim().to_owned())
}

#[cfg(test)]
mod tests;

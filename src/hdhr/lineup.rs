//! The lineup as documents: `lineup.json`, `lineup.xml`, `lineup.m3u`. Written once for each lineup and address, not for each
//! client.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use serde::Serialize;

use super::device::Urls;
use super::xml::escape;
use crate::model::lineup::{Entry, lineup};
use crate::store::Catalog;

/// Plex takes no more channels of one tuner than this.
const PLEX_MOST_CHANNELS: usize = 480;
/// Documents kept; more addresses than this reach us only where somebody plays with addresses.
const MOST_DOCUMENTS: usize = 64;

/// A form of the lineup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Json,
    Xml,
    M3u,
}

/// The lineup of now and what was written of it.
#[derive(Debug, Default)]
pub(super) struct Lineup(Mutex<Current>);

#[derive(Debug, Default)]
struct Current {
    /// What it was made of. Weak: an old catalog is not kept for it.
    catalog: Weak<Catalog>,
    entries: Arc<[Entry]>,
    update_id: u32,
    documents: HashMap<(Form, Urls), Bytes>,
}

impl Lineup {
    /// The entries, and a number that changes with them (`SystemUpdateID`).
    pub(super) fn entries(&self, catalog: &Arc<Catalog>) -> (Arc<[Entry]>, u32) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        current.refresh(catalog);
        (current.entries.clone(), current.update_id)
    }

    /// A document.
    pub(super) fn document(&self, catalog: &Arc<Catalog>, form: Form, urls: &Urls) -> Bytes {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        current.refresh(catalog);
        if let Some(document) = current.documents.get(&(form, urls.clone())) {
            return document.clone();
        }
        let document = Bytes::from(match form {
            Form::Json => json(&current.entries, urls),
            Form::Xml => xml(&current.entries, urls),
            Form::M3u => m3u(&current.entries, urls),
        });
        if current.documents.len() >= MOST_DOCUMENTS {
            current.documents.clear();
        }
        current.documents.insert((form, urls.clone()), document.clone());
        document
    }
}

impl Current {
    /// Most changes of the catalog (the health of a source) leave the lineup as it is.
    fn refresh(&mut self, catalog: &Arc<Catalog>) {
        let now = Arc::downgrade(catalog);
        if self.update_id > 0 && self.catalog.ptr_eq(&now) {
            return;
        }
        self.catalog = now;
        let entries = lineup(&catalog.channels);
        if self.update_id > 0 && *entries == *self.entries {
            return;
        }
        if entries.len() > PLEX_MOST_CHANNELS && self.entries.len() <= PLEX_MOST_CHANNELS {
            tracing::warn!(
                channel.count = entries.len(),
                "the lineup has more than {PLEX_MOST_CHANNELS} channels: Plex will not show the rest"
            );
        }
        self.entries = entries.into();
        self.update_id = self.update_id.wrapping_add(1).max(1);
        self.documents.clear();
    }
}

/// Where a channel streams.
pub(super) fn stream_url(entry: &Entry, urls: &Urls) -> String {
    format!("{}/auto/v{}", urls.streams, entry.number)
}

/// Flags are the number 1 or absent: as a string they end Kodi's television for good, as a boolean Emby's.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row<'a> {
    guide_number: String,
    guide_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_codec: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_codec: Option<&'static str>,
    #[serde(rename = "HD", skip_serializing_if = "Option::is_none")]
    hd: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    favorite: Option<u8>,
    #[serde(rename = "DRM", skip_serializing_if = "Option::is_none")]
    drm: Option<u8>,
    #[serde(rename = "URL")]
    url: String,
}

fn flag(set: bool) -> Option<u8> {
    set.then_some(1)
}

fn json(entries: &[Entry], urls: &Urls) -> Vec<u8> {
    let rows: Vec<Row<'_>> = entries
        .iter()
        .map(|entry| Row {
            guide_number: entry.number.to_string(),
            guide_name: &entry.name,
            video_codec: entry.video_codec,
            audio_codec: entry.audio_codec,
            hd: flag(entry.hd),
            favorite: flag(entry.favorite),
            drm: flag(entry.drm),
            url: stream_url(entry, urls),
        })
        .collect();
    serde_json::to_vec(&rows).unwrap_or_else(|error| {
        tracing::error!(error = %error, "the lineup cannot be written as JSON");
        b"[]".to_vec()
    })
}

fn xml(entries: &[Entry], urls: &Urls) -> Vec<u8> {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Lineup>\n");
    for entry in entries {
        let _ = write!(out, "<Program><GuideNumber>{}</GuideNumber><GuideName>{}</GuideName>", entry.number, escape(&entry.name));
        for (tag, value) in [("VideoCodec", entry.video_codec), ("AudioCodec", entry.audio_codec)] {
            if let Some(value) = value {
                let _ = write!(out, "<{tag}>{value}</{tag}>");
            }
        }
        for (tag, set) in [("HD", entry.hd), ("Favorite", entry.favorite), ("DRM", entry.drm)] {
            if set {
                let _ = write!(out, "<{tag}>1</{tag}>");
            }
        }
        let _ = writeln!(out, "<URL>{}</URL></Program>", escape(&stream_url(entry, urls)));
    }
    out.push_str("</Lineup>\n");
    out.into_bytes()
}

/// M3U as Kodi's IPTV Simple and VLC read it. `tvg-id` is the guide number, as in the guide that goes with it.
fn m3u(entries: &[Entry], urls: &Urls) -> Vec<u8> {
    let mut out = String::from("#EXTM3U\n");
    for entry in entries {
        let (number, name) = (&entry.number, one_line(&entry.name));
        let group = entry.group.as_deref().unwrap_or(if entry.hd { "HD" } else { "SD" });
        let _ = write!(
            out,
            "#EXTINF:-1 channel-id=\"{number}\" channel-number=\"{number}\" tvg-id=\"{number}\" tvg-chno=\"{number}\" \
             tvg-name=\"{}\" group-title=\"{}\"",
            attribute(&name),
            attribute(&one_line(group))
        );
        if let Some(logo) = &entry.logo {
            let _ = write!(out, " tvg-logo=\"{}\"", attribute(&one_line(logo)));
        }
        let _ = writeln!(out, ",{number} {name}\n{}", stream_url(entry, urls));
    }
    out.into_bytes()
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// M3U has no way to write a quotation mark within a value.
fn attribute(text: &str) -> String {
    text.replace('"', "'")
}

#[cfg(test)]
mod tests;

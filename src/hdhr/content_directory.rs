//! ContentDirectory:1: the lineup as a UPnP control point browses it. The root holds every channel; there is nothing deeper. Pure.

use std::fmt::Write;

use super::device::Urls;
use super::lineup::stream_url;
use super::soap::{Action, Answer, Fault};
use super::xml::escape;
use crate::model::lineup::Entry;

/// The service's type.
pub(super) const SERVICE: &str = "urn:schemas-upnp-org:service:ContentDirectory:1";
/// Its description.
pub(super) const SCPD: &str = include_str!("content_directory.xml");

const ROOT: &str = "0";

/// The lineup, as one client is to see it.
pub(super) struct Directory<'a> {
    pub(super) name: &'a str,
    pub(super) entries: &'a [Entry],
    pub(super) update_id: u32,
    pub(super) urls: &'a Urls,
}

impl Directory<'_> {
    /// Does what is asked for.
    ///
    /// # Errors
    /// As the service's description says.
    pub(super) fn act(&self, action: &Action) -> Result<Answer, Fault> {
        match action.name.as_str() {
            "Browse" => self.browse(action),
            "GetSystemUpdateID" => Ok(Answer(vec![("Id", self.update_id.to_string())])),
            "GetSearchCapabilities" => Ok(Answer(vec![("SearchCaps", String::new())])),
            "GetSortCapabilities" => Ok(Answer(vec![("SortCaps", String::new())])),
            _ => Err(Fault::InvalidAction),
        }
    }

    /// 2.7.4. Filter and sort criteria are allowed to be ignored by a service that announces none.
    fn browse(&self, action: &Action) -> Result<Answer, Fault> {
        let object = action.argument("ObjectID")?;
        let (start, count) = (index(action.number("StartingIndex")?), index(action.number("RequestedCount")?));
        let item = self.entries.iter().find(|entry| entry.channel.to_string() == object);
        let (shown, total) = match (action.argument("BrowseFlag")?, item) {
            ("BrowseMetadata", _) if object == ROOT => (Shown::Root, 1),
            ("BrowseMetadata", Some(item)) => (Shown::Items(std::slice::from_ref(item)), 1),
            ("BrowseDirectChildren", _) if object == ROOT => {
                let after = self.entries.get(start..).unwrap_or_default();
                let most = if count == 0 { after.len() } else { count };
                (Shown::Items(after.get(..most).unwrap_or(after)), self.entries.len())
            }
            ("BrowseDirectChildren", Some(_)) => (Shown::Items(&[]), 0),
            ("BrowseMetadata" | "BrowseDirectChildren", None) => return Err(Fault::NoSuchObject),
            _ => return Err(Fault::InvalidArgs),
        };
        let (returned, result) = match shown {
            Shown::Root => (1, self.root()),
            Shown::Items(items) => (items.len(), items.iter().map(|entry| self.item(entry)).collect()),
        };
        Ok(Answer(vec![
            ("Result", didl(&result)),
            ("NumberReturned", returned.to_string()),
            ("TotalMatches", total.to_string()),
            ("UpdateID", self.update_id.to_string()),
        ]))
    }

    fn root(&self) -> String {
        format!(
            "<container id=\"{ROOT}\" parentID=\"-1\" restricted=\"1\" searchable=\"0\" childCount=\"{}\">\
             <dc:title>{}</dc:title><upnp:class>object.container</upnp:class></container>",
            self.entries.len(),
            escape(self.name)
        )
    }

    fn item(&self, entry: &Entry) -> String {
        let (name, number) = (escape(&entry.name), &entry.number);
        let mut item = format!(
            "<item id=\"{}\" parentID=\"{ROOT}\" restricted=\"1\"><dc:title>{number} {name}</dc:title>\
             <upnp:class>object.item.videoItem.videoBroadcast</upnp:class><upnp:channelName>{name}</upnp:channelName>",
            entry.channel
        );
        // An integer, says the schema.
        if number.minor().is_none() {
            let _ = write!(item, "<upnp:channelNr>{number}</upnp:channelNr>");
        }
        if let Some(logo) = &entry.logo {
            let _ = write!(item, "<upnp:albumArtURI>{}</upnp:albumArtURI>", escape(logo));
        }
        let url = stream_url(entry, self.urls);
        let _ = write!(item, "<res protocolInfo=\"http-get:*:video/mpeg:*\">{}</res></item>", escape(&url));
        item
    }
}

enum Shown<'a> {
    Root,
    Items(&'a [Entry]),
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn didl(content: &str) -> String {
    format!(
        "<DIDL-Lite xmlns=\"urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:upnp=\"urn:schemas-upnp-org:metadata-1-0/upnp/\">{content}</DIDL-Lite>"
    )
}

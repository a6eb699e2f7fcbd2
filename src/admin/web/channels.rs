//! `/channels`: all channels, found and marked. What is done with those that are marked is `bulk`'s.

use std::collections::HashMap;

use askama::Template;
use axum::body::Body;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Query, State};
use axum::http::Response;
use serde::Deserialize;

use super::fields::Fields;
use super::parts::{self, show};
use super::{Shell, notes, redirect};
use crate::admin::access::Asker;
use crate::admin::feeds::edits::{NewChannelRequest, SourceRequest, groups};
use crate::admin::feeds::table::Form;
use crate::admin::{AdminState, FeedsError, words};
use crate::model::{Channel, ChannelId, Device, DeviceId, ProviderId};
use crate::store::Catalog;

/// Channels on a page.
pub const PAGE: usize = 100;

/// Which channels are looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct View {
    /// Part of a name, or the beginning of a number.
    q: String,
    /// Of this group.
    group: String,
    /// `off`, `bare`: on, but without a source; `all`; else those that are on.
    show: String,
    /// On the device with this id.
    device: String,
    /// From 1.
    page: usize,
    note: Option<String>,
    /// The device that the note is of.
    of: String,
    /// Channels that are marked, with `,` between them.
    marked: String,
}

impl View {
    /// Whether a channel is looked for, which is `bare` if it has no source.
    fn holds(&self, channel: &Channel, bare: bool) -> bool {
        let wanted = self.q.trim().to_lowercase();
        let found =
            wanted.is_empty() || channel.name.to_lowercase().contains(&wanted) || channel.number.to_string().starts_with(&wanted);
        let of_group = self.group.is_empty() || groups(channel).any(|group| group == self.group);
        let on = match self.show.as_str() {
            "all" => true,
            "off" => !channel.enabled,
            "bare" => channel.enabled && bare,
            _ => channel.enabled,
        };
        found && of_group && on
    }

    /// The same view on another page, as the end of an address.
    fn query(&self, page: usize) -> String {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("q", &self.q), ("group", &self.group), ("show", &self.show), ("device", &self.device)] {
            if !value.is_empty() {
                text.append_pair(name, value);
            }
        }
        text.append_pair("page", &page.to_string()).finish()
    }
}

/// A device that channels can be put onto.
struct Target {
    id: String,
    name: String,
    /// Whether it has all channels, also those to come.
    all: bool,
    /// Whether the page shows those that it has.
    shown: bool,
}

/// Channels of the list that no player gets: by these, counts here differ from those elsewhere.
struct Unserved {
    /// Switched off.
    off: usize,
    /// On, but without a source.
    bare: usize,
}

struct Row {
    id: i64,
    number: String,
    name: String,
    logo: Option<String>,
    group: String,
    on: bool,
    marked: bool,
    favorite: bool,
    hd: bool,
    drm: bool,
    sources: usize,
    now: String,
    next: String,
}

#[derive(Template)]
#[template(path = "channel-list.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    view: View,
    groups: Vec<String>,
    /// Where there is more than one, or one that does not have all channels.
    devices: Vec<Target>,
    counted: String,
    unserved: Unserved,
    page: usize,
    pages: usize,
    back: String,
    previous: Option<String>,
    next: Option<String>,
}

/// `GET /channels`.
pub async fn list(State(state): State<AdminState>, asker: Asker, Query(view): Query<View>) -> Response<Body> {
    match page(&state, &asker, view).await {
        Ok(page) => show(&page),
        Err(error) => parts::not_done(&error),
    }
}

async fn page(state: &AdminState, asker: &Asker, view: View) -> Result<Page, FeedsError> {
    let all = state.feeds.store.all_channels().await?;
    let on: HashMap<ChannelId, _> = state.feeds.on_now().await.unwrap_or_default().into_iter().collect();
    let catalog = state.backend.catalog();
    let mut names: Vec<String> = all.iter().flat_map(groups).map(str::to_owned).collect();
    names.sort_by_key(|name| name.to_lowercase());
    names.dedup();
    let bare = |channel: &Channel| catalog.sources_of(channel.id).is_empty();
    let shown = of_id(&catalog, &view.device);
    let on_it = |channel: &Channel| shown.is_none_or(|device| catalog.has(device.row, channel.id));
    let found: Vec<&Channel> = all.iter().filter(|channel| view.holds(channel, bare(channel)) && on_it(channel)).collect();
    let unserved = Unserved {
        off: found.iter().filter(|channel| !channel.enabled).count(),
        bare: found.iter().filter(|channel| channel.enabled && bare(channel)).count(),
    };
    let marked: Vec<ChannelId> = view.marked.split(',').filter_map(|id| id.parse().ok()).map(ChannelId).collect();
    let pages = found.len().div_ceil(PAGE).max(1);
    let page = view.page.clamp(1, pages);
    let rows = found.iter().skip((page - 1) * PAGE).take(PAGE).map(|channel| {
        let on = on.get(&channel.id);
        let title = |programme: Option<&crate::model::Programme>| programme.map(|one| one.title().to_owned()).unwrap_or_default();
        Row {
            id: channel.id.0,
            number: channel.number.to_string(),
            name: channel.name.clone(),
            logo: channel.logo.clone(),
            group: channel.group.clone().unwrap_or_default().replace(';', ", "),
            on: channel.enabled,
            marked: marked.contains(&channel.id),
            favorite: channel.favorite,
            hd: channel.is_hd(),
            drm: channel.drm,
            sources: catalog.sources_of(channel.id).len(),
            now: title(on.and_then(|on| on.now.as_ref())),
            next: title(on.and_then(|on| on.next.as_ref())),
        }
    });
    Ok(Page {
        rows: rows.collect(),
        counted: counted(found.len(), all.len()),
        unserved,
        page,
        pages,
        back: view.query(page),
        previous: (page > 1).then(|| view.query(page - 1)),
        next: (page < pages).then(|| view.query(page + 1)),
        groups: names,
        devices: targets(&catalog, shown),
        shell: Shell::new(asker, "/channels", "Channels").noting(view.note.as_deref()).saying(lineup_note(&catalog, &view)),
        view,
    })
}

/// How many were found of how many.
fn counted(found: usize, total: usize) -> String {
    if found == total { words::count(total, "channel", "channels") } else { format!("{found} of {total}") }
}

fn of_id<'a>(catalog: &'a Catalog, id: &str) -> Option<&'a Device> {
    let id: DeviceId = id.parse().ok()?;
    catalog.devices.iter().find(|device| device.id == id)
}

fn targets(catalog: &Catalog, shown: Option<&Device>) -> Vec<Target> {
    if catalog.devices.len() < 2 && catalog.device_channels.is_empty() {
        return Vec::new();
    }
    let target = |device: &Device| Target {
        id: device.id.to_string(),
        name: device.name.clone(),
        all: !catalog.device_channels.contains_key(&device.row),
        shown: shown.is_some_and(|shown| shown.row == device.row),
    };
    catalog.devices.iter().map(target).collect()
}

/// How many channels the device has that some were just put onto, or taken off.
fn lineup_note(catalog: &Catalog, view: &View) -> Option<String> {
    let device = of_id(catalog, &view.of).filter(|_| view.note.as_deref() == Some("lineup"))?;
    let count = catalog.channels.iter().filter(|channel| catalog.has(device.row, channel.id)).count();
    Some(notes::lineup(&device.name, count, catalog.channels.len()))
}

/// `POST /channels`: one of its own, of an item or with an address.
pub async fn add(State(state): State<AdminState>, fields: Fields) -> Response<Body> {
    let source = SourceRequest {
        playlist: fields.number("playlist").map(ProviderId),
        item: fields.number("item"),
        url: fields.text("url").map(str::to_owned),
        ..SourceRequest::default()
    };
    let some = source.item.is_some() || source.url.is_some();
    let request = NewChannelRequest {
        name: fields.text("name").map(str::to_owned),
        number: fields.text("number").map(str::to_owned),
        sources: if some { vec![source] } else { Vec::new() },
    };
    match state.feeds.add_channel(&request).await {
        Ok(id) => redirect(&format!("/channels/{}?note=added", id.0)),
        Err(error) => parts::not_done(&error),
    }
}

/// Largest table.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// `POST /channels/import`, a form with a table: all of it, or nothing.
pub async fn import(State(state): State<AdminState>, form: Result<Multipart, MultipartRejection>) -> Response<Body> {
    let taken = async {
        let broken = || FeedsError::Invalid("file", "The table did not come whole. Try again.".to_owned());
        let mut form = form.map_err(|_| broken())?;
        while let Some(mut field) = form.next_field().await.map_err(|_| broken())? {
            if field.name() != Some("file") {
                continue;
            }
            let json = field.file_name().is_some_and(|name| name.to_lowercase().ends_with(".json"));
            let mut table = Vec::new();
            while let Some(bytes) = field.chunk().await.map_err(|_| broken())? {
                table.extend_from_slice(&bytes);
                if table.len() > MOST_BYTES {
                    return Err(FeedsError::Invalid("file", "A table has 32 MiB at most.".to_owned()));
                }
            }
            return state.feeds.import_channels(if json { Form::Json } else { Form::Csv }, &table).await.map(drop);
        }
        Err(FeedsError::Invalid("file", "Choose a file.".to_owned()))
    };
    parts::done(taken.await, "/channels", "saved")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_goes_along_from_page_to_page() {
        let view = View { q: "a&b".into(), show: "off".into(), ..View::default() };
        assert_eq!(view.query(3), "q=a%26b&show=off&page=3");
    }
}

//! `/devices`: the virtual tuners, made, changed, given their channels, taken away.

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Form, Path, Query, State};
use axum::http::Response;
use serde::Deserialize;

use super::Shell;
use super::parts::{Asked, done, led, not_done, show as rendered};
use crate::admin::access::Asker;
use crate::admin::devices::{self, DeviceRequest, TUNERS};
use crate::admin::feeds::edits::groups;
use crate::admin::feeds::lineups::{LineupRequest, MANY_CHANNELS, parts};
use crate::admin::overview::DeviceView;
use crate::admin::page::{Look, address_for_people};
use crate::admin::{AdminState, FeedsError};
use crate::http::Peer;
use crate::model::{Device, DeviceId};
use crate::store::Catalog;

const HERE: &str = "/devices";

#[derive(Template)]
#[template(path = "device_list.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    /// All channels there are.
    channels: usize,
    parts: Vec<PartView>,
    usual_tuners: u8,
    many: usize,
}

/// A device.
struct Row {
    view: DeviceView,
    first: bool,
    listen: String,
    channels: usize,
    all: bool,
    groups: Vec<Group>,
}

/// A group of channels.
struct Group {
    name: String,
    channels: usize,
    chosen: bool,
}

/// A part of the lineup that one device may have.
struct PartView {
    index: usize,
    first: String,
    last: String,
    channels: usize,
}

/// `GET /devices`.
pub async fn show(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    asker: Asker,
    Query(asked): Query<Asked>,
) -> Response<Body> {
    let facts = Look::at(&state).facts;
    let here = address_for_people(peer, &facts.situation.addresses);
    let catalog = &facts.catalog;
    let rows = catalog.devices.iter().enumerate().map(|(index, device)| Row {
        view: facts.device(device, here),
        first: index == 0,
        listen: device.listen.map(|listen| listen.to_string()).unwrap_or_default(),
        channels: catalog.channels.iter().filter(|channel| catalog.has(device.row, channel.id)).count(),
        all: !catalog.device_channels.contains_key(&device.row),
        groups: groups_of(catalog, device),
    });
    let all = catalog.channels.len();
    let split = if all > MANY_CHANNELS { parts(&catalog.channels, MANY_CHANNELS) } else { Vec::new() };
    let part = |(index, part): (usize, &crate::admin::feeds::lineups::Part)| PartView {
        index,
        first: part.first.to_string(),
        last: part.last.to_string(),
        channels: part.channels.len(),
    };
    rendered(&Page {
        shell: Shell::new(&asker, HERE, "Devices").noting(asked.note.as_deref()),
        rows: rows.collect(),
        channels: all,
        parts: split.iter().enumerate().map(part).collect(),
        usual_tuners: TUNERS,
        many: MANY_CHANNELS,
    })
}

/// All groups, and whether the device has all channels of each.
fn groups_of(catalog: &Catalog, device: &Device) -> Vec<Group> {
    let mut found: BTreeMap<String, Group> = BTreeMap::new();
    for channel in &catalog.channels {
        let has = catalog.has(device.row, channel.id);
        for name in groups(channel) {
            let group = found.entry(name.to_lowercase());
            let group = group.or_insert_with(|| Group { name: name.to_owned(), channels: 0, chosen: true });
            group.channels += 1;
            group.chosen &= has;
        }
    }
    found.into_values().collect()
}

/// A device as it is typed in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    name: String,
    tuners: String,
    listen: String,
}

/// `POST /devices`: makes one.
pub async fn add(State(state): State<AdminState>, Form(typed): Form<Typed>) -> Response<Body> {
    let made = async {
        let wanted = DeviceRequest {
            id: None,
            name: Some(typed.name),
            tuner_count: Some(devices::typed_tuners(&typed.tuners)?),
            listen: Some(typed.listen),
        };
        devices::add(&state, wanted).await
    };
    match made.await {
        Ok(device) => led(&place(&device.id.to_string()), "device"),
        Err(error) => not_done(&error),
    }
}

/// `POST /devices/{id}/change`: another name, other tuners, another address.
pub async fn change(State(state): State<AdminState>, Path(id): Path<String>, Form(typed): Form<Typed>) -> Response<Body> {
    let changed = async {
        let id = devices::existing(&state, &id)?;
        let catalog = state.backend.catalog();
        let listen = catalog.devices.iter().find(|device| device.id == id).and_then(|device| device.listen);
        // The address that it has would be found taken: by itself.
        let another = listen.is_some_and(|listen| listen.to_string() != typed.listen.trim());
        let wanted = DeviceRequest {
            id: None,
            name: Some(typed.name),
            tuner_count: Some(devices::typed_tuners(&typed.tuners)?),
            listen: another.then_some(typed.listen),
        };
        devices::change(&state, id, wanted).await
    };
    done(changed.await, &place(&id), "saved")
}

/// `POST /devices/{id}/remove`.
pub async fn remove(State(state): State<AdminState>, Path(id): Path<String>) -> Response<Body> {
    let removed = async { devices::remove(&state, devices::existing(&state, &id)?).await };
    done(removed.await, HERE, "removed")
}

/// `POST /devices/{id}/channels`: `which` is `all`, `groups` with one `group` for each, or the number of a part.
pub async fn choose(State(state): State<AdminState>, Path(id): Path<String>, body: Bytes) -> Response<Body> {
    let device = match devices::existing(&state, &id) {
        Ok(device) => device,
        Err(error) => return not_done(&error),
    };
    done(chosen(&state, device, &body).await, &place(&id), "saved")
}

async fn chosen(state: &AdminState, device: DeviceId, body: &[u8]) -> Result<(), FeedsError> {
    let fields: Vec<_> = url::form_urlencoded::parse(body).collect();
    let which = fields.iter().find(|(name, _)| name == "which").map_or("", |(_, value)| value.as_ref());
    let request = match which {
        "all" => LineupRequest { all: true, ..LineupRequest::default() },
        "groups" => {
            let groups: Vec<String> =
                fields.iter().filter(|(name, _)| name == "group").map(|(_, value)| value.to_string()).collect();
            if groups.is_empty() {
                return Err(FeedsError::invalid("groups", "Mark at least one group: a device without channels is of no use."));
            }
            LineupRequest { groups: Some(groups), ..LineupRequest::default() }
        }
        part => {
            let split = state.feeds.split(MANY_CHANNELS)?;
            let part = part.parse::<usize>().ok().and_then(|index| split.into_iter().nth(index));
            let part = part.ok_or_else(|| FeedsError::invalid("which", "Say which channels: all, some groups, or a part."))?;
            LineupRequest { channels: Some(part.channels), ..LineupRequest::default() }
        }
    };
    state.feeds.set_lineup(device, request).await.map(drop)
}

fn place(id: &str) -> String {
    format!("{HERE}#d-{id}")
}

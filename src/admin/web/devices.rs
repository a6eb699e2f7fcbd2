//! `/devices`: the virtual tuners, made, changed, given their channels, taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Form, Path, Query, State};
use axum::http::Response;
use serde::Deserialize;

use super::Shell;
use super::fields::Fields;
use super::parts::{Asked, done, led, not_done, show as rendered};
use crate::admin::access::Asker;
use crate::admin::devices::{self, DeviceRequest, TUNERS};
use crate::admin::feeds::edits::groups;
use crate::admin::feeds::lineups::{LineupRequest, MANY_CHANNELS, parts};
use crate::admin::overview::DeviceView;
use crate::admin::page::{Look, address_for_people};
use crate::admin::{AdminState, FeedsError, Situation};
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
    /// An address that no device has.
    free: SocketAddr,
    many: usize,
}

/// A device.
struct Row {
    view: DeviceView,
    first: bool,
    listen: String,
    channels: usize,
    has: Has,
}

/// What a device has, as its form says it.
#[derive(Debug, Default)]
struct Has {
    which: Which,
    groups: Vec<Group>,
}

/// What is said of the channels of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Which {
    /// All, also those to come.
    #[default]
    All,
    /// Those of groups.
    Groups,
    /// Some that were chosen one by one.
    Own,
}

/// A group of channels.
#[derive(Debug)]
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
        has: has(catalog, device),
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
        free: free(&facts.situation, &catalog.devices),
        many: MANY_CHANNELS,
    })
}

/// The next port that no device has, where the first device listens. Pure.
fn free(situation: &Situation, devices: &[Device]) -> SocketAddr {
    let taken = |port: &u16| devices.iter().any(|device| device.listen.is_some_and(|listen| listen.port() == *port));
    let port = (situation.main_port.saturating_add(1)..=u16::MAX).find(|port| !taken(port)).unwrap_or(situation.main_port);
    SocketAddr::new(situation.addresses.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port)
}

/// What a device has. A group is chosen if the device has all channels of it; one that has all there are chose none. Pure.
fn has(catalog: &Catalog, device: &Device) -> Has {
    let all = !catalog.device_channels.contains_key(&device.row);
    let mut found: BTreeMap<String, Group> = BTreeMap::new();
    for channel in &catalog.channels {
        let has = catalog.has(device.row, channel.id);
        for name in groups(channel) {
            let group = found.entry(name.to_lowercase());
            let group = group.or_insert_with(|| Group { name: name.to_owned(), channels: 0, chosen: !all });
            group.channels += 1;
            group.chosen &= has;
        }
    }
    let of_chosen = |name: &str| found.get(&name.to_lowercase()).is_some_and(|group| group.chosen);
    let mut own = catalog.channels.iter().filter(|channel| catalog.has(device.row, channel.id));
    let which = match all {
        true => Which::All,
        false if own.all(|channel| groups(channel).any(of_chosen)) => Which::Groups,
        false => Which::Own,
    };
    Has { which, groups: found.into_values().collect() }
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

/// `POST /devices/{id}/channels`: `which` is `all`, `own`, `groups` with one `group` for each, or the number of a part.
pub async fn choose(State(state): State<AdminState>, Path(id): Path<String>, fields: Fields) -> Response<Body> {
    let device = match devices::existing(&state, &id) {
        Ok(device) => device,
        Err(error) => return not_done(&error),
    };
    done(chosen(&state, device, &fields).await, &place(&id), "saved")
}

/// What is meant by a form that showed the choice `had` with these groups marked. One that leaves the choice as it was but changes the
/// boxes of groups means groups: without scripts nothing moves the choice along with them. Pure.
fn meant<'a>(which: &'a str, ticked: &[&str], had: &str, shown: &[&str]) -> &'a str {
    let set = |names: &[&str]| names.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<String>>();
    if which == had && set(ticked) != set(shown) { "groups" } else { which }
}

async fn chosen(state: &AdminState, device: DeviceId, fields: &Fields) -> Result<(), FeedsError> {
    let catalog = state.backend.catalog();
    let had = catalog.devices.iter().find(|one| one.id == device).map(|device| has(&catalog, device)).unwrap_or_default();
    let groups: Vec<&str> = fields.all("group").collect();
    let shown: Vec<&str> = fields.all("was").collect();
    let (which, then) = (fields.text("which").unwrap_or_default(), fields.text("had").unwrap_or_default());
    let request = match meant(which, &groups, then, &shown) {
        "own" if had.which == Which::Own => return Ok(()),
        "all" => LineupRequest { all: true, ..LineupRequest::default() },
        "groups" => {
            if groups.is_empty() {
                return Err(FeedsError::invalid("groups", "Mark at least one group: a device without channels is of no use."));
            }
            LineupRequest { groups: Some(groups.into_iter().map(str::to_owned).collect()), ..LineupRequest::default() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::nothing_changed("all", &[], "all", &[], "all")]
    #[case::a_box_under_all("all", &["News"], "all", &[], "groups")]
    #[case::back_to_all("all", &["News"], "groups", &["News"], "all")]
    #[case::all_of_one_that_had_groups("all", &[], "groups", &["News"], "all")]
    #[case::own_stays("own", &["news"], "own", &["News"], "own")]
    #[case::a_box_under_own("own", &["News", "Film"], "own", &["News"], "groups")]
    #[case::a_part("0", &["News"], "all", &[], "0")]
    #[case::groups("groups", &["News"], "all", &[], "groups")]
    fn boxes_that_are_changed_are_meant(
        #[case] which: &str,
        #[case] ticked: &[&str],
        #[case] had: &str,
        #[case] shown: &[&str],
        #[case] expected: &str,
    ) {
        assert_eq!(meant(which, ticked, had, shown), expected);
    }
}

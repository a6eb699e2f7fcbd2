//! `/welcome`: the first run, step by step: channels, groups, guide, players. Each step can be left out, and come back to.

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::Response;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;

use super::parts::{self, Asked, show};
use super::playlist::left_out;
use super::playlists::Card;
use super::typed::Forms;
use super::{Shell, html, redirect};
use crate::admin::access::Asker;
use crate::admin::feeds::anew::could_never_be_read;
use crate::admin::feeds::guides::{GuideView, Offered};
use crate::admin::feeds::items::GroupView;
use crate::admin::fragments::render;
use crate::admin::overview::PLEX_MOST_CHANNELS;
use crate::admin::page::{Look, address_for_people};
use crate::admin::{AdminState, FeedsError};
use crate::base::clock;
use crate::http::Peer;
use crate::model::{Automatic, ProviderId};
use crate::store::playlists::Origin;

/// Channels that are shown of the lineup.
const SHOWN: usize = 60;

#[derive(Template)]
#[template(path = "welcome-list.html")]
struct Lists {
    shell: Shell,
    forms: Forms,
}

#[derive(Template)]
#[template(path = "welcome-groups.html")]
struct Groups {
    shell: Shell,
    card: Card,
    groups: Vec<GroupView>,
    automatic: &'static str,
    leave_out: String,
    channels: usize,
    /// The forms again, where the list could not be read.
    forms: Option<Forms>,
}

#[derive(Template)]
#[template(path = "welcome-guide.html")]
struct Guides {
    shell: Shell,
    guides: Vec<GuideView>,
    offered: Vec<Offered>,
    mapped: usize,
    channels: usize,
}

#[derive(Template)]
#[template(path = "welcome-done.html")]
struct Done {
    shell: Shell,
    rows: Vec<(String, String)>,
    channels: usize,
    name: String,
    address: String,
    host: String,
    ip: String,
    discoverable: bool,
    most_of_plex: usize,
    total: usize,
    qr: String,
}

/// Which playlist.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Which {
    playlist: Option<i64>,
    note: Option<String>,
}

/// `GET /welcome`: where the channels come from.
pub async fn lists(asker: Asker) -> Response<Body> {
    html(lists_page(&asker, Forms { welcome: true, ..Forms::default() }))
}

/// The first page with these forms.
pub fn lists_page(asker: &Asker, forms: Forms) -> String {
    render(&Lists { shell: Shell::new(asker, "/welcome", "Your channels"), forms })
}

/// `GET /welcome/groups?playlist=1`: which of them.
pub async fn groups(State(state): State<AdminState>, asker: Asker, Query(which): Query<Which>) -> Response<Body> {
    let id = match which.playlist {
        Some(id) => Some(ProviderId(id)),
        // The one that was added last.
        None => match state.feeds.playlists().await {
            Ok(all) => all.iter().filter(|playlist| playlist.origin == Origin::Person).map(|playlist| playlist.id).next_back(),
            Err(error) => return parts::not_done(&error),
        },
    };
    let Some(id) = id else { return redirect("/welcome") };
    let found = async {
        let view = state.feeds.playlist(id).await?;
        let kept = state.feeds.store.playlist(id).await?;
        let again = could_never_be_read(&kept) && view.job.is_none();
        let forms = again.then(|| Forms::of_unread(&view.warnings.join(" "), &kept.provider));
        Ok::<_, FeedsError>((view, forms))
    };
    match found.await {
        Ok((view, forms)) => show(&Groups {
            forms,
            shell: Shell::new(&asker, "/welcome", "Which channels").noting(which.note.as_deref()),
            groups: state.feeds.groups(id).await.unwrap_or_default(),
            automatic: match view.rules.channels {
                Some(Automatic::Groups) => "groups",
                Some(Automatic::None) => "none",
                Some(Automatic::All) | None => "all",
            },
            leave_out: left_out(&view.rules).join("\n"),
            channels: state.backend.catalog().channels.len(),
            card: Card::new(view, clock::wall_ms()),
        }),
        Err(error) => parts::not_done(&error),
    }
}

/// `GET /welcome/guide`: what is on.
pub async fn guide(State(state): State<AdminState>, asker: Asker, Query(which): Query<Which>) -> Response<Body> {
    let found = async {
        let mapped = state.feeds.mappings().await?.iter().filter(|mapping| mapping.guide.is_some()).count();
        Ok::<_, FeedsError>((state.feeds.guides().await?, state.feeds.offered_guides().await?, mapped))
    };
    match found.await {
        Ok((guides, offered, mapped)) => show(&Guides {
            shell: {
                let asked = Asked { note: which.note };
                let failed = guides.iter().any(|guide| guide.last_error.is_some());
                Shell::new(&asker, "/welcome", "The guide").noting(asked.unless_failed(failed))
            },
            guides,
            offered,
            mapped,
            channels: state.backend.catalog().channels.len(),
        }),
        Err(error) => parts::not_done(&error),
    }
}

/// `GET /welcome/done`: the lineup, and how it comes into players.
pub async fn done(State(state): State<AdminState>, Extension(peer): Extension<Peer>, asker: Asker) -> Response<Body> {
    let (look, here) = (Look::at(&state), address_for_people(peer, &state.situation.load().addresses));
    let devices = look.facts.devices(here);
    let first = devices.first();
    let address = first.and_then(|device| device.addresses.first().cloned()).unwrap_or_else(|| format!("http://{here}"));
    let channels = &look.facts.catalog.channels;
    show(&Done {
        shell: Shell::new(&asker, "/welcome", "Ready"),
        rows: channels.iter().take(SHOWN).map(|channel| (channel.number.to_string(), channel.name.clone())).collect(),
        channels: channels.len(),
        name: first.map_or_else(|| "Rooftop".to_owned(), |device| device.name.clone()),
        host: address.trim_start_matches("http://").to_owned(),
        ip: here.to_string(),
        discoverable: first.is_some_and(|device| device.discoverable),
        most_of_plex: PLEX_MOST_CHANNELS,
        total: channels.len(),
        qr: qr(&format!("{address}/playlist.m3u")),
        address,
    })
}

/// A picture of an address for the camera of a phone; nothing for one that is too long. Pure.
fn qr(address: &str) -> String {
    let code = QrCode::new(address.as_bytes());
    let picture = code.map(|code| code.render::<svg::Color<'_>>().min_dimensions(160, 160).quiet_zone(true).build());
    picture.map(|svg| svg.split_once("?>").map_or(svg.clone(), |(_, svg)| svg.to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_a_picture() {
        let picture = qr("http://10.0.0.2:5004/playlist.m3u");
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>"), "{picture}");
        assert_eq!(qr(&"x".repeat(10_000)), "");
    }
}

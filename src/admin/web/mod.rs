//! The pages. Rendered here, without scripts but for what moves; what a page does, it asks of `admin/feeds` and the backend, as the
//! API does.

mod about;
pub mod backup;
mod bulk;
mod channel;
mod channels;
mod devices;
mod fields;
mod guide;
mod guides;
mod history;
mod input_rules;
mod input_view;
mod inputs;
mod jobs;
mod login;
mod logs;
mod mapping;
mod notes;
pub mod parts;
mod people;
mod play;
mod playlist;
mod playlists;
mod settings;
mod shell;
mod typed;
mod welcome;

use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY};
use axum::http::{Response, StatusCode};

pub use self::shell::Shell;
use super::AdminState;
use super::access::{Asker, gate};
use super::routes::{ADMIN, Need, Table, VIEWER};
use super::{live, page};
use crate::http::reply::{self, media_type};

/// Everything a page needs is ours, but for the logos of channels; and no other page may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' http: https: data:; \
    media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The menu: path, icon, text.
pub const MENU: &[(&str, &str, &str)] = &[
    ("/", "home", "Home"),
    ("/channels", "channels", "Channels"),
    ("/playlists", "playlists", "Playlists"),
    ("/inputs", "inputs", "Inputs"),
    ("/guide", "guide", "Guide"),
    ("/devices", "devices", "Devices"),
    ("/history", "history", "History"),
    ("/jobs", "jobs", "Jobs"),
    ("/settings", "settings", "Settings"),
    ("/people", "people", "People"),
    ("/logs", "logs", "Logs"),
    ("/backup", "backup", "Backup"),
    ("/about", "about", "About"),
];

/// The table of pages.
pub fn table(state: &AdminState) -> Table {
    Table::of_pages(state)
        .get("/setup", Need::Nothing, login::setup)
        .post("/setup", Need::Nothing, login::set_up)
        .upload("/setup/restore", Need::Nothing, login::bring_back)
        .get("/login", Need::Nothing, login::show)
        .post("/login", Need::Nothing, login::log_in)
        .post("/logout", VIEWER, login::log_out)
        .get("/", VIEWER, page::show)
        .get("/live", VIEWER, live::follow)
        .get("/welcome", ADMIN, welcome::lists)
        .get("/welcome/groups", ADMIN, welcome::groups)
        .get("/welcome/guide", ADMIN, welcome::guide)
        .get("/welcome/done", ADMIN, welcome::done)
        .get("/channels", VIEWER, channels::list)
        .post("/channels", ADMIN, channels::add)
        .post("/channels/bulk", ADMIN, bulk::many)
        .upload("/channels/import", ADMIN, channels::import)
        .get("/channels/{id}", VIEWER, channel::one)
        .post("/channels/{id}", ADMIN, channel::change)
        .post("/channels/{id}/remove", ADMIN, channel::remove)
        .post("/channels/{id}/recover", ADMIN, channel::recover)
        .post("/channels/{id}/mapping", ADMIN, channel::map)
        .post("/channels/{id}/sources", ADMIN, channel::add_source)
        .post("/channels/{id}/sources/{act}", ADMIN, channel::act_on_source)
        .get("/guide", VIEWER, guide::grid)
        .get("/guide/mapping", VIEWER, mapping::table)
        .get("/guide/sources", VIEWER, guides::list)
        .post("/guide/sources", ADMIN, guides::add)
        .post("/guide/offered", ADMIN, guides::take)
        .get("/guide/sources/{id}", VIEWER, guides::one)
        .post("/guide/sources/{id}", ADMIN, guides::change)
        .post("/guide/sources/{id}/{act}", ADMIN, guides::act)
        .get("/playlists", VIEWER, playlists::list)
        .post("/playlists", ADMIN, playlists::add)
        .get("/playlists/new", ADMIN, playlists::new)
        .upload("/playlists/upload", ADMIN, playlists::upload)
        .get("/playlists/{id}", VIEWER, playlist::one)
        .post("/playlists/{id}", ADMIN, playlist::change)
        .post("/playlists/{id}/rules", ADMIN, playlist::rules)
        .post("/playlists/{id}/refresh", ADMIN, playlists::refresh)
        .post("/playlists/{id}/accept", ADMIN, playlist::accept)
        .post("/playlists/{id}/discard", ADMIN, playlist::discard)
        .upload("/playlists/{id}/upload", ADMIN, playlist::replace)
        .post("/playlists/{id}/remove", ADMIN, playlists::remove)
        .get("/playlists/{id}/items", VIEWER, playlist::items)
        .get("/inputs", VIEWER, inputs::list)
        .post("/inputs/channel", ADMIN, inputs::make_channel)
        .post("/inputs/rule", ADMIN, input_rules::set)
        .post("/inputs/rule/remove", ADMIN, input_rules::remove)
        .post("/inputs/{act}", ADMIN, inputs::act)
        .get("/devices", VIEWER, devices::show)
        .post("/devices", ADMIN, devices::add)
        // `/devices/…` itself is asked for by Plex, and answered with 404.
        .post("/devices/{id}/change", ADMIN, devices::change)
        .post("/devices/{id}/remove", ADMIN, devices::remove)
        .post("/devices/{id}/channels", ADMIN, devices::choose)
        .get("/history", VIEWER, history::list)
        .get("/history/{id}", VIEWER, history::show)
        .get("/jobs", VIEWER, jobs::show)
        .post("/jobs/{id}/cancel", ADMIN, jobs::cancel)
        .get("/settings", VIEWER, settings::show)
        .get("/people", VIEWER, people::show)
        .post("/people/password", VIEWER, people::password)
        .post("/people/users", ADMIN, people::add_user)
        .post("/people/users/{id}/remove", ADMIN, people::remove_user)
        .post("/people/tokens", ADMIN, people::add_token)
        .post("/people/tokens/{id}/revoke", ADMIN, people::revoke_token)
        .get("/logs", ADMIN, logs::show)
        .get("/backup", ADMIN, backup::show)
        .post("/backup/download", ADMIN, backup::download)
        .post("/backup/restore", ADMIN, backup::restore)
        .post("/backup/forget", ADMIN, backup::forget)
        .post("/backup/restart", ADMIN, backup::restart)
        .get("/about", VIEWER, about::show)
        .get("/about/documents/{name}", VIEWER, about::document)
        .get("/about/bundle", ADMIN, about::bundle)
        .get("/channels/{id}/play", VIEWER, play::show)
        .get("/channels/{id}/play.mp4", VIEWER, play::stream)
}

/// An id in a path.
pub type Id = Result<Path<i64>, PathRejection>;

/// The id of a path, if it is one.
pub fn id(at: Id) -> Option<i64> {
    at.ok().map(|Path(id)| id)
}

/// What is said where nothing is.
pub fn nothing_here() -> Response<Body> {
    refusal(StatusCode::NOT_FOUND, "There is nothing here any more.")
}

/// A page.
pub fn html(html: String) -> Response<Body> {
    let mut response = reply::document(media_type::HTML, html);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Without any referrer browsers would send forms with `Origin: null`, as if they came from somebody else.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

/// To another page, with GET.
pub fn redirect(to: &str) -> Response<Body> {
    gate::see_other(to)
}

/// What was said by a refusal.
#[derive(Debug, Clone)]
struct Refused(String);

/// A page that says why something was not done.
pub fn refusal(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = html(shell::refusal(None, message, None));
    *response.status_mut() = status;
    response.extensions_mut().insert(Refused(message.to_owned()));
    response
}

/// A response for whoever asked: a refusal gets the menu, where somebody is logged in, and a way back, where there is one.
pub fn dressed(response: Response<Body>, asker: Option<&Asker>, back: Option<&str>) -> Response<Body> {
    let Some(Refused(message)) = response.extensions().get() else { return response };
    let mut page = html(shell::refusal(asker, message, back));
    *page.status_mut() = response.status();
    page
}

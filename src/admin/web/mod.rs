//! The pages. Rendered here, without scripts but for what moves; what a page does, it asks of `admin/feeds` and the backend, as the
//! API does.

mod about;
pub mod backup;
mod devices;
mod history;
mod jobs;
mod login;
mod logs;
mod notes;
pub mod parts;
mod people;
mod settings;
mod shell;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY};
use axum::http::{Response, StatusCode};

pub use self::shell::Shell;
use super::AdminState;
use super::access::gate;
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
        .get("/login", Need::Nothing, login::show)
        .post("/login", Need::Nothing, login::log_in)
        .post("/logout", VIEWER, login::log_out)
        .get("/", VIEWER, page::show)
        .get("/live", VIEWER, live::follow)
        .get("/devices", VIEWER, devices::show)
        .post("/devices", ADMIN, devices::add)
        .post("/devices/{id}", ADMIN, devices::change)
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
}

/// A page.
pub fn html(html: String) -> Response<Body> {
    let mut response = reply::document(media_type::HTML, html);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

/// To another page, with GET.
pub fn redirect(to: &str) -> Response<Body> {
    gate::see_other(to)
}

/// A page that says why something was not done.
pub fn refusal(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = html(shell::refusal(message));
    *response.status_mut() = status;
    response
}

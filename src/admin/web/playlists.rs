//! `/playlists`: what there is, how it is, and new ones.

use askama::Template;
use axum::body::Body;
use axum::extract::{Multipart, Query, State};
use axum::http::Response;

use super::fields::Fields;
use super::parts::{self, Asked, show};
use super::typed::{Forms, with_user};
use super::{Shell, html, redirect, welcome};
use crate::admin::access::Asker;
use crate::admin::feeds::playlists::{AccessRequest, PlaylistRequest, PlaylistView};
use crate::admin::fragments::render;
use crate::admin::{AdminState, FeedsError};
use crate::base::clock;
use crate::model::ProviderId;

/// A playlist in the list.
pub struct Card {
    /// The playlist.
    pub view: PlaylistView,
    /// What kind it is, in words.
    pub kind: &'static str,
    /// Items of the version that is served.
    pub items: String,
    /// When it was read.
    pub read: String,
}

impl Card {
    /// As it stands.
    pub fn new(view: PlaylistView, now_ms: i64) -> Self {
        let count = |name: &str| view.current.as_ref().and_then(|current| current.report.get(name)?.as_u64());
        Self {
            kind: match view.kind {
                "xtream" => "Xtream account",
                "upload" => "uploaded file",
                "links" => "addresses of channels",
                "demo" => "built-in demo",
                _ if view.location.contains("://") => "M3U from the web",
                _ => "M3U file",
            },
            items: count("items").map(parts::count).unwrap_or_default(),
            read: parts::ago(view.imported_ms, now_ms),
            view,
        }
    }

    /// Whether there is something to be read anew.
    pub fn can_be_read(&self) -> bool {
        !matches!(self.view.kind, "links" | "demo")
    }
}

#[derive(Template)]
#[template(path = "playlists.html")]
struct Page {
    shell: Shell,
    cards: Vec<Card>,
}

#[derive(Template)]
#[template(path = "playlist-new.html")]
struct NewPage {
    shell: Shell,
    forms: Forms,
}

/// `GET /playlists`.
pub async fn list(State(state): State<AdminState>, asker: Asker, Query(asked): Query<Asked>) -> Response<Body> {
    let now_ms = clock::wall_ms();
    match state.feeds.playlists().await {
        Ok(views) => show(&Page {
            shell: Shell::new(&asker, "/playlists", "Playlists").noting(asked.note.as_deref()),
            cards: views.into_iter().map(|view| Card::new(view, now_ms)).collect(),
        }),
        Err(error) => parts::not_done(&error),
    }
}

/// `GET /playlists/new`.
pub async fn new(asker: Asker) -> Response<Body> {
    html(new_page(&asker, Forms::default()))
}

/// The forms on their page, or on that of the first run.
fn new_page(asker: &Asker, forms: Forms) -> String {
    match forms.welcome {
        true => welcome::lists_page(asker, forms),
        false => render(&NewPage { shell: Shell::new(asker, "/playlists", "Add a playlist"), forms }),
    }
}

/// What a form says of how a feed is fetched.
pub fn access_of(fields: &Fields) -> AccessRequest {
    AccessRequest {
        user_agent: fields.text("user_agent").map(str::to_owned),
        headers: fields.headers("headers"),
        proxy: fields.text("proxy").map(str::to_owned),
        any_certificate: fields.is_set("any_certificate"),
    }
}

/// `POST /playlists`: an address, a path or an account.
pub async fn add(State(state): State<AdminState>, asker: Asker, fields: Fields) -> Response<Body> {
    let text = |name: &str| fields.text(name).map(str::to_owned);
    if fields.text("location").is_some_and(|location| !is_whole(location)) {
        let text = "An address begins with http:// or https://, a path on the box with /.";
        return wrong(&asker, &FeedsError::Invalid("location", text.to_owned()), &fields);
    }
    let location = fields.text("location").map(|at| with_user(at, fields.text("user"), fields.text("user_password")));
    let location = match location.transpose() {
        Ok(location) => location,
        Err(error) => return wrong(&asker, &error, &fields),
    };
    let request = PlaylistRequest {
        name: text("name"),
        location,
        server: text("server"),
        username: text("username"),
        password: text("password"),
        access: Some(access_of(&fields)),
        ..PlaylistRequest::default()
    };
    match state.feeds.add_playlist_instead(fields.number("instead").map(ProviderId), request).await {
        Ok(view) => redirect(&added(&fields, view.id.0)),
        Err(error) => wrong(&asker, &error, &fields),
    }
}

/// Whether it is an address or a path, and not a name that would be looked for somewhere on the box.
pub fn is_whole(location: &str) -> bool {
    location.starts_with('/') || location.contains("://")
}

/// Where a new playlist is looked at: in the first run, or on its page.
fn added(fields: &Fields, id: i64) -> String {
    if fields.is_set("welcome") { format!("/welcome/groups?playlist={id}") } else { format!("/playlists/{id}?note=added") }
}

fn wrong(asker: &Asker, error: &FeedsError, fields: &Fields) -> Response<Body> {
    let mut response = html(new_page(asker, Forms::of_fields(&parts::sentence(error), fields)));
    *response.status_mut() = parts::status(error);
    response
}

/// `POST /playlists/upload`, a form with a file.
pub async fn upload(
    State(state): State<AdminState>,
    asker: Asker,
    form: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Response<Body> {
    match received(&state, form).await {
        Ok((upload, name, fields)) => {
            match state.feeds.add_uploaded(fields.number("instead").map(ProviderId), upload, name).await {
                Ok(view) => redirect(&added(&fields, view.id.0)),
                Err(error) => wrong(&asker, &error, &fields),
            }
        }
        Err(error) => wrong(&asker, &error, &Fields::default()),
    }
}

/// Takes the file of a form, and what it is called.
pub async fn received(
    state: &AdminState,
    form: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<(crate::admin::feeds::upload::Upload, Option<String>, Fields), FeedsError> {
    let broken = || FeedsError::Invalid("file", "The file did not come whole. Try again.".to_owned());
    let mut form = form.map_err(|_| broken())?;
    let mut said = Vec::new();
    while let Some(mut field) = form.next_field().await.map_err(|_| broken())? {
        if let Some(name @ ("welcome" | "instead")) = field.name() {
            let name = name.to_owned();
            said.push((name, field.text().await.map_err(|_| broken())?));
            continue;
        }
        if field.name() != Some("file") {
            continue;
        }
        let name = field.file_name().map(|name| name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned());
        let name = name.map(|name| name.rsplit_once('.').map_or(name.clone(), |(stem, _)| stem.to_owned()));
        let mut upload = state.feeds.begin_upload().await?;
        while let Some(bytes) = field.chunk().await.map_err(|_| broken())? {
            upload.push(&bytes).await?;
        }
        let fields = Fields::of(said);
        return Ok((upload, name.filter(|name| !name.is_empty()), fields));
    }
    Err(FeedsError::Invalid("file", "Choose a file.".to_owned()))
}

/// `POST /playlists/{id}/refresh`.
pub async fn refresh(State(state): State<AdminState>, id: super::Id) -> Response<Body> {
    let Some(id) = super::id(id) else { return super::nothing_here() };
    let to = format!("/playlists/{id}");
    let started = state.feeds.refresh_playlist(ProviderId(id), true).await;
    parts::done(started, &to, "started")
}

/// `POST /playlists/{id}/remove`.
pub async fn remove(State(state): State<AdminState>, id: super::Id) -> Response<Body> {
    let Some(id) = super::id(id) else { return super::nothing_here() };
    parts::done(state.feeds.remove_playlist(ProviderId(id)).await, "/playlists", "removed")
}

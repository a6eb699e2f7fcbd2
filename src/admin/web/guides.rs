//! `/guide/sources`: the guides that are read, and those that playlists name.

use askama::Template;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::Response;

use super::fields::Fields;
use super::parts::{self, Asked, show};
use super::playlists::{access_of, is_whole};
use super::{Id, Shell, id, nothing_here};
use crate::admin::access::Asker;
use crate::admin::feeds::guides::{GuideRequest, GuideView, Offered};
use crate::admin::{AdminState, FeedsError};
use crate::base::clock;
use crate::guide::difference::GuideDifference;
use crate::model::{GuideId, ProviderId};

struct Card {
    view: GuideView,
    channels: String,
    mapped: String,
    kept: String,
    read: String,
}

impl Card {
    fn new(view: GuideView, now_ms: i64) -> Self {
        let count = |name: &str| view.current.as_ref().and_then(|current| current.report.get(name)?.as_u64()).unwrap_or(0);
        Self {
            channels: parts::count(count("channels")),
            mapped: parts::count(count("mapped")),
            kept: parts::count(count("kept")),
            read: parts::ago(view.imported_ms, now_ms),
            view,
        }
    }
}

#[derive(Template)]
#[template(path = "guides.html")]
struct Page {
    shell: Shell,
    cards: Vec<Card>,
    offered: Vec<Offered>,
}

#[derive(Template)]
#[template(path = "guide-source.html")]
struct One {
    shell: Shell,
    card: Card,
    difference: Option<GuideDifference>,
}

/// `GET /guide/sources`.
pub async fn list(State(state): State<AdminState>, asker: Asker, Query(asked): Query<Asked>) -> Response<Body> {
    let found = async { Ok::<_, FeedsError>((state.feeds.guides().await?, state.feeds.offered_guides().await?)) };
    let now_ms = clock::wall_ms();
    match found.await {
        Ok((views, offered)) => show(&Page {
            shell: Shell::new(&asker, "/guide", "Guides")
                .noting(asked.unless_failed(views.iter().any(|view| view.last_error.is_some()))),
            cards: views.into_iter().map(|view| Card::new(view, now_ms)).collect(),
            offered,
        }),
        Err(error) => parts::not_done(&error),
    }
}

/// `GET /guide/sources/{id}`.
pub async fn one(State(state): State<AdminState>, asker: Asker, at: Id, Query(asked): Query<Asked>) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    match state.feeds.guide(GuideId(number)).await {
        Ok(view) => {
            let held = view.held.is_some();
            let difference = if held { state.feeds.held_guide_difference(GuideId(number)).await.ok() } else { None };
            let shell = Shell::new(&asker, "/guide", view.name.clone()).noting(asked.note.as_deref());
            show(&One { shell, card: Card::new(view, clock::wall_ms()), difference })
        }
        Err(error) => parts::not_done(&error),
    }
}

/// `POST /guide/sources`.
pub async fn add(State(state): State<AdminState>, fields: Fields) -> Response<Body> {
    if fields.text("location").is_some_and(|location| !is_whole(location)) {
        let text = "An address begins with http:// or https://, a path on the box with /.";
        return parts::not_done(&FeedsError::Invalid("location", text.to_owned()));
    }
    let request = GuideRequest {
        name: fields.text("name").map(str::to_owned),
        location: fields.text("location").map(str::to_owned),
        ..GuideRequest::default()
    };
    let to = if fields.is_set("welcome") { "/welcome/guide" } else { "/guide/sources" };
    parts::done(state.feeds.add_guide(request).await, to, "added")
}

/// `POST /guide/offered`: uses a guide that a playlist names.
pub async fn take(State(state): State<AdminState>, fields: Fields) -> Response<Body> {
    let (Some(playlist), Some(index)) = (fields.number("playlist"), fields.number("index")) else { return nothing_here() };
    let to = if fields.is_set("welcome") { "/welcome/guide" } else { "/guide/sources" };
    parts::done(state.feeds.take_offered(ProviderId(playlist), index).await, to, "added")
}

/// `POST /guide/sources/{id}`: its settings.
pub async fn change(State(state): State<AdminState>, at: Id, fields: Fields) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    let request = GuideRequest {
        name: fields.text("name").map(str::to_owned),
        location: fields.text("location").map(str::to_owned),
        refresh_h: fields.number("refresh_h"),
        access: fields.is_set("access_too").then(|| access_of(&fields)),
        active: Some(fields.is_set("active")),
        position: fields.number("position"),
    };
    let done = state.feeds.change_guide(GuideId(number), request).await;
    parts::done(done, &format!("/guide/sources/{number}"), "saved")
}

/// `POST /guide/sources/{id}/{act}`: read, accept, forget, take away.
pub async fn act(State(state): State<AdminState>, at: Result<Path<(i64, String)>, PathRejection>) -> Response<Body> {
    let Ok(Path((number, act))) = at else { return nothing_here() };
    let (guide, to) = (GuideId(number), format!("/guide/sources/{number}"));
    match act.as_str() {
        "refresh" => parts::done(state.feeds.refresh_guide(guide, true).await, &to, "started"),
        "accept" => parts::done(state.feeds.accept_held_guide(guide).await, &to, "started"),
        "discard" => parts::done(state.feeds.discard_held_guide(guide).await, &to, "discarded"),
        "remove" => parts::done(state.feeds.remove_guide(guide).await, "/guide/sources", "removed"),
        _ => nothing_here(),
    }
}

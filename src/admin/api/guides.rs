//! `/api/v1/guides`, `/api/v1/guide` and what channels have of them: mapping, programmes, what is on.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body;
use super::channels::no_such_channel;
use super::playlists::started;
use super::problem::Problem;
use crate::admin::AdminState;
use crate::admin::feeds::guides::{GuideRequest, GuideView, MappingRequest};
use crate::http::reply;
use crate::model::{ChannelId, GuideId, Programme, ProviderId};

type Id = Result<Path<i64>, PathRejection>;
type Asked<T> = Result<Query<T>, QueryRejection>;

fn guide(id: Id) -> Result<GuideId, Problem> {
    let none = |_| Problem::new(StatusCode::NOT_FOUND, "There is no guide with this id.");
    id.map(|Path(id)| GuideId(id)).map_err(none)
}

fn channel(id: Id) -> Result<ChannelId, Problem> {
    id.map(|Path(id)| ChannelId(id)).map_err(|_| no_such_channel())
}

fn asked<T>(query: Asked<T>) -> Result<T, Problem> {
    query.map(|Query(query)| query).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))
}

/// `GET /guides`.
pub async fn list(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&json!({ "guides": state.feeds.guides().await? })))
}

/// `GET /guides/{id}`.
pub async fn show(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&state.feeds.guide(guide(id)?).await?))
}

/// `POST /guides`: makes one, and begins to read it.
pub async fn add(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let request: GuideRequest = body::read_json(request).await?;
    Ok(created(&state.feeds.add_guide(request).await?))
}

fn created(view: &GuideView) -> Response<Body> {
    let mut response = reply::json(view);
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/guides/{}", view.id.0)) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// `PATCH /guides/{id}` (RFC 7396).
pub async fn change(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = guide(id)?;
    let request: GuideRequest = body::read_json(request).await?;
    Ok(reply::json(&state.feeds.change_guide(id, request).await?))
}

/// `DELETE /guides/{id}`.
pub async fn remove(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    state.feeds.remove_guide(guide(id)?).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// How a guide is to be read.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wish {
    /// Even if its server says that nothing is new.
    anyway: bool,
}

/// `POST /guides/{id}/refresh?anyway=true`: begins to read it; 202 with the number of the job.
pub async fn refresh(State(state): State<AdminState>, id: Id, wish: Asked<Wish>) -> Result<Response<Body>, Problem> {
    let job = state.feeds.refresh_guide(guide(id)?, asked(wish)?.anyway).await?;
    Ok(started(job))
}

/// `GET /guides/{id}/held`: what the version that is held back differs in.
pub async fn held(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&state.feeds.held_guide_difference(guide(id)?).await?))
}

/// `POST /guides/{id}/held/accept`: begins to serve it; 202 with the number of the job.
pub async fn accept(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(started(state.feeds.accept_held_guide(guide(id)?).await?))
}

/// `DELETE /guides/{id}/held`.
pub async fn discard(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    state.feeds.discard_held_guide(guide(id)?).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /guides/offered`: guides that playlists name and that are not used yet.
pub async fn offered(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&json!({ "guides": state.feeds.offered_guides().await? })))
}

/// Which of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Taken {
    playlist: ProviderId,
    index: usize,
}

/// `POST /guides/offered` `{"playlist": 1, "index": 0}`: uses it.
pub async fn take(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let Taken { playlist, index } = body::read_json(request).await?;
    Ok(created(&state.feeds.take_offered(playlist, index).await?))
}

/// What to look for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    search: String,
}

/// `GET /guides/{id}/channels?search=`.
pub async fn channels(State(state): State<AdminState>, id: Id, search: Asked<Search>) -> Result<Response<Body>, Problem> {
    let search = asked(search)?.search;
    Ok(reply::json(&json!({ "channels": state.feeds.guide_channels(guide(id)?, &search).await? })))
}

/// `GET /mappings`: every channel of the lineup, and its guide.
pub async fn mappings(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&json!({ "mappings": state.feeds.mappings().await? })))
}

/// `GET /channels/{id}/mapping`: what a person may choose from.
pub async fn suggestions(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    let id = channel(id)?;
    let mapping = state.feeds.mappings().await?.into_iter().find(|mapping| mapping.channel == id);
    Ok(reply::json(&json!({ "mapping": mapping, "suggestions": state.feeds.suggestions(id).await? })))
}

/// `PUT /channels/{id}/mapping` `{"guide": 1, "guide_channel": "x", "offset_s": 0}`, or `{}`: no guide.
pub async fn map(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = channel(id)?;
    let request: MappingRequest = body::read_json(request).await?;
    state.feeds.map_channel(id, request).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `DELETE /channels/{id}/mapping`: it is mapped by itself again.
pub async fn unmap(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    state.feeds.unmap_channel(channel(id)?).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// For how long.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hours {
    hours: Option<u32>,
}

/// `GET /channels/{id}/programmes?hours=24`.
pub async fn programmes(State(state): State<AdminState>, id: Id, hours: Asked<Hours>) -> Result<Response<Body>, Problem> {
    let hours = asked(hours)?.hours.unwrap_or(24);
    let programmes = state.feeds.programmes(channel(id)?, hours).await?;
    Ok(reply::json(&json!({ "programmes": programmes.iter().map(Shown::new).collect::<Vec<_>>() })))
}

/// A programme, as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    start_s: i64,
    stop_s: Option<i64>,
    title: &'a str,
    sub_title: Option<&'a str>,
    description: Option<&'a str>,
    icon: Option<&'a str>,
    details: &'a Programme,
}

impl<'a> Shown<'a> {
    fn new(programme: &'a Programme) -> Self {
        Self {
            start_s: programme.start_s,
            stop_s: programme.stop_s,
            title: programme.title(),
            sub_title: programme.sub_titles.first().map(|text| text.text.as_str()),
            description: programme.descriptions.first().map(|text| text.text.as_str()),
            icon: programme.icons.first().map(String::as_str),
            details: programme,
        }
    }
}

/// `GET /guide/now`: what is on on every channel, and what follows.
pub async fn now(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    let on = state.feeds.on_now().await?;
    let shown: Vec<Value> = on
        .iter()
        .map(|(channel, on)| {
            let now = on.now.as_ref().map(Shown::new);
            json!({ "channel": channel, "now": now, "next": on.next.as_ref().map(Shown::new), "progress_per_mille": on.progress })
        })
        .collect();
    Ok(reply::json(&json!({ "channels": shown })))
}

/// What to look for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    q: String,
    limit: Option<usize>,
}

/// `GET /guide/search?q=&limit=`: programmes that are not over.
pub async fn search(State(state): State<AdminState>, query: Asked<Terms>) -> Result<Response<Body>, Problem> {
    let query = asked(query)?;
    let found = state.feeds.search_programmes(&query.q, query.limit.unwrap_or(100)).await?;
    let shown: Vec<Value> =
        found.iter().map(|(channel, programme)| json!({ "channel": channel, "programme": Shown::new(programme) })).collect();
    Ok(reply::json(&json!({ "found": shown })))
}

//! `/api/v1/guides`, `/api/v1/guide` and what channels have of them: mapping, programmes, what is on.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::{HeaderMap, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::{self, Asked, asked};
use super::channels::no_such_channel;
use super::playlists::started;
use super::problem::Problem;
use super::stretch::{self, ByNumber, Stretch};
use super::tag::{self, Expected, Shown};
use crate::admin::AdminState;
use crate::admin::feeds::guides::{GuideRequest, GuideView, MappingRequest, MappingView, Offered, Suggestion};
use crate::http::reply;
use crate::model::{ChannelId, GuideChannel, GuideId, Programme, ProviderId};

type Id = Result<Path<i64>, PathRejection>;

fn guide(id: Id) -> Result<GuideId, Problem> {
    let none = |_| Problem::new(StatusCode::NOT_FOUND, "There is no guide with this id.");
    id.map(|Path(id)| GuideId(id)).map_err(none)
}

fn channel(id: Id) -> Result<ChannelId, Problem> {
    id.map(|Path(id)| ChannelId(id)).map_err(|_| no_such_channel())
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Guides")]
pub(super) struct List {
    guides: Vec<GuideView>,
    /// Where the next answer goes on, if there is more.
    next: Option<usize>,
}

/// `GET /guides?after=&limit=`.
pub async fn list(State(state): State<AdminState>, stretch: Asked<Stretch>) -> Result<Response<Body>, Problem> {
    let (guides, next) = asked(stretch)?.of(state.feeds.guides().await?)?;
    Ok(reply::json(&List { guides, next }))
}

/// `GET /guides/{id}`.
pub async fn show(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(shown(&state, guide(id)?).await?.answer())
}

/// What is shown of one.
async fn shown(state: &AdminState, id: GuideId) -> Result<Shown, Problem> {
    Shown::new(&state.feeds.guide(id).await?)
}

/// `POST /guides`: makes one, and begins to read it.
pub async fn add(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let request: GuideRequest = body::read_json(request).await?;
    created(&state.feeds.add_guide(request).await?)
}

fn created(view: &GuideView) -> Result<Response<Body>, Problem> {
    let mut response = tag::json(view)?;
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/guides/{}", view.id.0)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `PATCH /guides/{id}` (RFC 7396).
pub async fn change(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = guide(id)?;
    let expected = Expected::of(request.headers());
    let request: GuideRequest = body::read_json(request).await?;
    let _turn = expected.turn(&state, shown(&state, id)).await?;
    tag::json(&state.feeds.change_guide(id, request).await?)
}

/// `DELETE /guides/{id}`.
pub async fn remove(State(state): State<AdminState>, id: Id, headers: HeaderMap) -> Result<Response<Body>, Problem> {
    let id = guide(id)?;
    let _turn = Expected::of(&headers).turn(&state, shown(&state, id)).await?;
    state.feeds.remove_guide(id).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// How a guide is to be read.
#[derive(Debug, Default, Deserialize, JsonSchema)]
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

#[derive(Serialize, JsonSchema)]
pub(super) struct OfferedGuides {
    guides: Vec<Offered>,
}

/// `GET /guides/offered`: guides that playlists name and that are not used yet.
pub async fn offered(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&OfferedGuides { guides: state.feeds.offered_guides().await? }))
}

/// Which of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Taken {
    playlist: ProviderId,
    index: usize,
}

/// `POST /guides/offered` `{"playlist": 1, "index": 0}`: uses it.
pub async fn take(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let Taken { playlist, index } = body::read_json(request).await?;
    created(&state.feeds.take_offered(playlist, index).await?)
}

/// What to look for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// This, in a name or an id.
    search: String,
    /// Those after so many; it is `next` of the answer before.
    after: Option<usize>,
    /// At most this many.
    #[schemars(range(min = 1, max = stretch::MOST))]
    limit: Option<usize>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct GuideChannels {
    channels: Vec<GuideChannel>,
    /// Where the next answer goes on, if there is more.
    next: Option<usize>,
}

/// `GET /guides/{id}/channels?search=&after=&limit=`.
pub async fn channels(State(state): State<AdminState>, id: Id, search: Asked<Search>) -> Result<Response<Body>, Problem> {
    let Search { search, after, limit } = asked(search)?;
    let found = state.feeds.guide_channels(guide(id)?, &search).await?;
    let (channels, next) = Stretch { after, limit }.of(found)?;
    Ok(reply::json(&GuideChannels { channels, next }))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Mappings {
    mappings: Vec<MappingView>,
    /// Where the next answer goes on, if there is more.
    next: Option<String>,
}

/// `GET /mappings?after=5.1&limit=`: every channel of the lineup, and its guide.
pub async fn mappings(State(state): State<AdminState>, stretch: Asked<ByNumber>) -> Result<Response<Body>, Problem> {
    let all = state.feeds.mappings().await?;
    let (mappings, next) = asked(stretch)?.of(&all, |mapping| &mapping.number)?;
    Ok(reply::json(&Mappings { mappings: mappings.to_vec(), next }))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Suggestions {
    /// As it is; absent: the channel is not in the lineup.
    mapping: Option<MappingView>,
    suggestions: Vec<Suggestion>,
}

/// `GET /channels/{id}/mapping`: what a person may choose from.
pub async fn suggestions(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    let id = channel(id)?;
    let mapping = state.feeds.mappings().await?.into_iter().find(|mapping| mapping.channel == id);
    Ok(reply::json(&Suggestions { mapping, suggestions: state.feeds.suggestions(id).await? }))
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
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hours {
    hours: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Programmes<'a> {
    programmes: Vec<ProgrammeView<'a>>,
}

/// `GET /channels/{id}/programmes?hours=24`.
pub async fn programmes(State(state): State<AdminState>, id: Id, hours: Asked<Hours>) -> Result<Response<Body>, Problem> {
    let hours = asked(hours)?.hours.unwrap_or(24);
    let programmes = state.feeds.programmes(channel(id)?, hours).await?;
    Ok(reply::json(&Programmes { programmes: programmes.iter().map(ProgrammeView::new).collect() }))
}

/// A programme, as it is shown.
#[derive(Serialize, JsonSchema)]
struct ProgrammeView<'a> {
    start_s: i64,
    stop_s: Option<i64>,
    title: &'a str,
    sub_title: Option<&'a str>,
    description: Option<&'a str>,
    icon: Option<&'a str>,
    details: &'a Programme,
}

impl<'a> ProgrammeView<'a> {
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

#[derive(Serialize, JsonSchema)]
pub(super) struct Now<'a> {
    channels: Vec<OnChannel<'a>>,
    /// Where the next answer goes on, if there is more.
    next: Option<String>,
}

/// What is on on a channel.
#[derive(Serialize, JsonSchema)]
struct OnChannel<'a> {
    channel: ChannelId,
    now: Option<ProgrammeView<'a>>,
    next: Option<ProgrammeView<'a>>,
    /// How much of it is over.
    progress_per_mille: Option<u16>,
}

/// `GET /guide/now?after=5.1&limit=`: what is on on every channel of the lineup, and what follows.
pub async fn now(State(state): State<AdminState>, stretch: Asked<ByNumber>) -> Result<Response<Body>, Problem> {
    let catalog = state.backend.catalog();
    let (channels, next) = asked(stretch)?.of(&catalog.channels, |channel| &channel.number)?;
    let on = state.feeds.on_now_of(channels.iter().map(|channel| channel.id).collect()).await?;
    let shown = on.iter().map(|(channel, on)| OnChannel {
        channel: *channel,
        now: on.now.as_ref().map(ProgrammeView::new),
        next: on.next.as_ref().map(ProgrammeView::new),
        progress_per_mille: on.progress,
    });
    Ok(reply::json(&Now { channels: shown.collect(), next }))
}

/// What to look for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    q: String,
    limit: Option<usize>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Found<'a> {
    found: Vec<OneFound<'a>>,
}

/// A programme, and the channel that shows it.
#[derive(Serialize, JsonSchema)]
struct OneFound<'a> {
    channel: ChannelId,
    programme: ProgrammeView<'a>,
}

/// `GET /guide/search?q=&limit=`: programmes that are not over.
pub async fn search(State(state): State<AdminState>, query: Asked<Terms>) -> Result<Response<Body>, Problem> {
    let query = asked(query)?;
    let found = state.feeds.search_programmes(&query.q, query.limit.unwrap_or(100)).await?;
    let found = found.iter().map(|(channel, programme)| OneFound { channel: *channel, programme: ProgrammeView::new(programme) });
    Ok(reply::json(&Found { found: found.collect() }))
}

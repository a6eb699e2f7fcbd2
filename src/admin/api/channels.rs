//! `/api/v1/channels`: the lineup with its sources. Addresses are shown without credentials.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::{Asked, asked};
use super::problem::Problem;
use super::stretch::{ByNumber, MOST};
use super::tag::Shown;
use crate::admin::feeds::FeedsError;
use crate::admin::{AdminState, Backend};
use crate::base::secret::SafeUrl;
use crate::http::reply;
use crate::model::{Channel as ModelChannel, ChannelId, Source as ModelSource, Verdict};
use crate::store::Catalog;

/// Which stretch of the lineup.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stretch {
    /// Those after this number; it is `next` of the answer before.
    after: Option<String>,
    /// At most this many.
    #[schemars(range(min = 1, max = MOST))]
    limit: Option<usize>,
    /// Those too that are not in the lineup.
    all: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Channels")]
pub(super) struct List<'a> {
    channels: Vec<Channel<'a>>,
    /// Where the next answer goes on, if there is more.
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChannelView")]
pub(super) struct Channel<'a> {
    #[serde(flatten)]
    channel: &'a ModelChannel,
    hd: bool,
    sources: Vec<Source<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SourceView")]
pub(super) struct Source<'a> {
    #[serde(flatten)]
    source: &'a ModelSource,
    url: String,
    /// What the last probe found out; absent: it was never probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<Verdict>,
}

impl<'a> Channel<'a> {
    fn new(channel: &'a ModelChannel, catalog: &'a Catalog, backend: &dyn Backend) -> Self {
        let sources = catalog.sources_of(channel.id).iter();
        let probe = |source: &ModelSource| backend.verdict(source.id).map(|verdict| (*verdict).clone());
        let sources = sources.map(|source| Source { source, url: SafeUrl(&source.url).to_string(), probe: probe(source) });
        Self { channel, hd: channel.is_hd(), sources: sources.collect() }
    }
}

/// `GET /channels?after=5.1&limit=100&all=true`, in order of number.
pub async fn list(State(state): State<AdminState>, stretch: Asked<Stretch>) -> Result<Response<Body>, Problem> {
    let Stretch { after, limit, all } = asked(stretch)?;
    let catalog = state.backend.catalog();
    let kept = if all { Some(state.feeds.store.all_channels().await.map_err(FeedsError::from)?) } else { None };
    let channels = kept.as_ref().unwrap_or(&catalog.channels);
    let (channels, next) = ByNumber { after, limit }.of(channels, |channel| &channel.number)?;
    let channels = channels.iter().map(|channel| Channel::new(channel, &catalog, &*state.backend)).collect();
    Ok(reply::json(&List { channels, next }))
}

/// `GET /channels/{id}`.
pub async fn show(State(state): State<AdminState>, id: Result<Path<i64>, PathRejection>) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| no_such_channel())?;
    Ok(shown(&state, ChannelId(id)).await?.answer())
}

/// What is shown of one.
pub(super) async fn shown(state: &AdminState, id: ChannelId) -> Result<Shown, Problem> {
    let catalog = state.backend.catalog();
    if let Some(channel) = catalog.channels.iter().find(|channel| channel.id == id) {
        return Shown::new(&Channel::new(channel, &catalog, &*state.backend));
    }
    // One that is not in the lineup.
    let all = state.feeds.store.all_channels().await.map_err(FeedsError::from)?;
    let channel = all.iter().find(|channel| channel.id == id).ok_or_else(no_such_channel)?;
    Shown::new(&Channel::new(channel, &catalog, &*state.backend))
}

pub(super) fn no_such_channel() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no channel with this id.")
}

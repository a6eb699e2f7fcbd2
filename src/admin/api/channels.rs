//! `/api/v1/channels`: the lineup with its sources. Addresses are shown without credentials.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::admin::feeds::FeedsError;
use crate::admin::{AdminState, Backend};
use crate::base::secret::SafeUrl;
use crate::http::reply;
use crate::model::{Channel as ModelChannel, GuideNumber, Source as ModelSource, Verdict};
use crate::store::Catalog;

/// Most channels of one answer.
const MOST: usize = 5000;

/// Which stretch of the lineup.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// Those after this number; it is `next` of the answer before.
    after: Option<String>,
    /// At most this many.
    limit: Option<usize>,
    /// Those too that are not in the lineup.
    #[serde(default)]
    all: bool,
}

#[derive(Serialize)]
struct List<'a> {
    channels: Vec<Channel<'a>>,
    /// Where the next answer goes on, if there is more.
    next: Option<String>,
}

#[derive(Serialize)]
struct Channel<'a> {
    #[serde(flatten)]
    channel: &'a ModelChannel,
    hd: bool,
    sources: Vec<Source<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
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
pub async fn list(
    State(state): State<AdminState>,
    stretch: Result<Query<Stretch>, QueryRejection>,
) -> Result<Response<Body>, Problem> {
    let Query(stretch) = stretch.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let limit = stretch.limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::field("limit", format!("`limit` is 1 to {MOST}.")));
    }
    let after = stretch.after.map(|after| after.parse::<GuideNumber>()).transpose();
    let after = after.map_err(|error| Problem::field("after", format!("`after` is the number of a channel: {error}.")))?;
    let catalog = state.backend.catalog();
    let kept;
    let channels = if stretch.all {
        kept = state.feeds.store.all_channels().await.map_err(FeedsError::from)?;
        &kept
    } else {
        &catalog.channels
    };
    let mut rest = channels.iter().filter(|channel| after.as_ref().is_none_or(|after| channel.number > *after)).peekable();
    let channels: Vec<_> = rest.by_ref().take(limit).map(|channel| Channel::new(channel, &catalog, &*state.backend)).collect();
    let next = rest.peek().and_then(|_| channels.last().map(|last| last.channel.number.to_string()));
    Ok(reply::json(&List { channels, next }))
}

/// `GET /channels/{id}`.
pub async fn show(State(state): State<AdminState>, id: Result<Path<i64>, PathRejection>) -> Result<Response<Body>, Problem> {
    let catalog = state.backend.catalog();
    let Path(id) = id.map_err(|_| no_such_channel())?;
    if let Some(channel) = catalog.channels.iter().find(|channel| channel.id.0 == id) {
        return Ok(reply::json(&Channel::new(channel, &catalog, &*state.backend)));
    }
    // One that is not in the lineup.
    let all = state.feeds.store.all_channels().await.map_err(FeedsError::from)?;
    let channel = all.iter().find(|channel| channel.id.0 == id).ok_or_else(no_such_channel)?;
    Ok(reply::json(&Channel::new(channel, &catalog, &*state.backend)))
}

pub(super) fn no_such_channel() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no channel with this id.")
}

//! `/api/v1/channels`: the lineup with its sources. Addresses are shown without credentials.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};

use super::body;
use super::problem::Problem;
use crate::admin::{AdminState, Backend};
use crate::base::secret::SafeUrl;
use crate::http::reply;
use crate::model::{Channel as ModelChannel, ChannelId, GuideNumber, Source as ModelSource, Verdict};
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

/// `GET /channels?after=5.1&limit=100`, in order of number.
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
    let mut rest =
        catalog.channels.iter().filter(|channel| after.as_ref().is_none_or(|after| channel.number > *after)).peekable();
    let channels: Vec<_> = rest.by_ref().take(limit).map(|channel| Channel::new(channel, &catalog, &*state.backend)).collect();
    let next = rest.peek().and_then(|_| channels.last().map(|last| last.channel.number.to_string()));
    Ok(reply::json(&List { channels, next }))
}

/// `GET /channels/{id}`.
pub async fn show(State(state): State<AdminState>, id: Result<Path<i64>, PathRejection>) -> Result<Response<Body>, Problem> {
    let catalog = state.backend.catalog();
    let channel = id.ok().and_then(|Path(id)| catalog.channels.iter().find(|channel| channel.id.0 == id));
    let channel = channel.ok_or_else(no_such_channel)?;
    Ok(reply::json(&Channel::new(channel, &catalog, &*state.backend)))
}

/// What may be changed about a channel.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// `null`: as the settings say.
    #[serde(default, deserialize_with = "said")]
    hot_standby: Option<Option<bool>>,
}

/// Tells `null` from what is absent.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<bool>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `PATCH /channels/{id}` (RFC 7396): whether its next source is kept ready.
pub async fn change(
    State(state): State<AdminState>,
    id: Result<Path<i64>, PathRejection>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| no_such_channel())?;
    let wanted: Wanted = body::read_json(request).await?;
    if let Some(hot) = wanted.hot_standby {
        state.backend.set_hot_standby(ChannelId(id), hot).await?;
    }
    show(State(state), Ok(Path(id))).await
}

fn no_such_channel() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no channel with this id.")
}

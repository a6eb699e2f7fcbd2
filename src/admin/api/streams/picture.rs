//! Pictures of streams that are pushed to us: a few seconds that play by themselves, and the newest keyframe as a JPEG.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use futures_util::stream;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::dto::FramePreviewResponse;
use super::{Id, MPEG_TS, none};
use crate::admin::AdminState;
use crate::admin::api::body::{Asked, asked};
use crate::admin::api::problem::Problem;
use crate::base::chain::Chain;
use crate::ingest::tap::gop_buffer::Kept;
use crate::ingest::tap::preview::{self, Writer};
use crate::media::still;
use crate::media::worker::WorkerError;
use crate::ts::programme::Programme;

/// What a still picture is sent as.
pub const JPEG: &str = "image/jpeg";

/// Seconds of a preview, where nobody says otherwise.
const USUAL: f64 = 5.0;
/// The most.
const MOST: f64 = 30.0;

/// Previews that are read at a time.
static PREVIEWS: Semaphore = Semaphore::const_new(4);

/// What a preview is asked for with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Seconds; 5 where nothing is said. There may be less, and there is a group of pictures at least.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 30.0))]
    duration: Option<f64>,
}

fn nothing_yet() -> Problem {
    let text = "Nothing is kept of this stream that could be shown: no keyframe has come yet, or its sender has gone.";
    Problem::new(StatusCode::NOT_FOUND, text).of_the_reference()
}

/// `GET /streams/{id}/preview`: a transport stream, or JSON for who asks for that.
pub async fn preview(
    State(state): State<AdminState>,
    id: Id,
    span: Asked<Span>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| none())?;
    let tapped = state.inputs.tapped(&id).ok_or_else(none)?;
    let seconds = asked(span).map_err(Problem::of_the_reference)?.duration.unwrap_or(USUAL);
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds <= MOST);
    let duration =
        duration.ok_or_else(|| Problem::field("duration", format!("Give seconds from 0 to {MOST}.")).of_the_reference())?;
    // What is being read is kept for so long, however slowly it is read.
    let permit = PREVIEWS.try_acquire().map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many previews are being read; try again in a moment.")
            .of_the_reference()
    })?;
    let kept = tapped.tap().kept(duration);
    let (programme, frames) = kept.ok_or_else(nothing_yet)?;
    Ok(if wants_json(&headers) { described(&id, frames, permit) } else { played(&programme, frames, permit) })
}

/// [`FramePreviewResponse`], written as it is taken.
fn described(id: &str, frames: Vec<Kept>, permit: SemaphorePermit<'static>) -> Response<Body> {
    let bytes = FramePreviewResponse::written(id, frames);
    let mut response = Response::new(streamed(bytes, permit));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn streamed(bytes: impl Iterator<Item = Bytes> + Send + 'static, permit: SemaphorePermit<'static>) -> Body {
    let bytes = bytes.map(move |bytes| {
        let _ = &permit;
        Ok::<Bytes, std::convert::Infallible>(bytes)
    });
    Body::from_stream(stream::iter(bytes))
}

/// The frames are written as they are taken: those that nobody keeps any more go one by one.
fn played(programme: &Programme, frames: Vec<Kept>, permit: SemaphorePermit<'static>) -> Response<Body> {
    let mut writer = Writer::new(programme);
    let tables = writer.tables();
    let length = tables.len() as u64 + frames.iter().map(Kept::bytes).sum::<u64>();
    let frames = frames.into_iter().map(move |frame| Bytes::from(writer.frame(&frame)));
    let bytes = std::iter::once(Bytes::from(tables)).chain(frames);
    let mut response = Response::new(streamed(bytes, permit));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MPEG_TS));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Whether JSON is named before anything that a transport stream is (RFC 9110, 12.5.1).
fn wants_json(headers: &HeaderMap) -> bool {
    let text = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = text.flat_map(|value| value.split(',')).map(|range| range.split(';').next().unwrap_or_default().trim());
    ranges.find(|range| matches!(*range, "application/json" | MPEG_TS | "video/*" | "*/*")) == Some("application/json")
}

/// `GET /streams/{id}/iframe`: the newest keyframe. It is made once, whoever asks.
pub async fn iframe(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| none())?;
    let tapped = state.inputs.tapped(&id).ok_or_else(none)?;
    let Some(worker) = &state.player else { return Err(no_worker()) };
    let mut still = tapped.still().lock().await;
    let taken = tapped.tap().picture();
    let (programme, frame) = taken.ok_or_else(nothing_yet)?;
    let jpeg = match &*still {
        Some((of, made)) if *of == frame.id => made.clone().ok_or_else(no_picture)?,
        _ => {
            let bytes = preview::transport_stream(&programme, std::iter::once(&frame));
            let made = still::jpeg(worker, &bytes).await.inspect_err(|error| {
                tracing::info!(stream = %id, error = %Chain(error), "no picture could be made of a stream");
            });
            match made {
                Ok(jpeg) => {
                    *still = Some((frame.id, Some(jpeg.clone())));
                    jpeg
                }
                Err(WorkerError::Missing { .. }) => return Err(no_worker()),
                // It will not go better the next time, and the worker has others to serve.
                Err(_) => {
                    *still = Some((frame.id, None));
                    return Err(no_picture());
                }
            }
        }
    };
    drop(still);
    let codec = programme.streams.first().map_or("", |stream| stream.codec.name());
    let mut response = Response::new(Body::from(jpeg));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JPEG));
    headers.insert(HeaderName::from_static("x-frame-id"), HeaderValue::from(frame.id));
    headers.insert(HeaderName::from_static("x-frame-codec"), HeaderValue::from_static(codec));
    headers.insert(HeaderName::from_static("x-frame-size"), HeaderValue::from(frame.packets.len()));
    Ok(response)
}

fn no_picture() -> Problem {
    let text = "No picture could be made of the newest keyframe; the log says why.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, text).of_the_reference()
}

fn no_worker() -> Problem {
    let text = "Pictures need the media worker, which is not installed; install the whole package.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, text).of_the_reference()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(&[], false)]
    #[case(&["*/*"], false)]
    #[case(&["application/json"], true)]
    #[case(&["text/html, application/json;q=0.9, */*;q=0.8"], true)]
    #[case(&["text/html", "application/json"], true)]
    #[case(&["video/mp2t, application/json"], false)]
    fn json_is_for_who_asks_for_it(#[case] accept: &[&'static str], #[case] json: bool) {
        let headers = accept.iter().map(|value| (ACCEPT, HeaderValue::from_static(value))).collect();
        assert_eq!(wants_json(&headers), json);
    }
}

//! `/api/v1/streams` and `/api/v1/stats`: what is pushed to us. The JSON is that of the reference's `ingestion` package, member for
//! member; its errors have the members `error`, `message` and `time` beside those of RFC 9457.

mod dto;
mod picture;
mod video;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use futures_util::StreamExt;

pub use dto::{
    BackpressureControlRequest, BackpressureControlResponse, BackpressureResponse, FrameBufferResponse, FramePreviewResponse,
    Ingestion, ParametersResponse, RecoveryResponse, StreamDto, StreamListResponse, StreamStatsDto, SuccessResponse,
    SyncStatusResponse, VideoStatsResponse,
};
pub use picture::{JPEG, Span, iframe, preview};
pub use video::{backpressure, buffer, control, parameters, recovery, sync, video_stats};

use super::problem::Problem;
use crate::admin::AdminState;
use crate::admin::access::Asker;
use crate::admin::access::over::over;
use crate::base::clock;
use crate::http::{Link, reply};
use crate::ingest::registry::Shown;
use crate::model::Moment;
use crate::source::pushed::Pushed;
use crate::source::{Chunk, SourceError};

/// What a transport stream is sent as (ISO/IEC 13818-1, Annex of RFC 3555).
pub const MPEG_TS: &str = "video/mp2t";

/// An id in a path: any text, percent-encoded.
type Id = Result<Path<String>, PathRejection>;

fn none() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "Nobody sends a stream of this id, or has done so lately.").of_the_reference()
}

fn found(state: &AdminState, id: Id) -> Result<Shown, Problem> {
    let Path(id) = id.map_err(|_| none())?;
    state.inputs.get(&id).ok_or_else(none)
}

/// `GET /streams`.
pub async fn list(State(state): State<AdminState>) -> Response<Body> {
    let streams: Vec<StreamDto> = state.inputs.all().iter().map(StreamDto::of).collect();
    reply::json(&StreamListResponse { count: streams.len(), streams, time: Moment(clock::wall_ms()) })
}

/// `GET /streams/{id}`.
pub async fn show(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&StreamDto::of(&found(&state, id)?)))
}

/// `GET /streams/{id}/stats`.
pub async fn stats(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&StreamStatsDto::of(&found(&state, id)?)))
}

/// `GET /stats`.
pub async fn totals(State(state): State<AdminState>) -> Response<Body> {
    let listening = (!state.inputs.listening().is_empty(), !state.inputs.listening_for_rtp().is_empty());
    reply::json(&Ingestion::of(&state.inputs.all(), listening, state.process.started.elapsed()))
}

/// `POST /streams/{id}/pause`.
pub async fn pause(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    paused(&state, id, true)
}

/// `POST /streams/{id}/resume`.
pub async fn resume(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    paused(&state, id, false)
}

fn paused(state: &AdminState, id: Id, paused: bool) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| none())?;
    if !state.inputs.pause(&id, paused) {
        return Err(none());
    }
    tracing::info!(stream = %id, paused, "a stream was paused or resumed");
    Ok(done(id, if paused { "Stream paused" } else { "Stream resumed" }))
}

/// `DELETE /streams/{id}`: its sender is let go, and may come again.
pub async fn remove(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| none())?;
    if !state.inputs.close(&id) {
        return Err(none());
    }
    tracing::info!(stream = %id, "a stream was ended");
    Ok(done(id, "Stream deleted"))
}

fn done(stream_id: String, message: &'static str) -> Response<Body> {
    reply::json(&SuccessResponse { message, data: dto::Of { stream_id }, timestamp: Moment(clock::wall_ms()) })
}

/// `GET /streams/{id}/data`: the transport stream as it comes, until it ends or whoever asked may look no more.
pub async fn data(
    State(state): State<AdminState>,
    asker: Asker,
    link: Option<Extension<Link>>,
    id: Id,
) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| none())?;
    let opened = state.inputs.open(&id).map_err(|error| match error {
        SourceError::Paused { .. } => {
            Problem::new(StatusCode::CONFLICT, "The stream is paused; resume it first.").of_the_reference()
        }
        _ => none(),
    })?;
    let closing = async move {
        match link {
            Some(Extension(link)) => link.closing().cancelled().await,
            None => std::future::pending().await,
        }
    };
    let gone = over(state, asker);
    let ended = async move {
        tokio::select! {
            () = closing => {}
            () = gone => {}
        }
    };
    let bytes = opened.bytes.filter_map(async |chunk| match chunk {
        Ok(Chunk::Bytes(bytes)) => Some(Ok(bytes)),
        Ok(Chunk::Discontinuity { .. }) => None,
        Err(error) => Some(Err(error)),
    });
    let mut response = Response::new(Body::from_stream(bytes.take_until(Box::pin(ended))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MPEG_TS));
    Ok(response)
}

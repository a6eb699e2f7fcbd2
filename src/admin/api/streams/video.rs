//! What is seen in streams that are pushed to us: frames, groups of pictures, parameter sets, pressure, recovery, sound and picture.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::dto::{
    BackpressureControlRequest, BackpressureControlResponse, BackpressureResponse, FrameBufferResponse, ParametersResponse,
    RecoveryResponse, SyncStatusResponse, VideoStatsResponse,
};
use super::{Id, found, none};
use crate::admin::AdminState;
use crate::admin::api::body::read_json;
use crate::admin::api::problem::Problem;
use crate::base::clock;
use crate::http::reply;
use crate::model::Moment;

fn now() -> Moment {
    Moment(clock::wall_ms())
}

/// `GET /streams/stats/video`.
pub async fn video_stats(State(state): State<AdminState>) -> Response<Body> {
    reply::json(&VideoStatsResponse::of(&state.inputs.all(), now()))
}

/// `GET /streams/{id}/buffer`.
pub async fn buffer(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&FrameBufferResponse::of(&found(&state, id)?)))
}

/// `GET /streams/{id}/recovery`.
pub async fn recovery(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&RecoveryResponse::of(&found(&state, id)?, now())))
}

/// `GET /streams/{id}/sync`.
pub async fn sync(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&SyncStatusResponse::of(&found(&state, id)?, now())))
}

/// `GET /streams/{id}/parameters`.
pub async fn parameters(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&ParametersResponse::of(&found(&state, id)?, now())))
}

/// `GET /streams/{id}/backpressure`.
pub async fn backpressure(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(reply::json(&BackpressureResponse::of(&found(&state, id)?, now())))
}

/// `POST /streams/{id}/backpressure/control`. What viewers get is not touched by it.
pub async fn control(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let stream_id = found(&state, id)?.id;
    let wish: BackpressureControlRequest = read_json(request).await.map_err(Problem::of_the_reference)?;
    let control = wish
        .control()
        .ok_or_else(|| Problem::field("pressure", "`set_pressure` needs a `pressure` from 0 to 1.").of_the_reference())?;
    let tapped = state.inputs.tapped(&stream_id).ok_or_else(none)?;
    tapped.tap().control(control, now());
    tracing::info!(stream = %stream_id, ?control, "the pressure on a stream was changed by hand");
    Ok(reply::json(&BackpressureControlResponse { stream_id, action: wish.action, success: true, timestamp: now() }))
}

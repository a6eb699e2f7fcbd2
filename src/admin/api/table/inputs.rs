//! What is pushed to us.

use axum::http::StatusCode;

use super::{DELETE, GET, PATCH, POST};
use crate::admin::api::doc::doc;
use crate::admin::api::inputs;
use crate::admin::api::streams::{
    self, BackpressureControlRequest, BackpressureControlResponse, BackpressureResponse, FrameBufferResponse,
    FramePreviewResponse, Ingestion, JPEG, MPEG_TS, ParametersResponse, RecoveryResponse, Span, StreamDto, StreamListResponse,
    StreamStatsDto, SuccessResponse, SyncStatusResponse, VideoStatsResponse,
};
use crate::admin::feeds::inputs::{InputRuleRequest, InputRuleView};
use crate::admin::routes::{ADMIN, Table, VIEWER};

/// Inputs.
pub(super) fn streams(table: Table) -> Table {
    let of = |summary| doc(summary).id::<String>();
    pictures(table)
        .on(GET, "/stats", VIEWER, doc("What all inputs come to").gives::<Ingestion>(), streams::totals)
        .on(
            GET,
            "/streams",
            VIEWER,
            doc("Inputs: streams that are pushed to us, or fetched by SRT").gives::<StreamListResponse>(),
            streams::list,
        )
        .on(GET, "/streams/{id}", VIEWER, of("An input").gives::<StreamDto>(), streams::show)
        .on(GET, "/streams/{id}/stats", VIEWER, of("The figures of an input").gives::<StreamStatsDto>(), streams::stats)
        .on(GET, "/streams/{id}/data", VIEWER, of("An input as it comes").gives_file(MPEG_TS).or_conflict(), streams::data)
        .on(POST, "/streams/{id}/pause", ADMIN, of("Pauses an input").gives::<SuccessResponse>(), streams::pause)
        .on(POST, "/streams/{id}/resume", ADMIN, of("Resumes an input").gives::<SuccessResponse>(), streams::resume)
        .on(DELETE, "/streams/{id}", ADMIN, of("Lets the sender of an input go").gives::<SuccessResponse>(), streams::remove)
        .on(GET, "/inputs", VIEWER, doc("What is set for single inputs").gives::<inputs::List>(), inputs::list)
        .on(GET, "/inputs/{id}", VIEWER, of("What is set for an input").gives::<InputRuleView>().tagged(), inputs::show)
        .on(
            PATCH,
            "/inputs/{id}",
            ADMIN,
            of("Changes what is set for an input").merges::<InputRuleRequest>().gives::<InputRuleView>().tagged(),
            inputs::change,
        )
        .on(DELETE, "/inputs/{id}", ADMIN, of("Takes away what is set for an input").tagged(), inputs::remove)
}

/// What is seen in them.
fn pictures(table: Table) -> Table {
    let of = |summary| doc(summary).id::<String>();
    let preview = of("The last seconds of an input").query::<Span>().gives::<FramePreviewResponse>().gives_file(MPEG_TS);
    let iframe = of("The newest keyframe of an input").gives_file(JPEG).or(StatusCode::SERVICE_UNAVAILABLE);
    let control = of("Puts pressure on what is kept of an input")
        .takes::<BackpressureControlRequest>()
        .gives::<BackpressureControlResponse>();
    table
        .on(
            GET,
            "/streams/stats/video",
            VIEWER,
            doc("Pictures of all inputs").gives::<VideoStatsResponse>(),
            streams::video_stats,
        )
        .on(GET, "/streams/{id}/buffer", VIEWER, of("What is kept of an input").gives::<FrameBufferResponse>(), streams::buffer)
        .on(GET, "/streams/{id}/preview", VIEWER, preview, streams::preview)
        .on(GET, "/streams/{id}/iframe", VIEWER, iframe, streams::iframe)
        .on(
            GET,
            "/streams/{id}/backpressure",
            VIEWER,
            of("The pressure on the memory of an input").gives::<BackpressureResponse>(),
            streams::backpressure,
        )
        .on(POST, "/streams/{id}/backpressure/control", ADMIN, control, streams::control)
        .on(
            GET,
            "/streams/{id}/recovery",
            VIEWER,
            of("What went wrong in an input, and how it went on").gives::<RecoveryResponse>(),
            streams::recovery,
        )
        .on(
            GET,
            "/streams/{id}/sync",
            VIEWER,
            of("Whether picture and sound of an input stay together").gives::<SyncStatusResponse>(),
            streams::sync,
        )
        .on(
            GET,
            "/streams/{id}/parameters",
            VIEWER,
            of("The parameter sets of an input").gives::<ParametersResponse>(),
            streams::parameters,
        )
}

//! What is pushed to us.

use super::{DELETE, GET, PATCH, POST};
use crate::admin::api::doc::doc;
use crate::admin::api::inputs;
use crate::admin::api::streams::{self, Ingestion, MPEG_TS, StreamDto, StreamListResponse, StreamStatsDto, SuccessResponse};
use crate::admin::feeds::inputs::{InputRuleRequest, InputRuleView};
use crate::admin::routes::{ADMIN, Table, VIEWER};

/// Inputs.
pub(super) fn streams(table: Table) -> Table {
    let of = |summary| doc(summary).id::<String>();
    table
        .on(GET, "/stats", VIEWER, doc("What all inputs come to").gives::<Ingestion>(), streams::totals)
        .on(GET, "/streams", VIEWER, doc("Inputs: streams that are pushed to us").gives::<StreamListResponse>(), streams::list)
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

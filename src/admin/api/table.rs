//! The table of the API: every route with what it needs, takes, gives and refuses. Its parts are by what they are about.

mod feeds;
mod house;
mod inputs;
mod lineup;
mod process;

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::doc::doc;
use super::{events, openapi, status};
use crate::admin::AdminState;
use crate::admin::routes::{Table, VIEWER};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
/// There is no such thing.
const NONE: StatusCode = StatusCode::NOT_FOUND;
/// Too many ask.
const BUSY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
/// Any file.
const FILE: &str = "application/octet-stream";

/// The table, below `/api/v1`: what each route needs, what it takes and gives, and who answers. Whoever may only look may ask with
/// GET.
pub fn table(state: &AdminState) -> Table {
    let table = Table::of_api(state, "/api/v1")
        .on(GET, "/openapi.json", VIEWER, doc("This description").gives::<Value>(), openapi::show)
        .on(GET, "/status", VIEWER, doc("What is going on").gives::<status::Status<'_>>(), status::show)
        .on(
            GET,
            "/events",
            VIEWER,
            doc("What happens in sessions, as it happens").gives_file("text/event-stream").or(BUSY),
            events::follow,
        );
    let table = feeds::guides(feeds::playlists(lineup::channels(table)));
    process::process(process::people(house::devices(house::running(inputs::streams(table)))))
}

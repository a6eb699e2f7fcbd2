//! `/logs`: the last log records, by level and text.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::Response;
use serde::Deserialize;
use tracing::Level;

use super::Shell;
use super::parts::show as rendered;
use crate::admin::AdminState;
use crate::admin::access::Asker;
use crate::base::telemetry::recent::{KEPT, Record, level_word};

/// From the worst.
const LEVELS: [(Level, &str); 5] = [
    (Level::ERROR, "errors"),
    (Level::WARN, "warnings and errors"),
    (Level::INFO, "what happens, and worse"),
    (Level::DEBUG, "details, and worse"),
    (Level::TRACE, "everything"),
];

#[derive(Template)]
#[template(path = "logs.html")]
struct Page {
    shell: Shell,
    levels: Vec<(&'static str, &'static str, bool)>,
    search: String,
    rows: Vec<Row>,
    kept: usize,
}

/// A record.
struct Row {
    at: String,
    record: Arc<Record>,
}

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    level: String,
    search: String,
}

/// `GET /logs?level=&search=`.
pub async fn show(State(state): State<AdminState>, asker: Asker, Query(wanted): Query<Wanted>) -> Response<Body> {
    let level = wanted.level.parse().unwrap_or(Level::TRACE);
    let found = state.process.logs.find(level, &wanted.search, KEPT);
    rendered(&Page {
        shell: Shell::new(&asker, "/logs", "Logs"),
        levels: LEVELS.iter().map(|(one, text)| (level_word(*one), *text, *one == level)).collect(),
        search: wanted.search,
        rows: found.into_iter().map(|record| Row { at: time(record.at_ms), record }).collect(),
        kept: KEPT,
    })
}

/// To the millisecond, in UTC.
fn time(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().strftime("%m-%d %H:%M:%S%.3f").to_string()
}

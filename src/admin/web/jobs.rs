//! `/jobs`: long work, how far it is, and that it is to stop.

use std::time::Duration;

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::Response;
use serde_json::Value;

use super::Shell;
use super::parts::{Asked, ago, bytes, count, done, show as rendered};
use crate::admin::access::Asker;
use crate::admin::{AdminState, FeedsError, words};
use crate::base::clock;
use crate::base::jobs::{Job, State as JobState};

const HERE: &str = "/jobs";

#[derive(Template)]
#[template(path = "jobs.html")]
struct Page {
    shell: Shell,
    running: Vec<Running>,
    ended: Vec<Ended>,
}

/// A job that is not over.
struct Running {
    id: u64,
    what: String,
    waiting: bool,
    text: String,
    bytes: u64,
    total: Option<u64>,
}

/// A job that is over.
struct Ended {
    what: String,
    state: &'static str,
    bad: bool,
    when: String,
    took: String,
    came: String,
}

/// `GET /jobs`.
pub async fn show(State(state): State<AdminState>, asker: Asker, Query(asked): Query<Asked>) -> Response<Body> {
    let now_ms = clock::wall_ms();
    let (ended, running): (Vec<Job>, Vec<Job>) = state.feeds.jobs.list().into_iter().partition(|job| job.state.is_over());
    rendered(&Page {
        shell: Shell::new(&asker, HERE, "Jobs").noting(asked.note.as_deref()),
        running: running.iter().map(of_running).collect(),
        ended: ended.iter().map(|job| of_ended(job, now_ms)).collect(),
    })
}

/// `POST /jobs/{id}/cancel`.
pub async fn cancel(State(state): State<AdminState>, Path(id): Path<u64>) -> Response<Body> {
    let jobs = &state.feeds.jobs;
    let stopped = match jobs.get(id) {
        None => Err(FeedsError::NotFound("There is no job with this number, or it ended long ago.")),
        Some(_) if jobs.cancel(id) => Ok(()),
        Some(job) => Err(FeedsError::Conflict(format!("“{}” is over already.", what(&job)))),
    };
    done(stopped, HERE, "cancelled")
}

fn what(job: &Job) -> String {
    let kind = match job.kind {
        "playlist.refresh" => "Reading the playlist",
        "playlist.rules" => "Applying the rules of the playlist",
        "guide.refresh" => "Reading the guide",
        "guide.accept" => "Taking the new version of the guide",
        "guide.map" => return "Looking for the guides of channels".to_owned(),
        other => other,
    };
    format!("{kind} {}", job.name)
}

fn of_running(job: &Job) -> Running {
    let progress = &job.progress;
    let waiting = job.state == JobState::Waiting;
    let size = match progress.total_bytes {
        Some(total) => format!("{} of {}", bytes(progress.bytes), bytes(total)),
        None => bytes(progress.bytes),
    };
    let parts = [
        Some(if waiting { "waiting for another job".to_owned() } else { progress.step.to_owned() }),
        (progress.bytes > 0).then_some(size),
        (progress.items > 0).then(|| format!("{} items", count(progress.items))),
        progress.left_s.filter(|left| *left > 0).map(|left| format!("{left} s left")),
    ];
    Running {
        id: job.id,
        what: what(job),
        waiting,
        text: parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        bytes: progress.bytes,
        total: progress.total_bytes,
    }
}

fn of_ended(job: &Job, now_ms: i64) -> Ended {
    let took_ms = job.ended_ms.unwrap_or(now_ms).saturating_sub(job.started_ms);
    Ended {
        what: what(job),
        state: match job.state {
            JobState::Failed => "failed",
            JobState::Cancelled => "stopped",
            _ => "done",
        },
        bad: job.state == JobState::Failed,
        when: ago(job.ended_ms, now_ms),
        took: words::duration(Duration::from_millis(u64::try_from(took_ms).unwrap_or_default())),
        came: job.error.clone().unwrap_or_else(|| job.result.as_ref().map(came).unwrap_or_default()),
    }
}

/// What came of it, as far as it is numbers: `added 3 · items 120`.
fn came(result: &Value) -> String {
    let Some(members) = result.as_object() else { return String::new() };
    let numbers = members.iter().filter_map(|(name, value)| match value.as_u64() {
        Some(number) if number > 0 => Some(format!("{} {}", name.replace('_', " "), count(number))),
        _ => None,
    });
    numbers.take(6).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::came;
    use serde_json::json;

    #[rstest::rstest]
    #[case(json!({ "items": 1200, "new_sources": 3, "gone": 0, "name": "x" }), "items 1\u{202f}200 · new sources 3")]
    #[case(json!(null), "")]
    fn results_are_told_as_numbers(#[case] result: serde_json::Value, #[case] told: &str) {
        assert_eq!(came(&result), told);
    }
}

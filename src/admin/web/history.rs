//! `/history`: the sessions that run and those that were, and a few figures of the last week above them.

use std::time::Duration;

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode};
use serde::Deserialize;

use super::parts::{date, show as rendered};
use super::{Shell, refusal};
use crate::admin::access::Asker;
use crate::admin::figures::{self, Bar, Figures};
use crate::admin::{AdminState, words};
use crate::base::clock;
use crate::base::secret::SafeUrl;
use crate::model::{Moment, SessionHistory, SourceHistory};

const HERE: &str = "/history";
/// Sessions on one page.
const PAGE: usize = 100;

#[derive(Template)]
#[template(path = "history.html")]
struct Page {
    shell: Shell,
    sessions: usize,
    failed: usize,
    hours: String,
    channels: Vec<Row>,
    sources: Vec<Row>,
    rows: Vec<Session>,
    page: usize,
    pages: usize,
}

/// A row of a list of figures.
struct Row {
    name: String,
    value: String,
    share: i64,
}

/// A session in the list.
struct Session {
    path: String,
    number: String,
    name: String,
    active: bool,
    since: String,
    lasted: String,
    viewers: String,
    changes: String,
    end: String,
    failed: bool,
}

#[derive(Template)]
#[template(path = "session.html")]
struct One {
    shell: Shell,
    session: Session,
    last_error: String,
    sources: Vec<Window>,
    viewers: Vec<Viewer>,
    forgotten: i64,
}

/// A time that a source was on air.
struct Window {
    name: String,
    address: String,
    since: String,
    lasted: String,
    why: String,
    picture: String,
}

/// A viewer.
struct Viewer {
    addr: String,
    since: String,
    lasted: String,
    why: String,
}

/// Which page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Which {
    page: usize,
}

/// `GET /history`.
pub async fn list(State(state): State<AdminState>, asker: Asker, Query(which): Query<Which>) -> Response<Body> {
    let now = Moment(clock::wall_ms());
    let sessions = state.manager.journal().sessions();
    let Figures { sessions: count, failed, watched_ms, channels, sources } =
        figures::figures(&sessions, now, &|source| source_name(&state, source));
    let pages = sessions.len().div_ceil(PAGE).max(1);
    let page = which.page.clamp(1, pages);
    let time = |bar: Bar| Row { value: span(bar.value), name: bar.name, share: bar.share };
    let times = |bar: Bar| Row { value: bar.value.to_string(), name: bar.name, share: bar.share };
    rendered(&Page {
        shell: Shell::new(&asker, HERE, "History"),
        sessions: count,
        failed,
        hours: span(watched_ms),
        channels: channels.into_iter().map(time).collect(),
        sources: sources.into_iter().map(times).collect(),
        rows: sessions.iter().skip((page - 1) * PAGE).take(PAGE).map(|one| session(one, now)).collect(),
        page,
        pages,
    })
}

/// `GET /history/{id}`: a session, by when it began and its number; or by its number alone, where the newest one is meant.
pub async fn show(State(state): State<AdminState>, asker: Asker, Path(id): Path<String>) -> Response<Body> {
    let now = Moment(clock::wall_ms());
    let (began, number) = id.split_once('-').map_or((None, id.as_str()), |(began, number)| (began.parse::<i64>().ok(), number));
    let wanted = |session: &SessionHistory| {
        number.parse() == Ok(session.session_id) && (!id.contains('-') || began == Some(session.opened_at.0))
    };
    let Some(found) = state.manager.journal().sessions().into_iter().find(wanted) else {
        return refusal(StatusCode::NOT_FOUND, "There is no such session, or it was so long ago that it is forgotten.");
    };
    let viewers = found.subscribers.iter().rev().map(|viewer| Viewer {
        addr: viewer.client_addr.clone(),
        since: date(viewer.connected_at.0),
        lasted: lasted(viewer.connected_at, viewer.closed_at, now),
        why: if viewer.closed_at.is_none() { "watches".to_owned() } else { viewer.close_reason.clone() },
    });
    rendered(&One {
        shell: Shell::new(&asker, HERE, format!("{} {}", found.guide_number, found.guide_name)),
        session: session(&found, now),
        last_error: if found.terminal_error.is_empty() { found.last_error.clone() } else { String::new() },
        sources: found.sources.iter().rev().map(|source| window(&state, source, now)).collect(),
        viewers: viewers.collect(),
        forgotten: found.source_history_truncated + found.subscriber_history_truncated,
    })
}

/// Where a session is shown.
pub fn path(session: &SessionHistory) -> String {
    format!("{HERE}/{}-{}", session.opened_at.0, session.session_id)
}

fn session(session: &SessionHistory, now: Moment) -> Session {
    let viewers = usize::try_from(session.total_subscribers).unwrap_or_default();
    Session {
        path: path(session),
        number: session.guide_number.clone(),
        name: session.guide_name.clone(),
        active: session.active,
        since: date(session.opened_at.0),
        lasted: lasted(session.opened_at, session.closed_at, now),
        viewers: words::count(viewers, "viewer", "viewers"),
        changes: changes(session.source_select_count - 1, session.same_source_reselect_count),
        end: if session.terminal_error.is_empty() { session.terminal_status.clone() } else { session.terminal_error.clone() },
        failed: !session.terminal_error.is_empty(),
    }
}

/// How often the source changed, and, apart from that, how often the same one was opened again. Pure.
fn changes(all: i64, reopened: i64) -> String {
    let other = (all - reopened).max(0);
    match u64::try_from(reopened) {
        Err(_) | Ok(0) => other.to_string(),
        Ok(again) => format!("{other}, opened again {}", words::times(again)),
    }
}

fn window(state: &AdminState, source: &SourceHistory, now: Moment) -> Window {
    let rate = (source.frame_rate > 0.0).then(|| format!("{} frames a second", source.frame_rate));
    let shown = [source.resolution.clone(), source.video_codec.clone(), source.audio_codec.clone()];
    let shown = shown.into_iter().filter(|text| !text.is_empty()).chain(rate);
    Window {
        name: source_name(state, source.source_id).unwrap_or_else(|| "a source that is gone".to_owned()),
        address: SafeUrl(&source.stream_url).to_string(),
        since: date(source.selected_at.0),
        lasted: lasted(source.selected_at, source.deselected_at, now),
        why: match source.selection_reason.as_str() {
            "start" => "it came first".to_owned(),
            "fail_back" => "it comes before the one on air".to_owned(),
            other => other.replacen("recovery:", "the one before was lost:", 1),
        },
        picture: shown.collect::<Vec<_>>().join(" · "),
    }
}

/// The name of a source, with that of its provider.
fn source_name(state: &AdminState, id: i64) -> Option<String> {
    let catalog = state.backend.catalog();
    let source = catalog.sources.values().flatten().find(|source| source.id.0 == id)?;
    let provider = catalog.providers.iter().find(|provider| provider.id == source.provider);
    Some(provider.map_or_else(|| source.name.clone(), |provider| format!("{} · {}", source.name, provider.name)))
}

fn lasted(from: Moment, to: Option<Moment>, now: Moment) -> String {
    span(to.unwrap_or(now).0 - from.0)
}

fn span(milliseconds: i64) -> String {
    words::duration(Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(-1, 0, "0")]
    #[case(2, 0, "2")]
    #[case(3, 3, "0, opened again 3 times")]
    fn the_same_source_again_is_no_change(#[case] all: i64, #[case] reopened: i64, #[case] shown: &str) {
        assert_eq!(changes(all, reopened), shown);
    }
}

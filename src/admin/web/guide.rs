//! `/guide`: what is on when, as a grid of times; and a search.

use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::Response;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::Shell;
use super::parts::{self, show};
use crate::admin::access::Asker;
use crate::admin::{AdminState, FeedsError};
use crate::base::clock;
use crate::guide::now;
use crate::model::{Channel, Programme};

/// Channels on a page.
const PAGE: usize = 30;
/// Seconds of a grid.
const SPAN_S: i64 = 3 * 3600;
/// Grids begin at half hours.
const STEP_S: i64 = 1800;
/// Columns of a grid: five minutes each.
const COLUMNS: i64 = SPAN_S / 300;
/// Characters that are said of a programme.
const MOST_ABOUT: usize = 300;
/// A day, a week ahead.
const MOST_AHEAD_S: i64 = 14 * 86_400;

/// Which part.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct View {
    /// Seconds since 1970.
    from: Option<i64>,
    page: usize,
    q: String,
    note: Option<String>,
}

/// A programme's place in the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    title: String,
    about: String,
    at: String,
    /// First column, from 1.
    from: i64,
    /// Behind the last.
    to: i64,
    on: bool,
}

struct Row {
    id: i64,
    number: String,
    name: String,
    cells: Vec<Cell>,
}

struct Found {
    id: i64,
    channel: String,
    at: String,
    title: String,
}

#[derive(Template)]
#[template(path = "guide.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    hours: Vec<(i64, String)>,
    day: String,
    from_s: i64,
    earlier: i64,
    later: i64,
    evening: i64,
    page: usize,
    pages: usize,
    q: String,
    found: Vec<Found>,
}

/// `GET /guide`.
pub async fn grid(State(state): State<AdminState>, asker: Asker, Query(view): Query<View>) -> Response<Body> {
    match page(&state, &asker, view).await {
        Ok(page) => show(&page),
        Err(error) => parts::not_done(&error),
    }
}

async fn page(state: &AdminState, asker: &Asker, view: View) -> Result<Page, FeedsError> {
    let (now_s, zone) = (clock::wall_ms() / 1000, TimeZone::system());
    let from_s = begins(view.from, now_s);
    let catalog = state.backend.catalog();
    let pages = catalog.channels.len().div_ceil(PAGE).max(1);
    let page = view.page.clamp(1, pages);
    let mut rows = Vec::new();
    for channel in catalog.channels.iter().skip((page - 1) * PAGE).take(PAGE) {
        let programmes = now::of_channel(&state.feeds.store, channel.id, from_s, from_s + SPAN_S).await?;
        rows.push(row(channel, &programmes, from_s, now_s, &zone));
    }
    let mut found = Vec::new();
    if !view.q.trim().is_empty() {
        for (id, programme) in state.feeds.search_programmes(&view.q, 100).await? {
            let channel = catalog.channels.iter().find(|channel| channel.id == id);
            found.push(Found {
                id: id.0,
                channel: channel.map(|channel| channel.name.clone()).unwrap_or_default(),
                at: local(programme.start_s, &zone, "%a %d %b %H:%M"),
                title: programme.title().to_owned(),
            });
        }
    }
    Ok(Page {
        shell: Shell::new(asker, "/guide", "Guide").noting(view.note.as_deref()),
        rows,
        hours: (0..SPAN_S / STEP_S)
            .map(|step| (step * STEP_S / 300 + 1, local(from_s + step * STEP_S, &zone, "%H:%M")))
            .collect(),
        day: local(from_s, &zone, "%A, %d %B"),
        from_s,
        earlier: from_s - SPAN_S,
        later: from_s + SPAN_S,
        evening: evening(now_s, &zone),
        page,
        pages,
        q: view.q,
        found,
    })
}

/// Where a grid begins: at a half hour, not before yesterday, not behind what is kept. Pure.
fn begins(wish: Option<i64>, now_s: i64) -> i64 {
    let from = wish.unwrap_or(now_s).clamp(now_s - 86_400, now_s + MOST_AHEAD_S);
    from - from.rem_euclid(STEP_S)
}

/// The next eight o'clock in the evening. Pure.
fn evening(now_s: i64, zone: &TimeZone) -> i64 {
    let now = jiff::Timestamp::from_second(now_s).unwrap_or_default().to_zoned(zone.clone());
    let eight = now.date().at(20, 0, 0, 0).to_zoned(zone.clone()).map_or(now_s, |at| at.timestamp().as_second());
    if eight + 2 * 3600 < now_s { eight + 86_400 } else { eight }
}

fn local(at_s: i64, zone: &TimeZone, format: &str) -> String {
    jiff::Timestamp::from_second(at_s).unwrap_or_default().to_zoned(zone.clone()).strftime(format).to_string()
}

/// What a programme is about: its sub-title and the beginning of its description. Thirty channels have hundreds of them. Pure.
fn about(programme: &Programme) -> String {
    let title = programme.sub_titles.first().map(|text| text.text.trim());
    let text = programme.descriptions.first().map(|text| text.text.trim());
    let whole = [title, text].into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(". ");
    let mut about: String = whole.chars().take(MOST_ABOUT).collect();
    if about.len() < whole.len() {
        about.push('…');
    }
    about
}

/// A channel's programmes as cells that do not overlap. Pure.
fn row(channel: &Channel, programmes: &[Programme], from_s: i64, now_s: i64, zone: &TimeZone) -> Row {
    let column = |at_s: i64| ((at_s - from_s) / 300).clamp(0, COLUMNS) + 1;
    let mut cells: Vec<Cell> = Vec::new();
    for (index, programme) in programmes.iter().enumerate() {
        let next = programmes.get(index + 1).map_or(from_s + SPAN_S, |next| next.start_s);
        let stop = programme.stop_s.map_or(next, |stop| stop.min(next.max(programme.start_s)));
        let from = column(programme.start_s).max(cells.last().map_or(1, |cell| cell.to));
        let to = column(stop);
        if to <= from {
            continue;
        }
        cells.push(Cell {
            title: programme.title().to_owned(),
            about: about(programme),
            at: local(programme.start_s, zone, "%H:%M"),
            from,
            to,
            on: programme.start_s <= now_s && now_s < stop,
        });
    }
    Row { id: channel.id.0, number: channel.number.to_string(), name: channel.name.clone(), cells }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::tests::channel;
    use crate::model::programme::Text;

    fn programme(start_s: i64, stop_s: Option<i64>) -> Programme {
        Programme { start_s, stop_s, titles: vec![Text { text: format!("at {start_s}"), lang: None }], ..Programme::default() }
    }

    #[test]
    fn programmes_have_places_that_do_not_overlap() {
        let from = 1_800_000_000 - 1_800_000_000 % STEP_S;
        let programmes = [
            programme(from - 600, Some(from + 1800)),
            programme(from + 1500, Some(from + 3600)),
            programme(from + 3600, None),
            programme(from + 3660, Some(from + 3700)),
            programme(from + 7200, Some(from + 99_999)),
        ];
        let row = row(&channel(1), &programmes, from, from + 100, &TimeZone::UTC);
        let places: Vec<_> = row.cells.iter().map(|cell| (cell.from, cell.to, cell.on)).collect();
        assert_eq!(places, [(1, 6, true), (6, 13, false), (25, 37, false)], "what is shorter than a column is left out");
    }

    #[test]
    fn a_programme_says_what_it_is_about() {
        let text = |text: &str| vec![Text { text: text.to_owned(), lang: None }];
        let with = |title: &str, description: &str| {
            about(&Programme { sub_titles: text(title), descriptions: text(description), ..programme(0, None) })
        };
        assert_eq!((about(&programme(0, None)), with("", " Plain ")), (String::new(), "Plain".into()));
        assert_eq!(with("Part 1", "It begins"), "Part 1. It begins");
        let long = with("", &"ä".repeat(301));
        assert_eq!((long.chars().count(), long.ends_with("ä…")), (301, true));
    }

    #[test]
    fn what_a_programme_is_about_needs_no_mouse() {
        let told =
            Programme { descriptions: vec![Text { text: "All about <it>".into(), lang: None }], ..programme(0, Some(3600)) };
        let rows = vec![row(&channel(1), &[told, programme(3600, Some(7200))], 0, 0, &TimeZone::UTC)];
        let page = Page {
            shell: Shell::of_nobody("Guide"),
            rows,
            hours: Vec::new(),
            day: String::new(),
            from_s: 0,
            earlier: 0,
            later: 0,
            evening: 0,
            page: 1,
            pages: 1,
            q: String::new(),
            found: Vec::new(),
        };
        let shown = crate::admin::fragments::render(&page);
        assert!(shown.contains("</summary><p>All about &#60;it&#62;</p></details>"), "{shown}");
        assert_eq!(shown.matches("<details name").count(), 1, "nothing is said of the other: {shown}");
    }

    #[test]
    fn a_grid_begins_at_a_half_hour_of_what_is_kept() {
        let now = 1_800_000_000;
        assert_eq!(begins(None, now) % STEP_S, 0);
        assert!(begins(Some(0), now) >= now - 86_400 - STEP_S && begins(Some(i64::MAX), now) <= now + MOST_AHEAD_S);
        assert_eq!(local(evening(now, &TimeZone::UTC), &TimeZone::UTC, "%H:%M"), "20:00");
    }
}

//! What pages share: what an address asks for, and answers to forms.

use askama::Template;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde::Deserialize;

use super::{html, redirect, refusal};
use crate::admin::FeedsError;
use crate::admin::fragments::render;

/// What every page understands in its address.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    /// What was done just now, by its word.
    #[serde(default)]
    pub note: Option<String>,
}

impl Asked {
    /// The word, unless it says of something that it was added while the page says that it cannot be read.
    pub fn unless_failed(&self, failed: bool) -> Option<&str> {
        self.note.as_deref().filter(|note| !(failed && *note == "added"))
    }
}

/// Renders a page.
pub fn show(page: &impl Template) -> Response<Body> {
    html(render(page))
}

/// After a form: to `to` with a note, or the reason why not.
pub fn done<T>(result: Result<T, FeedsError>, to: &str, note: &str) -> Response<Body> {
    match result {
        Ok(_) => led(to, note),
        Err(error) => not_done(&error),
    }
}

/// To `to`, where `note` is said.
pub fn led(to: &str, note: &str) -> Response<Body> {
    let (path, anchor) = to.split_once('#').map_or((to, String::new()), |(path, anchor)| (path, format!("#{anchor}")));
    let joint = if path.contains('?') { '&' } else { '?' };
    redirect(&format!("{path}{joint}note={note}{anchor}"))
}

/// Of a response: nothing was done, although it leads on.
#[derive(Debug, Clone, Copy)]
pub struct Undone;

/// To `to`, where `note` says why nothing was done.
pub fn undone(to: &str, note: &str) -> Response<Body> {
    let mut response = led(to, note);
    response.extensions_mut().insert(Undone);
    response
}

/// Why it was not done.
pub fn not_done(error: &FeedsError) -> Response<Body> {
    refusal(status(error), &sentence(error))
}

/// The status of a refusal.
pub fn status(error: &FeedsError) -> StatusCode {
    match error {
        FeedsError::NotFound(_) => StatusCode::NOT_FOUND,
        FeedsError::Invalid(..) => StatusCode::UNPROCESSABLE_ENTITY,
        FeedsError::Conflict(_) => StatusCode::CONFLICT,
        FeedsError::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What is said of a refusal, without the name of a field.
pub fn sentence(error: &FeedsError) -> String {
    match error {
        FeedsError::Invalid(_, text) => text.clone(),
        other => other.to_string(),
    }
}

/// How long ago, for people; nothing for what never was.
pub fn ago(at_ms: Option<i64>, now_ms: i64) -> String {
    let Some(at_ms) = at_ms else { return "never".to_owned() };
    let seconds = now_ms.saturating_sub(at_ms) / 1000;
    match seconds {
        ..=59 => "just now".to_owned(),
        60..=3599 => format!("{} min ago", seconds / 60),
        3600..=86_399 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// A time for people, in UTC.
pub fn date(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A number with a space between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Bytes, with a unit.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("TB");
    if value < 100.0 { format!("{value:.1} {name}") } else { format!("{value:.0} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(
            (count(5), count(1234), count(1_234_567)),
            ("5".into(), "1\u{202f}234".into(), "1\u{202f}234\u{202f}567".into())
        );
        assert_eq!((bytes(999), bytes(1500), bytes(259_000_000)), ("999 B".into(), "1.5 kB".into(), "259 MB".into()));
        let now = 10_000_000_000;
        let ago = |seconds: i64| ago(Some(now - seconds * 1000), now);
        assert_eq!(
            (ago(5), ago(90), ago(7300), ago(200_000)),
            ("just now".into(), "1 min ago".into(), "2 h ago".into(), "2 days ago".into())
        );
        assert_eq!(super::ago(None, now), "never");
    }

    #[test]
    fn a_note_goes_before_the_anchor() {
        let to = |to: &str| led(to, "saved").headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(to("/playlists/3"), "/playlists/3?note=saved");
        assert_eq!(to("/channels?q=a#row"), "/channels?q=a&note=saved#row");
    }
}

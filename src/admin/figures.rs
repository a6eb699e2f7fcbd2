//! A few figures of the last days, out of the history of sessions. Pure.

use std::collections::HashMap;

use super::losses;
use crate::base::secret::SafeUrl;
use crate::model::{Moment, SessionHistory};

/// What they are about: the last seven days.
pub const SPAN_MS: i64 = 7 * 24 * 3_600_000;
/// Rows of each list.
const ROWS: usize = 8;

/// The figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Sessions that ran in that time.
    pub sessions: usize,
    /// Those of them that ended by a failure.
    pub failed: usize,
    /// How long viewers watched, added up, in milliseconds.
    pub watched_ms: i64,
    /// Channels by how long they were watched, in milliseconds.
    pub channels: Vec<Bar>,
    /// Sources by how often they were lost while they were on air.
    pub sources: Vec<Bar>,
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Of what.
    pub name: String,
    /// How much.
    pub value: i64,
    /// Of the first row's, in per cent.
    pub share: i64,
}

/// Counts what was in the [`SPAN_MS`] before `now`. `name_of` knows sources by their numbers; those that are gone have the addresses that
/// the history has of them, which hold no credentials.
pub fn figures(sessions: &[SessionHistory], now: Moment, name_of: &dyn Fn(i64) -> Option<String>) -> Figures {
    let since = now.0.saturating_sub(SPAN_MS);
    let mut found = Figures::default();
    let (mut channels, mut sources): (HashMap<String, i64>, HashMap<String, i64>) = (HashMap::new(), HashMap::new());
    for session in sessions.iter().filter(|session| session.closed_at.unwrap_or(now).0 > since) {
        found.sessions += 1;
        found.failed += usize::from(!session.terminal_error.is_empty());
        let watched = |from: Moment, to: Option<Moment>| (to.unwrap_or(now).0.min(now.0) - from.0.max(since)).max(0);
        let watched_ms: i64 = session.subscribers.iter().map(|viewer| watched(viewer.connected_at, viewer.closed_at)).sum();
        found.watched_ms += watched_ms;
        *channels.entry(format!("{} {}", session.guide_number, session.guide_name)).or_default() += watched_ms;
        let lost = losses::of_session(session).map(|loss| loss.source);
        for source in lost.filter(|source| source.deselected_at.is_some_and(|at| at.0 > since)) {
            let name = name_of(source.source_id).unwrap_or_else(|| SafeUrl(&source.stream_url).to_string());
            *sources.entry(name).or_default() += 1;
        }
    }
    found.channels = bars(channels);
    found.sources = bars(sources);
    found
}

/// The largest first.
fn bars(values: HashMap<String, i64>) -> Vec<Bar> {
    let mut rows: Vec<(String, i64)> = values.into_iter().filter(|(_, value)| *value > 0).collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let most = rows.first().map_or(1, |row| row.1);
    rows.into_iter().take(ROWS).map(|(name, value)| Bar { name, value, share: (value * 100 / most).max(1) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SourceHistory, SubscriberHistory};

    const HOUR: i64 = 3_600_000;
    const NOW: Moment = Moment(100 * 24 * HOUR);

    fn at(hours_ago: i64) -> Moment {
        Moment(NOW.0 - hours_ago * HOUR)
    }

    fn session(name: &str, viewers: &[(i64, Option<i64>)], sources: &[(i64, &str)], error: &str) -> SessionHistory {
        let viewer = |&(from, to): &(i64, Option<i64>)| SubscriberHistory {
            connected_at: at(from),
            closed_at: to.map(at),
            ..SubscriberHistory::default()
        };
        let source = |&(id, why): &(i64, &str)| SourceHistory {
            source_id: id,
            stream_url: format!("http://tv.example/{id}"),
            selection_reason: why.to_owned(),
            deselected_at: Some(at(1)),
            ..SourceHistory::default()
        };
        SessionHistory {
            guide_number: "5".into(),
            guide_name: name.into(),
            closed_at: Some(at(viewers.first().and_then(|viewer| viewer.1).unwrap_or(0))),
            terminal_error: error.into(),
            subscribers: viewers.iter().map(viewer).collect(),
            sources: sources.iter().map(source).collect(),
            ..SessionHistory::default()
        }
    }

    fn named(id: i64) -> Option<String> {
        (id == 1).then(|| "primary".to_owned())
    }

    fn rows(bars: &[Bar]) -> Vec<(&str, i64, i64)> {
        bars.iter().map(|bar| (bar.name.as_str(), bar.value, bar.share)).collect()
    }

    #[test]
    fn hours_are_counted_within_the_week_only() {
        let old = session("Old", &[(300, Some(200))], &[(1, "start")], "gone");
        let across = session("News", &[(170, Some(166)), (3, None)], &[], "");
        let short = session("Film", &[(2, Some(1))], &[], "");
        let found = figures(&[old, across, short], NOW, &named);
        assert_eq!((found.sessions, found.failed, found.watched_ms), (2, 0, (2 + 3 + 1) * HOUR));
        assert_eq!(rows(&found.channels), [("5 News", 5 * HOUR, 100), ("5 Film", HOUR, 20)]);
        assert_eq!(figures(&[], NOW, &named), Figures::default());
    }

    #[rstest::rstest]
    #[case::changed(&[(1, "start"), (2, "recovery: silence"), (1, "fail_back")], "", &[("primary", 1, 100)])]
    #[case::failed(&[(1, "start"), (2, "recovery: silence")], "no source left", &[("http://tv.example/2", 1, 100), ("primary", 1, 100)])]
    #[case::well(&[(1, "start")], "", &[])]
    #[case::none(&[], "no source", &[])]
    fn a_source_that_was_lost_counts(
        #[case] sources: &[(i64, &str)],
        #[case] error: &str,
        #[case] expected: &[(&str, i64, i64)],
    ) {
        let found = figures(&[session("News", &[(2, Some(1))], sources, error)], NOW, &named);
        assert_eq!((rows(&found.sources).as_slice(), found.failed), (expected, usize::from(!error.is_empty())));
    }
}

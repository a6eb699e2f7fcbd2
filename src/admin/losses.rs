//! How a source did on air, out of the history of sessions. Pure.

use crate::model::{Moment, SessionHistory, SourceHistory, SourceId};

/// What is told of a source is about the last day.
pub const SPAN_MS: i64 = 24 * 3_600_000;
/// How a change begins that a person wanted: nothing was lost then.
const ASKED: &str = "asked for";

/// A time that a source was lost while it was on air.
#[derive(Debug, Clone, Copy)]
pub struct Loss<'a> {
    /// The source.
    pub source: &'a SourceHistory,
    /// Why, in words.
    pub reason: &'a str,
}

/// What became of a source in the last day.
#[derive(Debug, Clone, Copy, Default)]
pub struct Record<'a> {
    /// Times it was on air.
    pub on_air: usize,
    /// Times it was lost.
    pub lost: usize,
    /// When and why, the last time.
    pub last: Option<(Moment, &'a str)>,
    /// The session of that, or, where it was never lost, the last one that had it on air.
    pub session: Option<&'a SessionHistory>,
}

/// The times that a session lost a source: another one, or the same, had to be found, is being looked for, or could not be found and the
/// session failed.
pub fn of_session(session: &SessionHistory) -> impl Iterator<Item = Loss<'_>> {
    let next = session.sources.iter().skip(1).map(Some).chain([None]);
    session.sources.iter().zip(next).filter_map(|(source, next)| {
        let reason = match next {
            Some(next) => next.selection_reason.strip_prefix("recovery:")?.trim_start(),
            None if !session.terminal_error.is_empty() => session.terminal_error.as_str(),
            None if session.active && source.deselected_at.is_some() => session.last_recovery_reason.as_str(),
            None => return None,
        };
        (!reason.starts_with(ASKED)).then_some(Loss { source, reason })
    })
}

/// What became of a source in these sessions, in the [`SPAN_MS`] before `now`.
pub fn record<'a>(sessions: &'a [SessionHistory], source: SourceId, now: Moment) -> Record<'a> {
    let since = now.0.saturating_sub(SPAN_MS);
    let recent = |window: &&SourceHistory| window.source_id == source.0 && window.deselected_at.is_none_or(|at| at.0 > since);
    let mut found = Record::default();
    let mut shown: Option<(Moment, &SessionHistory)> = None;
    for session in sessions {
        for window in session.sources.iter().filter(recent) {
            found.on_air += 1;
            if shown.is_none_or(|(at, _)| window.selected_at > at) {
                shown = Some((window.selected_at, session));
            }
        }
        for loss in of_session(session).filter(|loss| recent(&loss.source)) {
            let at = loss.source.deselected_at.unwrap_or(now);
            found.lost += 1;
            if found.last.is_none_or(|(last, _)| at > last) {
                found.last = Some((at, loss.reason));
                found.session = Some(session);
            }
        }
    }
    found.session = found.session.or(shown.map(|(_, session)| session));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const NOW: Moment = Moment(100 * 24 * HOUR);

    /// A session that had these on air, each with why it came and how many hours ago it left.
    fn session(id: u64, sources: &[(i64, &str, i64)], error: &str) -> SessionHistory {
        let window = |&(id, why, left): &(i64, &str, i64)| SourceHistory {
            source_id: id,
            selected_at: Moment(NOW.0 - (left + 1) * HOUR),
            deselected_at: Some(Moment(NOW.0 - left * HOUR)),
            selection_reason: why.to_owned(),
            ..SourceHistory::default()
        };
        SessionHistory {
            session_id: id,
            terminal_error: error.into(),
            sources: sources.iter().map(window).collect(),
            ..SessionHistory::default()
        }
    }

    #[rstest::rstest]
    #[case::never(&[], 0, 0, None, None)]
    #[case::well(&[session(7, &[(1, "start", 2)], "")], 1, 0, None, Some(7))]
    #[case::another(&[session(7, &[(2, "start", 2), (3, "recovery: silence", 1)], "")], 0, 0, None, None)]
    #[case::again(&[session(7, &[(1, "start", 3), (1, "recovery: silence", 2), (1, "recovery: it ended", 1)], "")], 3, 2, Some((2, "it ended")), Some(7))]
    #[case::the_last_of_all(
        &[session(9, &[(1, "start", 1)], "no source left"), session(8, &[(1, "start", 4), (2, "recovery: silence", 3)], "")],
        2, 2, Some((1, "no source left")), Some(9)
    )]
    #[case::long_ago(&[session(7, &[(1, "start", 30), (2, "recovery: silence", 29)], "")], 0, 0, None, None)]
    #[case::a_person_wanted_another(&[session(7, &[(1, "start", 2), (2, "recovery: asked for: by anna", 1)], "")], 1, 0, None, Some(7))]
    #[case::left_for_a_better_one(&[session(7, &[(1, "start", 2), (2, "fail_back", 1)], "")], 1, 0, None, Some(7))]
    fn what_became_of_a_source(
        #[case] sessions: &[SessionHistory],
        #[case] on_air: usize,
        #[case] lost: usize,
        #[case] last: Option<(i64, &str)>,
        #[case] session: Option<u64>,
    ) {
        let found = record(sessions, SourceId(1), NOW);
        assert_eq!((found.on_air, found.lost), (on_air, lost));
        assert_eq!(found.last.map(|(at, why)| ((NOW.0 - at.0) / HOUR, why)), last);
        assert_eq!(found.session.map(|session| session.session_id), session);
    }

    #[test]
    fn a_source_that_is_lost_just_now_counts() {
        let mut running = session(7, &[(1, "start", 0)], "");
        running.active = true;
        running.last_recovery_reason = "silence".into();
        assert_eq!(record(&[running.clone()], SourceId(1), NOW).last.map(|(_, why)| why.to_owned()), Some("silence".into()));
        running.sources[0].deselected_at = None;
        assert_eq!(record(&[running], SourceId(1), NOW).lost, 0);
    }
}

//! Sessions that were: kept across restarts, bounded in number and age.

use rusqlite::{Connection, named_params, params};

use super::writer::Stale;
use super::{Store, StoreError};
use crate::model::{Moment, SessionHistory};

/// What becomes of a session that ran when the process was killed.
const INTERRUPTED: &str = "interrupted";

/// What is kept of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At most so many.
    pub sessions: usize,
    /// None that began before this, in milliseconds since 1970.
    pub since_ms: i64,
}

impl Store {
    /// Keeps sessions as they are now, in place of what was kept of them; and lets go of what `retention` does not hold.
    ///
    /// # Errors
    /// When they cannot be stored.
    pub async fn record_sessions(
        &self,
        sessions: Vec<SessionHistory>,
        now_ms: i64,
        retention: Retention,
    ) -> Result<(), StoreError> {
        self.change(move |connection| {
            for session in &sessions {
                put(connection, session, now_ms)?;
            }
            prune(connection, retention)?;
            Ok((Stale::NOTHING, ()))
        })
        .await
    }

    /// The newest `most` sessions, the oldest of them first. Those that ran when the process was killed are closed as of when
    /// they were last heard of.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn recorded_sessions(&self, most: usize) -> Result<Vec<SessionHistory>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT record, written_ms FROM session_history ORDER BY id DESC LIMIT ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let rows = statement.query_map([most], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
            let mut sessions = Vec::new();
            for row in rows {
                let (record, written_ms) = row?;
                match serde_json::from_str(&record) {
                    Ok(session) => sessions.push(settled(session, Moment(written_ms))),
                    // One that cannot be read is no reason to show none.
                    Err(error) => tracing::warn!(%error, "a session of the history cannot be understood; it is left out"),
                }
            }
            sessions.reverse();
            Ok(sessions)
        })
        .await
    }
}

fn put(connection: &Connection, session: &SessionHistory, now_ms: i64) -> Result<(), StoreError> {
    let record = serde_json::to_string(session).map_err(|error| StoreError::Nonsense(error.to_string()))?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO session_history (session, opened_ms, closed_ms, written_ms, record)
         VALUES (:session, :opened_ms, :closed_ms, :written_ms, :record)
         ON CONFLICT (opened_ms, session) DO UPDATE SET closed_ms = excluded.closed_ms, written_ms = excluded.written_ms,
            record = excluded.record",
    )?;
    statement.execute(named_params! {
        ":session": i64::try_from(session.session_id).unwrap_or(i64::MAX),
        ":opened_ms": session.opened_at.0,
        ":closed_ms": session.closed_at.map(|at| at.0),
        ":written_ms": now_ms,
        ":record": record,
    })?;
    Ok(())
}

fn prune(connection: &Connection, retention: Retention) -> Result<(), StoreError> {
    let most = i64::try_from(retention.sessions).unwrap_or(i64::MAX);
    connection.prepare_cached(OLDEST)?.execute([most])?;
    // Ids grow with time, so the oldest is the first; few statements find nothing to do.
    let mut old = connection.prepare_cached("DELETE FROM session_history WHERE opened_ms < ?1")?;
    old.execute(params![retention.since_ms])?;
    Ok(())
}

/// Deletes all but the newest.
pub(super) const OLDEST: &str = "DELETE FROM session_history
    WHERE id <= (SELECT id FROM session_history ORDER BY id DESC LIMIT 1 OFFSET ?1)";

fn settled(mut session: SessionHistory, heard_of: Moment) -> SessionHistory {
    if session.active {
        session.active = false;
        session.closed_at = Some(heard_of);
        INTERRUPTED.clone_into(&mut session.terminal_status);
        if let Some(source) = session.sources.last_mut() {
            source.deselected_at.get_or_insert(heard_of);
        }
        for viewer in session.subscribers.iter_mut().filter(|viewer| viewer.closed_at.is_none()) {
            viewer.closed_at = Some(heard_of);
            INTERRUPTED.clone_into(&mut viewer.close_reason);
        }
        session.completed_subscribers = session.total_subscribers;
    }
    session
}

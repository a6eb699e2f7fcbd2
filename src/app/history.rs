//! Keeps what the sessions' journal says: the history in the database (read at the start, written while it runs, and once more
//! at the end), the events of viewers in the spool.
//!
//! The journal never waits for this. A session that changes while the database is slow is written as it is then; of events that
//! come too fast the oldest are lost, and said so.

use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};

use crate::base::clock;
use crate::base::tasks::{self, CancellationToken, Task};
use crate::session::viewing::Viewing;
use crate::session::{Journal, Settings, Stamped};
use crate::store::{Retention, Spool, Store};

/// What has changed is gathered for so long: a start of a session alone is half a dozen events.
const GATHER: Duration = Duration::from_millis(500);
/// After a failure, such as a full disk.
const AGAIN: Duration = Duration::from_secs(10);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Those who keep it.
pub struct Keeper {
    stop: CancellationToken,
    sessions: Task<()>,
    events: Task<()>,
    spool: Spool,
}

impl Keeper {
    /// Shows the sessions of earlier runs, and follows those of this one.
    pub async fn start(store: &Store, spool: &Spool, journal: &Journal, settings: &Settings) -> Self {
        restore(store, journal).await;
        let stop = CancellationToken::new();
        let sessions = keep(store.clone(), journal.clone(), settings.clone(), stop.clone());
        let events = hand_in(spool.clone(), journal.follow(), stop.clone());
        Self {
            stop,
            spool: spool.clone(),
            sessions: tasks::spawn("history", sessions),
            events: tasks::spawn("viewing events", events),
        }
    }

    /// Writes what is left. To be called when all sessions have ended.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.sessions.await;
        let _ = self.events.await;
        self.spool.close().await;
    }
}

/// Shows the sessions of earlier runs.
async fn restore(store: &Store, journal: &Journal) {
    match store.recorded_sessions(journal.bounds().0).await {
        Ok(sessions) => journal.restore(sessions),
        Err(error) => tracing::warn!(%error, "the history of sessions cannot be read; it begins anew"),
    }
}

/// Writes what changes, until `stop`, and then what is left.
async fn keep(store: Store, journal: Journal, settings: Settings, stop: CancellationToken) {
    let mut pause = Duration::ZERO;
    while !stop.is_cancelled() {
        let wait = async {
            clock::sleep(pause).await;
            journal.changed().await;
            clock::sleep(GATHER).await;
        };
        tokio::select! {
            () = wait => {}
            () = stop.cancelled() => {}
        }
        pause = if write(&store, &journal, &settings).await { Duration::ZERO } else { AGAIN };
    }
}

/// Turns events of sessions into those of viewers, until `stop`, and then those that are left.
async fn hand_in(spool: Spool, mut events: broadcast::Receiver<Stamped>, stop: CancellationToken) {
    let mut viewing = Viewing::default();
    loop {
        let received = tokio::select! {
            biased;
            received = events.recv() => received,
            () = stop.cancelled() => return,
        };
        match received {
            Ok(Stamped { at, event }) => viewing.apply(&event, at).into_iter().for_each(|event| spool.push(event)),
            Err(RecvError::Lagged(lost)) => {
                tracing::warn!(lost, "events came too fast; what viewers went through is incomplete");
                spool.count_lost(lost);
                viewing.forget();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

async fn write(store: &Store, journal: &Journal, settings: &Settings) -> bool {
    let changed = journal.take_changed();
    if changed.is_empty() {
        return true;
    }
    let now_ms = clock::wall_ms();
    let since_ms = match i64::from(settings.session_history_days) {
        0 => i64::MIN,
        days => now_ms.saturating_sub(days * DAY_MS),
    };
    let retention = Retention { sessions: journal.bounds().0, since_ms };
    let Err(error) = store.record_sessions(changed.clone(), now_ms, retention).await else { return true };
    tracing::warn!(%error, sessions = changed.len(), "the history of sessions could not be stored; it is tried again");
    journal.put_back(&changed);
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::history::Limits;

    #[tokio::test]
    async fn sessions_of_earlier_runs_are_shown_and_nothing_is_written_without_news() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let session = crate::model::SessionHistory { session_id: 9, ..Default::default() };
        let all = Retention { sessions: 16, since_ms: i64::MIN };
        store.record_sessions(vec![session], clock::wall_ms(), all).await.unwrap();
        let journal = Journal::new(Limits::of(16));
        restore(&store, &journal).await;
        assert_eq!(journal.sessions().iter().map(|session| session.session_id).collect::<Vec<_>>(), [9]);
        assert!(journal.take_changed().is_empty());
        assert!(write(&store, &journal, &Settings::default()).await);
    }
}

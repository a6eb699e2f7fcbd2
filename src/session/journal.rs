//! Where the events of all sessions go: into the history in memory, at once, and to whoever follows, without waiting.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast};

use super::events::Event;
use super::history::{History, Limits, Totals};
use crate::base::clock;
use crate::model::{ChannelId, Moment, SessionHistory, SessionId};

/// Events that a follower may be behind before it loses the oldest.
const EVENTS: usize = 1024;

/// An event and when it happened.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// When.
    pub at: Moment,
    /// What.
    pub event: Event,
}

/// The history of a process. A cheap handle.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    history: Mutex<History>,
    changed: Notify,
    events: broadcast::Sender<Stamped>,
}

impl Journal {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        let (history, changed) = (Mutex::new(History::new(limits)), Notify::new());
        Self(Arc::new(Inner { history, changed, events: broadcast::Sender::new(EVENTS) }))
    }

    /// Writes down what has just happened. Never waits for anything but another such call.
    pub(super) fn note(&self, event: Event) {
        let at = Moment(clock::wall_ms());
        self.history().apply(&event, at);
        self.0.changed.notify_one();
        let _ = self.0.events.send(Stamped { at, event });
    }

    /// Follows what happens. Who is too slow loses the oldest, and is told how many.
    pub fn follow(&self) -> broadcast::Receiver<Stamped> {
        self.0.events.subscribe()
    }

    /// Puts sessions of earlier runs behind those of this one; the oldest first.
    pub fn restore(&self, earlier: Vec<SessionHistory>) {
        self.history().restore(earlier);
    }

    /// All that is kept, the newest first.
    pub fn sessions(&self) -> Vec<SessionHistory> {
        self.history().newest_first().cloned().collect()
    }

    /// The newest `most` of a channel that ran after `since`, the newest first. What else is kept is not copied.
    pub fn of_channel(&self, channel: ChannelId, since: Moment, most: usize) -> Vec<SessionHistory> {
        let history = self.history();
        let ran =
            |session: &&SessionHistory| session.channel_id == channel.0 && session.closed_at.is_none_or(|closed| closed > since);
        history.newest_first().filter(ran).take(most).cloned().collect()
    }

    /// One session of this run.
    pub fn session(&self, id: SessionId) -> Option<SessionHistory> {
        self.history().session(id).cloned()
    }

    /// How many sessions are kept, and how many had to go.
    pub fn bounds(&self) -> (usize, u64) {
        let history = self.history();
        (history.limits().sessions, history.totals().sessions_truncated)
    }

    /// What was counted since the start.
    pub fn totals(&self) -> Totals {
        self.history().totals()
    }

    /// Waits until something has changed since the last time. Cancel-safe.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// The sessions that have changed since they were last taken, the oldest first: to be stored.
    pub fn take_changed(&self) -> Vec<SessionHistory> {
        self.history().take_changed()
    }

    /// They could not be stored: they are to be taken again.
    pub fn put_back(&self, sessions: &[SessionHistory]) {
        self.history().put_back(sessions);
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.0.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

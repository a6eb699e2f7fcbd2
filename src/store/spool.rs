//! The spool of viewing events: many small rows that only ever grow at one end, so they are in sled and not in the database.
//!
//! Handing one in never waits. A thread writes what has gathered, at most every 500 ms so that flash lives, and has it on disk
//! before it writes again: killed or without power, what came in the last half second, and while that was written, is lost.
//! Who hands in more than can be written loses the oldest, and they are counted.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::StoreError;
use crate::base::clock::{self, Instant};
use crate::base::coalesce::Coalesced;
use crate::base::tasks::{self, Thread};
use crate::model::ViewingEvent;

/// The spool's folder in the data directory.
pub const DIR: &str = "spool";
/// The longest time between two writes while events come.
const EVERY: Duration = Duration::from_millis(500);
/// Events that wait to be written.
const WAITING: usize = 8192;
/// Events that are kept.
const KEPT: u64 = 100_000;
/// What sled may keep in memory, in bytes.
const CACHE: u64 = 1024 * 1024;

static FAILURES: Coalesced = Coalesced::new(Duration::from_secs(60));

/// The spool. A cheap handle; the last one dropped writes what is left.
#[derive(Clone)]
pub struct Spool(Arc<Inner>);

// Dropped in this order: the queue says that it is over, then the thread is waited for.
struct Inner {
    closing: Closing,
    _thread: Thread,
}

struct Closing(Arc<Shared>);

struct Shared {
    path: PathBuf,
    queue: Mutex<Queue>,
    news: Condvar,
    /// The writer has nothing more in hand.
    done: Condvar,
    /// Opened with the first use, so that who watches nothing pays nothing.
    open: Mutex<Option<sled::Db>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<ViewingEvent>,
    written: u64,
    lost: u64,
    writing: bool,
    closed: bool,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Spool").field(&self.0.closing.0.path).finish()
    }
}

impl Spool {
    /// The spool of a data directory. Nothing is opened yet.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join(DIR);
        let shared = Arc::new(Shared {
            path: path.clone(),
            queue: Mutex::default(),
            news: Condvar::new(),
            done: Condvar::new(),
            open: Mutex::default(),
        });
        let thread = tasks::thread("rooftop-spool", {
            let shared = Arc::clone(&shared);
            move || shared.run()
        });
        let thread = thread.map_err(StoreError::io("cannot start a thread for", path))?;
        Ok(Self(Arc::new(Inner { closing: Closing(shared), _thread: thread })))
    }

    /// Hands in an event. Never waits.
    pub fn push(&self, event: ViewingEvent) {
        let shared = &self.0.closing.0;
        let mut queue = shared.queue();
        if queue.closed {
            queue.lost += 1;
            return;
        }
        if queue.waiting.len() >= WAITING {
            queue.waiting.pop_front();
            queue.lost += 1;
        }
        queue.waiting.push_back(event);
        drop(queue);
        shared.news.notify_one();
    }

    /// Counts events that were lost on their way here.
    pub fn count_lost(&self, lost: u64) {
        self.0.closing.0.queue().lost += lost;
    }

    /// The newest events that are written, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn newest(&self, most: usize) -> Result<Vec<ViewingEvent>, StoreError> {
        let shared = Arc::clone(&self.0.closing.0);
        tasks::blocking(move || shared.newest(most)).await.map_err(|_| StoreError::Gone)?
    }

    /// Writes what was handed in so far, at once, and ends; what comes later is lost.
    pub async fn close(&self) {
        let shared = Arc::clone(&self.0.closing.0);
        shared.queue().closed = true;
        shared.news.notify_one();
        let _ = tasks::blocking(move || {
            let mut queue = shared.queue();
            while queue.writing || !queue.waiting.is_empty() {
                queue = shared.done.wait_timeout(queue, EVERY).unwrap_or_else(PoisonError::into_inner).0;
            }
        })
        .await;
    }

    /// How many events were written since the start, and how many were lost.
    pub fn totals(&self) -> (u64, u64) {
        let queue = self.0.closing.0.queue();
        (queue.written, queue.lost)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.queue().closed = true;
        self.0.news.notify_one();
    }
}

impl Shared {
    fn run(&self) {
        let mut next = clock::now();
        loop {
            let Some(batch) = self.gather(next) else { return };
            next = clock::now() + EVERY;
            let events = batch.len() as u64;
            let done = self.write(batch);
            let mut queue = self.queue();
            queue.writing = false;
            match &done {
                Ok(()) => queue.written += events,
                Err(_) => queue.lost += events,
            }
            drop(queue);
            self.done.notify_all();
            if let Err(error) = done
                && let Some(times) = FAILURES.count()
            {
                tracing::error!(%error, times, "events of viewers could not be stored");
            }
        }
    }

    /// Waits for events, and until they may be written. `None`: it is over, and nothing is left.
    fn gather(&self, next: Instant) -> Option<VecDeque<ViewingEvent>> {
        let mut queue = self.queue();
        loop {
            let wait = next.saturating_duration_since(clock::now());
            if !queue.waiting.is_empty() && (queue.closed || wait.is_zero()) {
                queue.writing = true;
                return Some(std::mem::take(&mut queue.waiting));
            }
            if queue.closed {
                return None;
            }
            queue = if queue.waiting.is_empty() {
                self.news.wait(queue).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.news.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }

    fn write(&self, events: VecDeque<ViewingEvent>) -> Result<(), StoreError> {
        let db = self.db()?;
        let mut next = number(db.last()?.map(|(key, _)| key)) + 1;
        let mut batch = sled::Batch::default();
        for event in events {
            let text = serde_json::to_vec(&event).map_err(|error| StoreError::Nonsense(error.to_string()))?;
            batch.insert(&next.to_be_bytes(), text);
            next += 1;
        }
        let first = number(db.first()?.map(|(key, _)| key)).max(1);
        for old in first..next.saturating_sub(KEPT).max(first) {
            batch.remove(&old.to_be_bytes());
        }
        db.apply_batch(batch)?;
        db.flush()?;
        Ok(())
    }

    fn newest(&self, most: usize) -> Result<Vec<ViewingEvent>, StoreError> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let mut events = Vec::new();
        for row in self.db()?.iter().rev().take(most) {
            match serde_json::from_slice(&row?.1) {
                Ok(event) => events.push(event),
                Err(error) => tracing::debug!(%error, "an event of the spool cannot be understood; it is left out"),
            }
        }
        Ok(events)
    }

    /// Opens it, once. One that is damaged is put aside, and another one is begun: it is only statistics.
    fn db(&self) -> Result<sled::Db, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(db) = &*open {
            return Ok(db.clone());
        }
        let db = match opened(&self.path) {
            Ok(db) => db,
            Err(error) if self.path.exists() => {
                let aside = self.path.with_extension(format!("damaged-{}", clock::wall_ms()));
                tracing::warn!(%error, path = %aside.display(), "the spool of viewing events cannot be opened; it is put aside");
                std::fs::rename(&self.path, &aside).map_err(StoreError::io("cannot move away", &self.path))?;
                opened(&self.path)?
            }
            Err(error) => return Err(error),
        };
        Ok(open.insert(db).clone())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opened(path: &Path) -> Result<sled::Db, StoreError> {
    // Flushed after each batch, by us: a timer of its own would write when there is nothing to be written.
    let config = sled::Config::new().path(path).cache_capacity(CACHE).mode(sled::Mode::LowSpace).flush_every_ms(None);
    // Some kinds of damage end sled by a panic.
    let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
    opened.unwrap_or_else(|_| Err(sled::Error::ReportableBug("it gave up on these files".to_owned()))).map_err(StoreError::Spool)
}

fn number(key: Option<sled::IVec>) -> u64 {
    key.and_then(|key| <[u8; 8]>::try_from(&*key).ok()).map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests;

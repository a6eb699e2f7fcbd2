//! The one writer: a thread that owns the writing connection.
//!
//! Changes come as closures through a bounded queue. Many go into one transaction, each in a savepoint of its own, so that
//! one that fails takes back only itself; after the commit the catalog is replaced, and only then is anything acknowledged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Shared, StoreError, load, tokens};
use crate::base::chain::Chain;
use crate::base::coalesce::Coalesced;
use crate::base::tasks::{self, Thread};

/// Changes that may wait. Whoever brings another one waits for a place, without blocking a thread.
const QUEUE: usize = 1024;
/// Most changes of one transaction.
const BATCH: usize = 256;
/// Facts that nobody waits for are written this much later at most, together.
const GATHER: Duration = Duration::from_secs(1);
/// How often the writer looks whether another process has changed the database.
const LOOK: Duration = Duration::from_secs(1);

/// A full disk fails every second.
static FAILURES: Coalesced = Coalesced::new(Duration::from_secs(60));

/// What a change makes stale in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stale {
    pub catalog: bool,
    pub tokens: bool,
}

impl Stale {
    pub const NOTHING: Self = Self { catalog: false, tokens: false };
    pub const CATALOG: Self = Self { catalog: true, tokens: false };
    pub const TOKENS: Self = Self { catalog: false, tokens: true };

    fn or(self, other: Self) -> Self {
        Self { catalog: self.catalog || other.catalog, tokens: self.tokens || other.tokens }
    }
}

/// Tells whoever waits, once it is known whether the transaction was committed.
type Acknowledge = Box<dyn FnOnce(Result<(), String>) + Send>;
/// Makes the change; what it gives back is called after the commit. `Err` takes the change back.
type Change = Box<dyn FnOnce(&Connection) -> Result<(Stale, Acknowledge), Acknowledge> + Send>;

enum Job {
    Change(Change, OwnedSemaphorePermit),
    /// There are facts to be gathered.
    Facts,
}

/// The way to the writer.
pub(super) struct Writer {
    queue: Sender<Job>,
    places: Arc<Semaphore>,
}

impl Writer {
    /// Starts the thread. It ends, with everything written, after the last `Writer` is dropped; `owned` is dropped after
    /// the connection is closed.
    pub(super) fn start(
        connection: Connection,
        shared: Arc<Shared>,
        owned: impl Send + 'static,
    ) -> Result<(Self, Thread), StoreError> {
        let (queue, jobs) = channel();
        let thread = tasks::thread("rooftop-store", move || {
            run(connection, &jobs, &shared);
            drop(owned);
        });
        let thread = thread.map_err(StoreError::io("cannot start a thread for", "rooftop.db"))?;
        Ok((Self { queue, places: Arc::new(Semaphore::new(QUEUE)) }, thread))
    }

    /// Makes a change and waits until it is on disk and in the catalog.
    ///
    /// Cancel safety: dropping the future before the change was queued does nothing; after that the change is still made.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<(Stale, T), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Gone)?;
        let (tell, told) = oneshot::channel();
        let change: Change = Box::new(move |connection| match change(connection) {
            Ok((stale, value)) => Ok((
                stale,
                Box::new(move |committed| {
                    let _ = tell.send(committed.map(|()| value).map_err(StoreError::NotCommitted));
                }),
            )),
            Err(error) => Err(Box::new(move |_| {
                let _ = tell.send(Err(error));
            })),
        });
        self.queue.send(Job::Change(change, place)).map_err(|_| StoreError::Gone)?;
        told.await.map_err(|_| StoreError::Gone)?
    }

    /// Says that there are facts to be gathered. Never waits.
    pub(super) fn facts(&self) {
        let _ = self.queue.send(Job::Facts);
    }
}

fn run(connection: Connection, jobs: &Receiver<Job>, shared: &Shared) {
    let mut foreign = data_version(&connection);
    loop {
        let mut batch = Vec::new();
        let mut open = true;
        match jobs.recv_timeout(LOOK) {
            Ok(Job::Change(change, place)) => batch.push((change, place)),
            Ok(Job::Facts) => match jobs.recv_timeout(GATHER) {
                Ok(Job::Change(change, place)) => batch.push((change, place)),
                Ok(Job::Facts) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => open = false,
        }
        while batch.len() < BATCH {
            match jobs.try_recv() {
                Ok(Job::Change(change, place)) => batch.push((change, place)),
                Ok(Job::Facts) => {}
                Err(_) => break,
            }
        }
        transact(&connection, shared, batch);
        let now = data_version(&connection);
        if now != foreign {
            foreign = now;
            refresh(&connection, shared, Stale::CATALOG.or(Stale::TOKENS));
        }
        if !open {
            break;
        }
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(error = %Chain(&error), "the database was not closed cleanly; nothing is lost");
    }
}

fn transact(connection: &Connection, shared: &Shared, batch: Vec<(Change, OwnedSemaphorePermit)>) {
    let facts = shared.facts.take();
    if batch.is_empty() && facts.is_empty() {
        return;
    }
    let mut answers: Vec<Acknowledge> = Vec::with_capacity(batch.len());
    let mut places = Vec::with_capacity(batch.len());
    let mut stale = Stale::NOTHING;
    let committed = (|| {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        if let Err(error) = facts.write(connection)
            && FAILURES.count().is_some()
        {
            tracing::warn!(error = %Chain(&error), "what was seen of sources could not be stored");
        }
        for (change, place) in batch {
            places.push(place);
            connection.execute_batch("SAVEPOINT change")?;
            // A change that panics loses its way to answer, so whoever waits learns that nothing was stored.
            let done = catch_unwind(AssertUnwindSafe(|| change(connection)));
            let undo = !matches!(done, Ok(Ok(_)));
            match done {
                Ok(Ok((touched, answer))) => {
                    stale = stale.or(touched);
                    answers.push(answer);
                }
                Ok(Err(answer)) => answers.push(answer),
                Err(_) => tracing::error!("a change of the database ended by a panic; it was taken back"),
            }
            connection.execute_batch(if undo { "ROLLBACK TO change; RELEASE change" } else { "RELEASE change" })?;
        }
        connection.execute_batch("COMMIT")
    })()
    .map_err(|error| StoreError::from(error).to_string());
    match &committed {
        Ok(()) => {
            facts.show(shared);
            refresh(connection, shared, stale);
        }
        Err(error) => {
            if let Some(times) = FAILURES.count() {
                tracing::error!(%error, times, "changes could not be stored");
            }
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
    for answer in answers {
        answer(committed.clone());
    }
    drop(places);
}

/// Replaces what is stale in memory. What cannot be read stays as it was.
fn refresh(connection: &Connection, shared: &Shared, stale: Stale) {
    let failed = |what, error: StoreError| tracing::error!(error = %Chain(&error), "{what} could not be read again");
    if stale.catalog {
        match load::catalog(connection) {
            Ok(catalog) => shared.catalog.store(Arc::new(catalog)),
            Err(error) => failed("the catalog", error),
        }
    }
    if stale.tokens {
        match tokens::load(connection) {
            Ok(tokens) => shared.tokens.store(Arc::new(tokens)),
            Err(error) => failed("tokens", error),
        }
    }
}

/// A number that changes when another connection has changed the database (SQLite, "PRAGMA data_version").
fn data_version(connection: &Connection) -> Option<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok()
}

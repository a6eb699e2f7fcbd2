//! A few connections for reading, lent to work that runs off the event loop. In WAL mode they and the writer never wait for
//! each other.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{StoreError, schema};
use crate::base::tasks;

/// Most reads at a time.
const MOST: usize = 4;

/// The pool.
#[derive(Clone)]
pub(super) struct Readers(Arc<Inner>);

struct Inner {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    places: Semaphore,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Arc::new(Inner { path, idle: Mutex::default(), places: Semaphore::new(MOST) }))
    }

    /// Reads, off the event loop. Cancel safety: a read that has begun goes on to its end; its result is dropped.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _place = self.0.places.acquire().await.map_err(|_| StoreError::Gone)?;
        let inner = Arc::clone(&self.0);
        let work = move || {
            let idle = inner.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match idle {
                Some(connection) => connection,
                None => schema::open_reader(&inner.path)?,
            };
            let result = read(&connection);
            inner.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        };
        tasks::blocking(work).await.map_err(|_| StoreError::Gone)?
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

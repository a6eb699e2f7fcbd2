//! The only spawn. A task has a name, an owner, and dies with its owner.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::{JoinError, JoinHandle};

pub use tokio_util::sync::{CancellationToken, DropGuard};
pub use tokio_util::task::TaskTracker;

/// A running task that is aborted when this handle is dropped.
///
/// Awaiting it gives the task's output. Cancel safety: dropping it, also in the middle of an await, ends the task.
#[derive(Debug)]
#[must_use = "a dropped task is aborted at once"]
pub struct Task<T>(JoinHandle<T>);

impl<T> Task<T> {
    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

/// Starts a task owned by the returned handle. `name` is for the log should it panic.
pub fn spawn<F>(name: &'static str, future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    use tracing::Instrument;
    Task(tokio::spawn(future.instrument(tracing::trace_span!("task", task.name = name))))
}

/// Starts a task that `tracker` waits for at shutdown; it must end by itself when its token is cancelled.
pub fn spawn_tracked<F>(tracker: &TaskTracker, name: &'static str, future: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    use tracing::Instrument;
    tracker.spawn(future.instrument(tracing::trace_span!("task", task.name = name)));
}

/// Runs blocking work (SQLite, file system) off the event loop.
///
/// # Errors
/// When the work panicked or the runtime is going down.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(work).await
}

/// A thread of its own, for work that blocks for as long as the program runs. Dropping it waits for its end.
#[derive(Debug)]
#[must_use = "a dropped thread is waited for at once"]
pub struct Thread(Option<std::thread::JoinHandle<()>>);

/// Starts a thread; it must end by itself once its owner lets go of whatever feeds it.
///
/// # Errors
/// When the system has no thread to give.
pub fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<Thread> {
    Ok(Thread(Some(std::thread::Builder::new().name(name.to_owned()).spawn(work)?)))
}

/// Starts a thread that drives a future to its end, for work that is to take no time from tasks. To be called within the runtime.
///
/// # Errors
/// When the system has no thread to give.
pub fn thread_of(name: &str, future: impl Future<Output = ()> + Send + 'static) -> std::io::Result<Thread> {
    let runtime = tokio::runtime::Handle::current();
    thread(name, move || runtime.block_on(future))
}

impl Drop for Thread {
    fn drop(&mut self) {
        // The last owner may be the thread itself, which cannot wait for its own end.
        if let Some(handle) = self.0.take().filter(|handle| handle.thread().id() != std::thread::current().id())
            && handle.join().is_err()
        {
            tracing::error!("a thread of the program ended by a panic");
        }
    }
}

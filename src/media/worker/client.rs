//! Keeps one worker for all who need it: started on demand, one job at a time in the order of asking, stopped when idle,
//! replaced when it fails or has worked long.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::sync::{Mutex, MutexGuard};

use super::WorkerError;
use super::crashes::Crashes;
use super::job::{Job, Outcome};
use super::locate::locate;
use super::process::{Pipes, Process};
use super::protocol::Hello;
use crate::base::{clock, tasks};

/// After this much work a worker is replaced: what leaked is given back, and its limit on processor time is never met by
/// honest work.
const RETIRE_AFTER: Duration = Duration::from_secs(120);

/// However steadily it comes, after so many request timeouts a job is ended: others wait.
const WHOLE_JOB: u32 = 10;

/// Settings of the worker.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The executable; `None`: beside the running one, else `/usr/lib/rooftop/rooftop-worker`.
    pub program: Option<PathBuf>,
    /// Most address space of the worker, in MiB.
    pub memory_mib: u32,
    /// Longest time without anything from the worker while it has a job. A job as a whole may take ten times as long.
    pub request_timeout: Duration,
    /// It is stopped after this long without a job.
    pub idle_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { program: None, memory_mib: 1024, request_timeout: Duration::from_secs(60), idle_timeout: Duration::from_secs(10) }
    }
}

/// The way to the worker. Cheap to clone: all clones share the one process, which dies with the last of them.
#[derive(Debug, Clone)]
pub struct WorkerClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    /// Fair: whoever asks first is served first.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    process: Option<Process>,
    crashes: Crashes,
    idle: Option<tasks::Task<()>>,
}

/// The worker, for one job: whoever asks later waits until this is over.
#[derive(Debug)]
#[must_use = "others wait for it"]
pub struct Turn<'a> {
    client: &'a WorkerClient,
    state: MutexGuard<'a, State>,
}

impl WorkerClient {
    /// Starts nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Inner { settings, state: Mutex::default() }))
    }

    /// Where the executable is.
    ///
    /// # Errors
    /// [`WorkerError::Missing`].
    pub fn program(&self) -> Result<PathBuf, WorkerError> {
        locate(self.0.settings.program.as_deref())
    }

    /// Has a job done, after those that were asked for earlier. What it makes is written to `output` piece by piece, also
    /// where it fails in the end.
    ///
    /// # Errors
    /// See [`WorkerError`]. None of them outlasts the request: the next one starts a fresh worker where that is needed.
    ///
    /// # Cancel safety
    /// Dropping the future takes the request out of the queue, or ends the worker that does it.
    pub async fn run<W>(&self, job: Job, input: &[u8], output: &mut W) -> Result<Outcome, WorkerError>
    where
        W: AsyncWrite + Unpin + Send,
    {
        self.turn().await?.run(job, input, output).await
    }

    /// Waits for the worker, behind those that asked earlier, and has it started: what a job needs is best gathered then, and
    /// not while it is queued.
    ///
    /// # Errors
    /// When it cannot be started.
    ///
    /// # Cancel safety
    /// Dropping the future takes the request out of the queue.
    pub async fn turn(&self) -> Result<Turn<'_>, WorkerError> {
        let mut state = self.0.state.lock().await;
        let process = self.ready(&mut state).await?;
        self.keep(&mut state, process).await;
        Ok(Turn { client: self, state })
    }

    async fn work<W>(&self, state: &mut State, job: Job, input: &[u8], output: &mut W) -> Result<Outcome, WorkerError>
    where
        W: AsyncWrite + Unpin + Send,
    {
        let patience = self.0.settings.request_timeout;
        let limit = patience.saturating_mul(WHOLE_JOB);
        let name = job.name();
        // Taken out: should this future be dropped half-way, the process goes with it.
        let mut process = self.ready(state).await?;
        let begun = clock::now();
        let result = clock::timeout(limit, process.run(job, input, output, patience)).await;
        let result = result.unwrap_or(Err(WorkerError::TimedOut(limit)));
        let took = clock::now().duration_since(begun);
        process.busy += took;
        match &result {
            Ok(_) | Err(WorkerError::Job { .. }) => {
                tracing::debug!(
                    worker.job = name,
                    worker.job_ms = took.as_millis(),
                    worker.ok = result.is_ok(),
                    "media worker did a job"
                );
                state.crashes.succeeded();
                self.keep(state, process).await;
            }
            Err(error) => {
                tracing::warn!(worker.job = name, worker.pid = process.pid(), error = %error, "media worker failed");
                if error.is_crash() {
                    state.crashes.failed(clock::now());
                }
            }
        }
        result
    }

    /// Starts the worker if it does not run, and gives its greeting: what it is, and what confines it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn hello(&self) -> Result<Hello, WorkerError> {
        let mut state = self.0.state.lock().await;
        let process = self.ready(&mut state).await?;
        let hello = process.hello.clone();
        self.keep(&mut state, process).await;
        Ok(hello)
    }

    /// Starts a further worker, which plays one stream (`media/play`) and is nobody else's.
    ///
    /// # Errors
    /// When it cannot be started.
    ///
    /// # Cancel safety
    /// Dropping the future ends the process.
    pub(in crate::media) async fn start_player(&self) -> Result<Pipes, WorkerError> {
        let program = self.program()?;
        let args = ["play".to_owned(), "--memory-mib".to_owned(), self.0.settings.memory_mib.to_string()];
        let process = Process::start(&program, &args).await?;
        if !process.hello.confinement.complete() {
            tracing::warn!(worker.refused = ?process.hello.confinement.refused, "media worker is not fully confined by this kernel");
        }
        tracing::debug!(worker.pid = process.pid(), "media worker of a player started");
        Ok(process.into_pipes())
    }

    /// Process id of the worker, while one runs and does nothing.
    pub async fn pid(&self) -> Option<u32> {
        self.0.state.lock().await.process.as_ref().and_then(Process::pid)
    }

    /// Stops the worker if it runs. The next job starts it again.
    pub async fn stop(&self) {
        let process = self.0.state.lock().await.process.take();
        if let Some(process) = process {
            process.stop().await;
        }
    }

    /// The running worker, or a new one.
    async fn ready(&self, state: &mut State) -> Result<Process, WorkerError> {
        state.idle = None;
        if let Some(mut process) = state.process.take() {
            if process.is_alive() {
                return Ok(process);
            }
            tracing::info!("media worker had ended while idle; starting another");
        }
        if let Some(rest) = state.crashes.resting(clock::now()) {
            return Err(WorkerError::Resting(rest));
        }
        let program = self.program()?;
        let args = ["--memory-mib".to_owned(), self.0.settings.memory_mib.to_string()];
        match Process::start(&program, &args).await {
            Ok(process) => {
                let confinement = &process.hello.confinement;
                if confinement.complete() {
                    tracing::debug!(worker.pid = process.pid(), "media worker started");
                } else {
                    tracing::warn!(worker.refused = ?confinement.refused, "media worker is not fully confined by this kernel");
                }
                Ok(process)
            }
            Err(error) => {
                tracing::warn!(error = %error, "media worker does not start");
                state.crashes.failed(clock::now());
                Err(error)
            }
        }
    }

    /// Puts a worker back for the next job, until it has been idle for long; or ends one that has worked enough.
    async fn keep(&self, state: &mut State, process: Process) {
        if process.busy >= RETIRE_AFTER {
            process.stop().await;
            return;
        }
        state.process = Some(process);
        let (inner, after) = (Arc::downgrade(&self.0), self.0.settings.idle_timeout);
        state.idle = Some(tasks::spawn("worker idle", async move {
            clock::sleep(after).await;
            let Some(inner) = inner.upgrade() else { return };
            let process = inner.state.lock().await.process.take();
            if let Some(process) = process {
                process.stop().await;
                tracing::debug!("media worker stopped: nothing to do");
            }
        }));
    }
}

impl Turn<'_> {
    /// Has a job done. What it makes is written to `output` piece by piece, also where it fails in the end.
    ///
    /// # Errors
    /// As [`WorkerClient::run`].
    ///
    /// # Cancel safety
    /// Dropping the future ends the worker.
    pub async fn run<W>(mut self, job: Job, input: &[u8], output: &mut W) -> Result<Outcome, WorkerError>
    where
        W: AsyncWrite + Unpin + Send,
    {
        self.client.work(&mut self.state, job, input, output).await
    }
}

#[cfg(test)]
mod tests;

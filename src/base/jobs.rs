//! Long pieces of work: who runs, how far each has come, what came of it; and that it is to stop.
//!
//! One runs at a time: they are the heavy ones, and machines are small. What ended is remembered for a while.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};

use super::clock;
use super::progress::{Progress, Reading};
use super::tasks::{self, CancellationToken, TaskTracker};

/// Ended jobs that are remembered.
const REMEMBERED: usize = 200;

/// A job, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Job {
    /// Its number, counted from 1 since the process began.
    pub id: u64,
    /// What is done: `playlist.refresh` …
    pub kind: &'static str,
    /// With what: the id of a playlist, a guide …
    pub subject: i64,
    /// Its name for people.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// Milliseconds since 1970.
    pub started_ms: i64,
    /// Milliseconds since 1970.
    pub ended_ms: Option<i64>,
    /// How far it has come.
    pub progress: Reading,
    /// What came of it.
    pub result: Option<Value>,
    /// Why it failed, for people.
    pub error: Option<String>,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Another one is running.
    Waiting,
    /// It runs.
    Running,
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl State {
    /// Whether nothing more will happen.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// All jobs. A cheap handle.
#[derive(Debug, Clone)]
pub struct Jobs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    list: Mutex<List>,
    turn: Arc<Semaphore>,
    tracker: TaskTracker,
    stop: CancellationToken,
    changed: Notify,
}

#[derive(Debug, Default)]
struct List {
    last: u64,
    jobs: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    job: Job,
    progress: Progress,
}

impl Default for Jobs {
    fn default() -> Self {
        Self(Arc::new(Inner {
            list: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            changed: Notify::new(),
        }))
    }
}

impl Jobs {
    /// Starts a job, which waits for its turn. Where one of the same kind with the same subject is not over, that one is meant.
    pub fn start<F>(&self, kind: &'static str, subject: i64, name: &str, work: impl FnOnce(Progress) -> F + Send + 'static) -> u64
    where
        F: Future<Output = Result<Value, String>> + Send + 'static,
    {
        let progress = Progress::new(self.0.stop.child_token());
        let id = {
            let mut list = self.lock();
            let same = |entry: &&Entry| !entry.job.state.is_over() && (entry.job.kind, entry.job.subject) == (kind, subject);
            if let Some(running) = list.jobs.iter().find(same) {
                return running.job.id;
            }
            list.last += 1;
            let id = list.last;
            let job = Job {
                id,
                kind,
                subject,
                name: name.to_owned(),
                state: State::Waiting,
                started_ms: clock::wall_ms(),
                ended_ms: None,
                progress: progress.read(),
                result: None,
                error: None,
            };
            list.jobs.push_back(Entry { job, progress: progress.clone() });
            list.forget();
            id
        };
        let (jobs, turn) = (self.clone(), Arc::clone(&self.0.turn));
        tasks::spawn_tracked(&self.0.tracker, "job", async move {
            let place = tokio::select! {
                place = turn.acquire_owned() => place.ok(),
                () = progress.cancelled() => None,
            };
            let done = match &place {
                Some(_) => {
                    jobs.change(id, |job| job.state = State::Running);
                    // One that panics is over, too.
                    let done = tasks::spawn("job work", work(progress.clone())).await;
                    done.unwrap_or_else(|_| Err("it ended by a fault of the program; the log says more".to_owned()))
                }
                None => Err(String::new()),
            };
            jobs.end(id, &progress, done);
        });
        id
    }

    /// All that run, and the last that ended, the newest first.
    pub fn list(&self) -> Vec<Job> {
        self.lock().jobs.iter().rev().map(Entry::show).collect()
    }

    /// One of them.
    pub fn get(&self, id: u64) -> Option<Job> {
        self.lock().jobs.iter().find(|entry| entry.job.id == id).map(Entry::show)
    }

    /// Asks a job to stop. `false`: there is none that runs.
    pub fn cancel(&self, id: u64) -> bool {
        let list = self.lock();
        let running = list.jobs.iter().find(|entry| entry.job.id == id && !entry.job.state.is_over());
        running.map(|entry| entry.progress.cancel()).is_some()
    }

    /// Waits for the end of a job. `None`: it is not known. Cancel-safe.
    pub async fn ended(&self, id: u64) -> Option<Job> {
        loop {
            let changed = self.0.changed.notified();
            let job = self.get(id)?;
            if job.state.is_over() {
                return Some(job);
            }
            changed.await;
        }
    }

    /// Asks all of them to stop, and waits until they have.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tracker.close();
        self.0.tracker.wait().await;
    }

    fn end(&self, id: u64, progress: &Progress, done: Result<Value, String>) {
        let reading = progress.read();
        self.change(id, |job| {
            job.progress = reading;
            job.ended_ms = Some(clock::wall_ms());
            match done {
                Ok(result) => (job.state, job.result) = (State::Done, Some(result)),
                Err(_) if progress.is_cancelled() => job.state = State::Cancelled,
                Err(error) => (job.state, job.error) = (State::Failed, Some(error)),
            }
        });
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Job)) {
        if let Some(entry) = self.lock().jobs.iter_mut().find(|entry| entry.job.id == id) {
            change(&mut entry.job);
        }
        self.0.changed.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, List> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    /// Forgets the oldest of those that are over.
    fn forget(&mut self) {
        while self.jobs.len() > REMEMBERED {
            let Some(oldest) = self.jobs.iter().position(|entry| entry.job.state.is_over()) else { return };
            self.jobs.remove(oldest);
        }
    }
}

impl Entry {
    fn show(&self) -> Job {
        let mut job = self.job.clone();
        if !job.state.is_over() {
            job.progress = self.progress.read();
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn one_after_the_other_each_with_its_result() {
        let jobs = Jobs::default();
        let gate = Arc::new(Notify::new());
        let wait = Arc::clone(&gate);
        let first = jobs.start("a", 1, "One", move |progress| async move {
            progress.step("reading", None);
            wait.notified().await;
            Ok(json!(1))
        });
        let second = jobs.start("a", 2, "Two", |_| async { Err("bad".to_owned()) });
        assert_eq!(jobs.start("a", 1, "One", |_| async { Ok(json!(9)) }), first, "it is meant already");
        while jobs.get(first).unwrap().progress.step != "reading" {
            tokio::task::yield_now().await;
        }
        assert_eq!(jobs.get(second).unwrap().state, State::Waiting);
        gate.notify_one();
        let ended = jobs.ended(first).await.unwrap();
        assert_eq!((ended.state, ended.result), (State::Done, Some(json!(1))));
        let ended = jobs.ended(second).await.unwrap();
        assert_eq!((ended.state, ended.error.as_deref(), ended.ended_ms.is_some()), (State::Failed, Some("bad"), true));
        assert_eq!(jobs.list().iter().map(|job| job.id).collect::<Vec<_>>(), [second, first]);
        assert!(!jobs.cancel(first) && jobs.ended(99).await.is_none());
    }

    #[tokio::test]
    async fn what_is_stopped_ends_as_cancelled_whether_it_ran_or_not() {
        let jobs = Jobs::default();
        let work = |progress: Progress| async move {
            progress.cancelled().await;
            Err("stopped".to_owned())
        };
        let (first, second) = (jobs.start("a", 1, "One", work), jobs.start("a", 2, "Two", work));
        assert!(jobs.cancel(second));
        assert_eq!(jobs.ended(second).await.unwrap().state, State::Cancelled);
        jobs.stop().await;
        assert_eq!(jobs.get(first).unwrap().state, State::Cancelled);
    }

    #[tokio::test]
    async fn one_that_panics_is_over() {
        let jobs = Jobs::default();
        let id = jobs.start("a", 1, "", |_| async { panic!("on purpose") });
        assert_eq!(jobs.ended(id).await.unwrap().state, State::Failed);
        let again = jobs.start("a", 1, "", |_| async { Ok(Value::Null) });
        assert_eq!(jobs.ended(again).await.unwrap().state, State::Done);
    }

    #[tokio::test]
    async fn old_ones_are_forgotten() {
        let jobs = Jobs::default();
        for subject in 0..300 {
            let id = jobs.start("a", subject, "", |_| async { Ok(Value::Null) });
            jobs.ended(id).await.unwrap();
        }
        assert_eq!(jobs.list().len(), REMEMBERED);
        assert!(jobs.get(1).is_none() && jobs.get(300).is_some());
    }
}

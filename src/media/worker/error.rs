//! What can go wrong with the worker.

use std::path::PathBuf;
use std::time::Duration;

/// An error of the worker. Those of the running process mean that it is gone; the next request starts a fresh one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The executable is not there.
    #[error(
        "the media worker is not installed: looked for {}; install the whole rooftop package, or set worker.program",
        .looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    Missing {
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// It could not be started, or did not greet.
    #[error("the media worker did not start: {reason}")]
    Start {
        /// The system's words.
        reason: String,
    },
    /// It is of another release.
    #[error("the media worker speaks version {theirs}, this is version {ours}: install the whole package again")]
    Version {
        /// What it speaks.
        theirs: u16,
        /// What this program speaks.
        ours: u16,
    },
    /// It ended in the middle of a job.
    #[error("the media worker died while it was working ({how})")]
    Died {
        /// Exit code or signal.
        how: String,
    },
    /// It answered something that is no answer.
    #[error("the media worker answered nonsense: {reason}")]
    Garbage {
        /// What is wrong with it.
        reason: String,
    },
    /// It did not answer in time, and was ended.
    #[error("the media worker did not answer within {0:?}")]
    TimedOut(Duration),
    /// It crashed repeatedly and is given a rest.
    #[error("the media worker keeps failing; it is tried again in {0:?}")]
    Resting(Duration),
    /// The job cannot be done. The worker itself is well.
    #[error("the media worker cannot do this: {reason}")]
    Job {
        /// Its words.
        reason: String,
    },
    /// The answer could not be written down here.
    #[error("cannot keep the media worker's answer: {reason}")]
    Output {
        /// The system's words.
        reason: String,
    },
}

impl WorkerError {
    /// Whether the worker itself failed, so that trying the same at once is unwise.
    pub(super) fn is_crash(&self) -> bool {
        matches!(self, Self::Start { .. } | Self::Died { .. } | Self::Garbage { .. } | Self::TimedOut(_) | Self::Version { .. })
    }
}

//! What one session finds out about slates and the next need not find out again.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Backdrop, ClipError, Clips};
use crate::media::worker::WorkerError;

/// Kept for as long as the program runs.
#[derive(Debug, Default)]
pub(super) struct Known {
    unshowable: Mutex<HashSet<Backdrop>>,
    missing: AtomicBool,
}

impl Clips {
    /// Whether a warning of it says something new: a worker that is not installed is missing for every channel and every gap, and
    /// that is said once.
    pub fn is_news(&self, error: &ClipError) -> bool {
        let missing = matches!(error, ClipError::Worker(WorkerError::Missing { .. }));
        !missing || !self.0.known.missing.swap(true, Ordering::Relaxed)
    }

    /// Whether nothing is known against this picture.
    pub fn can_show(&self, backdrop: &Backdrop) -> bool {
        !self.0.known.unshowable.lock().unwrap_or_else(PoisonError::into_inner).contains(backdrop)
    }

    /// Where a clip failed that would have shown this, and the same without it did not: whether that is news. It is not tried again,
    /// unless something else was to blame.
    pub fn failed_to_show(&self, backdrop: &Backdrop, error: &ClipError) -> bool {
        is_to_blame(error) && self.0.known.unshowable.lock().unwrap_or_else(PoisonError::into_inner).insert(backdrop.clone())
    }
}

/// Whether it is the picture that cannot be shown, and not the disk that is full.
fn is_to_blame(error: &ClipError) -> bool {
    match error {
        ClipError::Backdrop(_) | ClipError::BadSpec(_) => true,
        ClipError::Worker(error) => matches!(
            error,
            WorkerError::Job { .. } | WorkerError::Died { .. } | WorkerError::TimedOut(_) | WorkerError::Garbage { .. }
        ),
        ClipError::Disk { .. } | ClipError::BrokenOff => false,
    }
}

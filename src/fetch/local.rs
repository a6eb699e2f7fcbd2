//! Feeds that are files.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::error::FetchError;
use super::fetched::{Fetched, Spooled};
use super::{Outcome, Request, local_path};
use crate::base::progress::Progress;
use crate::base::{clock, tasks};
use crate::model::Validators;

/// Times of files go on in steps of a few milliseconds: what is written twice within one is the same to who asks.
const STEP: Duration = Duration::from_millis(50);
/// And in steps of up to two seconds where a file system knows no parts of a second.
const COARSE_STEP: Duration = Duration::from_secs(2);

/// Opens the file, if it is another version than the known one.
pub async fn fetch(request: Request<'_>, progress: &Progress) -> Result<Outcome, FetchError> {
    let path = local_path(request.location);
    let (mut file, mut about) = open(&path).await?;
    // A file that was written just now may be written to again without another time to show for it.
    if let Some(wait) = unsettled(&about, clock::wall()).filter(|wait| *wait <= STEP) {
        clock::sleep(wait).await;
        (file, about) = open(&path).await?;
    }
    let settled = unsettled(&about, clock::wall()).is_none();
    let validators = if settled { validators(&about) } else { Validators::default() };
    if settled && request.known.is_some_and(|known| *known == validators) {
        return Ok(Outcome::NotModified);
    }
    let bytes = about.len();
    if bytes > request.most_bytes {
        return Err(FetchError::TooLarge(request.most_bytes));
    }
    progress.step("fetching", Some(bytes));
    progress.set_bytes(bytes);
    let served_from = path.display().to_string();
    let spooled = Spooled::Not;
    Ok(Outcome::Fetched(Fetched { spooled, file, bytes, validators, media_type: None, served_from, resumed_at: None }))
}

/// Whether it can be opened.
pub async fn reach(location: &str) -> Result<(), FetchError> {
    open(&local_path(location)).await.map(drop)
}

async fn open(path: &Path) -> Result<(File, Metadata), FetchError> {
    let path = path.to_owned();
    let opened = tasks::blocking(move || {
        // A pipe would make opening it wait for ever.
        if !std::fs::metadata(&path).map_err(FetchError::File)?.is_file() {
            return Err(FetchError::NotAFile(path));
        }
        let file = File::open(&path).map_err(FetchError::File)?;
        let about = file.metadata().map_err(FetchError::File)?;
        Ok((file, about))
    });
    opened.await.map_err(|error| FetchError::File(std::io::Error::other(error)))?
}

/// Written to or not: the time, the length and the file itself tell. The time of the last change of any kind goes along, since
/// that of the last write can be set to what it was.
fn validators(about: &Metadata) -> Validators {
    let (mtime, ctime) = (about.mtime(), about.ctime());
    let etag = format!(
        "\"file-{mtime}.{:09}-{ctime}.{:09}-{}-{:x}-{:x}\"",
        about.mtime_nsec(),
        about.ctime_nsec(),
        about.len(),
        about.dev(),
        about.ino()
    );
    Validators { etag: Some(etag), last_modified: None }
}

/// How long to wait until another write would show.
fn unsettled(about: &Metadata, now: SystemTime) -> Option<Duration> {
    let coarse = about.mtime_nsec() == 0;
    settles_in(about.modified().ok()?, coarse, now)
}

/// Pure. A time to come tells nothing, but it stays what it is.
fn settles_in(modified: SystemTime, coarse: bool, now: SystemTime) -> Option<Duration> {
    let step = if coarse { COARSE_STEP } else { STEP };
    let age = now.duration_since(modified).ok()?;
    step.checked_sub(age).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::old(10_000, false, None)]
    #[case::new(20, false, Some(30))]
    #[case::just_settled(50, false, None)]
    #[case::coarse(50, true, Some(1950))]
    #[case::coarse_and_old(2000, true, None)]
    fn a_file_is_settled_after_a_step_of_its_clock(#[case] age_ms: u64, #[case] coarse: bool, #[case] wait_ms: Option<u64>) {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let now = modified + Duration::from_millis(age_ms);
        assert_eq!(settles_in(modified, coarse, now), wait_ms.map(Duration::from_millis));
        assert_eq!(settles_in(now + Duration::from_secs(9), coarse, now), None, "a time to come");
    }
}

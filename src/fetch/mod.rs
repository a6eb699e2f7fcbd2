//! L2: gets a feed from a file or an address into a file that can be read at leisure. It knows nothing of what is in it.
//!
//! `ask` speaks to servers, `resume` judges what they answer (pure), `part` keeps what has come so that a broken download can
//! be gone on with, `download` is the loop over these, `local` is for files, `fetched` is what the caller gets.

mod ask;
mod download;
mod error;
mod fetched;
pub mod gate;
mod local;
mod part;
mod resume;
mod unpack;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::error::FetchError;
pub use self::fetched::Fetched;
pub use self::part::sweep;
use crate::base::progress::Progress;
use crate::base::secret::SafeUrl;
use crate::model::{FetchAccess, Validators};

/// What is to be had, how, and where it is put.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Path or address. May hold credentials.
    pub location: &'a str,
    /// How to ask for it.
    pub access: &'a FetchAccess,
    /// What was said of the version that is known already.
    pub known: Option<&'a Validators>,
    /// Directory for what has come so far.
    pub spool: &'a Path,
    /// Names the part of a broken download, so that the next call with the same key and location goes on from it.
    pub key: &'a str,
    /// Largest feed, as it comes.
    pub most_bytes: u64,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("location", &SafeUrl(self.location))
            .field("access", self.access)
            .field("known", &self.known)
            .field("spool", &self.spool)
            .field("key", &self.key)
            .field("most_bytes", &self.most_bytes)
            .finish()
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// The version that is known is still the newest.
    NotModified,
    /// Another version, or the first.
    Fetched(Fetched),
}

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// A connection must stand within this.
    connect: Duration,
    /// The head of the answer, and every piece of its body, must come within this. There is no limit for the whole: some
    /// feeds take minutes.
    patience: Duration,
    /// Within this at least [`CRAWL`] bytes must come: a server that drips would keep all other feeds waiting.
    crawl: Duration,
    /// The wait before a broken download is gone on with, which doubles each time up to ten times this.
    pause: Duration,
}

/// What comes slower than this in [`Limits::crawl`] is not waited for.
const CRAWL: u64 = 64 * 1024;

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    patience: Duration::from_secs(30),
    crawl: Duration::from_secs(120),
    pause: Duration::from_millis(200),
};

/// The scheme of an address that feeds come by from the network.
pub fn is_remote(location: &str) -> bool {
    scheme(location).is_some_and(|scheme| ["http", "https"].contains(&scheme.as_str()))
}

/// The path of a feed that is a file.
pub fn local_path(location: &str) -> PathBuf {
    match url::Url::parse(location) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().unwrap_or_else(|()| PathBuf::from(location)),
        _ => PathBuf::from(location),
    }
}

fn scheme(location: &str) -> Option<String> {
    let (scheme, _) = location.split_once("://")?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.bytes().all(fits).then(|| scheme.to_ascii_lowercase())
}

/// Gets the feed whole, if it is another version than the known one. `progress` is told of step `fetching`.
///
/// # Errors
/// When it cannot be had whole. What has come of it is kept for the next call if its server can go on from there.
///
/// # Cancel safety
/// Dropping the future, like cancelling `progress`, closes the connection; what has come is kept as after an error.
pub async fn fetch(request: Request<'_>, progress: &Progress) -> Result<Outcome, FetchError> {
    fetch_within(request, progress, &LIMITS).await
}

async fn fetch_within(request: Request<'_>, progress: &Progress, limits: &Limits) -> Result<Outcome, FetchError> {
    if progress.is_cancelled() {
        return Err(FetchError::Cancelled);
    }
    let work = async {
        match scheme(request.location) {
            Some(_) if is_remote(request.location) => download::download(request, progress, limits).await,
            Some(scheme) if scheme != "file" => Err(FetchError::Scheme(scheme)),
            _ => local::fetch(request, progress).await,
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = progress.cancelled() => Err(FetchError::Cancelled),
    }
}

/// Whether the feed at `location` is there: opens the file, or lets the server begin its answer.
///
/// # Errors
/// When it cannot be had.
///
/// # Cancel safety
/// Dropping the future closes the connection.
pub async fn reach(location: &str, access: &FetchAccess) -> Result<(), FetchError> {
    match scheme(location) {
        Some(_) if is_remote(location) => {
            let mut asker = ask::Asker::new(location, access, &LIMITS)?;
            asker.get(&reqwest::header::HeaderMap::new()).await.and_then(|answer| answer.good()).map(drop)
        }
        Some(scheme) if scheme != "file" => Err(FetchError::Scheme(scheme)),
        _ => local::reach(location).await,
    }
}

#[cfg(test)]
mod tests;

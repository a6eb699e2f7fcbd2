//! Gets a playlist from a file or an address into a file that can be read at leisure.

use std::fs::File;
use std::io::Seek;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::base::{clock, tasks};

/// The head of the answer, and every piece of its body, must come within this. There is no limit for the whole: some lists
/// take minutes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest playlist, as it comes.
const MOST_BYTES: u64 = 2 << 30;

/// Why a playlist could not be had. Addresses are not part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The file cannot be read.
    #[error("cannot read the file: {0}")]
    File(std::io::Error),
    /// It is something else.
    #[error("{0} is not a file")]
    NotAFile(PathBuf),
    /// No scheme that playlists come by.
    #[error("playlists are read from files and from http and https addresses, not from {0}:")]
    Scheme(String),
    /// No connection, or no answer.
    #[error("cannot reach the server: {0}")]
    Connect(String),
    /// An HTTP status other than success.
    #[error("the server answered {0}{hint}", hint = hint(*.0))]
    Status(u16),
    /// The connection broke.
    #[error("the connection broke off: {0}")]
    Lost(String),
    /// Nothing came in time.
    #[error("the server sent nothing for {0:?}")]
    TimedOut(Duration),
    /// Endless, or nearly so.
    #[error("the playlist is larger than {} GiB", MOST_BYTES >> 30)]
    TooLarge,
    /// No room to put it.
    #[error("cannot keep the playlist while it is read: {0}")]
    Spool(std::io::Error),
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => "; user or password may be wrong, or the account expired",
        404 => "; the address may be wrong",
        429 | 458 | 509 => "; the account is limited for now",
        _ => "",
    }
}

/// The scheme of an address that playlists come by from the network.
pub(super) fn is_remote(location: &str) -> bool {
    scheme(location).is_some_and(|scheme| ["http", "https"].contains(&scheme.as_str()))
}

/// The path of a playlist that is a file.
pub(super) fn local_path(location: &str) -> PathBuf {
    match url::Url::parse(location) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().unwrap_or_else(|()| PathBuf::from(location)),
        _ => PathBuf::from(location),
    }
}

fn scheme(location: &str) -> Option<String> {
    let (scheme, _) = location.split_once("://")?;
    Some(scheme.to_ascii_lowercase())
}

/// Opens the playlist at `location` for reading from its beginning. One from the network is first written whole to a file
/// without a name in `spool`.
///
/// # Errors
/// When it cannot be had whole.
///
/// # Cancel safety
/// Dropping the future closes the connection and leaves nothing behind.
pub async fn open_or_download(location: &str, client: &reqwest::Client, spool: &Path) -> Result<File, FetchError> {
    match scheme(location) {
        Some(scheme) if is_remote(location) => {
            tracing::debug!(%scheme, "fetching a playlist");
            download(location, client, spool).await
        }
        Some(scheme) if scheme != "file" => Err(FetchError::Scheme(scheme)),
        _ => {
            let path = local_path(location);
            let opened = tasks::blocking(move || open(&path)).await;
            opened.map_err(|error| FetchError::File(std::io::Error::other(error)))?
        }
    }
}

/// Whether the playlist at `location` is there: opens the file, or lets the server begin its answer.
///
/// # Errors
/// When it cannot be had.
pub async fn reach(location: &str, client: &reqwest::Client) -> Result<(), FetchError> {
    if is_remote(location) {
        ask(location, client).await.map(drop)
    } else {
        open_or_download(location, client, Path::new("")).await.map(drop)
    }
}

fn open(path: &Path) -> Result<File, FetchError> {
    // A pipe would make opening it wait for ever.
    if !std::fs::metadata(path).map_err(FetchError::File)?.is_file() {
        return Err(FetchError::NotAFile(path.to_owned()));
    }
    File::open(path).map_err(FetchError::File)
}

async fn ask(location: &str, client: &reqwest::Client) -> Result<reqwest::Response, FetchError> {
    let request = client.get(location).header("User-Agent", concat!("Rooftop/", env!("CARGO_PKG_VERSION")));
    let late = |_| FetchError::TimedOut(PATIENCE);
    let answer = clock::timeout(PATIENCE, request.send()).await.map_err(late)?.map_err(|error| connect(&error))?;
    if answer.status().is_success() { Ok(answer) } else { Err(FetchError::Status(answer.status().as_u16())) }
}

async fn download(location: &str, client: &reqwest::Client, spool: &Path) -> Result<File, FetchError> {
    let mut answer = ask(location, client).await?;
    let late = |_| FetchError::TimedOut(PATIENCE);
    let mut file = tokio::fs::File::from_std(nameless(spool).map_err(FetchError::Spool)?);
    let mut total = 0u64;
    loop {
        let piece = clock::timeout(PATIENCE, answer.chunk()).await.map_err(late)?;
        let Some(piece) = piece.map_err(|error| FetchError::Lost(reason(&error)))? else { break };
        total = total.saturating_add(piece.len() as u64);
        if total > MOST_BYTES {
            return Err(FetchError::TooLarge);
        }
        file.write_all(&piece).await.map_err(FetchError::Spool)?;
    }
    file.flush().await.map_err(FetchError::Spool)?;
    let mut file = file.into_std().await;
    file.rewind().map_err(FetchError::Spool)?;
    Ok(file)
}

/// A file without a name: the system takes it away with the last handle, also after kill -9.
fn nameless(dir: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::TMPFILE.bits() as i32;
    let mut options = File::options();
    options.read(true).write(true).mode(0o600);
    match options.clone().custom_flags(flags).open(dir) {
        Ok(file) => Ok(file),
        // Some file systems know no such files.
        Err(_) => {
            let path = dir.join(format!("playlist-{}-{}.part", std::process::id(), clock::wall_ms()));
            let file = options.create_new(true).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        }
    }
}

fn connect(error: &reqwest::Error) -> FetchError {
    if error.is_redirect() { FetchError::Connect("too many redirects".to_owned()) } else { FetchError::Connect(reason(error)) }
}

/// The innermost reason: the outer ones repeat the address.
fn reason(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

pub struct Fetched {
    pub file: File,
    pub validators: crate::model::Validators,
}

pub async fn fetch(
    location: &str,
    _access: &crate::model::FetchAccess,
    _known: Option<&crate::model::Validators>,
    store: &crate::store::Store,
    _id: crate::model::ProviderId,
    _progress: &crate::base::progress::Progress,
) -> Result<Option<Fetched>, FetchError> {
    let client = reqwest::Client::builder().build().map_err(|error| connect(&error))?;
    let file = open_or_download(location, &client, &store.feeds_dir()).await?;
    Ok(Some(Fetched { file, validators: Default::default() }))
}

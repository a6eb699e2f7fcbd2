//! Against servers on loopback that do, connection by connection, what a test wants them to.

mod broken;
mod conditional;
mod proxies;
mod redirects;
mod server;
mod torture;

use std::io::Read;

use server::{Act, Server, Site, head_of, whole};

use super::*;
use crate::model::Headers;

/// Short, so that what does not come is not waited for.
const HASTY: Limits = Limits {
    connect: Duration::from_secs(5),
    patience: Duration::from_millis(400),
    crawl: Duration::from_secs(60),
    pause: Duration::from_millis(1),
};

const MOST: u64 = 64 << 20;

/// A directory, and what is asked for.
struct Rig {
    dir: tempfile::TempDir,
    access: FetchAccess,
    progress: Progress,
    known: Option<Validators>,
    most_bytes: u64,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, access: FetchAccess::default(), progress: Progress::default(), known: None, most_bytes: MOST }
    }

    async fn fetch(&self, location: &str) -> Result<Outcome, FetchError> {
        self.fetch_within(location, &HASTY).await
    }

    async fn fetch_within(&self, location: &str, limits: &Limits) -> Result<Outcome, FetchError> {
        let Self { dir, access, progress, known, most_bytes } = self;
        let (known, spool) = (known.as_ref(), dir.path());
        let request = Request { location, access, known, spool, key: "feed", most_bytes: *most_bytes };
        fetch_within(request, progress, limits).await
    }

    async fn fetched(&self, location: &str) -> Fetched {
        match self.fetch(location).await.unwrap() {
            Outcome::Fetched(fetched) => fetched,
            Outcome::NotModified => panic!("a version was expected"),
        }
    }

    async fn error(&self, location: &str) -> FetchError {
        self.fetch(location).await.map(|_| "fetched").unwrap_err()
    }

    /// Names in the directory.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn bytes_of(fetched: &Fetched) -> Vec<u8> {
    let mut bytes = Vec::new();
    (&fetched.file).read_to_end(&mut bytes).unwrap();
    assert_eq!(fetched.bytes, bytes.len() as u64);
    bytes
}

/// Bytes that are not like each other, so that a shifted or mixed file shows.
fn content(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    Headers(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

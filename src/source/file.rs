//! Local transport stream files, read round and round. The reader paces them by their clock.
//!
//! Which playlists may name local files is the import's decision, not this module's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::sniff::{self, Sniffed};
use super::{Chunk, Opened, Pace, SourceError};
use crate::base::clock::{self, Instant};

/// Bytes of one read.
const READ: usize = 64 * 1024;
/// A round takes at least this long, so that a file too short to have a clock does not spin.
const ROUND: Duration = Duration::from_millis(200);

/// The path in `file:///path`, or an absolute path as it is.
///
/// # Errors
/// When it names another host or no absolute path.
pub fn path(address: &str) -> Result<PathBuf, SourceError> {
    if address.starts_with('/') {
        return Ok(PathBuf::from(address));
    }
    let bad = |reason: &str| SourceError::BadAddress { reason: reason.into() };
    let url = url::Url::parse(address).map_err(|error| bad(&error.to_string()))?;
    url.to_file_path().map_err(|()| bad("a file address holds an absolute path on this machine: file:///path"))
}

/// Opens the file. It must be a regular file: no device, pipe or directory is read.
///
/// # Errors
/// When it cannot be opened or is no transport stream.
pub async fn open(path: PathBuf) -> Result<Opened, SourceError> {
    let failed = |error: std::io::Error| SourceError::Local { what: "file".into(), reason: error.to_string() };
    let file = open_regular(&path).await.map_err(failed)?;
    let mut rounds = Rounds { file, head: BytesMut::with_capacity(READ), began: clock::now(), read: 0 };
    while rounds.head.len() < sniff::MOST_BYTES && rounds.file.read_buf(&mut rounds.head).await.map_err(failed)? > 0 {}
    match sniff::sniff(&rounds.head, true) {
        Sniffed::TransportStream => {}
        Sniffed::Empty => return Err(SourceError::NotAStream { what: "an empty file".into() }),
        Sniffed::Playlist => return Err(SourceError::NotAStream { what: "a playlist".into() }),
        Sniffed::Other(what) => return Err(SourceError::NotAStream { what: what.into() }),
        _ => return Err(SourceError::NotAStream { what: "no transport stream".into() }),
    }
    let next = |mut rounds: Rounds| async move {
        match rounds.next().await {
            Ok(chunk) => chunk.map(|chunk| (Ok(chunk), rounds)),
            Err(error) => {
                let error = SourceError::Local { what: "file".into(), reason: error.to_string() };
                // The next round then finds an end at once.
                rounds.read = 0;
                Some((Err(error), rounds))
            }
        }
    };
    Ok(Opened { bytes: Box::pin(stream::unfold(rounds, next)), pace: Pace::Bursty, producer: "file", stall_after: None })
}

/// Does not wait for the other end of a pipe, as a plain open would.
async fn open_regular(path: &Path) -> std::io::Result<tokio::fs::File> {
    let mut options = tokio::fs::OpenOptions::new();
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = options.read(true).custom_flags(nonblock).open(path).await?;
    if !file.metadata().await?.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

/// A file read round and round.
struct Rounds {
    file: tokio::fs::File,
    /// Read, but not yet given away.
    head: BytesMut,
    began: Instant,
    /// Bytes of this round.
    read: u64,
}

impl Rounds {
    /// The next piece; `None` when a whole round gave nothing, because the file has become empty.
    async fn next(&mut self) -> std::io::Result<Option<Chunk>> {
        if self.head.is_empty() {
            self.head.reserve(READ);
            if self.file.read_buf(&mut self.head).await? == 0 {
                return self.rewind().await;
            }
        }
        self.read += self.head.len() as u64;
        Ok(Some(Chunk::Bytes(self.head.split().freeze())))
    }

    async fn rewind(&mut self) -> std::io::Result<Option<Chunk>> {
        if self.read == 0 {
            return Ok(None);
        }
        clock::sleep_until(self.began + ROUND).await;
        self.file.rewind().await?;
        self.began = clock::now();
        self.read = 0;
        Ok(Some(Chunk::Discontinuity { broken_off: false }))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use rstest::rstest;

    use super::*;

    fn stream_file(packets: usize) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..packets).flat_map(|n| std::iter::once(0x47).chain(std::iter::repeat_n(n as u8, 187))).collect();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    async fn round(opened: &mut Opened) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(Ok(Chunk::Bytes(more))) = opened.bytes.next().await {
            bytes.extend_from_slice(&more);
        }
        bytes
    }

    #[rstest]
    #[case::small(3)]
    #[case::larger_than_a_read(2000)]
    #[tokio::test]
    async fn goes_round_with_a_mark_between(#[case] packets: usize) {
        let file = stream_file(packets);
        let whole = std::fs::read(file.path()).unwrap();
        let mut opened = open(file.path().to_owned()).await.unwrap();
        assert_eq!((opened.pace, opened.producer), (Pace::Bursty, "file"));
        // `round` ends at the mark.
        assert_eq!(round(&mut opened).await, whole);
        assert_eq!(round(&mut opened).await, whole);
    }

    #[tokio::test]
    async fn a_file_that_becomes_empty_ends() {
        let file = stream_file(3);
        let mut opened = open(file.path().to_owned()).await.unwrap();
        round(&mut opened).await;
        std::fs::write(file.path(), b"").unwrap();
        assert!(opened.bytes.next().await.is_none());
    }

    #[rstest]
    #[case::missing("/nonexistent/file.ts", "No such file")]
    #[case::directory("/tmp", "not a regular file")]
    #[case::device("/dev/zero", "not a regular file")]
    #[tokio::test]
    async fn refuses(#[case] path: &str, #[case] says: &str) {
        let error = open(path.into()).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }

    #[tokio::test]
    async fn refuses_what_is_no_stream() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"#EXTM3U\n").unwrap();
        let error = open(file.path().to_owned()).await.unwrap_err();
        assert_eq!(error.to_string(), "not a stream: a playlist");
    }

    #[tokio::test]
    async fn a_pipe_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let opened = clock::timeout(Duration::from_secs(2), open(fifo)).await.expect("does not wait for a writer");
        assert!(opened.unwrap_err().to_string().contains("not a regular file"));
    }

    #[rstest]
    #[case("/a b.ts", Some("/a b.ts"))]
    #[case("file:///a%20b.ts", Some("/a b.ts"))]
    #[case("file://localhost/a.ts", Some("/a.ts"))]
    #[case("file://elsewhere/a.ts", None)]
    fn paths(#[case] address: &str, #[case] is: Option<&str>) {
        assert_eq!(path(address).ok(), is.map(PathBuf::from));
    }
}

//! L3: bytes in. Whatever the scheme, a source gives the same thing: a stream of byte buffers that hold an MPEG
//! transport stream, cut anywhere, and an error that says whose fault it is.

pub mod demo;
pub mod dispatch;
pub mod error;
pub mod file;
pub mod hls;
pub mod http;
pub mod packed;
pub mod pushed;
pub mod sniff;
pub mod srt;
#[cfg(test)]
mod testing;
pub mod udp;

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

pub use dispatch::{Opener, Settings};
pub use error::SourceError;

use crate::model::{Headers, Route};

/// The bytes of an open source. `None` after the last: of a live source that is a failure too, and the session's to judge.
///
/// Dropping it closes the connection and ends everything that was started for it. Cancel-safe: nothing is lost when a
/// poll is abandoned.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Chunk, SourceError>> + Send>>;

/// One item of an open source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Bytes of a transport stream, cut anywhere.
    Bytes(Bytes),
    /// What follows is another beginning: a file's next round, an HLS discontinuity. Clocks and counters start anew.
    Discontinuity {
        /// What came before was broken off: its last units may be in part.
        broken_off: bool,
    },
}

/// What to open.
#[derive(Debug, Clone)]
pub struct Target {
    /// Address: `http`, `https`, `udp`, `rtp`, `srt`, `push`, `file`, `demo`. May hold credentials.
    pub url: crate::base::secret::Secret<String>,
    /// Request headers.
    pub headers: Headers,
    /// How its server is reached; of HTTP only.
    pub route: Route,
}

/// How the bytes arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As they are made: pass them on as they come.
    Live,
    /// In bursts (HLS segments) or as fast as they are read (files): pace them by their clock.
    Bursty,
}

/// An open source.
pub struct Opened {
    /// Its bytes.
    pub bytes: ByteStream,
    /// How they arrive.
    pub pace: Pace,
    /// What produces them, for people: `http`, `hls`, `radio`, `udp`, `rtp`, `srt`, `file`, `demo`.
    pub producer: &'static str,
    /// Silence longer than this is a stall; `None`: the session's own `stall_detect`.
    pub stall_after: Option<Duration>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("producer", &self.producer).field("pace", &self.pace).finish_non_exhaustive()
    }
}

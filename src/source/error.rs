//! What can go wrong with a source, whose fault it is, and whether to try again.

use std::time::Duration;

use crate::base::clock::Rounded;
use crate::model::{Blame, Retry};

/// An error of a source. Its text never holds credentials.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// No code for this scheme.
    #[error("addresses of scheme {scheme:?} are not supported")]
    Unsupported {
        /// The part before the colon.
        scheme: String,
    },
    /// The address cannot be understood.
    #[error("bad address: {reason}")]
    BadAddress {
        /// What is wrong with it.
        reason: String,
    },
    /// No connection.
    #[error("cannot connect: {reason}")]
    Connect {
        /// The system's words.
        reason: String,
    },
    /// The other side of a connection says no.
    #[error("refused: {reason} ({code})")]
    Refused {
        /// In words.
        reason: &'static str,
        /// As the protocol's tools show it.
        code: i32,
    },
    /// It was tried in vain too often, and nobody tries now.
    #[error("not called again for {}: {reason}", Rounded(*.left))]
    Resting {
        /// For how long yet.
        left: Duration,
        /// What came of it last.
        reason: String,
    },
    /// An HTTP status other than success.
    #[error("upstream answered {status}")]
    Status {
        /// The status code.
        status: u16,
        /// `Retry-After`, if it came.
        retry_after: Option<Duration>,
    },
    /// Too many or circular redirects.
    #[error("too many redirects")]
    Redirects,
    /// The answer is not a stream: a web page, a picture, a playlist of the wrong kind.
    #[error("not a stream: {what}")]
    NotAStream {
        /// What it looks like.
        what: String,
    },
    /// The connection broke.
    #[error("connection lost: {reason}")]
    Lost {
        /// The system's words.
        reason: String,
    },
    /// A live stream came to its end.
    #[error("the stream ended")]
    Ended,
    /// A stream that is to be pushed to us, and is not.
    #[error("nobody is sending the stream {id:?}")]
    NotPushed {
        /// Its id.
        id: String,
    },
    /// A stream that is pushed to us, and that a person does not want now.
    #[error("the stream {id:?} is paused")]
    Paused {
        /// Its id.
        id: String,
    },
    /// A playlist, key or segment of HLS is wrong.
    #[error("HLS: {reason}")]
    Hls {
        /// What is wrong.
        reason: String,
    },
    /// Nothing came in time.
    #[error("nothing came within {}", Rounded(*.0))]
    TimedOut(Duration),
    /// Something on this machine: a file, a socket, the worker.
    #[error("{what}: {reason}")]
    Local {
        /// What failed.
        what: String,
        /// The system's words.
        reason: String,
    },
}

impl SourceError {
    /// Whose fault it is. `401 403 429 458 509`, and `503` with Retry-After, are the account's (TUNER.md).
    pub fn blame(&self) -> Blame {
        match self {
            Self::Status { status: 401 | 403 | 429 | 458 | 509, .. } | Self::Status { status: 503, retry_after: Some(_) } => {
                Blame::Provider
            }
            Self::Local { .. } => Blame::Local,
            _ => Blame::Source,
        }
    }

    /// Whether to try again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Status { retry_after: Some(after), .. } | Self::Resting { left: after, .. } => Retry::After(*after),
            Self::Unsupported { .. } | Self::BadAddress { .. } => Retry::Never,
            _ => Retry::Ladder,
        }
    }
}

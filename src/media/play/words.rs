//! What the worker says while it plays: after its greeting one word after the other, in frames, until it ends. It is told nothing
//! but the transport stream itself.

use serde::{Deserialize, Serialize};

/// One word of the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// An initialisation section, in the payload. The first word, and again when the parameter sets change.
    Begins {
        /// `video/mp4; codecs="…"`.
        content_type: String,
    },
    /// A fragment, in the payload.
    Fragment,
    /// It cannot be shown by a browser. The last word.
    Refused(Refusal),
    /// It has ended, or cannot go on as it began. The last word.
    Ended {
        /// Why, for the log.
        reason: String,
    },
}

/// Why no browser can show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A picture of this codec.
    #[error("The picture of this channel is {0}, which browsers cannot decode.")]
    Picture(String),
    /// Neither picture nor sound was found.
    #[error("There is neither a picture nor sound in this channel that a browser could play.")]
    Nothing,
}

//! Why a panel's answer is of no use.

use std::io::Read;

use super::info::Status;
use super::mended::Mended;

/// What is wrong with it. Nothing of the answer is part of it, since panels repeat user and password in theirs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XtreamError {
    /// `"auth": 0`.
    #[error("user or password refused{}", why(.0))]
    Refused(Option<Status>),
    /// A page for people.
    #[error(
        "the server sent a web page instead of data; the address or the port may be wrong, or the provider blocks this connection"
    )]
    Html,
    /// `get.php` instead of `player_api.php`.
    #[error("the server sent an M3U playlist instead of data; add its address as a playlist")]
    M3u,
    /// No bytes, `null`, `false` or an empty text.
    #[error("the server answered with nothing; user or password may be wrong, or the server is overloaded")]
    Nothing,
    /// Something else than JSON.
    #[error("the server's answer is not that of an Xtream Codes panel; the address or the port may be wrong")]
    NotJson,
    /// JSON, but of something else.
    #[error("the server answered with something else than {0}; it may be no Xtream Codes panel, or not allow this")]
    Unexpected(&'static str),
    /// It ends in the middle.
    #[error("the server's answer breaks off after {elements} complete elements")]
    Truncated {
        /// How many were complete.
        elements: u64,
    },
    /// It cannot be read on.
    #[error("the server's answer is damaged after {elements} complete elements (line {line}, column {column})")]
    Damaged {
        /// How many were complete.
        elements: u64,
        /// Where, counted from 1.
        line: usize,
        /// Where, counted from 1.
        column: usize,
    },
    /// It could not be read.
    #[error("the server's answer cannot be read")]
    Io(#[from] std::io::Error),
}

fn why(status: &Option<Status>) -> String {
    match status {
        Some(Status::Expired) => "; the provider says that the account has expired".to_owned(),
        Some(Status::Banned) => "; the provider says that the account is banned".to_owned(),
        Some(Status::Disabled) => "; the provider says that the account is disabled".to_owned(),
        _ => String::new(),
    }
}

impl XtreamError {
    /// What the parser's error means after so many complete elements of an answer.
    pub(super) fn of_parser<R: Read>(error: serde_json::Error, answer: &mut Mended<R>, elements: u64) -> Self {
        if error.is_io() {
            return Self::Io(error.into());
        }
        let cut = error.is_eof() || answer.ends_in_a_number();
        let head = answer.head();
        match head {
            [] => Self::Nothing,
            [b'<', ..] => Self::Html,
            _ if head.starts_with(b"#extm3u") => Self::M3u,
            [b'[' | b'{' | b'"', ..] if cut => Self::Truncated { elements },
            [b'[' | b'{', ..] => Self::Damaged { elements, line: error.line(), column: error.column() },
            _ => Self::NotJson,
        }
    }
}

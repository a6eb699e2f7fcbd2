//! What can be wrong with settings, in words that say where and what to do.

use std::fmt;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The settings file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line of the key, from 1.
        line: usize,
    },
    /// This variable of the environment.
    Env(String),
    /// This flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}:{line}: not TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{origin}: there is no setting {key:?}{}", did_you_mean(meant.as_deref()))]
    UnknownKey {
        /// Where.
        origin: Origin,
        /// The key.
        key: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// A value that does not fit its key.
    #[error("{key} = {value:?} ({origin}) cannot be used: {advice}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// The value, without credentials.
        value: String,
        /// Where it comes from.
        origin: Origin,
        /// What would fit.
        advice: String,
    },
    /// Nothing says where data goes.
    #[error("there is no place to keep data: say where with --data-dir, ROOFTOP_DATA_DIR or data_dir in the settings file")]
    NoDataDir,
}

/// `; did you mean "listen"?`
pub(super) fn did_you_mean(meant: Option<&str>) -> String {
    meant.map_or_else(String::new, |meant| format!("; did you mean {meant:?}?"))
}

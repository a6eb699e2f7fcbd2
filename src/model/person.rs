//! People who use the admin side, and what they may do.

use serde::{Deserialize, Serialize};

/// What somebody may do. Whoever may more may all that is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything but what is secret.
    Viewer,
    /// Change everything.
    Admin,
}

impl Role {
    /// As it is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "viewer" => Some(Self::Viewer),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// Somebody who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user's number.
    pub user: i64,
    /// The login's number.
    pub login: i64,
    /// The user's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

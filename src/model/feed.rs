//! Feeds: playlists and guides, which somebody else publishes and changes. How they are to be fetched, and what is known of the
//! last time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Headers;

/// How a feed is fetched from the network. May hold credentials: its `Debug` shows none.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FetchAccess {
    /// `User-Agent` to send; absent: Rooftop's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Further request headers.
    #[serde(skip_serializing_if = "is_none")]
    pub headers: Headers,
    /// `http://`, `https://`, `socks5://` or `socks5h://`, perhaps with user and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Certificates that cannot be verified are accepted. Somebody in between may then read and change everything.
    #[serde(skip_serializing_if = "is_false")]
    pub any_certificate: bool,
}

fn is_none(headers: &Headers) -> bool {
    headers.0.is_empty()
}

fn is_false(value: &bool) -> bool {
    !value
}

impl fmt::Debug for FetchAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchAccess")
            .field("user_agent", &self.user_agent)
            .field("headers", &self.headers)
            .field("proxy", &self.proxy.as_ref().map(|_| "***"))
            .field("any_certificate", &self.any_certificate)
            .finish()
    }
}

/// What a server said about the version it sent, to ask it later whether there is another (RFC 9110, section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// `ETag`, as sent, quotes and `W/` included.
    pub etag: Option<String>,
    /// `Last-Modified`, as sent.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether there is anything to ask with.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

//! Sources: the addresses a channel can come from, and the accounts they belong to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ChannelId, Health, ProviderId, SourceId};

/// Request headers for a source, in order. May hold credentials: its `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Headers(pub Vec<(String, String)>);

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// How the server of a source is reached: what is set for its playlist. May hold credentials: its `Debug` shows none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// `http://`, `https://`, `socks5://` or `socks5h://`, perhaps with user and password.
    pub proxy: Option<String>,
    /// Certificates that cannot be verified are accepted.
    pub any_certificate: bool,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = self.proxy.as_ref().map(|_| "***");
        f.debug_struct("Route").field("proxy", &proxy).field("any_certificate", &self.any_certificate).finish()
    }
}

/// A playlist: an account with a limit on connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Provider {
    /// Identity.
    pub id: ProviderId,
    /// Name for people.
    pub name: String,
    /// Where the playlist comes from: URL or path. May hold credentials.
    #[serde(skip_serializing)]
    pub location: String,
    /// Most connections at a time.
    pub max_connections: u32,
}

/// One address that carries a channel.
#[derive(Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Source {
    /// Identity.
    pub id: SourceId,
    /// The channel it carries.
    pub channel: ChannelId,
    /// The account it belongs to.
    pub provider: ProviderId,
    /// Its name in the playlist.
    pub name: String,
    /// Address. May hold credentials: show it through [`crate::base::secret::SafeUrl`] only.
    #[serde(skip_serializing)]
    pub url: String,
    /// Request headers, User-Agent and Referer among them.
    #[serde(skip_serializing)]
    pub headers: Headers,
    /// How its server is reached.
    #[serde(skip)]
    pub route: Route,
    /// Stable key of the playlist item.
    pub item_key: String,
    /// Lower is tried earlier.
    pub priority: u32,
    /// Whether it may be used.
    pub enabled: bool,
    /// How it has behaved.
    pub health: Health,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A source about to be made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewSource {
    /// Its name in the playlist.
    pub name: String,
    /// Address.
    pub url: String,
    /// Request headers.
    pub headers: Headers,
    /// Stable key of the playlist item.
    pub item_key: String,
    /// Lower is tried earlier.
    pub priority: u32,
}

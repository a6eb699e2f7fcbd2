//! Items of playlists: what a provider offers, of which channels are made.

use std::fmt;

use serde::Serialize;

use super::{Headers, ItemKind};

/// What makes an item, an address or a playlist the same as the last time: 128 bits of a hash, so that it can be shown and logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub u128);

impl Key {
    /// Half of it, where a rare mistake does no harm.
    pub fn short(self) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0.to_be_bytes();
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// One item of a playlist, as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PlaylistItem {
    /// Where it stands in the playlist, counted from 1 (lines of M3U, elements of Xtream).
    pub line: u64,
    /// What it is.
    pub kind: ItemKind,
    /// Its name; never empty.
    pub name: String,
    /// Its group.
    pub group: Option<String>,
    /// `tvg-id`.
    pub guide_id: Option<String>,
    /// Address of its logo.
    pub logo: Option<String>,
    /// The guide number it would like, as written.
    pub number: Option<String>,
    /// Copy-protected.
    pub drm: bool,
    /// Marked as a favourite by the playlist.
    pub favorite: bool,
    /// Its address. May hold credentials.
    #[serde(skip)]
    pub url: String,
    /// Request headers. May hold credentials.
    #[serde(skip)]
    pub headers: Headers,
    /// All else that the playlist says of it, names in lower case.
    pub more: Vec<(String, String)>,
}

impl fmt::Debug for PlaylistItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlaylistItem").field("line", &self.line).field("name", &self.name).finish_non_exhaustive()
    }
}

//! Playlists as the settings give them, and what follows from an address: key, name, what addresses in it are relative to.

use std::path::{Path, PathBuf};

use url::Url;

use super::identity;
use super::items::Base;
use super::xtream::Account;
use crate::base::secret::SafeUrl;
use crate::fetch;
use crate::model::ProviderId;
use crate::store::{Store, StoreError};

/// Beside the database: playlists that people brought as files.
const UPLOADS: &str = "uploads";

/// A playlist of the settings.
#[derive(Debug, Clone)]
pub struct Given {
    /// Path or address. May hold credentials.
    pub location: String,
    /// Its place among the playlists.
    pub position: u32,
    /// Most connections at a time, if the settings say.
    pub max_connections: Option<u32>,
}

impl Given {
    /// The playlists of the settings, in their order, with the connections of each as far as they are said. Of one that is given
    /// twice, the first counts.
    pub fn all(locations: &[String], connections: &[u32]) -> Vec<Self> {
        let mut keys = std::collections::HashSet::new();
        let said = connections.iter().copied().map(Some).chain(std::iter::repeat(None));
        let playlists = locations.iter().zip(said);
        let once = playlists.filter(|(location, _)| keys.insert(key(location)));
        let playlist = |(position, (location, max_connections)): (u32, (&String, Option<u32>))| Self {
            location: location.clone(),
            position,
            max_connections,
        };
        (0..).zip(once).map(playlist).collect()
    }

    /// What makes it the same playlist as the last time: what [`Store::serve_only`] wants.
    pub fn key(&self) -> String {
        key(&self.location)
    }

    /// Makes it a playlist of the store, or brings that up to date.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn keep(&self, store: &Store) -> Result<ProviderId, StoreError> {
        let location = absolute(&self.location);
        store.keep_playlist(self.key(), name(&location), location, self.max_connections, self.position).await
    }
}

/// What makes a location the same playlist as the last time.
pub fn key(location: &str) -> String {
    identity::location_key(&absolute(location))
}

/// Whether it comes from the network.
pub fn is_remote(location: &str) -> bool {
    fetch::is_remote(location) || Account::is_location(location)
}

/// A location without credentials.
pub fn shown(location: &str) -> String {
    match is_remote(location) {
        true => SafeUrl(location).to_string(),
        false => fetch::local_path(location).display().to_string(),
    }
}

/// The folder of playlists that people brought as files; `feeds` is that of the versions.
pub fn uploads(feeds: &Path) -> PathBuf {
    let folder = feeds.with_file_name(UPLOADS);
    std::path::absolute(&folder).unwrap_or(folder)
}

/// Where a playlist is now. One that was brought as a file is kept under its whole path, and after a restore the data directory may be
/// another one: it is looked for in that of today.
pub fn present(location: &str, feeds: &Path) -> String {
    let path = Path::new(location);
    let folder = path.parent().and_then(Path::file_name);
    match path.file_name().filter(|name| folder.is_some_and(|folder| folder == UPLOADS) && is_upload(&name.to_string_lossy())) {
        Some(name) if path.is_absolute() => uploads(feeds).join(name).to_string_lossy().into_owned(),
        _ => location.to_owned(),
    }
}

/// Whether a file is called as those are that people brought: `playlist-`, milliseconds since 1970, `.m3u`.
fn is_upload(name: &str) -> bool {
    let number = name.strip_prefix("playlist-").and_then(|name| name.strip_suffix(".m3u"));
    number.is_some_and(|number| number.len() >= 13 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A name for people.
pub fn name(location: &str) -> String {
    let host = Url::parse(location).ok().and_then(|url| url.host_str().map(str::to_owned));
    let path = fetch::local_path(location);
    let stem = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    host.filter(|_| is_remote(location)).or_else(stem).unwrap_or_else(|| "Playlist".to_owned())
}

/// What addresses in it are relative to.
pub fn base(location: &str) -> Base {
    if let Ok(account) = Account::from_location(location) {
        return Base::Remote(account.server().clone());
    }
    match Url::parse(location) {
        Ok(url) if is_remote(location) => Base::Remote(url),
        _ => {
            let path = PathBuf::from(absolute(location));
            Base::Local(path.parent().unwrap_or(Path::new("/")).to_owned())
        }
    }
}

/// A path does not change its meaning with the directory a program was started in.
pub fn absolute(location: &str) -> String {
    if location.contains("://") && !location.starts_with("file:") {
        return location.to_owned();
    }
    let path = fetch::local_path(location);
    std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_playlist_given_twice_counts_once() {
        let locations = ["a.m3u", "./a.m3u", "http://u:1@h/x", "http://u:2@h/x", "b.m3u"].map(str::to_owned);
        let all = Given::all(&locations, &[1, 9, 4]);
        let all: Vec<_> = all.iter().map(|given| (given.location.as_str(), given.position, given.max_connections)).collect();
        assert_eq!(all, [("a.m3u", 0, Some(1)), ("http://u:1@h/x", 1, Some(4)), ("b.m3u", 2, None)]);
    }

    #[rstest::rstest]
    #[case("/old/uploads/playlist-1764380000000.m3u", "/new/uploads/playlist-1764380000000.m3u")]
    #[case("/new/uploads/playlist-1764380000000.m3u", "/new/uploads/playlist-1764380000000.m3u")]
    #[case("/home/uploads/playlist-2.m3u", "/home/uploads/playlist-2.m3u")]
    #[case("/home/lists/playlist-1764380000000.m3u", "/home/lists/playlist-1764380000000.m3u")]
    #[case("http://h/uploads/playlist-1764380000000.m3u", "http://h/uploads/playlist-1764380000000.m3u")]
    fn what_was_uploaded_is_looked_for_beside_the_database_of_today(#[case] kept: &str, #[case] now: &str) {
        assert_eq!(present(kept, Path::new("/new/feeds")), now);
    }
}

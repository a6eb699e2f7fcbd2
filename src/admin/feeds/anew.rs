//! A new playlist or guide beside those that are there: what it is called, and which one it comes in the place of.

use super::guides::{GuideRequest, GuideView};
use super::playlists::{PlaylistRequest, PlaylistView};
use super::{Feeds, FeedsError, upload};
use crate::model::{GuideId, ProviderId};
use crate::playlist::given;
use crate::store::Playlist;
use crate::store::guides::Guide;
use crate::store::playlists::Origin;

/// What a feed is not to be compared with: itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct But {
    /// The playlist it is.
    pub playlist: Option<ProviderId>,
    /// The guide it is.
    pub guide: Option<GuideId>,
}

impl Feeds {
    /// The name of a feed where nobody says one: that of its server or file, which no other playlist or guide has.
    pub(super) async fn free_name(&self, location: &str, but: But) -> Result<String, FeedsError> {
        let (playlists, guides) = (self.store.playlists().await?, self.store.guides().await?);
        let playlists = playlists.into_iter().map(|one| one.provider).filter(|one| Some(one.id) != but.playlist);
        let guides = guides.into_iter().filter(|one| Some(one.id) != but.guide);
        let taken: Vec<String> = playlists.map(|one| one.name).chain(guides.map(|one| one.name)).collect();
        Ok(free(&given::name(location), &taken))
    }

    /// The playlist in whose place one of this key comes: the same that could never be read, or `old` if that could not either.
    pub(super) async fn unread_playlist(&self, key: &str, old: Option<ProviderId>) -> Result<Option<Playlist>, FeedsError> {
        let unread: Vec<Playlist> = self.store.playlists().await?.into_iter().filter(could_never_be_read).collect();
        let same = unread.iter().find(|one| one.key == key);
        Ok(same.or_else(|| unread.iter().find(|one| Some(one.provider.id) == old)).cloned())
    }

    /// Gives such a playlist what is said of the new one, and begins to read it. What is not said stays.
    pub(super) async fn begin_playlist_anew(
        &self,
        before: Playlist,
        location: &str,
        request: PlaylistRequest,
    ) -> Result<PlaylistView, FeedsError> {
        let id = before.provider.id;
        let name = match &request.name {
            Some(name) => name.clone(),
            None if before.key == given::key(location) => before.provider.name,
            None => self.free_name(location, But { playlist: Some(id), ..But::default() }).await?,
        };
        let access = request.access.clone().unwrap_or_default();
        let same = before.provider.location == location && before.access == access.clone().access()?;
        let access = Some(access);
        self.change_playlist(id, PlaylistRequest { name: Some(name.clone()), access, active: Some(true), ..request }).await?;
        if before.provider.location != location {
            upload::forget(&self.store, &before.provider.location);
        }
        // Whatever is new is read at once anyway.
        if same {
            self.readers.refresh_playlist(id, &name, true);
        }
        self.playlist(id).await
    }

    /// The guide of this key, if it could never be read.
    pub(super) async fn unread_guide(&self, key: &str) -> Result<Option<Guide>, FeedsError> {
        let unread = |guide: &Guide| guide.imported_ms.is_none() && guide.last_error.is_some() && guide.versions.held.is_none();
        Ok(self.store.guides().await?.into_iter().find(|guide| guide.key == key && unread(guide)))
    }

    /// The same for such a guide.
    pub(super) async fn begin_guide_anew(
        &self,
        before: Guide,
        location: &str,
        request: GuideRequest,
    ) -> Result<GuideView, FeedsError> {
        let access = request.access.clone().unwrap_or_default();
        let same = before.location == location && before.access == access.clone().access()?;
        let (id, name, access) = (before.id, request.name.clone().unwrap_or(before.name), Some(access));
        self.change_guide(id, GuideRequest { name: Some(name.clone()), access, active: Some(true), ..request }).await?;
        if same {
            self.readers.refresh_guide(id, &name, true);
        }
        self.guide(id).await
    }
}

/// Whether every reading of a playlist failed, so that nothing is lost with what was typed of it.
pub(in crate::admin) fn could_never_be_read(playlist: &Playlist) -> bool {
    playlist.origin == Origin::Person
        && playlist.imported_ms.is_none()
        && playlist.last_error.is_some()
        && playlist.versions.current.is_none()
        && playlist.versions.held.is_none()
}

/// The first of `tv.example`, `tv.example 2`, `tv.example 3` … that is not taken. Pure.
fn free(name: &str, taken: &[String]) -> String {
    let names = std::iter::once(name.to_owned()).chain((2..).map(|number: u32| format!("{name} {number}")));
    let is_free = |name: &String| !taken.iter().any(|one| one.to_lowercase() == name.to_lowercase());
    names.into_iter().find(is_free).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_feeds_have_one_name() {
        let taken = ["TV.example", "tv.example 2", "other"].map(str::to_owned);
        assert_eq!(free("tv.example", &taken), "tv.example 3");
        assert_eq!(free("tv.example", &taken[2..]), "tv.example");
    }
}

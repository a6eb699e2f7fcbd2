//! Who reads playlists and guides, as the admin side asks for it.

use super::guides::Guides;
use super::import::Playlists;
use crate::admin::feeds::Readers;
use crate::model::{GuideId, ProviderId};
use crate::playlist::How;

/// Both of them.
pub struct FeedReaders {
    /// Of playlists.
    pub playlists: Playlists,
    /// Of guides.
    pub guides: Guides,
}

impl Readers for FeedReaders {
    fn refresh_playlist(&self, id: ProviderId, name: &str, anyway: bool) -> u64 {
        self.playlists.refresh(id, name, How { anyway })
    }

    fn apply_rules(&self, id: ProviderId, name: &str) -> u64 {
        self.playlists.apply_rules(id, name)
    }

    fn refresh_guide(&self, id: GuideId, name: &str, anyway: bool) -> u64 {
        self.guides.refresh(id, name, anyway)
    }

    fn accept_guide(&self, id: GuideId, name: &str) -> u64 {
        self.guides.accept(id, name)
    }

    fn changed(&self) {
        self.playlists.tell_limits();
        self.guides.remap();
    }
}

//! A new playlist or guide beside those that are there: what it is called, and which one it comes in the place of.

use super::{Feeds, FeedsError};
use crate::model::{GuideId, ProviderId};
use crate::playlist::given;

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

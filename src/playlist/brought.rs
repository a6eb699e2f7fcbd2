//! The guides that belong to a playlist: its panel's, or the few that it names. Pure.

use super::given;
use super::reading::Counts;
use super::xtream::Account;
use crate::fetch;
use crate::store::Playlist;
use crate::store::guides::NewGuide;

/// A playlist that names so many guides has chosen them for itself; of a longer list people choose.
const FEW: usize = 2;
/// Hours from one reading to the next.
const REFRESH_H: u32 = 12;

/// The guides that are taken along when a playlist was read for the first time.
pub fn guides_of(playlist: &Playlist) -> Vec<NewGuide> {
    let own = Account::from_location(&playlist.provider.location).ok().map(|account| account.guide_url().to_string());
    let named = || {
        let report = playlist.versions.current.as_ref()?.version.report.clone();
        let guides = serde_json::from_value::<Counts>(report).ok()?.guides;
        (guides.len() <= FEW).then_some(guides)
    };
    let locations = own.into_iter().chain(named().unwrap_or_default()).filter(|location| fetch::is_remote(location));
    let guide = |location: String| NewGuide {
        key: given::key(&location),
        name: playlist.provider.name.clone(),
        playlist: Some(playlist.provider.id),
        access: playlist.access.clone(),
        refresh_h: REFRESH_H,
        location,
    };
    locations.map(guide).collect()
}

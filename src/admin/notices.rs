//! What a person should know of playlists and guides, for the first page. The page itself reads from memory only: this is looked up
//! when somebody looks at it, every few seconds at most.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::feeds::Feeds;
use super::feeds::guides::GuideView;
use super::feeds::playlists::PlaylistView;
use super::overview::Warning;
use crate::base::clock::{self, Instant};

/// What was looked up is told for so long.
const FRESH: Duration = Duration::from_secs(3);
/// A database that is busy for longer does not keep the page.
const PATIENCE: Duration = Duration::from_secs(1);

/// The last that was looked up. A cheap handle.
#[derive(Clone, Default)]
pub struct Notices {
    told: Arc<ArcSwap<Vec<Warning>>>,
    looked: Arc<Mutex<Option<Instant>>>,
}

impl Notices {
    /// What is known.
    pub fn told(&self) -> Arc<Vec<Warning>> {
        self.told.load_full()
    }

    /// Looks again, unless somebody just did. Where the database does not answer, what is known stays.
    pub async fn refresh(&self, feeds: &Feeds) {
        // Somebody is looking.
        let Ok(mut looked) = self.looked.try_lock() else { return };
        if looked.is_some_and(|at| clock::now().saturating_duration_since(at) < FRESH) {
            return;
        }
        *looked = Some(clock::now());
        let found = async { (feeds.playlists().await, feeds.guides().await) };
        if let Ok((Ok(playlists), Ok(guides))) = clock::timeout(PATIENCE, found).await {
            self.told.store(Arc::new(of(&playlists, &guides)));
        }
    }
}

/// Pure.
fn of(playlists: &[PlaylistView], guides: &[GuideView]) -> Vec<Warning> {
    let of_playlist = playlists.iter().filter(|playlist| playlist.active).flat_map(|playlist| {
        let page = format!("/playlists/{}", playlist.id.0);
        playlist.urgent.iter().map(move |text| Warning {
            kind: "playlist",
            text: format!("{}: {text}", playlist.name),
            page: Some(page.clone()),
        })
    });
    let of_guide = guides.iter().filter(|guide| guide.active).flat_map(|guide| {
        let held = guide.held.as_ref().map(|_| "a new version is held back; the last good one is served.".to_owned());
        let error = guide.last_error.as_ref().map(|error| format!("it could not be read: {error}."));
        [held, error].into_iter().flatten().map(|text| Warning {
            kind: "guide",
            text: format!("{}: {text}", guide.name),
            page: Some(format!("/guide/sources/{}", guide.id.0)),
        })
    });
    of_playlist.chain(of_guide).collect()
}

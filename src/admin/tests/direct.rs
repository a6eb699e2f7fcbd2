//! Reads feeds at once, without the rest of the program.

use super::*;
use crate::admin::feeds::Readers;
use crate::playlist;

/// Who reads playlists in tests.
pub struct Direct(pub Store, pub Jobs);

impl Readers for Direct {
    fn refresh_playlist(&self, id: ProviderId, name: &str, anyway: bool) -> u64 {
        let store = self.0.clone();
        self.1.start("playlist.refresh", id.0, name, move |progress| async move {
            let done = playlist::refresh(&store, id, playlist::How { anyway }, &progress).await;
            done.map(|outcome| json!(outcome)).map_err(|error| error.to_string())
        })
    }

    fn apply_rules(&self, id: ProviderId, name: &str) -> u64 {
        let store = self.0.clone();
        self.1.start("playlist.rules", id.0, name, move |_| async move {
            let done = playlist::apply_rules(&store, id).await;
            done.map(|report| json!(report)).map_err(|error| error.to_string())
        })
    }

    fn refresh_guide(&self, id: GuideId, name: &str, anyway: bool) -> u64 {
        let store = self.0.clone();
        self.1.start("guide.refresh", id.0, name, move |progress| async move {
            let done = crate::guide::refresh::refresh(&store, id, anyway, &progress).await;
            done.map(|outcome| json!(outcome)).map_err(|error| error.to_string())
        })
    }

    fn accept_guide(&self, id: GuideId, name: &str) -> u64 {
        let store = self.0.clone();
        self.1.start("guide.accept", id.0, name, move |progress| async move {
            let done = crate::guide::refresh::accept(&store, id, &progress).await;
            done.map(|counts| json!(counts)).map_err(|error| error.to_string())
        })
    }

    fn changed(&self) {}
}

//! One media playlist that is reloaded as long as it lives, and the segments that it says are next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use url::Url;

use super::fetch::Fetcher;
use super::playlist::{Media, Playlist, broken};
use super::timeline::{self, Due, News, Timeline};
use crate::base::clock;
use crate::base::tasks::{self, Task};
use crate::source::SourceError;

/// Failures to reload in a row …
const FAILURES: u32 = 6;
/// … over at least this many target durations, and the source has failed.
const FAILING: u32 = 3;

/// A media playlist being followed. Dropping it ends the reloading.
pub struct Feed {
    shared: Arc<Shared>,
    _reloads: Option<Task<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    timeline: Timeline,
    failed: Option<SourceError>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    /// Follows the playlist at `url`, which was `media` just now.
    pub fn start(fetcher: &Arc<Fetcher>, url: Url, media: &Media) -> Self {
        let mut state = State::default();
        let news = state.timeline.update(media);
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() });
        let reloads = reload(Arc::clone(&shared), Arc::clone(fetcher), url, media.target, news);
        let reloads = (!media.ended).then(|| tasks::spawn("HLS playlist", reloads));
        Self { shared, _reloads: reloads }
    }

    /// The next segment, waiting until there is one; `None` after the last.
    ///
    /// # Errors
    /// When the playlist can no longer be read.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next(&self) -> Result<Option<Due>, SourceError> {
        loop {
            // Before looking, so that nothing that happens after it is missed.
            let changed = self.shared.changed.notified();
            {
                let mut state = self.shared.state();
                if let Some(due) = state.timeline.pop() {
                    return Ok(Some(due));
                }
                if state.timeline.finished() {
                    return Ok(None);
                }
                if let Some(error) = &state.failed {
                    return Err(error.clone());
                }
            }
            changed.await;
        }
    }

    /// The segment handed out last could not be played.
    pub fn skipped(&self) {
        self.shared.state().timeline.skipped();
    }
}

/// Reloads until the playlist ends or can no longer be read.
async fn reload(shared: Arc<Shared>, fetcher: Arc<Fetcher>, url: Url, mut target: Duration, mut news: News) {
    let mut failures = 0;
    let mut last_good = clock::now();
    let mut began = clock::now();
    loop {
        let wait = if failures == 0 { timeline::reload_after(news, target) } else { timeline::retry_after(failures, target) };
        clock::sleep_until(began + wait).await;
        began = clock::now();
        let answer = match fetcher.playlist(&url).await {
            Ok(Playlist::Media(media)) => Ok(media),
            Ok(Playlist::Master(_)) => Err(broken("a master playlist in place of a media playlist")),
            Err(error) => Err(error),
        };
        match answer {
            Ok(media) => {
                (failures, last_good, target) = (0, clock::now(), media.target);
                news = shared.state().timeline.update(&media);
                if news == News::Jumped {
                    tracing::info!("HLS playlist jumped: segments were missed, or its numbers were started anew");
                }
                if news != News::Unchanged {
                    shared.changed.notify_one();
                }
                if media.ended {
                    return;
                }
            }
            Err(error) => {
                failures += 1;
                tracing::debug!(error = %error, playlist.failures = failures, "HLS playlist not reloaded");
                if failures >= FAILURES && clock::now() - last_good >= target * FAILING {
                    shared.state().failed = Some(error);
                    shared.changed.notify_one();
                    return;
                }
            }
        }
    }
}

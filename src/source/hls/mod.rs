//! HTTP live streaming (RFC 8216): a playlist of segments made into one transport stream.
//!
//! Segments that are transport streams pass as they are; fragments of MP4 are demultiplexed and multiplexed again.
//! Must not know how fast it is played: what is not taken is not fetched.

pub mod decrypt;
mod feed;
pub mod fetch;
mod join;
mod language;
pub mod mp4;
mod play;
pub mod playlist;
mod reader;
pub mod select;
mod side;
#[cfg(test)]
mod tests;
pub mod timeline;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use tokio::sync::mpsc;
use url::Url;

use self::feed::Feed;
use self::fetch::Fetcher;
use self::playlist::{Media, Playlist, broken};
use self::reader::Reader;
use self::side::{Side, Wanted};
use super::{Chunk, Opened, Pace, SourceError};
use crate::base::tasks;

/// Pieces that are fetched ahead of the reader; each is what one read of a connection gave.
const AHEAD: usize = 8;

/// Settings of HLS.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Most bits a second of a variant; `None`: the best there is.
    pub max_bandwidth: Option<u64>,
}

/// Opens a source whose first answer, from `base`, was the playlist `text`: picks a variant, reads its playlists, and starts
/// to fetch.
///
/// # Errors
/// When no playlist of a variant can be read.
///
/// # Cancel safety
/// Dropping the future closes what was opened.
pub async fn open(text: &[u8], base: &Url, fetcher: Fetcher, settings: &Settings) -> Result<Opened, SourceError> {
    let fetcher = Arc::new(fetcher);
    let (main, audio, language) = match playlist::parse(text, base)? {
        Playlist::Media(media) => ((base.clone(), media), None, None),
        Playlist::Master(master) => choose(&master, &fetcher, settings).await?,
    };
    if main.1.segments.is_empty() && main.1.ended {
        return Err(broken("the playlist is empty"));
    }
    let target = main.1.target.max(audio.as_ref().map_or(Duration::ZERO, |(_, media)| media.target));
    let start = |(url, media): Listed, wanted: Wanted| {
        Side::start(Reader::new(Arc::clone(&fetcher), Feed::start(&fetcher, url, &media)), wanted)
    };
    let sides = match audio {
        None => vec![start(main, Wanted::AsItIs)],
        Some(audio) => vec![start(main, Wanted::Pictures), start(audio, Wanted::Sound(language))],
    };
    let (sender, receiver) = mpsc::channel(AHEAD);
    let task = tasks::spawn("HLS", play::play(sides, sender));
    let next = |(mut receiver, task): (mpsc::Receiver<Result<Chunk, SourceError>>, _)| async move {
        receiver.recv().await.map(|item| (item, (receiver, task)))
    };
    Ok(Opened {
        bytes: Box::pin(stream::unfold((receiver, task), next)),
        pace: Pace::Bursty,
        producer: "hls",
        // TUNER.md: 1.5 target durations; and a second for the requests.
        stall_after: Some(target * 3 / 2 + Duration::from_secs(1)),
    })
}

type Listed = (Url, Media);

/// The best variant whose playlists can be read: its own, and that of its sound with the language of that.
async fn choose(
    master: &playlist::Master,
    fetcher: &Fetcher,
    settings: &Settings,
) -> Result<(Listed, Option<Listed>, Option<String>), SourceError> {
    let mut failed = None;
    for selection in select::select(master, settings.max_bandwidth).into_iter().take(3) {
        let read = async {
            let main = media(fetcher, &selection.main).await?;
            let audio = match &selection.audio {
                Some(url) => Some((url.clone(), media(fetcher, url).await?)),
                None => None,
            };
            Ok::<_, SourceError>(((selection.main.clone(), main), audio, selection.language.clone()))
        };
        match read.await {
            Ok(found) => return Ok(found),
            Err(error) => {
                tracing::info!(error = %error, "HLS variant cannot be read, trying the next one");
                failed.get_or_insert(error);
            }
        }
    }
    Err(failed.unwrap_or_else(|| broken("the master playlist names no variant")))
}

async fn media(fetcher: &Fetcher, url: &Url) -> Result<Media, SourceError> {
    match fetcher.playlist(url).await? {
        Playlist::Media(media) => Ok(media),
        Playlist::Master(_) => Err(broken("a master playlist names a master playlist")),
    }
}

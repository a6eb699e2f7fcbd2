//! The built-in demo: `demo:one`, `demo:two`, `demo:three`. A clip, round and round without a seam, made by the media
//! worker at its first use. It must not know what is done with the bytes: they are paced by whoever reads them.

use futures_util::stream;

use super::{Chunk, Opened, Pace, SourceError};
use crate::base::chain::Chain;
use crate::media::clip::{Clips, spec};

/// A channel of the demo lineup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoChannel {
    /// Guide number.
    pub number: &'static str,
    /// Name.
    pub name: &'static str,
    /// Addresses, best first.
    pub sources: &'static [&'static str],
}

/// What is shown where nothing else is configured: three channels, the third of which has a dead first source.
pub const LINEUP: [DemoChannel; 3] = [
    DemoChannel { number: "1", name: "Rooftop One", sources: &["demo:one"] },
    DemoChannel { number: "2", name: "Rooftop Two", sources: &["demo:two"] },
    DemoChannel { number: "3", name: "Rooftop Three", sources: &["http://127.0.0.1:9/dead.ts", "demo:three"] },
];

/// Begins to make the clips of the whole lineup, so that they are there when somebody tunes.
pub fn prepare(clips: &Clips) {
    clips.prepare(spec::DEMOS.iter().filter_map(|name| spec::demo(name)).collect());
}

/// Opens a demo address, `demo:one`. At its very first use its clip is being made while it plays.
///
/// # Errors
/// [`SourceError::BadAddress`] for a demo that does not exist, [`SourceError::Local`] where its clip cannot be made.
///
/// # Cancel safety
/// Dropping the future loses nothing: the clip is made all the same.
pub async fn open(clips: &Clips, address: &str) -> Result<Opened, SourceError> {
    let name = address.strip_prefix("demo:").unwrap_or(address).trim_matches('/');
    let Some(spec) = spec::demo(name) else {
        return Err(SourceError::BadAddress { reason: format!("there is no demo {name:?}, only one, two and three") });
    };
    let player = clips.play(&spec).await.map_err(|error| local(&error))?;
    let bytes = Box::pin(stream::try_unfold(player, |mut player| async move {
        let bytes = player.next().await.map_err(|error| local(&error))?;
        Ok(Some((Chunk::Bytes(bytes.freeze()), player)))
    }));
    Ok(Opened { bytes, pace: Pace::Bursty, producer: "demo", stall_after: None })
}

fn local(error: &(dyn std::error::Error + 'static)) -> SourceError {
    SourceError::Local { what: "the demo cannot be played".to_owned(), reason: Chain(error).to_string() }
}

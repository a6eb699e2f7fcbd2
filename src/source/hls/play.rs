//! From the items of one or two playlists to the chunks of a source.

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use super::join::{Join, Step};
use super::side::{Item, Side};
use crate::source::{Chunk, SourceError};

/// Whoever reads is gone.
struct Gone;

/// Why playing stops.
enum Stop {
    Gone,
    Failed(SourceError),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// Plays until the end, an error, or until nobody reads any more. Of two playlists the first has the pictures.
pub async fn play(mut sides: Vec<Side>, to: Sender<Result<Chunk, SourceError>>) {
    let mut out = Out { to, begun: false };
    if let Err(Stop::Failed(error)) = run(&mut sides, &mut out).await {
        let _ = out.to.send(Err(error)).await;
    }
}

async fn run(sides: &mut [Side], out: &mut Out) -> Result<(), Stop> {
    let mut join = Join::new(sides.len());
    let mut written = Vec::new();
    // A transport stream is passed as it is, and did it go on, and come to its end.
    let (mut passing, mut marked, mut broken_off) = (false, false, false);
    loop {
        let step = join.write(&mut written);
        // The pieces differ too much in size for a buffer to be worth keeping.
        out.bytes(std::mem::take(&mut written).into()).await?;
        let index = match step {
            Step::Over => return Ok(()),
            Step::Discontinuity => {
                out.discontinuity(false).await?;
                continue;
            }
            Step::Take(index) => index,
        };
        let Some(side) = sides.get_mut(index) else { return Ok(()) };
        match side.next().await {
            None => join.over(index),
            Some(Err(error)) => return Err(Stop::Failed(error)),
            Some(Ok(Item::Pass(bytes))) => {
                if !passing {
                    join.close(&mut written);
                    out.bytes(std::mem::take(&mut written).into()).await?;
                }
                if marked || !passing {
                    out.discontinuity(broken_off).await?;
                }
                (passing, marked, broken_off) = (true, false, false);
                out.bytes(bytes).await?;
            }
            Some(Ok(item)) => {
                if let Item::Discontinuity { broken_off: before } = item {
                    (marked, broken_off) = (true, passing && (broken_off || before));
                }
                if passing && matches!(item, Item::Units(_)) {
                    out.discontinuity(broken_off).await?;
                    (passing, marked, broken_off) = (false, false, false);
                }
                join.take(index, item);
            }
        }
    }
}

struct Out {
    to: Sender<Result<Chunk, SourceError>>,
    begun: bool,
}

impl Out {
    async fn bytes(&mut self, bytes: Bytes) -> Result<(), Gone> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.begun = true;
        self.to.send(Ok(Chunk::Bytes(bytes))).await.map_err(|_| Gone)
    }

    /// What is first of all is another beginning to nobody.
    async fn discontinuity(&mut self, broken_off: bool) -> Result<(), Gone> {
        if !self.begun {
            return Ok(());
        }
        self.to.send(Ok(Chunk::Discontinuity { broken_off })).await.map_err(|_| Gone)
    }
}

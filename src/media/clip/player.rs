//! A clip's bytes, round and round, from disk: while it is being made, too.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::watch;

use super::{ClipError, Order, Round, Stage};
use crate::ts::PACKET;

/// Most bytes at a time: some quarter of a second of a demo.
const MOST_BYTES: usize = 348 * PACKET;

/// Plays a clip for ever, without a seam.
#[derive(Debug)]
pub struct Player {
    stage: watch::Receiver<Stage>,
    /// Keeps the clip in the making.
    _order: Arc<Order>,
    file: File,
    /// Bytes read in this round.
    at: u64,
    round: Round,
}

/// Where a reader stands.
enum Next {
    /// So many bytes can be read.
    Read(usize),
    /// The round is over; its length in units of 90 kHz.
    Over(u64),
    /// More will come.
    Wait,
}

impl Player {
    /// Opens a clip as soon as there is something to read.
    pub(super) async fn open(order: Arc<Order>) -> Result<Self, ClipError> {
        let mut stage = order.stage.clone();
        let path = {
            let begun = stage.wait_for(|stage| !matches!(stage, Stage::Waiting)).await.map_err(|_| ClipError::BrokenOff)?;
            match &*begun {
                Stage::Making { path, .. } => Ok(path.clone()),
                Stage::Done(Ok(clip)) => Ok(clip.path.clone()),
                Stage::Done(Err(error)) => Err(error.clone()),
                Stage::Waiting => Err(ClipError::BrokenOff),
            }?
        };
        let file = match File::open(&path).await {
            Ok(file) => file,
            // It was finished, and renamed, in this very moment.
            Err(_) => File::open(&order.done().await?.path).await.map_err(|error| unreadable(&error))?,
        };
        Ok(Self { stage, _order: order, file, at: 0, round: Round::default() })
    }

    /// The next packets, re-stamped: whole ones, at most some 64 KiB, never none.
    ///
    /// # Errors
    /// When the file cannot be read, or a clip that was being made could not be finished.
    ///
    /// # Cancel safety
    /// None: drop the player with the future.
    pub async fn next(&mut self) -> Result<BytesMut, ClipError> {
        loop {
            match self.stand()? {
                Next::Read(count) => {
                    let mut bytes = BytesMut::zeroed(count);
                    self.file.read_exact(&mut bytes).await.map_err(|error| unreadable(&error))?;
                    self.at += count as u64;
                    self.round.restamp_all(&mut bytes);
                    return Ok(bytes);
                }
                Next::Over(length_90k) => {
                    self.file.rewind().await.map_err(|error| unreadable(&error))?;
                    self.round.next(length_90k);
                    self.at = 0;
                }
                Next::Wait => self.stage.changed().await.map_err(|_| ClipError::BrokenOff)?,
            }
        }
    }

    fn stand(&mut self) -> Result<Next, ClipError> {
        let (bytes, over) = match &*self.stage.borrow_and_update() {
            Stage::Waiting => (0, None),
            Stage::Making { bytes, .. } => (*bytes, None),
            Stage::Done(result) => {
                let clip = result.as_ref().map_err(Clone::clone)?;
                (clip.bytes, Some(clip.info.length_90k))
            }
        };
        let left = usize::try_from(bytes.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let whole = left.min(MOST_BYTES) / PACKET * PACKET;
        Ok(match over {
            _ if whole > 0 => Next::Read(whole),
            Some(length_90k) if self.at > 0 => Next::Over(length_90k),
            Some(_) => return Err(unreadable(&std::io::Error::other("empty"))),
            None => Next::Wait,
        })
    }
}

fn unreadable(error: &std::io::Error) -> ClipError {
    ClipError::Disk { what: "cannot read a clip".to_owned(), reason: error.to_string() }
}
